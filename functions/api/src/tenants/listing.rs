//! Which tenants are listed.

use super::view::StatusName;
use crate::page;
use crate::parameters::Parameters;
use crate::problem::Problem;
use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::{Deserialize, Serialize};
use spacehook_store::PageRequest;
use utoipa::IntoParams;

/// Which tenants are listed, for the document.
#[derive(Debug, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TenantFilter {
    /// Those of this status only. A page may then have fewer than `limit`, or none, and go on.
    #[param(inline)]
    pub status: Option<StatusName>,
}

/// Which tenants are listed, and which page of them.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) page: PageRequest,
    /// Those that are suspended, or are not; both where it says neither.
    pub(super) suspended: Option<bool>,
}

impl<S: Send + Sync> FromRequestParts<S> for Listing {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut parameters = Parameters::of(&parts.uri)?;
        let page = page::read(&mut parameters);
        let suspended = parameters.read("status", StatusName::parse).map(|status| status == StatusName::Suspended);
        parameters.finish().map(|()| Self { page, suspended })
    }
}
