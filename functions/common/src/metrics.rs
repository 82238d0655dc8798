//! Numbers for CloudWatch, in its [embedded metric format]: a line of JSON in the logs becomes metrics.
//!
//! Metrics cost by the name, so there is one dimension, the stack, and few names.
//!
//! [embedded metric format]: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html

use std::io::{self, Write as _};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

/// The namespace of all metrics.
pub const NAMESPACE: &str = "lazycat";

/// The most values of one metric that a line may hold.
const VALUES_A_LINE: usize = 100;

/// What one invocation has to tell.
#[derive(Debug, Clone)]
pub struct Metrics {
    stack: String,
    now: DateTime<Utc>,
    metrics: Vec<Metric>,
}

#[derive(Debug, Clone)]
struct Metric {
    name: &'static str,
    unit: &'static str,
    values: Vec<f64>,
}

impl Metrics {
    /// Nothing yet; `now` is when the metrics are of.
    pub fn new(stack: impl Into<String>, now: DateTime<Utc>) -> Self {
        Self { stack: stack.into(), now, metrics: Vec::new() }
    }

    /// How many there were of something.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "counts of one invocation are small")]
    pub fn count(self, name: &'static str, count: usize) -> Self {
        self.with(name, "Count", vec![count as f64])
    }

    /// How long ago each of `instants` is, in seconds; 0 when a clock that is ahead says it is yet to come.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "milliseconds of some centuries are exact")]
    pub fn seconds_since(self, name: &'static str, instants: impl IntoIterator<Item = DateTime<Utc>>) -> Self {
        let now = self.now;
        let seconds = |instant: DateTime<Utc>| (now - instant).num_milliseconds().max(0) as f64 / 1e3;
        self.with(name, "Seconds", instants.into_iter().map(seconds).collect())
    }

    fn with(mut self, name: &'static str, unit: &'static str, values: Vec<f64>) -> Self {
        if !values.is_empty() {
            self.metrics.push(Metric { name, unit, values });
        }
        self
    }

    /// The lines. There is more than one only when a metric has more values than a line may hold.
    #[must_use]
    pub fn lines(&self) -> Vec<Value> {
        let longest = self.metrics.iter().map(|metric| metric.values.len()).max().unwrap_or(0);
        (0..longest.div_ceil(VALUES_A_LINE)).map(|line| self.line(line)).collect()
    }

    fn line(&self, number: usize) -> Value {
        let mut definitions = Vec::new();
        let mut members = Map::new();
        for metric in &self.metrics {
            let Some(values) = metric.values.chunks(VALUES_A_LINE).nth(number) else { continue };
            definitions.push(json!({ "Name": metric.name, "Unit": metric.unit }));
            members.insert(metric.name.to_owned(), json!(values));
        }
        let mut line = json!({
            "_aws": {
                "Timestamp": self.now.timestamp_millis(),
                "CloudWatchMetrics": [{ "Namespace": NAMESPACE, "Dimensions": [["Stack"]], "Metrics": definitions }],
            },
            "Stack": self.stack,
        });
        if let Value::Object(line) = &mut line {
            line.append(&mut members);
        }
        line
    }

    /// Writes the lines to standard output, where Lambda takes them up.
    pub fn print(&self) {
        let mut out = io::stdout().lock();
        for line in self.lines() {
            if let Err(error) = writeln!(out, "{line}") {
                tracing::error!(%error, "the metrics cannot be written");
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_700_000_000_000 + milliseconds).unwrap()
    }

    #[test]
    fn counts_and_seconds_become_one_line_that_names_its_metrics() {
        let metrics = Metrics::new("lazycat-dev", at(2_500))
            .count("ScenesMade", 2)
            .seconds_since("SecondsToItem", [at(0), at(1_000)])
            .seconds_since("SecondsToCatalog", []);
        assert_eq!(
            metrics.lines(),
            [json!({
                "_aws": {
                    "Timestamp": 1_700_000_002_500_i64,
                    "CloudWatchMetrics": [{
                        "Namespace": "lazycat",
                        "Dimensions": [["Stack"]],
                        "Metrics": [
                            { "Name": "ScenesMade", "Unit": "Count" },
                            { "Name": "SecondsToItem", "Unit": "Seconds" },
                        ],
                    }],
                },
                "Stack": "lazycat-dev",
                "ScenesMade": [2.0],
                "SecondsToItem": [2.5, 1.5],
            })]
        );
    }

    #[test]
    fn a_line_holds_a_hundred_values_of_a_metric_and_the_rest_follow() {
        let metrics =
            Metrics::new("s", at(0)).count("ScenesMade", 250).seconds_since("SecondsToItem", vec![at(0); 250]);
        let lines = metrics.lines();
        let lengths: Vec<usize> = lines.iter().map(|line| line["SecondsToItem"].as_array().unwrap().len()).collect();
        assert_eq!(lengths, [100, 100, 50]);
        assert_eq!(lines[0]["ScenesMade"], json!([250.0]));
        assert_eq!(lines[1].get("ScenesMade"), None);
        assert_eq!(lines[1]["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn an_instant_that_is_yet_to_come_is_no_time_ago() {
        let metrics = Metrics::new("s", at(0)).seconds_since("SecondsToItem", [at(1)]);
        assert_eq!(metrics.lines()[0]["SecondsToItem"], json!([0.0]));
    }

    #[test]
    fn nothing_to_tell_is_no_line() {
        assert_eq!(Metrics::new("s", at(0)).lines(), Vec::<Value>::new());
    }
}
