//! Filters: CQL2 as text or JSON, and the older `query`, within bounds.
//!
//! Whoever asks writes the filter, so it is bounded before and after it is parsed: how long it is, how deep, how many
//! parts it has, and how often the parser may try.

use std::num::NonZeroUsize;
use std::sync::Once;
use std::thread;

use cql2::Expr;
use serde_json::{Map, Value, json};

/// The longest filter as text, in bytes.
pub const LONGEST_TEXT: usize = 4 * 1024;

/// How deep a filter may be nested.
pub const DEEPEST: usize = 32;

/// How many parts a filter may have; a geometry is one.
pub const MOST_PARTS: usize = 1_000;

/// How often the parser of text may try a rule. It backtracks, so a short text of many parentheses could keep it busy
/// for ever.
const MOST_TRIES: usize = 400_000;

/// Stack for the parser of text. It recurses before the depth of the result can be seen; no text of the longest length
/// needs this much.
const PARSER_STACK: usize = 64 * 1024 * 1024;

/// A filter within bounds, as an expression of CQL2.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter(Expr);

/// Why a filter is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FilterError(pub String);

impl Filter {
    /// Reads CQL2 as text.
    ///
    /// # Errors
    ///
    /// When it is none, or out of bounds.
    pub fn from_text(text: &str) -> Result<Self, FilterError> {
        if text.len() > LONGEST_TEXT {
            return Err(refused(format!("the filter is {} bytes long, expected at most {LONGEST_TEXT}", text.len())));
        }
        static BOUND: Once = Once::new();
        BOUND.call_once(|| pest::set_call_limit(NonZeroUsize::new(MOST_TRIES)));
        thread::scope(|scope| {
            let parsing = thread::Builder::new()
                .name("cql2".to_owned())
                .stack_size(PARSER_STACK)
                .spawn_scoped(scope, || {
                    let parsed = cql2::parse_text(text).map_err(|error| {
                        let shown: String = error.to_string().chars().take(600).collect();
                        refused(format!("the filter is no CQL2 text: {shown}"))
                    })?;
                    // Dropped here, where there is stack enough, when it is too deep.
                    bounded(parsed)
                })
                .map_err(|error| refused(format!("the filter cannot be parsed now: {error}")))?;
            parsing.join().unwrap_or_else(|_| Err(refused("the filter is no CQL2 text".to_owned())))
        })
        .map(Self)
    }

    /// Reads CQL2 as JSON.
    ///
    /// # Errors
    ///
    /// When it is none, or out of bounds.
    pub fn from_json(mut value: Value) -> Result<Self, FilterError> {
        let mut parts = 0;
        count(&value, 0, &mut parts)?;
        flatten_between(&mut value);
        let shown: String = value.to_string().chars().take(120).collect();
        let expr = Expr::try_from(value).map_err(|_| refused(format!("the filter is no CQL2 in JSON: {shown}")))?;
        bounded(expr).map(Self)
    }

    /// Reads a `query`: for each property the comparisons that must hold, `{"gsd": {"lt": 30}}`.
    ///
    /// # Errors
    ///
    /// When a comparison is not one of the extension's, or when it is out of bounds.
    pub fn from_query(query: &Map<String, Value>) -> Result<Option<Self>, FilterError> {
        let mut terms = Vec::new();
        for (name, comparisons) in query {
            let Some(comparisons) = comparisons.as_object() else {
                return Err(refused(format!("query.{name} is no object such as {{\"eq\": 1}}")));
            };
            for (comparison, value) in comparisons {
                terms.push(term(name, comparison, value)?);
            }
        }
        match terms.len() {
            0 => Ok(None),
            1 => Self::from_json(terms.remove(0)).map(Some),
            _ => Self::from_json(json!({"op": "and", "args": terms})).map(Some),
        }
    }

    /// Both must hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let args = vec![Box::new(self.0), Box::new(other.0)];
        Self(Expr::Operation { op: "and".to_owned(), args })
    }

    /// The expression.
    #[must_use]
    pub fn expr(&self) -> &Expr {
        &self.0
    }
}

