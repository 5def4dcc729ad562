//! A clock for tests: it stands still while anything can go on, and then jumps to the next sleeper's time. So what a
//! hanging receiver costs is measured exactly, and takes no time.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
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
pub(super) struct VirtualTime(Arc<Mutex<Timers>>);

#[derive(Debug)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl VirtualTime {
    /// Since the beginning.
    pub(super) fn elapsed(&self) -> Duration {
        self.0.lock().unwrap().now
    }

    /// Sleeps on this clock.
    pub(super) fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send + use<> {
        let clock = self.clone();
        let until = self.elapsed() + time;
        std::future::poll_fn(move |context| {
            let mut timers = clock.0.lock().unwrap();
            if timers.now >= until {
                return Poll::Ready(());
            }
            timers.sleeps += 1;
            let key = (until, timers.sleeps);
            timers.sleepers.insert(key, context.waker().clone());
            Poll::Pending
        })
    }

    /// Runs a future to its end.
    pub(super) fn run<F: Future>(&self, future: F) -> F::Output {
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        let waker = Waker::from(woken.clone());
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return output;
            }
            if !woken.0.swap(false, Ordering::SeqCst) {
                self.jump();
                woken.0.store(false, Ordering::SeqCst);
            }
        }
    }

    /// Nothing can go on: it is the next sleeper's time.
    fn jump(&self) {
        let mut timers = self.0.lock().unwrap();
        let ((at, _), waker) = timers.sleepers.pop_first().expect("something waits that nothing will wake");
        timers.now = timers.now.max(at);
        drop(timers);
        waker.wake();
    }
}
