//! Times: how they stand to each other, and the operators for them, which are all said by comparisons.

use std::cmp::Ordering;

use chrono::{DateTime, SecondsFormat};
use cql2::Expr;
use serde_json::{Value, json};

use super::build::{all, any, constant, leaf, reference};
use super::{Translated, Translator, Truth, name_of};
use crate::pgstac::properties::Known;
use crate::search::cql::{field, literal_instant, refused};
use crate::search::filter::FilterError;
use crate::search::query::Field;

/// One end of a time.
#[derive(Debug, Clone)]
pub(super) enum At {
    Start,
    End,
    Property(String),
    /// Microseconds since 1970.
    Time(i64),
    Before,
    After,
}

impl Translator<'_> {
    /// A time; none when it is another kind of value.
    pub(super) fn instant(&self, expr: &Expr) -> Result<Option<At>, FilterError> {
        match expr {
            Expr::Timestamp { .. } | Expr::Date { .. } | Expr::Literal(_) => Ok(Some(At::Time(literal_instant(expr)?))),
            Expr::Property { property } => Ok(match field(property)? {
                Field::Datetime => Some(At::Start),
                Field::End => Some(At::End),
                Field::Property(path) => {
                    let name = name_of(&path)?;
                    match self.properties.registered(&name) {
                        Some(Known::Text | Known::Time) | None => Some(At::Property(name)),
                        _ => None,
                    }
                }
                _ => None,
            }),
            Expr::Operation { op, .. } => {
                let shown: String = op.chars().take(40).collect();
                Err(refused(format!("the filter compares a time with {shown:?}")))
            }
            Expr::Null | Expr::Float(_) | Expr::Bool(_) => Ok(None),
            _ => Err(refused("the filter compares something that is no single value")),
        }
    }

    /// How two times stand to each other.
    pub(super) fn order(&self, left: &At, op: &str, right: &At, negated: bool) -> Translated {
        if let Some(order) = order_of(left, right) {
            let holds = match op {
                "=" => order.is_eq(),
                "<>" => order.is_ne(),
                "<" => order.is_lt(),
                "<=" => order.is_le(),
                ">" => order.is_gt(),
                _ => order.is_ge(),
            };
            let mut parts = vec![constant(holds != negated)];
            // Of an item that lacks the property nothing can be said.
            for side in [left, right] {
                if let At::Property(name) = side {
                    parts.push(leaf("isNull", vec![reference(name)], true));
                }
            }
            return Ok(all(parts));
        }
        match (left, right) {
            (At::Property(_), At::Property(_) | At::Time(_)) | (At::Time(_), At::Property(_)) => {
                self.order_of_property(left, op, right, negated)
            }
            (At::Property(name), _) | (_, At::Property(name)) if !self.properties.reads_any_time() => Err(refused(
                format!("the filter compares {name:?} with a time of the item, which this database cannot"),
            )),
            _ => Ok(leaf(op, vec![operand(left), operand(right)], negated)),
        }
    }

    /// A property beside a time that is written down, or another property. pgstac takes it for a time only under an
    /// operator for times.
    fn order_of_property(&self, left: &At, op: &str, right: &At, negated: bool) -> Translated {
        if !self.properties.reads_any_time() {
            let is_time = |at: &At| match at {
                At::Property(name) => self.properties.registered(name) == Some(Known::Time),
                _ => true,
            };
            if is_time(left) && is_time(right) {
                return Ok(leaf(op, vec![operand(left), operand(right)], negated));
            }
            return Err(refused(
                "the filter compares a property with a time, which this database cannot; its operator may register the \
                 property with the wrapper to_tstz",
            ));
        }
        let (op, is_opposite) = match op {
            "=" => ("t_equals", false),
            "<>" => ("t_equals", true),
            "<" => ("t_before", false),
            ">=" => ("t_before", true),
            ">" => ("t_after", false),
            _ => ("t_after", true),
        };
        Ok(leaf(op, vec![operand(left), operand(right)], negated != is_opposite))
    }

    fn interval(&self, expr: &Expr) -> Result<Option<(At, At)>, FilterError> {
        match expr {
            Expr::Interval { interval } => match interval.as_slice() {
                [from, to] => Ok(self.bound(from, At::Before)?.zip(self.bound(to, At::After)?)),
                _ => Err(refused(format!("an INTERVAL has {} bounds, expected 2", interval.len()))),
            },
            Expr::Date { .. } => {
                let day = literal_instant(expr)?;
                // Up to its last microsecond.
                Ok(Some((At::Time(day), At::Time(day.saturating_add(86_399_999_999)))))
            }
            _ => Ok(self.instant(expr)?.map(|at| (at.clone(), at))),
        }
    }

    fn bound(&self, expr: &Expr, open: At) -> Result<Option<At>, FilterError> {
        match expr {
            Expr::Literal(text) if text == ".." => Ok(Some(open)),
            _ => self.instant(expr),
        }
    }

    pub(super) fn temporal(&self, op: &str, left: &Expr, right: &Expr, negated: bool) -> Translated {
        let (Some(left), Some(right)) = (self.interval(left)?, self.interval(right)?) else {
            return Ok(Truth::Never);
        };
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
        let (terms, is_opposite) = match op {
            "t_before" => (vec![(&b, "<", &c)], false),
            "t_meets" => (vec![(&b, "=", &c)], false),
            "t_overlaps" => (vec![(&a, "<", &c), (&c, "<", &b), (&b, "<", &d)], false),
            "t_starts" => (vec![(&a, "=", &c), (&b, "<", &d)], false),
            "t_during" => (vec![(&a, ">", &c), (&b, "<", &d)], false),
            "t_finishes" => (vec![(&a, ">", &c), (&b, "=", &d)], false),
            "t_equals" => (vec![(&a, "=", &c), (&b, "=", &d)], false),
            "t_intersects" => (vec![(&a, "<=", &d), (&b, ">=", &c)], false),
            "t_disjoint" => (vec![(&a, "<=", &d), (&b, ">=", &c)], true),
            other => return Err(refused(format!("the filter uses {other}, which is no known operator"))),
        };
        let negated = negated != is_opposite;
        let parts = terms
            .into_iter()
            .map(|(left, op, right)| self.order(left, op, right, negated))
            .collect::<Result<_, _>>()?;
        Ok(if negated { any(parts) } else { all(parts) })
    }
}

/// The order of two times that is the same for every item, where there is one.
fn order_of(left: &At, right: &At) -> Option<Ordering> {
    match (left, right) {
        (At::Time(left), At::Time(right)) => Some(left.cmp(right)),
        (At::Before, At::Before) | (At::After, At::After) | (At::Start, At::Start) | (At::End, At::End) => {
            Some(Ordering::Equal)
        }
        (At::Before, _) | (_, At::After) => Some(Ordering::Less),
        (At::After, _) | (_, At::Before) => Some(Ordering::Greater),
        _ => None,
    }
}

fn operand(at: &At) -> Value {
    match at {
        At::Start => reference("datetime"),
        At::End => reference("end_datetime"),
        At::Property(name) => reference(name),
        At::Time(micros) => json!({"timestamp": written(*micros)}),
        // Decided by `order_of`.
        At::Before => json!({"timestamp": "-infinity"}),
        At::After => json!({"timestamp": "infinity"}),
    }
}

/// A time, to the microsecond.
pub(in crate::pgstac) fn written(micros: i64) -> String {
    let time = DateTime::from_timestamp_micros(micros).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}
