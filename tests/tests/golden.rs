//! Items and catalogs as they are meant to be, document by document.
//!
//! Each item is made of a file in `fixtures/scenes` and compared with `fixtures/items/{item id}.json`. Each catalog is
//! the one of a level of `fixtures/scenes` and compared with its own key below `fixtures/catalogs`.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use lazycat::grid::INPE;
use lazycat::level::Level;
use lazycat::missions::{Quicklook, SATELLITES};
use lazycat::scene::MetadataName;
use lazycat::stac::catalog::{self, ReadBack, Site};
use lazycat::stac::item::{self, StoredForm};
use lazycat::stac::{Buckets, Listing, Revision, StoredItem};
use lazycat_tests::goldens::{compare, fixtures};
use serde_json::Value;

/// The files of which golden items are made, and what each is there for. Every camera comes first.
#[rustfmt::skip]
const ITEMS: [(&str, &str); 27] = [
    ("AMAZONIA_1_WFI_20220305_034_019_L4_BAND2.xml",        "camera; both optics"),
    ("CBERS_4_AWFI_20170125_157_118_L2_BAND14.xml",         "camera"),
    ("CBERS_4_MUX_20170618_057_121_L2_BAND6.xml",           "camera"),
    ("CBERS_4_PAN10M_20170108_154_127_L2_BAND4.xml",        "camera"),
    ("CBERS_4_PAN5M_20170108_154_127_L2_BAND1.xml",         "camera"),
    ("CBERS_4A_MUX_20200130_202_143_L4_BAND6.xml",          "camera"),
    ("CBERS_4A_WFI_20220415_202_143_L4_BAND14.xml",         "camera; both optics"),
    ("CBERS_4A_WPM_20200130_202_143_L4_BAND2.xml",          "camera; a band that the XML does not describe"),
    ("AMAZONIA_1_WFI_20210705_035_018_L4_LEFT_BAND2.xml",   "the left optic alone"),
    ("CBERS_4_AWFI_20190706_163_112_L2_LEFT_BAND14.xml",    "the left optic alone"),
    ("CBERS_4A_WFI_20200921_217_133_L4_RIGHT_BAND14.xml",   "the right optic alone"),
    ("CBERS_4_MUX_20180825_294_120_L2_BAND6.xml",           "across the antimeridian"),
    ("CBERS_4A_WFI_20210818_374_135_L4_BAND14.xml",         "across the antimeridian, both optics"),
    ("CBERS_4_PAN10M_20160926_154_127_L2_BAND4.xml",        "no gain"),
    ("CBERS_4_MUX_20191014_173_104_L2B_BAND6.xml",          "level 2B"),
    ("CBERS_4_MUX_20180517_154_126_L4_BAND6.xml",           "level 4 with a transformation"),
    ("CBERS_4_MUX_20180306_152_123_L2_BAND6.xml",           "no fraction of seconds"),
    ("CBERS_4A_WFI_20210828_217_133_L4_BAND14.xml",         "no fraction of seconds, both optics"),
    ("CBERS_4_MUX_20190413_321_126_L2_BAND6.xml",           "begins on the day before"),
    ("CBERS_4A_WPM_20220223_206_133_L4_BAND2.xml",          "an off-nadir angle with an exponent"),
    ("CBERS_4_PAN5M_20180131_172_153_L2_BAND1.xml",         "far in the south"),
    ("CBERS_4_MUX_20190724_131_057_L2_BAND6.xml",           "in the north"),
    ("CBERS_4_AWFI_20190804_162_100_L2_BAND14.xml",         "on both sides of the equator"),
    ("CBERS_4_MUX_20200502_158_119_L2_BAND6.xml",           "on the grid of the zone beside its own"),
    ("CBERS_4A_WPM_20200815_212_138_L4_BAND2.xml",          "on the grid of the zone beside its own"),
    ("CBERS_4_PAN10M_20190504_158_118_L2_BAND3.xml",        "described by its second choice of bands"),
    (PNG,                                                   "a quicklook of the other kind"),
];

/// The file of the scene whose quicklook is a PNG although its camera's are JPEG.
const PNG: &str = "CBERS_4_MUX_20170108_154_126_L2_BAND6.xml";

/// The levels of which golden catalogs are made, and the revision of each.
const LEVELS: [(&str, u64); 10] = [
    ("", 3),
    ("AMAZONIA1/WFI", 1),
    ("CBERS4", 1),
    ("CBERS4/MUX", 17),
    ("CBERS4/MUX/057", 1),
    ("CBERS4/MUX/057/121", 3),
    ("CBERS4/MUX/999/999", 2),
    ("CBERS4/PAN5M", 1),
    ("CBERS4A", 1),
    ("CBERS4A/WPM", 2),
];

