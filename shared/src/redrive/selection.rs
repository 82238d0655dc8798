//! Which dead letters are meant, and what a letter is about. Pure.

use chrono::{DateTime, Utc};

use crate::message::filing::FileRequest;
use crate::message::{DeadLetter, LevelMessage, SceneRecord};
use crate::missions;
use crate::ports::HeldLetter;

/// The reason of letters that have none: the queue itself moved them, since whoever worked on them timed out or crashed
/// each time.
pub const MOVED: &str = "moved-by-queue";

/// Whose dead letters these are, and so what their bodies should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Messages about scenes.
    Scenes,
    /// Levels to rebuild.
    Levels,
    /// Messages about items that others have made.
    Items,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Scenes, Self::Levels, Self::Items];

    /// Those that every deployed stack has.
    pub const OF_A_STACK: [Self; 2] = [Self::Scenes, Self::Levels];

    /// The name of the queue.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Scenes => "scenes",
            Self::Levels => "levels",
            Self::Items => "items",
        }
    }

    /// What a message is about; none when it is no message of this queue.
    #[must_use]
    pub fn subject(self, body: &str) -> Option<Subject> {
        let keys = match self {
            Self::Scenes => SceneRecord::decode(body).ok()?.into_iter().map(|record| record.source.key).collect(),
            Self::Levels => vec![LevelMessage::decode(body).ok()?.level.wire().to_owned()],
            Self::Items => vec![FileRequest::decode(body).ok()??.subject()],
        };
        Some(Subject { keys })
    }
}

/// What a message is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The keys of its scenes' metadata or quicklooks, or its level as on the wire.
    keys: Vec<String>,
}

impl Subject {
    /// For people: the key of the first scene, or the level as on the wire.
    #[must_use]
    pub fn name(&self) -> &str {
        self.keys.first().map_or("nothing", String::as_str)
    }

    /// The ids of the collections that it belongs to.
    pub fn collections(&self) -> impl Iterator<Item = String> {
        self.keys.iter().filter_map(|key| {
            let mut segments = key.split('/');
            let satellite = missions::satellite_of_folder(segments.next()?)?;
            Some(satellite.collection_id(satellite.camera(segments.next()?)?))
        })
    }

    fn starts_with(&self, prefix: &str) -> bool {
        self.keys.iter().any(|key| key.starts_with(prefix))
    }
}

/// The reason of a letter, [`MOVED`] where it has none.
#[must_use]
pub fn reason(letter: &DeadLetter) -> &str {
    if letter.reason.is_empty() { MOVED } else { &letter.reason }
}

/// Which letters are meant. The default means all of them; what is given narrows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Those of these ids, and no others.
    pub ids: Vec<String>,
    /// Of this reason.
    pub reason: Option<String>,
    /// Of this collection, `CBERS4-MUX`.
    pub collection: Option<String>,
    /// About keys that start so, `CBERS4/MUX/057`.
    pub prefix: Option<String>,
    /// Refused last before this time.
    pub before: Option<DateTime<Utc>>,
    /// Refused last at this time or later.
    pub since: Option<DateTime<Utc>>,
}

