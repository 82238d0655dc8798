//! Expressions of pgstac's, piece by piece.

use serde_json::{Map, Value, json};

use super::Truth;

/// A number, without a fraction where it has none: pgstac compares some as texts.
pub(super) fn number_of(number: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() < EXACT {
        #[allow(clippy::cast_possible_truncation)]
        return json!(number as i64);
    }
    json!(number)
}

pub(super) fn reference(name: &str) -> Value {
    json!({ "property": name })
}

pub(super) fn operation(op: &str, args: Vec<Value>) -> Value {
    let mut members = Map::new();
    members.insert("op".to_owned(), op.into());
    members.insert("args".to_owned(), args.into());
    Value::Object(members)
}

/// pgstac writes no parentheses around arithmetic, but around what `and` joins, were it one.
pub(super) fn in_parentheses(op: &str, args: Vec<Value>) -> Value {
    operation("and", vec![of_its_own(operation(op, args))])
}

/// An expression whose numbers are taken for numbers. Without a property beside them pgstac would take them for what those
/// around the expression are; `filter` makes it forget that.
pub(super) fn of_its_own(value: Value) -> Value {
    json!({ "filter": value })
}

pub(super) fn numeric_leaf(op: &str, args: Vec<Value>, negated: bool) -> Truth {
    let value = of_its_own(operation(op, args));
    Truth::When(if negated { operation("not", vec![value]) } else { value })
}

pub(super) fn leaf(op: &str, args: Vec<Value>, negated: bool) -> Truth {
    let value = operation(op, args);
    Truth::When(if negated { operation("not", vec![value]) } else { value })
}

pub(super) fn constant(truth: bool) -> Truth {
    if truth { Truth::Always } else { Truth::Never }
}

pub(super) fn all(parts: Vec<Truth>) -> Truth {
    joined("and", parts, Truth::Never, Truth::Always)
}

pub(super) fn any(parts: Vec<Truth>) -> Truth {
    joined("or", parts, Truth::Always, Truth::Never)
}

/// Parts joined by an operator. One that is `decisive` decides; one that is `neutral` says nothing.
pub(super) fn joined(op: &str, parts: Vec<Truth>, decisive: Truth, neutral: Truth) -> Truth {
    let mut values = Vec::with_capacity(parts.len());
    for part in parts {
        match part {
            part if part == decisive => return decisive,
            Truth::When(value) => values.push(value),
            _ => {}
        }
    }
    match values.len() {
        0 => neutral,
        1 => Truth::When(values.remove(0)),
        _ => Truth::When(operation(op, values)),
    }
}
