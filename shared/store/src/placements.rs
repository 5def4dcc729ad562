//! Where a sensor is: its space, and the groups that it is in.

use crate::error::StoreError;
use crate::{Store, keys};
use futures::future::try_join_all;
use spacehook_domain::ids::{SensorGroupRefId, SensorId, TenantId};
use spacehook_domain::observed::{Observed, ObservedKey};
use spacehook_domain::place::{Sensor, SensorGroup, Space};
use spacehook_domain::settings::Settings;

/// Reads of a sensor and its space, at most, while the sensor is being moved.
const TRIES: usize = 4;

/// A sensor, and what it observes; each with the settings of its building where it is silent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// The sensor.
    pub sensor: Sensor,
    /// Its space.
    pub space: Space,
    /// The groups that it is in.
    pub groups: Vec<SensorGroup>,
}

impl Store {
    /// Where a sensor is; none where it belongs to no space. Costs 3 `GetItem`: the sensor, then its space and its building
    /// side by side; and beside those 1 for each group, or 2 for one that is of a building.
    pub async fn placement(&self, tenant: &TenantId, sensor_id: &SensorId) -> Result<Option<Placement>, StoreError> {
        const OPERATION: &str = "read where a sensor is";
        // A sensor that is moved between the two reads is not in the space it was in: read again.
        for _ in 0..TRIES {
            let Some(sensor) = self.get_as::<Sensor>(OPERATION, &keys::sensor(tenant, sensor_id)).await? else {
                return Ok(None);
            };
            let groups = sensor.sensor_group_ref_ids.iter().map(|id| self.group_with_settings(tenant, id));
            let (space, building, groups) = futures::try_join!(
                // Boxed: side by side they are larger than a stack should hold.
                Box::pin(self.space(tenant, &sensor.space)),
                Box::pin(self.building(tenant, &sensor.space.building_ref_id)),
                Box::pin(try_join_all(groups)),
            )?;
            if let Some(mut space) = space.filter(|space| space.sensor_ids.contains(sensor_id)) {
                space.settings = space.settings.or(&building.map(|building| building.settings).unwrap_or_default());
                // One that the sensor has just left says so itself.
                let groups =
                    groups.into_iter().flatten().filter(|group| group.sensor_ids.contains(sensor_id)).collect();
                return Ok(Some(Placement { sensor, space, groups }));
            }
        }
        Err(Self::overtaken(OPERATION))
    }

    async fn group_with_settings(
        &self,
        tenant: &TenantId,
        id: &SensorGroupRefId,
    ) -> Result<Option<SensorGroup>, StoreError> {
        let Some(mut group) = self.sensor_group(tenant, id).await? else { return Ok(None) };
        let building = match &group.building_ref_id {
            Some(building) => self.building(tenant, building).await?,
            None => None,
        };
        group.settings = group.settings.or(&building.map_or_else(Settings::default, |building| building.settings));
        Ok(Some(group))
    }

    /// A space or a group, by the customer's own names, as it is settled by itself. Costs 1 `GetItem`.
    pub async fn observed(&self, tenant: &TenantId, key: &ObservedKey) -> Result<Option<Observed>, StoreError> {
        Ok(match key {
            ObservedKey::Space(key) => self.space(tenant, key).await?.map(Observed::from),
            ObservedKey::Group { sensor_group_ref_id } => {
                self.sensor_group(tenant, sensor_group_ref_id).await?.map(Observed::from)
            }
        })
    }
}
