//! Everything is found, in the order that was asked for, page by page.

use lazycat::search::ports::{SearchError, SearchItems};
use lazycat::search::query::{MOST_SORT_KEYS, Query, SortKey, Token};

use super::{ALL, filter, same, sorted_by, try_found};

/// Nothing asked is everything found.
pub async fn all_items_are_found_newest_first(index: &impl SearchItems) {
    index.ready().await.unwrap_or_else(|error| panic!("{error}"));
    same(try_found(index, &Query { limit: 100, ..Query::default() }).await, &ALL, &"all");
}

/// However long a page is, and whatever the order: nothing is lost, nothing comes twice.
pub async fn pages_go_on_where_the_one_before_ended(index: &impl SearchItems) {
    for keys in
        ["", "datetime", "collection,id", "-collection,gsd", "gsd", "-gsd", "title,-gsd", "-unknown", "end_datetime"]
    {
        let sort = sorted_by(keys);
        let whole = try_found(index, &Query { sort: sort.clone(), limit: 100, ..Query::default() }).await;
        let whole = whole.unwrap_or_else(|error| panic!("{keys}: {error}"));
        assert_eq!(whole.len(), ALL.len(), "{keys}");
        let whole: Vec<&str> = whole.iter().map(String::as_str).collect();
        for limit in [1, 2, 4, 8, 9, 10] {
            let query = Query { sort: sort.clone(), limit, ..Query::default() };
            same(try_found(index, &query).await, &whole, &format!("{keys} by {limit}"));
        }
    }
    let query = Query {
        filter: Some(filter("gsd >= 2.5")),
        collections: vec!["alpha".to_owned()],
        limit: 1,
        ..Query::default()
    };
    same(try_found(index, &query).await, &["a2", "a4", "a1"], &"pages of a filter");
}

/// Two items of one id, in two collections, are two for an order by id, too.
pub async fn pages_by_id_go_on_between_items_of_one_id(index: &impl SearchItems) {
    for (keys, expected) in [("id", ["a1", "beta/a1", "a2"]), ("-id,datetime", ["odd", "b2", "b1"])] {
        let whole = Query { sort: sorted_by(keys), limit: 100, ..Query::default() };
        let whole = try_found(index, &whole).await.unwrap_or_else(|error| panic!("{keys}: {error}"));
        assert_eq!(whole[..3], expected, "{keys}");
        let whole: Vec<&str> = whole.iter().map(String::as_str).collect();
        let query = Query { sort: sorted_by(keys), limit: 1, ..Query::default() };
        same(try_found(index, &query).await, &whole, &keys);
    }
}

/// Several keys count one after the other; what is equal in all of them is ordered by collection and id, in the direction of
/// the first key.
pub async fn an_order_puts_what_lacks_a_value_behind_the_greatest(index: &impl SearchItems) {
    for (keys, expected) in [
        ("datetime", ["b2", "a1", "b1", "a5", "a4", "a2", "a3", "odd", "beta/a1"]),
        ("start_datetime", ["b2", "a1", "b1", "a5", "a4", "a2", "a3", "odd", "beta/a1"]),
        ("properties.end_datetime", ["b2", "a1", "b1", "a2", "a5", "a4", "a3", "odd", "beta/a1"]),
        ("id", ["a1", "beta/a1", "a2", "a3", "a4", "a5", "b1", "b2", "odd"]),
        ("-id", ["odd", "b2", "b1", "a5", "a4", "a3", "a2", "beta/a1", "a1"]),
        ("collection,-id", ["a5", "a4", "a3", "a2", "a1", "odd", "b2", "b1", "beta/a1"]),
        ("-collection", ["odd", "b2", "b1", "beta/a1", "a5", "a4", "a3", "a2", "a1"]),
        ("gsd", ["b1", "a2", "a1", "b2", "a4", "a3", "a5", "beta/a1", "odd"]),
        ("-gsd", ["odd", "beta/a1", "a5", "a3", "a4", "b2", "a1", "a2", "b1"]),
        ("properties.gsd,-id", ["b1", "a2", "b2", "a1", "a4", "odd", "a5", "a3", "beta/a1"]),
        ("title", ["a4", "a2", "a1", "odd", "b1", "a3", "a5", "beta/a1", "b2"]),
        ("platform,-title", ["beta/a1", "b1", "a5", "a3", "b2", "odd", "a1", "a2", "a4"]),
        ("deep.level", ["a1", "a2", "a3", "a4", "a5", "beta/a1", "b1", "b2", "odd"]),
        ("-unknown", ["odd", "b2", "b1", "beta/a1", "a5", "a4", "a3", "a2", "a1"]),
    ] {
        // An engine may refuse to sort by numbers that nobody has told it of, but not sort them as something else.
        let query = Query { sort: sorted_by(keys), limit: 100, ..Query::default() };
        match try_found(index, &query).await {
            Err(SearchError::Filter(error)) if keys == "deep.level" && error.0.contains("queryable") => {}
            found => same(found, &expected, &keys),
        }
    }
    let most = vec![SortKey::parse("-title").unwrap_or_else(|reason| panic!("{reason}")); MOST_SORT_KEYS];
    let found = try_found(index, &Query { sort: most, limit: 3, ..Query::default() }).await;
    same(found, &["b2", "beta/a1", "a5", "a3", "b1", "odd", "a1", "a2", "a4"], &"the most keys");
}

/// A token belongs to its order, and is none that anybody can make up.
pub async fn a_token_of_another_search_is_refused(index: &impl SearchItems) {
    let mut query = Query { limit: 2, ..Query::default() };
    let found = index.search(&query).await.unwrap_or_else(|error| panic!("{error}"));
    let token = found.next.unwrap_or_else(|| panic!("there is a second page"));
    query.token = Some(token.clone());
    query.limit = 3;
    let found = index.search(&query).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(found.items.iter().map(|item| item.id.as_str()).collect::<Vec<_>>(), ["a3", "a2", "a4"]);
    query.sort = sorted_by("id");
    for token in
        [token, Token(String::new()), Token("next:a:b".to_owned()), Token("WyIiLCJuZXh0OjYxOjYxIl0".to_owned())]
    {
        query.token = Some(token);
        match index.search(&query).await {
            Err(SearchError::Token) => {}
            other => panic!("{:?}: {other:?}", query.token),
        }
    }
}
