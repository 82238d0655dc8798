//! The queues.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message,
    MessageSystemAttributeName, QueueAttributeName, SendMessageBatchRequestEntry,
};
use chrono::{DateTime, Utc};

use super::batch::{Answers, MOST_ENTRIES, all_failed, batches, bounded, check_text};
use super::failure::{failed, failed_entry, unavailable, wanting};
use super::letters::{self, Attribute};
use crate::message::{DeadLetter, LevelMessage};
use crate::ports::{
    Delivery, PortError, PortResult, PutBackLetters, ReceiveMessages, SendLevels, SendMessages, WatchQueues,
};

/// The most bytes of a message, its attributes included, and of all messages of a batch together.
pub(super) const MOST_BYTES: usize = 1024 * 1024;

/// The longest that a message can be made invisible: 12 hours.
const MOST_SECONDS: u32 = 43_200;

/// What is said about a receipt that is not that of the latest delivery.
const OLD_RECEIPT: [&str; 3] =
    ["ReceiptHandleIsInvalid", "MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight"];

/// How many messages a queue holds.
pub(super) struct Depth {
    pub(super) visible: u64,
    pub(super) in_flight: u64,
    pub(super) delayed: u64,
}

/// A message to be sent.
struct Outgoing<'a> {
    body: &'a str,
    attributes: Vec<Attribute>,
}

impl<'a> Outgoing<'a> {
    fn plain(body: &'a str) -> Self {
        Self { body, attributes: Vec::new() }
    }

    /// Bytes, as SQS counts them.
    fn size(&self) -> usize {
        self.body.len() + self.attributes.iter().map(Attribute::size).sum::<usize>()
    }
}

/// One standard queue. Clones share the client.
#[derive(Debug, Clone)]
pub struct Queue {
    sqs: Client,
    url: String,
    wait: i32,
}

impl Queue {
    /// The queue of this URL.
    #[must_use]
    pub fn new(sqs: Client, url: impl Into<String>) -> Self {
        Self { sqs, url: url.into(), wait: 0 }
    }

    /// Lets a receive that finds nothing wait for up to so many seconds, at most 20. With at least one, SQS looks for
    /// messages on all of its servers; without, it may find none although there are some. The client's time-outs must
    /// allow the wait.
    #[must_use]
    pub fn with_wait(self, seconds: u8) -> Self {
        Self { wait: seconds.min(20).into(), ..self }
    }

    fn place(&self) -> String {
        format!("the queue {}", self.url)
    }

    /// A receive of up to ten messages, with all their attributes; they are invisible for so many seconds, or as long as
    /// the queue says.
    pub(super) async fn messages(&self, most: usize, seconds: Option<i32>) -> PortResult<Vec<Message>> {
        let Ok(most @ 1..) = i32::try_from(most.min(MOST_ENTRIES)) else {
            return Ok(Vec::new());
        };
        let request = self
            .sqs
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(most)
            .wait_time_seconds(self.wait)
            .set_visibility_timeout(seconds)
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .message_attribute_names("All");
        match request.send().await {
            Ok(answer) => Ok(answer.messages.unwrap_or_default()),
            Err(error) => Err(failed("receiving from", &self.place(), error)),
        }
    }

    pub(super) fn delivery(&self, message: &Message) -> PortResult<Delivery> {
        let field = |field: Option<&str>, name: &str| {
            field.map(str::to_owned).ok_or_else(|| wanting(format!("receiving from {}", self.place()), name))
        };
        let attribute = |name| message.attributes().and_then(|attributes| attributes.get(&name));
        // A message that was put back was sent before.
        let sent = letters::first_sent(message).or_else(|| sent(message));
        let receives = attribute(MessageSystemAttributeName::ApproximateReceiveCount);
        Ok(Delivery {
            id: field(message.message_id(), "MessageId")?,
            body: message.body().unwrap_or_default().to_owned(),
            receives: receives.and_then(|receives| receives.parse().ok()).unwrap_or(1),
            sent,
            receipt: field(message.receipt_handle(), "ReceiptHandle")?,
        })
    }

