//! What people said of releases: votes, and what does not matter of advisories.
//!
//! No log says it, so it cannot be made again.

use std::collections::HashMap;

use jiff::Timestamp;
use mcpkg_core::publisher::Publisher;
use mcpkg_core::review::Verdict;
use mcpkg_core::{Digest, PackageName, Version, vex};
use serde::{Deserialize, Serialize};

use super::error::corrupt;
use super::row::{parse, time, unsigned};
use super::{Store, StoreError};

/// What somebody says of a release.
#[derive(Clone, Debug)]
pub(crate) struct NewVote {
    /// Who, so that nobody counts twice.
    pub(crate) person: String,
    /// Who, for people.
    pub(crate) shown: String,
    /// What they say.
    pub(crate) verdict: Verdict,
    /// Why.
    pub(crate) reason: String,
    /// The policies that were in the way.
    pub(crate) policies: Vec<String>,
    /// What they had looked at.
    pub(crate) fingerprint: Digest,
}

/// The same, as it is kept.
#[derive(Clone, Debug)]
pub(crate) struct StoredVote {
    /// What was said.
    pub(crate) vote: NewVote,
    /// When.
    pub(crate) at: Timestamp,
}

/// What somebody said of advisories.
#[derive(Clone, Debug)]
pub(crate) struct StoredVex {
    /// For which version; every one, if none is named.
    pub(crate) version: Option<Version>,
    /// What they said.
    pub(crate) document: vex::Document,
    /// Who: a publisher, or the operator.
    pub(crate) author: Option<Publisher>,
}

/// What somebody said of advisories, as it is carried to where there is no network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ToldVex {
    /// Of which package.
    pub(crate) name: PackageName,
    /// For which version; every one, if none is named.
    pub(crate) version: Option<Version>,
    /// What they said, as they said it.
    pub(crate) document: String,
    /// Who: a publisher, or the operator.
    pub(crate) author: Option<Publisher>,
}

impl Store {
    /// Keeps what somebody said of a release.
    pub(crate) async fn vote(
        &self,
        name: &PackageName,
        version: &Version,
        vote: &NewVote,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let policies = serde_json::to_string(&vote.policies).map_err(corrupt("vote.policies"))?;
        sqlx::query(
            "insert into vote (name, version, person, shown, verdict, reason, policies, fingerprint, voted_at)
             values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(name.as_str())
        .bind(version.to_string())
        .bind(&vote.person)
        .bind(&vote.shown)
        .bind(vote.verdict.as_str())
        .bind(&vote.reason)
        .bind(policies)
        .bind(vote.fingerprint.to_string())
        .bind(time(at))
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    /// What people said of a release, oldest first.
    pub(crate) async fn votes(
        &self,
        name: &PackageName,
        version: &Version,
    ) -> Result<Vec<StoredVote>, StoreError> {
        Ok(self.votes_of(name).await?.remove(version).unwrap_or_default())
    }

    /// What people said of each release of a package, oldest first.
    pub(crate) async fn votes_of(
        &self,
        name: &PackageName,
    ) -> Result<HashMap<Version, Vec<StoredVote>>, StoreError> {
        type Row = (String, String, String, String, String, String, String, String);
        let rows: Vec<Row> = sqlx::query_as(
            "select version, person, shown, verdict, reason, policies, fingerprint, voted_at
               from vote where name = ? order by vote_id",
        )
        .bind(name.as_str())
        .fetch_all(&self.reader)
        .await?;
        let mut votes: HashMap<Version, Vec<StoredVote>> = HashMap::new();
        for (version, person, shown, verdict, reason, policies, fingerprint, at) in rows {
            let vote = NewVote {
                person,
                shown,
                verdict: parse("vote.verdict", &verdict)?,
                reason,
                policies: serde_json::from_str(&policies).map_err(corrupt("vote.policies"))?,
                fingerprint: parse("vote.fingerprint", &fingerprint)?,
            };
            let vote = StoredVote { vote, at: parse("vote.voted_at", &at)? };
            votes.entry(parse("vote.version", &version)?).or_default().push(vote);
        }
        Ok(votes)
    }

    /// Keeps what somebody said of advisories of a package.
    pub(crate) async fn add_vex(
        &self,
        name: &PackageName,
        version: Option<&Version>,
        document: &[u8],
        author: Option<&Publisher>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let document = String::from_utf8_lossy(document);
        let author = serde_json::to_string(&author).map_err(corrupt("vex.author"))?;
        sqlx::query(
            "insert into vex (name, version, document, author, added_at) values (?, ?, ?, ?, ?)",
        )
        .bind(name.as_str())
        .bind(version.map(ToString::to_string))
        .bind(document.as_ref())
        .bind(author)
        .bind(time(at))
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    /// What was said of advisories of a package, oldest first.
    pub(crate) async fn vex(&self, name: &PackageName) -> Result<Vec<StoredVex>, StoreError> {
        let rows: Vec<(Option<String>, String, String)> = sqlx::query_as(
            "select version, document, author from vex where name = ? order by vex_id",
        )
        .bind(name.as_str())
        .fetch_all(&self.reader)
        .await?;
        let read = |(version, document, author): (Option<String>, String, String)| {
            Ok(StoredVex {
                version: version.map(|it| parse("vex.version", &it)).transpose()?,
                document: vex::Document::parse(document.as_bytes())
                    .map_err(corrupt("vex.document"))?,
                author: serde_json::from_str(&author).map_err(corrupt("vex.author"))?,
            })
        };
        rows.into_iter().map(read).collect()
    }

    /// Everything that was said of advisories, of any package, oldest first.
    pub(crate) async fn all_vex(&self) -> Result<Vec<ToldVex>, StoreError> {
        let rows: Vec<(String, Option<String>, String, String)> =
            sqlx::query_as("select name, version, document, author from vex order by vex_id")
                .fetch_all(&self.reader)
                .await?;
        rows.into_iter()
            .map(|(name, version, document, author)| {
                let version = version.map(|it| parse("vex.version", &it)).transpose()?;
                let author = serde_json::from_str(&author).map_err(corrupt("vex.author"))?;
                Ok(ToldVex { name: parse("vex.name", &name)?, version, document, author })
            })
            .collect()
    }

    /// How often somebody said something of advisories: it only grows.
    pub(crate) async fn vex_count(&self) -> Result<u64, StoreError> {
        let last: i64 = sqlx::query_scalar("select coalesce(max(vex_id), 0) from vex")
            .fetch_one(&self.reader)
            .await?;
        unsigned("vex.vex_id", last)
    }
}
