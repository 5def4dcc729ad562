//! What the filters of `EventBridge` match, these match. Each row says where it comes from:
//! - *guide*: the `EventBridge` user guide, "Comparison operators for use in event patterns" and "Event patterns";
//! - *ruler*: the README of `aws/event-ruler`, the library behind `EventBridge`;
//! - *cases*: its `correctness-cases.json`;
//! - *ours*: a decision of ours where these say nothing, or where we differ (then the row says so).

use super::*;
use proptest::prelude::*;
use serde_json::json;

fn filter(json: Value) -> Filter {
    Filter::parse(json).unwrap()
}

fn mistakes(json: Value) -> Vec<(String, String)> {
    let invalid = Filter::parse(json).unwrap_err();
    invalid.mistakes().iter().map(|mistake| (mistake.pointer.clone(), mistake.detail.clone())).collect()
}

/// The event of the README of event-ruler, with its numbers.
fn instance() -> Value {
    json!({
        "source": "aws.ec2",
        "time": "2017-10-02T16:24:49Z",
        "resources": ["arn:aws:ec2:us-east-1:123456789012:instance/i-000000aaaaaa00000"],
        "detail": {"c-count": 5, "d-count": 3, "x-limit": 301.8, "state": "running"},
    })
}

fn assert_rows(rows: &[(&str, Value, Value, bool)]) {
    for (from, pattern, event, expected) in rows {
        assert_eq!(filter(pattern.clone()).matches(event), *expected, "{from}: {pattern} on {event}");
    }
}

#[test]
fn texts_match_as_the_guide_says() {
    assert_rows(&[
        (
            "guide, and",
            json!({"Location": ["New York"], "Day": ["Monday"]}),
            json!({"Location": "New York", "Day": "Monday"}),
            true,
        ),
        (
            "guide, and",
            json!({"Location": ["New York"], "Day": ["Monday"]}),
            json!({"Location": "New York", "Day": "Friday"}),
            false,
        ),
        ("guide, or", json!({"PaymentType": ["Credit", "Debit"]}), json!({"PaymentType": "Debit"}), true),
        ("guide, or", json!({"PaymentType": ["Credit", "Debit"]}), json!({"PaymentType": "Cash"}), false),
        ("guide, equals", json!({"Name": ["Alice"]}), json!({"Name": "alice"}), false),
        (
            "guide, equals (ignore case)",
            json!({"Name": [{"equals-ignore-case": "alice"}]}),
            json!({"Name": "ALICE"}),
            true,
        ),
        (
            "guide, equals (ignore case)",
            json!({"Name": [{"equals-ignore-case": "alice"}]}),
            json!({"Name": "alicia"}),
            false,
        ),
        ("guide, begins with", json!({"Region": [{"prefix": "us-"}]}), json!({"Region": "us-east-1"}), true),
        ("guide, begins with", json!({"Region": [{"prefix": "us-"}]}), json!({"Region": "eu-us-1"}), false),
        (
            "guide, begins with (ignore case)",
            json!({"service": [{"prefix": {"equals-ignore-case": "eventb"}}]}),
            json!({"service": "EventBridge"}),
            true,
        ),
        ("guide, ends with", json!({"FileName": [{"suffix": ".png"}]}), json!({"FileName": "a.png"}), true),
        ("guide, ends with", json!({"FileName": [{"suffix": ".png"}]}), json!({"FileName": "a.png.txt"}), false),
        (
            "guide, ends with (ignore case)",
            json!({"service": [{"suffix": {"equals-ignore-case": "tbridge"}}]}),
            json!({"service": "EVENTBRIDGE"}),
            true,
        ),
        ("guide, empty", json!({"LastName": [""]}), json!({"LastName": ""}), true),
        ("guide, empty", json!({"LastName": [""]}), json!({}), false),
        ("guide, null", json!({"UserID": [null]}), json!({"UserID": null}), true),
        ("guide, null", json!({"UserID": [null]}), json!({"UserID": ""}), false),
        ("guide, null: it is not the text", json!({"UserID": [null]}), json!({"UserID": "null"}), false),
        ("ruler, prefix: texts alone", json!({"a": [{"prefix": "1"}]}), json!({"a": 1}), false),
        ("ruler, suffix", json!({"source": [{"suffix": "ec2"}]}), instance(), true),
        (
            "ours, letters that are two in lower case",
            json!({"a": [{"suffix": {"equals-ignore-case": "İx"}}]}),
            json!({"a": "zi̇X"}),
            true,
        ),
    ]);
}

