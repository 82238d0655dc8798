//! Versions of pgstac, and what is known of them.

use crate::ports::PortError;

/// How items become rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Content without what the collection's base item says.
    Plain,
    /// The same, with the number of the base item, for there may be several.
    Tagged,
    /// By the functions of pgstac.
    Foreign,
}

/// The patch versions of 0.9 and 0.10 whose rows are known; others of these are written through pgstac's functions.
const PLAIN: &[u32] = &[9, 10, 11, 12];
const TAGGED: &[u32] = &[0];

/// The format of the rows of a version.
///
/// # Errors
///
/// When it is neither 0.9 nor 0.10: nobody has tried.
pub(super) fn format(version: &str, place: &str) -> Result<Format, PortError> {
    let mut numbers = version.split(['.', '-', '+']).map_while(|number| number.parse::<u32>().ok());
    // What comes behind the patch is a build between versions, whose rows may be of either kind.
    let is_release = version.split('.').count() == 3 && version.split('.').all(|part| part.parse::<u32>().is_ok());
    match (numbers.next(), numbers.next(), numbers.next()) {
        (Some(0), Some(9), Some(patch)) if is_release && PLAIN.contains(&patch) => Ok(Format::Plain),
        (Some(0), Some(10), Some(patch)) if is_release && TAGGED.contains(&patch) => Ok(Format::Tagged),
        (Some(0), Some(9 | 10), _) => Ok(Format::Foreign),
        _ => {
            let found: String = version.chars().take(40).collect();
            Err(PortError::Denied {
                what: format!("pgstac in {place}"),
                source: format!("its version is {found:?}, expected 0.9 or 0.10; use a loader that knows it").into(),
            })
        }
    }
}

/// Whether a version keeps several base items for a collection, and has the functions that came with them: 0.10.
///
/// # Errors
///
/// As [`format`].
pub(super) fn has_many_base_items(version: &str, place: &str) -> Result<bool, PortError> {
    format(version, place).map(|_| !version.starts_with("0.9."))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_made_here_for_versions_that_are_known_and_there_for_their_neighbours() {
        for (version, expected) in [
            ("0.10.0", Format::Tagged),
            ("0.9.12", Format::Plain),
            ("0.9.99", Format::Foreign),
            ("0.10.7", Format::Foreign),
            ("0.10.0-dev", Format::Foreign),
        ] {
            assert_eq!(format(version, "d").unwrap(), expected, "{version}");
        }
        for version in ["0.8.6", "0.11.0", "1.9.0", "unreleased", ""] {
            let error = format(version, "d at h:1").unwrap_err().to_string();
            assert!(error.contains("d at h:1") && error.contains("expected 0.9 or 0.10"), "{error}");
        }
    }
}
