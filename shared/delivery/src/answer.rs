//! Reading an answer: no more than is needed, whatever is sent.

use http::HeaderMap;
use http::header::{CONTENT_LENGTH, RETRY_AFTER, TRANSFER_ENCODING};
use reqwest::Response;

/// How much of an answer's body is taken, in bytes. What comes after is not read: the connection is closed.
pub const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// How much of a failure's body is kept, in bytes of text.
pub const MAX_EXCERPT_BYTES: usize = 1024;
/// The longest `retry-after` that is passed on: a date has 29 bytes.
const MAX_RETRY_AFTER_BYTES: usize = 64;

/// How the reading of a body ended.
pub(crate) enum BodyEnd {
    /// The body is complete, or at its limit.
    Enough,
    /// The connection failed in the middle.
    Broken(reqwest::Error),
}

/// Reads a body up to [`MAX_ANSWER_BYTES`] and puts its first `keep` bytes into `start`, which is kept even if the caller
/// gives up waiting.
pub(crate) async fn read_body(mut response: Response, start: &mut Vec<u8>, keep: usize) -> BodyEnd {
    let ends_with_connection = has_no_length(response.headers());
    let mut taken = 0;
    while taken < MAX_ANSWER_BYTES {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                taken += chunk.len();
                let missing = keep.saturating_sub(start.len());
                start.extend(chunk.iter().take(missing));
            }
            Ok(None) => break,
            // A body without a length ends where the connection does. Many simple servers then end the connection
            // without the farewell that TLS asks for; that cuts nothing off which anybody waits for.
            Err(error) if ends_with_connection && crate::classify::is_unexpected_end(&error) => break,
            Err(error) => return BodyEnd::Broken(error),
        }
    }
    BodyEnd::Enough
}

fn has_no_length(headers: &HeaderMap) -> bool {
    !headers.contains_key(CONTENT_LENGTH) && !headers.contains_key(TRANSFER_ENCODING)
}

/// The start of a body as text for people: UTF-8 where it is, no control characters, at most
/// [`MAX_EXCERPT_BYTES`]. `None` if nothing is left.
pub(crate) fn excerpt(body: &[u8]) -> Option<String> {
    let start = body.get(..MAX_EXCERPT_BYTES).unwrap_or(body);
    let text = String::from_utf8_lossy(start);
    // The cut may have gone through a character; only then is the replacement at the end ours.
    let text = if start.len() >= MAX_EXCERPT_BYTES { text.trim_end_matches('\u{fffd}') } else { &text };
    let mut kept = String::with_capacity(text.len());
    for character in text.chars() {
        let character = if character.is_whitespace() { ' ' } else { character };
        if kept.len() + character.len_utf8() > MAX_EXCERPT_BYTES {
            break;
        }
        if !character.is_control() {
            kept.push(character);
        }
    }
    let kept = kept.trim();
    (!kept.is_empty()).then(|| kept.to_owned())
}

/// The `retry-after` header as it came.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    (text.len() <= MAX_RETRY_AFTER_BYTES).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_short_clean_text() {
        assert_eq!(excerpt(b""), None);
        assert_eq!(excerpt(b" \r\n\0\x1b"), None);
        assert_eq!(excerpt(b"one\r\ntwo\x1b[31m\0three").unwrap(), "one  two[31mthree");
        assert_eq!(excerpt(b"caf\xc3\xa9 \xff!").unwrap(), "café \u{fffd}!");
    }

    #[test]
    fn an_excerpt_is_never_cut_inside_a_character() {
        let mut bytes = vec![b'a'; MAX_EXCERPT_BYTES - 1];
        bytes.push(0xc3);
        assert_eq!(excerpt(&bytes).unwrap(), "a".repeat(MAX_EXCERPT_BYTES - 1));
        // Each bad byte becomes three bytes of text.
        let garbage = excerpt(&[b'x', 0xff, 0xff].repeat(300)).unwrap();
        assert!(garbage.len() <= MAX_EXCERPT_BYTES, "{}", garbage.len());
    }

    #[test]
    fn retry_after_is_passed_on_if_it_is_plausible() {
        let with = |value: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, http::HeaderValue::from_bytes(value).unwrap());
            retry_after(&headers)
        };
        assert_eq!(with(b"120").as_deref(), Some("120"));
        assert_eq!(with(b"Wed, 21 Oct 2026 07:28:00 GMT").as_deref(), Some("Wed, 21 Oct 2026 07:28:00 GMT"));
        assert_eq!(with(b"\xff"), None);
        assert_eq!(with(&[b'1'; 65]), None);
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
