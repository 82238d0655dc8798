//! A real OpenSearch for tests: one node on a free port of this machine, of the jars that `tests/opensearch/setup.sh`
//! fetches; and the STAC API that serves what is in it.
//!
//! [`Engine::shared`] is one for all tests of a process; [`Engine::corner`] gives each its own names in it. Both servers
//! end with the process that started them, however that ends.

// A server that cannot be had ends the test.
#![allow(clippy::panic)]

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use lazycat::opensearch::OpenSearch;
use lazycat::opensearch::settings::{Access, Connection, Settings};
use lazycat::search::ports::UnknownCollection;
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long a start may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(180);

/// How much memory the engine takes for its objects. It runs small, and for minutes.
const HEAP: &str = "1g";

/// Another process may take the port that was free a moment ago.
const ATTEMPTS: usize = 5;

/// A running engine.
pub struct Engine {
    process: Child,
    port: u16,
    _folder: TempDir,
}

/// Names of a test's own in an engine.
#[derive(Debug, Clone)]
pub struct Corner {
    port: u16,
    /// The settings with those names.
    pub settings: Settings,
}

impl Engine {
    /// Starts an engine and waits until it listens. Each setting is one of the engine's, `name=value`.
    ///
    /// # Panics
    ///
    /// When it is not there, or does not start.
    #[must_use]
    pub fn start(settings: &[&str]) -> Self {
        // What runs for seconds is better not compiled well.
        Self::start_with(&[&format!("-Xmx{HEAP}"), "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"], settings)
    }

    /// One that is to be measured: with room, and compiled well.
    ///
    /// # Panics
    ///
    /// As [`Engine::start`].
    #[must_use]
    pub fn start_to_measure() -> Self {
        Self::start_with(&["-Xms4g", "-Xmx4g"], &[])
    }