/// One comparison of a `query` as CQL2.
fn term(name: &str, comparison: &str, value: &Value) -> Result<Value, FilterError> {
    let property = json!({"property": name});
    let text = || {
        value
            .as_str()
            .map(|text| text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))
            .ok_or_else(|| refused(format!("query.{name}.{comparison} is no text")))
    };
    let like = |pattern: String| json!({"op": "like", "args": [property, pattern]});
    let operator = match comparison {
        "eq" => "=",
        "neq" => "<>",
        "lt" => "<",
        "lte" => "<=",
        "gt" => ">",
        "gte" => ">=",
        // Of a list, any member.
        "in" if value.is_array() => {
            let scalar = json!({"op": "in", "args": [property, value]});
            return Ok(json!({"op": "or", "args": [scalar, {"op": "a_overlaps", "args": [property, value]}]}));
        }
        "startsWith" => return Ok(like(format!("{}%", text()?))),
        "endsWith" => return Ok(like(format!("%{}", text()?))),
        "contains" => return Ok(like(format!("%{}%", text()?))),
        _ => {
            return Err(refused(format!(
                "query.{name} has {comparison:?}, expected eq, neq, lt, lte, gt, gte, startsWith, endsWith, contains, \
                 or in with a list"
            )));
        }
    };
    if value.is_null() && matches!(comparison, "eq" | "neq") {
        let missing = json!({"op": "isNull", "args": [property]});
        return Ok(if comparison == "eq" { missing } else { json!({"op": "not", "args": [missing]}) });
    }
    Ok(json!({"op": operator, "args": [property, value]}))
}

/// Counts the parts of a JSON value; the coordinates of a geometry are bounded by the size of the request.
fn count(value: &Value, depth: usize, parts: &mut usize) -> Result<(), FilterError> {
    *parts += 1;
    if depth > 2 * DEEPEST || *parts > 4 * MOST_PARTS {
        return Err(too_large());
    }
    match value {
        Value::Array(values) => values.iter().try_for_each(|value| count(value, depth + 1, parts)),
        Value::Object(members) if members.contains_key("coordinates") => Ok(()),
        Value::Object(members) => members.values().try_for_each(|value| count(value, depth + 1, parts)),
        _ => Ok(()),
    }
}

/// Drafts of CQL2 had the bounds of `between` in a list, and clients still write it.
fn flatten_between(value: &mut Value) {
    let Value::Object(members) = value else { return };
    let is_between = members.get("op").and_then(Value::as_str).is_some_and(|op| op.eq_ignore_ascii_case("between"));
    let Some(Value::Array(args)) = members.get_mut("args") else { return };
    if is_between
        && let [_, Value::Array(bounds)] = args.as_mut_slice()
        && bounds.len() == 2
    {
        let bounds = std::mem::take(bounds);
        args.truncate(1);
        args.extend(bounds);
    }
    args.iter_mut().for_each(flatten_between);
}

/// The expression, when it is not too deep and not too large.
fn bounded(expr: Expr) -> Result<Expr, FilterError> {
    let mut parts = 0;
    // Not recursive: this is where the depth is found out.
    let mut open = vec![(&expr, 1)];
    while let Some((expr, depth)) = open.pop() {
        parts += 1;
        if depth > DEEPEST || parts > MOST_PARTS {
            return Err(too_large());
        }
        match expr {
            Expr::Operation { args, .. } | Expr::Array(args) => {
                open.extend(args.iter().map(|arg| (&**arg, depth + 1)));
            }
            Expr::Interval { interval: args } | Expr::BBox { bbox: args } => {
                open.extend(args.iter().map(|arg| (&**arg, depth + 1)));
            }
            Expr::Timestamp { timestamp: arg } | Expr::Date { date: arg } => open.push((arg, depth + 1)),
            _ => {}
        }
    }
    Ok(expr)
}

fn too_large() -> FilterError {
    refused(format!("the filter is too large: expected at most {MOST_PARTS} parts, nested at most {DEEPEST} deep"))
}

