//! What there is: the state of the services, and what each process remembers.

use super::configuration::Protocol;

/// The most levels, scenes, source messages, waiting level messages, and processes of a kind that a configuration has.
pub const LEVELS: usize = 3;
/// See [`LEVELS`].
pub const SCENES: usize = 2;
/// See [`LEVELS`].
pub const MESSAGES: usize = 3;
/// See [`LEVELS`].
pub const QUEUE: usize = 4;
/// See [`LEVELS`].
pub const PROCESSES: usize = 2;

/// A set of small numbers: of scenes, of levels, of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Set(u8);

impl Set {
    /// No number.
    pub const EMPTY: Self = Self(0);

    /// One number.
    #[must_use]
    pub fn of(number: usize) -> Self {
        Self(1 << number)
    }

    /// Whether the number is in it.
    #[must_use]
    pub fn has(self, number: usize) -> bool {
        self.0 & 1 << number != 0
    }

    /// With the numbers of another set.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Without the numbers of another set.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether there is no number in it.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many numbers.
    #[must_use]
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// The numbers, ascending.
    pub fn iter(self) -> impl Iterator<Item = usize> + Clone {
        (0..8).filter(move |number| self.has(*number))
    }

    /// The smallest number.
    #[must_use]
    pub fn first(self) -> Option<usize> {
        self.iter().next()
    }

    /// All sets made of these numbers, but for the empty one.
    pub fn parts(self) -> impl Iterator<Item = Self> {
        (1..=self.0).map(Self).filter(move |part| part.without(self).is_empty())
    }
}

impl FromIterator<usize> for Set {
    fn from_iter<I: IntoIterator<Item = usize>>(numbers: I) -> Self {
        numbers.into_iter().fold(Self::EMPTY, |set, number| set.and(Self::of(number)))
    }
}

/// A stored item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Item {
    /// Stands for the bytes; 0 when there is no object.
    pub content: u8,
    /// The id of the reprocess message whose put this was, kept outside the bytes; 0 for a message without.
    pub id: u8,
}

/// Where a source message is. It may be in the queue and among the dead letters at once, in the middle of a redrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Place {
    /// It has been sent.
    pub sent: bool,
    /// It is in the queue, received or not, and not acknowledged.
    pub queued: bool,
    /// It is among the dead letters.
    pub dead: bool,
    /// It was received before, as far as the queue knows. Only kept for the fault that looks at it.
    pub received: bool,
}

/// A mark: the level is dirty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    /// What a conditional delete compares.
    pub token: u8,
    /// Which mark this is, for I4. Nobody in the protocol sees it; a random token is as good as this.
    pub serial: u8,
}

/// The catalog document of a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Catalog {
    /// There is no object.
    #[default]
    Absent,
    /// There is an object, but it does not parse.
    Unreadable,
    /// A catalog.
    Written {
        /// `lazycat:revision`.
        revision: u8,
        /// The scenes of a row, the children of any other level.
        links: Set,
    },
}

impl Catalog {
    /// What it links; nothing when it is absent or unreadable.
    #[must_use]
    pub fn links(self) -> Set {
        match self {
            Self::Written { links, .. } => links,
            Self::Absent | Self::Unreadable => Set::EMPTY,
        }
    }

    /// Whether a HEAD finds it.
    #[must_use]
    pub fn exists(self) -> bool {
        self != Self::Absent
    }
}

/// Where a generator is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BatchStep {
    /// 1. PUT (or DELETE) each item.
    Put,
    /// 2. Put the marks.
    Mark,
    /// 3. Publish.
    Publish,
    /// 4. Acknowledge.
    Acknowledge,
}

/// What a generator remembers of its batch. All sets are of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Batch {
    /// The next step.
    pub step: BatchStep,
    /// What was received.
    pub records: Set,
    /// Those let go by the skip rule.
    pub skipped: Set,
    /// Whether the first half of the next put is done, where an id and its bytes are not written at once.
    pub half: bool,
    /// Those whose put was tried.
    pub tried: Set,
    /// Those that have succeeded in all that was done so far.
    pub sound: Set,
    /// Those whose mark or publish is left out by a fault.
    pub excused: Set,
}

