//! What is asked wrongly, or to do harm, ends there.

use lazycat::search::filter::Filter;
use lazycat::search::ports::{SearchError, SearchItems};
use lazycat::search::query::{Query, SortKey};
use serde_json::json;

use super::{ALL, filter, same, try_found};

/// What no index can do ends in one clear error, and the next search is answered.
pub async fn what_cannot_be_is_refused_and_nothing_breaks(index: &impl SearchItems) {
    let wildcards = format!("title LIKE '{}'", "%a".repeat(20));
    for (text, says) in [
        ("frobnicate(gsd) = 1", "frobnicate"),
        ("gsd + 1", "no condition"),
        ("'text'", "condition"),
        ("geometry = 1", "geometry"),
        ("S_INTERSECTS(geometry, gsd)", "no geometry"),
        ("S_INTERSECTS(geometry, POINT(500 0))", "longitude"),
        ("datetime > 'yesterday'", "yesterday"),
        ("title LIKE gsd", "LIKE"),
        ("\"a\"\"b\" = 1", "quote"),
        (&wildcards, "wildcards"),
    ] {
        let error = match Filter::from_text(text) {
            Ok(filter) => match index.search(&Query { filter: Some(filter), ..Query::default() }).await {
                Err(SearchError::Filter(error)) => error.0,
                other => panic!("{text}: {other:?}"),
            },
            Err(error) => error.0,
        };
        assert!(error.contains(says), "{text}: {error}");
    }
    // Numbers where an item has a text, and the other way round: refused or unknown, as the engine has it.
    for text in ["title < 5", "gsd < 'x'", "created + 1 > 2", "instruments = 7", "deep > 1"] {
        let query = Query { filter: Some(filter(text)), ..Query::default() };
        match index.search(&query).await {
            Ok(_) | Err(SearchError::Filter(_)) => {}
            Err(error) => panic!("{text}: {error}"),
        }
    }
    same(try_found(index, &Query { limit: 100, ..Query::default() }).await, &ALL, &"after all of these");
}

/// Nothing that was written by whoever asks is anything but a name or a value.
pub async fn names_and_values_that_look_like_sql_are_names_and_values(index: &impl SearchItems) {
    for nasty in [
        "' OR 1=1 --",
        "x'); DROP TABLE items; --",
        "\\'; --",
        "?1",
        "$1",
        "$.gsd",
        "%s %L %I",
        "a''b",
        "\u{0}",
        "𒍟※",
        "to_text(content)",
        "%1$s",
        "{\"op\":\"or\"}",
    ] {
        let empty: &[&str] = &[];
        let answered = |found: Result<Vec<String>, SearchError>, expected: &[&str]| match found {
            // Some engines have no texts with a NUL.
            Err(SearchError::Filter(_)) if nasty == "\u{0}" => {}
            found => same(found, expected, &format!("{nasty:?}")),
        };
        for property in ["title", "id", "unknown"] {
            for op in ["=", "like"] {
                let value = json!({"op": op, "args": [{"property": property}, nasty]});
                let read = Filter::from_json(value).unwrap_or_else(|error| panic!("{nasty:?}: {error}"));
                answered(try_found(index, &Query { filter: Some(read), ..Query::default() }).await, empty);
            }
        }
        let named = json!({"op": "isNull", "args": [{"property": nasty}]});
        if let Ok(read) = Filter::from_json(named) {
            match try_found(index, &Query { filter: Some(read), limit: 100, ..Query::default() }).await {
                Err(SearchError::Filter(_)) => {}
                found => answered(found, &ALL),
            }
        }
        answered(try_found(index, &Query { ids: vec![nasty.to_owned()], ..Query::default() }).await, empty);
        answered(try_found(index, &Query { collections: vec![nasty.to_owned()], ..Query::default() }).await, empty);
        for (collection, id) in [("alpha", nasty), (nasty, "a1")] {
            let found = index.item(collection, id).await.unwrap_or_else(|error| panic!("{nasty:?}: {error}"));
            assert!(found.is_none(), "{nasty:?}");
        }
        let found = index.collection(nasty).await.unwrap_or_else(|error| panic!("{nasty:?}: {error}"));
        assert!(found.is_none(), "{nasty:?}");
        if let Ok(key) = SortKey::parse(nasty) {
            match try_found(index, &Query { sort: vec![key], limit: 100, ..Query::default() }).await {
                Ok(found) => assert_eq!(found.len(), ALL.len(), "{nasty:?}"),
                Err(SearchError::Filter(_)) => {}
                Err(error) => panic!("{nasty:?}: {error}"),
            }
        }
    }
    same(try_found(index, &Query { limit: 100, ..Query::default() }).await, &ALL, &"after all of these");
}
