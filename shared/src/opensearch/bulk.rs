//! Writing: many documents by one request, whose entries succeed or fail each by itself.

use std::collections::VecDeque;
use std::io::Write as _;

use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::OpenSearch;
use super::client::{BLOCKED, Cause, Content, may_pass, pause, unavailable};
use super::mappings::SOURCE;
use crate::ports::PortError;

/// One write.
pub(super) struct Write<'a> {
    /// The alias, or the index where it is our own.
    pub(super) index: &'a str,
    /// Whether `index` must be an alias: the engine would make an index of that name otherwise.
    pub(super) by_alias: bool,
    /// The document's id.
    pub(super) id: &'a str,
    /// What is written.
    pub(super) what: What<'a>,
}

/// What a write does.
pub(super) enum What<'a> {
    /// The document is to be this, unless it has a greater version.
    Put { version: u64, document: Document<'a> },
    /// The document is to go, unless it has a greater version.
    Delete { version: u64 },
    /// The document is to be this, unless there is one.
    Create { document: Document<'a> },
}

/// A document: a JSON object, and what is put behind its last member.
pub(super) struct Document<'a> {
    pub(super) text: &'a str,
    /// The address that it came from.
    pub(super) source: Option<&'a str>,
    /// Further members, each with a comma before it.
    pub(super) more: String,
}

impl<'a> Document<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { text, source: None, more: String::new() }
    }

    /// As one line. A line break of JSON stands between its tokens only, so a space does as well.
    fn write(&self, to: &mut Vec<u8>) {
        let text = self.text.trim_end();
        let (head, tail) = text.split_at(text.len().saturating_sub(1));
        let start = to.len();
        to.extend_from_slice(head.as_bytes());
        if let Some(source) = self.source {
            let _ = write!(to, ",{}:{}", json!(SOURCE), json!(source));
        }
        to.extend_from_slice(self.more.as_bytes());
        to.extend_from_slice(tail.as_bytes());
        for byte in &mut to[start..] {
            if matches!(byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        }
        to.push(b'\n');
    }

    fn len(&self) -> usize {
        self.text.len() + self.source.map_or(0, |source| source.len() * 2 + SOURCE.len() + 8) + self.more.len() + 1
    }
}

/// What became of a write.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It is so.
    Done,
    /// There is a greater version, or for a creation, one at all.
    Conflict,
    /// There is no such index.
    NoIndex,
    /// The engine does not take this document, and never will.
    Refused { reason: &'static str, detail: String },
    /// It may succeed later.
    Failed(String),
    /// The engine does not let us.
    Denied(String),
}

impl Outcome {
    /// A failure that is none of the document's.
    pub(super) fn into_error(self, doing: &str) -> PortError {
        match self {
            Self::Denied(reason) => PortError::Denied { what: format!("OpenSearch, {doing}"), source: reason.into() },
            Self::Failed(reason) | Self::Refused { detail: reason, .. } => unavailable(doing, reason),
            Self::NoIndex => unavailable(doing, "the index is gone".to_owned()),
            Self::Done | Self::Conflict => unavailable(doing, "it was not expected to be there".to_owned()),
        }
    }
}

impl Write<'_> {
    fn write(&self, to: &mut Vec<u8>) {
        let mut place = json!({"_index": self.index, "_id": self.id});
        if self.by_alias {
            place["require_alias"] = true.into();
        }
        let (action, document) = match &self.what {
            What::Put { version, document } => {
                place["version"] = (*version).into();
                ("index", Some(document))
            }
            What::Delete { version } => {
                place["version"] = (*version).into();
                ("delete", None)
            }
            What::Create { document } => ("create", Some(document)),
        };
        if action != "create" {
            place["version_type"] = "external_gte".into();
        }
        let _ = writeln!(to, "{}", json!({action: place}));
        if let Some(document) = document {
            document.write(to);
        }
    }

    /// About how long it is in a request, and not less.
    fn len(&self) -> usize {
        let document = match &self.what {
            What::Put { document, .. } | What::Create { document } => document.len(),
            What::Delete { .. } => 0,
        };
        document + self.index.len() + 2 * self.id.len() + 120
    }
}

