use super::*;
use crate::event::EventType;
use crate::ids::{Sequence, SpaceId};
use crate::stream::Stream;
use crate::test_data;
use proptest::prelude::*;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(1_770_000_000_000 + ms).unwrap()
}

/// An event of a tenant that was received so many milliseconds after some moment.
fn event(tenant: u8, ms: i64, sequence: u64, bytes: usize) -> Event {
    let tenant = TenantId::parse(format!("tenant-{tenant}")).unwrap();
    let (stream, sequence) = (Stream::of_space(SpaceId(7)), Sequence(sequence));
    let id = Event::derived_id(&tenant, stream, EventType::SpaceReport, sequence, at(ms));
    let data = serde_json::json!({"filling": "x".repeat(bytes)});
    Event { id, tenant, sequence, received_at: at(ms), ..test_data::event(data) }
}

fn read(pack: &Pack) -> Unpacked {
    let events = serde_json::from_str::<Vec<Event>>(&pack.json).unwrap();
    assert_eq!(events.len(), pack.count);
    Unpacked { from: pack.from, events }
}

prop_compose! {
    fn events()(drawn in prop::collection::vec((0_u8..3, 0_i64..40_000, prop_oneof![Just(10_usize), Just(30_000), Just(90_000)]), 0..40)) -> Vec<Event> {
        (0_u64..).zip(drawn).map(|(sequence, (tenant, ms, bytes))| event(tenant, ms, sequence, bytes)).collect()
    }
}

proptest! {
    #[test]
    fn every_event_is_in_one_pack_and_packs_are_bounded_and_in_order(events in events()) {
        let packs = packs(&events, KeptDays::default());
        let mut found: Vec<Event> = Vec::new();
        for pack in &packs {
            let Unpacked { from, events } = read(pack);
            prop_assert!(!events.is_empty() && (pack.json.len() <= PACK_BYTES || events.len() == 1));
            prop_assert!(events.iter().all(|event| event.tenant == pack.tenant));
            prop_assert_eq!(events[0].received_at, from);
            prop_assert!(events.is_sorted_by_key(|event| event.received_at));
            let last = events.last().unwrap().received_at;
            prop_assert!(last.duration_since(from) <= SPAN);
            prop_assert_eq!(pack.expires_at_s, last.as_second() + 7 * 86_400);
            found.extend(events);
        }
        for tenant in packs.iter().map(|pack| &pack.tenant) {
            let of = |all: &[Event]| all.iter().filter(|event| event.tenant == *tenant).cloned().collect::<Vec<_>>();
            let mut expected = of(&events);
            // Stable: the order of the batch stays.
            expected.sort_by_key(|event| event.received_at);
            prop_assert_eq!(of(&found), expected);
        }
        prop_assert_eq!(found.len(), events.len());
    }

    #[test]
    fn whoever_reads_packs_gets_each_event_once_in_order_however_often_it_stops(
        times in prop::collection::vec(0_i64..30_000, 0..60), batches in 1_usize..9, again in 0_usize..30,
        stops in prop::collection::vec((1_usize..6, 1_usize..9, prop::option::of(1_usize..9)), 1..20), from in 0_i64..20_000,
    ) {
        let events: Vec<Event> = (0..).zip(&times).map(|(sequence, ms)| event(0, *ms, sequence, 1)).collect();
        let mut kept: Vec<Unpacked> = Vec::new();
        for batch in events.chunks(events.len() / batches + 1).chain([&events[..again.min(events.len())]]) {
            kept.extend(packs(batch, KeptDays::default()).iter().map(read));
        }
        kept.sort_by_key(|pack| pack.from);
        let window = Window { since: at(from), until: at(25_000) };
        let mut expected: Vec<&Event> = events.iter().filter(|event| window.holds(event)).collect();
        expected.sort_by_key(|event| Place::of(event));

        let mut found: Vec<Event> = Vec::new();
        let mut position = Some(Position::start(window));
        let mut stops = stops.iter().cycle();
        let mut steps = 0;
        while let Some(from) = position.take() {
            let (most_packs, most, cut) = stops.next().copied().unwrap();
            let mut merge = Merge::new(window, &from);
            let mut rest = kept.iter().filter(|pack| pack.from >= from.from && pack.from < window.until).peekable();
            let mut read = 0;
            // As the store does it: until something is in order, and then no more than so many packs.
            while let Some(pack) = rest.peek() {
                if read >= most_packs && merge.ready(pack.from) > 0 {
                    break;
                }
                merge.take((*pack).clone());
                read += 1;
                rest.next();
            }
            let scanned = merge.finish(rest.peek().map(|pack| pack.from), most);
            let count = cut.unwrap_or(usize::MAX).min(scanned.events().len());
            position = scanned.position_after(count);
            steps += 1;
            prop_assert!(steps < 2_000, "it does not come to an end");
            found.extend(scanned.events().take(count).cloned());
        }
        prop_assert_eq!(found.iter().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn days_are_0_to_30_and_0_keeps_nothing() {
    assert_eq!(KeptDays::parse("7"), Ok(KeptDays::default()));
    for bad in ["", "31", "-1", "1.5", "x"] {
        assert_eq!(KeptDays::parse(bad), Err(InvalidKeptDays), "{bad}");
    }
    let one = event(0, 0, 1, 1);
    assert!(packs([&one], KeptDays::parse("0").unwrap()).is_empty());
    assert_eq!(packs([&one], KeptDays::default()).len(), 1);
    assert_eq!(KeptDays::default().since(at(0)), at(-7 * 86_400_000));
}
