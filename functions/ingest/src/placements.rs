//! What a sensor observes, and how its messages are read.

use crate::ports::{Fault, Spaces};
use crate::remembered::{AsOf, Bounds, Remembered};
use spacehook_domain::ids::{ProfileName, SensorId, TenantId};
use spacehook_domain::observed::{Observed, ObservedId};

/// What is remembered, at most.
const BOUNDS: Bounds = Bounds { tenants: 200, values: 20_000 };

/// Where a sensor is.
#[derive(Debug, Clone)]
pub struct Placement {
    /// Its space.
    pub space: Observed,
    /// The groups that it is in.
    pub groups: Vec<Observed>,
    /// The form of the messages on its topics, where it is not that which they name.
    pub profile: Option<ProfileName>,
}

/// The memory.
#[derive(Debug)]
pub struct Placements(Remembered<SensorId, Option<Placement>>);

impl Default for Placements {
    fn default() -> Self {
        Self(Remembered::new(BOUNDS))
    }
}

impl Placement {
    /// All that the sensor observes.
    pub fn observed(self) -> impl Iterator<Item = Observed> {
        [self.space].into_iter().chain(self.groups)
    }
}

impl Placements {
    /// What a sensor observed when it was last looked up, whatever has changed since: the states that a reading of it will
    /// most likely need, that of its space first.
    pub fn likely(&self, tenant: &TenantId, sensor: &SensorId) -> Vec<ObservedId> {
        let known = self.0.last_known(tenant, sensor).flatten();
        known.into_iter().flat_map(Placement::observed).map(|observed| observed.id()).collect()
    }

    /// Where a sensor is, as of this version of the registry or a later one; none where it belongs to no space.
    pub async fn find<S: Spaces>(
        &self,
        spaces: &S,
        as_of: AsOf<'_>,
        sensor: &SensorId,
    ) -> Result<Option<Placement>, Fault> {
        if let Some(known) = self.0.recall(as_of, sensor) {
            return Ok(known);
        }
        let found = spaces.placement(as_of.tenant, sensor).await?;
        let found = found.map(|found| Placement {
            space: found.space.into(),
            groups: found.groups.into_iter().map(Observed::from).collect(),
            profile: found.sensor.profile,
        });
        self.0.remember(as_of, sensor, found.clone());
        Ok(found)
    }
}
