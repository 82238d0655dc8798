//! The clients of the services: the one place that decides about retries and time-outs.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
#[cfg(feature = "stack")]
use aws_sdk_sqs::config::ProvideCredentials as _;

/// How often a request is tried, the first time included.
const ATTEMPTS: u32 = 4;

/// What one request may take at most, however long the function may run.
const LONGEST_OPERATION: Duration = Duration::from_secs(60);

/// One client for each service. Clones share the connections.
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
    /// Secrets.
    #[cfg(feature = "secrets")]
    pub secrets: aws_sdk_secretsmanager::Client,
    /// Stacks.
    #[cfg(feature = "stack")]
    pub cloudformation: aws_sdk_cloudformation::Client,
}

/// What the environment lacks.
#[cfg(feature = "stack")]
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// There is no region.
    #[error("no AWS region is set; set AWS_REGION, or a region in the profile that AWS_PROFILE names")]
    Region,
    /// There are no credentials.
    #[error(
        "there are no AWS credentials: {0}; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or sign in \
         with `aws sso login`"
    )]
    Credentials(String),
}

/// How long a request may take.
///
/// A use case makes a handful of calls one after the other. They fit because they are not all slow at once; when they
/// are, the function is ended by its own time-out, and its messages come back: the protocol allows that at any point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeOuts {
    operation: Duration,
}

impl TimeOuts {
    /// Time-outs for a function that may run for `function`: a request with all its attempts takes at most a third of
    /// it, and never more than a minute; one attempt at most a third of that.
    #[must_use]
    pub fn within(function: Duration) -> Self {
        Self { operation: (function / 3).min(LONGEST_OPERATION) }
    }

    /// For a request with all its attempts.
    #[must_use]
    pub fn operation(&self) -> Duration {
        self.operation
    }

    /// For one attempt: to the first byte of a body that is streamed.
    #[must_use]
    pub fn attempt(&self) -> Duration {
        self.operation / 3
    }
}

/// Pinned, so that a newer SDK changes nothing by itself.
pub(super) fn behaviour() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

impl Clients {
    /// Clients as the environment says: region, credentials, and for an emulator `AWS_ENDPOINT_URL`. Where that is an
    /// IP address, buckets are named in the path, as they cannot be in the host.
    ///
    /// Without a region or credentials the clients are made, and their requests fail.
    pub async fn load(time: TimeOuts) -> Self {
        let config = aws_config::defaults(behaviour()).load().await;
        Self::new(&config, time)
    }

    /// [`Clients::load`] for somebody at a terminal, who is told at once what his environment lacks.
    ///
    /// # Errors
    ///
    /// [`SetUpError`].
    #[cfg(feature = "stack")]
    pub async fn load_checked(time: TimeOuts) -> Result<Self, SetUpError> {
        let config = aws_config::defaults(behaviour()).load().await;
        if config.region().is_none() {
            return Err(SetUpError::Region);
        }
        let credentials = config.credentials_provider().ok_or(SetUpError::Credentials("there are none".to_owned()))?;
        match credentials.provide_credentials().await {
            Ok(_) => Ok(Self::new(&config, time)),
            Err(error) => Err(SetUpError::Credentials(super::failure::chain(&error))),
        }
    }

    /// Clients of a configuration that is made already; its retries and time-outs are replaced.
    #[must_use]
    pub fn new(config: &SdkConfig, time: TimeOuts) -> Self {
        let attempt = time.attempt();
        let timeouts = TimeoutConfig::builder()
            .operation_timeout(time.operation())
            .operation_attempt_timeout(attempt)
            .connect_timeout(attempt)
            .build();
        // A body that stops in the midst is no answer either.
        let stalled = StalledStreamProtectionConfig::enabled().grace_period(attempt).build();
        let config = config
            .to_builder()
            .behavior_version(behaviour())
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS).with_max_backoff(attempt))
            .timeout_config(timeouts)
            .stalled_stream_protection(stalled)
            .build();
        Self {
            s3: aws_sdk_s3::Client::new(&config),
            sqs: aws_sdk_sqs::Client::new(&config),
            sns: aws_sdk_sns::Client::new(&config),
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            #[cfg(feature = "secrets")]
            secrets: aws_sdk_secretsmanager::Client::new(&config),
            #[cfg(feature = "stack")]
            cloudformation: aws_sdk_cloudformation::Client::new(&config),
        }
    }
}
