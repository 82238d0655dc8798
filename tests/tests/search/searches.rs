//! Searches find what a plain look at every item finds, in the same order, page by page.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use futures::executor::block_on;
use lazycat::search::geometry;
use lazycat::search::ports::{SearchError, SearchItems as _};
use lazycat::search::query::{Field, Interval, Query, SortKey, Token};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::{World, at, item, message, text};

/// An item whose footprint is one rectangle, or two that meet at the antimeridian.
#[derive(Debug, Clone)]
struct Plain {
    id: String,
    collection: usize,
    /// West, south, width, height, in tenths of a degree.
    place: (i32, i32, i32, i32),
    /// Start, length in seconds; a single time when the length is 0.
    time: (i64, i64),
    gsd: Option<i32>,
    name: Option<String>,
}

/// What is asked; nothing where none.
#[derive(Debug, Clone)]
struct Asked {
    boxed: Option<(i32, i32, i32, i32)>,
    as_polygon: bool,
    time: Option<(Option<i64>, Option<i64>)>,
    collections: BTreeSet<usize>,
    ids: Option<Vec<usize>>,
    sort: Vec<(usize, bool)>,
    limit: usize,
}

type Rectangle = [f64; 4];

/// The rectangles of a place: west may be past the antimeridian after its width.
fn rectangles((west, south, width, height): (i32, i32, i32, i32)) -> Vec<Rectangle> {
    let degrees = |tenths: i32| f64::from(tenths) / 10.0;
    let (south, north) = (degrees(south), degrees(south + height));
    if west + width > 1_800 {
        vec![[degrees(west), south, 180.0, north], [-180.0, south, degrees(west + width - 3_600), north]]
    } else {
        vec![[degrees(west), south, degrees(west + width), north]]
    }
}

fn meet(one: &[Rectangle], other: &[Rectangle]) -> bool {
    let meets = |a: &Rectangle, b: &Rectangle| a[0] <= b[2] && b[0] <= a[2] && a[1] <= b[3] && b[1] <= a[3];
    one.iter().any(|a| other.iter().any(|b| meets(a, b)))
}

fn polygons(rectangles: &[Rectangle]) -> Value {
    let ring = |[w, s, e, n]: &Rectangle| json!([[[w, s], [e, s], [e, n], [w, n], [w, s]]]);
    json!({"type": "MultiPolygon", "coordinates": rectangles.iter().map(ring).collect::<Vec<_>>()})
}

impl Plain {
    fn json(&self) -> Value {
        let mut json = item(&format!("c{}", self.collection), &self.id, "");
        let rectangles = rectangles(self.place);
        json["geometry"] = polygons(&rectangles);
        let last = rectangles[rectangles.len() - 1];
        json["bbox"] = json!([rectangles[0][0], rectangles[0][1], last[2], last[3]]);
        let (start, length) = self.time;
        let properties = &mut json["properties"];
        properties["datetime"] = text(at(start)).into();
        if length > 0 {
            properties["datetime"] = Value::Null;
            properties["start_datetime"] = text(at(start)).into();
            properties["end_datetime"] = text(at(start + length)).into();
        }
        if let Some(gsd) = self.gsd {
            properties["gsd"] = (f64::from(gsd) / 4.0).into();
        }
        if let Some(name) = &self.name {
            properties["name"] = name.as_str().into();
        }
        json
    }

    fn is_asked_for(&self, asked: &Asked, items: &[Plain]) -> bool {
        let (start, length) = self.time;
        asked.boxed.is_none_or(|boxed| meet(&rectangles(self.place), &rectangles(boxed)))
            && asked.time.is_none_or(|(from, to)| {
                to.is_none_or(|to| start <= to) && from.is_none_or(|from| start + length >= from)
            })
            && (asked.collections.is_empty() || asked.collections.contains(&self.collection))
            && asked.ids.as_ref().is_none_or(|ids| ids.iter().any(|at| items[*at % items.len()].id == self.id))
    }

