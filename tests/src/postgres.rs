//! PostgreSQL with PostGIS and pgstac for tests: a scratch cluster in a temporary folder, on a free port of this machine.
//!
//! [`Postgres::shared`] is one for all tests of a process; each test has a database of its own in it, copied from one
//! whose schema was made once. It ends, and its folder goes, with the process that started it, however that ends.

// A server that cannot be had ends the test.
#![allow(clippy::panic)]

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Where Debian has the programs of PostgreSQL.
const PROGRAMS: &str = "/usr/lib/postgresql";

/// The user of Debian's package. PostgreSQL does not run as root.
const USER: &str = "postgres";

/// How long a start may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(120);

/// Another process may take the port that was free a moment ago.
const ATTEMPTS: usize = 5;

/// Runs the server until nobody holds the other end of its input any more, then takes it and its folder away.
const GUARD: &str = r#"folder=$1; shift; "$@" & server=$!; trap '' INT TERM; read -r _; kill -QUIT $server; wait $server; rm -rf "$folder""#;

/// The version of pgstac that databases have unless another is asked for.
pub const PGSTAC: &str = "0.10.0";

/// A running cluster.
pub struct Postgres {
    guard: Child,
    port: u16,
    folder: PathBuf,
    /// The versions of which there is a database to copy from.
    templates: Mutex<Vec<String>>,
}

/// A database of a test's own.
pub struct Database {
    port: u16,
    name: String,
}