impl Selection {
    /// Whether this letter, about `subject`, is meant.
    #[must_use]
    pub fn means(&self, held: &HeldLetter, subject: Option<&Subject>) -> bool {
        let letter = &held.letter;
        let of_subject = |test: &dyn Fn(&Subject) -> bool| subject.is_some_and(test);
        (self.ids.is_empty() || self.ids.contains(&held.id))
            && self.reason.as_deref().is_none_or(|wanted| wanted == reason(letter))
            && self.before.is_none_or(|before| letter.last < before)
            && self.since.is_none_or(|since| letter.last >= since)
            && self.prefix.as_deref().is_none_or(|prefix| of_subject(&|subject| subject.starts_with(prefix)))
            && self.collection.as_deref().is_none_or(|wanted| {
                of_subject(&|subject| subject.collections().any(|collection| collection == wanted))
            })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::level::Level;
    use crate::ports::SourceObject;

    const KEY: &str = "CBERS4/MUX/057/121/CBERS_4_MUX_20170618_057_121_L2/CBERS_4_MUX_20170618_057_121_L2_BAND6.xml";

    fn scene(key: &str) -> String {
        let record = SceneRecord {
            source: SourceObject { bucket: "b".into(), key: key.into(), file: None },
            removed: false,
            reprocess: false,
            force: false,
            quicklook: None,
            message_id: None,
            time: None,
        };
        record.encode()
    }

    fn level(level: &str) -> String {
        let level = Level::from_wire(level).unwrap();
        LevelMessage { level, since: DateTime::UNIX_EPOCH }.encode()
    }

    fn held(id: &str, body: &str, reason: &str, last: i64) -> HeldLetter {
        let (id, last) = (id.to_owned(), DateTime::from_timestamp(last, 0).unwrap());
        let letter = DeadLetter {
            id: "message".into(),
            body: body.into(),
            reason: reason.into(),
            detail: String::new(),
            first: DateTime::UNIX_EPOCH,
            last,
            attempts: 1,
        };
        HeldLetter { id, letter, hold: "hold".into() }
    }

    #[test]
    fn a_message_is_about_the_keys_of_its_scenes_or_about_its_level() {
        let subject = Kind::Scenes.subject(&scene(KEY)).unwrap();
        assert_eq!((subject.name(), subject.collections().collect::<Vec<_>>()), (KEY, vec!["CBERS4-MUX".to_owned()]));
        let subject = Kind::Levels.subject(&level("CBERS4/MUX/057")).unwrap();
        assert_eq!((subject.name(), subject.collections().count()), ("CBERS4/MUX/057", 1));
        let root = Kind::Levels.subject(&level("/")).unwrap();
        assert_eq!((root.name(), root.collections().count()), ("/", 0));
    }

    #[test]
    fn what_is_of_another_queue_is_no_message_of_this_one() {
        assert_eq!(Kind::Levels.subject(&scene(KEY)), None);
        assert_eq!(Kind::Scenes.subject(&level("CBERS4")), None);
        for body in ["", "nonsense", "{}", "[]", r#"{"level":"../CBERS4","since":"2026-01-01T00:00:00Z"}"#] {
            assert!(Kind::ALL.iter().all(|kind| kind.subject(body).is_none()), "{body:?}");
        }
    }

    #[test]
    fn every_given_part_of_a_selection_must_fit() {
        let all = Selection::default();
        let text = |text: &str| Some(text.to_owned());
        let at = |seconds| DateTime::from_timestamp(seconds, 0);
        let letter = held("7", &scene(KEY), "xml", 100);
        for (selection, means) in [
            (all.clone(), true),
            (Selection { ids: vec!["6".into(), "7".into()], ..all.clone() }, true),
            (Selection { ids: vec!["message".into()], ..all.clone() }, false),
            (Selection { reason: text("xml"), ..all.clone() }, true),
            (Selection { reason: text("name"), ..all.clone() }, false),
            (Selection { reason: text(MOVED), ..all.clone() }, false),
            (Selection { collection: text("CBERS4-MUX"), ..all.clone() }, true),
            (Selection { collection: text("CBERS4-AWFI"), ..all.clone() }, false),
            (Selection { prefix: text("CBERS4/MUX/057"), ..all.clone() }, true),
            (Selection { prefix: text("CBERS4/MUX/058"), ..all.clone() }, false),
            (Selection { before: at(100), ..all.clone() }, false),
            (Selection { before: at(101), ..all.clone() }, true),
            (Selection { since: at(100), ..all.clone() }, true),
            (Selection { since: at(101), ..all.clone() }, false),
            (Selection { reason: text("xml"), prefix: text("CBERS4A"), ..all.clone() }, false),
        ] {
            let subject = Kind::Scenes.subject(&letter.letter.body);
            assert_eq!(selection.means(&letter, subject.as_ref()), means, "{selection:?}");
        }
    }

    #[test]
    fn a_letter_without_reason_is_one_that_the_queue_moved() {
        let letter = held("7", &scene(KEY), "", 100);
        assert!(Selection { reason: Some(MOVED.into()), ..Selection::default() }.means(&letter, None));
    }

    #[test]
    fn what_is_no_message_of_ours_belongs_to_no_collection_and_no_prefix() {
        let letter = held("7", "nonsense", "message", 100);
        assert!(Selection::default().means(&letter, None));
        for selection in [
            Selection { prefix: Some(String::new()), ..Selection::default() },
            Selection { collection: Some("CBERS4-MUX".into()), ..Selection::default() },
        ] {
            assert!(!selection.means(&letter, None), "{selection:?}");
        }
    }
}
