//! What is read from outside, under inputs that nobody would think of.
//!
//! Each target says in its name what holds for every input. It first replays its corpus, the files in
//! `__fuzz__/TARGET/corpus` beside this one, which are the inputs themselves, and then goes on with random ones:
//! as many as the target says, or for as long as `make fuzz FUZZ_SECONDS=n` asks. A failure prints the input and the
//! `BOLERO_RANDOM_SEED` that repeats it; once mended, the input is kept in the corpus.
//!
//! [`scenes`] is scene metadata, [`xml`] compares its markup with another reader's, [`messages`] is what stands in queues,
//! [`submissions`] items that are sent one by one, [`generators`] what is asked of generators and what they say, [`keys`] names and keys, [`catalogs`] documents that are read back, [`geometry`] footprints. [`growth`] asks of long
//! inputs that the work grows as they do. [`bounds`] counts memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bounds;
mod catalogs;
mod generators;
mod geometry;
mod growth;
mod json;
mod keys;
mod messages;
mod scenes;
mod submissions;
mod tree;
mod xml;
