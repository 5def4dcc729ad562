//! OAuth 2.0 clients and secrets of the user's own: what is taken, kept and shown of them.

use crate::client::{Api, subscription};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use spacehook_domain::credentials::oauth::{AuthStyle, OAuthClient};
use spacehook_domain::credentials::{AuthSecret, Credentials, SecretArn};

const ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:receivers/kiosk-a1B2c3";

/// What is kept of the only subscription: the credentials in its secret, and the secret of its user's own.
fn kept(api: &Api) -> (Credentials, Option<SecretArn>) {
    api.fake.with(|contents| {
        let subscription = contents.subscriptions.values().next().unwrap();
        let secret = &contents.secrets[&subscription.secret_name];
        (secret.versions[&subscription.secret_version].clone(), subscription.own_secret_arn.clone())
    })
}

fn client(api: &Api) -> OAuthClient {
    match kept(api).0.auth {
        AuthSecret::OAuth2(client) => client,
        other => panic!("{other:?}"),
    }
}

fn oauth(more: Value) -> Value {
    let mut auth = json!({
        "type": "oauth2_client_credentials", "token_url": "https://login.example.com/token", "client_id": "kiosk",
        "client_secret": "hush"
    });
    auth.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    auth
}

#[tokio::test]
async fn an_oauth_client_is_kept_whole_and_shown_not_at_all() {
    let api = Api::new();
    let more = json!({
        "scope": "hooks.write hooks.read", "audience": "https://api.example.com/", "auth_style": "body",
        "parameters": {"resource": "hush hush"}
    });
    let created = api.json("POST /v1/subscriptions", &subscription(json!({"auth": oauth(more)}))).await;
    assert_eq!(created.status, 201, "{}", created.text);
    assert_eq!(created.json["auth"], json!({"type": "oauth2_client_credentials", "credentials_set": true}));
    assert!(!created.text.contains("hush") && !created.text.contains("login.example.com"));
    let client = client(&api);
    assert_eq!(client.token_url.expose_secret(), "https://login.example.com/token");
    assert_eq!((client.client_id.as_str(), client.client_secret.expose_secret()), ("kiosk", "hush"));
    assert_eq!(client.scope.as_deref(), Some("hooks.write hooks.read"));
    assert_eq!(client.audience.as_deref(), Some("https://api.example.com/"));
    assert_eq!((client.style, client.parameters["resource"].expose_secret()), (AuthStyle::Body, "hush hush"));
}

#[tokio::test]
async fn what_is_not_said_of_an_oauth_client_has_its_default() {
    let api = Api::new();
    api.subscribe(json!({"auth": oauth(json!({"scope": null}))})).await;
    let client = client(&api);
    assert_eq!((client.scope, client.audience, client.style), (None, None, AuthStyle::Basic));
    assert!(client.parameters.is_empty());
}

#[tokio::test]
async fn every_mistake_names_its_field_and_the_limit() {
    let api = Api::new();
    let long = "x".repeat(2_049);
    let many: serde_json::Map<_, _> = (0..21).map(|number| (format!("p{number}"), json!("x"))).collect();
    for (auth, place, detail) in [
        (oauth(json!({"token_url": "http://login.example.com/"})), "/auth/token_url", "HTTPS only"),
        (oauth(json!({"token_url": "https://10.0.0.1/"})), "/auth/token_url", "private"),
        (oauth(json!({"token_url": null})), "/auth/token_url", "is required"),
        (oauth(json!({"client_id": ""})), "/auth/client_id", "1 to 2,048 characters"),
        (oauth(json!({"client_id": "é"})), "/auth/client_id", "visible ASCII"),
        (oauth(json!({"client_secret": long})), "/auth/client_secret", "1 to 2,048 characters"),
        (oauth(json!({"client_secret": "hush\r\nx"})), "/auth/client_secret", "visible ASCII"),
        (oauth(json!({"client_secret": null})), "/auth/client_secret", "is required"),
        (oauth(json!({"scope": "a  b"})), "/auth/scope", "one space between"),
        (oauth(json!({"audience": "a\nb"})), "/auth/audience", "control characters"),
        (oauth(json!({"auth_style": "header"})), "/auth/auth_style", "'basic' or 'body'"),
        (oauth(json!({"parameters": ["a"]})), "/auth/parameters", "must be an object"),
        (oauth(json!({"parameters": many})), "/auth/parameters", "more than 20"),
        (oauth(json!({"parameters": {"grant_type": "x"}})), "/auth/parameters/grant_type", "not a parameter"),
        (oauth(json!({"parameters": {"a b": "x"}})), "/auth/parameters/a b", "1 to 128 letters"),
        (oauth(json!({"parameters": {"a": 1}})), "/auth/parameters/a", "must be a text"),
        (oauth(json!({"client-id": "x"})), "/auth/client-id", "did you mean 'client_id'?"),
        (json!({"type": "own_secret"}), "/auth/secret_arn", "is required"),
        (json!({"type": "own_secret", "secret_arn": "kiosk"}), "/auth/secret_arn", "whole ARN"),
        (
            json!({"type": "own_secret", "secret_arn": ARN.replace("receivers", "spacehook")}),
            "/auth/secret_arn",
            "Spacehook's own",
        ),
        (json!({"type": "own_secret", "secret_arn": ARN, "token": "hush"}), "/auth/token", "is not known"),
        (json!({"type": "oauth"}), "/auth/type", "oauth2_client_credentials, own_secret"),
    ] {
        let refused = api.json("POST /v1/subscriptions", &subscription(json!({"auth": auth}))).await;
        assert_eq!(refused.status, 422, "{auth}");
        let errors = refused.errors();
        assert!(errors.iter().any(|(at, said)| at == place && said.contains(detail)), "{place} {detail}: {errors:?}");
        assert!(!refused.text.contains("hush"), "{}", refused.text);
    }
    assert!(api.fake.with(|contents| contents.secrets.is_empty()));
}

