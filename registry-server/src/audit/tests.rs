//! That nothing of the audit log goes away or changes unseen.

use std::time::Duration;

use mcpkg_core::{Code, Coded as _};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use tempfile::TempDir;

use super::{Audit, AuditEvent, DATABASE, Outcome, export};
use crate::config::{Config, ConfigFile, Overrides};

const WAIT: Duration = Duration::from_secs(5);

pub(super) fn event(actor: &str) -> AuditEvent {
    AuditEvent {
        actor: format!("User::\"sso/{actor}\""),
        action: "publish".to_owned(),
        resource: "Package::\"com.acme/weather\"".to_owned(),
        outcome: Outcome::Denied,
        policies: vec!["night".to_owned()],
        reason: None,
    }
}

async fn open(folder: &TempDir) -> Audit {
    Audit::open(None, folder.path(), WAIT).await.unwrap()
}

fn config(folder: &TempDir) -> Config {
    let file = ConfigFile { trust_public_good: Some(false), ..ConfigFile::default() };
    let data = Some(folder.path().to_owned());
    file.resolve(&Overrides { data, ..Overrides::default() }).unwrap()
}

async fn exported(folder: &TempDir) -> Result<Vec<serde_json::Value>, super::AuditError> {
    let mut lines = Vec::new();
    export(&config(folder), None, &mut lines).await?;
    Ok(lines
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect())
}

/// The database as somebody opens it who has the file.
async fn tampered(folder: &TempDir, sql: &'static str) -> Result<(), sqlx::Error> {
    let options = SqliteConnectOptions::new().filename(folder.path().join(DATABASE));
    let pool = SqlitePool::connect_with(options).await?;
    let result = sqlx::raw_sql(sql).execute(&pool).await.map(drop);
    pool.close().await;
    result
}

#[tokio::test]
async fn what_was_recorded_and_noted_is_exported_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let audit = open(&folder).await;
    audit.record(event("alice")).await.unwrap();
    audit.note(event("bob").because("at night"));
    audit.close().await;
    let lines = exported(&folder).await.unwrap();
    let of = |field: &str| -> Vec<String> {
        lines.iter().map(|line| line[field].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(of("actor"), ["User::\"sso/alice\"", "User::\"sso/bob\""]);
    assert_eq!(of("reason"), ["", "at night"]);
    assert_eq!(of("outcome"), ["denied", "denied"]);
    assert_eq!(lines[0]["policies"], serde_json::json!(["night"]));
}

#[tokio::test]
async fn an_export_begins_where_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let audit = open(&folder).await;
    audit.record(event("alice")).await.unwrap();
    audit.close().await;
    for (since, expected) in [("2026-01-01T00:00:00Z", 1), ("2126-01-01T00:00:00Z", 0)] {
        let since = Some(since.parse().unwrap());
        let count = export(&config(&folder), since, &mut Vec::new()).await.unwrap();
        assert_eq!(count, expected, "{since:?}");
    }
}

#[tokio::test]
async fn the_audit_log_only_grows() {
    let folder = tempfile::tempdir().unwrap();
    let audit = open(&folder).await;
    audit.record(event("alice")).await.unwrap();
    audit.record(event("bob")).await.unwrap();
    for (sql, refused) in [
        ("update audit set actor = 'x'", "stays as it was written"),
        ("update audit set outcome = 'allowed' where audit_id = 1", "stays as it was written"),
        ("delete from audit", "stays as it was written"),
        ("delete from audit where audit_id = 2", "stays as it was written"),
        (
            "insert into audit select 9, at, actor, action, resource, outcome, policies, reason,
                    'sha256:' || hex(zeroblob(32)) from audit where audit_id = 1",
            "only grows, at its end",
        ),
    ] {
        let error = tampered(&folder, sql).await.unwrap_err();
        assert!(error.to_string().contains(refused), "{sql}: {error}");
    }
    audit.close().await;
    assert_eq!(exported(&folder).await.unwrap().len(), 2);
}

#[tokio::test]
async fn one_who_changes_the_file_past_the_triggers_is_found_out() {
    for (sql, at) in [
        ("drop trigger audit_is_immutable; update audit set actor = 'x' where audit_id = 2", 2),
        ("drop trigger audit_is_immutable; update audit set reason = 'x' where audit_id = 1", 1),
        ("drop trigger audit_is_permanent; delete from audit where audit_id = 1", 2),
        ("drop trigger audit_is_permanent; delete from audit where audit_id = 2", 3),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let audit = open(&folder).await;
        for actor in ["alice", "bob", "carol"] {
            audit.record(event(actor)).await.unwrap();
        }
        audit.close().await;
        tampered(&folder, sql).await.unwrap();
        let error = exported(&folder).await.unwrap_err();
        assert_eq!(error.code(), Code::Audit, "{sql}");
        assert!(error.to_string().contains(&format!("record {at} ")), "{sql}: {error}");
    }
}

#[tokio::test]
async fn what_waits_is_bounded_and_what_is_lost_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let audit = open(&folder).await;
    // One thread: nothing is written before the first await.
    let sent = super::WAITING + 7;
    for _ in 0..sent {
        audit.note(event("mallory"));
    }
    audit.close().await;
    let lines = exported(&folder).await.unwrap();
    let is_count = |line: &&serde_json::Value| line["actor"] == "Server";
    let counts: Vec<_> = lines.iter().filter(is_count).collect();
    assert_eq!(counts.len(), 1);
    assert!(counts[0]["reason"].as_str().unwrap().starts_with("7 denials"));
    assert_eq!(lines.len(), super::WAITING + 1);
}
