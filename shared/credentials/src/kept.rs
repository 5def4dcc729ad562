//! Values that are had at a price, kept by key: of several that ask for one at the same time, one has it made and all
//! get it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;

#[derive(Debug)]
struct Entry<V> {
    value: Arc<OnceCell<V>>,
    /// The count of requests when it was last asked for.
    used: u64,
}

#[derive(Debug)]
struct Entries<K, V> {
    by_key: HashMap<K, Entry<V>>,
    requests: u64,
}

/// Values by key, bounded by a count; the one that was not asked for the longest gives way.
#[derive(Debug)]
pub struct Kept<K, V> {
    most: usize,
    entries: Mutex<Entries<K, V>>,
}

impl<K: Clone + Eq + Hash, V> Kept<K, V> {
    /// Keeps at most so many values.
    pub fn new(most: usize) -> Self {
        Self { most, entries: Mutex::new(Entries { by_key: HashMap::new(), requests: 0 }) }
    }

    /// The place for a value: the one that others wait at, the one that has a value which `holds`, or a new one. The
    /// caller fills an empty place with `get_or_init`; who finds it being filled waits there.
    pub fn place(&self, key: &K, holds: impl FnOnce(&V) -> bool) -> Arc<OnceCell<V>> {
        // A panic while the lock was held can't leave the map half changed.
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.requests += 1;
        let used = entries.requests;
        if let Some(entry) = entries.by_key.get_mut(key)
            && entry.value.get().is_none_or(holds)
        {
            entry.used = used;
            return Arc::clone(&entry.value);
        }
        if entries.by_key.len() >= self.most && !entries.by_key.contains_key(key) {
            drop_oldest(&mut entries.by_key);
        }
        let value = Arc::new(OnceCell::new());
        entries.by_key.insert(key.clone(), Entry { value: Arc::clone(&value), used });
        value
    }
}

/// One pass over the map; it only comes with a request over the network, which takes a thousand times as long.
fn drop_oldest<K: Clone + Eq + Hash, V>(by_key: &mut HashMap<K, Entry<V>>) {
    if let Some(oldest) = by_key.iter().min_by_key(|(_, entry)| entry.used).map(|(key, _)| key.clone()) {
        by_key.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_least_recently_asked_for_gives_way() {
        let kept = Kept::new(2);
        let mut made = Vec::new();
        for key in [1, 2, 1, 3, 1, 2] {
            kept.place(&key, |()| true).get_or_init(async || made.push(key)).await;
        }
        assert_eq!(made, [1, 2, 3, 2], "1 was asked for after 2, and 3 after it");
    }

    #[tokio::test]
    async fn what_no_longer_holds_is_made_anew_and_what_is_being_made_is_waited_for() {
        let kept = Kept::new(2);
        let first = kept.place(&1, |_| true);
        assert!(Arc::ptr_eq(&first, &kept.place(&1, |_| false)), "nothing to judge yet");
        first.get_or_init(async || "old").await;
        let second = kept.place(&1, |value| *value != "old");
        assert!(!Arc::ptr_eq(&first, &second) && second.get().is_none());
    }
}
