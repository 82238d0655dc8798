//! CQL2: what a filter means, and that it cannot mean anything else.

use futures::executor::block_on;
use lazycat::search::filter::Filter;
use lazycat::search::ports::{SearchError, SearchItems as _};
use lazycat::search::query::Query;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::{World, item, message};

/// Three items: everything, little, and things of another kind.
fn world() -> World {
    let world = World::new();
    let mut all = item("c", "all", "Ünder the Sea");
    all["properties"]["gsd"] = 20.into();
    all["properties"]["view:sun_elevation"] = 64.5.into();
    all["properties"]["is_day"] = true.into();
    all["properties"]["instruments"] = json!(["MUX", "PAN"]);
    all["properties"]["deep"] = json!({"level": 2});
    all["properties"]["created"] = "2021-05-01T00:00:00.5+02:00".into();
    all["properties"]["start_datetime"] = "2020-09-13T12:00:00Z".into();
    all["properties"]["end_datetime"] = "2020-09-13T13:00:00Z".into();
    let little = item("c", "little", "100% of_it");
    let mut other = item("d", "other", "*?[x]");
    other["geometry"] = json!({"type": "Point", "coordinates": [50, 50]});
    other["bbox"] = json!([50, 50, 50, 50]);
    other["properties"]["gsd"] = "20".into();
    other["properties"]["is_day"] = 1.into();
    other["properties"]["instruments"] = "MUX".into();
    let bodies = [message(all, 0), message(little, 0), message(other, 0)];
    assert_eq!(world.load(&bodies).written, 3);
    world
}

fn found(world: &World, filter: Filter) -> Result<Vec<String>, SearchError> {
    let query = Query { filter: Some(filter), ..Query::default() };
    let mut ids: Vec<String> =
        block_on(world.searcher().search(&query))?.items.into_iter().map(|item| item.id).collect();
    ids.sort_unstable();
    Ok(ids)
}

