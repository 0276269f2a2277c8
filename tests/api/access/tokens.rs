//! Tokens that prove nothing. Each row changes one thing of a token that is accepted.

use jsonwebtoken::EncodingKey;
use mcpkg_core::Code;
use mcpkg_test_support::TestKey;
use serde_json::{Value, json};

use super::{BASE, Company, PACKAGE, Rules};

/// What a row changes: the header, and the claims.
type Change = fn(&mut Value, &mut Value);

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

#[test]
fn a_token_has_to_be_of_our_issuer_for_us_and_in_time() {
    let company = Company::start();
    let rows: &[(&str, Change, u16)] = &[
        ("no kid", |header, _| drop(header.as_object_mut().unwrap().remove("kid")), 401),
        ("an unknown kid", |header, _| header["kid"] = json!("other"), 401),
        ("alg none", |header, _| header["alg"] = json!("none"), 401),
        ("another alg of the same key", |header, _| header["alg"] = json!("RS512"), 401),
        ("an alg of another kind of key", |header, _| header["alg"] = json!("ES256"), 401),
        ("an extension", |header, _| header["crit"] = json!(["exp"]), 401),
        ("an unencoded payload", |header, _| header["b64"] = json!(false), 401),
        ("an ID token's type", |header, _| header["typ"] = json!("JWT"), 401),
        ("a proof's type", |header, _| header["typ"] = json!("dpop+jwt"), 401),
        ("no type", |header, _| drop(header.as_object_mut().unwrap().remove("typ")), 401),
        ("another issuer", |_, claims| claims["iss"] = json!("https://sso.example"), 401),
        (
            "the issuer with a slash",
            |_, claims| claims["iss"] = json!(format!("{}/", claims["iss"].as_str().unwrap())),
            401,
        ),
        ("another audience", |_, claims| claims["aud"] = json!("https://other.example"), 401),
        ("our audience with a slash", |_, claims| claims["aud"] = json!(format!("{BASE}/")), 401),
        ("two audiences", |_, claims| claims["aud"] = json!([BASE, "https://o.example"]), 400),
        ("our audience twice", |_, claims| claims["aud"] = json!([BASE, BASE]), 400),
        ("no audience", |_, claims| drop(claims.as_object_mut().unwrap().remove("aud")), 400),
        ("an empty audience", |_, claims| claims["aud"] = json!([]), 400),
        ("issued in the future", |_, claims| claims["iat"] = json!(now() + 60), 400),
        ("expired", |_, claims| claims["exp"] = json!(now() - 60), 401),
        ("not valid yet", |_, claims| claims["nbf"] = json!(now() + 60), 401),
        ("no end", |_, claims| drop(claims.as_object_mut().unwrap().remove("exp")), 401),
        ("no beginning", |_, claims| drop(claims.as_object_mut().unwrap().remove("iat")), 401),
        ("valid for a day", |_, claims| claims["exp"] = json!(now() + 86_400), 401),
        ("issued a day ago", |_, claims| claims["iat"] = json!(now() - 86_400), 401),
        ("an end that is text", |_, claims| claims["exp"] = json!("tomorrow"), 401),
        ("nobody", |_, claims| drop(claims.as_object_mut().unwrap().remove("sub")), 401),
        ("a name with a line", |_, claims| claims["sub"] = json!("rita\nroot"), 401),
        ("a name of 300 bytes", |_, claims| claims["sub"] = json!("r".repeat(300)), 401),
        ("bound to a certificate", |_, claims| claims["cnf"] = json!({ "x5t#S256": "a" }), 401),
        ("groups that are no list", |_, claims| claims["groups"] = json!({ "staff": true }), 401),
        (
            "groups that are to be had elsewhere",
            |_, claims| claims["_claim_names"] = json!({ "groups": "src1" }),
            401,
        ),
        ("a group that is no text", |_, claims| claims["groups"] = json!(["staff", 1]), 401),
    ];
    let key = company.issuer.key();
    for &(what, change, status) in rows {
        let (mut header, mut claims) = (key.header("at+jwt"), company.claims("rita", &["staff"]));
        assert_eq!(company.get(PACKAGE, &key.sign(&header, &claims)).status, 200, "{what}");
        change(&mut header, &mut claims);
        let reply = company.get(PACKAGE, &key.sign(&header, &claims));
        assert_eq!(reply.outcome(), (status, Some(Code::OidcToken)), "{what}: {reply}");
    }
}

