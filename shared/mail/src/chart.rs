//! A small chart of attempts over time. Mail clients show neither scripts nor drawings reliably, so it is made of the
//! cells of a table, and of block characters in plain text.

use jiff::Timestamp;
use jiff::fmt::strtime::Display;
use serde::Serialize;
use spacehook_domain::stats::{BUCKET_S, Bucket, BucketStart};

/// Bars, at most: as many as a phone is wide enough for.
const BARS: u32 = 24;
/// Height of the highest bar, in pixels.
const HIGHEST_PX: u64 = 60;
/// Length of the longest bar in plain text, in characters.
const LONGEST: u64 = 20;
/// Bars that have one label together: a label is as wide as six bars.
const LABELLED: usize = 6;

/// The accepted and failed attempts of a window of time: one bar an hour, or 24 bars of some hours each where the window
/// is longer than a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chart {
    /// How many hours a bar stands for.
    hours_each: u32,
    /// What it shows in one sentence, for who can't see it.
    summary: String,
    bars: Vec<Bar>,
    labels: Vec<Label>,
}

/// The attempts of some hours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Bar {
    /// When they begin.
    from: String,
    accepted: u64,
    failed: u64,
    accepted_px: u64,
    failed_px: u64,
    /// The bar in plain text.
    blocks: String,
}

/// The text below some bars.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Label {
    text: String,
    bars: usize,
}

impl Chart {
    /// The chart of the hours up to `end`, of the counts that lie in them. A quarter of an hour of which only a part does
    /// is counted whole, as it is for failure rates.
    pub fn of<'a>(buckets: impl IntoIterator<Item = &'a Bucket>, end: Timestamp, hours: u32) -> Self {
        let hours = hours.max(1);
        let hours_each = hours.div_ceil(BARS);
        let bars = i64::from(hours.div_ceil(hours_each));
        let (length_s, end_s) = (i64::from(hours_each) * 3600, BucketStart::holding(end).end_s());
        let start_s = end_s - bars * length_s;
        let mut counts = vec![(0, 0); usize::try_from(bars).unwrap_or_default()];
        for bucket in buckets {
            let at_s = bucket.start.end_s() - BUCKET_S;
            // The quarter that the window begins in lies a little before the first bar, and is counted there.
            let bar = usize::try_from((at_s - start_s).div_euclid(length_s).max(0)).unwrap_or_default();
            let is_inside = bucket.start.end_s() > end.as_second() - i64::from(hours) * 3600;
            if let Some((accepted, failed)) = counts.get_mut(bar).filter(|_| is_inside) {
                *accepted += bucket.counts.successes;
                *failed += bucket.counts.failures;
            }
        }
        let beginnings = (0..bars).map(|bar| Timestamp::from_second(start_s + bar * length_s).unwrap_or(end));
        Self::drawn(&beginnings.zip(counts).collect::<Vec<_>>(), end, hours_each)
    }

    fn drawn(counts: &[(Timestamp, (u64, u64))], end: Timestamp, hours_each: u32) -> Self {
        let most = counts.iter().map(|(_, (accepted, failed))| accepted + failed).max().unwrap_or_default();
        let bar = |&(from, (accepted, failed)): &(Timestamp, (u64, u64))| Bar {
            from: day_and_time(from).to_string(),
            accepted,
            failed,
            accepted_px: scaled(accepted, most, HIGHEST_PX),
            failed_px: scaled(failed, most, HIGHEST_PX),
            blocks: blocks(failed, '█', most) + &blocks(accepted, '░', most),
        };
        let label = |bars: &[(Timestamp, (u64, u64))]| Label {
            text: bars.first().map(|(from, _)| day_and_time(*from).to_string()).unwrap_or_default(),
            bars: bars.len(),
        };
        Self {
            hours_each,
            summary: summary(counts, end, hours_each),
            bars: counts.iter().map(bar).collect(),
            labels: counts.chunks(LABELLED).map(label).collect(),
        }
    }
}

fn summary(counts: &[(Timestamp, (u64, u64))], end: Timestamp, hours_each: u32) -> String {
    let Some((start, _)) = counts.first() else { return String::new() };
    let (step, one_step) = match hours_each {
        1 => ("hour".to_owned(), "one hour".to_owned()),
        hours => (format!("{hours} hours"), format!("{hours} hours")),
    };
    // Of equals the first.
    let worst = counts.iter().rev().max_by_key(|(_, (_, failed))| *failed).filter(|(_, (_, failed))| *failed > 0);
    let worst = worst.map_or_else(
        || "None failed.".to_owned(),
        |(from, (_, failed))| format!("Most failures in {one_step}: {failed}, from {} on.", day_and_time(*from)),
    );
    format!("Attempts from {} to {} UTC, by {step}. {worst}", day_and_time(*start), day_and_time(end))
}

/// The length of a part of a bar, where `most` has the length `longest`. What is there at all is seen.
fn scaled(count: u64, most: u64, longest: u64) -> u64 {
    let length = (u128::from(count) * u128::from(longest)).div_ceil(u128::from(most.max(1)));
    u64::try_from(length).unwrap_or(longest)
}

fn blocks(count: u64, block: char, most: u64) -> String {
    (0..scaled(count, most, LONGEST)).map(|_| block).collect()
}

fn day_and_time(at: Timestamp) -> Display<'static> {
    at.strftime("%d %b %H:%M")
}

#[cfg(test)]
mod tests;
