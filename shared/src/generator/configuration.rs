//! Which generators there are, and what they may use: a table, in TOML for the command, in JSON for the function.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::stactools::Pinned;

/// The longest time-out, in seconds: a day.
const LONGEST_TIME_OUT: u64 = 86_400;

/// Which generators there are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Configuration {
    /// Programs that speak the protocol, by the names that requests call them by.
    pub generators: BTreeMap<String, Program>,
    /// Packages of stactools; none runs when this is missing.
    pub stactools: Option<Stactools>,
    /// How many requests are worked on at a time, each program counted by itself.
    pub at_once: AtOnce,
    /// What every generator may use.
    pub limits: Limits,
    /// The search path of programs.
    pub path: Path,
    /// Variables of the environment that generators are given, by their names: none but these, and none whose name says
    /// that its value is a secret.
    pub environment: Vec<String>,
}

/// A number from 1 on; 4 when nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct AtOnce(pub usize);

impl Default for AtOnce {
    fn default() -> Self {
        Self(4)
    }
}

/// A search path of programs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Path(pub String);

impl Default for Path {
    fn default() -> Self {
        Self("/usr/local/bin:/usr/bin:/bin".to_owned())
    }
}

/// A program that speaks the protocol.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// How long one request may take, in seconds.
    #[serde(default = "one_minute")]
    pub time_out: u64,
}

/// How packages of stactools are run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stactools {
    /// Those that may run, each in one version: `stactools-landsat==0.5.0`.
    pub packages: Vec<Pinned>,
    /// stactools itself.
    #[serde(default = "stactools")]
    pub stactools: Pinned,
    /// What every environment has, too. stactools 0.5.3 does not say that it needs requests.
    #[serde(default = "requests")]
    pub with: Vec<Pinned>,
    /// The program `uvx`.
    #[serde(default = "uvx")]
    pub uvx: String,
    /// The folder of uv's cache. One that is warm has the packages already.
    #[serde(default)]
    pub cache: Option<String>,
    /// Nothing is installed that is not in the cache.
    #[serde(default)]
    pub offline: bool,
    /// How long one request may take, in seconds, with the installation of its package.
    #[serde(default = "five_minutes")]
    pub time_out: u64,
}

/// What a generator may use; a process each for itself, but for the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Address space, in MiB.
    pub memory_mib: u64,
    /// The longest file that it writes, in MiB.
    pub file_mib: u64,
    /// All that it keeps in its folder, in MiB.
    pub folder_mib: u64,
    /// Processes and threads of the user it runs as, all of them together; root has no limit.
    pub processes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory_mib: 4096, file_mib: 256, folder_mib: 512, processes: 512 }
    }
}

fn one_minute() -> u64 {
    60
}

fn five_minutes() -> u64 {
    300
}

fn uvx() -> String {
    "uvx".to_owned()
}

fn stactools() -> Pinned {
    known("stactools==0.5.3")
}

fn requests() -> Vec<Pinned> {
    vec![known("requests==2.32.5")]
}

/// A pin of this file, which the tests read.
#[allow(clippy::expect_used, reason = "a constant, which a test reads")]
fn known(pin: &str) -> Pinned {
    pin.parse().expect("a package in a version")
}

impl Configuration {
    /// Everything that is wrong with it, in sentences.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (name, program) in &self.generators {
            if program.command.first().is_none_or(String::is_empty) {
                faults.push(format!("generators.{name}.command is empty, expected a program and its arguments"));
            }
            faults.extend(time_out(&format!("generators.{name}.time_out"), program.time_out));
            if name.is_empty() || name.chars().any(char::is_control) {
                faults.push(format!("generators: {name:?} is no name"));
            }
        }
        if let Some(stactools) = &self.stactools {
            faults.extend(time_out("stactools.time_out", stactools.time_out));
            let names: Vec<&str> = stactools.packages.iter().map(Pinned::name).collect();
            for (at, name) in names.iter().enumerate().filter(|(at, name)| names[..*at].contains(*name)) {
                faults.push(format!("stactools.packages[{at}]: {name} is named twice"));
            }
        }
        if self.at_once.0 == 0 || self.at_once.0 > 256 {
            faults.push(format!("at_once is {}, expected 1 to 256", self.at_once.0));
        }
        for name in self.environment.iter().filter(|name| is_secret(name)) {
            faults.push(format!("environment: {name} says that it is a secret, and no generator is given one"));
        }
        for (name, value) in [
            ("memory_mib", self.limits.memory_mib),
            ("file_mib", self.limits.file_mib),
            ("folder_mib", self.limits.folder_mib),
            ("processes", self.limits.processes),
        ] {
            if value == 0 || value > 1 << 30 {
                faults.push(format!("limits.{name} is {value}, expected 1 to {}", 1 << 30));
            }
        }
        faults
    }

    /// The longest that one request may take, in seconds.
    #[must_use]
    pub fn longest_time_out(&self) -> u64 {
        let programs = self.generators.values().map(|program| program.time_out);
        programs.chain(self.stactools.iter().map(|stactools| stactools.time_out)).max().unwrap_or(0)
    }
}

