//! Items of others in their stored form: structural links replaced, all else value for value. Pure.

use std::borrow::Cow;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::grid::Grid;
use crate::layout::Placed;
use crate::search::item::FiledItem;
use crate::stac::feature;
use crate::stac::{StoredItem, link};

/// The relations of an item's links that the catalog it is filed in has of its own, or that lead through the one it was
/// taken from.
const REPLACED: [&str; 8] = ["root", "parent", "collection", "self", "item", "child", "prev", "next"];

/// An object whose values are not looked into, its fields in their order.
type Object = IndexMap<String, Box<RawValue>>;

#[derive(Deserialize)]
struct Rel<'a> {
    #[serde(borrow)]
    rel: Cow<'a, str>,
}

/// The stored form of an item that was checked. `address` is where it was read: relative addresses lead from there, or
/// from where the item says that it is.
pub(super) fn stored(
    grid: &Grid,
    text: &str,
    item: &FiledItem<'_>,
    placed: &Placed,
    address: Option<&str>,
) -> serde_json::Result<StoredItem> {
    let mut fields: Object = serde_json::from_str(&compact(text))?;
    let links: Vec<Box<RawValue>> = part(&fields, "links")?;
    let own = own_address(&links);
    let address = own.as_deref().or(address);
    let mut structural = Vec::with_capacity(links.len() + 3);
    for link in feature::links(grid, &placed.level) {
        structural.push(to_raw_value(&link)?);
    }
    for link in links {
        let Rel { rel } = serde_json::from_str(link.get())?;
        if !REPLACED.contains(&rel.as_ref()) {
            structural.push(resolved(link, address)?);
        }
    }
    fields.insert("links".to_owned(), to_raw_value(&structural)?);
    if fields.contains_key("assets") {
        let mut assets: Object = part(&fields, "assets")?;
        for asset in assets.values_mut() {
            let unresolved = std::mem::take(asset);
            *asset = resolved(unresolved, address)?;
        }
        fields.insert("assets".to_owned(), to_raw_value(&assets)?);
    }
    let bytes = serde_json::to_vec(&fields)?;
    Ok(StoredItem::of_others(placed.id.clone(), placed.collection.clone(), item.datetime, item.bbox, bytes))
}

fn part<T: Default + for<'de> Deserialize<'de>>(fields: &Object, name: &str) -> serde_json::Result<T> {
    fields.get(name).map_or_else(|| Ok(T::default()), |raw| serde_json::from_str(raw.get()))
}

/// Where an item says that it is; none for a relative address, which says nothing.
fn own_address(links: &[Box<RawValue>]) -> Option<String> {
    #[derive(Deserialize)]
    struct Link {
        rel: String,
        href: String,
    }
    let mut read = links.iter().filter_map(|link| serde_json::from_str::<Link>(link.get()).ok());
    read.find(|link| link.rel == "self" && link::has_scheme(&link.href)).map(|link| link.href)
}

/// A link or an asset with an absolute address, where it can be known.
fn resolved(object: Box<RawValue>, address: Option<&str>) -> serde_json::Result<Box<RawValue>> {
    let Some(address) = address else { return Ok(object) };
    let mut fields: Object = serde_json::from_str(object.get())?;
    let Some(href) = fields.get_mut("href") else { return Ok(object) };
    let relative: String = serde_json::from_str(href.get())?;
    match resolve(&relative, address) {
        Some(absolute) => {
            *href = to_raw_value(&absolute)?;
            to_raw_value(&fields)
        }
        None => Ok(object),
    }
}

/// Where a relative address in the document at `address` leads (RFC 3986, 5.2, as far as catalogs need it); none for one
/// that is absolute, or empty.
fn resolve(href: &str, address: &str) -> Option<String> {
    if href.is_empty() || href.starts_with('#') || link::has_scheme(href) {
        return None;
    }
    let (scheme, rest) = address.split_once("://")?;
    if let Some(host) = href.strip_prefix("//") {
        return Some(format!("{scheme}://{host}"));
    }
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let (relative, behind) = href.split_at(href.find(['?', '#']).unwrap_or(href.len()));
    let mut segments: Vec<&str> = match relative.strip_prefix('/') {
        Some(_) => Vec::new(),
        None => path.split('/').skip(1).collect(),
    };
    segments.pop();
    let mut parts = relative.trim_start_matches('/').split('/').peekable();
    while let Some(part) = parts.next() {
        match part {
            "." | ".." => {
                if part == ".." {
                    segments.pop();
                }
                if parts.peek().is_none() {
                    segments.push("");
                }
            }
            other => segments.push(other),
        }
    }
    Some(format!("{scheme}://{host}/{}{behind}", segments.join("/")))
}

