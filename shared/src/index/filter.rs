//! CQL2 as SQL.
//!
//! Three-valued, as SQL is: what an item lacks is unknown, and so is a comparison of values of different kinds. Every
//! value becomes a parameter; of what the asker wrote, only operators that are known here reach the text.

use cql2::Expr;

use super::sql::{Parameters, path};
use crate::search::cql::{Kind, field, is_geometry_property, kind_of, literal_geometry, literal_instant, refused};
use crate::search::filter::{Filter, FilterError};
use crate::search::geometry::{self, Envelope};
use crate::search::query::Field;

/// How many wildcards a pattern may have: matching tries them in all combinations.
const MOST_WILDCARDS: usize = 12;

/// Before and after all times.
const ENDS: (i64, i64) = (i64::MIN, i64::MAX);

/// The condition that a filter stands for, over a row `i` of items and `c` of collections.
pub(super) fn condition(filter: &Filter, parameters: &mut Parameters) -> Result<String, FilterError> {
    Compiler { parameters }.truth(filter.expr())
}

/// The envelopes of one of which an item's geometry must meet, when the filter says so.
pub(super) fn area(filter: &Filter) -> Option<Vec<Envelope>> {
    area_of(filter.expr())
}

fn area_of(expr: &Expr) -> Option<Vec<Envelope>> {
    let Expr::Operation { op, args } = expr else { return None };
    match (op.as_str(), args.as_slice()) {
        ("and", terms) => terms.iter().find_map(|term| area_of(term)),
        ("s_intersects" | "s_within" | "s_equals" | "s_overlaps" | "s_crosses" | "s_touches", [left, right]) => {
            let other = match (is_geometry_property(left), is_geometry_property(right)) {
                (true, false) => right,
                // Whether the item's is the first operand makes no difference: all of these need them to meet.
                (false, true) => left,
                _ => return None,
            };
            let text = literal_geometry(other).ok()??;
            let parts = geometry::check(&serde_json::from_str(&text).ok()?, "").ok()?;
            geometry::union(&parts).map(|envelope| vec![envelope])
        }
        _ => None,
    }
}

struct Compiler<'a> {
    parameters: &'a mut Parameters,
}

