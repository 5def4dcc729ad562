//! What of a tenant's telemetry is kept: the tenant's own to say.

use super::OwnTenant;
use super::changes::TRIES;
use crate::App;
use crate::auth::{Administers, Allowed};
use crate::body::PatchBody;
use crate::fields::{At, Errors};
use crate::operations::operations;
use crate::page::{self, List, PageParameters};
use crate::parameters::Parameters;
use crate::ports::ChangeFailed;
use crate::problem::Problem;
use crate::reference;
use axum::Json;
use axum::extract::{FromRequestParts, State};
use http::StatusCode;
use http::request::Parts;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spacehook_domain::ids::{ProfileName, SensorId, TenantId};
use spacehook_domain::privacy::{Privacy, RawPayloads};
use spacehook_domain::tenant::Tenant;
use spacehook_store::{PageRequest, RawPayload, RawPayloadFilter, Saved};
use utoipa::{IntoParams, ToSchema};

operations!(pub update_own_tenant, list_raw_payloads, delete_raw_payloads);

/// Which messages are kept as they came.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RawPayloads)]
pub struct RawPayloadsView {
    /// Those that arrive before then: in the future, and at most 7 days ahead.
    #[schema(value_type = String, format = DateTime, example = "2026-03-30T12:00:00Z")]
    pub keep_until: Timestamp,
    /// Of those that are read by this profile alone; null means of all.
    #[schema(min_length = 1, max_length = 64, pattern = "^[a-z0-9][a-z0-9_-]*$", example = "milesight_gateway")]
    pub profile: Option<String>,
    /// On the topic of this sensor alone; null means of all.
    pub sensor_id: Option<String>,
}

/// What of a tenant's telemetry is kept.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Privacy)]
pub struct PrivacyView {
    /// Whether coordinates of people, and distances between them, are kept. Else they are dropped before anything is stored
    /// or sent.
    pub coordinates: bool,
    /// Which messages are kept as they came, for 7 days, the newest 1,000; null where none are.
    #[schema(required)]
    pub raw_payloads: Option<RawPayloadsView>,
}

impl From<&Privacy> for PrivacyView {
    fn from(privacy: &Privacy) -> Self {
        let raw = |raw: &RawPayloads| RawPayloadsView {
            keep_until: raw.keep_until(),
            profile: raw.profile().map(ToString::to_string),
            sensor_id: raw.sensor_id().map(ToString::to_string),
        };
        Self { coordinates: privacy.keeps_coordinates(), raw_payloads: privacy.raw_payloads().map(raw) }
    }
}

/// A change of what is kept of a tenant's telemetry.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PrivacyPatch {
    /// Whether coordinates of people, and distances between them, are kept; null means that they are.
    pub coordinates: Option<bool>,
    /// Which messages are kept as they came, given as a whole; null ends it. Not while `coordinates` is false, since they
    /// are in the messages.
    pub raw_payloads: Option<RawPayloadsView>,
}

/// A change of the tenant of the key that asks.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnTenantPatch {
    /// What is kept of its telemetry; null means as usual: coordinates, and no messages.
    pub privacy: Option<PrivacyPatch>,
}

/// What a patch says of what is kept: none where it says nothing of a thing.
#[derive(Debug, Clone, Default)]
struct Said {
    coordinates: Option<bool>,
    raw_payloads: SaidRaw,
}

/// What a patch says of messages.
#[derive(Debug, Clone, Default)]
enum SaidRaw {
    /// Nothing.
    #[default]
    Stay,
    /// These are kept, or none.
    Are(Option<RawPayloads>),
}

impl Said {
    /// What is kept then, of what was kept before.
    fn over(&self, before: &Privacy) -> Result<Privacy, Problem> {
        let coordinates = self.coordinates.unwrap_or(before.keeps_coordinates());
        let raw_payloads = match &self.raw_payloads {
            SaidRaw::Stay => before.raw_payloads().cloned(),
            SaidRaw::Are(raw_payloads) => raw_payloads.clone(),
        };
        Privacy::new(coordinates, raw_payloads).map_err(|error| {
            let errors = Errors::default();
            errors.refuse("/privacy/raw_payloads", error.to_string());
            Problem::of_errors(errors.into_all())
        })
    }
}

