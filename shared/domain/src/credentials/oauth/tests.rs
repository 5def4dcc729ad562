use super::*;
use crate::failure::{OAuthError, TokenProblem};
use std::time::Duration;

fn client(style: AuthStyle) -> OAuthClient {
    OAuthClient {
        token_url: "https://login.example.com/token".into(),
        client_id: "kiosk:1".into(),
        client_secret: "pa ss+w%rd/é".into(),
        scope: Some("hooks.write hooks.read".into()),
        audience: Some("https://api.example.com/".into()),
        style,
        parameters: [("resource".to_owned(), "a&b=c".into())].into(),
    }
}

/// The form, decoded by the rules of browsers.
fn form(request: &TokenRequest) -> Vec<(String, String)> {
    form_urlencoded::parse(request.body.expose_secret().as_bytes()).into_owned().collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

const COMMON: [(&str, &str); 4] = [
    ("grant_type", "client_credentials"),
    ("scope", "hooks.write hooks.read"),
    ("audience", "https://api.example.com/"),
    ("resource", "a&b=c"),
];

#[test]
fn in_the_body_id_and_secret_are_fields_of_the_form() {
    let request = client(AuthStyle::Body).token_request().unwrap();
    let expected = [&COMMON[..], &[("client_id", "kiosk:1"), ("client_secret", "pa ss+w%rd/é")]].concat();
    assert_eq!(form(&request), pairs(&expected));
    assert_eq!(request.headers["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(request.headers["accept"], "application/json");
    assert!(!request.headers.contains_key("authorization"));
}

#[test]
fn in_the_header_id_and_secret_are_form_encoded_before_they_are_joined() {
    let request = client(AuthStyle::Basic).token_request().unwrap();
    assert_eq!(form(&request), pairs(&COMMON));
    let header = request.headers["authorization"].to_str().unwrap();
    let pair = STANDARD.decode(header.strip_prefix("Basic ").unwrap()).unwrap();
    assert_eq!(String::from_utf8(pair).unwrap(), "kiosk%3A1:pa%20ss%2Bw%25rd%2F%C3%A9");
    assert!(!format!("{request:?}").contains(&header[6..]), "it does not print");
}

#[test]
fn what_is_not_said_is_not_sent() {
    let bare = OAuthClient { scope: None, audience: None, parameters: BTreeMap::new(), ..client(AuthStyle::Basic) };
    assert_eq!(form(&bare.token_request().unwrap()), pairs(&COMMON[..1]));
}

#[test]
fn a_client_does_not_print_its_secrets() {
    let shown = format!("{:?}", client(AuthStyle::Body));
    assert!(!shown.contains("pa ss") && !shown.contains("a&b=c") && !shown.contains("/token"), "{shown}");
}

#[test]
fn texts_outside_the_standard_are_refused() {
    let long = "x".repeat(TEXT_LIMIT + 1);
    let is_ok = |check: fn(&str) -> Result<(), RefusedText>, text: &str| check(text).is_ok();
    for (check, good, bad) in [
        (check_client_text as fn(&str) -> _, &["a", "a b:c~"][..], &["", "é", "a\nb", &long][..]),
        (check_scope, &["a", "a b", "https://x/.default"], &["", " a", "a ", "a  b", "a\"b", "a\\b", "é", &long]),
        (check_value, &["é x", "a&b"], &["", "a\r\nb", &long]),
        (check_parameter_name, &["resource", "x-a.b_c~1"], &["", "a b", "é", "scope", "grant_type", &long[..129]]),
    ] {
        assert!(good.iter().all(|text| is_ok(check, text)), "{good:?}");
        assert!(!bad.iter().any(|text| is_ok(check, text)), "{bad:?}");
    }
    assert_eq!(client(AuthStyle::Basic).check(), Err(RefusedText::ClientCharacters), "é in the secret");
    let plain = OAuthClient { client_secret: "plain".into(), ..client(AuthStyle::Basic) };
    assert_eq!(plain.check(), Ok(()));
    let many = (0..=PARAMETERS_LIMIT).map(|number| (format!("p{number}"), "x".into())).collect();
    assert_eq!(OAuthClient { parameters: many, ..plain }.check(), Err(RefusedText::TooManyParameters));
}

fn life_s(expires_in: &str) -> Option<f64> {
    let body = format!(r#"{{"access_token":"t","token_type":"bEaReR","expires_in":{expires_in}}}"#);
    read_answer(200, body.as_bytes()).ok().map(|token| token.life.as_secs_f64())
}

#[test]
fn the_life_of_a_token_is_a_number_or_a_text_and_bounded() {
    for (expires_in, expected) in [
        ("3600", Some(3600.0)),
        ("\"3600\"", Some(3600.0)),
        ("59.5", Some(59.5)),
        ("0", Some(0.0)),
        ("null", Some(60.0)),
        ("1e300", Some(86_400.0)),
        ("99999999999999999999", Some(86_400.0)),
        ("-1", None),
        ("\"soon\"", None),
        ("\"nan\"", None),
        ("true", None),
    ] {
        assert_eq!(life_s(expires_in), expected, "{expires_in}");
    }
    let token = read_answer(201, br#"{"access_token":"t","token_type":"Bearer"}"#).unwrap();
    assert_eq!(token.life, DEFAULT_LIFE);
}

#[test]
fn a_token_is_let_go_before_it_expires() {
    for (life_s, usable_s) in [(3_600, 3_540), (600, 540), (100, 90), (10, 9), (0, 0)] {
        let token = AccessToken { value: "t".into(), life: Duration::from_secs(life_s) };
        assert_eq!(token.usable_for(), Duration::from_secs(usable_s), "{life_s}");
    }
}

#[test]
fn what_is_no_token_is_unreadable() {
    let unsendable = format!(r#"{{"access_token":"{}","token_type":"Bearer"}}"#, "x".repeat(MAX_TOKEN_BYTES + 1));
    for body in [
        "",
        "[]",
        "<html>",
        "{}",
        r#"{"access_token":"t"}"#,
        r#"{"token_type":"Bearer"}"#,
        r#"{"access_token":"","token_type":"Bearer"}"#,
        r#"{"access_token":7,"token_type":"Bearer"}"#,
        r#"{"access_token":"t","token_type":"mac"}"#,
        r#"{"access_token":"a b","token_type":"Bearer"}"#,
        r#"{"access_token":"a\r\nx: y","token_type":"Bearer"}"#,
        r#"{"access_token":"é","token_type":"Bearer"}"#,
        r#"{"access_token":"a","access_token":"b","token_type":"Bearer"}"#,
        r#"{"access_token":"t","token_type":"Bearer","error":"odd"}"#,
        r#"{"access_token":"t","token_type":"Bearer"} x"#,
        &unsendable,
    ] {
        assert_eq!(read_answer(200, body.as_bytes()).unwrap_err(), TokenProblem::UnreadableAnswer, "{body}");
    }
}

#[test]
fn errors_have_the_name_that_the_server_gives_or_the_status() {
    let error = |error| TokenProblem::ErrorAnswer { error };
    for (status, body, expected) in [
        (401, r#"{"error":"invalid_client","error_description":"no"}"#, error(OAuthError::InvalidClient)),
        (400, r#"{"error":"invalid_scope"}"#, error(OAuthError::InvalidScope)),
        (200, r#"{"error":"unauthorized_client"}"#, error(OAuthError::UnauthorizedClient)),
        (400, r#"{"error":"of_our_own"}"#, TokenProblem::HttpStatus { status: 400 }),
        (400, r#"{"error":{"code":1}}"#, TokenProblem::HttpStatus { status: 400 }),
        (503, "<html>", TokenProblem::HttpStatus { status: 503 }),
        (302, "", TokenProblem::HttpStatus { status: 302 }),
        (101, "", TokenProblem::InvalidAnswer),
        (999, "", TokenProblem::InvalidAnswer),
    ] {
        assert_eq!(read_answer(status, body.as_bytes()).unwrap_err(), expected, "{status} {body}");
    }
}
