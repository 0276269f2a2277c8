//! Reading an export.

use std::io::{self, Read, Write};

use super::header::{RECORDS, field, header};
use super::{BLOCK, MAX_PATH_LEN, TarError, TarPath, padding};

/// How much of a member is read at once, in bytes.
const PIECE_BYTES: u64 = 64 * 1024;

/// Reads the members of an export, one after the other.
///
/// What was read of a member is to be used only once the end was reached without an
/// error: until then nobody knows whether the archive is whole.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    position: u64,
    previous: Option<TarPath>,
    limit_bytes: u64,
}

impl<R: Read> Reader<R> {
    /// Reads from `input`, in which no member may be longer than `limit_bytes`.
    pub fn new(input: R, limit_bytes: u64) -> Self {
        Self { input, position: 0, previous: None, limit_bytes }
    }

    /// Reads the next member into what `place` makes for its path and size. `None` after
    /// the last, once the end of the file was seen.
    ///
    /// # Errors
    ///
    /// [`TarError`] if the archive is not as exports are written, and whatever `place`
    /// or the writer fails with, as [`TarError::Io`].
    pub fn next<W: Write>(
        &mut self,
        place: impl FnOnce(&TarPath, u64) -> io::Result<W>,
    ) -> Result<Option<(TarPath, W)>, TarError> {
        let Some((path, size)) = self.header()? else { return self.end().map(|()| None) };
        let mut output = place(&path, size).map_err(TarError::writing)?;
        self.copy(size, &mut output)?;
        let mut zeros = [0; BLOCK];
        let zeros = &mut zeros[..padding(size)];
        self.fill(zeros)?;
        if zeros.iter().any(|&byte| byte != 0) {
            return Err(TarError::Padding(path.to_string()));
        }
        self.previous = Some(path.clone());
        Ok(Some((path, output)))
    }

    /// The path and size of the next member; `None` at the first block of the end.
    fn header(&mut self) -> Result<Option<(TarPath, u64)>, TarError> {
        let begin = self.position;
        let mut bytes = vec![0; BLOCK];
        self.fill(&mut bytes)?;
        if bytes.iter().all(|&byte| byte == 0) {
            return Ok(None);
        }
        let malformed = || TarError::Header(begin);
        let named = if bytes[field::KIND] == RECORDS {
            let len = octal(&bytes[field::SIZE]).ok_or_else(malformed)?;
            let len = usize::try_from(len).ok().filter(|&len| len <= MAX_PATH_LEN + 16);
            let len = len.ok_or_else(malformed)?;
            let records = self.more(&mut bytes, len + padding(len as u64))?;
            let name = name_in(&records[..len]).ok_or_else(malformed)?.to_owned();
            self.more(&mut bytes, BLOCK)?;
            name
        } else {
            let name = &bytes[field::NAME];
            let end = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
            str::from_utf8(&name[..end]).map_err(|_| malformed())?.to_owned()
        };
        let last = &bytes[bytes.len() - BLOCK..];
        let size = octal(&last[field::SIZE]).ok_or_else(malformed)?;
        let path: TarPath = named.parse()?;
        // Everything else in a header follows from these two.
        if header(&path, size) != bytes {
            return Err(malformed());
        }
        if size > self.limit_bytes {
            let (path, limit) = (path.to_string(), self.limit_bytes);
            return Err(TarError::TooLong { path, size, limit });
        }
        if let Some(previous) = self.previous.as_ref().filter(|&previous| *previous >= path) {
            let (path, previous) = (path.to_string(), previous.to_string());
            return Err(TarError::Order { path, previous });
        }
        Ok(Some((path, size)))
    }

    /// The second block of the end, and then nothing.
    fn end(&mut self) -> Result<(), TarError> {
        let mut block = [0; BLOCK];
        self.fill(&mut block)?;
        if block.iter().any(|&byte| byte != 0) {
            return Err(TarError::Trailing);
        }
        match self.input.read(&mut block[..1]).map_err(TarError::reading)? {
            0 => Ok(()),
            _ => Err(TarError::Trailing),
        }
    }

    fn copy(&mut self, size: u64, output: &mut impl Write) -> Result<(), TarError> {
        let mut piece = vec![0; usize::try_from(size.min(PIECE_BYTES)).unwrap_or(BLOCK)];
        let mut left = size;
        while left > 0 {
            let len = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
            self.fill(&mut piece[..len])?;
            output.write_all(&piece[..len]).map_err(TarError::writing)?;
            left -= len as u64;
        }
        Ok(())
    }

    /// Reads `len` bytes more behind `bytes`, and gives those.
    fn more<'a>(&mut self, bytes: &'a mut Vec<u8>, len: usize) -> Result<&'a [u8], TarError> {
        let begin = bytes.len();
        bytes.resize(begin + len, 0);
        self.fill(&mut bytes[begin..])?;
        Ok(&bytes[begin..])
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), TarError> {
        self.input.read_exact(bytes).map_err(TarError::reading)?;
        self.position += bytes.len() as u64;
        Ok(())
    }
}

/// A number in octal, up to the zero at its end.
fn octal(field: &[u8]) -> Option<u64> {
    let (digits, end) = field.split_at(field.len() - 1);
    let is_number = end == [0] && digits.iter().all(|digit| matches!(digit, b'0'..=b'7'));
    let text = is_number.then(|| str::from_utf8(digits).ok()).flatten()?;
    u64::from_str_radix(text, 8).ok()
}

/// The path in a record.
fn name_in(record: &[u8]) -> Option<&str> {
    let text = str::from_utf8(record).ok()?;
    text.split_once(" path=")?.1.strip_suffix('\n')
}