fn read(body: &Value, now: Timestamp) -> Result<Said, Problem> {
    let errors = Errors::default();
    let read = At::root(body, &errors).fields(&["privacy"]).and_then(|fields| {
        if !fields.has("privacy") {
            return Some(Said::default());
        }
        let said = fields.optional("privacy", |at| read_privacy(at, now).map(Some))?;
        Some(said.unwrap_or(Said { coordinates: Some(true), raw_payloads: SaidRaw::Are(None) }))
    });
    errors.finish(read)
}

fn read_privacy(at: &At<'_>, now: Timestamp) -> Option<Said> {
    let fields = at.fields(&["coordinates", "raw_payloads"])?;
    let coordinates = fields.optional("coordinates", |at| at.boolean().map(Some));
    let raw_payloads = fields.optional("raw_payloads", |at| read_raw_payloads(at, now).map(Some));
    let (coordinates, raw_payloads) = (coordinates?, raw_payloads?);
    Some(Said {
        coordinates: fields.has("coordinates").then(|| coordinates.unwrap_or(true)),
        raw_payloads: if fields.has("raw_payloads") { SaidRaw::Are(raw_payloads) } else { SaidRaw::Stay },
    })
}

fn read_raw_payloads(at: &At<'_>, now: Timestamp) -> Option<RawPayloads> {
    let fields = at.fields(&["keep_until", "profile", "sensor_id"])?;
    let keep_until = fields.required("keep_until", |at| {
        let keep_until = at.parsed(page::instant)?;
        RawPayloads::new(keep_until, None, None, now).map_err(|error| at.refuse::<()>(error.to_string())).ok()
    });
    // Whether there is one is not asked: it may be made later.
    let profile = fields.optional("profile", |at| at.parsed(ProfileName::parse).map(Some));
    let sensor = fields.optional("sensor_id", |at| at.parsed(reference::sensor).map(Some));
    RawPayloads::new(keep_until?.keep_until(), profile?, sensor?, now).ok()
}

/// Change the tenant of the key that asks
///
/// By JSON merge patch (RFC 7396), save that `raw_payloads` is given as a whole. It holds from the next message on; what of
/// coordinates is in the present state of a space goes with the next message about it, and what was sent or kept before
/// stays where it is.
#[utoipa::path(
    patch, path = "/v1/tenant", tag = "tenants", security(("api_key" = ["admin"])),
    request_body(content((OwnTenantPatch = "application/merge-patch+json"), (OwnTenantPatch = "application/json"))),
    responses(
        (status = 200, description = "The tenant as it is now", body = OwnTenant),
        (status = 409, description = "It is being changed by others", body = crate::problem::ProblemDocument,
            content_type = "application/problem+json"),
    )
)]
async fn update_own_tenant(
    State(app): State<App>,
    allowed: Allowed<Administers>,
    PatchBody(patch): PatchBody,
) -> Result<Json<OwnTenant>, Problem> {
    let tenant = change(&app, &allowed.caller.tenant, &read(&patch, app.now())?).await?;
    let usage = app.tenants.usage(&tenant.id).await?;
    Ok(Json(OwnTenant::of(&tenant, usage, allowed.rate, app.requests_per_minute)))
}

/// Changes what is kept; again where another change of the tenant came between.
async fn change(app: &App, id: &TenantId, said: &Said) -> Result<Tenant, Problem> {
    for _ in 0..TRIES {
        let before = app.tenants.tenant(id).await?.unwrap_or_else(|| Tenant::unrecorded(id.clone()));
        let privacy = said.over(&before.privacy)?;
        if privacy == before.privacy {
            return Ok(before);
        }
        let after = before.changed(app.now(), |tenant| tenant.privacy = privacy);
        if app.tenants.put_tenant(&after).await? == Saved::Yes || app.tenants.tenant(id).await?.as_ref() == Some(&after)
        {
            tracing::info!(tenant = %id, privacy = ?after.privacy, "what is kept of a tenant's telemetry is changed");
            return Ok(after);
        }
    }
    Err(ChangeFailed::Conflict.into())
}