impl Compiler<'_> {
    /// An expression that is true, false or unknown.
    fn truth(&mut self, expr: &Expr) -> Result<String, FilterError> {
        match expr {
            Expr::Bool(true) => Ok("1".to_owned()),
            Expr::Bool(false) => Ok("0".to_owned()),
            Expr::Null => Ok("NULL".to_owned()),
            Expr::Property { .. } => self.value(expr, Kind::Truth),
            Expr::Operation { op, args } => self.operation(op, args),
            _ => Err(refused("the filter has a value where a condition is expected")),
        }
    }

    fn operation(&mut self, op: &str, args: &[Box<Expr>]) -> Result<String, FilterError> {
        match (op, args) {
            ("and" | "or", args) if !args.is_empty() => {
                let terms = args.iter().map(|arg| self.truth(arg)).collect::<Result<Vec<_>, _>>()?;
                Ok(format!("({})", terms.join(if op == "and" { " AND " } else { " OR " })))
            }
            ("not", [arg]) => Ok(format!("(NOT {})", self.truth(arg)?)),
            ("isNull", [arg]) => self.is_null(arg),
            ("=" | "<>" | "<" | "<=" | ">" | ">=", [left, right]) => self.comparison(op, left, right),
            ("between", [value, low, high]) => {
                let kind = kind_of(&[value, low, high])?.unwrap_or(Kind::Number);
                let value = self.value(value, kind)?;
                Ok(format!("({value} BETWEEN {} AND {})", self.value(low, kind)?, self.value(high, kind)?))
            }
            ("like", [value, pattern]) => self.like(value, pattern),
            ("in", [value, list]) => self.is_in(value, list),
            (op, [left, right]) if op.starts_with("s_") && cql2::SPATIALOPS.contains(&op) => {
                let op = self.parameters.bind(op.to_owned());
                Ok(format!("spatial({op}, {}, {})", self.geometry(left)?, self.geometry(right)?))
            }
            (op, [left, right]) if cql2::TEMPORALOPS.contains(&op) => self.temporal(op, left, right),
            (op, [left, right]) if cql2::ARRAYOPS.contains(&op) => {
                let op = self.parameters.bind(op.to_owned());
                Ok(format!("lists({op}, {}, {})", self.list(left)?, self.list(right)?))
            }
            (op, args) => {
                let shown: String = op.chars().take(40).collect();
                Err(refused(format!("the filter uses {shown:?} with {} operands, which is no condition", args.len())))
            }
        }
    }

    fn comparison(&mut self, op: &str, left: &Expr, right: &Expr) -> Result<String, FilterError> {
        if let Some(kind) = kind_of(&[left, right])? {
            return Ok(format!("({} {op} {})", self.value(left, kind)?, self.value(right, kind)?));
        }
        if matches!((left, right), (Expr::Null, _) | (_, Expr::Null)) {
            return Ok("NULL".to_owned());
        }
        // Two properties: whatever they are, if it is the same kind.
        let mut either = Vec::new();
        for kind in [Kind::Number, Kind::Text, Kind::Truth] {
            either.push(format!("({} {op} {})", self.value(left, kind)?, self.value(right, kind)?));
        }
        Ok(format!("coalesce({})", either.join(", ")))
    }

    fn is_null(&mut self, arg: &Expr) -> Result<String, FilterError> {
        match arg {
            Expr::Null => Ok("1".to_owned()),
            Expr::Property { property } => match field(property)? {
                Field::Property(names) => {
                    let path = self.parameters.bind(path(&names));
                    Ok(format!("(coalesce(json_type(i.properties, {path}), 'null') = 'null')"))
                }
                _ => Ok("0".to_owned()),
            },
            Expr::Operation { op, .. } if cql2::ARITHOPS.contains(&op.as_str()) => {
                Ok(format!("({} IS NULL)", self.value(arg, Kind::Number)?))
            }
            Expr::Operation { op, .. } if op == "casei" || op == "accenti" => {
                Ok(format!("({} IS NULL)", self.value(arg, Kind::Text)?))
            }
            Expr::Operation { .. } => Ok(format!("({} IS NULL)", self.truth(arg)?)),
            _ => Ok("0".to_owned()),
        }
    }

    /// A pattern with `%` and `_`, and a backslash in front of those that mean themselves.
    fn like(&mut self, value: &Expr, pattern: &Expr) -> Result<String, FilterError> {
        let (mut pattern, mut fold) = (pattern, Vec::new());
        while let Expr::Operation { op, args } = pattern {
            match (op.as_str(), args.as_slice()) {
                ("casei" | "accenti", [inner]) => {
                    fold.push(op.as_str());
                    pattern = inner;
                }
                _ => break,
            }
        }
        let Expr::Literal(text) = pattern else {
            return Err(refused("the pattern of LIKE is no text"));
        };
        let text = fold.iter().rev().fold(text.clone(), |text, op| match *op {
            "casei" => text.to_lowercase(),
            _ => unaccent::unaccent(&text),
        });
        let (glob, wildcards) = as_glob(&text);
        if wildcards > MOST_WILDCARDS {
            return Err(refused(format!(
                "a pattern of LIKE has {wildcards} wildcards, expected at most {MOST_WILDCARDS}"
            )));
        }
        let value = self.value(value, Kind::Text)?;
        Ok(format!("({value} GLOB {})", self.parameters.bind(glob)))
    }

    fn is_in(&mut self, value: &Expr, list: &Expr) -> Result<String, FilterError> {
        let Expr::Array(members) = list else {
            return Err(refused("IN is not followed by a list"));
        };
        let mut either = Vec::new();
        for kind in [Kind::Number, Kind::Text, Kind::Truth, Kind::Instant] {
            let mut of_kind = Vec::new();
            for member in members {
                if kind_of(&[value, member])? == Some(kind) {
                    of_kind.push(self.value(member, kind)?);
                }
            }
            if !of_kind.is_empty() {
                either.push(format!("coalesce({} IN ({}), 0)", self.value(value, kind)?, of_kind.join(", ")));
            }
        }
        let known = self.is_null(value)?;
        if either.is_empty() {
            return Ok(format!("(CASE WHEN {known} THEN NULL ELSE 0 END)"));
        }
        Ok(format!("(CASE WHEN {known} THEN NULL ELSE ({}) END)", either.join(" OR ")))
    }

    /// A value as one of this kind; unknown when it is of another.
    fn value(&mut self, expr: &Expr, kind: Kind) -> Result<String, FilterError> {
        match (expr, kind) {
            (Expr::Null, _) => Ok("NULL".to_owned()),
            (Expr::Float(number), Kind::Number) => Ok(self.parameters.bind(*number)),
            (Expr::Literal(text), Kind::Text) => Ok(self.parameters.bind(text.clone())),
            (Expr::Bool(truth), Kind::Truth) => Ok(i64::from(*truth).to_string()),
            (Expr::Timestamp { .. } | Expr::Date { .. } | Expr::Literal(_), Kind::Instant) => {
                Ok(self.parameters.bind(literal_instant(expr)?))
            }
            (Expr::Property { property }, _) => self.property(&field(property)?, kind),
            (Expr::Operation { op, args }, Kind::Number) if cql2::ARITHOPS.contains(&op.as_str()) => {
                self.arithmetic(op, args)
            }
            (Expr::Operation { op, args }, Kind::Text) if op == "casei" || op == "accenti" => match args.as_slice() {
                [arg] => Ok(format!("{op}({})", self.value(arg, Kind::Text)?)),
                _ => Err(refused(format!("{op} has {} operands, expected one", args.len()))),
            },
            (Expr::Operation { op, args }, Kind::Truth) => self.operation(op, args),
            (Expr::Operation { op, .. }, _) => {
                let shown: String = op.chars().take(40).collect();
                Err(refused(format!("the filter uses {shown:?}, which is no known function")))
            }
            // A value of another kind: nothing can be said.
            (Expr::Float(_) | Expr::Literal(_) | Expr::Bool(_), _) => Ok("NULL".to_owned()),
            _ => Err(refused("the filter compares something that is no single value")),
        }
    }

    fn property(&mut self, field: &Field, kind: Kind) -> Result<String, FilterError> {
        match (field, kind) {
            (Field::Id, Kind::Text) => Ok("i.id".to_owned()),
            (Field::Collection, Kind::Text) => Ok("c.id".to_owned()),
            (Field::Datetime, Kind::Instant) => Ok("i.datetime".to_owned()),
            (Field::End, Kind::Instant) => Ok("i.stop".to_owned()),
            (Field::Property(names), kind) => {
                let path = self.parameters.bind(path(names));
                let (kinds, value) = match kind {
                    Kind::Number => ("('integer', 'real')", format!("json_extract(i.properties, {path})")),
                    Kind::Text => ("('text')", format!("json_extract(i.properties, {path})")),
                    Kind::Truth => ("('true', 'false')", format!("json_extract(i.properties, {path})")),
                    Kind::Instant => ("('text')", format!("instant(json_extract(i.properties, {path}))")),
                };
                Ok(format!("(CASE WHEN json_type(i.properties, {path}) IN {kinds} THEN {value} END)"))
            }
            (Field::Geometry, _) => Err(refused("geometry is compared with something that is no geometry")),
            _ => Ok("NULL".to_owned()),
        }
    }

    fn arithmetic(&mut self, op: &str, args: &[Box<Expr>]) -> Result<String, FilterError> {
        let [first, others @ ..] = args else {
            return Err(refused(format!("{op} has no operands")));
        };
        if others.is_empty() || (others.len() > 1 && matches!(op, "^" | "div")) {
            return Err(refused(format!("{op} has {} operands", args.len())));
        }
        let op = self.parameters.bind(op.to_owned());
        let mut value = self.value(first, Kind::Number)?;
        for other in others {
            value = format!("compute({op}, {value}, {})", self.value(other, Kind::Number)?);
        }
        Ok(value)
    }

    fn geometry(&mut self, expr: &Expr) -> Result<String, FilterError> {
        if is_geometry_property(expr) {
            return Ok("i.geometry".to_owned());
        }
        match literal_geometry(expr)? {
            Some(text) => Ok(self.parameters.bind(text)),
            None => Err(refused("a spatial operator has an operand that is no geometry")),
        }
    }

    fn list(&mut self, expr: &Expr) -> Result<String, FilterError> {
        match expr {
            Expr::Array(_) => {
                let text = serde_json::to_string(expr).map_err(|error| refused(format!("a list: {error}")))?;
                Ok(self.parameters.bind(text))
            }
            Expr::Property { property } => match field(property)? {
                Field::Property(names) => {
                    let path = self.parameters.bind(path(&names));
                    Ok(format!("json_extract(i.properties, {path})"))
                }
                _ => Ok("NULL".to_owned()),
            },
            _ => Err(refused("an operator of lists has an operand that is no list")),
        }
    }

    /// Start and end of an operand.
    fn interval(&mut self, expr: &Expr) -> Result<(String, String), FilterError> {
        match expr {
            Expr::Interval { interval } => match interval.as_slice() {
                [from, to] => Ok((self.bound(from, ENDS.0)?, self.bound(to, ENDS.1)?)),
                _ => Err(refused(format!("an INTERVAL has {} bounds, expected 2", interval.len()))),
            },
            Expr::Date { date } => {
                let day = self.value(date, Kind::Instant)?;
                // Up to its last microsecond.
                Ok((day.clone(), format!("({day} + 86399999999)")))
            }
            _ => {
                let at = self.value(expr, Kind::Instant)?;
                Ok((at.clone(), at))
            }
        }
    }

    fn bound(&mut self, expr: &Expr, open: i64) -> Result<String, FilterError> {
        match expr {
            Expr::Literal(text) if text == ".." => Ok(self.parameters.bind(open)),
            _ => self.value(expr, Kind::Instant),
        }
    }

    fn temporal(&mut self, op: &str, left: &Expr, right: &Expr) -> Result<String, FilterError> {
        let (left, right) = (self.interval(left)?, self.interval(right)?);
        // Each of these is another one with the operands exchanged.
        let (op, (a, b), (c, d)) = match op {
            "t_after" => ("t_before", right, left),
            "t_metBy" => ("t_meets", right, left),
            "t_overlappedBy" => ("t_overlaps", right, left),
            "t_startedBy" => ("t_starts", right, left),
            "t_contains" => ("t_during", right, left),
            "t_finishedBy" => ("t_finishes", right, left),
            same => (same, left, right),
        };
        match op {
            "t_before" => Ok(format!("({b} < {c})")),
            "t_meets" => Ok(format!("({b} = {c})")),
            "t_overlaps" => Ok(format!("({a} < {c} AND {c} < {b} AND {b} < {d})")),
            "t_starts" => Ok(format!("({a} = {c} AND {b} < {d})")),
            "t_during" => Ok(format!("({a} > {c} AND {b} < {d})")),
            "t_finishes" => Ok(format!("({a} > {c} AND {b} = {d})")),
            "t_equals" => Ok(format!("({a} = {c} AND {b} = {d})")),
            "t_disjoint" => Ok(format!("(NOT ({a} <= {d} AND {b} >= {c}))")),
            "t_intersects" => Ok(format!("({a} <= {d} AND {b} >= {c})")),
            other => Err(refused(format!("the filter uses {other}, which is no known operator"))),
        }
    }
}

/// A pattern of LIKE as one of GLOB, and how many wildcards of any length it has.
fn as_glob(pattern: &str) -> (String, usize) {
    let (mut glob, mut wildcards) = (String::with_capacity(pattern.len() + 8), 0);
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        let (plain, is_escaped) = match character {
            '\\' => (characters.next().unwrap_or('\\'), true),
            other => (other, false),
        };
        match plain {
            '%' if !is_escaped => {
                wildcards += 1;
                glob.push('*');
            }
            '_' if !is_escaped => glob.push('?'),
            '*' | '?' | '[' => {
                glob.push('[');
                glob.push(plain);
                glob.push(']');
            }
            other => glob.push(other),
        }
    }
    (glob, wildcards)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_keeps_its_meaning() {
        assert_eq!(as_glob("a%b_c"), ("a*b?c".to_owned(), 1));
        assert_eq!(as_glob("100\\%\\_\\\\*?["), ("100%_\\[*][?][[]".to_owned(), 0));
    }
}
