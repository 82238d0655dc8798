//! file-stac-item: a batch of items that others have made, or of messages about them, is filed in the catalog.

use std::process::ExitCode;
use std::time::Duration;

use aws_lambda_events::event::sqs::SqsEvent;
use lambda_runtime::{LambdaEvent, run, service_fn};
use lazycat::aws::{
    CatalogBucket, Checkpoints, Clients, DeadLetterQueue, DirtyLevels, Documents, SourceBuckets, TimeOuts, Topics,
    World,
};
use lazycat::filing::{Ports, Settings, file};
use lazycat::generate::Report;
use lazycat::ports::Clock as _;
use lazycat::search::source::Allowed;
use lazycat::stac::catalog::Site;
use lazycat_function::batch::{self, Worked};
use lazycat_function::environment::{ConfigurationError, Environment};
use lazycat_function::metrics::Metrics;
use lazycat_function::{Failure, settings, start};

struct Configuration {
    catalog_bucket: String,
    dirty_levels_table: String,
    filed_items_table: String,
    items_topic: String,
    dead_letters: String,
    public_url: String,
    time_out: Duration,
    stack: String,
    settings: Settings,
}

impl Configuration {
    fn read(environment: &Environment) -> Result<Self, ConfigurationError> {
        let mut reader = environment.reader();
        let public_url = settings::public_url(&mut reader);
        let defaults = Settings::new(settings::grid_with_layout(&mut reader));
        let configuration = Self {
            catalog_bucket: settings::catalog_bucket(&mut reader),
            dirty_levels_table: settings::dirty_levels_table(&mut reader),
            filed_items_table: settings::filed_items_table(&mut reader),
            items_topic: settings::items_topic(&mut reader),
            dead_letters: settings::dead_letters(&mut reader),
            time_out: settings::time_out(&mut reader),
            stack: settings::stack(&mut reader),
            settings: Settings {
                site: Site { public_url: Some(public_url.clone()) },
                allowed: Allowed {
                    buckets: settings::allowed_buckets(&mut reader),
                    hosts: settings::allowed_hosts(&mut reader),
                },
                // A batch of the longest documents must fit into the function's memory.
                longest_document: settings::longest_document(&mut reader).unwrap_or(LONGEST_DOCUMENT),
                attempts: settings::attempts(&mut reader),
                ..defaults
            },
            public_url,
        };
        reader.finish(configuration)
    }
}

/// The longest document that is read where nothing else is said, in bytes.
const LONGEST_DOCUMENT: u64 = 16 * 1024 * 1024;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    start(serve).await
}

async fn serve(environment: Environment) -> Result<(), Failure> {
    let configuration = Configuration::read(&environment)?;
    let clients = Clients::load(TimeOuts::within(configuration.time_out)).await;
    let catalog = CatalogBucket::new(clients.s3.clone(), &configuration.catalog_bucket);
    let topic = &configuration.items_topic;
    let ports = Ports {
        // Nobody asks for them: no message of a queue may name a file.
        files: &SourceBuckets::new(clients.s3.clone()),
        documents: &Documents::new(clients.s3, configuration.time_out / 3)?,
        items: &catalog,
        catalog: &catalog,
        records: &Checkpoints::alone(clients.dynamodb.clone(), &configuration.filed_items_table),
        marks: &DirtyLevels::new(clients.dynamodb, &configuration.dirty_levels_table),
        // What is filed is news, also when it is filed again: both audiences are told on one topic.
        topic: &Topics::new(clients.sns, topic, topic, &configuration.public_url),
        letters: &DeadLetterQueue::new(clients.sqs, &configuration.dead_letters),
        world: &World,
    };
    let (ports, configuration) = (&ports, &configuration);
    run(service_fn(|event: LambdaEvent<SqsEvent>| async move {
        let deliveries = batch::deliveries(event.payload)?;
        let work = async |deliveries: &[_]| file(ports, &configuration.settings, deliveries).await;
        let worked = batch::work(&deliveries, work).await;
        measure(&worked, &configuration.stack);
        Ok::<_, Failure>(worked.response())
    }))
    .await
}

fn measure(worked: &Worked<Report>, stack: &str) {
    Metrics::new(stack, World.now())
        .count("ItemsFiled", worked.sum(|report| report.made))
        .count("ItemsUnchanged", worked.sum(|report| report.unchanged))
        .count("ItemsWithdrawn", worked.sum(|report| report.withdrawn))
        .count("ItemsRefused", worked.sum(|report| report.refused.len()))
        .count("ItemMessagesReturned", worked.returned.len())
        .seconds_since("SecondsToItem", worked.reports.iter().flat_map(|report| report.events.iter().copied()))
        .print();
}
