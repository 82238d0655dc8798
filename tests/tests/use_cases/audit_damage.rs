//! Random catalogs, damaged at random: an audit finds exactly the damage, and its repair mends it.

use std::collections::BTreeSet;

use lazycat::audit::Class;
use lazycat::memory::Dice;
use lazycat_fixtures::SceneSpec;
use lazycat_tests::bench::{BUCKET, Bench};

use super::audit::{all, audited, drift, made_of, work_off};
use super::{item_key, scene};

/// How many catalogs are damaged.
const ROUNDS: u64 = 60;

/// The key of the document of a row.
fn document(scene: &SceneSpec) -> String {
    format!("{}/catalog.json", scene.row_key())
}

/// What an audit is to find: class and key.
type Found = BTreeSet<(Class, String)>;

/// Damages a row, of which these are the scenes.
fn damage(bench: &Bench, dice: &Dice, scenes: &[SceneSpec], found: &mut Found) {
    let objects = &bench.memory.objects;
    let chosen = &scenes[dice.below(scenes.len())];
    let (item, row) = (item_key(chosen), document(chosen));
    match dice.below(9) {
        0 => {
            objects.remove(&item);
            found.extend([(Class::SourceWithoutItem, item.clone()), (Class::LinkWithoutObject, item)]);
        }
        1 => {
            objects.remove(&row);
            found.extend([(Class::DocumentMissing, row.clone()), (Class::LinkWithoutObject, row)]);
        }
        2 => {
            let whole = objects.snapshot()[&row].bytes.clone();
            objects.insert(row.clone(), &whole[..dice.below(whole.len())]);
            found.insert((Class::DocumentMalformed, row));
        }
        3 => {
            let mut changed = bench.document(&row);
            changed["description"] = "Something else".into();
            objects.insert(row.clone(), changed.to_string());
            found.insert((Class::DocumentStale, row));
        }
        4 => {
            let mut changed = bench.document(&row);
            changed["links"]
                .as_array_mut()
                .unwrap()
                .retain(|link| !link["href"].as_str().unwrap().contains(&chosen.id()));
            objects.insert(row, changed.to_string());
            found.insert((Class::NotLinked, item));
        }
        5 => {
            let mut changed = objects.snapshot()[&item].bytes.clone();
            changed.push(b' ');
            objects.insert(item.clone(), changed);
            found.insert((Class::ItemDiffers, item));
        }
        6 => {
            bench.memory.sources.remove(BUCKET, &chosen.source_key());
            found.insert((Class::ItemWithoutSource, item));
        }
        7 => {
            objects.set_content_type(&item, "text/plain");
            found.insert((Class::ContentType, item));
        }
        _ => {}
    }
}

#[test]
fn an_audit_finds_exactly_the_damage_and_mends_it() {
    for seed in 0..ROUNDS {
        one_round(seed);
    }
}

fn one_round(seed: u64) {
    let dice = Dice::new(seed);
    let rows: Vec<Vec<SceneSpec>> = (0..1 + dice.below(5))
        .map(|row| (0..1 + dice.below(4)).map(|day| scene(121 + row as u32, 1 + day as u8)).collect())
        .collect();
    let bench = made_of(&rows.concat());
    bench.memory.objects.set_keys_a_page(1 + dice.below(8));
    bench.memory.sources.set_keys_a_page(1 + dice.below(8));
    let mut expected = Found::new();
    for row in &rows {
        damage(&bench, &dice, row, &mut expected);
    }
    let settings = lazycat::audit::Settings { prune: Some(1.0), ..all() };
    let report = audited(&bench, &settings, true).unwrap();
    let found: Found =
        drift(&report).into_iter().flat_map(|(class, keys)| keys.into_iter().map(move |key| (class, key))).collect();
    assert_eq!(found, expected, "one_round({seed}) finds something else than the damage");
    assert_eq!(report.drifted(), expected.len() as u64, "one_round({seed}) counts something twice");
    work_off(&bench);
    let after = audited(&bench, &settings, false).unwrap();
    assert_eq!((after.drifted(), after.is_pending()), (0, 0), "one_round({seed}) is not mended: {after:?}");
}
