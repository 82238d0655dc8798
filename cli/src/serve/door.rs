//! The door: items that are sent to the server are filed in the catalog that it serves.
//!
//! An item is checked and put into the embedded queue by whichever thread answers; one thread works the queue off, as
//! `lazycat run` does, whenever there is something in it.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use futures::FutureExt as _;
use lazycat::embedded::{self, Progress, Summary};
use lazycat::layout::Layout;
use lazycat::local::{self, Directory, Local};
use lazycat::ports::{PortError, PortResult, SendMessages};
use lazycat::search::source::Allowed;
use lazycat::submit::href::{Hrefs, scheme};
use lazycat::submit::known::{AnyCollection, InCatalog};
use lazycat::submit::rate::TokenBucket;
use lazycat::submit::{Refused, Rules, Submission, Unknown, examine, submit};
use lazycat::validation::extensions::Extensions;
use lazycat::validation::folder;
use lazycat::validation::schema::Schemas;
use lazycat_api::Base;
use lazycat_api::door::{DoorSettings, TakeItems, Token, door};
use tokio::sync::Semaphore;

/// The variable of the environment that holds the token.
const TOKEN: &str = "LAZYCAT_SUBMIT_TOKEN";

/// How many items are checked at once; others wait. Files are read by threads of the same pool.
const AT_ONCE: usize = 8;

/// The longest file of a token, in bytes.
const LONGEST_TOKEN_FILE: u64 = 4 * 1024;

/// How long to wait before the queue is worked on again after the state has failed.
const PAUSE: Duration = Duration::from_secs(5);

/// How long a client may take to send an item.
const BODY_TIME: Duration = Duration::from_secs(30);

/// What is said about the door.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Items by POST, off unless a token is set")]
pub(crate) struct Options {
    /// The file that holds the token which who sends items has to know; without it, the variable LAZYCAT_SUBMIT_TOKEN of
    /// the environment. Where neither is, no items are taken.
    #[arg(long, value_name = "FILE")]
    submit_token_file: Option<PathBuf>,

    /// In which folders items are filed, such as {collection}/{year}; that of the catalog when not given.
    #[arg(long, value_name = "TEMPLATE", value_parser = crate::import::layout)]
    layout: Option<String>,

    /// Take items for collections, too, that the catalog has no document of yet.
    #[arg(long)]
    any_collection: bool,

    /// A folder with the schemas of extensions, by which items are checked that name them.
    #[arg(long, value_name = "FOLDER")]
    schemas: Option<PathBuf>,

    /// Refuse items with an extension whose schema is not there, in place of saying that it was not checked.
    #[arg(long)]
    known_extensions: bool,

    /// A bucket that assets may lie in, and in none that is not named; several times for several.
    #[arg(long, value_name = "BUCKET", value_parser = crate::run::bucket)]
    allow_bucket: Vec<String>,

    /// A host that assets may lie on, and on none that is not named; several times for several.
    #[arg(long, value_name = "HOST[:PORT]", value_parser = host)]
    allow_host: Vec<String>,

    /// What the addresses of assets may begin with.
    #[arg(long, value_name = "SCHEME,...", value_delimiter = ',', default_values = ["https", "s3"], value_parser = scheme)]
    href_schemes: Vec<String>,

    /// The longest item, in KiB.
    #[arg(long, value_name = "KIB", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    longest_item: u32,

    /// How many items a second are taken or checked, on average; twice as many at once.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    submit_rate: u32,
}

/// The host of an address, with its port when that is not the usual one.
fn host(text: &str) -> Result<String, String> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.:".contains(&byte);
    if !text.is_empty() && text.bytes().all(allowed) {
        return Ok(text.to_owned());
    }
    Err("expected a host such as data.example.com or data.example.com:8443, in small letters".to_owned())
}

