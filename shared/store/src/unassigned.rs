//! Sensors that were heard and belong to no space: what an installer looks for.

use crate::error::{ListError, StoreError};
use crate::item::{EXPIRES_AT, number, text};
use crate::page::{Page, PageRequest};
use crate::request::Order;
use crate::write::Write;
use crate::{Store, keys};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use spacehook_domain::ids::{SensorId, TenantId};

/// How long a sensor is remembered after it was last heard: 30 days.
const KEPT_S: i64 = 30 * 24 * 3_600;

/// A sensor that was heard and belonged to no space then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnassignedSensor {
    /// As its vendor names it.
    pub sensor_id: SensorId,
    /// When it was first heard.
    pub first_seen: Timestamp,
    /// When it was last heard.
    pub last_seen: Timestamp,
    /// How many readings came of it.
    pub readings: u64,
}

impl Store {
    /// Remembers, for 30 days, that readings came of a sensor without a space. Costs 1 `UpdateItem`.
    ///
    /// A repeat after a lost answer counts twice; the count is for orientation only.
    pub async fn record_unassigned(
        &self,
        tenant: &TenantId,
        sensor: &SensorId,
        readings: u64,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let write = Write::update(keys::unassigned(tenant, sensor))
            .set("sensor_id", text(sensor.as_str()))
            .set_once("first_seen", text(at.to_string()))
            .set("last_seen", text(at.to_string()))
            .set(EXPIRES_AT, number(at.as_second().saturating_add(KEPT_S)))
            .add("readings", number(readings));
        self.write("record a sensor without a space", write).await?;
        Ok(())
    }

    /// Sensors that were heard and belonged to no space, by id. Costs 1 Query a page.
    pub async fn list_unassigned(
        &self,
        tenant: &TenantId,
        request: PageRequest,
    ) -> Result<Page<UnassignedSensor>, ListError> {
        let pk = keys::tenant_partition(tenant);
        self.page("list sensors without a space", (&pk, keys::UNASSIGNED_PREFIX), &request, Order::Forward).await
    }
}
