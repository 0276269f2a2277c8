//! Holds a manifest to the documents around it.

use super::{Manifest, ManifestError};
use crate::System;
use crate::server_json::ServerJson;

impl Manifest {
    /// Checks that the manifest is of the release that `server` describes.
    ///
    /// The versions are equal as text. The manifest's name is the package's, or
    /// the part after the slash, in any case: MCPB names have no namespace, and
    /// another program shows them to the same user.
    ///
    /// # Errors
    ///
    /// [`ManifestError::VersionDiffers`] and [`ManifestError::NameDiffers`].
    pub fn agrees_with(&self, server: &ServerJson) -> Result<(), ManifestError> {
        let version = server.version().to_string();
        if self.version != version {
            return Err(ManifestError::VersionDiffers {
                manifest: self.version.clone(),
                package: version,
            });
        }
        let name = server.name();
        let is_same = |other: &str| self.name.eq_ignore_ascii_case(other);
        if !is_same(name.as_str()) && !is_same(name.short()) {
            return Err(ManifestError::NameDiffers {
                manifest: self.name.clone(),
                package: name.to_string(),
            });
        }
        Ok(())
    }

    /// Checks that the archive with the files `paths` is all that is needed to
    /// start the server.
    ///
    /// The entry point is there, for a binary also with `.exe`; a server of type
    /// `uv` brings wheels; and the command line of every system that the
    /// manifest is for is one that we launch.
    ///
    /// # Errors
    ///
    /// [`ManifestError::NoEntryPoint`], [`ManifestError::NoWheels`] and
    /// [`ManifestError::Command`].
    pub fn check_against_paths<'a>(
        &self,
        paths: impl Iterator<Item = &'a str>,
    ) -> Result<(), ManifestError> {
        let entry_point = &self.server.entry_point;
        let (mut has_entry_point, mut has_wheel) = (false, false);
        for path in paths {
            has_entry_point |=
                path == entry_point || path.strip_suffix(".exe") == Some(entry_point);
            has_wheel |= path.strip_suffix(".whl").is_some_and(|stem| !stem.is_empty());
        }
        if !has_entry_point {
            return Err(ManifestError::NoEntryPoint(entry_point.clone()));
        }
        if self.needs_wheels() && !has_wheel {
            return Err(ManifestError::NoWheels);
        }
        for system in [System::Darwin, System::Linux, System::Windows] {
            if self.supports(system) {
                self.check_command(system)?;
            }
        }
        Ok(())
    }
}
