//! What is refused, and what passes.

use std::time::Duration;

use lazycat::pgstac::{Dehydration, Pgstac, Settings, Target};
use lazycat::search::change::{Action, Applied, Change, Version};
use lazycat::search::ports::{IndexError, IndexItems as _, UnknownCollection};
use lazycat_tests::postgres::Postgres;
use serde_json::json;

use crate::world::{World, at, index, item, put, put_collection};

const DAY: &str = "2020-05-17T13:04:05Z";

#[track_caller]
fn refused(result: &Result<Applied, IndexError>) -> (&str, &str) {
    match result {
        Err(IndexError::Refused { reason, detail }) => (reason, detail),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn passing(result: &Result<Applied, IndexError>) -> String {
    match result {
        Err(IndexError::Port(error)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{text:?} does not say {part:?}");
    }
}

#[tokio::test]
async fn exactly_the_culprits_of_a_batch_fail_each_with_its_reason() {
    for dehydration in [Dehydration::WhereKnown, Dehydration::InDatabase] {
        let world = World::with(Settings { dehydration, ..Settings::default() }).await;
        let culprits = [0, 41, 42, 99];
        let texts: Vec<String> = (0..100)
            .map(|number| {
                let mut item = item("c", &format!("i{number:02}"), at(DAY));
                if culprits.contains(&number) {
                    // PostgreSQL's JSON cannot hold it.
                    item["properties"]["title"] = "nul: \0".into();
                }
                item.to_string()
            })
            .collect();
        let changes: Vec<Change<'_>> = texts.iter().map(|text| put(text, 1)).collect();
        let results = world.index.apply(&changes).await;
        for (number, result) in results.iter().enumerate() {
            match culprits.contains(&number) {
                true => {
                    let (reason, detail) = refused(result);
                    assert_eq!(reason, "database");
                    says(detail, &["the database refuses it", "\\u0000", "22P05"]);
                }
                false => assert_eq!(*result.as_ref().unwrap(), Applied::Written, "{number}"),
            }
        }
        assert_eq!(world.ids().await.len(), 96);
        // Nothing is remembered of them: mended, they are taken with the version that they had.
        let mended = item("c", "i41", at(DAY)).to_string();
        assert_eq!(*world.index.apply(&[put(&mended, 1)]).await[0].as_ref().unwrap(), Applied::Written);
    }
}

#[tokio::test]
async fn an_item_that_an_index_of_the_operators_refuses_fails_alone() {
    let world = World::new().await;
    let good = item("c", "good", at(DAY)).to_string();
    world.index.apply(&[put(&good, 1)]).await.remove(0).unwrap();
    let partition: String =
        world.client.query_one("SELECT tableoid::regclass::text FROM items", &[]).await.unwrap().get(0);
    let made = format!("CREATE INDEX ON {partition} (((content->'properties'->>'eo:cloud_cover')::float))");
    world.client.batch_execute(&made).await.unwrap();
    let mut bad = item("c", "bad", at(DAY));
    bad["properties"]["eo:cloud_cover"] = "much".into();
    let (bad, newer) = (bad.to_string(), item("c", "good", at("2020-05-18T00:00:00Z")).to_string());
    let results = world.index.apply(&[put(&bad, 1), put(&newer, 2)]).await;
    says(refused(&results[0]).1, &["double precision", "much"]);
    assert_eq!(*results[1].as_ref().unwrap(), Applied::Written);
}

#[tokio::test]
async fn a_refused_item_leaves_what_a_removal_before_it_has_left() {
    let world = World::new().await;
    let source = Some("s3://bucket/a.json");
    let sound = item("c", "a", at(DAY)).to_string();
    let first = Change { source, ..put(&sound, 1) };
    world.index.apply(std::slice::from_ref(&first)).await.remove(0).unwrap();
    let mut bad = item("c", "a", at(DAY));
    bad["properties"]["title"] = "\0".into();
    let bad = bad.to_string();
    let gone = Change { version: Version(2), source, action: Action::RemoveSource };
    let results = world.index.apply(&[gone, Change { source, ..put(&bad, 3) }]).await;
    assert_eq!(*results[0].as_ref().unwrap(), Applied::Removed);
    refused(&results[1]);
    assert!(world.ids().await.is_empty());
}

#[tokio::test]
async fn an_item_of_an_unknown_collection_is_refused_or_gets_one_as_the_setting_says() {
    let world = World::new().await;
    let (unknown, known) = (item("n'one", "a", at(DAY)).to_string(), item("c", "b", at(DAY)).to_string());
    let results = world.index.apply(&[put(&unknown, 1), put(&known, 1)]).await;
    let (reason, detail) = refused(&results[0]);
    assert_eq!(reason, "unknown-collection");
    says(detail, &["\"n'one\"", "load the collection first"]);
    assert_eq!(world.ids().await, ["b"]);

    let settings = Settings { unknown_collection: UnknownCollection::Make, ..Settings::default() };
    let index = index(&world.database, settings);
    assert_eq!(*index.apply(&[put(&unknown, 1)]).await[0].as_ref().unwrap(), Applied::Written);
    assert_eq!(world.ids().await, ["a", "b"]);
    // What is known later takes its place, whatever its version.
    let text = json!({"type": "Collection", "id": "n'one", "title": "T", "extent": null}).to_string();
    let later =
        Change { version: Version(0), source: None, action: Action::PutCollection { id: "n'one".into(), text: &text } };
    assert_eq!(*index.apply(&[later]).await[0].as_ref().unwrap(), Applied::Written);
    let title = "SELECT content->>'title' FROM collections WHERE id = 'n''one'";
    assert_eq!(world.client.query_one(title, &[]).await.unwrap().get::<_, &str>(0), "T");
}

#[tokio::test]
async fn a_collection_that_the_database_refuses_fails_alone() {
    let world = World::new().await;
    let bad = r#"{"type":"Collection","id":"bad","description":"\u0000"}"#;
    let bad =
        Change { version: Version(1), source: None, action: Action::PutCollection { id: "bad".into(), text: bad } };
    let text = item("c", "a", at(DAY)).to_string();
    let results = world.index.apply(&[bad, put(&text, 1)]).await;
    says(refused(&results[0]).1, &["22P05"]);
    assert_eq!(*results[1].as_ref().unwrap(), Applied::Written);
}

async fn result_of(index: &Pgstac) -> Result<Applied, IndexError> {
    let text = item("c", "a", at(DAY)).to_string();
    index.apply(&[put(&text, 1)]).await.remove(0)
}

#[tokio::test]
async fn a_database_without_pgstac_says_how_it_gets_one() {
    let database = Postgres::shared().empty_database();
    let result = result_of(&index(&database, Settings::default())).await;
    says(&passing(&result), &["has no pgstac", "pypgstac migrate"]);
}

#[tokio::test]
async fn a_pgstac_of_another_version_is_refused_and_a_neighbour_is_not() {
    let world = World::new().await;
    world.client.batch_execute("SELECT set_version('0.11.0')").await.unwrap();
    says(&passing(&result_of(&world.index).await), &["0.11.0", "expected 0.9 or 0.10", "127.0.0.1"]);
    assert!(world.ids().await.is_empty());
    world.client.batch_execute("SELECT set_version('0.10.99')").await.unwrap();
    result_of(&world.index).await.unwrap();
    assert_eq!(world.ids().await, ["a"]);
}

#[tokio::test]
async fn tables_of_a_later_loader_are_left_alone() {
    let world = World::new().await;
    result_of(&world.index).await.unwrap();
    world.client.batch_execute("UPDATE lazycat.layout SET version = 2").await.unwrap();
    let result = result_of(&index(&world.database, Settings::default())).await;
    says(&passing(&result), &["the schema lazycat", "version is 2, expected 1"]);
}

#[tokio::test]
async fn a_database_that_takes_no_writes_says_so() {
    let world = World::new().await;
    result_of(&world.index).await.unwrap();
    let options = format!("{} options='-c default_transaction_read_only=on'", world.database.address());
    let readonly = Pgstac::new(options.parse::<Target>().unwrap(), Settings::default());
    says(&passing(&result_of(&readonly).await), &["read-only", "25006", "replica"]);
}

#[tokio::test]
async fn a_role_that_lacks_a_grant_is_told_where_they_are_listed() {
    let world = World::new().await;
    result_of(&world.index).await.unwrap();
    let role = format!("reader_{}", std::process::id());
    world.client.batch_execute(&format!("CREATE ROLE {role} LOGIN IN ROLE pgstac_read")).await.unwrap();
    let address = world.database.address().replace("user=postgres", &format!("user={role}"));
    let reader = Pgstac::new(address.parse::<Target>().unwrap(), Settings::default());
    says(&passing(&result_of(&reader).await), &["no permission", "docs/search.md", "42501"]);
}

#[tokio::test]
async fn the_grants_that_are_documented_are_enough() {
    let world = World::new().await;
    let role = format!("loader_{}", std::process::id());
    world.client.batch_execute(include_str!("../../../shared/src/pgstac/schema.sql")).await.unwrap();
    let docs = include_str!("../../../docs/search.md");
    let grants = docs.split("<!-- grants -->").nth(1).unwrap();
    let grants = grants.split("```sql").nth(1).unwrap().split("```").next().unwrap().replace("stac_loader", &role);
    world.client.batch_execute(&grants).await.unwrap();
    let address = world.database.address().replace("user=postgres", &format!("user={role}"));
    let settings = Settings { unknown_collection: UnknownCollection::Make, ..Settings::default() };
    let loader = Pgstac::new(address.parse::<Target>().unwrap(), settings);
    assert_eq!(result_of(&loader).await.unwrap(), Applied::Written);
    let other = item("made", "b", at(DAY)).to_string();
    let removal = Change { version: Version(2), source: None, action: Action::RemoveItem { collection: "c", id: "a" } };
    for result in loader.apply(&[put(&other, 1), removal]).await {
        result.unwrap();
    }
    assert_eq!(world.ids().await, ["b"]);
}

#[tokio::test]
async fn a_database_that_is_down_passes_and_a_connection_that_broke_is_made_anew() {
    let postgres = Postgres::start();
    let world = World::of(postgres.database(), Settings::default()).await;
    result_of(&world.index).await.unwrap();
    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'lazycat'";
    assert_eq!(world.client.query_one(end, &[]).await.unwrap().get::<_, i64>(0), 1);
    result_of(&world.index).await.unwrap();
    postgres.end();
    says(&passing(&result_of(&world.index).await), &["connecting to", "127.0.0.1"]);
}

#[tokio::test]
async fn a_batch_that_takes_too_long_passes_and_the_next_one_is_taken() {
    let world = World::with(Settings { time_out: Duration::from_millis(500), ..Settings::default() }).await;
    result_of(&world.index).await.unwrap();
    let mut other = world.database.connect().await;
    let lock = other.transaction().await.unwrap();
    lock.batch_execute("LOCK TABLE items IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let error = passing(&result_of(&world.index).await);
    assert!(error.contains("longer than 0.5 s") || error.contains("statement timeout"), "{error}");
    lock.rollback().await.unwrap();
    result_of(&world.index).await.unwrap();
}

#[tokio::test]
async fn a_collection_that_was_made_again_by_others_is_looked_up_again() {
    let world = World::new().await;
    result_of(&world.index).await.unwrap();
    world.client.batch_execute("SELECT delete_collection('c')").await.unwrap();
    put_collection(&world.client, "c").await;
    assert_eq!(result_of(&world.index).await.unwrap(), Applied::Written);
    assert_eq!(world.ids().await, ["a"]);
}
