//! How bad something is, as far as an advisory says.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How bad an advisory is. One that does not say it in a way that we read counts as the
/// worst, so that somebody looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It does no harm.
    None,
    /// Below 4.0.
    Low,
    /// Below 7.0.
    Medium,
    /// Below 9.0.
    High,
    /// From 9.0 on; malware; and what nobody has rated.
    Critical,
}

/// A rating in an advisory.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Score {
    #[serde(rename = "type")]
    kind: String,
    score: String,
}

impl Severity {
    /// As a number for those who compare: 0 none to 4 critical.
    pub const fn number(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Low => 1,
            Self::Medium => 2,
            Self::High => 3,
            Self::Critical => 4,
        }
    }

    /// How bad the advisory `id` is: what its database says in a word, or else what its
    /// CVSS vector comes to.
    pub(super) fn of(id: &str, database: &Value, scores: &[Score]) -> Self {
        // OSV's names for packages that were made to do harm.
        if id.starts_with("MAL-") {
            return Self::Critical;
        }
        let word = database.get("severity").and_then(Value::as_str);
        let rated = word
            .and_then(Self::from_word)
            .or_else(|| scores.iter().filter_map(Self::of_score).max());
        rated.unwrap_or(Self::Critical)
    }

    fn from_word(word: &str) -> Option<Self> {
        Some(match word.to_ascii_uppercase().as_str() {
            "LOW" => Self::Low,
            "MODERATE" | "MEDIUM" => Self::Medium,
            "HIGH" => Self::High,
            "CRITICAL" => Self::Critical,
            _ => return None,
        })
    }

    fn of_score(score: &Score) -> Option<Self> {
        if score.kind != "CVSS_V3" {
            return None;
        }
        let tenths = base_score(&score.score)?;
        Some(match tenths {
            0 => Self::None,
            1..=39 => Self::Low,
            40..=69 => Self::Medium,
            70..=89 => Self::High,
            _ => Self::Critical,
        })
    }
}

/// The base score of a CVSS 3 vector, in tenths.
///
/// Source: [CVSS v3.1, section 7.1](https://www.first.org/cvss/v3-1/specification-document),
/// with the rounding of its Appendix A.
fn base_score(vector: &str) -> Option<u32> {
    let metric = |name: &str| {
        vector
            .split('/')
            .filter_map(|part| part.split_once(':'))
            .find(|it| it.0 == name)
            .map(|it| it.1)
    };
    let impact = |name| match metric(name)? {
        "H" => Some(0.56),
        "L" => Some(0.22),
        "N" => Some(0.0),
        _ => None,
    };
    let is_changed = match metric("S")? {
        "U" => false,
        "C" => true,
        _ => return None,
    };
    let attack = match metric("AV")? {
        "N" => 0.85,
        "A" => 0.62,
        "L" => 0.55,
        "P" => 0.2,
        _ => return None,
    };
    let complexity = match metric("AC")? {
        "L" => 0.77,
        "H" => 0.44,
        _ => return None,
    };
    let privileges = match (metric("PR")?, is_changed) {
        ("N", _) => 0.85,
        ("L", false) => 0.62,
        ("L", true) => 0.68,
        ("H", false) => 0.27,
        ("H", true) => 0.5,
        _ => return None,
    };
    let interaction = match metric("UI")? {
        "N" => 0.85,
        "R" => 0.62,
        _ => return None,
    };
    let lost: f64 = [impact("C")?, impact("I")?, impact("A")?].iter().map(|it| 1.0 - it).product();
    let base = 1.0 - lost;
    let impact = if is_changed {
        7.52 * (base - 0.029) - 3.25 * (base - 0.02).powi(15)
    } else {
        6.42 * base
    };
    if impact <= 0.0 {
        return Some(0);
    }
    let exploitability = 8.22 * attack * complexity * privileges * interaction;
    let sum = if is_changed { 1.08 * (impact + exploitability) } else { impact + exploitability };
    // Rounded up to the next tenth, in whole numbers, so that every machine agrees.
    let hundred_thousandths = (sum.min(10.0) * 100_000.0).round();
    let tenths = (0..=100_u32).find(|tenth| f64::from(*tenth) * 10_000.0 >= hundred_thousandths);
    Some(tenths.unwrap_or(100))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn vectors_score_as_their_specification_says() {
        for (vector, tenths) in [
            // Examples of FIRST's own calculator and user guide.
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", Some(98)),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", Some(100)),
            ("CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", Some(61)),
            ("CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", Some(78)),
            ("CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N", Some(16)),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", Some(0)),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H", None),
            ("CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", None),
            ("", None),
        ] {
            assert_eq!(base_score(vector), tenths, "{vector}");
        }
    }

    #[test]
    fn what_nobody_has_rated_is_the_worst() {
        let score = |score: &str| Score { kind: "CVSS_V3".into(), score: score.into() };
        let medium = [score("CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N")];
        let low = json!({ "severity": "LOW" });
        let strange = json!({ "severity": "FINE" });
        for (id, database, scores, expected) in [
            ("GHSA-1", &low, &medium[..], Severity::Low),
            ("GHSA-1", &strange, &medium, Severity::Medium),
            ("GHSA-1", &Value::Null, &medium, Severity::Medium),
            ("GHSA-1", &Value::Null, &[], Severity::Critical),
            ("GHSA-1", &strange, &[score("nonsense")], Severity::Critical),
            ("MAL-2026-1", &low, &medium, Severity::Critical),
        ] {
            assert_eq!(Severity::of(id, database, scores), expected, "{id} {database}");
        }
    }
}
