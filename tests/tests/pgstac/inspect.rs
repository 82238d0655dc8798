//! What an audit is told of a database, by each version; and of one that other tools work on as well.

use std::any::Any;
use std::time::Duration;

use lazycat::audit::{Held, InspectIndex as _, ItemName};
use lazycat::pgstac::{Inspector, Pgstac, Settings, Target};
use lazycat::search::change::{Action, Change, Version};
use lazycat::search::item;
use lazycat::search::ports::IndexItems as _;
use lazycat_tests::conformance::Runtime;
use lazycat_tests::conformance::inspections::addresses;
use lazycat_tests::postgres::{Database, Postgres};

use crate::world::{World, at, index, item};

fn inspector(database: &Database) -> Inspector {
    Inspector::new(database.address().parse::<Target>().unwrap(), addresses(), Duration::from_secs(30))
}

fn world(version: &str) -> (Runtime, Pgstac, Inspector, Box<dyn Any>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let database = Postgres::shared().database_of(version);
    (Runtime::Tokio(runtime), index(&database, Settings::default()), inspector(&database), Box::new(database))
}

mod of_0_10 {
    lazycat_tests::inspection_conformance!(super::world("0.10.0"));
}

mod of_0_9 {
    lazycat_tests::inspection_conformance!(super::world("0.9.12"));
}

/// The loaders remember it, but a search does not find it.
#[tokio::test]
async fn what_another_tool_has_removed_is_not_listed() {
    let world = World::new().await;
    let texts = ["a", "b", "c"].map(|id| item("c", id, at("2020-05-01T00:00:00Z")).to_string());
    let sources = ["a", "b", "c"].map(|id| format!("s3://catalog/c/{id}.json"));
    let changes: Vec<Change<'_>> = texts
        .iter()
        .zip(&sources)
        .map(|(text, source)| {
            let action = Action::PutItem(item::check(text).unwrap());
            Change { version: Version(1), source: Some(source), action }
        })
        .collect();
    assert!(world.index.apply(&changes).await.iter().all(Result::is_ok));
    world.client.execute("DELETE FROM items WHERE id IN ('a', 'b')", &[]).await.unwrap();
    let inspector = inspector(&world.database);
    let page = inspector.indexed("", None).await.unwrap();
    assert_eq!(page.items.iter().map(|item| item.name.id.as_str()).collect::<Vec<_>>(), ["c"]);
    let name = ItemName { key: "c/a.json".into(), collection: "c".into(), id: "a".into() };
    assert_eq!(inspector.holds(std::slice::from_ref(&name)).await.unwrap(), [false]);
    assert_eq!(inspector.compare(&name, texts[0].as_bytes()).await.unwrap(), Held::Nothing);
}

#[tokio::test]
async fn an_audit_goes_through_the_index_in_order() {
    let world = World::new().await;
    let plan = "EXPLAIN SELECT source FROM lazycat.item_versions
                WHERE left(source, 600) COLLATE \"C\" > 'a' AND left(source, 600) COLLATE \"C\" < 'b'
                ORDER BY left(source, 600) COLLATE \"C\", collection, id LIMIT 10";
    // Its tables are made with the first batch.
    assert!(
        world.index.apply(&[crate::world::put(&item("c", "a", at("2020-05-01T00:00:00Z")).to_string(), 1)]).await[0]
            .is_ok()
    );
    world.client.batch_execute("SET enable_seqscan = off; SET enable_bitmapscan = off").await.unwrap();
    let rows = world.client.query(plan, &[]).await.unwrap();
    let plan: String = rows.iter().map(|row| row.get::<_, String>(0) + "\n").collect();
    assert!(plan.contains("Index Scan using item_versions_source"), "{plan}");
    assert!(plan.contains("Presorted Key") || !plan.contains("Sort Key"), "{plan}");
}

#[tokio::test]
async fn a_database_that_is_away_is_an_error_that_names_it() {
    let database: Target = "postgresql://loader:secret@127.0.0.1:1/x?sslmode=disable".parse().unwrap();
    let error = Inspector::new(database, addresses(), Duration::from_secs(1)).indexed("", None).await.unwrap_err();
    let error = error.to_string();
    assert!(error.contains("x at 127.0.0.1:1") && !error.contains("secret"), "{error}");
}
