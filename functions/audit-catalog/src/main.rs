//! audit-catalog: says where source, items, catalogs and the search index do not agree.
//!
//! Schedules invoke it with a [`Request`] for each camera, and one for all catalogs; so does who wants to know now. What
//! it finds is answered, logged and measured. It repairs only where the stack says so, and never withdraws.

mod request;
mod searched;

use std::process::ExitCode;
use std::time::Duration;

use lambda_runtime::{LambdaEvent, run, service_fn};
use lazycat::audit::{AuditError, Class, Fed, Leave, Ports, Progress, Repair, Report, Retell, Settings, audit};
use lazycat::aws::{
    AuditedIndex, CatalogBucket, Clients, DirtyLevels, Queue, Queues, SourceBuckets, TimeOuts, Topics, World,
};
use lazycat::grid::Grid;
use lazycat::ports::{Chance as _, Clock as _};
use lazycat::search::addresses::Addresses;
use lazycat::stac::Buckets;
use lazycat::stac::catalog::Site;
use lazycat_function::environment::{ConfigurationError, Environment};
use lazycat_function::metrics::Metrics;
use lazycat_function::{Failure, settings, start};
use serde_json::{Value, json};

use self::request::Request;
use self::searched::Searched;

/// How long what looks wrong is left before it is looked at for the last time, in milliseconds: some ticks of the mover,
/// and the update that follows.
const GRACE: u64 = 180_000;

struct Configuration {
    catalog_bucket: String,
    dirty_levels_table: String,
    scenes_queue: String,
    levels_queue: String,
    reprocessed_items_topic: String,
    buckets: Buckets,
    public_url: String,
    grid: Grid,
    repair: bool,
    grace: u64,
    time_out: Duration,
    stack: String,
    searched: Searched,
}

impl Configuration {
    fn read(environment: &Environment) -> Result<Self, ConfigurationError> {
        let mut reader = environment.reader();
        let searched = Searched::read(environment, &mut reader);
        let (searched, fault) = match searched {
            Ok(searched) => (searched, None),
            Err(error) => (Searched::default(), Some(error)),
        };
        let configuration = Self {
            catalog_bucket: settings::catalog_bucket(&mut reader),
            dirty_levels_table: settings::dirty_levels_table(&mut reader),
            scenes_queue: settings::scenes_queue(&mut reader),
            levels_queue: settings::levels_queue(&mut reader),
            reprocessed_items_topic: settings::reprocessed_items_topic(&mut reader),
            buckets: settings::source_buckets(&mut reader),
            public_url: settings::public_url(&mut reader),
            grid: settings::grid(&mut reader),
            repair: settings::audit_repair(&mut reader),
            grace: settings::audit_grace(&mut reader).map_or(GRACE, |seconds| u64::from(seconds) * 1_000),
            time_out: settings::time_out(&mut reader),
            stack: settings::stack(&mut reader),
            searched,
        };
        match (reader.finish(configuration), fault) {
            (finished, None) => finished,
            (Ok(_), Some(fault)) => Err(fault),
            // All faults at once.
            (Err(ConfigurationError(mut faults)), Some(ConfigurationError(more))) => {
                faults.extend(more);
                Err(ConfigurationError(faults))
            }
        }
    }

    /// The search index, where the stack names one.
    async fn index(&self, clients: &Clients) -> Result<Option<AuditedIndex>, Failure> {
        let Some(place) = &self.searched.place else { return Ok(None) };
        let addresses = Addresses::new(&self.catalog_bucket, &self.public_url);
        Ok(Some(place.open(clients, addresses, self.time_out / 9).await?))
    }

