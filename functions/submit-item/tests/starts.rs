//! The function as Lambda starts it.

#![allow(clippy::unwrap_used)]

use std::process::Command;

#[test]
fn without_a_queue_and_a_layout_it_says_so_and_ends() {
    let ended =
        Command::new(env!("CARGO_BIN_EXE_submit-item")).env_clear().env("LAZYCAT_TIMEOUT", "10").output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout).into_owned() + &String::from_utf8_lossy(&ended.stderr);
    assert!(!ended.status.success(), "{said}");
    for name in ["LAZYCAT_ITEMS_QUEUE_URL", "LAZYCAT_LAYOUT", "LAZYCAT_PUBLIC_URL", "LAZYCAT_CATALOG_BUCKET"] {
        assert!(said.contains(&format!("{name} is missing")), "{said}");
    }
}