/// A message as it came, and what became of it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = RawPayload)]
pub struct RawPayloadView {
    /// When it arrived.
    #[schema(value_type = String, format = DateTime)]
    pub received_at: Timestamp,
    /// Where it was published.
    #[schema(example = "telemetry/acme/milesight_gateway/24e124743d012345")]
    pub topic: String,
    /// The profile that it was read by: that of its topic, or of its sensor.
    #[schema(example = "milesight_gateway")]
    pub profile: String,
    /// The sensor of the topic.
    pub sensor_id: String,
    /// How long it is.
    #[schema(example = 14)]
    pub bytes: u64,
    /// The message, base64; null where it has more than 65,536 bytes.
    #[schema(required, example = "eyJwZXJzb25fY291bnQiOjF9")]
    pub payload_base64: Option<String>,
    /// Readings in it that were taken in.
    #[schema(example = 1)]
    pub readings: u64,
    /// What was refused of it, and why: the first 20 causes.
    #[schema(example = json!([]))]
    pub causes: Vec<String>,
}

impl From<RawPayload> for RawPayloadView {
    fn from(raw: RawPayload) -> Self {
        Self {
            received_at: raw.received_at,
            topic: raw.topic,
            profile: raw.profile.into(),
            sensor_id: raw.sensor_id.into(),
            bytes: raw.bytes,
            payload_base64: raw.payload_base64,
            readings: raw.readings,
            causes: raw.causes,
        }
    }
}

/// Which messages are listed, for the document.
#[derive(Debug, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RawPayloadParameters {
    /// Those on the topic of this sensor.
    #[param(min_length = 1, max_length = 128)]
    pub sensor_id: Option<String>,
    /// Those that were read by this profile.
    #[param(min_length = 1, max_length = 64, pattern = "^[a-z0-9][a-z0-9_-]*$")]
    pub profile: Option<String>,
}

/// Which messages are listed, and which page of them.
#[derive(Debug)]
struct RawListing {
    page: PageRequest,
    filter: RawPayloadFilter,
}

impl<S: Send + Sync> FromRequestParts<S> for RawListing {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut parameters = Parameters::of(&parts.uri)?;
        let page = page::read(&mut parameters);
        let sensor_id: Option<SensorId> = parameters.read("sensor_id", reference::sensor);
        let profile = parameters.read("profile", |text| ProfileName::parse(text));
        parameters.finish().map(|()| Self { page, filter: RawPayloadFilter { sensor_id, profile } })
    }
}

/// List messages as they came
///
/// Those that were kept because `privacy.raw_payloads` of the tenant says so, the newest first: at most 1,000, each for 7
/// days. They are what sensors sent, with all that is in it. A page has at most 40, and may have fewer than `limit`, or none,
/// and go on.
#[utoipa::path(
    get, path = "/v1/raw-payloads", tag = "tenants", security(("api_key" = ["admin"])),
    params(RawPayloadParameters, PageParameters),
    responses((status = 200, description = "A page", body = List<RawPayloadView>))
)]
async fn list_raw_payloads(
    State(app): State<App>,
    allowed: Allowed<Administers>,
    RawListing { page, filter }: RawListing,
) -> Result<List<RawPayloadView>, Problem> {
    let page = app.tenants.list_raw_payloads(&allowed.caller.tenant, &filter, app.now(), page).await?;
    Ok(List::of(page, RawPayloadView::from))
}

/// Delete messages as they came
///
/// All of the tenant's. What arrives from then on is kept as `privacy.raw_payloads` says.
#[utoipa::path(
    delete, path = "/v1/raw-payloads", tag = "tenants", security(("api_key" = ["admin"])),
    responses((status = 204, description = "Deleted"))
)]
async fn delete_raw_payloads(State(app): State<App>, allowed: Allowed<Administers>) -> Result<StatusCode, Problem> {
    app.tenants.delete_raw_payloads(&allowed.caller.tenant).await?;
    Ok(StatusCode::NO_CONTENT)
}
