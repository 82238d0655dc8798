//! The `lazycat` command.
fn main() {}