/// Opens the door of a catalog directory, when a token is set; gives its routes.
pub(super) fn open(args: &Options, dir: &Path, public_url: Option<String>) -> Result<Option<Router>, String> {
    let Some(token) = token(args)? else {
        if args.layout.is_some() || args.schemas.is_some() || args.any_collection || args.known_extensions {
            return Err(format!("no items are taken without a token; set {TOKEN}, or give --submit-token-file"));
        }
        return Ok(None);
    };
    let rules = rules(args)?;
    let local = local::open(dir).map_err(|error| error.to_string())?;
    let layout = layout(args, &local)?;
    let known = (!args.any_collection).then(|| InCatalog::new(local.directory.clone()));
    let bell = Arc::new(Bell::default());
    let shared = Arc::new(Shared { rules, layout, known, local, bell: Arc::clone(&bell) });
    let worker = Arc::clone(&shared);
    thread::Builder::new()
        .name("items".to_owned())
        .spawn(move || work(&worker.local, &bell))
        .map_err(|error| format!("the thread that files items did not start: {error}"))?;
    let settings = DoorSettings {
        catalog: public_url.map_or(Base::OfRequest { scheme: "http" }, Base::At),
        token: Some(token),
        rate: Some(TokenBucket::new(args.submit_rate.into(), args.submit_rate.saturating_mul(2))),
        body_time: BODY_TIME,
    };
    Ok(Some(door(Items { shared, slots: Arc::new(Semaphore::new(AT_ONCE)) }, settings)))
}

/// The token, from the file or else from the environment.
fn token(args: &Options) -> Result<Option<Token>, String> {
    let (from, text) = match &args.submit_token_file {
        Some(path) => {
            let shown = format!("--submit-token-file: {}", path.display());
            let mut text = String::new();
            File::open(path)
                .and_then(|file| file.take(LONGEST_TOKEN_FILE).read_to_string(&mut text))
                .map_err(|error| format!("{shown} cannot be read: {error}"))?;
            (shown, text)
        }
        None => match std::env::var(TOKEN) {
            Ok(text) if text.is_empty() => return Ok(None),
            Ok(text) => (TOKEN.to_owned(), text),
            Err(std::env::VarError::NotPresent) => return Ok(None),
            Err(std::env::VarError::NotUnicode(_)) => return Err(format!("{TOKEN} is not UTF-8")),
        },
    };
    Token::new(text.trim_end_matches(['\n', '\r'])).map(Some).map_err(|error| format!("{from} holds no token: {error}"))
}

fn rules(args: &Options) -> Result<Rules, String> {
    let core = Schemas::compile().map_err(|error| format!("the schemas of the STAC core cannot be used: {error}"))?;
    let extensions = match &args.schemas {
        Some(path) => folder::read(path)
            .and_then(|schemas| Extensions::compile(schemas).map_err(|error| error.to_string()))
            .map_err(|error| format!("--schemas: {error}"))?,
        None => Extensions::default(),
    };
    let is_listed = !(args.allow_bucket.is_empty() && args.allow_host.is_empty());
    let places = Allowed { buckets: args.allow_bucket.clone(), hosts: args.allow_host.clone() };
    Ok(Rules {
        longest: args.longest_item as usize * 1024,
        hrefs: Hrefs { schemes: args.href_schemes.clone(), places: is_listed.then_some(places) },
        unknown: if args.known_extensions { Unknown::Refused } else { Unknown::Told },
        ..Rules::new(core, extensions)
    })
}

/// The layout of the catalog, which is kept with it.
fn layout(args: &Options, local: &Local) -> Result<Layout, String> {
    embedded::layout::choose(local, args.layout.as_deref(), None).map_err(|error| error.to_string())?;
    let grid = embedded::layout::grid(local).map_err(|error| error.to_string())?;
    grid.layout().cloned().ok_or_else(|| "the catalog has no layout".to_owned())
}

/// What stands behind the door.
struct Shared {
    rules: Rules,
    layout: Layout,
    /// None where items of any collection are taken.
    known: Option<InCatalog<Directory>>,
    local: Local,
    bell: Arc<Bell>,
}

/// Items on their way to the queue, off the asynchronous threads: the embedded adapters block.
#[derive(Clone)]
struct Items {
    shared: Arc<Shared>,
    slots: Arc<Semaphore>,
}

