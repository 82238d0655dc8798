//! A filter as pgstac's own CQL2 has it.
//!
//! pgstac turns an expression into SQL piece by piece and looks at no more than the operands of one operator to decide
//! what is compared with what. So the expression is rewritten until there is one way only to read it: negations stand at
//! the leaves, what is unknown is gone, arithmetic is in parentheses, times are compared with times. What cannot be said
//! in a way that pgstac understands, or would misunderstand, is refused.

mod build;
mod times;
mod values;

use cql2::Expr;
use serde_json::{Value, json};

use self::build::{all, any, constant, leaf, number_of, numeric_leaf, operation, reference};
pub(super) use self::times::written;
use super::properties::{Known, Properties};
use crate::search::cql::{Kind, field, is_geometry_property, kind_of, literal_geometry, refused};
use crate::search::filter::{Filter, FilterError};
use crate::search::query::Field;

/// How many wildcards a pattern may have: matching tries them in all combinations.
const MOST_WILDCARDS: usize = 12;

/// Members of an item beside its properties: what begins with their names is looked for there.
const MEMBERS: [&str; 6] = ["assets", "links", "bbox", "stac_version", "stac_extensions", "properties"];

/// When a condition holds; it does not when it is unknown.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Truth {
    /// Of every item.
    Always,
    /// Of none.
    Never,
    /// Where pgstac finds this to be true.
    When(Value),
}

/// The filter in pgstac's words.
///
/// # Errors
///
/// When it means nothing, or nothing that pgstac can do.
pub(super) fn translate(filter: &Filter, properties: &Properties) -> Result<Truth, FilterError> {
    Translator { properties }.holds(filter.expr(), false)
}

/// The names of all properties in a filter that are no columns of pgstac, as pgstac writes them.
///
/// # Errors
///
/// When one of them cannot be asked for.
pub(super) fn names(filter: &Filter) -> Result<Vec<String>, FilterError> {
    let (mut names, mut open) = (Vec::new(), vec![filter.expr()]);
    while let Some(expr) = open.pop() {
        match expr {
            Expr::Property { property } => {
                if let Field::Property(path) = field(property)? {
                    names.push(name_of(&path)?);
                }
            }
            Expr::Operation { args, .. } | Expr::Array(args) => open.extend(args.iter().map(|arg| &**arg)),
            Expr::Interval { interval: args } => open.extend(args.iter().map(|arg| &**arg)),
            _ => {}
        }
    }
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

/// Whether a filter compares values none of which is written down.
pub(super) fn compares_properties(filter: &Filter) -> bool {
    let mut open = vec![filter.expr()];
    while let Some(expr) = open.pop() {
        if let Expr::Operation { op, args } = expr {
            let is_comparison = matches!(op.as_str(), "=" | "<>" | "<" | "<=" | ">" | ">=" | "between" | "in");
            let are_properties = |args: &[Box<Expr>]| {
                args.iter().filter(|arg| matches!(***arg, Expr::Property { .. } | Expr::Array(_))).count() > 1
            };
            if is_comparison && are_properties(args) && (op != "in" || has_property(&args[1])) {
                return true;
            }
            open.extend(args.iter().map(|arg| &**arg));
        }
    }
    false
}

fn has_property(list: &Expr) -> bool {
    matches!(list, Expr::Array(members) if members.iter().any(|member| matches!(**member, Expr::Property { .. })))
}

/// The name of a property as pgstac reads it.
///
/// # Errors
///
/// When pgstac would look for it beside the properties.
pub(super) fn name_of(path: &[String]) -> Result<String, FilterError> {
    let name = path.join(".");
    let is_member = path.first().is_some_and(|first| MEMBERS.contains(&first.as_str()));
    if is_member || name.trim().is_empty() || path.iter().skip(1).any(|part| part == "properties") {
        return Err(refused(format!("{name:?} is no property that this database can be asked for")));
    }
    Ok(name)
}

struct Translator<'a> {
    properties: &'a Properties,
}

type Translated = Result<Truth, FilterError>;

