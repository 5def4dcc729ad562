//! A table of a test's own, the requests made to it, and faults on the way.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::{
    BeforeDeserializationInterceptorContextMut, BeforeTransmitInterceptorContextMut,
};
use aws_sdk_dynamodb::config::{
    BehaviorVersion, ConfigBag, Credentials, Intercept, Region, RuntimeComponents, retry::RetryConfig,
};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, PutRequest, ScalarAttributeType, WriteRequest,
};
use aws_smithy_types::config_bag::{Storable, StoreReplace};
use spacehook_domain::subscription::{Subscription, SubscriptionName};
use spacehook_store::Store;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

const TARGET: &str = "x-amz-target";

/// What happens to one request instead of what it asks.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// It is not done; this status and body are the answer.
    Answer(u16, &'static str),
    /// It is done, and its answer is lost on the way.
    Lost,
    /// It is not done: every item of it is said to be left out (`BatchWriteItem`, `BatchGetItem`).
    LeftOut,
}

/// The status and body that an attempt gets as its answer, if not the true ones.
#[derive(Debug)]
struct Instead(Option<(u16, String)>);

impl Storable for Instead {
    type Storer = StoreReplace<Self>;
}

/// Counts requests, repeats of the SDK included, and makes faults.
#[derive(Debug, Clone, Default)]
struct Wire {
    sent: Arc<Mutex<BTreeMap<String, usize>>>,
    faults: Arc<Mutex<VecDeque<(&'static str, Fault)>>>,
}

impl Wire {
    fn fault(&self, operation: &str) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap();
        let at = faults.iter().position(|(of, _)| *of == operation)?;
        faults.remove(at).map(|(_, fault)| fault)
    }
}

impl Intercept for Wire {
    fn name(&self) -> &'static str {
        "wire"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        let target = request.headers().get(TARGET).unwrap_or_default().to_owned();
        let operation = target.split_once('.').map(|(_, operation)| operation.to_owned()).unwrap_or_default();
        *self.sent.lock().unwrap().entry(operation.clone()).or_default() += 1;
        let fault = self.fault(&operation);
        if matches!(fault, Some(Fault::Answer(..) | Fault::LeftOut)) {
            // Something harmless is asked instead; the signature is not looked at by emulators.
            let _ = request.headers_mut().insert(TARGET, "DynamoDB_20120810.DescribeLimits");
        }
        let instead = match fault {
            None => None,
            Some(Fault::Lost) => Some((500, "{}".to_owned())),
            Some(Fault::Answer(status, body)) => Some((status, body.to_owned())),
            Some(Fault::LeftOut) => {
                let body: serde_json::Value = serde_json::from_slice(request.body().bytes().unwrap_or_default())?;
                let left_out = &body["RequestItems"];
                // Each operation has its own word for it, and looks for no other.
                let answer = serde_json::json!({ "UnprocessedItems": left_out, "UnprocessedKeys": left_out });
                Some((200, answer.to_string()))
            }
        };
        bag.interceptor_state().store_put(Instead(instead));
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(Instead(Some((status, body)))) = bag.load::<Instead>() {
            *context.response_mut().status_mut() = (*status).try_into()?;
            *context.response_mut().body_mut() = body.clone().into();
        }
        Ok(())
    }
}

/// A table of a test's own.
pub(crate) struct Table {
    pub(crate) store: Store,
    client: Client,
    name: String,
    wire: Wire,
}

impl Table {
    /// The requests that a piece of work makes, by operation, such as `GetItem 1, Query 2`.
    pub(crate) async fn requests<T>(&self, work: impl Future<Output = T>) -> (T, String) {
        self.wire.sent.lock().unwrap().clear();
        let done = work.await;
        let sent = std::mem::take(&mut *self.wire.sent.lock().unwrap());
        let sent: Vec<String> = sent.into_iter().map(|(operation, times)| format!("{operation} {times}")).collect();
        (done, sent.join(", "))
    }

    /// Makes a fault of the next request of this operation, after those made before.
    pub(crate) fn fault(&self, operation: &'static str, fault: Fault) {
        self.wire.faults.lock().unwrap().push_back((operation, fault));
    }

    /// Another process' store: it remembers nothing of this one's.
    pub(crate) fn other_process(&self) -> Store {
        Store::new(self.client.clone(), self.name.as_str())
    }

