//! Dispatcher: events to receivers.
//!
//! # The entities
//!
//! An **event** is what happened; a **subscription** says who wants it; a **delivery** is one event to one
//! subscription; an **attempt** is one HTTP request of it. Two queues lead here. `events.fifo` brings events, in the
//! order of their space: each is matched with the tenant's subscriptions, and each match is attempted at once.
//! `retries` brings deliveries whose last attempt failed, after their wait.
//!
//! # Who is responsible when
//!
//! A message is deleted from its queue when each of its deliveries is *settled*: accepted, dead, or handed to the
//! queue of retries. What is not settled (DynamoDB or SQS did not answer, time ran out) is reported as that message's
//! failure alone, and SQS brings it again. So a crash at any point repeats deliveries and loses none; receivers drop
//! doubles by `webhook-id`, which never changes.
//!
//! A receiver's failure is recorded in its statistics and its log. A fault of ours is an error: it is logged, the
//! delivery comes again, and no receiver is blamed.
//!
//! # Order and neighbours
//!
//! The deliveries of one batch are sorted into [`lanes`]: one a (subscription, space), in the order of the events. Lanes
//! run concurrently, bounded by receiver and overall; in a lane one attempt follows the other. A receiver that hangs
//! fills its own bound and nobody else's.

pub mod batch;
pub mod delivering;
pub mod lanes;
pub mod ports;
pub mod subscriptions;

mod aws;

pub use aws::AwsWorld;
