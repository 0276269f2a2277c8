//! What the schema itself holds every writer to.

use std::time::Duration;

use tempfile::TempDir;

use super::{Store, is_recent_enough};

/// One release, `acme/weather` 1.0.0, written as `publish` would.
const SEED: &str = "
    insert into package values (1, 'acme/weather', 'acme/weather', '2026-11-01T00:00:00Z');
    insert into binding values (1, 1, '{}', null, null, null, '2026-11-01T00:00:00Z');
    insert into blob values ('sha256:00', 1, zeroblob(32)), ('sha256:01', 262145, zeroblob(64));
    insert into release values
        (1, 1, '1.0.0', 'sha256:00', '{}', '2026-11-01T00:00:00Z', '', '', 'active');
    insert into artifact values (1, 'any', 'sha256:01', 'tree-sha256:00', 262145);
    insert into evidence values (1, 0, 'sha256:00');
    insert into entry values (0, 'publish', 1, 1, null, null, null);
    update log set size = 1, root = 'x';";

async fn seeded() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("db"), Duration::from_secs(5)).await.unwrap();
    sqlx::raw_sql(SEED).execute(&store.writer).await.unwrap();
    (folder, store)
}

#[tokio::test]
async fn what_is_published_stays_as_it_is() {
    let (_folder, store) = seeded().await;
    for (sql, refused) in [
        ("update package set name = 'acme/news'", "a package keeps its name"),
        ("delete from package", "a package is permanent"),
        ("update binding set publisher = '{\"a\":1}'", "a binding stays as it was logged"),
        ("delete from binding", "a binding stays as it was logged"),
        ("update blob set size_bytes = 2", "a blob is its digest"),
        ("delete from blob", "a blob of a release is permanent"),
        ("update release set metadata = 'sha256:01'", "only status may change"),
        ("update release set version = '1.0.1'", "only status may change"),
        ("update release set published_at = ''", "only status may change"),
        ("delete from release", "yank it instead"),
        (
            "insert or replace into release
             values (2, 1, '1.0.0', 'sha256:01', '{}', '2026-11-01T00:00:00Z', '', '', 'active')",
            "yank it instead",
        ),
        ("update artifact set digest = 'sha256:00'", "a release keeps its artifacts"),
        ("delete from artifact", "a release keeps its artifacts"),
        (
            "insert into artifact values (1, 'linux-x86_64', 'sha256:00', 'tree-sha256:00', 1)",
            "a release keeps its artifacts",
        ),
        ("update evidence set bundle = 'sha256:01'", "a release keeps its evidence"),
        ("delete from evidence", "a release keeps its evidence"),
        ("insert into evidence values (1, 1, 'sha256:01')", "a release keeps its evidence"),
        ("update entry set log_index = 1", "an entry stays as it was logged"),
        ("delete from entry", "an entry stays as it was logged"),
        ("update log set size = 0", "the log only grows"),
        ("update log set root = 'y'", "the log only grows"),
        ("delete from log", "the log only grows"),
    ] {
        let error = sqlx::query(sql).execute(&store.writer).await.unwrap_err();
        assert!(error.to_string().contains(refused), "{sql}: {error}");
    }
    sqlx::query("update release set status = 'yanked'")
        .execute(&store.writer)
        .await
        .expect("a release can be yanked");
}

#[tokio::test]
async fn what_makes_no_sense_cannot_be_written() {
    let (_folder, store) = seeded().await;
    for sql in [
        // The same name in another case, and a name that looks the same.
        "insert into package values (2, 'Acme/Weather', 'other', '')",
        "insert into package values (2, 'acme/other', 'acme/weather', '')",
        // The same version twice, an unknown status, a blob that is not there.
        "insert into release values (2, 1, '1.0.0', 'sha256:00', '{}', '', '', '', 'active')",
        "insert into release values (2, 1, '1.0.1', 'sha256:00', '{}', '', '', '', 'lost')",
        "insert into release values (2, 1, '1.0.1', 'sha256:ff', '{}', '', '', '', 'active')",
        "insert into release values (2, 9, '1.0.1', 'sha256:00', '{}', '', '', '', 'active')",
        "insert into release values (2, 1, '1.0.1', 'sha256:00', 'x', '', '', '', 'active')",
        // Statements without what makes one, and a publish with it.
        "insert into entry values (1, 'status', 1, 1, null, '{}', 'sha256:00')",
        "insert into entry values (1, 'status', 1, null, 'yanked', '{}', 'sha256:00')",
        "insert into entry values (1, 'status', 1, 1, 'yanked', null, 'sha256:00')",
        "insert into entry values (1, 'status', 1, 1, 'yanked', '{}', null)",
        "insert into entry values (1, 'binding', 1, 1, null, '{}', 'sha256:00')",
        "insert into entry values (1, 'audit', 1, 1, 'x', '{}', 'sha256:00')",
        "insert into entry values (1, 'publish', 1, 1, null, null, null)",
        // Digests of chunks that do not fit, an empty blob, a text for a number.
        "insert into blob values ('sha256:02', 262145, zeroblob(32))",
        "insert into blob values ('sha256:02', 0, zeroblob(0))",
        "insert into blob values ('sha256:02', 'one', zeroblob(32))",
    ] {
        assert!(sqlx::query(sql).execute(&store.writer).await.is_err(), "{sql}");
    }
}

#[tokio::test]
async fn readers_cannot_write() {
    let (_folder, store) = seeded().await;
    let sql = "update release set status = 'yanked'";
    assert!(sqlx::query(sql).execute(&store.reader).await.is_err());
}

#[tokio::test]
async fn a_value_that_does_not_parse_is_corrupt_and_never_a_default() {
    let (_folder, store) = seeded().await;
    let name = "acme/weather".parse().unwrap();
    let error = store.find_release(&name, &"1.0.0".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.to_string(), "release.metadata in the database is corrupt");
    let error = store.bound_publisher(&name, jiff::Timestamp::UNIX_EPOCH).await.unwrap_err();
    assert_eq!(error.to_string(), "binding.publisher in the database is corrupt");
}

#[tokio::test]
async fn a_database_of_another_version_is_refused() {
    let (folder, store) = seeded().await;
    let sql = "update _sqlx_migrations set checksum = x'00'";
    sqlx::query(sql).execute(&store.writer).await.unwrap();
    store.close().await;
    let error = Store::open(&folder.path().join("db"), Duration::from_secs(5)).await.unwrap_err();
    assert_eq!(error.to_string(), "the schema of the database is not the one of this program");
}

#[test]
fn an_old_sqlite_is_refused() {
    for (version, accepted) in [
        ("3.51.3", true),
        ("3.54.1", true),
        ("4.0.0", true),
        ("3.51.2", false),
        ("3.9.99", false),
        ("3.51", false),
        ("", false),
    ] {
        assert_eq!(is_recent_enough(version), accepted, "{version:?}");
    }
}
