//! `lazycat redrive`: dead letters are listed, shown, put back, dropped.
//!
//! Layout: this file holds the arguments, what is done and the exit codes; `print` what a person sees.

mod age;
mod print;

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use chrono::{DateTime, TimeDelta, Utc};
use lazycat::embedded::{self, Progress, Redriven, Summary};
use lazycat::local::{Local, WallClock};
use lazycat::message::DeadLetter;
use lazycat::ports::Clock as _;
use lazycat::redrive::{Action, Kind, Listing, Report, Selection};

use crate::counting::Counting;
use crate::run::{SOME_REFUSED, show};
use crate::target::{self, Place, Target, unprinted};

/// List the dead letters of a catalog, put them back, or drop them.
///
/// A dead letter is a message that could not be worked on: of a scene that was refused, or a level that could not be
/// rebuilt. Without further options they are listed by reason. Clear the reason first, then put them back: they are worked
/// on as if they had just come. A letter leaves the dead letters only after its queue has taken it. One that is no message
/// of lazycat is put back only when it is asked for by its id.
///
/// Exit code 0: all that was meant is done. 1: something failed, or there is no such letter; do it again, nothing is lost.
/// 2: wrong usage; nothing was done. 3: letters were put back, and some of their scenes were refused again.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lazycat redrive --catalog catalog                            list the dead letters, by reason
  lazycat redrive --stack lazycat-prod --reason unavailable    put those back")]
#[command(group = clap::ArgGroup::new("selection").multiple(true))]
pub(crate) struct Args {
    #[command(flatten)]
    target: Target,

    /// Show the letter of this id, whole.
    #[arg(long, value_name = "ID", conflicts_with_all = ["selection", "discard", "dry_run", "queue"])]
    show: Option<String>,

    /// All letters.
    #[arg(long, group = "selection")]
    all: bool,

    /// The letter of this id, as the list gives it; may be given several times.
    #[arg(long, value_name = "ID", group = "selection", conflicts_with_all = ["all", "reason", "collection", "prefix", "older_than", "newer_than"])]
    id: Vec<String>,

    /// Those of this reason.
    #[arg(long, value_name = "REASON", group = "selection")]
    reason: Option<String>,

    /// Those of this collection, such as CBERS4-MUX.
    #[arg(long, value_name = "ID", group = "selection")]
    collection: Option<String>,

    /// Those about scenes and levels whose keys start so, such as CBERS4/MUX/057.
    #[arg(long, value_name = "PREFIX", group = "selection")]
    prefix: Option<String>,

    /// Those that were refused last longer ago than this: 90s, 30m, 12h, 7d.
    #[arg(long, value_name = "AGE", group = "selection", value_parser = age::parse)]
    older_than: Option<TimeDelta>,

    /// Those that were refused last within this time.
    #[arg(long, value_name = "AGE", group = "selection", value_parser = age::parse)]
    newer_than: Option<TimeDelta>,

    /// Only those of this queue.
    #[arg(long, value_name = "QUEUE", value_enum)]
    queue: Option<QueueArg>,

    /// Drop the letters instead of putting them back. What they are about is then made by nobody.
    #[arg(long, requires = "selection")]
    discard: bool,

    /// Only tell which letters would be put back or dropped.
    #[arg(long, requires = "selection")]
    dry_run: bool,

    /// Print what was found or done as JSON.
    #[arg(long)]
    json: bool,
}

/// A queue, as an argument.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum QueueArg {
    /// Messages about scenes.
    Scenes,
    /// Levels to rebuild.
    Levels,
    /// Messages about items that others have made: what `lazycat import` has sent.
    Items,
}

impl Args {
    fn queues(&self) -> &'static [Kind] {
        match self.queue {
            None if self.target.is_stack() => &Kind::OF_A_STACK,
            None => &Kind::ALL,
            Some(QueueArg::Scenes) => &[Kind::Scenes],
            Some(QueueArg::Levels) => &[Kind::Levels],
            Some(QueueArg::Items) => &[Kind::Items],
        }
    }

    /// The letters that are meant; none when no option speaks of any, so that they are only listed.
    fn selection(&self, now: DateTime<Utc>) -> Option<Selection> {
        let ages = self.older_than.is_some() || self.newer_than.is_some();
        let parts = self.reason.is_some() || self.collection.is_some() || self.prefix.is_some();
        (self.all || ages || parts || !self.id.is_empty()).then(|| Selection {
            ids: self.id.clone(),
            reason: self.reason.clone(),
            collection: self.collection.clone(),
            prefix: self.prefix.clone(),
            before: self.older_than.map(|age| now - age),
            since: self.newer_than.map(|age| now - age),
        })
    }

    fn action(&self) -> Action {
        if self.discard { Action::Discard } else { Action::PutBack }
    }
}

/// Where the letters are.
enum Letters {
    Embedded(Box<Local>),
    #[cfg(feature = "aws")]
    Deployed(Box<crate::stack::Deployed>),
}

