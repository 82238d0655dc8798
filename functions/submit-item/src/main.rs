//! submit-item: items that are sent by HTTPS are checked at once, and put into the queue of items.

mod configuration;
mod items;

use std::process::ExitCode;

use lazycat::aws::{CatalogBucket, Clients, Queue, TimeOuts};
use lazycat::submit::known::InCatalog;
use lazycat_api::Base;
use lazycat_api::door::{DoorSettings, door};
use lazycat_function::{Failure, http, start};

use self::configuration::Configuration;
use self::items::Items;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    start(|environment| async move { serve(Configuration::read(&environment)?).await }).await
}

/// Answers requests until the runtime ends. Who sends them, and how many, is asked before the function: by IAM, or by API
/// Gateway.
async fn serve(configuration: Configuration) -> Result<(), Failure> {
    let rules = configuration.rules.build()?;
    tracing::info!(schemas = rules.extensions.len(), "the schemas are ready");
    let clients = Clients::load(TimeOuts::within(configuration.time_out)).await;
    let known = configuration.catalog_bucket.map(|bucket| InCatalog::new(CatalogBucket::new(clients.s3, bucket)));
    let items =
        Items { rules, layout: configuration.layout, known, queue: Queue::new(clients.sqs, configuration.items_queue) };
    let settings = DoorSettings {
        catalog: Base::At(configuration.public_url),
        token: None,
        rate: None,
        body_time: configuration.time_out,
    };
    http::serve(door(items, settings)).await
}
