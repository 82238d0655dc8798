//! `lazycat plot`: a picture of what is in a catalog.
//!
//! Layout: `census` reads the catalog; `draw` makes the picture of it; `land` is the outline of the world.

mod census;
mod draw;
mod land;

use std::path::PathBuf;
use std::process::ExitCode;

use indicatif::HumanCount;

use self::census::Census;

/// Draw what is in a catalog: footprints on a map, scenes a month, and the grid of paths and rows.
///
/// The catalog's files are enough for it, wherever they were copied from. Names tell the scenes; of each row one item is
/// read, for its footprint. Nothing is changed.
///
/// Exit code 0: it is drawn. 1: something cannot be read or written. 2: wrong usage.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lazycat plot --catalog catalog --out catalog.svg")]
pub(crate) struct Args {
    /// The catalog directory: the one that holds the root catalog.json.
    #[arg(long, value_name = "DIR")]
    catalog: PathBuf,

    /// The picture; an older one is replaced.
    #[arg(long, value_name = "FILE.svg", value_parser = svg)]
    out: PathBuf,
}

/// Draws.
pub(crate) fn execute(args: &Args) -> ExitCode {
    match start(args) {
        Ok(census) => {
            let (scenes, rows) = (HumanCount(census.scenes()), HumanCount(census.rows()));
            eprintln!("{scenes} scenes in {rows} rows are drawn in {}", args.out.display());
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("lazycat plot: {message}");
            ExitCode::FAILURE
        }
    }
}

fn start(args: &Args) -> Result<Census, String> {
    crate::target::must_hold_a_catalog(&args.catalog)?;
    let census = Census::take(&args.catalog)?;
    if census.scenes() == 0 {
        return Err(format!("DIR: {} holds no items yet; there is nothing to draw", args.catalog.display()));
    }
    let picture = draw::picture(&census).map_err(|error| format!("the picture cannot be drawn: {error}"))?;
    std::fs::write(&args.out, picture)
        .map_err(|error| format!("FILE.svg: {} cannot be written: {error}", args.out.display()))?;
    Ok(census)
}

fn svg(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("svg")) {
        true => Ok(path),
        false => Err("expected the name of a file that ends in .svg".to_owned()),
    }
}
