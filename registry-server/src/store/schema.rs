//! The schema of the database, and whether a database has it.

use sqlx::SqlSafeStr;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::SqlitePool;

use super::StoreError;

/// A migration: its number, its name and its text.
type Step = (i64, &'static str, &'static str);

/// Every migration of the registry's database, oldest first. One that was released never changes: a
/// database remembers the checksum of each, and is refused if one differs.
pub(super) const REGISTRY: &[Step] = &[
    (1, "packages", include_str!("../../../migrations/sqlite/0001_packages.sql")),
    (2, "listed", include_str!("../../../migrations/sqlite/0002_listed.sql")),
    (3, "mirror", include_str!("../../../migrations/sqlite/0003_mirror.sql")),
    (4, "admission", include_str!("../../../migrations/sqlite/0004_admission.sql")),
    (5, "shown", include_str!("../../../migrations/sqlite/0005_shown.sql")),
    (6, "withdrawn", include_str!("../../../migrations/sqlite/0006_withdrawn.sql")),
    (7, "stopped", include_str!("../../../migrations/sqlite/0007_stopped.sql")),
];

/// Those of what was audited.
pub(super) const AUDIT: &[Step] = &[
    (1, "audit", include_str!("../../../migrations/audit/0001_audit.sql")),
    (2, "relay", include_str!("../../../migrations/audit/0002_relay.sql")),
];

/// Brings the database up to date.
pub(super) async fn migrate(writer: &SqlitePool, steps: &[Step]) -> Result<(), StoreError> {
    let migrations = steps.iter().map(|&(version, description, sql)| {
        Migration::new(
            version,
            description.into(),
            MigrationType::Simple,
            SqlSafeStr::into_sql_str(sql),
            false,
        )
    });
    Migrator::with_migrations(migrations.collect()).run(writer).await.map_err(|error| match error {
        MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) => source.into(),
        other => StoreError::Schema(Box::new(other)),
    })
}

/// Refuses a database that is not up to date, for those who only read.
pub(super) async fn refuse_other_schema(
    reader: &SqlitePool,
    steps: &[Step],
) -> Result<(), StoreError> {
    let found: Vec<i64> =
        sqlx::query_scalar("select version from _sqlx_migrations where success order by version")
            .fetch_all(reader)
            .await?;
    if found.iter().copied().eq(steps.iter().map(|&(version, ..)| version)) {
        Ok(())
    } else {
        Err(StoreError::Schema(format!("it has the migrations {found:?}").into()))
    }
}
