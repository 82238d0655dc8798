//! From the parameters of a request to a query.

use lazycat::search::filter::Filter;
use lazycat::search::geometry;
use lazycat::search::query::{Interval, MOST_SORT_KEYS, Query, SortKey, Token};
use serde_json::{Map, Value};

use crate::Settings;
use crate::error::ApiError;
use crate::fields::Fields;

/// How many ids, or collections, may be named.
const MOST_IDS: usize = 1_000;

/// The parameters that a search knows.
const KNOWN: [&str; 13] = [
    "limit",
    "bbox",
    "datetime",
    "intersects",
    "ids",
    "collections",
    "filter",
    "filter-lang",
    "filter-crs",
    "query",
    "sortby",
    "fields",
    "token",
];

/// The coordinates that filters are in: longitude and latitude.
const CRS84: [&str; 2] = ["http://www.opengis.net/def/crs/OGC/1.3/CRS84", "http://www.opengis.net/def/crs/OGC/0/CRS84"];

/// A search as it was asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Search {
    pub(crate) query: Query,
    /// Which members of the items are given; all when none.
    pub(crate) fields: Option<Fields>,
}

/// The pairs of the query part of an address, decoded.
pub(crate) fn pairs(query: Option<&str>) -> Vec<(String, String)> {
    form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect()
}

/// The parameters of a GET.
pub(crate) fn of_get(pairs: &[(String, String)], settings: &Settings) -> Result<Search, ApiError> {
    let mut members = Map::new();
    for (name, text) in pairs.iter().filter(|(name, _)| KNOWN.contains(&name.as_str())) {
        let text = text.as_str();
        let value = match name.as_str() {
            "limit" => text.parse::<i64>().map(Value::from).map_err(|_| wrong("limit", "it is no whole number"))?,
            "bbox" => numbers(text)?,
            "intersects" | "query" => {
                serde_json::from_str(text).map_err(|error| wrong(name, format!("it is no JSON: {error}")))?
            }
            _ => text.into(),
        };
        if members.insert(name.clone(), value).is_some() {
            return Err(wrong(name, "it is given twice"));
        }
    }
    let is_json = members.get("filter-lang").and_then(Value::as_str) == Some("cql2-json");
    if let (true, Some(Value::String(filter))) = (is_json, members.get("filter")) {
        let filter =
            serde_json::from_str(filter).map_err(|error| wrong("filter", format!("it is no JSON: {error}")))?;
        members.insert("filter".to_owned(), filter);
    }
    if let Some(Value::String(sortby)) = members.remove("sortby") {
        // Empty is no order.
        let keys: Result<Vec<SortKey>, ApiError> = sortby
            .split(',')
            .filter(|key| !key.is_empty())
            .map(|key| SortKey::parse(key).map_err(|reason| wrong("sortby", format!("{key:?}: {reason}"))))
            .collect();
        let mut search = of_members(&members, settings, "cql2-text")?;
        search.query.sort = bounded(keys?)?;
        return Ok(search);
    }
    of_members(&members, settings, "cql2-text")
}

/// The parameters of a POST.
pub(crate) fn of_post(body: &Value, settings: &Settings) -> Result<Search, ApiError> {
    let members = body.as_object().ok_or_else(|| ApiError::bad("the body is no JSON object"))?;
    let mut search = of_members(members, settings, "cql2-json")?;
    if let Some(sortby) = given(members, "sortby") {
        let keys = sortby.as_array().ok_or_else(|| wrong("sortby", "it is no list of {\"field\", \"direction\"}"))?;
        let keys: Result<Vec<SortKey>, ApiError> = keys.iter().map(sort_key).collect();
        search.query.sort = bounded(keys?)?;
    }
    Ok(search)
}

