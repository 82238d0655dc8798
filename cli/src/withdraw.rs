//! `lazycat withdraw`: takes scenes out of a catalog.

use std::collections::HashSet;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use lazycat::embedded::{self, FiledName, Progress, Withdrawal};
use lazycat::layout::{Layout, segment};
use lazycat::level::Level;
use lazycat::local;
use lazycat::scene::{MetadataName, SceneError, SceneId, SourceKey};
use serde_json::json;

use crate::explain;
use crate::run::{SOME_REFUSED, show};
use crate::target::{must_hold_a_catalog, unprinted};

/// The exit code of wrong usage, as clap's.
const WRONG_USAGE: u8 = 2;

/// How many arguments that name no scene are told.
const WRONG_TOLD: usize = 10;

/// In place of a scene: they stand on standard input.
const STANDARD_INPUT: &str = "-";

/// Take scenes out of a catalog, and bring its levels up to date.
///
/// The items are deleted, the withdrawals published, and the catalogs above rebuilt; a level that has become empty keeps an
/// empty catalog. Withdrawing what is not there does no harm. The source is not touched: as long as it holds the scene's
/// XML, the next `lazycat run` makes the item again. Remove the XML first, also from the folder of a `--watch`.
///
/// Exit code 0: none of the scenes is in the catalog any more. 1: some are, or levels could not be rebuilt; do it again,
/// nothing is lost. 2: wrong usage; nothing was done. 3: all were withdrawn, but scenes that an earlier run had left were
/// refused.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lazycat withdraw --catalog catalog CBERS_4_MUX_20170618_057_121_L2
  lazycat withdraw --catalog catalog sentinel-2-l2a/S2A_32TQM_20240501_0_L2A
  lazycat withdraw --catalog catalog --dry-run - < scenes.txt")]
pub(crate) struct Args {
    /// The catalog directory.
    #[arg(long, value_name = "DIR")]
    catalog: PathBuf,

    /// The scenes, each by its item's id or key, or by the key of its XML; items of others by key or as COLLECTION/ID; `-`: one
    /// a line on standard input.
    #[arg(value_name = "SCENE", required = true)]
    scenes: Vec<String>,

    /// Only tell what would be taken out.
    #[arg(long)]
    dry_run: bool,

    /// Print what was done as JSON.
    #[arg(long)]
    json: bool,
}

/// What was named: scenes, and items of others.
type Named = (Vec<SceneId>, Vec<FiledName>);

/// Withdraws, and says what became of it.
pub(crate) fn execute(args: &Args) -> ExitCode {
    let told = |message: &str| eprintln!("lazycat withdraw: {message}");
    let scenes = match scenes(args) {
        Ok(Ok(scenes)) => scenes,
        Ok(Err(wrong)) => {
            told(&wrong);
            return ExitCode::from(WRONG_USAGE);
        }
        Err(error) => {
            told(&format!("standard input cannot be read: {error}"));
            return ExitCode::FAILURE;
        }
    };
    match withdraw(args, &scenes.0, &scenes.1) {
        Ok(Some(done)) if !done.remaining.is_empty() => {
            let remaining = done.remaining.join(", ");
            told(&format!("still in the catalog: {remaining}. Do it again, when no run makes them meanwhile."));
            ExitCode::FAILURE
        }
        Ok(Some(done)) if done.summary.stale > 0 => {
            told(&show::advice(&done.summary));
            ExitCode::FAILURE
        }
        Ok(Some(done)) if done.summary.refused > 0 => ExitCode::from(SOME_REFUSED),
        Ok(_) => ExitCode::SUCCESS,
        Err(message) => {
            told(&message);
            ExitCode::FAILURE
        }
    }
}

/// Withdraws these scenes; none when that was only to be shown.
fn withdraw(args: &Args, scenes: &[SceneId], filed: &[FiledName]) -> Result<Option<Withdrawal>, String> {
    let catalog = &args.catalog;
    must_hold_a_catalog(catalog)?;
    if args.dry_run {
        return preview(args, scenes, filed).map(|()| None).map_err(unprinted);
    }
    let local = local::open(catalog).map_err(|error| error.to_string())?;
    let progress = Progress::default();
    let shown = show::Shown::start(&progress, false, io::stderr().is_terminal());
    let done = shown
        .during(|| embedded::withdraw(&local, scenes, filed, &progress))
        .map_err(|error| format!("{error}\nWhat was withdrawn is; do the same again to go on."))?;
    print(args, &done).map_err(unprinted)?;
    Ok(Some(done))
}

