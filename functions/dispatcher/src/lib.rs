//! Dispatcher: events to receivers.
//!
//! # The entities
//!
//! An **event** is what happened; a **subscription** says who wants it; a **delivery** is one event to one
//! subscription; an **attempt** is one HTTP request of it. Two queues lead here. `events.fifo` brings events, in the
//! order of their space: each is matched with the tenant's subscriptions. `retries` brings timers, each of which says that
//! the **backlog** of a subscription is to be looked at, and steps of jobs.
//!
//! # The two paths
//!
//! A delivery goes the *direct path*, at once, as long as its subscription has no backlog ([`serving`]). One that
//! fails is kept, and what follows it in its space with it: a backlog comes to be ([`keeping`]). From then on
//! deliveries of that space, or, when the receiver is down, of all spaces, are appended to what waits, and only a *run*
//! that holds the backlog's lease sends them ([`running`], [`chunks`], [`pacing`]). What somebody asks for again is put
//! among what waits by the steps of a *job* ([`jobs`]). What all this rests on is
//! said in [`spacehook_domain::backlog`].
//!
//! # Who is responsible when
//!
//! A message is deleted from its queue when each of its deliveries is *settled*: accepted, dead and listed, or kept. What
//! is not settled (DynamoDB or SQS did not answer, time ran out) is reported as that message's failure alone, and SQS
//! brings it again. So a crash at any point repeats deliveries and loses none; receivers drop doubles by `webhook-id`,
//! which never changes.
//!
//! A receiver's failure is recorded in its statistics and its log. A fault of ours is an error: it is logged, the
//! delivery comes again, and no receiver is blamed.
//!
//! # Order and neighbours
//!
//! The deliveries of one batch to one subscription are sorted into lines, one a space ([`routing`]). Lines run
//! concurrently, bounded by receiver and overall; in a line one attempt follows the other. A receiver that hangs fills its
//! own bound and nobody else's, for one attempt's time: then its breaker is open.

pub mod batch;
pub mod delivering;
pub mod ports;
pub mod report;
pub mod settings;

mod attempting;
mod aws;
mod chunks;
mod jobs;
mod keeping;
mod pacing;
mod routing;
mod running;
mod sending;
mod serving;
mod subscriptions;
mod treating;

pub use aws::AwsWorld;
