//! Trying a profile with a message: what ingest would make of it. Nothing is kept of it.

use super::changes;
use super::read::read_definition;
use crate::App;
use crate::fields::{At, Errors, Fields};
use crate::problem::Problem;
use crate::reference;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spacehook_domain::ids::{ProfileName, SensorId, TenantId};
use spacehook_domain::profile::{Origin, Profile, Recipe, Unusable};
use spacehook_domain::telemetry::{
    Accepted, ClockDistrusted, ReadMessage, RefusedReading, UnreadableMessage, read_message,
};
use std::sync::Arc;
use utoipa::ToSchema;

/// The sensor of the topic, where the request does not say.
const SENSOR: &str = "sensor-of-topic";
/// Bytes of a message, at most: what AWS IoT Core takes.
const MESSAGE_BYTES_LIMIT: usize = 128 * 1_024;

/// A message to try a profile with.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileTrial {
    /// The message, as JSON. Either this or `payload_base64`.
    #[schema(value_type = Option<Object>)]
    pub message: Option<Value>,
    /// The message, as the bytes that are published, base64.
    #[schema(max_length = 174_764)]
    pub payload_base64: Option<String>,
    /// The sensor that the topic would name.
    pub sensor_id: Option<String>,
    /// When it would arrive; now where it is missing.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub received_at: Option<Timestamp>,
    /// A definition to try in place of the profile's: then there need be no profile of this name yet.
    #[schema(value_type = Option<Object>)]
    pub definition: Option<Value>,
}

/// What would become of the message.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct TrialResult {
    /// The readings, in their order.
    pub readings: Vec<TrialReading>,
    /// What would be refused, the readings beside it notwithstanding.
    pub refused: Vec<TrialRefusal>,
    /// Why nothing can be made of the message; null where it can be read.
    #[schema(required)]
    pub error: Option<TrialError>,
    /// What the decoder said of the payload; null where there is no decoder, or it failed.
    #[schema(required)]
    pub decoded: Option<Value>,
}

/// A reading.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct TrialReading {
    /// The sensor that measured.
    pub sensor_id: String,
    /// When it measured.
    #[schema(value_type = String, format = DateTime)]
    pub observed_at: Timestamp,
    /// Why the arrival is taken for it; null where the device's own clock is believed.
    #[schema(required)]
    pub clock_distrusted: Option<TrialClock>,
    /// What it measured, by quantity, in the units of readings.
    #[schema(value_type = Object)]
    pub measurements: Value,
}

/// Why a device's clock is not believed.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrialClock {
    /// More than 5 minutes ahead.
    Ahead,
    /// Before the year 2000: it was never set.
    Unset,
}

/// A part of the message that would be refused.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct TrialRefusal {
    /// Its place in the message, from 0.
    pub index: usize,
    /// The field of readings that can't be made of it.
    pub field: String,
    /// What is wrong, and where in the message.
    pub detail: String,
}

/// Why nothing can be made of the message.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct TrialError {
    /// Where it went wrong.
    pub stage: TrialStage,
    /// What went wrong; of a script with the line.
    pub detail: String,
}

/// Where it went wrong.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrialStage {
    /// The message itself: no JSON, or no object.
    Message,
    /// The binary payload in it.
    Payload,
    /// The decoder.
    Decoder,
    /// The script that makes readings.
    Normalize,
}

const FIELDS: &[&str] = &["message", "payload_base64", "sensor_id", "received_at", "definition"];

/// What is asked.
struct Asked {
    bytes: Vec<u8>,
    sensor_id: SensorId,
    received_at: Option<Timestamp>,
    definition: Option<Recipe>,
}

/// Tries the profile of that name, or the definition that is asked of.
pub(super) async fn run(
    app: &App,
    tenant: &TenantId,
    name: &ProfileName,
    body: &Value,
) -> Result<TrialResult, Problem> {
    let asked = read(app, body)?;
    let profile = match asked.definition {
        Some(recipe) => Profile::Own(Arc::new(recipe)),
        None => stored(app, tenant, name).await?,
    };
    let received_at = asked.received_at.unwrap_or_else(|| app.now());
    let origin = Origin { sensor_id: &asked.sensor_id, profile: name, received_at };
    Ok(TrialResult::of(read_message(&asked.bytes, &profile, origin, &*app.scripts)))
}

