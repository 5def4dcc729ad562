//! Why an event does not match: the fields that differ, with what they have and what is wanted.

use super::pattern::{Pattern, Verdict, Wants};
use serde_json::Value;

/// Values of one field that are told, at most.
const VALUES_TOLD: usize = 5;
/// Characters of what is wanted or found that are told, at most.
const CHARACTERS_TOLD: usize = 200;

/// What differs.
pub(super) fn refusal(pattern: &Pattern, data: &Value) -> String {
    let mut told = Vec::new();
    tell(pattern, &mut Vec::new(), data, &mut told);
    if told.is_empty() {
        // Each field matches by itself.
        return "no single item of an array has all that is wanted of it".to_owned();
    }
    told.join("; ")
}

fn tell<'a>(pattern: &'a Pattern, path: &mut Vec<&'a str>, data: &Value, told: &mut Vec<String>) {
    for field in &pattern.fields {
        path.push(&field.name);
        match &field.wants {
            Wants::Within(pattern) => tell(pattern, path, data, told),
            Wants::AnyOf { written, .. } => {
                let found: Vec<_> = found(path, data).into_iter().filter(|value| !value.is_object()).collect();
                let matches = if found.is_empty() {
                    field.verdict(None) != Verdict::No
                } else {
                    found.iter().any(|value| field.verdict(Some(value)) != Verdict::No)
                };
                if !matches {
                    told.push(format!("{} {}, and wanted is {}", path.join("."), listed(&found), cut(written)));
                }
            }
        }
        path.pop();
    }
    let matches = |value: &Value| pattern.verdict_of_or(value.as_object()) != Some(Verdict::No);
    let found = found(path, data);
    if !found.into_iter().any(matches) && pattern.verdict_of_or(None) == Some(Verdict::No) {
        let of = if path.is_empty() { String::new() } else { format!(" of {}", path.join(".")) };
        told.push(format!("none of the patterns of $or{of} matches"));
    }
}

/// The values at a path, with arrays passed through.
fn found<'a>(path: &[&str], data: &'a Value) -> Vec<&'a Value> {
    match (data, path) {
        (Value::Array(items), _) => items.iter().flat_map(|item| found(path, item)).collect(),
        (value, []) => vec![value],
        (Value::Object(object), [name, rest @ ..]) => {
            object.get(*name).map(|value| found(rest, value)).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

fn listed(found: &[&Value]) -> String {
    if found.is_empty() {
        return "is not there".to_owned();
    }
    let told: Vec<_> = found.iter().take(VALUES_TOLD).map(|value| cut(&value.to_string())).collect();
    let more =
        if found.len() > VALUES_TOLD { format!(" and {} more", found.len() - VALUES_TOLD) } else { String::new() };
    format!("is {}{more}", told.join(", "))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(CHARACTERS_TOLD) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
