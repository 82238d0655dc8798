//! The promises of the ports, as plain functions that every set of adapters must pass.
//!
//! Each function is one sentence of `lazycat::ports`. It starts from an empty world and takes only the ports that it
//! speaks of. [`conformance!`](crate::conformance!) makes a test of each, for one set of adapters:
//!
//! ```text
//! mod memory {
//!     fn world() -> World<Objects, Marks, Queue, Letters, Sources, Topic> { .. }
//!     lazycat_tests::conformance!(super::world());
//! }
//! ```

// A promise that is not kept ends the test.
#![allow(clippy::panic)]

pub mod checkpoints;
pub mod indexes;
pub mod inspections;
pub mod letters;
pub mod listings;
pub mod marks;
pub mod objects;
pub mod queues;
pub mod rest;
pub mod searches;
pub mod sources;

use std::any::Any;

use lazycat::level::Level;
use lazycat::message::DeadLetter;
use lazycat::ports::{BuryLetters, HoldLetters, ItemPut, PortResult};

/// One set of adapters, empty but for its source.
pub struct World<O, M, Q, L, S, T> {
    /// The objects of a catalog.
    pub objects: O,
    /// The dirty levels.
    pub marks: M,
    /// A queue whose visibility time-out is [`VISIBILITY_SECONDS`].
    pub queue: Q,
    /// The dead letters of a queue.
    pub letters: L,
    /// Scene metadata: the objects of [`SOURCE`], and no others.
    pub source: S,
    /// The item topics.
    pub topic: T,
    /// Moves the queue's time forward by so many seconds.
    pub advance: Box<dyn Fn(u32)>,
    /// What runs the futures of the adapters.
    pub runtime: Runtime,
    /// Whatever must live as long.
    pub keep: Box<dyn Any>,
}

/// What runs futures to their end.
pub enum Runtime {
    /// The thread that asks, with nothing around it.
    Thread,
    /// A tokio runtime.
    Tokio(tokio::runtime::Runtime),
}

impl Runtime {
    /// Runs a future to its end.
    pub fn run<F: Future>(&self, future: F) -> F::Output {
        match self {
            Self::Thread => futures::executor::block_on(future),
            Self::Tokio(runtime) => runtime.block_on(future),
        }
    }
}

/// The visibility time-out of the queue in a [`World`], in seconds.
pub const VISIBILITY_SECONDS: u32 = 100;

/// The bucket of the source of a [`World`].
pub const SOURCE_BUCKET: &str = "bucket";

/// What the source of a [`World`] holds: keys and contents.
pub const SOURCE: [(&str, &str); 2] = [("CBERS4/four.xml", "four"), ("empty.xml", "")];

/// Dead letters that can be read back.
pub trait KeptLetters: BuryLetters {
    /// All letters that are kept, in the order in which they came.
    fn kept(&self) -> impl Future<Output = Vec<DeadLetter>>;
}

/// Dead letters that can be looked at, by one after the other.
pub trait LetterReaders {
    /// Somebody who has seen none of them yet.
    fn reader(&self) -> impl HoldLetters;
}

impl LetterReaders for lazycat::memory::Letters {
    fn reader(&self) -> impl HoldLetters {
        self.clone()
    }
}

impl LetterReaders for lazycat::aws::DeadLetterQueue {
    fn reader(&self) -> impl HoldLetters {
        self.clone()
    }
}

impl LetterReaders for lazycat::local::DeadLetters {
    fn reader(&self) -> impl HoldLetters {
        self.reader()
    }
}

impl KeptLetters for lazycat::memory::Letters {
    async fn kept(&self) -> Vec<DeadLetter> {
        self.snapshot()
    }
}

impl KeptLetters for lazycat::aws::DeadLetterQueue {
    async fn kept(&self) -> Vec<DeadLetter> {
        let mut letters: Vec<DeadLetter> = letters::held(self).await.into_iter().map(|held| held.letter).collect();
        // The queue gives them in any order.
        letters.sort_by_key(|letter| letter.last);
        letters
    }
}

impl KeptLetters for lazycat::local::DeadLetters {
    async fn kept(&self) -> Vec<DeadLetter> {
        let letters = self.page(0, usize::MAX).unwrap_or_default();
        letters.into_iter().map(|kept| kept.letter).collect()
    }
}