    /// By the keys, what lacks one behind the greatest; then by collection and id, in the direction of the first key.
    fn order(&self, other: &Self, sort: &[(usize, bool)]) -> Ordering {
        fn lacking_greatest<T: PartialOrd>(one: Option<T>, other: Option<T>) -> Ordering {
            match (one, other) {
                (Some(one), Some(other)) => one.partial_cmp(&other).unwrap(),
                (one, other) => one.is_none().cmp(&other.is_none()),
            }
        }
        let usual = [(0, true)];
        let keys = if sort.is_empty() { &usual } else { sort };
        let directed = |order: Ordering, descending: bool| if descending { order.reverse() } else { order };
        let by_keys = keys.iter().map(|(key, descending)| {
            let order = match key {
                0 => self.time.0.cmp(&other.time.0),
                1 => lacking_greatest(self.gsd, other.gsd),
                2 => lacking_greatest(self.name.as_ref(), other.name.as_ref()),
                _ => self.collection.cmp(&other.collection),
            };
            directed(order, *descending)
        });
        let at_last = (self.collection, &self.id).cmp(&(other.collection, &other.id));
        by_keys.fold(Ordering::Equal, Ordering::then).then(directed(at_last, keys[0].1))
    }
}

impl Asked {
    fn query(&self, items: &[Plain]) -> Query {
        let keys = ["datetime", "properties.gsd", "name", "collection"];
        let mut query = Query { limit: self.limit, ..Query::default() };
        if let Some(boxed) = self.boxed {
            let rectangles = rectangles(boxed);
            if self.as_polygon {
                query.intersects = Some(serde_json::from_value(polygons(&rectangles)).unwrap());
            } else {
                let last = rectangles[rectangles.len() - 1];
                let numbers = [rectangles[0][0], rectangles[0][1], last[2], last[3]];
                query.boxes = Some(geometry::boxes_of(&numbers).unwrap());
            }
        }
        query.datetime = self.time.map(|(from, to)| Interval { from: from.map(at), to: to.map(at) });
        query.collections = self.collections.iter().map(|number| format!("c{number}")).collect();
        query.ids = self.ids.iter().flatten().map(|at| items[*at % items.len()].id.clone()).collect();
        query.sort = self.sort.iter().map(|(key, descending)| SortKey::new(keys[*key], *descending).unwrap()).collect();
        query
    }
}

fn place() -> impl Strategy<Value = (i32, i32, i32, i32)> {
    // Some near the antimeridian, some anywhere.
    let west = prop_oneof![1_750..1_800, -1_800..1_750_i32, -30..30];
    (west, -50..50_i32, 1..80_i32, 1..80_i32)
}

fn items() -> impl Strategy<Value = Vec<Plain>> {
    let one = (
        0..3_usize,
        place(),
        (0..60_i64, prop_oneof![Just(0_i64), 0..20_i64]),
        proptest::option::of(0..4_i32),
        proptest::option::of("[a-c]{0,2}"),
    );
    prop::collection::vec(one, 1..40).prop_map(|items| {
        let numbered = items.into_iter().enumerate();
        numbered
            .map(|(number, (collection, place, time, gsd, name))| Plain {
                id: format!("i{:02}", number * 7 % 40),
                collection,
                place,
                time,
                gsd,
                name,
            })
            .collect()
    })
}

fn asked() -> impl Strategy<Value = Asked> {
    let time = (proptest::option::of(0..60_i64), 0..30_i64, any::<bool>()).prop_map(|(from, length, is_open)| {
        let to = (!is_open || from.is_none()).then_some(from.unwrap_or(10) + length);
        (from, to)
    });
    (
        proptest::option::of(place()),
        any::<bool>(),
        proptest::option::of(time),
        prop::collection::btree_set(0..4_usize, 0..3),
        proptest::option::weighted(0.2, prop::collection::vec(0..40_usize, 1..5)),
        prop::collection::vec((0..4_usize, any::<bool>()), 0..4),
        1..8_usize,
    )
        .prop_map(|(boxed, as_polygon, time, collections, ids, sort, limit)| Asked {
            boxed,
            as_polygon,
            time,
            collections,
            ids,
            sort,
            limit,
        })
}

