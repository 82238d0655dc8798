//! What somebody sends to the door: single items, or anything else.

use std::sync::LazyLock;

use bolero::{TypeGenerator, check};
use futures::executor::block_on;
use lazycat::layout::Layout;
use lazycat::submit::known::AnyCollection;
use lazycat::submit::{Refused, Rules, examine};
use lazycat::validation::extensions::Extensions;
use lazycat::validation::schema::Schemas;
use serde_json::{Value, json};

use crate::json::{Edit, edited};

static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::new(Schemas::compile().unwrap(), Extensions::default()));

static LAYOUTS: LazyLock<[Layout; 3]> = LazyLock::new(|| {
    ["{collection}/{year}/{month}", "{properties.grid:code}", "all"].map(|template| Layout::parse(template).unwrap())
});

static ITEM: LazyLock<Value> = LazyLock::new(|| {
    json!({
        "type": "Feature", "stac_version": "1.1.0", "id": "a", "collection": "c", "bbox": [0, 0, 2, 1],
        "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 1], [0, 1], [0, 0]]]},
        "properties": {"datetime": "2017-06-18T13:30:00Z", "gsd": 10, "grid:code": "MGRS-1"},
        "links": [{"rel": "license", "href": "https://a.example/"}],
        "assets": {"a": {"href": "https://a.example/x.tif", "alternate": {"s3": {"href": "s3://b/x.tif"}}}},
        "stac_extensions": ["https://a.example/schema.json"]
    })
});

/// Sends a body: it is taken at a place inside the catalog, or refused with places that are in it.
fn send(bytes: &[u8]) {
    for layout in &*LAYOUTS {
        match block_on(examine(&RULES, layout, &AnyCollection, bytes)) {
            Ok(taken) => {
                let is_inside = |segment: &str| !segment.is_empty() && !segment.starts_with('.');
                assert!(taken.place.key.split('/').all(is_inside), "{}", taken.place.key);
                assert_eq!(taken.place.key.split('/').count(), layout.depth() + 1, "{}", taken.place.key);
                assert!(taken.text.len() <= bytes.len() + 5 * taken.text.matches("\\uff").count(), "{}", taken.text);
                let sent: Value = serde_json::from_slice(bytes).unwrap();
                assert_eq!(serde_json::from_str::<Value>(&taken.text).unwrap(), sent);
            }
            Err(Refused::Faulty(faults)) => {
                assert!((1..=faults.count()).contains(&faults.told().len()));
                let sent: Option<Value> = serde_json::from_slice(bytes).ok();
                for fault in faults.told() {
                    assert!(fault.detail.len() < 2_000, "{fault}");
                    let above = fault.pointer.rsplit_once('/').map_or("", |(above, _)| above);
                    // What is too deep for other readers is not looked for.
                    if let Some(sent) = &sent {
                        assert!(sent.pointer(&fault.pointer).or_else(|| sent.pointer(above)).is_some(), "{fault}");
                    }
                }
            }
            Err(Refused::NoJson(told)) => assert!((1..500).contains(&told.len()), "{told}"),
            Err(Refused::TooLong { longest }) => assert!(bytes.len() > longest),
            Err(Refused::Unavailable(error)) => panic!("nothing was asked: {error}"),
        }
    }
}

#[test]
fn any_bytes_are_taken_inside_the_catalog_or_refused() {
    check!().with_iterations(2_000).for_each(|bytes: &[u8]| send(bytes));
}

#[derive(Debug, TypeGenerator)]
struct Strange {
    #[generator(bolero::produce::<Vec<Edit>>().with().len(1_usize..5))]
    edits: Vec<Edit>,
}

#[test]
fn an_item_made_strange_is_taken_inside_the_catalog_or_refused_with_places_that_are_in_it() {
    check!().with_type::<Strange>().with_iterations(2_000).for_each(|strange| {
        send(edited(&ITEM, &strange.edits).as_bytes());
    });
}
