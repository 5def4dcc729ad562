//! The body of a delivery: the documented shape, with the subscription's key-value pairs appended.

use crate::event::Event;
use crate::key_values::KeyValues;
use serde_json::{Map, Value};

/// The body as bytes: pairs are appended to the object, or to each record of the array.
pub fn body(event: &Event, pairs: &KeyValues) -> Vec<u8> {
    let mut data = event.data.clone();
    match &mut data {
        Value::Object(object) => append(object, pairs),
        Value::Array(records) => {
            for record in records.iter_mut().filter_map(Value::as_object_mut) {
                append(record, pairs);
            }
        }
        _ => {}
    }
    // A JSON value always can be written to memory.
    serde_json::to_vec(&data).unwrap_or_default()
}

fn append(object: &mut Map<String, Value>, pairs: &KeyValues) {
    for (key, value) in pairs.iter() {
        // Reserved names are refused when saved; a field that a later release documents wins over an older pair.
        object.entry(key).or_insert_with(|| Value::from(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_data;

    fn pairs(of: &[(&str, &str)]) -> KeyValues {
        KeyValues::parse(of.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()).unwrap()
    }

    #[test]
    fn pairs_are_appended_to_the_object() {
        let event = test_data::event(serde_json::json!({"event_type": "space_report"}));
        assert_eq!(body(&event, &pairs(&[("site", "HQ")])), br#"{"event_type":"space_report","site":"HQ"}"#);
    }

    #[test]
    fn pairs_are_appended_to_each_record() {
        let event = test_data::event(serde_json::json!([{"a": 1}, {"a": 2}]));
        assert_eq!(
            String::from_utf8(body(&event, &pairs(&[("k", "v")]))).unwrap(),
            r#"[{"a":1,"k":"v"},{"a":2,"k":"v"}]"#
        );
    }

    #[test]
    fn a_pair_never_overrides_what_is_there() {
        let event = test_data::event(serde_json::json!({"later_field": 1}));
        assert_eq!(body(&event, &pairs(&[("later_field", "x")])), br#"{"later_field":1}"#);
    }
}
