//! The management API.
//!
//! A request comes from API Gateway ([`lambda`]), gets its id and its log line ([`observe`]), is authorized by the
//! scope that its operation asks for ([`auth`]), and is read with all its mistakes at once ([`body`], [`fields`]). One with
//! an `Idempotency-Key` is done once ([`idempotency`]).
//! Handlers are thin: [`subscriptions`], [`contacts`], [`registry`], [`import`], [`keys`], [`tenants`], [`event_types`], [`profiles`], [`publish`], [`kept_events`], [`explain`] and [`system`] hold one
//! resource each, and reach the world only through the traits of [`ports`]. Every error is a [`problem::Problem`]. The document of the API
//! is made from the handlers ([`openapi`]), and a test holds it to what is served.

pub mod adapters;
pub mod app;
pub mod auth;
pub mod body;
pub mod configuration;
pub mod contacts;
pub mod docs;
pub mod event_types;
pub mod explain;
pub mod fields;
pub mod idempotency;
pub mod import;
pub mod kept_events;
pub mod keys;
pub mod lambda;
pub mod observe;
pub mod openapi;
mod operations;
pub mod page;
pub mod parameters;
pub mod ports;
pub mod precondition;
pub mod problem;
pub mod profiles;
pub mod publish;
pub mod reference;
pub mod registry;
mod strictness;
pub mod subscriptions;
pub mod system;
pub mod tenants;

pub use app::{App, Parts};
pub use openapi::router;
