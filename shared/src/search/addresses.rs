//! Under which addresses an index knows the documents of a catalog.

use super::source::Source;
use crate::audit::{IndexPage, Indexed};

/// The last character there is: behind a prefix, it is behind whatever starts with that.
const LAST: char = char::MAX;

/// The addresses of a catalog's root folder: where readers find it, and its bucket. Loaders of messages know an item by
/// the first, those of a bucket's events by the second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    roots: Vec<String>,
}

/// Keys of one root, as an index is asked for them: those behind `from` and before `to`, both being addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Range<'a> {
    pub(crate) root: &'a str,
    pub(crate) from: String,
    pub(crate) to: String,
}

impl Addresses {
    /// Those of a catalog in this bucket, whose root folder readers find at `public_url`, with a slash at its end. Loaders
    /// remember no other addresses than those of [`Source`], so another one (that of a test, over http) adds nothing.
    #[must_use]
    pub fn new(bucket: &str, public_url: &str) -> Self {
        const NAME: &str = "catalog.json";
        let mut roots = vec![format!("s3://{bucket}/")];
        if let Ok(source) = Source::parse(&format!("{public_url}{NAME}")) {
            roots.extend(source.to_string().strip_suffix(NAME).map(str::to_owned));
        }
        roots.sort_unstable();
        roots.dedup();
        Self { roots }
    }

    /// What an index is to be asked for, for the keys that start with `prefix` and come behind `after`.
    pub(crate) fn ranges<'a>(&'a self, prefix: &'a str, after: Option<&'a str>) -> impl Iterator<Item = Range<'a>> {
        let first = after.filter(|after| *after > prefix).unwrap_or(prefix);
        self.roots.iter().map(move |root| Range {
            root,
            from: format!("{root}{first}"),
            to: format!("{root}{prefix}{LAST}"),
        })
    }
}

/// Several listings as one, none of which goes further than the shortest of those that are not at their end.
pub(crate) fn merged(pages: Vec<IndexPage>) -> IndexPage {
    let more = pages.iter().any(|page| page.more);
    let last = |page: &IndexPage| page.items.last().map(|item| item.name.key.clone());
    let end = pages.iter().filter(|page| page.more).filter_map(last).min();
    let mut items: Vec<Indexed> = pages.into_iter().flat_map(|page| page.items).collect();
    items.retain(|item| end.as_ref().is_none_or(|end| item.name.key <= *end));
    items.sort_by(|one, other| one.name.cmp(&other.name));
    IndexPage { items, more }
}

/// A page of rows that came `most` at a time: when there may be more, the last document is left to the next page, as its
/// items may not have come all.
pub(crate) fn page(mut items: Vec<Indexed>, most: usize) -> IndexPage {
    let more = items.len() >= most;
    let (first, last) = (items.first().map(|item| &item.name.key), items.last().map(|item| item.name.key.clone()));
    if more && first != last.as_ref() {
        items.retain(|item| Some(&item.name.key) != last.as_ref());
    }
    IndexPage { items, more }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::audit::ItemName;

    fn item(key: &str) -> Indexed {
        let name = ItemName { key: key.to_owned(), collection: "c".to_owned(), id: key.to_owned() };
        Indexed { name, version: None }
    }

    fn keys(page: &IndexPage) -> (Vec<&str>, bool) {
        (page.items.iter().map(|item| item.name.key.as_str()).collect(), page.more)
    }

    #[test]
    fn a_bucket_that_readers_are_sent_to_has_one_address() {
        let of = |url: &str| Addresses::new("b", url).roots;
        assert_eq!(of("https://b.s3.amazonaws.com/"), ["s3://b/"]);
        assert_eq!(of("https://stac.example.com/cbers/"), ["https://stac.example.com/cbers/", "s3://b/"]);
        assert_eq!(of("http://127.0.0.1:8000/"), ["s3://b/"]);
    }

    #[test]
    fn a_listing_goes_on_behind_a_key_and_ends_with_its_prefix() {
        let addresses = Addresses::new("b", "https://b.s3.amazonaws.com/");
        let of = |prefix, after| {
            let range = addresses.ranges(prefix, after).next().unwrap();
            (range.from, range.to)
        };
        assert_eq!(of("A/", None), ("s3://b/A/".to_owned(), "s3://b/A/\u{10ffff}".to_owned()));
        assert_eq!(of("A/", Some("A/b.json")).0, "s3://b/A/b.json");
        assert_eq!(of("B/", Some("A/b.json")).0, "s3://b/B/");
    }

    #[test]
    fn two_listings_become_one_as_far_as_both_are_known() {
        let short = IndexPage { items: vec![item("a"), item("d")], more: true };
        let long = IndexPage { items: vec![item("b"), item("e")], more: false };
        assert_eq!(keys(&merged(vec![short.clone(), long.clone()])), (vec!["a", "b", "d"], true));
        let end = IndexPage { more: false, ..short };
        assert_eq!(keys(&merged(vec![end, long])), (vec!["a", "b", "d", "e"], false));
    }

    #[test]
    fn a_document_is_not_cut_in_two_by_the_end_of_a_page() {
        let items = || vec![item("a"), item("b"), item("b")];
        assert_eq!(keys(&page(items(), 3)), (vec!["a"], true));
        assert_eq!(keys(&page(items(), 4)), (vec!["a", "b", "b"], false));
        assert_eq!(keys(&page(vec![item("b"), item("b")], 2)), (vec!["b", "b"], true));
    }
}
