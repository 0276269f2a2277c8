//! Is it given out? A function of what policy says and what people said.
//!
//! | policy | people | |
//! |---|---|---|
//! | nothing permits it | whatever | denied |
//! | permits it, and nothing forbids it | nobody rejects it | admitted |
//! | forbids it, always with `@approval("one")` | one approves | admitted; until then quarantined |
//! | forbids it, once with `@approval("two")` | two approve | admitted; until then quarantined |
//! | forbids it, once without `@approval` | two approve, an override | admitted; until then denied |
//! | permits or forbids it | somebody rejects it | denied |
//!
//! An approval is of what its giver looked at: it does not cover a policy that was not
//! in the way then, nor a release of which something else has become known. What nobody
//! permits, nobody can approve: an approval takes a policy out of the way, and does not
//! replace one.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use mcpkg_core::Digest;
use mcpkg_core::review::{Approvals, Decision, Outcome, Verdict};

use super::person;
use crate::policy::{APPROVAL, PolicyNote};
use crate::store::StoredVote;

/// The annotation that says in a sentence why a policy forbids something.
const SENTENCE: &str = "reason";

/// How many people it takes to override a policy that foresees no approval.
const OVERRIDE: u8 = 2;

/// What policy says of a release.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ruled {
    /// The policies that forbid it.
    pub(crate) forbids: Vec<PolicyNote>,
    /// Those that permit it, whatever forbids it.
    pub(crate) permits: Vec<PolicyNote>,
    /// What could not be evaluated, for which it is denied.
    pub(crate) errors: Vec<String>,
}

/// Decides, and says why.
pub(crate) fn decide(
    ruled: &Ruled,
    votes: &[StoredVote],
    fingerprint: Digest,
    now: Timestamp,
) -> Decision {
    let ids = |notes: &[PolicyNote]| notes.iter().map(|note| note.id.clone()).collect::<Vec<_>>();
    let decision = |outcome, sentence: String, policies: Vec<String>, approvals| Decision {
        outcome,
        sentence,
        policies,
        approvals,
        decided_at: now,
    };
    if let Some(error) = ruled.errors.first() {
        let sentence = format!("it could not be judged: {error}");
        return decision(Outcome::Denied, sentence, ids(&ruled.forbids), None);
    }
    let standing = standing(votes);
    let rejection = standing.values().find(|it| it.vote.verdict == Verdict::Reject);
    if let Some(StoredVote { vote, .. }) = rejection {
        let sentence = format!("{} rejected it: {}", vote.shown, vote.reason);
        return decision(Outcome::Denied, sentence, ids(&ruled.forbids), None);
    }
    if ruled.permits.is_empty() {
        let sentence = "no policy permits it".to_owned();
        return decision(Outcome::Denied, sentence, ids(&ruled.forbids), None);
    }
    if ruled.forbids.is_empty() {
        let sentence = "policy permits it, and nothing forbids it".to_owned();
        return decision(Outcome::Admitted, sentence, ids(&ruled.permits), None);
    }
    let forbids = ids(&ruled.forbids);
    let asked = ruled.forbids.iter().map(approvals_asked);
    let needed = asked.clone().map(|it| it.unwrap_or(OVERRIDE)).max().unwrap_or(OVERRIDE);
    let is_override = ruled.forbids.iter().any(|note| approvals_asked(note).is_none());
    let covers = |it: &&StoredVote| {
        let policies: BTreeSet<&String> = it.vote.policies.iter().collect();
        it.vote.fingerprint == fingerprint && forbids.iter().all(|id| policies.contains(id))
    };
    let given: Vec<&StoredVote> = standing.into_values().filter(covers).collect();
    let count = person::count(&given);
    let approvals = Some(Approvals { needed, given: count, is_override });
    if count >= needed {
        let who = given.iter().map(|it| it.vote.shown.as_str()).collect::<Vec<_>>().join(" and ");
        let verb = if is_override { "overrode" } else { "approved it in spite of" };
        let sentence = format!("{who} {verb} {}", listed(&forbids));
        return decision(Outcome::Admitted, sentence, forbids, approvals);
    }
    let outcome = if is_override { Outcome::Denied } else { Outcome::Quarantined };
    decision(outcome, reason(&ruled.forbids), forbids, approvals)
}

/// The last word of each person. A person is named once, whatever they said before.
fn standing(votes: &[StoredVote]) -> BTreeMap<&str, &StoredVote> {
    votes.iter().map(|it| (it.vote.person.as_str(), it)).collect()
}

/// How many approvals a policy asks for; `None` if it foresees none. A word that we do
/// not know is none, so that a misspelt one does not open anything.
fn approvals_asked(note: &PolicyNote) -> Option<u8> {
    match note.annotations.get(APPROVAL).map(String::as_str) {
        Some("one") => Some(1),
        Some("two") => Some(2),
        _ => None,
    }
}

/// Why policies forbid something: what the first that says it says.
fn reason(forbids: &[PolicyNote]) -> String {
    let said = forbids.iter().find_map(|note| note.annotations.get(SENTENCE));
    let ids: Vec<String> = forbids.iter().map(|note| note.id.clone()).collect();
    match said {
        Some(reason) => reason.clone(),
        None => format!("forbidden by {}", listed(&ids)),
    }
}

