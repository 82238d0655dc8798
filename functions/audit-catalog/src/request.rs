//! What the function is invoked with.

use lazycat::audit::Content;
use lazycat::grid::Grid;
use lazycat::level::Level;
use serde::Deserialize;
use serde_json::Value;

/// How many items a sample holds where the event does not say.
const SAMPLE: usize = 500;

/// The event. All of its members may be missing: then all is audited.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Request {
    /// The level at and below which is audited, `CBERS4/MUX/057`.
    prefix: String,
    /// Whether the items of scenes are compared with anything; without, all catalogs are, and the items of others.
    pub(crate) scenes: bool,
    /// Whether the scenes of the source are compared with the items.
    pub(crate) source: bool,
    /// Whether the items are compared with those of the search index, where the stack names one.
    pub(crate) index: bool,
    /// Whether the content of all items is compared with what their scenes give, and the index holds.
    full: bool,
    /// The content of how many is, where not of all.
    sample: usize,
    /// What chooses those.
    pub(crate) seed: Option<u64>,
    /// Whether it is no fault that nothing is there.
    pub(crate) may_be_empty: bool,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            prefix: String::new(),
            scenes: true,
            source: true,
            index: true,
            full: false,
            sample: SAMPLE,
            seed: None,
            may_be_empty: false,
        }
    }
}

/// Why an event is no request.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum RequestError {
    /// Not even its form.
    #[error(
        "the event is not understood: {0}; expected such as {{\"prefix\": \"CBERS4/MUX\"}}, with \"scenes\", \"source\", \"index\", \
         \"full\", \"sample\", \"seed\" and \"mayBeEmpty\" where they are wanted"
    )]
    Form(String),
    /// No level of the catalog.
    #[error("the prefix {0}; levels are named as in CBERS4/MUX/057/121")]
    Prefix(String),
}

impl Request {
    /// Reads an event.
    ///
    /// # Errors
    ///
    /// [`RequestError::Form`].
    pub(crate) fn read(event: Value) -> Result<Self, RequestError> {
        serde_json::from_value(event).map_err(|error| RequestError::Form(error.to_string()))
    }

    /// The level that is named, one of `grid`.
    ///
    /// # Errors
    ///
    /// [`RequestError::Prefix`].
    pub(crate) fn top(&self, grid: &Grid) -> Result<Level, RequestError> {
        let wrong = |error: lazycat::level::LevelError| RequestError::Prefix(error.to_string());
        let level = Level::parse(self.prefix.trim_end_matches('/')).map_err(wrong)?;
        grid.place(&level).map_err(wrong)?;
        Ok(level)
    }

    /// Of which items the content is compared.
    pub(crate) fn content(&self, seed: u64) -> Content {
        if self.full { Content::Full } else { Content::Sample { items: self.sample, seed } }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use lazycat::grid::INPE;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_empty_event_asks_for_all() {
        let request = Request::read(json!({})).unwrap();
        assert_eq!((request.top(&INPE), request.source), (Ok(Level::root()), true));
        assert_eq!(request.content(7), Content::Sample { items: SAMPLE, seed: 7 });
    }

    #[test]
    fn a_camera_is_named_with_or_without_slash() {
        for prefix in ["CBERS4/MUX", "CBERS4/MUX/"] {
            let request = Request::read(json!({ "prefix": prefix, "full": true, "mayBeEmpty": true })).unwrap();
            assert_eq!(request.top(&INPE).unwrap().key(), "CBERS4/MUX");
            assert_eq!((request.content(7), request.may_be_empty), (Content::Full, true));
        }
    }

    #[test]
    fn what_is_not_understood_is_told_with_what_was_expected() {
        for (event, says) in
            [(json!({ "prefx": "" }), "prefx"), (json!({ "sample": -1 }), "-1"), (json!("a"), "string")]
        {
            let error = Request::read(event).unwrap_err().to_string();
            assert!(error.contains(says) && error.contains("{\"prefix\": \"CBERS4/MUX\"}"), "{error}");
        }
        let error = Request::read(json!({ "prefix": "LANDSAT8" })).unwrap().top(&INPE).unwrap_err().to_string();
        assert!(error.contains("LANDSAT8") && error.contains("CBERS4/MUX/057/121"), "{error}");
    }
}
