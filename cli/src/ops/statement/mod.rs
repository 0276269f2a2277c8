//! What people signed about a package since it was published: its status, whom its name
//! is bound to, and what came of building a release again.
//!
//! [`crate::ops::log::statement`] shows that the log has an entry, here it is shown that
//! somebody who may has signed it:
//!
//! | file | what |
//! |---|---|
//! | here | the bundle says what the entry says, and who signed it is whom the entry names |
//! | `binding` | whom a name was bound to at some time, and what was announced |
//! | `announce` | signing one, and having it logged |
//! | `release` | a release's status and rebuilds, each by somebody who may |
//!
//! # What is proved without the whole log
//!
//! A statement's subject is the entry that it builds upon, so that nobody can present it
//! a second time. That entry is often about another release, whose bytes are not at
//! hand. Then the digest is taken from the statement itself. What is proved all the
//! same: the signer named that very place in this very log, the log's entry names it
//! too, and the signed index has no entry of the package in between. What is not: that
//! the log showed the signer the same bytes there as it shows everybody now. Whoever
//! reads the whole log (`mcpkg log watch`) has them.

pub mod announce;
pub mod binding;
pub mod release;

use std::collections::BTreeMap;

use mcpkg_core::Digest;
use mcpkg_core::log::LogTrust;
use mcpkg_core::publisher::Publisher;
use mcpkg_core::statement::{PackageStatement, difference};
use mcpkg_verify::{TrustStore, claimed_entry, verify_package_statement};

use crate::error::{Error, Result};
use crate::ops::log::Distrust;
use crate::ops::log::statement::Stated;

/// Entries whose bytes are known: the SHA-256 of the bytes, by their index.
pub type AtHand = BTreeMap<u64, Digest>;

/// Verifies the bundle of `stated`: somebody signed exactly what the entry says, in the
/// place where the entry is, and is the one whom the entry names. Gives what was signed,
/// which may say more than the entry.
///
/// Whether they may say it is for the caller to see.
pub fn verify(
    stated: &Stated,
    at_hand: &AtHand,
    trust: &TrustStore,
    log: &LogTrust,
) -> Result<PackageStatement> {
    let Stated { index, entry, bundle, .. } = stated;
    let name = entry.name();
    let context = || format!("what entry {index} says of {name} could not be verified");
    let roots = trust.for_name(name).map_err(Error::wrap(context()))?;
    let before = entry.previous().and_then(|previous| at_hand.get(&previous));
    let digest = match before {
        Some(digest) => *digest,
        None => claimed_entry(bundle).map_err(Error::wrap(context()))?,
    };
    let (evidence, statement) =
        verify_package_statement(bundle, digest, &roots).map_err(Error::wrap(context()))?;
    let signer = Publisher::of(&evidence.signer).map_err(|reason| {
        Error::Refused(vec![mcpkg_core::policy::Refusal::NoPublisher { reason }])
    })?;
    match difference(entry, &statement, &signer, log) {
        None => Ok(statement),
        Some(part) => Err(Error::wrap(context())(Distrust::Statement { index: *index, part })),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use mcpkg_core::api::Status;
    use mcpkg_core::log::{
        BindingChange, Entry, Predecessor, Rebuild, SigningKey, StatusChange, Tree,
    };
    use mcpkg_core::publisher::Identity;
    use mcpkg_core::statement::{
        BindingStatement, BuildsOn, RebuildResult, RebuildStatement, StatusStatement,
    };

    use super::*;

    fn publisher(subject: &str) -> Publisher {
        let issuer = "https://sso.acme.example".to_owned();
        Publisher::Identity(Identity { issuer, subject: subject.to_owned() })
    }

    /// A log that was called otherwise before.
    fn log() -> LogTrust {
        let key = |name| SigningKey::from_seed(name, [7; 32]).unwrap().verifier();
        let before = Predecessor { key: key("old.example"), last: Tree::empty() };
        LogTrust { predecessors: vec![before], ..LogTrust::new(key("log.example")) }
    }

    fn on(log: &str, entry: u64) -> BuildsOn {
        BuildsOn { log: log.to_owned(), entry }
    }

    fn time() -> Timestamp {
        "2026-11-20T12:00:00Z".parse().unwrap()
    }

    fn change() -> StatusChange {
        StatusChange {
            name: "com.acme/weather".parse().unwrap(),
            version: "1.2.0".parse().unwrap(),
            status: Status::Yanked,
            reason: Some("it loses rain".to_owned()),
            publisher: publisher("a"),
            evidence: Digest::of(b"bundle"),
            previous: 4,
            time: time(),
        }
    }

    #[test]
    fn an_entry_says_what_was_signed_by_whom_and_for_where() {
        type Change = fn(&mut StatusStatement);
        let rows: [(Option<&str>, Change); 9] = [
            (None, |_| ()),
            (None, |it| it.builds_on = on("old.example", 4)),
            (Some("place"), |it| it.builds_on = on("other.example", 4)),
            (Some("place"), |it| it.builds_on = on("log.example", 3)),
            (Some("release"), |it| it.name = "com.acme/tides".parse().unwrap()),
            (Some("release"), |it| it.version = "1.2.1".parse().unwrap()),
            (Some("status"), |it| it.status = Status::Deprecated),
            (Some("reason"), |it| it.reason = None),
            (Some("reason"), |it| it.reason = Some("it loses snow".to_owned())),
        ];
        for (part, change_it) in rows {
            let StatusChange { name, version, status, reason, .. } = change();
            let builds_on = on("log.example", 4);
            let mut said = StatusStatement { name, version, status, reason, builds_on };
            change_it(&mut said);
            let said = PackageStatement::Status(said);
            let entry = Entry::Status(change());
            assert_eq!(difference(&entry, &said, &publisher("a"), &log()), part, "{said:?}");
            let by_other = difference(&entry, &said, &publisher("b"), &log());
            assert_eq!(by_other, part.or(Some("publisher")), "{said:?}");
        }
    }

    #[test]
    fn a_statement_of_one_kind_is_no_entry_of_another() {
        let StatusChange { name, version, publisher: to, evidence, previous, time, .. } = change();
        let builds_on = on("log.example", 4);
        let (result, rebuilder) = (RebuildResult::Failed, publisher("a"));
        let effective = time;
        let entries = [
            Entry::Status(change()),
            Entry::Binding(BindingChange {
                name: name.clone(),
                publisher: to.clone(),
                effective,
                signer: publisher("a"),
                authority: None,
                evidence,
                previous,
                time,
            }),
            Entry::Rebuild(Rebuild {
                name: name.clone(),
                version: version.clone(),
                result,
                rebuilder,
                evidence,
                previous,
                time,
            }),
        ];
        let (status, reason) = (Status::Yanked, change().reason);
        let statements = [
            PackageStatement::Status(StatusStatement {
                name: name.clone(),
                version: version.clone(),
                status,
                reason,
                builds_on: builds_on.clone(),
            }),
            PackageStatement::Binding(BindingStatement {
                name: name.clone(),
                publisher: to,
                builds_on: builds_on.clone(),
            }),
            PackageStatement::Rebuild(RebuildStatement {
                name,
                version,
                result,
                artifacts: Vec::new(),
                commit: "0".repeat(40),
                builds_on,
            }),
        ];
        for (at, entry) in entries.iter().enumerate() {
            for (kind, said) in statements.iter().enumerate() {
                let found = difference(entry, said, &publisher("a"), &log());
                assert_eq!(found, (at != kind).then_some("kind"), "{entry:?} {said:?}");
            }
        }
    }
}