impl Items {
    async fn off_thread(
        &self,
        work: impl FnOnce(&Shared) -> Result<Submission, Refused> + Send + 'static,
    ) -> Result<Submission, Refused> {
        let stopped = |error: &dyn std::fmt::Display| {
            let source = error.to_string().into();
            Refused::Unavailable(PortError::Unavailable { what: "the check of an item".to_owned(), source })
        };
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(|error| stopped(&error))?;
        let shared = Arc::clone(&self.shared);
        let done = tokio::task::spawn_blocking(move || {
            let _slot = slot;
            work(&shared)
        });
        done.await.map_err(|error| stopped(&error))?
    }
}

impl TakeItems for Items {
    fn longest(&self) -> usize {
        self.shared.rules.longest
    }

    async fn take(&self, sent: Bytes) -> Result<Submission, Refused> {
        let taken = self.off_thread(move |shared| {
            let (rules, layout, queue) = (&shared.rules, &shared.layout, &ItemsQueue(&shared.local));
            match &shared.known {
                Some(known) => at_once(submit(rules, layout, known, queue, &sent)),
                None => at_once(submit(rules, layout, &AnyCollection, queue, &sent)),
            }
        });
        let taken = taken.await?;
        self.shared.bell.ring();
        Ok(taken)
    }

    async fn examine(&self, sent: Bytes) -> Result<Submission, Refused> {
        self.off_thread(move |shared| match &shared.known {
            Some(known) => at_once(examine(&shared.rules, &shared.layout, known, &sent)),
            None => at_once(examine(&shared.rules, &shared.layout, &AnyCollection, &sent)),
        })
        .await
    }
}

/// What a use case over the embedded adapters comes to: they block, and are never waited for.
fn at_once(answer: impl Future<Output = Result<Submission, Refused>>) -> Result<Submission, Refused> {
    answer.now_or_never().unwrap_or_else(|| {
        let source = "it waits, which no embedded adapter does".into();
        Err(Refused::Unavailable(PortError::Unavailable { what: "the check of an item".to_owned(), source }))
    })
}

/// The embedded queue of items.
struct ItemsQueue<'a>(&'a Local);

impl SendMessages for ItemsQueue<'_> {
    async fn send(&self, bodies: &[String]) -> Vec<PortResult<()>> {
        bodies.iter().map(|body| embedded::submit(self.0, body)).collect()
    }
}

/// Tells a thread that there is something to do. What is rung while it works is heard when it listens again.
#[derive(Debug, Default)]
struct Bell {
    rung: Mutex<bool>,
    heard: Condvar,
}

impl Bell {
    fn ring(&self) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.heard.notify_one();
    }

    fn wait(&self) {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rung = self.heard.wait_while(rung, |rung| !*rung).unwrap_or_else(PoisonError::into_inner);
        *rung = false;
    }
}

/// Works the queue off whenever the bell rings, beginning with what an earlier process has left. The process may end at
/// any instant: what is not done then stays in the queue.
fn work(local: &Local, bell: &Bell) {
    bell.ring();
    loop {
        bell.wait();
        match embedded::work_off(local, &Progress::default()) {
            Ok(summary) => tell(&summary),
            Err(error) => {
                eprintln!("lazycat serve: items cannot be filed at the moment: {error}");
                thread::sleep(PAUSE);
                bell.ring();
            }
        }
    }
}

/// Says what was refused after it had been taken.
fn tell(summary: &Summary) {
    for refusal in &summary.refusals {
        eprintln!("lazycat serve: {} was not filed ({}): {}", refusal.scene, refusal.reason, refusal.detail);
    }
    for level in &summary.stale_levels {
        eprintln!("lazycat serve: the level {} was not rebuilt ({}): {}", level.level, level.reason, level.detail);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_bell_that_rang_before_is_heard_once() {
        let bell = Arc::new(Bell::default());
        bell.ring();
        bell.ring();
        bell.wait();
        assert!(!*bell.rung.lock().unwrap());
        let ringer = Arc::clone(&bell);
        let ringing = thread::spawn(move || ringer.ring());
        bell.wait();
        ringing.join().unwrap();
    }

    #[test]
    fn a_host_is_a_host() {
        assert_eq!(host("data.example.com:8443"), Ok("data.example.com:8443".to_owned()));
        for bad in ["", "https://data.example.com", "Data.example", "a b"] {
            assert!(host(bad).is_err(), "{bad}");
        }
    }
}