/// What GET and POST have in common, in the form of a POST, but for `sortby`.
fn of_members(members: &Map<String, Value>, settings: &Settings, usual_lang: &str) -> Result<Search, ApiError> {
    let mut query = Query { limit: limit(members, settings)?, ..Query::default() };
    if let Some(bbox) = given(members, "bbox") {
        let numbers: Option<Vec<f64>> = bbox.as_array().and_then(|numbers| numbers.iter().map(Value::as_f64).collect());
        let numbers = numbers.ok_or_else(|| wrong("bbox", "it is no list of numbers"))?;
        query.boxes = Some(geometry::boxes_of(&numbers).map_err(|reason| wrong("bbox", reason))?);
    }
    if let Some(intersects) = given(members, "intersects") {
        if query.boxes.is_some() {
            return Err(ApiError::bad("bbox and intersects are both given, expected one of them"));
        }
        geometry::check(intersects, "intersects")
            .map_err(|faults| ApiError::bad(faults.first().map(ToString::to_string).unwrap_or_default()))?;
        let geometry = serde_json::from_value(intersects.clone())
            .map_err(|error| wrong("intersects", format!("it is no geometry of GeoJSON: {error}")))?;
        query.intersects = Some(geometry);
    }
    if let Some(datetime) = given(members, "datetime") {
        let text = datetime.as_str().ok_or_else(|| wrong("datetime", "it is no text"))?;
        query.datetime = Some(Interval::parse(text).map_err(|reason| wrong("datetime", reason))?);
    }
    query.ids = ids(members, "ids")?;
    query.collections = ids(members, "collections")?;
    query.filter = filter(members, usual_lang)?;
    if let Some(comparisons) = given(members, "query") {
        let comparisons = comparisons.as_object().ok_or_else(|| wrong("query", "it is no object"))?;
        if let Some(comparisons) = Filter::from_query(comparisons)? {
            query.filter = Some(match query.filter {
                Some(filter) => filter.and(comparisons),
                None => comparisons,
            });
        }
    }
    if let Some(token) = given(members, "token") {
        let token = token.as_str().ok_or_else(|| wrong("token", "it is no text"))?;
        query.token = Some(Token(token.to_owned()));
    }
    let fields = match members.get("fields") {
        None => None,
        Some(Value::String(text)) => Some(Fields::from_text(text).map_err(|reason| wrong("fields", reason))?),
        Some(other) => Some(Fields::from_json(other).map_err(ApiError::bad)?),
    };
    Ok(Search { query, fields })
}

fn limit(members: &Map<String, Value>, settings: &Settings) -> Result<usize, ApiError> {
    let Some(limit) = given(members, "limit") else { return Ok(settings.usual_limit) };
    match limit.as_i64() {
        // Whoever asks for more gets what there is, and a link to the next page.
        Some(limit) if limit >= 1 => Ok(usize::try_from(limit).unwrap_or(usize::MAX).min(settings.greatest_limit)),
        _ => Err(wrong("limit", "it is no whole number from 1 up")),
    }
}

fn ids(members: &Map<String, Value>, name: &str) -> Result<Vec<String>, ApiError> {
    let Some(list) = given(members, name) else { return Ok(Vec::new()) };
    let ids: Option<Vec<String>> = match list {
        // As clients that know GET only write it.
        Value::String(text) => Some(text.split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect()),
        list => list.as_array().and_then(|ids| ids.iter().map(|id| id.as_str().map(str::to_owned)).collect()),
    };
    let ids = ids.ok_or_else(|| wrong(name, "it is no list of texts"))?;
    if ids.len() > MOST_IDS {
        return Err(wrong(name, format!("it names {}, expected at most {MOST_IDS}", ids.len())));
    }
    Ok(ids)
}

fn filter(members: &Map<String, Value>, usual_lang: &str) -> Result<Option<Filter>, ApiError> {
    if let Some(crs) = given(members, "filter-crs")
        && !crs.as_str().is_some_and(|crs| CRS84.contains(&crs))
    {
        return Err(wrong("filter-crs", format!("expected {}", CRS84[0])));
    }
    let lang = match given(members, "filter-lang") {
        None => usual_lang,
        Some(lang) => lang.as_str().unwrap_or_default(),
    };
    let Some(filter) = given(members, "filter") else { return Ok(None) };
    match (lang, filter) {
        ("cql2-text", Value::String(text)) => Ok(Some(Filter::from_text(text)?)),
        ("cql2-json", Value::Object(_)) => Ok(Some(Filter::from_json(filter.clone())?)),
        ("cql2-text" | "cql2-json", _) => Err(wrong("filter", format!("it is not written in {lang}"))),
        _ => Err(wrong("filter-lang", "expected cql2-text or cql2-json")),
    }
}

fn sort_key(value: &Value) -> Result<SortKey, ApiError> {
    let field = value["field"].as_str().ok_or_else(|| wrong("sortby", "a key of it has no field"))?;
    let descending = match value.get("direction").map(|direction| direction.as_str()) {
        None | Some(Some("asc")) => false,
        Some(Some("desc")) => true,
        Some(_) => return Err(wrong("sortby", "a direction of it is neither asc nor desc")),
    };
    SortKey::new(field, descending).map_err(|reason| wrong("sortby", format!("{field:?}: {reason}")))
}

