//! Memory, counted: a multiple of the input, whatever the input is.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use allocation_counter::AllocationInfo;

/// What reading may take at once, in bytes for each byte of input, and what it may take of nothing.
///
/// A value of JSON is a byte and a comma at the least, and some tens of bytes once it is read.
const EACH: u64 = 64;
const ALWAYS: u64 = 64 * 1024;

/// What `work` gives, and the memory of this thread that it took.
pub(crate) fn counted<T>(work: impl FnOnce() -> T) -> (T, AllocationInfo) {
    let mut result = None;
    // The counter is told of the end also when the work panics: it counts in levels, of which there are not many.
    let info = allocation_counter::measure(|| result = Some(catch_unwind(AssertUnwindSafe(work))));
    match result.expect("the work was done") {
        Ok(result) => (result, info),
        Err(panic) => resume_unwind(panic),
    }
}

/// What `work` gives, which may take memory in proportion to an input of this length.
pub(crate) fn bounded<T>(length: usize, work: impl FnOnce() -> T) -> T {
    let (result, info) = counted(work);
    let bound = ALWAYS + EACH * length as u64;
    assert!(info.bytes_max <= bound, "{} bytes at once for {length} bytes of input", info.bytes_max);
    assert!(info.bytes_total <= 4 * bound, "{} bytes in all for {length} bytes of input", info.bytes_total);
    result
}

#[test]
fn memory_beyond_the_bound_is_noticed() {
    let takes = |length: usize, bytes: usize| {
        catch_unwind(|| bounded(length, || drop(std::hint::black_box(Vec::<u8>::with_capacity(bytes))))).is_ok()
    };
    assert!(takes(100, 60_000) && takes(10_000, 600_000));
    assert!(!takes(100, 600_000) && !takes(10_000, 6_000_000));
}
