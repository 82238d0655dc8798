//! `lazycat run`, the real command, on folders of this machine.
//!
//! Layout: `world` runs the command, `sound` checks a catalog, `cases` and `edit` make bad scenes; the others are
//! tests, by what they are about.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "run/audit.rs"]
mod audit;
#[path = "run/behaviour.rs"]
mod behaviour;
#[path = "run/cases.rs"]
mod cases;
#[path = "run/catalogs.rs"]
mod catalogs;
#[path = "run/edit.rs"]
mod edit;
#[path = "run/full.rs"]
mod full;
#[path = "run/import.rs"]
mod import;
#[path = "run/index.rs"]
mod index;
#[path = "run/kills.rs"]
mod kills;
#[path = "run/names.rs"]
mod names;
#[path = "run/redrive.rs"]
mod redrive;
#[path = "run/refusals.rs"]
mod refusals;
#[path = "run/rehearsal.rs"]
mod rehearsal;
#[path = "run/reprocess.rs"]
mod reprocess;
#[path = "run/sound.rs"]
mod sound;
#[path = "run/status.rs"]
mod status;
#[path = "run/usage.rs"]
mod usage;
#[path = "run/withdraw.rs"]
mod withdraw;
#[path = "run/world.rs"]
mod world;
