//! Opening the browser of whoever sits here.

use std::process::{Command, Stdio};

use mcpkg_core::System;
use url::Url;

use crate::places::Places;

/// Opens an address, which is https or on this machine, if the system has a program for
/// that. The address is shown as well, so nothing is lost where it has none. It holds no
/// secret: what is in it is worth nothing without the verifier.
pub fn open(address: &Url, places: &Places) {
    let (program, first) = match places.system {
        System::Linux => ("xdg-open", None),
        System::Darwin => ("open", None),
        System::Windows => ("rundll32.exe", Some("url.dll,FileProtocolHandler")),
    };
    let found = places.search.iter().map(|folder| folder.join(program)).find(|path| path.is_file());
    if let Some(program) = found {
        let mut command = Command::new(program);
        command.args(first).arg(address.as_str());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // Whoever sees no browser opens one.
        let _ = command.spawn();
    }
}
