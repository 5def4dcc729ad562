//! The contacts of a tenant: who is told of a subscription that has no contacts of its own.

use crate::App;
use crate::auth::{Administers, Allowed, Reads};
use crate::body::JsonBody;
use crate::fields::{At, Errors};
use crate::operations::operations;
use crate::ports::ChangeFailed;
use crate::precondition::{Precondition, etag};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spacehook_domain::ids::TenantId;
use spacehook_domain::subscription::{CONTACTS_LIMIT, EmailAddress};
use spacehook_store::{Contacts, Saved};
use std::collections::BTreeSet;
use utoipa::ToSchema;

operations!(pub get_contacts, put_contacts);

/// How often a change that somebody overtakes is begun anew.
const TRIES: usize = 3;

/// Who is told of a subscription that has no contacts of its own.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactsInput {
    /// E-mail addresses; none means that nobody is told.
    #[schema(max_items = 10, example = json!(["ops@example.com"]))]
    pub contacts: Vec<String>,
}

/// Who is told of a subscription that has no contacts of its own.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Contacts)]
pub struct ContactsView {
    /// E-mail addresses; none means that nobody is told.
    pub contacts: Vec<String>,
    /// One more with each change; 0 where there never was one. In quotes it is the `ETag`.
    pub revision: u64,
}

impl From<&Contacts> for ContactsView {
    fn from(contacts: &Contacts) -> Self {
        let addresses = contacts.addresses.iter().map(|address| address.as_str().to_owned());
        Self { contacts: addresses.collect(), revision: contacts.revision }
    }
}

/// The fields that a client may write.
const FIELDS: &[&str] = &["contacts"];

fn read(body: &Value) -> Result<BTreeSet<EmailAddress>, Problem> {
    let errors = Errors::default();
    let read = At::root(body, &errors)
        .fields(FIELDS)
        .and_then(|fields| fields.required("contacts", |at| at.set(0, CONTACTS_LIMIT, EmailAddress::parse)));
    errors.finish(read)
}

fn answer(contacts: &Contacts) -> Response {
    (etag(contacts.revision), Json(ContactsView::from(contacts))).into_response()
}

/// Get the contacts
///
/// Who is told of a subscription that has no contacts of its own.
#[utoipa::path(
    get, path = "/v1/contacts", tag = "subscriptions", security(("api_key" = ["read"])),
    responses((status = 200, description = "The contacts", body = ContactsView,
        headers(("etag" = String, description = "Their revision"))))
)]
async fn get_contacts(State(app): State<App>, allowed: Allowed<Reads>) -> Result<Response, Problem> {
    Ok(answer(&app.contacts.contacts(&allowed.caller.tenant).await?))
}

/// Replace the contacts
///
/// They are told of a subscription that has no contacts of its own: that it was disabled, and why, or that many of its
/// attempts fail.
#[utoipa::path(
    put, path = "/v1/contacts", tag = "subscriptions", security(("api_key" = ["admin"])),
    params(("if-match" = Option<String>, Header, description = "Replace only this revision, as in `\"3\"`")),
    request_body = ContactsInput,
    responses(
        (status = 200, description = "The contacts", body = ContactsView,
            headers(("etag" = String, description = "Their revision"))),
        (status = 409, description = "Changed by somebody else at the same time",
            body = crate::problem::ProblemDocument, content_type = "application/problem+json"),
        (status = 412, description = "They have another revision", body = crate::problem::ProblemDocument,
            content_type = "application/problem+json"),
    )
)]
async fn put_contacts(
    State(app): State<App>,
    allowed: Allowed<Administers>,
    precondition: Precondition,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let contacts = replace(&app, &allowed.caller.tenant, &precondition, read(&body)?).await?;
    Ok(answer(&contacts))
}

/// Replaces the contacts; those that are there already stay as they are.
async fn replace(
    app: &App,
    tenant: &TenantId,
    precondition: &Precondition,
    addresses: BTreeSet<EmailAddress>,
) -> Result<Contacts, Problem> {
    let mut was_tried = false;
    for _ in 0..TRIES {
        let before = app.contacts.contacts(tenant).await?;
        let is_there = before.addresses == addresses;
        // A lost answer looks like somebody else's change; what is stored then is our own, whatever its revision.
        if was_tried && is_there {
            return Ok(before);
        }
        precondition.check(before.revision)?;
        if is_there {
            return Ok(before);
        }
        let after = Contacts { addresses: addresses.clone(), revision: before.revision + 1 };
        match app.contacts.put_contacts(tenant, &after).await? {
            Saved::Yes => return Ok(after),
            Saved::Conflict => was_tried = true,
        }
    }
    Err(ChangeFailed::Conflict.into())
}
