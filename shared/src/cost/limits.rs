//! Which limits of the services a catalog meets, and at how many scenes a second.

use serde::Serialize;

use super::{SECONDS_EACH, Workload};

/// A limit of a service.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Limit {
    /// The service.
    pub service: &'static str,
    /// What is bounded, and by how much.
    pub what: String,
    /// From how many scenes a second on it holds them up.
    pub scenes_a_second: f64,
    /// How to raise it.
    pub remedy: &'static str,
    /// The page that says so; none for a setting of the stack's own.
    pub source: Option<&'static str>,
}

const S3: &str = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html";
const DYNAMODB: &str = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html";
const ON_DEMAND: &str = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html";
const LAMBDA: &str = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html";

/// How many messages an invocation takes at once, as the template has it.
const BATCH: f64 = 10.0;

/// The limits that scenes meet, the lowest first. They hold scenes up and lose none: what is throttled is tried again.
#[must_use]
pub fn limits(workload: &Workload) -> Vec<Limit> {
    let concurrency = workload.concurrency as f64;
    let limit = |service, what: String, scenes_a_second, remedy, source| Limit {
        service,
        what,
        scenes_a_second,
        remedy,
        source,
    };
    let mut limits = vec![
        limit(
            "Lambda",
            format!("{} invocations about scenes at once, if each scene takes {SECONDS_EACH} s", workload.concurrency),
            concurrency / SECONDS_EACH,
            "the stack's parameter Concurrency",
            None,
        ),
        limit(
            "Lambda",
            "1,000 invocations of all functions of the account at once".to_owned(),
            // Scenes and levels have as many each.
            1_000.0 / 2.0 / SECONDS_EACH,
            "a quota that AWS raises on request",
            Some(LAMBDA),
        ),
        limit(
            "S3",
            "3,500 PUT a second below one prefix, until S3 has split it".to_owned(),
            3_500.0,
            "wait: S3 splits a prefix that stays busy; a reprocess in the order of keys writes to one at a time",
            Some(S3),
        ),
        limit(
            "DynamoDB",
            "4,000 writes a second to a new table on demand; it doubles what it has seen".to_owned(),
            // At the dearest each scene is a batch of its own and marks its row; a mark is removed again.
            4_000.0 / 2.0,
            "a warm throughput for the table",
            Some(ON_DEMAND),
        ),
        limit(
            "DynamoDB",
            "1,000 writes a second to one key: a row that each batch of ten scenes marks".to_owned(),
            1_000.0 * BATCH,
            "none is needed: only scenes of one and the same row meet it",
            Some(DYNAMODB),
        ),
    ];
    limits.sort_by(|one, other| one.scenes_a_second.total_cmp(&other.scenes_a_second));
    limits
}
