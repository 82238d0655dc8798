//! Promises about dead letters, scene metadata and item topics.

use chrono::{DateTime, TimeDelta, Utc};
use lazycat::message::{Audience, DeadLetter, ItemEvent, ItemMessage};
use lazycat::ports::{PortError, PublishItems, ReadSource, SourceObject};

use super::{KeptLetters, SOURCE, SOURCE_BUCKET, all, done};

fn time(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_500_000_000 + seconds)
}

fn letter(body: &str, reason: &str, seconds: i64) -> DeadLetter {
    DeadLetter {
        id: format!("id of {body}"),
        body: body.to_owned(),
        reason: reason.to_owned(),
        detail: format!("{body}: found this, expected that"),
        first: time(seconds),
        last: time(seconds + 60),
        attempts: 3,
    }
}

/// And everything else that is said about it.
pub async fn a_dead_letter_is_kept_with_its_reason<L: KeptLetters>(letters: &L) {
    let buried = [letter("{\n\"é\"}", "xml", 0), letter("b", "unknown-bucket", 5)];
    for letter in &buried {
        done(letters.bury(letter).await);
    }
    assert_eq!(letters.kept().await, buried);
}

/// Once or twice; and the newest reason is there.
pub async fn a_message_that_is_refused_again_stays_a_dead_letter<L: KeptLetters>(letters: &L) {
    done(letters.bury(&letter("a", "xml", 0)).await);
    done(letters.bury(&letter("a", "grid", 500)).await);
    let kept = letters.kept().await;
    assert!(kept.iter().all(|letter| letter.body == "a"));
    let newest = kept.last().map(|letter| (letter.reason.as_str(), letter.last));
    assert_eq!(newest, Some(("grid", time(560))));
    assert_eq!(kept.iter().map(|letter| letter.first).min(), Some(time(0)));
    assert_eq!(kept.iter().map(|letter| letter.attempts).sum::<u32>(), 6);
}

fn object(key: &str) -> SourceObject {
    SourceObject { bucket: SOURCE_BUCKET.to_owned(), key: key.to_owned(), file: None }
}

/// One that is missing fails alone.
pub async fn a_read_answers_for_each_object_in_order<S: ReadSource>(source: &S) {
    let objects = [object(SOURCE[1].0), object("CBERS4/none.xml"), object(SOURCE[0].0), object("CBERS4")];
    let read = source.read(&objects, 1_000).await;
    assert_eq!(read.len(), objects.len());
    assert_eq!(read[0].as_deref().ok(), Some(SOURCE[1].1.as_bytes()));
    assert_eq!(read[2].as_deref().ok(), Some(SOURCE[0].1.as_bytes()));
    for missing in [&read[1], &read[3]] {
        assert!(matches!(missing, Err(PortError::NotFound { .. })), "{missing:?}");
    }
    assert!(source.read(&[], 1_000).await.is_empty());
}

/// The error says how long it is.
pub async fn an_object_may_be_as_long_as_the_limit_and_no_longer<S: ReadSource>(source: &S) {
    let (key, content) = SOURCE[0];
    let length = content.len() as u64;
    let mut read = source.read(&[object(key)], length).await;
    assert_eq!(done(read.remove(0)), content.as_bytes());
    let read = source.read(&[object(key), object(SOURCE[1].0)], length - 1).await;
    assert!(
        matches!(read[0], Err(PortError::TooLarge { size, limit, .. }) if size == length && limit == length - 1),
        "{:?}",
        read[0]
    );
    assert!(read[1].is_ok());
}

/// Puts and withdrawals.
pub async fn publishing_answers_for_each_message<T: PublishItems>(topic: &T) {
    let put = ItemMessage {
        key: "a/one.json".to_owned(),
        audience: Audience::Public,
        event: ItemEvent::Put(Box::new((&stac::Item::new("one")).into())),
    };
    let withdrawn = ItemMessage {
        key: "a/two.json".to_owned(),
        audience: Audience::Internal,
        event: ItemEvent::Withdrawn { collection: "CBERS4-MUX".to_owned(), id: "two".to_owned(), time: time(0) },
    };
    assert_eq!(all(topic.publish(&[put, withdrawn]).await).len(), 2);
    assert!(topic.publish(&[]).await.is_empty());
}
