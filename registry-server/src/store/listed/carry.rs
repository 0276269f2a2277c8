//! Taking entries that are not ours from one database into another, beside what
//! [`Store::carry_over`] and [`Store::carry_over_words`] take.
//!
//! The log knows nothing of them, so a database that is made again from it has none.

use std::path::Path;

use crate::store::{Store, StoreError};

const TAKE_OVER: [&str; 4] = [
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
    /// Takes over what the database at `earlier` lists that is not ours: all of it or
    /// nothing. This one lists no such thing yet.
    pub(crate) async fn carry_over_listed(&self, earlier: &Path) -> Result<(), StoreError> {
        let mut connection = self.writer.acquire().await?;
        sqlx::query("attach database ? as earlier")
            .bind(earlier.display().to_string())
            .execute(&mut *connection)
            .await?;
        sqlx::query("begin immediate").execute(&mut *connection).await?;
        let mut taken = Ok(());
        for statement in TAKE_OVER {
            if taken.is_ok() {
                taken = sqlx::query(statement).execute(&mut *connection).await.map(drop);
            }
        }
        let end = if taken.is_ok() { "commit" } else { "rollback" };
        sqlx::query(end).execute(&mut *connection).await?;
        sqlx::query("detach database earlier").execute(&mut *connection).await?;
        Ok(taken?)
    }
}
