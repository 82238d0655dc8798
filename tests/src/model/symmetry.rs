//! States that differ in names only are one, which makes far fewer of them.

use super::state::{Catalog, LEVELS, Late, Mark, PROCESSES, QUEUE, State};

impl State {
    /// Renames what may be renamed, so that states that differ in names only are one. Processes of a kind are alike:
    /// they are sorted, the idle ones last. So are the messages of the update queue. Tokens are only ever compared
    /// with each other, and revisions with their like and their successors.
    pub fn canonical(&mut self) {
        (0..LEVELS).for_each(|level| self.shift_revisions(level));
        self.sort_queue();
        self.rename_tokens();
        self.generators.sort_unstable_by(|one, other| other.cmp(one));
        self.movers.sort_unstable_by(|one, other| other.cmp(one));
        self.updaters.sort_unstable_by(|one, other| other.cmp(one));
    }

    /// Counts the revisions of a level from the lowest that anybody remembers.
    fn shift_revisions(&mut self, level: usize) {
        let mut catalogs: [Option<&mut Catalog>; 1 + 2 * PROCESSES + 2] = Default::default();
        let updates = self.updaters.iter_mut().flatten().filter(|update| update.level == level);
        let late = match &mut self.late {
            Late::Catalog(put) if put.level == level => Some(put),
            _ => None,
        };
        let remembered = updates
            .flat_map(|update| [&mut update.read, &mut update.stood])
            .chain(late.into_iter().flat_map(|put| [&mut put.read, &mut put.stood]))
            .chain([&mut self.catalogs[level]]);
        catalogs.iter_mut().zip(remembered).for_each(|(place, catalog)| *place = Some(catalog));
        let mut revisions = catalogs.into_iter().flatten().filter_map(|catalog| match catalog {
            Catalog::Written { revision, .. } => Some(revision),
            Catalog::Absent | Catalog::Unreadable => None,
        });
        let mut all: [Option<&mut u8>; 1 + 2 * PROCESSES + 2] = std::array::from_fn(|_| revisions.next());
        let lowest = all.iter().flatten().map(|revision| **revision).min().unwrap_or(1);
        all.iter_mut().flatten().for_each(|revision| **revision -= lowest - 1);
    }

    /// Sorts the queue by level, then by who remembers the message, and tells the updaters the new places.
    fn sort_queue(&mut self) {
        let rememberer = |place: usize| {
            let mut updaters = self.updaters.iter().flatten().filter(|update| update.message == place);
            (updaters.next(), updaters.next())
        };
        let mut order: [usize; QUEUE] = std::array::from_fn(|place| place);
        order.sort_by_key(|place| {
            let (one, other) = rememberer(*place);
            (self.queue[*place].is_none() && one.is_none(), self.queue[*place], one, other)
        });
        let queue = self.queue;
        for (new, old) in order.into_iter().enumerate() {
            self.queue[new] = queue[old];
        }
        for update in self.updaters.iter_mut().flatten() {
            update.message = order.iter().position(|old| *old == update.message).unwrap_or(update.message);
        }
    }

    /// Numbers the tokens in the order in which they stand in the state.
    fn rename_tokens(&mut self) {
        let mut names = [0_u8; 16];
        let mut last = 0;
        let pages = self.movers.iter_mut().flatten().flat_map(|page| page.marks.iter_mut());
        for mark in self.marks.iter_mut().chain(pages).flatten() {
            let name = &mut names[usize::from(mark.serial)];
            if *name == 0 {
                last += 1;
                *name = last;
            }
            *mark = Mark { token: *name, serial: *name };
        }
    }
}
