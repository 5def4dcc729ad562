//! Which ports a receiver may listen on.

use std::fmt;
use std::str::FromStr;

/// An inclusive range of TCP ports, none of them 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    first: u16,
    last: u16,
}

impl PortRange {
    /// Whether the port lies in the range.
    pub fn contains(self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }
}

impl FromStr for PortRange {
    type Err = &'static str;

    /// Reads `443` or `1024-65535`. The error says what is wrong with the text, without repeating it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let range = Self { first: port(first)?, last: port(last)? };
        if range.first > range.last {
            return Err("the range ends before it starts");
        }
        Ok(range)
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(formatter, "{}", self.first)
        } else {
            write!(formatter, "{}-{}", self.first, self.last)
        }
    }
}

fn port(text: &str) -> Result<u16, &'static str> {
    // Digits only: u16's own parser would take a leading plus sign.
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let port = if digits { text.parse().unwrap_or(0) } else { 0 };
    if port == 0 { Err("a port is a number from 1 to 65535") } else { Ok(port) }
}

/// The ports that receivers may use: `ALLOWED_PORTS`.
///
/// The default is 443 and the unprivileged ports. The privileged ones are where machines speak other protocols than
/// HTTPS (mail, file shares, directory services), which a crafted request should not reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortPolicy {
    ranges: Vec<PortRange>,
}

impl PortPolicy {
    /// Reads a comma-separated list of ports and port ranges, as in `443,1024-65535`. Empty text is the default.
    ///
    /// # Errors
    /// [`InvalidPorts`] names the entry that cannot be read, and what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, InvalidPorts> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let ranges = text.split(',').map(|entry| {
            let entry = entry.trim();
            entry.parse().map_err(|problem| InvalidPorts { entry: entry.to_owned(), problem })
        });
        Ok(Self { ranges: ranges.collect::<Result<_, _>>()? })
    }

    /// Whether a receiver may listen on this port.
    pub fn allows(&self, port: u16) -> bool {
        self.ranges.iter().any(|range| range.contains(port))
    }
}

impl Default for PortPolicy {
    fn default() -> Self {
        let https = PortRange { first: 443, last: 443 };
        let unprivileged = PortRange { first: 1024, last: u16::MAX };
        Self { ranges: vec![https, unprivileged] }
    }
}

impl fmt::Display for PortPolicy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.ranges.iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            write!(formatter, "{separator}{range}")?;
        }
        Ok(())
    }
}

/// `ALLOWED_PORTS` cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("port entry `{entry}`: {problem}; write it as in `443,1024-65535`")]
pub struct InvalidPorts {
    entry: String,
    problem: &'static str,
}
