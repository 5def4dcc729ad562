use super::*;
use spacehook_domain::stats::Counts;

const END: &str = "2026-02-02T14:20:30Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn bucket(start: &str, accepted: u64, failed: u64) -> Bucket {
    let counts = Counts { attempts: accepted + failed, successes: accepted, failures: failed, ..Counts::default() };
    Bucket { start: BucketStart::holding(at(start)), enabled_since: Timestamp::UNIX_EPOCH, counts }
}

fn shown(chart: &Chart) -> Vec<(usize, u64, u64)> {
    let bars = chart.bars.iter().enumerate().map(|(place, bar)| (place, bar.accepted, bar.failed));
    bars.filter(|(_, accepted, failed)| accepted + failed > 0).collect()
}

#[test]
fn every_count_of_the_window_is_in_the_bar_of_its_hour() {
    let buckets = [
        bucket("2026-02-01T14:00:00Z", 100, 100), // ends before the window
        bucket("2026-02-01T14:15:00Z", 1, 2),     // the window begins in it
        bucket("2026-02-01T14:30:00Z", 10, 20),
        bucket("2026-02-01T15:15:00Z", 3, 0),
        bucket("2026-02-01T15:30:00Z", 0, 4),
        bucket("2026-02-02T13:30:00Z", 0, 5),
        bucket("2026-02-02T14:15:00Z", 0, 6),
        bucket("2026-02-02T14:30:00Z", 100, 100), // begins after it
    ];
    let chart = Chart::of(&buckets, at(END), 24);
    assert_eq!((chart.bars.len(), chart.hours_each), (24, 1));
    assert_eq!(chart.bars[0].from, "01 Feb 14:30");
    assert_eq!(chart.bars[23].from, "02 Feb 13:30");
    assert_eq!(shown(&chart), [(0, 14, 22), (1, 0, 4), (23, 0, 11)]);
    assert_eq!(
        chart.summary,
        "Attempts from 01 Feb 14:30 to 02 Feb 14:20 UTC, by hour. Most failures in one hour: 22, from 01 Feb 14:30 on."
    );
    let labels: Vec<_> = chart.labels.iter().map(|label| (label.text.as_str(), label.bars)).collect();
    assert_eq!(labels, [("01 Feb 14:30", 6), ("01 Feb 20:30", 6), ("02 Feb 02:30", 6), ("02 Feb 08:30", 6)]);
}

#[test]
fn a_longer_window_has_longer_bars() {
    for (hours, bars, each) in [(0, 1, 1), (1, 1, 1), (23, 23, 1), (25, 13, 2), (48, 24, 2), (168, 24, 7)] {
        let chart = Chart::of(&[bucket(END, 1, 0)], at(END), hours);
        assert_eq!((chart.bars.len(), chart.hours_each), (bars, each), "{hours}");
        assert_eq!(shown(&chart), [(bars - 1, 1, 0)], "{hours}");
        assert_eq!(chart.labels.iter().map(|label| label.bars).sum::<usize>(), bars, "{hours}");
    }
    let summary = Chart::of(&[bucket(END, 0, 3)], at(END), 48).summary;
    assert!(summary.ends_with("by 2 hours. Most failures in 2 hours: 3, from 02 Feb 12:30 on."), "{summary}");
}

#[test]
fn bars_have_lengths_by_their_counts_and_what_is_there_is_seen() {
    let buckets = [bucket("2026-02-02T10:30:00Z", 0, 1_000), bucket("2026-02-02T12:30:00Z", 499, 1)];
    let chart = Chart::of(&buckets, at(END), 4);
    let lengths: Vec<_> = chart.bars.iter().map(|bar| (bar.accepted_px, bar.failed_px, bar.blocks.as_str())).collect();
    let (full, half) = ("█".repeat(20), format!("█{}", "░".repeat(10)));
    assert_eq!(lengths, [(0, 60, full.as_str()), (0, 0, ""), (30, 1, half.as_str()), (0, 0, "")]);
}

#[test]
fn nothing_is_drawn_of_nothing_and_much_of_much() {
    let empty = Chart::of(&[], at(END), 24);
    assert!(shown(&empty).is_empty());
    assert!(empty.summary.ends_with("None failed."), "{}", empty.summary);
    let much = Chart::of(&[bucket(END, 0, u64::MAX)], at(END), 1);
    assert_eq!(much.bars[0].failed_px, 60);
}
