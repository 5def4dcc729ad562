//! Names that need no look-up to be known as no receiver's.

use super::policy::ReceiverPolicy;
use super::rule::Rule;

/// Names that stand for the machine itself (RFC 6761; the second is the customary long form).
const LOCALHOST: [&str; 2] = ["localhost", "localhost.localdomain"];

/// Zones that mean something inside one network only: multicast DNS (RFC 6762), `.internal` (reserved by ICANN in
/// 2024; clouds name their metadata services in it), home networks (RFC 8375), tests (RFC 6761).
const PRIVATE_ZONES: [&str; 5] = ["local", "internal", "home.arpa", "test", "localdomain"];

/// Zones without web servers: hidden services (RFC 7686), never valid (RFC 6761), other naming systems (RFC 9476),
/// and the infrastructure zone (RFC 3172). `.example` is missing on purpose: it leads nowhere and documents use it.
const SPECIAL_ZONES: [&str; 4] = ["onion", "invalid", "alt", "arpa"];

/// The rule that refuses a name before any look-up, or `None`.
///
/// A name cannot be matched to networks before it is resolved. Names of loopback, and those of private networks, are
/// therefore accepted once the policy has an exception of that kind for the port; what they resolve to is vetted at
/// every connection like any other answer. `name` is lower case, without a trailing dot.
pub(super) fn refusing_rule(name: &str, port: u16, policy: &ReceiverPolicy) -> Option<Rule> {
    let allowed = policy.allowed();
    if LOCALHOST.contains(&name) || name.ends_with(".localhost") {
        return (!allowed.has_loopback(port)).then_some(Rule::LocalhostName);
    }
    // A single label is completed from the resolver's search list: it means whatever the network says.
    if !name.contains('.') || is_in_any(&PRIVATE_ZONES, name) {
        return (!allowed.has_private(port)).then_some(Rule::PrivateName);
    }
    is_in_any(&SPECIAL_ZONES, name).then_some(Rule::SpecialName)
}

/// Whether the name is one of the zones or lies in one.
fn is_in_any(zones: &[&str], name: &str) -> bool {
    zones.iter().any(|zone| match name.strip_suffix(zone) {
        Some(rest) => rest.is_empty() || rest.ends_with('.'),
        None => false,
    })
}
