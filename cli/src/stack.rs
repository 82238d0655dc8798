//! A deployed stack, as commands work on it.

use std::time::Duration;

use lazycat::audit::{self, AuditError, Fed, Leave, Progress, Repair, Report as AuditReport, Retell, Settings};
use lazycat::aws::{
    AuditedIndex, CatalogBucket, Clients, DeadLetterQueue, DirtyLevels, IndexPlace, Queue, Queues, SourceBuckets,
    Stack, TimeOuts, Topics, World,
};
use lazycat::grid::{Grid, INPE};
use lazycat::layout::Layout;
use lazycat::message::DeadLetter;
use lazycat::ports::PortError;
use lazycat::redrive::{self, Action, Kind, Listing, Report, Selection};
use lazycat::search::addresses::Addresses;
use lazycat::stac::catalog::Site;
use lazycat::stac::{BucketPair, Buckets};
use lazycat::status::Status;
use tokio::runtime::Runtime;

use crate::counting::Counting;

/// A request with all its attempts takes a third of this at most.
const PATIENCE: Duration = Duration::from_secs(180);

/// A stack that was found, and what runs the requests to it.
pub(crate) struct Deployed {
    runtime: Runtime,
    pub(crate) clients: Clients,
    pub(crate) stack: Stack,
}

