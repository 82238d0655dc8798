//! stac-api: requests of a function URL or of API Gateway are searches of pgstac.

mod configuration;
mod event;

use std::process::ExitCode;
use std::time::Instant;

use axum::Router;
use lambda_runtime::{LambdaEvent, run, service_fn};
use lazycat::aws::{Clients, DatabaseSecret, TimeOuts};
use lazycat::pgstac::{Locate, PgstacSearcher};
use lazycat_function::{Failure, start};
use tower::ServiceExt as _;

use self::configuration::Configuration;
use self::event::{Answer, Event};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    start(|environment| async move {
        let configuration = Configuration::read(&environment)?;
        match configuration.secret.clone() {
            Some(secret) => {
                let clients = Clients::load(TimeOuts::within(configuration.time_out)).await;
                let database = DatabaseSecret::new(clients.secrets, secret, configuration.database.clone());
                serve(configuration, database).await
            }
            None => {
                let database = configuration.database.clone();
                serve(configuration, database).await
            }
        }
    })
    .await
}

/// Answers requests until the runtime ends. The connection to the database outlives each of them.
async fn serve(configuration: Configuration, database: impl Locate + Send + Sync + 'static) -> Result<(), Failure> {
    let searcher = PgstacSearcher::new(database, configuration.limits);
    let router = lazycat_api::standalone(searcher, configuration.api);
    let router = &router;
    run(service_fn(|event: LambdaEvent<Event>| async move { answer(router, event.payload).await })).await
}

async fn answer(router: &Router, event: Event) -> Result<Answer, Failure> {
    let (name, begun) = (event.name(), Instant::now());
    let response = router.clone().oneshot(event.into_request()?).await?;
    let answer = Answer::of(response).await?.unwrap_or_else(Answer::too_long);
    let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::info!(request = name, status = answer.status_code, milliseconds, "answered");
    Ok(answer)
}
