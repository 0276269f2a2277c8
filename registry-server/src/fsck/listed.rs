//! What the MCP registry's API lists.
//!
//! A release has to be listed as it was signed. An entry that nobody has signed is nowhere
//! else, so there is little to hold it to: that it can be read, and is about the name and
//! the version that it is found by.

use mcpkg_core::server_json::ForeignServerJson;
use mcpkg_core::{PackageName, Version};

use super::Invariant;
use super::check::{Checker, PAGE, RESTORE_DATABASE};
use super::log::REBUILD;
use crate::start_error::StorageError;
use crate::store::{Release, StoreError, UnsignedRow};

const START: &str = "start the server, which lists it";

impl Checker<'_> {
    /// I6: a release is listed as it was signed.
    pub(super) async fn list_of(
        &mut self,
        name: &PackageName,
        version: &Version,
        of: (&Release, &str),
    ) -> Result<(), StoreError> {
        let (problem, advice) = match self.store().is_listed_as(name, version, of).await? {
            Some(true) => return Ok(()),
            Some(false) => ("it is listed otherwise than it was signed", REBUILD),
            None => ("it is in no list", START),
        };
        self.find(Invariant::I6, format!("{name}@{version}"), problem.to_owned(), advice);
        Ok(())
    }

    /// I1: what nobody has signed can be read, and is what it is found by.
    pub(super) async fn unsigned(&mut self) -> Result<(), StorageError> {
        let mut after = 0;
        loop {
            let page = self.store().unsigned_after(after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.server_id;
            for row in page {
                self.report_mut().unsigned += 1;
                if let Some(problem) = problem(&row) {
                    let subject = format!("{}@{} (unsigned)", row.name_key, row.version);
                    self.find(Invariant::I1, subject, problem, RESTORE_DATABASE);
                }
            }
        }
    }
}

fn problem(row: &UnsignedRow) -> Option<String> {
    let server = match ForeignServerJson::read_lenient(row.document.as_bytes()) {
        Ok(server) => server,
        Err(error) => return Some(format!("its document cannot be read: {error}")),
    };
    if server.name.as_str().to_ascii_lowercase() != row.name_key {
        return Some(format!("its document is about {}", server.name));
    }
    if server.version.as_ref().is_some_and(|version| *version != row.version) {
        return Some("its document is of another version".to_owned());
    }
    row.is_in_the_way.then(|| "a signed package has its name, and it is listed all the same".into())
}
