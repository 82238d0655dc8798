//! The adapters over AWS, on an emulator.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType::S as Text,
};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_sqs::types::QueueAttributeName::VisibilityTimeout;
use chrono::DateTime;
use lazycat::aws::{CatalogBucket, Checkpoints, Clients, DeadLetterQueue, DirtyLevels, Queue, SourceBuckets, Topics};
use lazycat::level::{Level, Mark, Token};
use lazycat::ports::{KeepCheckpoints as _, MarkLevels as _, ReadMarks as _};
use lazycat_tests::conformance::{Runtime, SOURCE, SOURCE_BUCKET, VISIBILITY_SECONDS, World};
use lazycat_tests::ministack::{Ministack, clients};
use tokio::sync::OnceCell;

type Aws = World<CatalogBucket, DirtyLevels, Queue, DeadLetterQueue, SourceBuckets, Topics>;

/// A world on the emulator that all tests share. Nobody moves its time.
fn shared(entries_a_page: Option<u16>) -> Aws {
    let runtime = runtime();
    let ministack = Ministack::shared();
    let source = runtime.block_on(source(ministack));
    let advance = Box::new(|_| panic!("the time is shared"));
    let world = runtime.block_on(world(&ministack.account(), source, entries_a_page, advance));
    Aws { runtime: Runtime::Tokio(runtime), ..world }
}

/// A world on an emulator of its own, whose time can be moved. It has no scene metadata.
fn alone() -> Aws {
    let runtime = runtime();
    let ministack = Arc::new(Ministack::start());
    let account = ministack.account();
    let source = SourceBuckets::new(account.s3.clone());
    let clock = Arc::clone(&ministack);
    let advance = Box::new(move |seconds| clock.advance(seconds));
    let world = runtime.block_on(world(&account, source, None, advance));
    Aws { runtime: Runtime::Tokio(runtime), keep: Box::new(ministack), ..world }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Scene metadata, which nobody changes, in an account of its own.
async fn source(ministack: &Ministack) -> SourceBuckets {
    static FILLED: OnceCell<()> = OnceCell::const_new();
    let s3 = clients(&ministack.endpoint(), "000000000001").s3;
    let fill = async || {
        s3.create_bucket().bucket(SOURCE_BUCKET).send().await.unwrap();
        for (key, content) in SOURCE {
            let body = ByteStream::from_static(content.as_bytes());
            s3.put_object().bucket(SOURCE_BUCKET).key(key).body(body).send().await.unwrap();
        }
    };
    FILLED.get_or_init(fill).await;
    SourceBuckets::new(s3)
}

async fn world(
    account: &Clients,
    source: SourceBuckets,
    entries_a_page: Option<u16>,
    advance: Box<dyn Fn(u32)>,
) -> Aws {
    // Names of buckets are everybody's.
    static LAST: AtomicU32 = AtomicU32::new(0);
    let bucket = format!("catalog-{}", LAST.fetch_add(1, Ordering::Relaxed));
    account.s3.create_bucket().bucket(&bucket).send().await.unwrap();
    let mut objects = CatalogBucket::new(account.s3.clone(), bucket);
    let mut marks = DirtyLevels::new(account.dynamodb.clone(), table(account).await);
    if let Some(entries) = entries_a_page {
        objects = objects.with_keys_a_page(entries);
        marks = marks.with_marks_a_page(entries);
    }
    Aws {
        objects,
        marks,
        queue: Queue::new(account.sqs.clone(), queue(account, "scenes").await),
        letters: DeadLetterQueue::new(account.sqs.clone(), queue(account, "letters").await),
        source,
        topic: Topics::new(
            account.sns.clone(),
            topic(account, "items").await,
            topic(account, "reprocessed").await,
            "https://example.com/stac/",
        ),
        advance,
        runtime: Runtime::Thread,
        keep: Box::new(()),
    }
}

async fn table(account: &Clients) -> &'static str {
    table_of(account, "dirty-levels", "level").await
}

/// A table with this key.
async fn table_of(account: &Clients, name: &'static str, key: &str) -> &'static str {
    let attribute = AttributeDefinition::builder().attribute_name(key).attribute_type(Text).build().unwrap();
    let key = KeySchemaElement::builder().attribute_name(key).key_type(KeyType::Hash).build().unwrap();
    let request = account.dynamodb.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    request.attribute_definitions(attribute).key_schema(key).send().await.unwrap();
    name
}

/// Checkpoints in the table of dirty levels.
fn checkpoints() -> (Runtime, Checkpoints) {
    let runtime = runtime();
    let account = Ministack::shared().account();
    let table = runtime.block_on(table(&account));
    (Runtime::Tokio(runtime), Checkpoints::new(account.dynamodb, table))
}

/// Checkpoints in a table of their own.
fn checkpoints_alone() -> (Runtime, Checkpoints) {
    let runtime = runtime();
    let account = Ministack::shared().account();
    let table = runtime.block_on(table_of(&account, "filed-items", "name"));
    (Runtime::Tokio(runtime), Checkpoints::alone(account.dynamodb, table))
}

async fn queue(account: &Clients, name: &str) -> String {
    let request = account.sqs.create_queue().queue_name(name);
    let answer = request.attributes(VisibilityTimeout, VISIBILITY_SECONDS.to_string()).send().await.unwrap();
    answer.queue_url.unwrap()
}

async fn topic(account: &Clients, name: &str) -> String {
    account.sns.create_topic().name(name).send().await.unwrap().topic_arn.unwrap()
}

lazycat_tests::conformance!(shared(None); alone());

mod with_one_entry_a_page {
    lazycat_tests::conformance!(pages of super::shared(Some(1)));
}

mod with_three_entries_a_page {
    lazycat_tests::conformance!(pages of super::shared(Some(3)));
}

mod checkpoints {
    lazycat_tests::conformance!(checkpoints of super::checkpoints());
}

mod checkpoints_alone {
    lazycat_tests::conformance!(checkpoints of super::checkpoints_alone());
}

#[test]
fn a_mover_passes_checkpoints_over() {
    runtime().block_on(async {
        let account = Ministack::shared().account();
        let table = table(&account).await;
        let mark = Mark { level: Level::root(), token: Token("t".to_owned()), since: DateTime::UNIX_EPOCH };
        let marks = DirtyLevels::new(account.dynamodb.clone(), table);
        marks.mark(std::slice::from_ref(&mark)).await.remove(0).unwrap();
        Checkpoints::new(account.dynamodb, table).keep("job", "{}", None).await.unwrap();
        assert_eq!(marks.scan(None).await.unwrap().marks, [mark]);
    });
}
