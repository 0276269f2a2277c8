//! The schema of the database, and whether a database has it.

use sqlx::SqlSafeStr;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::SqlitePool;

use super::StoreError;

/// Every migration, oldest first. One that was released never changes: a
/// database remembers the checksum of each, and is refused if one differs.
const MIGRATIONS: &[(i64, &str, &str)] =
    &[(1, "packages", include_str!("../../../migrations/sqlite/0001_packages.sql"))];

/// Brings the database up to date.
pub(super) async fn migrate(writer: &SqlitePool) -> Result<(), StoreError> {
    let migrations = MIGRATIONS.iter().map(|&(version, description, sql)| {
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
pub(super) async fn refuse_other_schema(reader: &SqlitePool) -> Result<(), StoreError> {
    let found: Vec<i64> =
        sqlx::query_scalar("select version from _sqlx_migrations where success order by version")
            .fetch_all(reader)
            .await?;
    if found.iter().copied().eq(MIGRATIONS.iter().map(|&(version, ..)| version)) {
        Ok(())
    } else {
        Err(StoreError::Schema(format!("it has the migrations {found:?}").into()))
    }
}
