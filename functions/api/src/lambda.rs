//! From API Gateway's events to the router.

use axum::Router;
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, LambdaEvent};
use serde::Serialize;
use std::convert::Infallible;
use std::fmt::Write as _;
use tower::{Service, ServiceExt as _};

/// Puts the router behind API Gateway: the service that the Lambda runtime calls.
pub fn service(
    router: Router,
) -> impl Service<LambdaEvent<LambdaRequest>, Response = impl Serialize, Error = Infallible, Future: Send> {
    Adapter::from(router).map_request(|event: LambdaEvent<LambdaRequest>| {
        let LambdaEvent { payload, context, .. } = event;
        LambdaEvent::new(mended(payload), context)
    })
}

/// API Gateway decodes the path of a request before it writes the event, and a query may hold what no URI has; taken
/// as they are, they would be read as something else, or panic. So both are encoded again where they must be.
fn mended(mut request: LambdaRequest) -> LambdaRequest {
    if let LambdaRequest::ApiGatewayV2(event) = &mut request {
        event.raw_path = event.raw_path.take().map(|path| encoded(&path, |byte| !matches!(byte, b'?' | b'#' | b'\\')));
        event.raw_query_string = event.raw_query_string.take().map(|query| encoded(&query, |byte| byte != b'#'));
    }
    request
}

/// The text with all bytes encoded that no URI has or that `keep` does not keep. A percent sign stays: no name that can
/// be in a path has one, so it is of an encoding that was not undone.
fn encoded(text: &str, keep: impl Fn(u8) -> bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        let in_uri = byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}');
        if in_uri && keep(byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string can't fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_uri_has_is_encoded() {
        let path = |text: &str| encoded(text, |byte| !matches!(byte, b'?' | b'#' | b'\\'));
        assert_eq!(path("/v1/buildings/Salle é #2"), "/v1/buildings/Salle%20%C3%A9%20%232");
        assert_eq!(path("/a?b"), "/a%3Fb");
        assert_eq!(path("/a%20b"), "/a%20b", "an encoding that is still there stays");
        assert_eq!(encoded("a={\"b\"}&c=d e", |_| true), "a=%7B%22b%22%7D&c=d%20e");
    }
}
