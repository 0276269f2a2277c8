//! That nothing of the audit log goes away or changes unseen.

use std::time::Duration;

use mcpkg_core::{Code, Coded as _};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use tempfile::TempDir;
use tokio::net::{TcpListener, UdpSocket, UnixDatagram};

use super::{Audit, AuditEvent, AuditFile, DATABASE, Outcome, export};
use crate::config::{Config, ConfigFile, Overrides, SyslogAddress};

const WAIT: Duration = Duration::from_secs(5);

fn event(actor: &str) -> AuditEvent {
    AuditEvent {
        actor: format!("User::\"sso/{actor}\""),
        action: "publish".to_owned(),
        resource: "Package::\"com.acme/weather\"".to_owned(),
        outcome: Outcome::Denied,
        policies: vec!["night".to_owned()],
        reason: None,
    }
}

async fn open(folder: &TempDir, syslog: Option<SyslogAddress>) -> Audit {
    Audit::open(&AuditFile { syslog }, folder.path(), WAIT).await.unwrap()
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
    let audit = open(&folder, None).await;
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
    let audit = open(&folder, None).await;
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
    let audit = open(&folder, None).await;
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
        let audit = open(&folder, None).await;
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
async fn a_syslog_is_sent_each_record() {
    let folder = tempfile::tempdir().unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = format!("udp://{}", udp.local_addr().unwrap());
    let audit = open(&folder, Some(address.parse().unwrap())).await;
    audit.record(event("ålice")).await.unwrap();
    let mut buffer = [0; 4096];
    let length = udp.recv(&mut buffer).await.unwrap();
    is_syslog(std::str::from_utf8(&buffer[..length]).unwrap());

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let unix = UnixDatagram::bind(&path).unwrap();
    let audit = open(&folder, Some(SyslogAddress::Unix(path))).await;
    audit.record(event("ålice")).await.unwrap();
    let length = unix.recv(&mut buffer).await.unwrap();
    is_syslog(std::str::from_utf8(&buffer[..length]).unwrap());

    let folder = tempfile::tempdir().unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("tcp://{}", tcp.local_addr().unwrap());
    let audit = open(&folder, Some(address.parse().unwrap())).await;
    audit.record(event("ålice")).await.unwrap();
    let (mut stream, _) = tcp.accept().await.unwrap();
    let length = tokio::io::AsyncReadExt::read(&mut stream, &mut buffer).await.unwrap();
    let text = std::str::from_utf8(&buffer[..length]).unwrap();
    let (length, message) = text.split_once(' ').unwrap();
    assert_eq!(length.parse::<usize>().unwrap(), message.len());
    is_syslog(message);
}

/// RFC 5424: priority 108 is a warning of the facility `log audit`.
#[track_caller]
fn is_syslog(message: &str) {
    assert!(message.starts_with("<108>1 2"), "{message}");
    assert!(message.contains(" - mcpkg-registry "), "{message}");
    assert!(message.contains(" audit - {\"id\":1,"), "{message}");
    assert!(message.is_ascii() && message.contains("\\u00e5lice"), "{message}");
}

#[tokio::test]
async fn a_syslog_that_is_gone_holds_nobody_and_loses_nothing_here() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = SyslogAddress::Unix(folder.path().join("nobody"));
    let audit = open(&folder, Some(nobody)).await;
    // More than wait to be sent; none of them ever is.
    for _ in 0..3 {
        audit.record(event("alice")).await.unwrap();
    }
    audit.close().await;
    assert_eq!(exported(&folder).await.unwrap().len(), 3);
}

#[tokio::test]
async fn what_waits_is_bounded_and_what_is_lost_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let audit = open(&folder, None).await;
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
