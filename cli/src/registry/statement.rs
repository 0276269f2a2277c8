//! Stating something about a package.

use mcpkg_core::api::LoggedStatement;
use tokio::time::Instant;

use super::{BASE_DEADLINE, Registry, read_json};
use crate::error::Result;

impl Registry {
    /// Sends the Sigstore bundle of a statement, to be logged. The same again is
    /// answered as the first time.
    pub fn state(&self, bundle: &[u8]) -> Result<LoggedStatement> {
        let url = self.url(&["v1", "statements"]);
        self.runtime.block_on(async {
            let deadline = Instant::now() + BASE_DEADLINE;
            let request = self
                .http
                .post(url.clone())
                .header("content-type", "application/json")
                .body(bundle.to_vec());
            let response = self.send(request, &url, deadline).await?;
            read_json(response, &url, deadline).await
        })
    }
}
