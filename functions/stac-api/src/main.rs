//! stac-api: requests of a function URL or of API Gateway are searches of pgstac.

mod configuration;

use std::process::ExitCode;

use lazycat::aws::{Clients, DatabaseSecret, TimeOuts};
use lazycat::pgstac::{Locate, PgstacSearcher};
use lazycat_function::{Failure, http, start};

use self::configuration::Configuration;

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
    http::serve(lazycat_api::standalone(searcher, configuration.api)).await
}
