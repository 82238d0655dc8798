//! The worlds in which the protocol is explored exhaustively.

use super::configuration::{Protocol, SourceMessage, Tree};
use super::state::{Catalog, Item, Set, State};

const ONE_SCENE: &[SourceMessage] = &[SourceMessage::add(0)];
const TWO_SCENES: &[SourceMessage] = &[SourceMessage::add(0), SourceMessage::add(1)];
const REPROCESS_TWICE: &[SourceMessage] = &[SourceMessage::reprocess(0, 2), SourceMessage::reprocess(0, 3)];

/// Two scenes of a row come at once; two updaters, of which one may die with its PUT under way.
pub const TWO_SCENES_OF_A_ROW: Protocol = Protocol {
    name: "two scenes of a row, two updaters, a crash, a late write",
    source: TWO_SCENES,
    updaters: 2,
    crashes: 1,
    late_write: true,
    ..Protocol::CALM
};

/// Two scenes in one batch, whose entries may be refused.
pub const BATCH: Protocol = Protocol {
    name: "a batch of two scenes, two generators, a refused entry, a crash",
    source: TWO_SCENES,
    generators: 2,
    batch: 2,
    refusals: 1,
    crashes: 1,
    ..Protocol::CALM
};

/// Two movers on one table.
pub const TWO_MOVERS: Protocol = Protocol {
    name: "two movers, a refused entry, a crash",
    source: TWO_SCENES,
    movers: 2,
    refusals: 1,
    crashes: 1,
    ..Protocol::CALM
};

/// A scene is withdrawn after it was added.
pub const WITHDRAWAL: Protocol = Protocol {
    name: "a scene is new and is withdrawn, two updaters, a crash, a late write",
    source: &[SourceMessage::add(0), SourceMessage::withdraw(0)],
    updaters: 2,
    crashes: 1,
    late_write: true,
    ..Protocol::CALM
};

/// A linked scene is withdrawn and comes back.
pub const BACK_AGAIN: Protocol = Protocol {
    name: "a linked scene is withdrawn and new again, two updaters, a crash, a late write",
    source: &[SourceMessage::withdraw(0), SourceMessage::add_again(0)],
    setup: a_is_linked,
    updaters: 2,
    crashes: 1,
    late_write: true,
    ..Protocol::CALM
};

/// A brand-new branch.
pub const NEW_BRANCH: Protocol = Protocol {
    name: "a new branch of two levels, two updaters, a crash, a late write",
    tree: Tree::Branch,
    source: ONE_SCENE,
    updaters: 2,
    crashes: 1,
    late_write: true,
    ..Protocol::CALM
};

/// A brand-new branch of three levels.
pub const TALL_BRANCH: Protocol = Protocol {
    name: "a new branch of three levels, a crash, a late write",
    tree: Tree::TallBranch,
    source: ONE_SCENE,
    crashes: 2,
    late_write: true,
    ..Protocol::CALM
};

/// Two rows below one path, both to be rebuilt.
pub const FORK: Protocol = Protocol {
    name: "two rows below a path, two updaters, a crash, a late write",
    tree: Tree::Fork,
    setup: two_rows_are_to_be_built,
    updaters: 2,
    crashes: 1,
    late_write: true,
    ..Protocol::CALM
};

/// Two reprocess messages about one scene.
pub const REPROCESS: Protocol = Protocol {
    name: "two reprocess messages about a scene, two generators, two crashes, a late write",
    source: REPROCESS_TWICE,
    setup: a_is_linked,
    generators: 2,
    crashes: 2,
    late_write: true,
    ..Protocol::CALM
};

/// The same in a directory, over an item of an older program, put by an earlier message that is done.
pub const DIRECTORY: Protocol = Protocol {
    name: "two reprocess messages about a scene, two generators, two crashes, ids written apart",
    source: REPROCESS_TWICE,
    setup: a_is_of_an_earlier_message,
    generators: 2,
    crashes: 2,
    id_apart: true,
    ..Protocol::CALM
};

/// Dead letters are put back.
pub const DEAD_LETTERS: Protocol = Protocol {
    name: "dead letters and their redrive, two crashes",
    source: TWO_SCENES,
    crashes: 2,
    burials: 2,
    ..Protocol::CALM
};

/// A catalog is damaged by hand.
pub const DAMAGE: Protocol = Protocol {
    name: "a damaged catalog, a withdrawal, a crash, a late write",
    source: &[SourceMessage::withdraw(0)],
    setup: a_is_to_be_linked,
    crashes: 1,
    late_write: true,
    damages: 1,
    ..Protocol::CALM
};

/// A catalog of a branch is damaged by hand. Only once: two damages of the same bytes have the same tag, and that
/// breaks I2, though nothing is lost, since each is marked.
pub const DAMAGED_BRANCH: Protocol = Protocol {
    name: "a damaged catalog of a branch, a withdrawal, a crash, a late write",
    tree: Tree::Branch,
    source: &[SourceMessage::withdraw(0)],
    setup: a_branch_is_linked,
    crashes: 1,
    late_write: true,
    damages: 1,
    ..Protocol::CALM
};

/// All of them.
pub const ALL: [Protocol; 13] = [
    TWO_SCENES_OF_A_ROW,
    BATCH,
    TWO_MOVERS,
    WITHDRAWAL,
    BACK_AGAIN,
    NEW_BRANCH,
    TALL_BRANCH,
    FORK,
    REPROCESS,
    DIRECTORY,
    DEAD_LETTERS,
    DAMAGE,
    DAMAGED_BRANCH,
];

/// Setup: the item of scene A stands, is published, and is linked by its row.
pub(super) fn a_is_linked(state: &mut State) {
    state.items[0] = Item { content: 1, id: 0 };
    state.catalogs[0] = Catalog::Written { revision: 1, links: Set::of(0) };
}

/// Setup: the item of scene A stands with the id 1, is published, and is linked by its row.
pub(super) fn a_is_of_an_earlier_message(state: &mut State) {
    a_is_linked(state);
    state.items[0].id = 1;
}

/// Setup: the item of scene A stands and is published; its row, which links nothing yet, has a message in the queue.
pub(super) fn a_is_to_be_linked(state: &mut State) {
    a_is_linked(state);
    state.catalogs[0] = Catalog::Written { revision: 1, links: Set::EMPTY };
    state.queue[0] = Some(0);
}

/// Setup: the item of scene A stands, is published, and is linked, and so is its row.
pub(super) fn a_branch_is_linked(state: &mut State) {
    a_is_linked(state);
    state.catalogs[1] = Catalog::Written { revision: 1, links: Set::of(0) };
}

/// Setup: the items of both scenes stand and are published; their rows have messages in the queue.
fn two_rows_are_to_be_built(state: &mut State) {
    state.items = [Item { content: 1, id: 0 }; 2];
    state.queue = [Some(0), Some(1), None, None];
}
