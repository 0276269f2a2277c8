//! What is too much, too many or too long.
//!
//! What an operator may have a reason to change is a setting; the rest are
//! constants where they are used.

use std::time::Duration;

use serde::Deserialize;

use crate::config::ConfigError;

/// The limits that can be configured.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// The longest artifact, in bytes. At most what the format allows, 512 MiB.
    pub artifact_bytes: u64,
    /// The longest publish request, in bytes: all artifacts of a release.
    pub publish_bytes: u64,
    /// How many publish requests are received at once.
    pub publishes: usize,
    /// How many releases are verified at once. Each takes a core.
    pub verifications: usize,
    /// How many connections are open at once. Further ones wait to be accepted.
    pub connections: usize,
    /// How long a client may take to send the head of a request, and how long a
    /// connection may be idle between two requests.
    pub head_seconds: u64,
    /// How long a body may make no progress at all, in either direction.
    pub idle_seconds: u64,
    /// The slowest publish request, in bytes per second, after a head start of
    /// [`Self::idle_seconds`].
    pub publish_bytes_per_second: u64,
    /// How long a publish request may take to arrive.
    pub publish_seconds: u64,
    /// How long a request may wait for the database: for a free connection, or for
    /// another process that has it locked.
    pub database_seconds: u64,
    /// How long a publish request may wait for the log to sign it.
    pub log_seconds: u64,
    /// How long after it was announced another publisher may publish under a name. No
    /// time at all is allowed.
    pub publisher_change_hours: u32,
    /// How long requests may go on when the server is told to stop.
    pub shutdown_seconds: u64,
    /// How long a blob may be unreferenced, left over from a publish that did
    /// not finish, before it is swept away.
    pub sweep_after_hours: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            artifact_bytes: 512 << 20,
            publish_bytes: 2 << 30,
            publishes: 32,
            verifications: 2,
            connections: 1024,
            head_seconds: 15,
            idle_seconds: 30,
            publish_bytes_per_second: 8 << 10,
            publish_seconds: 3600,
            database_seconds: 5,
            log_seconds: 30,
            publisher_change_hours: 72,
            shutdown_seconds: 20,
            sweep_after_hours: 24,
        }
    }
}

impl Limits {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let numbers = [
            ("limits.artifact_bytes", self.artifact_bytes),
            ("limits.publish_bytes", self.publish_bytes),
            ("limits.publishes", self.publishes as u64),
            ("limits.verifications", self.verifications as u64),
            ("limits.connections", self.connections as u64),
            ("limits.head_seconds", self.head_seconds),
            ("limits.idle_seconds", self.idle_seconds),
            ("limits.publish_seconds", self.publish_seconds),
            ("limits.database_seconds", self.database_seconds),
            ("limits.log_seconds", self.log_seconds),
            ("limits.sweep_after_hours", self.sweep_after_hours),
        ];
        match numbers.into_iter().find(|&(_, number)| number == 0) {
            Some((key, _)) => Err(ConfigError::Value {
                key,
                found: "0".to_owned(),
                expected: "a positive number",
            }),
            None => Ok(()),
        }
    }

    pub(crate) fn head(&self) -> Duration {
        Duration::from_secs(self.head_seconds)
    }

    pub(crate) fn idle(&self) -> Duration {
        Duration::from_secs(self.idle_seconds)
    }

    pub(crate) fn publish(&self) -> Duration {
        Duration::from_secs(self.publish_seconds)
    }

    pub(crate) fn database(&self) -> Duration {
        Duration::from_secs(self.database_seconds)
    }

    pub(crate) fn shutdown(&self) -> Duration {
        Duration::from_secs(self.shutdown_seconds)
    }

    pub(crate) fn sweep_after(&self) -> Duration {
        Duration::from_secs(self.sweep_after_hours.saturating_mul(3600))
    }
}
