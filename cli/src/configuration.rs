//! `lazycat.toml`: what need not be said again on each command line.
//!
//! What the file says becomes the default of the option of that name, so that the command line is over the file, and
//! `--help` shows what holds. See docs/configuration.md.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::Command;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

/// The file that is read where no other is named.
const FILE: &str = "lazycat.toml";

/// The option that names another.
const OPTION: &str = "--config";

/// What the file may hold.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Configuration {
    /// The catalog directory, for all commands.
    catalog: Option<PathBuf>,
    run: Run,
    import: Import,
    serve: Serve,
}

/// `lazycat run`'s.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Run {
    source: Option<PathBuf>,
    index: Option<bool>,
    #[serde(deserialize_with = "workers")]
    workers: Option<u16>,
    #[serde(deserialize_with = "tick")]
    tick: Option<f64>,
    #[serde(deserialize_with = "public_url")]
    public_url: Option<String>,
    #[serde(deserialize_with = "bucket")]
    cog_bucket: Option<String>,
    #[serde(deserialize_with = "bucket")]
    metadata_bucket: Option<String>,
}

/// `lazycat import`'s.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Import {
    source: Option<PathBuf>,
    #[serde(deserialize_with = "layout")]
    layout: Option<String>,
    index: Option<bool>,
    #[serde(deserialize_with = "workers")]
    workers: Option<u16>,
    #[serde(deserialize_with = "tick")]
    tick: Option<f64>,
    #[serde(deserialize_with = "public_url")]
    public_url: Option<String>,
}

/// `lazycat serve`'s.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Serve {
    #[serde(deserialize_with = "addr")]
    addr: Option<SocketAddr>,
    browser: Option<PathBuf>,
    #[serde(deserialize_with = "public_url")]
    public_url: Option<String>,
    submit_token_file: Option<PathBuf>,
    #[serde(deserialize_with = "layout")]
    layout: Option<String>,
    schemas: Option<PathBuf>,
}

/// The options of `command` with what the configuration file says as their defaults. `arguments` are those of the
/// process; they may name the file, which must then be there.
///
/// # Errors
///
/// When the file cannot be read or understood; it says the file, and the line and the key.
pub(crate) fn apply(command: Command, arguments: &[OsString]) -> Result<Command, String> {
    let (file, named) = match named(arguments) {
        Some(file) => (file, true),
        None => (PathBuf::from(FILE), false),
    };
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound && !named => return Ok(command),
        Err(error) => return Err(format!("the configuration file {} cannot be read: {error}", file.display())),
    };
    let configuration = Configuration::parse(&text).map_err(|error| format!("{}, {error}", file.display()))?;
    Ok(configuration.defaults_of(command, file.parent().unwrap_or(Path::new(""))))
}

/// The file that the arguments name: looked for before they are understood, since it says what may be left out.
fn named(arguments: &[OsString]) -> Option<PathBuf> {
    let mut arguments = arguments.iter().take_while(|argument| *argument != "--");
    while let Some(argument) = arguments.next() {
        if argument == OPTION {
            return arguments.next().map(PathBuf::from);
        }
        let file = argument.to_str().and_then(|argument| argument.strip_prefix(OPTION)?.strip_prefix('='));
        if let Some(file) = file {
            return Some(PathBuf::from(file));
        }
    }
    None
}

impl Configuration {
    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// The line, what was found there, and what was expected.
    fn parse(text: &str) -> Result<Self, String> {
        let at = |span: Option<Range<usize>>| match span.and_then(|span| text.get(..span.start)) {
            Some(before) => format!("line {}", before.matches('\n').count() + 1),
            None => "as a whole".to_owned(),
        };
        let configuration: Self =
            toml::from_str(text).map_err(|error| format!("{}: {}", at(error.span()), error.message()))?;
        let Run { cog_bucket, metadata_bucket, .. } = &configuration.run;
        if cog_bucket.is_some() != metadata_bucket.is_some() {
            return Err("[run]: cog-bucket and metadata-bucket belong together; give both or none".to_owned());
        }
        Ok(configuration)
    }