fn listed(ids: &[String]) -> String {
    ids.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::NewVote;

    fn note(text: &str) -> PolicyNote {
        let (id, approval) = text.split_once(':').unwrap_or((text, ""));
        let annotations = [(APPROVAL, approval)].into_iter().filter(|(_, value)| !value.is_empty());
        PolicyNote {
            id: id.to_owned(),
            file: "company.cedar".to_owned(),
            annotations: annotations.map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
        }
    }

    fn looked_at() -> Digest {
        Digest::of(b"what was looked at")
    }

    /// `alice+new` approves what the policy `new` forbids, `bob-` rejects.
    fn vote(text: &str) -> StoredVote {
        let (person, policies) = text.split_once(['+', '-']).unwrap();
        let verdict = if text.contains('+') { Verdict::Approve } else { Verdict::Reject };
        let vote = NewVote {
            person: person.to_owned(),
            // `a@b/2` is the person of this address, at another issuer.
            shown: person.split('/').next().unwrap().to_owned(),
            verdict,
            reason: "because".to_owned(),
            policies: policies.split(',').map(str::to_owned).collect(),
            fingerprint: looked_at(),
        };
        StoredVote { vote, at: Timestamp::UNIX_EPOCH }
    }

    fn outcome(permits: &[&str], forbids: &[&str], votes: &[&str]) -> (Outcome, Option<(u8, u8)>) {
        let ruled = Ruled {
            permits: permits.iter().map(|it| note(it)).collect(),
            forbids: forbids.iter().map(|it| note(it)).collect(),
            errors: Vec::new(),
        };
        let votes: Vec<_> = votes.iter().map(|it| vote(it)).collect();
        let decision = decide(&ruled, &votes, looked_at(), Timestamp::UNIX_EPOCH);
        (decision.outcome, decision.approvals.map(|it| (it.given, it.needed)))
    }

    #[test]
    fn policy_and_people_decide_together() {
        use Outcome::{Admitted, Denied, Quarantined};
        let all = &["all"][..];
        for (permits, forbids, votes, expected) in [
            (&[][..], &[][..], &[][..], (Denied, None)),
            (all, &[], &[], (Admitted, None)),
            (all, &["new:one"], &[], (Quarantined, Some((0, 1)))),
            (all, &["new:one"], &["alice+new"], (Admitted, Some((1, 1)))),
            (all, &["new:two"], &["alice+new"], (Quarantined, Some((1, 2)))),
            (all, &["new:two"], &["alice+new", "bob+new"], (Admitted, Some((2, 2)))),
            // The same person counts once.
            (all, &["new:two"], &["alice+new", "alice+new"], (Quarantined, Some((1, 2)))),
            (all, &["new:two"], &["a@b+new", "a@b/2+new"], (Quarantined, Some((1, 2)))),
            (all, &["new:two"], &["a@b+new", "c@b/2+new"], (Admitted, Some((2, 2)))),
            (all, &["new:two"], &["a+new", "a/2+new"], (Admitted, Some((2, 2)))),
            (all, &["new:one"], &["a@b-", "a@b/2+new"], (Denied, None)),
            // The strictest decides.
            (all, &["new:one", "wide:two"], &["alice+new,wide"], (Quarantined, Some((1, 2)))),
            // An override of one that foresees no approval, by two.
            (all, &["never"], &["alice+never"], (Denied, Some((1, 2)))),
            (all, &["never"], &["alice+never", "bob+never"], (Admitted, Some((2, 2)))),
            (all, &["new:one", "never"], &["alice+new,never"], (Denied, Some((1, 2)))),
            // A word that means nothing is no approval.
            (all, &["new:three"], &["alice+new"], (Denied, Some((1, 2)))),
            // What was not in the way when somebody looked is not approved.
            (all, &["new:one", "cve:one"], &["alice+new"], (Quarantined, Some((0, 1)))),
            (all, &["new:one"], &["alice+new,gone"], (Admitted, Some((1, 1)))),
            // A rejection stands until whoever said it says otherwise.
            (all, &[], &["bob-"], (Denied, None)),
            (all, &["new:one"], &["alice+new", "bob-"], (Denied, None)),
            (all, &["new:one"], &["bob-", "bob+new"], (Admitted, Some((1, 1)))),
            (all, &["new:one"], &["bob+new", "bob-"], (Denied, None)),
            // Nobody approves what nothing permits.
            (&[], &["new:one"], &["alice+new", "bob+new"], (Denied, None)),
        ] {
            assert_eq!(outcome(permits, forbids, votes), expected, "{forbids:?} {votes:?}");
        }
    }

    #[test]
    fn an_approval_is_of_what_was_looked_at() {
        let ruled = Ruled {
            permits: vec![note("all")],
            forbids: vec![note("new:one")],
            errors: Vec::new(),
        };
        let votes = [vote("alice+new")];
        let decide = |print| decide(&ruled, &votes, print, Timestamp::UNIX_EPOCH).outcome;
        assert_eq!(decide(looked_at()), Outcome::Admitted);
        assert_eq!(decide(Digest::of(b"something else")), Outcome::Quarantined);
    }

    #[test]
    fn what_cannot_be_evaluated_is_denied() {
        let ruled = Ruled {
            permits: vec![note("all")],
            forbids: Vec::new(),
            errors: vec!["overflow".to_owned()],
        };
        let decision = decide(&ruled, &[], looked_at(), Timestamp::UNIX_EPOCH);
        assert_eq!(decision.outcome, Outcome::Denied);
        assert!(decision.sentence.contains("overflow"));
    }
}
