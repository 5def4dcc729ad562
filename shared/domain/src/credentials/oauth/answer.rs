//! The answer of a token endpoint (RFC 6749, 5).

use crate::failure::{OAuthError, TokenProblem};
use secrecy::SecretString;
use serde::Deserialize;
use std::time::Duration;

/// The longest token that is taken, in bytes: receivers' limits for a header are lower.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;
/// The life of a token whose answer does not say one: short, since nothing is known, and long enough to be worth keeping.
pub const DEFAULT_LIFE: Duration = Duration::from_mins(1);
/// A token is not kept longer than this, whatever its answer says.
pub const LONGEST_LIFE: Duration = Duration::from_hours(24);
/// A token is not used in the last of its life: this long, or a tenth of it if that is less.
const LONGEST_MARGIN: Duration = Duration::from_mins(1);

/// A token that a receiver knows a delivery by.
#[derive(Debug, Clone)]
pub struct AccessToken {
    /// The token: visible ASCII, no space.
    pub value: SecretString,
    /// How long it is good, from its issue.
    pub life: Duration,
}

impl AccessToken {
    /// How long after it was asked for it is used: not quite all of its life, since it must still be good when the
    /// receiver looks at it, and clocks differ.
    pub fn usable_for(&self) -> Duration {
        self.life.saturating_sub(LONGEST_MARGIN.min(self.life / 10))
    }
}

/// The fields that count; others are the server's own. Without `Debug`, so that it can't be printed.
#[derive(Deserialize)]
struct Answer {
    access_token: Option<SecretString>,
    token_type: Option<String>,
    expires_in: Option<Seconds>,
    error: Option<String>,
}

/// A number by RFC 6749; some servers write it as a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(f64),
    Text(String),
}

impl Seconds {
    fn life(&self) -> Option<Duration> {
        let seconds = match self {
            Self::Number(seconds) => *seconds,
            Self::Text(text) => text.parse().ok()?,
        };
        // Cut to what is kept before it is converted, which panics on what is too large.
        (seconds >= 0.0).then(|| Duration::from_secs_f64(seconds.min(LONGEST_LIFE.as_secs_f64())))
    }
}

/// Reads a complete answer. An error that RFC 6749 (5.2) names is an error whatever the status says: some servers
/// answer 200 with it.
pub fn read_answer(status: u16, body: &[u8]) -> Result<AccessToken, TokenProblem> {
    let answer: Option<Answer> = serde_json::from_slice(body).ok();
    if let Some(error) = answer.as_ref().and_then(|answer| OAuthError::parse(answer.error.as_deref()?)) {
        return Err(TokenProblem::ErrorAnswer { error });
    }
    if !(200..=299).contains(&status) {
        return Err(TokenProblem::from_http_status(status));
    }
    answer.and_then(token_of).ok_or(TokenProblem::UnreadableAnswer)
}

/// The token, if the answer is one: no less than RFC 6749 (5.1) asks for, and of no other type than is sent.
fn token_of(answer: Answer) -> Option<AccessToken> {
    use secrecy::ExposeSecret as _;
    if !answer.token_type?.eq_ignore_ascii_case("bearer") || answer.error.is_some() {
        return None;
    }
    let value = answer.access_token?;
    // What could end the header, or be read as the end of the token, never gets into it.
    let text = value.expose_secret();
    if !(1..=MAX_TOKEN_BYTES).contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let life = answer.expires_in.as_ref().map_or(Some(DEFAULT_LIFE), Seconds::life)?;
    Some(AccessToken { value, life })
}
