//! Searches of pgstac: the promises of every index, and what is special.

use std::any::Any;
use std::time::Duration;

use futures::future::join_all;
use lazycat::pgstac::{PgstacSearcher, SearchLimits, Settings, Target};
use lazycat::ports::PortError;
use lazycat::search::filter::Filter;
use lazycat::search::ports::{IndexItems as _, SearchError, SearchItems as _};
use lazycat::search::query::{Query, SortKey};
use lazycat_tests::conformance::{Runtime, searches};
use lazycat_tests::postgres::{Database, Postgres};
use serde_json::Value;

use crate::world::{World as Loaded, index, item, put};

type World = (Runtime, PgstacSearcher, Box<dyn Any>);

fn searcher(database: &Database, limits: SearchLimits) -> PgstacSearcher {
    PgstacSearcher::new(database.address().parse::<Target>().unwrap(), limits)
}

/// Tells pgstac that a property holds numbers, as its operator would.
async fn register(database: &Database, name: &str) {
    let register =
        "INSERT INTO queryables (name, definition, property_wrapper) VALUES ($1, '{\"type\": \"number\"}', 'to_float')";
    database.connect().await.execute(register, &[&name]).await.unwrap();
}

fn world(version: &str) -> World {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let database = Postgres::shared().database_of(version);
    runtime.block_on(async {
        searches::fill(&index(&database, Settings::default())).await;
        register(&database, searches::SORTED_NUMBER).await;
    });
    (Runtime::Tokio(runtime), searcher(&database, SearchLimits::default()), Box::new(database))
}

mod of_0_10 {
    lazycat_tests::search_conformance!(super::world("0.10.0"));
}

mod of_0_9 {
    lazycat_tests::search_conformance!(super::world("0.9.12"), but for old engines);
}

/// A database with the items of the suite, and a connection of the test's own.
async fn filled() -> (Database, tokio_postgres::Client) {
    let database = Postgres::shared().database();
    searches::fill(&index(&database, Settings::default())).await;
    let client = database.connect().await;
    (database, client)
}

async fn count_of_all(searcher: &PgstacSearcher) -> usize {
    searcher.search(&Query { limit: 100, ..Query::default() }).await.unwrap().items.len()
}

#[tokio::test]
async fn a_search_that_takes_too_long_is_ended_and_the_next_is_answered() {
    let (database, mut client) = filled().await;
    let searcher = searcher(&database, SearchLimits { time: Duration::from_secs(1), at_once: 1 });
    assert_eq!(count_of_all(&searcher).await, 9);
    // Nobody can read items while this stands.
    let blocking = client.transaction().await.unwrap();
    blocking.batch_execute("LOCK TABLE items IN ACCESS EXCLUSIVE MODE").await.unwrap();
    match searcher.search(&Query::default()).await {
        Err(SearchError::TooSlow { seconds: 1 }) => {}
        other => panic!("{other:?}"),
    }
    blocking.rollback().await.unwrap();
    assert_eq!(count_of_all(&searcher).await, 9);
}

#[tokio::test]
async fn a_connection_that_broke_is_made_anew() {
    let (database, client) = filled().await;
    let searcher = searcher(&database, SearchLimits { at_once: 1, ..SearchLimits::default() });
    for _ in 0..3 {
        assert_eq!(count_of_all(&searcher).await, 9);
        let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                   WHERE application_name = 'lazycat' AND datname = current_database()";
        let ended: i64 = client.query_one(end, &[]).await.unwrap().get(0);
        assert!(ended > 0);
    }
    assert_eq!(count_of_all(&searcher).await, 9);
}