#[test]
fn numbers_match_as_the_guide_says() {
    let is = |number: Value| json!({"Price": [{"numeric": ["=", number]}]});
    let within = json!({"Price": [{"numeric": [">", 10, "<=", 20]}]});
    assert_rows(&[
        ("guide, numeric (equals)", is(json!(100)), json!({"Price": 100}), true),
        ("guide, numeric (equals)", is(json!(100)), json!({"Price": 100.5}), false),
        ("guide, numeric (range)", within.clone(), json!({"Price": 10}), false),
        ("guide, numeric (range)", within.clone(), json!({"Price": 10.000_001}), true),
        ("guide, numeric (range)", within.clone(), json!({"Price": 20}), true),
        ("guide, numeric (range)", within.clone(), json!({"Price": 20.1}), false),
        ("ruler, numeric: JSON numbers alone", within, json!({"Price": "15"}), false),
        (
            "ruler, numeric",
            json!({"detail": {"c-count": [{"numeric": [">", 0, "<=", 5]}], "d-count": [{"numeric": ["<", 10]}], "x-limit": [{"numeric": ["=", 3.018e2]}]}}),
            instance(),
            true,
        ),
        ("ruler, numeric", json!({"detail": {"c-count": [{"numeric": [">", 0, "<", 5]}]}}), instance(), false),
        (
            "guide, event patterns: 300, 300.0 and 3.0e2 are the same for numeric",
            is(json!(300)),
            json!({"Price": 3.0e2}),
            true,
        ),
        (
            "guide, event patterns: 300, 300.0 and 3.0e2 are the same for numeric",
            is(json!(300.0)),
            json!({"Price": 300}),
            true,
        ),
        (
            "ours, by value: the guide has these differ for equality",
            json!({"Price": [300]}),
            json!({"Price": 300.0}),
            true,
        ),
        (
            "ours, exact beyond what a double can tell",
            json!({"n": [9_007_199_254_740_993_u64]}),
            json!({"n": 9_007_199_254_740_992_u64}),
            false,
        ),
        (
            "ours, exact at both ends",
            json!({"n": [{"numeric": [">", i64::MIN, "<", u64::MAX]}]}),
            json!({"n": u64::MAX - 1}),
            true,
        ),
        ("guide, a number is not its text", json!({"a": [1]}), json!({"a": "1"}), false),
        ("ours, truth", json!({"a": [true]}), json!({"a": true}), true),
        ("ours, truth", json!({"a": [true]}), json!({"a": "true"}), false),
    ]);
}

#[test]
fn anything_but_matches_as_the_guide_says() {
    let state = |unwanted: Value| json!({"detail": {"state": [{"anything-but": unwanted}]}});
    let of = |found: Value| json!({"detail": {"state": found}});
    assert_rows(&[
        ("guide, anything-but", state(json!("initializing")), of(json!("running")), true),
        ("guide, anything-but", state(json!("initializing")), of(json!("initializing")), false),
        ("guide, anything-but: a number", json!({"detail": {"x-limit": [{"anything-but": 123}]}}), instance(), true),
        (
            "guide, anything-but: a list of texts",
            state(json!(["stopped", "overloaded"])),
            of(json!("overloaded")),
            false,
        ),
        ("guide, anything-but: a list of texts", state(json!(["stopped", "overloaded"])), instance(), true),
        ("guide, anything-but: a list of numbers", state(json!([100, 200, 300])), of(json!(200)), false),
        ("guide, anything-but: a list of numbers", state(json!([100, 200, 300])), of(json!(200.0)), false),
        (
            "guide, anything-but (ignore case)",
            state(json!({"equals-ignore-case": "initializing"})),
            of(json!("INITIALIZING")),
            false,
        ),
        (
            "guide, anything-but (ignore case): a list",
            state(json!({"equals-ignore-case": ["initializing", "stopped"]})),
            of(json!("Stopped")),
            false,
        ),
        ("guide, anything-but (begins with)", state(json!({"prefix": "init"})), of(json!("initializing")), false),
        ("guide, anything-but (begins with)", state(json!({"prefix": "init"})), of(json!("running")), true),
        (
            "guide, anything-but (begins with): a list",
            state(json!({"prefix": ["init", "error"]})),
            of(json!("error-1")),
            false,
        ),
        (
            "guide, anything-but (ends with)",
            json!({"FileName": [{"anything-but": {"suffix": ".png"}}]}),
            json!({"FileName": "a.png"}),
            false,
        ),
        (
            "guide, anything-but (ends with): a list",
            json!({"FileName": [{"anything-but": {"suffix": [".txt", ".rtf"]}}]}),
            json!({"FileName": "a.png"}),
            true,
        ),
        ("ruler, a value of another kind is another value", state(json!("initializing")), of(json!(7)), true),
        ("ruler, something must be there", state(json!("initializing")), json!({"detail": {}}), false),
        (
            "cases, primarray: anything-but in array",
            json!({"d": {"tags": [{"anything-but": "banned"}]}}),
            json!({"d": {"tags": ["banned", "ok"]}}),
            true,
        ),
        (
            "ours, an array of nothing else",
            json!({"d": {"tags": [{"anything-but": "banned"}]}}),
            json!({"d": {"tags": ["banned"]}}),
            false,
        ),
    ]);
}

