// Shows the document of the API. Whatever it says is set as text: nothing of it is ever read as HTML.
"use strict";

const METHODS = ["get", "post", "put", "patch", "delete"];
// The page is `docs` beside the API's other paths, wherever those are.
const BASE = new URL(".", location.href).href.replace(/\/$/, "");
let api;

/** An element with attributes (`class`, `href`, …) and children; texts become text. */
function element(name, attributes, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) {
        if (value !== undefined && value !== null && value !== false)
            made.setAttribute(key, value === true ? "" : value);
    }
    made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
    return made;
}

/** Prose of a description: blank lines part paragraphs, backticks mark code. */
function prose(text) {
    return (text || "")
        .split(/\n\s*\n/)
        .filter((paragraph) => paragraph.trim())
        .map((paragraph) => element("p", {}, spans(paragraph)));
}

function spans(text) {
    return text.split("`").map((part, place) => (place % 2 ? element("code", {}, part) : part));
}

/** What a reference of the document leads to. */
function resolved(thing) {
    if (!thing || !thing.$ref) return thing || {};
    return (
        thing.$ref
            .slice(2)
            .split("/")
            .reduce((at, key) => at && at[key.replace(/~1/g, "/").replace(/~0/g, "~")], api) || {}
    );
}

function nameOf(thing) {
    return thing && thing.$ref ? decodeURIComponent(thing.$ref.split("/").pop()) : "";
}

// ------------------------------------------------------------- schemas ----

/** A schema without the wrapping that says only that null is allowed. */
function unwrapped(schema) {
    const choices = schema.oneOf || schema.anyOf;
    if (choices) {
        const others = choices.filter((choice) => choice.type !== "null");
        if (others.length === 1) return { schema: others[0], nullable: others.length < choices.length };
    }
    return { schema, nullable: Array.isArray(schema.type) && schema.type.includes("null") };
}

/** The forms of which a schema allows one, where there are several; null where there is one form. */
function variants(schema) {
    const choices = (schema.oneOf || schema.anyOf || []).filter((choice) => choice.type !== "null");
    return choices.length > 1 ? choices : null;
}

/** The type of a schema in a few words. */
function typeOf(outer) {
    const { schema, nullable } = unwrapped(outer);
    const end = nullable ? " or null" : "";
    if (schema.$ref) {
        const target = resolved(schema);
        return (target.enum ? typeOf(target) : nameOf(schema)) + end;
    }
    if (variants(schema))
        return (
            variants(schema)
                .map((choice) => choice.title || typeOf(choice))
                .join(" or ") + end
        );
    if (schema.allOf) return schema.allOf.map(typeOf).join(" and ") + end;
    const types = [].concat(schema.type || []).filter((type) => type !== "null");
    if (types[0] === "array") return "array of " + typeOf(schema.items || {}) + end;
    const format = schema.format && !/^u?int|^double/.test(schema.format) ? ` (${schema.format})` : "";
    return (types.join(" or ") || (schema.const !== undefined ? "constant" : "any")) + format + end;
}

/** Bounds, default and choices of a schema, as a line of text. */
function facts(outer) {
    const { schema } = unwrapped(outer);
    const target = schema.$ref ? resolved(schema) : schema;
    const found = [];
    const choices = target.enum || (target.items && resolved(target.items).enum);
    if (choices) found.push("one of " + choices.map((choice) => JSON.stringify(choice)).join(", "));
    const range = (low, high, unit) => {
        if (schema[low] === undefined && schema[high] === undefined) return;
        if (schema[low] === 0 && schema[high] === undefined) return;
        const [from, to] = [schema[low], schema[high]];
        found.push(
            (to === undefined ? `at least ${from}` : from === undefined ? `at most ${to}` : `${from} to ${to}`) + unit,
        );
    };
    range("minimum", "maximum", "");
    range("minLength", "maxLength", " characters");
    range("minItems", "maxItems", " items");
    if (schema.pattern) found.push(`pattern ${schema.pattern}`);
    const fallback = outer.default !== undefined ? outer.default : schema.default;
    if (fallback !== undefined && fallback !== null) found.push("default " + JSON.stringify(fallback));
    if (schema.writeOnly) found.push("never shown again");
    return found.join(" · ");
}

/** The properties of a schema and of all it is made of. */
function properties(schema, found = new Map()) {
    const target = resolved(schema);
    for (const part of target.allOf || []) properties(part, found);
    for (const [name, property] of Object.entries(target.properties || {})) {
        found.set(name, { property, required: (target.required || []).includes(name) });
    }
    return found;
}

