//! Packages of stactools: which of them may run, in which version, and what is run.
//!
//! ```text
//! uvx --quiet --from stactools==0.5.3 --with PACKAGE==VERSION --with ... stac GROUP create-item --OPTION=VALUE -- ARGUMENTS ITEM
//! ```
//!
//! A package comes from whoever may upload one, and a request from whoever may send one. So a package runs only when it is
//! on the list, in the version of the list; and nothing in a request can become an option of `uvx` or `stac` that is not
//! written as one: a value stands behind `=`, an argument behind `--`.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use super::ports::GeneratorError;
use super::request::{Setting, StactoolsTask};

/// The most arguments of a command, its options included.
const MOST_ARGUMENTS: usize = 256;

/// The most bytes of all of them.
const MOST_BYTES: usize = 128 * 1024;

/// A package of Python and the one version of it that is meant: `stactools-landsat==0.5.0`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Pinned {
    name: String,
    version: String,
}

/// Why a text names no package in a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is no package in a version, expected such as stactools-landsat==0.5.0: {why}")]
pub struct PinError {
    found: String,
    why: &'static str,
}

impl Pinned {
    /// The name, normalised (PEP 503): small letters, digits and single hyphens.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version (PEP 440).
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }
}

impl fmt::Display for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=={}", self.name, self.version)
    }
}

impl FromStr for Pinned {
    type Err = PinError;

    fn from_str(text: &str) -> Result<Self, PinError> {
        let wrong = |why| PinError { found: text.chars().take(120).collect(), why };
        let (name, version) = text.trim().split_once("==").ok_or_else(|| wrong("it has no =="))?;
        let name =
            normalised(name).ok_or_else(|| wrong("the name of a package is letters, digits, and .-_ between"))?;
        // No wildcard, no second condition, no marker, no address: PEP 440's versions are made of these.
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".+!-_".contains(&byte);
        let version = version.trim();
        if !version.starts_with(|first: char| first.is_ascii_digit()) || !version.bytes().all(allowed) {
            return Err(wrong("a version is such as 0.5.0, one and no range"));
        }
        Ok(Self { name, version: version.to_owned() })
    }
}

impl TryFrom<String> for Pinned {
    type Error = PinError;

    fn try_from(text: String) -> Result<Self, PinError> {
        text.parse()
    }
}

/// A package's name as the indexes compare them; none when it is no name.
fn normalised(name: &str) -> Option<String> {
    let name = name.trim();
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let bytes = name.as_bytes();
    if bytes.len() > 128 || !edge(bytes.first()) || !edge(bytes.last()) || !bytes.iter().copied().all(allowed) {
        return None;
    }
    let words: Vec<&str> = name.split(['-', '_', '.']).filter(|word| !word.is_empty()).collect();
    Some(words.join("-").to_ascii_lowercase())
}

/// Finds a package on the list.
///
/// # Errors
///
/// When it is not there, or another version of it is asked for.
pub fn allowed<'a>(packages: &'a [Pinned], wanted: &str) -> Result<&'a Pinned, GeneratorError> {
    let refused = |detail| Err(GeneratorError::permanent("not-allowed", detail));
    let (name, version) = match wanted.split_once("==") {
        Some((name, version)) => (name, Some(version.trim())),
        None => (wanted, None),
    };
    let found = normalised(name).and_then(|name| packages.iter().find(|package| package.name == name));
    let shown: String = wanted.chars().take(120).collect();
    let Some(package) = found else {
        let known: Vec<&str> = packages.iter().map(Pinned::name).collect();
        let known = if known.is_empty() { "none is".to_owned() } else { format!("these are: {}", known.join(", ")) };
        return refused(format!(
            "the package {shown:?} is not allowed; {known}. Whoever runs this can add it, in a version"
        ));
    };
    match version {
        Some(version) if version != package.version => {
            refused(format!("the package {shown:?} is not allowed in this version; {package} is"))
        }
        _ => Ok(package),
    }
}

