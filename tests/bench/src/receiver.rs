//! The receivers: they check what arrives and note when.

use crate::authority::ADDRESS;
use crate::events::{BODY_BYTES, number};
use crate::server::{self, Answer, Faults, Request, Server};
use crate::subscribers::{Subscriber, path};
use anyhow::{Context as _, bail, ensure};
use spacehook_domain::signing::{self, SigningSecret};
use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

const ACCEPTED: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// A delivery that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// The number of its event.
    pub(crate) event: u32,
    /// The place of its subscription.
    pub(crate) subscription: u32,
    /// When it was read whole.
    pub(crate) at: Instant,
}

/// What has arrived, at all receivers.
#[derive(Debug, Default)]
pub(crate) struct Arrived {
    /// The deliveries, in the order of their arrival.
    pub(crate) deliveries: Vec<Arrival>,
    /// How many connections were made.
    pub(crate) connections: u64,
}

/// What has arrived since it was last taken.
#[derive(Debug, Clone, Default)]
pub(crate) struct Arrivals(Arc<Mutex<Arrived>>);

impl Arrivals {
    fn lock(&self) -> MutexGuard<'_, Arrived> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what has arrived since the last time.
    pub(crate) fn take(&self) -> Arrived {
        std::mem::take(&mut *self.lock())
    }
}

/// The receivers' sockets, on ports that the system chose.
pub(crate) async fn listeners(count: usize) -> anyhow::Result<(Vec<TcpListener>, Vec<u16>)> {
    let (mut listeners, mut ports) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let listener = TcpListener::bind((ADDRESS, 0)).await?;
        ports.push(listener.local_addr()?.port());
        listeners.push(listener);
    }
    Ok((listeners, ports))
}

/// Serves each listener as the receiver of the subscriber at its place.
pub(crate) fn serve(
    listeners: Vec<TcpListener>,
    tls: &TlsAcceptor,
    subscribers: &[Subscriber],
    faults: &Faults,
) -> anyhow::Result<Arrivals> {
    let arrivals = Arrivals::default();
    for (place, (listener, subscriber)) in listeners.into_iter().zip(subscribers).enumerate() {
        let receiver = Receiver {
            subscription: u32::try_from(place)?,
            path: path(place),
            secrets: subscriber.secrets.clone(),
            arrivals: arrivals.clone(),
        };
        server::serve(listener, Some(tls.clone()), receiver, faults.clone());
    }
    Ok(arrivals)
}

struct Receiver {
    subscription: u32,
    path: String,
    secrets: Vec<SigningSecret>,
    arrivals: Arrivals,
}

impl Server for Receiver {
    async fn answer(&self, request: &Request<'_>) -> anyhow::Result<Answer> {
        let at = Instant::now();
        let event = self.check(request).context("a delivery is not as it should be")?;
        self.arrivals.lock().deliveries.push(Arrival { event, subscription: self.subscription, at });
        Ok(Cow::Borrowed(ACCEPTED))
    }

    fn connected(&self) {
        self.arrivals.lock().connections += 1;
    }
}

impl Receiver {
    /// The number of the event, if the request is to this receiver, of the right size and signed with its secret.
    fn check(&self, request: &Request<'_>) -> anyhow::Result<u32> {
        if (request.method, request.path) != ("POST", &self.path) {
            bail!("{} {} at the receiver of {}", request.method, request.path, self.path);
        }
        ensure!(request.body.len() == BODY_BYTES, "its body has {} bytes", request.body.len());
        let id = request.header("webhook-id")?;
        let timestamp_s = request.header("webhook-timestamp")?.parse()?;
        let signature = request.header("webhook-signature")?;
        // With the signer of the domain, which its own tests hold against another's verifier.
        ensure!(
            signature == signing::signature(&self.secrets, id, timestamp_s, request.body),
            "its signature is wrong"
        );
        number(id)
    }
}
