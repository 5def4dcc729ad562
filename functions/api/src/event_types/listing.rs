//! The list of event types: Spacehook's in the order of the catalogue, then the tenant's own by name.

use super::view::{EventTypeView, GroupName};
use crate::App;
use crate::page;
use crate::parameters::Parameters;
use crate::ports::ListFailed;
use crate::problem::Problem;
use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::Deserialize;
use spacehook_domain::catalogue;
use spacehook_domain::event::EventType;
use spacehook_domain::ids::TenantId;
use spacehook_store::{Cursor, Page, PageRequest};
use utoipa::IntoParams;

/// Parameters of the list, for the document.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct FilterParameters {
    /// Only types of this group.
    #[param(inline)]
    #[expect(dead_code, reason = "for the document alone")]
    pub(super) group: Option<GroupName>,
    /// Only archived types, or only others.
    #[expect(dead_code, reason = "for the document alone")]
    pub(super) archived: Option<bool>,
}

/// Which page of which types is wanted.
#[derive(Debug)]
pub(super) struct Listing {
    page: PageRequest,
    group: Option<GroupName>,
    archived: Option<bool>,
}

impl<S: Send + Sync> FromRequestParts<S> for Listing {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut parameters = Parameters::of(&parts.uri)?;
        let page = page::read(&mut parameters);
        let group = parameters.read_one_of("group", &GroupName::ALL);
        let archived = parameters.read("archived", |text| text.parse().map_err(|_| "must be true or false"));
        parameters.finish().map(|()| Self { page, group, archived })
    }
}

/// A page of the types.
pub(super) async fn list(app: &App, tenant: &TenantId, listing: &Listing) -> Result<Page<EventTypeView>, Problem> {
    let mut views: Vec<EventTypeView> = catalogue::entries().iter().map(EventTypeView::from).collect();
    if listing.group.is_none_or(|group| group == GroupName::Own) {
        views.extend(app.event_types.event_types(tenant).await?.iter().map(EventTypeView::from));
    }
    let from = match &listing.page.cursor {
        None => 0,
        Some(cursor) => after(&views, cursor).ok_or(ListFailed::InvalidCursor)?,
    };
    let is_wanted = |view: &EventTypeView| {
        listing.group.is_none_or(|group| group == view.group)
            && listing.archived.is_none_or(|archived| archived == view.archived)
    };
    let mut wanted = views.into_iter().skip(from).filter(is_wanted);
    let limit = usize::try_from(listing.page.limit).unwrap_or(usize::MAX);
    let items: Vec<_> = wanted.by_ref().take(limit).collect();
    let next = items.last().filter(|_| wanted.next().is_some()).map(cursor);
    Ok(Page { items, next })
}

/// The cursor after a type: whose it is, and its name.
fn cursor(view: &EventTypeView) -> Cursor {
    let whose = if view.group == GroupName::Own { "own" } else { "built-in" };
    Cursor::from_text(format!("{whose}:{}", view.name))
}

/// Where the list goes on after a cursor: types that were registered meanwhile neither repeat nor hide others.
fn after(views: &[EventTypeView], cursor: &Cursor) -> Option<usize> {
    let (whose, name) = cursor.as_str().split_once(':')?;
    match (whose, EventType::parse(name).ok()?) {
        ("built-in", event_type) => Some(1 + EventType::BUILT_IN.iter().position(|one| *one == event_type)?),
        ("own", EventType::Custom(_)) => {
            let is_before = |view: &EventTypeView| view.group != GroupName::Own || view.name.as_str() <= name;
            Some(views.iter().take_while(|view| is_before(view)).count())
        }
        _ => None,
    }
}
