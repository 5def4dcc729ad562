//! What every mail must say, and what it must not do.

use super::*;
use jiff::Timestamp;
use spacehook_domain::stats::{Bucket, BucketStart, Counts};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// 24 hours: well for most of the day, then ever worse.
fn day() -> Vec<Bucket> {
    let counts = |(accepted, failed): (u64, u64)| Counts {
        attempts: accepted + failed,
        successes: accepted,
        failures: failed,
        ..Counts::default()
    };
    let end_s = at("2026-02-02T14:15:00Z").as_second();
    let bucket = |quarter: u64| Bucket {
        start: BucketStart::holding(Timestamp::from_second(end_s - i64::try_from(quarter).unwrap() * 900).unwrap()),
        enabled_since: Timestamp::UNIX_EPOCH,
        counts: counts(if quarter < 40 { (0, 2 + (40 - quarter) / 4) } else { ((quarter * 7) % 5, quarter % 2) }),
    };
    (0..70).map(bucket).collect()
}

fn which(name: &str) -> Which {
    Which::new(name, "sub_1", "https://kiosk.example.com/hook?token=secret")
}

fn top_error(sample: &str) -> TopError {
    TopError {
        reason: "HTTP 500".to_owned(),
        count: 200,
        last_seen: Some(at("2026-02-02T14:19:00.123Z")),
        sample: Some(Line::of(sample, 300)),
        meaning: "The receiver failed.".to_owned(),
        remedy: "Look at its log.".to_owned(),
    }
}

fn failures(sample: &str) -> Failures {
    let timeout = TopError {
        reason: "no answer within 5 s".to_owned(),
        count: 1,
        last_seen: None,
        sample: None,
        ..top_error("")
    };
    let chart = Chart::of(&day(), at("2026-02-02T14:20:00Z"), 24);
    Failures::new((200, 201), 24, vec![top_error(sample), timeout], Some(chart))
}

const KEPT: Kept = Kept { latest_only: false, hours: 48 };

fn disabled(name: &str, sample: &str) -> DisabledMail {
    DisabledMail {
        which: which(name),
        disabled_at: at("2026-02-02T14:20:00.456Z"),
        failures: failures(sample),
        threshold: Percent::of_basis_points(9_850),
        kept: KEPT,
        enabled_again: false,
    }
}

fn warning(name: &str, sample: &str) -> WarningMail {
    WarningMail {
        which: which(name),
        seen_at: at("2026-02-02T14:20:00.456Z"),
        failures: failures(sample),
        threshold: Percent::of_basis_points(9_900),
        kept: KEPT,
        disabled_since: false,
    }
}

fn gone(name: &str) -> GoneMail {
    GoneMail { which: which(name), disabled_at: at("2026-02-02T14:20:00.456Z"), kept: KEPT, enabled_again: false }
}

fn every_mail(name: &str, sample: &str) -> [Mail; 3] {
    [disabled(name, sample).write(), warning(name, sample).write(), gone(name).write()].map(Result::unwrap)
}

fn assert_says(mail: &Mail, all: &[&str]) {
    for body in [&mail.text, &mail.html] {
        for needed in all {
            assert!(body.contains(needed), "{needed} is missing in {body}");
        }
    }
}

const ENABLING: [&str; 7] = [
    "kiosk.example.com",
    "sub_1",
    "POST /v1/subscriptions/sub_1/enable",
    "GET /v1/subscriptions/sub_1/backlog",
    r#"{"backlog": "deliver"}"#,
    r#"{"backlog": "latest"}"#,
    r#"{"backlog": "discard"}"#,
];

const FAILING: [&str; 10] = [
    "200 of 201",
    "99.50 %",
    "the 24 hours before",
    "HTTP 500",
    "200 times",
    "1 time",
    "2026-02-02 14:19:00 UTC",
    "The receiver failed.",
    "Look at its log.",
    "Most failures in one hour: 45, from 02 Feb 13:30 on.",
];

#[test]
fn who_is_disabled_is_told_why_and_how_to_go_on() {
    let mail = disabled("Kiosk", "down").write().unwrap();
    assert_eq!(mail.subject, "Spacehook disabled the subscription \"Kiosk\": 99.50 % of its attempts failed");
    assert_says(&mail, &ENABLING);
    assert_says(&mail, &FAILING);
    assert_says(&mail, &["2026-02-02 14:20:00 UTC", "more than 98.50 % fail", "up to 48 hours", "every event since"]);
}

#[test]
fn who_fails_is_warned_before() {
    let mail = warning("Kiosk", "down").write().unwrap();
    assert_eq!(mail.subject, "The subscription \"Kiosk\" is failing: 99.50 % of its attempts failed");
    assert_says(&mail, &FAILING);
    let own =
        ["2026-02-02 14:20:00 UTC", "still enabled", "more than 99 % fail", "kiosk.example.com", "up to 48 hours"];
    assert_says(&mail, &own);
    assert!(!mail.text.contains("/enable"), "{}", mail.text);
}

#[test]
fn whose_receiver_is_gone_is_told_what_can_be_done() {
    let mail = gone("Kiosk").write().unwrap();
    assert_eq!(mail.subject, "Your webhook \"Kiosk\" was disabled: its receiver answered 410 Gone");
    assert_says(&mail, &ENABLING);
    let own =
        ["2026-02-02 14:20:00 UTC", "410 Gone", "PATCH /v1/subscriptions/sub_1", "DELETE /v1/subscriptions/sub_1"];
    assert_says(&mail, &own);
}

