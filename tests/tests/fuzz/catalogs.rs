//! Catalogs and collections that are read back.

use std::collections::BTreeSet;

use bolero::{TypeGenerator, check};
use lazycat::grid::INPE;
use lazycat::level::Level;
use lazycat::stac::catalog::{self, Site};
use lazycat::stac::{Listing, ReadBack, Revision};
use serde_json::Value;

use crate::bounds::bounded;
use crate::json::{Edit, edited};

/// Reads a document back; what is read must be of use.
fn read(bytes: &[u8]) -> Option<ReadBack> {
    let read = bounded(bytes.len(), || ReadBack::parse(bytes));
    if let Some(read) = &read {
        // Beyond, readers that have only doubles lose the last digit.
        assert!(read.revision >= Revision::FIRST && read.revision.next().number() < 1 << 53);
    }
    read
}

#[test]
fn any_bytes_are_a_document_or_unreadable() {
    check!().with_iterations(5_000).for_each(|bytes: &[u8]| drop(read(bytes)));
}

#[derive(Debug, TypeGenerator)]
struct Strange {
    level: u8,
    names: BTreeSet<u16>,
    revision: u64,
    url: Option<String>,
    #[generator(bolero::produce::<Vec<Edit>>().with().len(0_usize..4))]
    edits: Vec<Edit>,
}

#[test]
fn a_document_is_read_back_as_it_was_built_and_made_strange_it_is_read_or_not() {
    let levels = ["", "CBERS4", "CBERS4A", "CBERS4A/WPM", "CBERS4/MUX/057", "CBERS4/MUX/057/121"];
    check!().with_type::<Strange>().with_iterations(500).for_each(|strange| {
        let level = Level::parse(levels[usize::from(strange.level) % levels.len()]).unwrap();
        let names = |known: &[&str]| -> Vec<String> {
            let chosen: BTreeSet<&str> =
                strange.names.iter().map(|name| known[usize::from(*name) % known.len()]).collect();
            chosen.into_iter().map(str::to_owned).collect()
        };
        let numbers: BTreeSet<String> = strange.names.iter().map(|number| format!("{:03}", number % 1000)).collect();
        let (listing, children) = match (level.depth(), level.key()) {
            (0, _) => (Listing::Children(names(&["AMAZONIA1", "CBERS4", "CBERS4A"])), true),
            (1, "CBERS4") => (Listing::Children(names(&["AWFI", "MUX", "PAN10M", "PAN5M"])), true),
            (1, _) => (Listing::Children(names(&["MUX", "WFI", "WPM"])), true),
            (4, _) => (Listing::Items(numbers.iter().map(|number| format!("item {number}%/.json")).collect()), false),
            _ => (Listing::Children(numbers.into_iter().collect()), true),
        };
        let revision = Revision::unforeseen(strange.revision).next();
        let site = Site { public_url: strange.url.clone() };
        let build = || catalog::build(&INPE, &site, &level, &listing, revision).unwrap();
        let bytes = build();
        assert_eq!(bytes, build(), "other bytes the second time");
        let found = read(&bytes).expect("what was built is read back");
        assert_eq!(found.revision, revision);
        let (Listing::Children(linked) | Listing::Items(linked)) = listing;
        assert_eq!(found.children, if children { linked.into_iter().collect() } else { BTreeSet::new() });

        let document: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(document.to_string().as_bytes(), bytes);
        let _ = read(edited(&document, &strange.edits).as_bytes());
    });
}