/** The schema that has properties behind a list, a map or an option; null where there is none. */
function inner(outer) {
    const { schema } = unwrapped(outer);
    const target = resolved(schema);
    if (properties(schema).size || (variants(target) || []).some(inner)) return schema;
    if (target.items) return inner(target.items);
    if (target.additionalProperties && typeof target.additionalProperties === "object")
        return inner(target.additionalProperties);
    return null;
}

function schemaList(schema) {
    const several = variants(resolved(schema));
    if (several)
        return several.map((choice) =>
            lazily([element("code", {}, choice.title || typeOf(choice))], () => schemaView(choice)),
        );
    const list = element("dl");
    for (const [name, { property, required }] of properties(schema)) {
        const said = facts(property);
        const { schema: bare } = unwrapped(property);
        const deeper = inner(property);
        list.append(
            element(
                "dt",
                {},
                element("code", {}, name),
                element("span", { class: "type" }, typeOf(property)),
                required ? element("span", { class: "must" }, "required") : null,
            ),
            element(
                "dd",
                {},
                prose(property.description || bare.description || resolved(bare).description),
                said ? element("p", { class: "facts" }, said) : null,
                deeper ? lazily([`Fields of ${nameOf(deeper) || name}`], () => schemaList(deeper)) : null,
            ),
        );
    }
    return list;
}

/** Details whose inside is made when it is first opened: schemas may contain themselves. */
function lazily(summary, make, open = false) {
    const inside = element("div", { class: "inside" });
    const details = element("details", {}, element("summary", {}, summary), inside);
    const fill = () => {
        if (!inside.hasChildNodes()) inside.append(...[make()].flat(Infinity));
    };
    details.addEventListener("toggle", () => details.open && fill());
    if (open) {
        fill();
        details.open = true;
    }
    return details;
}

function schemaView(schema) {
    const deeper = inner(schema);
    const type = element("p", { class: "facts" }, typeOf(schema));
    return deeper
        ? [type, prose(resolved(deeper).description), schemaList(deeper)]
        : [type, prose(schema.description), element("p", { class: "facts" }, facts(schema))];
}

// ------------------------------------------------------------- samples ----

function sample(text, label) {
    const copy = element("button", { type: "button", "aria-label": `Copy ${label}` }, "Copy");
    copy.addEventListener("click", async () => {
        const told = document.getElementById("told");
        try {
            await navigator.clipboard.writeText(text);
            copy.textContent = "Copied";
            told.textContent = `${label} copied`;
        } catch {
            // Without permission, or without HTTPS: select it, for the person to copy.
            getSelection().selectAllChildren(code);
            copy.textContent = "Selected";
            told.textContent = `${label} selected`;
        }
        setTimeout(() => (copy.textContent = "Copy"), 2000);
    });
    const code = element("code", {}, text);
    return element(
        "div",
        { class: "sample" },
        element("pre", { tabindex: "0", role: "region", "aria-label": label }, code),
        copy,
    );
}

function exampleOf(content) {
    if (content.example !== undefined) return content.example;
    const first = Object.values(content.examples || {})[0];
    return first && resolved(first).value;
}

function written(example, media) {
    return typeof example === "string" && !/json/.test(media) ? example : JSON.stringify(example, null, 2);
}

