//! A source folder and a catalog directory of a test's own, and the real command on them.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use lazycat_fixtures::{Date, SceneSpec};
use serde_json::Value;
use tempfile::TempDir;

/// After this long a run hangs.
const TOO_LONG: Duration = Duration::from_secs(120);

/// Exit codes, as the command promises them.
pub const SUCCESS: i32 = 0;
pub const FAILURE: i32 = 1;
pub const WRONG_USAGE: i32 = 2;
pub const SOME_REFUSED: i32 = 3;
pub const DRIFT: i32 = 4;

/// In place of an option: the summary for people, not that of `--json`.
pub const PLAIN: &str = "(plain)";

/// The number of the user without rights.
const NOBODY: u32 = 65_534;

/// The folders of one test.
pub struct World {
    pub folder: TempDir,
    pub source: PathBuf,
    pub catalog: PathBuf,
    /// Runs are asked for a search index, so that whatever a test does to a catalog is done with one beside it.
    index: bool,
    runs: AtomicU64,
}

impl World {
    pub fn new() -> Self {
        Self::new_in(&std::env::temp_dir())
    }

    /// A world whose folders stand in this one.
    pub fn new_in(folder: &Path) -> Self {
        let folder = TempDir::new_in(folder).unwrap();
        let source = folder.path().join("source");
        fs::create_dir(&source).unwrap();
        Self { source, catalog: folder.path().join("catalog"), folder, index: true, runs: AtomicU64::new(0) }
    }

    /// A world whose runs are not asked for a search index.
    pub fn without_index() -> Self {
        Self { index: false, ..Self::new() }
    }

    /// A world with these scenes, flat, and the catalog made of them.
    pub fn with(scenes: &[SceneSpec]) -> Self {
        let world = Self::new();
        for scene in scenes {
            world.add(scene);
        }
        let run = world.run(&[]);
        run.must_have_made(scenes.len() as u64);
        world
    }

    /// Writes a scene's file into the source, flat.
    pub fn add(&self, scene: &SceneSpec) -> PathBuf {
        self.write(&scene.file_name(), scene.xml().as_bytes())
    }

