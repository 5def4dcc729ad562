//! The list of profiles: those that every tenant has, then the tenant's own, each by name.

use super::view::{ProfileOrigin, ProfileView};
use crate::App;
use crate::page;
use crate::parameters::Parameters;
use crate::ports::ListFailed;
use crate::problem::Problem;
use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::Deserialize;
use spacehook_domain::ids::TenantId;
use spacehook_domain::profile::built_in;
use spacehook_store::{Cursor, Page, PageRequest};
use utoipa::IntoParams;

/// The list, as cursors name it.
const LIST: &str = "profiles";

/// Parameters of the list, for the document.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct FilterParameters {
    /// Only those that every tenant has, or only the tenant's own.
    #[param(inline)]
    #[expect(dead_code, reason = "for the document alone")]
    pub(super) origin: Option<ProfileOrigin>,
}

/// Which page of which profiles is wanted.
#[derive(Debug)]
pub(super) struct Listing {
    page: PageRequest,
    origin: Option<ProfileOrigin>,
}

impl<S: Send + Sync> FromRequestParts<S> for Listing {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut parameters = Parameters::of(&parts.uri)?;
        let page = page::read(&mut parameters);
        let origin = parameters.read_one_of("origin", &ProfileOrigin::ALL);
        parameters.finish().map(|()| Self { page, origin })
    }
}

/// Where a profile stands in the list: what is built in comes first.
fn position(view: &ProfileView) -> String {
    let whose = match view.origin {
        ProfileOrigin::BuiltIn => "built-in",
        ProfileOrigin::Own => "own",
    };
    format!("{whose}:{}", view.name)
}

/// A page of the profiles.
pub(super) async fn list(app: &App, tenant: &TenantId, listing: &Listing) -> Result<Page<ProfileView>, Problem> {
    let mut views: Vec<ProfileView> = built_in().iter().map(ProfileView::from).collect();
    views.push(ProfileView::native());
    if listing.origin != Some(ProfileOrigin::BuiltIn) {
        views.extend(app.profiles.profiles(tenant).await?.iter().map(ProfileView::from));
    }
    views.sort_by_key(position);
    let cursor = listing.page.cursor.as_ref();
    let after = cursor.map(|cursor| cursor.position_in(LIST)).transpose().map_err(ListFailed::from)?;
    let is_wanted = |view: &ProfileView| {
        listing.origin.is_none_or(|origin| origin == view.origin)
            && after.as_ref().is_none_or(|after| position(view) > *after)
    };
    let mut wanted = views.into_iter().filter(is_wanted);
    let limit = usize::try_from(listing.page.limit).unwrap_or(usize::MAX);
    let items: Vec<_> = wanted.by_ref().take(limit).collect();
    let last = items.last().filter(|_| wanted.next().is_some());
    let next = last.map(|last| Cursor::in_list(LIST, &position(last)));
    Ok(Page { items, next })
}