fn make(file: &str) -> StoredForm {
    let name = MetadataName::parse(file).unwrap();
    let xml = fs::read(fixtures("scenes").join(name.key())).unwrap();
    let buckets = Buckets::default();
    let pair = buckets.pair(name.scene.satellite.bucket).unwrap();
    item::generate(&INPE, &xml, &name, pair, (file == PNG).then_some(Quicklook::Png)).unwrap()
}

#[test]
fn items_are_as_their_golden_files() {
    let items = ITEMS.map(|(file, _)| {
        let made = make(file);
        (made.key.rsplit('/').next().unwrap().to_owned(), made.item.bytes().to_vec())
    });
    let documents = BTreeMap::from(items);
    assert_eq!(documents.len(), ITEMS.len(), "two golden items have the same id");
    compare(&fixtures("items"), &documents);
}

#[test]
fn an_item_is_the_same_bytes_each_time_it_is_made() {
    for (file, _) in ITEMS {
        let item = make(file).item;
        assert!(item == make(file).item, "{file}");
        let bytes = item.bytes().to_vec();
        // Nothing is lost or moved by being read: no key stands twice, and every number is in its shortest form.
        let read: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(read.to_string(), String::from_utf8(bytes).unwrap(), "{file}");
    }
}

/// What is written field by field is what the vocabulary of STAC knows, in its order, and is told about as it is.
#[test]
fn an_item_is_read_and_written_again_as_a_stac_item() {
    for (file, _) in ITEMS {
        let made = make(file).item;
        let item: stac::Item = serde_json::from_slice(made.bytes()).unwrap();
        assert!(item.additional_fields.is_empty(), "{file}");
        assert_eq!(serde_json::to_vec(&item).unwrap(), made.bytes(), "{file}");
        assert_eq!(StoredItem::from(&item), made, "{file}");
    }
}

#[test]
fn every_camera_has_a_golden_item() {
    let cameras: BTreeSet<String> =
        ITEMS.iter().map(|(file, _)| MetadataName::parse(file).unwrap().scene.collection_id()).collect();
    let all =
        SATELLITES.iter().flat_map(|satellite| satellite.cameras.iter().map(|camera| satellite.collection_id(camera)));
    assert_eq!(cameras, all.collect());
}

/// What a level of `fixtures/scenes` holds: for a row the files of its items, else the names of its children.
fn listing(level: &Level) -> Listing {
    let folder = fixtures("scenes").join(level.key());
    let entries = fs::read_dir(folder).into_iter().flatten();
    let names: BTreeSet<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    if INPE.holds_items(level) {
        Listing::Items(names.into_iter().map(|scene| format!("{scene}.json")).collect())
    } else {
        Listing::Children(names.into_iter().collect())
    }
}

fn build(key: &str, revision: u64, site: &Site) -> (String, Vec<u8>) {
    let level = Level::parse(key).unwrap();
    let revision = (1..revision).fold(Revision::FIRST, |revision, _| revision.next());
    let bytes = catalog::build(&INPE, site, &level, &listing(&level), revision).unwrap();
    (INPE.document_key(&level), bytes)
}

#[test]
fn catalogs_are_as_their_golden_files() {
    let mut documents: BTreeMap<String, Vec<u8>> =
        LEVELS.into_iter().map(|(key, revision)| build(key, revision, &Site::default())).collect();
    let site = Site { public_url: Some("https://example.com/stac/".to_owned()) };
    documents.insert("with-public-url/catalog.json".to_owned(), build("", 3, &site).1);
    compare(&fixtures("catalogs"), &documents);
}

#[test]
fn a_catalog_is_the_same_bytes_each_time_it_is_built_and_its_revision_can_be_read_back() {
    for (key, revision) in LEVELS {
        let (document, bytes) = build(key, revision, &Site::default());
        assert!(bytes == build(key, revision, &Site::default()).1, "{document}");
        let read: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(read.to_string(), String::from_utf8(bytes.clone()).unwrap(), "{document}");
        assert_eq!(ReadBack::parse(&bytes).unwrap().revision.number(), revision, "{document}");
    }
}

#[test]
fn every_item_that_a_golden_row_links_has_the_title_that_the_link_gives() {
    let (_, bytes) = build("CBERS4/MUX/057/121", 1, &Site::default());
    let row: Value = serde_json::from_slice(&bytes).unwrap();
    let links: Vec<&Value> = row["links"].as_array().unwrap().iter().filter(|link| link["rel"] == "item").collect();
    assert_eq!(links.len(), 3);
    for link in links {
        let id = link["href"].as_str().unwrap().trim_start_matches("./").trim_end_matches(".json").to_owned();
        let made = make(&format!("{id}_BAND6.xml"));
        let item: Value = serde_json::from_slice(made.item.bytes()).unwrap();
        assert_eq!(item["properties"]["title"], link["title"]);
        assert_eq!(made.key, format!("CBERS4/MUX/057/121/{id}.json"));
    }
}
