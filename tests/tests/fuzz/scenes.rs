//! Scene metadata: any bytes, and valid documents made strange.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use bolero::{TypeGenerator, check};
use lazycat::grid::INPE;
use lazycat::level::Level;
use lazycat::message::{Audience, ItemEvent, ItemMessage};
use lazycat::missions::Quicklook;
use lazycat::scene::{LONGEST_METADATA, MetadataName};
use lazycat::stac::item::{self, StoredForm};
use lazycat::stac::{Buckets, StoredItem};
use lazycat_fixtures::{Date, LonLat, SceneSpec, Size, demo_set};
use serde_json::Value;

use crate::bounds::bounded;
use crate::geometry;
use crate::tree::{Edit, Tree};

/// One scene of each camera, of each of its optics, and on each side of the antimeridian, as short as they come.
static SCENES: LazyLock<Vec<(MetadataName, Tree)>> = LazyLock::new(|| {
    let mut scenes: Vec<SceneSpec> = Vec::new();
    for scene in demo_set() {
        let kind = |scene: &SceneSpec| {
            let level = scene.id().rsplit_once('_').unwrap().1.to_owned();
            let camera = scene.row_key().rsplitn(3, '/').nth(2).unwrap().to_owned();
            (camera, scene.file_name().contains("LEFT"), scene.file_name().contains("RIGHT"), level)
        };
        if scenes.iter().all(|known| kind(known) != kind(&scene)) {
            scenes.push(scene.with_size(Size::Compact));
        }
    }
    let mux = SceneSpec::cbers4_mux(57, 121, Date::new(2017, 6, 18)).with_size(Size::Compact);
    scenes.push(mux.with_center(LonLat::new(179.9, -17.0)));
    scenes.iter().map(|scene| (MetadataName::parse(&scene.file_name()).unwrap(), Tree::parse(&scene.xml()))).collect()
});

/// Makes the item of a document, which must be refused in few words or be sound, in memory that the document bounds.
pub(crate) fn read(xml: &[u8], name: &MetadataName) -> Option<StoredForm> {
    let buckets = Buckets::default();
    let pair = buckets.pair(name.scene.satellite.bucket).unwrap();
    let make = || item::generate(&INPE, xml, name, pair, Some(Quicklook::Png));
    let made = bounded(xml.len(), make);
    assert_eq!(made, make(), "another item the second time");
    match made {
        Err(refused) => {
            let told = refused.to_string();
            assert!(told.len() < 2_000, "{} bytes are no error to read: {told}", told.len());
            assert!(!refused.reason().is_empty());
            None
        }
        Ok(made) => {
            must_be_sound(&made, name);
            Some(made)
        }
    }
}

