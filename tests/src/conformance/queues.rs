//! Promises about queues. `advance` moves the queue's clock by so many seconds.

use std::collections::BTreeSet;

use lazycat::ports::{Delivery, ReceiveMessages, SendMessages};

use super::{VISIBILITY_SECONDS, all, done, strings};

/// A clock that can be moved.
type Advance<'a> = &'a dyn Fn(u32);

/// Everything that is visible.
async fn receive_all<Q: ReceiveMessages>(queue: &Q, most: usize) -> Vec<Delivery> {
    let mut deliveries = Vec::new();
    loop {
        let some = done(queue.receive(most).await);
        assert!(some.len() <= most);
        if some.is_empty() {
            deliveries.sort_by(|one: &Delivery, other| one.body.cmp(&other.body));
            return deliveries;
        }
        deliveries.extend(some);
    }
}

async fn receive_one<Q: ReceiveMessages>(queue: &Q) -> Delivery {
    let mut deliveries = receive_all(queue, 10).await;
    assert_eq!(deliveries.len(), 1);
    deliveries.remove(0)
}

async fn is_empty<Q: ReceiveMessages>(queue: &Q) -> bool {
    done(queue.receive(10).await).is_empty()
}

fn receipts(deliveries: &[Delivery]) -> Vec<String> {
    deliveries.iter().map(|delivery| delivery.receipt.clone()).collect()
}

/// Byte for byte, for the first time.
pub async fn a_message_is_received_as_it_was_sent<Q: SendMessages + ReceiveMessages>(queue: &Q, _: Advance<'_>) {
    assert!(is_empty(queue).await);
    let mut bodies = strings(&["a", "b\n\t\"{}\\ é 日本", "c"]);
    bodies[2].push_str(&"x".repeat(200_000));
    assert_eq!(all(queue.send(&bodies).await).len(), 3);
    let deliveries = receive_all(queue, 10).await;
    let received: Vec<_> = deliveries.iter().map(|delivery| delivery.body.clone()).collect();
    assert!(received == bodies);
    assert!(deliveries.iter().all(|delivery| delivery.receives == 1 && delivery.sent.is_some()));
    let ids: BTreeSet<_> = deliveries.iter().map(|delivery| &delivery.id).collect();
    assert_eq!(ids.len(), 3);
}

/// Nobody gets what another has received.
pub async fn every_message_is_received_and_no_more_at_a_time_than_asked_for<Q: SendMessages + ReceiveMessages>(
    queue: &Q,
    _: Advance<'_>,
) {
    let bodies: Vec<String> = (0..57).map(|number| format!("{number:02}")).collect();
    for batch in bodies.chunks(10) {
        all(queue.send(batch).await);
    }
    let deliveries = receive_all(queue, 3).await;
    let received: Vec<_> = deliveries.into_iter().map(|delivery| delivery.body).collect();
    assert_eq!(received, bodies);
}

/// And comes back with the same id, counted.
pub async fn a_received_message_is_invisible_until_its_time_out<Q: SendMessages + ReceiveMessages>(
    queue: &Q,
    advance: Advance<'_>,
) {
    all(queue.send(&strings(&["a"])).await);
    let mut first = receive_one(queue).await;
    for receives in 2..5 {
        assert!(is_empty(queue).await);
        advance(VISIBILITY_SECONDS - 1);
        assert!(is_empty(queue).await);
        advance(2);
        let next = receive_one(queue).await;
        assert_eq!(next.receives, receives);
        assert_eq!((&next.id, &next.body, next.sent), (&first.id, &first.body, first.sent));
        assert_ne!(next.receipt, first.receipt);
        first = next;
    }
}

/// Only that one. Acknowledging twice is no error.
pub async fn an_acknowledged_message_never_comes_back<Q: SendMessages + ReceiveMessages>(
    queue: &Q,
    advance: Advance<'_>,
) {
    all(queue.send(&strings(&["a", "b", "c"])).await);
    let deliveries = receive_all(queue, 10).await;
    let receipts = receipts(&deliveries);
    done(queue.acknowledge(&receipts[..2]).await);
    done(queue.acknowledge(&receipts[..1]).await);
    advance(VISIBILITY_SECONDS + 1);
    let left = receive_one(queue).await;
    assert_eq!((left.body.as_str(), left.receives), ("c", 2));
    done(queue.acknowledge(&[left.receipt]).await);
    advance(VISIBILITY_SECONDS + 1);
    assert!(is_empty(queue).await);
}