async fn stored(app: &App, tenant: &TenantId, name: &ProfileName) -> Result<Profile, Problem> {
    if let Some(profile) = Profile::of_all(name) {
        return Ok(profile);
    }
    let own = changes::find(app, tenant, name).await?;
    let newest = changes::version(app, tenant, name, own.version).await?;
    let unreadable = |_| Problem::internal("a profile that is kept can't be read");
    Ok(Profile::Own(Arc::new(newest.recipe().map_err(unreadable)?)))
}

fn read(app: &App, body: &Value) -> Result<Asked, Problem> {
    let errors = Errors::default();
    let read = At::root(body, &errors).fields(FIELDS).and_then(|fields| {
        let bytes = read_bytes(&fields, &errors);
        let sensor_id = fields.optional("sensor_id", |at| at.parsed(reference::sensor).map(Some));
        let received_at = fields.optional("received_at", |at| at.parsed(str::parse::<Timestamp>).map(Some));
        let definition = fields.optional("definition", |at| read_definition(at, &*app.scripts).map(Some));
        Some(Asked {
            bytes: bytes?,
            sensor_id: sensor_id?.or_else(|| SensorId::parse(SENSOR).ok())?,
            received_at: received_at?,
            definition: definition?.map(|(_, recipe)| recipe),
        })
    });
    errors.finish(read)
}

fn read_bytes(fields: &Fields<'_>, errors: &Errors) -> Option<Vec<u8>> {
    match (fields.has("message"), fields.has("payload_base64")) {
        (true, true) => {
            errors.refuse("/payload_base64", "can't stand beside message: one of both is the message");
            None
        }
        (false, true) => {
            fields.required("payload_base64", |at| within_limit(at, at.parsed(|text| STANDARD.decode(text))?))
        }
        _ => fields.required("message", |at| within_limit(at, at.value().to_string().into_bytes())),
    }
}

fn within_limit(at: &At<'_>, bytes: Vec<u8>) -> Option<Vec<u8>> {
    if bytes.len() > MESSAGE_BYTES_LIMIT {
        return at.refuse(format!("has {} bytes; at most {MESSAGE_BYTES_LIMIT} are published", bytes.len()));
    }
    Some(bytes)
}

impl TrialResult {
    fn of(read: Result<ReadMessage, UnreadableMessage>) -> Self {
        let mut result = Self { readings: Vec::new(), refused: Vec::new(), error: None, decoded: None };
        match read {
            Err(unreadable) => result.error = Some(TrialError::from(unreadable)),
            Ok(ReadMessage { readings, decoded }) => {
                result.decoded = decoded;
                for reading in readings {
                    match reading {
                        Ok(accepted) => result.readings.push(TrialReading::from(accepted)),
                        Err(refused) => result.refused.push(TrialRefusal::from(refused)),
                    }
                }
            }
        }
        result
    }
}

impl From<UnreadableMessage> for TrialError {
    fn from(unreadable: UnreadableMessage) -> Self {
        let stage = match &unreadable {
            UnreadableMessage::Unusable(Unusable::Payload(_)) => TrialStage::Payload,
            UnreadableMessage::Unusable(Unusable::Decoder(_)) => TrialStage::Decoder,
            UnreadableMessage::Unusable(Unusable::Normalize(_)) => TrialStage::Normalize,
            UnreadableMessage::NotJson(_) | UnreadableMessage::Shape | UnreadableMessage::TooMany { .. } => {
                TrialStage::Message
            }
        };
        Self { stage, detail: unreadable.to_string() }
    }
}

impl From<Accepted> for TrialReading {
    fn from(Accepted { reading, clock }: Accepted) -> Self {
        let mut measurements = serde_json::to_value(&reading.measurements).unwrap_or_default();
        if let Value::Object(fields) = &mut measurements {
            fields.retain(|_, value| !value.is_null());
        }
        Self {
            sensor_id: reading.sensor_id.into(),
            observed_at: reading.observed_at,
            clock_distrusted: clock.map(|clock| match clock {
                ClockDistrusted::Ahead => TrialClock::Ahead,
                ClockDistrusted::Unset => TrialClock::Unset,
            }),
            measurements,
        }
    }
}

impl From<RefusedReading> for TrialRefusal {
    fn from(RefusedReading { index, field, problem }: RefusedReading) -> Self {
        Self { index, field: field.to_owned(), detail: problem }
    }
}
