//! Building where the source is, for `mcpkg pack`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use mcpkg_core::Code;
use mcpkg_core::archive::ArchivePath;
use mcpkg_core::project::{Recipe, SourceDate};

use super::{Confinement, Output, Site, build};
use crate::error::{Error, Result};
use crate::ops::source;

/// How long a build in place may take. Whoever runs it watches it.
const TIMEOUT: Duration = Duration::from_hours(6);

/// What was built in place.
#[derive(Debug)]
pub struct BuiltInPlace {
    /// The folder to pack.
    pub folder: PathBuf,
    /// The source folder, from the root of its repository; `None` is the root.
    pub path: Option<ArchivePath>,
}

/// Follows `recipe` in `folder`, with the tools on `search`.
///
/// It is not confined: the author's own source is trusted on the author's own
/// machine. Its environment is as clean as that of a rebuild, so that what
/// depends on anything else is noticed here.
pub fn in_place(
    recipe: &Recipe,
    folder: &Path,
    home: &Path,
    search: &[PathBuf],
    output: Output<'_>,
) -> Result<BuiltInPlace> {
    let failed = |source| Error::Read { path: folder.to_owned(), source };
    let source = dunce::canonicalize(folder).map_err(failed)?;
    let place = source::place(&source);
    let source_date = match recipe.source_date() {
        SourceDate::Seconds(seconds) => seconds,
        SourceDate::Commit => {
            place.as_ref().map(|place| place.committed_at).ok_or_else(no_commit)?
        }
    };
    let scratch = tempfile::tempdir()
        .map_err(|source| Error::Write { path: std::env::temp_dir(), source })?;
    let site = Site {
        source: &source,
        folder: Path::new(""),
        scratch: scratch.path(),
        search,
        toolchains: &[],
        home,
        source_date,
        timeout: TIMEOUT,
        output,
    };
    let reason = "it was built in place".to_owned();
    let built = build(recipe, &site, &Confinement::Unconfined { reason })
        .map_err(Error::wrap(format!("`{}` could not be built", folder.display())))?;
    Ok(BuiltInPlace { folder: built.folder, path: place.and_then(|place| place.path) })
}

fn no_commit() -> Error {
    Error::Failed {
        context: "the recipe takes its date from the commit, and there is none here".to_owned(),
        code: Code::Source,
        hint: Some("build in a git checkout, or set `source_date` to seconds since 1970"),
        source: "git knows no commit of this folder".into(),
    }
}
