//! What was planned, done; and what was done, undone.

use std::collections::BTreeMap;

use mcpkg_core::lock::LockedServer;
use mcpkg_core::secret::StoreName;

use super::{Plan, Record, Records, Replaced};
use crate::agents::Scope;
use crate::error::{Error, Result};
use crate::lock_file::{Exclusive, LockFile};
use crate::ops::link;
use crate::places::Places;
use crate::secrets::{Secret, SecretError, Stores};

/// The steps, in an order in which a stop after any of them loses no secret: it is in
/// the key store, then there is a record of what will be done, then the settings change.
pub fn carry_out(plans: &[Plan], stores: &Stores<'_>, places: &Places) -> Result<()> {
    let _turn = Exclusive::named("migrated", places)?;
    for (name, literal) in plans.iter().flat_map(Plan::moved) {
        let secret = Secret::of(literal.text.clone()).map_err(|reason| {
            SecretError::NotASecret { what: format!("what is to be `{name}`"), reason }
        })?;
        stores.set(name, &secret)?;
    }
    let mut records = Records::read(places)?;
    records.records.extend(plans.iter().flat_map(Plan::records));
    records.write(places)?;
    for plan in plans {
        for (link, replaced) in plan.replaced() {
            relock(replaced, places, |server| {
                replaced.apply(server);
                link::put(&mut server.agents, &link);
            })?;
        }
        plan.write()?;
    }
    Ok(())
}

/// What became of what was to be put back.
#[derive(Default)]
pub struct Restored {
    /// How many entries are as they were.
    pub count: usize,
    /// Those that are not, and why, the last first.
    pub left: Vec<(Record, Error)>,
}

/// Puts back what `records` say was done, and writes down what is left.
pub fn restore(mut records: Records, stores: &Stores<'_>, places: &Places) -> Result<Restored> {
    let mut restored = Restored::default();
    // The last first, as one entry may have been done twice.
    while let Some(record) = records.records.pop() {
        let found: BTreeMap<StoreName, Option<Secret>> = record
            .edits
            .names()
            .map(|name| Ok((name.clone(), stores.get(name)?)))
            .collect::<Result<_>>()?;
        let secret = |name: &StoreName| found.get(name)?.as_ref().map(Secret::copy);
        if let Err(error) = record.restore(secret, places) {
            restored.left.push((record, error));
            continue;
        }
        restored.count += 1;
        if let Some(replaced) = &record.edits.replaced {
            relock(replaced, places, |server| {
                replaced.take_back(server);
                server.agents.retain(|link| !record.is_of(link));
            })?;
        }
    }
    records.records.extend(restored.left.iter().rev().map(|(record, _)| record.clone()));
    records.write(places)?;
    Ok(restored)
}

/// Changes what the user's lock says of the server that an entry became.
fn relock(replaced: &Replaced, places: &Places, change: impl Fn(&mut LockedServer)) -> Result<()> {
    let _exclusive = Exclusive::of(Scope::User, places)?;
    let mut lock = LockFile::read(Scope::User, places)?;
    if let Some(mut server) = lock.lock.get(&replaced.server).cloned() {
        change(&mut server);
        lock.lock.insert(server);
        lock.write()?;
    }
    Ok(())
}