    /// An item as it lies in the table.
    pub(crate) async fn raw(&self, pk: &str, sk: &str) -> Option<HashMap<String, AttributeValue>> {
        let key = |value: &str| AttributeValue::S(value.to_owned());
        let request = self.client.get_item().table_name(&self.name).key("pk", key(pk)).key("sk", key(sk));
        request.consistent_read(true).send().await.unwrap().item
    }

    /// A number of an item as it lies in the table.
    pub(crate) async fn raw_number(&self, pk: &str, sk: &str, name: &str) -> Option<i64> {
        self.raw(pk, sk).await?.get(name)?.as_n().ok()?.parse().ok()
    }

    /// Stores an item past the store.
    pub(crate) async fn put_raw(&self, item: impl IntoIterator<Item = (&str, AttributeValue)>) {
        let item = item.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        self.client.put_item().table_name(&self.name).set_item(Some(item)).send().await.unwrap();
    }

    /// Copies the record of a subscription of `acme`, under these numbers and names, past the store.
    pub(crate) async fn copy_subscription(
        &self,
        of: &Subscription,
        numbers: std::ops::RangeInclusive<u128>,
        name: impl Fn(u128) -> String,
    ) {
        let item = self.raw("T#acme", &format!("SUB#{}", of.id)).await.unwrap();
        let copy = |number: u128| {
            let id = crate::things::subscription_id(number);
            let copy =
                Subscription { id: id.clone(), name: SubscriptionName::parse(name(number)).unwrap(), ..of.clone() };
            let text = |text: String| AttributeValue::S(text);
            let mut item = item.clone();
            item.extend([
                ("sk".to_owned(), text(format!("SUB#{id}"))),
                ("document".to_owned(), text(serde_json::to_string(&copy).unwrap())),
            ]);
            let put = PutRequest::builder().set_item(Some(item)).build().unwrap();
            WriteRequest::builder().put_request(put).build()
        };
        let copies: Vec<_> = numbers.map(copy).collect();
        for chunk in copies.chunks(25) {
            self.client.batch_write_item().request_items(&self.name, chunk.to_vec()).send().await.unwrap();
        }
    }

    /// The sort keys of a partition.
    pub(crate) async fn sort_keys(&self, pk: &str) -> Vec<String> {
        let query = self.client.query().table_name(&self.name).key_condition_expression("pk = :pk");
        let query = query.expression_attribute_values(":pk", AttributeValue::S(pk.to_owned())).consistent_read(true);
        let items = query.send().await.unwrap().items.unwrap_or_default();
        items.iter().map(|item| item["sk"].as_s().unwrap().clone()).collect()
    }
}

static NEXT: AtomicU32 = AtomicU32::new(1);

/// Runs a test on a table of its own, or says why not.
pub(crate) async fn with_table(test: impl AsyncFnOnce(&Table)) {
    let Ok(endpoint) = std::env::var("SPACEHOOK_TEST_DYNAMODB") else {
        let name = std::thread::current().name().unwrap_or_default().to_owned();
        #[allow(clippy::print_stderr, reason = "a skipped test has to say so")]
        {
            eprintln!("{name}: skipped, since SPACEHOOK_TEST_DYNAMODB is not set");
        }
        return;
    };
    let name = format!("store-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let wire = Wire::default();
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .interceptor(wire.clone())
        .build();
    let client = Client::from_conf(config);
    create(&client, &name).await;
    let table = Table { store: Store::new(client.clone(), name.as_str()), client, name, wire };
    // On the heap: what a test holds is large.
    Box::pin(test(&table)).await;
    table.client.delete_table().table_name(&table.name).send().await.unwrap();
}

/// A table as the template has it.
async fn create(client: &Client, name: &str) {
    let text = ScalarAttributeType::S;
    let attributes = [("pk", text.clone()), ("sk", text.clone()), ("due", text), ("due_at", ScalarAttributeType::N)];
    let definitions = attributes.map(|(attribute, kind)| {
        AttributeDefinition::builder().attribute_name(attribute).attribute_type(kind).build().unwrap()
    });
    let due = GlobalSecondaryIndex::builder()
        .index_name("due")
        .set_key_schema(Some(key_schema("due", "due_at")))
        .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
        .build()
        .unwrap();
    let request = client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    let request = request.set_attribute_definitions(Some(definitions.into())).global_secondary_indexes(due);
    request.set_key_schema(Some(key_schema("pk", "sk"))).send().await.unwrap();
}

fn key_schema(hash: &str, range: &str) -> Vec<KeySchemaElement> {
    let element = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
    vec![element(hash, KeyType::Hash), element(range, KeyType::Range)]
}