    /// How many messages there are, about.
    pub(super) async fn depth(&self) -> PortResult<Depth> {
        use QueueAttributeName::{
            ApproximateNumberOfMessages, ApproximateNumberOfMessagesDelayed, ApproximateNumberOfMessagesNotVisible,
        };
        const DOING: &str = "counting the messages of";
        let request = self.sqs.get_queue_attributes().queue_url(&self.url);
        let names =
            [ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible, ApproximateNumberOfMessagesDelayed];
        let answer = match request.set_attribute_names(Some(names.to_vec())).send().await {
            Ok(answer) => answer,
            Err(error) => return Err(failed(DOING, &self.place(), error)),
        };
        let count = |name: &QueueAttributeName| {
            let count = answer.attributes().and_then(|attributes| attributes.get(name)?.parse().ok());
            count.ok_or_else(|| wanting(format!("{DOING} {}", self.place()), name.as_str()))
        };
        Ok(Depth { visible: count(&names[0])?, in_flight: count(&names[1])?, delayed: count(&names[2])? })
    }

    /// A message that the queue would not take, and would refuse its neighbours for, is not sent.
    fn check(&self, body: &str) -> PortResult<()> {
        let what = || format!("a message for {}", self.place());
        if body.len() > MOST_BYTES {
            return Err(PortError::TooLarge { what: what(), size: body.len() as u64, limit: MOST_BYTES as u64 });
        }
        check_text(&what(), body)
    }