#[test]
fn a_token_has_to_be_signed_with_a_key_of_its_issuer() {
    let company = Company::start();
    let (key, claims) = (company.issuer.key(), company.claims("rita", &["staff"]));
    let header = key.header("at+jwt");
    let good = key.sign(&header, &claims);
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (head, payload) = signed.split_once('.').unwrap();

    // The public key, which everybody has, as the secret of an HMAC (RFC 8725, 2.1).
    let mut shared = header.clone();
    shared["alg"] = json!("HS256");
    let hmac = TestKey::rsa().sign(&shared, &claims);
    let (hmac, _) = hmac.rsplit_once('.').unwrap();
    let secret = EncodingKey::from_secret(key.public()["n"].as_str().unwrap().as_bytes());
    let mac = jsonwebtoken::crypto::sign(hmac.as_bytes(), &secret, jsonwebtoken::Algorithm::HS256);

    let other = TestKey::rsa().sign(&header, &claims);
    let mut curve = header.clone();
    curve["alg"] = json!("ES256");
    for (what, token) in [
        ("another key of that name", other),
        ("a key on a curve of that name", TestKey::ecdsa().sign(&curve, &claims)),
        ("a secret that everybody knows", format!("{hmac}.{}", mac.unwrap())),
        ("no signature", format!("{signed}.")),
        ("another signature", format!("{signed}.{}", "A".repeat(signature.len()))),
        ("other claims", format!("{head}.{}.{signature}", &payload[..payload.len() - 2])),
        ("four parts", format!("{good}.{signature}")),
        ("two parts", signed.to_owned()),
        ("padding", format!("{signed}.{signature}=")),
        ("no base64", format!("{signed}.{signature}!")),
        ("too long", format!("{signed}.{}", "A".repeat(13_000))),
        ("no token at all", "rita".to_owned()),
    ] {
        let reply = company.get(PACKAGE, &token);
        assert_eq!(reply.outcome(), (401, Some(Code::OidcToken)), "{what}: {reply}");
    }
    assert_eq!(company.get(PACKAGE, &good).status, 200);
}

#[test]
fn unknown_keys_are_asked_for_once_a_minute_and_a_new_key_is_found() {
    let company = Company::start();
    assert_eq!(company.issuer.fetches(), 0, "nobody has shown a token");
    assert_eq!(company.get(PACKAGE, &company.reader()).status, 200);
    assert_eq!(company.get(PACKAGE, &company.reader()).status, 200);
    assert_eq!(company.issuer.fetches(), 1);

    let old = company.reader();
    company.issuer.rotate(TestKey::ecdsa());
    assert_eq!(company.get(PACKAGE, &company.reader()).status, 200, "the new key is fetched");
    assert_eq!(company.get(PACKAGE, &old).outcome(), (401, Some(Code::OidcToken)));
    let key = company.issuer.key();
    for id in ["a", "b", "c", "d"] {
        let mut header = key.header("at+jwt");
        header["kid"] = json!(id);
        let token = key.sign(&header, &company.claims("rita", &["staff"]));
        assert_eq!(company.get(PACKAGE, &token).outcome(), (401, Some(Code::OidcToken)));
    }
    assert_eq!(company.issuer.fetches(), 2, "nobody has it asked for more");
}

#[test]
fn an_issuer_that_says_something_else_is_not_believed() {
    for (name, value) in [
        ("issuer", json!("https://sso.other.example")),
        ("jwks_uri", json!("http://sso.other.example/jwks")),
        ("jwks_uri", json!("file:///etc/passwd")),
        ("jwks_uri", json!(7)),
    ] {
        let company = Company::start();
        company.issuer.describe(name, value.clone());
        let reply = company.get(PACKAGE, &company.reader());
        assert_eq!(reply.outcome(), (503, Some(Code::Unavailable)), "{name} {value}");
        assert_eq!(company.issuer.fetches(), 0);
    }
}

