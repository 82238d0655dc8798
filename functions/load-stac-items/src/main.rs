//! load-stac-items: a batch of messages about items becomes rows of pgstac.

mod configuration;

use std::process::ExitCode;

use aws_lambda_events::event::sqs::SqsEvent;
use lambda_runtime::{LambdaEvent, run, service_fn};
use lazycat::aws::{Clients, DatabaseSecret, DeadLetterQueue, Documents, TimeOuts, World};
use lazycat::pgstac::{Locate, Pgstac};
use lazycat::ports::Clock as _;
use lazycat::search::load::{Ports, load};
use lazycat_function::batch;
use lazycat_function::{Failure, start};

use self::configuration::Configuration;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    start(|environment| async move {
        let configuration = Configuration::read(&environment)?;
        let clients = Clients::load(TimeOuts::within(configuration.loader.time_out)).await;
        match configuration.secret.clone() {
            Some(secret) => {
                let database = DatabaseSecret::new(clients.secrets.clone(), secret, configuration.database.clone());
                serve(&configuration, clients, database).await
            }
            None => serve(&configuration, clients, configuration.database.clone()).await,
        }
    })
    .await
}

/// Loads batches into a database until the runtime ends. The connection to it outlives each of them.
async fn serve(configuration: &Configuration, clients: Clients, database: impl Locate + Sync) -> Result<(), Failure> {
    let loader = &configuration.loader;
    let ports = Ports {
        documents: &Documents::new(clients.s3, loader.time_out / 3)?,
        index: &Pgstac::new(database, configuration.pgstac),
        letters: &DeadLetterQueue::new(clients.sqs, &loader.dead_letters),
        clock: &World,
    };
    let ports = &ports;
    run(service_fn(|event: LambdaEvent<SqsEvent>| async move {
        let deliveries = batch::deliveries(event.payload)?;
        let work = async |deliveries: &[_]| load(ports, &loader.settings, deliveries).await;
        let worked = batch::work(&deliveries, work).await;
        loader.measure(&worked, World.now()).print();
        Ok::<_, Failure>(worked.response())
    }))
    .await
}
