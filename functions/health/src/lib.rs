//! Health: what the schedule looks after.
//!
//! Every five minutes it reads which subscriptions failed lately (a short list: healthy ones cost nothing), computes
//! the failure rate of each over the last 24 hours, disables those above the threshold, and tells their contacts.
//!
//! A disabling is one conditional write, so of two runs at the same time one disables and mails, and the other meets a
//! newer revision and does nothing.

pub mod disabling;
pub mod ports;

mod aws;
mod report;

pub use aws::AwsWorld;
