//! What an index document says, against what the log signed of the package.
//!
//! The document is what people read: versions, platforms, who built a release again.
//! The log signs no more than a line for each entry. So each thing that the document
//! says has to be one of those lines, and each of those lines has to be said.

use std::cmp::Ordering;

use mcpkg_core::api::{LoggedStatement, PackageIndex, Status};
use mcpkg_core::log::{EntryKind, IndexNote, IndexedEntry, Receipt};

use super::Distrust;

/// Checks that `index` says exactly what `note` says: each release, each rebuild and
/// each change of publisher once, at its entry, and the status that the last change of
/// it gave.
///
/// What the document says beyond that is not signed: it is held to the release
/// document, or to the statement.
pub(crate) fn check(index: &PackageIndex, note: &IndexNote) -> Result<(), Distrust> {
    let mut shown = shown(index)?;
    // Stable, so that of two that claim the same entry both are still there.
    shown.sort_by_key(|entry| entry.index);
    let is_shown = |entry: &&IndexedEntry| !matches!(entry.kind, EntryKind::Status(..));
    let mut signed = note.entries.iter().filter(is_shown).peekable();
    for shown in shown {
        let order = signed.peek().map(|signed| signed.index.cmp(&shown.index));
        match (order, signed.peek()) {
            (Some(Ordering::Less), Some(signed)) => return Err(Distrust::Unlisted(signed.index)),
            (Some(Ordering::Equal), Some(signed)) if signed.kind == shown.kind => {}
            (Some(Ordering::Equal), Some(&signed)) => {
                return Err(Distrust::Relabelled { shown, signed: signed.clone() });
            }
            _ => return Err(Distrust::Unlogged(shown)),
        }
        signed.next();
    }
    if let Some(signed) = signed.next() {
        return Err(Distrust::Unlisted(signed.index));
    }
    for line in &index.releases {
        let signed = note.status(&line.version);
        if line.status != signed {
            let (version, shown) = (line.version.clone(), line.status);
            return Err(Distrust::Status { version, shown, signed });
        }
    }
    Ok(())
}

/// What the document says of entries, in the words of the signed index.
fn shown(index: &PackageIndex) -> Result<Vec<IndexedEntry>, Distrust> {
    let mut shown = Vec::new();
    for line in &index.releases {
        let version = &line.version;
        let kind = EntryKind::Publish(version.clone());
        shown.push(IndexedEntry { index: line.entry, kind });
        shown.extend(line.rebuilds.iter().map(|rebuild| IndexedEntry {
            index: rebuild.entry,
            kind: EntryKind::Rebuild(version.clone(), rebuild.result),
        }));
    }
    for binding in &index.bindings {
        shown.push(IndexedEntry { index: place(binding)?, kind: EntryKind::Binding });
    }
    Ok(shown)
}

/// The entry that a statement's receipt is of. Whether it proves it is found out where
/// the statement is read.
pub(super) fn place(statement: &LoggedStatement) -> Result<u64, Distrust> {
    if statement.receipt.is_empty() {
        return Err(Distrust::Empty("the receipt of a statement"));
    }
    let receipt: Receipt = statement.receipt.parse().map_err(Distrust::Receipt)?;
    Ok(receipt.index)
}

/// Whether a document that shows one status where another was signed hides something,
/// or only says something else.
pub(super) fn is_hidden(shown: Status) -> bool {
    shown == Status::Active
}

#[cfg(test)]
mod tests {
    use mcpkg_core::Coded as _;
    use mcpkg_core::api::{BundleDocument, IndexLine, IndexLog, RebuildLine};
    use mcpkg_core::log::{Hash, Tree};
    use mcpkg_core::publisher::{Identity, Publisher};
    use mcpkg_core::statement::RebuildResult;
    use mcpkg_core::{Digest, Version};

    use super::*;

    fn note(lines: &[&str]) -> IndexNote {
        IndexNote {
            origin: "log.example".to_owned(),
            name: "com.acme/weather".parse().unwrap(),
            tree: Tree { size: 100, root: Hash::empty_root() },
            entries: lines.iter().map(|line| line.parse().unwrap()).collect(),
        }
    }

    fn publisher() -> Publisher {
        let issuer = "https://sso.acme.example".to_owned();
        Publisher::Identity(Identity { issuer, subject: "a@acme.example".to_owned() })
    }

    fn line(version: &str, entry: u64, status: Status) -> IndexLine {
        IndexLine {
            version: version.parse().unwrap(),
            published_at: "2026-11-20T12:00:00Z".parse().unwrap(),
            status,
            platforms: Vec::new(),
            entry,
            rebuilds: Vec::new(),
        }
    }