    fn settings(&self, request: &Request, seed: u64) -> Result<Settings, Failure> {
        Ok(Settings {
            grid: self.grid.clone(),
            site: Site { public_url: Some(self.public_url.clone()) },
            buckets: self.buckets.clone(),
            sources: if request.source {
                self.buckets.0.iter().map(|pair| pair.images.clone()).collect()
            } else {
                vec![]
            },
            scenes: request.scenes,
            top: request.top(&self.grid)?,
            content: request.content(seed),
            grace: self.grace,
            prune: None,
            indexed: self.searched.collections.clone(),
        })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    start(serve).await
}

async fn serve(environment: Environment) -> Result<(), Failure> {
    let configuration = Configuration::read(&environment)?;
    let clients = Clients::load(TimeOuts::within(configuration.time_out)).await;
    let marks = DirtyLevels::new(clients.dynamodb.clone(), &configuration.dirty_levels_table);
    let scenes = Queue::new(clients.sqs.clone(), &configuration.scenes_queue);
    let levels = Queue::new(clients.sqs.clone(), &configuration.levels_queue);
    let index = configuration.index(&clients).await?;
    let loaders = Queues(configuration.searched.queue.iter().map(|url| Queue::new(clients.sqs.clone(), url)).collect());
    let catalog = CatalogBucket::new(clients.s3.clone(), &configuration.catalog_bucket);
    let source = SourceBuckets::new(clients.s3);
    let queues = Queues(vec![scenes.clone(), levels]);
    // Only loaders are told of what stands there already, and so only they are known here.
    let topic = &configuration.reprocessed_items_topic;
    let topics = Topics::new(clients.sns.clone(), topic, topic, &configuration.public_url);
    let index_told = Retell { catalog: &catalog, topic: &topics, clock: &World };
    let repair = Repair { marks: &marks, queue: &scenes, world: &World, index: index_told };
    let ports = |with_index: bool| Ports {
        catalog: &catalog,
        source: &source,
        marks: &marks,
        queues: &queues,
        clock: &World,
        index: index.as_ref().filter(|_| with_index).map(|index| Fed { index, queues: &loaders }),
    };
    let (ports, repair, configuration) = (&ports, &repair, &configuration);
    run(service_fn(|event: LambdaEvent<Value>| async move {
        let request = Request::read(event.payload)?;
        let seed = request.seed.unwrap_or_else(|| World.bits() >> 32);
        let settings = configuration.settings(&request, seed)?;
        let (progress, ports) = (Progress::default(), &ports(request.index));
        let audited = match configuration.repair {
            true => audit(ports, &settings, repair, &progress).await,
            false => audit(ports, &settings, &Leave, &progress).await,
        };
        let report = match audited {
            // Not every stack has scenes of every camera.
            Err(AuditError::Nothing { .. }) if request.may_be_empty => Report::default(),
            audited => audited?,
        };
        measure(&report, &configuration.stack);
        Ok::<_, Failure>(told(&report, seed, configuration.repair))
    }))
    .await
}

/// What is answered, and logged.
fn told(report: &Report, seed: u64, repaired: bool) -> Value {
    let mut told = json!(report);
    if let Value::Object(told) = &mut told {
        told.insert("drifted".to_owned(), json!(report.drifted()));
        told.insert("seed".to_owned(), json!(seed));
        told.insert("repaired".to_owned(), json!(repaired));
    }
    match report.drifted() {
        0 => tracing::info!(report = %told, "no drift"),
        _ => tracing::warn!(report = %told, "source, items and catalogs do not agree"),
    }
    told
}

fn measure(report: &Report, stack: &str) {
    let count = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    let metrics = Metrics::new(stack, World.now())
        .count("AuditDrift", count(report.drifted()))
        .count("AuditPending", count(report.is_pending()));
    let of_classes = Class::ALL.iter().filter(|class| report.count(**class) > 0);
    of_classes.fold(metrics, |metrics, class| metrics.count(metric(*class), count(report.count(*class)))).print();
}

/// The metric of a class, told where there is something of it.
fn metric(class: Class) -> &'static str {
    match class {
        Class::SourceWithoutItem => "AuditSourceWithoutItem",
        Class::ItemWithoutSource => "AuditItemWithoutSource",
        Class::NotLinked => "AuditNotLinked",
        Class::LinkWithoutObject => "AuditLinkWithoutObject",
        Class::DocumentMissing => "AuditDocumentMissing",
        Class::DocumentMalformed => "AuditDocumentMalformed",
        Class::DocumentStale => "AuditDocumentStale",
        Class::ItemDiffers => "AuditItemDiffers",
        Class::ContentType => "AuditContentType",
        Class::Stray => "AuditStray",
        Class::IndexMissing => "AuditIndexMissing",
        Class::IndexExtra => "AuditIndexExtra",
        Class::IndexStale => "AuditIndexStale",
        Class::IndexDiffers => "AuditIndexDiffers",
        // No drift, and so never counted here.
        Class::Unindexable => "AuditUnindexable",
    }
}