function quoted(text) {
    return `'${text.replace(/'/g, `'\\''`)}'`;
}

/** A command of curl for an operation, with the examples of its parameters and of its body. */
function curl(path, method, operation) {
    let at = path;
    const query = [];
    for (const parameter of parametersOf(path, operation)) {
        if (parameter.in === "path")
            at = at.replace(`{${parameter.name}}`, encodeURIComponent(parameter.example ?? parameter.name));
        if (parameter.in === "query" && parameter.required)
            query.push(`${encodeURIComponent(parameter.name)}=${encodeURIComponent(parameter.example ?? "")}`);
    }
    const lines = [
        `curl ${method === "get" ? "" : `-X ${method.toUpperCase()} `}${quoted(BASE + at + (query.length ? `?${query.join("&")}` : ""))}`,
    ];
    if (operation.security) lines.push(`-H "authorization: Bearer $KEY"`);
    const [media, content] = Object.entries(resolved(operation.requestBody).content || {})[0] || [];
    const example = content && exampleOf(content);
    if (example !== undefined) {
        lines.push(`-H ${quoted(`content-type: ${media}`)}`, `--data-binary ${quoted(written(example, media))}`);
    }
    return lines.join(" \\\n  ");
}

// ---------------------------------------------------------- operations ----

function parametersOf(path, operation) {
    return [...(api.paths[path].parameters || []), ...(operation.parameters || [])].map(resolved);
}

function scopesOf(operation) {
    return (operation.security || []).flatMap((requirement) => Object.values(requirement).flat());
}

function operationView({ path, method, operation }) {
    const parameters = parametersOf(path, operation);
    const body = resolved(operation.requestBody);
    const scopes = scopesOf(operation);
    const view = element(
        "article",
        {
            class: "operation",
            id: operation.operationId,
            tabindex: "-1",
            "aria-labelledby": `${operation.operationId}-title`,
        },
        element("h3", { id: `${operation.operationId}-title` }, operation.summary || operation.operationId),
        element(
            "div",
            { class: "line" },
            element("span", { class: `method ${method}` }, method),
            element("span", { class: "path" }, path),
            element("span", { class: "scope" }, scopes.length ? `scope ${scopes.join(", ")}` : "no key needed"),
            operation.deprecated ? element("span", { class: "scope" }, "deprecated") : null,
        ),
        prose(operation.description),
    );
    if (parameters.length) {
        const list = element("dl");
        for (const parameter of parameters) {
            const said = facts(parameter.schema || {});
            list.append(
                element(
                    "dt",
                    {},
                    element("code", {}, parameter.name),
                    element("span", { class: "type" }, `${parameter.in}, ${typeOf(parameter.schema || {})}`),
                    parameter.required ? element("span", { class: "must" }, "required") : null,
                ),
                element("dd", {}, prose(parameter.description), said ? element("p", { class: "facts" }, said) : null),
            );
        }
        view.append(element("h4", {}, "Parameters"), list);
    }
    if (body.content) {
        view.append(element("h4", {}, body.required ? "Body" : "Body (optional)"));
        for (const [media, content] of Object.entries(body.content)) {
            view.append(
                lazily(
                    [element("code", {}, media), " ", element("span", { class: "what" }, typeOf(content.schema || {}))],
                    () => schemaView(content.schema || {}),
                ),
            );
        }
    }
    view.append(
        element("h4", {}, "Request"),
        sample(curl(path, method, operation), `curl command of ${operation.operationId}`),
        element("h4", {}, "Answers"),
    );
    const problems = [];
    for (const [status, response] of Object.entries(operation.responses)) {
        const target = resolved(response);
        if (Object.keys(target.content || {})[0] === "application/problem+json")
            problems.push([status, response, target]);
        else view.append(answerView(status, target));
    }
    if (problems.length) {
        view.append(
            lazily(
                ["Problems: ", element("span", { class: "what" }, problems.map(([status]) => status).join(", "))],
                () => problems.map(([status, response, target]) => problemView(status, response, target)),
            ),
        );
    }
    return view;
}

function answerView(status, response) {
    const contents = Object.entries(response.content || {});
    return lazily(
        [element("code", {}, status), " ", spans(response.description || "")],
        () => {
            const parts = [];
            const headers = Object.entries(response.headers || {});
            if (headers.length) {
                const list = element("dl");
                for (const [name, header] of headers)
                    list.append(
                        element("dt", {}, element("code", {}, name)),
                        element("dd", {}, prose(resolved(header).description)),
                    );
                parts.push(
                    lazily(
                        ["Headers: ", element("span", { class: "what" }, headers.map(([name]) => name).join(", "))],
                        () => list,
                    ),
                );
            }
            for (const [media, content] of contents) {
                const example = exampleOf(content);
                parts.push(
                    lazily(
                        [
                            element("code", {}, media),
                            " ",
                            element("span", { class: "what" }, typeOf(content.schema || {})),
                        ],
                        () => schemaView(content.schema || {}),
                    ),
                );
                if (example !== undefined) parts.push(sample(written(example, media), "example of the answer"));
            }
            if (!contents.length) parts.push(element("p", { class: "facts" }, "No body."));
            return parts;
        },
        false,
    );
}

function problemView(status, response, target) {
    const name = nameOf(response);
    const example = exampleOf(target.content["application/problem+json"]);
    const title = [element("code", {}, status), " ", spans(target.description || "")];
    return lazily(title, () =>
        [
            name ? element("p", {}, element("a", { href: `#problem-${name}` }, `What /problems/${name} means`)) : null,
            example ? sample(JSON.stringify(example, null, 2), "example of the problem") : null,
        ].filter(Boolean),
    );
}

function problemsView() {
    const rows = Object.entries(api.components.responses || {}).map(([name, response]) => {
        const example = exampleOf(response.content["application/problem+json"]) || {};
        return element(
            "tr",
            { id: `problem-${name}`, tabindex: "-1" },
            element("td", {}, String(example.status ?? "")),
            element(
                "td",
                {},
                element(
                    "a",
                    { href: `${BASE}/problems/${encodeURIComponent(name)}` },
                    element("code", {}, `/problems/${name}`),
                ),
            ),
            element("td", {}, element("strong", {}, response.description), prose(example.meaning || example.detail)),
        );
    });
    return element(
        "section",
        { id: "problems", tabindex: "-1" },
        element("h2", {}, "problems"),
        prose(
            "Errors are `application/problem+json` (RFC 9457). `type` is stable and leads to what it means; `errors` lists all that is wrong with the request, each with its place.",
        ),
        element(
            "table",
            {},
            element(
                "thead",
                {},
                element("tr", {}, element("th", {}, "Status"), element("th", {}, "Type"), element("th", {}, "Meaning")),
            ),
            element("tbody", {}, rows),
        ),
    );
}

