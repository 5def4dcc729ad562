//! The thread that scripts run on, so that one that can't be stopped costs its message and nothing else.
//!
//! The engine looks at the time when a function is called and when a loop of the script comes round. What it does in one
//! step of its own it does to the end: `new Array(2 ** 32 - 1).reverse()` takes minutes. Then the thread is left to it, and
//! the next message gets another one.

use crate::call::Call;
use crate::{fresh, scripts};
use spacehook_domain::profile::Entry;
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;

/// How long a message waits for a script that should have been stopped long ago.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);
/// Threads that are left to scripts that don't end, at most. Beyond it no script is run: each takes its share of the processor.
const STUCK_LIMIT: usize = 4;
/// Scripts remembered that did not end, at most.
const REMEMBERED_LIMIT: usize = 64;

/// Threads that are left to scripts.
static STUCK: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static WORKER: RefCell<Worker> = const { RefCell::new(Worker { jobs: None, endless: Vec::new() }) };
}

/// What is asked of a script.
pub(crate) enum Question {
    /// Its answer to a message.
    Run(Call),
    /// Whether it can be used.
    Check(Entry),
}

struct Job {
    script: Arc<str>,
    question: Question,
    answer: SyncSender<Result<String, String>>,
}

struct Worker {
    jobs: Option<Sender<Job>>,
    /// Scripts that did not end once are not run again.
    endless: Vec<Arc<str>>,
}

/// The answer as JSON; empty where it is nothing.
pub(crate) fn ask(script: &str, question: Question) -> Result<String, String> {
    WORKER.with_borrow_mut(|worker| worker.ask(script, question))
}

impl Worker {
    fn ask(&mut self, script: &str, question: Question) -> Result<String, String> {
        if self.endless.iter().any(|endless| **endless == *script) {
            return Err("the script is not run any more: it could not be stopped before".to_owned());
        }
        if STUCK.load(Ordering::Relaxed) >= STUCK_LIMIT {
            return Err("scripts are not run for now: too many could not be stopped".to_owned());
        }
        let script: Arc<str> = script.into();
        let (answer, answered) = sync_channel(1);
        let job = Job { script: Arc::clone(&script), question, answer };
        let jobs = match self.jobs.take() {
            Some(jobs) => jobs,
            None => start().map_err(|error| format!("scripts can't be run: {error}"))?,
        };
        jobs.send(job).map_err(|_| "scripts can't be run: their thread has ended".to_owned())?;
        let Ok(answer) = answered.recv_timeout(PATIENCE) else {
            // The thread ends by itself when it comes back: there is nobody who could ask it.
            STUCK.fetch_add(1, Ordering::Relaxed);
            self.endless.truncate(REMEMBERED_LIMIT - 1);
            self.endless.insert(0, script);
            return Err(format!("the script could not be stopped within {} s", PATIENCE.as_secs()));
        };
        self.jobs = Some(jobs);
        answer
    }
}

fn start() -> std::io::Result<Sender<Job>> {
    let (jobs, asked) = channel();
    thread::Builder::new().name("scripts".to_owned()).spawn(move || work(&asked))?;
    Ok(jobs)
}

fn work(asked: &Receiver<Job>) {
    for Job { script, question, answer } in asked {
        let done = match question {
            Question::Run(call) => scripts::run(&script, &call),
            Question::Check(entry) => fresh::check(&script, entry).map(|()| String::new()),
        };
        if answer.send(done).is_err() {
            // It was left to this one, which has ended after all.
            STUCK.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