/// One test for each promise. The expression makes a fresh [`World`] each time; a second one makes those in which time
/// is moved. `pages of` a world makes only those about what is read page by page; `checkpoints of` a runtime and an adapter
/// those about checkpoints.
#[macro_export]
macro_rules! conformance {
    (pages of $world:expr) => {
        $crate::conformance! { @objects $world;
            listings::a_level_without_objects_lists_nothing,
            listings::a_listing_ends_at_the_borders_of_its_level,
            listings::the_root_lists_what_stands_at_the_top,
            listings::names_are_ascending_by_their_bytes,
            listings::a_deleted_object_is_not_listed,
            listings::what_stands_throughout_is_in_exactly_one_page,
            listings::a_flat_listing_gives_every_key_of_its_prefix_once_and_in_order,
            listings::a_flat_listing_goes_on_behind_any_key,
            listings::an_object_is_inspected_as_it_was_written,
        }
        $crate::conformance! { @marks $world;
            marks::a_mark_is_scanned_as_it_was_put,
            marks::a_second_mark_takes_the_place_of_the_first,
            marks::the_since_of_a_mark_that_stands_is_kept,
            marks::a_mark_is_removed_by_its_own_token_only,
            marks::removing_answers_for_each_mark_in_order,
            marks::a_scan_gives_every_mark_once,
            marks::a_mark_that_stands_throughout_is_in_one_of_the_pages,
        }
    };
    (checkpoints of $runtime_and_checkpoints:expr) => {
        $crate::conformance! { @@ $runtime_and_checkpoints;
            checkpoints::a_checkpoint_is_read_as_it_was_kept,
            checkpoints::checkpoints_of_different_names_are_apart,
            checkpoints::a_checkpoint_is_kept_only_over_what_was_expected,
            checkpoints::a_checkpoint_that_stands_already_counts_as_kept,
            checkpoints::a_checkpoint_is_forgotten_only_as_expected,
        }
    };
    ($world:expr) => {
        $crate::conformance!($world; $world);
    };
    ($world:expr; $timed:expr) => {
        $crate::conformance! { @objects $world;
            objects::an_object_is_absent_until_it_is_written,
            objects::any_bytes_come_back_as_they_were_written,
            objects::equal_content_has_an_equal_tag,
            objects::a_conditional_write_needs_the_tag_that_was_read,
            objects::a_write_that_expects_nothing_fails_where_something_stands,
            objects::a_write_that_expects_a_tag_fails_where_nothing_stands,
            objects::content_that_comes_back_brings_its_tag_back,
            objects::of_many_writes_that_expect_the_same_one_is_made,
            objects::an_item_is_written_whatever_stands_there,
            objects::a_read_of_items_answers_for_each_key_in_order,
            objects::of_one_key_twice_in_a_batch_the_last_stays,
            objects::the_message_id_of_the_last_put_is_kept,
            objects::a_put_without_message_id_clears_it,
            objects::a_deleted_item_is_gone_with_its_message_id,
            objects::deleting_what_is_not_there_succeeds,
            objects::items_are_objects_of_the_catalog,
            objects::a_key_that_could_leave_the_catalog_fails_alone,
        }
        $crate::conformance!(pages of $world);
        $crate::conformance! { @queue $timed;
            queues::a_message_is_received_as_it_was_sent,
            queues::every_message_is_received_and_no_more_at_a_time_than_asked_for,
            queues::a_received_message_is_invisible_until_its_time_out,
            queues::an_acknowledged_message_never_comes_back,
            queues::a_late_acknowledgement_counts_while_nobody_else_has_received,
            queues::an_older_receipt_does_nothing,
            queues::a_released_message_is_visible_at_once_or_after_its_delay,
            queues::a_new_message_never_fits_an_old_receipt,
            queues::an_empty_batch_is_no_error,
        }
        $crate::conformance! { @letters $world;
            rest::a_dead_letter_is_kept_with_its_reason,
            rest::a_message_that_is_refused_again_stays_a_dead_letter,
            letters::every_letter_is_seen_as_it_was_buried_and_under_an_id_of_its_own,
            letters::no_more_letters_are_held_at_a_time_than_asked_for,
            letters::a_letter_that_was_let_go_of_is_seen_by_the_next_reader,
            letters::a_removed_letter_is_gone_and_the_others_stay,
            letters::a_letter_that_came_after_the_look_stays,
        }
        $crate::conformance! { @queue $world;
            letters::a_letter_that_was_put_back_is_received_unchanged_and_tells_when_it_was_sent_first,
            letters::putting_back_answers_for_each_letter,
        }
        $crate::conformance! { @source $world;
            rest::a_read_answers_for_each_object_in_order,
            rest::an_object_may_be_as_long_as_the_limit_and_no_longer,
        }
        $crate::conformance! { @topic $world;
            rest::publishing_answers_for_each_message,
        }
    };
    (@queue $world:expr; $($module:ident::$law:ident,)*) => { $(
        #[test]
        fn $law() {
            let world = $world;
            world.runtime.run($crate::conformance::$module::$law(&world.queue, &*world.advance));
        }
    )* };
    (@@ $alone:expr; $($module:ident::$law:ident,)*) => { $(
        #[test]
        fn $law() {
            let (runtime, port) = $alone;
            runtime.run($crate::conformance::$module::$law(&port));
        }
    )* };
    (@$port:ident $world:expr; $($module:ident::$law:ident,)*) => { $(
        #[test]
        fn $law() {
            let world = $world;
            world.runtime.run($crate::conformance::$module::$law(&world.$port));
        }
    )* };
}

/// An item to put.
fn item(key: &str, bytes: &str, message_id: Option<&str>) -> ItemPut {
    ItemPut { key: key.to_owned(), bytes: bytes.as_bytes().to_vec(), message_id: message_id.map(str::to_owned) }
}

fn level(key: &str) -> Level {
    Level::parse(key).unwrap_or_else(|error| panic!("{error}"))
}

/// The value, or the end of the test.
#[track_caller]
fn done<T>(result: PortResult<T>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

/// The values of a batch, or the end of the test.
#[track_caller]
fn all<T>(results: Vec<PortResult<T>>) -> Vec<T> {
    results.into_iter().map(done).collect()
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