    /// Makes the defaults of a command and of those below it. Paths are taken from `folder`.
    fn defaults_of(&self, command: Command, folder: &Path) -> Command {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| folder.join(path).into_os_string());
        let text = |text: Option<String>| text.map(OsString::from);
        let Self { catalog, run, import, serve } = self;
        let of_run = [
            ("source", path(&run.source)),
            ("index", text(run.index.map(|index| index.to_string()))),
            ("workers", text(run.workers.map(|workers| workers.to_string()))),
            ("tick", text(run.tick.map(|tick| tick.to_string()))),
            ("public_url", text(run.public_url.clone())),
            ("cog_bucket", text(run.cog_bucket.clone())),
            ("metadata_bucket", text(run.metadata_bucket.clone())),
        ];
        let of_import = [
            ("source", path(&import.source)),
            ("layout", text(import.layout.clone())),
            ("index", text(import.index.map(|index| index.to_string()))),
            ("workers", text(import.workers.map(|workers| workers.to_string()))),
            ("tick", text(import.tick.map(|tick| tick.to_string()))),
            ("public_url", text(import.public_url.clone())),
        ];
        let of_serve = [
            ("directory", path(catalog)),
            ("addr", text(serve.addr.map(|addr| addr.to_string()))),
            ("browser", path(&serve.browser)),
            ("public_url", text(serve.public_url.clone())),
            ("submit_token_file", path(&serve.submit_token_file)),
            ("layout", text(serve.layout.clone())),
            ("schemas", path(&serve.schemas)),
        ];
        let command = with_catalog(command, path(catalog).as_ref())
            .mut_subcommand("run", |command| with_defaults(command, of_run))
            .mut_subcommand("import", |command| with_defaults(command, of_import))
            .mut_subcommand("serve", |command| with_defaults(command, of_serve));
        command.mut_subcommand("validate", |command| with_defaults(command, [("directory", path(catalog))]))
    }
}

fn with_defaults<const N: usize>(command: Command, defaults: [(&'static str, Option<OsString>); N]) -> Command {
    let given = defaults.into_iter().filter_map(|(name, value)| Some((name, value?)));
    given.fold(command, |command, (name, value)| command.mut_arg(name, |arg| arg.required(false).default_value(value)))
}

/// Gives every command that has an option for the catalog this default, also where it is one of several.
fn with_catalog(command: Command, catalog: Option<&OsString>) -> Command {
    let Some(path) = catalog else { return command };
    let mut command = command.mut_subcommands(|command| with_catalog(command, catalog));
    if command.get_arguments().any(|argument| argument.get_id() == "catalog") {
        command = with_defaults(command, [("catalog", Some(path.clone()))]);
    }
    if command.get_groups().any(|group| group.get_id() == "Target") {
        command = command.mut_group("Target", |group| group.required(false));
    }
    command
}

// The same rules as on the command line, told with the line of the file.

fn workers<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u16>, D::Error> {
    match u16::deserialize(from)? {
        workers @ 1..=256 => Ok(Some(workers)),
        found => Err(D::Error::custom(format!("workers: found {found}, expected a number from 1 to 256"))),
    }
}

fn tick<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    let found = f64::deserialize(from)?;
    crate::run::seconds(&found.to_string()).map(Some).map_err(|error| told("tick", &found.to_string(), &error))
}

fn public_url<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let found = String::deserialize(from)?;
    crate::run::public_url(&found).map(Some).map_err(|error| told("public-url", &found, &error))
}

fn bucket<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let found = String::deserialize(from)?;
    crate::run::bucket(&found).map(Some).map_err(|error| told("a bucket", &found, &error))
}

fn layout<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let found = String::deserialize(from)?;
    crate::import::layout(&found).map(Some).map_err(|error| told("layout", &found, &error))
}

fn addr<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SocketAddr>, D::Error> {
    let found = String::deserialize(from)?;
    crate::serve::address(&found).map(Some).map_err(|error| told("addr", &found, &error))
}

