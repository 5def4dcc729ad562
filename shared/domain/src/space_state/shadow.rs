//! What the shadows of a space's devices said last, and what changes of it are events.
//!
//! The newest version of a shadow counts; older ones, and the same again, change nothing. That a device is in sync, or out
//! of it, is told when it is known first and when it changes; that its app was updated, when another version of the same app
//! was known before.

use super::telling::json;
use super::{Occasion, SpaceState};
use crate::device::{DeviceRecord, UpdatedApp};
use crate::event::{Change, Event, EventSpace, EventType};
use crate::ids::SensorId;
use crate::shadow::{App, ShadowReport, Sync};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What is known of a device's shadow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KnownShadow {
    version: u64,
    at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    is_in_sync: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    app: Option<App>,
}

impl SpaceState {
    /// Takes in what the shadow of a sensor says, heard of at `received_at`. The sensor must be one of the space's; a named
    /// group has no part in it.
    pub fn shadow(
        &mut self,
        occasion: Occasion<'_>,
        sensor: &SensorId,
        report: &ShadowReport,
        received_at: Timestamp,
    ) -> Vec<Event> {
        let Some(space) = occasion.of.space() else { return Vec::new() };
        self.be_at(occasion.of);
        let known = self.shadows.get(sensor).cloned();
        if known.as_ref().is_some_and(|known| !report.is_newer_than(known.version, known.at)) {
            return Vec::new();
        }
        let (was_in_sync, app) = known.map_or((None, None), |known| (known.is_in_sync, known.app));
        let is_in_sync = report.sync.as_ref().map(|sync| *sync == Sync::In);
        let record = |event_type| DeviceRecord::new(event_type, report.at, EventSpace::from(space), sensor.clone());
        let mut records = Vec::new();
        match &report.sync {
            Some(Sync::In) if was_in_sync != Some(true) => records.push(record(EventType::DeviceInSync)),
            Some(Sync::Out(reason)) if was_in_sync != Some(false) => {
                records.push(DeviceRecord { reason: Some(reason.clone()), ..record(EventType::DeviceOutOfSync) });
            }
            _ => {}
        }
        if let (Some(before), Some(now)) = (&app, &report.app)
            && before.name == now.name
            && before.version != now.version
        {
            let app = UpdatedApp { app: now.clone(), previous_version: Some(before.version.clone()) };
            records.push(DeviceRecord { app: Some(app), ..record(EventType::DeviceAppUpdated) });
        }
        let known = KnownShadow {
            version: report.version,
            at: report.at,
            is_in_sync: is_in_sync.or(was_in_sync),
            app: report.app.clone().or(app),
        };
        self.shadows.insert(sensor.clone(), known);
        let times = (report.at, received_at);
        let changed = Change::default();
        let told = |record: DeviceRecord| self.event(occasion, times, changed, record.event_type, || json(&record));
        records.into_iter().filter_map(told).collect()
    }
}

#[cfg(test)]
mod tests;
