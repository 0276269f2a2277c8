//! Which texts are taken for secrets, and which are not.

use serde_json::json;

use super::*;

fn found(entry: &Value) -> Vec<String> {
    literals(entry).iter().map(|it| format!("{:?}", it.site)).collect()
}

#[test]
fn secrets_are_found_by_what_they_are_called_and_look_like() {
    let token = "ghp_0123456789abcdefghijABCDEFGHIJ012345";
    for (name, text) in [
        ("GITHUB_PERSONAL_ACCESS_TOKEN", token),
        ("ANYTHING", token),
        ("ANYTHING", "sk-proj-0123456789abcdefghij"),
        ("ANYTHING", "xoxb-1234567890-abcdefghij"),
        ("ANYTHING", "AKIA0123456789ABCDEF"),
        ("DB_PASSWORD", "correct horse battery"),
        ("MY_API_KEY", "0000-1111-2222"),
        ("DATABASE_URL", "postgres://u:s3cr3tpass@db.example/x"),
        ("ANYTHING", "8f14e45fceea167a5a36dedd4bea2543aa31"),
    ] {
        let entry = json!({ "command": "npx", "env": { name: text } });
        assert_eq!(found(&entry), [format!("Environment({name:?})")], "{name}={text}");
        let shown = format!("{:?}", literals(&entry));
        assert!(!shown.contains(text), "{shown}");
    }
}

#[test]
fn what_is_no_secret_or_a_reference_is_left_alone() {
    for (name, text) in [
        ("GITHUB_TOKEN", "${GITHUB_TOKEN}"),
        ("GITHUB_TOKEN", "$GITHUB_TOKEN"),
        ("GITHUB_TOKEN", "${env:GITHUB_TOKEN}"),
        ("GITHUB_TOKEN", "${input:token}"),
        ("GITHUB_TOKEN", "{env:GITHUB_TOKEN}"),
        ("GITHUB_TOKEN", "op://vault/item/field"),
        ("GITHUB_TOKEN", "store:github"),
        ("GITHUB_TOKEN", "<your token>"),
        ("GITHUB_TOKEN", "YOUR_TOKEN_HERE"),
        ("GITHUB_TOKEN", "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx1"),
        ("GITHUB_TOKEN", ""),
        ("TOKEN_FILE", "/run/secrets/token"),
        ("MAX_TOKENS", "100000000"),
        ("API_KEY_NAME", "production-key"),
        ("NODE_ENV", "production"),
        ("PROJECT", "a2b7c3d4-0011-4223-8899-aabbccddeeff"),
        ("MODEL", "claude-sonnet-4-5-20250929"),
        ("URL", "https://registry.example/v1/some/long/path/2024"),
        ("NODE_OPTIONS", "--max-old-space-size=4096"),
    ] {
        let entry = json!({ "command": "npx", "env": { name: text } });
        assert_eq!(found(&entry), [""; 0], "{name}={text}");
    }
}

#[test]
fn headers_and_arguments_are_looked_at_too() {
    let entry = json!({
        "url": "https://mcp.example/",
        "headers": { "Authorization": "Bearer abcdefgh1234", "Accept": "application/json" },
        "args": [
            "-y", "@acme/server@1.2.3", "--api-key", "abcdefgh1234", "--token=abcdefgh1234",
            "--token", "--verbose", "/home/u/password",
        ],
    });
    let literals = literals(&entry);
    let shown: Vec<_> =
        literals.iter().map(|it| (it.pointer.as_str(), it.before.as_str())).collect();
    assert_eq!(
        shown,
        [("/headers/Authorization", "Bearer "), ("/args/3", ""), ("/args/4", "--token=")]
    );
    assert!(literals.iter().all(|it| it.text.as_str() == "abcdefgh1234"));
}