#[test]
fn existence_is_of_values_that_are_no_objects() {
    let exists = |wanted: bool| json!({"detail": {"c-count": [{"exists": wanted}]}});
    let object = json!({"detail": {"c-count": {"c1": 100}}});
    assert_rows(&[
        ("ruler, exists", exists(true), instance(), true),
        ("ruler, exists", exists(false), instance(), false),
        ("ruler, exists", exists(false), json!({"detail": {"state": "running"}}), true),
        ("ruler, exists: leaves alone", exists(false), object.clone(), true),
        ("ruler, exists: leaves alone", exists(true), object, false),
        ("guide, exists", json!({"ProductName": [{"exists": true}]}), json!({"ProductName": null}), true),
        ("guide, does not exist", json!({"ProductName": [{"exists": false}]}), json!({}), true),
        ("ours, not even what it would be in", exists(false), json!({}), true),
        ("cases, primarray: empty prim array", json!({"name": [{"exists": true}]}), json!({"name": []}), false),
        ("ours, an empty array holds nothing", json!({"name": [{"exists": false}]}), json!({"name": []}), true),
        ("ours, absent or this", json!({"a": [{"exists": false}, 1]}), json!({"a": 1}), true),
        ("ours, absent or this", json!({"a": [{"exists": false}, 1]}), json!({"a": 2}), false),
        (
            "cases, exists-false: absent",
            json!({"d": {"a": [{"exists": true}], "b": [{"exists": false}]}}),
            json!({"d": [{"a": 1}]}),
            true,
        ),
        (
            "cases, exists-false: present",
            json!({"d": {"a": [{"exists": true}], "b": [{"exists": false}]}}),
            json!({"d": [{"a": 1, "b": 2}]}),
            false,
        ),
        ("ours, in no item", json!({"d": {"b": [{"exists": false}]}}), json!({"d": [{"a": 1}, {"b": 2}]}), false),
        (
            "ours, in the item that has the other",
            json!({"d": {"a": [1], "b": [{"exists": false}]}}),
            json!({"d": [{"a": 1}, {"b": 2}]}),
            true,
        ),
    ]);
}

