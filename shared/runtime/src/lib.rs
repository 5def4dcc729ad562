//! What every function needs to start: its configuration, its logs, its metrics, its access to AWS, and the one clock.

mod aws;
mod environment;
mod logs;
pub mod metrics;

pub use aws::aws_config;
pub use environment::{Environment, InvalidEnvironment};
pub use logs::init_logging;

/// Now. The only place where a function reads the clock: everything below takes time as an argument.
#[expect(clippy::disallowed_methods, reason = "this is that one place")]
pub fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}
