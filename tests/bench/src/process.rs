//! The two children: started with nothing of this process's environment, watched, and ended with this process.

use crate::server::Faults;
use anyhow::{Context as _, anyhow, bail};
use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Ticks a second in which Linux tells processor time, on every architecture.
/// The table of the functions.
pub(crate) const TABLE: &str = "bench";
const TICKS_A_SECOND: f64 = 100.0;
/// Lines of a function's log that are kept.
const KEPT_LINES: usize = 8;

/// A child process. It is killed when this is dropped.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    /// Processor time of all its threads until now.
    pub(crate) fn processor_time(&self) -> anyhow::Result<Duration> {
        processor_time(&self.0.id().to_string())
    }

    /// The most memory it ever had, in MB of a million bytes.
    pub(crate) fn peak_mb(&self) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kib * 1_024.0 / 1e6)
    }

    /// An error where it has ended.
    pub(crate) fn check(&mut self) -> anyhow::Result<()> {
        match self.0.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("a child process ended: {status}"),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended already is no fault here.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Processor time of a process, by its number or `self`.
pub(crate) fn processor_time(process: &str) -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    ticks(&stat).map(|ticks| Duration::from_secs_f64(ticks / TICKS_A_SECOND))
}

/// Ticks in user mode and in the kernel: the 14th and 15th field. The 2nd, a name in brackets, may hold anything.
fn ticks(stat: &str) -> anyhow::Result<f64> {
    let (_, fields) = stat.rsplit_once(')').context("no process name")?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut next = || anyhow::Ok(fields.next().context("too few fields")?.parse::<f64>()?);
    Ok(next()? + next()?)
}

/// The last lines that a function logged.
#[derive(Clone)]
pub(crate) struct Log {
    lines: Arc<Mutex<VecDeque<String>>>,
    faults: Faults,
}

impl Log {
    /// The lines, the oldest first.
    pub(crate) fn last(&self) -> String {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }

    fn follow(&self, output: impl Read + Send + 'static) {
        let log = self.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // What a healthy function logs is for information: all else is something that failed.
                if !line.contains(r#""level":"INFO""#) {
                    let _ = log.faults.send(anyhow!("the function says: {line}"));
                }
                let mut lines = log.lines.lock().unwrap_or_else(PoisonError::into_inner);
                if lines.len() >= KEPT_LINES {
                    lines.pop_front();
                }
                lines.push_back(line);
            }
        });
    }
}

/// Starts a function, with these two endpoints and this authority. Whatever it logs but information is a fault.
pub(crate) fn function(
    binary: &Path,
    runtime_api: &str,
    cloud: &str,
    authority: &str,
    faults: Faults,
) -> anyhow::Result<(Running, Log)> {
    let queue = |name: &str| format!("{cloud}/000000000000/{name}");
    let mut child = Command::new(binary)
        .env_clear()
        .envs([
            ("AWS_LAMBDA_RUNTIME_API", runtime_api),
            ("AWS_LAMBDA_FUNCTION_NAME", "bench"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "bench"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "bench"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
            ("AWS_SESSION_TOKEN", "local"),
            ("AWS_ENDPOINT_URL", cloud),
            ("TABLE_NAME", TABLE),
            ("STAGE", "bench"),
            ("LOG_LEVEL", "info"),
            ("SECRET_PREFIX", "spacehook/bench/"),
            ("ADMIN_KEY_SECRET_ARN", "arn:aws:secretsmanager:us-east-1:000000000000:secret:bench"),
            ("FIRST_TENANT", "bench"),
            ("ALLOWED_NETWORKS", "127.0.0.0/8@1024-65535"),
            ("TRUSTED_CA_PEM", authority),
        ])
        .env("EVENTS_QUEUE_URL", queue("events.fifo"))
        .env("EVENTS_DEAD_QUEUE_URL", queue("events-dead.fifo"))
        .env("INGEST_DEAD_QUEUE_URL", queue("ingest-dead"))
        .env("HOLDS_QUEUE_URL", queue("holds"))
        .env("RETRIES_QUEUE_URL", queue("retries"))
        .env("RETRIES_DEAD_QUEUE_URL", queue("retries-dead"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{} can't be started", binary.display()))?;
    let log = Log { lines: Arc::default(), faults };
    log.follow(child.stdout.take().context("no output")?);
    log.follow(child.stderr.take().context("no output")?);
    Ok((Running(child), log))
}

/// Starts this program again as the bare loop: what it writes comes line by line.
pub(crate) fn bare() -> anyhow::Result<(Running, UnboundedReceiver<String>)> {
    let mut child = Command::new(std::env::current_exe()?)
        .arg("--bare")
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let output = child.stdout.take().context("no output")?;
    let (sender, lines) = unbounded_channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    Ok((Running(child), lines))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_both_modes_whatever_the_name() {
        let stat = "7 (a) b (c) R 1 7 7 0 -1 4194304 99 0 0 0 30 12 0 0 20 0 1 0 9 9 9";
        assert!((ticks(stat).unwrap() - 42.0).abs() < f64::EPSILON);
        assert!(ticks("7 (a) R 1").is_err());
    }

    #[test]
    fn this_process_has_a_time() {
        assert!(processor_time("self").is_ok());
    }
}
