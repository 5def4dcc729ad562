//! Pages of lists, and the cursors between them.

use crate::error::ListError;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// Items of one page, at most.
pub const PAGE_LIMIT: u32 = 1_000;

const CHECK_BYTES: usize = 12;

/// Where a list goes on: opaque text, safe in a URL.
///
/// It holds the key of the last item given, so that items inserted or deleted meanwhile neither repeat nor hide others,
/// and a check over it and the list it came from. The check finds what was mixed up or cut, not a forger: who forges a
/// cursor still reads only the list that the request names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(String);

impl Cursor {
    /// Takes a text that a client sent. Whether it is a cursor of its list is found when the list is read.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text to give to a client.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The cursor after a position in the list that has this name: with all that is asked of it.
    pub fn in_list(name: &str, position: &str) -> Self {
        Self::after(name, "", position)
    }

    /// The position in the list that has this name.
    pub fn position_in(&self, name: &str) -> Result<String, ListError> {
        self.position(name, "")
    }

    /// The cursor after `sk` in the list that is the sort keys of `pk` beginning with `prefix`.
    pub(crate) fn after(pk: &str, prefix: &str, sk: &str) -> Self {
        let mut bytes = check(pk, prefix, sk).to_vec();
        bytes.extend_from_slice(sk.as_bytes());
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The sort key it stands after.
    pub(crate) fn position(&self, pk: &str, prefix: &str) -> Result<String, ListError> {
        let bytes = URL_SAFE_NO_PAD.decode(&self.0).map_err(|_| ListError::InvalidCursor)?;
        let (found, sk) = bytes.split_at_checked(CHECK_BYTES).ok_or(ListError::InvalidCursor)?;
        let sk = std::str::from_utf8(sk).map_err(|_| ListError::InvalidCursor)?;
        if sk.starts_with(prefix) && found == check(pk, prefix, sk) {
            Ok(sk.to_owned())
        } else {
            Err(ListError::InvalidCursor)
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The first bytes of a digest over the three, with their lengths, so that none flows into the next.
fn check(pk: &str, prefix: &str, sk: &str) -> [u8; CHECK_BYTES] {
    let digest = Sha256::digest(format!("{}/{}/{pk}{prefix}{sk}", pk.len(), prefix.len()));
    let mut check = [0; CHECK_BYTES];
    check.copy_from_slice(&digest[..CHECK_BYTES]);
    check
}

/// Which page of a list is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// Items wanted, at most: 1 to [`PAGE_LIMIT`]; what lies outside is taken as the nearest of these.
    pub limit: u32,
    /// Where to go on; none for the first page.
    pub cursor: Option<Cursor>,
}

impl PageRequest {
    /// The first page.
    pub fn first(limit: u32) -> Self {
        Self { limit, cursor: None }
    }
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// Its items, in the order of the list.
    pub items: Vec<T>,
    /// Where the list goes on; none at its end.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    pub(crate) fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(change).collect(), next: self.next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_cursor_reads_back_in_its_own_list_only(
            pk in "[A-Z]#[a-z#%]{0,8}", other in "[A-Z]#[a-z#%]{0,8}", prefix in "[A-Z]{2,3}#", rest in "\\PC{0,20}",
        ) {
            let sk = format!("{prefix}{rest}");
            let cursor = Cursor::after(&pk, &prefix, &sk);
            prop_assert_eq!(cursor.position(&pk, &prefix).unwrap(), sk);
            if other != pk {
                prop_assert!(cursor.position(&other, &prefix).is_err());
            }
            prop_assert!(cursor.position(&pk, "").is_err());
        }

        #[test]
        fn a_changed_cursor_is_refused(place in 0_usize..40, letter in "[A-Za-z0-9_-]") {
            let cursor = Cursor::after("T#acme", "SUB#", "SUB#sub_0123456789");
            let mut text = cursor.as_str().to_owned();
            let place = place % text.len();
            text.replace_range(place..=place, &letter);
            let changed = Cursor::from_text(text);
            // The last letter may carry bits that decoding refuses; both ways it is no cursor.
            prop_assert!(changed == cursor || changed.position("T#acme", "SUB#").is_err());
        }
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        for text in ["", "x", "%%%", "AAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
            assert!(Cursor::from_text(text).position("T#acme", "").is_err(), "{text}");
        }
    }
}
