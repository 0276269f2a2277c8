//! A closure as a lock has it: a line of JSON for each file.
//!
//! ```text
//! {"release":"npm:@acme/weather@1.2.0","place":"node_modules/@acme/weather","integrity":"sha512-…",
//!  "url":"https://registry.npmjs.org/@acme/weather/-/weather-1.2.0.tgz","needs":["node_modules/clouds"]}
//! {"release":"npm:clouds@2.0.0","place":"node_modules/clouds","integrity":"sha512-…","url":"…","license":"MIT"}
//! ```
//!
//! With its platform and runtime that is all that an artifact is made of, so whoever has a
//! lock makes the same bytes, and the ecosystem's tool chooses nothing again. A lock may come
//! from somebody else: what is read here is held to what could have been chosen.

use std::collections::BTreeMap;

use mcpkg_core::{Platform, json};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::closure::{Closure, Member};
use crate::error::{Result, UpstreamError};
use crate::pypi::report::WheelName;
use crate::{Ecosystem, Integrity, Release, npm};

/// The longest line, in bytes.
const MAX_LINE_BYTES: usize = 64 << 10;

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Line {
    release: Release,
    place: String,
    integrity: Integrity,
    url: Url,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    license: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    needs: Vec<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    has_script: bool,
}

/// The files of `closure`, a line for each.
pub fn write(closure: &Closure) -> String {
    let mut text = String::new();
    for member in &closure.members {
        let line = Line {
            release: member.release.clone(),
            place: member.place.clone(),
            integrity: member.integrity,
            url: member.url.clone(),
            license: member.license.clone(),
            needs: member.needs.iter().map(|&at| closure.members[at].place.clone()).collect(),
            has_script: member.has_script,
        };
        // It has no map whose keys are not strings.
        text.push_str(&serde_json::to_string(&line).unwrap_or_default());
        text.push('\n');
    }
    text
}

/// The closure of `release` in the lines of a lock, each file of which is where `is_asked`
/// says that somebody is asked.
///
/// # Errors
///
/// [`UpstreamError::Pinned`] for what could not have been chosen: a file of another
/// ecosystem, in a place that is none, twice in one, or from elsewhere.
pub fn read(
    lines: &str,
    release: &Release,
    (platform, runtime): (Platform, Option<&str>),
    is_asked: impl Fn(&Url) -> bool,
) -> Result<Closure> {
    let unusable = |reason: String| UpstreamError::Pinned { release: release.clone(), reason };
    let ecosystem = release.package().ecosystem();
    let mut read = Vec::new();
    let mut index = BTreeMap::new();
    for text in lines.lines() {
        let value = json::parse(text.as_bytes(), MAX_LINE_BYTES)
            .map_err(|error| unusable(error.to_string()))?;
        let line: Line = json::from_value(&value).map_err(|error| unusable(error.to_string()))?;
        let (place, from) = (&line.place, &line.release);
        let is_place = match ecosystem {
            Ecosystem::Npm => npm::lock::name_at(place).is_some(),
            Ecosystem::PyPi => WheelName::of(place).is_some_and(|it| it.is_of(from.package())),
        };
        if from.package().ecosystem() != ecosystem || !is_place {
            return Err(unusable(format!("`{from}` has no place in it")));
        }
        if !is_asked(&line.url) {
            let host = line.url.host_str().unwrap_or("nowhere");
            return Err(unusable(format!("`{from}` is at `{host}`, which is not asked")));
        }
        if index.insert(line.place.clone(), read.len()).is_some() {
            return Err(unusable(format!("`{from}` is where another is")));
        }
        if read.len() == npm::lock::MAX_MEMBERS {
            return Err(unusable("it is of too many files".to_owned()));
        }
        read.push(line);
    }
    match read.first() {
        Some(first) if first.release == *release => {}
        _ => return Err(unusable("its first file is not the release itself".to_owned())),
    }
    let members = read.into_iter().map(|line| {
        let Line { release, place, integrity, url, license, needs, has_script } = line;
        let needs = needs.iter().map(|place| index.get(place).copied());
        let needs = needs.collect::<Option<Vec<_>>>();
        let needs =
            needs.ok_or_else(|| unusable(format!("`{release}` needs what is not there")))?;
        Ok(Member {
            release,
            place,
            integrity,
            url,
            license,
            needs,
            has_script,
            is_yanked: None,
            deprecated: None,
        })
    });
    let members = members.collect::<Result<_>>()?;
    Ok(Closure { platform, runtime: runtime.map(str::to_owned), members })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: &str = "node_modules/";

    fn closure() -> Closure {
        let member = |release: &str, place: &str, needs: Vec<usize>| Member {
            release: release.parse().unwrap(),
            place: format!("{PLACE}{place}"),
            integrity: Integrity::Sha512([7; 64]),
            url: format!("https://registry.example/{place}.tgz").parse().unwrap(),
            license: Some("MIT \"or\" so".to_owned()),
            needs,
            has_script: place == "clouds",
            is_yanked: None,
            deprecated: None,
        };
        Closure {
            platform: "linux-x86_64".parse().unwrap(),
            runtime: None,
            members: vec![
                member("npm:@acme/weather@1.2.0", "@acme/weather", vec![1]),
                member("npm:clouds@2.0.0", "clouds", Vec::new()),
            ],
        }
    }

    fn again(lines: &str) -> Result<Closure> {
        let release = closure().members[0].release.clone();
        let is_asked = |url: &Url| url.host_str() == Some("registry.example");
        read(lines, &release, (closure().platform, None), is_asked)
    }

    #[test]
    fn a_closure_is_read_as_it_was_written() {
        let lines = write(&closure());
        assert_eq!(lines.lines().count(), 2);
        assert_eq!(again(&lines).unwrap(), closure());
    }

    #[test]
    fn what_could_not_have_been_chosen_is_refused() {
        let lines = write(&closure());
        let first = lines.lines().next().unwrap();
        for (what, changed) in [
            ("a place outside", lines.replace("node_modules/clouds", "node_modules/../clouds")),
            ("a place of ours", lines.replace("node_modules/clouds", ".mcpkg/upstream")),
            ("another server", lines.replacen("registry.example/clouds", "evil.example/c", 1)),
            ("another release", lines.replacen("weather@1.2.0", "weather@1.2.1", 1)),
            ("another ecosystem", lines.replacen("npm:clouds", "pypi:clouds", 1)),
            ("a weak digest", lines.replacen("sha512-", "sha1-", 1)),
            ("one place twice", format!("{lines}{first}\n")),
            ("a need that is not there", first.to_owned()),
            ("a word that nobody knows", lines.replacen("hasScript", "runScript", 1)),
            ("nothing", String::new()),
        ] {
            assert_ne!(changed, lines, "{what}");
            let error = again(&changed).unwrap_err();
            assert!(matches!(error, UpstreamError::Pinned { .. }), "{what}: {error}");
        }
    }
}
