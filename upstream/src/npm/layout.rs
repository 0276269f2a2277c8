//! From tarballs to the files of a server, as `npm ci` would lay them out.

use std::collections::BTreeMap;

use mcpkg_core::archive::{ArchiveError, ArchivePath};
use mcpkg_core::json;
use serde::Deserialize;
use serde_json::Value;

use crate::closure::{Closure, Member};
use crate::error::{Result, UpstreamError};
use crate::server::{Server, plain};
use crate::tree::Tree;
use crate::{gzip, tar};

/// The longest `package.json`, in bytes.
const MAX_PACKAGE_JSON: usize = 4 << 20;

#[derive(Deserialize)]
struct PackageJson {
    name: String,
    version: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    author: Option<Value>,
    #[serde(default)]
    license: Option<Value>,
    #[serde(default)]
    bin: Option<Bin>,
    #[serde(default)]
    engines: Option<Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Bin {
    One(String),
    Several(BTreeMap<String, String>),
}

/// Adds the files of a package, from its tarball.
pub(crate) fn unpack(member: &Member, tarball: &[u8], tree: &mut Tree) -> Result<()> {
    let refused = |source| UpstreamError::Tarball { release: member.release.clone(), source };
    let inflated = gzip::inflate_whole(tarball).map_err(refused)?;
    for file in tar::files(&inflated).map_err(refused)? {
        let path = format!("{}/{}", member.place, file.path);
        let path = path.parse::<ArchivePath>().map_err(|source| UpstreamError::Archive {
            release: member.release.clone(),
            source: Box::new(ArchiveError::Path(source)),
        })?;
        tree.add(path, file.is_executable, file.content)?;
    }
    Ok(())
}

/// The server of a package that has been unpacked.
///
/// # Errors
///
/// [`UpstreamError::NoServer`] if its `package.json` names no program, or several of which
/// none has its name; [`UpstreamError::Carried`] if that is of another release.
pub(crate) fn server(closure: &Closure, tree: &Tree) -> Result<Server> {
    let root = closure.root();
    let release = &root.release;
    let no_server =
        |reason: &str| UpstreamError::NoServer { release: release.clone(), reason: reason.into() };
    let bytes = tree.read(&format!("{}/package.json", root.place))?;
    let bytes = bytes.ok_or_else(|| no_server("it has no package.json"))?;
    let value = json::parse(&bytes, MAX_PACKAGE_JSON).map_err(|it| no_server(&it.to_string()))?;
    let package: PackageJson =
        json::from_value(&value).map_err(|error| no_server(&error.to_string()))?;
    if package.name != release.package().name() || package.version != release.version() {
        let stated = plain(&format!("{}@{}", package.name, package.version), 120);
        return Err(UpstreamError::Carried(format!("`{release}` calls itself `{stated}`")));
    }
    let program = match package.bin {
        None => return Err(no_server("its package.json names no program in `bin`")),
        Some(Bin::One(path)) => path,
        Some(Bin::Several(programs)) => {
            let own = programs.get(release.package().short());
            let sole = programs.values().next().filter(|_| programs.len() == 1);
            own.or(sole).cloned().ok_or_else(|| {
                let names: Vec<_> = programs.keys().map(|name| plain(name, 60)).collect();
                no_server(&format!("it has several programs: {}", names.join(", ")))
            })?
        }
    };
    let program = program.strip_prefix("./").unwrap_or(&program);
    let entry_point = format!("{}/{program}", root.place);
    let script = tree.read(&entry_point)?.ok_or_else(|| no_server("its program is not in it"))?;
    if let Some(first) = script.strip_prefix(b"#!") {
        let line = first.split(|&byte| byte == b'\n').next().unwrap_or_default();
        if !line.windows(4).any(|word| word == b"node") {
            return Err(no_server("its program is not for node"));
        }
    }
    let text = |value: &Option<Value>, field: &str| {
        let value = value.as_ref()?;
        let text = value.as_str().or_else(|| value.get(field)?.as_str())?;
        Some(plain(text, 200)).filter(|text| !text.is_empty())
    };
    let described = plain(package.description.as_deref().unwrap_or_default(), 1000);
    let description = if described.is_empty() { release.to_string() } else { described };
    Ok(Server {
        description,
        author: text(&package.author, "name").unwrap_or_else(|| "unknown".to_owned()),
        license: text(&package.license, "type"),
        kind: "node",
        command: ("node", "node"),
        options: &[],
        entry_point,
        env: serde_json::json!({}),
        runtime: text(&package.engines, "node"),
    })
}
