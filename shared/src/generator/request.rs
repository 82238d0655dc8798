//! Requests for items, as messages: bare or in an envelope of SNS.
//!
//! Two shapes are taken. That of eoapi's StactoolsItemGenerator, which names a package of stactools:
//! `{"package_name", "group_name", "create_item_args", "create_item_options", "collection_id"}`; and our own, which names
//! a generator: `{"generator", "input", "collection_id"}`. A member that neither has is refused: a wrong item is worse
//! than none.

use std::borrow::Cow;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::message::scene::LONGEST_BODY;
use crate::message::{MessageError, complaint};

/// A request for one item.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemRequest {
    /// Who is to make it, and of what.
    pub task: Task,
    /// The collection that the item is put into; that which the generator says when there is none.
    pub collection: Option<String>,
}

/// Who is to make an item, and of what.
#[derive(Debug, Clone, PartialEq)]
pub enum Task {
    /// A package of stactools.
    Stactools(StactoolsTask),
    /// A generator of the configuration.
    Generator {
        /// Its name.
        name: String,
        /// What it is given.
        input: Value,
    },
}

/// `stac GROUP create-item ARGUMENTS OPTIONS` of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StactoolsTask {
    /// The package, `stactools-landsat`; with `==` and a version only when it is the one that is allowed.
    pub package: String,
    /// The package's group of commands.
    pub group: String,
    /// What the command is given, but for the destination.
    pub arguments: Vec<String>,
    /// The options by their names, without the hyphens before them, in the order of the request.
    pub options: Vec<(String, Setting)>,
}

/// What an option is set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setting {
    /// The option stands alone.
    Flag,
    /// The option stands once before each value.
    Values(Vec<String>),
}

impl Task {
    /// A few words that tell one task from another, for reports.
    #[must_use]
    pub fn subject(&self) -> String {
        let bounded = |text: &str| text.chars().take(80).collect::<String>();
        match self {
            Self::Stactools(task) => {
                let first = task.arguments.first().map_or("", String::as_str);
                format!("{} {} {}", bounded(&task.package), bounded(&task.group), bounded(first)).trim_end().to_owned()
            }
            Self::Generator { name, input } => format!("{} {}", bounded(name), bounded(&input.to_string())),
        }
    }
}

/// The members that tell the shapes apart.
#[derive(Deserialize)]
struct Probe<'a> {
    #[serde(rename = "Message", borrow, default)]
    message: Option<&'a RawValue>,
    #[serde(borrow, default)]
    package_name: Option<&'a RawValue>,
    #[serde(borrow, default)]
    generator: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StactoolsBody {
    package_name: String,
    group_name: String,
    create_item_args: Vec<String>,
    #[serde(default)]
    create_item_options: Option<IndexMap<String, Value>>,
    #[serde(default)]
    collection_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GeneratorBody {
    generator: String,
    input: Value,
    #[serde(default)]
    collection_id: Option<String>,
}

/// Reads the body of a message.
///
/// # Errors
///
/// When the body is longer than a message can be, is not JSON, or has neither shape.
pub fn decode(body: &str) -> Result<ItemRequest, MessageError> {
    if body.len() > LONGEST_BODY {
        return refused(format!("the message is {} bytes long, expected at most {LONGEST_BODY}", body.len()));
    }
    let (text, place) = unwrapped(body)?;
    let probe = probe(&text, place)?;
    let request = match (probe.package_name, probe.generator) {
        (Some(_), None) => stactools(parse(&text, place)?)?,
        (None, Some(_)) => generator(parse(&text, place)?)?,
        (Some(_), Some(_)) => {
            return refused(format!("{place} has \"package_name\" and \"generator\", expected one of them"));
        }
        (None, None) => {
            return refused(format!(
                "{place} is no request for an item: it has no \"package_name\" and no \"generator\""
            ));
        }
    };
    if let Some(collection) = &request.collection {
        text_of(collection, "collection_id")?;
    }
    Ok(request)
}

/// The request itself, and what it is called: a bare body, or what stands in its envelope.
fn unwrapped(body: &str) -> Result<(Cow<'_, str>, &'static str), MessageError> {
    match probe(body, "the message")?.message {
        None => Ok((Cow::Borrowed(body), "the message")),
        Some(message) => match serde_json::from_str::<String>(message.get()) {
            Ok(message) => Ok((Cow::Owned(message), "Message of the SNS envelope")),
            Err(_) => refused("Message of the SNS envelope is no text".to_owned()),
        },
    }
}

fn probe<'a>(text: &'a str, place: &str) -> Result<Probe<'a>, MessageError> {
    // A list would be read as the members in their order.
    if !text.trim_start().starts_with('{') {
        let found = super::protocol::shown(text.trim().as_bytes(), 60);
        return refused(format!("{place} is {found}, expected a JSON object"));
    }
    parse(text, place)
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str, place: &str) -> Result<T, MessageError> {
    serde_json::from_str(text).or_else(|error| refused(format!("{place} is no request: {}", complaint(&error))))
}

