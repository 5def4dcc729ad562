//! What is measured, and how long.

use anyhow::{Context as _, bail};
use std::path::PathBuf;
use std::time::Duration;

/// What this process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The benchmark.
    Benchmark,
    /// Its child that sends without a dispatcher.
    Bare,
}

/// The settings of a benchmark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Options {
    /// What this process is.
    pub(crate) mode: Mode,
    /// The dispatcher's binary.
    pub(crate) dispatcher: PathBuf,
    /// The api function's binary, where it is measured, too.
    pub(crate) api: Option<PathBuf>,
    /// The ingest function's binary: where it is named, it alone is measured.
    pub(crate) ingest: Option<PathBuf>,
    /// Numbers of subscriptions to measure with.
    pub(crate) fan_outs: Vec<usize>,
    /// Measured runs of each, dispatcher and bare loop, a fan-out.
    pub(crate) rounds: usize,
    /// How long messages are handed out in each.
    pub(crate) length: Duration,
}

impl Options {
    /// Reads the program's arguments.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let mut options = Self {
            mode: Mode::Benchmark,
            dispatcher: PathBuf::from("target/release/dispatcher"),
            api: None,
            ingest: None,
            fan_outs: vec![1, 10, 100],
            rounds: 5,
            length: Duration::from_millis(1_500),
        };
        while let Some(name) = arguments.next() {
            let mut value = || arguments.next().with_context(|| format!("{name} needs a value"));
            match name.as_str() {
                "--bare" => options.mode = Mode::Bare,
                // Cargo passes this to every benchmark.
                "--bench" => {}
                "--dispatcher" => options.dispatcher = PathBuf::from(value()?),
                "--api" => options.api = Some(PathBuf::from(value()?)),
                "--ingest" => options.ingest = Some(PathBuf::from(value()?)),
                "--fan-outs" => {
                    options.fan_outs = value()?.split(',').map(str::parse).collect::<Result<_, _>>()?;
                }
                "--rounds" => options.rounds = value()?.parse()?,
                "--milliseconds" => options.length = Duration::from_millis(value()?.parse()?),
                _ => bail!(
                    "unknown argument {name}; known: --dispatcher, --api, --ingest, --fan-outs, --rounds, --milliseconds"
                ),
            }
        }
        let sizes = options.fan_outs.iter().all(|fan_out| (1..=1_000).contains(fan_out));
        if !sizes || options.rounds == 0 || options.length.is_zero() {
            bail!("fan-outs are from 1 to 1000, rounds and milliseconds at least 1");
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> anyhow::Result<Options> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn arguments_replace_the_defaults() {
        let options = parse("--bench --fan-outs 1,7 --rounds 2 --milliseconds 30 --dispatcher d").unwrap();
        assert_eq!((options.fan_outs, options.rounds), (vec![1, 7], 2));
        assert_eq!((options.length, options.mode), (Duration::from_millis(30), Mode::Benchmark));
        assert_eq!(parse("--bare").unwrap().mode, Mode::Bare);
    }

    #[test]
    fn what_can_not_be_measured_is_refused() {
        for bad in
            ["--fan-outs 0", "--fan-outs 1001", "--fan-outs x", "--rounds 0", "--rounds", "--milliseconds 0", "--no"]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
