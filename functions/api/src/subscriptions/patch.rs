//! JSON merge patch (RFC 7396) of a subscription.
//!
//! A patch is merged into the subscription as a client would write it, and the result is read like a new one: one set
//! of rules for both.

use super::auth_fields::SecretSettings;
use serde_json::{Map, Value, json};
use spacehook_domain::filter::Filter;
use spacehook_domain::subscription::{BacklogMode, Send, Subscription};

/// The fields whose values are in the secret.
const SECRET_FIELDS: [&str; 2] = ["auth", "custom_headers"];

/// Whether a patch needs the secret to be read and written.
pub(super) fn touches_secret(patch: &Map<String, Value>) -> bool {
    SECRET_FIELDS.iter().any(|field| patch.contains_key(*field))
}

/// A subscription as a client would write it. `secrets` are given only where the patch changes them.
pub(super) fn written(subscription: &Subscription, secrets: Option<&SecretSettings>) -> Value {
    let mut written = json!({
        "name": subscription.name,
        "description": subscription.description,
        "url": subscription.url,
        "event_types": subscription.event_types,
        "enabled": subscription.activity.is_enabled(),
        "send": match subscription.send {
            Send::Always => "always",
            Send::OnChange => "on_change",
        },
        "building_ref_ids": subscription.building_ref_ids,
        "floor_ref_ids": subscription.floor_ref_ids,
        "space_ref_ids": subscription.space_ref_ids,
        "filter": subscription.filter.as_ref().map(Filter::json),
        "backlog": match subscription.backlog {
            BacklogMode::All => "all",
            BacklogMode::Latest => "latest",
        },
        "rate_limit_per_second": subscription.rate_limit_per_second,
        "key_values": subscription.key_values,
        "contacts": subscription.contacts,
        "metadata": subscription.metadata,
    });
    if let Some(secrets) = secrets {
        written["auth"] = secrets.auth_json();
        written["custom_headers"] = secrets.headers_json();
    }
    written
}

/// Merges a patch into what [`written`] made. Header names are the same in any case; a new `auth.type` drops the fields
/// of the old one, which would only be in the way; a filter is one thing, and a new one takes the place of the old whole.
pub(super) fn merged(mut target: Value, patch: &Map<String, Value>) -> Value {
    let mut patch = patch.clone();
    if let Some(Value::Object(headers)) = patch.get_mut("custom_headers") {
        *headers = std::mem::take(headers).into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect();
    }
    if let Some(kind) = patch.get("auth").and_then(|auth| auth["type"].as_str())
        && let Some(auth) = target["auth"].as_object_mut()
        && auth.get("type").is_none_or(|held| held != kind)
    {
        auth.clear();
    }
    // As it is written: null, too, is something that a filter may want of a field.
    let filter = patch.shift_remove("filter");
    merge(&mut target, Value::Object(patch));
    if let Some(filter) = filter {
        target["filter"] = filter;
    }
    target
}

/// The algorithm of RFC 7396, section 2. Bodies have a bounded depth, and so has this.
fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(target) = target.as_object_mut() else { return };
    for (name, value) in patch {
        if value.is_null() {
            target.shift_remove(&name);
        } else {
            merge(target.entry(name).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merges_as_the_examples_of_the_standard() {
        // RFC 7396, appendix A.
        let table = [
            (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
            (json!({"a":"b"}), json!({"a":null}), json!({})),
            (json!({"a":"b","b":"c"}), json!({"a":null}), json!({"b":"c"})),
            (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"c"}), json!({"a":["b"]}), json!({"a":["b"]})),
            (json!({"a":{"b":"c"}}), json!({"a":{"b":"d","c":null}}), json!({"a":{"b":"d"}})),
            (json!({"a":[{"b":"c"}]}), json!({"a":[1]}), json!({"a":[1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a":"b"}), json!(["c"]), json!(["c"])),
            (json!({"a":"foo"}), json!(null), json!(null)),
            (json!({"a":"foo"}), json!("bar"), json!("bar")),
            (json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1})),
            (json!([1, 2]), json!({"a":"b","c":null}), json!({"a":"b"})),
            (json!({}), json!({"a":{"bb":{"ccc":null}}}), json!({"a":{"bb":{}}})),
        ];
        for (mut target, patch, expected) in table {
            merge(&mut target, patch.clone());
            assert_eq!(target, expected, "{patch}");
        }
    }

    #[test]
    fn a_filter_is_replaced_whole_and_metadata_by_member() {
        let target = json!({"filter": {"a": [1], "b": [2]}, "metadata": {"x": "1", "y": "2"}});
        let patch = |json: Value| json.as_object().unwrap().clone();
        let merged_with = |json: Value| merged(target.clone(), &patch(json));
        assert_eq!(merged_with(json!({"filter": {"c": [null]}}))["filter"], json!({"c": [null]}));
        assert_eq!(merged_with(json!({"filter": null}))["filter"], Value::Null);
        assert_eq!(merged_with(json!({}))["filter"], target["filter"]);
        assert_eq!(merged_with(json!({"metadata": {"x": null, "z": "3"}}))["metadata"], json!({"y": "2", "z": "3"}));
    }

    #[test]
    fn a_new_type_drops_the_old_fields_and_the_same_type_keeps_them() {
        let target = json!({"auth": {"type": "basic", "username": "u", "password": "p"}});
        let patch = |json: Value| json.as_object().unwrap().clone();
        let bearer = merged(target.clone(), &patch(json!({"auth": {"type": "bearer", "token": "t"}})));
        assert_eq!(bearer["auth"], json!({"type": "bearer", "token": "t"}));
        let same = merged(target, &patch(json!({"auth": {"type": "basic", "password": "q"}})));
        assert_eq!(same["auth"], json!({"type": "basic", "username": "u", "password": "q"}));
    }
}
