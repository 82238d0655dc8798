//! The use cases over the adapters in memory: what they promise, and the order in which they do it.
//!
//! Read [`generate`] first. [`interruptions`] asks of all of them what happens when they end in the middle.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod audit;
mod audit_damage;
mod audit_filed;
mod audit_index;
mod cost;
mod events;
mod filing;
mod generate;
mod interruptions;
mod item_message;
mod letters;
mod mover;
mod parents;
mod redrive;
mod reprocess;
mod reprocess_job;
mod requests;
mod rows;
mod withdraw;

use lazycat::message::SceneRecord;
use lazycat_fixtures::{Date, SceneSpec, Size};
use lazycat_tests::bench::{Bench, record};

/// The row of [`scene`]'s scenes for row 121.
const ROW: &str = "CBERS4/MUX/057/121";

/// A scene of CBERS-4 MUX on path 57, in June 2017.
fn scene(row: u32, day: u8) -> SceneSpec {
    SceneSpec::cbers4_mux(57, row, Date::new(2017, 6, day)).with_size(Size::Compact)
}

/// The key of a scene's item.
fn item_key(scene: &SceneSpec) -> String {
    format!("{}/{}.json", scene.row_key(), scene.id())
}

/// Puts a scene's XML into the source.
fn supply(bench: &Bench, scene: &SceneSpec) {
    bench.memory.sources.insert(scene.bucket(), scene.source_key(), scene.xml());
}

/// Puts a scene's XML into the source; the event of its quicklook.
fn announced(bench: &Bench, scene: &SceneSpec) -> String {
    supply(bench, scene);
    quicklook_record(scene).encode()
}

/// The event of a scene's quicklook.
fn quicklook_record(scene: &SceneSpec) -> SceneRecord {
    let mut record = record(&scene.quicklook_key());
    scene.bucket().clone_into(&mut record.source.bucket);
    record
}

/// The event of a scene's XML, as a reprocess sends it.
fn reprocess_record(scene: &SceneSpec, message_id: &str) -> SceneRecord {
    let mut record = record(&scene.source_key());
    scene.bucket().clone_into(&mut record.source.bucket);
    record.reprocess = true;
    record.message_id = Some(message_id.to_owned());
    record
}
