//! The bill of materials, held to what CycloneDX asks for: by a reading of ours of the parts
//! that we write, and by CycloneDX's own library, which carries its JSON schema.
//!
//! `tests/interop/sbom/run` installs that library, and runs these tests with it.

use std::collections::BTreeSet;
use std::process::Command;

use mcpkg_core::Platform;
use mcpkg_upstream::{Closure, Integrity, Member, cyclonedx};
use serde_json::{Map, Value};

/// What `cyclonedx-python-lib` says of each file, and nothing more.
const VALIDATE: &str = "\
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
validator = JsonStrictValidator(SchemaVersion.V1_6)
for path in sys.argv[1:]:
    error = validator.validate_str(open(path).read())
    print('refused ' + repr(error) if error else 'taken')
";
const IMPORT: &str =
    "from cyclonedx.validation.json import JsonStrictValidator as _; import jsonschema";

fn member(release: &str, place: &str, needs: Vec<usize>, license: Option<&str>) -> Member {
    let integrity = if release.starts_with("npm:") {
        Integrity::Sha512([7; 64])
    } else {
        Integrity::Sha256(mcpkg_core::Digest::of(release.as_bytes()))
    };
    Member {
        release: release.parse().unwrap(),
        place: place.to_owned(),
        integrity,
        url: "https://registry.example/a.tgz".parse().unwrap(),
        license: license.map(str::to_owned),
        needs,
        has_script: false,
        is_yanked: None,
        deprecated: None,
    }
}

/// A package on its own; one of which a version is there twice, in a circle; and wheels.
fn closures() -> Vec<Closure> {
    let closure = |members| Closure { platform: Platform::Any, runtime: None, members };
    let clouds = "node_modules/clouds";
    vec![
        closure(vec![member("npm:weather@1.2.0-rc.1+b.2", "node_modules/weather", vec![], None)]),
        closure(vec![
            member(
                "npm:@acme/weather@1.2.0",
                "node_modules/@acme/weather",
                vec![1, 2],
                Some("MIT"),
            ),
            member("npm:clouds@2.0.0", clouds, vec![0, 2], Some("SEE LICENSE IN <file> \"x\"")),
            member("npm:wind@1.0.0", "node_modules/wind", vec![3], Some("(MIT OR Apache-2.0)")),
            member("npm:clouds@2.0.0", "node_modules/wind/node_modules/clouds", vec![], None),
        ]),
        closure(vec![
            member("pypi:acme-weather@1!2.0", "acme_weather-2.0-py3-none-any.whl", vec![1], None),
            member("pypi:clouds@2.0", "clouds-2.0-py3-none-any.whl", vec![], Some("BSD License")),
        ]),
    ]
}

/// The object, which has these members and may have those, and no others.
fn object<'a>(value: &'a Value, must: &[&str], may: &[&str]) -> &'a Map<String, Value> {
    let object = value.as_object().unwrap_or_else(|| panic!("no object: {value}"));
    for name in must {
        assert!(object.contains_key(*name), "`{name}` is missing: {value}");
    }
    for name in object.keys() {
        assert!(must.contains(&name.as_str()) || may.contains(&name.as_str()), "`{name}`: {value}");
    }
    object
}

fn text(value: &Value) -> &str {
    let text = value.as_str().unwrap_or_else(|| panic!("no text: {value}"));
    assert!(!text.is_empty());
    text
}

/// A component, as the schema of CycloneDX 1.6 has it. Gives its reference.
fn component<'a>(value: &'a Value, kind: &str) -> &'a str {
    let must = ["type", "name", "bom-ref", "version", "purl", "hashes"];
    let component = object(value, &must, &["licenses"]);
    assert_eq!(component["type"], kind);
    assert!(text(&component["version"]).len() <= 1024);
    assert!(text(&component["purl"]).starts_with("pkg:"), "{value}");
    assert!(!text(&component["name"]).is_empty());
    for hash in component["hashes"].as_array().unwrap() {
        let hash = object(hash, &["alg", "content"], &[]);
        let length = match text(&hash["alg"]) {
            "SHA-256" => 64,
            "SHA-512" => 128,
            other => panic!("an algorithm that we do not write: {other}"),
        };
        let hex = text(&hash["content"]);
        assert!(hex.len() == length && hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
    for license in component.get("licenses").into_iter().flat_map(|it| it.as_array().unwrap()) {
        let license = object(license, &["license"], &[]);
        // One of `id` and `name`, and an identifier only if SPDX has it.
        text(&object(&license["license"], &["name"], &[])["name"]);
    }
    text(&component["bom-ref"])
}

#[test]
fn a_bill_of_materials_has_what_cyclonedx_asks_for_and_nothing_else() {
    for closure in closures() {
        let sbom = cyclonedx(&closure);
        let must =
            ["bomFormat", "specVersion", "version", "metadata", "components", "dependencies"];
        let document = object(&sbom, &must, &["$schema"]);
        assert_eq!(
            (&document["bomFormat"], &document["specVersion"]),
            (&"CycloneDX".into(), &"1.6".into())
        );
        assert_eq!(document["version"], 1);
        let root = component(
            &object(&document["metadata"], &["component"], &[])["component"],
            "application",
        );
        let parts = document["components"].as_array().unwrap();
        let all: Vec<_> = std::iter::once(root)
            .chain(parts.iter().map(|part| component(part, "library")))
            .collect();
        let unique: BTreeSet<_> = all.iter().copied().collect();
        assert_eq!((all.len(), unique.len()), (closure.members.len(), closure.members.len()));
        let mut described = BTreeSet::new();
        for dependency in document["dependencies"].as_array().unwrap() {
            let dependency = object(dependency, &["ref", "dependsOn"], &[]);
            assert!(described.insert(text(&dependency["ref"])), "it is there twice");
            let needs: Vec<_> =
                dependency["dependsOn"].as_array().unwrap().iter().map(text).collect();
            let once: BTreeSet<_> = needs.iter().collect();
            assert_eq!(once.len(), needs.len(), "items are unique");
            assert!(needs.iter().all(|need| unique.contains(need)));
        }
        assert_eq!(described, unique);
    }
}

#[test]
fn cyclonedxs_own_schema_takes_a_bill_of_materials() {
    let python = std::env::var("CYCLONEDX_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has = Command::new(&python).args(["-c", IMPORT]).output();
    if !has.is_ok_and(|it| it.status.success()) {
        eprintln!("skipped: `{python}` has no cyclonedx-python-lib; tests/interop/sbom/run has");
        return;
    }
    let mut all: Vec<_> = closures().iter().map(cyclonedx).collect();
    // It would say so: with a word that nobody knows it is none.
    let mut other = all[0].clone();
    other["components"] = serde_json::json!([{ "type": "library", "name": "x", "pearl": "" }]);
    all.push(other);
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(&python);
    command.args(["-c", VALIDATE]);
    for (at, sbom) in all.iter().enumerate() {
        let file = folder.path().join(format!("{at}.cdx.json"));
        std::fs::write(&file, sbom.to_string()).unwrap();
        command.arg(file);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    let said: Vec<_> = said.lines().collect();
    assert_eq!(said[..3], ["taken"; 3]);
    assert!(said.len() == 4 && said[3].starts_with("refused "), "{said:?}");
}
