//! Finding subscriptions in a list.

use super::view::HealthView;
use crate::openapi::EventTypeName;
use crate::page;
use crate::parameters::Parameters;
use crate::problem::Problem;
use crate::reference;
use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::Deserialize;
use spacehook_domain::event::EventType;
use spacehook_domain::subscription::search::{Health, Search, TEXT_LIMIT};
use spacehook_store::PageRequest;
use utoipa::IntoParams;

/// What is wanted of a list of subscriptions, for the document.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SearchParameters {
    /// Only those that are enabled, or that are not.
    pub enabled: Option<bool>,
    /// Only those that list this type of event.
    #[param(value_type = Option<EventTypeName>)]
    pub event_type: Option<String>,
    /// Only those that want events of this building: that list it, or list none.
    #[param(min_length = 1, max_length = 128)]
    pub building_ref_id: Option<String>,
    /// Only those that are doing so.
    pub health: Option<HealthView>,
    /// Only those with this text in name, description or URL, in upper or lower case.
    #[param(min_length = 1, max_length = 100)]
    pub text: Option<String>,
}

/// Which subscriptions are wanted, and which page of them.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) search: Search,
    pub(super) page: PageRequest,
}

impl<S: Send + Sync> FromRequestParts<S> for Finding {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut parameters = Parameters::of(&parts.uri)?;
        let page = page::read(&mut parameters);
        let search = Search {
            enabled: parameters.read("enabled", parse_boolean),
            event_type: parameters.read("event_type", EventType::parse),
            building_ref_id: parameters.read("building_ref_id", reference::building),
            health: parameters.read_one_of("health", &Health::ALL.map(|health| (health.as_str(), health))),
            text: parameters.read("text", parse_text),
        };
        parameters.finish().map(|()| Self { search, page })
    }
}

fn parse_boolean(text: &str) -> Result<bool, &'static str> {
    text.parse().map_err(|_| "must be 'true' or 'false'")
}

fn parse_text(text: &str) -> Result<String, String> {
    let fits = (1..=TEXT_LIMIT).contains(&text.chars().count());
    if fits { Ok(text.to_owned()) } else { Err(format!("must have 1 to {TEXT_LIMIT} characters")) }
}
