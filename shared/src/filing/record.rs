//! What is remembered of every item and collection that was filed: where, from whom, and which version. Pure.
//!
//! A record is written before anything else is done, and only over the one that was read: so of all messages about one
//! item, the one whose record stands is done with, or is still owed. On that rests what may be skipped, and what is too
//! old.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use crate::layout::segment::encode;

/// How many former places a record remembers until they are cleared.
const MOST_LEFT: usize = 64;

/// What is remembered of one item or collection.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// The key of its file; none when it was withdrawn.
    #[serde(default)]
    pub(super) key: Option<String>,
    /// What it says, hashed.
    #[serde(default)]
    pub(super) digest: String,
    /// Where it came from, as far as that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<String>,
    /// Of what time it is, in milliseconds since 1970.
    #[serde(default)]
    pub(super) version: i64,
    /// The id of the message that has written this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<String>,
    /// A collection that an operator has named.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) given: bool,
    /// Keys where it was filed before and that may not be cleared yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) left: Vec<String>,
}

/// What a message asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    /// The record that there is to be: without what is left of others before it.
    pub(super) record: Record,
    /// Taken over another source's, and never skipped.
    pub(super) force: bool,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decision {
    /// Write this record, and do what it says.
    Write(Record),
    /// Another message has done it, or will, if what is stored is what the record says.
    Unchanged,
    /// A newer message has, or an operator. Where its own place is another than the newer one's, nothing is to stand there.
    Superseded,
    /// There is nothing to withdraw.
    Nothing,
    /// Another source has filed another document of this id.
    Twice(String),
}

/// What a document says, hashed.
pub(super) fn digest(bytes: &[u8]) -> String {
    format!("{:032x}", xxh3_128(bytes))
}

/// The name of an item's record.
pub(super) fn of_item(collection: Option<&str>, id: &str) -> String {
    format!("filed/{}/{}", encode(collection.unwrap_or_default()), encode(id))
}

/// The name of a collection's record.
pub(super) fn of_collection(id: &str) -> String {
    format!("collection/{}", encode(id))
}