    fn start_with(machine: &[&str], settings: &[&str]) -> Self {
        let installed = installed("engine");
        let folder = TempDir::new().unwrap_or_else(|error| panic!("no temporary folder: {error}"));
        let log = folder.path().join("log");
        let errors = File::create(&log).unwrap_or_else(|error| panic!("{error}"));
        let classes = format!("{0}/classes:{0}/jars/*", installed.display());
        let mut process = Command::new("java")
            .args(machine)
            .arg(format!("-Djava.io.tmpdir={}", folder.path().display()))
            .args(["-cp", &classes, "Engine"])
            .args(settings)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|error| panic!("java does not start: {error}; run `make setup`"));
        let output = process.stdout.take().unwrap_or_else(|| panic!("there is no output"));
        let told = BufReader::new(output)
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("listening 127.0.0.1:").and_then(|port| port.parse().ok()));
        let mut engine = Self { process, port: 0, _folder: folder };
        match told {
            Some(port) => engine.port = port,
            None => panic!("OpenSearch does not start: {}", fs::read_to_string(&log).unwrap_or_default()),
        }
        engine
    }

    /// The one that all tests of this process share.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Engine> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&[]))
    }

    /// Names in this engine that no other test of this process has. Collections that are not known are made.
    #[must_use]
    pub fn corner(&self) -> Corner {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        let settings = Settings {
            collections: format!("t{number}-collections"),
            items: format!("t{number}-items_"),
            memory: format!("t{number}-memory"),
            unknown_collection: UnknownCollection::Make,
            backoff: Duration::from_millis(10),
            ..Settings::default()
        };
        Corner { port: self.port, settings }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // With its input ends the engine, and removes what it has written.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

impl Corner {
    /// The engine's address.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// An index in this corner, as another loader has it.
    ///
    /// # Panics
    ///
    /// When the settings are not sound.
    #[must_use]
    pub fn index(&self) -> OpenSearch {
        let connection = Connection { endpoint: self.endpoint(), access: Access::Open, tls: None };
        OpenSearch::new(&connection, self.settings.clone()).unwrap_or_else(|error| panic!("{error}"))
    }

    /// What the engine answers to this.
    pub fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        ask(self.port, method, path, body)
    }

    /// What the engine answers to this text.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub fn send(&self, method: &str, path: &str, body: &str) -> Value {
        try_send(self.port, method, path, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// The items that any search finds, by document id.
    #[must_use]
    pub fn documents(&self) -> Vec<(String, Value)> {
        let query = json!({"size": 1000, "sort": ["id", "collection"]});
        let found = self.ask("POST", &format!("/{}*/_search", self.settings.items), &query);
        let hits = found["hits"]["hits"].as_array().cloned().unwrap_or_default();
        let document = |hit: &Value| (hit["_id"].as_str().unwrap_or_default().to_owned(), hit["_source"].clone());
        hits.iter().map(document).collect()
    }

    /// The ids of the documents of items that any search finds, ascending.
    #[must_use]
    pub fn ids(&self) -> Vec<String> {
        self.documents().into_iter().map(|(id, _)| id).collect()
    }
}

/// A STAC API over the indices of a corner: stac-fastapi-opensearch.
pub struct Api {
    process: Child,
    port: u16,
    _folder: TempDir,
}

impl Api {
    /// Starts it and waits until it answers.
    ///
    /// # Panics
    ///
    /// When it is not there, or does not start.
    #[must_use]
    pub fn start(corner: &Corner) -> Self {
        let mut said = String::new();
        for _ in 0..ATTEMPTS {
            match Self::start_once(corner) {
                Ok(api) => return api,
                Err(error) => said = error,
            }
        }
        panic!("stac-fastapi-opensearch does not start: {said}");
    }

    fn start_once(corner: &Corner) -> Result<Self, String> {
        let folder = TempDir::new().map_err(|error| error.to_string())?;
        let log = folder.path().join("log");
        let prepared = || -> std::io::Result<(File, u16)> {
            Ok((File::create(&log)?, TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port()))
        };
        let (output, port) = prepared().map_err(|error| error.to_string())?;
        let errors = output.try_clone().map_err(|error| error.to_string())?;
        let process = Command::new(installed("api").join("bin/python"))
            .args(["-B", "-c", SERVE, &port.to_string()])
            .env("ES_HOST", "127.0.0.1")
            .env("ES_PORT", corner.port.to_string())
            .env("ES_USE_SSL", "false")
            .env("STAC_COLLECTIONS_INDEX", &corner.settings.collections)
            .env("STAC_ITEMS_INDEX_PREFIX", &corner.settings.items)
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(|error| error.to_string())?;
        let mut api = Self { process, port, _folder: folder };
        let deadline = Instant::now() + PATIENCE;
        while try_ask(port, "GET", "/_mgmt/ping", None).is_err() {
            if let Ok(Some(status)) = api.process.try_wait() {
                return Err(format!("{status}: {}", fs::read_to_string(&log).unwrap_or_default()));
            }
            if Instant::now() > deadline {
                return Err(format!("not ready: {}", fs::read_to_string(&log).unwrap_or_default()));
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(api)
    }

    /// What it answers to a GET.
    pub fn get(&self, path: &str) -> Value {
        try_ask(self.port, "GET", path, None).unwrap_or_else(|error| panic!("GET {path}: {error}"))
    }

    /// What it answers to a POST.
    pub fn post(&self, path: &str, body: &Value) -> Value {
        ask(self.port, "POST", path, body)
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Serves until its input ends.
const SERVE: &str = "
import os, sys, threading
import uvicorn

def end():
    sys.stdin.read()
    os._exit(0)

threading.Thread(target=end, daemon=True).start()
uvicorn.run('stac_fastapi.opensearch.app:create_app', factory=True, host='127.0.0.1', port=int(sys.argv[1]), log_level='warning')
";

/// What a server on this port answers.
fn ask(port: u16, method: &str, path: &str, body: &Value) -> Value {
    try_ask(port, method, path, Some(body)).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
}

fn try_ask(port: u16, method: &str, path: &str, body: Option<&Value>) -> Result<Value, String> {
    try_send(port, method, path, &body.map(Value::to_string).unwrap_or_default())
}

fn try_send(port: u16, method: &str, path: &str, body: &str) -> Result<Value, String> {
    let asked = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = asked().map_err(|error| error.to_string())?;
    let (_, content) = answer.split_once("\r\n\r\n").ok_or("the answer ends early")?;
    serde_json::from_str(content).map_err(|error| format!("{error}: {answer}"))
}

/// What `tests/opensearch/setup.sh` has put under this name.
fn installed(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    let path = root.join("target/opensearch").join(name);
    assert!(path.join(".pins").exists(), "{} is not there: run `make setup`", path.display());
    path
}
