use super::*;

fn every_reason() -> Vec<FailureReason> {
    let statuses = (100..=999).map(|status| FailureReason::HttpStatus { status });
    let rules = Rule::ALL.into_iter().map(|rule| FailureReason::RefusedByPolicy { rule });
    let of_tokens = every_token_problem().into_iter().map(|problem| FailureReason::OAuth { problem });
    FailureReason::with_fixed_keys().chain(statuses).chain(rules).chain(of_tokens).collect()
}

fn every_token_problem() -> Vec<TokenProblem> {
    let statuses = (300..=599).map(TokenProblem::from_http_status);
    let rules = Rule::ALL.into_iter().map(|rule| TokenProblem::RefusedByPolicy { rule });
    let reasons = FailureReason::with_fixed_keys().filter_map(TokenProblem::of);
    let errors = OAuthError::ALL.into_iter().map(|error| TokenProblem::ErrorAnswer { error });
    statuses.chain(rules).chain(reasons).chain(errors).chain([TokenProblem::UnreadableAnswer]).collect()
}

#[test]
fn credentials_are_refused_by_401_403_and_their_kin() {
    let refusing: Vec<_> = every_reason().into_iter().filter(FailureReason::refuses_credentials).collect();
    let mut keys: Vec<_> = refusing.iter().map(FailureReason::key).collect();
    keys.sort();
    let expected = [
        "http_401",
        "http_403",
        "oauth_error_access_denied",
        "oauth_error_invalid_client",
        "oauth_error_unauthorized_client",
        "oauth_http_401",
        "oauth_http_403",
    ];
    assert_eq!(keys, expected);
}

#[test]
fn texts_read_as_documented() {
    let http = |status| FailureReason::HttpStatus { status };
    let tls = |problem| FailureReason::Tls { problem };
    let table = [
        (FailureReason::timeout(ATTEMPT_DEADLINE), "timeout after 5 s", "timeout"),
        (FailureReason::timeout(Duration::from_millis(250)), "timeout after 250 ms", "timeout"),
        (http(503), "HTTP 503", "http_503"),
        (http(304), "HTTP 304", "http_304"),
        (http(302), "redirect not followed (HTTP 302)", "http_302"),
        (tls(TlsProblem::CertificateExpired), "TLS: certificate expired", "tls_certificate_expired"),
        (tls(TlsProblem::UnknownIssuer), "TLS: unknown issuer", "tls_unknown_issuer"),
        (tls(TlsProblem::WrongHost), "TLS: certificate is for another host", "tls_wrong_host"),
        (FailureReason::Dns { problem: DnsProblem::NoSuchHost }, "DNS: no such host", "dns_no_such_host"),
        (FailureReason::Dns { problem: DnsProblem::NoAnswer }, "DNS: no answer", "dns_no_answer"),
        (FailureReason::ConnectionRefused, "connection refused", "connection_refused"),
        (FailureReason::ConnectionReset, "connection reset", "connection_reset"),
        (
            FailureReason::RefusedByPolicy { rule: Rule::Loopback },
            "refused by policy: loopback address",
            "policy_loopback",
        ),
        (
            FailureReason::Credentials { problem: CredentialProblem::SecretMissing },
            "credentials: secret missing",
            "credentials_secret_missing",
        ),
        (
            FailureReason::OAuth { problem: TokenProblem::ErrorAnswer { error: OAuthError::InvalidClient } },
            "OAuth token: refused with invalid_client",
            "oauth_error_invalid_client",
        ),
        (
            FailureReason::OAuth { problem: TokenProblem::Timeout { after_ms: 5_000 } },
            "OAuth token: timeout after 5 s",
            "oauth_timeout",
        ),
        (
            FailureReason::OAuth { problem: TokenProblem::from_http_status(503) },
            "OAuth token: HTTP 503",
            "oauth_http_503",
        ),
    ];
    for (reason, text, key) in table {
        assert_eq!((reason.to_string().as_str(), reason.key().as_str()), (text, key));
    }
}

#[test]
fn keys_are_unique_snake_case_and_lead_back() {
    let mut seen = std::collections::BTreeSet::new();
    for reason in every_reason() {
        let key = reason.key();
        assert!(key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'), "{key}");
        assert!(key.len() <= 64, "{key}");
        assert_eq!(FailureReason::from_key(&key), Some(reason), "{key}");
        assert!(seen.insert(key));
    }
    assert!(seen.len() < 1400, "{}", seen.len());
    for unknown in [
        "oauth_",
        "oauth_http_299",
        "oauth_http_600",
        "oauth_oauth_timeout",
        "oauth_error_x",
        "",
        "http_",
        "http_99",
        "http_1000",
        "policy_nothing",
        "tls_",
        "Timeout",
    ] {
        assert_eq!(FailureReason::from_key(unknown), None, "{unknown}");
    }
}

#[test]
fn json_keeps_every_reason() {
    for reason in every_reason() {
        let json = serde_json::to_string(&reason).unwrap();
        assert_eq!(serde_json::from_str::<FailureReason>(&json).unwrap(), reason, "{json}");
    }
    let json = serde_json::to_string(&FailureReason::RefusedByPolicy { rule: Rule::SharedAddressSpace }).unwrap();
    assert_eq!(json, r#"{"kind":"refused_by_policy","rule":"carrier_grade_nat"}"#);
    let problem = TokenProblem::ErrorAnswer { error: OAuthError::InvalidClient };
    let json = serde_json::to_string(&FailureReason::OAuth { problem }).unwrap();
    assert_eq!(json, r#"{"kind":"oauth","problem":{"what":"error_answer","error":"invalid_client"}}"#);
}

#[test]
fn only_refusals_by_policy_are_final() {
    for reason in every_reason() {
        let key = reason.key();
        let is_refusal = key.starts_with("policy_") || key.starts_with("oauth_policy_");
        assert_eq!(reason.is_final(), is_refusal, "{reason}");
    }
}

#[test]
fn every_reason_is_explained() {
    for reason in every_reason() {
        for text in [reason.what_it_means(), reason.how_to_fix()] {
            assert!(text.ends_with('.') && text.len() > 30 && !text.contains("  "), "{reason}: {text}");
        }
    }
}
