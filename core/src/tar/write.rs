//! Writing an export.

use std::io::{Read, Write};

use super::header::{MAX_SIZE, header};
use super::{BLOCK, TarError, TarPath, padding};

/// Writes an export, one member after the other.
#[derive(Debug)]
pub struct Writer<W> {
    output: W,
    previous: Option<TarPath>,
}

impl<W: Write> Writer<W> {
    /// Writes to `output`.
    pub fn new(output: W) -> Self {
        Self { output, previous: None }
    }

    /// Adds a member of `size_bytes`, which are what `input` has.
    ///
    /// # Errors
    ///
    /// [`TarError::Order`] if its path does not come after the one before,
    /// [`TarError::Changed`] if `input` is shorter or longer.
    pub fn add(
        &mut self,
        path: &TarPath,
        size_bytes: u64,
        input: &mut impl Read,
    ) -> Result<(), TarError> {
        if let Some(previous) = self.previous.as_ref().filter(|&previous| previous >= path) {
            let (path, previous) = (path.to_string(), previous.to_string());
            return Err(TarError::Order { path, previous });
        }
        if size_bytes > MAX_SIZE {
            let path = path.to_string();
            return Err(TarError::TooLong { path, size: size_bytes, limit: MAX_SIZE });
        }
        self.put(&header(path, size_bytes))?;
        let mut part = input.by_ref().take(size_bytes);
        let copied = std::io::copy(&mut part, &mut self.output).map_err(TarError::writing)?;
        let is_longer = input.read(&mut [0]).map_err(TarError::reading)? > 0;
        if copied != size_bytes || is_longer {
            return Err(TarError::Changed(path.to_string()));
        }
        self.put(&[0; BLOCK][..padding(size_bytes)])?;
        self.previous = Some(path.clone());
        Ok(())
    }

    /// Writes the end, and gives back what was written to.
    pub fn finish(mut self) -> Result<W, TarError> {
        self.put(&[0; 2 * BLOCK])?;
        self.output.flush().map_err(TarError::writing)?;
        Ok(self.output)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), TarError> {
        self.output.write_all(bytes).map_err(TarError::writing)
    }
}
