//! `lazycat audit`: says where source, items and catalogs do not agree.

#[cfg(feature = "aws")]
mod searched;
mod show;

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
#[cfg(feature = "aws")]
use std::time::Instant;

use clap::ValueEnum;
use lazycat::audit::{self, Content};
use lazycat::embedded::Progress;
use lazycat::embedded::audit::{AuditOptions, Audited};
use lazycat::embedded::layout::grid;
use lazycat::grid::{Grid, INPE};
use lazycat::level::{Level, LevelError};
use lazycat::local::Dice;
use lazycat::ports::Chance as _;

#[cfg(feature = "aws")]
use crate::stack::Deployed;
use crate::target::{self, Place, Target};

/// The exit code of wrong usage, as clap's.
const WRONG_USAGE: u8 = 2;

/// How long what looks wrong in a directory is left: longer than a run takes from the queue into the catalog.
const GRACE: Duration = Duration::from_secs(3);

/// The same in a stack: some ticks of the mover, and the update that follows.
#[cfg(feature = "aws")]
const GRACE_OF_A_STACK: Duration = Duration::from_secs(180);

/// The exit code where something is wrong in the catalog.
const DRIFT: u8 = 4;

/// Say where source, items, catalogs and the search index do not agree.
///
/// Every document is compared with the one that a rebuild would write, the items with the scenes of the source and with
/// what the search index lists, and of some items the content with what their scene gives and the index holds. The index
/// beside a directory is compared where it is kept in step; that of a stack, where it is named. A catalog may be worked on meanwhile: what is still owed is counted as
/// pending, and is no drift. Nothing is changed without --repair, and no document is ever written by an audit itself.
///
/// Exit code 0: no drift. 4: drift was found, also where it was repaired; audit again to see that it is gone. 1: the audit
/// failed. 2: wrong usage; nothing was done.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lazycat audit --catalog catalog scenes
  lazycat audit --catalog catalog scenes --content full --prefix CBERS4/MUX/057
  lazycat audit --catalog catalog scenes --repair --dry-run
  lazycat audit --stack lazycat-prod --prefix CBERS4/MUX    against the buckets that the stack takes scenes from
  LAZYCAT_DATABASE='host=db.example.com dbname=postgis' \
    lazycat audit --stack lazycat-prod --pgstac --database-secret auditor    against the items in pgstac, too")]
pub(crate) struct Args {
    #[command(flatten)]
    target: Target,

    /// The folder of scene metadata that the catalog of a directory is made of; without it, only catalogs and items are
    /// compared. A stack knows its source.
    #[arg(value_name = "SOURCE", group = "sourced")]
    #[cfg_attr(feature = "aws", arg(conflicts_with = "stack"))]
    source: Option<PathBuf>,

    /// With --stack: compare only catalogs and items, and list no source bucket.
    #[cfg(feature = "aws")]
    #[arg(long, requires = "stack", conflicts_with = "prune")]
    without_source: bool,

    #[cfg(feature = "aws")]
    #[command(flatten)]
    searched: searched::Searched,

    /// Only this level and all below it, such as CBERS4/MUX/057.
    #[arg(long, value_name = "LEVEL", default_value = "")]
    prefix: String,

    /// Of which items the content is compared with what their scene gives, and with what the search index holds.
    #[arg(long, value_enum, default_value_t = Which::Sample)]
    content: Which,

    /// How many items a sample holds.
    #[arg(long, value_name = "N", default_value_t = 100)]
    sample: usize,

    /// What chooses the sample: the same number chooses the same items. It is told in the report.
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,

    /// How many seconds what looks wrong is left before it is looked at for the last time: 3, or 180 with --stack, when
    /// not given.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    grace: Option<f64>,

    /// Have levels rebuilt and items made, through the same queues as all others; in a directory, until nothing is left to
    /// do.
    #[arg(long)]
    repair: bool,

    /// With --repair: only tell how much would be repaired.
    #[arg(long, requires = "repair")]
    dry_run: bool,

    /// With --repair: also withdraw the items that the source has no scene of.
    #[arg(long, requires = "repair", requires = "sourced")]
    prune: bool,

    /// With --prune: nothing is withdrawn when it would be a greater share of all items than this, of 1.
    #[arg(long, value_name = "SHARE", default_value_t = 0.01, value_parser = share)]
    prune_share: f64,

    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

/// Of which items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    /// Of a sample.
    Sample,
    /// Of all.
    Full,
}

