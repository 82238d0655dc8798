//! index-stac-items: a batch of messages about items becomes documents of OpenSearch.

mod configuration;

use std::process::ExitCode;
use std::sync::Arc;

use aws_lambda_events::event::sqs::SqsEvent;
use lambda_runtime::{LambdaEvent, run, service_fn};
use lazycat::aws::{Clients, DeadLetterQueue, Documents, SearchAccess, TimeOuts, World};
use lazycat::opensearch::OpenSearch;
use lazycat::opensearch::settings::Connection;
use lazycat::ports::Clock as _;
use lazycat::search::load::{Ports, load};
use lazycat_function::batch;
use lazycat_function::{Failure, start};
use tokio::sync::Mutex;

use self::configuration::{Configuration, User};

/// The index, kept between invocations.
struct Kept<'a> {
    configuration: &'a Configuration,
    access: SearchAccess,
    index: Mutex<Option<Arc<OpenSearch>>>,
}

impl Kept<'_> {
    async fn get(&self) -> Result<Arc<OpenSearch>, Failure> {
        let mut kept = self.index.lock().await;
        if let Some(index) = &*kept {
            return Ok(Arc::clone(index));
        }
        let connection =
            Connection { endpoint: self.configuration.endpoint.clone(), access: self.access.read().await?, tls: None };
        let index = Arc::new(OpenSearch::new(&connection, self.configuration.opensearch.clone())?);
        *kept = Some(Arc::clone(&index));
        Ok(index)
    }

    /// After a trouble the next invocation begins anew: the password may be another one now.
    async fn forget(&self) {
        *self.index.lock().await = None;
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    start(|environment| async move {
        let configuration = Configuration::read(&environment)?;
        let clients = Clients::load(TimeOuts::within(configuration.loader.time_out)).await;
        serve(&configuration, clients).await
    })
    .await
}

async fn serve(configuration: &Configuration, clients: Clients) -> Result<(), Failure> {
    let access = match &configuration.user {
        User::Nobody => SearchAccess::Open,
        User::Role => SearchAccess::Own,
        User::Secret(secret) => SearchAccess::Secret { client: clients.secrets, secret: secret.clone() },
    };
    let kept = &Kept { configuration, access, index: Mutex::default() };
    // What is wrong with the address is told when the function starts.
    kept.get().await?;
    let loader = &configuration.loader;
    let documents = &Documents::new(clients.s3, loader.time_out / 3)?;
    let letters = &DeadLetterQueue::new(clients.sqs, &loader.dead_letters);
    run(service_fn(|event: LambdaEvent<SqsEvent>| async move {
        let deliveries = batch::deliveries(event.payload)?;
        let index = kept.get().await?;
        let ports = &Ports { documents, index: &*index, letters, clock: &World };
        let work = async |deliveries: &[_]| load(ports, &loader.settings, deliveries).await;
        let worked = batch::work(&deliveries, work).await;
        if !worked.returned.is_empty() {
            kept.forget().await;
        }
        loader.measure(&worked, World.now()).print();
        Ok::<_, Failure>(worked.response())
    }))
    .await
}
