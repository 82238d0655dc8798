//! What AWS takes for a request: the one table of prices.

use serde::Serialize;

/// The region of the prices.
pub const REGION: &str = "us-east-1";

/// When these were the list prices: on demand, without the free tier. Look them up before you rely on them.
pub const AS_OF: &str = "early 2025";

/// What has a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// A GET or HEAD of S3.
    Get,
    /// A PUT of S3.
    Put,
    /// A page of a listing of S3.
    List,
    /// A message published, of at most 64 KB.
    Publish,
    /// A write to the table, of at most 1 KB.
    TableWrite,
    /// A consistent read of at most 4 KB of the table.
    TableRead,
    /// A request to a queue: one message or a batch, at most 64 KB.
    Queue,
    /// An invocation of a function.
    Invocation,
    /// A second of a function of one gigabyte, on arm64.
    GigabyteSecond,
    /// An invocation by the schedule.
    Tick,
}

/// The price of one kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Price {
    /// What has it.
    pub of: Unit,
    /// The service.
    pub service: &'static str,
    /// What it is for, in words.
    pub what: &'static str,
    /// US dollars for a million of them.
    pub a_million: f64,
    /// The page that says so.
    pub source: &'static str,
}

const S3: &str = "https://aws.amazon.com/s3/pricing/";
const SNS: &str = "https://aws.amazon.com/sns/pricing/";
const SQS: &str = "https://aws.amazon.com/sqs/pricing/";
const DYNAMODB: &str = "https://aws.amazon.com/dynamodb/pricing/on-demand/";
const LAMBDA: &str = "https://aws.amazon.com/lambda/pricing/";
const SCHEDULER: &str = "https://aws.amazon.com/eventbridge/pricing/";
const CLOUDWATCH: &str = "https://aws.amazon.com/cloudwatch/pricing/";

/// The prices.
#[rustfmt::skip]
pub const PRICES: [Price; 10] = [
    price(Unit::Get,            "S3",        "GET, HEAD",          0.40,      S3),
    price(Unit::Put,            "S3",        "PUT",                5.00,      S3),
    price(Unit::List,           "S3",        "LIST",               5.00,      S3),
    price(Unit::Publish,        "SNS",       "publications",       0.50,      SNS),
    price(Unit::Queue,          "SQS",       "requests",           0.40,      SQS),
    price(Unit::TableWrite,     "DynamoDB",  "writes",             0.625,     DYNAMODB),
    price(Unit::TableRead,      "DynamoDB",  "scans",              0.125,     DYNAMODB),
    price(Unit::Invocation,     "Lambda",    "invocations",        0.20,      LAMBDA),
    price(Unit::GigabyteSecond, "Lambda",    "GB s",              13.3334,    LAMBDA),
    price(Unit::Tick,           "Scheduler", "invocations",        1.00,      SCHEDULER),
];

const fn price(of: Unit, service: &'static str, what: &'static str, a_million: f64, source: &'static str) -> Price {
    Price { of, service, what, a_million, source }
}

/// What is to be paid each month, also when nothing happens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Standing {
    /// The service.
    pub service: &'static str,
    /// What it is for, in words.
    pub what: &'static str,
    /// How many a month.
    pub count: f64,
    /// US dollars a month.
    pub dollars: f64,
    /// The page that says so.
    pub source: &'static str,
}

/// What is to be paid each month, also when nothing happens.
#[rustfmt::skip]
pub const FIXED: [Standing; 2] = [
    // Lambda polls with five connections that wait for 20 s each.
    Standing { service: "SQS", what: "polling of two queues that are empty", count: 1_296_000.0, dollars: 0.5184, source: SQS },
    Standing { service: "CloudWatch", what: "18 metrics, 12 alarms, a dashboard", count: 31.0, dollars: 9.60, source: CLOUDWATCH },
];
