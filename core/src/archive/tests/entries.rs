//! Entries that two readers see differently. Each row changes one thing.

use super::raw::{Raw, RawFile};
use super::{Change, check, refusal};

#[test]
fn an_entry_is_stored_or_deflated_and_nothing_else() {
    check(&[
        (
            "encryption",
            |raw| raw.files[0].both(|member| member.flags |= 1),
            "E_ZIP: `manifest.json` is encrypted",
        ),
        (
            "strong encryption",
            |raw| raw.files[0].both(|member| member.flags |= 1 << 6),
            "E_ZIP: `manifest.json` is encrypted",
        ),
        (
            "an encrypted directory",
            |raw| raw.files[0].both(|member| member.flags |= 1 << 13),
            "E_ZIP: `manifest.json` is encrypted",
        ),
        (
            "patched data",
            |raw| raw.files[0].both(|member| member.flags |= 1 << 5),
            "E_ZIP: `manifest.json` has unknown flags 0x0820",
        ),
        (
            "bzip2",
            |raw| raw.files[0].both(|member| member.method = 12),
            "E_ZIP: `manifest.json` is compressed with method 12, expected stored or deflate",
        ),
        (
            "zip64's version",
            |raw| raw.files[0].both(|member| member.version_needed = 45),
            "E_ZIP: `manifest.json` needs version 45 of the format, expected 10 to 20",
        ),
        (
            "a comment",
            |raw| {
                raw.files[0].comment = b"hello".to_vec();
                raw.settle();
            },
            "E_ZIP: `manifest.json` has a comment of 5 bytes",
        ),
        (
            "another disk",
            |raw| raw.files[0].central.disk = 1,
            "E_ZIP: `manifest.json` is on another disk",
        ),
        (
            "reserved attributes",
            |raw| raw.files[0].central.internal_attributes = 2,
            "E_ZIP: `manifest.json` has reserved attributes 0x2",
        ),
        (
            "another system",
            |raw| raw.files[0].central.made_by = 0x0714,
            "E_ZIP: `manifest.json` was made on system 7, expected DOS (0) or Unix (3)",
        ),
        (
            "Unix permissions on DOS",
            |raw| raw.files[0].central.made_by = 20,
            "E_ZIP: `manifest.json` has Unix permissions, but was not made on Unix",
        ),
        (
            "a name that is neither ASCII nor UTF-8",
            |raw| {
                raw.files[0].rename("café");
                raw.files[0].both(|member| member.flags = 0);
                raw.settle();
            },
            r"E_ZIP: `café` has a name in an unknown encoding",
        ),
    ]);
}

#[test]
fn zip64_is_refused_wherever_it_appears() {
    const EXTRA: [u8; 12] = [1, 0, 8, 0, 26, 0, 0, 0, 0, 0, 0, 0];
    check(&[
        (
            "a central zip64 field",
            |raw| {
                raw.files[0].central_extra = EXTRA.to_vec();
                raw.settle();
            },
            "E_ZIP: `manifest.json` uses zip64, which one of its size does not need",
        ),
        (
            "a local zip64 field",
            |raw| {
                raw.files[0].local_extra = EXTRA.to_vec();
                raw.settle();
            },
            "E_ZIP: `manifest.json` uses zip64, which one of its size does not need",
        ),
        (
            "a size that refers to one",
            |raw| raw.files[0].both(|member| member.size = u32::MAX),
            "E_ZIP: `manifest.json` uses zip64, which one of its size does not need",
        ),
        (
            "an offset that refers to one",
            |raw| raw.files[0].central.offset = u32::MAX,
            "E_ZIP: `manifest.json` uses zip64, which one of its size does not need",
        ),
        (
            "an end record that refers to another",
            |raw| raw.end.entries = u16::MAX,
            "E_ZIP: the archive uses zip64, which one of this size does not need",
        ),
        (
            "a directory offset that refers to another",
            |raw| raw.end.directory_offset = u32::MAX,
            "E_ZIP: the archive uses zip64, which one of this size does not need",
        ),
        (
            "a locator before the end record",
            |raw| {
                let locator = [&b"PK\x06\x07"[..], &[0; 16]].concat();
                raw.files[1].comment = locator;
                raw.settle();
            },
            "E_ZIP: the archive uses zip64, which one of this size does not need",
        ),
    ]);
}

#[test]
fn extra_fields_may_not_change_what_an_entry_is() {
    check(&[
        (
            "another name",
            |raw| {
                raw.files[0].central_extra = b"up\x06\0\x01aaaab".to_vec();
                raw.settle();
            },
            "E_ZIP: `manifest.json` has the extra field 0x7075",
        ),
        (
            "another name, locally",
            |raw| {
                raw.files[0].local_extra = b"up\x06\0\x01aaaab".to_vec();
                raw.settle();
            },
            "E_ZIP: `manifest.json` has the extra field 0x7075",
        ),
        (
            "a field that ends after the fields do",
            |raw| {
                raw.files[0].central_extra = b"UT\x05\0\x01aaa".to_vec();
                raw.settle();
            },
            "E_ZIP: `manifest.json` has malformed extra fields",
        ),
        (
            "bytes that are no field",
            |raw| {
                raw.files[0].central_extra = b"UT\0".to_vec();
                raw.settle();
            },
            "E_ZIP: `manifest.json` has malformed extra fields",
        ),
        (
            "a field twice",
            |raw| {
                raw.files[0].central_extra = b"UT\0\0UT\0\0".to_vec();
                raw.settle();
            },
            "E_ZIP: `manifest.json` has malformed extra fields",
        ),
        (
            "more than the known fields hold",
            |raw| {
                raw.files[0].local_extra = vec![0; 60_000];
                raw.settle();
            },
            "E_ZIP: `manifest.json` has malformed extra fields",
        ),
    ]);
}

#[test]
fn data_descriptors_tell_the_truth_or_are_refused() {
    let streamed = || {
        let mut raw = Raw::sample();
        raw.files[0].stream();
        raw.settle();
        raw
    };
    assert_eq!(refusal(&streamed().bytes()), "accepted");
    let disagrees =
        "E_ZIP: `manifest.json` has a data descriptor that disagrees with the central directory";
    for (what, change, expected) in [
        (
            "a local header that knew as much",
            (|raw| raw.files[0].local = raw.files[0].central.member) as Change,
            "accepted",
        ),
        ("another CRC", |raw| raw.files[0].descriptor[4] ^= 1, disagrees),
        ("another compressed size", |raw| raw.files[0].descriptor[8] ^= 1, disagrees),
        ("another size", |raw| raw.files[0].descriptor[12] ^= 1, disagrees),
        ("another signature", |raw| raw.files[0].descriptor[0] ^= 1, disagrees),
        (
            "a local header that knew better",
            |raw| raw.files[0].local.size = 5,
            "E_ZIP: `manifest.json` has another size in its local header",
        ),
        (
            "no descriptor",
            |raw| {
                raw.files[0].descriptor.clear();
                raw.settle();
            },
            disagrees,
        ),
        (
            "a flag in one header only",
            |raw| raw.files[0].central.member.flags &= !(1 << 3),
            "E_ZIP: `manifest.json` has another set of flags in its local header",
        ),
    ] {
        let mut raw = streamed();
        change(&mut raw);
        assert_eq!(refusal(&raw.bytes()), expected, "{what}");
    }

    let mut raw = Raw::of([RawFile::stored("a", b"content")]);
    raw.files[0].stream();
    raw.settle();
    assert_eq!(refusal(&raw.bytes()), "E_ZIP: `a` is stored and has a data descriptor");
}
