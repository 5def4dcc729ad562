//! The body of a message.

use serde::Serialize;

/// A document as SQS takes it. Two characters that JSON allows in a text are none that SQS allows in a body; written as
/// escapes they read back the same.
pub(crate) fn body<T: Serialize>(document: &T) -> Result<String, serde_json::Error> {
    Ok(serde_json::to_string(document)?.replace('\u{fffe}', "\\ufffe").replace('\u{ffff}', "\\uffff"))
}

#[cfg(test)]
mod tests {
    use super::body;

    #[test]
    fn what_sqs_refuses_is_escaped_and_reads_back() {
        let name = "Raum\u{fffe}\u{ffff}é";
        let written = body(&name).unwrap();
        assert_eq!(written, r#""Raum\ufffe\uffffé""#);
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), name);
    }
}
