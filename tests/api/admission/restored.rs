//! What people said of releases is in no log, and is in a backup all the same.

use std::fs;

use mcpkg_core::Code;

use super::review::{Company, held, review, vote};
use super::{answers, asking, withheld};

#[test]
fn what_people_said_is_restored_from_a_backup_and_counts_as_before() {
    let company = Company::new(&held("one"));
    let (stage, place) = (&company.stage, &company.stage.place);
    let process = place.serve();
    let releases = ["1.0.0", "1.1.0", "1.2.0"].map(|version| {
        stage.publish(&process, &asking(version, "api.example.com:443").with_bytes(100))
    });
    let alice = company.owner("alice@acme.example");
    for (version, verb) in [("1.0.0", "approve"), ("1.1.0", "reject")] {
        let shown = review(&process, version, &alice);
        let said = vote(&process, version, &alice, verb, &shown);
        assert_eq!(said.status, 200, "{said}");
    }
    let outcomes = |expected: [Code; 2], what: &str| {
        let process = place.serve();
        let held = withheld(&process.http, "");
        let of = |version: &str| {
            let found = held.iter().find(|it| it.version.to_string() == version);
            found.map(|it| it.code)
        };
        assert_eq!([of("1.1.0"), of("1.2.0")], expected.map(Some), "{what}");
        let given = answers(&process.http, "", &releases[0], "1.0.0")[0];
        assert!(process.terminate().success());
        let fsck = place.fsck();
        assert_eq!(fsck.code, Some(0), "{what}: {fsck:?}");
        given
    };
    let backup = place.folder().join("backup");
    let to = backup.to_str().unwrap();
    place.json(&["backup", "--to", to]);
    assert!(process.terminate().success());
    let as_said = [Code::NotAdmitted, Code::Quarantined];
    assert_eq!(outcomes(as_said, "before"), (200, None));

    let lose = || fs::remove_dir_all(place.data()).unwrap();
    lose();
    place.json(&["restore", "--from", to]);
    assert_eq!(outcomes(as_said, "restored"), (200, None));
    place.json(&["fsck", "--rebuild"]);
    assert_eq!(outcomes(as_said, "made again"), (200, None));
    // A copy of the copy has it too.
    place.json(&["backup", "--to", to]);
    lose();
    place.json(&["restore", "--from", to]);
    assert_eq!(outcomes(as_said, "restored twice"), (200, None));

    // Without it, nobody has said anything.
    for file in ["beside.sqlite3", "beside.digest"] {
        fs::remove_file(backup.join(file)).unwrap();
    }
    lose();
    place.json(&["restore", "--from", to]);
    let unsaid = [Code::Quarantined, Code::Quarantined];
    assert_eq!(outcomes(unsaid, "an older backup"), (403, Some(Code::Quarantined)));
}
