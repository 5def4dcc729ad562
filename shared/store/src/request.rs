//! The requests that everything else is made of: reads, pages, single writes.

use crate::backoff::{TRIES, Waits};
use crate::error::{ListError, StoreError};
use crate::item::{Item, attribute_text, from_item, key_item, text};
use crate::keys::Key;
use crate::page::{Cursor, PAGE_LIMIT, Page, PageRequest};
use crate::write::{Kind, Parts, Write};
use crate::{Marks, Store};
use aws_sdk_dynamodb::error::SdkError;
use serde::de::DeserializeOwned;

/// A write by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// It is done.
    Done,
    /// Its condition does not hold.
    Refused,
}

/// In which order a list is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// By key.
    Forward,
    /// Against it.
    Backward,
}

/// Records that one request for a filtered page looks through, at most.
const LOOKED_THROUGH: usize = 1_000;
/// Records that it reads at once.
const AT_ONCE: usize = 250;

/// A list of which a part is wanted.
#[derive(Debug)]
pub(crate) struct Filtered<'a> {
    /// The partition.
    pub(crate) pk: &'a str,
    /// The first sort key.
    pub(crate) from: String,
    /// The last.
    pub(crate) to: String,
    /// What is wanted of it: a cursor is good for the same alone. Empty where all is.
    pub(crate) filter: &'a str,
}

impl Filtered<'_> {
    fn name(&self) -> String {
        format!("{}\n{}", self.pk, self.filter)
    }
}

impl Store {
    /// A store over the given table. The client brings region, credentials and its own retries.
    pub fn new(client: aws_sdk_dynamodb::Client, table: impl Into<std::sync::Arc<str>>) -> Self {
        Self { client, table: table.into(), marks: Marks::default() }
    }

    /// One item, strongly consistent.
    pub(crate) async fn get(&self, operation: &'static str, key: &Key) -> Result<Option<Item>, StoreError> {
        let request = self.client.get_item().table_name(&*self.table).set_key(Some(key_item(key)));
        let answer = request.consistent_read(true).send().await;
        Ok(answer.map_err(|error| StoreError::service(operation, &error))?.item)
    }

