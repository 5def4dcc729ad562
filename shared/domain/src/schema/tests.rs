use super::*;
use serde_json::json;

const PLENTY: u64 = 1_000_000;

fn schema(of: &Value) -> Schema {
    Schema::parse(of).unwrap()
}

fn found(schema_of: &Value, document: &Value) -> Vec<(String, String)> {
    let violations = schema(schema_of).check(document, &mut Work::of_steps(PLENTY)).unwrap();
    violations.into_iter().map(|violation| (violation.pointer, violation.detail)).collect()
}

fn mistakes(of: &Value) -> Vec<(String, String)> {
    let mistakes = Schema::parse(of).unwrap_err();
    mistakes.into_iter().map(|mistake| (mistake.pointer, mistake.detail)).collect()
}

fn texts(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(pointer, detail)| ((*pointer).to_owned(), (*detail).to_owned())).collect()
}

#[test]
fn every_violation_has_its_place() {
    let door = json!({
        "type": "object",
        "properties": {
            "door": {"type": "string", "minLength": 1}, "by/whom": {"enum": ["Ada", 1.0, null]},
            "held_s": {"type": "integer", "minimum": 0, "maximum": 60}, "tags": {"items": {"pattern": "^[a-z]+$"}},
            "at": {"format": "date-time"}, "not": false,
        },
        "required": ["door", "at"], "additionalProperties": false,
    });
    assert_eq!(found(&door, &json!({"door": "d", "by/whom": 1, "at": "2026-02-02T14:20:00Z", "tags": ["a"]})), []);
    let wrong = json!({
        "door": "", "by/whom": "Bob", "held_s": 61.5, "tags": ["a", "B", 3], "window": 1, "not": 1,
    });
    assert_eq!(
        found(&door, &wrong),
        texts(&[
            ("/door", "must have at least 1 characters"),
            ("/by~1whom", "must be \"Ada\", 1.0, null"),
            ("/held_s", "must be of the type integer"),
            ("/held_s", "must be at most 60"),
            ("/tags/1", "must match the pattern ^[a-z]+$"),
            ("/window", "is not known"),
            ("/not", "is not allowed"),
            ("/at", "is required"),
        ])
    );
    assert_eq!(found(&door, &json!([])), texts(&[("", "must be of the type object")]));
    let many = json!({"items": {"type": "null"}});
    assert_eq!(found(&many, &json!(vec![1; 50])).len(), VIOLATIONS_LIMIT);
}

#[test]
fn every_mistake_of_a_schema_has_its_place() {
    let wrong = json!({
        "$schema": "http://json-schema.org/draft-07/schema#", "$anchor": "a", "typ": "object", "x-note": 1,
        "properties": {"a/b": {"type": "text"}, "c": 7, "d": {"minLength": -1, "pattern": "(", "format": "regex"}},
        "$ref": "https://example.com/other.json", "allOf": [], "required": ["a", 1],
        "$defs": {"e": {"$ref": "#/$defs/none"}, "f": {"unevaluatedProperties": false, "$id": "f"}},
    });
    let places: Vec<String> = mistakes(&wrong).into_iter().map(|(pointer, _)| pointer).collect();
    assert_eq!(
        places,
        [
            "/$schema",
            "/$anchor",
            "/typ",
            "/properties/a~1b/type",
            "/properties/c",
            "/properties/d/minLength",
            "/properties/d/pattern",
            "/properties/d/format",
            "/$ref",
            "/allOf",
            "/required",
            "/$defs/e/$ref",
            "/$defs/f/unevaluatedProperties",
            "/$defs/f/$id",
        ]
    );
    assert_eq!(mistakes(&json!(7)), texts(&[("", "must be a schema: an object, or true or false")]));
    let large = json!({"description": "x".repeat(SCHEMA_BYTES_LIMIT)});
    assert_eq!(mistakes(&large), texts(&[("", "has 16402 bytes; at most 16384 are allowed")]));
}

#[test]
fn what_could_take_time_is_refused_when_it_is_read() {
    let long = "a".repeat(PATTERN_LIMIT + 1);
    // Back references and look-around can't be had in linear time; large repetitions not in little memory.
    for pattern in ["(a)\\1", "(?=a)a", "(?<!a)b", "((a{1000}){1000}){1000}", &"(".repeat(200), &long] {
        let [(pointer, _)] = &mistakes(&json!({"pattern": pattern}))[..] else { panic!("{pattern}") };
        assert_eq!(pointer, "/pattern");
    }
}

#[test]
fn whatever_a_schema_asks_for_ends() {
    // Each level asks for the one below it twice: 2 to the 60th.
    let mut laughs = json!({"$defs": {"l60": {"type": "null"}}, "$ref": "#/$defs/l0"});
    for level in 0..60 {
        let below = json!({"$ref": format!("#/$defs/l{}", level + 1)});
        laughs["$defs"][format!("l{level}")] = json!({"anyOf": [below, below]});
    }
    let endless = json!({"$ref": "#"});
    let mutual = json!({"$defs": {"a": {"not": {"$ref": "#/$defs/b"}}, "b": {"not": {"$ref": "#/$defs/a"}}}, "$ref": "#/$defs/a"});
    // A regular expression that is slow wherever matching goes back and forth.
    let slow = json!({"items": {"pattern": "^(a+)+$"}});
    let texts = json!(vec!["a".repeat(1_000) + "b"; 60]);
    for (schema_of, document) in [(laughs, json!(1)), (endless, json!(1)), (mutual, json!(1)), (slow, texts)] {
        assert_eq!(schema(&schema_of).check(&document, &mut Work::of_steps(50_000)), Err(Exhausted), "{schema_of}");
    }
}

#[test]
fn the_work_of_several_documents_is_counted_together() {
    let numbers = schema(&json!({"items": {"type": "number", "minimum": 0}}));
    let document = json!(vec![1; 100]);
    let mut work = Work::of_steps(500);
    assert_eq!(numbers.check(&document, &mut work), Ok(Vec::new()));
    assert_eq!(numbers.check(&document, &mut work), Ok(Vec::new()));
    assert_eq!(numbers.check(&document, &mut work), Err(Exhausted));
}

#[test]
fn a_schema_that_refers_to_itself_is_a_tree() {
    let tree = json!({
        "type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#"}}, "name": {"type": "string"}},
        "required": ["name"], "additionalProperties": false,
    });
    assert_eq!(found(&tree, &json!({"name": "a", "children": [{"name": "b", "children": []}]})), []);
    let wrong = json!({"name": "a", "children": [{"children": [{"name": 1}]}]});
    assert_eq!(
        found(&tree, &wrong),
        texts(&[("/children/0/children/0/name", "must be of the type string"), ("/children/0/name", "is required")])
    );
}
