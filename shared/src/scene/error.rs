//! Why scene metadata is refused.

use crate::missions::{Camera, SATELLITES, Satellite};

use super::geometry::FootprintError;

/// Why a scene is refused: a permanent error of the scene, which no later attempt mends.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SceneError {
    /// The key is not that of a scene's file.
    #[error("key {key:?}: {reason}; expected SATELLITE/CAMERA/PATH/ROW/SCENE/FILE")]
    Key {
        /// The key.
        key: String,
        /// What is wrong.
        reason: String,
    },
    /// The file's name is not that of scene metadata.
    #[error("file name {name:?}: expected {expected}")]
    Name {
        /// The name.
        name: String,
        /// What was expected where.
        expected: &'static str,
    },
    /// No such satellite in the table of missions.
    #[error("{place}: satellite {found:?} is unknown; expected one of {expected}")]
    UnknownSatellite {
        /// The file or the element that names it.
        place: String,
        /// Mission and number.
        found: String,
        /// Those that there are.
        expected: String,
    },
    /// The satellite has no such camera.
    #[error("{place}: camera {found:?} is unknown on {satellite}; expected one of {expected}")]
    UnknownCamera {
        /// The file or the element that names it.
        place: String,
        /// The satellite.
        satellite: &'static str,
        /// The camera.
        found: String,
        /// Those that the satellite has.
        expected: String,
    },
    /// The camera has no such band.
    #[error("{place}: band {found:?} is unknown on {camera}; expected one of {expected}")]
    UnknownBand {
        /// The file or the element that names it.
        place: String,
        /// The camera.
        camera: &'static str,
        /// The band.
        found: String,
        /// Those that the camera has.
        expected: String,
    },
    /// No bytes at all.
    #[error("the file is empty (0 bytes)")]
    Empty,
    /// Not UTF-8.
    #[error("byte {offset} is not UTF-8")]
    Encoding {
        /// The first offending byte.
        offset: usize,
    },
    /// Not well-formed XML, or cut off.
    #[error("not well-formed XML at byte {offset}, in {element}: {detail}")]
    Syntax {
        /// Where, in bytes from the start.
        offset: usize,
        /// The path of the element that was being read.
        element: String,
        /// What is wrong.
        detail: String,
    },
    /// A document type declaration, which could define entities.
    #[error("the file has a document type declaration (DTD), which is not accepted")]
    Doctype,
    /// An entity that XML itself does not define.
    #[error("{element}: entity &{entity}; is not defined by XML")]
    Entity {
        /// The path of the element.
        element: String,
        /// The entity's name.
        entity: String,
    },
    /// Another kind of document.
    #[error("the root element is {found}; expected prdf in namespace {}", super::xml::NAMESPACE)]
    Root {
        /// The root, with its namespace.
        found: String,
    },
    /// An element is called as one of a scene's, but is of another vocabulary.
    #[error("element {element} is in namespace {found:?}; expected {}", super::xml::NAMESPACE)]
    Namespace {
        /// The path of the element.
        element: String,
        /// Its namespace.
        found: String,
    },
    /// A required element is not there.
    #[error("element {element} is missing")]
    Missing {
        /// The path of the element.
        element: String,
    },
    /// A required element is empty.
    #[error("element {element} is empty; expected {expected}")]
    EmptyElement {
        /// The path of the element.
        element: String,
        /// What was expected.
        expected: &'static str,
    },
    /// An element that may stand once stands twice.
    #[error("element {element} stands twice")]
    Twice {
        /// The path of the element.
        element: String,
    },
    /// The value of an element is none of those expected.
    #[error("element {element} is {found:?}; expected {expected}")]
    Value {
        /// The path of the element.
        element: String,
        /// The text found.
        found: String,
        /// What was expected.
        expected: String,
    },
    /// The metadata disagrees with the file's name, or one optic with the other.
    #[error("{field} is {found:?} in the XML; expected {expected:?} as in {against}")]
    Disagreement {
        /// What is compared.
        field: &'static str,
        /// In the XML.
        found: String,
        /// The other side's.
        expected: String,
        /// The other side.
        against: &'static str,
    },
    /// The four corners are no footprint.
    #[error("the footprint {fault}: corners {corners}")]
    Footprint {
        /// What is wrong with them.
        fault: FootprintError,
        /// The corners in their order along the border, lon lat.
        corners: String,
    },
}

impl SceneError {
    pub(super) fn unknown_satellite(place: String, mission: &str, number: &str) -> Self {
        let known = SATELLITES.iter().map(|satellite| format!("{} {}", satellite.mission, satellite.number));
        Self::UnknownSatellite { place, found: cut(&format!("{mission} {number}")), expected: list(known) }
    }

    pub(super) fn unknown_camera(place: String, satellite: &'static Satellite, found: &str) -> Self {
        let known = satellite.cameras.iter().map(|camera| camera.name.to_owned());
        Self::UnknownCamera { place, satellite: satellite.title, found: cut(found), expected: list(known) }
    }

    pub(super) fn unknown_band(place: String, camera: &'static Camera, found: &str) -> Self {
        let known = camera.bands.iter().map(|band| band.number.to_string());
        Self::UnknownBand { place, camera: camera.name, found: cut(found), expected: list(known) }
    }

    /// A short, stable word for the kind of error: dead letters are counted by it.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Key { .. } => "key",
            Self::Name { .. } => "name",
            Self::UnknownSatellite { .. } => "unknown-satellite",
            Self::UnknownCamera { .. } => "unknown-camera",
            Self::UnknownBand { .. } => "unknown-band",
            Self::Empty => "empty",
            Self::Encoding { .. } | Self::Syntax { .. } | Self::Entity { .. } => "not-xml",
            Self::Doctype => "doctype",
            Self::Root { .. } | Self::Namespace { .. } => "other-document",
            Self::Missing { .. } | Self::EmptyElement { .. } => "missing-element",
            Self::Twice { .. } | Self::Value { .. } | Self::Footprint { .. } => "bad-value",
            Self::Disagreement { .. } => "disagreement",
        }
    }
}

fn list(names: impl Iterator<Item = String>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

/// A text short enough for an error.
pub(crate) fn cut(text: &str) -> String {
    const LONGEST: usize = 160;
    match text.char_indices().nth(LONGEST) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
