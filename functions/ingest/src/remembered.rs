//! What is remembered of tenants' registries between invocations.
//!
//! Every invocation reads the tenant's item anyway, and every change of the registry raises the version in it. So a sensor
//! that was moved is found in its new space with the next message. What is remembered is looked up again after [`KEPT`] all
//! the same: what is read in the very moment of a change may be of before it, though the version was not.

use jiff::{SignedDuration, Timestamp};
use spacehook_domain::ids::TenantId;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

/// How long all that is known of a tenant is remembered.
const KEPT: SignedDuration = SignedDuration::from_secs(30);

/// How much is remembered, at most; beyond it memory starts anew.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Tenants.
    pub tenants: usize,
    /// Values of one tenant.
    pub values: usize,
}

/// When a tenant's registry was looked at.
#[derive(Debug, Clone, Copy)]
pub struct AsOf<'a> {
    /// Whose.
    pub tenant: &'a TenantId,
    /// Its version.
    pub registry_version: u64,
    /// When.
    pub now: Timestamp,
}

/// Values of tenants by key.
#[derive(Debug)]
pub struct Remembered<K, V> {
    bounds: Bounds,
    tenants: Mutex<HashMap<TenantId, OfTenant<K, V>>>,
}

#[derive(Debug)]
struct OfTenant<K, V> {
    registry_version: u64,
    since: Timestamp,
    values: HashMap<K, V>,
}

impl<K, V> OfTenant<K, V> {
    fn holds(&self, as_of: AsOf<'_>) -> bool {
        self.registry_version == as_of.registry_version && as_of.now.duration_since(self.since) < KEPT
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Remembered<K, V> {
    /// Nothing yet.
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds, tenants: Mutex::default() }
    }

    /// What is known, as of this version of the registry or a later one.
    pub fn recall(&self, as_of: AsOf<'_>, key: &K) -> Option<V> {
        let tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        tenants.get(as_of.tenant).filter(|remembered| remembered.holds(as_of))?.values.get(key).cloned()
    }

    /// What was known last, of whatever version: a guess.
    pub fn last_known(&self, tenant: &TenantId, key: &K) -> Option<V> {
        let tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        tenants.get(tenant)?.values.get(key).cloned()
    }

    /// Remembers what was looked up.
    pub fn remember(&self, as_of: AsOf<'_>, key: &K, value: V) {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if tenants.len() >= self.bounds.tenants && !tenants.contains_key(as_of.tenant) {
            tenants.clear();
        }
        let anew = || OfTenant { registry_version: as_of.registry_version, since: as_of.now, values: HashMap::new() };
        let remembered = tenants.entry(as_of.tenant.clone()).or_insert_with(anew);
        if !remembered.holds(as_of) || remembered.values.len() >= self.bounds.values {
            *remembered = anew();
        }
        remembered.values.insert(key.clone(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_looked_up_holds_for_its_version_and_for_a_while() {
        let remembered = Remembered::new(Bounds { tenants: 2, values: 2 });
        let (acme, other) = (TenantId::parse("acme").unwrap(), TenantId::parse("other").unwrap());
        let now: Timestamp = "2026-02-02T14:20:00Z".parse().unwrap();
        let as_of =
            |registry_version, s| AsOf { tenant: &acme, registry_version, now: now + SignedDuration::from_secs(s) };
        remembered.remember(as_of(1, 0), &"a", 1);
        assert_eq!(remembered.recall(as_of(1, 29), &"a"), Some(1));
        assert_eq!(remembered.recall(AsOf { tenant: &other, ..as_of(1, 0) }, &"a"), None, "another tenant's");
        assert_eq!(remembered.recall(as_of(2, 0), &"a"), None, "of an older registry");
        assert_eq!(remembered.recall(as_of(1, 30), &"a"), None, "too old");
        assert_eq!((remembered.last_known(&acme, &"a"), remembered.last_known(&other, &"a")), (Some(1), None));
        remembered.remember(as_of(2, 0), &"b", 2);
        assert_eq!(remembered.recall(as_of(2, 0), &"a"), None);
        for key in ["c", "d"] {
            remembered.remember(as_of(2, 0), &key, 3);
        }
        assert_eq!(remembered.recall(as_of(2, 0), &"b"), None, "memory is bounded");
        assert_eq!(remembered.recall(as_of(2, 0), &"d"), Some(3));
    }
}
