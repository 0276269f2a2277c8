//! Releases without an artifact: images, and servers that run elsewhere.

mod engine;
mod image;
mod library;
mod login;
mod published;
mod remote;
mod secure;
mod values;
mod whims;

use mcpkg_core::Digest;
use mcpkg_test_support::{TestRemote, World};
use serde_json::{Value, json};

use crate::fixture::{Fixture, NAME, acme};

/// A remote server that wants a secret, and a release that names it.
struct Elsewhere {
    fixture: Fixture,
    remote: TestRemote,
}

/// The secret that it wants.
const TOKEN: &str = "tok-s3cr3t-of-the-remote";

impl Elsewhere {
    /// Published as 1.2.0.
    fn new() -> Self {
        let elsewhere = Self { fixture: Fixture::empty(), remote: TestRemote::start() };
        elsewhere.remote.ask_for(&format!("Bearer {TOKEN}"));
        publish(&elsewhere.fixture, &elsewhere.server("1.2.0"));
        elsewhere
    }

    /// The `server.json` of a version of it.
    fn server(&self, version: &str) -> Value {
        server(version, &format!("{}/{{tenant}}/mcp", self.remote.url()))
    }

    /// Somebody who has installed it, with the secret in a variable.
    fn installed(&self) -> World {
        let developer = self.developer();
        developer.ok(&INSTALL);
        developer
    }

    /// Somebody who has the secret in a variable.
    fn developer(&self) -> World {
        let mut developer = self.fixture.developer();
        developer.set([("THE_TOKEN".to_owned(), TOKEN.to_owned())]);
        developer
    }
}

const INSTALL: [&str; 7] =
    ["install", NAME, "--yes", "--set", "tenant=acme", "--secret", "token=env:THE_TOKEN"];

/// The `server.json` of a version that is at this address.
fn server(version: &str, url: &str) -> Value {
    json!({
        "$schema": mcpkg_core::server_json::SCHEMA,
        "name": NAME,
        "version": version,
        "description": "Tells the weather",
        "remotes": [{
            "type": "streamable-http",
            "url": url,
            "headers": [{
                "name": "Authorization",
                "value": "Bearer {token}",
                "isRequired": true,
                "variables": { "token": { "isSecret": true } },
            }],
            "variables": { "tenant": { "description": "Whose weather" } },
        }],
    })
}

/// The `server.json` of a version that is in this image.
fn in_image(version: &str, image: &str) -> Value {
    json!({
        "$schema": mcpkg_core::server_json::SCHEMA,
        "name": NAME,
        "version": version,
        "description": "Tells the weather",
        "packages": [{
            "registryType": "oci",
            "identifier": image,
            "transport": { "type": "stdio" },
            "packageArguments": [
                { "type": "positional", "value": "serve" },
                { "type": "named", "name": "--city", "default": "Oslo" },
            ],
            "environmentVariables": [{ "name": "API_KEY", "isSecret": true, "isRequired": true }],
        }],
    })
}

/// An image of this content, by its digest.
fn image(content: &str) -> String {
    format!("ghcr.io/acme/weather:1.2.0@{}", Digest::of(content.as_bytes()))
}

/// The same with what it asks for.
fn asking(mut server: Value, permissions: &Value) -> Value {
    server["_meta"] = json!({
        "io.modelcontextprotocol.registry/publisher-provided": {
            "mcpkg": { "permissions": permissions }
        },
    });
    server
}

/// Packs and publishes it, as its author does in CI.
#[track_caller]
fn publish(fixture: &Fixture, server: &Value) {
    let author = fixture.ci(&acme());
    author.file("package/server.json", server.to_string());
    author.ok(&["pack", "package"]);
    author.ok(&["publish"]);
}
