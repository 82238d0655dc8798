//! The clients of the services.

use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;

/// One client for each service.
#[derive(Debug, Clone)]
pub struct Clients {
    /// Objects.
    pub s3: aws_sdk_s3::Client,
    /// Queues.
    pub sqs: aws_sdk_sqs::Client,
    /// Topics.
    pub sns: aws_sdk_sns::Client,
    /// Tables.
    pub dynamodb: aws_sdk_dynamodb::Client,
}

/// How long a request may take, retries included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeOuts {
    attempt: Duration,
    operation: Duration,
}

impl TimeOuts {
    /// Time-outs for a function that may run this long.
    #[must_use]
    pub fn within(function: Duration) -> Self {
        Self { attempt: function / 12, operation: function / 4 }
    }
}

impl Clients {
    /// Clients from the environment: region, credentials and, for an emulator, `AWS_ENDPOINT_URL`.
    pub async fn load(time: TimeOuts) -> Self {
        let timeouts =
            TimeoutConfig::builder().operation_timeout(time.operation).operation_attempt_timeout(time.attempt).build();
        let config = aws_config::defaults(BehaviorVersion::latest())
            .retry_config(RetryConfig::standard())
            .timeout_config(timeouts)
            .load()
            .await;
        Self {
            s3: aws_sdk_s3::Client::new(&config),
            sqs: aws_sdk_sqs::Client::new(&config),
            sns: aws_sdk_sns::Client::new(&config),
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
        }
    }
}
