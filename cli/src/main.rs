//! The `lazycat` command: a static STAC catalog on one machine.
//!
//! Layout:
//! - [`audit`]: `lazycat audit`, where source, items and catalogs do not agree
//! - `generate`: `lazycat generate`, items by whoever makes them
//! - [`index`]: `lazycat index`, the search index of a catalog directory
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
mod counting;
mod explain;
#[cfg(unix)]
mod generate;
mod index;
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

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use mimalloc::MiMalloc;

/// Items are made of many small pieces of text, on all cores at once: a fifth of the time would go into the system's
/// allocator.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

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
}

#[derive(Subcommand)]
enum Command {
    Audit(audit::Args),
    #[cfg(unix)]
    Generate(generate::Args),
    Redrive(redrive::Args),
    Reprocess(reprocess::Args),
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
    match Cli::parse().command {
        Command::Audit(args) => audit::execute(&args),
        #[cfg(unix)]
        Command::Generate(args) => generate::execute(&args),
        Command::Redrive(args) => redrive::execute(&args),
        Command::Reprocess(args) => reprocess::execute(&args),
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