/// Its receipt is still that of the latest delivery.
pub async fn a_late_acknowledgement_counts_while_nobody_else_has_received<Q: SendMessages + ReceiveMessages>(
    queue: &Q,
    advance: Advance<'_>,
) {
    all(queue.send(&strings(&["a"])).await);
    let late = receive_one(queue).await;
    advance(VISIBILITY_SECONDS + 1);
    done(queue.acknowledge(&[late.receipt]).await);
    assert!(is_empty(queue).await);
}

/// Somebody else has the message now: it is neither deleted nor released.
pub async fn an_older_receipt_does_nothing<Q: SendMessages + ReceiveMessages>(queue: &Q, advance: Advance<'_>) {
    all(queue.send(&strings(&["a"])).await);
    let old = receive_one(queue).await.receipt;
    advance(VISIBILITY_SECONDS + 1);
    let new = receive_one(queue).await;
    done(queue.acknowledge(std::slice::from_ref(&old)).await);
    done(queue.release(&[old], 0).await);
    assert!(is_empty(queue).await, "released by an old receipt");
    advance(VISIBILITY_SECONDS + 1);
    let newer = receive_one(queue).await;
    assert_eq!(newer.receives, new.receives + 1);
    done(queue.acknowledge(&[newer.receipt]).await);
    advance(VISIBILITY_SECONDS + 1);
    assert!(is_empty(queue).await);
}

/// And counted, since it was received.
pub async fn a_released_message_is_visible_at_once_or_after_its_delay<Q: SendMessages + ReceiveMessages>(
    queue: &Q,
    advance: Advance<'_>,
) {
    all(queue.send(&strings(&["a", "b"])).await);
    let deliveries = receive_all(queue, 10).await;
    let both = receipts(&deliveries);
    done(queue.release(&both[..1], 0).await);
    done(queue.release(&both[1..], 30).await);
    let at_once = receive_one(queue).await;
    assert_eq!((at_once.body.as_str(), at_once.receives), ("a", 2));
    advance(29);
    assert!(is_empty(queue).await);
    advance(2);
    let delayed = receive_one(queue).await;
    assert_eq!((delayed.body.as_str(), delayed.receives), ("b", 2));
    // Longer than it would have been invisible without.
    done(queue.release(&[delayed.receipt], VISIBILITY_SECONDS * 3).await);
    done(queue.acknowledge(&[at_once.receipt]).await);
    advance(VISIBILITY_SECONDS * 2);
    assert!(is_empty(queue).await);
    advance(VISIBILITY_SECONDS + 1);
    assert_eq!(receive_one(queue).await.receives, 3);
}

/// Also when it is the only one, received as often.
pub async fn a_new_message_never_fits_an_old_receipt<Q: SendMessages + ReceiveMessages>(
    queue: &Q,
    advance: Advance<'_>,
) {
    let mut old = Vec::new();
    for body in ["a", "b", "c"] {
        all(queue.send(&strings(&[body])).await);
        let delivery = receive_one(queue).await;
        done(queue.acknowledge(&old).await);
        done(queue.release(&old, 0).await);
        assert!(is_empty(queue).await);
        advance(VISIBILITY_SECONDS + 1);
        let delivery = {
            let again = receive_one(queue).await;
            assert_eq!((&again.body, again.receives), (&delivery.body, 2));
            old.push(delivery.receipt);
            again
        };
        done(queue.acknowledge(std::slice::from_ref(&delivery.receipt)).await);
        old.push(delivery.receipt);
    }
}

/// Of all calls.
pub async fn an_empty_batch_is_no_error<Q: SendMessages + ReceiveMessages>(queue: &Q, _: Advance<'_>) {
    assert!(queue.send(&[]).await.is_empty());
    done(queue.acknowledge(&[]).await);
    done(queue.release(&[], 5).await);
    assert!(is_empty(queue).await);
}
