//! Pages of a list of which only some items are wanted.
//!
//! What is not wanted is read all the same, so a page has a bound of its own: it examines at most [`EXAMINED_LIMIT`]
//! items, by at most [`QUERIES_LIMIT`] requests, and ends there, though it has fewer items than were asked for, or none.
//! Its cursor says how far it looked. A cursor is of a list and of what was wanted of it: with other wishes it is refused.

use crate::Store;
use crate::error::{ListError, StoreError};
use crate::item::{Item, attribute_text, key_item};
use crate::keys::Key;
use crate::page::{Cursor, PAGE_LIMIT, Page, PageRequest};
use crate::request::Order;

/// Items that a page examines, at most.
pub(crate) const EXAMINED_LIMIT: usize = 1_000;
/// Requests that a page makes, at most: an answer of `DynamoDB` ends at 1 MB.
pub(crate) const QUERIES_LIMIT: usize = 6;

/// A list of which some items are wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sifted<'a> {
    /// The partition.
    pub(crate) pk: &'a str,
    /// What its sort keys begin with.
    pub(crate) prefix: &'a str,
    /// In which order.
    pub(crate) order: Order,
    /// What is wanted, as a text that is another for other wishes; empty where everything is.
    pub(crate) wishes: &'a str,
}

impl Store {
    /// A page of the wanted items of a list, strongly consistent: what `pick` makes of each, where it makes something.
    ///
    /// Costs 1 Query where everything is wanted, else up to [`QUERIES_LIMIT`], and 1 read unit each 4 KB of what is
    /// examined.
    pub(crate) async fn filtered_page<T>(
        &self,
        operation: &'static str,
        list: Sifted<'_>,
        request: &PageRequest,
        pick: impl Fn(Item) -> Result<Option<T>, StoreError>,
    ) -> Result<Page<T>, ListError> {
        let Sifted { pk, prefix, order, wishes } = list;
        // A line end is in no partition key, so no two lists are confused.
        let bound_to = if wishes.is_empty() { pk.to_owned() } else { format!("{pk}\n{wishes}") };
        let after = |sk: &str| Some(Cursor::after(&bound_to, prefix, sk));
        let limit = request.limit.clamp(1, PAGE_LIMIT) as usize;
        let cursor = request.cursor.as_ref().map(|cursor| cursor.position(&bound_to, prefix)).transpose()?;
        let mut start = cursor.map(|sk| key_item(&Key { pk: pk.to_owned(), sk }));
        let (mut items, mut examined, mut position) = (Vec::new(), 0, String::new());
        // One more than wanted at first: where everything is wanted, that tells whether there is another page.
        let mut most = limit + 1;
        for _ in 0..QUERIES_LIMIT {
            let (found, next) = self.query(operation, (pk, prefix), start, order, most).await?;
            examined += found.len();
            for item in found {
                let sk = attribute_text(&item, "sk");
                let picked = pick(item)?;
                if picked.is_some() && items.len() == limit {
                    return Ok(Page { items, next: after(&position) });
                }
                items.extend(picked);
                position = sk;
            }
            let Some(next) = next else { return Ok(Page { items, next: None }) };
            position = attribute_text(&next, "sk");
            start = Some(next);
            if items.len() == limit || examined >= EXAMINED_LIMIT {
                break;
            }
            most = EXAMINED_LIMIT - examined;
        }
        Ok(Page { items, next: after(&position) })
    }
}