fn stactools(body: StactoolsBody) -> Result<ItemRequest, MessageError> {
    let mut options = Vec::new();
    for (name, value) in body.create_item_options.unwrap_or_default() {
        if let Some(setting) = setting(&name, value)? {
            options.push((name, setting));
        }
    }
    let task =
        StactoolsTask { package: body.package_name, group: body.group_name, arguments: body.create_item_args, options };
    Ok(ItemRequest { task: Task::Stactools(task), collection: body.collection_id })
}

fn generator(body: GeneratorBody) -> Result<ItemRequest, MessageError> {
    text_of(&body.generator, "generator")?;
    let task = Task::Generator { name: body.generator, input: body.input };
    Ok(ItemRequest { task, collection: body.collection_id })
}

/// What an option is set to; none where it is not set at all.
fn setting(name: &str, value: Value) -> Result<Option<Setting>, MessageError> {
    let wrong = |found: &Value| {
        let shown = |text: &str| super::protocol::shown(text.as_bytes(), 80);
        let (name, found) = (shown(name), shown(&found.to_string()));
        MessageError(format!(
            "the option {name} of create_item_options is {found}, expected a text, a number, true, false, or a list of texts and numbers"
        ))
    };
    let plain = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        other => Err(wrong(other)),
    };
    match &value {
        Value::Bool(true) => Ok(Some(Setting::Flag)),
        Value::Bool(false) => Ok(None),
        Value::Array(values) => Ok(Some(Setting::Values(values.iter().map(plain).collect::<Result<_, _>>()?))),
        value => Ok(Some(Setting::Values(vec![plain(value)?]))),
    }
}

/// That a name is one.
fn text_of(text: &str, member: &str) -> Result<(), MessageError> {
    match text {
        "" => refused(format!("{member} is empty")),
        long if long.len() > 1024 => refused(format!("{member} is {} bytes long, expected at most 1024", long.len())),
        odd if odd.chars().any(char::is_control) => refused(format!("{member} holds a control character")),
        _ => Ok(()),
    }
}

