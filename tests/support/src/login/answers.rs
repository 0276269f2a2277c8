//! What an issuer answers.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, Response, StatusCode};
use jiff::Timestamp;
use serde_json::json;

use super::proof::{self, About};
use super::{CLIENT, Desk, Said, Waiting, answer, form, hashed, refuse};

pub(super) async fn describe(State(desk): State<Arc<Desk>>) -> Response<Body> {
    let url = &desk.url;
    let mut document = json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/auth"),
        "token_endpoint": format!("{url}/token"),
        "device_authorization_endpoint": format!("{url}/device"),
        "revocation_endpoint": format!("{url}/revoke"),
        "jwks_uri": format!("{url}/keys"),
        "scopes_supported": ["openid", "offline_access"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    });
    if desk.rules.dpop {
        document["dpop_signing_alg_values_supported"] = json!(["ES256"]);
    }
    (desk.rules.describe)(&mut document);
    answer(200, &document)
}

/// A program that nobody knows becomes known, by the one name that there is.
pub(super) async fn register(State(desk): State<Arc<Desk>>, body: Bytes) -> Response<Body> {
    let described: serde_json::Value = serde_json::from_slice(&body).expect("it is JSON");
    assert_eq!(described["token_endpoint_auth_method"], "none", "{described}");
    desk.books().registered.push(described);
    let mut document = json!({ "client_id": CLIENT });
    (desk.rules.grant)(&mut document);
    answer(201, &document)
}

pub(super) async fn keys(State(desk): State<Arc<Desk>>) -> Response<Body> {
    answer(200, &json!({ "keys": [desk.public] }))
}

/// Somebody is logged in already, and says yes.
pub(super) async fn authorize(
    State(desk): State<Arc<Desk>>,
    RawQuery(query): RawQuery,
) -> Response<Body> {
    let asked = form(query.unwrap_or_default().as_bytes());
    let is_right = asked["response_type"] == "code"
        && asked["client_id"] == CLIENT
        && asked["code_challenge_method"] == "S256"
        && asked["redirect_uri"].starts_with("http://127.0.0.1:");
    assert!(is_right, "{asked:?}");
    let code = desk.fresh("code");
    let mut to: url::Url = asked["redirect_uri"].parse().expect("it is an address");
    to.query_pairs_mut().extend_pairs([
        ("code", &code),
        ("state", &asked["state"]),
        ("iss", &desk.url),
    ]);
    desk.books().codes.insert(code, asked);
    let response = Response::builder().status(302).header("location", to.as_str());
    response.body(Body::empty()).expect("the address is plain")
}

pub(super) async fn device(State(desk): State<Arc<Desk>>, body: Bytes) -> Response<Body> {
    let (asked, code) = (form(&body), desk.fresh("device"));
    let user_code = format!("ACME-{}", desk.counter.fetch_add(1, Ordering::Relaxed));
    let waiting = Waiting { code: code.clone(), asked, said: None };
    desk.books().devices.insert(user_code.clone(), waiting);
    let document = json!({
        "device_code": code, "user_code": user_code, "expires_in": 600, "interval": 1,
        "verification_uri": format!("{}/type", desk.url),
    });
    answer(200, &document)
}

pub(super) async fn token(
    State(desk): State<Arc<Desk>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let asked = form(&body);
    let kind = asked.get("grant_type").cloned().unwrap_or_default();
    desk.books().asked.push(kind.rsplit(':').next().unwrap_or_default().to_owned());
    let mut thumbprint = None;
    if let Some(proof) = headers.get("dpop").filter(|_| desk.rules.dpop) {
        let url = format!("{}/token", desk.url);
        let about = About { method: "POST", url: &url, token: None, nonce: desk.nonce() };
        let proof = proof.to_str().expect("a proof is text");
        match proof::check(proof, &about, &mut desk.books().proofs) {
            Ok(found) => thumbprint = Some(found),
            Err("another nonce") => return refuse("use_dpop_nonce", desk.nonce()),
            Err(_) => return refuse("invalid_dpop_proof", None),
        }
    }
    match redeem(&desk, &kind, &asked, thumbprint.as_deref()) {
        Ok(grant) => answer(200, &desk.grant(&grant, thumbprint.as_deref())),
        Err(error) => refuse(error, None),
    }
}

/// What is granted for what is brought: a code, once, or a refresh token.
fn redeem(
    desk: &Desk,
    kind: &str,
    asked: &HashMap<String, String>,
    thumbprint: Option<&str>,
) -> Result<HashMap<String, String>, &'static str> {
    let mut books = desk.books();
    let of = |name: &str| asked.get(name).map(String::as_str).unwrap_or_default();
    if of("client_id") != CLIENT {
        return Err("invalid_client");
    }
    match kind.rsplit(':').next() {
        Some("authorization_code") => {
            let grant = books.codes.remove(of("code")).ok_or("invalid_grant")?;
            let is_right = grant["code_challenge"] == hashed(of("code_verifier"))
                && grant["redirect_uri"] == of("redirect_uri")
                && grant["resource"] == of("resource")
                && grant.get("dpop_jkt").map(String::as_str) == thumbprint;
            if is_right { Ok(grant) } else { Err("invalid_grant") }
        }
        Some("device_code") => {
            if std::mem::take(&mut books.is_told_to_slow_down) {
                return Err("slow_down");
            }
            let found = books.devices.iter().find(|(_, it)| it.code == of("device_code"));
            let (user_code, waiting) = found.ok_or("invalid_grant")?;
            let (user_code, grant) = (user_code.clone(), waiting.asked.clone());
            match waiting.said {
                None => Err("authorization_pending"),
                Some(Said::No) => Err("access_denied"),
                Some(Said::Yes) => {
                    books.devices.remove(&user_code);
                    Ok(grant)
                }
            }
        }
        Some("refresh_token") => {
            let token = of("refresh_token").to_owned();
            if books.spent.contains(&token) {
                // It was stolen, or lost; who has it cannot be told apart (RFC 9700).
                books.refresh.clear();
            }
            let grant = books.refresh.remove(&token).ok_or("invalid_grant")?;
            books.spent.insert(token);
            let is_right = grant["thumbprint"] == thumbprint.unwrap_or_default()
                && grant["resource"] == of("resource");
            if is_right { Ok(grant) } else { Err("invalid_grant") }
        }
        _ => Err("unsupported_grant_type"),
    }
}

/// A token for a job, for whomever it asks for.
pub(super) async fn job(
    State(desk): State<Arc<Desk>>,
    RawQuery(query): RawQuery,
) -> Response<Body> {
    let asked = form(query.unwrap_or_default().as_bytes());
    let now = Timestamp::now().as_second();
    let token = desk.sign(&json!({
        "iss": desk.url, "sub": "repo:acme/weather", "aud": asked["audience"],
        "iat": now, "exp": now + 300,
    }));
    desk.books().secrets.push(token.clone());
    answer(200, &json!({ "value": token }))
}

pub(super) async fn revoke(State(desk): State<Arc<Desk>>, body: Bytes) -> StatusCode {
    let asked = form(&body);
    let mut books = desk.books();
    books.asked.push("revoke".to_owned());
    books.refresh.remove(&asked["token"]);
    StatusCode::OK
}
