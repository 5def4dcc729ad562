//! News of sensors that are registered, or are no more: for those who subscribe to it.

use crate::App;
use crate::ports::Failed;
use crate::problem::Problem;
use futures::{StreamExt as _, stream};
use spacehook_domain::device::Registration;
use spacehook_domain::event::EventSpace;
use spacehook_domain::ids::{SensorId, TenantId};
use spacehook_domain::publishing::Publication;

/// Events that are queued at the same time.
const QUEUED_AT_ONCE: usize = 16;

/// Whether anybody is to be told.
pub(crate) async fn is_asked_for(app: &App, tenant: &TenantId, what: Registration) -> Result<bool, Failed> {
    app.news.is_asked_for(tenant, what.event_type()).await
}

/// Tells of sensors of a space. What is done is done: an event that can't be queued is logged, and nobody is told.
pub(crate) async fn tell(
    app: &App,
    tenant: &TenantId,
    what: Registration,
    space: &EventSpace,
    sensors: impl IntoIterator<Item = SensorId>,
) {
    let told: Vec<_> = sensors.into_iter().map(|sensor| try_to_tell(app, tenant, what, space, sensor)).collect();
    stream::iter(told).buffer_unordered(QUEUED_AT_ONCE).collect::<Vec<()>>().await;
}

async fn try_to_tell(app: &App, tenant: &TenantId, what: Registration, space: &EventSpace, sensor: SensorId) {
    if let Err(problem) = tell_of(app, tenant, what, space, &sensor).await {
        tracing::error!(%tenant, %sensor, event_type = %what.event_type(), ?problem, "a registration is not told of");
    }
}

async fn tell_of(
    app: &App,
    tenant: &TenantId,
    what: Registration,
    space: &EventSpace,
    sensor: &SensorId,
) -> Result<(), Problem> {
    let at = app.now();
    let publication = Publication::new(at, app.random()?);
    let event = publication.event(tenant, 0, what.draft(at, space.clone(), sensor), None);
    app.publisher.publish(&[event]).await?;
    Ok(())
}
