//! Distinct things never have one key, and every valid thing has one that `DynamoDB` takes.

use super::*;
use proptest::prelude::*;
use spacehook_domain::ids::{SensorGroupId, Sequence, SpaceId, SpaceRefId};
use spacehook_domain::notice::Happened;

fn acme() -> TenantId {
    TenantId::parse("acme").unwrap()
}

fn space_key(building: &str, space: &str) -> SpaceKey {
    SpaceKey {
        building_ref_id: BuildingRefId::parse(building).unwrap(),
        space_ref_id: SpaceRefId::parse(space).unwrap(),
    }
}

/// Names that try to look like keys, and like encoded names.
fn nasty() -> impl Strategy<Value = String> {
    "[a#%~25]{1,12}".prop_filter("a valid id", |text| BuildingRefId::parse(text.as_str()).is_ok())
}

/// Names of which many are too long for a key: the longest has 512 bytes.
fn long() -> impl Strategy<Value = String> {
    ("[🏢#]{120,126}", "[ab]{1,2}").prop_map(|(text, end)| format!("{text}{end}"))
}

fn subscription_key() -> SubscriptionKey {
    SubscriptionKey { tenant: acme(), id: SubscriptionId::from_uuid(Uuid::from_u128(1)) }
}

/// The notice of a disabling.
fn notice_id(id: &SubscriptionId, at: Timestamp) -> NoticeId {
    let subscription = SubscriptionKey { tenant: acme(), id: id.clone() };
    NoticeId { subscription, at_ms: at.as_millisecond(), happened: Happened::Disabled }
}

/// Places of which many are near each other.
fn place() -> impl Strategy<Value = KeptKey> {
    let number = prop_oneof![0_u64..4, 254_u64..258, any::<u64>()];
    (number.clone(), number, prop::sample::select(EventType::BUILT_IN.to_vec())).prop_map(
        |(space, sequence, event_type)| KeptKey {
            stream: Stream::of_space(SpaceId(space)),
            sequence: Sequence(sequence),
            event_type,
        },
    )
}

/// The inverse of `part`, for parts that were not shortened.
fn decode(part: &str) -> String {
    part.replace("%23", "#").replace("%25", "%")
}