#[derive(Deserialize)]
struct Told {
    items: Vec<Entry>,
}

/// The result of one entry, under the name of its action.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Entry {
    Index(State),
    Create(State),
    Delete(State),
}

#[derive(Deserialize)]
struct State {
    status: u16,
    error: Option<Cause>,
}

impl OpenSearch {
    /// Writes, in order, and tells what became of each. With `refresh`, what was written is found by searches from now
    /// on.
    ///
    /// What the engine has no room for now is tried again, less at a time and after a pause; nothing else is.
    pub(super) async fn write(&self, writes: &[Write<'_>], refresh: bool) -> Vec<Outcome> {
        let mut outcomes: Vec<Option<Outcome>> = writes.iter().map(|_| None).collect();
        let mut left: Vec<usize> = (0..writes.len()).collect();
        let (mut bytes, mut documents) = (self.settings.request_bytes, self.settings.request_documents);
        for attempt in 1..=self.settings.attempts.max(1) {
            if attempt > 1 {
                tokio::time::sleep(pause(self.settings.backoff, attempt - 1)).await;
            }
            for part in parts(writes, &left, bytes, documents) {
                self.write_part(writes, part, refresh, &mut outcomes).await;
            }
            left.retain(|at| matches!(outcomes[*at], Some(Outcome::Failed(_)) | None));
            if left.is_empty() {
                break;
            }
            bytes = (bytes / 2).max(1);
            documents = (documents.min(left.len()) / 2).max(1);
        }
        let silent = || Outcome::Failed("there was no answer for this document".to_owned());
        outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(silent)).collect()
    }

