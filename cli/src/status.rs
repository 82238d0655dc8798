//! `lazycat status`: how a catalog is doing, in one table.

use std::io::{self, Write as _};
use std::process::ExitCode;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use indicatif::HumanCount;
use lazycat::embedded;
use lazycat::redrive::MOVED;
use lazycat::status::Status;

use crate::counting::Counting;
use crate::explain::printable;
use crate::target::{self, Place, Target, unprinted};

/// Show how a catalog is doing: queues, dead letters, dirty levels, what was made lately, each camera's last scene.
///
/// Nothing is changed by this. All items are listed for it, and of a stack its dead letters are looked at, which hides
/// them from others for a moment; --quick leaves both out.
///
/// Exit code 0: it is shown, whatever it says. 1: something cannot be read. 2: wrong usage.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lazycat status --catalog catalog
  lazycat status --stack lazycat-prod --json")]
pub(crate) struct Args {
    #[command(flatten)]
    target: Target,

    /// Leave out what a listing of all items tells: how many there are, how many were made lately, the last scenes. Of a
    /// stack, also the reasons of dead letters.
    #[arg(long)]
    quick: bool,

    /// Print it as JSON.
    #[arg(long)]
    json: bool,
}

/// Shows the status.
pub(crate) fn execute(args: &Args) -> ExitCode {
    match ask(args).and_then(|status| print(&status, args.json).map_err(unprinted)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("lazycat status: {message}");
            ExitCode::FAILURE
        }
    }
}

fn ask(args: &Args) -> Result<Status, String> {
    let counting = Counting::default();
    counting.during("items listed", || match args.target.place() {
        Place::Catalog(catalog) => {
            let local = target::open(catalog)?;
            embedded::status(&local, !args.quick, |items| counting.tell(items)).map_err(|error| error.to_string())
        }
        #[cfg(feature = "aws")]
        Place::Stack(name) => crate::stack::Deployed::find(name)?.status(!args.quick, &counting),
    })
}

fn print(status: &Status, json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer(&mut out, status)?;
        return writeln!(out);
    }
    let ago = |time: Option<DateTime<Utc>>| time.map_or_else(|| "-".to_owned(), |time| age(status.at - time));
    writeln!(out, "{:16}{:>10}{:>11}{:>9}  {:14}dead letters", "QUEUE", "visible", "in flight", "delayed", "oldest")?;
    for queue in &status.queues {
        let [visible, in_flight, delayed, letters] =
            [queue.visible, queue.in_flight, queue.delayed, queue.dead_letters]
                .map(|count| HumanCount(count).to_string());
        let (name, oldest) = (queue.queue.name(), ago(queue.oldest));
        writeln!(out, "{name:16}{visible:>10}{in_flight:>11}{delayed:>9}  {oldest:14}{letters}")?;
    }
    let marks = HumanCount(status.marks.count).to_string();
    writeln!(out, "{:16}{marks:>10}{:>20}  {}", "dirty levels", "", ago(status.marks.oldest))?;
    if status.queues.iter().any(|queue| !queue.reasons.is_empty()) {
        writeln!(out, "\n{:16}{:24}{:>8}  {:14}newest", "DEAD LETTERS", "reason", "count", "oldest")?;
    }
    for queue in &status.queues {
        for reason in &queue.reasons {
            let word = if reason.reason.is_empty() { MOVED } else { &reason.reason };
            let count = HumanCount(reason.count).to_string();
            let (oldest, newest) = (ago(Some(reason.oldest)), ago(Some(reason.newest)));
            writeln!(out, "{:16}{:24}{count:>8}  {oldest:14}{newest}", queue.queue.name(), printable(word))?;
        }
    }
    if let Some(items) = &status.items {
        writeln!(out, "\n{:16}{:>10}  {:12}{:14}last scene", "CAMERA", "items", "acquired", "last written")?;
        for (collection, count) in &items.filed {
            let collection = if collection.is_empty() { "no collection" } else { collection };
            writeln!(out, "{:16}{:>10}", printable(collection), HumanCount(*count).to_string())?;
        }
        for (collection, camera) in &items.cameras {
            let (count, written) = (HumanCount(camera.items).to_string(), ago(Some(camera.last_written)));
            let (day, scene) = (camera.last_day.to_string(), &camera.last_scene);
            writeln!(out, "{collection:16}{count:>10}  {day:12}{written:14}{scene}")?;
        }
        let [count, hour, day] = [items.count, items.last_hour, items.last_day].map(HumanCount);
        writeln!(out, "{:16}{:>10}  written in the last hour {hour}, in the last day {day}", "all", count.to_string())?;
    }
    status.unknown.iter().try_for_each(|unknown| writeln!(out, "{unknown}"))?;
    writeln!(out, "as of {}", status.at.to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// How long ago, in the largest unit that it has one of.
fn age(age: TimeDelta) -> String {
    let seconds = age.num_seconds().max(0);
    let units = [(86_400, "d"), (3_600, "h"), (60, "min")];
    match units.iter().find(|(unit, _)| seconds >= *unit) {
        Some((unit, name)) => format!("{} {name} ago", seconds / unit),
        None => format!("{seconds} s ago"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_in_its_largest_unit() {
        for (seconds, told) in [
            (-5, "0 s ago"),
            (59, "59 s ago"),
            (60, "1 min ago"),
            (7_199, "1 h ago"),
            (86_400, "1 d ago"),
            (863_999, "9 d ago"),
        ] {
            assert_eq!(age(TimeDelta::seconds(seconds)), told);
        }
    }
}