fn time_out(name: &str, seconds: u64) -> Option<String> {
    let sound = (1..=LONGEST_TIME_OUT).contains(&seconds);
    (!sound).then(|| format!("{name} is {seconds}, expected 1 to {LONGEST_TIME_OUT} seconds"))
}

/// Whether the name of a variable says that its value is one that not everybody may know.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    // A variable of AWS that is no secret, but tells where one is had.
    let leads = ["AWS_CONTAINER", "AWS_WEB_IDENTITY", "AWS_LAMBDA_RUNTIME_API", "AWS_PROFILE"];
    ["SECRET", "TOKEN", "PASSWORD", "CREDENTIAL", "ACCESS_KEY", "API_KEY", "PRIVATE_KEY"]
        .iter()
        .any(|word| name.contains(word))
        || leads.iter().any(|lead| name.starts_with(lead))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(json: &str) -> Configuration {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let configuration =
            read("{\"generators\":{\"a\":{\"command\":[\"a\"]}},\"stactools\":{\"packages\":[\"b==1\"]}}");
        assert_eq!(configuration.faults(), Vec::<String>::new());
        let stactools = configuration.stactools.clone().unwrap();
        assert_eq!(stactools.stactools.to_string(), "stactools==0.5.3");
        assert_eq!(stactools.with.iter().map(ToString::to_string).collect::<Vec<_>>(), ["requests==2.32.5"]);
        assert_eq!((stactools.uvx.as_str(), stactools.offline, stactools.time_out), ("uvx", false, 300));
        assert_eq!((configuration.generators["a"].time_out, configuration.longest_time_out()), (60, 300));
        assert_eq!((configuration.at_once.0, configuration.limits), (4, Limits::default()));
        assert_eq!(Configuration::default().longest_time_out(), 0);
    }

    #[test]
    fn every_fault_is_told() {
        let faults = read(
            "{\"generators\":{\"a\":{\"command\":[],\"time_out\":0}},\"at_once\":0,\"limits\":{\"memory_mib\":0},
              \"stactools\":{\"packages\":[\"b==1\",\"B==2\"],\"time_out\":90000},
              \"environment\":[\"AWS_REGION\",\"AWS_SECRET_ACCESS_KEY\",\"aws_session_token\",\"AWS_LAMBDA_RUNTIME_API\"]}",
        )
        .faults();
        for says in [
            "generators.a.command is empty",
            "generators.a.time_out is 0",
            "stactools.packages[1]: b is named twice",
            "stactools.time_out is 90000",
            "at_once is 0",
            "AWS_SECRET_ACCESS_KEY says",
            "aws_session_token says",
            "AWS_LAMBDA_RUNTIME_API says",
            "limits.memory_mib is 0",
        ] {
            assert_eq!(faults.iter().filter(|fault| fault.contains(says)).count(), 1, "{says}: {faults:?}");
        }
        assert_eq!(faults.len(), 9, "{faults:?}");
    }

    #[test]
    fn a_range_of_versions_and_an_unknown_member_are_refused() {
        for json in ["{\"stactools\":{\"packages\":[\"b>=1\"]}}", "{\"generator\":{}}", "{\"limits\":{\"memory\":1}}"] {
            assert!(serde_json::from_str::<Configuration>(json).is_err(), "{json}");
        }
    }
}