fn refused(reason: String) -> FilterError {
    FilterError(reason)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_and_json_of_one_filter_are_one_filter() {
        let text = "gsd < 30 AND (platform = 'it''s' OR NOT \"eo:cloud_cover\" IS NULL)";
        let json = json!({"op": "and", "args": [
            {"op": "<", "args": [{"property": "gsd"}, 30]},
            {"op": "or", "args": [
                {"op": "=", "args": [{"property": "platform"}, "it's"]},
                {"op": "not", "args": [{"op": "isNull", "args": [{"property": "eo:cloud_cover"}]}]}
            ]}
        ]});
        assert_eq!(Filter::from_text(text).unwrap(), Filter::from_json(json).unwrap());
    }

    #[test]
    fn the_bounds_of_between_may_stand_in_a_list() {
        let between = |args: Value| Filter::from_json(json!({"op": "not", "args": [{"op": "between", "args": args}]}));
        let property = json!({"property": "gsd"});
        assert_eq!(between(json!([property, [1, 2]])), between(json!([property, 1, 2])));
        assert_eq!(between(json!([property, 1, 2])), Filter::from_text("gsd NOT BETWEEN 1 AND 2"));
    }

    #[test]
    fn a_query_is_a_filter() {
        let query = json!({"gsd": {"gte": 10, "lt": 30}, "platform": {"startsWith": "100%_"}, "x": {"eq": null}});
        let expected = "gsd >= 10 AND gsd < 30 AND platform LIKE '100\\%\\_%' AND x IS NULL";
        let filter = Filter::from_query(query.as_object().unwrap()).unwrap().unwrap();
        assert_eq!(filter, Filter::from_text(expected).unwrap());
        assert_eq!(Filter::from_query(&Map::new()).unwrap(), None);
        for wrong in
            [json!({"a": 7}), json!({"a": {"like": "x"}}), json!({"a": {"in": 7}}), json!({"a": {"contains": 7}})]
        {
            assert!(Filter::from_query(wrong.as_object().unwrap()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn filters_that_would_keep_the_parser_busy_are_refused() {
        let nested = |times: usize| format!("{}a = 1{}", "(".repeat(times), ")".repeat(times));
        let lists = |times: usize| format!("a IN {}1{}", "(".repeat(times), ",2)".repeat(times));
        for text in [
            lists(500),
            "(".repeat(LONGEST_TEXT),
            "NOT ".repeat(LONGEST_TEXT / 4 - 4) + "a",
            "-".repeat(LONGEST_TEXT - 1) + "a",
            "a=".repeat(LONGEST_TEXT / 2 - 1) + "a",
            "a+".repeat(LONGEST_TEXT / 2 - 1) + "a",
            "f(".repeat(LONGEST_TEXT / 2),
            "a OR ".repeat(LONGEST_TEXT / 5 - 1) + "a = 1 AND ",
            "x".repeat(LONGEST_TEXT + 1),
        ] {
            let start: String = text.chars().take(20).collect();
            assert!(Filter::from_text(&text).is_err(), "{start}");
        }
        // Parentheses that mean nothing are no depth.
        assert_eq!(Filter::from_text(&nested(20)), Filter::from_text("a = 1"));
        let _ = Filter::from_text(&nested(LONGEST_TEXT / 2 - 4));
        let mut deep = json!({"property": "a"});
        for _ in 0..60 {
            deep = json!({"op": "not", "args": [deep]});
        }
        assert!(Filter::from_json(deep).unwrap_err().0.contains("too large"));
        let wide: Vec<Value> = (0..5_000).map(Value::from).collect();
        let wide = json!({"op": "in", "args": [{"property": "a"}, wide]});
        assert!(Filter::from_json(wide).unwrap_err().0.contains("too large"));
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for text in ["", "a =", "a = 1 b", "'", "a = 1; DROP TABLE items", "\u{0}"] {
            assert!(Filter::from_text(text).is_err(), "{text:?}");
        }
        for value in [json!({}), json!({"op": 7, "args": []}), json!({"foo": "bar"})] {
            assert!(Filter::from_json(value.clone()).is_err(), "{value}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[a-c0-9'\"()=<>+*/ ,.NOTANDORINISLKE-]{0,60}") {
            let _ = Filter::from_text(&text);
        }
    }
}
