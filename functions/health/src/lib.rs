//! Health: what the system does on its own schedule.
//!
//! Every few minutes a run judges the subscriptions that failed lately ([`judging`]), tells what is to be told
//! ([`telling`]), looks at the spaces that are due ([`looking`]), and sets lost timers again ([`rearming`]). All of it is found by
//! indexes, so that what is well costs nothing. All of it may run twice at once, or die at any point: each change is
//! conditional, and what follows from it is stored with it.

mod aws;
#[cfg(test)]
mod fake;
pub mod invocation;
mod judging;
mod looking;
pub mod ports;
mod rearming;
mod report;
pub mod run;
pub mod settings;
pub mod summary;
pub mod telling;

pub use aws::AwsWorld;