proptest! {
    #[test]
    fn parts_read_back_and_hold_no_separator(text in "\\PC{0,40}") {
        let encoded = part(&text);
        prop_assert!(!encoded.contains('#'));
        prop_assert_eq!(decode(&encoded), text);
    }

    #[test]
    fn distinct_spaces_have_distinct_keys(a in nasty(), b in nasty(), c in nasty(), d in nasty()) {
        let same = (&a, &b) == (&c, &d);
        prop_assert_eq!(space(&acme(), &space_key(&a, &b)) == space(&acme(), &space_key(&c, &d)), same);
    }

    #[test]
    fn distinct_long_names_have_distinct_keys_that_fit(a in long(), b in long()) {
        let (first, second) = (space(&acme(), &space_key(&a, &a)), space(&acme(), &space_key(&a, &b)));
        prop_assert_eq!(first == second, a == b);
        for key in [first, second] {
            prop_assert!(key.sk.len() <= 1_024 && key.pk.len() <= 2_048, "{} bytes", key.sk.len());
            prop_assert!(key.sk.starts_with(&space_prefix(&BuildingRefId::parse(a.as_str()).unwrap())));
        }
    }

    #[test]
    fn one_building_s_list_never_holds_another_s(a in nasty(), b in nasty(), c in nasty()) {
        let building = BuildingRefId::parse(a.as_str()).unwrap();
        let listed = space(&acme(), &space_key(&b, &c)).sk.starts_with(&space_prefix(&building));
        prop_assert_eq!(listed, a == b);
        let floor_ref_id = FloorRefId::parse(c.as_str()).unwrap();
        let listed = floor(&acme(), &BuildingRefId::parse(b.as_str()).unwrap(), &floor_ref_id).sk.starts_with(&floor_prefix(&building));
        prop_assert_eq!(listed, a == b);
    }

    #[test]
    fn attempts_sort_as_they_started(a_ms in 0_i64..4_000_000_000_000, b_ms in 0_i64..4_000_000_000_000) {
        let key = |ms| {
            let id = SubscriptionId::from_uuid(Uuid::from_u128(1));
            attempt(&acme(), &id, &AttemptId::at(Timestamp::from_millisecond(ms).unwrap(), [5; 10])).sk
        };
        prop_assert_eq!(key(a_ms).cmp(&key(b_ms)), a_ms.cmp(&b_ms));
    }

    #[test]
    fn deliveries_that_wait_sort_as_they_are_sent(a in place(), b in place()) {
        let key = |place| kept(&subscription_key(), place).sk;
        // Of one place in a space's history there is one event, so types need no order.
        let order = |place: &KeptKey| (place.stream, place.sequence);
        if order(&a) != order(&b) {
            prop_assert_eq!(key(&a).cmp(&key(&b)), a.cmp(&b));
        }
        prop_assert_eq!(key(&a).starts_with(&kept_prefix(b.stream)), a.stream == b.stream);
        prop_assert_eq!(key(&a) == key(&b), a == b);
    }

    #[test]
    fn the_dead_sort_as_they_died(a_ms in 0_i64..253_402_000_000_000, b_ms in 0_i64..253_402_000_000_000) {
        let key = |ms| {
            let died_at = Timestamp::from_millisecond(ms).unwrap();
            dead(&subscription_key(), died_at, &EventId::at(Timestamp::UNIX_EPOCH, &[7; 32])).sk
        };
        prop_assert_eq!(key(a_ms).cmp(&key(b_ms)), a_ms.cmp(&b_ms));
    }

    #[test]
    fn buckets_sort_as_they_start(a_s in 0_i64..4_000_000_000, b_s in 0_i64..4_000_000_000) {
        let start = |s| BucketStart::holding(Timestamp::from_second(s).unwrap());
        let key = |s| bucket(&acme(), &SubscriptionId::from_uuid(Uuid::from_u128(1)), start(s), Timestamp::UNIX_EPOCH).sk;
        prop_assert_eq!(key(a_s).cmp(&key(b_s)), start(a_s).cmp(&start(b_s)));
        prop_assert_eq!(key(a_s) >= buckets_from(start(b_s)), start(a_s) >= start(b_s));
        prop_assert!(key(a_s).as_str() < BUCKETS_END);
    }
}