#[test]
fn mails_say_what_is_otherwise() {
    let kept = Kept { latest_only: true, hours: 1 };
    let changed = [
        DisabledMail { enabled_again: true, kept, ..disabled("n", "s") }.write().unwrap(),
        GoneMail { enabled_again: true, kept, ..gone("n") }.write().unwrap(),
        WarningMail { disabled_since: true, kept, ..warning("n", "s") }.write().unwrap(),
    ];
    for (mail, usual) in changed.iter().zip([disabled("n", "s").write(), gone("n").write(), warning("n", "s").write()])
    {
        assert_says(mail, &["newest event of each type and space", "up to 1 hour"]);
        let usual = usual.unwrap();
        let since = ["enabled it again since", "has been disabled since"];
        let says = |text: &str| since.iter().any(|words| text.contains(words));
        assert!(says(&mail.text) && says(&mail.html) && !says(&usual.text) && !says(&usual.html), "{}", mail.text);
    }
    assert!(!changed[2].text.contains("still enabled"));
}

#[test]
fn nothing_of_the_url_but_the_host_is_shown() {
    for mail in every_mail("n", "s") {
        assert!(!mail.text.contains("secret") && !mail.html.contains("secret"));
    }
}

#[test]
fn what_others_write_stays_text() {
    let hostile = "</pre><script>alert(1)</script><img src=x onerror=\"a('b')\">{{ mail }}{% raw %}";
    for mail in every_mail(hostile, hostile) {
        let html = mail.html.to_lowercase();
        assert!(!html.contains("<script") && !html.contains("<img") && !html.contains("onerror=\""), "{html}");
        assert!(html.contains("&lt;script&gt;"), "{html}");
        // What looks like a template is none.
        assert!(html.contains("{{ mail }}{% raw %}") && mail.text.contains("{{ mail }}{% raw %}"), "{html}");
    }
}

#[test]
fn what_others_write_forges_no_line_and_turns_no_text() {
    let hostile =
        "x\r\nBcc: a@b.c\n\nPOST https://evil.example.com\u{2028}* HTTP 200\u{202e}\u{2066}\u{0}\u{1b}[2J\u{85}y";
    for (mail, usual) in every_mail(hostile, hostile).iter().zip(every_mail("x", "x")) {
        let lines = |text: &str| text.lines().count();
        assert_eq!(lines(&mail.text), lines(&usual.text), "{}", mail.text);
        assert_eq!(lines(&mail.html), lines(&usual.html), "{}", mail.html);
        for text in [&mail.subject, &mail.text, &mail.html] {
            let is_bad = |c: char| (c.is_control() && c != '\n') || ('\u{200b}'..'\u{2070}').contains(&c);
            assert!(!text.contains(is_bad), "{text:?}");
        }
    }
}

#[test]
fn what_is_long_is_cut() {
    let long = "ä😀".repeat(1 << 18);
    for (mail, usual) in every_mail(&long, &long).iter().zip(every_mail("x", "x")) {
        assert!(mail.subject.chars().count() <= 201, "{}", mail.subject);
        assert!(mail.text.len() < usual.text.len() + 4_000 && mail.html.len() < usual.html.len() + 4_000);
    }
}

#[test]
fn charts_are_tables_that_say_what_they_show() {
    let mail = disabled("n", "s").write().unwrap();
    assert!(
        mail.html.contains("role=\"img\" aria-label=\"Attempts from 01 Feb 14:30 to 02 Feb 14:20 UTC, by hour. Most")
    );
    assert_eq!(mail.html.matches("title=\"").count(), 24, "one bar an hour");
    for needless in ["<svg", "<img", "http:", "https:", "url(", "<script", "<link"] {
        assert!(!mail.html.contains(needless), "{needless}: nothing from elsewhere, nothing that clients drop");
    }
    let bars: Vec<_> =
        mail.text.lines().filter(|line| line.starts_with("  01 Feb") || line.starts_with("  02 Feb")).collect();
    assert_eq!(bars.len(), 24, "{}", mail.text);
    assert_eq!(bars[0], "  01 Feb 14:30  -");
    assert_eq!(bars[23], format!("  02 Feb 13:30  {}  45 failed, 0 accepted", "█".repeat(20)));
}

#[test]
fn mails_are_read_on_a_phone_and_in_the_dark() {
    for mail in every_mail("n", "s") {
        for needed in ["width=device-width", "max-width: 600px", "font-size: 16px", "prefers-color-scheme: dark"] {
            assert!(mail.html.contains(needed), "{needed}");
        }
        assert!(
            mail.html.contains(&format!("<title>{}</title>", mail.subject.replace('"', "&quot;"))),
            "{}",
            mail.html
        );
    }
}

#[test]
fn without_a_chart_and_errors_no_heading_stands_alone() {
    let failures = Failures::new((10, 10), 1, Vec::new(), None);
    let mail = DisabledMail { failures, ..disabled("n", "s") }.write().unwrap();
    assert_says(&mail, &["10 of 10", "100.00 %", "the hour before"]);
    assert!(!mail.text.contains("frequent errors") && !mail.html.contains("When it was"));
}

/// Writes a sample of each mail into the directory that `SPACEHOOK_MAIL_SAMPLES` names, to look at.
#[test]
#[ignore = "writes files for people"]
fn samples() {
    let directory = std::env::var("SPACEHOOK_MAIL_SAMPLES").unwrap();
    let sample =
        "<html><body><h1>500 Internal Server Error</h1>\n<script>alert(1)</script> \u{202e}psql: connection refused";
    for (name, mail) in ["disabled", "failing", "gone"].into_iter().zip(every_mail("Kiosk <lobby> שלום", sample)) {
        std::fs::write(format!("{directory}/{name}.html"), &mail.html).unwrap();
        std::fs::write(format!("{directory}/{name}.txt"), format!("Subject: {}\n\n{}", mail.subject, mail.text))
            .unwrap();
    }
}
