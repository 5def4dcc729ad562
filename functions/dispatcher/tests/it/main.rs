//! The dispatcher in a world in memory: case by case, and in simulations that are drawn from a seed.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "all of this crate is tests, its helpers too")]
#![expect(clippy::cast_possible_truncation, reason = "numbers of tests are small")]

mod conformance;
mod delivering;
mod make;
mod simulation;
mod virtual_time;
mod world;