    fn binding(index: u64) -> LoggedStatement {
        let checkpoint = "log.example\n1\n\n";
        let receipt = Receipt { index, proof: Vec::new(), checkpoint: checkpoint.to_owned() };
        LoggedStatement {
            entry: serde_json::from_str("{}").unwrap(),
            receipt: receipt.to_string(),
            bundle: BundleDocument {
                digest: Digest::of(b"{}"),
                bundle: serde_json::from_str("{}").unwrap(),
            },
        }
    }

    /// What is signed here, and the document that says the same.
    fn agreeing() -> (IndexNote, PackageIndex) {
        let note = note(&[
            "3 publish 1.0.0",
            "5 publish 1.1.0",
            "6 status 1.0.0 deprecated",
            "8 rebuild 1.1.0 different",
            "9 binding",
            "11 status 1.0.0 yanked",
            "12 rebuild 1.1.0 identical",
            "20 binding",
        ]);
        let rebuild = |entry, result| RebuildLine { result, rebuilder: publisher(), entry };
        let mut newest = line("1.1.0", 5, Status::Active);
        newest.rebuilds =
            vec![rebuild(12, RebuildResult::Identical), rebuild(8, RebuildResult::Different)];
        let index = PackageIndex {
            name: note.name.clone(),
            publisher: publisher(),
            announced: None,
            releases: vec![newest, line("1.0.0", 3, Status::Yanked)],
            bindings: vec![binding(9), binding(20)],
            withheld: Vec::new(),
            log: IndexLog { index: String::new(), checkpoint: String::new(), consistency: None },
        };
        (note, index)
    }

    #[test]
    fn a_document_says_what_was_signed_and_nothing_else() {
        type Change = fn(&mut PackageIndex);
        let version = |text: &str| text.parse::<Version>().unwrap();
        assert_eq!(agreeing().1.releases[1].version, version("1.0.0"));
        let rows: [(&str, Result<(), &str>, Change); 17] = [
            ("as it is", Ok(()), |_| ()),
            ("in another order", Ok(()), |it| it.releases.reverse()),
            ("a release is left out", Err("E_HIDDEN_RELEASE"), |it| drop(it.releases.pop())),
            ("the newest is left out", Err("E_HIDDEN_RELEASE"), |it| {
                it.releases.remove(0);
            }),
            ("a rebuild is left out", Err("E_HIDDEN_RELEASE"), |it| {
                it.releases[0].rebuilds.pop();
            }),
            ("a change of publisher is left out", Err("E_HIDDEN_RELEASE"), |it| {
                it.bindings.remove(0);
            }),
            ("the last change of publisher is left out", Err("E_HIDDEN_RELEASE"), |it| {
                it.bindings.pop();
            }),
            ("a yank is left out", Err("E_HIDDEN_RELEASE"), |it| {
                it.releases[1].status = Status::Active;
            }),
            ("a yank is softened", Err("E_LOG_SUBJECT"), |it| {
                it.releases[1].status = Status::Deprecated;
            }),
            ("a yank is made up", Err("E_LOG_SUBJECT"), |it| {
                it.releases[0].status = Status::Yanked;
            }),
            ("a release is added", Err("E_LOG_SUBJECT"), |it| {
                it.releases.push(line("2.0.0", 30, Status::Active));
            }),
            ("a release is there twice", Err("E_LOG_SUBJECT"), |it| {
                it.releases.push(it.releases[1].clone());
            }),
            ("a release has another version", Err("E_LOG_SUBJECT"), |it| {
                it.releases[0].version = "1.1.1".parse().unwrap();
            }),
            ("a rebuild has another result", Err("E_LOG_SUBJECT"), |it| {
                it.releases[0].rebuilds[1].result = RebuildResult::Identical;
            }),
            ("a rebuild is of another release", Err("E_LOG_SUBJECT"), |it| {
                let rebuild = it.releases[0].rebuilds.pop().unwrap();
                it.releases[1].rebuilds.push(rebuild);
            }),
            ("a change of status is said to be one of publisher", Err("E_LOG_SUBJECT"), |it| {
                it.bindings.push(binding(11));
            }),
            ("a receipt is none", Err("E_NOTE"), |it| it.bindings[0].receipt = "x".to_owned()),
        ];
        for (what, expected, change) in rows {
            let (note, mut index) = agreeing();
            change(&mut index);
            let found = check(&index, &note).map_err(|reason| reason.code().as_str());
            assert_eq!(found, expected, "{what}");
        }
    }
}
