//! `lazycat reprocess`: items are made again.

use std::io::{self, IsTerminal as _, Write as _};
use std::num::NonZeroU32;
use std::path::Path;
use std::process::ExitCode;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use lazycat::embedded::{self, Progress, Reprocess, Reprocessed};
use lazycat::generate::Refusal;
use lazycat::reprocess::{Counts, Job};
use serde_json::json;

use crate::counting::Counting;
use crate::explain::printable;
use crate::run::{SOME_REFUSED, show};
use crate::target::{self, Place, Target, unprinted};

/// How many files that are none of a scene are told.
const STRAYS_TOLD: usize = 20;

/// Make the items of scenes again, all or some, as after a change of what an item holds.
///
/// A message is sent for each scene of the source, in the order of their keys; items that come out the same are left as they
/// are, unless --force. What is made is told to the loaders only, not to the subscribers of new items. One that is
/// interrupted goes on where it was when the same command is given again; on a stack also by itself, in the function
/// generate-scene-messages.
///
/// Exit code 0: all is sent, and in a directory all is made. 1: it failed; the same command goes on. 2: wrong usage. 3: in a
/// directory, some scenes were refused.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lazycat reprocess scenes --catalog catalog --prefix CBERS4/MUX/057
  lazycat reprocess --stack lazycat-prod --since 2026-01-01T00:00:00Z")]
pub(crate) struct Args {
    /// The folder of scene XML; with --stack the bucket of the scenes, which may be left out where PREFIX tells it.
    #[cfg_attr(feature = "aws", arg(value_name = "SOURCE", required_unless_present = "stack"))]
    #[cfg_attr(not(feature = "aws"), arg(value_name = "SOURCE", required = true))]
    source: Option<String>,

    #[command(flatten)]
    target: Target,

    /// Only scenes whose keys start so, such as CBERS4/MUX/057.
    #[arg(long, value_name = "PREFIX", default_value = "")]
    prefix: String,

    /// Only scenes whose metadata was written then or later: 2026-11-21, or 2026-11-21T12:00:00Z.
    #[arg(long, value_name = "DATE", value_parser = date)]
    since: Option<DateTime<Utc>>,

    /// Write and publish also items that come out the same.
    #[arg(long)]
    force: bool,

    /// How many messages are sent in a second at most.
    #[arg(long, value_name = "N")]
    rate: Option<NonZeroU32>,

    /// Only tell how many scenes would be made again.
    #[arg(long)]
    dry_run: bool,

    /// Print what was done as JSON.
    #[arg(long)]
    json: bool,
}

impl Args {
    fn job(&self, bucket: String) -> Job {
        let Self { since, force, rate, .. } = *self;
        Job { bucket, prefix: self.prefix.clone(), since, force, rate }
    }
}

/// Reprocesses, and says what became of it.
pub(crate) fn execute(args: &Args) -> ExitCode {
    let done = match args.target.place() {
        Place::Catalog(catalog) => in_a_directory(args, catalog),
        #[cfg(feature = "aws")]
        Place::Stack(name) => stack::on(args, name),
    };
    done.unwrap_or_else(|message| {
        eprintln!("lazycat reprocess: {message}");
        ExitCode::FAILURE
    })
}

fn in_a_directory(args: &Args, catalog: &Path) -> Result<ExitCode, String> {
    let given = args.source.as_deref().unwrap_or_default();
    let source = std::path::absolute(given).map_err(|error| format!("SOURCE: {given}: {error}"))?;
    if !source.is_dir() {
        return Err(format!("SOURCE: {given} is not a directory; give the folder that holds the scenes' XML"));
    }
    let local = target::open(catalog)?;
    let wanted = Reprocess { source, job: args.job(String::new()) };
    if args.dry_run {
        let counting = Counting::default();
        let counts = counting.during("scenes listed", || embedded::rehearse_reprocess(&local, &wanted));
        would(args, &counts.map_err(|error| error.to_string())?).map_err(unprinted)?;
        return Ok(ExitCode::SUCCESS);
    }
    let progress = Progress::default();
    let done = show::Shown::start(&progress, false, io::stderr().is_terminal())
        .during(|| embedded::reprocess(&local, &wanted, &progress))
        .map_err(|error| format!("{error}\nWhat was sent is made; give the same command again to go on."))?;
    made(args, &done).map_err(unprinted)?;
    Ok(match &done.summary {
        summary if summary.stale > 0 => {
            eprintln!("lazycat reprocess: {}", show::advice(summary));
            ExitCode::FAILURE
        }
        summary if summary.refused > 0 => ExitCode::from(SOME_REFUSED),
        _ => ExitCode::SUCCESS,
    })
}

fn made(args: &Args, done: &Reprocessed) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, done)?;
        return writeln!(out);
    }
    let summary = &done.summary;
    tell(&mut out, &done.scenes, &done.strays)?;
    show::troubles(&mut out, summary)?;
    writeln!(
        out,
        "{} made, {} unchanged, {} refused; {} levels rebuilt in {:.1} s",
        summary.made, summary.unchanged, summary.refused, summary.rebuilt, summary.seconds
    )
}

/// Tells what would be sent.
fn would(args: &Args, counts: &Counts) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if args.json {
        return writeln!(out, "{}", json!({ "dry_run": true, "scenes": counts }));
    }
    writeln!(out, "{} scenes would be made again", counts.sent)?;
    left_out(&mut out, counts)
}