/// Tells what would be taken out.
fn preview(args: &Args, scenes: &[SceneId], filed: &[FiledName]) -> io::Result<()> {
    let is_there = |scene: &&SceneId| args.catalog.join(item_key(scene)).is_file();
    let (items, absent): (Vec<_>, Vec<_>) = scenes.iter().partition(is_there);
    let ids = |scenes: Vec<&SceneId>| scenes.into_iter().map(SceneId::to_string).collect::<Vec<_>>();
    let (mut items, mut absent) = (ids(items), ids(absent));
    if !filed.is_empty() {
        let local = local::open(&args.catalog).map_err(io::Error::other)?;
        for name in filed {
            let key = futures::executor::block_on(name.filed_at(&local.state)).map_err(io::Error::other)?;
            if key.is_some() { &mut items } else { &mut absent }.push(name.to_string());
        }
    }
    let mut out = io::stdout().lock();
    if args.json {
        return writeln!(out, "{}", json!({ "dry_run": true, "items": items, "absent": absent }));
    }
    for id in &items {
        writeln!(out, "would be withdrawn: {id}")?;
    }
    tell_absent(&mut out, &absent)
}

fn print(args: &Args, done: &Withdrawal) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, done)?;
        return writeln!(out);
    }
    for id in &done.items {
        writeln!(out, "withdrawn: {id}")?;
    }
    tell_absent(&mut out, &done.absent)?;
    show::troubles(&mut out, &done.summary)?;
    let (items, seconds, rebuilt) = (done.items.len(), done.summary.seconds, done.summary.rebuilt);
    writeln!(out, "{items} withdrawn in {seconds:.1} s; {rebuilt} levels rebuilt")?;
    if items > 0 {
        writeln!(out, "The next run over a source that still holds their XML makes them again.")?;
    }
    Ok(())
}

fn tell_absent(out: &mut impl io::Write, absent: &[String]) -> io::Result<()> {
    absent.iter().try_for_each(|id| writeln!(out, "not in the catalog: {id}"))
}

/// The scenes that were asked for, each once; the inner error tells which arguments name none.
fn scenes(args: &Args) -> io::Result<Result<Named, String>> {
    let mut names = Vec::new();
    for scene in &args.scenes {
        if scene != STANDARD_INPUT {
            names.push(scene.clone());
            continue;
        }
        for line in io::stdin().lock().lines() {
            let line = line?;
            if !line.trim().is_empty() {
                names.push(line.trim().to_owned());
            }
        }
    }
    let (mut scenes, mut filed, mut seen, mut wrong) = (Vec::new(), Vec::new(), HashSet::new(), Vec::new());
    let layout = layout_of(&args.catalog);
    for name in &names {
        match scene_of(&args.catalog, name) {
            Ok(scene) => {
                if seen.insert(scene.to_string()) {
                    scenes.push(scene);
                }
            }
            Err(_) if let Some(item) = layout.as_ref().and_then(|layout| filed_of(layout, &args.catalog, name)) => {
                if seen.insert(item.to_string()) {
                    filed.push(item);
                }
            }
            Err(reason) => wrong.push(format!("  {}: {}", explain::printable(name), explain::printable(&reason))),
        }
    }
    if wrong.is_empty() {
        return Ok(Ok((scenes, filed)));
    }
    let more = wrong.len().saturating_sub(WRONG_TOLD);
    wrong.truncate(WRONG_TOLD);
    if more > 0 {
        wrong.push(format!("  and {more} more"));
    }
    Ok(Err(format!(
        "SCENE: expected an item's id, its key in the catalog, or the key of its XML. Nothing was done.\n{}",
        wrong.join("\n")
    )))
}

/// The layout of the catalog, where it has one.
fn layout_of(catalog: &Path) -> Option<Layout> {
    must_hold_a_catalog(catalog).ok()?;
    let local = local::open(catalog).ok()?;
    embedded::layout::grid(&local).ok()?.layout().cloned()
}

