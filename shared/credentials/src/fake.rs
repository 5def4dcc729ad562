//! Secrets Manager in memory, as far as this crate uses it: it answers the SDK's own HTTP requests.

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

#[derive(Debug, Default)]
struct Secret {
    tags: BTreeMap<String, String>,
    /// Text and labels by version.
    versions: BTreeMap<String, String>,
    labels: BTreeMap<String, String>,
}

#[derive(Debug, Default)]
struct Contents {
    secrets: BTreeMap<String, Secret>,
    fail_with: Option<String>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct FakeSecretsManager(Arc<Mutex<Contents>>);

type Answer = Result<Value, String>;

impl FakeSecretsManager {
    pub(crate) fn client(&self) -> Client {
        let connector = SharedHttpConnector::new(self.clone());
        let config = aws_sdk_secretsmanager::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("eu-central-1"))
            .credentials_provider(Credentials::new("id", "secret", None, None, "test"))
            .retry_config(aws_sdk_secretsmanager::config::retry::RetryConfig::disabled())
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .build();
        Client::from_conf(config)
    }

    pub(crate) fn tags(&self, name: &str) -> BTreeMap<String, String> {
        self.0.lock().unwrap().secrets[name].tags.clone()
    }

    pub(crate) fn current(&self, name: &str) -> Option<String> {
        self.0.lock().unwrap().secrets[name].labels.get("AWSCURRENT").cloned()
    }

    pub(crate) fn set(&self, name: &str, text: &str) {
        let mut secret = Secret::default();
        secret.put("v", text).unwrap();
        self.0.lock().unwrap().secrets.insert(name.to_owned(), secret);
    }

    pub(crate) fn tag(&self, name: &str, key: &str, value: &str) {
        let mut contents = self.0.lock().unwrap();
        let secret = contents.secrets.get_mut(name).unwrap();
        secret.tags.insert(key.to_owned(), value.to_owned());
    }

    /// Puts a new version.
    pub(crate) fn rotate(&self, name: &str, text: &str) {
        self.0.lock().unwrap().secrets.get_mut(name).unwrap().put("w", text).unwrap();
    }

    /// The next request fails with this code.
    pub(crate) fn fail_with(&self, code: &str) {
        self.0.lock().unwrap().fail_with = Some(code.to_owned());
    }

    fn answer(&self, operation: &str, body: &Value) -> Answer {
        let mut contents = self.0.lock().unwrap();
        if let Some(code) = contents.fail_with.take() {
            return Err(code);
        }
        let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
        if operation == "CreateSecret" {
            return contents.create(&text("Name"), body);
        }
        let name = text("SecretId");
        let secret = contents.secrets.get_mut(&name).ok_or("ResourceNotFoundException")?;
        match operation {
            "PutSecretValue" => secret.put(&text("ClientRequestToken"), &text("SecretString"))?,
            "GetSecretValue" => return secret.get(body["VersionId"].as_str(), body["VersionStage"].as_str()),
            "DescribeSecret" => return Ok(secret.described()),
            "UpdateSecretVersionStage" => secret.make_current(&text("MoveToVersionId")),
            "DeleteSecret" => drop(contents.secrets.remove(&name)),
            other => return Err(format!("Unknown{other}")),
        }
        Ok(json!({"Name": name}))
    }
}

impl Contents {
    fn create(&mut self, name: &str, body: &Value) -> Answer {
        if self.secrets.contains_key(name) {
            return Err("ResourceExistsException".to_owned());
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let tags = body["Tags"].as_array().cloned().unwrap_or_default();
        let tags = tags.iter().map(|tag| (text(&tag["Key"]), text(&tag["Value"]))).collect();
        let mut secret = Secret { tags, ..Secret::default() };
        secret.put(&text(&body["ClientRequestToken"]), &text(&body["SecretString"]))?;
        self.secrets.insert(name.to_owned(), secret);
        Ok(json!({"Name": name}))
    }
}

impl Secret {
    fn put(&mut self, version: &str, text: &str) -> Result<(), String> {
        match self.versions.get(version) {
            Some(held) if held == text => Ok(()),
            Some(_) => Err("ResourceExistsException".to_owned()),
            None => {
                self.versions.insert(version.to_owned(), text.to_owned());
                self.make_current(version);
                Ok(())
            }
        }
    }

    fn make_current(&mut self, version: &str) {
        if let Some(previous) = self.labels.insert("AWSCURRENT".to_owned(), version.to_owned()) {
            self.labels.insert("AWSPREVIOUS".to_owned(), previous);
        }
    }

    fn get(&self, version: Option<&str>, label: Option<&str>) -> Answer {
        let labelled = self.labels.get(label.unwrap_or("AWSCURRENT")).map(String::as_str);
        let version = version.or(labelled).unwrap_or_default();
        let text = self.versions.get(version).ok_or("ResourceNotFoundException")?;
        Ok(json!({"SecretString": text, "VersionId": version, "CreatedDate": 1_770_000_000.5}))
    }

    fn described(&self) -> Value {
        let tags: Vec<_> = self.tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
        json!({"VersionIdsToStages": self.stages(), "Tags": tags})
    }

    fn stages(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut stages: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (label, version) in &self.labels {
            stages.entry(version).or_default().push(label);
        }
        stages
    }
}

impl HttpConnector for FakeSecretsManager {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default();
        let body = serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap_or_default();
        let (status, body) = match self.answer(operation, &body) {
            Ok(body) => (200, body),
            Err(code) => (400, json!({"__type": code, "message": "hush"})),
        };
        let response = http::Response::builder().status(status).body(SdkBody::from(body.to_string()));
        HttpConnectorFuture::ready(Ok(HttpResponse::try_from(response.unwrap()).unwrap()))
    }
}
