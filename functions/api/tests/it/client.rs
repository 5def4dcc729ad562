//! A client of the API.

use crate::fake::{ADMIN_KEY, Fake};
use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request, StatusCode};
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use spacehook_api::{App, Parts, router};
use spacehook_domain::api_key::{ApiKey, ApiKeyToken, Scope};
use spacehook_domain::ids::TenantId;
use spacehook_domain::kept_events::KeptDays;
use spacehook_domain::receiver::ReceiverPolicy;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use tower::ServiceExt as _;

pub(crate) const START: &str = "2026-03-29T12:07:00Z";

/// The API and what is behind it.
pub(crate) struct Api {
    pub(crate) router: Router,
    pub(crate) fake: Fake,
    clock_ms: Arc<AtomicI64>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) json: Value,
}

impl Answer {
    /// The `detail`s of its errors by place.
    pub(crate) fn errors(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let errors = self.json["errors"].as_array().cloned().unwrap_or_default();
        let place = |error: &Value| match (&error["line"], &error["parameter"]) {
            (Value::Number(line), _) => format!("{line}/{}", text(&error["column"])),
            (_, Value::String(parameter)) => format!("?{parameter}"),
            _ => text(&error["pointer"]),
        };
        errors.iter().map(|error| (place(error), text(&error["detail"]))).collect()
    }

    /// The last part of the problem's type.
    pub(crate) fn problem(&self) -> &str {
        self.json["type"].as_str().unwrap_or_default().trim_start_matches("/problems/")
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// Bytes that differ from call to call: good enough for ids in tests.
fn counted(bytes: &mut [u8]) -> bool {
    static CALLS: AtomicU64 = AtomicU64::new(1);
    let call = CALLS.fetch_add(1, Ordering::SeqCst).to_be_bytes();
    for (place, byte) in bytes.iter_mut().rev().enumerate() {
        *byte = call.iter().rev().nth(place).copied().unwrap_or(7);
    }
    true
}

impl Api {
    pub(crate) fn new() -> Self {
        Self::with_policy(ReceiverPolicy::default())
    }

    pub(crate) fn with_policy(policy: ReceiverPolicy) -> Self {
        Self::with(policy, KeptDays::default())
    }

    /// Of a deployment that keeps no events.
    pub(crate) fn keeping_no_events() -> Self {
        Self::with(ReceiverPolicy::default(), KeptDays::parse("0").unwrap())
    }

    fn with(policy: ReceiverPolicy, events_kept: KeptDays) -> Self {
        let fake = Fake::default();
        let start: Timestamp = START.parse().unwrap();
        let clock_ms = Arc::new(AtomicI64::new(start.as_millisecond()));
        let clock = clock_ms.clone();
        let shared = Arc::new(fake.clone());
        let app = App::new(Parts {
            subscriptions: shared.clone(),
            backlogs: shared.clone(),
            timers: shared.clone(),
            news: shared.clone(),
            contacts: shared.clone(),
            registry: shared.clone(),
            kept_events: shared.clone(),
            jobs: shared.clone(),
            keys: shared.clone(),
            tenants: shared.clone(),
            requests: shared.clone(),
            event_types: shared.clone(),
            profiles: shared.clone(),
            scripts: Box::new(spacehook_decoding::Sandbox),
            publisher: shared.clone(),
            secrets: shared,
            policy,
            first_tenant: TenantId::parse("acme").unwrap(),
            requests_per_minute: 1_000,
            events_kept,
            clock: Box::new(move || Timestamp::from_millisecond(clock.load(Ordering::SeqCst)).unwrap()),
            randomness: counted,
        });
        Self { router: router(app), fake, clock_ms }
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.clock_ms.load(Ordering::SeqCst)).unwrap()
    }

    pub(crate) fn pass_ms(&self, ms: i64) {
        self.clock_ms.fetch_add(ms, Ordering::SeqCst);
    }

    /// A key of a tenant with these scopes.
    pub(crate) fn key(&self, tenant: &str, scopes: &[Scope]) -> String {
        let (mut id, mut secret) = ([0; 8], [0; 32]);
        counted(&mut id);
        counted(&mut secret);
        let token = ApiKeyToken::from_random(id, secret);
        let key = ApiKey {
            id: token.id().clone(),
            tenant: TenantId::parse(tenant).unwrap(),
            name: "test".to_owned(),
            scopes: scopes.iter().copied().collect(),
            hash: token.hash(),
            created_at: START.parse().unwrap(),
            expires_at: None,
            last_used_at: None,
        };
        self.fake.with(|contents| contents.keys.insert(key.id.clone(), key));
        token.text().expose_secret().to_owned()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status: parts.status, headers: parts.headers, text, json }
    }

    /// A request with headers and a body, as the first admin.
    pub(crate) async fn raw(&self, line: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let (method, path) = line.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| *name == "authorization") {
            request = request.header("authorization", format!("Bearer {ADMIN_KEY}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.into()).unwrap()).await
    }

    /// A request without a body, as the first admin.
    pub(crate) async fn call(&self, line: &str) -> Answer {
        self.raw(line, &[], Body::empty()).await
    }

    /// A request with a JSON body, as the first admin.
    pub(crate) async fn json(&self, line: &str, body: &Value) -> Answer {
        self.raw(line, &[("content-type", "application/json")], body.to_string()).await
    }

    /// A request with a key and, unless it is null, a JSON body.
    pub(crate) async fn as_key(&self, key: &str, line: &str, body: &Value) -> Answer {
        let authorization = format!("Bearer {key}");
        let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.raw(line, &headers, body).await
    }

    /// A POST with an idempotency key and a JSON body.
    pub(crate) async fn once(&self, key: &str, path: &str, idempotency_key: &str, body: &Value) -> Answer {
        let authorization = format!("Bearer {key}");
        let headers = [
            ("authorization", authorization.as_str()),
            ("content-type", "application/json"),
            ("idempotency-key", idempotency_key),
        ];
        self.raw(&format!("POST {path}"), &headers, body.to_string()).await
    }

    /// Makes a subscription of these fields beside the required ones; its id.
    pub(crate) async fn subscribe(&self, fields: Value) -> String {
        let created = self.json("POST /v1/subscriptions", &subscription(fields)).await;
        assert_eq!(created.status, 201, "{}", created.text);
        created.json["id"].as_str().unwrap().to_owned()
    }
}

/// The body of a new subscription: the required fields and these.
pub(crate) fn subscription(fields: Value) -> Value {
    let mut body = json!({"name": "n", "url": "https://example.com/hook", "event_types": ["space_report"]});
    for (name, value) in fields.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}
