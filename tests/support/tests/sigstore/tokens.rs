//! Fulcio believes the issuer, and nobody else.

use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use mcpkg_test_support::sigstore::{Identity, TestSigstore};
use serde_json::{Value, json};
use sigstore_crypto::KeyPair;
use sigstore_sign::oidc::IdentityToken;
use sigstore_types::SignatureBytes;

use crate::release;

/// Asks for a certificate for a key; returns the status and the answer.
///
/// `proof` is the proof of possession, given the key.
async fn request_certificate_with(
    sigstore: &TestSigstore,
    token: &str,
    proof: impl FnOnce(&KeyPair) -> SignatureBytes,
) -> (u16, String) {
    let key = KeyPair::generate_ecdsa_p256().unwrap();
    let request = json!({
        "credentials": { "oidcIdentityToken": token },
        "publicKeyRequest": {
            "publicKey": { "content": key.public_key_der().unwrap().to_pem() },
            "proofOfPossession": proof(&key),
        },
    });
    let url = format!("{}/api/v2/signingCert", sigstore.url());
    let response = reqwest::Client::new().post(url).json(&request).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

async fn request_certificate(sigstore: &TestSigstore, token: &str) -> (u16, String) {
    request_certificate_with(sigstore, token, |key| key.sign(SUBJECT.as_bytes()).unwrap()).await
}

async fn get(url: String) -> Value {
    reqwest::get(url).await.unwrap().json().await.unwrap()
}

const SUBJECT: &str = "repo:acme@2001/weather@1001:ref:refs/tags/v1.2.0";

#[tokio::test]
async fn fulcio_refuses_every_bad_token() {
    let sigstore = TestSigstore::start();
    let good = sigstore.token(&release());
    let (status, _) = request_certificate(&sigstore, &good).await;
    assert_eq!(status, 201);

    let mut parts = good.split('.');
    let (header, claims) = (parts.next().unwrap(), parts.next().unwrap());
    let signature = parts.next().unwrap();
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    let with_header = |header: Value| {
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        format!("{}.{}.{signature}", encode(&header), encode(&claims))
    };
    let key_id = header["kid"].as_str().unwrap().to_owned();
    // The public key as an HMAC secret: the classic confusion of algorithms.
    let keys = get(format!("{}/.well-known/jwks", sigstore.url())).await;
    let public_key = keys["keys"][0]["x"].as_str().unwrap().to_owned();
    let hmac = jsonwebtoken::encode(
        &Header { kid: Some(key_id.clone()), ..Header::new(Algorithm::HS256) },
        &claims,
        &EncodingKey::from_secret(public_key.as_bytes()),
    )
    .unwrap();
    let stranger = TestSigstore::start();
    let now = jiff::Timestamp::now().as_second();

    for (reason, token, message) in [
        ("no algorithm", with_header(json!({ "alg": "none", "kid": key_id })), "unknown variant"),
        ("another algorithm", hmac, "InvalidAlgorithm"),
        ("no key id", with_header(json!({ "alg": "ES256" })), "the key is not the issuer's"),
        ("unknown key", stranger.token(&release()), "the key is not the issuer's"),
        ("audience", sigstore.token(&release().claim("aud", "npm")), "InvalidAudience"),
        ("expired", sigstore.token(&release().claim("exp", now - 1)), "ExpiredSignature"),
        ("no end", sigstore.token(&release().claim("exp", json!(null))), "Missing required claim"),
        ("not yet", sigstore.token(&release().claim("nbf", now + 60)), "ImmatureSignature"),
        ("issued later", sigstore.token(&release().claim("iat", now + 60)), "not issued"),
        ("no time", sigstore.token(&release().claim("iat", json!(null))), "not issued"),
        ("issuer", sigstore.token(&release().claim("iss", "https://a.test")), "InvalidIssuer"),
        (
            "no workflow",
            sigstore.token(&release().claim("job_workflow_ref", json!(null))),
            "no claim `job_workflow_ref`",
        ),
        (
            "unverified address",
            sigstore.token(&Identity::email("a@example.com").claim("email_verified", false)),
            "not verified",
        ),
        ("not a token", "hello".to_owned(), "InvalidToken"),
        (
            "other claims",
            good.replace(good.split('.').nth(1).unwrap(), &URL_SAFE_NO_PAD.encode(b"{}")),
            "InvalidSignature",
        ),
    ] {
        let (status, answer) = request_certificate(&sigstore, &token).await;
        assert_eq!(status, 401, "{reason}: {answer}");
        assert!(answer.contains(message), "{reason}: {answer}");
    }
}

#[tokio::test]
async fn fulcio_refuses_a_proof_of_possession_that_is_not_one() {
    let sigstore = TestSigstore::start();
    let token = sigstore.token(&release());
    let stranger = KeyPair::generate_ecdsa_p256().unwrap();
    let by_stranger = |_: &KeyPair| stranger.sign(SUBJECT.as_bytes()).unwrap();
    let of_another = |key: &KeyPair| key.sign(b"repo:evil/weather").unwrap();

    let (status, answer) = request_certificate_with(&sigstore, &token, by_stranger).await;
    assert_eq!(status, 400, "{answer}");
    let (status, answer) = request_certificate_with(&sigstore, &token, of_another).await;
    assert_eq!(status, 400, "{answer}");
}

#[tokio::test]
async fn a_github_job_gets_a_token_that_fulcio_accepts() {
    let sigstore = TestSigstore::start();
    let environment = sigstore.github_environment(&release());
    let variable = |name: &str| {
        let found = environment.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.clone()).unwrap()
    };
    assert_eq!(variable("GITHUB_ACTIONS"), "true");
    assert_eq!(variable("GITHUB_REPOSITORY"), "acme/weather");
    assert_eq!(variable("GITHUB_REF"), "refs/tags/v1.2.0");
    assert_eq!(
        variable("GITHUB_WORKFLOW_REF"),
        "acme/weather/.github/workflows/release.yml@refs/tags/v1.2.0"
    );

    let ask = async |request_token: &str| {
        reqwest::Client::new()
            .get(variable("ACTIONS_ID_TOKEN_REQUEST_URL"))
            .query(&[("audience", "sigstore")])
            .bearer_auth(request_token)
            .send()
            .await
            .unwrap()
    };
    assert_eq!(ask("another job").await.status(), 401);
    let answer = ask(&variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN")).await;
    let answer: Value = answer.json().await.unwrap();
    let (status, _) = request_certificate(&sigstore, answer["value"].as_str().unwrap()).await;
    assert_eq!(status, 201);
}

/// Runs itself again as a child, because a process cannot safely change its own
/// environment while other threads read it.
#[tokio::test]
async fn a_job_is_detected_from_its_environment() {
    const IS_CHILD: &str = "IS_CHILD";
    if std::env::var_os(IS_CHILD).is_some() {
        let token = IdentityToken::detect_ambient().await.unwrap().unwrap();
        assert_eq!(token.subject(), SUBJECT);
        return;
    }
    let sigstore = TestSigstore::start();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tokens::a_job_is_detected_from_its_environment"])
        .env_clear()
        .envs(sigstore.github_environment(&release()))
        .env(IS_CHILD, "true")
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&output.stdout);
    assert!(output.contains("1 passed"), "{output}");
}

#[tokio::test]
async fn the_issuer_can_be_discovered() {
    let sigstore = TestSigstore::start();
    let url = sigstore.url();
    let document = get(format!("{url}/.well-known/openid-configuration")).await;
    assert_eq!(document["issuer"], url);
    let keys = get(document["jwks_uri"].as_str().unwrap().to_owned()).await;
    assert_eq!(keys["keys"][0]["alg"], "ES256");
}
