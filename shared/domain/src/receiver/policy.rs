//! The policy: addresses, exceptions and ports together.

use std::net::IpAddr;

use super::address::refusing_rule;
use super::allowed::AllowedNetworks;
use super::ports::PortPolicy;
use super::rule::Rule;

/// Which receivers may be called. The default allows public addresses on 443 and unprivileged ports, nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceiverPolicy {
    allowed: AllowedNetworks,
    ports: PortPolicy,
}

impl ReceiverPolicy {
    /// A policy with these exceptions and these ports.
    pub fn new(allowed: AllowedNetworks, ports: PortPolicy) -> Self {
        Self { allowed, ports }
    }

    /// Whether a connection to this address and port may be made.
    ///
    /// # Errors
    /// [`RefusedAddress`] names the rule that refuses.
    pub fn check(&self, address: IpAddr, port: u16) -> Result<(), RefusedAddress> {
        let refused = |rule| Err(RefusedAddress { address, port, rule });
        if !self.ports.allows(port) {
            return refused(Rule::Port);
        }
        match refusing_rule(address) {
            Some(rule) if !self.allowed.covers(address, port) => refused(rule),
            _ => Ok(()),
        }
    }

    pub(super) fn allowed(&self) -> &AllowedNetworks {
        &self.allowed
    }

    pub(super) fn ports(&self) -> &PortPolicy {
        &self.ports
    }
}

/// An address that the policy refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{address} port {port} is refused by policy: {rule}")]
pub struct RefusedAddress {
    address: IpAddr,
    port: u16,
    rule: Rule,
}

impl RefusedAddress {
    /// The rule that refused.
    pub fn rule(&self) -> Rule {
        self.rule
    }
}