// --------------------------------------------------------------- page ----

function show(loaded) {
    api = loaded;
    document.title = api.info.title;
    document.getElementById("version").textContent = api.info.version;
    const byTag = new Map((api.tags || []).map((tag) => [tag.name, { description: tag.description, operations: [] }]));
    for (const [path, item] of Object.entries(api.paths)) {
        for (const method of METHODS.filter((method) => item[method])) {
            const operation = item[method];
            const tag = (operation.tags || ["other"])[0];
            if (!byTag.has(tag)) byTag.set(tag, { description: "", operations: [] });
            byTag.get(tag).operations.push({ path, method, operation });
        }
    }
    const main = document.getElementById("main");
    const nav = document.getElementById("nav");
    main.replaceChildren(
        element("h1", {}, api.info.title),
        ...prose(api.info.description),
        element(
            "p",
            {},
            "Base URL ",
            element("code", {}, BASE),
            " · ",
            element("a", { href: `${BASE}/openapi.json` }, "openapi.json"),
        ),
    );
    for (const [tag, { description, operations }] of byTag) {
        if (!operations.length) continue;
        const id = `tag-${tag.replace(/\W+/g, "-")}`;
        main.append(
            element(
                "section",
                { class: "tag", "aria-labelledby": id },
                element("h2", { id, tabindex: "-1" }, tag),
                prose(description),
                operations.map(operationView),
            ),
        );
        const links = operations.map(({ path, method, operation }) =>
            element(
                "li",
                {
                    "data-words":
                        `${path} ${method} ${operation.operationId} ${operation.summary} ${tag}`.toLowerCase(),
                },
                element("a", { href: `#${operation.operationId}` }, operation.summary || operation.operationId),
            ),
        );
        nav.append(element("div", {}, element("h2", {}, tag), element("ul", {}, links)));
    }
    main.append(problemsView());
    nav.append(
        element(
            "div",
            {},
            element("h2", {}, "errors"),
            element(
                "ul",
                {},
                element("li", { "data-words": "problems errors" }, element("a", { href: "#problems" }, "Problems")),
            ),
        ),
    );
    follow();
}

/** Shows only what has all words of the filter. */
function filter(text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    for (const item of document.querySelectorAll("nav li")) {
        item.hidden = !words.every((word) => item.dataset.words.includes(word));
        const shown = document.getElementById(item.firstChild.hash.slice(1));
        if (shown) shown.hidden = item.hidden;
    }
    for (const group of document.querySelectorAll("nav > div")) group.hidden = !group.querySelector("li:not([hidden])");
    for (const section of document.querySelectorAll("section.tag"))
        section.hidden = !section.querySelector("article:not([hidden])");
}

/** Goes to what the address names, and marks it in the list. */
function follow() {
    const id = decodeURIComponent(location.hash.slice(1));
    for (const link of document.querySelectorAll("nav a")) {
        if (link.hash === location.hash && id) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
    }
    const target = id && document.getElementById(id);
    if (target) {
        target.scrollIntoView();
        target.focus({ preventScroll: true });
    }
}

function openMenu(open) {
    document.getElementById("nav").classList.toggle("open", open);
    document.getElementById("menu").setAttribute("aria-expanded", String(open));
}

document
    .getElementById("menu")
    .addEventListener("click", () =>
        openMenu(document.getElementById("menu").getAttribute("aria-expanded") !== "true"),
    );
document.getElementById("nav").addEventListener("click", (event) => event.target.closest("a") && openMenu(false));
document.getElementById("filter").addEventListener("input", (event) => {
    filter(event.target.value);
    if (matchMedia("(max-width: 52rem)").matches) openMenu(event.target.value !== "");
});
document.addEventListener("keydown", (event) => {
    const field = document.getElementById("filter");
    if (event.key === "/" && document.activeElement !== field) {
        event.preventDefault();
        field.focus();
    } else if (event.key === "Escape") {
        openMenu(false);
        if (document.activeElement === field) {
            field.value = "";
            filter("");
            field.blur();
        }
    }
});
addEventListener("hashchange", follow);

fetch("openapi.json")
    .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(`HTTP ${answer.status}`))))
    .then(show)
    .catch(
        (error) =>
            (document.getElementById("state").textContent = `The document could not be loaded: ${error.message}`),
    );
