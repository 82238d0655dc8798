//! The first and the last thing that `main` does.

use std::future::Future;
use std::process::ExitCode;

use crate::environment::Environment;
use crate::logs;

/// Why a function cannot start, or an invocation fails.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Starts the logs and serves until the runtime ends. What keeps a function from starting, such as its configuration,
/// is one line in the logs and an exit code that Lambda reports as `Runtime.ExitError`.
pub async fn start<F: Future<Output = Result<(), Failure>>>(serve: impl FnOnce(Environment) -> F) -> ExitCode {
    let environment = Environment::of_process();
    logs::start(&environment);
    match serve(environment).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the function cannot run");
            ExitCode::FAILURE
        }
    }
}
