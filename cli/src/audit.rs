//! `lazycat audit`: says where source, items and catalogs do not agree.

mod show;

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;
use lazycat::audit::{self, Content};
use lazycat::embedded::Progress;
use lazycat::embedded::audit::{AuditOptions, Audited};
use lazycat::grid::INPE;
use lazycat::level::Level;
use lazycat::local::{self, Dice, STATE_FOLDER};
use lazycat::ports::Chance as _;

use crate::explain;

/// The exit code of wrong usage, as clap's.
const WRONG_USAGE: u8 = 2;

/// The exit code where something is wrong in the catalog.
const DRIFT: u8 = 4;

/// Say where source, items and catalogs do not agree.
///
/// Every document is compared with the one that a rebuild would write, the items with the scenes of SOURCE, and of some
/// items the content with what their scene gives. A catalog may be worked on meanwhile: what is still owed is counted as
/// pending, and is no drift. Nothing is changed without --repair, and no document is ever written by an audit itself.
///
/// Exit code 0: no drift. 4: drift was found, also where it was repaired; audit again to see that it is gone. 1: the audit
/// failed. 2: wrong usage; nothing was done.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lazycat audit --catalog catalog scenes
  lazycat audit --catalog catalog scenes --content full --prefix CBERS4/MUX/057
  lazycat audit --catalog catalog scenes --repair --dry-run")]
pub(crate) struct Args {
    /// The catalog directory.
    #[arg(long, value_name = "DIR")]
    catalog: PathBuf,

    /// The folder of scene metadata that the catalog is made of; without it, only catalogs and items are compared.
    #[arg(value_name = "SOURCE")]
    source: Option<PathBuf>,

    /// Only this level and all below it, such as CBERS4/MUX/057.
    #[arg(long, value_name = "LEVEL", default_value = "")]
    prefix: String,

    /// Of which items the content is compared with what their scene gives.
    #[arg(long, value_enum, default_value_t = Which::Sample, requires = "source")]
    content: Which,

    /// How many items a sample holds.
    #[arg(long, value_name = "N", default_value_t = 100)]
    sample: usize,

    /// What chooses the sample: the same number chooses the same items. It is told in the report.
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,

    /// How many seconds what looks wrong is left before it is looked at for the last time.
    #[arg(long, value_name = "SECONDS", default_value_t = 3.0, value_parser = seconds)]
    grace: f64,

    /// Have levels rebuilt and items made, through the same queues as a run, until nothing is left to do.
    #[arg(long)]
    repair: bool,

    /// With --repair: only tell how much would be repaired.
    #[arg(long, requires = "repair")]
    dry_run: bool,

    /// With --repair: also withdraw the items that SOURCE has no scene of.
    #[arg(long, requires = "repair", requires = "source")]
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
    let top = match level(&args.prefix) {
        Ok(top) => top,
        Err(reason) => {
            told(&format!("--prefix: {reason}. Levels are named as in CBERS4/MUX/057/121. Nothing was done."));
            return ExitCode::from(WRONG_USAGE);
        }
    };
    let seed = args.seed.unwrap_or_else(|| Dice.bits() >> 32);
    match audit(args, top, seed) {
        Ok(audited) => {
            if let Err(error) = show::report(args.json, args.repair, args.dry_run, seed, &audited) {
                told(&format!("the report cannot be printed: {error}"));
                return ExitCode::FAILURE;
            }
            if audited.report.drifted() > 0 { ExitCode::from(DRIFT) } else { ExitCode::SUCCESS }
        }
        Err(message) => {
            told(&message);
            ExitCode::FAILURE
        }
    }
}

fn audit(args: &Args, top: Level, seed: u64) -> Result<Audited, String> {
    let catalog = &args.catalog;
    std::fs::read_dir(catalog).map_err(|error| explain::directory(catalog, &error))?;
    if ![STATE_FOLDER, "catalog.json"].iter().any(|name| catalog.join(name).exists()) {
        return Err(format!("DIR: {} holds no catalog; give the directory that `lazycat run` made", catalog.display()));
    }
    let absolute = |source: &PathBuf| {
        let unreadable = |error: io::Error| format!("SOURCE: {} cannot be read: {error}", source.display());
        std::fs::read_dir(source).map_err(unreadable)?;
        // Messages name files, and may be worked on by a process of another working directory.
        std::path::absolute(source).map_err(unreadable)
    };
    let options = AuditOptions {
        source: args.source.as_ref().map(absolute).transpose()?,
        top,
        content: match args.content {
            Which::Full => Content::Full,
            Which::Sample => Content::Sample { items: args.sample, seed },
        },
        grace: Duration::from_secs_f64(args.grace),
        repair: args.repair,
        prune: args.prune.then_some(args.prune_share),
        dry_run: args.dry_run,
    };
    let local = local::open(catalog).map_err(|error| error.to_string())?;
    let (looked, worked) = (audit::Progress::default(), Progress::default());
    let audit = || lazycat::embedded::audit::audit(&local, &options, &looked, &worked);
    show::during(&looked, io::stderr().is_terminal(), audit).map_err(|error| error.to_string())
}

/// A level of the grid.
fn level(key: &str) -> Result<Level, String> {
    let level = Level::parse(key.trim_end_matches('/')).map_err(|error| error.to_string())?;
    INPE.place(&level).map_err(|error| error.to_string())?;
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
