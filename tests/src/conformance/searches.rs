//! What a search index promises a STAC API: the same items to the same question, whatever engine answers.
//!
//! Properties hold values of one kind each. Where they do not, engines differ: some take a text that reads as a number
//! for one.
//!
//! Layout: `contents` is what the index holds, the others are promises by theme.

pub mod conditions;
mod contents;
pub mod documents;
pub mod filters;
pub mod pages;
pub mod refusals;

use lazycat::search::filter::Filter;
use lazycat::search::ports::{SearchError, SearchItems};
use lazycat::search::query::{Query, SortKey};

use self::contents::ODD;
pub use self::contents::{SORTED_NUMBER, fill};

/// One test for each promise. The expression makes, each time, what runs futures, an index that `fill` has filled, and
/// whatever must live as long. `but for old engines` are the promises that pgstac 0.9 does not keep.
#[macro_export]
macro_rules! search_conformance {
    ($world:expr) => {
        $crate::search_conformance! { $world, but for old engines }
        $crate::search_conformance! { @ $world;
            filters::times_of_properties_are_compared_as_times,
            pages::pages_by_id_go_on_between_items_of_one_id,
        }
    };
    ($world:expr, but for old engines) => {
        $crate::search_conformance! { @ $world;
            pages::all_items_are_found_newest_first,
            pages::pages_go_on_where_the_one_before_ended,
            pages::an_order_puts_what_lacks_a_value_behind_the_greatest,
            conditions::a_time_finds_what_begins_before_it_ends_and_ends_after_it_begins,
            conditions::a_place_finds_what_meets_it_also_over_the_antimeridian,
            conditions::ids_and_collections_are_what_they_say,
            conditions::everything_that_is_asked_must_hold,
            filters::a_filter_means_what_it_says,
            filters::a_filter_in_json_means_what_it_says_in_text,
            filters::what_is_unknown_is_neither_so_nor_not,
            refusals::what_cannot_be_is_refused_and_nothing_breaks,
            refusals::names_and_values_that_look_like_sql_are_names_and_values,
            pages::a_token_of_another_search_is_refused,
            documents::an_item_is_found_by_its_ids_as_it_was_put,
            documents::collections_are_found_by_id_and_in_order,
            documents::properties_are_told_with_their_types,
        }
    };
    (@ $world:expr; $($theme:ident::$law:ident,)*) => { $(
        #[test]
        fn $law() {
            let (runtime, index, _keep) = $world;
            runtime.run($crate::conformance::searches::$theme::$law(&index));
        }
    )* };
}

/// The items by the names that the tests give them: the id, and `beta/a1` for the second of that id.
fn name_of(collection: &str, id: &str) -> String {
    match (collection, id) {
        ("beta", "a1") => "beta/a1".to_owned(),
        (_, ODD) => "odd".to_owned(),
        (_, id) => id.to_owned(),
    }
}

/// All of them, newest first.
const ALL: [&str; 9] = ["beta/a1", "odd", "a3", "a2", "a4", "a5", "b1", "a1", "b2"];

/// Which items a query finds on all its pages. Every page but the last is full.
async fn try_found(index: &impl SearchItems, query: &Query) -> Result<Vec<String>, SearchError> {
    let mut query = query.clone();
    let mut names = Vec::new();
    loop {
        let page = index.search(&query).await?;
        assert!(
            page.items.len() <= query.limit && (page.next.is_none() || page.items.len() == query.limit),
            "{query:?}"
        );
        names.extend(page.items.iter().map(|item| name_of(&item.collection, &item.id)));
        assert!(names.len() <= ALL.len(), "the pages have no end: {names:?}");
        match page.next {
            Some(token) => query.token = Some(token),
            None => return Ok(names),
        }
    }
}

#[track_caller]
fn same(found: Result<Vec<String>, SearchError>, expected: &[&str], what: &dyn std::fmt::Display) {
    match found {
        Ok(found) => assert_eq!(found, expected, "{what}"),
        Err(error) => panic!("{what}: {error}"),
    }
}

fn sorted_by(keys: &str) -> Vec<SortKey> {
    let keys = keys.split(',').filter(|key| !key.is_empty());
    keys.map(|key| SortKey::parse(key).unwrap_or_else(|reason| panic!("{key}: {reason}"))).collect()
}

fn filter(text: &str) -> Filter {
    Filter::from_text(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}
