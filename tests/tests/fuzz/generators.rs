//! What is asked of generators, and what they say.

use bolero::{TypeGenerator, check};
use lazycat::generator::made::Made;
use lazycat::generator::protocol::{self, Given};
use lazycat::generator::request::{self, Task};
use lazycat::generator::stactools::{Pinned, allowed, command_line};
use serde_json::{Value, json};

use crate::bounds::bounded;
use crate::json::{Edit, edited};

fn samples() -> [Value; 4] {
    let item = json!({
        "type": "Feature", "stac_version": "1.1.0", "id": "a", "collection": "c",
        "geometry": {"type": "Point", "coordinates": [1, 2]}, "bbox": [1, 2, 1, 2],
        "properties": {"datetime": "2020-01-01T00:00:00Z"}, "links": [{"rel": "self", "href": "/x"}], "assets": {},
    });
    [
        json!({
            "package_name": "stactools-a", "group_name": "a", "create_item_args": ["x", "--y"],
            "create_item_options": {"b": ["1", 2], "c": true, "d": "e"}, "collection_id": "c",
        }),
        json!({"generator": "a", "input": {"id": 1}, "collection_id": "c"}),
        json!({"protocol": 1, "id": "a", "item": item}),
        item,
    ]
}

fn must_be_short(told: &str) {
    assert!((1..2_000).contains(&told.len()), "{} bytes are no error to read: {told}", told.len());
}

/// Reads a text as all that it could be.
fn read(text: &str) {
    // What is asked of a generator may be any JSON, and an object of one member is a node with room for more.
    match bounded(4 * text.len(), || request::decode(text)) {
        Ok(request) => {
            assert!(request.task.subject().len() < 2_000);
            if let Task::Stactools(task) = request.task {
                run(&task);
            }
        }
        Err(refused) => must_be_short(&refused.0),
    }
    // A line of a program has no line feed in it.
    for line in text.split('\n') {
        match bounded(line.len(), || protocol::answer(line.as_bytes())) {
            Ok(Some(answer)) => match answer.given {
                Given::Item(item) => make(&item),
                Given::Error { reason, detail, .. } => assert!(!reason.is_empty() && detail.chars().count() <= 2_000),
            },
            Ok(None) => assert!(line.trim().is_empty()),
            Err(refused) => must_be_short(&refused),
        }
    }
    make(text);
}

/// The item must be one line, and read again give the same.
fn make(text: &str) {
    if let Ok(made) = Made::new(text, Some("c")) {
        assert!(!made.text().contains(['\n', '\r']), "{}", made.text());
        assert_eq!(Made::new(made.text(), None).unwrap(), made);
        let written: Value = serde_json::from_str(made.text()).unwrap();
        assert_eq!((written["id"].as_str(), written["collection"].as_str()), (Some(made.id()), Some("c")));
        assert_eq!(made.key().split('/').count(), 3, "{}", made.key());
        assert!(made.key().split('/').all(|segment| !matches!(segment, "" | "." | "..")), "{}", made.key());
    }
}

/// What is run is what is allowed, and only options that are written as such are options.
fn run(task: &request::StactoolsTask) {
    let list: Vec<Pinned> = vec!["stactools-a==1.0".parse().unwrap()];
    let Ok(package) = allowed(&list, &task.package) else { return };
    let Ok(line) = command_line(task, package, &"stactools==0.5.3".parse().unwrap(), &[], "/item.json") else { return };
    assert_eq!(line[..6], ["--quiet", "--from", "stactools==0.5.3", "--with", "stactools-a==1.0", "stac"]);
    assert!(!line[6].starts_with('-') && line[7] == "create-item");
    let end = line.iter().position(|argument| argument == "--").unwrap();
    assert_eq!(line[end + 1..line.len() - 1], task.arguments);
    assert!(line[8..end].iter().all(|option| option.starts_with("--") && option.len() > 2), "{line:?}");
}

#[test]
fn any_text_is_a_request_an_answer_or_an_item_or_refused() {
    check!().with_iterations(5_000).for_each(|bytes: &[u8]| read(&String::from_utf8_lossy(bytes)));
}

#[derive(Debug, TypeGenerator)]
struct Strange {
    sample: u8,
    #[generator(bolero::produce::<Vec<Edit>>().with().len(1_usize..5))]
    edits: Vec<Edit>,
}

#[test]
fn what_is_made_strange_is_taken_as_it_says_or_refused() {
    check!().with_type::<Strange>().with_iterations(5_000).for_each(|strange| {
        let samples = samples();
        read(&edited(&samples[usize::from(strange.sample) % samples.len()], &strange.edits));
    });
}