    /// One item's value, strongly consistent.
    pub(crate) async fn get_as<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        key: &Key,
    ) -> Result<Option<T>, StoreError> {
        self.get(operation, key).await?.map(from_item).transpose()
    }

    /// A write by itself. One that meets a transaction is repeated.
    pub(crate) async fn write(&self, operation: &'static str, write: Write) -> Result<Written, StoreError> {
        let mut waits = Waits::of(write.key());
        loop {
            match self.write_once(operation, write.clone().into_parts()).await {
                Err(error) if error.is_throttled() => {
                    if !waits.wait().await {
                        return Err(error);
                    }
                }
                other => return other,
            }
        }
    }

    async fn write_once(&self, operation: &'static str, parts: Parts) -> Result<Written, StoreError> {
        let Parts { kind, key, update, condition, names, values } = parts;
        match kind {
            Kind::Put(item) => outcome(
                operation,
                self.client
                    .put_item()
                    .table_name(&*self.table)
                    .set_item(Some(item))
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .send()
                    .await,
            ),
            Kind::Delete => outcome(
                operation,
                self.client
                    .delete_item()
                    .table_name(&*self.table)
                    .set_key(Some(key))
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .send()
                    .await,
            ),
            Kind::Update => outcome(
                operation,
                self.client
                    .update_item()
                    .table_name(&*self.table)
                    .set_key(Some(key))
                    .set_update_expression(update)
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .send()
                    .await,
            ),
        }
    }

    /// Every item of a partition between two sort keys, strongly consistent, in order, whatever the number of pages.
    pub(crate) async fn query_all(
        &self,
        operation: &'static str,
        pk: &str,
        between: Option<(&str, &str)>,
    ) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let query = self.client.query().table_name(&*self.table).consistent_read(true);
            let query = query.expression_attribute_values(":pk", text(pk)).set_exclusive_start_key(start);
            let query = match between {
                None => query.key_condition_expression("pk = :pk"),
                Some((from, to)) => query
                    .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
                    .expression_attribute_values(":from", text(from))
                    .expression_attribute_values(":to", text(to)),
            };
            let answer = query.send().await.map_err(|error| StoreError::service(operation, &error))?;
            items.extend(answer.items.unwrap_or_default());
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(items);
            }
        }
    }

    /// Some of the items of a partition between two sort keys, strongly consistent, in order: at most so many, by one
    /// request; and where to go on.
    pub(crate) async fn some_between(
        &self,
        operation: &'static str,
        (pk, from, to): &(String, String, String),
        start: Option<Item>,
        most: i32,
    ) -> Result<(Vec<Item>, Option<Item>), StoreError> {
        if from >= to {
            return Ok((Vec::new(), None));
        }
        let query = self
            .client
            .query()
            .table_name(&*self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", text(pk))
            .expression_attribute_values(":from", text(from))
            .expression_attribute_values(":to", text(to))
            .set_exclusive_start_key(start)
            .limit(most);
        let answer = query.send().await.map_err(|error| StoreError::service(operation, &error))?;
        Ok((answer.items.unwrap_or_default(), answer.last_evaluated_key))
    }

    /// A filtered page of the items of a partition between two sort keys, the last first, strongly consistent: what
    /// `wanted` takes of them, at most a page, looking through at most [`LOOKED_THROUGH`]. Then it may have fewer than were
    /// asked for, and says where it goes on.
    pub(crate) async fn page_between<T>(
        &self,
        operation: &'static str,
        list: &Filtered<'_>,
        request: &PageRequest,
        wanted: impl Fn(Item) -> Result<Option<T>, StoreError>,
    ) -> Result<Page<T>, ListError> {
        let name = list.name();
        let limit = request.limit.clamp(1, PAGE_LIMIT) as usize;
        let position = request.cursor.as_ref().map(|cursor| cursor.position_in(&name)).transpose()?;
        if list.from > list.to {
            // `DynamoDB` refuses to look between an end and what begins after it.
            return Ok(Page { items: Vec::new(), next: None });
        }
        let mut goes_on = position.map(|sk| key_item(&Key { pk: list.pk.to_owned(), sk }));
        let (mut found, mut looked_through) = (Vec::new(), 0);
        let mut seen: Option<String> = None;
        loop {
            // Of a list without a filter one more than wanted tells whether there is another page.
            let most = if list.filter.is_empty() { limit + 1 - found.len() } else { AT_ONCE };
            let query = self
                .client
                .query()
                .table_name(&*self.table)
                .consistent_read(true)
                .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
                .expression_attribute_values(":pk", text(list.pk))
                .expression_attribute_values(":from", text(&list.from))
                .expression_attribute_values(":to", text(&list.to))
                .set_exclusive_start_key(goes_on)
                .scan_index_forward(false)
                .limit(i32::try_from(most.min(LOOKED_THROUGH - looked_through)).unwrap_or(i32::MAX));
            let answer = query.send().await.map_err(|error| StoreError::service(operation, &error))?;
            for item in answer.items.unwrap_or_default() {
                let sk = attribute_text(&item, "sk");
                if let Some(taken) = wanted(item)? {
                    if found.len() == limit {
                        return Ok(Page { items: found, next: seen.map(|sk| Cursor::in_list(&name, &sk)) });
                    }
                    found.push(taken);
                }
                looked_through += 1;
                seen = Some(sk);
            }
            goes_on = answer.last_evaluated_key;
            let Some(key) = &goes_on else { return Ok(Page { items: found, next: None }) };
            if looked_through >= LOOKED_THROUGH {
                let next = Some(Cursor::in_list(&name, &attribute_text(key, "sk")));
                return Ok(Page { items: found, next });
            }
        }
    }

    /// A page of the items of a partition whose sort keys begin with `prefix`, strongly consistent.
    pub(crate) async fn page<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        list: (&str, &str),
        request: &PageRequest,
        order: Order,
    ) -> Result<Page<T>, ListError> {
        self.page_of(operation, list, request, order, from_item).await
    }

    /// The same, of what is made of each item.
    pub(crate) async fn page_of<T>(
        &self,
        operation: &'static str,
        (pk, prefix): (&str, &str),
        request: &PageRequest,
        order: Order,
        parse: impl Fn(Item) -> Result<T, StoreError>,
    ) -> Result<Page<T>, ListError> {
        let limit = request.limit.clamp(1, PAGE_LIMIT) as usize;
        let after = request.cursor.as_ref().map(|cursor| cursor.position(pk, prefix)).transpose()?;
        let start = after.map(|sk| key_item(&Key { pk: pk.to_owned(), sk }));
        // One more than wanted tells whether there is another page, so that none is empty.
        let mut found = self.first_items(operation, (pk, prefix), start, order, limit + 1).await?;
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(|last| Cursor::after(pk, prefix, &attribute_text(last, "sk")));
        let items = found.into_iter().map(parse).collect::<Result<_, _>>()?;
        Ok(Page { items, next })
    }

    /// The first items, at most so many, of a partition whose sort keys begin with `prefix`, strongly consistent.
    pub(crate) async fn first_items(
        &self,
        operation: &'static str,
        (pk, prefix): (&str, &str),
        mut start: Option<Item>,
        order: Order,
        most: usize,
    ) -> Result<Vec<Item>, StoreError> {
        let mut found: Vec<Item> = Vec::new();
        while found.len() < most {
            let (items, next) = self.query(operation, (pk, prefix), start, order, most - found.len()).await?;
            found.extend(items);
            start = next;
            if start.is_none() {
                break;
            }
        }
        Ok(found)
    }

    /// One request for the next items, at most so many (and 1 MB), of a partition whose sort keys begin with `prefix`,
    /// strongly consistent; and the key to go on after, where there may be more.
    pub(crate) async fn query(
        &self,
        operation: &'static str,
        (pk, prefix): (&str, &str),
        start: Option<Item>,
        order: Order,
        most: usize,
    ) -> Result<(Vec<Item>, Option<Item>), StoreError> {
        let query = self
            .client
            .query()
            .table_name(&*self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", text(pk))
            .expression_attribute_values(":prefix", text(prefix))
            .set_exclusive_start_key(start)
            .scan_index_forward(order == Order::Forward)
            .limit(i32::try_from(most).unwrap_or(i32::MAX));
        let answer = query.send().await.map_err(|error| StoreError::service(operation, &error))?;
        Ok((answer.items.unwrap_or_default(), answer.last_evaluated_key))
    }

    /// The last item, by key, of a partition whose sort keys begin with `prefix` and whose attribute has this text,
    /// strongly consistent. Every item after it is read.
    pub(crate) async fn last_with(
        &self,
        operation: &'static str,
        (pk, prefix): (&str, &str),
        (name, value): (&str, &str),
    ) -> Result<Option<Item>, StoreError> {
        let mut start = None;
        loop {
            let query = self
                .client
                .query()
                .table_name(&*self.table)
                .consistent_read(true)
                .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
                .filter_expression("#name = :value")
                .expression_attribute_names("#name", name)
                .expression_attribute_values(":pk", text(pk))
                .expression_attribute_values(":prefix", text(prefix))
                .expression_attribute_values(":value", text(value))
                .set_exclusive_start_key(start)
                .scan_index_forward(false);
            let answer = query.send().await.map_err(|error| StoreError::service(operation, &error))?;
            start = answer.last_evaluated_key;
            match answer.items.and_then(|items| items.into_iter().next()) {
                Some(found) => return Ok(Some(found)),
                None if start.is_none() => return Ok(None),
                None => {}
            }
        }
    }

    /// A counter of an item, after one was added.
    pub(crate) async fn next_number(
        &self,
        operation: &'static str,
        key: &Key,
        counter: &'static str,
    ) -> Result<u64, StoreError> {
        self.counted(operation, Write::update(key.clone()).count(counter, 1), counter).await
    }

    /// A counter of an item, after an update of it that adds to the counter.
    pub(crate) async fn counted(
        &self,
        operation: &'static str,
        update: Write,
        counter: &'static str,
    ) -> Result<u64, StoreError> {
        let mut waits = Waits::of(update.key());
        let item = loop {
            let parts = update.clone().into_parts();
            let request = self.client.update_item().table_name(&*self.table).set_key(Some(parts.key));
            let request = request.set_update_expression(parts.update).set_expression_attribute_names(parts.names);
            let request = request.set_expression_attribute_values(parts.values);
            let request = request.return_values(aws_sdk_dynamodb::types::ReturnValue::UpdatedNew);
            match request.send().await.map_err(|error| StoreError::service(operation, &error)) {
                Ok(answer) => break answer.attributes.unwrap_or_default(),
                Err(error) if error.is_throttled() => {
                    if !waits.wait().await {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        };
        crate::item::counter(&item, counter)
    }

    /// The error after the last of several tries that other writers overtook.
    pub(crate) fn overtaken(operation: &'static str) -> StoreError {
        StoreError::gave_up(operation, TRIES, "other writers changed the same items")
    }
}

fn outcome<T, E>(operation: &'static str, answer: Result<T, SdkError<E>>) -> Result<Written, StoreError>
where
    E: aws_sdk_dynamodb::error::ProvideErrorMetadata + std::error::Error + 'static,
{
    use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
    match answer {
        Ok(_) => Ok(Written::Done),
        Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(Written::Refused),
        Err(error) => Err(StoreError::service(operation, &error)),
    }
}
