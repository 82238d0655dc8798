//! The `lazycat` command: a static STAC catalog on one machine.
//!
//! Layout:
//! - [`audit`]: `lazycat audit`, where source, items and catalogs do not agree
//! - [`run`]: `lazycat run`, a catalog made from a folder of scene metadata
//! - [`serve`]: `lazycat serve`, a catalog directory over HTTP
//! - [`withdraw`]: `lazycat withdraw`, scenes taken out of a catalog
//! - [`validate`]: `lazycat validate`, what is wrong in a catalog directory
//!
//! `main` only chooses the subcommand; each module owns its arguments, its output and its exit codes.

mod audit;
mod explain;
mod run;
mod serve;
mod validate;
mod withdraw;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use mimalloc::MiMalloc;

/// Items are made of many small pieces of text, on all cores at once: a fifth of the time would go into the system's
/// allocator.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Keeps static STAC catalogs up to date, lazily.
#[derive(Parser)]
#[command(name = "lazycat", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Audit(audit::Args),
    Run(run::Args),
    Serve(serve::Args),
    Validate(validate::Args),
    Withdraw(withdraw::Args),
}

fn main() -> ExitCode {
    // What the library warns of, such as a catalog that somebody has damaged, is for whoever looks at the terminal.
    tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_writer(std::io::stderr).without_time().init();
    match Cli::parse().command {
        Command::Audit(args) => audit::execute(&args),
        Command::Run(args) => run::execute(&args),
        Command::Serve(args) => serve::execute(&args),
        Command::Validate(args) => validate::execute(&args),
        Command::Withdraw(args) => withdraw::execute(&args),
    }
}