impl Translator<'_> {
    /// When an expression is true, or with `negated` false.
    fn holds(&self, expr: &Expr, negated: bool) -> Translated {
        match expr {
            Expr::Bool(truth) => Ok(constant(*truth != negated)),
            Expr::Null => Ok(Truth::Never),
            Expr::Property { .. } => self.comparison("=", expr, &Expr::Bool(true), negated),
            Expr::Operation { op, args } => self.operation(op, args, negated),
            _ => Err(refused("the filter has a value where a condition is expected")),
        }
    }

    fn operation(&self, op: &str, args: &[Box<Expr>], negated: bool) -> Translated {
        match (op, args) {
            ("and" | "or", args) if !args.is_empty() => {
                let parts = args.iter().map(|arg| self.holds(arg, negated)).collect::<Result<Vec<_>, _>>()?;
                Ok(if (op == "and") == negated { any(parts) } else { all(parts) })
            }
            ("not", [arg]) => self.holds(arg, !negated),
            ("isNull", [arg]) => self.is_null(arg, negated),
            ("=" | "<>" | "<" | "<=" | ">" | ">=", [left, right]) => self.comparison(op, left, right, negated),
            ("between", [value, low, high]) => {
                let parts =
                    vec![self.comparison(">=", value, low, negated)?, self.comparison("<=", value, high, negated)?];
                Ok(if negated { any(parts) } else { all(parts) })
            }
            ("like", [value, pattern]) => self.like(value, pattern, negated),
            ("in", [value, list]) => self.is_in(value, list, negated),
            (op, [left, right]) if op.starts_with("s_") && cql2::SPATIALOPS.contains(&op) => {
                spatial(op, left, right, negated)
            }
            (op, [left, right]) if cql2::TEMPORALOPS.contains(&op) => self.temporal(op, left, right, negated),
            (op, [left, right]) if cql2::ARRAYOPS.contains(&op) => self.lists(op, left, right, negated),
            (op, args) => {
                let shown: String = op.chars().take(40).collect();
                Err(refused(format!("the filter uses {shown:?} with {} operands, which is no condition", args.len())))
            }
        }
    }

    fn comparison(&self, op: &str, left: &Expr, right: &Expr, negated: bool) -> Translated {
        let compared = |left: Option<Value>, right: Option<Value>| match (left, right) {
            (Some(left), Some(right)) => numeric_leaf(op, vec![left, right], negated),
            // Values of different kinds: nothing can be said.
            _ => Truth::Never,
        };
        match kind_of(&[left, right])? {
            Some(Kind::Number) => {
                // Beside a number that is written down, pgstac takes a property for one.
                let is_literal = |expr: &Expr| matches!(expr, Expr::Float(_));
                Ok(compared(self.number(left, is_literal(right))?, self.number(right, is_literal(left))?))
            }
            Some(Kind::Text) => self.texts(op, left, right, negated),
            Some(Kind::Truth) => self.truths(op, left, right, negated),
            Some(Kind::Instant) => match (self.instant(left)?, self.instant(right)?) {
                (Some(left), Some(right)) => self.order(&left, op, &right, negated),
                _ => Ok(Truth::Never),
            },
            None if matches!((left, right), (Expr::Null, _) | (_, Expr::Null)) => Ok(Truth::Never),
            None => self.two_properties(op, left, right, negated),
        }
    }

    fn texts(&self, op: &str, left: &Expr, right: &Expr, negated: bool) -> Translated {
        let column = |expr: &Expr| matches!(expr, Expr::Property { property } if matches!(Field::parse(property), Ok(Field::Id | Field::Collection)));
        let property = |expr: &Expr| matches!(expr, Expr::Property { .. }) && !column(expr);
        if (column(left) && property(right)) || (property(left) && column(right)) {
            return Err(refused("the filter compares an id with a property, which this database cannot"));
        }
        Ok(match (self.text(left)?, self.text(right)?) {
            (Some(left), Some(right)) => leaf(op, vec![left, right], negated),
            _ => Truth::Never,
        })
    }

    fn truths(&self, op: &str, left: &Expr, right: &Expr, negated: bool) -> Translated {
        match (op, left, right) {
            ("=" | "<>", operation @ Expr::Operation { .. }, Expr::Bool(truth))
            | ("=" | "<>", Expr::Bool(truth), operation @ Expr::Operation { .. }) => {
                self.holds(operation, negated != (*truth != (op == "=")))
            }
            (_, operation @ Expr::Operation { .. }, _) | (_, _, operation @ Expr::Operation { .. }) => {
                // What is wrong with it alone is said first.
                self.holds(operation, false)?;
                Err(refused("the filter compares conditions, which this database cannot"))
            }
            _ => Ok(match (self.truth(left)?, self.truth(right)?) {
                (Some(left), Some(right)) => leaf(op, vec![left, right], negated),
                _ => Truth::Never,
            }),
        }
    }

    /// Two properties: whatever they are, if it is the same kind.
    fn two_properties(&self, op: &str, left: &Expr, right: &Expr, negated: bool) -> Translated {
        let (Expr::Property { property: one }, Expr::Property { property: other }) = (left, right) else {
            return Err(refused("the filter compares something that is no single value"));
        };
        match (self.known(one)?, self.known(other)?) {
            (Known::Number, Known::Number) => Ok(match (self.number(left, false)?, self.number(right, false)?) {
                (Some(left), Some(right)) => leaf(op, vec![left, right], negated),
                _ => Truth::Never,
            }),
            (Known::Text, Known::Text) | (Known::Truth, Known::Truth) => self.texts(op, left, right, negated),
            (Known::Time, Known::Time) => match (self.instant(left)?, self.instant(right)?) {
                (Some(left), Some(right)) => self.order(&left, op, &right, negated),
                _ => Ok(Truth::Never),
            },
            _ => Err(refused(format!(
                "the filter compares {one:?} with {other:?}, of which this database does not know that they are of one \
                 kind; its operator may register both as queryables"
            ))),
        }
    }

    fn known(&self, property: &str) -> Result<Known, FilterError> {
        match field(property)? {
            Field::Property(path) => Ok(self.properties.known(&name_of(&path)?)),
            Field::Id | Field::Collection => Ok(Known::Text),
            Field::Datetime | Field::End => Ok(Known::Time),
            Field::Geometry => Ok(Known::Other),
        }
    }

    fn is_null(&self, arg: &Expr, negated: bool) -> Translated {
        match arg {
            Expr::Null => Ok(constant(!negated)),
            Expr::Property { property } => match field(property)? {
                Field::Property(path) => Ok(leaf("isNull", vec![reference(&name_of(&path)?)], negated)),
                _ => Ok(constant(negated)),
            },
            Expr::Operation { op, .. } if cql2::ARITHOPS.contains(&op.as_str()) => {
                Ok(match self.number(arg, false)? {
                    Some(value) => leaf("isNull", vec![value], negated),
                    None => constant(!negated),
                })
            }
            Expr::Operation { op, .. } if op == "casei" || op == "accenti" => Ok(match self.text(arg)? {
                Some(value) => leaf("isNull", vec![value], negated),
                None => constant(!negated),
            }),
            Expr::Operation { .. } => Err(refused("the filter asks whether a condition is NULL, expected a property")),
            _ => Ok(constant(negated)),
        }
    }

    fn like(&self, value: &Expr, pattern: &Expr, negated: bool) -> Translated {
        let (mut inner, mut folds) = (pattern, Vec::new());
        while let Expr::Operation { op, args } = inner {
            match (op.as_str(), args.as_slice()) {
                ("casei" | "accenti", [arg]) => {
                    folds.push(op.as_str());
                    inner = arg;
                }
                _ => break,
            }
        }
        let Expr::Literal(text) = inner else {
            return Err(refused("the pattern of LIKE is no text"));
        };
        let (text, wildcards) = pattern_of(text);
        if wildcards > MOST_WILDCARDS {
            return Err(refused(format!(
                "a pattern of LIKE has {wildcards} wildcards, expected at most {MOST_WILDCARDS}"
            )));
        }
        let pattern = folds.iter().rev().fold(json!(text), |pattern, op| operation(op, vec![pattern]));
        Ok(match self.text(value)? {
            Some(value) => leaf("like", vec![value, pattern], negated),
            None => Truth::Never,
        })
    }

    fn is_in(&self, value: &Expr, list: &Expr, negated: bool) -> Translated {
        let Expr::Array(members) = list else {
            return Err(refused("IN is not followed by a list"));
        };
        let (mut parts, mut numbers, mut texts) = (Vec::new(), Vec::new(), Vec::new());
        for member in members {
            match (kind_of(&[value, member])?, &**member) {
                (Some(Kind::Number), Expr::Float(number)) => numbers.push(number_of(*number)),
                (Some(Kind::Text), Expr::Literal(text)) => texts.push(json!(text)),
                (Some(Kind::Truth | Kind::Instant), Expr::Float(_))
                | (Some(Kind::Text | Kind::Number), _)
                | (None, _) => {}
                _ => parts.push(self.comparison("=", value, member, negated)?),
            }
        }
        // What is of another kind is among none of them.
        if !numbers.is_empty() {
            let number = self.number(value, true)?;
            parts.push(
                number.map_or(constant(negated), |value| numeric_leaf("in", vec![value, json!(numbers)], negated)),
            );
        }
        if !texts.is_empty() {
            let text = self.text(value)?;
            parts.push(text.map_or(constant(negated), |value| leaf("in", vec![value, json!(texts)], negated)));
        }
        if negated {
            // Of what is unknown it is unknown whether it is among them.
            parts.push(self.is_null(value, true)?);
            return Ok(all(parts));
        }
        Ok(any(parts))
    }

    fn lists(&self, op: &str, left: &Expr, right: &Expr, negated: bool) -> Translated {
        if matches!((left, right), (Expr::Array(_), Expr::Array(_))) {
            return Err(refused("the filter compares two lists that it spells out, expected a property"));
        }
        let (Some(left), Some(right)) = (list(left)?, list(right)?) else { return Ok(Truth::Never) };
        let compared = |op: &str| leaf(op, vec![left.clone(), right.clone()], negated);
        Ok(match op {
            "a_contains" => compared("a_contains"),
            "a_containedBy" => compared("a_contained_by"),
            "a_overlaps" => compared("a_overlaps"),
            // As sets: pgstac would look at the order.
            _ => {
                let parts = vec![compared("a_contains"), compared("a_contained_by")];
                if negated { any(parts) } else { all(parts) }
            }
        })
    }
}

