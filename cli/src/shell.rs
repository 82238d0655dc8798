//! What belongs to the command around the catalog: completions for shells, and manual pages.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap_complete::Shell;

/// Print what a shell needs to complete lazycat's arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lazycat completions bash > ~/.local/share/bash-completion/completions/lazycat
  lazycat completions zsh > ~/.zfunc/_lazycat
  lazycat completions fish > ~/.config/fish/completions/lazycat.fish")]
pub(crate) struct Completions {
    /// Which shell.
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Write the manual pages into a folder: one of lazycat, and one of each of its commands.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  lazycat man ~/.local/share/man/man1 && man lazycat-run")]
pub(crate) struct Man {
    /// The folder; made when it is missing.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Prints the completions of `command`.
pub(crate) fn complete(args: &Completions, mut command: clap::Command) -> ExitCode {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut command, "lazycat", &mut text);
    match io::stdout().lock().write_all(&text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed("completions", &format!("they cannot be printed: {error}")),
    }
}

/// Writes the manual pages of `command`.
pub(crate) fn write_pages(args: &Man, command: clap::Command) -> ExitCode {
    let folder = args.folder.display();
    let written = std::fs::create_dir_all(&args.folder).and_then(|()| clap_mangen::generate_to(command, &args.folder));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed("man", &format!("{folder} cannot be written: {error}")),
    }
}

fn failed(command: &str, message: &str) -> ExitCode {
    eprintln!("lazycat {command}: {message}");
    ExitCode::FAILURE
}