/// JSON without white space between its tokens. Each token stays as it is written.
pub(super) fn compact(text: &str) -> Cow<'_, str> {
    let is_space = |byte: u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let mut compact = String::with_capacity(text.len());
    let (mut start, mut is_in_text, mut is_escaped) = (0, false, false);
    for (at, byte) in text.bytes().enumerate() {
        if is_in_text {
            (is_in_text, is_escaped) = match byte {
                _ if is_escaped => (true, false),
                b'\\' => (true, true),
                b'"' => (false, false),
                _ => (true, false),
            };
        } else if byte == b'"' {
            is_in_text = true;
        } else if is_space(byte) {
            compact.push_str(&text[start..at]);
            start = at + 1;
        }
    }
    if start == 0 {
        return Cow::Borrowed(text);
    }
    compact.push_str(&text[start..]);
    Cow::Owned(compact)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::layout::Layout;
    use crate::search::item::check_to_file;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn filed(text: &str, address: Option<&str>) -> String {
        let layout = Layout::parse("{collection}/{year}").unwrap();
        let placed = layout.place(text).unwrap();
        let grid = Grid::with_layout(layout, Some("Mine"));
        let item = check_to_file(text).unwrap();
        String::from_utf8(stored(&grid, text, &item, &placed, address).unwrap().bytes().to_vec()).unwrap()
    }

    fn item(more: &Value) -> Value {
        let mut item = json!({
            "type": "Feature", "stac_version": "1.0.0", "id": "i", "collection": "c", "geometry": null,
            "properties": {"datetime": "2024-05-01T00:00:00Z"}, "links": [], "assets": {}
        });
        for (name, value) in more.as_object().unwrap() {
            item[name] = value.clone();
        }
        item
    }

    #[test]
    fn structural_links_are_replaced_and_all_others_stay() {
        let links: Vec<Value> = ["self", "root", "parent", "collection", "prev", "next", "license", "derived_from"]
            .iter()
            .map(|rel| json!({"rel": rel, "href": format!("./{rel}.json"), "odd": 1.0}))
            .collect();
        let filed: Value = serde_json::from_str(&filed(&item(&json!({"links": links})).to_string(), None)).unwrap();
        let of = |member: &str| -> Vec<String> {
            filed["links"].as_array().unwrap().iter().map(|link| link[member].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(of("rel"), ["root", "parent", "collection", "license", "derived_from"]);
        assert_eq!(
            of("href"),
            ["../../catalog.json", "./catalog.json", "../collection.json", "./license.json", "./derived_from.json"]
        );
        assert_eq!((&filed["links"][0]["title"], &filed["links"][3]["odd"]), (&json!("Mine"), &json!(1.0)));
    }

    #[test]
    fn relative_addresses_lead_from_where_the_item_is_or_was_read() {
        let relative = item(&json!({
            "assets": {"a": {"href": "./b/../a.tif", "n": 1.50}, "b": {"href": "s3://x/b.tif"}, "c": {"title": "none"}},
            "links": [{"rel": "via", "href": "../x.html?y#z"}]
        }));
        let hrefs = |item: &Value, address| -> (String, String) {
            let filed: Value = serde_json::from_str(&filed(&item.to_string(), address)).unwrap();
            let text = |pointer: &str| filed.pointer(pointer).unwrap().as_str().unwrap().to_owned();
            assert_eq!(text("/assets/b/href"), "s3://x/b.tif");
            (text("/assets/a/href"), text("/links/3/href"))
        };
        let is = |of: (String, String), a: &str, link: &str| assert_eq!(of, (a.to_owned(), link.to_owned()));
        is(hrefs(&relative, None), "./b/../a.tif", "../x.html?y#z");
        is(hrefs(&relative, Some("file:///data/c/i.json")), "file:///data/c/a.tif", "file:///data/x.html?y#z");
        let mut own = relative.clone();
        own["links"].as_array_mut().unwrap().push(json!({"rel": "self", "href": "https://h.example/c/d/i.json"}));
        is(hrefs(&own, Some("file:///data/i.json")), "https://h.example/c/d/a.tif", "https://h.example/c/x.html?y#z");
        assert_eq!(resolve("/a", "https://h/b/c").as_deref(), Some("https://h/a"));
        assert_eq!(resolve("//g/a", "https://h/b/c").as_deref(), Some("https://g/a"));
        assert_eq!(resolve("../../../a", "https://h/b/c").as_deref(), Some("https://h/a"));
        assert_eq!(resolve("..", "https://h/b/c/d").as_deref(), Some("https://h/b/"));
    }

    #[test]
    fn numbers_and_unknown_fields_stay_as_they_are_written() {
        let text = item(&json!({"odd": {"x": "N1", "y": "N2"}})).to_string();
        let numbers =
            ["1.0", "1.00000000000000022", "123456789012345678901234567890", "1E400", "-0.0", "\"a  \\\" b\""];
        for number in numbers {
            let text = text.replace("\"N1\"", number).replace("\"N2\"", &format!(" [ {number} ]\n"));
            assert!(
                filed(&text, Some("https://h/x")).contains(&format!("{{\"x\":{number},\"y\":[{number}]}}")),
                "{number}"
            );
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map(".{0,6}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_else_an_item_says_survives(odd in any_json(), name in "x[a-z:]{1,6}", pretty in any::<bool>()) {
            let mut item = item(&json!({name.clone(): odd.clone()}));
            item["properties"][&name] = odd.clone();
            item["assets"] = json!({"a": {"href": "./a.tif", name.clone(): odd.clone()}});
            let text = if pretty { serde_json::to_string_pretty(&item).unwrap() } else { item.to_string() };
            let filed = filed(&text, Some("https://h/x"));
            let exact = compact(&odd.to_string()).into_owned();
            prop_assert_eq!(filed.matches(&exact).count() >= 3, true, "{}", filed);
            let mut filed: Value = serde_json::from_str(&filed).unwrap();
            prop_assert_eq!(&filed["assets"]["a"]["href"], "https://h/a.tif");
            filed["links"] = json!([]);
            filed["assets"]["a"]["href"] = "./a.tif".into();
            prop_assert_eq!(filed.to_string(), serde_json::from_str::<Value>(&text).unwrap().to_string());
        }

        #[test]
        fn json_without_white_space_says_the_same(value in any_json()) {
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            prop_assert_eq!(compact(&pretty), value.to_string());
        }
    }
}
