//! Name look-up, as a trait so that tests can answer in the place of DNS.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;

use spacehook_domain::failure::DnsProblem;

/// The addresses of a name, or why there are none.
pub type LookupFuture = Pin<Box<dyn Future<Output = Result<Vec<IpAddr>, LookupError>> + Send>>;

/// Finds the addresses of a name. What it answers is not trusted: every address is vetted by the policy.
///
/// Addresses have no IPv6 zone (`%eth0`): none could lead to a receiver, and so none can be passed on.
pub trait Lookup: Send + Sync + 'static {
    /// Looks the name up. `name` is lower-case ASCII, without port and never a literal address.
    fn lookup(&self, name: &str) -> LookupFuture;
}

/// Why a name has no addresses.
#[derive(Debug, thiserror::Error)]
#[error("the look-up of a receiver's name failed")]
pub struct LookupError {
    problem: DnsProblem,
    #[source]
    source: Option<io::Error>,
}

impl LookupError {
    /// The name does not exist or has no address.
    pub fn no_such_host() -> Self {
        Self { problem: DnsProblem::NoSuchHost, source: None }
    }

    /// The name servers did not answer or failed.
    pub fn no_answer() -> Self {
        Self { problem: DnsProblem::NoAnswer, source: None }
    }

    /// What went wrong, in the words of the domain.
    pub fn problem(&self) -> DnsProblem {
        self.problem
    }
}

/// The look-up of the operating system (`getaddrinfo`), on tokio's threads for blocking calls.
///
/// There is no cache: on Lambda the next resolver is a hop away, a look-up happens once a connection, and a cache
/// would keep a receiver's old address alive after it moved.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, name: &str) -> LookupFuture {
        let name = name.to_owned();
        Box::pin(async move {
            // The port does not matter here: the guard sets the one of the URL.
            match tokio::net::lookup_host((name, 0)).await {
                Ok(sockets) => Ok(sockets.map(|socket| socket.ip()).collect()),
                Err(source) => Err(LookupError { problem: problem_of(&source), source: Some(source) }),
            }
        })
    }
}

/// Tells "there is no such name" from "nobody answered".
///
/// The standard library keeps the code of `getaddrinfo` nowhere but in the text of its error; the texts are fixed by
/// the C library, since nothing here sets a locale. If one should change, `NoAnswer` is still true enough, and a
/// delivery is retried in both cases.
fn problem_of(error: &io::Error) -> DnsProblem {
    let text = error.to_string();
    let no_such_host = [
        "Name or service not known",       // glibc, EAI_NONAME
        "No address associated with host", // glibc, EAI_NODATA
        "Name does not resolve",           // musl, EAI_NONAME
        "Name has no usable address",      // musl, EAI_NODATA
        "nodename nor servname provided",  // macOS, EAI_NONAME
    ];
    if no_such_host.iter().any(|known| text.contains(known)) { DnsProblem::NoSuchHost } else { DnsProblem::NoAnswer }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_of_the_c_libraries_are_told_apart() {
        let text = |detail: &str| io::Error::other(format!("failed to lookup address information: {detail}"));
        for detail in ["Name or service not known", "No address associated with hostname", "Name does not resolve"] {
            assert_eq!(problem_of(&text(detail)), DnsProblem::NoSuchHost, "{detail}");
        }
        for detail in
            ["Temporary failure in name resolution", "Non-recoverable failure in name resolution", "Try again"]
        {
            assert_eq!(problem_of(&text(detail)), DnsProblem::NoAnswer, "{detail}");
        }
    }

    #[tokio::test]
    async fn the_system_knows_its_own_name() {
        let addresses = SystemLookup.lookup("localhost").await.unwrap();
        assert!(!addresses.is_empty() && addresses.iter().all(IpAddr::is_loopback), "{addresses:?}");
    }
}
