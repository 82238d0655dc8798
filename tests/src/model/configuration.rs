//! The bounded worlds that are explored.

use super::fault::Fault;
use super::state::{LEVELS, Place, SCENES, Set, State};

/// The levels of a configuration. Levels are numbers; rows come first, the root of the tree last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tree {
    /// A row with two scenes and nothing above.
    Row,
    /// A row and the path above it.
    Branch,
    /// A row, its path, its camera.
    TallBranch,
    /// Two rows, with a scene each, and the path above them.
    Fork,
}

/// A message of the source about a scene.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceMessage {
    /// The scene.
    pub scene: usize,
    /// What its item is to be; 0 to withdraw it.
    pub content: u8,
    /// The id of a reprocess message; 0 for any other.
    pub id: u8,
    /// Sent only when all earlier messages of the scene are done with and forgotten. The others are there from the
    /// start.
    pub later: bool,
}

impl SourceMessage {
    /// A scene is new.
    #[must_use]
    pub const fn add(scene: usize) -> Self {
        Self { scene, content: 1, id: 0, later: false }
    }

    /// A scene is withdrawn, after what came before.
    #[must_use]
    pub const fn withdraw(scene: usize) -> Self {
        Self { scene, content: 0, id: 0, later: true }
    }

    /// A scene is new again, after what came before.
    #[must_use]
    pub const fn add_again(scene: usize) -> Self {
        Self { scene, content: 1, id: 0, later: true }
    }

    /// A newer program makes the item again, with other bytes.
    #[must_use]
    pub const fn reprocess(scene: usize, id: u8) -> Self {
        Self { scene, content: 2, id, later: false }
    }
}

/// A world: its levels, its messages, its processes, and how much may go wrong.
#[derive(Debug, Clone)]
pub struct Protocol {
    /// What it shows.
    pub name: &'static str,
    /// The levels.
    pub tree: Tree,
    /// What the source sends; for each scene in this order of meaning.
    pub source: &'static [SourceMessage],
    /// What stands there from the start.
    pub setup: fn(&mut State),
    /// How many generators may work at once.
    pub generators: usize,
    /// How many messages one of them takes at once.
    pub batch: usize,
    /// How many movers may work at once.
    pub movers: usize,
    /// How many updaters may work at once.
    pub updaters: usize,
    /// How many processes may die.
    pub crashes: u8,
    /// Whether the write of one that dies may be carried out later, once.
    pub late_write: bool,
    /// Whether the id of an item is written apart from its bytes, as in a directory.
    pub id_apart: bool,
    /// How many entries of batch calls may be refused.
    pub refusals: u8,
    /// How many messages may move to the dead letters.
    pub burials: u8,
    /// How many catalogs may be damaged.
    pub damages: u8,
    /// The defence that is taken out.
    pub fault: Option<Fault>,
    /// Whether states that differ in names only are one. Traces are easier to read when they are not.
    pub symmetry: bool,
}

impl Protocol {
    /// One process of a kind, one row, nothing goes wrong.
    pub const CALM: Self = Self {
        name: "calm",
        tree: Tree::Row,
        source: &[],
        setup: |_| {},
        generators: 1,
        batch: 1,
        movers: 1,
        updaters: 1,
        crashes: 0,
        late_write: false,
        id_apart: false,
        refusals: 0,
        burials: 0,
        damages: 0,
        fault: None,
        symmetry: true,
    };

    /// The state at the start.
    #[must_use]
    pub fn start(&self) -> State {
        let mut state = State::empty(self);
        for message in self.messages().filter(|message| !self.sent(*message).later) {
            state.source[message] = Place { sent: true, queued: true, ..Place::default() };
        }
        (self.setup)(&mut state);
        state
    }

    /// The numbers of the source messages.
    pub fn messages(&self) -> impl Iterator<Item = usize> + use<> {
        0..self.source.len()
    }

    /// A source message.
    #[must_use]
    pub fn sent(&self, message: usize) -> SourceMessage {
        self.source[message]
    }

    /// The scene that a message is about.
    #[must_use]
    pub fn scene_of(&self, message: usize) -> usize {
        self.sent(message).scene
    }

    /// The row that a message is about.
    #[must_use]
    pub fn row_of(&self, message: usize) -> usize {
        self.row_of_scene(self.scene_of(message))
    }

    fn row_of_scene(&self, scene: usize) -> usize {
        if self.tree == Tree::Fork { scene } else { 0 }
    }

    /// The levels.
    pub fn levels(&self) -> impl Iterator<Item = usize> + use<> {
        0..match self.tree {
            Tree::Row => 1,
            Tree::Branch => 2,
            Tree::TallBranch | Tree::Fork => LEVELS,
        }
    }

    /// The level above; the root of the tree has none.
    #[must_use]
    pub fn parent(&self, level: usize) -> Option<usize> {
        match (self.tree, level) {
            (Tree::Branch | Tree::TallBranch, 0) => Some(1),
            (Tree::TallBranch, 1) | (Tree::Fork, 0 | 1) => Some(2),
            _ => None,
        }
    }

    /// The levels directly below.
    pub fn children(&self, level: usize) -> impl Iterator<Item = usize> + '_ {
        self.levels().filter(move |child| self.parent(*child) == Some(level))
    }

    /// Whether the level is a row.
    #[must_use]
    pub fn holds_items(&self, level: usize) -> bool {
        level == 0 || self.tree == Tree::Fork && level == 1
    }

    /// The scenes whose items stand in a row.
    #[must_use]
    pub fn items_in(&self, state: &State, row: usize) -> Set {
        (0..SCENES).filter(|scene| self.row_of_scene(*scene) == row && state.items[*scene].content != 0).collect()
    }

    /// The children below which there is any object.
    #[must_use]
    pub fn prefixes_in(&self, state: &State, level: usize) -> Set {
        self.children(level).filter(|child| self.holds_anything(state, *child)).collect()
    }

    fn holds_anything(&self, state: &State, level: usize) -> bool {
        state.catalogs[level].exists()
            || self.holds_items(level) && !self.items_in(state, level).is_empty()
            || self.children(level).any(|child| self.holds_anything(state, child))
    }

    /// The children whose catalog exists.
    #[must_use]
    pub fn children_in(&self, state: &State, level: usize) -> Set {
        self.children(level).filter(|child| state.catalogs[*child].exists()).collect()
    }
}
