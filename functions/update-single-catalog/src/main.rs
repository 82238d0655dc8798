//! update-single-catalog: a batch of dirty levels; each is rebuilt from a listing.

use std::process::ExitCode;
use std::time::Duration;

use aws_lambda_events::event::sqs::SqsEvent;
use lambda_runtime::{LambdaEvent, run, service_fn};
use lazycat::aws::{CatalogBucket, Clients, DeadLetterQueue, DirtyLevels, TimeOuts, World};
use lazycat::grid::INPE;
use lazycat::ports::Clock as _;
use lazycat::stac::catalog::Site;
use lazycat::update::{Ports, Report, Settings, update};
use lazycat_function::batch::{self, Worked};
use lazycat_function::environment::{ConfigurationError, Environment};
use lazycat_function::metrics::Metrics;
use lazycat_function::{Failure, settings, start};

/// How often a document is written anew, from its reads on, when somebody else has written it first.
const TRIES: u32 = 10;

struct Configuration {
    catalog_bucket: String,
    dirty_levels_table: String,
    dead_letters: String,
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
            dead_letters: settings::dead_letters(&mut reader),
            time_out: settings::time_out(&mut reader),
            stack: settings::stack(&mut reader),
            settings: Settings {
                grid: INPE.clone(),
                site: Site { public_url: Some(settings::public_url(&mut reader)) },
                tries: TRIES,
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
        catalog: &CatalogBucket::new(clients.s3, &configuration.catalog_bucket),
        marks: &DirtyLevels::new(clients.dynamodb, &configuration.dirty_levels_table),
        letters: &DeadLetterQueue::new(clients.sqs, &configuration.dead_letters),
        world: &World,
    };
    let (ports, configuration) = (&ports, &configuration);
    run(service_fn(|event: LambdaEvent<SqsEvent>| async move {
        let deliveries = batch::deliveries(event.payload)?;
        let work = async |deliveries: &[_]| update(ports, &configuration.settings, deliveries).await;
        let worked = batch::work(&deliveries, work).await;
        measure(&worked, &configuration.stack);
        Ok::<_, Failure>(worked.response())
    }))
    .await
}

fn measure(worked: &Worked<Report>, stack: &str) {
    let written = |report: &Report| report.rebuilt.iter().filter(|(_, rebuilt)| rebuilt.written.is_some()).count();
    let conflicts = |report: &Report| report.rebuilt.iter().map(|(_, rebuilt)| rebuilt.conflicts as usize).sum();
    let since = worked.reports.iter().flat_map(|report| report.rebuilt.iter().map(|(_, rebuilt)| rebuilt.since));
    Metrics::new(stack, World.now())
        .count("LevelsRebuilt", worked.sum(written))
        .count("LevelsRefused", worked.sum(|report| report.refused.len()))
        .count("LevelsReturned", worked.returned.len())
        .count("Conflicts", worked.sum(conflicts))
        .seconds_since("SecondsToCatalog", since)
        .print();
}
