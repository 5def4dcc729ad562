//! What a message, a timer or the broker says of a space or a group of sensors, and what its state makes of it.

use jiff::Timestamp;
use spacehook_domain::event::Event;
use spacehook_domain::ids::SensorId;
use spacehook_domain::presence::{LinkReport, Silence};
use spacehook_domain::reading::Reading;
use spacehook_domain::shadow::ShadowReport;
use spacehook_domain::space_state::{Occasion, SpaceState};

/// What is heard of a space or a group of sensors.
#[derive(Debug, Clone, Copy)]
pub(crate) enum News<'a> {
    /// A reading; the sensor may be silent for so long after it.
    Reading { reading: &'a Reading, silence: Silence },
    /// What the shadow of a device says.
    Shadow { sensor: &'a SensorId, report: &'a ShadowReport, received_at: Timestamp },
    /// It is that late: what was held until then is over.
    Time(Timestamp),
    /// The broker's word of its connection.
    Link { sensor: &'a SensorId, report: LinkReport, received_at: Timestamp },
}

impl News<'_> {
    pub(super) fn at(&self) -> Timestamp {
        match self {
            Self::Reading { reading, .. } => reading.observed_at,
            Self::Link { report, .. } => report.at,
            Self::Time(now) => *now,
            Self::Shadow { report, .. } => report.at,
        }
    }

    pub(super) fn apply(&self, state: &mut SpaceState, occasion: Occasion<'_>) -> Vec<Event> {
        match *self {
            Self::Reading { reading, silence } => state.take(occasion, reading, silence),
            Self::Shadow { sensor, report, received_at } => state.shadow(occasion, sensor, report, received_at),
            Self::Time(now) => state.end_hold(occasion, now),
            Self::Link { sensor, report, received_at } => state.link(occasion, sensor, report, received_at),
        }
    }
}
