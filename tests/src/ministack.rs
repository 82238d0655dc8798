//! An emulator of AWS for tests: [ministack](https://pypi.org/project/ministack/), one process on a free port of this
//! machine.
//!
//! [`Ministack::shared`] is one for all tests of a process; [`Ministack::account`] keeps them apart. A test that moves
//! the time starts its own. Each ends with its [`Ministack`], and all of them with the process that started them,
//! however that ends.

// A server that cannot be had ends the test.
#![allow(clippy::panic)]

use std::env;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use aws_config::{Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use lazycat::aws::{Clients, TimeOuts};
use tempfile::TempDir;

/// The variable that names the program where there is no `.venv`.
const PROGRAM: &str = "LAZYCAT_MINISTACK";

/// How long a start may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(120);

/// Another process may take the port that was free a moment ago.
const ATTEMPTS: usize = 5;

/// What Python runs first in the emulator.
const SITE_CUSTOMIZE: &str = include_str!("ministack/sitecustomize.py");

/// A running emulator.
pub struct Ministack {
    process: Child,
    port: u16,
    clock: File,
    _folder: TempDir,
}

impl Ministack {
    /// Starts an emulator and waits until it is ready.
    ///
    /// # Panics
    ///
    /// When the program is not there, or does not start.
    #[must_use]
    pub fn start() -> Self {
        let program = program();
        let mut said = String::new();
        for _ in 0..ATTEMPTS {
            match Self::start_once(&program) {
                Ok(ministack) => return ministack,
                Err(error) => said = error,
            }
        }
        panic!("{} does not start: {said}", program.display());
    }

    /// The one that all tests of this process share.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Ministack> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    fn start_once(program: &Path) -> Result<Self, String> {
        let folder = TempDir::new().map_err(|error| format!("no temporary folder: {error}"))?;
        let (clock_path, log) = (folder.path().join("clock"), folder.path().join("log"));
        let prepared = || -> std::io::Result<(File, File, u16)> {
            fs::write(folder.path().join("sitecustomize.py"), SITE_CUSTOMIZE)?;
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
            Ok((File::create(&clock_path)?, File::create(&log)?, port))
        };
        let (clock, output, port) = prepared().map_err(|error| error.to_string())?;
        let errors = output.try_clone().map_err(|error| error.to_string())?;
        let process = Command::new(program)
            .env("PYTHONPATH", folder.path())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("LAZYCAT_MINISTACK_CLOCK", &clock_path)
            .env("BIND_HOST", "127.0.0.1")
            .env("MINISTACK_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", port.to_string())
            .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}"))
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(|error| error.to_string())?;
        let mut ministack = Self { process, port, clock, _folder: folder };
        let deadline = Instant::now() + PATIENCE;
        while !ministack.is_ready() {
            if let Ok(Some(status)) = ministack.process.try_wait() {
                return Err(format!("{status}: {}", fs::read_to_string(&log).unwrap_or_default()));
            }
            if Instant::now() > deadline {
                return Err(format!("not ready: {}", fs::read_to_string(&log).unwrap_or_default()));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(ministack)
    }

    fn is_ready(&self) -> bool {
        let asked = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.write_all(b"GET /_ministack/ready HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        asked().is_ok_and(|answer| answer.lines().next().is_some_and(|line| line.contains(" 200")))
    }

    /// Its address.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Moves its time forward by so many seconds.
    ///
    /// # Panics
    ///
    /// When the file that holds its time cannot be written.
    pub fn advance(&self, seconds: u32) {
        let ahead = self.clock.metadata().map(|clock| clock.len() + u64::from(seconds));
        if let Err(error) = ahead.and_then(|ahead| self.clock.set_len(ahead)) {
            panic!("the time of the emulator cannot be moved: {error}");
        }
    }

    /// Clients of an account that nobody else has. Names of buckets are shared by all accounts.
    #[must_use]
    pub fn account(&self) -> Clients {
        static LAST: AtomicU64 = AtomicU64::new(100_000_000_000);
        clients(&self.endpoint(), &LAST.fetch_add(1, Ordering::Relaxed).to_string())
    }
}

impl Drop for Ministack {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Clients of an address, with `account` as the access key.
#[must_use]
pub fn clients(endpoint: &str, account: &str) -> Clients {
    let credentials = Credentials::new(account, "secret", None, None, "tests");
    let config = SdkConfig::builder()
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(endpoint)
        .build();
    Clients::new(&config, TimeOuts::within(Duration::from_secs(180)))
}

/// The program: in `.venv` of the repository's root, else the one that the variable names.
fn program() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    let installed = root.join(".venv/bin/ministack");
    if installed.exists() {
        return installed;
    }
    match env::var_os(PROGRAM) {
        Some(named) => named.into(),
        None => panic!(
            "the tests of the adapters over AWS need the emulator in .venv: run `make setup`, or name the program in \
             {PROGRAM}"
        ),
    }
}
