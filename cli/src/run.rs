//! `lazycat run`: makes a catalog from a folder of scene metadata, and keeps it up to date.
//!
//! Layout: this file holds the arguments and the exit codes; `show` the progress and the summary.

pub(crate) mod show;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use lazycat::embedded::{self, Options, Progress, SearchIndex, Summary};
use lazycat::local;
use lazycat::stac::BucketPair;
use lazycat::stac::catalog::Site;

/// The exit code when some scenes were refused and all others were made.
pub(crate) const SOME_REFUSED: u8 = 3;

/// Make a static STAC catalog from a folder of scene metadata, or bring it up to date.
///
/// Scenes are added and changed, never taken out: a file that is gone from SOURCE leaves its item where it is (see
/// `lazycat withdraw`). A full disk is waited for.
///
/// Exit code 0: all went well. 3: some scenes were refused; each is told with its reason, and kept with the dead
/// letters. 1: the run failed, or some levels could not be rebuilt; run it again, nothing is lost. 2: wrong usage.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lazycat run scenes --catalog catalog
  lazycat run scenes --catalog catalog --watch --public-url https://example.com/stac/
  lazycat run scenes --catalog catalog --index
  lazycat run scenes --catalog catalog --json | jq .refused")]
pub(crate) struct Args {
    /// The folder of scene XML: flat, or laid out as the public bucket.
    #[arg(value_name = "SOURCE")]
    source: PathBuf,

    /// The catalog directory; made when it is missing.
    #[arg(long, value_name = "DIR")]
    catalog: PathBuf,

    /// Go on after the folder is worked off, and take the files that come.
    #[arg(long)]
    watch: bool,

    /// Make every item again, also those that are the same, and try what an earlier run has given up.
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

    /// The bucket of images and XML that the items name, in place of the public archive's.
    #[arg(long, value_name = "BUCKET", requires = "metadata_bucket", value_parser = bucket)]
    cog_bucket: Option<String>,

    /// The bucket of quicklooks that the items name, in place of the public archive's.
    #[arg(long, value_name = "BUCKET", requires = "cog_bucket", value_parser = bucket)]
    metadata_bucket: Option<String>,
}

/// What becomes of the search index beside the catalog.
#[derive(Debug, clap::Args)]
pub(crate) struct IndexArgs {
    /// Make a search index beside the catalog, for `lazycat serve` to answer searches from. One that is there is kept in
    /// step in any case.
    #[arg(long, conflicts_with = "no_index")]
    index: bool,

    /// Leave the search index behind: it is not searched any more until a later run, or `lazycat index rebuild`, has
    /// filled it anew.
    #[arg(long)]
    no_index: bool,
}

impl IndexArgs {
    pub(crate) fn choice(&self) -> SearchIndex {
        match (self.index, self.no_index) {
            // Both only where a configuration file asks for it, and the command line does not.
            (_, true) => SearchIndex::LeaveBehind,
            (true, _) => SearchIndex::Make,
            _ => SearchIndex::Follow,
        }
    }
}

/// Runs, and says what became of it.
pub(crate) fn execute(args: &Args) -> ExitCode {
    match start(args) {
        Ok(summary) if summary.stale > 0 => {
            eprintln!("lazycat run: {}", show::advice(&summary));
            ExitCode::FAILURE
        }
        Ok(summary) if summary.refused > 0 => ExitCode::from(SOME_REFUSED),
        Ok(_) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("lazycat run: {message}");
            ExitCode::FAILURE
        }
    }
}

fn start(args: &Args) -> Result<Summary, String> {
    // Messages outlive this process and its working directory.
    let source = std::path::absolute(&args.source).map_err(|error| explain_source(args, &error))?;
    let metadata = std::fs::metadata(&source).map_err(|error| explain_source(args, &error))?;
    if !metadata.is_dir() {
        return Err(format!(
            "SOURCE: {} is not a directory; give the folder that holds the XML",
            args.source.display()
        ));
    }
    let source = source.to_str().map(PathBuf::from).ok_or_else(|| {
        format!("SOURCE: {} is not UTF-8; rename the folder or reach it by a link", args.source.display())
    })?;
    let local = local::open(&args.catalog).map_err(|error| error.to_string())?;
    let mut options = Options::new(source);
    options.watch = args.watch;
    options.force = args.force;
    options.index = args.index.choice();
    options.tick = Duration::from_secs_f64(args.tick);
    options.site = Site { public_url: args.public_url.clone() };
    if let Some(workers) = args.workers {
        options.workers = workers.into();
    }
    if let (Some(images), Some(quicklooks)) = (&args.cog_bucket, &args.metadata_bucket) {
        options.buckets = Some(BucketPair { images: images.clone(), quicklooks: quicklooks.clone() });
    }
    let progress = Progress::default();
    let shown = show::Shown::start(&progress, args.watch, std::io::stderr().is_terminal());
    let summary = shown
        .during(|| embedded::run(&local, &options, &progress))
        .map_err(|error| format!("{error}\nWhat was made is complete; run the same command again to go on."))?;
    show::summary(&summary, "scenes", &args.catalog, args.json)
        .map_err(|error| format!("the summary cannot be printed: {error}"))?;
    Ok(summary)
}

fn explain_source(args: &Args, error: &std::io::Error) -> String {
    let path = args.source.display();
    match error.kind() {
        std::io::ErrorKind::NotFound => {
            format!("SOURCE: {path} does not exist; give the folder that holds the scenes' XML")
        }
        std::io::ErrorKind::PermissionDenied => {
            format!("SOURCE: {path} may not be read; give this user the right to read it")
        }
        _ => format!("SOURCE: {path} cannot be read: {error}"),
    }
}

pub(crate) fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=86_400.0).contains(&seconds) => Ok(seconds),
        _ => Err("expected a number of seconds from 0 to 86400".to_owned()),
    }
}

/// An http or https address with a slash at the end.
pub(crate) fn public_url(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let is_plain = rest.is_some_and(|rest| {
        !rest.is_empty() && !rest.starts_with('/') && !rest.contains(['?', '#', '"', ' ', '\\']) && rest.is_ascii()
    });
    if !is_plain {
        return Err("expected an address such as https://example.com/stac/".to_owned());
    }
    Ok(if text.ends_with('/') { text.to_owned() } else { format!("{text}/") })
}

/// The rules of S3 for the names of buckets, as far as characters go.
pub(crate) fn bucket(text: &str) -> Result<String, String> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
    let ends_well = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let mut bytes = text.bytes();
    if (3..=63).contains(&text.len())
        && text.bytes().all(allowed)
        && ends_well(bytes.next())
        && ends_well(bytes.next_back())
    {
        return Ok(text.to_owned());
    }
    Err("expected the name of a bucket: 3 to 63 small letters, digits, dots and hyphens".to_owned())
}
