//! Promises about the table of dirty levels.

use chrono::{DateTime, TimeDelta, Utc};
use lazycat::level::{Level, Mark, Token};
use lazycat::ports::{MarkLevels, PageToken, ReadMarks, RemoveMarks};

use super::{all, done, level};

fn time(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::milliseconds(1_500_000_000_125 + seconds * 1_000)
}

fn mark(level: Level, token: &str, since: i64) -> Mark {
    Mark { level, token: Token(token.to_owned()), since: time(since) }
}

/// All pages together, by level.
async fn scan<T: ReadMarks>(table: &T) -> Vec<Mark> {
    let mut marks = Vec::new();
    let mut from: Option<PageToken> = None;
    loop {
        let page = done(table.scan(from.as_ref()).await);
        marks.extend(page.marks);
        from = page.next;
        if from.is_none() {
            marks.sort_by(|one, other| one.level.cmp(&other.level));
            return marks;
        }
    }
}

/// The root too.
pub async fn a_mark_is_scanned_as_it_was_put<T: MarkLevels + ReadMarks + RemoveMarks>(table: &T) {
    assert!(scan(table).await.is_empty());
    assert!(table.mark(&[]).await.is_empty());
    let marks =
        [mark(Level::root(), "r", 5), mark(level("CBERS4"), "s", -7), mark(level("CBERS4/MUX/057/121"), "t", 0)];
    assert_eq!(all(table.mark(&marks).await).len(), marks.len());
    assert_eq!(scan(table).await, marks);
}

/// A mark is put also where one stands: its token is the new one.
pub async fn a_second_mark_takes_the_place_of_the_first<T: MarkLevels + ReadMarks + RemoveMarks>(table: &T) {
    all(table.mark(&[mark(level("a"), "1", 0), mark(level("b"), "2", 0)]).await);
    all(table.mark(&[mark(level("a"), "3", 0)]).await);
    assert_eq!(scan(table).await, [mark(level("a"), "3", 0), mark(level("b"), "2", 0)]);
}

/// Whether it is the earlier or the later.
pub async fn the_since_of_a_mark_that_stands_is_kept<T: MarkLevels + ReadMarks + RemoveMarks>(table: &T) {
    for (token, since, kept) in [("1", 10, 10), ("2", 20, 10), ("3", 5, 10), ("4", 12, 10)] {
        all(table.mark(&[mark(level("a"), token, since)]).await);
        assert_eq!(scan(table).await, [mark(level("a"), token, kept)]);
    }
    // It goes with the mark.
    all(table.remove(&[(level("a"), Token("4".to_owned()))]).await);
    all(table.mark(&[mark(level("a"), "5", 30)]).await);
    assert_eq!(scan(table).await, [mark(level("a"), "5", 30)]);
}

/// The mark that stands may be another than the one that was read.
pub async fn a_mark_is_removed_by_its_own_token_only<T: MarkLevels + ReadMarks + RemoveMarks>(table: &T) {
    all(table.mark(&[mark(level("a"), "1", 0)]).await);
    all(table.mark(&[mark(level("a"), "2", 0)]).await);
    let remove = async |token: &str| {
        let removed = table.remove(&[(level("a"), Token(token.to_owned()))]).await;
        all(removed) == [true]
    };
    assert!(!remove("1").await);
    assert_eq!(scan(table).await, [mark(level("a"), "2", 0)]);
    assert!(remove("2").await);
    assert!(!remove("2").await);
    assert!(scan(table).await.is_empty());
}

/// Each by itself.
pub async fn removing_answers_for_each_mark_in_order<T: MarkLevels + ReadMarks + RemoveMarks>(table: &T) {
    let marks: Vec<Mark> = ["a", "a/b", "c"].map(|key| mark(level(key), key, 0)).into();
    all(table.mark(&marks).await);
    let entry = |key: &str, token: &str| (level(key), Token(token.to_owned()));
    let removed = table.remove(&[entry("c", "c"), entry("a/b", "old"), entry("none", "n"), entry("a", "a")]).await;
    assert_eq!(all(removed), [true, false, false, true]);
    assert_eq!(scan(table).await, [marks[1].clone()]);
    assert!(table.remove(&[]).await.is_empty());
}

/// More than a page.
pub async fn a_scan_gives_every_mark_once<T: MarkLevels + ReadMarks + RemoveMarks>(table: &T) {
    let marks: Vec<Mark> =
        (0..250).map(|number| mark(level(&format!("l/{number:03}")), &format!("t{number}"), number)).collect();
    for batch in marks.chunks(25) {
        all(table.mark(batch).await);
    }
    assert_eq!(scan(table).await, marks);
}

/// Whatever is marked, marked again and removed between two pages.
pub async fn a_mark_that_stands_throughout_is_in_one_of_the_pages<T: MarkLevels + ReadMarks + RemoveMarks>(table: &T) {
    let standing: Vec<Level> = (0..30).map(|number| level(&format!("m/{number:02}"))).collect();
    let marks: Vec<Mark> = standing.iter().map(|level| mark(level.clone(), "old", 0)).collect();
    all(table.mark(&marks).await);
    let mut seen: Vec<Level> = Vec::new();
    let mut from: Option<PageToken> = None;
    for round in 0.. {
        let page = done(table.scan(from.as_ref()).await);
        seen.extend(page.marks.into_iter().map(|mark| mark.level));
        from = page.next;
        if from.is_none() {
            break;
        }
        if round < 100 {
            let passing: Vec<Mark> =
                ["a", "m", "z"].map(|at| mark(level(&format!("{at}/x{round}")), "passing", 0)).into();
            all(table.mark(&passing).await);
            all(table.mark(&[mark(standing[round % 30].clone(), "new", 0)]).await);
            if round % 2 == 1 {
                let gone: Vec<_> = passing.into_iter().map(|mark| (mark.level, mark.token)).collect();
                all(table.remove(&gone).await);
            }
        }
    }
    seen.retain(|level| standing.contains(level));
    seen.sort();
    assert_eq!(seen, standing);
}
