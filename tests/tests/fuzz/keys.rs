//! Keys of levels and objects, names of scenes and files.

use bolero::check;
use lazycat::grid::INPE;
use lazycat::level::{LONGEST_LEVEL_KEY, Level};
use lazycat::missions::SATELLITES;
use lazycat::scene::{MetadataName, SceneId, SourceKey};

use crate::bounds::bounded;

/// Reads a text as every kind of key and name.
fn read(text: &str) {
    if let Ok(level) = bounded(text.len(), || Level::parse(text)) {
        must_be_safe(&level);
    }
    if let Ok(level) = bounded(text.len(), || Level::from_wire(text)) {
        assert_eq!(level.wire(), text);
        must_be_safe(&level);
    }
    if let Ok(child) = Level::root().child(text) {
        assert_eq!((child.depth(), child.name()), (1, Some(text)));
    }
    let scene = bounded(text.len(), || SceneId::parse(text));
    match &scene {
        Ok(scene) => assert_eq!(scene.to_string(), text),
        Err(refused) => must_be_short(&refused.to_string()),
    }
    match bounded(text.len(), || MetadataName::parse(text)) {
        Ok(name) => {
            assert_eq!(name.file_name(), text);
            assert_eq!(SourceKey::parse(&name.key()).unwrap(), SourceKey::Metadata(name));
        }
        Err(refused) => must_be_short(&refused.to_string()),
    }
    match bounded(text.len(), || SourceKey::parse(text)) {
        Ok(SourceKey::Metadata(name)) => assert_eq!(name.key(), text),
        Ok(SourceKey::Quicklook(scene, kind)) => {
            assert_eq!(format!("{}/{}.{}", scene.folder(), scene.without_level(), kind.extension()), text);
        }
        Err(refused) => must_be_short(&refused.to_string()),
    }
    let title = INPE.item_title(&Level::root(), text);
    assert!(!title.is_empty() || text.is_empty());
}

/// A level key that is joined to a folder leads to a folder in it.
fn must_be_safe(level: &Level) {
    let key = level.key();
    assert!(key.len() <= LONGEST_LEVEL_KEY && !key.contains(['\\', '\0', '\n']), "{key:?}");
    assert!(
        key.is_empty() || key.split('/').all(|segment| !segment.is_empty() && !segment.starts_with('.')),
        "{key:?}"
    );
    assert_eq!(Level::parse(key).as_ref(), Ok(level));
    assert_eq!(Level::from_wire(level.wire()).as_ref(), Ok(level));
    if let (Some(parent), Some(name)) = (level.parent(), level.name()) {
        assert_eq!(parent.child(name).as_ref(), Ok(level));
    }
    assert_eq!(level.segments().count(), level.depth());
    let document = INPE.document_key(level);
    assert!(document.starts_with(&level.prefix()));
    match INPE.place(level) {
        Ok(place) => assert!(!place.title().is_empty() && !place.id().is_empty()),
        Err(refused) => must_be_short(&refused.to_string()),
    }
}

fn must_be_short(told: &str) {
    assert!((1..2_000).contains(&told.len()), "{} bytes are no error to read: {told}", told.len());
}

#[test]
fn any_text_is_a_safe_key_or_refused() {
    check!().with_iterations(10_000).for_each(|bytes: &[u8]| read(&String::from_utf8_lossy(bytes)));
}

/// Parts of keys and names, and what stands between them.
fn parts() -> Vec<&'static str> {
    let mut parts = vec![
        "/",
        "//",
        "_",
        "__",
        ".",
        "..",
        "/.",
        "\\",
        "\0",
        "é",
        " ",
        "+",
        "%2F",
        "057",
        "57",
        "999",
        "1000",
        "121",
        "20170618",
        "20170229",
        "99999999",
        "00000101",
        "L2",
        "L",
        "L2B",
        "L12345",
        "l2",
        "BAND6",
        "BAND06",
        "BAND256",
        "BAND",
        "LEFT",
        "RIGHT",
        ".xml",
        ".jpg",
        ".png",
        ".xml.xml",
        "-1",
        "CBERS_4_MUX_20170618_057_121_L2",
        "CBERS_4_MUX_20170618_057_121",
        "CBERS4/MUX/057/121/",
        "CBERS_4_MUX_20170618_057_121_L2/CBERS_4_MUX_20170618_057_121",
        "catalog.json",
    ];
    for satellite in &SATELLITES {
        parts.extend([satellite.mission, satellite.number, satellite.folder]);
        parts.extend(satellite.cameras.iter().map(|camera| camera.name));
    }
    parts
}

#[test]
fn any_text_of_parts_of_keys_is_a_safe_key_or_refused() {
    let parts = parts();
    let words = bolero::produce::<Vec<(u8, u8)>>().with().len(1_usize..12);
    check!().with_generator(words).with_iterations(10_000).for_each(|words| {
        let mut text = String::new();
        for (part, joint) in words {
            text.push_str(parts[usize::from(*part) % parts.len()]);
            text.push_str(["_", "/", "", "_"][usize::from(*joint) % 4]);
        }
        read(&text);
        read(text.trim_end_matches(['_', '/']));
    });
}
