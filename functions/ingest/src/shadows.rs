//! Shadows of devices: whether they are in sync, and what they run.

use crate::intake::{Intake, IntakeFault, News, Summary};
use crate::message::Message;
use crate::ports::{Events, Refused, Spaces, Timers};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use spacehook_domain::shadow::{self, Shadow};
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
        let news = News::Shadow { sensor: &sensor, report: &report, received_at };
        self.take_news(&tenant, &sensor, news, trace, now).await
    }
}
