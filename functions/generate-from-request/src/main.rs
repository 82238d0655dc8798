//! generate-from-request: a batch of requests for items becomes items on a topic.

mod configuration;

use std::process::ExitCode;

use aws_lambda_events::event::sqs::SqsEvent;
use lambda_runtime::{LambdaEvent, run, service_fn};
use lazycat::aws::{Clients, DeadLetterQueue, MadeBucket, MadeTopic, SourceBuckets, TimeOuts, World};
use lazycat::generator::from_request::{Ports, Report, from_request};
use lazycat::generator::scenes::WithScenes;
use lazycat::ports::Clock as _;
use lazycat::process::{Generators, hide_environment};
use lazycat_function::batch::{self, Worked};
use lazycat_function::environment::Environment;
use lazycat_function::metrics::Metrics;
use lazycat_function::{Failure, start};

use self::configuration::Configuration;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    start(serve).await
}

async fn serve(environment: Environment) -> Result<(), Failure> {
    let configuration = Configuration::read(&environment)?;
    // It holds the credentials of the function's role, and generators run as the same user.
    hide_environment()?;
    let clients = Clients::load(TimeOuts::within(configuration.time_out)).await;
    let others =
        Generators::new(&configuration.generators, configuration.patience).map_err(|faults| faults.join("; "))?;
    let generators =
        WithScenes { source: SourceBuckets::new(clients.s3.clone()), settings: configuration.scenes.clone(), others };
    let ports = Ports {
        generators: &generators,
        topic: &MadeTopic::new(clients.sns, &configuration.topic),
        store: &MadeBucket::new(clients.s3, &configuration.bucket),
        letters: &DeadLetterQueue::new(clients.sqs, &configuration.dead_letters),
        world: &World,
    };
    let (ports, configuration) = (&ports, &configuration);
    run(service_fn(|event: LambdaEvent<SqsEvent>| async move {
        let deliveries = batch::deliveries(event.payload)?;
        let work = async |deliveries: &[_]| from_request(ports, configuration.settings, deliveries).await;
        let worked = batch::work(&deliveries, work).await;
        measure(&worked, &configuration.stack);
        Ok::<_, Failure>(worked.response())
    }))
    .await
}

fn measure(worked: &Worked<Report>, stack: &str) {
    Metrics::new(stack, World.now())
        .count("ItemsMade", worked.sum(|report| report.made))
        .count("ItemsKept", worked.sum(|report| report.kept))
        .count("RequestsRefused", worked.sum(|report| report.refused.len()))
        .count("RequestsReturned", worked.returned.len())
        .print();
}