#[test]
fn a_token_belongs_into_one_header_and_nowhere_else() {
    let company = Company::start();
    let (http, token) = (company.registry.http(), company.reader());
    for name in ["access_token", "ACCESS_TOKEN", "access%5Ftoken", "token", "id_token"] {
        let reply = http.get(&format!("{PACKAGE}?{name}={token}"));
        assert_eq!(reply.outcome(), (400, Some(Code::Request)), "{name}");
        assert!(!reply.to_string().contains(&token), "the answer repeats it");
    }
    let bearer = format!("Bearer {token}");
    for (what, headers, outcome) in [
        (
            "a cookie",
            vec![("cookie", format!("access_token={token}"))],
            (401, Code::Unauthenticated),
        ),
        (
            "a password",
            vec![("authorization", "Basic cml0YTpzZWNyZXQ=".to_owned())],
            (401, Code::Unauthenticated),
        ),
        ("no scheme", vec![("authorization", token.clone())], (401, Code::Unauthenticated)),
        (
            "an empty token",
            vec![("authorization", "Bearer ".to_owned())],
            (401, Code::Unauthenticated),
        ),
        (
            "two headers",
            vec![("authorization", bearer.clone()), ("authorization", bearer.clone())],
            (400, Code::Request),
        ),
    ] {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let reply = http.get_with(PACKAGE, &headers);
        assert_eq!(reply.outcome(), (outcome.0, Some(outcome.1)), "{what}: {reply}");
    }
    assert_eq!(http.get_with(PACKAGE, &[("authorization", &bearer)]).status, 200);
    assert_eq!(
        http.get_with(PACKAGE, &[("authorization", &format!("bEaReR {token}"))]).status,
        200
    );
}

#[test]
fn a_client_is_told_how_to_get_a_token() {
    let company = Company::start();
    let http = company.registry.http();
    let reply = http.get(PACKAGE);
    assert_eq!(reply.outcome(), (401, Some(Code::Unauthenticated)));
    let challenges: Vec<_> = reply.headers.get_all("www-authenticate").iter().collect();
    let metadata = format!("{BASE}/.well-known/oauth-protected-resource");
    assert_eq!(challenges[0], &format!("Bearer resource_metadata=\"{metadata}\""));
    assert!(challenges[1].to_str().unwrap().starts_with("DPoP algs=\"ES256"));

    let reply = company.get(PACKAGE, &company.issuer.sign(&json!({ "iss": "x" })));
    assert!(reply.header("www-authenticate").contains("error=\"invalid_token\""), "{reply}");

    let metadata: Value = http.get("/.well-known/oauth-protected-resource").json();
    assert_eq!(metadata["resource"], BASE);
    assert_eq!(metadata["authorization_servers"], json!([company.issuer.url()]));
    assert_eq!(metadata["bearer_methods_supported"], json!(["header"]));
    assert_eq!(metadata.get("mcpkg_client_id"), None);
    let below = "/.well-known/oauth-protected-resource/registry/team";
    let metadata: Value = http.get(below).json();
    assert_eq!(metadata["resource"], format!("{BASE}/registry/team"));
    for path in ["/elsewhere", "/registry/Team", "/registry/a/b", "/registry/"] {
        let reply = http.get(&format!("/.well-known/oauth-protected-resource{path}"));
        assert_eq!(reply.status, 404, "{path}");
    }
}

#[test]
fn people_are_told_where_to_log_in_and_as_what() {
    let more = "[[issuer]]\nname = 'people'\nurl = 'https://people.acme.example/realm'\n\
                login = { client_id = 'mcpkg', scopes = ['read'] }";
    let company = Company::with(Rules { access: more, ..Rules::default() });
    let http = company.registry.http();
    let metadata: Value = http.get("/.well-known/oauth-protected-resource").json();
    // A client logs in at the first, whatever the order in the file.
    let issuers = json!(["https://people.acme.example/realm", company.issuer.url()]);
    assert_eq!(metadata["authorization_servers"], issuers);
    assert_eq!(metadata["mcpkg_client_id"], "mcpkg");
    assert_eq!(metadata["scopes_supported"], json!(["read"]));
}

#[test]
fn how_long_a_token_is_valid_is_what_the_configuration_allows() {
    let company = Company::with(Rules { access: "max_token_minutes = 2", ..Rules::default() });
    let reply = company.get(PACKAGE, &company.reader());
    assert_eq!(reply.outcome(), (401, Some(Code::OidcToken)), "it is valid for five minutes");
    let mut claims = company.claims("rita", &["staff"]);
    claims["exp"] = json!(now() + 100);
    assert_eq!(company.get(PACKAGE, &company.issuer.sign(&claims)).status, 200);
}
