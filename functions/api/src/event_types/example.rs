//! The documented example of a type: what test events and explanations are made of.

use crate::App;
use crate::problem::{FieldError, Problem};
use crate::subscriptions::types::not_known;
use serde_json::Value;
use spacehook_domain::catalogue;
use spacehook_domain::event::EventType;
use spacehook_domain::ids::TenantId;
use spacehook_domain::publishing::body;

/// The body of the example of a type that a request names in its field `event_type`; of a type of the tenant's own, that of
/// its newest version.
pub(crate) async fn example(app: &App, tenant: &TenantId, event_type: EventType) -> Result<Value, Problem> {
    if let Some(entry) = catalogue::entry(event_type) {
        return Ok(entry.example.clone());
    }
    let Some(name) = event_type.custom() else { return Err(refused(not_known(event_type))) };
    let own = app.event_types.event_type(tenant, name).await?.ok_or_else(|| refused(not_known(event_type)))?;
    let version = app.event_types.version(tenant, name, own.version).await?;
    let example = version.and_then(|version| version.example);
    let example = example.ok_or_else(|| refused(format!("has no example: PUT /v1/event-types/{name} gives it one")))?;
    Ok(Value::Object(body(event_type, app.now(), example)))
}

fn refused(detail: impl Into<String>) -> Problem {
    let pointer = Some("/event_type".to_owned());
    Problem::of_errors(vec![FieldError { pointer, detail: detail.into(), ..FieldError::default() }])
}
