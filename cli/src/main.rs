//! The `lazycat` command: a static STAC catalog on one machine.
//!
//! Layout:
//! - [`audit`]: `lazycat audit`, where source, items and catalogs do not agree
//! - [`configuration`]: `lazycat.toml`, the defaults of options
//! - [`cost`]: `lazycat cost`, what a catalog on AWS costs
//! - `generate`: `lazycat generate`, items by whoever makes them
//! - [`import`]: `lazycat import`, items that others have made, filed in a catalog
//! - [`index`]: `lazycat index`, the search index of a catalog directory
//! - [`plot`]: `lazycat plot`, a picture of a catalog
//! - [`run`]: `lazycat run`, a catalog made from a folder of scene metadata
//! - [`serve`]: `lazycat serve`, a catalog directory over HTTP
//! - [`redrive`]: `lazycat redrive`, dead letters listed, put back, dropped
//! - [`reprocess`]: `lazycat reprocess`, items made again
//! - [`status`]: `lazycat status`, how a catalog is doing
//! - [`withdraw`]: `lazycat withdraw`, scenes taken out of a catalog
//! - [`validate`]: `lazycat validate`, what is wrong in a catalog directory
//! - [`shell`]: `lazycat completions` and `lazycat man`, what belongs to the command itself
//!
//! `main` only chooses the subcommand; each module owns its arguments, its output and its exit codes.

mod audit;
mod configuration;
mod cost;
mod counting;
mod explain;
#[cfg(unix)]
mod generate;
mod import;
mod index;
mod plot;
mod redrive;
mod reprocess;
mod run;
mod serve;
mod shell;
#[cfg(feature = "aws")]
mod stack;
mod status;
mod target;
mod validate;
mod withdraw;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use mimalloc::MiMalloc;

/// Items are made of many small pieces of text, on all cores at once: a fifth of the time would go into the system's
/// allocator.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The exit code of a mistake on the command line or in the configuration file.
const WRONG_USAGE: u8 = 2;

/// Its own, and that of the items and catalogs that it writes.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (STAC 1.1.0)");

const EXAMPLES: &str = "Examples:
  lazycat run scenes --catalog catalog     make a catalog from the XML files below scenes
  lazycat serve catalog                    show it to a browser
  lazycat validate catalog                 say what is wrong in it";

/// Keeps static STAC catalogs up to date, lazily.
#[derive(Parser)]
#[command(name = "lazycat", version = VERSION, about, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// The file of the options' defaults, in place of ./lazycat.toml.
    // Looked for before the rest is understood, see `configuration::apply`; here so that it is told in the help.
    #[allow(dead_code)]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    Audit(audit::Args),
    Cost(cost::Args),
    Plot(plot::Args),
    #[cfg(unix)]
    Generate(generate::Args),
    Redrive(redrive::Args),
    Reprocess(reprocess::Args),
    Import(import::Args),
    Index(index::Args),
    Run(run::Args),
    Serve(serve::Args),
    Status(status::Args),
    Validate(validate::Args),
    Withdraw(withdraw::Args),
    Completions(shell::Completions),
    Man(shell::Man),
}

fn main() -> ExitCode {
    // What the library warns of, such as a catalog that somebody has damaged, is for whoever looks at the terminal.
    tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_writer(std::io::stderr).without_time().init();
    let cli = match arguments() {
        Ok(cli) => cli,
        Err(message) => {
            eprintln!("lazycat: {message}");
            return ExitCode::from(WRONG_USAGE);
        }
    };
    match cli.command {
        Command::Audit(args) => audit::execute(&args),
        Command::Cost(args) => cost::execute(&args),
        Command::Plot(args) => plot::execute(&args),
        #[cfg(unix)]
        Command::Generate(args) => generate::execute(&args),
        Command::Redrive(args) => redrive::execute(&args),
        Command::Reprocess(args) => reprocess::execute(&args),
        Command::Import(args) => import::execute(&args),
        Command::Index(args) => index::execute(&args),
        Command::Run(args) => run::execute(&args),
        Command::Serve(args) => serve::execute(&args),
        Command::Status(args) => status::execute(&args),
        Command::Validate(args) => validate::execute(&args),
        Command::Withdraw(args) => withdraw::execute(&args),
        Command::Completions(args) => shell::complete(&args, Cli::command()),
        Command::Man(args) => shell::write_pages(&args, Cli::command()),
    }
}

/// The command line, with the defaults of the configuration file. Ends the process where clap does.
fn arguments() -> Result<Cli, String> {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let matches = configuration::apply(Cli::command(), &arguments)?.get_matches_from(&arguments);
    Cli::from_arg_matches(&matches).map_err(|error| error.to_string())
}
