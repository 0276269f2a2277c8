//! Paths of files in the bundle.

/// Whether `path` names a file in the bundle on every system: relative, `/`
/// between the parts, no part `.` or `..`, nothing that a system reads as a
/// drive, a stream or a device.
///
/// The archive reader holds entries to more (NFC, case); a path is in the bundle
/// only if it equals one of them.
pub(crate) fn is_bundle_path(path: &str) -> bool {
    let is_plain = |part: &str| {
        !matches!(part, "" | "." | "..")
            && !part.ends_with([' ', '.'])
            && !crate::name::is_device_name(part)
    };
    path.len() <= 1024
        && !path.contains(['\\', ':', '*', '?', '"', '<', '>', '|', '$'])
        && crate::text::first_hidden(path).is_none()
        && path.split('/').all(is_plain)
}

/// The path of an `entry_point`, which may start with `./`.
pub(super) fn normalize(path: &str) -> Option<String> {
    let path = path.strip_prefix("./").unwrap_or(path);
    is_bundle_path(path).then(|| path.to_owned())
}