    /// Writes a file into the source; its folders are made.
    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        write(&self.source.join(name), bytes)
    }

    /// Runs the source into the catalog, to its end.
    pub fn run(&self, options: &[&str]) -> Ran {
        self.start(options).end()
    }

    /// Starts a run of the source into the catalog.
    pub fn start(&self, options: &[&str]) -> Running {
        self.start_from(&self.source, options)
    }

    /// Starts a run of another source into the catalog.
    pub fn start_from(&self, source: &Path, options: &[&str]) -> Running {
        Running::start(self.command(source, options), &self.next_output())
    }

    /// Withdraws scenes from the catalog.
    pub fn withdraw(&self, arguments: &[&str]) -> Ran {
        self.start_withdrawal(arguments).end()
    }

    /// Runs another subcommand on the catalog, to its end.
    pub fn on(&self, subcommand: &str, arguments: &[&str]) -> Ran {
        self.start_on(subcommand, arguments).end()
    }

    /// Starts another subcommand on the catalog.
    pub fn start_on(&self, subcommand: &str, arguments: &[&str]) -> Running {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lazycat"));
        command.arg(subcommand).arg("--catalog").arg(&self.catalog);
        if !arguments.contains(&PLAIN) {
            command.arg("--json");
        }
        command.args(arguments.iter().filter(|argument| **argument != PLAIN));
        Running::start(command, &self.next_output())
    }

    /// Starts to withdraw scenes from the catalog.
    pub fn start_withdrawal(&self, arguments: &[&str]) -> Running {
        self.start_on("withdraw", arguments)
    }

    /// Audits the catalog against the source, with these options in place of those that save time.
    pub fn audit(&self, options: &[&str]) -> Ran {
        self.audit_of(Some(&self.source), options)
    }

    /// Audits the catalog against another source, or none.
    pub fn audit_of(&self, source: Option<&Path>, options: &[&str]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lazycat"));
        command.arg("audit").arg("--catalog").arg(&self.catalog).args(source);
        if !options.contains(&"--grace") {
            command.args(["--grace", "0.1"]);
        }
        if !options.contains(&PLAIN) {
            command.arg("--json");
        }
        command.args(options.iter().filter(|option| **option != PLAIN));
        Running::start(command, &self.next_output()).end()
    }

    /// Runs the source into the catalog, to its end, as a user without special rights: those of root end at nothing.
    pub fn run_as_nobody(&self, options: &[&str]) -> Ran {
        let mut command = self.command(&self.source, options);
        if fs::metadata("/proc/self").unwrap().uid() == 0 {
            fs::set_permissions(self.folder.path(), Permissions::from_mode(0o777)).unwrap();
            // The program may have been built where only root can go. A link before a copy: a file that was just
            // written cannot be run while another thread's child, not yet the program it will be, holds it open.
            let (built, program) = (env!("CARGO_BIN_EXE_lazycat"), self.folder.path().join("lazycat"));
            if !program.exists() {
                fs::hard_link(built, &program).or_else(|_| fs::copy(built, &program).map(drop)).unwrap();
            }
            let asked = command;
            command = Command::new(program);
            command.args(asked.get_args()).uid(NOBODY).gid(NOBODY);
        }
        Running::start(command, &self.next_output()).end()
    }

    fn command(&self, source: &Path, options: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lazycat"));
        command.arg("run").arg(source).arg("--catalog").arg(&self.catalog);
        if !options.contains(&"--watch") && !options.contains(&PLAIN) {
            command.arg("--json");
        }
        if self.index && !options.contains(&"--no-index") {
            command.arg("--index");
        }
        command.args(options.iter().filter(|option| **option != PLAIN));
        command
    }

    pub fn next_output(&self) -> PathBuf {
        let number = self.runs.fetch_add(1, Ordering::Relaxed);
        self.folder.path().join(format!("output-{number}"))
    }

    /// What stands in the catalog under this key.
    pub fn read(&self, key: &str) -> String {
        let path = self.catalog.join(key);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The document under this key.
    pub fn json(&self, key: &str) -> Value {
        serde_json::from_str(&self.read(key)).unwrap_or_else(|error| panic!("{key}: {error}"))
    }

    /// Changes a document of the catalog, as a hand would.
    pub fn edit(&self, key: &str, change: impl FnOnce(&mut Value)) {
        let mut document = self.json(key);
        change(&mut document);
        fs::write(self.catalog.join(key), document.to_string()).unwrap();
    }

    pub fn revision(&self, key: &str) -> u64 {
        let document = self.json(key);
        document["lazycat:revision"].as_u64().unwrap_or_else(|| panic!("{key} has no revision: {document}"))
    }
}

/// Writes a file, making its folders.
pub fn write(path: &Path, bytes: &[u8]) -> PathBuf {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    path.to_owned()
}

/// A day in the life of all satellites, one for each number.
pub fn day(number: usize) -> Date {
    Date::from_days_since_epoch(18_700 + number as i64)
}

/// A scene of CBERS4-MUX in the usual row, one for each number.
pub fn mux(number: usize) -> SceneSpec {
    SceneSpec::cbers4_mux(57, 121, day(number))
}

/// The key of a scene's item.
pub fn item_key(scene: &SceneSpec) -> String {
    format!("{}/{}.json", scene.row_key(), scene.id())
}

/// A run that goes on. Killed when dropped.
pub struct Running {
    pub child: Child,
    pub output: Output,
}

/// What a run has printed so far.
#[derive(Clone)]
pub struct Output(PathBuf);

impl Output {
    pub fn stdout(&self) -> String {
        self.text("stdout")
    }

    pub fn stderr(&self) -> String {
        self.text("stderr")
    }

    fn text(&self, ending: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.0.with_extension(ending)).unwrap()).into_owned()
    }

    fn file(&self, ending: &str) -> File {
        File::create(self.0.with_extension(ending)).unwrap()
    }
}

impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "stdout: {}\nstderr: {}", self.stdout(), self.stderr())
    }
}

impl Running {
    /// Starts the command; what it prints goes to files that begin with `output`.
    pub fn start(mut command: Command, output: &Path) -> Self {
        let output = Output(output.to_owned());
        let child = command
            .stdin(Stdio::null())
            .stdout(output.file("stdout"))
            .stderr(output.file("stderr"))
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { child, output }
    }

    /// Waits until it ends by itself.
    pub fn end(mut self) -> Ran {
        let deadline = Instant::now() + TOO_LONG;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > deadline {
                panic!("the run hangs; it has printed {}", self.output);
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        self.ran(status)
    }

    /// Kills it, so that it can do nothing more. Whether it had not ended before.
    pub fn kill(mut self) -> bool {
        let lived = self.child.try_wait().unwrap().is_none();
        let _ = self.child.kill();
        let status = self.child.wait().unwrap();
        let ran = self.ran(status);
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
        lived
    }

    /// Waits until `holds`, which must be before it ends.
    pub fn wait_until(&mut self, what: &str, mut holds: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !holds() {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("it ended ({status}) before {what}; it has printed {}", self.output);
            }
            assert!(Instant::now() < deadline, "not in time: {what}; it has printed {}", self.output);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn ran(&self, status: ExitStatus) -> Ran {
        Ran { status, stdout: self.output.stdout(), stderr: self.output.stderr() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A run that has ended.
pub struct Ran {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

/// A refused scene, as the summary tells it.
#[derive(Debug)]
pub struct Refused {
    pub scene: String,
    pub reason: String,
    pub detail: String,
}

impl Ran {
    /// For the message of an assertion.
    pub fn told(&self) -> String {
        format!("{}\nstdout: {}\nstderr: {}", self.status, self.stdout, self.stderr)
    }

    /// Asserts the exit code, and that nothing panicked.
    pub fn must_exit(&self, code: i32) -> &Self {
        assert!(!self.stderr.contains("panicked"), "{}", self.told());
        assert_eq!(self.status.code(), Some(code), "{}", self.told());
        self
    }

    /// Asserts that the run failed and said all of this.
    pub fn must_fail(&self, code: i32, said: &[&str]) {
        self.must_exit(code);
        for said in said {
            assert!(self.stderr.contains(said), "{said:?} is not said: {}", self.told());
        }
    }

    /// The summary of `--json`.
    pub fn summary(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.told()))
    }

    /// A counter of the summary.
    pub fn count(&self, counter: &str) -> u64 {
        self.summary()[counter].as_u64().unwrap_or_else(|| panic!("no {counter}: {}", self.told()))
    }

    /// Asserts that all went well, and that so many items were made.
    pub fn must_have_made(&self, made: u64) -> &Self {
        self.must_exit(SUCCESS);
        assert_eq!((self.count("made"), self.count("refused")), (made, 0), "{}", self.told());
        self
    }

    /// Asserts that nothing was left to do: not an item, not a level.
    pub fn must_have_found_all_done(&self, scenes: u64) {
        self.must_have_made(0);
        assert_eq!((self.count("unchanged"), self.count("rebuilt")), (scenes, 0), "{}", self.told());
    }

    /// The refused scenes that the summary tells.
    pub fn refused(&self) -> Vec<Refused> {
        let text = |refusal: &Value, field: &str| refusal[field].as_str().unwrap_or_default().to_owned();
        let summary = self.summary();
        let refusals = summary["refusals"].as_array().unwrap_or_else(|| panic!("no refusals: {}", self.told()));
        refusals
            .iter()
            .map(|refusal| Refused {
                scene: text(refusal, "scene"),
                reason: text(refusal, "reason"),
                detail: text(refusal, "detail"),
            })
            .collect()
    }
}

/// Runs the command with these arguments, to its end.
pub fn lazycat(arguments: &[&str]) -> Ran {
    let folder = TempDir::new().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_lazycat"));
    command.args(arguments);
    Running::start(command, &folder.path().join("output")).end()
}
