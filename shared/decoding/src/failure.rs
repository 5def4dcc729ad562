//! Why there is no answer, in words.

use crate::engine::{FILE, TIME_LIMIT};
use rquickjs::{Ctx, Value as JsValue};
use spacehook_domain::profile::Entry;

/// Characters of a script's own words that are shown.
pub(crate) const SHOWN: usize = 200;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Failed {
    /// It threw, or was stopped.
    Js(rquickjs::Error),
    /// It has nothing that could be called.
    NoEntry,
    /// It answered a promise.
    Promise,
}

impl From<rquickjs::Error> for Failed {
    fn from(error: rquickjs::Error) -> Self {
        Self::Js(error)
    }
}

/// What failed, as the subject of a sentence.
pub(crate) fn subject(entry: Entry) -> &'static str {
    match entry {
        Entry::Decoder => "the decoder",
        Entry::Normalize => "normalize",
    }
}

impl Failed {
    /// What happened, and where in the script.
    pub(crate) fn told(self, context: &Ctx<'_>, entry: Entry, is_late: bool) -> String {
        let subject = subject(entry);
        match self {
            Self::NoEntry if entry == Entry::Normalize => "the script has no normalize(data, meta)".to_owned(),
            Self::NoEntry => {
                "the decoder has neither decodeUplink(input) nor Decode(fPort, bytes) nor Decoder(bytes, port)"
                    .to_owned()
            }
            Self::Promise => {
                format!("{subject} answered a promise: it must not be async, there is nothing to wait for")
            }
            Self::Js(_) if is_late => format!("{subject} took more than {} ms", TIME_LIMIT.as_millis()),
            Self::Js(error) if error.is_exception() => format!("{subject} threw: {}", thrown(&context.catch())),
            Self::Js(error) => format!("{subject} failed: {error}"),
        }
    }
}

/// Nothing of what was thrown is called: not its `toString`. A getter of its `message` is, within the limits of all else.
fn thrown(value: &JsValue<'_>) -> String {
    let text = value.as_string().and_then(|text| text.to_string().ok());
    let exception = value.as_exception();
    let message = || exception.and_then(rquickjs::Exception::message);
    let number = || value.as_number().map(|number| number.to_string());
    let told =
        text.or_else(message).or_else(number).unwrap_or_else(|| format!("a value of type {}", value.type_name()));
    let told: String = told.chars().take(SHOWN).collect();
    match exception.and_then(rquickjs::Exception::stack).and_then(|stack| place(&stack)) {
        Some((line, column)) => format!("{told} (line {line}, column {column})"),
        None => told,
    }
}

/// The innermost place in the script that a stack has: `    at decodeUplink (script.js:3:7)`.
fn place(stack: &str) -> Option<(u32, u32)> {
    let (_, after) = stack.split_once(FILE)?;
    let mut numbers = after.strip_prefix(':')?.splitn(3, |next: char| !next.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}
