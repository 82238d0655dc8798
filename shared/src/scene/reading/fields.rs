//! Single values: texts of one optic, read as what they are meant to be.

use std::fmt;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

use crate::scene::error::{SceneError, cut};
use crate::scene::name::digits;
use crate::scene::xml::Text;

/// Reads fields of one optic; errors name them by their whole path.
pub(super) struct Fields {
    /// The path of the element that holds them.
    pub(super) at: &'static str,
}

impl Fields {
    pub(super) fn path(&self, field: impl fmt::Display) -> String {
        format!("{}/{field}", self.at)
    }

    /// An element as the place of an error.
    pub(super) fn place(&self, field: &str) -> String {
        format!("element {}", self.path(field))
    }

    pub(super) fn value(&self, field: impl fmt::Display, found: &str, expected: &str) -> SceneError {
        SceneError::Value { element: self.path(field), found: cut(found), expected: expected.to_owned() }
    }

    pub(super) fn text<'a>(
        &self,
        text: &'a Text<'_>,
        field: impl fmt::Display,
        expected: &'static str,
    ) -> Result<&'a str, SceneError> {
        match text.as_deref() {
            None => Err(SceneError::Missing { element: self.path(field) }),
            Some("") => Err(SceneError::EmptyElement { element: self.path(field), expected }),
            Some(text) => Ok(text),
        }
    }

    pub(super) fn number(
        &self,
        text: &Text<'_>,
        field: impl fmt::Display,
        least: f64,
        most: f64,
    ) -> Result<f64, SceneError> {
        let text = self.text(text, &field, "a number")?;
        // "inf" and "nan" are numbers to Rust, but not here.
        match text.parse::<f64>() {
            Ok(number) if (least..=most).contains(&number) => Ok(number),
            _ => Err(self.value(field, text, &format!("a number from {least} to {most}"))),
        }
    }

    pub(super) fn count(&self, text: &Text<'_>, field: &str) -> Result<u32, SceneError> {
        const MOST: u32 = 10_000_000;
        let text = self.text(text, field, "a whole number")?;
        match text.parse::<u32>() {
            Ok(count) if (1..=MOST).contains(&count) => Ok(count),
            _ => Err(self.value(field, text, &format!("a whole number from 1 to {MOST}"))),
        }
    }

    pub(super) fn time(&self, text: &Text<'_>, field: &str) -> Result<DateTime<Utc>, SceneError> {
        let text = self.text(text, field, "a time YYYY-MM-DDThh:mm:ss")?;
        instant(text.strip_suffix('Z').unwrap_or(text))
            .map(|time| time.and_utc())
            .ok_or_else(|| self.value(field, text, "a time YYYY-MM-DDThh:mm:ss with or without a fraction, UTC"))
    }

    pub(super) fn grid_number(&self, text: &Text<'_>, field: &str) -> Result<u16, SceneError> {
        let text = self.text(text, field, "a whole number")?;
        match text.parse::<u16>() {
            Ok(number) if number <= 999 => Ok(number),
            _ => Err(self.value(field, text, "a whole number from 0 to 999")),
        }
    }
}

/// A time `YYYY-MM-DDThh:mm:ss`, with or without a fraction, of which nanoseconds count. A leap second, which would be
/// second 60, is none: readers of RFC 3339 refuse it.
fn instant(text: &str) -> Option<NaiveDateTime> {
    let (whole, nanosecond) = match text.split_once('.') {
        None => (text, 0),
        Some((whole, fraction)) => (whole, nanoseconds(fraction)?),
    };
    let (date, time) = whole.split_once('T')?;
    let [year, month, day] = parts(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = parts(time, ':', [2, 2, 2])?;
    NaiveDate::from_ymd_opt(year.try_into().ok()?, month, day)?.and_hms_nano_opt(hour, minute, second, nanosecond)
}

/// Three numbers of so many digits, with `between` between them.
fn parts(text: &str, between: char, lengths: [usize; 3]) -> Option<[u32; 3]> {
    let mut parts = text.split(between);
    let mut next = |length| digits(parts.next()?, length);
    let read = [next(lengths[0])?, next(lengths[1])?, next(lengths[2])?];
    if parts.next().is_some() { None } else { Some(read) }
}

/// The nanoseconds of a fraction of a second, those beyond nine digits left out.
fn nanoseconds(fraction: &str) -> Option<u32> {
    let known = fraction.get(..9).unwrap_or(fraction);
    let number = digits(known, known.len()).filter(|_| fraction.bytes().all(|byte| byte.is_ascii_digit()))?;
    Some(number * 10_u32.pow(9 - known.len() as u32))
}
