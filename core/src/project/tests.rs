use proptest::prelude::*;

use super::*;
use crate::{Coded, Digest};

const WHOLE: &str = r#"
[package]
server_json = "server.json"

[build]
steps = [["npm", "ci"], ["sh", "-c", "echo a\necho b"]]
folder = "build/package"
source_date = 1700000000
network = true
platforms = ["linux-x86_64", "any"]

[build.toolchain]
node = "20.20.2"
npm = "10.8.2"

[build.environment]
NODE_ENV = "production"

[servers]
"io.github.acme/weather" = "^1.2"
"#;

fn recipe(toml: &str) -> Recipe {
    Project::parse(&format!("[build]\n{toml}")).unwrap().build.unwrap()
}

#[test]
fn every_part_of_a_project_is_read() {
    let project = Project::parse(WHOLE).unwrap();
    assert_eq!(project.package.server_json.unwrap().as_str(), "server.json");
    let recipe = project.build.unwrap();
    assert_eq!(recipe.steps()[0], ["npm", "ci"]);
    assert_eq!(recipe.folder().unwrap().as_str(), "build/package");
    assert_eq!(recipe.source_date(), SourceDate::Seconds(1_700_000_000));
    assert!(recipe.needs_network());
    assert!(recipe.is_for("linux-x86_64".parse().unwrap()));
    assert!(!recipe.is_for("darwin-aarch64".parse().unwrap()));
    assert_eq!(recipe.toolchain().len(), 2);
    assert_eq!(recipe.environment().values().next().unwrap(), "production");
    let weather = project.servers.get(&"io.github.acme/weather".parse().unwrap()).unwrap();
    assert_eq!(weather.version, "^1.2".parse().unwrap());
    assert_eq!((&weather.agents, &weather.permissions), (&None, &None));
}

fn servers(toml: &str) -> Result<Servers, String> {
    let read = Project::parse(&format!("[servers]\n{toml}\n"));
    read.map(|project| project.servers).map_err(|error| {
        assert_eq!(error.code().as_str(), "E_CONFIG");
        std::error::Error::source(&error).unwrap().to_string()
    })
}

#[test]
fn a_server_is_wanted_with_a_version_or_on_terms() {
    let servers = servers(
        r#"
"a/x" = "1.2.0"
[servers."a/y"]
version = ">=1, <3"
agents = ["cursor"]
secrets = { api_key = "env:KEY" }
permissions = { network = { allow = ["api.example.com:443"] } }
from = "npm:@acme/tides"
"#,
    )
    .unwrap();
    let get = |name: &str| servers.get(&name.parse().unwrap()).unwrap();
    assert_eq!(get("A/X").version, VersionRange::Exactly("1.2.0".parse().unwrap()));
    let terms = get("a/y");
    assert!(terms.version.matches(&"2.9.9".parse().unwrap()));
    assert!(!terms.version.matches(&"3.0.0".parse().unwrap()));
    assert_eq!(terms.agents.as_deref(), Some(["cursor".to_owned()].as_slice()));
    assert_eq!(terms.secrets["api_key"], "env:KEY".parse().unwrap());
    let lines = terms.permissions.as_ref().unwrap().describe();
    assert_eq!(lines, ["connect to api.example.com:443"]);
    assert_eq!((&get("a/x").from, terms.from.as_deref()), (&None, Some("npm:@acme/tides")));
}

#[test]
fn what_wants_no_server_is_refused_with_its_reason() {
    for (toml, message) in [
        ("\"a/x\" = \"1.2\"", "`1.2` is no version and no range"),
        ("\"a/x\" = \"latest\"", "`latest` is no version and no range"),
        ("\"a/x\" = \"\"", "`` is no version"),
        ("\"a/x\" = \"^1.2+build\"", "is no version and no range"),
        ("\"a/x\" = 1", "expected a version, a range or a table"),
        ("\"a/x\" = {}", "missing field `version`"),
        ("\"a/x\" = { version = \"*\", surprise = 1 }", "unknown field `surprise`"),
        ("\"a/x\" = { version = \"*\", secrets = { k = \"hunter2\" } }", "by reference"),
        ("\"a/x\" = { version = \"*\", permissions = { all = true } }", "unknown field `all`"),
        ("\"a/x\" = \"*\"\n\"A/X\" = \"*\"", "is there twice"),
        ("\"a/../x\" = \"*\"", "a/../x"),
        ("weather = \"*\"", "weather"),
    ] {
        let cause = servers(toml).unwrap_err();
        assert!(cause.contains(message), "{toml}\n{cause}");
    }
    let long = format!("\"a/x\" = \"^1{}\"", " ".repeat(VersionRange::MAX_LEN));
    assert!(servers(&long).unwrap_err().contains("is no version and no range"));
}

