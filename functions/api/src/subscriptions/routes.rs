//! The operations on subscriptions.

use super::changes::{self, Change, Which};
use super::deleting;
use super::enabling::{Enabling, KeptChoice};
use super::finding::{Finding, SearchParameters};
use super::request::{NewSubscription, SubscriptionPatch};
use super::view::{CreatedSubscription, EnabledSubscription, SubscriptionView, SubscriptionWithHealth};
use crate::App;
use crate::auth::{Allowed, Reads, Writes};
use crate::body::{JsonBody, OptionalBody, PatchBody};
use crate::operations::operations;
use crate::page::{List, PageParameters};
use crate::precondition::{Precondition, etag};
use crate::problem::Problem;
use crate::reference::{location, subscription_in_path};
use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use secrecy::ExposeSecret as _;
use spacehook_domain::subscription::Subscription;

operations!(pub(super) create_subscription, list_subscriptions, get_subscription, update_subscription, delete_subscription, enable_subscription, disable_subscription, replace_subscription);

fn shown(subscription: &Subscription) -> Response {
    (etag(subscription.revision), Json(SubscriptionView::from(subscription))).into_response()
}

/// Create a subscription
///
/// The answer has the secret that its deliveries are signed with; it is shown this once.
#[utoipa::path(
    post, path = "/v1/subscriptions", tag = "subscriptions", security(("api_key" = ["write"])),
    request_body = NewSubscription,
    responses(
        (status = 201, description = "Created", body = CreatedSubscription, headers(
            ("etag" = String, description = "Its revision"), ("location" = String, description = "Its path"))),
        (status = 409, description = "The name is taken, or a limit is reached", body = crate::problem::ProblemDocument,
            content_type = "application/problem+json"),
    )
)]
async fn create_subscription(
    State(app): State<App>,
    allowed: Allowed<Writes>,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let created = changes::create(&app, &allowed.caller.tenant, &body).await?;
    let answer = CreatedSubscription {
        subscription: SubscriptionView::from(&created.subscription),
        signing_secret: created.signing_secret.expose_secret().to_owned(),
    };
    let location = location(&format!("/v1/subscriptions/{}", created.subscription.id));
    Ok((StatusCode::CREATED, etag(created.subscription.revision), location, Json(answer)).into_response())
}

/// List the subscriptions
///
/// In the order of their creation. With a filter a page examines at most 1,000 subscriptions: it may have fewer than `limit`
/// items, or none, though `next_cursor` says that there are more to look at.
#[utoipa::path(
    get, path = "/v1/subscriptions", tag = "subscriptions", security(("api_key" = ["read"])),
    params(PageParameters, SearchParameters),
    responses((status = 200, description = "A page", body = List<SubscriptionWithHealth>))
)]
async fn list_subscriptions(
    State(app): State<App>,
    allowed: Allowed<Reads>,
    Finding { search, page }: Finding,
) -> Result<List<SubscriptionWithHealth>, Problem> {
    let page = app.subscriptions.find(&allowed.caller.tenant, &search, page).await?;
    Ok(List::of(page, |(subscription, health)| SubscriptionWithHealth::of(&subscription, health)))
}

/// Get a subscription
#[utoipa::path(
    get, path = "/v1/subscriptions/{id}", tag = "subscriptions", security(("api_key" = ["read"])),
    params(("id" = String, Path, description = "The subscription")),
    responses((status = 200, description = "The subscription", body = SubscriptionWithHealth,
        headers(("etag" = String, description = "Its revision"))))
)]
async fn get_subscription(
    State(app): State<App>,
    allowed: Allowed<Reads>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let subscription = changes::read(&app, &allowed.caller.tenant, &subscription_in_path(&id)?).await?;
    let health = app.subscriptions.health(&subscription).await?;
    let answer = SubscriptionWithHealth::of(&subscription, health);
    Ok((etag(subscription.revision), Json(answer)).into_response())
}

/// Replace a subscription
///
/// Everything is as the body says: a field that is not there gets its default, and credentials that are not given again
/// are gone. The id, the signing secret and what is recorded stay. A body that changes nothing makes no new revision. One
/// that enables the subscription has what was kept meanwhile delivered, as a `PATCH` has.
#[utoipa::path(
    put, path = "/v1/subscriptions/{id}", tag = "subscriptions", security(("api_key" = ["write"])),
    params(
        ("id" = String, Path, description = "The subscription"),
        ("if-match" = Option<String>, Header, description = "Change only this revision, as in `\"3\"`"),
    ),
    request_body = NewSubscription,
    responses(
        (status = 200, description = "The subscription as it is now", body = SubscriptionView,
            headers(("etag" = String, description = "Its revision"))),
        (status = 409, description = "The name is taken, a limit is reached, or it is being changed by others",
            body = crate::problem::ProblemDocument, content_type = "application/problem+json"),
        (status = 412, description = "It has another revision", body = crate::problem::ProblemDocument,
            content_type = "application/problem+json"),
    )
)]
async fn replace_subscription(
    State(app): State<App>,
    allowed: Allowed<Writes>,
    Path(id): Path<String>,
    precondition: Precondition,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let id = subscription_in_path(&id)?;
    let which = Which { tenant: &allowed.caller.tenant, id: &id, precondition: &precondition };
    Ok(shown(&changes::change(&app, which, Change::Replace(&body)).await?.subscription))
}

