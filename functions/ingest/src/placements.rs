//! Which space a sensor belongs to, remembered between invocations.
//!
//! Every invocation reads the tenant's item anyway, and every change of the registry raises the version in it. So
//! a sensor that was moved is found in its new space with the next message. What is remembered is looked up again after
//! [`KEPT`] all the same: what is read in the very moment of a change may be of before it, though the version was not.

use crate::ports::{Fault, Spaces};
use jiff::{SignedDuration, Timestamp};
use spacehook_domain::ids::{SensorId, TenantId};
use spacehook_domain::place::Space;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How long all that is known of a tenant is remembered.
const KEPT: SignedDuration = SignedDuration::from_secs(30);
/// Sensors remembered of one tenant, at most; beyond it memory starts anew.
const SENSORS_LIMIT: usize = 20_000;
/// Tenants remembered, at most.
const TENANTS_LIMIT: usize = 200;

/// The memory.
#[derive(Debug, Default)]
pub struct Placements {
    tenants: Mutex<HashMap<TenantId, Remembered>>,
}

#[derive(Debug)]
struct Remembered {
    registry_version: u64,
    since: Timestamp,
    sensors: HashMap<SensorId, Placement>,
}

impl Remembered {
    fn holds(&self, registry_version: u64, now: Timestamp) -> bool {
        self.registry_version == registry_version && now.duration_since(self.since) < KEPT
    }
}

/// Where a sensor was found to be.
#[derive(Debug, Clone)]
enum Placement {
    In(Arc<Space>),
    Nowhere,
}

impl Placement {
    fn space(self) -> Option<Arc<Space>> {
        match self {
            Self::In(space) => Some(space),
            Self::Nowhere => None,
        }
    }
}

impl Placements {
    /// The space of a sensor, as of this version of the registry or a later one; none where it belongs to none.
    pub async fn find<S: Spaces>(
        &self,
        spaces: &S,
        tenant: &TenantId,
        registry_version: u64,
        sensor: &SensorId,
        now: Timestamp,
    ) -> Result<Option<Arc<Space>>, Fault> {
        if let Some(known) = self.recall(tenant, registry_version, sensor, now) {
            return Ok(known.space());
        }
        let found = spaces.placement(tenant, sensor).await?;
        let found = found.map_or(Placement::Nowhere, |space| Placement::In(Arc::new(space)));
        self.remember(tenant, registry_version, sensor, found.clone(), now);
        Ok(found.space())
    }

    fn recall(&self, tenant: &TenantId, version: u64, sensor: &SensorId, now: Timestamp) -> Option<Placement> {
        let tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        let remembered = tenants.get(tenant).filter(|remembered| remembered.holds(version, now))?;
        remembered.sensors.get(sensor).cloned()
    }

    fn remember(&self, tenant: &TenantId, version: u64, sensor: &SensorId, found: Placement, now: Timestamp) {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if tenants.len() >= TENANTS_LIMIT && !tenants.contains_key(tenant) {
            tenants.clear();
        }
        let anew = || Remembered { registry_version: version, since: now, sensors: HashMap::new() };
        let remembered = tenants.entry(tenant.clone()).or_insert_with(anew);
        if !remembered.holds(version, now) || remembered.sensors.len() >= SENSORS_LIMIT {
            *remembered = anew();
        }
        remembered.sensors.insert(sensor.clone(), found);
    }
}
