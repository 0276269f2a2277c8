//! Builds archives that break one rule.

use miniz_oxide::deflate::compress_to_vec;

use super::super::record::{CentralHeader, EndRecord, METHOD_DEFLATE, METHOD_STORED, Member};

/// An archive in pieces, each of which a test may change.
pub(super) struct Raw {
    pub(super) files: Vec<RawFile>,
    /// What stands between the last file and the central directory.
    pub(super) gap: Vec<u8>,
    pub(super) end: EndRecord,
    /// What follows the end record.
    pub(super) after: Vec<u8>,
}

pub(super) struct RawFile {
    /// What stands before the local header.
    pub(super) before: Vec<u8>,
    pub(super) local: Member,
    pub(super) local_name: Vec<u8>,
    pub(super) local_extra: Vec<u8>,
    pub(super) data: Vec<u8>,
    pub(super) descriptor: Vec<u8>,
    pub(super) central: CentralHeader,
    pub(super) central_name: Vec<u8>,
    pub(super) central_extra: Vec<u8>,
    pub(super) comment: Vec<u8>,
}

impl RawFile {
    /// A deflated file, made on Unix with mode 0644.
    pub(super) fn new(name: &str, content: &[u8]) -> Self {
        let data = compress_to_vec(content, 6);
        let member = Member {
            version_needed: 20,
            flags: 1 << 11,
            method: METHOD_DEFLATE,
            time: 0,
            date: 33,
            crc32: crc32fast::hash(content),
            compressed_size: data.len().try_into().unwrap(),
            size: content.len().try_into().unwrap(),
            name_len: 0,
            extra_len: 0,
        };
        let central = CentralHeader {
            made_by: 0x0314,
            member,
            comment_len: 0,
            disk: 0,
            internal_attributes: 0,
            external_attributes: 0o100_644 << 16,
            offset: 0,
        };
        Self {
            before: vec![],
            local: member,
            local_name: name.into(),
            local_extra: vec![],
            data,
            descriptor: vec![],
            central,
            central_name: name.into(),
            central_extra: vec![],
            comment: vec![],
        }
    }

    /// The same file, stored.
    pub(super) fn stored(name: &str, content: &[u8]) -> Self {
        let mut file = Self::new(name, content);
        file.data = content.to_vec();
        file.both(|member| {
            member.method = METHOD_STORED;
            member.compressed_size = member.size;
        });
        file
    }

    /// Changes both headers alike.
    pub(super) fn both(&mut self, change: impl Fn(&mut Member)) {
        change(&mut self.local);
        change(&mut self.central.member);
    }

    /// Changes the name in both headers.
    pub(super) fn rename(&mut self, name: impl AsRef<[u8]>) {
        self.local_name = name.as_ref().to_vec();
        self.central_name = name.as_ref().to_vec();
    }

    /// Moves CRC and sizes behind the data, as streaming writers do.
    pub(super) fn stream(&mut self) {
        self.both(|member| member.flags |= 1 << 3);
        self.descriptor = self.central.member.to_descriptor().to_vec();
        self.local = Member { crc32: 0, compressed_size: 0, size: 0, ..self.local };
    }
}

impl Raw {
    /// An archive that is accepted.
    pub(super) fn of(files: impl IntoIterator<Item = RawFile>) -> Self {
        let end = EndRecord {
            disk: 0,
            directory_disk: 0,
            entries_on_disk: 0,
            entries: 0,
            directory_size: 0,
            directory_offset: 0,
            comment_len: 0,
        };
        let mut raw = Self { files: files.into_iter().collect(), gap: vec![], end, after: vec![] };
        raw.settle();
        raw
    }

    /// An archive of a manifest and a program.
    pub(super) fn sample() -> Self {
        let program = b"console.log('hello')\n".repeat(20);
        Self::of([
            RawFile::new("manifest.json", br#"{"manifest_version":"0.3"}"#),
            RawFile::new("server/index.js", &program),
        ])
    }

    /// Makes lengths, offsets and counts true again.
    pub(super) fn settle(&mut self) {
        let len = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap();
        let mut offset = 0;
        for file in &mut self.files {
            file.local.name_len = len(&file.local_name);
            file.local.extra_len = len(&file.local_extra);
            file.central.member.name_len = len(&file.central_name);
            file.central.member.extra_len = len(&file.central_extra);
            file.central.comment_len = len(&file.comment);
            offset += file.before.len();
            file.central.offset = offset.try_into().unwrap();
            offset += file.local_bytes().len();
        }
        self.end.directory_offset = (offset + self.gap.len()).try_into().unwrap();
        self.end.directory_size = self.directory().len().try_into().unwrap();
        self.end.entries = self.files.len().try_into().unwrap();
        self.end.entries_on_disk = self.end.entries;
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for file in &self.files {
            bytes.extend(&file.before);
            bytes.extend(file.local_bytes());
        }
        bytes.extend(&self.gap);
        bytes.extend(self.directory());
        self.end.write(&mut bytes);
        bytes.extend(&self.after);
        bytes
    }

    pub(super) fn directory(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for file in &self.files {
            file.central.write(&mut bytes);
            bytes.extend(&file.central_name);
            bytes.extend(&file.central_extra);
            bytes.extend(&file.comment);
        }
        bytes
    }
}

impl RawFile {
    pub(super) fn local_bytes(&self) -> Vec<u8> {
        let header = self.local.to_local();
        [header, self.local_name.clone(), self.local_extra.clone(), self.data.clone()]
            .concat()
            .into_iter()
            .chain(self.descriptor.clone())
            .collect()
    }
}
