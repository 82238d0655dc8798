//! For each defence: the smallest world in which its absence loses, and what is then broken.

use super::configuration::{Protocol, SourceMessage, Tree};
use super::fault::{Fault, Reason};
use super::invariants::{CHAIN, CONVERGED, NO_DANGLING, OWED, PUBLISHED, REACHABLE, READ_ORDER, TOKEN};
use super::state::State;
use super::worlds::{a_branch_is_linked, a_is_linked, a_is_of_an_earlier_message, a_is_to_be_linked};

/// A defence taken out.
#[derive(Debug, Clone)]
pub struct Loss {
    /// The defence.
    pub fault: Fault,
    /// The world, with everything else as it should be: it is safe when the fault is taken away.
    pub world: Protocol,
    /// What is broken. The trace that is told is that of the first.
    pub breaks: &'static [&'static str],
}

const ADD: &[SourceMessage] = &[SourceMessage::add(0)];
const ADD_TWO: &[SourceMessage] = &[SourceMessage::add(0), SourceMessage::add(1)];
const ADD_WITHDRAW: &[SourceMessage] = &[SourceMessage::add(0), SourceMessage::withdraw(0)];
const WITHDRAW: &[SourceMessage] = &[SourceMessage::withdraw(0)];
const WITHDRAW_ADD: &[SourceMessage] = &[SourceMessage::withdraw(0), SourceMessage::add_again(0)];
const REPROCESS: &[SourceMessage] = &[SourceMessage::reprocess(0, 0)];
const REPROCESS_LATER: &[SourceMessage] = &[SourceMessage::reprocess(0, 2)];
const REPROCESS_TWICE: &[SourceMessage] = &[SourceMessage::reprocess(0, 2), SourceMessage::reprocess(0, 3)];

const WORLD: Protocol = Protocol { symmetry: false, ..Protocol::CALM };
const CRASH: Protocol = Protocol { crashes: 1, ..WORLD };
const LATE: Protocol = Protocol { late_write: true, ..CRASH };
const TWO_UPDATERS: Protocol = Protocol { updaters: 2, ..WORLD };

/// Every defence.
#[must_use]
pub fn all() -> Vec<Loss> {
    let mut losses = generators();
    losses.extend(marks_and_movers());
    losses.extend(updaters());
    losses
}

fn generators() -> Vec<Loss> {
    let loss = |fault, breaks, world| Loss { fault, world, breaks };
    let add = |world| Protocol { source: ADD, ..world };
    vec![
        loss(Fault::MarkBeforePut, &[CONVERGED, OWED], add(WORLD)),
        loss(Fault::AcknowledgeSourceFirst, &[CONVERGED, OWED, PUBLISHED], add(CRASH)),
        loss(Fault::SkipMark(Reason::EqualBytes), &[CONVERGED, OWED], add(CRASH)),
        loss(Fault::SkipPublish(Reason::EqualBytes), &[CONVERGED, PUBLISHED], add(CRASH)),
        loss(
            Fault::SkipMark(Reason::Linked),
            &[CONVERGED, OWED],
            Protocol { source: WITHDRAW_ADD, setup: a_is_linked, ..WORLD },
        ),
        loss(
            Fault::SkipPublish(Reason::Linked),
            &[CONVERGED, PUBLISHED],
            Protocol { source: REPROCESS, setup: a_is_linked, ..WORLD },
        ),
        loss(Fault::SkipMark(Reason::FirstReceive), &[CONVERGED, OWED], Protocol { burials: 1, ..add(CRASH) }),
        loss(Fault::SkipPublish(Reason::FirstReceive), &[CONVERGED, PUBLISHED], Protocol { burials: 1, ..add(CRASH) }),
        loss(
            Fault::SkipForAnyOther,
            &[CONVERGED, OWED, PUBLISHED],
            Protocol { source: REPROCESS_TWICE, generators: 2, crashes: 2, ..LATE },
        ),
        loss(
            Fault::BytesBeforeId,
            &[CONVERGED, PUBLISHED],
            Protocol { source: REPROCESS_LATER, setup: a_is_of_an_earlier_message, id_apart: true, ..CRASH },
        ),
        loss(Fault::RedriveDeletesFirst, &[CONVERGED, OWED], Protocol { burials: 1, crashes: 2, ..add(CRASH) }),
    ]
}

