//! A mirror that is killed at any step of following, and goes on.

use super::{Stage, files, index};
use crate::release;

/// The steps of a sync, in order. `n` is the n-th time.
const STEPS: [&str; 11] = [
    "journal",
    "entries",
    "tile",
    "source-tiles",
    "staging:1",
    "blob:1",
    "blob:2",
    "follow",
    "in-follow",
    "source-applied",
    "checkpoint",
];

#[test]
fn a_sync_that_is_killed_at_any_step_converges() {
    for step in STEPS {
        for fault in ["abort", "abort-after"] {
            let is_point = matches!(step, "source-tiles" | "source-applied" | "in-follow");
            if is_point && fault == "abort-after" {
                continue;
            }
            let what = format!("{step}={fault}");
            let stage = Stage::new();
            stage.sync();
            stage.source.accept(&release(&stage.sigstore, "1.1.0"));
            let mut sync = stage.place.command("mirror");
            sync.arg("sync").env("MCPKG_REGISTRY_FAILPOINT", &what);
            let killed = sync.output().unwrap();
            assert_eq!(killed.status.code(), None, "{what} was reached: {killed:?}");
            let served = stage.entries();
            assert!(served == 1 || (what == "checkpoint=abort-after" && served == 2), "{what}");

            stage.sync();
            assert_eq!(stage.entries(), 2, "{what}");
            let copy = stage.place.data().join("sources/public/log");
            let honest = stage.source.data_dir().join("log");
            assert!(files(&copy) == files(&honest), "{what}: the same files");
            let mirror = stage.place.serve();
            assert_eq!(index(&mirror.http, "/source/public").releases.len(), 2, "{what}");
            assert_eq!(stage.place.fsck().code, Some(0), "{what}");
        }
    }
}
