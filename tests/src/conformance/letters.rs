//! Promises about looking at dead letters, and about putting them back.

use std::collections::BTreeSet;

use chrono::DateTime;
use lazycat::message::DeadLetter;
use lazycat::ports::{BuryLetters, HeldLetter, HoldLetters, PutBackLetters, ReceiveMessages};

use super::{LetterReaders, all, done};

/// The letter of this number, of an older number the earlier refused.
fn letter(number: u32) -> DeadLetter {
    let time = |seconds: i64| DateTime::from_timestamp(1_600_000_000 + seconds, 0).unwrap_or_default();
    DeadLetter {
        id: format!("message-{number}"),
        body: format!("body {number:03}\n\t\"{{}}\" é"),
        reason: "xml".to_owned(),
        detail: format!("the detail of {number}"),
        first: time(number.into()),
        last: time(1_000 + i64::from(number)),
        attempts: 3 + number,
    }
}

async fn bury<L: BuryLetters>(letters: &L, numbers: std::ops::Range<u32>) -> Vec<DeadLetter> {
    let all: Vec<DeadLetter> = numbers.map(letter).collect();
    for letter in &all {
        done(letters.bury(letter).await);
    }
    all
}

/// Everything that a reader sees, by what is in it.
pub(super) async fn held<L: HoldLetters>(reader: &L) -> Vec<HeldLetter> {
    let mut held = Vec::new();
    loop {
        match done(reader.hold(10).await) {
            some if some.is_empty() => break,
            some => held.extend(some),
        }
    }
    held.sort_by(|one, other| one.letter.body.cmp(&other.letter.body));
    held
}

fn holds(held: &[HeldLetter]) -> Vec<String> {
    held.iter().map(|held| held.hold.clone()).collect()
}

fn letters_of(held: Vec<HeldLetter>) -> Vec<DeadLetter> {
    held.into_iter().map(|held| held.letter).collect()
}

/// Once.
pub async fn every_letter_is_seen_as_it_was_buried_and_under_an_id_of_its_own<L>(letters: &L)
where
    L: BuryLetters + LetterReaders,
{
    assert!(held(&letters.reader()).await.is_empty());
    let buried = bury(letters, 0..25).await;
    let reader = letters.reader();
    let seen = held(&reader).await;
    let ids: BTreeSet<String> = seen.iter().map(|held| held.id.clone()).collect();
    assert_eq!(ids.len(), 25);
    let holds = holds(&seen);
    assert_eq!(letters_of(seen), buried);
    done(reader.let_go(&holds).await);
    let again: BTreeSet<String> = held(&letters.reader()).await.into_iter().map(|held| held.id).collect();
    assert_eq!(again, ids, "under the same id the next time");
}

/// At least one while there are any.
pub async fn no_more_letters_are_held_at_a_time_than_asked_for<L: BuryLetters + LetterReaders>(letters: &L) {
    bury(letters, 0..5).await;
    let reader = letters.reader();
    let mut seen = 0;
    loop {
        let some = done(reader.hold(2).await).len();
        assert!(some <= 2);
        if some == 0 {
            break;
        }
        seen += some;
    }
    assert_eq!(seen, 5);
}

/// As it was.
pub async fn a_letter_that_was_let_go_of_is_seen_by_the_next_reader<L: BuryLetters + LetterReaders>(letters: &L) {
    let buried = bury(letters, 0..3).await;
    for _ in 0..3 {
        let reader = letters.reader();
        let seen = held(&reader).await;
        let holds = holds(&seen);
        assert_eq!(letters_of(seen), buried);
        done(reader.let_go(&holds).await);
        done(reader.let_go(&holds).await);
    }
}

/// Removing twice is no error.
pub async fn a_removed_letter_is_gone_and_the_others_stay<L: BuryLetters + LetterReaders>(letters: &L) {
    let buried = bury(letters, 0..13).await;
    let reader = letters.reader();
    let holds = holds(&held(&reader).await);
    done(reader.remove(&holds[1..12]).await);
    done(reader.remove(&holds[1..3]).await);
    done(reader.let_go(&holds).await);
    assert_eq!(letters_of(held(&letters.reader()).await), [buried[0].clone(), buried[12].clone()]);
}

/// Also one of the same body: it is refused again, perhaps for another reason, and owed.
pub async fn a_letter_that_came_after_the_look_stays<L: BuryLetters + LetterReaders>(letters: &L) {
    let first = letter(1);
    done(letters.bury(&first).await);
    let reader = letters.reader();
    let holds = holds(&held(&reader).await);
    let again = DeadLetter { reason: "name".to_owned(), last: letter(2).last, ..first.clone() };
    done(letters.bury(&again).await);
    done(reader.remove(&holds).await);
    let left = held(&letters.reader()).await;
    assert_eq!(left.len(), 1);
    let left = &left[0].letter;
    assert_eq!((&left.body, left.reason.as_str(), left.last), (&first.body, "name", again.last));
}

/// As if it were received for the first time.
pub async fn a_letter_that_was_put_back_is_received_unchanged_and_tells_when_it_was_sent_first<Q>(
    queue: &Q,
    _: &dyn Fn(u32),
) where
    Q: PutBackLetters + ReceiveMessages,
{
    let letter = DeadLetter { detail: "d".repeat(2_000_000), ..letter(1) };
    all(queue.put_back(std::slice::from_ref(&letter)).await);
    let deliveries = done(queue.receive(10).await);
    assert_eq!(deliveries.len(), 1);
    let delivery = &deliveries[0];
    assert_eq!((&delivery.body, delivery.receives, delivery.sent), (&letter.body, 1, Some(letter.first)));
    done(queue.acknowledge(std::slice::from_ref(&delivery.receipt)).await);
}

/// Also for none.
pub async fn putting_back_answers_for_each_letter<Q: PutBackLetters + ReceiveMessages>(queue: &Q, _: &dyn Fn(u32)) {
    assert!(queue.put_back(&[]).await.is_empty());
    let letters: Vec<DeadLetter> = (0..23).map(letter).collect();
    assert_eq!(all(queue.put_back(&letters).await).len(), 23);
    let mut received = BTreeSet::new();
    loop {
        match done(queue.receive(10).await) {
            some if some.is_empty() => break,
            some => received.extend(some.into_iter().map(|delivery| delivery.body)),
        }
    }
    assert_eq!(received, letters.into_iter().map(|letter| letter.body).collect());
}