impl Deployed {
    /// Finds the stack of this name.
    pub(crate) fn find(name: &str) -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| format!("the runtime cannot be started: {error}"))?;
        let (clients, stack) = runtime.block_on(async {
            let clients = Clients::load_checked(TimeOuts::within(PATIENCE)).await.map_err(told)?;
            let stack = Stack::find(&clients.cloudformation, name).await.map_err(told)?;
            Ok::<_, String>((clients, stack))
        })?;
        Ok(Self { runtime, clients, stack })
    }

    /// Runs a future to its end.
    pub(crate) fn run<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// How it is doing.
    pub(crate) fn status(&self, all: bool, counting: &Counting) -> Result<Status, String> {
        self.run(lazycat::aws::status(&self.clients, &self.stack, all, |items| counting.tell(items))).map_err(told)
    }

    /// Lists the dead letters that are meant.
    pub(crate) fn list(
        &self,
        queues: &[Kind],
        selection: &Selection,
        counting: &Counting,
    ) -> Result<Vec<Listing>, String> {
        let mut before = 0;
        let list = |queue: &Kind| {
            let (_, letters) = self.letters(*queue)?;
            let listing = self.run(redrive::list(&letters, *queue, selection, |here| counting.tell(before + here)));
            let listing = listing.map_err(told)?;
            before += listing.seen;
            Ok(listing)
        };
        queues.iter().map(list).collect()
    }

    /// The dead letter of this id.
    pub(crate) fn letter(&self, queues: &[Kind], id: &str) -> Result<Option<(Kind, DeadLetter)>, String> {
        for queue in queues {
            let (_, letters) = self.letters(*queue)?;
            if let Some(letter) = self.run(redrive::find(&letters, id)).map_err(told)? {
                return Ok(Some((*queue, letter)));
            }
        }
        Ok(None)
    }

    /// Puts back or drops the dead letters that are meant. `counting` is told how many.
    pub(crate) fn redrive(
        &self,
        queues: &[Kind],
        selection: &Selection,
        action: Action,
        counting: &Counting,
    ) -> Result<Vec<Report>, String> {
        let mut before = 0;
        let redrive = |queue: &Kind| {
            let (messages, letters) = self.letters(*queue)?;
            let ports = redrive::Ports { letters: &letters, queue: &messages };
            let done = |_, done| counting.tell(before + done);
            let report = self.run(redrive::redrive(&ports, *queue, selection, action, done)).map_err(told)?;
            before += report.done;
            Ok(report)
        };
        queues.iter().map(redrive).collect()
    }

    /// The buckets that it takes scenes from.
    pub(crate) fn buckets(&self) -> Result<Buckets, String> {
        let list = |name| {
            let value = self.stack.parameter(name).map_err(told)?;
            Ok::<Vec<String>, String>(value.split(',').map(|bucket| bucket.trim().to_owned()).collect())
        };
        let (images, quicklooks) = (list("SourceBuckets")?, list("MetadataBuckets")?);
        if images.len() != quicklooks.len() {
            return Err(format!(
                "the stack {} has {} SourceBuckets and {} MetadataBuckets, expected as many",
                self.stack.name(),
                images.len(),
                quicklooks.len()
            ));
        }
        let pair = |(images, quicklooks)| BucketPair { images, quicklooks };
        Ok(Buckets(images.into_iter().zip(quicklooks).map(pair).collect()))
    }

    /// What its documents tell about the catalog.
    pub(crate) fn site(&self) -> Result<Site, String> {
        let root = self.stack.output("CatalogUrl").map_err(told)?;
        Ok(Site { public_url: Some(root.strip_suffix("catalog.json").unwrap_or(root).to_owned()) })
    }

    /// The folders of its catalog.
    pub(crate) fn grid(&self) -> Result<Grid, String> {
        // A stack of before there were layouts has none.
        let parameter = |name| self.stack.parameter(name).ok().filter(|value| !value.is_empty());
        let Some(layout) = parameter("Layout") else { return Ok(INPE.clone()) };
        let layout = Layout::parse(layout).map_err(|error| format!("the stack {}: {error}", self.stack.name()))?;
        Ok(Grid::with_layout(layout, parameter("CatalogTitle")))
    }

    /// Audits it; what is to be repaired goes to its queues and topics.
    pub(crate) fn audit(
        &self,
        settings: &Settings,
        index: Option<&IndexPlace>,
        loader_queues: &[String],
        repair: bool,
        progress: &Progress,
    ) -> Result<AuditReport, String> {
        let Clients { s3, sqs, sns, dynamodb, .. } = &self.clients;
        let output = |name| self.stack.output(name).map_err(told);
        let marks = DirtyLevels::new(dynamodb.clone(), output("DirtyLevels")?);
        let scenes = Queue::new(sqs.clone(), output("ScenesQueue")?);
        let levels = Queue::new(sqs.clone(), output("LevelsQueue")?);
        let bucket = output("CatalogBucket")?;
        let index = match index {
            Some(place) => Some(self.open(place, bucket, settings)?),
            None => None,
        };
        let catalog = CatalogBucket::new(s3.clone(), bucket);
        let loaders = Queues(loader_queues.iter().map(|url| Queue::new(sqs.clone(), url)).collect());
        let ports = audit::Ports {
            catalog: &catalog,
            source: &SourceBuckets::new(s3.clone()),
            marks: &marks,
            queues: &Queues(vec![scenes.clone(), levels]),
            clock: &World,
            index: index.as_ref().map(|index| Fed { index, queues: &loaders }),
        };
        let audited = if repair {
            let base = settings.site.public_url.as_deref().unwrap_or_default();
            let topics = Topics::new(sns.clone(), output("ItemsTopic")?, output("ReprocessedItemsTopic")?, base);
            let index = Retell { catalog: &catalog, topic: &topics, clock: &World };
            let repair = Repair { marks: &marks, queue: &scenes, world: &World, index };
            self.run(audit::audit(&ports, settings, &repair, progress))
        } else {
            self.run(audit::audit(&ports, settings, &Leave, progress))
        };
        audited.map_err(told)
    }

    /// Opens the search index, to look into it.
    fn open(&self, place: &IndexPlace, bucket: &str, settings: &Settings) -> Result<AuditedIndex, String> {
        let addresses = Addresses::new(bucket, settings.site.public_url.as_deref().unwrap_or_default());
        self.run(place.open(&self.clients, addresses, PATIENCE / 3)).map_err(told)
    }

    fn letters(&self, queue: Kind) -> Result<(Queue, DeadLetterQueue), String> {
        let (messages, letters) = self.stack.urls(queue).map_err(told)?;
        let sqs = &self.clients.sqs;
        Ok((Queue::new(sqs.clone(), messages), DeadLetterQueue::new(sqs.clone(), letters)))
    }
}

/// An error, with what to do where that is known.
pub(crate) fn told(error: impl std::error::Error + Denied) -> String {
    match error.is_denied() {
        true => format!("{error}; these credentials may not do it, see docs/operations.md for what each command needs"),
        false => error.to_string(),
    }
}

/// Errors that may be a refusal.
pub(crate) trait Denied {
    /// Whether the caller may not do it.
    fn is_denied(&self) -> bool;
}

impl Denied for PortError {
    fn is_denied(&self) -> bool {
        matches!(self, Self::Denied { .. })
    }
}

impl Denied for lazycat::aws::StackError {
    fn is_denied(&self) -> bool {
        matches!(self, Self::Port(error) if error.is_denied())
    }
}

impl Denied for lazycat::aws::SetUpError {
    fn is_denied(&self) -> bool {
        false
    }
}

impl Denied for AuditError {
    fn is_denied(&self) -> bool {
        matches!(self, Self::Port(error) if error.is_denied())
    }
}

impl Denied for lazycat::reprocess::ReprocessError {
    fn is_denied(&self) -> bool {
        match self {
            Self::Port(error) | Self::NotAccepted { first: error, .. } => error.is_denied(),
            _ => false,
        }
    }
}