#[test]
fn keys_are_as_documented() {
    let id = SubscriptionId::from_uuid(Uuid::from_u128(1));
    let at: Timestamp = "2026-03-29T01:14:59.5Z".parse().unwrap();
    let of = SubscriptionKey { tenant: acme(), id: id.clone() };
    let place = KeptKey {
        stream: Stream::of_space(SpaceId(26)),
        sequence: Sequence(u64::MAX),
        event_type: EventType::SpaceReport,
    };
    let shown = [
        tenant(&acme()),
        contacts(&acme()),
        subscription(&acme(), &id),
        match_entry(&acme(), EventType::SpaceReport, &id),
        space(&acme(), &space_key("HQ #1", "100%")),
        sensor_group(&acme(), &SensorGroupRefId::parse("west #1").unwrap()),
        state(&acme(), ObservedId::Space(SpaceId(7))),
        state(&acme(), ObservedId::Group(SensorGroupId(7))),
        bucket(&acme(), &id, BucketStart::holding(at), at),
        attempt(&acme(), &id, &AttemptId::at(at, [2; 10])),
        backlog(&of),
        lane(&of, Stream::of_space(SpaceId(26))),
        kept(&of, &place),
        dead(&of, at, &EventId::at(Timestamp::UNIX_EPOCH, &[7; 32])),
        permits(&of, 1_774_746_899),
        notice(&notice_id(&id, at)),
        revision(&acme(), &id, 3),
        pack(&acme(), at, Uuid::from_u128(2)),
        job(&JobKey { subscription: of, id: spacehook_domain::ids::JobId::from_uuid(Uuid::from_u128(3)) }),
    ]
    .map(|key| key.to_string());
    assert_eq!(
        shown,
        [
            "T#acme / TENANT",
            "T#acme / CONTACTS",
            "T#acme / SUB#sub_00000000000000000000000000000001",
            "M#acme#space_report / sub_00000000000000000000000000000001",
            "T#acme / SPC#HQ %231#100%25",
            "T#acme / GRP#west %231",
            "S#acme#7 / STATE",
            "S#acme#g7 / STATE",
            "D#acme#sub_00000000000000000000000000000001 / STAT#2026-03-29T01:00:00Z#2026-03-29T01:14:59.5Z",
            "D#acme#sub_00000000000000000000000000000001 / \
             ATT#019d3728942c72028202020202020202",
            "B#acme#sub_00000000000000000000000000000001 / BACKLOG",
            "B#acme#sub_00000000000000000000000000000001 / LANE#000000000000001a",
            "B#acme#sub_00000000000000000000000000000001 / KEPT#000000000000001a#ffffffffffffffff#space_report",
            "B#acme#sub_00000000000000000000000000000001 / \
             DEAD#001774746899500#evt_00000000000007070707070707070707",
            "B#acme#sub_00000000000000000000000000000001 / RATE#1774746899",
            "NOTICE#1 / acme#sub_00000000000000000000000000000001#001774746899500#disabled",
            "D#acme#sub_00000000000000000000000000000001 / REV#3",
            "E#acme#2026-03-29T01 / 001774746899500#00000000-0000-0000-0000-000000000002",
            "J#acme#sub_00000000000000000000000000000001 / JOB#00000000000000000000000000000003",
        ]
    );
}

#[test]
fn failing_subscriptions_and_notices_spread_over_every_shard() {
    let shards: std::collections::BTreeSet<String> =
        (0..200).map(|n| failing(&acme(), &SubscriptionId::from_uuid(Uuid::from_u128(n * 7_919))).pk).collect();
    assert_eq!(shards.len(), usize::from(SHARDS));
    let ids = (0..200).map(|n| SubscriptionId::from_uuid(Uuid::from_u128(n * 7_919)));
    let shards: std::collections::BTreeSet<String> =
        ids.map(|id| notice(&notice_id(&id, Timestamp::UNIX_EPOCH)).pk).collect();
    assert_eq!(shards.len(), usize::from(SHARDS));
}

#[test]
fn attempts_are_found_by_their_time() {
    let at = |ms: i64| Timestamp::from_millisecond(1_774_746_899_500 + ms).unwrap();
    let sk = |ms, random| {
        attempt(&acme(), &SubscriptionId::from_uuid(Uuid::from_u128(1)), &AttemptId::at(at(ms), [random; 10])).sk
    };
    assert!(
        sk(-1, 0xff) < attempts_from(at(0)) && attempts_from(at(0)) < sk(0, 0) && sk(0, 0xff) < attempts_from(at(1))
    );
    assert!(sk(0, 0xff).as_str() < ATTEMPTS_END && attempts_from(Timestamp::UNIX_EPOCH) < sk(0, 0));
    // As an earlier release had it.
    assert!("ATT#2026-03-29T01:14:59.500Z" > ATTEMPTS_END);
}

#[test]
fn packs_and_jobs_read_back() {
    let at: Timestamp = "2026-03-29T01:59:59.999Z".parse().unwrap();
    let key = pack(&acme(), at, Uuid::from_u128(2));
    assert_eq!(read_pack(&key.sk), Some(at));
    assert!(pack_from(at) < key.sk && key.sk < pack_end(at) && pack_end(at) < pack_from(next_hour(hour_of(at))));
    assert_eq!(next_hour(hour_of(at)).to_string(), "2026-03-29T02:00:00Z");
    assert_eq!(read_job_partition(&job_partition(&subscription_key())), Some(subscription_key()));
}
