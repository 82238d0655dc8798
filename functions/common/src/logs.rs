//! Logs: one JSON object a line, which CloudWatch Logs Insights takes apart by itself.
//!
//! Every line that belongs to an invocation carries its `requestId`, from the span that the runtime opens.

use std::panic;
use std::str::FromStr as _;

use tracing::level_filters::LevelFilter;

use crate::environment::Environment;

/// Starts logging to standard output, from the level that `LAZYCAT_LOG` names on (`info` when it names none). A panic
/// becomes a line like any other.
pub fn start(environment: &Environment) {
    let level = environment.get("LAZYCAT_LOG").and_then(|name| LevelFilter::from_str(name).ok());
    let started = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_max_level(level.unwrap_or(LevelFilter::INFO))
        .try_init();
    // A process logs once; who has started it already, such as another test, keeps it.
    if started.is_ok() {
        panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            let said = panic.payload_as_str().unwrap_or("no text");
            tracing::error!(place, said, "panic");
        }));
    }
}