/// Change a subscription
///
/// By JSON merge patch (RFC 7396): what is not named stays, null gives a field its default. A patch that changes nothing
/// makes no new revision.
#[utoipa::path(
    patch, path = "/v1/subscriptions/{id}", tag = "subscriptions", security(("api_key" = ["write"])),
    params(
        ("id" = String, Path, description = "The subscription"),
        ("if-match" = Option<String>, Header, description = "Change only this revision, as in `\"3\"`"),
    ),
    request_body(content((SubscriptionPatch = "application/merge-patch+json"), (SubscriptionPatch = "application/json"))),
    responses(
        (status = 200, description = "The subscription as it is now", body = SubscriptionView,
            headers(("etag" = String, description = "Its revision"))),
        (status = 409, description = "The name is taken, a limit is reached, or it is being changed by others",
            body = crate::problem::ProblemDocument, content_type = "application/problem+json"),
        (status = 412, description = "It has another revision", body = crate::problem::ProblemDocument,
            content_type = "application/problem+json"),
    )
)]
async fn update_subscription(
    State(app): State<App>,
    allowed: Allowed<Writes>,
    Path(id): Path<String>,
    precondition: Precondition,
    PatchBody(patch): PatchBody,
) -> Result<Response, Problem> {
    let id = subscription_in_path(&id)?;
    let which = Which { tenant: &allowed.caller.tenant, id: &id, precondition: &precondition };
    Ok(shown(&changes::change(&app, which, Change::Patch(&patch)).await?.subscription))
}

/// Delete a subscription
///
/// Its credentials go with it, and so do the deliveries that wait and those that were given up: a large backlog within the
/// next minutes. What was recorded of its attempts expires by itself.
#[utoipa::path(
    delete, path = "/v1/subscriptions/{id}", tag = "subscriptions", security(("api_key" = ["write"])),
    params(
        ("id" = String, Path, description = "The subscription"),
        ("if-match" = Option<String>, Header, description = "Delete only this revision, as in `\"3\"`"),
    ),
    responses(
        (status = 204, description = "Deleted"),
        (status = 409, description = "It is being changed by others", body = crate::problem::ProblemDocument,
            content_type = "application/problem+json"),
        (status = 412, description = "It has another revision", body = crate::problem::ProblemDocument,
            content_type = "application/problem+json"),
    )
)]
async fn delete_subscription(
    State(app): State<App>,
    allowed: Allowed<Writes>,
    Path(id): Path<String>,
    precondition: Precondition,
) -> Result<StatusCode, Problem> {
    let id = subscription_in_path(&id)?;
    let which = Which { tenant: &allowed.caller.tenant, id: &id, precondition: &precondition };
    deleting::delete(&app, which).await.map(|()| StatusCode::NO_CONTENT)
}

/// Enable a subscription
///
/// Its failure rate is counted anew. The body says what is done with the deliveries that were kept meanwhile: without one
/// they are delivered. A subscription that is enabled already is left as it is, whatever the body says: the answer then
/// has null for `kept_deliveries`.
#[utoipa::path(
    post, path = "/v1/subscriptions/{id}/enable", tag = "subscriptions", security(("api_key" = ["write"])),
    params(
        ("id" = String, Path, description = "The subscription"),
        ("if-match" = Option<String>, Header, description = "Change only this revision, as in `\"3\"`"),
    ),
    request_body = Option<Enabling>,
    responses(
        (status = 200, description = "The subscription as it is now", body = EnabledSubscription,
            headers(("etag" = String, description = "Its revision"))),
        (status = 409, description = "It is being changed by others", body = crate::problem::ProblemDocument,
            content_type = "application/problem+json"),
        (status = 412, description = "It has another revision", body = crate::problem::ProblemDocument,
            content_type = "application/problem+json"),
    )
)]
async fn enable_subscription(
    State(app): State<App>,
    allowed: Allowed<Writes>,
    Path(id): Path<String>,
    precondition: Precondition,
    OptionalBody(body): OptionalBody,
) -> Result<Response, Problem> {
    let id = subscription_in_path(&id)?;
    let which = Which { tenant: &allowed.caller.tenant, id: &id, precondition: &precondition };
    let outcome = changes::change(&app, which, Change::Enable(&body)).await?;
    let answer = EnabledSubscription {
        subscription: SubscriptionView::from(&outcome.subscription),
        kept_deliveries: outcome.kept.map(KeptChoice::from),
    };
    Ok((etag(outcome.subscription.revision), Json(answer)).into_response())
}

/// Disable a subscription
///
/// No events are sent until it is enabled; they are kept, as long as its backlog keeps deliveries. One that is disabled
/// already is left as it is, with its reason.
#[utoipa::path(
    post, path = "/v1/subscriptions/{id}/disable", tag = "subscriptions", security(("api_key" = ["write"])),
    params(
        ("id" = String, Path, description = "The subscription"),
        ("if-match" = Option<String>, Header, description = "Change only this revision, as in `\"3\"`"),
    ),
    responses(
        (status = 200, description = "The subscription as it is now", body = SubscriptionView,
            headers(("etag" = String, description = "Its revision"))),
        (status = 409, description = "It is being changed by others", body = crate::problem::ProblemDocument,
            content_type = "application/problem+json"),
        (status = 412, description = "It has another revision", body = crate::problem::ProblemDocument,
            content_type = "application/problem+json"),
    )
)]
async fn disable_subscription(
    State(app): State<App>,
    allowed: Allowed<Writes>,
    Path(id): Path<String>,
    precondition: Precondition,
) -> Result<Response, Problem> {
    let id = subscription_in_path(&id)?;
    let which = Which { tenant: &allowed.caller.tenant, id: &id, precondition: &precondition };
    Ok(shown(&changes::change(&app, which, Change::Disable).await?.subscription))
}
