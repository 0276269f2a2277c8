//! What is in artifacts, as far as policy asks.

use std::collections::HashMap;

use mcpkg_core::{Digest, PackageName};
use serde_json::Value;

use super::error::corrupt;
use super::row::parse;
use super::{Store, StoreError};

impl Store {
    /// What is in an artifact, if it was looked into.
    pub(crate) async fn inspection(&self, digest: Digest) -> Result<Option<Value>, StoreError> {
        let body: Option<String> =
            sqlx::query_scalar("select body from inspection where digest = ?")
                .bind(digest.to_string())
                .fetch_optional(&self.reader)
                .await?;
        let read = |body: String| serde_json::from_str(&body).map_err(corrupt("inspection.body"));
        body.map(read).transpose()
    }

    /// Keeps what is in an artifact.
    pub(crate) async fn keep_inspection(
        &self,
        digest: Digest,
        body: &Value,
    ) -> Result<(), StoreError> {
        sqlx::query("insert into inspection values (?, ?) on conflict (digest) do update set body = excluded.body")
            .bind(digest.to_string())
            .bind(body.to_string())
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// What is in each artifact of a package that was looked into.
    pub(crate) async fn inspections_of(
        &self,
        name: &PackageName,
    ) -> Result<HashMap<Digest, Value>, StoreError> {
        let rows: Vec<(String, String)> = sqlx::query_as(
            "select digest, body from inspection
              where digest in (select artifact.digest from artifact join release using (release_id)
                                 join package using (package_id) where package.name = ?)",
        )
        .bind(name.as_str())
        .fetch_all(&self.reader)
        .await?;
        let read = |(digest, body): (String, String)| {
            let body = serde_json::from_str(&body).map_err(corrupt("inspection.body"))?;
            Ok((parse("inspection.digest", &digest)?, body))
        };
        rows.into_iter().map(read).collect()
    }
}