fn spatial(op: &str, left: &Expr, right: &Expr, negated: bool) -> Translated {
    let (op, other) = match (is_geometry_property(left), is_geometry_property(right)) {
        (true, false) => (op, right),
        // pgstac has the item's geometry on the left.
        (false, true) => {
            let exchanged = match op {
                "s_within" => "s_contains",
                "s_contains" => "s_within",
                same => same,
            };
            (exchanged, left)
        }
        _ => {
            return Err(refused(
                "a spatial operator has an operand that is no geometry: expected the item's and another",
            ));
        }
    };
    let text =
        literal_geometry(other)?.ok_or_else(|| refused("a spatial operator has an operand that is no geometry"))?;
    let geometry =
        serde_json::from_str(&text).map_err(|error| refused(format!("a geometry of the filter: {error}")))?;
    Ok(leaf(op, vec![reference("geometry"), geometry], negated))
}

/// A list; none when it is another kind of value.
fn list(expr: &Expr) -> Result<Option<Value>, FilterError> {
    match expr {
        Expr::Array(members) => members
            .iter()
            .map(|member| match &**member {
                Expr::Float(number) => Ok(number_of(*number)),
                Expr::Literal(text) => Ok(json!(text)),
                Expr::Bool(truth) => Ok(json!(truth)),
                _ => Err(refused("a list of the filter holds something else than texts, numbers and truths")),
            })
            .collect::<Result<_, _>>()
            .map(|members| Some(Value::Array(members))),
        Expr::Property { property } => match field(property)? {
            Field::Property(path) => Ok(Some(reference(&name_of(&path)?))),
            _ => Ok(None),
        },
        _ => Err(refused("an operator of lists has an operand that is no list")),
    }
}

