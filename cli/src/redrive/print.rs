//! What a person, or a program, sees of dead letters.

use std::io::{self, Write as _};

use chrono::{DateTime, SecondsFormat, Utc};
use lazycat::embedded::Redriven;
use lazycat::message::DeadLetter;
use lazycat::redrive::{Action, Group, Kind, Listing, MOVED, reason};
use serde_json::json;

use crate::explain::printable;
use crate::run::show;

/// Prints what was found; with an action, as what would be done.
pub(super) fn listings(listings: &[Listing], action: Option<Action>, json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if json {
        return writeln!(out, "{}", json!({ "dry_run": action.is_some(), "queues": listings }));
    }
    let mut is_any = false;
    for listing in listings {
        for group in &listing.groups {
            is_any = true;
            self::group(&mut out, listing.queue, group, action)?;
        }
        if !listing.complete {
            writeln!(out, "{}: there are more; only {} were looked at", listing.queue.name(), listing.seen)?;
        }
    }
    match (is_any, action) {
        (false, None) => writeln!(out, "no dead letters"),
        (false, Some(_)) => writeln!(out, "no dead letter is meant by this"),
        (true, None) => writeln!(
            out,
            "`lazycat redrive --show ID` shows one whole; --reason REASON or --all puts them back, with --discard drops them"
        ),
        (true, Some(_)) => Ok(()),
    }
}

fn group(out: &mut impl io::Write, queue: Kind, group: &Group, action: Option<Action>) -> io::Result<()> {
    let would = match action {
        None => "",
        Some(Action::PutBack) => "would be put back: ",
        Some(Action::Discard) => "would be dropped: ",
    };
    let count = match action {
        Some(Action::PutBack) => group.count - group.foreign,
        _ => group.count,
    };
    let period = match group.oldest == group.newest {
        true => time(group.newest),
        false => format!("{} to {}", time(group.oldest), time(group.newest)),
    };
    writeln!(out, "{would}{count} of {}, reason {}, refused {period}", queue.name(), printable(&group.reason))?;
    if group.reason == MOVED {
        writeln!(out, "    the queue itself gave these up: whoever worked on them timed out or crashed each time")?;
    }
    if !group.collections.is_empty() {
        let counts: Vec<String> = group.collections.iter().map(|(id, count)| format!("{id} {count}")).collect();
        writeln!(out, "    of {}", counts.join(", "))?;
    }
    if group.foreign > 0 {
        writeln!(out, "    {} are no messages of lazycat: they are put back by --id only", group.foreign)?;
    }
    let subject = group.example.subject.as_deref().unwrap_or("no message of lazycat");
    writeln!(out, "    such as {}: {}", group.example.id, printable(subject))?;
    match group.example.detail.is_empty() {
        true => Ok(()),
        false => writeln!(out, "        {}", printable(&group.example.detail)),
    }
}

/// Prints one letter, whole.
pub(super) fn letter(id: &str, queue: Kind, letter: &DeadLetter, json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let subject = queue.subject(&letter.body).map(|subject| subject.name().to_owned());
    if json {
        let shown = json!({
            "id": id, "queue": queue, "message": letter.id, "subject": subject, "reason": reason(letter),
            "detail": letter.detail, "first": letter.first, "last": letter.last, "attempts": letter.attempts,
            "body": letter.body,
        });
        return writeln!(out, "{shown}");
    }
    let subject = subject.unwrap_or_else(|| "no message of lazycat".to_owned());
    for (name, value) in [
        ("id", id.to_owned()),
        ("queue", queue.name().to_owned()),
        ("about", printable(&subject)),
        ("reason", printable(reason(letter))),
        ("detail", printable(&letter.detail)),
        ("first", time(letter.first)),
        ("last", time(letter.last)),
        ("attempts", letter.attempts.to_string()),
        ("message", printable(&letter.id)),
    ] {
        writeln!(out, "{name:10}{value}")?;
    }
    writeln!(out, "{}", letter.body.lines().map(printable).collect::<Vec<_>>().join("\n"))
}

/// Prints what became of letters.
pub(super) fn done(done: &Redriven, action: Action, json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer(&mut out, done)?;
        return writeln!(out);
    }
    let verb = if action == Action::PutBack { "put back" } else { "dropped" };
    for report in &done.queues {
        let name = report.queue.name();
        writeln!(out, "{name}: {} {verb}, {} left", report.done, report.left)?;
        if report.foreign > 0 {
            let ids = report.foreign_ids.join(", ");
            writeln!(out, "    {} are no messages of lazycat and stay; put back by --id only: {ids}", report.foreign)?;
        }
        if report.again > 0 {
            writeln!(out, "    {} stay: one of the same body was just put back", report.again)?;
        }
        if report.failed > 0 {
            writeln!(out, "    {} stay: their queue did not accept them", report.failed)?;
        }
        for trouble in &report.troubles {
            writeln!(out, "    {}", printable(trouble))?;
        }
        if !report.complete && report.failed == 0 && report.left + report.done > 1 {
            writeln!(out, "    there may be more; do the same again")?;
        }
    }
    if let Some(summary) = &done.summary {
        show::troubles(&mut out, summary)?;
        writeln!(
            out,
            "{} made, {} unchanged, {} withdrawn, {} refused; {} levels rebuilt in {:.1} s",
            summary.made, summary.unchanged, summary.withdrawn, summary.refused, summary.rebuilt, summary.seconds,
        )?;
    }
    Ok(())
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
