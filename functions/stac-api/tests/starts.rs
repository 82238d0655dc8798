//! The function as Lambda starts it.

#![allow(clippy::unwrap_used)]

use std::process::Command;

#[test]
fn without_a_database_it_says_so_and_ends() {
    let ended = Command::new(env!("CARGO_BIN_EXE_stac-api")).env_clear().env("LAZYCAT_TIMEOUT", "29").output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout).into_owned() + &String::from_utf8_lossy(&ended.stderr);
    assert!(!ended.status.success(), "{said}");
    assert!(said.contains("LAZYCAT_DATABASE is missing"), "{said}");
}
