//! Shadows of devices: whether they are in sync, and what they run.

use crate::intake::{Intake, IntakeFault, News, Summary, fault};
use crate::message::Message;
use crate::placements::Placement;
use crate::ports::{Events, Refused, Spaces, Timers};
use crate::remembered::AsOf;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use spacehook_domain::shadow::{self, Shadow};
use spacehook_domain::space_state::Occasion;
use spacehook_domain::trace::TraceId;

impl<S: Spaces, E: Events, R: Refused, T: Timers> Intake<S, E, R, T> {
    /// Takes in a change of a thing's shadow. That of no sensor of ours, or of one that belongs to no space, is passed over.
    pub(crate) async fn take_shadow(
        &self,
        thing: &str,
        message: &Message,
        trace: Option<&TraceId>,
        now: Timestamp,
    ) -> Result<Summary, IntakeFault> {
        let received_at = message.received_at(now);
        let read = STANDARD.decode(&message.payload_base64).map_err(|error| format!("payload_base64: {error}"));
        let read = read.and_then(|bytes| shadow::read(thing, &bytes, received_at).map_err(|error| error.to_string()));
        let Shadow { tenant, sensor, report } = match read {
            Ok(Some(shadow)) => shadow,
            Ok(None) => return Ok(Summary::default()),
            Err(cause) => return self.refuse_whole(message, cause).await,
        };
        let overview = self.spaces.overview(&tenant).await.map_err(fault("the tenant's item could not be read"))?;
        let as_of = AsOf { tenant: &tenant, registry_version: overview.registry_version, now };
        let placement = self.placements.find(&self.spaces, as_of, &sensor).await;
        let Some(Placement { space, .. }) = placement.map_err(fault("a sensor could not be looked up"))? else {
            return Ok(Summary::default());
        };
        let news = News::Shadow { sensor: &sensor, report: &report, received_at };
        let occasion = Occasion { tenant: &tenant, space: &space, trace, wanted: &overview.subscribed };
        let events = self.apply_to_space(occasion, &[news], &overview, now).await;
        let events = events.map_err(fault("the state of a space could not be brought up to date"))?;
        Ok(Summary { events, ..Summary::default() })
    }
}
