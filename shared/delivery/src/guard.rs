//! The guard at the connection: no socket is opened to an address that the policy has not accepted.
//!
//! reqwest asks a resolver for the addresses of a name and connects to what it answers, nothing else: there is no
//! second look-up between the vetting and the connection. But it does not tell the resolver the port, and the policy
//! depends on it (`127.0.0.0/8@1024-65535`). A resolver that judged by the loosest port would accept an address on
//! ports where it is refused; by the strictest, refuse it where it is allowed.
//!
//! So the port travels beside the call, in a task-local that exists only while the one request is polled which the
//! port belongs to ([`with_destination`]). This is sound, whatever reqwest and hyper do inside:
//!
//! - The value can only be that of the request being polled. A request has one URL, redirects are off, and every
//!   connection it starts is to that URL's host and port.
//! - Where the value is missing, since a future version moved the look-up to another task, the look-up fails
//!   ([`GuardError::Unguarded`]) and nothing is connected to. A wrong port is not possible, only none.
//!
//! Pooled connections need no vetting: they lead to an address that was accepted for this host and port, by the same
//! policy, when they were made.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use spacehook_domain::receiver::{ReceiverPolicy, RefusedAddress};
use tower_layer::Layer;
use tower_service::Service;

use crate::lookup::{Lookup, LookupError};

tokio::task_local! {
    static DESTINATION: Destination;
}

/// Where the request that is being polled goes, and what its connection was.
#[derive(Clone)]
struct Destination {
    port: u16,
    connects: Arc<AtomicBool>,
}

/// Runs a request to this port, under the guard. The second value is whether it started a connection of its own; if
/// not, it was sent on a pooled one.
pub(crate) async fn with_destination<F: Future>(port: u16, request: F) -> (F::Output, bool) {
    let connects = Arc::new(AtomicBool::new(false));
    let destination = Destination { port, connects: Arc::clone(&connects) };
    let output = DESTINATION.scope(destination, request).await;
    (output, connects.load(Ordering::Relaxed))
}

/// Why a name leads to no connection. Found again by type in the chain of sources of reqwest's error.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GuardError {
    #[error("the policy refuses an address of the receiver")]
    Refused(#[source] RefusedAddress),
    #[error("the receiver's name has no addresses")]
    Lookup(#[source] LookupError),
    #[error("no attempt is under way")]
    Unguarded,
}

/// The resolver that reqwest uses: looks up, vets, and gives vetted addresses only.
pub(crate) struct GuardedResolver {
    policy: Arc<ReceiverPolicy>,
    lookup: Arc<dyn Lookup>,
}

impl GuardedResolver {
    pub(crate) fn new(policy: Arc<ReceiverPolicy>, lookup: Arc<dyn Lookup>) -> Self {
        Self { policy, lookup }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let Ok(port) = DESTINATION.try_with(|destination| destination.port) else {
            return Box::pin(async { Err(GuardError::Unguarded.into()) });
        };
        let lookup = self.lookup.lookup(name.as_str());
        let policy = Arc::clone(&self.policy);
        Box::pin(async move {
            let addresses = lookup.await.map_err(GuardError::Lookup)?;
            vet(&addresses, port, &policy)?;
            let sockets: Addrs = Box::new(addresses.into_iter().map(move |address| SocketAddr::new(address, port)));
            Ok(sockets)
        })
    }
}

/// Accepts all addresses of an answer or none.
///
/// One refused address condemns the answer, although the others could be used: an honest receiver's name does not
/// lead into private networks, such an answer is how a rebinding attack looks, and a delivery that works or not by
/// the order of an answer would puzzle its owner. The refusal names the rule, so that the record can be corrected.
fn vet(addresses: &[IpAddr], port: u16, policy: &ReceiverPolicy) -> Result<(), GuardError> {
    if addresses.is_empty() {
        return Err(GuardError::Lookup(LookupError::no_such_host()));
    }
    addresses.iter().try_for_each(|address| policy.check(*address, port)).map_err(GuardError::Refused)
}

/// Notes that the request being polled starts a connection of its own, by standing before reqwest's connector.
#[derive(Clone, Copy)]
pub(crate) struct NoteConnects;

impl<S> Layer<S> for NoteConnects {
    type Service = NotingConnector<S>;

    fn layer(&self, inner: S) -> Self::Service {
        NotingConnector { inner }
    }
}

#[derive(Clone)]
pub(crate) struct NotingConnector<S> {
    inner: S,
}

impl<S: Service<R>, R> Service<R> for NotingConnector<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, destination: R) -> Self::Future {
        // Outside an attempt there is nobody to tell, and the resolver refuses anyway.
        let _ = DESTINATION.try_with(|attempt| attempt.connects.store(true, Ordering::Relaxed));
        self.inner.call(destination)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lookup::LookupFuture;

    struct Public;

    impl Lookup for Public {
        fn lookup(&self, _name: &str) -> LookupFuture {
            Box::pin(async { Ok(vec![IpAddr::from([1, 1, 1, 1]), IpAddr::from([8, 8, 8, 8])]) })
        }
    }

    fn resolve() -> Resolving {
        let resolver = GuardedResolver::new(Arc::default(), Arc::new(Public));
        resolver.resolve("receiver.example".parse().unwrap())
    }

    #[tokio::test]
    async fn vetted_addresses_come_with_the_port_that_was_vetted() {
        let (resolved, _) = with_destination(8443, async { resolve().await }).await;
        let sockets: Vec<String> = resolved.unwrap().map(|socket| socket.to_string()).collect();
        assert_eq!(sockets, ["1.1.1.1:8443", "8.8.8.8:8443"]);
    }

    #[tokio::test]
    async fn a_refused_port_refuses_every_address() {
        let (resolved, _) = with_destination(25, async { resolve().await }).await;
        let error = resolved.err().unwrap();
        assert!(matches!(error.downcast_ref(), Some(GuardError::Refused(_))), "{error:?}");
    }

    #[tokio::test]
    async fn outside_an_attempt_nothing_is_resolved() {
        let error = resolve().await.err().unwrap();
        assert!(matches!(error.downcast_ref(), Some(GuardError::Unguarded)), "{error:?}");
        // Nor on another task, which does not have the attempt's destination.
        let (spawned, _) = with_destination(443, tokio::spawn(async { resolve().await.is_err() })).await;
        assert!(spawned.unwrap());
    }
}
