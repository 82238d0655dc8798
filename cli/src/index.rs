//! `lazycat index`: the search index of a catalog directory.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use lazycat::index::{Index, OpenError};
use lazycat::local;
use lazycat::search::rebuild::{Followed, rebuild};

/// The exit code when some documents cannot be searched for and all others can.
const SOME_REFUSED: u8 = 3;

/// How often a line is printed where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// How many documents that cannot be searched for are named.
const REFUSALS_SHOWN: usize = 50;

/// Look after the search index of a catalog directory.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  lazycat index rebuild --catalog catalog")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Rebuild(Rebuild),
}

/// Fill the search index from the catalog, whatever it held before. Searches and runs may go on meanwhile.
///
/// Exit code 0: all items are in it. 3: some documents are no items that can be searched for; each is told with its
/// faults. 1: it failed; run it again. 2: wrong usage.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lazycat index rebuild --catalog catalog
  lazycat index rebuild --catalog catalog --json    for a program: what was done, and each refusal")]
struct Rebuild {
    /// The catalog directory.
    #[arg(long, value_name = "DIR")]
    catalog: PathBuf,

    /// Print what was done as JSON.
    #[arg(long)]
    json: bool,
}

/// Does what was asked for, and says what became of it.
pub(crate) fn execute(args: &Args) -> ExitCode {
    let Command::Rebuild(args) = &args.command;
    match start(args) {
        Ok(done) if done.refused.is_empty() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(SOME_REFUSED),
        Err(message) => {
            eprintln!("lazycat index rebuild: {message}");
            ExitCode::FAILURE
        }
    }
}

fn start(args: &Rebuild) -> Result<Followed, String> {
    std::fs::read_dir(&args.catalog).map_err(|error| crate::explain::directory(&args.catalog, &error))?;
    let local = local::open(&args.catalog).map_err(|error| error.to_string())?;
    let index = match Index::open(&args.catalog) {
        // It holds nothing that is not in the catalog.
        Err(OpenError::Version { .. } | OpenError::Unusable { .. }) => {
            Index::remove(&args.catalog).and_then(|()| Index::open(&args.catalog))
        }
        opened => opened,
    };
    let index = index.map_err(|error| error.to_string())?;
    let started = Instant::now();
    let shown = Shown::start(started);
    let done =
        block_on(rebuild(&local.directory, &index, |done| shown.tell(done))).map_err(|error| error.to_string())?;
    shown.bar.finish_and_clear();
    let told = if args.json { json(&done, started.elapsed()) } else { summary(&done, started.elapsed()) };
    told.map_err(|error| format!("the summary cannot be printed: {error}"))?;
    Ok(done)
}

/// A counter on a terminal, lines elsewhere.
struct Shown {
    bar: ProgressBar,
    told: std::cell::Cell<Instant>,
}

impl Shown {
    fn start(now: Instant) -> Self {
        let bar = if io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template("{spinner} {human_pos} items  {per_sec}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        Self { bar, told: std::cell::Cell::new(now) }
    }

    fn tell(&self, done: &Followed) {
        self.bar.set_position(done.items);
        if self.bar.is_hidden() && self.told.get().elapsed() >= LINE_EVERY {
            self.told.set(Instant::now());
            eprintln!("{} items", HumanCount(done.items));
        }
    }
}

/// The summary for programs.
fn json(done: &Followed, took: Duration) -> io::Result<()> {
    let told = serde_json::json!({
        "items": done.items,
        "collections": done.collections,
        "changed": done.changed,
        "removed": done.removed,
        "refused": done.refused,
        "seconds": took.as_secs_f64(),
    });
    writeln!(io::stdout().lock(), "{told}")
}

/// The summary for people.
fn summary(done: &Followed, took: Duration) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let seconds = took.as_secs_f64();
    writeln!(
        out,
        "{} items and {} collections in {seconds:.1} s ({:.0}/s): {} changed, {} removed, {} refused",
        HumanCount(done.items),
        HumanCount(done.collections),
        done.items as f64 / seconds.max(0.001),
        HumanCount(done.changed),
        HumanCount(done.removed),
        HumanCount(done.refused.len() as u64),
    )?;
    for refused in done.refused.iter().take(REFUSALS_SHOWN) {
        writeln!(out, "refused: {}", crate::explain::printable(refused))?;
    }
    if done.refused.len() > REFUSALS_SHOWN {
        writeln!(out, "... and {} more", HumanCount((done.refused.len() - REFUSALS_SHOWN) as u64))?;
    }
    Ok(())
}
