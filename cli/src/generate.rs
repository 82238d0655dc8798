//! `lazycat generate`: requests for items in, items out.

use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use lazycat::generate;
use lazycat::generator::configuration::Configuration;
use lazycat::generator::from_request::{Ports, Report, Settings, from_request};
use lazycat::generator::made::{Made, MadeMessage};
use lazycat::generator::ports::{KeepMade, PublishMade, RunGenerators};
use lazycat::generator::scenes::WithScenes;
use lazycat::grid::INPE;
use lazycat::local::{Dice, Folder, WallClock};
use lazycat::message::DeadLetter;
use lazycat::message::scene::LONGEST_BODY;
use lazycat::ports::{BuryLetters, Chance, Clock, Delivery, PortError, PortResult};
use lazycat::process::Generators;
use lazycat::stac::Buckets;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{Receiver, channel};

use crate::explain::printable;
use crate::run::SOME_REFUSED;

/// The exit code of wrong usage, as clap's.
const WRONG_USAGE: u8 = 2;

/// How many requests are worked on at a time, each generator counted as it is configured.
const AT_ONCE: usize = 64;

/// In place of a file: standard input.
const STANDARD_INPUT: &str = "-";

/// A request is made once: whoever is at the terminal sees why it failed.
const ONCE: Settings = Settings { attempts: 1 };

/// How long a request may wait for those before it: they end, each by its own time-out.
const PATIENCE: Duration = Duration::from_secs(30 * 86_400);

/// Have items made by generators: programs, packages of stactools, or our own.
///
/// Reads requests, one JSON object a line, and prints items, one a line, in the order of their requests. A request names a
/// generator, {"generator": NAME, "input": ..., "collection_id": ...}, or a package of stactools as eoapi does. Which there
/// are stands in a table, in TOML; docs/generators.md tells of both. What fails is told with its line's number on standard
/// error.
///
/// Exit code 0: every request gave an item. 3: some did not, each told. 1: it failed, say because nobody reads what it
/// prints. 2: wrong usage; nothing was done.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lazycat generate --generators generators.toml requests.jsonl > items.jsonl
  lazycat generate --scenes scenes < requests.jsonl    our own generator, over a folder of scene XML")]
#[command(group = clap::ArgGroup::new("makers").required(true).multiple(true))]
pub(crate) struct Args {
    /// The table of generators.
    #[arg(long, value_name = "FILE", group = "makers")]
    generators: Option<PathBuf>,

    /// The generator `scenes` reads this folder, laid out as the public bucket, or the file that a request names.
    #[arg(long, value_name = "FOLDER", group = "makers")]
    scenes: Option<PathBuf>,

    /// The requests; `-`: standard input.
    #[arg(value_name = "REQUESTS", default_value = STANDARD_INPUT)]
    requests: PathBuf,
}

/// Has the items made, and says what became of them.
pub(crate) fn execute(args: &Args) -> ExitCode {
    let told = |message: &str| eprintln!("lazycat generate: {message}");
    let (generators, requests) = match open(args) {
        Ok(opened) => opened,
        Err(message) => {
            told(&message);
            return ExitCode::from(WRONG_USAGE);
        }
    };
    match work(args, generators, requests) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(SOME_REFUSED),
        Err(message) => {
            told(&message);
            ExitCode::FAILURE
        }
    }
}

type Requests = Box<dyn BufRead + Send>;

fn open(args: &Args) -> Result<(Generators, Requests), String> {
    let table = args.generators.as_deref().map_or_else(|| Ok(Configuration::default()), table)?;
    let generators =
        Generators::new(&table, PATIENCE).map_err(|faults| format!("--generators: {}", faults.join("\n")))?;
    if let Some(folder) = &args.scenes {
        std::fs::read_dir(folder)
            .map_err(|error| crate::explain::folder("--scenes", "the scene metadata", folder, &error))?;
    }
    let requests: Requests = if args.requests.as_os_str() == STANDARD_INPUT {
        Box::new(BufReader::new(io::stdin()))
    } else {
        let file = std::fs::File::open(&args.requests)
            .map_err(|error| format!("REQUESTS: {} cannot be read: {error}", args.requests.display()))?;
        Box::new(BufReader::new(file))
    };
    Ok((generators, requests))
}

fn table(path: &Path) -> Result<Configuration, String> {
    let wrong = |error: &dyn std::fmt::Display| format!("--generators: {}: {error}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
    toml::from_str(&text).map_err(|error| wrong(&error))
}

/// Works until there are no more requests, or it is interrupted; gives how many gave no item.
fn work(args: &Args, others: Generators, requests: Requests) -> Result<usize, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("the asynchronous runtime did not start: {error}"))?;
    let (line, lines) = channel(AT_ONCE);
    // Reading waits, say for somebody who types, and must not keep an interruption from being seen.
    std::thread::spawn(move || read(requests, &line));
    runtime.block_on(async {
        let signals = signal(SignalKind::interrupt()).and_then(|first| Ok((first, signal(SignalKind::terminate())?)));
        let (mut interrupt, mut terminate) =
            signals.map_err(|error| format!("no signal can be waited for: {error}"))?;
        let interrupted = async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        };
        let done = match &args.scenes {
            Some(folder) => {
                let settings = generate::Settings { grid: INPE.clone(), buckets: Buckets::default(), attempts: 1 };
                let generators = WithScenes { source: Folder::new(folder), settings, others };
                tokio::select! {
                    done = all(&generators, lines) => Some(done),
                    () = interrupted => None,
                }
            }
            None => tokio::select! {
                done = all(&others, lines) => Some(done),
                () = interrupted => None,
            },
        };
        // Whoever interrupts it wants nothing to go on: the generators have ended with their owner.
        done.unwrap_or_else(|| Err("it was interrupted; what was printed is whole".to_owned()))
    })
}

