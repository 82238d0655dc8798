//! A run in words.

use std::fmt::Write as _;

use stateright::Path;

use super::Action;
use super::configuration::{Protocol, Tree};
use super::state::{Catalog, Set, State};

/// Collects the words of a step, or lets them go unsaid: the checker has no use for them.
#[derive(Debug)]
pub struct Words(Option<Vec<String>>);

impl Words {
    /// Nothing is said.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// Everything is said.
    #[must_use]
    pub fn all() -> Self {
        Self(Some(Vec::new()))
    }

    /// Says something.
    pub fn say(&mut self, said: impl FnOnce() -> String) {
        if let Some(words) = &mut self.0 {
            words.push(said());
        }
    }
}

/// The steps of a run, numbered, a line each.
#[must_use]
pub fn tell(protocol: &Protocol, path: Path<State, Action>) -> String {
    let mut told = String::new();
    let steps = path.into_vec().into_iter().filter_map(|(state, action)| Some((state, action?)));
    for (number, (mut state, action)) in steps.enumerate() {
        let mut words = Words::all();
        protocol.apply(&mut state, action, &mut words);
        let words = words.0.unwrap_or_default().join("; ");
        let _ = writeln!(told, "{:4}. {words}", number + 1);
    }
    told
}

/// One of several processes: "updater 2"; "the updater" when there is but one.
pub(super) fn plural(kind: &str, number: usize, of: usize) -> String {
    if of > 1 { format!("{kind} {}", number + 1) } else { format!("the {kind}") }
}

impl Protocol {
    /// The name of a level.
    pub(super) fn level(&self, level: usize) -> &'static str {
        match (self.tree, level) {
            (Tree::Fork, 0) => "row A",
            (Tree::Fork, 1) => "row B",
            (Tree::Fork, _) => "the path",
            (_, 0) => "the row",
            (_, 1) => "the path",
            _ => "the camera",
        }
    }

    /// The name of a scene.
    pub(super) fn scene(&self, scene: usize) -> &'static str {
        ["A", "B"][scene]
    }

    /// What a catalog of this level links.
    pub(super) fn members_named(&self, level: usize, members: Set) -> String {
        match self.holds_items(level) {
            true => join(members.iter().map(|scene| self.scene(scene).to_owned())),
            false => self.levels_named(members),
        }
    }

    /// The names of levels.
    pub(super) fn levels_named(&self, levels: Set) -> String {
        join(levels.iter().map(|level| self.level(level).to_owned()))
    }

    /// A source message.
    pub(super) fn message_named(&self, message: usize) -> String {
        let sent = self.sent(message);
        let scene = self.scene(sent.scene);
        match (sent.content, sent.id) {
            (0, _) => format!("\"{scene} is withdrawn\""),
            (_, 0) if sent.later => format!("\"{scene} is new again\""),
            (_, 0) => format!("\"{scene} is new\""),
            (_, id) => format!("\"reprocess {scene}\" (id {id})"),
        }
    }

    /// Source messages.
    pub(super) fn messages_named(&self, messages: Set) -> String {
        join(messages.iter().map(|message| self.message_named(message)))
    }
}

impl Catalog {
    /// In words.
    #[must_use]
    pub fn named(self, members: impl FnOnce(Set) -> String) -> String {
        match self {
            Self::Absent => "no catalog".to_owned(),
            Self::Unreadable => "an unreadable catalog".to_owned(),
            Self::Written { revision, links } => format!("revision {revision}, which links {}", members(links)),
        }
    }
}

fn join(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(" and ") }
}