/// What `uvx` is given, so that the package writes its item to `destination`. `with` are further requirements that each
/// environment has, `stactools` is the version of stactools itself.
///
/// # Errors
///
/// When something in the request could be taken for something else than it says, or is too much.
pub fn command_line(
    task: &StactoolsTask,
    package: &Pinned,
    stactools: &Pinned,
    with: &[Pinned],
    destination: &str,
) -> Result<Vec<String>, GeneratorError> {
    let mut line = vec!["--quiet".to_owned(), "--from".to_owned(), stactools.to_string()];
    for requirement in std::iter::once(package).chain(with) {
        line.extend(["--with".to_owned(), requirement.to_string()]);
    }
    let fixed = line.len();
    let word = |text: &str, what: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let starts = text.starts_with(|first: char| first.is_ascii_alphanumeric());
        if starts && text.len() <= 128 && text.bytes().all(allowed) {
            return Ok(());
        }
        let found: String = text.chars().take(120).collect();
        let expected = "expected letters, digits, - and _, with a letter or digit first";
        Err(GeneratorError::permanent("arguments", format!("{what} is {found:?}, {expected}")))
    };
    word(&task.group, "group_name")?;
    line.extend(["stac".to_owned(), task.group.clone(), "create-item".to_owned()]);
    for (name, setting) in &task.options {
        let name = name.strip_prefix("--").unwrap_or(name);
        word(name, "the name of an option in create_item_options")?;
        match setting {
            Setting::Flag => line.push(format!("--{name}")),
            Setting::Values(values) => line.extend(values.iter().map(|value| format!("--{name}={value}"))),
        }
    }
    line.push("--".to_owned());
    line.extend(task.arguments.iter().cloned());
    line.push(destination.to_owned());
    let given = &line[fixed..];
    let bytes: usize = given.iter().map(String::len).sum();
    if given.len() > MOST_ARGUMENTS || bytes > MOST_BYTES {
        let found = format!("the command has {} arguments of {bytes} bytes", given.len());
        let detail = format!("{found}, expected at most {MOST_ARGUMENTS} of {MOST_BYTES}");
        return Err(GeneratorError::permanent("arguments", detail));
    }
    match given.iter().find(|argument| argument.contains('\0')) {
        Some(odd) => Err(GeneratorError::permanent("arguments", format!("{odd:?} holds the character 0"))),
        None => Ok(line),
    }
}