#[tokio::test]
async fn an_oauth_client_is_patched_field_by_field() {
    let api = Api::new();
    let id = api.subscribe(json!({"auth": oauth(json!({"scope": "a", "parameters": {"x": "1", "y": "2"}}))})).await;
    let line = format!("PATCH /v1/subscriptions/{id}");
    let patch = json!({"auth": {
        "client_secret": "new", "scope": null, "parameters": {"x": null, "z": "3"},
        "token_url": "https://login.example.com/v2/token"
    }});
    assert_eq!(api.json(&line, &patch).await.status, 200);
    let now = client(&api);
    assert_eq!((now.client_id.as_str(), now.client_secret.expose_secret(), now.scope), ("kiosk", "new", None));
    assert_eq!(now.token_url.expose_secret(), "https://login.example.com/v2/token");
    assert_eq!(now.parameters.keys().collect::<Vec<_>>(), ["y", "z"]);
}

#[tokio::test]
async fn client_secrets_do_not_follow_a_token_url_to_another_host() {
    let api = Api::new();
    let id = api.subscribe(json!({"auth": oauth(json!({"parameters": {"key": "hush"}}))})).await;
    let line = format!("PATCH /v1/subscriptions/{id}");
    for url in ["https://thief.example.net/token", "https://login.example.com:8443/token"] {
        let refused = api.json(&line, &json!({"auth": {"token_url": url}})).await;
        assert_eq!(refused.status, 422, "{}", refused.text);
        assert!(refused.errors().iter().any(|(at, said)| at == "/auth" && said.contains("given again")));
    }
    assert_eq!(client(&api).token_url.expose_secret(), "https://login.example.com/token");
    let whole = json!({"auth": {
        "token_url": "https://other.example.net/token", "client_id": "kiosk", "client_secret": "new"
    }});
    assert_eq!(api.json(&line, &whole).await.status, 200);
    let now = client(&api);
    assert_eq!((now.client_secret.expose_secret(), now.parameters.len()), ("new", 0), "nothing of before went along");
}

#[tokio::test]
async fn a_secret_of_ones_own_is_pointed_at_and_ours_has_no_credentials() {
    let api = Api::new();
    let id = api.subscribe(json!({"auth": {"type": "basic", "username": "u", "password": "hush"}})).await;
    let line = format!("PATCH /v1/subscriptions/{id}");
    let own = json!({"type": "own_secret", "secret_arn": ARN});
    let changed = api.json(&line, &json!({"auth": own, "custom_headers": {"x-key": "v"}})).await;
    let shown = json!({"type": "own_secret", "credentials_set": true, "secret_arn": ARN});
    assert_eq!((changed.status.as_u16(), &changed.json["auth"]), (200, &shown), "{}", changed.text);
    let (credentials, arn) = kept(&api);
    assert_eq!(arn.as_ref().map(SecretArn::as_str), Some(ARN));
    assert!(matches!(credentials.auth, AuthSecret::None), "ours");
    assert_eq!((credentials.signing_secrets.len(), credentials.custom_headers.len()), (1, 1));

    let elsewhere = api.json(&line, &json!({"url": "https://other.example.net/"})).await;
    assert!(elsewhere.errors().iter().any(|(at, _)| at == "/auth"), "it does not follow the URL: {}", elsewhere.text);

    let back = api.json(&line, &json!({"auth": {"type": "bearer", "token": "t"}})).await;
    assert_eq!(back.json["auth"], json!({"type": "bearer", "credentials_set": true}));
    assert_eq!(kept(&api).1, None);
}