#[test]
fn a_filter_means_what_it_says() {
    let world = world();
    let everything: &[&str] = &["all", "little", "other"];
    for (text, expected) in [
        ("gsd = 20", &["all"][..]),
        ("gsd = '20'", &["other"]),
        ("gsd <> 20", &[]),
        ("NOT gsd = 20", &[]),
        ("gsd IS NULL", &["little"]),
        ("gsd IS NOT NULL", &["all", "other"]),
        ("gsd BETWEEN 10 AND 20", &["all"]),
        ("gsd NOT BETWEEN 10 AND 19.5", &["all"]),
        ("gsd IN (10, 20)", &["all"]),
        ("gsd IN (10, '20')", &["other"]),
        ("gsd NOT IN (10)", &["all", "other"]),
        ("gsd + 5 > 24 AND gsd * 2 <= 40", &["all"]),
        ("gsd / 0 = 1 OR gsd div 3 = 6", &["all"]),
        ("gsd % 3 = 2 AND gsd ^ 2 = 400 AND 10 - 3 - 2 = 5", &["all"]),
        ("\"view:sun_elevation\" > gsd", &["all"]),
        ("properties.deep.level = 2", &["all"]),
        ("is_day = TRUE", &["all"]),
        ("is_day", &["all"]),
        ("NOT is_day", &[]),
        ("is_day = 1", &["other"]),
        ("title LIKE '100\\% of\\_%'", &["little"]),
        ("title LIKE '100_ %'", &["little"]),
        ("title LIKE '*?[x]'", &["other"]),
        ("title LIKE 'x%'", &[]),
        ("title LIKE '%the%' OR title LIKE '%THE%'", &["all"]),
        ("CASEI(title) LIKE CASEI('ÜNDER%')", &["all"]),
        ("ACCENTI(title) = ACCENTI('Under the Sea')", &["all"]),
        ("id IN ('all', 'none') OR collection = 'd'", &["all", "other"]),
        ("collection <> 'd' AND NOT (id = 'all')", &["little"]),
        ("datetime >= TIMESTAMP('2020-09-13T12:26:40Z')", &["little", "other"]),
        ("datetime >= TIMESTAMP('2020-09-13T12:00:00Z')", everything),
        ("datetime > TIMESTAMP('2020-09-13T12:26:40Z')", &[]),
        ("datetime = '2020-09-13T14:26:40+02:00'", &["little", "other"]),
        ("datetime > DATE('2020-09-13')", everything),
        ("created > '2021-04-30T22:00:00Z' AND created < '2021-04-30T22:00:01Z'", &["all"]),
        ("T_INTERSECTS(datetime, INTERVAL('2020-09-13T00:00:00Z', '..'))", everything),
        ("T_AFTER(datetime, INTERVAL('..', '2020-09-13T00:00:00Z'))", everything),
        ("T_DURING(INTERVAL(start_datetime, end_datetime), DATE('2020-09-13'))", everything),
        ("T_BEFORE(datetime, end_datetime)", &["all"]),
        ("S_INTERSECTS(geometry, POINT(0.5 0.5))", &["all", "little"]),
        ("S_INTERSECTS(geometry, BBOX(40, 40, 60, 60))", &["other"]),
        ("S_DISJOINT(geometry, POINT(0.5 0.5))", &["other"]),
        ("S_WITHIN(geometry, POLYGON((-1 -1, 2 -1, 2 2, -1 2, -1 -1)))", &["all", "little"]),
        ("S_CONTAINS(geometry, POINT(0.5 0.5))", &["all", "little"]),
        ("S_TOUCHES(geometry, POINT(1 0.5))", &["all", "little"]),
        ("S_EQUALS(geometry, POINT(50 50))", &["other"]),
        ("S_CROSSES(geometry, LINESTRING(-1 0.5, 2 0.5)) AND id = 'all'", &["all"]),
        ("A_CONTAINS(instruments, ('MUX'))", &["all"]),
        ("A_OVERLAPS(instruments, ('MUX', 'X'))", &["all"]),
        ("A_CONTAINEDBY(instruments, ('MUX', 'X'))", &[]),
        ("A_EQUALS(instruments, ('PAN', 'MUX'))", &["all"]),
        ("gsd = NULL", &[]),
        ("TRUE", everything),
        ("FALSE OR NULL", &[]),
        ("unknown = 1 OR id = 'all'", &["all"]),
        ("NOT (unknown = 1 AND id = 'none')", everything),
    ] {
        let ids = found(&world, Filter::from_text(text).unwrap()).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(ids, expected, "{text}");
        let json: Value = serde_json::to_value(Filter::from_text(text).unwrap().expr()).unwrap();
        let ids = found(&world, Filter::from_json(json.clone()).unwrap()).unwrap();
        assert_eq!(ids, expected, "{json}");
    }
}

#[test]
fn names_and_values_that_look_like_sql_are_names_and_values() {
    let world = world();
    for nasty in ["' OR 1=1 --", "x'); DROP TABLE items; --", "\"; --", "?1", "$.gsd", "%s"] {
        let value = json!({"op": "=", "args": [{"property": "title"}, nasty]});
        assert_eq!(found(&world, Filter::from_json(value).unwrap()).unwrap(), Vec::<String>::new(), "{nasty}");
        let name = json!({"op": "isNull", "args": [{"property": nasty}]});
        if let Ok(ids) = found(&world, Filter::from_json(name).unwrap()) {
            assert_eq!(ids.len(), 3, "{nasty}");
        }
    }
    assert_eq!(world.titles().len(), 3);
}

