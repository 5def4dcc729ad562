use super::*;
use crate::fake::{now, since, subscription};
use jiff::ToSpan as _;
use spacehook_domain::event::EventType;
use spacehook_domain::ids::{EventId, Sequence};
use spacehook_domain::notice::{MailState, Window};
use spacehook_domain::retry::AttemptNumber;
use spacehook_domain::stats::{BucketStart, Counts};

const LIMITS: Limits = Limits { threshold_basis_points: 9_900, backlog_max_age_hours: 72 };

fn attempt(minutes_ago: i64, status: u16, answer: &str) -> Attempt {
    let reason = FailureReason::from_http_status(status);
    Attempt {
        event_id: EventId::at(Timestamp::UNIX_EPOCH, &[7; 32]),
        revision: 1,
        sequence: Sequence(1),
        superseded: None,
        space: None,
        sensor_group: None,
        event_type: EventType::SpaceReport,
        number: AttemptNumber::FIRST,
        started_at: now() - minutes_ago.minutes(),
        duration_ms: 7,
        freshness_ms: 9,
        trace_id: None,
        outcome: Outcome::Failed { reason, status: Some(status), answer: Some(answer.to_owned()) },
    }
}

fn counts(reasons: &[(&str, u64)]) -> Counts {
    let failures = reasons.iter().map(|(_, count)| count).sum();
    let reasons = reasons.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect();
    Counts { attempts: failures + 1, successes: 1, failures, reasons, ..Counts::default() }
}

fn notice(happened: Happened, activity: Activity, reasons: &[(&str, u64)]) -> Notice {
    Notice {
        happened,
        at: now(),
        subscription: Subscription { activity, ..subscription(1) },
        window: Some(Window { hours: 24, enabled_since: since(), counts: counts(reasons) }),
        to_publish: true,
        mail: MailState::Due,
    }
}

fn disabled(reason: DisabledReason) -> Activity {
    Activity::Disabled { since: now(), reason }
}

fn for_its_rate() -> Activity {
    disabled(DisabledReason::FailureRate { failures: 200, attempts: 201, window_hours: 24 })
}

fn enabled() -> Activity {
    Activity::Enabled { since: since() }
}

fn written(notice: &Notice, buckets: &[Bucket], newest: &[Attempt], now_enabled: bool) -> Mail {
    mail(notice, buckets, newest, now_enabled, LIMITS).unwrap().unwrap()
}

#[test]
fn what_happened_decides_which_mail_is_written() {
    let table = [
        (Happened::Disabled, for_its_rate(), Some("Spacehook disabled")),
        (Happened::Disabled, disabled(DisabledReason::Gone), Some("answered 410 Gone")),
        (Happened::Disabled, disabled(DisabledReason::ByRequest), None),
        (Happened::Failing, enabled(), Some("is failing")),
        (Happened::Enabled, enabled(), None),
        (Happened::Recovered, enabled(), None),
    ];
    for (happened, activity, expected) in table {
        let notice = notice(happened, activity, &[("http_500", 200)]);
        let mail = mail(&notice, &[], &[], false, LIMITS).unwrap();
        let found = mail.as_ref().zip(expected).map(|(mail, expected)| mail.subject.contains(expected));
        assert_eq!((mail.is_some(), found), (expected.is_some(), expected.map(|_| true)), "{notice:?}");
    }
}

#[test]
fn a_warning_without_counts_is_not_sent_and_a_disabling_is() {
    let without = |happened, activity| Notice { window: None, ..notice(happened, activity, &[]) };
    assert_eq!(mail(&without(Happened::Failing, enabled()), &[], &[], true, LIMITS).unwrap(), None);
    let mail = written(&without(Happened::Disabled, for_its_rate()), &[], &[], false);
    assert!(mail.text.contains("200 of 201") && mail.html.contains("200 of 201"), "{}", mail.text);
}

#[test]
fn the_five_most_frequent_errors_are_listed_with_their_last_time_and_answer() {
    let reasons =
        [("http_500", 90), ("http_404", 50), ("http_503", 30), ("timeout", 20), ("http_502", 9), ("http_418", 1)];
    let newest = [
        attempt(-1, 500, "after the notice"),
        attempt(3, 404, "not here"),
        attempt(5, 500, "last"),
        attempt(6, 500, "before the last"),
        attempt(49 * 60, 503, "of an earlier period"),
    ];
    let mail = written(&notice(Happened::Disabled, for_its_rate(), &reasons), &[], &newest, false);
    for body in [&mail.text, &mail.html] {
        let places: Vec<_> =
            ["HTTP 500", "HTTP 404", "HTTP 503", "HTTP 502"].into_iter().map(|reason| body.find(reason)).collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?} in {body}");
        for needed in ["90 times", "2026-02-02 14:15:00 UTC", "last", "2026-02-02 14:17:00 UTC", "not here"] {
            assert!(body.contains(needed), "{needed} is missing in {body}");
        }
        for needless in ["HTTP 418", "before the last", "after the notice", "earlier period"] {
            assert!(!body.contains(needless), "{needless} is in {body}");
        }
        let fix = FailureReason::from_http_status(404).how_to_fix();
        assert!(mail.text.contains(fix), "{fix} is missing in {body}");
    }
}

#[test]
fn the_chart_is_of_the_period_and_window_alone() {
    let bucket = |hours_ago: i64, enabled_since, failures| Bucket {
        start: BucketStart::holding(now() - hours_ago.hours()),
        enabled_since,
        counts: counts(&[("http_500", failures)]),
    };
    let buckets = [
        bucket(2, since(), 42),
        bucket(2, since() - 1.hour(), 1_000),
        bucket(30, since(), 2_000),
        bucket(-1, since(), 3_000),
    ];
    let mail = written(&notice(Happened::Failing, enabled(), &[("http_500", 42)]), &buckets, &[], true);
    assert!(mail.text.contains("Most failures in one hour: 42,"), "{}", mail.text);
    assert!(mail.text.contains("42 failed, 1 accepted"), "{}", mail.text);
}

#[test]
fn settings_and_what_became_of_it_since_are_told() {
    let limits = Limits { threshold_basis_points: 9_950, backlog_max_age_hours: 12 };
    let told = |notice: &Notice, now_enabled| mail(notice, &[], &[], now_enabled, limits).unwrap().unwrap().text;
    let mut of_rate = notice(Happened::Disabled, for_its_rate(), &[("http_500", 200)]);
    let text = told(&of_rate, true);
    for needed in ["more than 99.50 %", "12 hours", "enabled it again since", "every event since is kept"] {
        assert!(text.contains(needed), "{needed} is missing in {text}");
    }
    of_rate.subscription.backlog = BacklogMode::Latest;
    assert!(told(&of_rate, false).contains("newest event of each type and space is kept"));
    let failing = notice(Happened::Failing, enabled(), &[("http_500", 200)]);
    assert!(
        told(&failing, false).contains("has been disabled since") && told(&failing, true).contains("still enabled")
    );
}