/// What is promised of an item, whatever it was made from.
fn must_be_sound(made: &StoredForm, name: &MetadataName) {
    let bytes = made.item.bytes();
    let item: Value = serde_json::from_slice(bytes).expect("an item is JSON");
    assert_eq!(item.to_string().as_bytes(), bytes, "a field stands twice, or a number is not in its shortest form");
    must_be_of_finite_numbers_and_printable_texts(&item);
    assert_eq!(item["id"], name.scene.to_string());
    assert_eq!(item["collection"], name.scene.collection_id());
    assert_eq!(made.key, format!("{}/{}.json", name.scene.row_key(), name.scene));
    assert_eq!(made.level, Level::parse(&name.scene.row_key()).unwrap());
    geometry::must_be_sound(&item["geometry"], &item["bbox"]);

    let properties = &item["properties"];
    let time = |field: &str| chrono::DateTime::parse_from_rfc3339(properties[field].as_str().unwrap()).unwrap();
    assert!(time("start_datetime") <= time("datetime") && time("datetime") <= time("end_datetime"));
    let angle = |field: &str| properties[field].as_f64().unwrap();
    assert!((0.0..360.0).contains(&angle("view:sun_azimuth")), "{properties}");
    assert!((-90.0..=90.0).contains(&angle("view:sun_elevation")), "{properties}");
    assert!((0.0..=90.0).contains(&angle("view:off_nadir")), "{properties}");
    let bbox = geometry::numbers(&properties["proj:bbox"]);
    assert!(bbox[0] <= bbox[2] && bbox[1] <= bbox[3], "{bbox:?}");

    let read: stac::Item = serde_json::from_slice(bytes).expect("an item is one of STAC");
    assert_eq!(StoredItem::from(&read), made.item, "STAC's own types write it otherwise");
    let event = ItemEvent::Put(Box::new(made.item.clone()));
    let message = ItemMessage { key: made.key.clone(), audience: Audience::Public, event };
    let body: Value = serde_json::from_str(&message.body("https://example.com/")).expect("a message is JSON");
    let links = body["links"].as_array().unwrap();
    assert_eq!(links[0]["href"], format!("https://example.com/{}", made.key));
    assert!(links.iter().all(|link| link["href"].as_str().unwrap().starts_with("https://example.com/")));
    assert_eq!(body["properties"], item["properties"]);

    // What a subscriber filters by may let through too much, never too little.
    let attributes = message.attributes("https://example.com/");
    let number = |name: &str| -> f64 {
        attributes.iter().find(|attribute| attribute.name == name).unwrap().value.parse().unwrap()
    };
    let [west, south, east, north] = made.item.bbox().unwrap();
    let (west, east) = if west > east { (-180.0, 180.0) } else { (west, east) };
    let near = |wider: f64, narrower: f64| (0.0..=1.1e-5).contains(&(narrower - wider + 1e-11));
    assert!(near(number("bbox.ll_lon"), west) && near(east, number("bbox.ur_lon")), "{attributes:?}");
    assert!(near(number("bbox.ll_lat"), south) && near(north, number("bbox.ur_lat")), "{attributes:?}");
    assert!(attributes.len() <= 10);
}

fn must_be_of_finite_numbers_and_printable_texts(value: &Value) {
    match value {
        // Numbers that JSON does not have are written as null.
        Value::Null => panic!("an item has a null"),
        Value::Bool(_) => {}
        Value::Number(number) => assert!(number.as_f64().unwrap().is_finite()),
        Value::String(text) => {
            let strange = |character: char| character < ' ' && !"\t\n\r".contains(character);
            assert!(!text.contains(strange), "{text:?}");
        }
        Value::Array(values) => values.iter().for_each(must_be_of_finite_numbers_and_printable_texts),
        Value::Object(fields) => fields.values().for_each(must_be_of_finite_numbers_and_printable_texts),
    }
}

/// The file that the corpus of any bytes is called.
const FILE: &str = "CBERS_4_MUX_20170618_057_121_L2_BAND6.xml";

#[test]
fn any_bytes_make_a_sound_item_or_are_refused() {
    let name = MetadataName::parse(FILE).unwrap();
    check!().with_iterations(2_000).for_each(|bytes: &[u8]| drop(read(bytes, &name)));
}

#[derive(Debug, TypeGenerator)]
struct Strange {
    scene: u8,
    #[generator(bolero::produce::<Vec<Edit>>().with().len(1_usize..5))]
    edits: Vec<Edit>,
}

#[test]
fn a_valid_document_made_strange_makes_a_sound_item_or_is_refused() {
    let (made, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    check!().with_type::<Strange>().with_iterations(1_500).for_each(|strange| {
        let (name, tree) = &SCENES[usize::from(strange.scene) % SCENES.len()];
        let xml = tree.clone().edited(&strange.edits);
        // A longer one would not be read at all.
        if xml.len() as u64 > LONGEST_METADATA {
            return;
        }
        let outcome = if read(xml.as_bytes(), name).is_some() { &made } else { &refused };
        outcome.fetch_add(1, Ordering::Relaxed);
    });
    let (made, refused) = (made.into_inner(), refused.into_inner());
    assert!(made.min(refused) > (made + refused) / 20, "{made} made and {refused} refused tell little");
}

#[test]
fn documents_that_are_not_made_strange_make_items() {
    for (name, tree) in SCENES.iter() {
        assert!(read(tree.clone().edited(&[]).as_bytes(), name).is_some(), "{}", name.file_name());
    }
}
