//! Health: what the schedule looks after.
//!
//! Every five minutes it reads which subscriptions failed lately (a short list: healthy ones cost nothing), computes
//! the failure rate of each over the last 24 hours, disables those above the threshold, and tells their contacts.
//!
//! Where such a subscription goes on, and the timer of its backlog is lost, it is set again. And it tells the contacts of
//! subscriptions that the dispatcher disabled because their receivers are gone.
//!
//! A disabling is one conditional write, so of two runs at the same time one disables and mails, and the other meets a
//! newer revision and does nothing.

pub mod disabling;
pub mod gone;
pub mod ports;

mod aws;
#[cfg(test)]
mod fake;
mod rearming;
mod report;

pub use aws::AwsWorld;