/// What is to be done about `asked`, `stands` being the record that was read.
pub(super) fn decide(stands: Option<&Record>, asked: &Asked) -> Decision {
    let own = &asked.record;
    let Some(stands) = stands else {
        return if own.key.is_some() { Decision::Write(own.clone()) } else { Decision::Nothing };
    };
    if stands.given && !own.given && own.key.is_some() {
        return Decision::Superseded;
    }
    let is_same = stands.key.is_some() && stands.digest == own.digest;
    // What an operator names takes the place of what was found, wherever that was.
    let may_differ = own.given && !stands.given;
    let is_of_another = stands.key.is_some() && stands.source != own.source && !may_differ;
    if own.key.is_some() && is_of_another && !is_same && !asked.force {
        return Decision::Twice(stands.source.clone().unwrap_or_else(|| "a message".to_owned()));
    }
    if stands.version > own.version {
        return Decision::Superseded;
    }
    if own.key.is_none() && stands.key.is_none() && stands.left.is_empty() {
        return Decision::Nothing;
    }
    // Its own earlier attempt may have died behind the record; a message without id cannot tell.
    let is_of_other_message = own.message.is_some() && stands.message.is_some() && stands.message != own.message;
    if is_same && stands.key == own.key && stands.left.is_empty() && is_of_other_message && !asked.force {
        return Decision::Unchanged;
    }
    let mut next = own.clone();
    next.left.clone_from(&stands.left);
    next.left.extend(stands.key.clone());
    next.left.retain(|key| Some(key) != own.key.as_ref());
    next.left.sort_unstable();
    next.left.dedup();
    next.left.truncate(MOST_LEFT);
    if is_same && is_of_another && !asked.force {
        // Whoever came first with what both say.
        next.source.clone_from(&stands.source);
    }
    if own.key.is_none() {
        next.source.clone_from(&stands.source);
    }
    Decision::Write(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: &str, digest: &str, source: &str, version: i64, message: &str) -> Asked {
        let record = Record {
            key: Some(key.into()),
            digest: digest.into(),
            source: Some(source.into()),
            version,
            message: Some(message.into()),
            ..Record::default()
        };
        Asked { record, force: false }
    }

    fn withdrawal(version: i64) -> Asked {
        Asked { record: Record { version, ..Record::default() }, force: false }
    }

    fn after(stands: Option<&Record>, asked: &Asked) -> Record {
        match decide(stands, asked) {
            Decision::Write(record) => record,
            other => unreachable!("{other:?}"),
        }
    }

    #[test]
    fn an_item_that_moves_leaves_its_old_place_until_that_is_cleared() {
        let first = after(None, &put("a/i", "1", "s", 1, "m1"));
        let moved = after(Some(&first), &put("b/i", "2", "s", 2, "m2"));
        assert_eq!((moved.key.as_deref(), moved.left.as_slice()), (Some("b/i"), ["a/i".to_owned()].as_slice()));
        // It moves once more before that was cleared, and back.
        let again = after(Some(&moved), &put("c/i", "3", "s", 3, "m3"));
        assert_eq!(again.left, ["a/i", "b/i"]);
        assert_eq!(after(Some(&again), &put("a/i", "1", "s", 4, "m4")).left, ["b/i", "c/i"]);
    }

    #[test]
    fn what_another_message_has_written_is_skipped_and_its_own_never() {
        let stands = after(None, &put("a/i", "1", "s", 1, "m1"));
        assert_eq!(decide(Some(&stands), &put("a/i", "1", "s", 2, "m2")), Decision::Unchanged);
        assert!(matches!(decide(Some(&stands), &put("a/i", "1", "s", 1, "m1")), Decision::Write(_)));
        let forced = Asked { force: true, ..put("a/i", "1", "s", 2, "m2") };
        assert!(matches!(decide(Some(&stands), &forced), Decision::Write(_)));
        let mut nameless = put("a/i", "1", "s", 2, "");
        nameless.record.message = None;
        assert!(matches!(decide(Some(&stands), &nameless), Decision::Write(_)));
        let unfinished = Record { left: vec!["b/i".into()], ..stands };
        assert!(matches!(decide(Some(&unfinished), &put("a/i", "1", "s", 2, "m2")), Decision::Write(_)));
    }

    #[test]
    fn the_newest_wins_in_any_order() {
        let newer = after(None, &put("a/i", "2", "s", 2, "m2"));
        assert_eq!(decide(Some(&newer), &put("a/i", "1", "s", 1, "m1")), Decision::Superseded);
        assert_eq!(decide(Some(&newer), &withdrawal(1)), Decision::Superseded);
        let gone = after(Some(&newer), &withdrawal(3));
        assert_eq!((gone.key.clone(), gone.left.clone()), (None, vec!["a/i".to_owned()]));
        assert_eq!(decide(Some(&gone), &put("a/i", "2", "s", 2, "m2")), Decision::Superseded);
        assert!(
            matches!(decide(Some(&gone), &put("a/i", "2", "other", 4, "m4")), Decision::Write(_)),
            "it is nobody's"
        );
    }

    #[test]
    fn a_second_source_is_refused_unless_it_says_the_same_or_is_forced() {
        let stands = after(None, &put("a/i", "1", "s", 1, "m1"));
        assert_eq!(decide(Some(&stands), &put("a/i", "2", "t", 2, "m2")), Decision::Twice("s".into()));
        assert_eq!(decide(Some(&stands), &put("a/i", "1", "t", 2, "m2")), Decision::Unchanged);
        let forced = Asked { force: true, ..put("a/i", "2", "t", 2, "m2") };
        assert_eq!(after(Some(&stands), &forced).source.as_deref(), Some("t"));
    }

    #[test]
    fn what_an_operator_names_is_over_what_is_found() {
        let found = put("c/collection.json", "1", "found", 1, "m1");
        let mut given = put("c/collection.json", "2", "given", 1, "m1");
        given.record.given = true;
        let stands = after(Some(&after(None, &found)), &given);
        assert_eq!(stands.source.as_deref(), Some("given"));
        assert_eq!(
            decide(Some(&stands), &Asked { record: Record { version: 9, ..found.record }, ..found }),
            Decision::Superseded
        );
    }

    #[test]
    fn what_was_never_there_is_not_withdrawn() {
        assert_eq!(decide(None, &withdrawal(1)), Decision::Nothing);
        let mut gone = after(Some(&after(None, &put("a/i", "1", "s", 1, "m1"))), &withdrawal(2));
        assert!(matches!(decide(Some(&gone), &withdrawal(2)), Decision::Write(_)), "it may not be cleared yet");
        gone.left.clear();
        assert_eq!(decide(Some(&gone), &withdrawal(3)), Decision::Nothing);
    }
}