/// What a mover remembers of its page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Page {
    /// The marks as they were read.
    pub marks: [Option<Mark>; LEVELS],
    /// Whether the messages are still to be sent.
    pub unsent: bool,
    /// The levels whose message the queue accepted.
    pub accepted: Set,
    /// The levels whose mark is still to be deleted.
    pub to_delete: Set,
}

/// Where an updater is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UpdateStep {
    /// 1. GET the catalog.
    Get,
    /// 2. LIST, the first page; of a parent, the prefixes.
    List,
    /// 2. LIST, the second page; of a parent, the HEADs.
    ListOn,
    /// 3. and 4. Build and PUT.
    Put,
    /// 5. GET the parent's catalog.
    LookUp,
    /// 5. Mark the parent.
    MarkParent,
    /// 6. Acknowledge.
    Acknowledge,
}

/// What an updater remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Update {
    /// The place of its message in the queue.
    pub message: usize,
    /// The level.
    pub level: usize,
    /// The next step.
    pub step: UpdateStep,
    /// The catalog as it was read.
    pub read: Catalog,
    /// The listing so far.
    pub found: Set,
    /// The catalog that stood there when the LIST began, for I2. Nobody in the protocol sees it.
    pub stood: Catalog,
}

/// A PUT of a catalog, as it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CatalogPut {
    /// The level.
    pub level: usize,
    /// What was read, and is to be replaced.
    pub read: Catalog,
    /// The links of the new catalog.
    pub links: Set,
    /// See [`Update::stood`].
    pub stood: Catalog,
}

/// The write of a process that has died.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Late {
    /// There was none yet.
    #[default]
    None,
    /// A catalog is under way.
    Catalog(CatalogPut),
    /// The item of this message is under way.
    Item(usize),
    /// It was carried out.
    Landed,
    /// Its condition did not hold.
    Refused,
}

/// A state of everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct State {
    /// The stored item of each scene.
    pub items: [Item; SCENES],
    /// The scenes whose item was changed since it was last published, for I8.
    pub unpublished: Set,
    /// Where each source message is.
    pub source: [Place; MESSAGES],
    /// The dirty-level table.
    pub marks: [Option<Mark>; LEVELS],
    /// The update queue. A place is used again only when nobody remembers the message that was there.
    pub queue: [Option<usize>; QUEUE],
    /// The levels sent since the queue began to remember. Only kept for the fault that looks at it.
    pub sent_lately: Set,
    /// The catalogs.
    pub catalogs: [Catalog; LEVELS],
    /// The generators.
    pub generators: [Option<Batch>; PROCESSES],
    /// The movers.
    pub movers: [Option<Page>; PROCESSES],
    /// The updaters.
    pub updaters: [Option<Update>; PROCESSES],
    /// The redrive, between its two steps: the dead letter it works on.
    pub redrive: Option<usize>,
    /// The late write.
    pub late: Late,
    /// How many processes may still die.
    pub crashes: u8,
    /// How many entries of batch calls may still be refused.
    pub refusals: u8,
    /// How many messages may still move to the dead letters.
    pub burials: u8,
    /// How many catalogs may still be damaged.
    pub damages: u8,
    /// A conditional PUT has failed once.
    pub conflict: bool,
    /// I2 was broken by a step.
    pub broken_read_order: bool,
    /// I3 was broken by a step.
    pub broken_chain: bool,
    /// I4 was broken by a step.
    pub broken_token: bool,
}

impl State {
    /// Nothing anywhere.
    #[must_use]
    pub fn empty(protocol: &Protocol) -> Self {
        Self {
            items: [Item::default(); SCENES],
            unpublished: Set::EMPTY,
            source: [Place::default(); MESSAGES],
            marks: [None; LEVELS],
            queue: [None; QUEUE],
            sent_lately: Set::EMPTY,
            catalogs: [Catalog::Absent; LEVELS],
            generators: [None; PROCESSES],
            movers: [None; PROCESSES],
            updaters: [None; PROCESSES],
            redrive: None,
            late: Late::None,
            crashes: protocol.crashes,
            refusals: protocol.refusals,
            burials: protocol.burials,
            damages: protocol.damages,
            conflict: false,
            broken_read_order: false,
            broken_chain: false,
            broken_token: false,
        }
    }
}
