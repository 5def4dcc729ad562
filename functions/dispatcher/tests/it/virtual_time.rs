//! A clock for tests: it stands still while anything can go on, and then jumps to the next sleeper's time. So what a
//! hanging receiver costs is measured exactly, and takes no time.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

#[derive(Debug, Default)]
struct Timers {
    now: Duration,
    sleepers: BTreeMap<(Duration, u64), Waker>,
    sleeps: u64,
}

/// The clock, and the executor that moves it.
#[derive(Debug, Default, Clone)]
pub(crate) struct VirtualTime(Arc<Mutex<Timers>>);

#[derive(Debug)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl VirtualTime {
    /// Since the beginning.
    pub(crate) fn elapsed(&self) -> Duration {
        self.0.lock().unwrap().now
    }

    /// Sleeps on this clock.
    pub(crate) fn sleep(&self, time: Duration) -> Sleep {
        Sleep { until: self.elapsed() + time, clock: self.clone(), key: None }
    }

    /// When the next sleeper wakes.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.0.lock().unwrap().sleepers.first_key_value().map(|((at, _), _)| *at)
    }

    /// Moves on, and wakes who slept until then.
    pub(crate) fn advance(&self, to: Duration) {
        let mut timers = self.0.lock().unwrap();
        timers.now = timers.now.max(to);
        let later = timers.sleepers.split_off(&(to, u64::MAX));
        let woken = std::mem::replace(&mut timers.sleepers, later);
        drop(timers);
        woken.into_values().for_each(Waker::wake);
    }

    /// Runs a future to its end.
    pub(crate) fn run<F: Future>(&self, future: F) -> F::Output {
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        let waker = Waker::from(woken.clone());
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return output;
            }
            while !woken.0.swap(false, Ordering::SeqCst) {
                self.advance(self.next().expect("something waits that nothing will wake"));
            }
        }
    }
}

/// A sleep; dropped, it is forgotten.
#[derive(Debug)]
pub(crate) struct Sleep {
    clock: VirtualTime,
    until: Duration,
    key: Option<u64>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let clock = self.clock.clone();
        let mut timers = clock.0.lock().unwrap();
        if timers.now >= self.until {
            return Poll::Ready(());
        }
        let key = self.key.unwrap_or(timers.sleeps + 1);
        timers.sleeps = timers.sleeps.max(key);
        timers.sleepers.insert((self.until, key), context.waker().clone());
        self.key = Some(key);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.clock.0.lock().unwrap().sleepers.remove(&(self.until, key));
        }
    }
}