    async fn send_batch(&self, messages: &[&Outgoing<'_>]) -> Vec<PortResult<()>> {
        let doing = format!("sending to {}", self.place());
        let mut entries = Vec::with_capacity(messages.len());
        for (at, message) in messages.iter().enumerate() {
            let entry = SendMessageBatchRequestEntry::builder().id(at.to_string()).message_body(message.body);
            let attributes = letters::encoded(&message.attributes);
            match attributes.and_then(|attributes| entry.set_message_attributes(attributes).build()) {
                Ok(entry) => entries.push(entry),
                Err(error) => return all_failed(messages.len(), &unavailable(doing, &error)),
            }
        }
        match self.sqs.send_message_batch().queue_url(&self.url).set_entries(Some(entries)).send().await {
            Ok(answer) => {
                let mut answers = Answers::new(doing, messages.len());
                answer.successful().iter().for_each(|entry| answers.accepted(entry.id()));
                for entry in answer.failed() {
                    answers.failed(entry.id(), entry.code(), entry.message(), entry.sender_fault());
                }
                answers.into_results()
            }
            Err(error) => all_failed(messages.len(), &failed("sending to", &self.place(), error)),
        }
    }

    async fn send_all(&self, messages: &[Outgoing<'_>]) -> Vec<PortResult<()>> {
        let mut results: Vec<PortResult<()>> = messages.iter().map(|message| self.check(message.body)).collect();
        let good: Vec<usize> = (0..messages.len()).filter(|at| results[*at].is_ok()).collect();
        let sendable: Vec<&Outgoing<'_>> = good.iter().map(|at| &messages[*at]).collect();
        let sizes: Vec<usize> = sendable.iter().map(|message| message.size()).collect();
        let requests = batches(&sizes, MOST_BYTES).into_iter().map(|batch| self.send_batch(&sendable[batch]));
        let answers = bounded(requests.collect()).await.into_iter().flatten();
        for (at, answer) in good.into_iter().zip(answers) {
            results[at] = answer;
        }
        results
    }

    /// The first failure that is more than an old receipt.
    fn check_receipts(&self, doing: &str, failures: &[BatchResultErrorEntry]) -> PortResult<()> {
        let is_old = |entry: &&BatchResultErrorEntry| {
            OLD_RECEIPT.contains(&entry.code())
                || entry.message().is_some_and(|message| message.contains("Message does not exist"))
        };
        match failures.iter().find(|entry| !is_old(entry)) {
            None => Ok(()),
            Some(entry) => {
                let what = format!("{doing} {}", self.place());
                Err(failed_entry(&what, entry.code(), entry.message(), entry.sender_fault()))
            }
        }
    }

    async fn delete_batch(&self, receipts: &[String]) -> PortResult<()> {
        const DOING: &str = "acknowledging messages of";
        let entries = receipts.iter().enumerate().map(|(at, receipt)| {
            DeleteMessageBatchRequestEntry::builder().id(at.to_string()).receipt_handle(receipt).build()
        });
        let entries: Result<Vec<_>, _> = entries.collect();
        let entries = entries.map_err(|error| unavailable(format!("{DOING} {}", self.place()), &error))?;
        match self.sqs.delete_message_batch().queue_url(&self.url).set_entries(Some(entries)).send().await {
            Ok(answer) => self.check_receipts(DOING, answer.failed()),
            Err(error) => Err(failed(DOING, &self.place(), error)),
        }
    }

    async fn release_batch(&self, receipts: &[String], seconds: i32) -> PortResult<()> {
        const DOING: &str = "releasing messages of";
        let entries = receipts.iter().enumerate().map(|(at, receipt)| {
            ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(at.to_string())
                .receipt_handle(receipt)
                .visibility_timeout(seconds)
                .build()
        });
        let entries: Result<Vec<_>, _> = entries.collect();
        let entries = entries.map_err(|error| unavailable(format!("{DOING} {}", self.place()), &error))?;
        match self.sqs.change_message_visibility_batch().queue_url(&self.url).set_entries(Some(entries)).send().await {
            Ok(answer) => self.check_receipts(DOING, answer.failed()),
            Err(error) => Err(failed(DOING, &self.place(), error)),
        }
    }
}

/// Several queues that are looked at together.
///
/// Needs `sqs:GetQueueAttributes` on them. Their counts are approximate, and may lag behind by some seconds.
#[derive(Debug, Clone)]
pub struct Queues(pub Vec<Queue>);

impl WatchQueues for Queues {
    async fn are_drained(&self) -> PortResult<bool> {
        for queue in &self.0 {
            let depth = queue.depth().await?;
            if depth.visible + depth.in_flight + depth.delayed > 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl SendMessages for Queue {
    async fn send(&self, bodies: &[String]) -> Vec<PortResult<()>> {
        self.send_all(&bodies.iter().map(|body| Outgoing::plain(body)).collect::<Vec<_>>()).await
    }
}

impl PutBackLetters for Queue {
    /// What was said about the letter goes with it, in attributes of other names: should SQS itself move the message next
    /// time, that letter must not look as if it had this one's reason.
    async fn put_back(&self, letters: &[DeadLetter]) -> Vec<PortResult<()>> {
        let messages =
            letters.iter().map(|letter| Outgoing { body: &letter.body, attributes: letters::history(letter) });
        self.send_all(&messages.collect::<Vec<_>>()).await
    }
}

impl ReceiveMessages for Queue {
    /// At most ten, whatever is asked for.
    async fn receive(&self, most: usize) -> PortResult<Vec<Delivery>> {
        self.messages(most, None).await?.iter().map(|message| self.delivery(message)).collect()
    }

    /// An older receipt is no error; whether it deletes the message SQS leaves open.
    async fn acknowledge(&self, receipts: &[String]) -> PortResult<()> {
        let requests = receipts.chunks(MOST_ENTRIES).map(|batch| self.delete_batch(batch));
        bounded(requests.collect()).await.into_iter().collect()
    }

    /// After 12 hours at the latest, whatever is asked for.
    async fn release(&self, receipts: &[String], seconds: u32) -> PortResult<()> {
        let seconds = i32::try_from(seconds.min(MOST_SECONDS)).unwrap_or(0);
        let requests = receipts.chunks(MOST_ENTRIES).map(|batch| self.release_batch(batch, seconds));
        bounded(requests.collect()).await.into_iter().collect()
    }
}

/// When this message was sent.
pub(super) fn sent(message: &Message) -> Option<DateTime<Utc>> {
    let sent = message.attributes()?.get(&MessageSystemAttributeName::SentTimestamp)?;
    DateTime::from_timestamp_millis(sent.parse().ok()?)
}

/// Sends levels to the update queue. Clones share the client.
#[derive(Debug, Clone)]
pub struct LevelQueue(Queue);

impl LevelQueue {
    /// The queue of this URL.
    #[must_use]
    pub fn new(sqs: Client, url: impl Into<String>) -> Self {
        Self(Queue::new(sqs, url))
    }
}

impl SendLevels for LevelQueue {
    async fn send(&self, levels: &[LevelMessage]) -> Vec<PortResult<()>> {
        let bodies: Vec<String> = levels.iter().map(LevelMessage::encode).collect();
        self.0.send(&bodies).await
    }
}
