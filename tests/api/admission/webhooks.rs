//! Who is told what happens: signed, at least once, and nobody else.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use mcpkg_test_support::Draft;
use serde_json::Value;

use super::{ALL, Stage, forbid};
use crate::NAME;

/// How long to wait for a message before the test fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// Somebody who is told: answers each request with the next status, the last one for
/// ever.
pub(super) struct Receiver {
    url: String,
    messages: mpsc::Receiver<Message>,
}

/// A message as it came.
pub(super) struct Message {
    headers: BTreeMap<String, String>,
    body: String,
}

impl Receiver {
    pub(super) fn start(statuses: &'static [u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (tell, messages) = mpsc::channel();
        std::thread::spawn(move || {
            for (at, stream) in listener.incoming().enumerate() {
                let mut stream = stream.unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut lines = reader.by_ref().lines().map_while(Result::ok);
                let head: Vec<String> =
                    lines.by_ref().take_while(|line| !line.is_empty()).collect();
                let headers: BTreeMap<String, String> = head
                    .iter()
                    .filter_map(|line| line.split_once(": "))
                    .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                    .collect();
                let length = headers["content-length"].parse().unwrap();
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                let status = statuses[at.min(statuses.len() - 1)];
                let answer = format!(
                    "HTTP/1.1 {status} x\r\nlocation: /elsewhere\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                );
                stream.write_all(answer.as_bytes()).unwrap();
                let body = String::from_utf8(body).unwrap();
                // Nobody listens any more when the test is over.
                drop(tell.send(Message { headers, body }));
            }
        });
        Self { url, messages }
    }

    pub(super) fn next(&self) -> Message {
        self.messages.recv_timeout(PATIENCE).expect("a message comes")
    }
}

impl Message {
    pub(super) fn kind(&self) -> String {
        let body: Value = serde_json::from_str(&self.body).unwrap();
        body["type"].as_str().unwrap().to_owned()
    }

    /// To what it happened.
    pub(super) fn data(&self) -> Value {
        let body: Value = serde_json::from_str(&self.body).unwrap();
        body["data"].clone()
    }

    /// Whether the key has signed it, as Standard Webhooks say.
    fn is_signed_by(&self, key: &str) -> bool {
        let key: [u8; 32] = STANDARD
            .decode(key.trim_end().strip_prefix("whpk_").unwrap())
            .unwrap()
            .try_into()
            .unwrap();
        let signature = self.headers["webhook-signature"].strip_prefix("v1a,").unwrap();
        let signature = Signature::from_slice(&STANDARD.decode(signature).unwrap()).unwrap();
        let signed = format!(
            "{}.{}.{}",
            self.headers["webhook-id"], self.headers["webhook-timestamp"], self.body
        );
        VerifyingKey::from_bytes(&key).unwrap().verify_strict(signed.as_bytes(), &signature).is_ok()
    }
}

/// A stage with a webhook, and the key that its messages are verified with.
pub(super) fn stage(policies: &str, receiver: &Receiver, more: &str) -> (Stage, String) {
    let stage = Stage::new(policies);
    let made = stage.place.run(&["webhook", "key", "--key", "hook.key"]);
    assert!(made.status.success());
    stage.place.configure(&format!(
        "[[webhook]]\nname = 'ops'\nurl = '{}'\nkey = 'hook.key'\nprivate_addresses = true\n{more}",
        receiver.url
    ));
    (stage, String::from_utf8(made.stdout).unwrap())
}

#[test]
fn what_happens_is_told_signed_and_again_until_it_is_taken() {
    let receiver = Receiver::start(&[500, 302, 204]);
    let more = "events = ['release.published']\nretry_seconds = 1";
    let (stage, key) = stage(ALL, &receiver, more);
    let process = stage.place.serve();
    stage.publish(&process, &Draft::new(NAME, "1.0.0"));

    // Refused, redirected (which is followed nowhere), and taken: the same message.
    let messages = [receiver.next(), receiver.next(), receiver.next()];
    for message in &messages {
        assert_eq!(message.kind(), "release.published");
        assert!(message.is_signed_by(&key));
        assert_eq!(message.headers["webhook-id"], messages[0].headers["webhook-id"]);
        assert_eq!(message.body, messages[0].body);
    }
    // What was taken is not sent again, and what comes next is another message.
    stage.publish(&process, &Draft::new(NAME, "1.1.0"));
    let mut forged = receiver.next();
    assert_ne!(forged.headers["webhook-id"], messages[0].headers["webhook-id"]);
    let list = stage.place.json(&["webhook", "list"]).to_string();
    assert!(!list.contains(&messages[0].headers["webhook-id"]), "{list}");
    assert!(forged.is_signed_by(&key));
    forged.body = forged.body.replace("1.1.0", "1.1.1");
    assert!(!forged.is_signed_by(&key));
}

#[test]
fn only_what_was_asked_for_is_told() {
    let receiver = Receiver::start(&[200]);
    let events = "events = ['release.denied']";
    let never = forbid("never", "", "resource.version == \"1.1.0\"");
    let (stage, _) = stage(&format!("{ALL}{never}"), &receiver, events);
    let process = stage.place.serve();
    for version in ["1.0.0", "1.1.0"] {
        stage.publish(&process, &Draft::new(NAME, version));
    }
    let message = receiver.next();
    assert_eq!(message.kind(), "release.denied");
    assert!(message.body.contains("\"never\""), "{}", message.body);
}

#[test]
fn what_is_given_up_is_listed_and_tried_again_and_a_stop_forgets_nothing() {
    let receiver = Receiver::start(&[410, 200]);
    let (stage, _) = stage(ALL, &receiver, "");
    let process = stage.place.serve();
    stage.publish(&process, &Draft::new(NAME, "1.0.0"));
    let first = receiver.next();
    // The answer is kept after it was sent, so what is given up shows when it stops.
    assert!(process.terminate().success());
    let list = stage.place.json(&["webhook", "list"]);
    let given_up = &list["deliveries"][0];
    assert_eq!(given_up["message"], first.headers["webhook-id"]);
    assert_eq!(stage.place.json(&["webhook", "retry", "--webhook", "nobody"])["messages"], 0);
    assert_eq!(stage.place.json(&["webhook", "retry"])["messages"], 1);
    let _process = stage.place.serve();
    assert_eq!(receiver.next().headers["webhook-id"], first.headers["webhook-id"]);
}

#[test]
fn a_webhook_without_a_key_of_its_own_or_in_a_network_that_was_not_allowed_is_no_start() {
    let receiver = Receiver::start(&[200]);
    let (stage, _) = stage(ALL, &receiver, "");
    let text = std::fs::read_to_string(stage.place.folder().join("registry.toml")).unwrap();
    for (broken, code) in [
        (text.replace("private_addresses = true", ""), "E_CONFIG"),
        (text.replace("hook.key", "missing.key"), "E_STORAGE"),
        (text.replace("'ops'", "''"), "E_CONFIG"),
        (text.replace("name = 'ops'", "name = 'ops'\nevents = ['release.lost']"), "E_CONFIG"),
    ] {
        stage.write("registry.toml", &broken);
        let said = stage.place.refused(&["serve"], 1);
        assert!(said.contains(&format!("error[{code}]")), "{said}");
    }
}
