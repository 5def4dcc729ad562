use super::{Fake, Secret, admin_key};
use async_trait::async_trait;
use secrecy::SecretString;
use spacehook_api::ports::{Failed, Secrets};
use spacehook_credentials::{CredentialsError, SecretName, SecretVersion};
use spacehook_domain::credentials::Credentials;
use spacehook_domain::ids::{SubscriptionId, TenantId};
use spacehook_domain::subscription::Subscription;

fn unavailable(failed: Failed) -> CredentialsError {
    CredentialsError::Unavailable { operation: "test", cause: failed.to_string() }
}

/// A name can only be had of a subscription; one with nothing else set will do.
fn name_of(tenant: &TenantId, id: &SubscriptionId) -> SecretName {
    let json = serde_json::json!({
        "id": id, "tenant": tenant, "name": "x", "description": null, "url": "x", "event_types": [],
        "activity": {"status": "enabled", "since": "2026-01-01T00:00:00Z"}, "send": "always", "building_ref_ids": [],
        "auth": "none", "custom_header_names": [], "key_values": {}, "contacts": [],
        "secret_name": format!("test/{tenant}/{id}"), "secret_version": "", "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z", "revision": 1
    });
    SecretName::of(&serde_json::from_value::<Subscription>(json).unwrap())
}

#[async_trait]
impl Secrets for Fake {
    fn name(&self, tenant: &TenantId, id: &SubscriptionId) -> SecretName {
        name_of(tenant, id)
    }

    async fn create(
        &self,
        name: &SecretName,
        version: &SecretVersion,
        credentials: &Credentials,
    ) -> Result<(), CredentialsError> {
        self.perform("secret.create", |contents| {
            let mut secret = Secret { current: version.as_str().to_owned(), ..Secret::default() };
            secret.versions.insert(version.as_str().to_owned(), credentials.clone());
            contents.secrets.insert(name.as_str().to_owned(), secret);
        })
        .map_err(unavailable)
    }

    async fn put(
        &self,
        name: &SecretName,
        version: &SecretVersion,
        credentials: &Credentials,
    ) -> Result<(), CredentialsError> {
        self.perform("secret.put", |contents| {
            let secret = contents.secrets.get_mut(name.as_str()).ok_or(CredentialsError::Missing)?;
            secret.versions.insert(version.as_str().to_owned(), credentials.clone());
            version.as_str().clone_into(&mut secret.current);
            Ok(())
        })
        .map_err(unavailable)?
    }

    async fn make_current(&self, name: &SecretName, version: &SecretVersion) -> Result<(), CredentialsError> {
        self.perform("secret.make_current", |contents| {
            let secret = contents.secrets.get_mut(name.as_str()).ok_or(CredentialsError::Missing)?;
            version.as_str().clone_into(&mut secret.current);
            Ok(())
        })
        .map_err(unavailable)?
    }

    async fn get(&self, name: &SecretName, version: &SecretVersion) -> Result<Credentials, CredentialsError> {
        self.perform("secret.get", |contents| {
            let secret = contents.secrets.get(name.as_str()).ok_or(CredentialsError::Missing)?;
            secret.versions.get(version.as_str()).cloned().ok_or(CredentialsError::Missing)
        })
        .map_err(unavailable)?
    }

    async fn delete(&self, name: &SecretName) -> Result<(), CredentialsError> {
        self.perform("secret.delete", |contents| drop(contents.secrets.remove(name.as_str()))).map_err(unavailable)
    }

    async fn admin_key(&self) -> Result<SecretString, CredentialsError> {
        self.perform("secret.admin_key", |_| admin_key()).map_err(unavailable)
    }
}