/// Why a package of stactools ended with this exit code, from what it wrote to its stderr.
///
/// `stac` ends with 2 when its command line is wrong, and says how it is used; `uvx` with 1 when there is no such package
/// or version. Both stay so. Anything else may be an archive that does not answer.
#[must_use]
pub fn failure(code: i32, stderr: &str) -> GeneratorError {
    let ended = format!("it ended with exit code {code}");
    if code == 2 && stderr.lines().any(|line| line.starts_with("Usage: ")) {
        return GeneratorError::permanent("arguments", format!("{ended}: its command line is wrong"));
    }
    if stderr.contains("No solution found when resolving") {
        return GeneratorError::permanent("package", format!("{ended}: the package cannot be installed"));
    }
    GeneratorError::passing("failed", ended)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn pinned(text: &str) -> Pinned {
        text.parse().unwrap()
    }

    fn task(arguments: &[&str], options: &[(&str, Setting)]) -> StactoolsTask {
        StactoolsTask {
            package: "stactools-a".to_owned(),
            group: "a".to_owned(),
            arguments: arguments.iter().map(ToString::to_string).collect(),
            options: options.iter().map(|(name, setting)| ((*name).to_owned(), setting.clone())).collect(),
        }
    }

    fn line(task: &StactoolsTask) -> Result<Vec<String>, GeneratorError> {
        let with = [pinned("requests==2.32.5")];
        command_line(task, &pinned("stactools-a==1.0"), &pinned("stactools==0.5.3"), &with, "/tmp/x/item.json")
    }

    #[test]
    fn a_pin_is_a_name_and_one_version() {
        assert_eq!(pinned(" Stactools_Amazonia.1 == 0.1.3 ").to_string(), "stactools-amazonia-1==0.1.3");
        for (text, why) in [
            ("stactools-a", "has no =="),
            ("stactools-a>=1", "has no =="),
            ("==1", "name of a package"),
            ("-e==1", "name of a package"),
            ("a @ https://example.com/a==1", "name of a package"),
            ("a[extra]==1", "name of a package"),
            ("a==1.*", "no range"),
            ("a==1,<2", "no range"),
            ("a==", "no range"),
            ("a==1 ; python_version<'3'", "no range"),
            ("a===1", "no range"),
        ] {
            let error = text.parse::<Pinned>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn a_package_runs_only_when_it_is_on_the_list_and_in_that_version() {
        let list = [pinned("stactools-a==1.0"), pinned("stactools-b==2")];
        assert_eq!(allowed(&list, "Stactools_B").unwrap(), &list[1]);
        assert_eq!(allowed(&list, "stactools-a==1.0").unwrap(), &list[0]);
        let refused = |list: &[Pinned], wanted: &str| {
            let error = allowed(list, wanted).unwrap_err();
            assert!(error.permanent && error.reason == "not-allowed");
            error.detail
        };
        assert!(refused(&list, "stactools-c").contains("these are: stactools-a, stactools-b"));
        assert!(refused(&list, "stactools-a==1.1").contains("stactools-a==1.0 is"));
        assert!(refused(&list, "stactools-a --index-url x").contains("is not allowed"));
        assert!(refused(&list, "stactools-a,evil").contains("is not allowed"));
        assert!(refused(&[], "").contains("none is"));
    }

    #[test]
    fn nothing_in_a_request_becomes_an_option_that_is_not_written_as_one() {
        let values = |values: &[&str]| Setting::Values(values.iter().map(ToString::to_string).collect());
        let options =
            [("x", values(&["--with", "-"])), ("--y", values(&["a=b"])), ("flag", Setting::Flag), ("no", values(&[]))];
        let made = line(&task(&["--version", "-50", ""], &options)).unwrap();
        let expected = "--quiet --from stactools==0.5.3 --with stactools-a==1.0 --with requests==2.32.5 stac a create-item \
                        --x=--with --x=- --y=a=b --flag -- --version -50  /tmp/x/item.json";
        assert_eq!(made.join(" "), expected);
    }

    #[test]
    fn what_could_be_taken_for_something_else_is_refused() {
        let refused = |task: &StactoolsTask| {
            let error = line(task).unwrap_err();
            assert!(error.permanent && error.reason == "arguments");
            error.detail
        };
        let mut grouped = task(&[], &[]);
        for group in ["--help", "", "a b", "a;b", "ä"] {
            group.clone_into(&mut grouped.group);
            assert!(refused(&grouped).contains("group_name is"));
        }
        for name in ["", "-x", "a=b", "a b", "----x"] {
            assert!(refused(&task(&[], &[(name, Setting::Flag)])).contains("the name of an option"), "{name}");
        }
        assert!(refused(&task(&["a\0b"], &[])).contains("the character 0"));
        assert!(refused(&task(&["a"; 300], &[])).contains("arguments of"));
        assert!(refused(&task(&[&"a".repeat(200_000)], &[])).contains("bytes"));
    }

    #[test]
    fn a_wrong_command_line_and_a_missing_package_stay_so_and_other_failures_may_pass() {
        let told = |code, stderr| {
            let error = failure(code, stderr);
            (error.permanent, error.reason)
        };
        assert_eq!(told(2, "Usage: stac a create-item\n\nError: Missing argument"), (true, "arguments".to_owned()));
        assert_eq!(told(1, "error: No solution found when resolving tool"), (true, "package".to_owned()));
        assert_eq!(told(2, "error: the network is down"), (false, "failed".to_owned()));
        assert_eq!(told(1, "Traceback (most recent call last):"), (false, "failed".to_owned()));
    }
}
