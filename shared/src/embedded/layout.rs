//! The layout of a catalog directory, kept in `DIR/.lazycat/layout.json` for all who work on it.

use futures::executor::block_on;
use serde::{Deserialize, Serialize};

use crate::grid::{CATALOG, Grid, INPE};
use crate::layout::{Layout, LayoutError};
use crate::local::Local;
use crate::ports::{PortError, PortResult, ReadCatalog as _};

/// The name of the file.
const NAME: &str = "layout.json";

/// What is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    /// The template.
    layout: String,
    /// The title of the catalog's root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    title: Option<String>,
}

/// Why a catalog has no layout, or not this one.
#[derive(Debug, thiserror::Error)]
pub enum ChooseError {
    /// The template is none.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// None was named, and none is kept.
    #[error("the catalog has no layout yet: name one, such as --layout {{collection}}/{{year}}/{{month}}")]
    Wanting,
    /// Items are filed under another one.
    #[error(
        "the items of the catalog are filed under {kept:?}, not {asked:?}: leave --layout out, or file them in another \
         directory"
    )]
    Other {
        /// The layout of the catalog.
        kept: String,
        /// The one that was named.
        asked: String,
    },
    /// The state cannot be read or written.
    #[error(transparent)]
    State(#[from] PortError),
}

/// The folders of a catalog.
///
/// # Errors
///
/// When the layout that is kept cannot be read.
pub fn grid(local: &Local) -> PortResult<Grid> {
    Ok(match read(local)? {
        Some((layout, title)) => Grid::with_layout(layout, title.as_deref()),
        None => INPE.clone(),
    })
}

/// Keeps the layout and the title that are named; what is not named stays as it was.
///
/// # Errors
///
/// [`ChooseError`]; nothing is changed then.
pub fn choose(local: &Local, layout: Option<&str>, title: Option<&str>) -> Result<(), ChooseError> {
    let kept = read(local)?;
    let chosen = match (&kept, layout) {
        (None, None) => return Err(ChooseError::Wanting),
        (_, Some(asked)) => Layout::parse(asked)?,
        (Some((layout, _)), None) => layout.clone(),
    };
    if let Some((before, _)) = &kept
        && *before != chosen
        && local.state.has_checkpoints("filed/")?
    {
        let (kept, asked) = (before.template().to_owned(), chosen.template().to_owned());
        return Err(ChooseError::Other { kept, asked });
    }
    let title_before = match &kept {
        Some((_, title)) => title.clone(),
        // Every document names the root by its title.
        None => title_of_root(local)?,
    };
    let next = Kept { layout: chosen.template().to_owned(), title: title.map(str::to_owned).or(title_before) };
    let before = kept.map(|(layout, title)| Kept { layout: layout.template().to_owned(), title });
    if before.as_ref() != Some(&next) {
        let text = serde_json::to_string(&next).unwrap_or_default() + "\n";
        local.directory.keep(NAME, text.as_bytes())?;
    }
    Ok(())
}

/// The title of the catalog's root, where it stands.
fn title_of_root(local: &Local) -> PortResult<Option<String>> {
    let Some(root) = block_on(local.directory.get(CATALOG))? else { return Ok(None) };
    let document: serde_json::Value = serde_json::from_slice(&root.bytes).unwrap_or_default();
    Ok(document["title"].as_str().map(str::to_owned))
}

fn read(local: &Local) -> PortResult<Option<(Layout, Option<String>)>> {
    let Some(bytes) = local.directory.kept(NAME)? else { return Ok(None) };
    let damaged = |source: crate::ports::BoxError| PortError::Unavailable {
        what: format!("reading the catalog's layout in {}/{NAME}", crate::local::STATE_FOLDER),
        source,
    };
    let kept: Kept = serde_json::from_slice(&bytes).map_err(|error| damaged(error.into()))?;
    let layout = Layout::parse(&kept.layout).map_err(|error| damaged(error.into()))?;
    Ok(Some((layout, kept.title)))
}
