//! The management API.
//!
//! A request comes from API Gateway ([`lambda`]), gets its id and its log line ([`observe`]), is authorized by the
//! scope that its operation asks for ([`auth`]), and is read with all its mistakes at once ([`body`], [`fields`]).
//! Handlers are thin: [`subscriptions`], [`contacts`], [`registry`], [`import`], [`keys`] and [`system`] hold one resource
//! each, and reach the world only through the traits of [`ports`]. Every error is a [`problem::Problem`]. The document of the API
//! is made from the handlers ([`openapi`]), and a test holds it to what is served.

pub mod adapters;
pub mod app;
pub mod auth;
pub mod body;
pub mod configuration;
pub mod contacts;
pub mod fields;
pub mod import;
pub mod keys;
pub mod lambda;
pub mod observe;
pub mod openapi;
mod operations;
pub mod page;
pub mod ports;
pub mod precondition;
pub mod problem;
pub mod reference;
pub mod registry;
pub mod subscriptions;
pub mod system;

pub use app::{App, Parts};
pub use openapi::router;
