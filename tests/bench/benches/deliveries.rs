//! `make bench`; see the crate.

use std::process::ExitCode;

fn main() -> ExitCode {
    spacehook_bench::run(std::env::args().skip(1))
}
