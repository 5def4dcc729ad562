use super::*;
use proptest::prelude::*;

const DAY: i64 = SECONDS_OF_A_DAY;

fn observed(second: i64, entries: u32, exits: u32, counting: Counting) -> Observation {
    let at = Timestamp::from_second(1_770_076_800 + second).unwrap();
    Observation { at, lag_ms: Some(0), totals: Totals { entries, exits, counting } }
}

fn never(bits: Bits) -> Counting {
    Counting { bits, ..Counting::default() }
}

fn midnight() -> Counting {
    Counting { resets: Resets::Midnight, ..Counting::default() }
}

fn counter(observations: &[Observation]) -> Counter {
    let (first, rest) = observations.split_first().unwrap();
    let mut counter = Counter::new(*first);
    for one in rest {
        counter.take(*one);
    }
    counter
}

#[test]
fn a_counter_that_resets_at_midnight_says_the_day_itself() {
    let of = |second, entries, exits| observed(second, entries, exits, midnight());
    let mut counter = counter(&[of(0, 5, 2)]);
    assert_eq!(counter.net(), 3);
    assert_eq!(counter.take(of(DAY, 1, 0)), Counted::Newer);
    assert_eq!(counter.net(), 1);
    assert_eq!(counter.take(of(DAY, 1, 1)), Counted::Revised);
    assert_eq!(counter.net(), 0);
    assert_eq!(counter.take(of(60, 9, 2)), Counted::Older);
    assert_eq!(counter.take(of(DAY, 1, 1)), Counted::Known);
    assert_eq!(counter.net(), 0);
}

#[test]
fn one_that_never_resets_counts_from_the_first_of_all_and_then_from_the_day_before() {
    let of = |second, entries, exits| observed(second, entries, exits, never(Bits::ThirtyTwo));
    let mut counter = counter(&[of(600, 1_000, 990)]);
    assert_eq!(counter.net(), 0, "who was there before is not known");
    counter.take(of(900, 1_004, 991));
    assert_eq!(counter.net(), 3);
    assert_eq!(counter.take(of(300, 998, 990)), Counted::Corrected, "an earlier first");
    assert_eq!(counter.net(), 5);
    counter.take(of(DAY + 60, 1_005, 991));
    assert_eq!(counter.net(), 1, "the day begins with nobody inside");
    assert_eq!(counter.take(of(1_200, 1_005, 991)), Counted::Corrected, "a later one of the day before");
    assert_eq!(counter.net(), 0);
    assert_eq!(counter.take(of(1_000, 0, 0)), Counted::Older);
}

#[test]
fn totals_wrap_or_begin_anew() {
    let of = |second, entries, exits| observed(second, entries, exits, never(Bits::Sixteen));
    assert_eq!(counter(&[of(0, 65_530, 65_535), of(60, 4, 2)]).net(), 10 - 3);
    assert_eq!(counter(&[of(0, 100, 90), of(60, 7, 3)]).net(), 7 - 3, "a reset counts from 0");
    assert_eq!(counter(&[of(0, 100, 90), of(60, 60_000, 90)]).net(), 59_900, "up is up");
    let wrapped = Counting { bits: Bits::Sixteen, ..midnight() };
    assert_eq!(counter(&[observed(0, 3, 65_534, wrapped)]).net(), 5);
    assert_eq!(counter(&[observed(0, 65_534, 3, wrapped)]).net(), -5);
    let widest = never(Bits::ThirtyTwo);
    assert_eq!(counter(&[observed(0, u32::MAX, 0, widest), observed(1, 0, 0, widest)]).net(), 1);
}

#[test]
fn midnight_is_that_of_the_counters_wall() {
    let counting = Counting { utc_offset_s: 3_600, ..Counting::default() };
    let of = |second, entries| observed(second, entries, 0, counting);
    assert_eq!(counter(&[of(-7_200, 10), of(-3_500, 13), of(0, 14)]).net(), 4, "from 23:00 UTC on it is the next day");
}

#[test]
fn it_survives_being_stored_and_what_is_usual_takes_no_place() {
    let one = counter(&[observed(0, 5, 2, never(Bits::ThirtyTwo))]);
    let stored = serde_json::to_string(&one).unwrap();
    assert_eq!(stored, r#"{"newest":{"at":"2026-02-03T00:00:00Z","lag":0,"entries":5,"exits":2}}"#);
    assert_eq!(serde_json::from_str::<Counter>(&stored).unwrap(), one);
    let two = counter(&[observed(0, 5, 2, midnight()), observed(DAY, 1, 0, midnight())]);
    assert_eq!(serde_json::from_str::<Counter>(&serde_json::to_string(&two).unwrap()).unwrap(), two);
}

fn any_observation() -> impl Strategy<Value = Observation> {
    let counting = (any::<bool>(), any::<bool>(), prop::sample::select(vec![-3_600, 0, 3_600])).prop_map(
        |(wide, resets, utc_offset_s)| Counting {
            bits: if wide { Bits::ThirtyTwo } else { Bits::Sixteen },
            resets: if resets { Resets::Midnight } else { Resets::Never },
            utc_offset_s,
        },
    );
    (0_i64..24, prop::option::of(0_i32..3), 0_u32..4, 0_u32..4, counting).prop_map(
        |(step, lag_ms, entries, exits, of)| Observation {
            lag_ms,
            ..observed(step * DAY / 8, entries * 20_000, exits * 20_000, of)
        },
    )
}

proptest! {
    /// Whatever is heard, of however many days and kinds of counting: two observations are enough.
    #[test]
    fn order_and_repetition_do_not_matter(
        (all, disordered) in prop::collection::vec(any_observation(), 1..20).prop_flat_map(|all| {
            let repeated: Vec<_> = all.iter().chain(all.iter().step_by(2)).copied().collect();
            (Just(all), Just(repeated).prop_shuffle())
        })
    ) {
        let mut ordered = all;
        ordered.sort_by_key(Observation::rank);
        prop_assert_eq!(counter(&ordered), counter(&disordered));
    }

    /// However a day's comings and goings are cut into observations, and wherever the totals began: the net is theirs.
    #[test]
    fn the_net_is_that_of_the_steps(
        began in (any::<u16>(), any::<u16>()),
        steps in prop::collection::vec((0_u32..300, 0_u32..300), 1..40),
    ) {
        let (mut entries, mut exits) = (u32::from(began.0), u32::from(began.1));
        let mut seen = vec![observed(0, entries, exits, never(Bits::Sixteen))];
        let mut net = 0_i64;
        for (place, (came, went)) in (1..).zip(steps) {
            (entries, exits) = ((entries + came) % 65_536, (exits + went) % 65_536);
            net += i64::from(came) - i64::from(went);
            seen.push(observed(60 * place, entries, exits, never(Bits::Sixteen)));
        }
        prop_assert_eq!(counter(&seen).net(), net);
    }
}
