//! Ages, as people write them.

use chrono::TimeDelta;

/// The units and their seconds.
const UNITS: [(char, i64); 4] = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400)];

/// The longest age, in seconds: a hundred years.
const LONGEST: i64 = 100 * 366 * 86_400;

/// Reads an age: a whole number and its unit.
pub(super) fn parse(text: &str) -> Result<TimeDelta, String> {
    let wrong = || "expected a whole number and its unit, such as 90s, 30m, 12h or 7d".to_owned();
    let unit = UNITS.iter().find(|(unit, _)| text.ends_with(*unit)).ok_or_else(wrong)?;
    let number: i64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    let seconds = number.checked_mul(unit.1).filter(|seconds| (0..=LONGEST).contains(seconds)).ok_or_else(wrong)?;
    TimeDelta::try_seconds(seconds).ok_or_else(wrong)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_a_number_and_a_unit() {
        for (text, seconds) in [("90s", 90), ("30m", 1_800), ("12h", 43_200), ("7d", 604_800), ("0s", 0)] {
            assert_eq!(parse(text).unwrap().num_seconds(), seconds, "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "7", "d", "-1d", "1.5h", "7 d", "7w", "é", "9999999999999999999d", "99999999999d"] {
            assert!(parse(text).unwrap_err().contains("7d"), "{text}");
        }
    }
}
