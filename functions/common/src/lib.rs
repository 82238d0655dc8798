//! What the Lambda functions share, so that each of them is a screen of wiring.
//!
//! Layout:
//! - [`environment`]: typed configuration from environment variables, every fault told at once
//! - [`settings`]: the settings that several functions read, by the names of their variables
//! - [`mod@loader`]: what the loaders of search indexes share
//! - `database`: which database, for those that have one (feature `database`)
//! - `http`: requests of a function URL or of API Gateway as those of a router (feature `http`)
//! - [`batch`]: an SQS event as deliveries, worked on so that a bad record fails alone, also when it panics
//! - [`metrics`]: numbers for CloudWatch, in its embedded metric format
//! - [`logs`]: one JSON object a line
//! - [`mod@start`]: the first and the last thing that `main` does

pub mod batch;
#[cfg(feature = "database")]
pub mod database;
pub mod environment;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "search")]
pub mod loader;
pub mod logs;
pub mod metrics;
pub mod settings;
pub mod start;

pub use self::start::{Failure, start};
