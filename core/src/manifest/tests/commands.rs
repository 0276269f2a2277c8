use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::manifest::{CommandError, ManifestError};
use crate::{Code, Coded, System};

#[derive(Deserialize)]
struct Case {
    line: Vec<String>,
    refused: Option<String>,
}

#[test]
fn only_what_was_signed_is_launched() {
    let cases: Vec<Case> = serde_json::from_str(COMMANDS).unwrap();
    assert!(cases.len() > 80);
    for Case { line, refused } in cases {
        let document = json!({
            "manifest_version": "0.3",
            "name": "x", "version": "1.0.0", "description": "x", "author": { "name": "x" },
            "server": {
                "type": "binary",
                "entry_point": "x",
                "mcp_config": { "command": line[0], "args": line[1..] },
            },
            "user_config": { "text": { "type": "string", "title": "x" } },
        });
        let manifest = Manifest::read(document.to_string().as_bytes()).unwrap();
        let err = manifest.check_command(System::Linux).err();
        assert_eq!(err.as_ref().map(ToString::to_string), refused, "{line:?}");
        if let Some(err) = err {
            assert_eq!(err.code(), Code::Manifest);
            assert!(err.hint().is_some());
        }
    }
}

#[test]
fn a_real_manifest_that_resolves_at_launch_is_read_but_not_launched() {
    let uvx = with(LEGACY, "/server/mcp_config/command", Some(json!("uvx")));
    let manifest = Manifest::read(&uvx).unwrap();
    let resolves = CommandError::ResolvesAtLaunch("uvx".to_owned());
    assert_eq!(manifest.check_command(System::Linux), Err(resolves));
    assert_eq!(manifest.check_command(System::Windows), Ok(()), "that system has another command");
    let err = manifest.check_against_paths(["server/weather"].into_iter()).unwrap_err();
    assert!(matches!(err, ManifestError::Command(_)));
}
