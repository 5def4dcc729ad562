//! Reading and writing secrets.

use crate::error::code;
use crate::{CredentialsError, OwnSecret, OwnSecretError, SecretName, SecretVersion, document};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::SdkError;
use aws_sdk_secretsmanager::types::Tag;
use secrecy::{ExposeSecret as _, SecretString};
use spacehook_domain::credentials::{Credentials, SecretArn};
use spacehook_domain::ids::{SubscriptionId, TenantId};
use std::sync::Arc;

/// The label that Secrets Manager gives to the newest version. A version without any label may be removed by the
/// service, so the one in use must have this or the label of the one before it.
const CURRENT: &str = "AWSCURRENT";
/// The label of the version before it.
const PREVIOUS: &str = "AWSPREVIOUS";
/// The tag that names the tenant whose secret it is.
const TENANT_TAG: &str = "spacehook-tenant";

/// The secrets of subscriptions in Secrets Manager.
#[derive(Debug, Clone)]
pub struct CredentialStore {
    client: Client,
    prefix: Arc<str>,
}

impl CredentialStore {
    /// A store whose secrets are named with this prefix, such as `spacehook/prod/`.
    pub fn new(client: Client, prefix: impl Into<Arc<str>>) -> Self {
        Self { client, prefix: prefix.into() }
    }

    /// The name that a subscription's secret has, or will have.
    pub fn name(&self, tenant: &TenantId, subscription: &SubscriptionId) -> SecretName {
        SecretName::new(&self.prefix, tenant, subscription)
    }

    /// Makes a subscription's secret, with its first version. Repeating it with the same version and credentials
    /// changes nothing.
    pub async fn create(
        &self,
        name: &SecretName,
        version: &SecretVersion,
        credentials: &Credentials,
    ) -> Result<(), CredentialsError> {
        let text = document::write(credentials)?;
        let (tenant, subscription) = name.owner();
        let created = self
            .client
            .create_secret()
            .name(name.as_str())
            .client_request_token(version.as_str())
            .secret_string(text.expose_secret())
            .tags(tag(TENANT_TAG, tenant))
            .tags(tag("spacehook-subscription", subscription))
            .send()
            .await;
        match created {
            Ok(_) => Ok(()),
            // An earlier try made it, and its answer was lost. Putting the same version again is no change.
            Err(error) if code(&error) == Some("ResourceExistsException") => self.put_text(name, version, &text).await,
            Err(error) => Err(CredentialsError::of("CreateSecret", &error)),
        }
    }

    /// Puts a new version. Repeating it with the same version and credentials changes nothing.
    pub async fn put(
        &self,
        name: &SecretName,
        version: &SecretVersion,
        credentials: &Credentials,
    ) -> Result<(), CredentialsError> {
        self.put_text(name, version, &document::write(credentials)?).await
    }

    async fn put_text(
        &self,
        name: &SecretName,
        version: &SecretVersion,
        text: &SecretString,
    ) -> Result<(), CredentialsError> {
        let put = self
            .client
            .put_secret_value()
            .secret_id(name.as_str())
            .client_request_token(version.as_str())
            .secret_string(text.expose_secret())
            .send();
        put.await.map(drop).map_err(|error| CredentialsError::of("PutSecretValue", &error))
    }

    /// Makes this version the current one again, after a newer one was put that no subscription names.
    pub async fn make_current(&self, name: &SecretName, version: &SecretVersion) -> Result<(), CredentialsError> {
        let described = self.client.describe_secret().secret_id(name.as_str()).send().await;
        let described = described.map_err(|error| CredentialsError::of("DescribeSecret", &error))?;
        let versions = described.version_ids_to_stages().into_iter().flatten();
        let current =
            versions.filter(|(_, stages)| stages.iter().any(|stage| stage == CURRENT)).map(|(id, _)| id).next();
        if current.is_some_and(|id| id == version.as_str()) {
            return Ok(());
        }
        let moved = self
            .client
            .update_secret_version_stage()
            .secret_id(name.as_str())
            .version_stage(CURRENT)
            .move_to_version_id(version.as_str())
            .set_remove_from_version_id(current.cloned())
            .send();
        moved.await.map(drop).map_err(|error| CredentialsError::of("UpdateSecretVersionStage", &error))
    }

    /// Reads one version.
    pub async fn get(&self, name: &SecretName, version: &SecretVersion) -> Result<Credentials, CredentialsError> {
        let request = self.client.get_secret_value().secret_id(name.as_str()).version_id(version.as_str());
        document::read(&text_of(request).await?)
    }

