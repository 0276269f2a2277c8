//! Any bytes, as an export.
//!
//! - Reading does not panic, and gives no more than what is in the bytes.
//! - There is no second spelling: what is read is written as the same bytes again.
//! - No path leads out of a folder.
//!
//! Bytes that are changed at random have the wrong checksums, so the same bytes are also
//! tried as paths and contents of an export, which is then cut off at a place that they
//! choose.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpkg_core::tar::{Reader, TarError, TarPath, Writer};

type Members = Vec<(TarPath, Vec<u8>)>;

fn read(bytes: &[u8]) -> Result<Members, TarError> {
    let mut reader = Reader::new(bytes, 1 << 20);
    let mut members = Vec::new();
    while let Some(member) = reader.next(|_, _| Ok(Vec::new()))? {
        members.push(member);
    }
    Ok(members)
}

fn write(members: &[(TarPath, Vec<u8>)]) -> Result<Vec<u8>, TarError> {
    let mut writer = Writer::new(Vec::new());
    for (path, bytes) in members {
        writer.add(path, bytes.len() as u64, &mut &bytes[..])?;
    }
    writer.finish()
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(members) = read(bytes) {
        for (path, _) in &members {
            let is_inside = |name: &str| !matches!(name, "" | "." | "..");
            assert!(path.as_str().split('/').all(is_inside), "{path}");
        }
        assert_eq!(write(&members).expect("it was read in this order"), bytes);
    }
    let members: Members = bytes
        .split(|&byte| byte == b'\n')
        .filter_map(|line| {
            let (path, content) = line.split_at(line.iter().position(|&byte| byte == b' ')?);
            Some((std::str::from_utf8(path).ok()?.parse().ok()?, content.to_vec()))
        })
        .collect();
    let Ok(written) = write(&members) else { return };
    assert_eq!(read(&written).expect("it was written"), members);
    let end = usize::from(bytes.first().copied().unwrap_or(0)) * written.len() / 256;
    assert!(read(&written[..end]).is_err());
});
