//! What a delivery costs.
//!
//! The dispatcher runs as a child process, as Lambda would run it. Around it, in this process and on loopback
//! alone, is a stub of what it talks to: Lambda's Runtime API, the few calls of `DynamoDB` and Secrets Manager that a
//! healthy delivery takes, and HTTPS receivers, one port each. Beside it, in turn, a bare loop (another child, this
//! program again) sends the same signed requests to the same receivers with the same HTTP client, TLS settings and
//! concurrency, and does nothing else: the limit.
//!
//! What makes the figures worth something:
//!
//! - Each signature, the size of each body and each id is checked by the receiver, and that each delivery arrived
//!   exactly once after each run. Whatever else happens (a call the stub does not know, a failed delivery, a message
//!   given back) ends the benchmark with its cause, and not with figures of failures.
//! - Processor time is the kernel's, of the one child alone.
//! - The two run in turn, several times; figures are medians. Each run starts with a stretch that is not measured, so
//!   that connections are made and secrets read.
//! - The processor time of this process is shown too: receivers and stub share one thread, and a thread that is busy
//!   all the time would be what is measured.
//!
//! The ingest function is measured in a run of its own (`ingest`).
//!
//! The management API is measured after that (`api`), where its binary is named.
//!
//! Each subscription has a receiver of its own (another port), as in life: connections are kept by host and port, and a
//! single port for all would measure a bound of connections that only a hundred subscriptions at one host would meet.

mod api;
mod authority;
mod bare;
mod cloud;
mod events;
mod ingest;
mod lambda;
mod measure;
mod options;
mod process;
mod receiver;
mod report;
#[cfg(test)]
mod requests;
mod server;
mod subscribers;

use options::{Mode, Options};
use std::process::ExitCode;

/// Runs the benchmark, or its bare loop, as the arguments say. Fails where a delivery was not made as it should.
pub fn run(arguments: impl Iterator<Item = String>) -> ExitCode {
    let done = Options::parse(arguments).and_then(|options| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        match options.mode {
            Mode::Bare => bare::serve(&runtime),
            Mode::Benchmark => match &options.ingest {
                Some(binary) => runtime.block_on(ingest::benchmark(binary, &options)),
                None => runtime.block_on(measure::benchmark(&options)),
            },
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::line(&format!("benchmark ended: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