#[tokio::test]
async fn many_searches_at_once_share_few_connections() {
    let (database, client) = filled().await;
    let searcher = searcher(&database, SearchLimits { at_once: 3, ..SearchLimits::default() });
    let counts = join_all((0..40).map(|_| count_of_all(&searcher))).await;
    assert_eq!(counts, [9; 40]);
    let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%pgstac.search(%' AND pid <> pg_backend_pid()";
    let open: i64 = client.query_one(open, &[]).await.unwrap().get(0);
    assert!((1..=3).contains(&open), "{open}");
}

#[tokio::test]
async fn a_search_that_is_given_up_leaves_nothing_behind_that_the_next_meets() {
    let (database, mut client) = filled().await;
    let searcher = searcher(&database, SearchLimits { at_once: 1, ..SearchLimits::default() });
    assert_eq!(count_of_all(&searcher).await, 9);
    let blocking = client.transaction().await.unwrap();
    blocking.batch_execute("LOCK TABLE items IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let query = Query::default();
    let given_up = tokio::time::timeout(Duration::from_millis(200), searcher.search(&query)).await;
    assert!(given_up.is_err());
    blocking.rollback().await.unwrap();
    assert_eq!(count_of_all(&searcher).await, 9);
}

#[tokio::test]
async fn searches_write_nothing_and_need_no_right_to() {
    let (database, client) = filled().await;
    let role =
        "DO $$ BEGIN CREATE ROLE only_reader LOGIN IN ROLE pgstac_read; EXCEPTION WHEN duplicate_object THEN END $$";
    client.batch_execute(role).await.unwrap();
    // What pgstac would write, were it let.
    client
        .batch_execute("REVOKE INSERT, UPDATE ON searches, search_wheres, format_item_cache FROM pgstac_read")
        .await
        .unwrap();
    client.batch_execute("UPDATE pgstac_settings SET value = 'true' WHERE name = 'format_cache'").await.unwrap();
    let address = database.address().replace("user=postgres", "user=only_reader");
    let searcher = PgstacSearcher::new(address.parse::<Target>().unwrap(), SearchLimits::default());
    assert_eq!(count_of_all(&searcher).await, 9);
    let filter = Filter::from_text("gsd > 5").ok();
    assert_eq!(searcher.search(&Query { filter, ..Query::default() }).await.unwrap().items.len(), 4);
    assert!(searcher.item("alpha", "a1").await.unwrap().is_some());
    assert_eq!(searcher.collections(None, 10).await.unwrap().len(), 3);
    assert!(!searcher.properties(None).await.unwrap().is_empty());
    let kept: i64 = client.query_one("SELECT count(*) FROM searches", &[]).await.unwrap().get(0);
    assert_eq!(kept, 0);
}

#[tokio::test]
async fn how_many_there_are_is_told_when_the_database_is_set_to_count() {
    let (database, client) = filled().await;
    let searcher = searcher(&database, SearchLimits::default());
    let query = Query { limit: 2, collections: vec!["alpha".to_owned()], ..Query::default() };
    assert_eq!(searcher.search(&query).await.unwrap().matched, None);
    client.batch_execute("UPDATE pgstac_settings SET value = 'on' WHERE name = 'context'").await.unwrap();
    let found = searcher.search(&query).await.unwrap();
    assert_eq!((found.matched, found.items.len()), (Some(5), 2));
}

#[tokio::test]
async fn a_page_after_an_item_that_has_gone_is_told_to_start_again() {
    let (database, client) = filled().await;
    let searcher = searcher(&database, SearchLimits::default());
    let mut query = Query { limit: 1, ..Query::default() };
    query.token = searcher.search(&query).await.unwrap().next;
    client.execute("DELETE FROM items WHERE collection = 'beta' AND id = 'a1'", &[]).await.unwrap();
    match searcher.search(&query).await {
        Err(SearchError::Token) => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_the_collection_says_already_is_part_of_what_is_found() {
    let world = Loaded::new().await;
    let text = item("c", "i", "2020-05-17T13:04:05Z".parse().unwrap()).to_string();
    for result in world.index.apply(&[put(&text, 1)]).await {
        result.unwrap();
    }
    let searcher = searcher(&world.database, SearchLimits::default());
    let found = searcher.search(&Query::default()).await.unwrap();
    let [found] = found.items.as_slice() else { panic!("{found:?}") };
    let found: Value = serde_json::from_str(found.text.get()).unwrap();
    let put: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(found["assets"], put["assets"]);
}

#[tokio::test]
async fn numbers_that_nobody_has_registered_are_filtered_by_but_not_sorted_by() {
    let (database, _client) = filled().await;
    let searcher = searcher(&database, SearchLimits::default());
    let sort = vec![SortKey::parse("-gsd").unwrap()];
    match searcher.search(&Query { sort: sort.clone(), ..Query::default() }).await {
        Err(SearchError::Filter(error)) => assert!(error.0.contains("queryable"), "{error}"),
        other => panic!("{other:?}"),
    }
    register(&database, "gsd").await;
    let found = searcher.search(&Query { sort, filter: Filter::from_text("gsd > 2").ok(), ..Query::default() }).await;
    let ids: Vec<String> = found.unwrap().items.into_iter().map(|item| item.id).collect();
    assert_eq!(ids, ["a4", "b2", "a1", "a2", "b1"]);
}

#[tokio::test]
async fn a_database_that_cannot_be_searched_is_told_by_its_name() {
    let empty = Postgres::shared().empty_database();
    for (address, says) in
        [("host=127.0.0.1 port=1 user=u dbname=nowhere".to_owned(), "nowhere"), (empty.address(), "has no pgstac")]
    {
        let searcher = PgstacSearcher::new(address.parse::<Target>().unwrap(), SearchLimits::default());
        for error in [searcher.ready().await.unwrap_err(), searcher.search(&Query::default()).await.unwrap_err()] {
            match error {
                SearchError::Port(error @ (PortError::Denied { .. } | PortError::Unavailable { .. })) => {
                    assert!(
                        format!("{error} {}", std::error::Error::source(&error).unwrap()).contains(says),
                        "{error}"
                    );
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