#[test]
fn what_was_installed_is_wanted_with_what_is_compatible() {
    for (version, range) in
        [("1.2.3", "^1.2.3"), ("0.4.0", "^0.4.0"), ("2.0.0-rc.1", "^2.0.0-rc.1")]
    {
        let version = version.parse().unwrap();
        let found = VersionRange::compatible_with(&version);
        assert_eq!(found.to_string(), range);
        assert!(found.matches(&version));
        assert_eq!(range.parse(), Ok(found));
    }
}

#[test]
fn what_is_not_said_has_the_careful_meaning() {
    assert_eq!(Project::parse("").unwrap(), Project::default());
    let recipe = recipe("steps = [[\"make\"]]");
    assert_eq!(recipe.folder(), None);
    assert_eq!(recipe.source_date(), SourceDate::Commit);
    assert!(!recipe.needs_network());
    let signed = r#"{"network":false,"source_date":"commit","steps":[["make"]]}"#;
    assert_eq!(String::from_utf8(recipe.canonical()).unwrap(), signed);
}

#[test]
fn the_seeds_of_the_fuzz_target_are_read() {
    for seed in [
        include_str!("../../../fuzz/seeds/project/whole.toml"),
        include_str!("../../../fuzz/seeds/project/small.toml"),
    ] {
        assert!(Project::parse(seed).unwrap().build.is_some(), "{seed}");
    }
    let wanted = include_str!("../../../fuzz/seeds/project/servers.toml");
    assert_eq!(Project::parse(wanted).unwrap().servers.iter().count(), 3);
    let signed = include_str!("../../../fuzz/seeds/project/signed.json");
    assert_eq!(serde_json::from_str::<Recipe>(signed).unwrap().canonical(), signed.as_bytes());
}

#[test]
fn what_is_signed_is_read_back_as_itself() {
    let recipe = Project::parse(WHOLE).unwrap().build.unwrap();
    assert_eq!(serde_json::from_slice::<Recipe>(&recipe.canonical()).unwrap(), recipe);
}

#[test]
fn what_is_no_recipe_is_refused_with_its_reason() {
    let many = |count: usize| vec!["[\"x\"]"; count].join(",");
    let words = |count: usize| vec!["\"x\""; count].join(",");
    let long = |count: usize| "x".repeat(count);
    for (table, message) in [
        (String::new(), "missing field `steps`"),
        ("steps = []".to_owned(), "a recipe has 0 steps, expected 1 to 16"),
        (format!("steps = [{}]", many(17)), "a recipe has 17 steps, expected 1 to 16"),
        ("steps = [[]]".to_owned(), "a recipe has 0 words in a step, expected 1 to 64"),
        (format!("steps = [[{}]]", words(65)), "a recipe has 65 words in a step"),
        ("steps = [[\"\"]]".to_owned(), "an argument of step 1 is empty where a program"),
        ("steps = \"make\"".to_owned(), "invalid type: string \"make\", expected a sequence"),
        ("steps = [[\"a\"], [\"b\\u0000\"]]".to_owned(), "an argument of step 2 is holding"),
        ("steps = [[\"a\\u202eb\"]]".to_owned(), "an argument of step 1 is holding"),
        (format!("steps = [[\"{}\"]]", long(4097)), "an argument of step 1 is longer"),
        (
            format!("steps = [[\"a\", {}]]", vec![format!("\"{}\"", long(4000)); 5].join(",")),
            "the recipe is 20",
        ),
        ("steps = [[\"a\"]]\nshell = true".to_owned(), "unknown field `shell`"),
        ("steps = [[\"a\"]]\nfolder = \"../x\"".to_owned(), "has the part `..`"),
        ("steps = [[\"a\"]]\nfolder = \"/x\"".to_owned(), "is absolute"),
        ("steps = [[\"a\"]]\nfolder = \"\"".to_owned(), "is 0 bytes long"),
        ("steps = [[\"a\"]]\nsource_date = -1".to_owned(), "source_date is -1"),
        ("steps = [[\"a\"]]\nsource_date = \"now\"".to_owned(), "expected \"commit\""),
        ("steps = [[\"a\"]]\nplatforms = [\"amiga\"]".to_owned(), "amiga"),
        ("steps = [[\"a\"]]\ntoolchain.node = \"^20\"".to_owned(), "`^20` is not an exact version"),
        ("steps = [[\"a\"]]\ntoolchain.node = \"\"".to_owned(), "`` is not an exact version"),
        ("steps = [[\"a\"]]\ntoolchain.\"/bin/x\" = \"1\"".to_owned(), "/bin/x"),
        ("steps = [[\"a\"]]\nenvironment.HOME = \"/\"".to_owned(), "`HOME` is set for every build"),
        ("steps = [[\"a\"]]\nenvironment.LC_TIME = \"C\"".to_owned(), "`LC_TIME` is set"),
        ("steps = [[\"a\"]]\nenvironment.PATH = \"/\"".to_owned(), "PATH"),
        ("steps = [[\"a\"]]\nenvironment.LD_PRELOAD = \"x\"".to_owned(), "LD_PRELOAD"),
        ("steps = [[\"a\"]]\nenvironment.NPM_TOKEN = \"x\"".to_owned(), "looks like a secret"),
        ("steps = [[\"a\"]]\nenvironment.api_key = \"x\"".to_owned(), "looks like a secret"),
        ("steps = [[\"a\"]]\nenvironment.X = \"a\\u200bb\"".to_owned(), "the value of `X` is"),
        ("steps = [[\"a\"]]\nsteps = [[\"b\"]]".to_owned(), "duplicate key"),
    ] {
        let error = Project::parse(&format!("[build]\n{table}\n")).unwrap_err();
        assert_eq!(error.code().as_str(), "E_CONFIG");
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains(message), "{table}\n{cause}");
    }
}

