//! The item topics.

use aws_sdk_sns::Client;

use crate::message::ItemMessage;
use crate::ports::{PortError, PortResult, PublishItems};

/// The topic of new items and the topic of reprocessed ones. Clones share the client.
#[derive(Debug, Clone)]
pub struct Topics {
    sns: Client,
    public: String,
    internal: String,
    base: String,
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
}
impl PublishItems for Topics {
    async fn publish(&self, messages: &[ItemMessage]) -> Vec<PortResult<()>> {
        let _ = (&self.sns, &self.public, &self.internal);
        messages
            .iter()
            .map(|_| Err(PortError::Unavailable { what: self.base.clone(), source: "not yet".into() }))
            .collect()
    }
}
