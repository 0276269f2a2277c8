//! GitHub's issuer of tokens, for one program: a proxy that answers for
//! `token.actions.githubusercontent.com`, and knows no other name.
//!
//! Fulcio looks up an issuer's keys at the issuer's own address, so a token that
//! says `iss: https://token.actions.githubusercontent.com` can only be tested
//! where that name leads. The proxy and its certificate are in the environment
//! of that one Fulcio, and of nothing else.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;

use mcpkg_test_support::sigstore::GITHUB_ISSUER;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;

use crate::Result;

/// The proxy. Its thread ends with the program.
pub(crate) struct Issuer {
    /// Where it is: `http://127.0.0.1:port`.
    pub(crate) proxy: String,
    /// The certificate that it answers with, in PEM.
    pub(crate) certificate: String,
}

impl Issuer {
    /// Answers with a discovery document that names `keys` as the address of
    /// the issuer's keys.
    pub(crate) fn start(keys: &str) -> Result<Self> {
        let host = GITHUB_ISSUER.trim_start_matches("https://");
        let key = rcgen::KeyPair::generate()?;
        let certificate = rcgen::CertificateParams::new([host.to_owned()])?.self_signed(&key)?;
        let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)?;
        let config = Arc::new(config);
        let document = json!({
            "issuer": GITHUB_ISSUER,
            "jwks_uri": keys,
            "id_token_signing_alg_values_supported": ["ES256"],
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
        })
        .to_string();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let proxy = format!("http://{}", listener.local_addr()?);
        let target = format!("CONNECT {host}:443 ");
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Whoever asks for something else, or hangs up, gets nothing;
                // Fulcio then says that it knows no issuer.
                let _ = answer(stream, &config, &target, &document);
            }
        });
        Ok(Self { proxy, certificate: certificate.pem() })
    }
}

fn answer(
    mut stream: TcpStream,
    config: &Arc<ServerConfig>,
    target: &str,
    document: &str,
) -> Result<()> {
    if !read_head(&mut stream)?.starts_with(target) {
        stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")?;
        return Ok(());
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    let mut stream = StreamOwned::new(ServerConnection::new(Arc::clone(config))?, stream);
    let head = read_head(&mut stream)?;
    let is_known = head.starts_with("GET /.well-known/openid-configuration ");
    let (status, body) = if is_known { ("200 OK", document) } else { ("404 Not Found", "") };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{body}"
    )?;
    stream.conn.send_close_notify();
    stream.flush()?;
    Ok(())
}

/// The head of a request without a body.
fn read_head(stream: &mut impl std::io::Read) -> Result<String> {
    // The client waits for the answer, so no byte of what follows is lost here.
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    loop {
        let start = head.len();
        if reader.read_line(&mut head)? == 0 || head[start..].trim().is_empty() {
            return Ok(head);
        }
    }
}
