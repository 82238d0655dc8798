//! generate-stac-item: a batch of messages about scenes becomes items, marks and publications.

use std::process::ExitCode;
use std::time::Duration;

use aws_lambda_events::event::sqs::SqsEvent;
use lambda_runtime::{LambdaEvent, run, service_fn};
use lazycat::aws::{CatalogBucket, Clients, DeadLetterQueue, DirtyLevels, SourceBuckets, TimeOuts, Topics, World};
use lazycat::generate::{Ports, Report, Settings, generate};
use lazycat::grid::INPE;
use lazycat::ports::Clock as _;
use lazycat_function::batch::{self, Worked};
use lazycat_function::environment::{ConfigurationError, Environment};
use lazycat_function::metrics::Metrics;
use lazycat_function::{Failure, settings, start};

struct Configuration {
    catalog_bucket: String,
    dirty_levels_table: String,
    items_topic: String,
    reprocessed_items_topic: String,
    dead_letters: String,
    public_url: String,
    time_out: Duration,
    stack: String,
    settings: Settings,
}

impl Configuration {
    fn read(environment: &Environment) -> Result<Self, ConfigurationError> {
        let mut reader = environment.reader();
        let configuration = Self {
            catalog_bucket: settings::catalog_bucket(&mut reader),
            dirty_levels_table: settings::dirty_levels_table(&mut reader),
            items_topic: settings::items_topic(&mut reader),
            reprocessed_items_topic: settings::reprocessed_items_topic(&mut reader),
            dead_letters: settings::dead_letters(&mut reader),
            public_url: settings::public_url(&mut reader),
            time_out: settings::time_out(&mut reader),
            stack: settings::stack(&mut reader),
            settings: Settings {
                grid: INPE.clone(),
                buckets: settings::source_buckets(&mut reader),
                attempts: settings::attempts(&mut reader),
            },
        };
        reader.finish(configuration)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    start(serve).await
}

async fn serve(environment: Environment) -> Result<(), Failure> {
    let configuration = Configuration::read(&environment)?;
    let clients = Clients::load(TimeOuts::within(configuration.time_out)).await;
    let ports = Ports {
        source: &SourceBuckets::new(clients.s3.clone()),
        items: &CatalogBucket::new(clients.s3, &configuration.catalog_bucket),
        marks: &DirtyLevels::new(clients.dynamodb, &configuration.dirty_levels_table),
        topic: &Topics::new(
            clients.sns,
            &configuration.items_topic,
            &configuration.reprocessed_items_topic,
            &configuration.public_url,
        ),
        letters: &DeadLetterQueue::new(clients.sqs, &configuration.dead_letters),
        world: &World,
    };
    let (ports, configuration) = (&ports, &configuration);
    run(service_fn(|event: LambdaEvent<SqsEvent>| async move {
        let deliveries = batch::deliveries(event.payload)?;
        let work = async |deliveries: &[_]| generate(ports, &configuration.settings, deliveries).await;
        let worked = batch::work(&deliveries, work).await;
        measure(&worked, &configuration.stack);
        Ok::<_, Failure>(worked.response())
    }))
    .await
}

fn measure(worked: &Worked<Report>, stack: &str) {
    Metrics::new(stack, World.now())
        .count("ScenesMade", worked.sum(|report| report.made))
        .count("ScenesUnchanged", worked.sum(|report| report.unchanged))
        .count("ScenesWithdrawn", worked.sum(|report| report.withdrawn))
        .count("ScenesRefused", worked.sum(|report| report.refused.len()))
        .count("ScenesReturned", worked.returned.len())
        .seconds_since("SecondsToItem", worked.reports.iter().flat_map(|report| report.events.iter().copied()))
        .print();
}
