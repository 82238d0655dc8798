//! The item topics.

use aws_sdk_sns::Client;
use aws_sdk_sns::types::{MessageAttributeValue, PublishBatchRequestEntry};
use serde_json::json;

use super::batch::{Answers, all_failed, batches, bounded};
use super::failure::{failed, unavailable};
use crate::message::item::Attribute;
use crate::message::{Audience, ItemMessage};
use crate::ports::{PortResult, PublishItems};

/// The most bytes of a message, its attributes included, and of all messages of a batch together. A topic can be made
/// to take more, but not one that people subscribe to by mail or HTTP.
pub(super) const MOST_BYTES: usize = 256 * 1024;

/// The topic of new items and the topic of reprocessed ones. Clones share the client.
///
/// An item that is too long for a message is published as `{"href": "…"}`, the address of the item, with the same
/// attributes: filters work as ever, and who wants the item reads it.
#[derive(Debug, Clone)]
pub struct Topics {
    sns: Client,
    public: String,
    internal: String,
    base: String,
}

/// A message as it is published.
pub(super) struct Publication {
    /// Where it stands among the messages that came.
    pub(super) at: usize,
    pub(super) body: String,
    pub(super) attributes: Vec<Attribute>,
}

impl Publication {
    /// The bytes that SNS counts.
    fn size(&self) -> usize {
        self.body.len() + self.attributes.iter().map(Attribute::size).sum::<usize>()
    }

    fn entry(&self, id: usize) -> Result<PublishBatchRequestEntry, aws_sdk_sns::error::BuildError> {
        let mut entry = PublishBatchRequestEntry::builder().id(id.to_string()).message(&self.body);
        for Attribute { name, kind, value } in &self.attributes {
            let value = MessageAttributeValue::builder().data_type(*kind).string_value(value).build()?;
            entry = entry.message_attributes(*name, value);
        }
        entry.build()
    }
}

impl Topics {
    /// `public_arn` gets what everybody may see, `internal_arn` what is for the loaders only. `base_url` is the address
    /// of the catalog's root folder, with a slash at the end.
    #[must_use]
    pub fn new(
        sns: Client,
        public_arn: impl Into<String>,
        internal_arn: impl Into<String>,
        base_url: impl Into<String>,
    ) -> Self {
        Self { sns, public: public_arn.into(), internal: internal_arn.into(), base: base_url.into() }
    }

    fn publication(&self, at: usize, message: &ItemMessage) -> Publication {
        let attributes = message.attributes(&self.base);
        let whole = Publication { at, body: message.body(&self.base), attributes };
        if whole.size() <= MOST_BYTES {
            return whole;
        }
        let href = format!("{}{}", self.base, message.key);
        tracing::info!(href, size = whole.size(), "the item is too long for a message; its address is published");
        Publication { body: json!({ "href": href }).to_string(), ..whole }
    }
}

/// Publishes to one topic, in as many batches as it takes; gives the answers in the order of the publications.
pub(super) async fn publish_all(sns: &Client, topic: &str, publications: &[Publication]) -> Vec<PortResult<()>> {
    let sizes: Vec<usize> = publications.iter().map(Publication::size).collect();
    let batches = batches(&sizes, MOST_BYTES).into_iter();
    let requests = batches.map(|batch| publish_batch(sns, topic, &publications[batch])).collect();
    bounded(requests).await.into_iter().flatten().collect()
}

async fn publish_batch(sns: &Client, topic: &str, batch: &[Publication]) -> Vec<PortResult<()>> {
    let place = format!("the topic {topic}");
    let doing = format!("publishing to {place}");
    let entries: Result<Vec<_>, _> = batch.iter().enumerate().map(|(id, entry)| entry.entry(id)).collect();
    let entries = match entries {
        Ok(entries) => entries,
        Err(error) => return all_failed(batch.len(), &unavailable(doing, &error)),
    };
    let request = sns.publish_batch().topic_arn(topic).set_publish_batch_request_entries(Some(entries));
    match request.send().await {
        Ok(answer) => {
            let mut answers = Answers::new(doing, batch.len());
            answer.successful().iter().filter_map(|entry| entry.id()).for_each(|id| answers.accepted(id));
            for entry in answer.failed() {
                answers.failed(entry.id(), entry.code(), entry.message(), entry.sender_fault());
            }
            answers.into_results()
        }
        Err(error) => all_failed(batch.len(), &failed("publishing to", &place, error)),
    }
}

impl PublishItems for Topics {
    async fn publish(&self, messages: &[ItemMessage]) -> Vec<PortResult<()>> {
        let (mut public, mut internal) = (Vec::new(), Vec::new());
        for (at, message) in messages.iter().enumerate() {
            let publications = match message.audience {
                Audience::Public => &mut public,
                Audience::Internal => &mut internal,
            };
            publications.push(self.publication(at, message));
        }
        let to_public = publish_all(&self.sns, &self.public, &public);
        let to_internal = publish_all(&self.sns, &self.internal, &internal);
        let (to_public, to_internal) = futures::future::join(to_public, to_internal).await;
        let published = to_public.into_iter().chain(to_internal);
        let mut results: Vec<(usize, PortResult<()>)> =
            public.iter().chain(&internal).map(|publication| publication.at).zip(published).collect();
        results.sort_by_key(|(at, _)| *at);
        results.into_iter().map(|(_, result)| result).collect()
    }
}