/// The item of others that a name means: its key, also behind the catalog's own path, or `COLLECTION/ID`; under a layout
/// without collections its id.
fn filed_of(layout: &Layout, catalog: &Path, name: &str) -> Option<FiledName> {
    let below = Path::new(name).strip_prefix(catalog).ok().and_then(Path::to_str).unwrap_or(name);
    if let Some((folder, file)) = below.trim_start_matches("./").rsplit_once('/')
        && file.ends_with(".json")
        && let Some(level) = Level::parse(folder).ok().filter(|level| layout.check(level).is_ok())
        && level.depth() == layout.depth()
    {
        let collection = layout.collection_depth().and_then(|depth| level.segments().nth(depth - 1));
        return Some(FiledName {
            collection: collection.map(|segment| segment::decode(segment).into_owned()),
            id: segment::id_of(file).into_owned(),
        });
    }
    if layout.collection_depth().is_none() {
        return (!name.is_empty()).then(|| FiledName { collection: None, id: name.to_owned() });
    }
    let (collection, id) = name.split_once('/').filter(|(collection, id)| !collection.is_empty() && !id.is_empty())?;
    Some(FiledName { collection: Some(collection.to_owned()), id: id.to_owned() })
}

/// The scene that a name means: `ID`, `ID.json` or `ROW/ID.json` (also behind the catalog's own path, as a shell completes
/// it), `SCENE_BAND6.xml` in any folder, or the key of a quicklook.
fn scene_of(catalog: &Path, name: &str) -> Result<SceneId, String> {
    let below = Path::new(name).strip_prefix(catalog).ok().and_then(Path::to_str).unwrap_or(name);
    let below = below.trim_start_matches("./");
    let (folder, file) = below.rsplit_once('/').unwrap_or(("", below));
    let told = |error: SceneError| error.to_string();
    if file.ends_with(".xml") {
        return Ok(MetadataName::parse(file).map_err(told)?.scene);
    }
    if file.ends_with(".jpg") || file.ends_with(".png") {
        return Ok(SourceKey::parse(below).map_err(told)?.scene().clone());
    }
    let scene = SceneId::parse(file.strip_suffix(".json").unwrap_or(file)).map_err(told)?;
    match folder.is_empty() || folder == scene.row_key() {
        true => Ok(scene),
        false => Err(format!("its item stands at {}", item_key(&scene))),
    }
}

fn item_key(scene: &SceneId) -> String {
    format!("{}/{scene}.json", scene.row_key())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const ID: &str = "CBERS_4_MUX_20170618_057_121_L2";

    #[test]
    fn a_scene_is_known_by_its_item_its_metadata_and_its_quicklook() {
        let row = "CBERS4/MUX/057/121";
        for name in [
            ID.to_owned(),
            format!("{ID}.json"),
            format!("{row}/{ID}"),
            format!("{row}/{ID}.json"),
            format!("./{row}/{ID}.json"),
            format!("some/catalog/{row}/{ID}.json"),
            format!("{ID}_BAND6.xml"),
            format!("{row}/{ID}/{ID}_BAND5.xml"),
            format!("/incoming/today/{ID}_BAND6.xml"),
            format!("{row}/{ID}/CBERS_4_MUX_20170618_057_121.jpg"),
        ] {
            assert_eq!(scene_of(Path::new("some/catalog"), &name).unwrap().to_string(), ID, "{name}");
        }
    }

    #[test]
    fn what_names_no_scene_or_stands_elsewhere_is_refused() {
        for (name, said) in [
            ("", "expected"),
            ("catalog.json", "expected"),
            ("CBERS4/MUX/057/121", "expected"),
            ("CBERS4/MUX/057/122/CBERS_4_MUX_20170618_057_121_L2.json", "stands at CBERS4/MUX/057/121/"),
            ("CBERS_4_HRC_20170618_057_121_L2", "HRC"),
            ("CBERS_4_MUX_20170618_057_121.jpg", "expected"),
        ] {
            let error = scene_of(Path::new("some/catalog"), name).unwrap_err();
            assert!(error.contains(said), "{name}: {error}");
        }
    }
}