fn marks_and_movers() -> Vec<Loss> {
    let loss = |fault, breaks, world| Loss { fault, world, breaks };
    let two = |world| Protocol { source: ADD_TWO, ..world };
    vec![
        loss(Fault::MarkOnlyIfNone, &[CONVERGED, OWED], two(WORLD)),
        loss(Fault::CounterToken, &[CONVERGED, OWED, TOKEN], Protocol { movers: 2, ..two(WORLD) }),
        loss(Fault::TimestampToken, &[CONVERGED, OWED, TOKEN], two(WORLD)),
        loss(Fault::DeleteMarkBlindly, &[CONVERGED, OWED, TOKEN], two(WORLD)),
        loss(Fault::DeleteMarkFirst, &[CONVERGED, OWED, TOKEN], Protocol { source: ADD, ..CRASH }),
        loss(Fault::IgnoreFailed, &[CONVERGED, OWED, TOKEN], Protocol { source: ADD, refusals: 1, ..WORLD }),
        loss(Fault::FifoQueue, &[CONVERGED, OWED], two(WORLD)),
    ]
}

fn updaters() -> Vec<Loss> {
    let loss = |fault, breaks, world| Loss { fault, world, breaks };
    let two = |world| Protocol { source: ADD_TWO, ..world };
    let branch = |world| Protocol { tree: Tree::Branch, source: ADD, ..world };
    vec![
        loss(Fault::BlindPut, &[CONVERGED, OWED, READ_ORDER, CHAIN], two(TWO_UPDATERS)),
        loss(Fault::OneAtATime, &[CONVERGED, OWED, READ_ORDER], two(LATE)),
        loss(Fault::ReadAfterList, &[CONVERGED, OWED, READ_ORDER], two(TWO_UPDATERS)),
        loss(Fault::KeepListing, &[CONVERGED, OWED, READ_ORDER], two(TWO_UPDATERS)),
        loss(
            Fault::NoRevision,
            &[CONVERGED, OWED, READ_ORDER],
            Protocol { source: WITHDRAW, setup: a_is_to_be_linked, ..LATE },
        ),
        loss(
            Fault::RestartRevision,
            &[CONVERGED, OWED],
            Protocol { source: WITHDRAW, setup: a_is_to_be_linked, damages: 1, ..LATE },
        ),
        loss(
            Fault::SkipUnchangedRow,
            &[CONVERGED, OWED],
            Protocol { source: WITHDRAW, setup: a_is_to_be_linked, ..LATE },
        ),
        loss(Fault::SkipAbsentEmptyRow, &[CONVERGED, OWED], Protocol { source: ADD_WITHDRAW, ..LATE }),
        loss(Fault::DeleteEmptyCatalog, &[CONVERGED, OWED, CHAIN], Protocol { source: ADD_WITHDRAW, ..LATE }),
        loss(
            Fault::DeleteEmptyCatalog,
            &[NO_DANGLING, CHAIN],
            Protocol { source: WITHDRAW, tree: Tree::Branch, setup: a_branch_is_linked, ..WORLD },
        ),
        loss(Fault::LinkWithoutHead, &[NO_DANGLING], Protocol { setup: the_path_is_early, ..branch(WORLD) }),
        loss(Fault::TellParentIfCreated, &[CONVERGED, OWED, REACHABLE], branch(CRASH)),
        loss(
            Fault::NoLookAfterSkip,
            &[CONVERGED, OWED, REACHABLE],
            Protocol { tree: Tree::TallBranch, source: ADD, ..CRASH },
        ),
        loss(Fault::AcknowledgeBeforeLook, &[CONVERGED, OWED, REACHABLE], branch(CRASH)),
    ]
}

/// Setup: the path has a message in the queue, before there is a row.
fn the_path_is_early(state: &mut State) {
    state.queue[0] = Some(1);
}