#[test]
fn a_table_that_nobody_reads_is_refused() {
    for (text, unknown) in [
        ("[builds]\nsteps = []", "builds"),
        ("name = \"x\"", "name"),
        ("[package]\nname = \"x\"", "name"),
        ("[server]\n", "server"),
    ] {
        let error = Project::parse(text).unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains(&format!("unknown field `{unknown}`")), "{cause}");
    }
    assert!(matches!(Project::parse(&" ".repeat(MAX_BYTES + 1)), Err(ProjectError::Length(_))));
}

#[test]
fn a_key_that_comes_twice_is_refused_in_a_statement_too() {
    for text in [
        r#"{"steps":[["a"]],"steps":[["b"]]}"#,
        r#"{"steps":[["a"]],"environment":{"A":"1","A":"2"}}"#,
        r#"{"steps":[["a"]],"toolchain":{"a":"1","a":"2"}}"#,
    ] {
        let error = serde_json::from_str::<Recipe>(text).unwrap_err().to_string();
        assert!(error.contains("duplicate"), "{text}: {error}");
    }
}

#[test]
fn a_tool_says_its_version_in_its_own_way() {
    for (version, printed, is_named) in [
        ("20.20.2", "v20.20.2\n", true),
        ("10.8.2", "10.8.2\n", true),
        ("3.13.1", "Python 3.13.1\n", true),
        ("1.24.0", "go version go1.24.0 linux/amd64\n", true),
        ("1.95.0", "cargo 1.95.0 (abcdef 2026-05-01)\n", true),
        ("12.2.0", "\ngcc (Debian 12.2.0-14) 12.2.0\n", true),
        ("20.20.2", "v20.20.20\n", false),
        ("20.20.2", "v20.20\n", false),
        ("20.20.2", "tool 1.0.0\nlinked with 20.20.2\n", false),
        ("20.20.2", "", false),
    ] {
        let version: ToolVersion = version.parse().unwrap();
        assert_eq!(version.is_named_in(printed), is_named, "{version} in {printed:?}");
    }
}

#[test]
fn a_record_is_of_the_artifacts_that_were_built_like_that() {
    let (one, two) = (Digest::of(b"one"), Digest::of(b"two"));
    let make = recipe("steps = [[\"make\"]]");
    let record = BuildRecord::with(None, make.clone(), None, two);
    assert!(record.is_of([two]) && !record.is_of([one]) && !record.is_of([one, two]));
    assert!(!record.is_of([]), "nothing was built like that");
    let both = BuildRecord::with(Some(record.clone()), make.clone(), None, one);
    assert!(both.is_of([one, two]));
    let path = Some("packages/weather".parse().unwrap());
    let elsewhere = BuildRecord::with(Some(both.clone()), make, path, one);
    assert!(!elsewhere.is_of([two]), "another source was forgotten");
    let other = recipe("steps = [[\"make\", \"all\"]]");
    assert!(!BuildRecord::with(Some(both), other, None, one).is_of([two]));
    let text = serde_json::to_string(&elsewhere).unwrap();
    assert_eq!(serde_json::from_str::<BuildRecord>(&text).unwrap(), elsewhere);
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
        let _ = Project::parse(&text);
    }

    #[test]
    fn any_recipe_is_read_back_as_itself(
        steps in proptest::collection::vec(
            ("[ -~]{1,20}", proptest::collection::vec("[ -~äß\n\t]{0,20}", 0..4)), 1..4),
        date in proptest::option::of(0_i64..2_000_000_000),
        environment in proptest::collection::btree_map("V_[A-D]{0,6}", "[ -~]{0,12}", 0..3),
        network: bool,
    ) {
        let steps: Vec<Vec<String>> = steps
            .into_iter()
            .map(|(program, rest)| std::iter::once(program).chain(rest).collect())
            .collect();
        let mut value = serde_json::json!({
            "steps": steps, "network": network, "environment": environment,
        });
        if let Some(date) = date {
            value["source_date"] = date.into();
        }
        let recipe: Recipe = serde_json::from_value(value.clone()).unwrap();
        prop_assert_eq!(&serde_json::from_slice::<Recipe>(&recipe.canonical()).unwrap(), &recipe);
        let toml = toml::to_string(&serde_json::json!({ "build": value })).unwrap();
        prop_assert_eq!(Project::parse(&toml).unwrap().build.unwrap(), recipe);
    }
}