/// All pages of a search.
fn pages(world: &World, query: &Query) -> Vec<String> {
    let mut query = query.clone();
    let mut ids = Vec::new();
    loop {
        let found = world.search(&query);
        assert!(found.items.len() <= query.limit);
        assert!(found.next.is_none() || found.items.len() == query.limit);
        ids.extend(found.items.into_iter().map(|item| item.id));
        match found.next {
            Some(token) => query.token = Some(token),
            None => return ids,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_search_finds_what_a_look_at_every_item_finds(
        items in items(), searches in prop::collection::vec(asked(), 12)
    ) {
        let world = World::new();
        let bodies: Vec<_> = items.iter().map(|item| message(item.json(), 0)).collect();
        prop_assert_eq!(world.load(&bodies).written, items.len());
        for asked in searches {
            let mut expected: Vec<&Plain> = items.iter().filter(|item| item.is_asked_for(&asked, &items)).collect();
            expected.sort_by(|one, other| one.order(other, &asked.sort));
            let expected: Vec<&str> = expected.iter().map(|item| item.id.as_str()).collect();
            prop_assert_eq!(pages(&world, &asked.query(&items)), expected, "{:?}", asked);
        }
    }
}

/// So many that the boxes are not the way in: what is found must not depend on that.
#[test]
fn a_wide_search_over_many_items_finds_the_same_as_a_narrow_one() {
    let world = World::new();
    let plain = |number: i32| Plain {
        id: format!("i{number:04}"),
        collection: 0,
        place: (number % 100 * 10, number / 100 * 10, 5, 5),
        time: (i64::from(number), 0),
        gsd: Some(number % 3),
        name: None,
    };
    let items: Vec<Plain> = (0..2_400).map(plain).collect();
    let bodies: Vec<_> = items.iter().map(|item| message(item.json(), 0)).collect();
    assert_eq!(world.load(&bodies).written, items.len());
    for (boxed, time, collections) in [
        ((0, 0, 1_000, 300), None, BTreeSet::new()),
        ((0, 0, 1_000, 300), None, BTreeSet::from([0])),
        ((0, 0, 995, 250), Some((None, Some(2_300))), BTreeSet::new()),
        ((100, 100, 50, 50), None, BTreeSet::new()),
    ] {
        let asked =
            Asked { boxed: Some(boxed), as_polygon: false, time, collections, ids: None, sort: vec![], limit: 500 };
        let mut expected: Vec<&str> =
            items.iter().filter(|item| item.is_asked_for(&asked, &items)).map(|item| item.id.as_str()).collect();
        expected.reverse();
        assert_eq!(pages(&world, &asked.query(&items)), expected, "{asked:?}");
    }
}

/// The way along time ends where no interval can reach the one that is asked for: neither too early nor on one side only.
#[test]
fn among_many_items_those_are_found_whose_intervals_reach_from_afar() {
    let world = World::new();
    let reach = |number: i64| if number % 7 == 0 { (90, 400) } else { (0, 0) };
    let made = |number: i64| {
        let mut item = item("c", &format!("i{number:04}"), "");
        let (before, after) = reach(number);
        item["properties"]["datetime"] = text(at(number)).into();
        item["properties"]["start_datetime"] = text(at(number - before)).into();
        item["properties"]["end_datetime"] = text(at(number + after)).into();
        message(item, 0)
    };
    let bodies: Vec<_> = (0..5_000).map(made).collect();
    assert_eq!(world.load(&bodies).written, bodies.len());
    for (from, to) in [(0, 4_900), (2_500, 5_000), (1_000, 4_000), (300, 2_700)] {
        let mut expected: Vec<(i64, String)> = (0..5_000)
            .filter(|number| number - reach(*number).0 <= to && number + reach(*number).1 >= from)
            .map(|number| (number - reach(number).0, format!("i{number:04}")))
            .collect();
        expected.sort_unstable_by(|one, other| other.cmp(one));
        let expected: Vec<String> = expected.into_iter().map(|(_, id)| id).collect();
        let query = Query {
            datetime: Some(Interval { from: Some(at(from)), to: Some(at(to)) }),
            limit: 1_000,
            ..Query::default()
        };
        assert_eq!(pages(&world, &query), expected, "{from} to {to}");
    }
}

/// The boxes meet, the footprints do not.
#[test]
fn what_only_its_box_meets_is_not_found() {
    let world = World::new();
    let mut triangle = item("c", "triangle", "");
    triangle["geometry"] = json!({"type": "Polygon", "coordinates": [[[0, 0], [10, 0], [0, 10], [0, 0]]]});
    triangle["bbox"] = json!([0, 0, 10, 10]);
    assert_eq!(world.load(&[message(triangle, 0)]).written, 1);
    let boxed = |numbers: [f64; 4]| Query { boxes: Some(geometry::boxes_of(&numbers).unwrap()), ..Query::default() };
    assert_eq!(world.search(&boxed([8.0, 8.0, 9.0, 9.0])).items.len(), 0);
    assert_eq!(world.search(&boxed([4.0, 4.0, 9.0, 9.0])).items.len(), 1);
    assert_eq!(world.search(&boxed([-5.0, -5.0, 15.0, 15.0])).items.len(), 1);
    let point = |x: f64| Query {
        intersects: Some(serde_json::from_value(json!({"type": "Point", "coordinates": [x, x]})).unwrap()),
        ..Query::default()
    };
    assert_eq!((world.search(&point(4.9)).items.len(), world.search(&point(5.1)).items.len()), (1, 0));
}

#[test]
fn a_page_goes_on_where_the_last_one_ended_whatever_is_written_in_between() {
    let world = World::new();
    let put = |id: &str, seconds: i64| {
        let mut item = item("c", id, "");
        item["properties"]["datetime"] = text(at(seconds)).into();
        world.load(&[message(item, 0)]);
    };
    for number in 0..6 {
        put(&format!("i{number}"), number);
    }
    let mut query = Query { limit: 2, ..Query::default() };
    let ids = |query: &Query| -> (Vec<String>, Option<Token>) {
        let found = world.search(query);
        (found.items.into_iter().map(|item| item.id).collect(), found.next)
    };
    let (first, next) = ids(&query);
    assert_eq!(first, ["i5", "i4"]);
    put("newer", 100);
    put("between", 3);
    query.token = next;
    let (second, next) = ids(&query);
    assert_eq!(second, ["i3", "between"]);
    query.token = next;
    assert_eq!(ids(&query).0, ["i2", "i1"]);
    query.sort = vec![SortKey::new("id", false).unwrap()];
    let refused = block_on(world.searcher().search(&query)).unwrap_err();
    assert!(matches!(refused, SearchError::Token), "{refused}");
}

#[test]
fn sort_keys_without_a_value_in_the_token_do_not_lose_items() {
    let world = World::new();
    for number in 0..9 {
        let mut item = item("c", &format!("i{number}"), "");
        if number % 3 == 0 {
            item["properties"]["gsd"] = number.into();
        }
        world.load(&[message(item, 0)]);
    }
    for descending in [false, true] {
        let sort = vec![SortKey { field: Field::parse("gsd").unwrap(), descending }];
        let found = pages(&world, &Query { limit: 1, sort, ..Query::default() });
        let mut expected = ["i0", "i3", "i6", "i1", "i2", "i4", "i5", "i7", "i8"];
        if descending {
            expected.reverse();
        }
        assert_eq!(found, expected);
    }
}
