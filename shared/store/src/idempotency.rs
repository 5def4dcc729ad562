//! Requests that may come twice: who does one, and how it ended.
//!
//! A claim is one conditional write where the key is new. Where it is not, what is remembered is read and judged
//! ([`spacehook_domain::idempotency::judge`]), and taken over by a write that holds only if nobody was faster.

use crate::error::StoreError;
use crate::item::{EXPIRES_AT, ITEM_BYTES_LIMIT, Item, attribute_text, counter, key_of, number, text};
use crate::keys::Key;
use crate::request::Written;
use crate::write::{If, Write};
use crate::{Store, keys};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use spacehook_domain::idempotency::{
    Claim, Ended, Fingerprint, IdempotencyKey, LEASE, REMEMBERED, Remembered, Verdict, judge,
};
use spacehook_domain::ids::TenantId;
use uuid::Uuid;

/// Bytes of a sealed answer, at most: the rest of the item is its key and what tells requests apart.
pub const ANSWER_BYTES_LIMIT: usize = ITEM_BYTES_LIMIT - 4 * 1_024;

const FINGERPRINT: &str = "fingerprint";
const FIRST_AT: &str = "first_at_ms";
const CLAIM: &str = "claim";
const LEASE_UNTIL: &str = "lease_until_ms";
const ENDED: &str = "ended";
const ANSWER: &str = "answer";

const ANSWERED: &str = "answered";
const TOO_LARGE: &str = "answered_too_large";
const UNANSWERED: &str = "unanswered";

/// How often a claim is tried that others overtake.
const TRIES: usize = 3;

/// Where a request is remembered: a key of one caller.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestPlace {
    /// The caller's tenant.
    pub tenant: TenantId,
    /// What the caller's API key is called.
    pub key_id: String,
    /// What the caller calls the request.
    pub key: IdempotencyKey,
}

/// What came of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// The request is the claimant's to do.
    Yes {
        /// When its key first came.
        first_at: Timestamp,
    },
    /// It is not: why, and what it gets.
    No(Verdict),
}

impl Store {
    /// Claims a request. Costs 1 `UpdateItem` where its key is new, else a `GetItem` more, and, where it is to be done
    /// again, another `UpdateItem`; 1 write unit each, and as many read units as the answer has 4 KB.
    pub async fn claim_request(&self, place: &RequestPlace, claim: &Claim) -> Result<Claimed, StoreError> {
        let key = keys::idempotency(&place.tenant, &place.key_id, &place.key);
        let new = claiming(&key, claim, claim.at).only_if(If::Absent);
        if self.write("claim a request", new).await? == Written::Done {
            return Ok(Claimed::Yes { first_at: claim.at });
        }
        for _ in 0..TRIES {
            let Some(item) = self.get("read a request", &key).await? else { continue };
            let remembered = remembered(&item)?;
            let first_at = match judge(&remembered, claim) {
                Verdict::IsOurs => return Ok(Claimed::Yes { first_at: remembered.first_at }),
                Verdict::DoAsNew => claim.at,
                Verdict::DoAgain { first_at } => first_at,
                other => return Ok(Claimed::No(other)),
            };
            let over = claiming(&key, claim, first_at)
                .remove(ENDED)
                .remove(ANSWER)
                .only_if(If::Is(CLAIM.into(), text(remembered.claim.to_string())));
            if self.write("claim a request again", over).await? == Written::Done {
                return Ok(Claimed::Yes { first_at });
            }
        }
        // Somebody else was faster each time, and does it now.
        Ok(Claimed::No(Verdict::UnderWay))
    }

    /// Notes how a request ended that was claimed; nothing, if another has claimed it since. Costs 1 `UpdateItem`: 1 write
    /// unit each KB of the answer.
    pub async fn end_request(&self, place: &RequestPlace, claim: &Claim, ended: &Ended) -> Result<(), StoreError> {
        let key = keys::idempotency(&place.tenant, &place.key_id, &place.key);
        let write = Write::update(key).only_if(If::Is(CLAIM.into(), text(claim.id.to_string())));
        let write = match ended {
            Ended::Answered(answer) => {
                write.set(ENDED, text(ANSWERED)).set(ANSWER, AttributeValue::B(Blob::new(answer.clone())))
            }
            Ended::AnsweredTooLarge => write.set(ENDED, text(TOO_LARGE)),
            Ended::Unanswered => write.set(ENDED, text(UNANSWERED)),
        };
        self.write("note how a request ended", write).await.map(|_| ())
    }
}

fn claiming(key: &Key, claim: &Claim, first_at: Timestamp) -> Write {
    let lease_until = claim.at.checked_add(LEASE).unwrap_or(claim.at);
    let expires_at = first_at.checked_add(REMEMBERED).unwrap_or(first_at);
    Write::update(key.clone())
        .set(FINGERPRINT, text(claim.fingerprint.as_str()))
        .set(FIRST_AT, number(first_at.as_millisecond()))
        .set(CLAIM, text(claim.id.to_string()))
        .set(LEASE_UNTIL, number(lease_until.as_millisecond()))
        .set(EXPIRES_AT, number(expires_at.as_second()))
}

fn remembered(item: &Item) -> Result<Remembered, StoreError> {
    let unreadable = |name: &str| StoreError::unreadable(key_of(item), format!("{name} is not as expected"));
    let time = |name: &str| {
        let ms = i64::try_from(counter(item, name)?).map_err(|_| unreadable(name))?;
        Timestamp::from_millisecond(ms).map_err(|_| unreadable(name))
    };
    let ended = match attribute_text(item, ENDED).as_str() {
        "" => None,
        ANSWERED => {
            let answer = item.get(ANSWER).and_then(|value| value.as_b().ok());
            Some(Ended::Answered(answer.ok_or_else(|| unreadable(ANSWER))?.as_ref().to_vec()))
        }
        TOO_LARGE => Some(Ended::AnsweredTooLarge),
        UNANSWERED => Some(Ended::Unanswered),
        _ => return Err(unreadable(ENDED)),
    };
    Ok(Remembered {
        fingerprint: Fingerprint::stored(attribute_text(item, FINGERPRINT)),
        first_at: time(FIRST_AT)?,
        claim: attribute_text(item, CLAIM).parse::<Uuid>().map_err(|_| unreadable(CLAIM))?,
        lease_until: time(LEASE_UNTIL)?,
        ended,
    })
}
