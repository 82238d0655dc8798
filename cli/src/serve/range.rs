//! The `Range` header (RFC 9110, section 14): single byte ranges, among them suffixes.

/// What a `Range` header asks of a representation of a known length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Requested {
    /// All of it: not a byte range, not well-formed, or several ranges, which a server may answer with the whole.
    Whole,
    /// The bytes from `first` to `last`, both included; `first <= last < length`.
    Part {
        /// The first byte, counted from 0.
        first: u64,
        /// The last byte, included.
        last: u64,
    },
    /// Well-formed, but no byte of the representation lies in it: to be answered with 416.
    Unsatisfiable,
}

/// Reads a `Range` header for a representation of `length` bytes.
pub(crate) fn parse(header: &str, length: u64) -> Requested {
    ask(header, length).unwrap_or(Requested::Whole)
}

fn ask(header: &str, length: u64) -> Option<Requested> {
    let (unit, set) = header.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = set.trim().split_once('-')?;
    if first.is_empty() {
        let wanted = number(last)?;
        return Some(match length {
            0 => Requested::Unsatisfiable,
            _ if wanted == 0 => Requested::Unsatisfiable,
            _ => Requested::Part { first: length.saturating_sub(wanted), last: length - 1 },
        });
    }
    let first = number(first)?;
    let last = if last.is_empty() { u64::MAX } else { number(last)? };
    if last < first {
        return None;
    }
    Some(if first >= length { Requested::Unsatisfiable } else { Requested::Part { first, last: last.min(length - 1) } })
}

/// Digits only; a number past 64 bits stands for the largest one, since no file is as long.
fn number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn part(first: u64, last: u64) -> Requested {
        Requested::Part { first, last }
    }

    #[test]
    fn a_range_is_cut_at_the_end_of_the_file() {
        assert_eq!(parse("bytes=0-3", 10), part(0, 3));
        assert_eq!(parse("bytes=4-", 10), part(4, 9));
        assert_eq!(parse("bytes=4-400", 10), part(4, 9));
        assert_eq!(parse("Bytes = 9-9", 10), part(9, 9));
    }

    #[test]
    fn a_suffix_counts_from_the_end() {
        assert_eq!(parse("bytes=-3", 10), part(7, 9));
        assert_eq!(parse("bytes=-99", 10), part(0, 9));
        assert_eq!(parse("bytes=-99999999999999999999999", 10), part(0, 9));
    }

    #[test]
    fn a_range_past_the_end_cannot_be_satisfied() {
        for header in ["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=99999999999999999999999-"] {
            assert_eq!(parse(header, 10), Requested::Unsatisfiable, "{header}");
        }
        assert_eq!(parse("bytes=-1", 0), Requested::Unsatisfiable);
        assert_eq!(parse("bytes=0-", 0), Requested::Unsatisfiable);
    }

    #[test]
    fn what_is_not_one_byte_range_asks_for_the_whole() {
        for header in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "items=0-3",
            "bytes=3-2",
            "bytes=a-b",
            "bytes=0-1,4-5",
            "bytes=+1-2",
            "bytes=1--2",
        ] {
            assert_eq!(parse(header, 10), Requested::Whole, "{header}");
        }
    }

    proptest! {
        #[test]
        fn a_part_always_lies_inside_the_file(header in "bytes=[0-9]{0,21}-[0-9]{0,21}", length in any::<u64>()) {
            if let Requested::Part { first, last } = parse(&header, length) {
                prop_assert!(first <= last && last < length);
            }
        }

        #[test]
        fn any_header_is_decided_without_a_panic(header in any::<String>(), length in any::<u64>()) {
            let _ = parse(&header, length);
        }
    }
}