/// A pattern without a backslash at its end that stands before nothing; and how many wildcards of any length it has.
fn pattern_of(text: &str) -> (String, usize) {
    let (mut pattern, mut wildcards) = (String::with_capacity(text.len() + 1), 0);
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        pattern.push(character);
        match character {
            '\\' => pattern.push(characters.next().unwrap_or('\\')),
            '%' => wildcards += 1,
            _ => {}
        }
    }
    (pattern, wildcards)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::build::{in_parentheses, of_its_own};
    use super::*;

    fn translated(text: &str) -> Translated {
        let properties = Properties::of([("cloud", Known::Number), ("name", Known::Text), ("tags", Known::Other)]);
        translate(&Filter::from_text(text).unwrap(), &properties)
    }

    #[test]
    fn negations_stand_at_the_leaves_and_what_is_unknown_is_gone() {
        let less = of_its_own(operation("<", vec![reference("gsd"), json!(30)]));
        let not_less = operation("not", vec![less.clone()]);
        for (text, expected) in [
            ("gsd < 30", Truth::When(less.clone())),
            ("NOT gsd < 30", Truth::When(not_less.clone())),
            ("NOT (gsd < 30 AND NULL)", Truth::When(not_less.clone())),
            ("NOT (gsd < 30 OR NULL)", Truth::Never),
            ("gsd < 30 OR gsd = NULL", Truth::When(less.clone())),
            ("NOT (NOT gsd < 30)", Truth::When(less)),
            ("TRUE", Truth::Always),
            ("NOT FALSE", Truth::Always),
            ("NULL OR FALSE", Truth::Never),
            ("id IS NULL", Truth::Never),
            ("end_datetime IS NOT NULL", Truth::Always),
        ] {
            assert_eq!(translated(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_registered_as_another_kind_equals_nothing() {
        for text in ["cloud = 'x'", "NOT cloud = 'x'", "name = 7", "tags = 'x'", "name < 7 OR tags > 7", "cloud = TRUE"]
        {
            assert_eq!(translated(text).unwrap(), Truth::Never, "{text}");
        }
        assert_eq!(
            translated("cloud NOT IN ('x')").unwrap(),
            Truth::When(operation("not", vec![operation("isNull", vec![reference("cloud")])]))
        );
    }

    #[test]
    fn arithmetic_keeps_its_order() {
        let Truth::When(value) = translated("(gsd + 1) * 2 > cloud").unwrap() else { panic!("it is constant") };
        let gsd = in_parentheses("*", vec![reference("gsd"), json!(1)]);
        let sum = in_parentheses("+", vec![gsd, json!(1)]);
        let product = in_parentheses("*", vec![sum, json!(2)]);
        let cloud = in_parentheses("*", vec![reference("cloud"), json!(1)]);
        assert_eq!(value, of_its_own(operation(">", vec![product, cloud])));
    }

    #[test]
    fn what_pgstac_would_do_wrong_is_refused() {
        for (text, says) in [
            ("gsd ^ 2 = 4", "cannot compute"),
            ("a < b", "queryables"),
            ("(a = 1) IS NULL", "condition"),
            ("id = title", "cannot"),
            ("assets.B1 IS NULL", "no property"),
            ("S_INTERSECTS(geometry, geometry)", "geometry"),
            ("A_EQUALS(('a'), ('b'))", "two lists"),
            ("title LIKE '%a%a%a%a%a%a%a%a%a%a%a%a%a'", "wildcards"),
        ] {
            let refused = Filter::from_text(text).map_err(|error| error.to_string()).and_then(|filter| {
                let properties = Properties::of([("a", Known::Other), ("b", Known::Number)]);
                translate(&filter, &properties).map_err(|error| error.to_string())
            });
            assert!(refused.as_ref().is_err_and(|error| error.contains(says)), "{text}: {refused:?}");
        }
    }

    #[test]
    fn a_backslash_at_the_end_of_a_pattern_means_itself() {
        assert_eq!(pattern_of("a\\%%\\"), ("a\\%%\\\\".to_owned(), 1));
    }
}
