//! Requests to file what stands in a file or in the message itself: what `lazycat import` sends.
//!
//! ```json
//! {"type": "File", "path": "/data/items/a.json", "messageId": "20260301…", "force": true, "time": "2026-03-01T12:00:00Z"}
//! {"type": "File", "path": "/data/items.ndjson", "line": 7, "document": "{…}", "messageId": "…", "time": "…"}
//! ```

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The `type` of the message.
const FILE: &str = "File";

/// A request to file a document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileRequest {
    #[serde(rename = "type")]
    kind: String,
    /// The file that it stands in, absolute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Which line of the file, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The document itself, where it is not all of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// The id of the message; it survives redelivery and redrive. A message without one is never skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// Never skipped as unchanged, and taken although another source has filed the same id.
    #[serde(default, skip_serializing_if = "is_false")]
    pub force: bool,
    /// A collection that an operator has named, over those that are found beside items.
    #[serde(default, skip_serializing_if = "is_false")]
    pub given: bool,
    /// When it was asked for: of two documents of one id the newest is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<DateTime<Utc>>,
}

// As serde wants it.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_false(value: &bool) -> bool {
    !value
}

impl FileRequest {
    /// A request to file all that stands in a file.
    #[must_use]
    pub fn of_file(path: impl Into<String>) -> Self {
        Self { kind: FILE.to_owned(), path: Some(path.into()), ..Self::default() }
    }

    /// A request to file a document that comes with the request.
    #[must_use]
    pub fn of_document(document: impl Into<String>) -> Self {
        Self { kind: FILE.to_owned(), document: Some(document.into()), ..Self::default() }
    }

    /// The body of the message.
    #[must_use]
    pub fn encode(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads a body; none when it is no such request, but something else.
    ///
    /// # Errors
    ///
    /// When it is one by its type, and cannot be read.
    pub fn decode(body: &str) -> Result<Option<Self>, serde_json::Error> {
        #[derive(Deserialize)]
        struct Probe<'a> {
            #[serde(rename = "type", borrow, default)]
            kind: Option<std::borrow::Cow<'a, str>>,
        }
        let is_ours = serde_json::from_str::<Probe<'_>>(body).is_ok_and(|probe| probe.kind.as_deref() == Some(FILE));
        if is_ours { serde_json::from_str(body).map(Some) } else { Ok(None) }
    }

    /// What people know it by: its file, and the line.
    #[must_use]
    pub fn subject(&self) -> String {
        match (&self.path, self.line) {
            (Some(path), Some(line)) => format!("{path}:{line}"),
            (Some(path), None) => path.clone(),
            (None, _) => "a document".to_owned(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_back_and_told_from_everything_else() {
        let mut request = FileRequest::of_file("/a/b.json");
        assert_eq!(request.encode(), r#"{"type":"File","path":"/a/b.json"}"#);
        request.line = Some(7);
        request.document = Some("{}".to_owned());
        request.force = true;
        request.time = Some(DateTime::UNIX_EPOCH);
        assert_eq!(FileRequest::decode(&request.encode()).unwrap(), Some(request.clone()));
        assert_eq!(request.subject(), "/a/b.json:7");
        for other in ["", "7", "{}", r#"{"type":"Feature"}"#, r#"{"type":7}"#] {
            assert_eq!(FileRequest::decode(other).unwrap(), None, "{other}");
        }
        assert!(FileRequest::decode(r#"{"type":"File","line":"x"}"#).is_err());
    }
}