impl Letters {
    fn open(target: &Target) -> Result<Self, String> {
        match target.place() {
            Place::Catalog(catalog) => Ok(Self::Embedded(Box::new(target::open(catalog)?))),
            #[cfg(feature = "aws")]
            Place::Stack(name) => Ok(Self::Deployed(Box::new(crate::stack::Deployed::find(name)?))),
        }
    }

    /// Lists those that are meant.
    fn list(&self, queues: &[Kind], selection: &Selection, counting: &Counting) -> Result<Vec<Listing>, String> {
        match self {
            Self::Embedded(local) => {
                embedded::dead_letters(local, queues, selection, |seen| counting.tell(seen)).map_err(told)
            }
            #[cfg(feature = "aws")]
            Self::Deployed(deployed) => deployed.list(queues, selection, counting),
        }
    }

    /// The letter of this id.
    fn find(&self, queues: &[Kind], id: &str) -> Result<Option<(Kind, DeadLetter)>, String> {
        match self {
            Self::Embedded(local) => embedded::dead_letter(local, queues, id).map_err(told),
            #[cfg(feature = "aws")]
            Self::Deployed(deployed) => deployed.letter(queues, id),
        }
    }

    /// Puts back or drops those that are meant.
    fn redrive(&self, queues: &[Kind], selection: &Selection, action: Action) -> Result<Redriven, String> {
        let done = match self {
            Self::Embedded(local) => {
                let progress = Progress::default();
                show::Shown::start(&progress, false, io::stderr().is_terminal())
                    .during(|| embedded::redrive(local, queues, selection, action, &progress))
                    .map_err(told)
            }
            #[cfg(feature = "aws")]
            Self::Deployed(deployed) => {
                let counting = Counting::default();
                let redrive = || deployed.redrive(queues, selection, action, &counting);
                counting.during("dead letters done with", redrive).map(|queues| Redriven { queues, summary: None })
            }
        };
        done.map_err(|error| format!("{error}\nNothing is lost; do the same again to go on."))
    }
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Redrives, and says what became of it.
pub(crate) fn execute(args: &Args) -> ExitCode {
    let told = |message: &str| eprintln!("lazycat redrive: {message}");
    match redrive(args) {
        Ok(Done::Looked) => ExitCode::SUCCESS,
        Ok(Done::Redriven(done)) => conclude(args, &done, told),
        Err(message) => {
            told(&message);
            ExitCode::FAILURE
        }
    }
}

enum Done {
    Looked,
    Redriven(Redriven),
}

fn redrive(args: &Args) -> Result<Done, String> {
    let letters = Letters::open(&args.target)?;
    let counting = Counting::default();
    if let Some(id) = &args.show {
        let found = counting.during("dead letters looked at", || letters.find(args.queues(), id))?;
        let (queue, letter) = found.ok_or_else(|| no_such_letter(&[id.as_str()]))?;
        print::letter(id, queue, &letter, args.json).map_err(unprinted)?;
        return Ok(Done::Looked);
    }
    let selection = args.selection(WallClock.now());
    if args.dry_run || selection.is_none() {
        let meant = selection.clone().unwrap_or_default();
        let listings = counting.during("dead letters looked at", || letters.list(args.queues(), &meant, &counting))?;
        print::listings(&listings, selection.map(|_| args.action()), args.json).map_err(unprinted)?;
        return Ok(Done::Looked);
    }
    let done = letters.redrive(args.queues(), &selection.unwrap_or_default(), args.action())?;
    print::done(&done, args.action(), args.json).map_err(unprinted)?;
    Ok(Done::Redriven(done))
}

/// What is left to say, and the exit code.
fn conclude(args: &Args, done: &Redriven, told: impl Fn(&str)) -> ExitCode {
    let count = |of: fn(&Report) -> u64| done.queues.iter().map(of).sum::<u64>();
    let mut failed = false;
    if count(|report| report.done) < args.id.len() as u64 && count(|report| report.failed) == 0 {
        told(&no_such_letter(&args.id.iter().map(String::as_str).collect::<Vec<_>>()));
        failed = true;
    }
    if count(|report| report.failed) > 0 {
        let troubles: Vec<&str> =
            done.queues.iter().flat_map(|report| &report.troubles).map(String::as_str).take(3).collect();
        told(&format!("letters stay where they are: {}. Do the same again; nothing is lost.", troubles.join("; ")));
        failed = true;
    }
    let stale = |summary: &&Summary| summary.stale > 0;
    if let Some(summary) = done.summary.as_ref().filter(stale) {
        told(&show::advice(summary));
        failed = true;
    }
    match failed {
        true => ExitCode::FAILURE,
        false if done.summary.as_ref().is_some_and(|summary| summary.refused > 0) => ExitCode::from(SOME_REFUSED),
        false => ExitCode::SUCCESS,
    }
}

fn no_such_letter(ids: &[&str]) -> String {
    let ids = ids.iter().map(|id| crate::explain::printable(id)).collect::<Vec<_>>().join(", ");
    format!("ID: not all of these are dead letters that can be seen now: {ids}; `lazycat redrive` lists them")
}
