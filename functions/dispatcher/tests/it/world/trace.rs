//! What happened, line by line: kept for who wants to read it, and hashed so that two runs can be compared.

use std::fmt::{self, Write as _};
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Trace {
    hash: Fnv,
    printed: bool,
}

/// FNV-1a: quick, and the same on every machine.
#[derive(Debug)]
struct Fnv(u64);

impl fmt::Write for Fnv {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Ok(())
    }
}

impl Trace {
    pub(crate) fn new(printed: bool) -> Self {
        Self { hash: Fnv(0xcbf2_9ce4_8422_2325), printed }
    }

    pub(crate) fn line(&mut self, now: Duration, said: fmt::Arguments<'_>) {
        writeln!(self.hash, "{} {said}", now.as_millis()).unwrap();
        if self.printed {
            crate::simulation::say(format_args!("{:>12.3} s  {said}", now.as_secs_f64()));
        }
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash.0
    }
}