    /// Writes one part. One that the engine refuses whole is cut in two, until the culprit is alone.
    async fn write_part(&self, writes: &[Write<'_>], part: Vec<usize>, refresh: bool, to: &mut [Option<Outcome>]) {
        let path = format!("/_bulk?refresh={refresh}&filter_path=items.*.status,items.*.error");
        let mut parts = VecDeque::from([part]);
        while let Some(part) = parts.pop_front() {
            let mut body = Vec::with_capacity(part.iter().map(|at| writes[*at].len()).sum());
            for at in &part {
                writes[*at].write(&mut body);
            }
            let length = body.len();
            let mut all = |outcome: &dyn Fn() -> Outcome| part.iter().for_each(|at| to[*at] = Some(outcome()));
            if length > self.settings.longest_request && part.len() == 1 {
                let limit = self.settings.longest_request;
                all(&|| Outcome::Refused {
                    reason: "too-large",
                    detail: format!("it makes a request of {length} bytes, and OpenSearch takes at most {limit}"),
                });
                continue;
            }
            let answer = match self.http.send(Method::POST, &path, Content::lines(body)).await {
                Ok(answer) => answer,
                Err(error) => {
                    all(&|| Outcome::Failed(error.to_string()));
                    continue;
                }
            };
            if answer.is_success() {
                match answer.read::<Told>("writing") {
                    Ok(told) => {
                        for (at, entry) in part.iter().zip(told.items) {
                            to[*at] = Some(entry.outcome());
                        }
                    }
                    Err(error) => all(&|| Outcome::Failed(error.to_string())),
                }
                continue;
            }
            let reason = answer.reason();
            match answer.status {
                400 | 413 if part.len() > 1 => {
                    let (one, other) = part.split_at(part.len() / 2);
                    parts.push_front(other.to_vec());
                    parts.push_front(one.to_vec());
                }
                413 => all(&|| Outcome::Refused {
                    reason: "too-large",
                    detail: format!("OpenSearch takes no request of {length} bytes: {reason}"),
                }),
                400 => all(&|| Outcome::Refused { reason: "index", detail: format!("OpenSearch: {reason}") }),
                _ if answer.may_pass() || answer.kind() == BLOCKED => all(&|| Outcome::Failed(reason.clone())),
                _ => all(&|| Outcome::Denied(reason.clone())),
            }
        }
    }
}

impl Entry {
    fn outcome(self) -> Outcome {
        let (Self::Index(told) | Self::Create(told) | Self::Delete(told)) = self;
        let kind = told.error.as_ref().map_or("", |cause| cause.kind.as_str());
        match (told.status, kind) {
            (200..300, _) | (404, "") => Outcome::Done,
            (409, _) => Outcome::Conflict,
            (404, _) => Outcome::NoIndex,
            (status, kind) => {
                let said = told.error.as_ref().map_or_else(|| "without a reason".to_owned(), ToString::to_string);
                if may_pass(status) || kind == BLOCKED {
                    Outcome::Failed(format!("status {status}: {said}"))
                } else if matches!(status, 401 | 403) {
                    Outcome::Denied(format!("status {status}: {said}"))
                } else {
                    Outcome::Refused { reason: "index", detail: format!("OpenSearch refuses it: {said}") }
                }
            }
        }
    }
}

/// The writes of these positions in parts that are within the limits, or hold one write.
fn parts(writes: &[Write<'_>], positions: &[usize], bytes: usize, documents: usize) -> Vec<Vec<usize>> {
    let mut parts: Vec<Vec<usize>> = Vec::new();
    let mut length = 0;
    for at in positions {
        let more = writes[*at].len();
        match parts.last_mut() {
            Some(part) if part.len() < documents && length + more <= bytes => {
                part.push(*at);
                length += more;
            }
            _ => {
                parts.push(vec![*at]);
                length = more;
            }
        }
    }
    parts
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn put<'a>(id: &'a str, text: &'a str) -> Write<'a> {
        let document = Document { source: Some("s3://b/\"k\""), ..Document::of(text) };
        Write { index: "items_c", by_alias: true, id, what: What::Put { version: 7, document } }
    }

    #[test]
    fn a_write_is_two_lines_whatever_its_document_looks_like() {
        let mut bytes = Vec::new();
        put("a\"\n|c", "{\r\n  \"id\": \"a\\n\",\n  \"n\": 1.0\n}\n ").write(&mut bytes);
        let text = String::from_utf8(bytes).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(
            lines,
            [
                json!({"index": {"_index": "items_c", "_id": "a\"\n|c", "require_alias": true, "version": 7,
                    "version_type": "external_gte"}}),
                json!({"id": "a\n", "n": 1.0, "lazycat:source": "s3://b/\"k\""}),
            ]
        );
    }

    #[test]
    fn a_write_is_not_longer_than_what_is_counted_for_it() {
        for (id, text) in [("a", "{\"id\":1}"), ("\"\"\"\"", "{\"a\":\"\"}"), (&"é".repeat(200), "{\"id\":2}")] {
            let write = put(id, text);
            let mut bytes = Vec::new();
            write.write(&mut bytes);
            assert!(bytes.len() <= write.len(), "{} > {} for {id}", bytes.len(), write.len());
        }
    }

    #[test]
    fn parts_are_within_their_limits_or_hold_one_write() {
        let long = format!("{{\"x\":\"{}\"}}", "x".repeat(1000));
        let writes: Vec<Write<'_>> = ["a", "b", "c", "d", "e"]
            .into_iter()
            .map(|id| put(id, if id == "c" { &long } else { "{\"x\":1}" }))
            .collect();
        let all: Vec<usize> = (0..5).collect();
        assert_eq!(parts(&writes, &all, 600, 10), [vec![0, 1], vec![2], vec![3, 4]]);
        assert_eq!(parts(&writes, &all, 100_000, 2), [vec![0, 1], vec![2, 3], vec![4]]);
        assert_eq!(parts(&writes, &all, 1, 10).len(), 5);
    }
}
