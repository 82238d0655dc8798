//! The rows of items: as pgstac makes them itself, and back to what they were made of.

use chrono::TimeDelta;
use lazycat::pgstac::{Dehydration, Partitions, Settings};
use lazycat::search::change::{Action, Applied, Change, Version};
use lazycat::search::ports::IndexItems as _;
use lazycat_tests::conformance::indexes::Findings as _;
use lazycat_tests::postgres::Postgres;
use serde_json::{Value, json};

use crate::world::{Searches, World, at, item, put};

/// Items whose assets say more, less, and other things than their collection.
fn odd_items() -> Vec<Value> {
    let assets = [
        json!({"red": {"type": "image/tiff", "title": "Red", "roles": ["data"], "bands": [{"name": "B3", "gsd": 20}], "href": "r.tif"}}),
        json!({"red": {"type": "image/jp2", "href": "r.jp2", "roles": [], "bands": [{"name": "B4"}]}, "thumbnail": {"type": "image/png", "href": "t.png"}}),
        json!({"red": {"href": "r.tif", "roles": ["data", "reflectance"], "bands": [{"name": "B3", "gsd": 20}, {"name": "B4"}]}}),
        json!({"red": {"href": "r.tif", "bands": "none", "title": {"en": "Red"}}, "other": {"href": "o", "n": 1.10}}),
        json!({}),
    ];
    let geometries = [
        json!({"type": "Point", "coordinates": [-54.123_456_789_012_3, -12.5]}),
        json!({"type": "Point", "coordinates": [1, 2, 300.5]}),
        json!({"type": "MultiPolygon", "coordinates": [[[[179, 0], [180, 0], [180, 1], [179, 0]]], [[[-180, 0], [-179, 0], [-180, 1], [-180, 0]]]]}),
        json!({"type": "LineString", "coordinates": [[0, 0], [1, 1]]}),
        json!({"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [0, 0]}]}),
    ];
    let mut items = Vec::new();
    for (at_, (assets, geometry)) in assets.into_iter().zip(geometries).enumerate() {
        let mut odd = item("c", &format!("odd-{at_}"), at("2020-05-17T13:04:05.678901Z"));
        odd["assets"] = assets;
        odd["geometry"] = geometry;
        odd["stac_version"] = if at_ % 2 == 0 { "1.1.0".into() } else { "1.0.0".into() };
        odd["properties"]["texts"] = json!(["it's \"quoted\" \\ ü 𒍟 \u{7}", ["a"], {"b": []}]);
        items.push(odd);
    }
    let ranged = json!({"datetime": "2020-05-17T00:00:00Z", "start_datetime": "2020-05-16T00:00:00Z", "end_datetime": "2021-05-18T00:00:00Z"});
    items[0]["properties"] = ranged;
    items
}

#[tokio::test]
async fn rows_that_are_made_here_are_those_that_pgstac_would_make() {
    for version in ["0.10.0", "0.9.12"] {
        let world = World::of(Postgres::shared().database_of(version), Settings::default()).await;
        for item in odd_items() {
            let text = item.to_string();
            let id = item["id"].as_str().unwrap();
            assert_eq!(world.index.apply(&[put(&text, 1)]).await.remove(0).unwrap(), Applied::Written);
            // Content is compared as it is read: pgstac writes some of it differently, to the same end.
            let same = "
                SELECT i.geometry = d.geometry AND ST_SRID(i.geometry) = ST_SRID(d.geometry)
                           AND i.datetime = d.datetime AND i.end_datetime = d.end_datetime,
                       content_hydrate(i)::text, content_hydrate(d)::text
                FROM items i, content_dehydrate($1::text::jsonb) d WHERE i.id = $2";
            let row = world.client.query_one(same, &[&text, &id]).await.unwrap();
            assert!(row.get::<_, bool>(0), "{version}: the columns of {id} differ");
            let (ours, theirs): (Value, Value) =
                (serde_json::from_str(row.get(1)).unwrap(), serde_json::from_str(row.get(2)).unwrap());
            for (name, member) in item.as_object().unwrap().iter().filter(|(name, _)| *name != "geometry") {
                assert_eq!(&ours[name], member, "{version}: {name} of {id}");
            }
            assert_eq!(ours["geometry"], theirs["geometry"], "{version}: {id}");
        }
    }
}

#[tokio::test]
async fn geometries_are_to_the_last_bit_what_the_database_makes_of_their_text() {
    let world = World::new().await;
    let square = |x: f64, y: f64| json!([[x, y], [x + 1.0, y], [x + 1.0, y + 1.0], [x, y + 1.0], [x, y]]);
    let geometries = [
        r#"{"type": "Point", "coordinates": [-54.12345678901234567890123, 1.2345678901234567e1]}"#.to_owned(),
        r#"{"coordinates": [-0.0, 5e-324], "type": "Point"}"#.to_owned(),
        r#"{"type": "Point", "coordinates": [1, 2, 300.5]}"#.to_owned(),
        json!({"type": "MultiPoint", "coordinates": [[0.1, 0.2], [0.3, 0.7]]}).to_string(),
        json!({"type": "LineString", "coordinates": [[0.1, 0.2], [179.999_999_999_999_97, -89.9]]}).to_string(),
        json!({"type": "MultiLineString", "coordinates": [[[0, 0], [1, 1]], [[2, 2], [3, 3], [4, 5]]]}).to_string(),
        json!({"type": "Polygon", "coordinates": [square(0.0, 0.0), [[0.2, 0.2], [0.3, 0.2], [0.3, 0.3], [0.2, 0.2]]]})
            .to_string(),
        json!({"type": "MultiPolygon", "coordinates": [[square(179.0, 0.0)], [square(-180.0, 0.1)]]}).to_string(),
        r#"{"type": "Point", "coordinates": [1, 2], "bbox": [1, 2, 1, 2]}"#.to_owned(),
    ];
    for geometry in geometries {
        let mut other = item("c", "i", at("2020-05-17T13:04:05Z"));
        other["geometry"] = "GEOMETRY".into();
        let text = other.to_string().replace("\"GEOMETRY\"", &geometry);
        assert_eq!(world.index.apply(&[put(&text, 1)]).await.remove(0).unwrap(), Applied::Written);
        let same = "SELECT ST_AsEWKB(geometry) = ST_AsEWKB(ST_GeomFromGeoJSON($1)), ST_AsEWKT(geometry) FROM items";
        let row = world.client.query_one(same, &[&geometry]).await.unwrap();
        assert!(row.get::<_, bool>(0), "{geometry} became {}", row.get::<_, &str>(1));
    }
}

#[tokio::test]
async fn items_stay_what_they_were_when_their_collection_says_something_else() {
    let world = World::new().await;
    let before = item("c", "before", at("2020-05-01T00:00:00Z"));
    let text = before.to_string();
    world.index.apply(&[put(&text, 1)]).await.remove(0).unwrap();
    let collection = json!({
        "type": "Collection", "stac_version": "1.1.0", "id": "c", "description": "x", "license": "other", "links": [],
        "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [[null, null]]}},
        "item_assets": {"red": {"type": "image/vnd.other", "title": "Rot", "more": true}}
    })
    .to_string();
    let change = Action::PutCollection { id: "c".into(), text: &collection };
    let after = item("c", "after", at("2020-05-02T00:00:00Z"));
    let text = after.to_string();
    let changes = [put(&text, 3), Change { version: Version(2), source: None, action: change }];
    for result in world.index.apply(&changes).await {
        assert_eq!(result.unwrap(), Applied::Written);
    }
    let searches = Searches(world.database.connect().await);
    for item in [before, after] {
        let found = searches.item("c", item["id"].as_str().unwrap()).await.unwrap();
        assert_eq!(found["assets"], item["assets"], "{}", item["id"]);
    }
    let content = "SELECT content->'assets'->'red' ? 'title' FROM items WHERE id = 'after'";
    assert!(world.client.query_one(content, &[]).await.unwrap().get::<_, bool>(0), "what differs is kept");
    let content = "SELECT content->'assets'->'red' ? 'title' FROM items WHERE id = 'before'";
    assert!(!world.client.query_one(content, &[]).await.unwrap().get::<_, bool>(0), "what is the same is left out");
}

#[tokio::test]
async fn what_is_long_is_packed_quickly_unless_somebody_has_decided_otherwise() {
    let world = World::new().await;
    let mut long = item("c", "long", at("2020-05-01T00:00:00Z"));
    long["properties"]["description"] = "all the same ".repeat(1_000).into();
    let packed = "SELECT pg_column_compression(content) FROM items WHERE id = 'long'";
    let able = "SELECT 'lz4' = ANY(enumvals) FROM pg_settings WHERE name = 'default_toast_compression'";
    let is_able: bool = world.client.query_one(able, &[]).await.unwrap().get(0);
    world.index.apply(&[put(&long.to_string(), 1)]).await.remove(0).unwrap();
    let found: String = world.client.query_one(packed, &[]).await.unwrap().get(0);
    assert_eq!(found, if is_able { "lz4" } else { "pglz" });
    let name: String = world.client.query_one("SELECT current_database()::text", &[]).await.unwrap().get(0);
    let decided = format!("ALTER DATABASE \"{name}\" SET default_toast_compression = 'pglz'");
    world.client.execute(&decided, &[]).await.unwrap();
    let another = crate::world::index(&world.database, Settings::default());
    another.apply(&[put(&long.to_string(), 2)]).await.remove(0).unwrap();
    assert_eq!(world.client.query_one(packed, &[]).await.unwrap().get::<_, String>(0), "pglz");
}

#[tokio::test]
async fn an_item_stands_in_the_partition_of_its_time() {
    let world = World::new().await;
    let days = ["2019-12-31T23:59:59.999999Z", "2020-01-01T00:00:00Z", "2020-02-29T12:00:00Z"];
    let texts: Vec<String> = days.iter().map(|day| item("c", day, at(day)).to_string()).collect();
    let changes: Vec<Change<'_>> = texts.iter().map(|text| put(text, 1)).collect();
    assert!(world.index.apply(&changes).await.into_iter().all(|result| result.unwrap() == Applied::Written));
    let rows = world.client.query("SELECT tableoid::regclass::text FROM items ORDER BY id", &[]).await.unwrap();
    let partitions: Vec<String> = rows.iter().map(|row| row.get::<_, String>(0)).collect();
    let ends: Vec<&str> = partitions.iter().map(|name| &name[name.len() - 6..]).collect();
    assert_eq!(ends, ["201912", "202001", "202002"]);
}

#[tokio::test]
async fn later_items_of_a_month_change_no_partition() {
    let world = World::new().await;
    let constraints = "SELECT array_agg(oid::text ORDER BY oid)::text[] FROM pg_constraint WHERE contype = 'c' AND connamespace = 'pgstac'::regnamespace";
    let first = at("2020-05-10T00:00:00Z");
    world.index.apply(&[put(&item("c", "0", first).to_string(), 1)]).await.remove(0).unwrap();
    let before: Vec<String> = world.client.query_one(constraints, &[]).await.unwrap().get(0);
    for (at_, days) in [-9, 0, 21].into_iter().enumerate() {
        let text = item("c", &format!("{at_}"), first + TimeDelta::days(days)).to_string();
        // Also by a loader that is new to the database.
        let index = crate::world::index(&world.database, Settings::default());
        index.apply(&[put(&text, 2)]).await.remove(0).unwrap();
    }
    let after: Vec<String> = world.client.query_one(constraints, &[]).await.unwrap().get(0);
    assert_eq!(before, after);
    assert!(!before.is_empty());
}

#[tokio::test]
async fn a_partition_whose_bounds_were_drawn_closer_is_widened_again() {
    let world = World::new().await;
    let first = at("2020-05-10T00:00:00Z");
    world.index.apply(&[put(&item("c", "0", first).to_string(), 1)]).await.remove(0).unwrap();
    // As a maintenance of pgstac does, with the loader none the wiser.
    world.client.batch_execute("SELECT update_partition_stats(partition) FROM partition_stats").await.unwrap();
    let text = item("c", "1", first + TimeDelta::days(9)).to_string();
    assert_eq!(world.index.apply(&[put(&text, 1)]).await.remove(0).unwrap(), Applied::Written);
    assert_eq!(world.ids().await, ["0", "1"]);
}

#[tokio::test]
async fn a_collection_is_cut_as_it_is_in_the_database_or_as_the_setting_says() {
    for (partitions, expected) in
        [(Partitions::One, None), (Partitions::Yearly, Some("year")), (Partitions::Monthly, Some("month"))]
    {
        let world = World::with(Settings { partitions, ..Settings::default() }).await;
        let text =
            r#"{"type":"Collection","stac_version":"1.1.0","id":"new","description":"x","license":"other","links":[]}"#;
        let collection = Action::PutCollection { id: "new".into(), text };
        let (first, second) = (
            item("new", "a", at("2020-01-31T00:00:00Z")).to_string(),
            item("new", "b", at("2021-06-01T00:00:00Z")).to_string(),
        );
        let changes =
            [Change { version: Version(1), source: None, action: collection }, put(&first, 1), put(&second, 1)];
        assert!(world.index.apply(&changes).await.into_iter().all(|result| result.unwrap() == Applied::Written));
        let cut = "SELECT partition_trunc FROM collections WHERE id = 'new'";
        assert_eq!(world.client.query_one(cut, &[]).await.unwrap().get::<_, Option<&str>>(0), expected);
        assert_eq!(world.ids().await, ["a", "b"]);
    }
}

#[tokio::test]
async fn an_item_that_another_tool_has_loaded_is_replaced_also_from_another_month() {
    for dehydration in [Dehydration::WhereKnown, Dehydration::InDatabase] {
        let world = World::with(Settings { dehydration, ..Settings::default() }).await;
        let foreign = item("c", "a", at("2018-03-01T00:00:00Z")).to_string();
        world.client.execute("SELECT create_item($1::text::jsonb)", &[&foreign]).await.unwrap();
        let text = item("c", "a", at("2020-05-01T00:00:00Z")).to_string();
        assert_eq!(world.index.apply(&[put(&text, 1)]).await.remove(0).unwrap(), Applied::Written);
        assert_eq!(world.ids().await, ["a"]);
    }
}