fn refused<T>(detail: String) -> Result<T, MessageError> {
    Err(MessageError(detail))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refusal(body: &str) -> String {
        decode(body).unwrap_err().0
    }

    fn eoapi() -> Value {
        json!({
            "package_name": "stactools-glad-global-forest-change", "group_name": "gladglobalforestchange",
            "create_item_args": ["https://example.com/Hansen_GFC_gain_40N_080W.tif"],
            "create_item_options": {"asset-hrefs": "a,b"},
            "collection_id": "glad-global-forest-change-1.11"
        })
    }

    #[test]
    fn the_request_of_eoapi_is_taken_as_it_is_also_in_an_envelope() {
        let expected = ItemRequest {
            task: Task::Stactools(StactoolsTask {
                package: "stactools-glad-global-forest-change".to_owned(),
                group: "gladglobalforestchange".to_owned(),
                arguments: vec!["https://example.com/Hansen_GFC_gain_40N_080W.tif".to_owned()],
                options: vec![("asset-hrefs".to_owned(), Setting::Values(vec!["a,b".to_owned()]))],
            }),
            collection: Some("glad-global-forest-change-1.11".to_owned()),
        };
        assert_eq!(decode(&eoapi().to_string()).unwrap(), expected);
        let envelope = json!({"Type": "Notification", "Message": eoapi().to_string(), "Timestamp": "x"});
        assert_eq!(decode(&envelope.to_string()).unwrap(), expected);
        let mut least = eoapi();
        least.as_object_mut().unwrap().retain(|name, _| !["create_item_options", "collection_id"].contains(&&**name));
        let least = decode(&least.to_string()).unwrap();
        assert!(
            matches!(least, ItemRequest { task: Task::Stactools(task), collection: None } if task.options.is_empty())
        );
    }

    #[test]
    fn options_may_repeat_and_be_flags() {
        let mut body = eoapi();
        body["create_item_options"] = json!({"b": ["1", 2], "flag": true, "not": false, "a": 1.5, "none": []});
        let Task::Stactools(task) = decode(&body.to_string()).unwrap().task else { panic!("another task") };
        let values = |values: &[&str]| Setting::Values(values.iter().map(ToString::to_string).collect());
        let expected =
            [("b", values(&["1", "2"])), ("flag", Setting::Flag), ("a", values(&["1.5"])), ("none", values(&[]))];
        assert_eq!(task.options, expected.map(|(name, setting)| (name.to_owned(), setting)));
    }

    #[test]
    fn our_own_request_names_a_generator() {
        let request = decode("{\"generator\":\"landsat\",\"input\":{\"scene\":1},\"collection_id\":\"c\"}").unwrap();
        assert_eq!(request.task, Task::Generator { name: "landsat".to_owned(), input: json!({"scene": 1}) });
        assert_eq!(
            (request.task.subject().as_str(), request.collection.as_deref()),
            ("landsat {\"scene\":1}", Some("c"))
        );
    }

    #[test]
    fn what_is_no_request_is_told() {
        for (body, says) in [
            ("hello", "the message is \"hello\", expected a JSON object"),
            ("", "expected a JSON object"),
            ("[1]", "expected a JSON object"),
            ("{", "the message is no request: EOF"),
            ("{}", "no \"package_name\" and no \"generator\""),
            ("{\"Message\":7}", "Message of the SNS envelope is no text"),
            ("{\"Message\":\"x\"}", "Message of the SNS envelope is \"x\""),
            ("{\"generator\":\"a\",\"package_name\":\"b\"}", "expected one of them"),
            ("{\"generator\":\"\",\"input\":1}", "generator is empty"),
            ("{\"generator\":\"a\"}", "missing field `input`"),
            ("{\"generator\":\"a\",\"input\":1,\"inputs\":2}", "unknown field `inputs`"),
            (
                "{\"generator\":\"a\",\"input\":1,\"collection_id\":\"\\u0000\"}",
                "collection_id holds a control character",
            ),
            ("{\"package_name\":\"a\",\"group_name\":\"b\"}", "missing field `create_item_args`"),
            ("{\"package_name\":\"a\",\"group_name\":\"b\",\"create_item_args\":[1]}", "expected a string"),
            (
                "{\"package_name\":\"a\",\"group_name\":\"b\",\"create_item_args\":[],\"create_item_options\":{\"x\":[[]]}}",
                "the option \"x\" of create_item_options is \"[]\"",
            ),
        ] {
            let told = refusal(body);
            assert!(told.contains(says), "{body}: {told}");
        }
        assert!(refusal(&"x".repeat(LONGEST_BODY + 1)).contains("bytes long"));
    }
}
