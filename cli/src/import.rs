//! `lazycat import`: files items that others have made in a catalog, and keeps it up to date.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use lazycat::embedded::{self, Import, Options, Progress, Summary};
use lazycat::layout::Layout;
use lazycat::local;
use lazycat::stac::catalog::Site;

use crate::run::{IndexArgs, SOME_REFUSED, public_url, seconds, show};

/// File STAC items from anywhere in a static catalog, and bring it up to date.
///
/// Items are added, changed, and moved when what they are filed by has changed; never taken out (see `lazycat withdraw`).
/// What they say stays as it is, but for the links that a catalog has of its own, and relative addresses, which are made
/// absolute. Catalogs in SOURCE are passed over; its collections are taken, or else made from the items.
///
/// Exit code 0: all went well. 3: some items were refused; each is told with its reason, and kept with the dead letters.
/// 1: the import failed, or some levels could not be rebuilt; do it again, nothing is lost. 2: wrong usage.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lazycat import landsat --catalog catalog --layout '{collection}/{year}/{month}'
  lazycat import landsat --catalog catalog --collection landsat/collection.json
  lazycat import search.json --catalog catalog --layout '{collection}/{properties.grid:code}' --title 'Our catalog'
  lazycat import items.ndjson --catalog catalog --index --json | jq .refused")]
pub(crate) struct Args {
    /// A folder of items, a file of one or many (an Item, an ItemCollection), or of one a line (.ndjson, .jsonl).
    #[arg(value_name = "SOURCE")]
    source: PathBuf,

    /// The catalog directory; made when it is missing.
    #[arg(long, value_name = "DIR")]
    catalog: PathBuf,

    /// The folders in which items are filed: {collection}, {year}, {month}, {day}, any value such as {properties.platform}, and
    /// what stands between them. Kept with the catalog, so that it need not be said again.
    #[arg(long, value_name = "TEMPLATE", value_parser = layout)]
    layout: Option<String>,

    /// A collection that is to be taken as it is, over those that are found in SOURCE. May be given several times.
    #[arg(long, value_name = "FILE")]
    collection: Vec<PathBuf>,

    /// What the catalog is called. Kept with the catalog.
    #[arg(long, value_name = "TEXT", value_parser = title)]
    title: Option<String>,

    /// Go on after SOURCE is worked off, and take the files that come.
    #[arg(long)]
    watch: bool,

    /// File every item again, also those that are the same, and those of which another source has filed another version.
    #[arg(long)]
    force: bool,

    /// Print the summary as JSON.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    index: IndexArgs,

    /// How many threads work; as many as there are cores when not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    workers: Option<u16>,

    /// For how many seconds dirty levels are left to gather before they are rebuilt.
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0, value_parser = seconds)]
    tick: f64,

    /// Where readers will find the catalog, an http or https address; the root then names itself.
    #[arg(long, value_name = "URL", value_parser = public_url)]
    public_url: Option<String>,
}

/// Imports, and says what became of it.
pub(crate) fn execute(args: &Args) -> ExitCode {
    match start(args) {
        Ok(summary) if summary.stale > 0 => {
            eprintln!("lazycat import: {}", show::advice(&summary));
            ExitCode::FAILURE
        }
        Ok(summary) if summary.refused > 0 => ExitCode::from(SOME_REFUSED),
        Ok(_) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("lazycat import: {message}");
            ExitCode::FAILURE
        }
    }
}

fn start(args: &Args) -> Result<Summary, String> {
    let source = absolute("SOURCE", &args.source)?;
    if args.watch && !source.is_dir() {
        return Err(format!("SOURCE: {} is no directory, and only those can be watched", args.source.display()));
    }
    let collections = args.collection.iter().map(|file| absolute("--collection", file)).collect::<Result<_, _>>()?;
    let local = local::open(&args.catalog).map_err(|error| error.to_string())?;
    let mut options = Options::new(source);
    options.watch = args.watch;
    options.force = args.force;
    options.index = args.index.choice();
    options.tick = Duration::from_secs_f64(args.tick);
    // What is not said is as it was said last.
    let said = embedded::import::public_url(&local).map_err(|error| error.to_string())?;
    options.site = Site { public_url: args.public_url.clone().or(said) };
    if let Some(workers) = args.workers {
        options.workers = workers.into();
    }
    let import = Import { layout: args.layout.clone(), title: args.title.clone(), collections };
    let progress = Progress::default();
    let shown = show::Shown::start(&progress, args.watch, std::io::stderr().is_terminal()).of("items");
    let summary = shown.during(|| embedded::import(&local, &options, &import, &progress)).map_err(|error| {
        let advice = match error {
            embedded::ImportError::Run(_) => "\nWhat was filed is complete; do the same again to go on.",
            _ => "",
        };
        format!("{error}{advice}")
    })?;
    show::summary(&summary, "items", &args.catalog, args.json)
        .map_err(|error| format!("the summary cannot be printed: {error}"))?;
    Ok(summary)
}

/// A path that means the same to other processes, of another working directory. Messages name it, and messages are UTF-8.
fn absolute(what: &str, path: &std::path::Path) -> Result<PathBuf, String> {
    let told = |error: std::io::Error| format!("{what}: {} cannot be read: {error}", path.display());
    let absolute = std::path::absolute(path).map_err(told)?;
    std::fs::metadata(&absolute).map_err(told)?;
    match absolute.to_str() {
        Some(_) => Ok(absolute),
        None => Err(format!("{what}: {} is not UTF-8; rename it or reach it by a link", path.display())),
    }
}

pub(crate) fn layout(text: &str) -> Result<String, String> {
    Layout::parse(text).map(|layout| layout.template().to_owned()).map_err(|error| error.reason)
}

fn title(text: &str) -> Result<String, String> {
    let is_fit = !text.trim().is_empty() && text.len() <= 200 && !text.chars().any(char::is_control);
    if is_fit { Ok(text.to_owned()) } else { Err("expected a line of text, of at most 200 bytes".to_owned()) }
}