impl Postgres {
    /// Starts a cluster and waits until it takes connections.
    ///
    /// # Panics
    ///
    /// When the programs are not there, or it does not start.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&[], |_| {})
    }

    /// The one that all tests of this process share.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Starts one with more settings, `name=value`, after `prepare` has had its folder of data.
    ///
    /// # Panics
    ///
    /// As [`Postgres::start`].
    #[must_use]
    pub fn start_with(settings: &[&str], prepare: impl Fn(&Path)) -> Self {
        let mut said = String::new();
        for _ in 0..ATTEMPTS {
            match Self::start_once(settings, &prepare) {
                Ok(postgres) => return postgres,
                Err(error) => said = error,
            }
        }
        panic!("PostgreSQL does not start: {said}");
    }

    fn start_once(settings: &[&str], prepare: &impl Fn(&Path)) -> Result<Self, String> {
        // The guard takes it away, for nothing else outlives a process that is killed.
        let folder = TempDir::new().map_err(|error| format!("no temporary folder: {error}"))?.keep();
        let data = folder.join("data");
        let user = user();
        let prepared = || -> std::io::Result<(File, u16)> {
            fs::create_dir(&data)?;
            if let Some((uid, gid)) = user {
                chown(&folder, Some(uid), Some(gid))?;
                chown(&data, Some(uid), Some(gid))?;
            }
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
            Ok((File::create(folder.join("log"))?, port))
        };
        let (log, port) = prepared().map_err(|error| error.to_string())?;
        let mut initdb = Command::new(program("initdb"));
        initdb.args(["--username=postgres", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C", "-D"]);
        ended_well(as_user(initdb.arg(&data), user))?;
        prepare(&data);
        for entry in fs::read_dir(&data).map_err(|error| error.to_string())?.flatten() {
            if let (Some((uid, gid)), Ok(about)) = (user, entry.metadata())
                && about.uid() != uid
            {
                chown(entry.path(), Some(uid), Some(gid)).map_err(|error| error.to_string())?;
            }
        }
        let errors = log.try_clone().map_err(|error| error.to_string())?;
        let mut guard = Command::new("sh");
        guard.args(["-c", GUARD, "guard"]).arg(&folder).arg(program("postgres")).arg("-D").arg(&data);
        let sockets = format!("unix_socket_directories={}", folder.display());
        let port_setting = format!("port={port}");
        let own = ["listen_addresses=127.0.0.1", "fsync=off", "full_page_writes=off", "max_wal_size=4GB"];
        for setting in own.iter().chain(settings).chain([&sockets.as_str(), &port_setting.as_str()]) {
            guard.args(["-c", setting]);
        }
        guard.stdin(Stdio::piped()).stdout(log).stderr(errors).current_dir("/");
        let guard = as_user(&mut guard, user).spawn().map_err(|error| error.to_string())?;
        let postgres = Self { guard, port, folder, templates: Mutex::default() };
        postgres.wait()?;
        Ok(postgres)
    }

    fn wait(&self) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        let pid = self.folder.join("data/postmaster.pid");
        loop {
            let mut ready = Command::new(program("pg_isready"));
            ready.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
            let is_ours = fs::read_to_string(&pid).is_ok_and(|pid| pid.contains(&format!("\n{}\n", self.port)));
            if is_ours && ready.status().is_ok_and(|status| status.success()) {
                return Ok(());
            }
            let log = || fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            if log().contains("database system is shut down") || Instant::now() > deadline {
                return Err(log());
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// A database with the schema of pgstac, as [`PGSTAC`] has it.
    pub fn database(&self) -> Database {
        self.database_of(PGSTAC)
    }

    /// A database with the schema of this version of pgstac.
    ///
    /// # Panics
    ///
    /// When it cannot be made.
    pub fn database_of(&self, version: &str) -> Database {
        let mut templates = self.templates.lock().unwrap_or_else(PoisonError::into_inner);
        let template = format!("pgstac-{version}");
        if !templates.iter().any(|made| made == version) {
            self.create(&template, "template0");
            let mut migrate = Command::new(root().join(".venv/bin/pypgstac"));
            migrate.args(["migrate", "--toversion", version]);
            migrate.env("PGHOST", "127.0.0.1").env("PGPORT", self.port.to_string()).env("PGUSER", "postgres");
            if let Err(error) = ended_well(migrate.env("PGDATABASE", &template)) {
                panic!("the schema of pgstac {version} cannot be made, see `make setup`: {error}");
            }
            templates.push(version.to_owned());
        }
        self.copy(&template)
    }

    /// An empty database.
    ///
    /// # Panics
    ///
    /// When it cannot be made.
    pub fn empty_database(&self) -> Database {
        self.copy("template0")
    }

    fn copy(&self, template: &str) -> Database {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let name = format!("test-{}", LAST.fetch_add(1, Ordering::Relaxed));
        self.create(&name, template);
        Database { port: self.port, name }
    }

    fn create(&self, name: &str, template: &str) {
        let mut createdb = Command::new(program("createdb"));
        createdb.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "postgres"]);
        if let Err(error) = ended_well(createdb.args(["--strategy=file_copy", "--template", template, name])) {
            panic!("no database: {error}");
        }
    }

    /// The port that it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends the server as a power cut would, and waits until it has ended.
    ///
    /// # Panics
    ///
    /// When it does not end.
    pub fn end(mut self) {
        self.guard.stdin.take();
        if let Err(error) = self.guard.wait() {
            panic!("PostgreSQL does not end: {error}");
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.guard.stdin.take();
        // It may have ended by itself.
        let _ = self.guard.wait();
    }
}

impl Database {
    /// How to connect to it, as libpq has it.
    #[must_use]
    pub fn address(&self) -> String {
        format!("host=127.0.0.1 port={} user=postgres dbname={}", self.port, self.name)
    }

    /// A connection of the test's own.
    ///
    /// # Panics
    ///
    /// When there is none to be had.
    pub async fn connect(&self) -> tokio_postgres::Client {
        let connected = tokio_postgres::connect(&self.address(), tokio_postgres::NoTls).await;
        let (client, connection) = connected.unwrap_or_else(|error| panic!("{error}"));
        tokio::spawn(connection);
        if let Err(error) = client.batch_execute("SET search_path TO pgstac, public").await {
            panic!("{error}");
        }
        client
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// A program of the newest PostgreSQL that is installed.
fn program(name: &str) -> PathBuf {
    let versions = fs::read_dir(PROGRAMS).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|entry| entry.path().join("bin").join(name)).collect();
    found.retain(|program| program.exists());
    found.sort();
    found.pop().unwrap_or_else(|| panic!("there is no {name} below {PROGRAMS}: run `make setup`"))
}

/// Whom the server must run as: nobody else, unless this is root.
fn user() -> Option<(u32, u32)> {
    let own = fs::metadata("/proc/self").map(|about| about.uid()).ok()?;
    if own != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").ok()?;
    let fields: Vec<&str> =
        users.lines().find_map(|line| line.strip_prefix(USER)?.strip_prefix(':'))?.split(':').collect();
    Some((fields.get(1)?.parse().ok()?, fields.get(2)?.parse().ok()?))
}

fn as_user(command: &mut Command, user: Option<(u32, u32)>) -> &mut Command {
    match user {
        Some((uid, gid)) => command.uid(uid).gid(gid),
        None => command,
    }
}

fn ended_well(command: &mut Command) -> Result<(), String> {
    let Output { status, stdout, stderr } =
        command.current_dir("/").output().map_err(|error| format!("{:?}: {error}", command.get_program()))?;
    if status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
    Err(format!("{:?} ended with {status}: {said}", command.get_program()))
}
