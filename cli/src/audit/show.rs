//! What a person sees of an audit: how far it has come, and the report.

use std::io::{self, Write as _};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use lazycat::audit::{Class, Group, MOST_REPAIRS, Progress, Repairs};
use lazycat::embedded::audit::Audited;
use serde_json::{Value, json};

use crate::explain::printable;

/// How often the bar is drawn anew.
const BAR_EVERY: Duration = Duration::from_millis(100);

/// How often a line is printed where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Runs `work`, showing its progress meanwhile.
pub(super) fn during<T: Send>(progress: &Progress, terminal: bool, work: impl FnOnce() -> T + Send) -> T {
    let (done, waiting) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            let every = if terminal { BAR_EVERY } else { LINE_EVERY };
            let bar = terminal.then(ProgressBar::new_spinner);
            if let (Some(bar), Ok(style)) = (&bar, ProgressStyle::with_template("{spinner} {msg}  {elapsed}")) {
                bar.set_style(style);
            }
            while waiting.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                match &bar {
                    Some(bar) => bar.set_message(line(progress)),
                    None => eprintln!("{}", line(progress)),
                }
                bar.iter().for_each(ProgressBar::tick);
            }
            bar.iter().for_each(ProgressBar::finish_and_clear);
        });
        let result = work();
        drop(done);
        result
    })
}

fn line(progress: &Progress) -> String {
    let [objects, levels, scenes, suspects] =
        [progress.objects(), progress.levels(), progress.scenes(), progress.suspects()].map(HumanCount);
    format!("{objects} objects, {levels} levels, {scenes} scenes; {suspects} to be looked at again")
}

/// Prints the report.
pub(super) fn report(as_json: bool, repair: bool, dry_run: bool, seed: u64, audited: &Audited) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if as_json {
        let mut value = serde_json::to_value(audited)?;
        if let Value::Object(fields) = &mut value {
            fields.insert("drifted".to_owned(), json!(audited.report.drifted()));
            fields.insert("seed".to_owned(), json!(seed));
            fields.insert("dry_run".to_owned(), json!(!repair || dry_run));
        }
        return writeln!(out, "{value}");
    }
    let report = &audited.report;
    let looked = &report.looked;
    for (class, group) in &report.drift {
        told(&mut out, *class, group, "")?;
    }
    for (class, group) in &report.pending {
        told(&mut out, *class, group, ", being worked on")?;
    }
    for (class, group) in &report.accepted {
        told(&mut out, *class, group, ", which is no drift")?;
    }
    if report.drift.len() + report.pending.len() + report.accepted.len() > 0 {
        writeln!(out)?;
    }
    if report.worst.len() > 1 {
        writeln!(out, "Most of it is in:")?;
        for worst in &report.worst {
            writeln!(out, "  {:>8}  {}", worst.count, printable(&worst.prefix))?;
        }
        writeln!(out)?;
    }
    writeln!(
        out,
        "{}: {}, {}; {} in the source. The content of {} was compared (--seed {seed}). {:.1} s",
        counted(looked.objects, "object"),
        counted(looked.levels, "level"),
        counted(looked.items, "item"),
        counted(looked.scenes, "scene"),
        counted(looked.compared, "item"),
        audited.seconds
    )?;
    if audited.searched {
        writeln!(
            out,
            "{} items were looked for in the search index, and the content of {} was compared.",
            HumanCount(looked.indexed),
            HumanCount(looked.compared_with_index)
        )?;
    }
    let drifted = report.drifted();
    if drifted == 0 {
        writeln!(out, "No drift.")?;
    } else {
        writeln!(out, "{} found.", HumanCount(drifted))?;
    }
    if report.is_pending() > 0 {
        writeln!(
            out,
            "{} more look wrong, but are being worked on, or may be: audit again when the queues are empty.",
            HumanCount(report.is_pending())
        )?;
    }
    repairs(&mut out, repair, dry_run, audited)
}

fn told(out: &mut impl io::Write, class: Class, group: &Group, aside: &str) -> io::Result<()> {
    writeln!(out, "{:>8}  {}{aside}", group.count, class.name())?;
    for example in &group.examples {
        writeln!(out, "          {}: {}", printable(&example.key), printable(&example.detail))?;
    }
    let more = group.count.saturating_sub(group.examples.len() as u64);
    if more > 0 {
        writeln!(out, "          and {more} more")?;
    }
    Ok(())
}

/// What was done about it, and what to do next.
fn repairs(out: &mut impl io::Write, repair: bool, dry_run: bool, audited: &Audited) -> io::Result<()> {
    let report = &audited.report;
    let Repairs { levels, scenes, withdrawals, told, forgotten, left } = report.repairs;
    let parts = [
        (levels, format!("{} rebuilt", counted(levels, "level"))),
        (scenes, format!("{} made", counted(scenes, "item"))),
        (withdrawals, format!("{} withdrawn", counted(withdrawals, "item"))),
        (told, format!("the search index told of {}", counted(told, "item"))),
        (forgotten, format!("the search index told that {} gone", are(forgotten))),
    ];
    let some: Vec<String> = parts.into_iter().filter(|(count, _)| *count > 0).map(|(_, part)| part).collect();
    let what = if some.is_empty() { "nothing".to_owned() } else { some.join(", ") };
    if let Some(summary) = &audited.repaired {
        writeln!(
            out,
            "To be repaired: {what}. Worked off: {} made, {} withdrawn, {} refused, {} rebuilt. Audit again to see that \
             it is gone.",
            counted(summary.made, "item"),
            summary.withdrawn,
            summary.refused,
            counted(summary.rebuilt, "level")
        )?;
    } else if repair && !dry_run {
        if levels + scenes + withdrawals + told + forgotten > 0 {
            writeln!(out, "Sent to the queues, to be repaired: {what}. Audit again when they are empty.")?;
        }
    } else if repair {
        writeln!(out, "With --repair, without --dry-run: {what}.")?;
    } else if levels + scenes + told > 0 {
        writeln!(out, "To repair it: the same with --repair ({what}).")?;
    }
    if left > 0 {
        writeln!(out, "One audit repairs {MOST_REPAIRS} of each at most; {left} are left for the next.")?;
    }
    if let Some(spared) = &report.spared {
        writeln!(
            out,
            "Nothing was withdrawn: {} items without source or document are {:.4} of all, and --prune-share is {}. Are \
             source and catalog whole, and the right ones?",
            spared.items, spared.share, spared.allowed
        )?;
    } else if report.count(Class::ItemWithoutSource) > 0 && withdrawals == 0 {
        writeln!(out, "Items without source are withdrawn only with --repair --prune.")?;
    } else if is_left_in_index(audited) {
        writeln!(out, "What only the search index has is taken out only with --repair --prune.")?;
    }
    if report.count(Class::Stray) > 0 {
        writeln!(out, "What belongs nowhere is never removed by itself: look at it, and remove or move it by hand.")?;
    }
    Ok(())
}

/// Whether some of what only the index has was left there.
fn is_left_in_index(audited: &Audited) -> bool {
    let repairs = &audited.report.repairs;
    audited.report.count(Class::IndexExtra) > repairs.told + repairs.forgotten
}

/// A number of items, and the verb that goes with it.
fn are(count: u64) -> String {
    format!("{} {}", counted(count, "item"), if count == 1 { "is" } else { "are" })
}

/// A number of things.
fn counted(count: u64, one: &str) -> String {
    format!("{} {one}{}", HumanCount(count), if count == 1 { "" } else { "s" })
}
