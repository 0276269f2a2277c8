//! `mcpkg-registry audit export`: what was audited, one line of JSON each.

use std::io::{self, Write};

use jiff::Timestamp;
use mcpkg_core::{Code, Coded};

use super::{AuditRecord, DATABASE};
use crate::config::Config;
use crate::store::{AuditStore, StoreError};

/// How many records are read at once.
const AT_ONCE: u32 = 1000;

/// Why the audit log cannot be exported.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct AuditError(#[from] Kind);

#[derive(Debug, thiserror::Error)]
enum Kind {
    #[error("could not read the audit log")]
    Store(#[from] StoreError),
    #[error("record {0} of the audit log is not as it was written")]
    Changed(u64),
    #[error("could not write the records")]
    Write(#[from] io::Error),
}

/// Writes to `out` what was audited in the registry of `config` from `since` on, also
/// while it runs, and says how many records that were.
///
/// # Errors
///
/// Every record from the first on is checked against the one before it. At the first
/// that is not as it was written, this ends.
pub async fn export(
    config: &Config,
    since: Option<Timestamp>,
    out: &mut impl Write,
) -> Result<u64, AuditError> {
    Ok(write(config, since, out).await?)
}

async fn write(
    config: &Config,
    since: Option<Timestamp>,
    out: &mut impl Write,
) -> Result<u64, Kind> {
    let path = config.data.join(DATABASE);
    let store = AuditStore::open_read_only(&path, config.limits.database()).await?;
    let since = since.map(super::time).unwrap_or_default();
    let (mut written, mut before) = (0, None);
    loop {
        let last = before.as_ref().map_or(0, |record: &AuditRecord| record.id);
        let records = store.after(last, AT_ONCE).await?;
        if records.is_empty() {
            break;
        }
        for record in records {
            if record.digest != Some(record.seal(before.as_ref()))
                || record.id != last_id(before.as_ref()) + 1
            {
                return Err(Kind::Changed(record.id));
            }
            if record.at >= since {
                serde_json::to_writer(&mut *out, &record).map_err(io::Error::from)?;
                out.write_all(b"\n")?;
                written += 1;
            }
            before = Some(record);
        }
    }
    out.flush()?;
    store.close().await;
    Ok(written)
}

fn last_id(before: Option<&AuditRecord>) -> u64 {
    before.map_or(0, |record| record.id)
}

impl Coded for AuditError {
    fn code(&self) -> Code {
        match &self.0 {
            Kind::Store(error) => error.code(),
            Kind::Changed(_) => Code::Audit,
            Kind::Write(_) => Code::Internal,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match &self.0 {
            Kind::Store(error) => error.hint(),
            Kind::Changed(_) => {
                Some("somebody changed the file; compare it with what your syslog has")
            }
            Kind::Write(_) => None,
        }
    }
}