#[test]
fn arrays_match_by_one_of_their_items() {
    let employees = json!({"employees": [{"firstName": "John", "lastName": "Doe"}, {"firstName": "Anna", "lastName": "Smith"}, {"firstName": "Peter", "lastName": "Jones"}]});
    let nested = json!({"employees": [[{"firstName": "John"}, {"firstName": "Anna"}], [{"firstName": "Peter"}]]});
    let both = json!({"d": {"a": [{"exists": true}], "b": [{"exists": true}]}});
    let deep = json!({"u": {"t": {"k": ["color"], "v": ["blue"]}}});
    assert_rows(&[
        (
            "ruler, simple matching",
            json!({"resources": ["arn:aws:ec2:us-east-1:123456789012:instance/i-000000aaaaaa00000"]}),
            instance(),
            true,
        ),
        ("cases, primarray: exact match", json!({"tags": ["admin"]}), json!({"tags": ["user", "admin"]}), true),
        ("cases, primarray: no match", json!({"tags": ["superadmin"]}), json!({"tags": ["user", "admin"]}), false),
        (
            "cases, primarray: numeric in array",
            json!({"vals": [{"numeric": [">", 0, "<", 10]}]}),
            json!({"vals": [100, 5, 200]}),
            true,
        ),
        ("ruler, JSON array matching", json!({"employees": {"firstName": ["Anna"]}}), employees.clone(), true),
        ("ruler, JSON array matching", json!({"employees": {"firstName": ["Anna"]}}), nested, true),
        (
            "ruler, JSON array matching",
            json!({"employees": {"firstName": ["Anna"], "lastName": ["Smith"]}}),
            employees.clone(),
            true,
        ),
        (
            "ruler, JSON array matching",
            json!({"employees": {"firstName": ["Anna"], "lastName": ["Jones"]}}),
            employees,
            false,
        ),
        ("cases, objarray: same element", both.clone(), json!({"d": [{"a": 1, "b": 2}]}), true),
        ("cases, objarray: split", both.clone(), json!({"d": [{"a": 1}, {"b": 2}]}), false),
        (
            "cases, objarray: 3 elem, last valid",
            both.clone(),
            json!({"d": [{"a": 1}, {"b": 2}, {"a": 3, "b": 4}]}),
            true,
        ),
        ("cases, empty array", both, json!({"d": []}), false),
        ("cases, nested: inner same", deep.clone(), json!({"u": [{"t": [{"k": "color", "v": "blue"}]}]}), true),
        ("cases, nested: inner split", deep, json!({"u": [{"t": [{"k": "color"}, {"v": "blue"}]}]}), false),
        (
            "cases, nested: outer split",
            json!({"d": {"name": [{"exists": true}], "info": {"x": ["1"]}}}),
            json!({"d": [{"name": "alice"}, {"info": {"x": "1"}}]}),
            false,
        ),
        (
            "cases, anything-but array",
            json!({"u": {"s": [{"anything-but": "banned"}], "n": [{"exists": true}]}}),
            json!({"u": [{"n": "alice", "s": "banned"}, {"n": "bob", "s": "active"}]}),
            true,
        ),
        (
            "ours, a record in an array is the record",
            json!({"state": ["available"]}),
            json!([{"state": "available"}]),
            true,
        ),
        (
            "ours, names with dots are names",
            json!({"detail": {"state.status": ["running"]}}),
            json!({"detail": {"state": {"status": "running"}}}),
            false,
        ),
    ]);
}

#[test]
fn or_matches_as_the_readme_says() {
    let normal = json!({"source": ["aws.cloudwatch"], "$or": [{"metricName": ["CPUUtilization", "ReadLatency"]}, {"namespace": ["AWS/EC2", "AWS/ES"]}]});
    let and_inside = json!({"$or": [{"metricName": ["ReadLatency"]}, {"metricType": ["MetricType"], "namespace": ["AWS/ES"]}, {"scope": ["Service"]}]});
    let within = json!({"detail": {"$or": [{"source": ["aws.cloudwatch"]}, {"detail-type": ["Alarm"]}]}});
    assert_rows(&[
        ("ruler, $or", normal.clone(), json!({"source": "aws.cloudwatch", "namespace": "AWS/ES"}), true),
        ("ruler, $or", normal.clone(), json!({"source": "aws.cloudwatch", "namespace": "other"}), false),
        ("ruler, $or", normal, json!({"source": "other", "metricName": "ReadLatency"}), false),
        (
            "ruler, $or has an and inside",
            and_inside.clone(),
            json!({"metricType": "MetricType", "namespace": "AWS/ES"}),
            true,
        ),
        ("ruler, $or has an and inside", and_inside, json!({"metricType": "MetricType"}), false),
        ("ruler, parallel $or", within.clone(), json!({"detail": {"detail-type": "Alarm"}}), true),
        ("ruler, parallel $or", within, json!({"detail-type": "Alarm", "detail": {}}), false),
        (
            "guide, $or: location or day",
            json!({"$or": [{"Location": ["New York"]}, {"Day": ["Monday"]}]}),
            json!({"Day": "Monday"}),
            true,
        ),
    ]);
}

