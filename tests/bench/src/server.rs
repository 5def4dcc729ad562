//! HTTP/1.1 as far as the servers of the benchmark speak it: requests whose body has a length, answers ready to send.
//!
//! It is this little so that it costs little: what the servers spend is time that the dispatcher may have to wait.

use anyhow::{Context as _, bail};
use httparse::{EMPTY_HEADER, Header, Status};
use std::borrow::Cow;
use std::future::Future;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedSender;
use tokio_rustls::TlsAcceptor;

/// Headers of a request, at most.
const HEADERS_LIMIT: usize = 48;
/// Room for a request at first, in bytes.
const BUFFER_BYTES: usize = 8 * 1_024;

/// What was asked.
pub(crate) struct Request<'a> {
    /// GET, POST, …
    pub(crate) method: &'a str,
    /// Path and query.
    pub(crate) path: &'a str,
    /// The body.
    pub(crate) body: &'a [u8],
    headers: &'a [Header<'a>],
}

impl<'a> Request<'a> {
    /// A header's value; an error where there is none, or it is not text.
    pub(crate) fn header(&self, name: &str) -> anyhow::Result<&'a str> {
        let found = self.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        let found = found.with_context(|| format!("{} {} has no header {name}", self.method, self.path))?;
        Ok(std::str::from_utf8(found.value)?)
    }

    /// The body as text.
    pub(crate) fn text(&self) -> anyhow::Result<&'a str> {
        Ok(std::str::from_utf8(self.body)?)
    }
}

/// An answer as it goes over the wire.
pub(crate) type Answer = Cow<'static, [u8]>;

/// Writes an answer. `head` has a line for each header, each with its line end.
pub(crate) fn answer(status: &str, head: &str, body: &[u8]) -> Answer {
    let mut answer = format!("HTTP/1.1 {status}\r\n{head}content-length: {}\r\n\r\n", body.len()).into_bytes();
    answer.extend_from_slice(body);
    answer.into()
}

/// Whoever answers requests.
pub(crate) trait Server: Send + Sync + 'static {
    /// Answers a request; an error ends the benchmark.
    fn answer(&self, request: &Request<'_>) -> impl Future<Output = anyhow::Result<Answer>> + Send;

    /// Is told of each connection.
    fn connected(&self) {}
}

/// Where errors go that end the benchmark.
pub(crate) type Faults = UnboundedSender<anyhow::Error>;

/// Serves all connections that a listener gets, over TLS where there is an acceptor, until the runtime ends.
pub(crate) fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, server: impl Server, faults: Faults) {
    let server = Arc::new(server);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            server.connected();
            let (server, tls, faults) = (Arc::clone(&server), tls.clone(), faults.clone());
            tokio::spawn(async move {
                let outcome = match tls {
                    None => exchange(stream, &*server).await,
                    // Whoever can't connect says so itself.
                    Some(tls) => match tls.accept(stream).await {
                        Ok(stream) => exchange(stream, &*server).await,
                        Err(_) => Ok(()),
                    },
                };
                if let Err(fault) = outcome {
                    // Nobody listens any more once the benchmark has ended.
                    let _ = faults.send(fault);
                }
            });
        }
    });
}

/// Serves a connection until its peer ends it.
async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, server: &impl Server) -> anyhow::Result<()> {
    let mut received = Vec::with_capacity(BUFFER_BYTES);
    loop {
        let mut headers = [EMPTY_HEADER; HEADERS_LIMIT];
        let Some((request, length)) = parse(&received, &mut headers)? else {
            match stream.read_buf(&mut received).await {
                Ok(1..) => continue,
                // A peer that is killed hangs up.
                Ok(0) | Err(_) => return Ok(()),
            }
        };
        let answer = server.answer(&request).await?;
        if send(&mut stream, &answer).await.is_err() {
            return Ok(());
        }
        received.drain(..length);
    }
}

async fn send<S: AsyncWrite + Unpin>(stream: &mut S, answer: &[u8]) -> io::Result<()> {
    stream.write_all(answer).await?;
    stream.flush().await
}

/// The request at the start of what was received, and its length; none where it is not whole yet.
fn parse<'a>(
    received: &'a [u8],
    headers: &'a mut [Header<'a>; HEADERS_LIMIT],
) -> anyhow::Result<Option<(Request<'a>, usize)>> {
    let mut parsed = httparse::Request::new(headers);
    let Status::Complete(head) = parsed.parse(received)? else { return Ok(None) };
    let (method, path) = (parsed.method.unwrap_or_default(), parsed.path.unwrap_or_default());
    let mut request = Request { method, path, body: &[], headers: parsed.headers };
    if request.header("transfer-encoding").is_ok() {
        bail!("{method} {path} comes in chunks, which is not spoken here");
    }
    let length = head + request.header("content-length").map_or(Ok(0), str::parse::<usize>)?;
    let Some(body) = received.get(head..length) else { return Ok(None) };
    request.body = body;
    Ok(Some((request, length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_parsed_once_it_is_whole() {
        let whole = b"POST /a HTTP/1.1\r\nContent-Length: 2\r\nx-y: z\r\n\r\nokGET";
        for end in 0..whole.len() - 3 {
            let mut headers = [EMPTY_HEADER; HEADERS_LIMIT];
            assert!(parse(&whole[..end], &mut headers).unwrap().is_none(), "{end}");
        }
        let mut headers = [EMPTY_HEADER; HEADERS_LIMIT];
        let (request, length) = parse(whole, &mut headers).unwrap().unwrap();
        assert_eq!((request.method, request.path, request.body), ("POST", "/a", &b"ok"[..]));
        assert_eq!((request.header("X-Y").unwrap(), length), ("z", whole.len() - 3));
        assert!(request.header("absent").is_err());
    }

    #[test]
    fn chunks_are_refused() {
        let mut headers = [EMPTY_HEADER; HEADERS_LIMIT];
        assert!(parse(b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n", &mut headers).is_err());
    }

    #[test]
    fn an_answer_has_its_length() {
        let written = answer("200 OK", "a: b\r\n", b"{}");
        assert_eq!(&*written, b"HTTP/1.1 200 OK\r\na: b\r\ncontent-length: 2\r\n\r\n{}");
    }
}