fn told<E: serde::de::Error>(key: &str, found: &str, expected: &str) -> E {
    E::custom(format!("{key}: found {found:?}, {expected}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::{CommandFactory as _, FromArgMatches as _};

    use super::*;
    use crate::Cli;

    fn matches(file: &str, arguments: &[&str]) -> Result<clap::ArgMatches, clap::Error> {
        let configuration = Configuration::parse(file).unwrap();
        let command = configuration.defaults_of(Cli::command(), Path::new("/etc"));
        let matches = command.try_get_matches_from(arguments)?;
        Cli::from_arg_matches(&matches)?;
        Ok(matches)
    }

    const ALL: &str = r#"
        catalog = "catalog"
        [run]
        source = "/data/scenes"
        index = true
        workers = 3
        tick = 5
        public-url = "https://example.com/stac"
        cog-bucket = "images"
        metadata-bucket = "quicklooks"
        [import]
        source = "others"
        layout = "{collection}/{year}"
        index = true
        workers = 2
        tick = 0.5
        public-url = "https://example.com/stac"
        [serve]
        addr = "127.0.0.1:8080"
        browser = "browser"
        public-url = "https://api.example.com/"
        submit-token-file = "/run/secrets/token"
        layout = "{collection}"
        schemas = "schemas"
    "#;

    #[test]
    fn what_the_file_says_need_not_be_said_on_the_command_line() {
        let matches = matches(ALL, &["lazycat", "run"]).unwrap();
        let run = matches.subcommand_matches("run").unwrap();
        assert_eq!(run.get_one::<PathBuf>("source").unwrap(), Path::new("/data/scenes"));
        assert_eq!(run.get_one::<PathBuf>("catalog").unwrap(), Path::new("/etc/catalog"), "beside the file");
        assert_eq!(run.get_one::<f64>("tick"), Some(&5.0));
        assert!(run.get_flag("index"));
        assert_eq!(run.get_one::<String>("public_url").unwrap(), "https://example.com/stac/");
        assert_eq!(run.get_one::<String>("cog_bucket").unwrap(), "images");
    }

    #[test]
    fn an_import_and_a_server_take_theirs() {
        let matches_of = |command: &str| {
            let matches = matches(ALL, &["lazycat", command]).unwrap();
            matches.subcommand_matches(command).unwrap().clone()
        };
        let import = matches_of("import");
        assert_eq!(import.get_one::<PathBuf>("source").unwrap(), Path::new("/etc/others"));
        assert_eq!(import.get_one::<String>("layout").unwrap(), "{collection}/{year}");
        assert_eq!((import.get_flag("index"), import.get_one::<u16>("workers")), (true, Some(&2)));
        let serve = matches_of("serve");
        assert_eq!(serve.get_one::<PathBuf>("submit_token_file").unwrap(), Path::new("/run/secrets/token"));
        assert_eq!(serve.get_one::<String>("layout").unwrap(), "{collection}");
        assert_eq!(serve.get_one::<PathBuf>("schemas").unwrap(), Path::new("/etc/schemas"));
    }

    #[test]
    fn the_command_line_is_over_the_file() {
        let arguments = ["lazycat", "run", "here", "--catalog", "there", "--tick", "0.5", "--no-index"];
        let matches = matches(ALL, &arguments).unwrap();
        let run = matches.subcommand_matches("run").unwrap();
        assert_eq!(run.get_one::<PathBuf>("source").unwrap(), Path::new("here"));
        assert_eq!(run.get_one::<PathBuf>("catalog").unwrap(), Path::new("there"));
        assert_eq!(run.get_one::<f64>("tick"), Some(&0.5));
        assert!(run.get_flag("no_index"));
    }

    #[test]
    fn the_catalog_of_the_file_is_that_of_every_command_but_where_a_stack_is_named() {
        for command in ["status", "audit", "plot --out plot.svg", "index rebuild", "redrive", "withdraw scene"] {
            let arguments: Vec<&str> = ["lazycat"].into_iter().chain(command.split(' ')).collect();
            assert!(matches(r#"catalog = "catalog""#, &arguments).is_ok(), "{command}");
            assert!(matches("", &arguments).is_err(), "{command} needs a catalog");
        }
        for command in ["serve", "validate"] {
            let matches = matches(r#"catalog = "catalog""#, &["lazycat", command]).unwrap();
            let found = matches.subcommand_matches(command).unwrap().get_one::<PathBuf>("directory").unwrap();
            assert_eq!(found, Path::new("/etc/catalog"));
        }
    }

    #[cfg(feature = "aws")]
    #[test]
    fn a_stack_that_is_named_is_over_the_catalog_of_the_file() {
        let matches = matches(r#"catalog = "catalog""#, &["lazycat", "status", "--stack", "lazycat-prod"]).unwrap();
        assert_eq!(matches.subcommand_matches("status").unwrap().get_one::<String>("stack").unwrap(), "lazycat-prod");
    }

    #[test]
    fn a_mistake_is_told_with_its_line_and_what_was_expected() {
        for (file, line, told) in [
            ("catalog = \"c\"\n[run]\ntik = 1\n", "line 3", "unknown field `tik`, expected one of `source`"),
            ("[run]\n\nworkers = 0\n", "line 3", "workers: found 0, expected a number from 1 to 256"),
            ("[run]\ntick = -1\n", "line 2", "tick: found \"-1\", expected a number of seconds"),
            ("[serve]\naddr = \"nowhere\"\n", "line 2", "addr: found \"nowhere\""),
            (
                "[run]\npublic-url = \"example.com\"\n",
                "line 2",
                "public-url: found \"example.com\", expected an address",
            ),
            ("[run]\nindex = \"yes\"\n", "line 2", "expected a boolean"),
            ("[run]\nindex =\n", "line 2", ""),
            ("[import]\nlayout = \"{year\"\n", "line 2", "layout: found \"{year\""),
            ("[rum]\n", "line 1", "unknown field `rum`"),
            ("[run]\ncog-bucket = \"images\"\n", "[run]", "belong together"),
        ] {
            let error = Configuration::parse(file).unwrap_err();
            assert!(error.starts_with(line) && error.contains(told), "{file}: {error}");
        }
    }

    #[test]
    fn an_empty_file_says_nothing() {
        assert_eq!(Configuration::parse("").unwrap(), Configuration::default());
    }

    #[test]
    fn the_file_is_named_before_or_behind_the_command_and_not_behind_two_hyphens() {
        let found = |arguments: &[&str]| named(&arguments.iter().map(OsString::from).collect::<Vec<_>>());
        assert_eq!(found(&["lazycat", "--config", "a.toml", "run"]), Some("a.toml".into()));
        assert_eq!(found(&["lazycat", "run", "--config=a.toml"]), Some("a.toml".into()));
        assert_eq!(found(&["lazycat", "withdraw", "--", "--config", "a.toml"]), None);
        assert_eq!(found(&["lazycat", "run", "--configuration=a.toml"]), None);
    }
}
