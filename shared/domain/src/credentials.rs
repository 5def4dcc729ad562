//! What a subscription needs to prove itself to its receiver. Nothing here can be printed.

use crate::signing::SigningSecret;
use secrecy::SecretString;
use std::collections::BTreeMap;

/// How a delivery authenticates, with its secrets.
#[derive(Debug, Clone, Default)]
pub enum AuthSecret {
    /// It does not.
    #[default]
    None,
    /// HTTP Basic (RFC 7617).
    Basic {
        /// User name: no colon in it.
        username: String,
        /// Password.
        password: SecretString,
    },
    /// HTTP Bearer (RFC 6750).
    Bearer {
        /// Token.
        token: SecretString,
    },
    /// A header that the receiver wants.
    CustomHeader {
        /// Its name, in lower case.
        name: String,
        /// Its value.
        value: SecretString,
    },
}

/// Everything secret of one subscription.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The secrets that sign its deliveries: one, or two during a rotation, the newest first.
    pub signing_secrets: Vec<SigningSecret>,
    /// How it authenticates.
    pub auth: AuthSecret,
    /// The values of its custom headers, by lower-case name. Values often are keys, so all are kept as secrets.
    pub custom_headers: BTreeMap<String, SecretString>,
}