    /// Reads a secret of the user's own as it is now. It must be tagged with the tenant.
    pub async fn own_secret(&self, arn: &SecretArn, tenant: &TenantId) -> Result<OwnSecret, OwnSecretError> {
        let described = self.client.describe_secret().secret_id(arn.as_str()).send().await;
        let described = described.map_err(|error| OwnSecretError::of("DescribeSecret", &error))?;
        let is_tenant = |tag: &Tag| tag.key() == Some(TENANT_TAG) && tag.value() == Some(tenant.as_str());
        if !described.tags().iter().any(is_tenant) {
            return Err(OwnSecretError::Denied { what: "its tag spacehook-tenant does not name this tenant" });
        }
        self.own_version(arn, CURRENT).await
    }

    /// Reads the version of a secret of the user's own that was current before the present one; `None` where there is
    /// none. Only after [`own_secret`](Self::own_secret), which looks at the tags.
    pub async fn previous_own_secret(&self, arn: &SecretArn) -> Result<Option<OwnSecret>, OwnSecretError> {
        match self.own_version(arn, PREVIOUS).await {
            Ok(secret) => Ok(Some(secret)),
            Err(OwnSecretError::Missing) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn own_version(&self, arn: &SecretArn, label: &str) -> Result<OwnSecret, OwnSecretError> {
        let answer = self.client.get_secret_value().secret_id(arn.as_str()).version_stage(label).send().await;
        let answer = answer.map_err(|error| OwnSecretError::of("GetSecretValue", &error))?;
        let created_at = answer.created_date.and_then(|date| jiff::Timestamp::from_second(date.secs()).ok());
        let text = answer.secret_string.map(SecretString::from);
        let text = text.ok_or(OwnSecretError::Unreadable { what: "it is binary" })?;
        Ok(OwnSecret { auth: document::read_own(&text)?, version: answer.version_id.unwrap_or_default(), created_at })
    }

    /// Deletes the secret with all its versions, at once and for good. One that does not exist is as good as deleted.
    pub async fn delete(&self, name: &SecretName) -> Result<(), CredentialsError> {
        let request = self.client.delete_secret().secret_id(name.as_str()).force_delete_without_recovery(true);
        match request.send().await.map_err(|error| CredentialsError::of("DeleteSecret", &error)) {
            Ok(_) | Err(CredentialsError::Missing) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The first admin key: the whole text of the secret of this ARN.
    pub async fn admin_key(&self, arn: &str) -> Result<SecretString, CredentialsError> {
        text_of(self.client.get_secret_value().secret_id(arn)).await
    }
}

async fn text_of(
    request: aws_sdk_secretsmanager::operation::get_secret_value::builders::GetSecretValueFluentBuilder,
) -> Result<SecretString, CredentialsError> {
    let answer = request.send().await.map_err(|error: SdkError<_>| CredentialsError::of("GetSecretValue", &error))?;
    let text = answer.secret_string.ok_or(CredentialsError::Unreadable { what: "it is binary" })?;
    Ok(text.into())
}

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::FakeSecretsManager;
    use spacehook_domain::credentials::AuthSecret;
    use spacehook_domain::signing::SigningSecret;
    use std::collections::BTreeMap;
    use uuid::Uuid;

    fn credentials(token: &str) -> Credentials {
        Credentials {
            signing_secrets: vec![SigningSecret::from_random([1; 32])],
            auth: AuthSecret::Bearer { token: token.into() },
            custom_headers: BTreeMap::new(),
        }
    }

    fn token(credentials: &Credentials) -> &str {
        match &credentials.auth {
            AuthSecret::Bearer { token } => token.expose_secret(),
            _ => "",
        }
    }

    fn version(number: u128) -> SecretVersion {
        SecretVersion::from_uuid(Uuid::from_u128(number))
    }

    fn start() -> (FakeSecretsManager, CredentialStore, SecretName) {
        let fake = FakeSecretsManager::default();
        let store = CredentialStore::new(fake.client(), "spacehook/dev/");
        let tenant = TenantId::parse("acme").unwrap();
        let name = store.name(&tenant, &SubscriptionId::from_uuid(Uuid::from_u128(7)));
        (fake, store, name)
    }

    #[tokio::test]
    async fn versions_are_kept_apart() {
        let (fake, store, name) = start();
        assert_eq!(name.as_str(), "spacehook/dev/acme/sub_00000000000000000000000000000007");
        store.create(&name, &version(1), &credentials("one")).await.unwrap();
        store.put(&name, &version(2), &credentials("two")).await.unwrap();
        assert_eq!(token(&store.get(&name, &version(1)).await.unwrap()), "one");
        assert_eq!(token(&store.get(&name, &version(2)).await.unwrap()), "two");
        assert_eq!(store.get(&name, &version(3)).await.unwrap_err(), CredentialsError::Missing);
        let tags = fake.tags(name.as_str());
        assert_eq!(tags["spacehook-tenant"], "acme");
        assert_eq!(tags["spacehook-subscription"], "sub_00000000000000000000000000000007");
    }

    #[tokio::test]
    async fn repeating_changes_nothing() {
        let (fake, store, name) = start();
        for _ in 0..2 {
            store.create(&name, &version(1), &credentials("one")).await.unwrap();
            store.put(&name, &version(2), &credentials("two")).await.unwrap();
        }
        assert_eq!(fake.current(name.as_str()).as_deref(), Some(version(2).as_str()));
        for _ in 0..2 {
            store.make_current(&name, &version(1)).await.unwrap();
            assert_eq!(fake.current(name.as_str()).as_deref(), Some(version(1).as_str()));
        }
        for _ in 0..2 {
            store.delete(&name).await.unwrap();
        }
        assert_eq!(store.get(&name, &version(1)).await.unwrap_err(), CredentialsError::Missing);
    }

    #[tokio::test]
    async fn errors_name_the_operation_and_no_secret() {
        let (fake, store, name) = start();
        let table = [
            ("AccessDeniedException", "the secret can't be read: access is denied"),
            ("DecryptionFailure", "the secret can't be read: its encryption key can't be used"),
            ("InternalServiceError", "Secrets Manager: PutSecretValue: InternalServiceError"),
            ("ValidationException", "Secrets Manager: PutSecretValue: ValidationException"),
        ];
        for (code, expected) in table {
            fake.fail_with(code);
            let error = store.put(&name, &version(1), &credentials("hush")).await.unwrap_err();
            assert_eq!(error.to_string(), expected);
            assert!(!format!("{error:?}").contains("hush"));
        }
    }

    #[tokio::test]
    async fn the_admin_key_is_the_whole_text() {
        let (fake, store, _) = start();
        fake.set("arn:key", "0123456789");
        let key = store.admin_key("arn:key").await.unwrap();
        assert_eq!(key.expose_secret(), "0123456789");
        assert!(!format!("{key:?}").contains("0123456789"));
        assert_eq!(store.admin_key("arn:other").await.unwrap_err(), CredentialsError::Missing);
    }

    const OWN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:kiosk-a1B2c3";

    #[tokio::test]
    async fn a_secret_of_ones_own_is_read_as_it_is_and_as_it_was() {
        let (fake, store, _) = start();
        let (arn, acme) = (SecretArn::parse(OWN).unwrap(), TenantId::parse("acme").unwrap());
        assert_eq!(store.own_secret(&arn, &acme).await.unwrap_err(), OwnSecretError::Missing);
        fake.set(OWN, r#"{"token":"one"}"#);
        fake.tag(OWN, "spacehook-tenant", "acme");
        assert!(store.previous_own_secret(&arn).await.unwrap().is_none());
        fake.rotate(OWN, r#"{"token":"two"}"#);
        let (now, before) =
            (store.own_secret(&arn, &acme).await.unwrap(), store.previous_own_secret(&arn).await.unwrap());
        let token = |secret: &OwnSecret| token(&credentials("").with_auth(secret.auth.clone())).to_owned();
        assert_eq!((token(&now), token(&before.unwrap())), ("two".to_owned(), "one".to_owned()));
        assert!(now.created_at.is_some() && !now.version.is_empty());
    }

    #[tokio::test]
    async fn a_secret_that_is_not_the_tenants_is_not_read() {
        let (fake, store, _) = start();
        let arn = SecretArn::parse(OWN).unwrap();
        fake.set(OWN, r#"{"token":"hush"}"#);
        let refused = |tenant: &'static str| {
            let (store, arn) = (&store, &arn);
            async move { store.own_secret(arn, &TenantId::parse(tenant).unwrap()).await.unwrap_err().to_string() }
        };
        let expected = "the user's own secret may not be read: its tag spacehook-tenant does not name this tenant";
        assert_eq!(refused("acme").await, expected, "no tag");
        fake.tag(OWN, "spacehook-tenant", "acme");
        assert_eq!(refused("acme2").await, expected, "another tenant's");
        for (code, expected) in [
            ("AccessDeniedException", "the user's own secret may not be read: access is denied"),
            ("ResourceNotFoundException", "the user's own secret does not exist"),
            ("InternalServiceError", "Secrets Manager: DescribeSecret: InternalServiceError"),
        ] {
            fake.fail_with(code);
            assert_eq!(refused("acme").await, expected);
        }
    }
}
