//! Whether an entry of the log says what was signed.

use super::PackageStatement;
use crate::PackageName;
use crate::log::{Entry, LogTrust};
use crate::publisher::Publisher;

/// In what `entry` of the log that `log` is about differs from `statement`, which
/// `signer` signed: a word, or nothing.
pub fn difference(
    entry: &Entry,
    statement: &PackageStatement,
    signer: &Publisher,
    log: &LogTrust,
) -> Option<&'static str> {
    let on = statement.builds_on();
    // A log that was succeeded by another goes on with the same entries.
    let before = log.predecessors.iter().map(|it| it.key.name());
    let mut origins = before.chain([log.origin()]);
    if !origins.any(|origin| origin == on.log) || Some(on.entry) != entry.previous() {
        return Some("place");
    }
    let is_name = |name: &PackageName| name == entry.name();
    let rows = match (entry, statement) {
        (Entry::Status(entry), PackageStatement::Status(said)) => [
            (is_name(&said.name) && said.version == entry.version, "release"),
            (said.status == entry.status, "status"),
            (said.reason == entry.reason, "reason"),
            (*signer == entry.publisher, "publisher"),
        ],
        (Entry::Binding(entry), PackageStatement::Binding(said)) => [
            (is_name(&said.name), "name"),
            (said.publisher == entry.publisher, "publisher"),
            (*signer == entry.signer, "signer"),
            (true, ""),
        ],
        (Entry::Rebuild(entry), PackageStatement::Rebuild(said)) => [
            (is_name(&said.name) && said.version == entry.version, "release"),
            (said.result == entry.result, "result"),
            (*signer == entry.rebuilder, "rebuilder"),
            (true, ""),
        ],
        _ => return Some("kind"),
    };
    rows.into_iter().find_map(|(is_same, part)| (!is_same).then_some(part))
}
