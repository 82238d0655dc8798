//! How a deployed stack is doing, as far as its queues, its table and its bucket tell.

use std::sync::atomic::{AtomicU64, Ordering};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::listing::Listing;
use super::queue::Queue;
use super::stack::{Stack, StackError};
use super::{Clients, DeadLetterQueue, DirtyLevels, World};
use crate::missions::SATELLITES;
use crate::ports::{Clock as _, PortResult, ReadMarks as _};
use crate::redrive::{self, Kind, Selection};
use crate::status::{self, Census, Items, Marks, Reason, Status};

/// How many cameras are listed at a time.
const AT_ONCE: usize = 8;

/// What is not asked for here.
const UNKNOWN: &str = "how long the oldest message of a queue has waited, only CloudWatch knows: \
                       ApproximateAgeOfOldestMessage, on the stack's dashboard";

/// How a stack is doing. With `all`, dead letters are looked at, for their reasons, and all items are listed; `counted`
/// is told how many items there are so far.
///
/// Needs `sqs:GetQueueAttributes` on the queues, `dynamodb:Scan` on the table; with `all` `sqs:ReceiveMessage` and
/// `sqs:ChangeMessageVisibility` on the dead letters and `s3:ListBucket` on the catalog.
///
/// # Errors
///
/// [`StackError`].
pub async fn status(
    clients: &Clients,
    stack: &Stack,
    all: bool,
    counted: impl Fn(u64) + Sync,
) -> Result<Status, StackError> {
    let mut queues = Vec::with_capacity(Kind::OF_A_STACK.len());
    for kind in Kind::OF_A_STACK {
        queues.push(queue(clients, stack, kind, all).await?);
    }
    let table = DirtyLevels::new(clients.dynamodb.clone(), stack.output("DirtyLevels")?);
    let marks = marks(&table).await?;
    let bucket = stack.output("CatalogBucket")?;
    let items = if all { Some(items(clients, bucket, &counted).await?) } else { None };
    Ok(Status { at: World.now(), queues, marks, items, unknown: vec![UNKNOWN.to_owned()] })
}

async fn queue(clients: &Clients, stack: &Stack, kind: Kind, all: bool) -> Result<status::Queue, StackError> {
    let (queue, letters) = stack.urls(kind)?;
    let depth = Queue::new(clients.sqs.clone(), queue).depth().await?;
    let dead = Queue::new(clients.sqs.clone(), letters).depth().await?;
    let dead_letters = dead.visible + dead.in_flight + dead.delayed;
    let mut reasons = Vec::new();
    if all && dead_letters > 0 {
        let letters = DeadLetterQueue::new(clients.sqs.clone(), letters);
        let listing = redrive::list(&letters, kind, &Selection::default(), |_| ()).await?;
        let groups = listing.groups.into_iter();
        reasons.extend(groups.map(|group| Reason {
            reason: group.reason,
            count: group.count,
            oldest: group.oldest,
            newest: group.newest,
        }));
    }
    Ok(status::Queue {
        queue: kind,
        visible: depth.visible,
        in_flight: depth.in_flight,
        delayed: depth.delayed,
        oldest: None,
        dead_letters,
        reasons,
    })
}

async fn marks(table: &DirtyLevels) -> PortResult<Marks> {
    let mut marks = Marks::default();
    let mut from = None;
    loop {
        let page = table.scan(from.as_ref()).await?;
        marks.count += page.marks.len() as u64;
        let oldest = page.marks.iter().map(|mark| mark.since).min();
        marks.oldest = marks.oldest.into_iter().chain(oldest).min();
        from = page.next;
        if from.is_none() {
            return Ok(marks);
        }
    }
}

/// Counts the items of all cameras: a request for each thousand.
async fn items(clients: &Clients, bucket: &str, counted: &(impl Fn(u64) + Sync)) -> PortResult<Items> {
    let now = World.now();
    let so_far = AtomicU64::new(0);
    let cameras = SATELLITES
        .iter()
        .flat_map(|satellite| satellite.cameras.iter().map(|camera| format!("{}/{}/", satellite.folder, camera.name)));
    let count = async |prefix: String| {
        let listing = Listing { s3: &clients.s3, bucket, prefix: &prefix, payer: None, keys_a_page: None };
        let mut census = Census::new(now);
        let mut after: Option<String> = None;
        loop {
            let page = listing.page(after.as_deref()).await?;
            let before = census.count();
            page.objects.iter().for_each(|object| census.add(&object.key, object.modified));
            let new = census.count() - before;
            counted(so_far.fetch_add(new, Ordering::Relaxed) + new);
            match page.objects.into_iter().next_back() {
                Some(last) if page.more => after = Some(last.key),
                _ => return PortResult::Ok(census.items()),
            }
        }
    };
    let counts: Vec<Items> = stream::iter(cameras.map(count)).buffer_unordered(AT_ONCE).try_collect().await?;
    Ok(counts.into_iter().fold(Items::default(), Items::and))
}
