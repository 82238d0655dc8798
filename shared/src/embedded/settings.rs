//! What a run remembers of its options for those who work on the catalog after it without having been told:
//! `DIR/.lazycat/settings.json`. A withdrawal may have to finish what a killed run had begun, and to rebuild the root.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::local::Local;
use crate::ports::PortResult;
use crate::stac::BucketPair;

use super::Options;

/// The name of the file.
const NAME: &str = "settings.json";

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Settings {
    /// Where readers find the catalog.
    public_url: Option<String>,
    /// The bucket of images and XML that the items name, when it is not the public archive's.
    cog_bucket: Option<String>,
    /// The bucket of quicklooks.
    metadata_bucket: Option<String>,
}

impl Settings {
    fn of(options: &Options) -> Self {
        let pair = options.buckets.as_ref();
        Self {
            public_url: options.site.public_url.clone(),
            cog_bucket: pair.map(|pair| pair.images.clone()),
            metadata_bucket: pair.map(|pair| pair.quicklooks.clone()),
        }
    }
}

/// Remembers the options of a run.
pub(super) fn remember(local: &Local, options: &Options) -> PortResult<()> {
    let settings = Settings::of(options);
    if read(local)? == settings {
        return Ok(());
    }
    let text = serde_json::to_string(&settings).unwrap_or_default() + "\n";
    local.directory.keep(NAME, text.as_bytes())
}

/// Remembers what an import says: where readers find the catalog, if it says so. What a run has said of buckets stays.
pub(super) fn remember_site(local: &Local, options: &Options) -> PortResult<()> {
    let mut settings = read(local)?;
    if options.site.public_url.is_none() || settings.public_url == options.site.public_url {
        return Ok(());
    }
    settings.public_url.clone_from(&options.site.public_url);
    let text = serde_json::to_string(&settings).unwrap_or_default() + "\n";
    local.directory.keep(NAME, text.as_bytes())
}

/// The options of the last run, for those who finish what it has left: messages that name no file are looked for nowhere
/// else, and marks have nothing to gather for.
pub(super) fn recall(local: &Local) -> PortResult<Options> {
    let settings = read(local)?;
    let mut options = Options::new(local.directory.path());
    options.tick = Duration::ZERO;
    options.site.public_url = settings.public_url;
    if let (Some(images), Some(quicklooks)) = (settings.cog_bucket, settings.metadata_bucket) {
        options.buckets = Some(BucketPair { images, quicklooks });
    }
    Ok(options)
}

/// What is remembered; the defaults where nothing is, or nothing that can be read.
fn read(local: &Local) -> PortResult<Settings> {
    let bytes = local.directory.kept(NAME)?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
}