#[test]
fn every_mistake_is_told_with_its_place() {
    let bad = json!({
        "a": "open",
        "b~/c": [],
        "d": {"e": [{"wildcard": "x*"}, {"prefix": ""}, {"numeric": [">", 5, "<", 5]}, [1]]},
        "$or": [{"f": [{"exists": 1}]}],
        "g": {},
        "h": [{"anything-but": ["a", 1]}, {"prefix": "a", "suffix": "b"}, {"anything-but": {"prefix": ["a", ""]}}, {"numeric": ["<", 5, ">", 1]}],
    });
    let told = mistakes(bad);
    let place = |pointer: &str| {
        let of: Vec<_> = told.iter().filter(|(known, _)| known == pointer).map(|(_, detail)| detail.as_str()).collect();
        assert_eq!(of.len(), 1, "{pointer}: {told:?}");
        of[0].to_owned()
    };
    assert_eq!(
        place("/a"),
        "must be an array of what is wanted, such as [\"open\"], or an object for the fields within"
    );
    assert_eq!(place("/b~0~1c"), "must have at least one value that is wanted");
    assert!(place("/d/e/0/wildcard").starts_with("is not an operator; the operators are prefix, suffix"));
    assert!(place("/d/e/1/prefix").starts_with("must be a text that is not empty"));
    assert_eq!(place("/d/e/2/numeric"), "is empty: the lower bound 5 must be less than the upper one, 5");
    assert!(place("/d/e/3").starts_with("must be one value"));
    assert!(place("/$or").starts_with("must be an array of at least two patterns"));
    assert_eq!(place("/g"), "names no field: name at least one");
    assert!(place("/h/0/anything-but").starts_with("must be a text or a number, a list of only texts"));
    assert!(place("/h/1").starts_with("must have exactly one operator"));
    assert!(place("/h/2/anything-but/prefix/1").starts_with("must be a text that is not empty"));
    assert!(place("/h/3/numeric").starts_with("must be a comparison and a number"));
    assert_eq!(told.len(), 12, "{told:?}");
    for not_an_object in [json!([]), json!("a"), json!(null)] {
        assert_eq!(mistakes(not_an_object)[0].0, "");
    }
}

