//! The adapters over AWS: the ports over S3, SQS, SNS and DynamoDB.
//!
//! [`Clients::load`] makes the clients, the only place that knows of regions, retries and time-outs. Each adapter takes
//! the one client that it needs: [`CatalogBucket`] and [`SourceBuckets`] S3, [`DirtyLevels`] and [`Checkpoints`]
//! DynamoDB, [`Queue`],
//! [`LevelQueue`] and [`DeadLetterQueue`] SQS, [`Topics`] SNS. [`World`] is the machine's own.
//!
//! The futures need a tokio runtime.

#[cfg(all(feature = "secrets", feature = "opensearch"))]
mod access;
mod batch;
mod catalog;
mod checkpoints;
mod clients;
#[cfg(feature = "search")]
mod documents;
mod failure;
#[cfg(all(feature = "secrets", feature = "pgstac", feature = "opensearch"))]
mod index;
mod letters;
mod listing;
#[cfg(feature = "generators")]
mod made;
mod object;
mod queue;
#[cfg(all(feature = "secrets", feature = "pgstac"))]
mod secrets;
mod source;
#[cfg(feature = "stack")]
mod stack;
#[cfg(feature = "stack")]
mod status;
mod table;
mod topics;
mod world;

#[cfg(all(feature = "secrets", feature = "opensearch"))]
pub use self::access::SearchAccess;
pub use self::catalog::CatalogBucket;
pub use self::checkpoints::Checkpoints;
#[cfg(feature = "stack")]
pub use self::clients::SetUpError;
pub use self::clients::{Clients, TimeOuts};
#[cfg(feature = "search")]
pub use self::documents::Documents;
#[cfg(all(feature = "secrets", feature = "pgstac", feature = "opensearch"))]
pub use self::index::{AuditedIndex, Database, IndexPlace, IndexUser};
pub use self::letters::DeadLetterQueue;
#[cfg(feature = "generators")]
pub use self::made::{MadeBucket, MadeTopic};
pub use self::queue::{LevelQueue, Queue, Queues};
#[cfg(all(feature = "secrets", feature = "pgstac"))]
pub use self::secrets::DatabaseSecret;
pub use self::source::SourceBuckets;
#[cfg(feature = "stack")]
pub use self::stack::{Stack, StackError};
#[cfg(feature = "stack")]
pub use self::status::status;
pub use self::table::DirtyLevels;
pub use self::topics::Topics;
pub use self::world::World;
