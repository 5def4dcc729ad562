// Keeps the language of an engine as it is, whatever a script does to it. Called once, before the script has run at all, with
// the script's function and the names that it declares; answers the function that puts everything back after a message:
// true if all is as it was.
//
// Everything that a script can reach is found here. Functions are frozen. Of all else the properties can't be removed or turned into
// getters any more, but written and added to: so a polyfill works, and a name like `toString` can be given to a plain object.
// Since they can't be turned into getters, putting them back runs nothing of the script's.
(script, declared) => {
  "use strict";
  const { defineProperty, deleteProperty, getOwnPropertyDescriptor, getPrototypeOf, isExtensible, ownKeys } = Reflect;
  const { freeze } = Object;
  const globals = globalThis;

  // What a script could tell by that it is kept, or leave something in that can't be seen: when it is touched, the answer
  // does not count. An indirect eval declares `let` for all time; its own variables are not in the global object here; and a
  // writer of stacks gets to see functions that nobody else sees.
  let isTouched = false;
  const touched = { get() { isTouched = true; }, set() { isTouched = true; }, configurable: false };
  const stop = (object, name) => defineProperty(object, name, touched);
  stop(globals, "eval");
  stop(Error, "prepareStackTrace");
  stop(Error, "stackTraceLimit");
  for (const name of declared) if (!(name in globals)) stop(globals, name);

  // Those that no name leads to.
  const hidden = [
    [].values(), ""[Symbol.iterator](), new Map().values(), new Set().values(), /x/[Symbol.matchAll](""),
    function* () {}, (function* () {})(), async function () {}, async function* () {}, (async function* () {})(),
    Iterator.from({ next() {} }), [].values().map((x) => x), Iterator.concat([]),
  ];
  const thrower = (function () { return getOwnPropertyDescriptor(arguments, "callee").get; })();
  const known = new Set(), watched = [];
  // Written out, each name a constant: three times as fast as a loop over names, and it is most of what a message costs.
  const writer = (object, names, values) => {
    const isPlain = (name) => typeof name === "string" && /^[A-Za-z_$][\w$]*$/.test(name);
    const writes = names.map((name, n) => (isPlain(name) ? `o.${name}=v${n}` : `o[n${n}]=v${n}`));
    const given = names.map((_, n) => `n${n},v${n}`).join();
    const make = new Function(`"use strict";return (o,${given})=>()=>{${writes.join(";")}}`)();
    return make(object, ...names.flatMap((name, n) => [name, values[n]]));
  };
  const waiting = [globals, script, touched.get, touched.set, thrower, ...hidden.map(getPrototypeOf)];
  const reach = (value) => {
    if ((typeof value === "object" && value !== null) || typeof value === "function") waiting.push(value);
  };
  while (waiting.length > 0) {
    const object = waiting.pop();
    if (known.has(object)) continue;
    known.add(object);
    const proto = getPrototypeOf(object), keys = ownKeys(object), names = [], values = [];
    reach(proto);
    for (const key of keys) {
      const property = getOwnPropertyDescriptor(object, key);
      reach(property.value), reach(property.get), reach(property.set);
      if (property.configurable) defineProperty(object, key, { configurable: false });
      if (property.writable) names.push(key), values.push(property.value);
    }
    const isPlainFunction = typeof object === "function" && keys.every((key) => key === "length" || key === "name");
    if (isPlainFunction || proto === null && object !== Object.prototype) freeze(object);
    else watched.push({ object, proto, count: keys.length, write: writer(object, names, values) });
  }

  return freeze(() => {
    if (isTouched) return false;
    for (let i = 0; i < watched.length; i++) {
      const { object, proto, count, write } = watched[i];
      if (!isExtensible(object) || getPrototypeOf(object) !== proto) return false;
      const keys = ownKeys(object);
      if (keys.length !== count) {
        // What was there before can't be deleted.
        for (let k = 0; k < keys.length; k++) deleteProperty(object, keys[k]);
        if (ownKeys(object).length !== count) return false;
      }
      // Throws where it can't be written any more.
      write();
    }
    return true;
  });
};