/// Audits, and says what was found.
pub(crate) fn execute(args: &Args) -> ExitCode {
    let told = |message: &str| eprintln!("lazycat audit: {message}");
    let seed = args.seed.unwrap_or_else(|| Dice.bits() >> 32);
    let audited = match args.target.place() {
        Place::Catalog(catalog) => of_directory(args, catalog, seed),
        #[cfg(feature = "aws")]
        Place::Stack(name) => of_stack(args, name, seed),
    };
    match audited {
        Ok(audited) => {
            if let Err(error) = show::report(args.json, args.repair, args.dry_run, seed, &audited) {
                told(&format!("the report cannot be printed: {error}"));
                return ExitCode::FAILURE;
            }
            if audited.report.drifted() > 0 { ExitCode::from(DRIFT) } else { ExitCode::SUCCESS }
        }
        Err(Failure::Prefix(reason)) => {
            told(&format!("--prefix: {reason}. Levels are named as in CBERS4/MUX/057/121. Nothing was done."));
            ExitCode::from(WRONG_USAGE)
        }
        Err(Failure::Audit(message)) => {
            told(&message);
            ExitCode::FAILURE
        }
    }
}

/// Why there is no report.
enum Failure {
    /// There is no such level in the catalog.
    Prefix(LevelError),
    /// The audit failed.
    Audit(String),
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::Audit(message)
    }
}

fn of_directory(args: &Args, catalog: &Path, seed: u64) -> Result<Audited, Failure> {
    target::must_hold_a_catalog(catalog)?;
    let local = target::open(catalog)?;
    // Where the folders cannot be told, the audit itself will say why.
    let top = level(&args.prefix, &grid(&local).unwrap_or(INPE.clone()))?;
    let absolute = |source: &PathBuf| {
        let unreadable = |error: io::Error| format!("SOURCE: {} cannot be read: {error}", source.display());
        std::fs::read_dir(source).map_err(unreadable)?;
        // Messages name files, and may be worked on by a process of another working directory.
        std::path::absolute(source).map_err(unreadable)
    };
    let options = AuditOptions {
        source: args.source.as_ref().map(absolute).transpose()?,
        top,
        content: args.content(seed),
        grace: args.grace(GRACE),
        repair: args.repair,
        prune: args.prune.then_some(args.prune_share),
        dry_run: args.dry_run,
    };
    let (looked, worked) = (audit::Progress::default(), Progress::default());
    let audit = || lazycat::embedded::audit::audit(&local, &options, &looked, &worked);
    show::during(&looked, io::stderr().is_terminal(), audit).map_err(|error| Failure::Audit(error.to_string()))
}

/// Audits a stack from here, as its function does, but without the end that a function has.
#[cfg(feature = "aws")]
fn of_stack(args: &Args, name: &str, seed: u64) -> Result<Audited, Failure> {
    let deployed = Deployed::find(name)?;
    let grid = deployed.grid()?;
    let top = level(&args.prefix, &grid)?;
    let buckets = deployed.buckets()?;
    let sources = if args.without_source { &[][..] } else { &buckets.0[..] };
    let settings = audit::Settings {
        grid,
        site: deployed.site()?,
        sources: sources.iter().map(|pair| pair.images.clone()).collect(),
        buckets: buckets.clone(),
        scenes: true,
        top,
        content: args.content(seed),
        grace: u64::try_from(args.grace(GRACE_OF_A_STACK).as_millis()).unwrap_or(u64::MAX),
        prune: args.prune.then_some(args.prune_share),
        indexed: args.searched.collections(),
    };
    let place = args.searched.place()?;
    let looked = audit::Progress::default();
    let started = Instant::now();
    let is_repaired = args.repair && !args.dry_run;
    let audit = || deployed.audit(&settings, place.as_ref(), &args.searched.queues, is_repaired, &looked);
    let report = show::during(&looked, io::stderr().is_terminal(), audit)?;
    Ok(Audited { report, searched: place.is_some(), repaired: None, seconds: started.elapsed().as_secs_f64() })
}

impl Args {
    fn content(&self, seed: u64) -> Content {
        match self.content {
            Which::Full => Content::Full,
            Which::Sample => Content::Sample { items: self.sample, seed },
        }
    }

    fn grace(&self, usual: Duration) -> Duration {
        self.grace.map_or(usual, Duration::from_secs_f64)
    }
}

/// A level of the grid.
fn level(key: &str, grid: &Grid) -> Result<Level, Failure> {
    let level = Level::parse(key.trim_end_matches('/')).map_err(Failure::Prefix)?;
    grid.place(&level).map_err(Failure::Prefix)?;
    Ok(level)
}

fn seconds(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "expected a number of seconds".to_owned())?;
    if (0.0..=86_400.0).contains(&number) { Ok(number) } else { Err("expected 0 to 86400 seconds".to_owned()) }
}

fn share(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "expected a number from 0 to 1".to_owned())?;
    if (0.0..=1.0).contains(&number) { Ok(number) } else { Err("expected a number from 0 to 1".to_owned()) }
}