/// One request, or why there are no more.
type Line = io::Result<(usize, String)>;

/// Reads lines until there are no more, or nobody wants them. Blank ones are passed over.
fn read(mut requests: Requests, lines: &tokio::sync::mpsc::Sender<Line>) {
    for number in 1.. {
        let line = match next(&mut requests) {
            Ok(None) => return,
            Ok(Some(line)) if line.trim().is_empty() => continue,
            Ok(Some(line)) => Ok((number, line)),
            Err(error) => Err(error),
        };
        let failed = line.is_err();
        if lines.blocking_send(line).is_err() || failed {
            return;
        }
    }
}

/// The next line. Of one that is longer than a request can be, no more than shows that it is.
fn next(requests: &mut Requests) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    let most = LONGEST_BODY as u64 + 2;
    if requests.by_ref().take(most).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    let mut rest = Vec::new();
    while !line.ends_with(b"\n") && rest.last() != Some(&b'\n') {
        rest.clear();
        if requests.by_ref().take(most).read_until(b'\n', &mut rest)? == 0 {
            break;
        }
    }
    let text = String::from_utf8_lossy(&line);
    Ok(Some(text.trim_end_matches(['\n', '\r']).to_owned()))
}

/// Works on requests, as many at a time as are there; gives how many gave no item.
async fn all<G: RunGenerators + Sync>(generators: &G, mut lines: Receiver<Line>) -> Result<usize, String> {
    let printer = &Printer::default();
    let ports = Ports { generators, topic: printer, store: printer, letters: printer, world: printer };
    let mut refused = 0;
    let mut batch = Vec::with_capacity(AT_ONCE);
    while lines.recv_many(&mut batch, AT_ONCE).await > 0 {
        let mut deliveries = Vec::with_capacity(batch.len());
        let mut broken = None;
        for line in batch.drain(..) {
            match line {
                Ok((number, body)) => deliveries.push(Delivery {
                    id: number.to_string(),
                    body,
                    receives: 1,
                    sent: None,
                    receipt: String::new(),
                }),
                Err(error) => broken = Some(format!("REQUESTS cannot be read: {error}")),
            }
        }
        let report: Report = from_request(&ports, ONCE, &deliveries).await;
        // Without a reader nothing more need be made.
        let printing = printer.broken.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(trouble) = printing.or(report.troubles.into_iter().next()).or(broken) {
            return Err(trouble);
        }
        refused += report.refused.len();
    }
    Ok(refused)
}

/// Standard output in place of a topic, standard error in place of dead letters.
#[derive(Default)]
struct Printer {
    /// Why standard output takes nothing any more.
    broken: Mutex<Option<String>>,
}

impl PublishMade for Printer {
    fn longest(&self) -> usize {
        usize::MAX
    }

    async fn publish(&self, messages: &[MadeMessage]) -> Vec<PortResult<()>> {
        let mut out = io::stdout().lock();
        let print = |message: &MadeMessage| writeln!(out, "{}", message.body);
        let mut printed: Vec<io::Result<()>> = messages.iter().map(print).collect();
        if let Err(error) = out.flush() {
            printed.fill_with(|| Err(error.kind().into()));
        }
        let failed = |error: io::Error| {
            let told = format!("printing: {error}");
            *self.broken.lock().unwrap_or_else(PoisonError::into_inner) = Some(told);
            PortError::Unavailable { what: "printing".to_owned(), source: error.into() }
        };
        printed.into_iter().map(|printed| printed.map_err(failed)).collect()
    }
}

impl KeepMade for Printer {
    /// Nothing is too long to be printed.
    async fn keep(&self, item: &Made) -> PortResult<String> {
        Err(PortError::TooLarge { what: item.id().to_owned(), size: item.text().len() as u64, limit: u64::MAX })
    }
}

impl BuryLetters for Printer {
    async fn bury(&self, letter: &DeadLetter) -> PortResult<()> {
        // With its line's number alone, which the use case takes for the id of a message.
        let detail = letter.detail.split('\n').map(printable).collect::<Vec<_>>().join("\n    ");
        eprintln!("line {}: {}: {detail}", letter.id, letter.reason);
        Ok(())
    }
}

impl Chance for Printer {
    fn bits(&self) -> u64 {
        Dice.bits()
    }
}

impl Clock for Printer {
    fn now(&self) -> DateTime<Utc> {
        WallClock.now()
    }

    async fn pause(&self, milliseconds: u64) {
        WallClock.pause(milliseconds).await;
    }
}
