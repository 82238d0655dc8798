//! generate-scene-messages: the scenes of a bucket become messages, as if each were new.
//!
//! Whoever wants it invokes the function with a [`Request`]; a schedule invokes it with `{"resume": true}`, and so a job
//! that is longer than an invocation goes on.

mod request;

use std::process::ExitCode;
use std::time::Duration;

use chrono::{DateTime, Utc};
use lambda_runtime::{LambdaEvent, run, service_fn};
use lazycat::aws::{Checkpoints, Clients, Queue, SourceBuckets, TimeOuts, World};
use lazycat::ports::Clock as _;
use lazycat::reprocess::{Ports, Report, ReprocessError, UNNAMED, reprocess, resume};
use lazycat_function::environment::{ConfigurationError, Environment};
use lazycat_function::metrics::Metrics;
use lazycat_function::{Failure, settings, start};
use serde_json::{Value, json};

use self::request::{Request, Task};

struct Configuration {
    dirty_levels_table: String,
    scenes_queue: String,
    source_buckets: Vec<String>,
    time_out: Duration,
    stack: String,
}

impl Configuration {
    fn read(environment: &Environment) -> Result<Self, ConfigurationError> {
        let mut reader = environment.reader();
        let buckets = settings::source_buckets(&mut reader);
        let configuration = Self {
            dirty_levels_table: settings::dirty_levels_table(&mut reader),
            scenes_queue: settings::scenes_queue(&mut reader),
            source_buckets: buckets.0.into_iter().map(|pair| pair.images).collect(),
            time_out: settings::time_out(&mut reader),
            stack: settings::stack(&mut reader),
        };
        reader.finish(configuration)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    start(serve).await
}

async fn serve(environment: Environment) -> Result<(), Failure> {
    let configuration = Configuration::read(&environment)?;
    let time = TimeOuts::within(configuration.time_out);
    let clients = Clients::load(time).await;
    let ports = Ports {
        source: &SourceBuckets::new(clients.s3),
        checkpoints: &Checkpoints::new(clients.dynamodb, &configuration.dirty_levels_table),
        queue: &Queue::new(clients.sqs, &configuration.scenes_queue),
        world: &World,
    };
    let (ports, configuration) = (&ports, &configuration);
    run(service_fn(|event: LambdaEvent<Value>| async move {
        let task = Request::read(event.payload)?.task(&configuration.source_buckets)?;
        // What is still to be done when it is told to stop: a request with all its attempts, then the checkpoint's.
        let until = DateTime::<Utc>::from(event.context.deadline()) - 2 * time.operation();
        let stop = || World.now() >= until;
        let done = match &task {
            Task::Start(job) => reprocess(ports, UNNAMED, job, &stop).await.map(Some),
            Task::Resume => resume(ports, UNNAMED, &stop).await,
        };
        match done {
            Ok(Some(report)) => {
                measure(&report, &configuration.stack);
                Ok::<_, Failure>(told(&report))
            }
            Ok(None) => Ok(Value::Null),
            // Two invocations at once: one of them has gone on.
            Err(error @ ReprocessError::Overtaken { .. }) if matches!(task, Task::Resume) => {
                tracing::info!(%error, "left to another invocation");
                Ok(Value::Null)
            }
            Err(error) => Err(error.into()),
        }
    }))
    .await
}

/// What is answered, and logged: how far the job has come.
fn told(report: &Report) -> Value {
    for refusal in &report.refused {
        tracing::warn!(key = refusal.scene, reason = refusal.reason, detail = refusal.detail, "no scene");
    }
    let Report { message_id, started, counts, finished, after, .. } = report;
    let told = json!({
        "messageId": message_id, "started": started, "finished": finished, "after": after, "counts": counts,
    });
    tracing::info!(job = %told, "sent");
    told
}

fn measure(report: &Report, stack: &str) {
    Metrics::new(stack, World.now())
        .count("ScenesEnqueued", usize::try_from(report.sent).unwrap_or(usize::MAX))
        .print();
}