/// A filter, and whether it holds of an item with these numbers; none when that is unknown.
#[derive(Debug, Clone)]
enum Plain {
    Compare(&'static str, &'static str, i64),
    IsNull(&'static str),
    Between(&'static str, i64, i64),
    In(&'static str, Vec<i64>),
    Not(Box<Plain>),
    And(Box<Plain>, Box<Plain>),
    Or(Box<Plain>, Box<Plain>),
}

impl Plain {
    fn text(&self) -> String {
        match self {
            Self::Compare(name, op, number) => format!("{name} {op} {number}"),
            Self::IsNull(name) => format!("{name} IS NULL"),
            Self::Between(name, low, high) => format!("{name} BETWEEN {low} AND {high}"),
            Self::In(name, numbers) => {
                let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
                format!("{name} IN ({})", numbers.join(", "))
            }
            Self::Not(inner) => format!("NOT ({})", inner.text()),
            Self::And(left, right) => format!("({}) AND ({})", left.text(), right.text()),
            Self::Or(left, right) => format!("({}) OR ({})", left.text(), right.text()),
        }
    }

    fn holds(&self, numbers: &impl Fn(&str) -> Option<i64>) -> Option<bool> {
        match self {
            Self::Compare(name, op, right) => numbers(name).map(|left| match *op {
                "=" => left == *right,
                "<>" => left != *right,
                "<" => left < *right,
                ">=" => left >= *right,
                other => panic!("{other}"),
            }),
            Self::IsNull(name) => Some(numbers(name).is_none()),
            Self::Between(name, low, high) => numbers(name).map(|number| (*low..=*high).contains(&number)),
            Self::In(name, list) => numbers(name).map(|number| list.contains(&number)),
            Self::Not(inner) => inner.holds(numbers).map(|holds| !holds),
            Self::And(left, right) => match (left.holds(numbers), right.holds(numbers)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            Self::Or(left, right) => match (left.holds(numbers), right.holds(numbers)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
        }
    }
}

fn plain() -> impl Strategy<Value = Plain> {
    let name = || prop::sample::select(vec!["a", "b", "none"]);
    let leaf = prop_oneof![
        (name(), prop::sample::select(vec!["=", "<>", "<", ">="]), -2..3_i64)
            .prop_map(|(name, op, number)| Plain::Compare(name, op, number)),
        name().prop_map(Plain::IsNull),
        (name(), -2..3_i64, -2..3_i64).prop_map(|(name, low, high)| Plain::Between(name, low, high)),
        (name(), prop::collection::vec(-2..3_i64, 1..4)).prop_map(|(name, numbers)| Plain::In(name, numbers)),
    ];
    leaf.prop_recursive(4, 16, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| Plain::Not(Box::new(inner))),
            (inner.clone(), inner.clone()).prop_map(|(left, right)| Plain::And(Box::new(left), Box::new(right))),
            (inner.clone(), inner).prop_map(|(left, right)| Plain::Or(Box::new(left), Box::new(right))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_filter_finds_what_it_holds_of_by_the_rules_of_three_values(filters in prop::collection::vec(plain(), 24)) {
        let world = World::new();
        let numbers = [None, Some(-1), Some(0), Some(2)];
        let mut items = Vec::new();
        for a in numbers {
            for b in numbers {
                let mut item = item("c", &format!("{a:?}{b:?}"), "");
                for (name, number) in [("a", a), ("b", b)] {
                    if let Some(number) = number {
                        item["properties"][name] = number.into();
                    }
                }
                items.push((item, a, b));
            }
        }
        let bodies: Vec<_> = items.iter().map(|(item, ..)| message(item, 0)).collect();
        world.load(&bodies);
        for filter in filters {
            let query = Query { filter: Some(Filter::from_text(&filter.text()).unwrap()), limit: 100, ..Query::default() };
            let mut ids: Vec<String> = world.search(&query).items.into_iter().map(|item| item.id).collect();
            ids.sort_unstable();
            let holds = |a: Option<i64>, b: Option<i64>| {
                filter.holds(&|name| match name { "a" => a, "b" => b, _ => None }) == Some(true)
            };
            let mut expected: Vec<String> = items
                .iter()
                .filter(|(_, a, b)| holds(*a, *b))
                .map(|(item, ..)| item["id"].as_str().unwrap().to_owned())
                .collect();
            expected.sort_unstable();
            prop_assert_eq!(ids, expected, "{}", filter.text());
        }
    }
}
