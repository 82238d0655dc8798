//! What an audit is told of an engine.

use std::any::Any;

use lazycat::opensearch::{Inspector, OpenSearch};
use lazycat_tests::conformance::Runtime;
use lazycat_tests::conformance::inspections::addresses;
use lazycat_tests::opensearch::Engine;

fn world() -> (Runtime, OpenSearch, Inspector, Box<dyn Any>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let corner = Engine::shared().corner();
    let inspector = Inspector::new(corner.index(), addresses());
    (Runtime::Tokio(runtime), corner.index(), inspector, Box::new(corner))
}

lazycat_tests::inspection_conformance!(world());
