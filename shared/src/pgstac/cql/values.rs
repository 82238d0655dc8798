//! Numbers, texts and truths.

use cql2::Expr;
use serde_json::{Value, json};

use super::build::{in_parentheses, number_of, operation, reference};
use super::{Translator, name_of};
use crate::pgstac::properties::Known;
use crate::search::cql::{field, refused};
use crate::search::filter::FilterError;
use crate::search::query::Field;

impl Translator<'_> {
    /// A number; none when it is another kind of value. Where `beside_literal` a property needs no more than its name.
    pub(super) fn number(&self, expr: &Expr, beside_literal: bool) -> Result<Option<Value>, FilterError> {
        match expr {
            Expr::Float(number) => Ok(Some(number_of(*number))),
            Expr::Property { property } => {
                let Field::Property(path) = field(property)? else { return Ok(None) };
                let name = name_of(&path)?;
                Ok(match self.properties.registered(&name) {
                    Some(Known::Number) | None if beside_literal => Some(reference(&name)),
                    Some(Known::Number) | None => Some(in_parentheses("*", vec![reference(&name), json!(1)])),
                    _ => None,
                })
            }
            Expr::Operation { op, args } if cql2::ARITHOPS.contains(&op.as_str()) => self.arithmetic(op, args),
            _ => Ok(None),
        }
    }

    fn arithmetic(&self, op: &str, args: &[Box<Expr>]) -> Result<Option<Value>, FilterError> {
        if !matches!(op, "+" | "-" | "*" | "/") {
            return Err(refused(format!("the filter uses {op:?}, which this database cannot compute; it has + - * /")));
        }
        let [first, others @ ..] = args else {
            return Err(refused(format!("{op} has no operands")));
        };
        if others.is_empty() {
            return Err(refused(format!("{op} has 1 operands")));
        }
        let Some(mut value) = self.number(first, false)? else { return Ok(None) };
        for other in others {
            if op == "/" && matches!(**other, Expr::Float(0.0)) {
                return Ok(None);
            }
            let Some(other) = self.number(other, false)? else { return Ok(None) };
            value = in_parentheses(op, vec![value, other]);
        }
        Ok(Some(value))
    }

    /// A text; none when it is another kind of value.
    pub(super) fn text(&self, expr: &Expr) -> Result<Option<Value>, FilterError> {
        match expr {
            Expr::Literal(text) => Ok(Some(json!(text))),
            Expr::Property { property } => Ok(match field(property)? {
                Field::Id => Some(reference("id")),
                Field::Collection => Some(reference("collection")),
                Field::Property(path) => {
                    let name = name_of(&path)?;
                    match self.properties.registered(&name) {
                        Some(Known::Text) | None => Some(reference(&name)),
                        _ => None,
                    }
                }
                _ => None,
            }),
            Expr::Operation { op, args } if op == "casei" || op == "accenti" => match args.as_slice() {
                [arg] => Ok(self.text(arg)?.map(|value| operation(op, vec![value]))),
                _ => Err(refused(format!("{op} has {} operands, expected one", args.len()))),
            },
            _ => Ok(None),
        }
    }

    /// A truth; pgstac compares them as texts.
    pub(super) fn truth(&self, expr: &Expr) -> Result<Option<Value>, FilterError> {
        match expr {
            Expr::Bool(truth) => Ok(Some(json!(truth))),
            Expr::Property { property } => Ok(match field(property)? {
                Field::Property(path) => {
                    let name = name_of(&path)?;
                    match self.properties.registered(&name) {
                        Some(Known::Text | Known::Truth) | None => Some(reference(&name)),
                        _ => None,
                    }
                }
                _ => None,
            }),
            _ => Ok(None),
        }
    }
}
