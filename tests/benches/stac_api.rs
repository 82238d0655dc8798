//! The STAC API over pgstac on a port, for a benchmark that asks it: `LAZYCAT_BENCH_DATABASE` names the database. Prints its
//! address, and serves until its input ends.

#![allow(clippy::panic, clippy::print_stdout)]

use std::io::Read as _;

use lazycat::pgstac::{PgstacSearcher, SearchLimits, Target};
use lazycat_api::Settings;

fn main() {
    // `cargo test` runs benches, too.
    let Ok(database) = std::env::var("LAZYCAT_BENCH_DATABASE") else { return };
    let database: Target = database.parse().unwrap_or_else(|error| panic!("LAZYCAT_BENCH_DATABASE: {error}"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.unwrap_or_else(|error| panic!("{error}"));
    let served = async {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
        println!("http://{}/", listener.local_addr()?);
        let limits = SearchLimits { at_once: 10, ..SearchLimits::default() };
        let router = lazycat_api::standalone(PgstacSearcher::new(database, limits), Settings::default());
        let over = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        tokio::select! {
            served = axum::serve(listener, router) => served,
            _ = over => Ok(()),
        }
    };
    if let Err(error) = runtime.block_on(served) {
        panic!("{error}");
    }
}
