//! `lazycat validate`: what is wrong in a catalog directory.
//!
//! Layout:
//! - `walk`: from the root along its links; the file to read first
//! - `links`, `node`, `href`: whether links lead where they should, and say what they should; whether a document by itself
//!   is STAC, [`lazycat::validation`] knows
//! - `ids`, `disk`: what shows only when all was seen: ids twice, files that nothing links
//! - `document`, `faults`, `pool`: reading, collecting, and doing it on all cores

mod disk;
mod document;
mod faults;
mod href;
mod ids;
mod links;
mod node;
mod pool;
mod walk;

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use lazycat::validation::schema::Schemas;
use serde::Serialize;

use self::document::Reader;
use self::faults::{Fault, Faults};
use self::walk::{Counts, Walk};

/// The exit code when faults were found.
const FAULTS: u8 = 4;

/// Check a catalog directory: documents, links and files.
///
/// Walks from DIR/catalog.json along its links. Documents are held against the schemas of the STAC core (1.0.0 and
/// 1.1.0), not against those of extensions; nothing is fetched from the network. Exit codes: 0 valid, 4 faults were
/// found, 1 DIR cannot be read, 2 wrong usage.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  lazycat validate catalog")]
pub(crate) struct Args {
    /// The catalog directory: the one that holds the root catalog.json.
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    /// Print one JSON object: documents, catalogs, collections, items, fault_count, faults.
    #[arg(long)]
    json: bool,

    /// How many faults to print; all are counted.
    #[arg(long, value_name = "N", default_value_t = 100)]
    max_faults: usize,
}

/// What was found, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Report<'a> {
    documents: u64,
    catalogs: u64,
    collections: u64,
    items: u64,
    fault_count: u64,
    faults: Vec<&'a Fault>,
}

/// Validates, prints what was found, and gives the exit code.
pub(crate) fn execute(args: &Args) -> ExitCode {
    let (counts, faults) = match validate(args) {
        Ok(findings) => findings,
        Err(message) => {
            eprintln!("lazycat validate: {message}");
            return ExitCode::FAILURE;
        }
    };
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let (catalogs, collections, items) = (read(&counts.catalogs), read(&counts.collections), read(&counts.items));
    let report = Report {
        documents: catalogs + collections + items,
        catalogs,
        collections,
        items,
        fault_count: faults.total(),
        faults: faults.shown().iter().collect(),
    };
    let mut out = BufWriter::new(io::stdout().lock());
    let printed = if args.json { print_json(&mut out, &report) } else { print_text(&mut out, &report) };
    match printed.and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("lazycat validate: the findings cannot be written: {error}");
            ExitCode::FAILURE
        }
        _ if report.fault_count > 0 => ExitCode::from(FAULTS),
        _ => ExitCode::SUCCESS,
    }
}

fn validate(args: &Args) -> Result<(Counts, Faults), String> {
    let reader = Reader::open(&args.directory).map_err(|error| crate::explain::directory(&args.directory, &error))?;
    let schemas =
        Schemas::compile().map_err(|error| format!("the schemas of the STAC core cannot be used: {error}"))?;
    let walk = match Walk::open(&reader, &schemas, Faults::new(args.max_faults)) {
        Ok(walk) => walk,
        Err(faults) => return Ok((Counts::default(), faults)),
    };
    let progress = progress();
    walk.run(|documents| progress.inc(documents));
    let ids = std::mem::take(&mut *pool::lock(&walk.ids));
    ids.check(&walk);
    disk::check(&walk);
    progress.finish_and_clear();
    Ok(walk.into_findings())
}

/// A line on standard error, if that is a terminal.
fn progress() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {human_pos} documents, {per_sec}") {
        bar.set_style(style);
    }
    if !bar.is_hidden() {
        bar.enable_steady_tick(Duration::from_millis(200));
    }
    bar
}

fn print_json(out: &mut impl Write, report: &Report<'_>) -> io::Result<()> {
    serde_json::to_writer(&mut *out, report)?;
    writeln!(out)
}

fn print_text(out: &mut impl Write, report: &Report<'_>) -> io::Result<()> {
    for Fault { path, pointer, message } in &report.faults {
        let place = if pointer.is_empty() { String::new() } else { format!("{pointer}: ") };
        writeln!(out, "{}", crate::explain::printable(&format!("{path}: {place}{message}")))?;
    }
    let Report { documents, catalogs, collections, items, fault_count, faults } = report;
    write!(out, "{documents} documents ({catalogs} catalogs, {collections} collections, {items} items): ")?;
    match (*fault_count, faults.len() as u64) {
        (0, _) => writeln!(out, "valid"),
        (total, shown) if shown < total => {
            writeln!(out, "{total} faults, of which {shown} are shown")
        }
        (1, _) => writeln!(out, "1 fault"),
        (total, _) => writeln!(out, "{total} faults"),
    }
}
