//! Who somebody is, whichever way they show it.
//!
//! A release is signed in one way, and approved in another: a certificate has what an
//! issuer of Sigstore's calls somebody, a token what the company's issuer does, and these
//! may be two issuers. What both have is mostly an e-mail address. A job of a CI signs as
//! its repository, and is known by that in its tokens too.
//!
//! Where it is not certain, two are taken for one: somebody who is asked for another
//! approval loses minutes, and one person who counts as two is no second person.

use std::collections::BTreeSet;

use mcpkg_core::publisher::Publisher;

use crate::policy::User;
use crate::store::StoredVote;

/// Whether `publisher` is this very person, or the repository whose job this is.
pub(super) fn has_signed(user: &User, publisher: &Publisher) -> bool {
    match publisher {
        Publisher::Identity(identity) => {
            let is_known = user.issuer == identity.issuer && user.subject == identity.subject;
            let addresses = [Some(&user.subject), user.email.as_ref()].into_iter().flatten();
            let signed = address(&identity.subject);
            is_known
                || signed
                    .is_some_and(|it| addresses.filter_map(|one| address(one)).any(|one| one == it))
        }
        Publisher::Workflow(workflow) => {
            user.issuer == workflow.issuer
                && user.repository_id.as_ref() == Some(&workflow.repository_id)
        }
    }
}

/// What people call somebody.
pub(super) fn called(user: &User) -> String {
    user.email.as_ref().unwrap_or(&user.subject).clone()
}

/// How many people these votes are of. Somebody with an account at two issuers is one.
pub(super) fn count(votes: &[&StoredVote]) -> u8 {
    let one = |it: &&StoredVote| address(&it.vote.shown).unwrap_or_else(|| it.vote.person.clone());
    let people: BTreeSet<String> = votes.iter().map(one).collect();
    u8::try_from(people.len()).unwrap_or(u8::MAX)
}

/// An e-mail address, as it is compared. An issuer that has two for one but for case is
/// not known.
fn address(text: &str) -> Option<String> {
    let (name, host) = text.rsplit_once('@')?;
    (!name.is_empty() && !host.is_empty()).then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use mcpkg_core::publisher::{GITHUB_ISSUER, Identity, ReleaseRef, Workflow};

    use super::*;

    const SSO: &str = "https://sso.acme.example";

    fn user(issuer: &str, subject: &str, email: Option<&str>, repository: Option<&str>) -> User {
        User {
            issuer_name: "x".to_owned(),
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            email: email.map(str::to_owned),
            repository_id: repository.map(str::to_owned),
            groups: BTreeSet::new(),
            roles: BTreeSet::new(),
        }
    }

    #[test]
    fn whoever_signed_is_known_by_what_their_token_says() {
        let identity = |issuer: &str, subject: &str| {
            Publisher::Identity(Identity { issuer: issuer.to_owned(), subject: subject.to_owned() })
        };
        let (alice, other) = ("alice@acme.example", "https://other.example");
        for (signed, shown, is_it) in [
            // By what one issuer calls them.
            (identity(SSO, "00u1"), user(SSO, "00u1", None, None), true),
            (identity(SSO, "00u1"), user(SSO, "00u2", None, None), false),
            (identity(SSO, "00u1"), user(SSO, "00U1", None, None), false),
            // Another issuer may call somebody else so.
            (identity(SSO, "00u1"), user(other, "00u1", None, None), false),
            // An address is one person's, whoever says it.
            (identity(SSO, alice), user(SSO, "00u1", Some(alice), None), true),
            (identity(other, alice), user(SSO, "00u1", Some("Alice@Acme.Example"), None), true),
            (identity(other, alice), user(SSO, alice, None, None), true),
            (identity(other, alice), user(SSO, "alice", Some("bob@acme.example"), None), false),
            // What is no address is not compared as one.
            (identity(other, "acme"), user(SSO, "00u1", Some("acme"), None), false),
            (identity(other, "@"), user(SSO, "@", Some("@"), None), false),
        ] {
            assert_eq!(has_signed(&shown, &signed), is_it, "{signed:?} {shown:?}");
        }
    }

    #[test]
    fn a_job_of_the_repository_that_signed_is_no_second_person() {
        let signed = Publisher::Workflow(Workflow {
            issuer: GITHUB_ISSUER.to_owned(),
            repository: "https://github.com/acme/weather".to_owned(),
            repository_id: "7".to_owned(),
            owner_id: "1".to_owned(),
            workflow: ".github/workflows/release.yml".to_owned(),
            environment: None,
            git_ref: ReleaseRef::Tags,
        });
        for (issuer, repository, is_it) in [
            (GITHUB_ISSUER, Some("7"), true),
            (GITHUB_ISSUER, Some("8"), false),
            (GITHUB_ISSUER, None, false),
            ("https://gitlab.com", Some("7"), false),
        ] {
            let job = user(issuer, "repo:acme/weather:environment:approve", None, repository);
            assert_eq!(has_signed(&job, &signed), is_it, "{issuer} {repository:?}");
        }
    }
}
