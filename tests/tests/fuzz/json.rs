//! JSON documents that can be changed: valid messages and catalogs, made strange.

use bolero::TypeGenerator;
use serde_json::{Map, Value, json};

/// One change of a document. Numbers choose a value, the remainder of all there are.
#[derive(Debug, Clone, TypeGenerator)]
pub(crate) enum Edit {
    /// Another value.
    Put(u16, u8),
    /// Any text.
    Write(u16, String),
    Number(u16, i64),
    /// A field or an element less.
    Drop(u16),
    /// A field under another name.
    Rename(u16, u8),
    /// An element again, so many times.
    Repeat(u16, #[generator(1_u8..60)] u8),
    /// A value in so many lists.
    Nest(u16, #[generator(1_u8..200)] u8),
    /// The document as a text in a field of another: an SNS envelope.
    Envelope,
    /// Only so many 65536ths of it.
    Cut(u16),
}

const NAMES: [&str; 18] = [
    "Records",
    "Message",
    "Type",
    "Event",
    "s3",
    "object",
    "key",
    "bucket",
    "name",
    "eventName",
    "eventTime",
    "level",
    "since",
    "links",
    "rel",
    "href",
    "lazycat:revision",
    "",
];

fn values() -> [Value; 18] {
    [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(u64::MAX),
        json!(1e300),
        json!(""),
        json!("/"),
        json!("../.."),
        json!("ObjectRemoved:Delete"),
        json!("a%00b%2Fc%ff"),
        json!("+%20+é"),
        json!("+262143-12-31T23:59:59.999999999Z"),
        json!("2016-12-31T23:59:60Z"),
        json!("./%2e%2e/catalog.json"),
        json!([]),
        json!({}),
    ]
}

/// The changed document as text.
pub(crate) fn edited(document: &Value, edits: &[Edit]) -> String {
    let mut document = document.clone();
    let mut length = usize::MAX;
    for edit in edits {
        edit_one(&mut document, edit);
        if let Edit::Cut(share) = edit {
            length = usize::from(*share);
        }
    }
    let mut text = document.to_string();
    if length < usize::MAX {
        let mut end = text.len() * length / 65_536;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
    }
    text
}

fn edit_one(document: &mut Value, edit: &Edit) {
    let count = count(document);
    let choose = |number: &u16| usize::from(*number) % count;
    match edit {
        Edit::Put(at, value) => *nth(document, choose(at)) = values()[usize::from(*value) % values().len()].clone(),
        Edit::Write(at, text) => *nth(document, choose(at)) = json!(text),
        Edit::Number(at, number) => *nth(document, choose(at)) = json!(number),
        Edit::Drop(at) => match nth(document, choose(at)) {
            Value::Object(fields) => drop(take_field(fields, *at)),
            Value::Array(values) => drop(values.pop()),
            _ => {}
        },
        Edit::Rename(at, name) => {
            if let Value::Object(fields) = nth(document, choose(at))
                && let Some(value) = take_field(fields, *at)
            {
                fields.insert(NAMES[usize::from(*name) % NAMES.len()].to_owned(), value);
            }
        }
        Edit::Repeat(at, times) => {
            if let Value::Array(values) = nth(document, choose(at))
                && let Some(last) = values.last().cloned()
            {
                values.extend(std::iter::repeat_n(last, usize::from(*times)));
            }
        }
        Edit::Nest(at, depth) => {
            let value = nth(document, choose(at));
            for _ in 0..*depth {
                *value = json!([value.take()]);
            }
        }
        Edit::Envelope => *document = json!({ "Type": "Notification", "Message": document.to_string() }),
        Edit::Cut(_) => {}
    }
}

/// The value of a field that is taken out.
fn take_field(fields: &mut Map<String, Value>, at: u16) -> Option<Value> {
    let name = fields.keys().nth(usize::from(at) % fields.len().max(1))?.clone();
    fields.shift_remove(&name)
}

/// How many values a document has, itself among them.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(values) => values.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum::<usize>(),
        _ => 0,
    }
}

/// One value of a document, 0 being the document.
fn nth(value: &mut Value, mut at: usize) -> &mut Value {
    if at == 0 {
        return value;
    }
    at -= 1;
    let children: Vec<&mut Value> = match value {
        Value::Array(values) => values.iter_mut().collect(),
        Value::Object(fields) => fields.values_mut().collect(),
        _ => unreachable!("the number is less than the count"),
    };
    for child in children {
        let count = count(child);
        if at < count {
            return nth(child, at);
        }
        at -= count;
    }
    unreachable!("the number is less than the count")
}
