use super::*;
use jiff::ToSpan as _;
use proptest::prelude::*;

fn start() -> Timestamp {
    // Half an hour before the clocks of much of Europe go forward: silence is counted in UTC, and does not notice.
    "2026-03-29T00:30:00Z".parse().unwrap()
}

fn after(minutes: i64) -> Timestamp {
    start() + minutes.minutes()
}

fn heard() -> Presence {
    Presence::new(start(), Silence::default())
}

fn report(minutes: i64, session: u64, link: Link) -> LinkReport {
    LinkReport { at: after(minutes), session, link }
}

#[test]
fn silence_is_told_step_by_step_and_once() {
    use DeviceHealth::{LostCommunication, Offline, Online};
    let mut sensor = heard();
    assert_eq!(sensor.look(after(59)), []);
    assert_eq!(sensor.next_look(), Some(after(60)));
    assert_eq!(
        sensor.look(after(60)),
        [Turn::ReadingsStale(after(60)), Turn::Health(LostCommunication, after(60))],
        "at the very minute"
    );
    assert_eq!((sensor.look(after(179)), sensor.next_look()), (vec![], Some(after(180))));
    assert_eq!(sensor.look(after(200)), [Turn::Health(Offline, after(180))]);
    assert_eq!((sensor.look(after(9_999)), sensor.next_look()), (vec![], None));
    assert_eq!(sensor.hear(after(10_000), Silence::default()), Some(Turn::Health(Online, after(10_000))));
    assert_eq!((sensor.is_stale(), sensor.next_look()), (false, Some(after(10_060))));
    assert_eq!(sensor.hear(after(10_001), Silence::default()), None);
}

#[test]
fn who_is_looked_at_late_is_told_every_step() {
    let steps = heard().look(after(500));
    assert_eq!(steps.len(), 3, "{steps:?}");
}

#[test]
fn a_broken_connection_is_told_soon_unless_it_comes_back() {
    let mut sensor = heard();
    assert_eq!(sensor.link(report(10, 1, Link::Broken)), None);
    assert_eq!(sensor.look(after(14)), []);
    assert_eq!(sensor.look(after(15)), [Turn::Health(DeviceHealth::LostCommunication, after(15))]);
    assert_eq!(sensor.link(report(20, 2, Link::Connected)), Some(Turn::Health(DeviceHealth::Online, after(20))));
    assert_eq!(sensor.link(report(10, 1, Link::Broken)), None, "a repeat");
    assert_eq!(sensor.link(report(19, 1, Link::Broken)), None, "the broker's words come in any order");
    assert_eq!(sensor.link(report(21, 1, Link::Broken)), None, "the end of a session that another took the place of");
    assert_eq!(sensor.look(after(59)), []);
    assert_eq!(sensor.look(after(60)), [Turn::ReadingsStale(after(60))], "it is there, and says nothing");
    // Hours later the broker numbers its sessions anew.
    assert_eq!(sensor.link(report(600, 0, Link::Broken)), None);
    assert_eq!(sensor.look(after(605)), [Turn::Health(DeviceHealth::LostCommunication, after(605))]);
    let late = LinkReport { at: start() - GRACE, ..report(0, 1, Link::Connected) };
    assert_eq!(sensor.link(late), None, "it had connected before the last reading");

    let mut heard_since = heard();
    heard_since.link(report(10, 1, Link::Broken));
    heard_since.hear(after(11), Silence::default());
    assert_eq!(heard_since.look(after(30)), []);
}

#[test]
fn a_goodbye_is_judged_by_silence_and_a_connection_is_not_trusted_for_ever() {
    let mut sleeper = heard();
    sleeper.link(report(1, 1, Link::Closed));
    assert_eq!(sleeper.look(after(60)), [Turn::ReadingsStale(after(60))]);
    assert_eq!(sleeper.look(after(61)), [Turn::Health(DeviceHealth::LostCommunication, after(61))]);

    let mut connected = heard();
    connected.link(report(1, 1, Link::Connected));
    assert_eq!(connected.look(after(24 * 60)), [Turn::ReadingsStale(after(60))]);
    assert_eq!(connected.look(after(24 * 60 + 1)).len(), 2, "lost, and offline");
}

#[test]
fn limits_are_whole_minutes_in_order() {
    assert!(Silence::new(60, 60).is_ok() && Silence::new(1, Silence::LONGEST_MIN).is_ok());
    for (intermittent, offline) in [(0, 60), (61, 60), (1, Silence::LONGEST_MIN + 1)] {
        assert!(Silence::new(intermittent, offline).is_err(), "{intermittent} {offline}");
    }
    assert_eq!(serde_json::from_str::<Silence>("[60,180]").unwrap(), Silence::default());
    assert!(serde_json::from_str::<Silence>("[0,180]").is_err());
}

#[test]
fn limits_by_profile() {
    let silences = Silences::parse("30/90, slow=1440/4320").unwrap();
    assert_eq!(silences.of("slow"), Silence::new(1_440, 4_320).unwrap());
    assert_eq!(silences.of("native"), Silence::new(30, 90).unwrap());
    assert_eq!(Silences::parse("slow=1/2").unwrap().of("native"), Silence::default());
    assert_eq!(Silences::parse("180/60").unwrap().of("native"), Silence::new(180, 180).unwrap());
    let longest = Silence::new(Silence::LONGEST_MIN, Silence::LONGEST_MIN).unwrap();
    assert_eq!(Silences::parse("90000/99999").unwrap().of("native"), longest);
    for bad in ["", "60", "60/", "=60/180", "a=b/c", "60/180,", "60/180;1/2"] {
        assert!(Silences::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn the_next_look_moves_seldom_and_is_never_late() {
    let due = |stored, wanted| next_due(stored, wanted, start());
    assert_eq!(due(None, Some(after(60))), Some(after(60)));
    assert_eq!(due(Some(after(60)), Some(after(69))), Some(after(60)), "near enough");
    assert_eq!(due(Some(after(60)), Some(after(70))), Some(after(70)));
    assert_eq!(due(Some(after(60)), Some(after(15))), Some(after(15)), "earlier at once");
    assert_eq!(due(Some(after(-1)), Some(after(2))), Some(after(2)), "a look that was had is set anew");
    assert_eq!(due(Some(after(60)), None), None);
}

proptest! {
    /// Whatever was heard when, in whatever order: the state is that of the newest, and looks come when they must.
    #[test]
    fn the_newest_sign_counts(mut minutes in proptest::collection::vec(0_i64..300, 1..20), look in 0_i64..800) {
        let mut sensor = heard();
        for minute in &minutes {
            sensor.hear(after(*minute), Silence::default());
        }
        minutes.sort_unstable();
        let mut in_order = heard();
        for minute in &minutes {
            in_order.hear(after(*minute), Silence::default());
        }
        prop_assert_eq!(&sensor, &in_order);
        let next = sensor.next_look().unwrap();
        let turns = sensor.look(after(look));
        prop_assert_eq!(turns.is_empty(), after(look) < next);
        prop_assert!(sensor.next_look().is_none_or(|next| next > after(look)));
    }
}