/// Tells what was sent.
fn tell(out: &mut impl io::Write, counts: &Counts, strays: &[Refusal]) -> io::Result<()> {
    writeln!(out, "{} scenes sent", counts.sent)?;
    left_out(out, counts)?;
    for stray in strays.iter().take(STRAYS_TOLD) {
        writeln!(out, "no scene ({}): {}\n    {}", stray.reason, printable(&stray.scene), printable(&stray.detail))?;
    }
    Ok(())
}

fn left_out(out: &mut impl io::Write, counts: &Counts) -> io::Result<()> {
    for (count, why) in [
        (counts.older, "left out: their metadata is older"),
        (counts.without_metadata, "left out: they have a quicklook and no metadata"),
        (counts.refused, "XML files are none of a scene"),
    ] {
        if count > 0 {
            writeln!(out, "{count} {why}")?;
        }
    }
    Ok(())
}

fn date(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.to_utc());
    }
    match NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        Ok(day) => Ok(day.and_time(NaiveTime::MIN).and_utc()),
        Err(_) => Err("expected a day or a time in UTC, such as 2026-11-21 or 2026-11-21T12:00:00Z".to_owned()),
    }
}

#[cfg(feature = "aws")]
mod stack {
    //! On a deployed stack: the messages are sent from here, to the stack's queue.

    use lazycat::aws::{CatalogBucket, Checkpoints, DirtyLevels, Queue, SourceBuckets, World};
    use lazycat::grid::INPE;
    use lazycat::missions;
    use lazycat::ports::{PortResult, SendMessages};
    use lazycat::reprocess::{self, Ports, UNNAMED};
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::stack::{Deployed, told};

    /// A queue that tells how many messages it has taken.
    struct Counted<'a> {
        queue: Queue,
        sent: AtomicU64,
        counting: &'a Counting,
    }

    impl SendMessages for Counted<'_> {
        async fn send(&self, bodies: &[String]) -> Vec<PortResult<()>> {
            let results = self.queue.send(bodies).await;
            let accepted = results.iter().filter(|result| result.is_ok()).count() as u64;
            self.counting.tell(self.sent.fetch_add(accepted, Ordering::Relaxed) + accepted);
            results
        }
    }

    pub(super) fn on(args: &Args, name: &str) -> Result<ExitCode, String> {
        let deployed = Deployed::find(name)?;
        let Deployed { clients, stack, .. } = &deployed;
        let buckets: Vec<&str> = stack.parameter("SourceBuckets").map_err(told)?.split(',').map(str::trim).collect();
        let job = args.job(bucket(args, &buckets)?);
        let source = SourceBuckets::new(clients.s3.clone());
        let counting = Counting::default();
        if args.dry_run {
            let rehearse = || deployed.run(reprocess::rehearse(&source, &World, &job));
            let counts = counting.during("messages", rehearse).map_err(told)?;
            would(args, &counts).map_err(unprinted)?;
            return Ok(ExitCode::SUCCESS);
        }
        let table = stack.output("DirtyLevels").map_err(told)?;
        let queue = Queue::new(clients.sqs.clone(), stack.output("ScenesQueue").map_err(told)?);
        let ports = Ports {
            source: &source,
            checkpoints: &Checkpoints::new(clients.dynamodb.clone(), table),
            queue: &Counted { queue, sent: AtomicU64::new(0), counting: &counting },
            world: &World,
        };
        // Under the name that the function goes on with, should this process be interrupted.
        let work = || deployed.run(reprocess::reprocess(&ports, UNNAMED, &job, &|| false));
        let report = counting.during("messages sent", work).map_err(|error| {
            format!("{}\nThe same command goes on where this one ended; so does the stack itself.", told(error))
        })?;
        let catalog = CatalogBucket::new(clients.s3.clone(), stack.output("CatalogBucket").map_err(told)?);
        let marks = DirtyLevels::new(clients.dynamodb.clone(), table);
        deployed
            .run(reprocess::mark_parents(&catalog, &marks, &World, &INPE, &job.prefix))
            .map_err(|error| format!("the scenes are sent, but the levels above are not marked: {}", told(error)))?;
        let mut out = io::stdout().lock();
        let printed = if args.json {
            let done = json!({ "scenes": report.counts, "strays": report.refused, "message_id": report.message_id });
            writeln!(out, "{done}")
        } else {
            tell(&mut out, &report.counts, &report.refused)
        };
        printed.map_err(unprinted)?;
        Ok(ExitCode::SUCCESS)
    }

    /// The bucket that is meant: as given, or the only one, or that of the satellite that the prefix names.
    fn bucket(args: &Args, buckets: &[&str]) -> Result<String, String> {
        let satellite = args.prefix.split('/').next().and_then(missions::satellite_of_folder);
        let meant = match (args.source.as_deref(), buckets) {
            (Some(given), _) => Some(given),
            (None, [only]) => Some(*only),
            (None, _) => satellite.map(|satellite| satellite.bucket),
        };
        match meant.filter(|meant| buckets.contains(meant)) {
            Some(bucket) => Ok(bucket.to_owned()),
            None => {
                Err(format!("SOURCE: expected one of the stack's source buckets, {}; name the one", buckets.join(", ")))
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_its_beginning_and_a_time_is_itself() {
        assert_eq!(date("2026-11-21").unwrap(), date("2026-11-21T00:00:00Z").unwrap());
        assert_eq!(date("2026-11-21T12:30:00+02:00").unwrap(), date("2026-11-21T10:30:00Z").unwrap());
        for wrong in ["", "yesterday", "2026-13-01", "21.11.2026", "2026-11-21T12:00"] {
            assert!(date(wrong).unwrap_err().contains("2026-11-21"), "{wrong}");
        }
    }
}
