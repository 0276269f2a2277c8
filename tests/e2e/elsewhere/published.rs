//! What an author signs, and what nobody may publish or install.

use mcpkg_test_support::Draft;

use super::*;

#[test]
fn a_release_without_an_artifact_is_its_signed_metadata() {
    let elsewhere = Elsewhere::new();
    let author = elsewhere.fixture.ci(&acme());
    author.file("package/server.json", elsewhere.server("1.3.0").to_string());
    let packed = author.ok(&["pack", "package", "--json"]);
    let summary: Value = serde_json::from_str(&packed.stdout).unwrap();
    let url = format!("{}/{{tenant}}/mcp", elsewhere.remote.url());
    assert_eq!(summary["elsewhere"], json!({ "remote": url }));
    let files: Vec<_> = author.files().into_iter().filter(|it| it.starts_with("dist/")).collect();
    assert_eq!(files, ["dist/server.json"]);
    let published = author.ok(&["publish", "--json"]);
    let summary: Value = serde_json::from_str(&published.stdout).unwrap();
    assert_eq!(summary["log"]["entry"], 1, "it is in the log as any other");

    let release = elsewhere.fixture.release(NAME, "1.3.0");
    assert_eq!(release["artifacts"], json!([]));
    let path = "/v0.1/servers/io.github.acme%2Fweather/versions/1.3.0";
    let listed: Value = elsewhere.fixture.registry.http().get(path).json();
    assert_eq!(listed["server"]["remotes"][0]["url"], url, "and for every other client");
}

#[test]
fn an_image_stands_beside_the_artifact_for_other_clients() {
    let fixture = Fixture::empty();
    let mut draft = Draft::new(NAME, "1.2.0");
    draft.server["packages"] = in_image("1.2.0", &image("one"))["packages"].clone();
    fixture.registry.accept(&draft.sign(&fixture.sigstore, &acme()));
    let path = "/v0.1/servers/io.github.acme%2Fweather/versions/1.2.0";
    let listed: Value = fixture.registry.http().get(path).json();
    let packages = listed["server"]["packages"].as_array().unwrap().iter();
    let kinds: Vec<_> = packages.map(|it| it["registryType"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["mcpb", "oci"]);

    let developer = fixture.developer();
    developer.ok(&["install", NAME, "--yes"]);
    let lock = developer.read(".config/mcpkg/mcpkg.lock");
    assert!(lock.contains("[[server.artifact]]") && !lock.contains("elsewhere"), "{lock}");
}

#[test]
fn what_nobody_could_rely_on_is_not_packed() {
    type Edit = fn(&mut Value);
    let fixture = Fixture::empty();
    let author = fixture.ci(&acme());
    let rows: [(Edit, &str, &str); 7] = [
        (
            |it| it["packages"][0]["identifier"] = "ghcr.io/acme/weather:1.2.0".into(),
            "E_IMAGE",
            "may be another image tomorrow",
        ),
        (
            |it| it["packages"][0]["identifier"] = format!("weather@{}", Digest::of(b"")).into(),
            "E_IMAGE",
            "does not say which registry has it",
        ),
        (
            |it| it["packages"][0]["registryType"] = "npm".into(),
            "E_METADATA",
            "a package of the type `npm`",
        ),
        (
            |it| it["packages"][0]["runtimeArguments"] = json!([]),
            "E_METADATA",
            "unknown field `runtimeArguments`",
        ),
        (
            |it| *it = server("1.2.0", "https://{tenant}.acme.example/mcp"),
            "E_REMOTE",
            "a variable in its host",
        ),
        (
            |it| {
                *it = server("1.2.0", "https://acme.example/{tenant}");
                it["remotes"][0]["type"] = "sse".into();
            },
            "E_REMOTE",
            "the older kind `sse`",
        ),
        (
            |it| *it = server("1.2.0", "http://mcp.acme.example/{tenant}"),
            "E_METADATA",
            "is not an https URL",
        ),
    ];
    for (edit, code, expected) in rows {
        let mut document = in_image("1.2.0", &image("one"));
        edit(&mut document);
        author.file("package/server.json", document.to_string());
        let outcome = author.refused(&["pack", "package"], 3, &[code]);
        assert!(outcome.stderr.contains(expected), "{expected}\n{outcome}");
        // Nor does it get past `publish`, however it came to be there.
        author.file("dist/server.json", document.to_string());
        let outcome = author.refused(&["publish"], 3, &[code]);
        assert!(outcome.stderr.contains(expected), "{expected}\n{outcome}");
    }
    author.file("package/server.json", in_image("1.2.0", &image("one")).to_string());
    author.file("dist/weather-1.1.0.mcpb", "of before");
    let outcome = author.refused(&["pack", "package"], 1, &["E_CONFIG"]);
    assert!(outcome.stderr.contains("weather-1.1.0.mcpb"), "{outcome}");
}
