//! Our own generator: items of scenes, in process.
//!
//! It is asked as any other: `{"generator": "scenes", "input": {"bucket": "cbers-pds", "key": "CBERS4/MUX/…_BAND6.xml"}}`,
//! with the key of a scene's XML, or of its quicklook. In a folder, `file` says where the XML is.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::ports::{GeneratorError, Job, RunGenerators};
use super::request::Task;
use crate::generate::{self, Settings};
use crate::message::SceneRecord;
use crate::ports::{ReadSource, SourceObject};

/// The name that requests call it by.
pub const NAME: &str = "scenes";

/// Our own generator, and others beside it.
#[derive(Debug)]
pub struct WithScenes<S, G> {
    /// Where scene metadata is read.
    pub source: S,
    /// Which buckets scenes are taken from.
    pub settings: Settings,
    /// Who works on requests that are not for [`NAME`].
    pub others: G,
}

/// What a request says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    bucket: String,
    key: String,
    #[serde(default)]
    file: Option<String>,
    #[serde(default)]
    quicklook: Option<String>,
}

impl<S: ReadSource + Sync, G> WithScenes<S, G> {
    async fn scene(&self, input: &Value) -> Result<String, GeneratorError> {
        let input = Input::deserialize(input).map_err(|error| {
            let expected = "expected bucket and key of a scene's XML or quicklook";
            GeneratorError::permanent("arguments", format!("the input of {NAME:?}: {error}; {expected}"))
        })?;
        let record = SceneRecord {
            source: SourceObject { bucket: input.bucket, key: input.key, file: input.file },
            removed: false,
            reprocess: false,
            force: false,
            quicklook: input.quicklook,
            message_id: None,
            // Only what is published says when; an item does not.
            time: Some(DateTime::<Utc>::UNIX_EPOCH),
        };
        let item = generate::make_one(&self.source, &self.settings, record).await?;
        String::from_utf8(item.bytes).map_err(|error| GeneratorError::permanent("item", error.to_string()))
    }
}

impl<S: ReadSource + Sync, G: RunGenerators + Sync> RunGenerators for WithScenes<S, G> {
    async fn run(&self, jobs: &[Job]) -> Vec<Result<String, GeneratorError>> {
        let mut given: Vec<Option<Result<String, GeneratorError>>> = jobs.iter().map(|_| None).collect();
        let mut others = Vec::new();
        for (at, job) in jobs.iter().enumerate() {
            match &job.task {
                Task::Generator { name, input } if name == NAME => given[at] = Some(self.scene(input).await),
                _ => others.push((at, job.clone())),
            }
        }
        if !others.is_empty() {
            let (positions, jobs): (Vec<usize>, Vec<Job>) = others.into_iter().unzip();
            for (at, answer) in positions.into_iter().zip(self.others.run(&jobs).await) {
                given[at] = Some(answer);
            }
        }
        let none = || Err(GeneratorError::passing("unavailable", "there was no answer for this request"));
        given.into_iter().map(|given| given.unwrap_or_else(none)).collect()
    }
}