#[test]
fn bounds_are_named() {
    let fields = |count: usize| Value::Object((0..count).map(|n| (format!("f{n}"), json!([n]))).collect());
    assert!(Filter::parse(fields(FIELDS_LIMIT)).is_ok());
    assert_eq!(mistakes(fields(6)), [(String::new(), "looks at 6 fields; at most 5 are allowed".to_owned())]);
    let in_or = json!({"$or": [fields(3), fields(3)]});
    assert_eq!(mistakes(in_or)[0].1, "looks at 6 fields; at most 5 are allowed");

    let nested = |levels: usize| (1..levels).fold(json!({"a": [1]}), |inner, _| json!({"a": inner}));
    assert!(Filter::parse(nested(DEPTH_LIMIT)).is_ok());
    assert_eq!(mistakes(nested(DEPTH_LIMIT + 1))[0].1, "is more than 8 levels deep");

    let long = |characters: usize| json!({"a": ["é".repeat(characters - r#"{"a":[""]}"#.len())]});
    assert!(Filter::parse(long(CHARACTERS_LIMIT)).is_ok());
    assert!(mistakes(long(CHARACTERS_LIMIT + 1))[0].1.starts_with("has 2049 characters"));
}

#[test]
fn combinations_are_counted_as_sns_counts_them() {
    let counted = |json: Value| {
        let told = mistakes(json);
        told[0].1.split(' ').nth(1).unwrap().parse::<u64>().unwrap()
    };
    // The example of the SNS guide ("Filter policy constraints", payload-based): 4 values three levels down, 3 values two
    // levels down, 3 on the first: 4 × 3 × 3 × 2 × 3 × 1.
    let sns = json!({
        "key_a": {"key_b": {"key_c": ["one", "two", "three", "four"]}},
        "key_d": {"key_e": ["one", "two", "three"]},
        "key_f": ["one", "two", "three"],
    });
    assert_eq!(counted(sns), 216);
    let values = |count: usize| (0..count).map(Value::from).collect::<Vec<_>>();
    assert!(Filter::parse(json!({"a": values(150)})).is_ok());
    assert_eq!(counted(json!({"a": values(151)})), 151);
    assert_eq!(counted(json!({"a": [{"anything-but": values(151)}]})), 151);
    assert_eq!(counted(json!({"a": values(10), "$or": [{"b": values(10)}, {"c": values(10)}]})), 200);
}

#[test]
fn a_refusal_names_the_fields_that_differ() {
    let wanted = json!({"state": ["open"], "people": {"count": [{"numeric": [">", 3]}]}, "tags": ["x"]});
    let refusal = filter(wanted).refusal(&json!({"state": "open", "people": {"count": 2}, "tags": ["a", "b"]}));
    let expected =
        "people.count is 2, and wanted is [{\"numeric\":[\">\",3]}]; tags is \"a\", \"b\", and wanted is [\"x\"]";
    assert_eq!(refusal.unwrap(), expected);
    assert_eq!(filter(json!({"a": [1]})).refusal(&json!({})).unwrap(), "a is not there, and wanted is [1]");
    assert_eq!(filter(json!({"a": [1]})).refusal(&json!({"a": 1})), None);
    let split = filter(json!({"d": {"a": [1], "b": [2]}})).refusal(&json!({"d": [{"a": 1}, {"b": 2}]}));
    assert_eq!(split.unwrap(), "no single item of an array has all that is wanted of it");
    let or = filter(json!({"d": {"$or": [{"a": [1]}, {"b": [2]}]}})).refusal(&json!({"d": {"a": 2}}));
    assert_eq!(or.unwrap(), "none of the patterns of $or of d matches");
}

#[test]
fn a_filter_is_stored_as_the_text_that_was_written() {
    let written = r#"{"b":[300.0,3.5e2,{"numeric":["=",1e300]}],"a":["é\"",null]}"#;
    let read: Filter = serde_json::from_value(json!(written)).unwrap();
    assert_eq!(read, filter(serde_json::from_str(written).unwrap()));
    let stored = serde_json::to_value(&read).unwrap();
    assert!(stored.is_string());
    assert_eq!(serde_json::from_value::<Filter>(stored).unwrap(), read);
    assert!(serde_json::from_value::<Filter>(json!("{")).is_err());
}

/// JSON of a few names and values, so that patterns and events meet.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3_i64..4).prop_map(Value::from),
        prop_oneof![Just(1.0), Just(1.5), Just(1e300)].prop_map(|number| json!(number)),
        "[aAb]{0,2}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any_name(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn any_name() -> impl Strategy<Value = String> {
    const NAMES: &[&str] =
        &["a", "b", "c", "$or", "prefix", "suffix", "numeric", "exists", "anything-but", "equals-ignore-case"];
    prop::sample::select(NAMES).prop_map(str::to_owned)
}

fn any_matcher() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(|wanted| json!({"exists": wanted})),
        (-3_i64..4).prop_map(Value::from),
        "[aAb]{0,2}".prop_map(Value::from),
        "[aAb]{1,2}".prop_map(|text| json!({"prefix": text})),
        "[aAb]{1,2}".prop_map(|text| json!({"suffix": {"equals-ignore-case": text}})),
        "[aAb]{1,2}".prop_map(|text| json!({"anything-but": [text]})),
        (-3_i64..4).prop_map(|low| json!({"numeric": [">=", low, "<", low + 2]})),
    ]
}

/// Patterns that mostly are valid.
fn any_pattern() -> impl Strategy<Value = Value> {
    let wants = prop::collection::vec(any_matcher(), 1..3).prop_map(Value::from);
    let names = prop::sample::select(&["a", "b", "c"][..]).prop_map(str::to_owned);
    wants.prop_recursive(3, 8, 3, move |inner| {
        let object = prop::collection::btree_map(names.clone(), inner, 1..3);
        object.prop_map(|map| Value::Object(map.into_iter().collect()))
    })
}

/// The same JSON with the names of every object in the other order.
fn reversed(json: &Value) -> Value {
    match json {
        Value::Object(object) => object.iter().rev().map(|(name, value)| (name.clone(), reversed(value))).collect(),
        Value::Array(items) => items.iter().map(reversed).collect(),
        leaf => leaf.clone(),
    }
}

proptest! {
    #[test]
    fn whatever_is_written_is_refused_or_matches_without_a_panic(pattern in any_json(), event in any_json()) {
        if let Ok(filter) = Filter::parse(pattern) {
            prop_assert_eq!(filter.refusal(&event).is_none(), filter.matches(&event));
        }
    }

    #[test]
    fn what_is_stored_reads_back_and_order_does_not_matter(pattern in any_pattern(), event in any_json()) {
        let Ok(filter) = Filter::parse(pattern.clone()) else { return Ok(()) };
        let read = Filter::try_from(String::from(filter.clone())).unwrap();
        prop_assert_eq!(&read, &filter);
        prop_assert_eq!(&read.pattern, &filter.pattern);
        let other = Filter::parse(reversed(&pattern)).unwrap();
        prop_assert_eq!(&other, &filter);
        prop_assert_eq!(other.matches(&reversed(&event)), filter.matches(&event));
    }

    #[test]
    fn anything_but_is_the_opposite_for_a_single_value(unwanted in "[aAb]{0,2}", found in "[aAb]{0,2}") {
        let event = json!({"a": found});
        let is = filter(json!({"a": [&unwanted]})).matches(&event);
        prop_assert_eq!(filter(json!({"a": [{"anything-but": &unwanted}]})).matches(&event), !is);
    }
}
