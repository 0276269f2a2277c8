//! Setting a witness up, and what it takes from the network.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use mcpkg_core::Code;

use super::{NAME, Place, add, command, log};
use crate::process::Process;

#[test]
fn a_key_is_its_owners_alone() {
    let place = Place::new();
    let key = place.path("key");
    let mode = |mode| fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    for readable in [0o640, 0o604, 0o660] {
        mode(readable);
        let text = String::from_utf8(place.fail().stderr).unwrap();
        assert!(text.contains("can be read by other users"), "{text}");
        assert!(!text.contains("PRIVATE"), "{text}");
    }
    mode(0o600);
    drop(place.start());

    let init = ["witness", "init", "--name", NAME, "--key", "key"];
    let before = fs::read(&key).unwrap();
    let output = command(&place.folder, &init).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(fs::read(&key).unwrap(), before, "a key is never overwritten");
    let bad = ["witness", "init", "--name", "two words", "--key", "key2"];
    assert!(!command(&place.folder, &bad).output().unwrap().status.success());
    assert!(!place.path("key2").exists());
}

#[test]
fn what_makes_no_sense_in_the_configuration_is_named() {
    let place = Place::new();
    let key = log().key.verifier();
    for (logs, more, expected) in [
        (vec![], "", "`log` is empty"),
        (vec![key.as_cosigner()], "", "expected a key of type 0x01"),
        (vec![key.clone()], "request_seconds = 0", "`request_seconds` is 0"),
        (vec![key.clone()], "stat = 'x'", "unknown field `stat`"),
    ] {
        place.configure(&logs, more);
        let text = String::from_utf8(place.fail().stderr).unwrap();
        assert!(text.contains("error[E_CONFIG]") && text.contains(expected), "{text}");
    }
    fs::remove_file(place.path("key")).unwrap();
    place.configure(&[key], "");
    let text = String::from_utf8(place.fail().stderr).unwrap();
    assert!(text.contains("hint: `mcpkg-registry witness init` makes a key"), "{text}");
}

#[test]
fn a_request_has_to_arrive_in_time_and_whole() {
    let place = Place::new();
    place.configure(&[log().key.verifier()], "request_seconds = 1");
    let process = place.start();
    let address = process.http.url().strip_prefix("http://").unwrap().to_owned();
    let send = |head: &str, body: &str, end: bool| {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let head =
            format!("POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{head}");
        stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).unwrap();
        if end {
            stream.shutdown(std::net::Shutdown::Write).unwrap();
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap_or_default().to_owned()
    };
    assert_eq!(send("Content-Length: 9", "old 0\n", false), "408", "it stops");
    let endless = "10000\r\n".to_owned() + &"x".repeat(0x10000) + "\r\n1\r\nx\r\n";
    assert_eq!(send("Transfer-Encoding: chunked", &endless, false), "413", "it never ends");
    // Cut: there may be nobody left to read the answer, and nothing is signed.
    let whole = log().request(0, 5).to_string();
    send(&format!("Content-Length: {}", whole.len() + 1), &whole, true);
    place.signed_at(&add(&process, &log().request(0, 5)), &log().checkpoint(5));
}

#[test]
fn it_has_one_address() {
    let place = Place::new();
    let file = place.path("address");
    let process = Process::start(place.command().arg("--address-file").arg(&file));
    assert_eq!(process.http.get("/healthz").status, 200);
    assert_eq!(process.http.get("/add-checkpoint").outcome(), (405, Some(Code::Request)));
    assert_eq!(process.http.get("/v1/log").outcome(), (404, Some(Code::NotFound)));
    let url = process.http.url().to_owned();
    assert!(process.terminate().success());
    assert_eq!(format!("http://{}", fs::read_to_string(file).unwrap()), format!("{url}\n"));
}
