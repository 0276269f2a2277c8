//! Taking what no log says from one database into another: the log's index is made again
//! from the log, and the rest of it from here.

use std::path::Path;

use super::{Store, StoreError};

/// What a mirror remembers: which source a package came from.
const CLAIMS: &str = "insert into claim select * from earlier.claim";

/// Who fetched what.
const FETCHES: &str = "insert into fetch select * from earlier.fetch";

/// What people said.
const WORDS: [&str; 2] =
    ["insert into vote select * from earlier.vote", "insert into vex select * from earlier.vex"];

/// What is yet to be told, and what was told that still holds.
const NEWS: [&str; 3] = [
    "insert into stopped_source select * from earlier.stopped_source",
    "insert into event select * from earlier.event",
    "insert into delivery select * from earlier.delivery",
];

/// Which releases were listed, and since when they were withdrawn. Their rows are made again
/// from the log.
const LISTED_BEFORE: &str = "insert into listed_before
     select name_key, version, updated_at, withdrawn_at from earlier.server
      where release_id is not null and is_shown = 1";

/// Entries that are nobody's release.
const LISTED: [&str; 4] = [
    "insert into server_name (name, name_key)
     select name, name_key from earlier.server_name as one
      where not exists (select 1 from server_name where name_key = one.name_key)
        and exists (select 1 from earlier.server
                     where name_id = one.name_id and release_id is null)",
    "insert into server
         (name_id, name_key, version, source, published_by, document, evidence, oddities, status,
          status_message, status_changed_at, published_at, updated_at, is_latest, is_shown)
     select (select name_id from server_name where name_key = one.name_key), name_key, version,
            source, published_by, document, evidence, oddities, status, status_message,
            status_changed_at, published_at, updated_at, is_latest, is_shown
       from earlier.server as one where release_id is null",
    "insert into server_set_aside select * from earlier.server_set_aside",
    "insert into server_source select * from earlier.server_source",
];

impl Store {
    /// Takes over what a mirror remembers, from the database at `earlier`.
    pub(crate) async fn carry_over(&self, earlier: &Path) -> Result<(), StoreError> {
        self.take_over(earlier, &[CLAIMS, FETCHES]).await
    }

    /// Takes over what people said, and what is yet to be told. Before anything else was
    /// said.
    pub(crate) async fn carry_over_words(&self, earlier: &Path) -> Result<(), StoreError> {
        self.take_over(earlier, &[&WORDS[..], &NEWS].concat()).await
    }

    /// Takes over which releases were listed. Before the log is applied.
    pub(crate) async fn carry_over_listed_before(&self, earlier: &Path) -> Result<(), StoreError> {
        self.take_over(earlier, &[LISTED_BEFORE]).await
    }

    /// Takes over what is listed and is nobody's release. This one lists no such thing yet.
    pub(crate) async fn carry_over_listed(&self, earlier: &Path) -> Result<(), StoreError> {
        self.take_over(earlier, &LISTED).await
    }

    /// Takes over what a backup has beside the log: all of the above, but for who fetched
    /// what, which is of no use elsewhere, and what is told once.
    pub(crate) async fn carry_into_backup(&self, earlier: &Path) -> Result<(), StoreError> {
        self.take_over(earlier, &[&[CLAIMS, LISTED_BEFORE], &WORDS[..], &LISTED].concat()).await
    }

    /// All of it or nothing.
    async fn take_over(
        &self,
        earlier: &Path,
        statements: &[&'static str],
    ) -> Result<(), StoreError> {
        let mut connection = self.writer.acquire().await?;
        sqlx::query("attach database ? as earlier")
            .bind(earlier.display().to_string())
            .execute(&mut *connection)
            .await?;
        sqlx::query("begin immediate").execute(&mut *connection).await?;
        let mut taken = Ok(());
        for &statement in statements {
            if taken.is_ok() {
                taken = sqlx::query(statement).execute(&mut *connection).await.map(drop);
            }
        }
        let end = if taken.is_ok() { "commit" } else { "rollback" };
        sqlx::query(end).execute(&mut *connection).await?;
        // Without it, the connection would go on holding both files.
        sqlx::query("detach database earlier").execute(&mut *connection).await?;
        Ok(taken?)
    }
}
