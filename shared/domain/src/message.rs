//! Reading queue messages: documents of a known kind and version.

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Why a queue message can't be worked on by this code.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableMessage {
    /// Not JSON, or a field is missing or of a wrong type.
    #[error("not {}: {path}: {message}", kind.indefinite)]
    Malformed {
        /// What it was taken for.
        kind: Kind,
        /// Where in the document.
        path: String,
        /// What is wrong there.
        message: String,
    },
    /// Written by a newer release.
    #[error("{} version {found}; this release reads version {}", kind.name, kind.version)]
    Version {
        /// What it was taken for.
        kind: Kind,
        /// The version it says.
        found: u32,
    },
}

/// A kind of message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// As in "event".
    pub name: &'static str,
    /// As in "an event".
    pub indefinite: &'static str,
    /// The version that this code writes and reads.
    pub version: u32,
}

/// A document that says its version in the field `v`.
pub(crate) trait Versioned: DeserializeOwned {
    /// What it is.
    const KIND: Kind;
    /// The version that it says.
    fn version(&self) -> u32;
}

/// Reads a document. The place of what is wrong is looked for only when something is: naming it takes twice the time.
pub(crate) fn read<T: Versioned>(text: &str) -> Result<T, UnreadableMessage> {
    match serde_json::from_str::<T>(text) {
        Ok(document) if document.version() == T::KIND.version => Ok(document),
        _ => explained(text),
    }
}

fn explained<T: Versioned>(text: &str) -> Result<T, UnreadableMessage> {
    // The version first: a newer form may not even have today's fields.
    #[derive(Deserialize)]
    struct Any {
        v: u32,
    }
    let kind = T::KIND;
    let found = located::<Any>(kind, text)?.v;
    if found != kind.version {
        return Err(UnreadableMessage::Version { kind, found });
    }
    located(kind, text)
}

fn located<T: DeserializeOwned>(kind: Kind, text: &str) -> Result<T, UnreadableMessage> {
    let mut json = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut json).map_err(|error| UnreadableMessage::Malformed {
        kind,
        path: error.path().to_string(),
        message: error.inner().to_string(),
    })
}
