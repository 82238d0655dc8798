//! move-catalog-level-keys: on a schedule, marks become messages.

use std::process::ExitCode;
use std::time::Duration;

use lambda_runtime::{LambdaEvent, run, service_fn};
use lazycat::aws::{Clients, DirtyLevels, LevelQueue, TimeOuts, World};
use lazycat::mover::{Ports, Report, move_marks};
use lazycat::ports::Clock as _;
use lazycat_function::environment::{ConfigurationError, Environment};
use lazycat_function::metrics::Metrics;
use lazycat_function::{Failure, settings, start};
use serde::de::IgnoredAny;

struct Configuration {
    dirty_levels_table: String,
    levels_queue: String,
    time_out: Duration,
    stack: String,
}

impl Configuration {
    fn read(environment: &Environment) -> Result<Self, ConfigurationError> {
        let mut reader = environment.reader();
        let configuration = Self {
            dirty_levels_table: settings::dirty_levels_table(&mut reader),
            levels_queue: settings::levels_queue(&mut reader),
            time_out: settings::time_out(&mut reader),
            stack: settings::stack(&mut reader),
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
        marks: &DirtyLevels::new(clients.dynamodb, &configuration.dirty_levels_table),
        queue: &LevelQueue::new(clients.sqs, &configuration.levels_queue),
    };
    let (ports, configuration) = (&ports, &configuration);
    run(service_fn(|_: LambdaEvent<IgnoredAny>| async move {
        let report = move_marks(ports).await?;
        measure(&report, &configuration.stack);
        tracing::info!(moved = report.moved, renewed = report.renewed, "moved");
        outcome(&report)
    }))
    .await
}

/// Marks that stay although they should have gone are moved by the next tick; this one has failed all the same.
fn outcome(report: &Report) -> Result<(), Failure> {
    for trouble in &report.troubles {
        tracing::warn!(trouble, "a mark stays");
    }
    match report.troubles.first() {
        Some(first) => Err(format!("{} marks stay; of the first: {first}", report.troubles.len()).into()),
        None => Ok(()),
    }
}

fn measure(report: &Report, stack: &str) {
    let now = World.now();
    Metrics::new(stack, now)
        .count("LevelsMoved", report.moved)
        .count("MarksRenewed", report.renewed)
        .count("MarksStuck", report.troubles.len())
        .seconds_since("OldestMarkAge", [report.oldest.unwrap_or(now)])
        .print();
}