fn bounded(keys: Vec<SortKey>) -> Result<Vec<SortKey>, ApiError> {
    if keys.len() > MOST_SORT_KEYS {
        return Err(wrong("sortby", format!("it has {} keys, expected at most {MOST_SORT_KEYS}", keys.len())));
    }
    Ok(keys)
}

fn numbers(text: &str) -> Result<Value, ApiError> {
    text.split(',')
        .map(|number| number.trim().parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::from))
        .collect::<Option<Vec<Value>>>()
        .map(Value::Array)
        .ok_or_else(|| wrong("bbox", "it is no list of numbers with commas between"))
}

/// A member that is there and not null.
fn given<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    members.get(name).filter(|value| !value.is_null())
}

fn wrong(name: &str, reason: impl std::fmt::Display) -> ApiError {
    ApiError::bad(format!("{name}: {reason}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn get(query: &str) -> Result<Search, ApiError> {
        of_get(&pairs(Some(query)), &Settings::default())
    }

    fn post(body: &Value) -> Result<Search, ApiError> {
        of_post(body, &Settings::default())
    }

    #[test]
    fn get_and_post_ask_the_same() {
        let by_get =
            get("limit=5&bbox=179,-1,-179,1&datetime=2020-01-01T00:00:00Z/..&ids=a,b&collections=c&sortby=-gsd,%2Bid&\
             filter=gsd%20%3C%2030&query=%7B%22gsd%22%3A%7B%22gt%22%3A1%7D%7D&fields=id,-links&token=t&other=x");
        let by_post = post(&json!({
            "limit": 5, "bbox": [179, -1, -179, 1], "datetime": "2020-01-01T00:00:00Z/..", "ids": ["a", "b"],
            "collections": ["c"], "query": {"gsd": {"gt": 1}}, "token": "t",
            "sortby": [{"field": "gsd", "direction": "desc"}, {"field": "id", "direction": "asc"}],
            "filter": {"op": "<", "args": [{"property": "gsd"}, 30]},
            "fields": {"include": ["id"], "exclude": ["links"]}
        }));
        assert_eq!(by_get.unwrap(), by_post.unwrap());
    }

    #[test]
    fn more_than_a_page_holds_is_a_full_page() {
        assert_eq!(get("limit=1000000").unwrap().query.limit, 1_000);
        assert_eq!(get("").unwrap().query.limit, 10);
    }

    #[test]
    fn what_cannot_be_asked_is_refused_with_its_name() {
        for (query, says) in [
            ("limit=0", "limit"),
            ("limit=-1", "limit"),
            ("limit=x", "limit"),
            ("bbox=1,2,3", "bbox"),
            ("bbox=a,b,c,d", "bbox"),
            ("bbox=0,5,1,4", "bbox"),
            ("bbox=0,0,1,inf", "bbox"),
            ("bbox=0,0,1,1&bbox=0,0,1,1", "twice"),
            ("bbox=0,0,1,1&intersects=%7B%22type%22:%22Point%22,%22coordinates%22:[0,0]%7D", "both"),
            ("intersects=%7B%22type%22:%22Point%22,%22coordinates%22:[0,99]%7D", "intersects"),
            ("intersects=x", "intersects"),
            ("datetime=2020-01-01", "datetime"),
            ("filter=a+%3D", "filter"),
            ("filter=a=1&filter-lang=sql", "filter-lang"),
            ("filter=a=1&filter-lang=cql2-json", "filter"),
            ("filter=a=1&filter-crs=EPSG:3857", "filter-crs"),
            ("sortby=geometry", "sortby"),
            ("sortby=a%22b", "sortby"),
            ("sortby=a,b,c,d,e,f,g,h,i", "sortby"),
            ("query=[]", "query"),
            ("query=%7B%22a%22:%7B%22near%22:1%7D%7D", "near"),
        ] {
            let told = format!("{:?}", get(query).unwrap_err());
            assert!(told.contains(says), "{query}: {told}");
        }
        for body in [
            json!([]),
            json!({"limit": "5"}),
            json!({"ids": 7}),
            json!({"ids": ["a", 7]}),
            json!({"bbox": "0,0,1,1"}),
            json!({"bbox": [0, 0, 1, "x"]}),
            json!({"fields": null}),
            json!({"sortby": "id"}),
            json!({"sortby": [{"direction": "asc"}]}),
            json!({"sortby": [{"field": "id", "direction": "up"}]}),
            json!({"ids": vec!["a"; MOST_IDS + 1]}),
            json!({"filter": "a = 1"}),
            json!({"token": 7}),
        ] {
            assert!(post(&body).is_err(), "{body}");
        }
    }
}
