use mcpkg_core::log::{AddCheckpoint, Checkpoint, Hash, SignedNote};

use super::*;

const ORIGIN: &str = "example.com/log";

/// A log whose every leaf is the same, a witness, and a folder for it.
struct Setting {
    folder: tempfile::TempDir,
    log: SigningKey,
    witness: SigningKey,
}

impl Setting {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            log: SigningKey::from_seed(ORIGIN, [1; 32]).unwrap(),
            witness: SigningKey::from_seed("example.com/w", [2; 32]).unwrap(),
        }
    }

    fn memory(&self) -> Result<(StateFolder, Memory), StateError> {
        let folder = StateFolder::open(self.folder.path())?;
        let memory = folder.recall(ORIGIN, &super::super::verifier(&self.witness))?;
        Ok((folder, memory))
    }

    /// A tree of one entry, which needs no proof, and grows by nothing.
    fn submission(&self, old_size: u64) -> Submission {
        let tree = Tree { size: 1, root: Hash::leaf(b"x") };
        let text = Checkpoint { origin: ORIGIN.to_owned(), tree }.to_text();
        let note = SignedNote::new(text.clone(), vec![self.log.sign(&text)]);
        let request = AddCheckpoint { old_size, proof: Vec::new(), checkpoint: note };
        let logs = KnownLogs::new(vec![self.log.verifier()]);
        logs.admit(request.to_string().as_bytes()).unwrap()
    }

    fn state_file(&self) -> std::path::PathBuf {
        self.folder.path().join(mcpkg_core::Digest::of(ORIGIN.as_bytes()).to_hex())
    }
}

#[test]
fn a_clock_that_goes_back_never_gives_an_older_time() {
    let setting = Setting::new();
    // The clock, and the time that is signed; the memory is read again each time.
    for (old_size, now_s, time_s) in [(0, 100, 100), (1, 101, 101), (1, 50, 101), (1, 102, 102)] {
        let (_folder, mut memory) = setting.memory().unwrap();
        let submission = setting.submission(old_size);
        let line = cosign(&mut memory, &setting.witness, &submission, now_s).unwrap();
        let text = submission.note.text();
        assert_eq!(line, setting.witness.cosign(text, time_s), "at {now_s}");
    }
}

#[test]
fn a_state_that_is_damaged_is_refused_and_kept() {
    let setting = Setting::new();
    let (folder, mut memory) = setting.memory().unwrap();
    cosign(&mut memory, &setting.witness, &setting.submission(0), 100).unwrap();
    drop((folder, memory));
    let path = setting.state_file();
    let good = std::fs::read(&path).unwrap();

    let mut damages: Vec<Vec<u8>> = vec![Vec::new(), good[..good.len() - 1].to_vec()];
    // The log's own signature is not ours to check: it does not change what we say.
    let ours = "\u{2014} example.com/w";
    let text = String::from_utf8(good.clone()).unwrap();
    let (body, own) = (text.find("\n\n").unwrap(), text.find(ours).unwrap());
    damages.extend((0..body).chain(own..good.len()).map(|index| {
        let mut bytes = good.clone();
        bytes[index] ^= 1;
        bytes
    }));
    for damaged in damages {
        std::fs::write(&path, &damaged).unwrap();
        let error = setting.memory().unwrap_err();
        assert!(matches!(error, StateError::Damaged { .. }), "{error:?}");
        assert_eq!(std::fs::read(&path).unwrap(), damaged);
    }
    std::fs::write(&path, &good).unwrap();
    setting.memory().unwrap();
}

#[test]
fn a_state_that_changes_under_a_running_witness_is_refused_and_kept() {
    let setting = Setting::new();
    let (_folder, mut memory) = setting.memory().unwrap();
    let (first, again) = (setting.submission(0), setting.submission(1));
    cosign(&mut memory, &setting.witness, &first, 100).unwrap();
    let path = setting.state_file();
    let good = std::fs::read(&path).unwrap();

    std::fs::remove_file(&path).unwrap();
    for submission in [&first, &again] {
        let error = cosign(&mut memory, &setting.witness, submission, 101).unwrap_err();
        assert!(matches!(error, CosignError::State(StateError::Damaged { .. })), "{error:?}");
        assert!(!path.exists());
    }
    std::fs::write(&path, &good).unwrap();
    cosign(&mut memory, &setting.witness, &again, 101).unwrap();
}

#[test]
fn another_key_does_not_take_over_what_was_signed() {
    let setting = Setting::new();
    let (folder, mut memory) = setting.memory().unwrap();
    cosign(&mut memory, &setting.witness, &setting.submission(0), 100).unwrap();
    drop((folder, memory));
    let other =
        Setting { witness: SigningKey::from_seed("example.com/w", [3; 32]).unwrap(), ..setting };
    let error = other.memory().unwrap_err();
    assert!(matches!(error, StateError::Damaged { .. }), "{error:?}");
}

#[test]
fn one_witness_at_a_time_uses_a_folder() {
    let setting = Setting::new();
    let _first = setting.memory().unwrap();
    assert!(matches!(setting.memory().unwrap_err(), StateError::InUse(_)));
}
