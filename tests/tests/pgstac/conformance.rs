//! The promises of an index, by each way in which rows are made.

use std::any::Any;

use lazycat::pgstac::{Dehydration, Pgstac, Settings};
use lazycat_tests::conformance::Runtime;
use lazycat_tests::postgres::Postgres;

use crate::world::{Searches, index};

type World = (Runtime, Pgstac, Searches, Box<dyn Any>);

fn world(version: &str, dehydration: Dehydration) -> World {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let database = Postgres::shared().database_of(version);
    let index = index(&database, Settings { dehydration, ..Settings::default() });
    let searches = Searches(runtime.block_on(database.connect()));
    (Runtime::Tokio(runtime), index, searches, Box::new(database))
}

mod of_0_10_with_rows_made_here {
    lazycat_tests::index_conformance!(super::world("0.10.0", super::Dehydration::WhereKnown));
}

mod of_0_10_with_rows_made_there {
    lazycat_tests::index_conformance!(super::world("0.10.0", super::Dehydration::InDatabase));
}

mod of_0_9_with_rows_made_here {
    lazycat_tests::index_conformance!(super::world("0.9.12", super::Dehydration::WhereKnown));
}
