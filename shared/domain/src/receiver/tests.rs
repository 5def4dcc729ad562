mod addresses;
mod headers;
mod settings;
mod urls;

use super::*;

/// The policy of a deployment without settings.
fn strict() -> ReceiverPolicy {
    ReceiverPolicy::default()
}

/// A policy with these exceptions and the default ports.
fn with_exceptions(networks: &str) -> ReceiverPolicy {
    ReceiverPolicy::new(AllowedNetworks::parse(networks).unwrap(), PortPolicy::default())
}

/// The policy of the local cloud.
fn local_cloud() -> ReceiverPolicy {
    with_exceptions("127.0.0.0/8@1024-65535,::1/128@1024-65535")
}

/// The rule that refuses a URL, or `None` if it is accepted.
fn rule_for(text: &str, policy: &ReceiverPolicy) -> Option<Rule> {
    ReceiverUrl::parse(text, policy).err().map(|refused| refused.rule())
}

#[test]
fn rule_keys_are_what_is_serialized_and_lead_back() {
    for rule in Rule::ALL {
        assert_eq!(serde_json::to_string(&rule).unwrap(), format!("\"{}\"", rule.key()));
        assert_eq!(Rule::from_key(rule.key()), Some(rule));
    }
}
