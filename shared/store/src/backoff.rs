//! How long is waited before a request that `DynamoDB` put off is repeated.

use crate::keys::Key;
use std::time::Duration;

/// Waits between tries, before they are scattered. Together 3.8 s, and scattered at most
/// 5.7 s: well inside the time of every function.
const STEPS_MS: [u64; 8] = [20, 40, 80, 160, 320, 640, 1_000, 1_500];

/// Tries of one request: the first, and one after each wait.
pub(crate) const TRIES: usize = STEPS_MS.len() + 1;

/// The waits of one request, each 50 to 150 % of its step. Writers of different items wait differently, so that they do
/// not meet again; the same request waits the same everywhere, since this crate rolls no dice.
#[derive(Debug)]
pub(crate) struct Waits {
    seed: u64,
    next: usize,
}

impl Waits {
    /// The waits of a request about this item.
    pub(crate) fn of(key: &Key) -> Self {
        // FNV-1a: any fixed scatter will do.
        let bytes = key.pk.bytes().chain(key.sk.bytes());
        let seed = bytes
            .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Self { seed, next: 0 }
    }

    /// Waits; false, at once, where the last try has been made.
    pub(crate) async fn wait(&mut self) -> bool {
        let Some(wait) = self.step() else { return false };
        tokio::time::sleep(wait).await;
        true
    }

    fn step(&mut self) -> Option<Duration> {
        let step_ms = *STEPS_MS.get(self.next)?;
        self.next += 1;
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let percent = 50 + (self.seed >> 33) % 101;
        Some(Duration::from_millis(step_ms * percent / 100))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits_ms(sk: &str) -> Vec<u128> {
        let mut waits = Waits::of(&Key { pk: "T#a".to_owned(), sk: sk.to_owned() });
        std::iter::from_fn(|| waits.step()).map(|wait| wait.as_millis()).collect()
    }

    #[test]
    fn waits_are_bounded_scattered_and_repeatable() {
        let waits = waits_ms("TENANT");
        assert_eq!(waits.len(), TRIES - 1);
        for (wait, step) in waits.iter().zip(STEPS_MS) {
            assert!((u128::from(step / 2)..=u128::from(step * 3 / 2)).contains(wait), "{wait} of {step}");
        }
        assert_eq!(waits, waits_ms("TENANT"));
        assert_ne!(waits, waits_ms("SUB#1"));
    }
}
