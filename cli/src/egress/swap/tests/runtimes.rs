//! Runtimes that people write servers in, as they come: each trusts the authority of
//! a launch by its variable alone.

use std::process::Command;

use super::{Certificate, NAME, OK, SECRET, Trust, stage};

/// Asks for `/` with the placeholder, and prints the status.
const NODE: &str = r#"
const [host, address, port, key] = process.argv.slice(1);
const options = { host: address, port, servername: host,
    headers: { Host: `${host}:${port}`, Authorization: `Bearer ${key}` } };
require("https").get(options, (answer) => { console.log(answer.statusCode); process.exit(); })
    .on("error", (error) => { console.log(error.code); process.exit(1); });
"#;

const PYTHON: &str = r#"
import socket, ssl, sys
host, address, port, key = sys.argv[1:]
raw = socket.create_connection((address, int(port)))
tls = ssl.create_default_context().wrap_socket(raw, server_hostname=host)
tls.sendall(f"GET / HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {key}\r\n\r\n".encode())
print(tls.recv(1000).split()[1].decode())
"#;

#[test]
fn common_runtimes_trust_the_authority_by_its_variable_and_not_without() {
    for (program, arguments) in [
        ("curl", vec!["-sS", "-o", "/dev/null", "-w", "%{http_code}"]),
        ("node", vec!["-e", NODE]),
        ("python3", vec!["-c", PYTHON]),
    ] {
        if !Command::new(program).arg("--version").output().is_ok_and(|it| it.status.success()) {
            eprintln!("skipped: no {program} here");
            continue;
        }
        let stage = stage(Certificate::Right, OK);
        let (address, port) = (stage.inside.ip().to_string(), stage.inside.port().to_string());
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let additional = file("additional.pem", &stage.trust.additional_pem);
        let instead = file("instead.pem", &stage.trust.instead_pem);
        let mut command = Command::new(program);
        command.args(&arguments);
        if program == "curl" {
            command
                .args(["-H", &format!("Authorization: Bearer {}", stage.placeholder)])
                .args(["--resolve", &format!("{NAME}:{port}:{address}")])
                .arg(format!("https://{NAME}:{port}/"));
        } else {
            command.args([NAME, &address, &port, &stage.placeholder]);
        }
        let untrusting = command.output().unwrap();
        assert!(
            !String::from_utf8_lossy(&untrusting.stdout).contains("200"),
            "{program} trusts us unasked"
        );
        command.envs(Trust::environment(&additional, &instead));
        let output = command.output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "200", "{program}: {output:?}");
        let (received, denials) = stage.end();
        assert!(received.contains(&format!("Bearer {SECRET}")), "{program}: {received}");
        assert_eq!(denials.len(), 1, "the one that did not trust us: {denials:?}");
    }
}
