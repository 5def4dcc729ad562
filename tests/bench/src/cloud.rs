//! The stub of `DynamoDB` and Secrets Manager: what a healthy delivery asks of them, and nothing else.

use crate::server::{Answer, Request, Server, answer};
use crate::subscribers::Subscriber;
use anyhow::{Context as _, bail};
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};
use spacehook_domain::signing::SigningSecret;
use spacehook_domain::subscription::Subscription;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

const CONTENT_TYPE: &str = "content-type: application/x-amz-json-1.0\r\n";
/// Bytes of a request that a fault repeats, at most.
const REPEATED_BYTES: usize = 400;

/// How often each operation was called.
#[derive(Debug, Clone, Default)]
pub(crate) struct Calls(Arc<Mutex<BTreeMap<String, u64>>>);

impl Calls {
    /// Counts a call.
    pub(crate) fn count(&self, operation: &str) {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = calls.get_mut(operation) {
            *count += 1;
        } else {
            calls.insert(operation.to_owned(), 1);
        }
    }

    /// The counts until now.
    pub(crate) fn until_now(&self) -> BTreeMap<String, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// `DynamoDB` and Secrets Manager, with one tenant and its subscriptions.
pub(crate) struct Cloud {
    calls: Calls,
    tenant: Answer,
    matches: Answer,
    secrets: BTreeMap<String, Answer>,
    done: Answer,
    nothing_left_out: Answer,
}

impl Cloud {
    /// The services as the subscribers need them.
    pub(crate) fn new(subscribers: &[Subscriber], calls: Calls) -> anyhow::Result<Self> {
        let tenant = json!({"Item": {
            "pk": {"S": "T#bench"}, "sk": {"S": "TENANT"}, "version": {"N": "1"},
            "n_space_report": {"N": subscribers.len().to_string()},
        }});
        let mut items = Vec::new();
        let mut secrets = BTreeMap::new();
        for subscriber in subscribers {
            items.push(subscription_item(&subscriber.subscription)?);
            secrets.insert(subscriber.subscription.secret_name.clone(), json(&secret(subscriber)));
        }
        let matches = json!({"Count": items.len(), "ScannedCount": items.len(), "Items": items});
        Ok(Self {
            calls,
            tenant: json(&tenant),
            matches: json(&matches),
            secrets,
            done: json(&json!({})),
            nothing_left_out: json(&json!({"UnprocessedItems": {}})),
        })
    }

    fn secret(&self, body: &str) -> anyhow::Result<Answer> {
        let asked: Value = serde_json::from_str(body)?;
        let name = asked["SecretId"].as_str().context("no SecretId")?;
        Ok(self.secrets.get(name).with_context(|| format!("there is no secret {name}"))?.clone())
    }
}

impl Server for Cloud {
    async fn answer(&self, request: &Request<'_>) -> anyhow::Result<Answer> {
        let target = request.header("x-amz-target")?;
        let operation = target.rsplit_once('.').map_or(target, |(_, operation)| operation);
        self.calls.count(operation);
        let body = request.text()?;
        // By what is in the keys: a request that reads or writes anything else has to be thought about first.
        match operation {
            "GetItem" if body.contains(r#""TENANT""#) => Ok(self.tenant.clone()),
            "Query" if body.contains(r#""M#"#) => Ok(self.matches.clone()),
            "GetSecretValue" => self.secret(body),
            // Attempts, and the events that are kept.
            "BatchWriteItem" if body.contains(r#""ATT#"#) || body.contains(r#""E#"#) => {
                Ok(self.nothing_left_out.clone())
            }
            "UpdateItem" if body.contains(r#""STAT#"#) => Ok(self.done.clone()),
            _ => bail!(
                "the stub does not know this call, which no healthy delivery made when it was written: {target} {}",
                &body[..body.floor_char_boundary(REPEATED_BYTES)]
            ),
        }
    }
}

/// A document as an answer of these services.
pub(crate) fn json(document: &Value) -> Answer {
    answer("200 OK", CONTENT_TYPE, document.to_string().as_bytes())
}

/// A subscription as the table holds it, but for its key.
pub(crate) fn subscription_item(subscription: &Subscription) -> anyhow::Result<Value> {
    let document = serde_json::to_string(subscription)?;
    Ok(json!({"document": {"S": document}, "revision": {"N": subscription.revision.to_string()}}))
}

/// A document as `DynamoDB` writes an item.
pub(crate) fn item(document: &Value) -> Value {
    let attributes = document.as_object().into_iter().flatten();
    attributes.map(|(name, value)| (name.clone(), attribute(value))).collect::<Map<_, _>>().into()
}

fn attribute(value: &Value) -> Value {
    match value {
        Value::Null => json!({"NULL": true}),
        Value::Bool(value) => json!({"BOOL": value}),
        Value::Number(number) => json!({"N": number.to_string()}),
        Value::String(text) => json!({"S": text}),
        Value::Array(values) => json!({"L": values.iter().map(attribute).collect::<Vec<_>>()}),
        Value::Object(_) => json!({"M": item(value)}),
    }
}

fn secret(subscriber: &Subscriber) -> Value {
    let signing: Vec<_> = subscriber.secrets.iter().map(SigningSecret::to_text).collect();
    let signing: Vec<&str> = signing.iter().map(ExposeSecret::expose_secret).collect();
    let name = &subscriber.subscription.secret_name;
    json!({
        "ARN": format!("arn:aws:secretsmanager:us-east-1:000000000000:secret:{name}"),
        "Name": name,
        "VersionId": subscriber.subscription.secret_version,
        "SecretString": json!({"signing_secrets": signing}).to_string(),
    })
}
