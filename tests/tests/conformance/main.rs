//! Every set of adapters keeps the promises of the ports; the embedded ones keep some more.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod aws;
mod embedded;
mod processes;
mod sources;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::DateTime;
use lazycat::local::{self, Folder, Now, Options, QueueName};
use lazycat_tests::conformance::{Runtime, SOURCE, SOURCE_BUCKET, VISIBILITY_SECONDS, World};
use tempfile::TempDir;

type Memory = World<
    lazycat::memory::Objects,
    lazycat::memory::Marks,
    lazycat::memory::Queue,
    lazycat::memory::Letters,
    lazycat::memory::Sources,
    lazycat::memory::Topic,
>;

fn memory(entries_a_page: Option<usize>) -> Memory {
    let memory = lazycat::memory::Memory::new(7);
    if let Some(entries) = entries_a_page {
        memory.objects.set_keys_a_page(entries);
        memory.marks.set_marks_a_page(entries);
    }
    memory.scenes.set_visibility_seconds(VISIBILITY_SECONDS);
    for (key, content) in SOURCE {
        memory.sources.insert(SOURCE_BUCKET, key, content);
    }
    let time = memory.time.clone();
    World {
        letters: memory.scenes.letters(),
        objects: memory.objects,
        marks: memory.marks,
        queue: memory.scenes,
        source: memory.sources,
        topic: memory.topic,
        advance: Box::new(move |seconds| time.advance(seconds * 1_000)),
        runtime: Runtime::Thread,
        keep: Box::new(()),
    }
}

type Embedded = World<local::Directory, local::State, local::Queue, local::DeadLetters, Folder, local::ItemLog>;

fn embedded(entries_a_page: Option<usize>) -> Embedded {
    let folder = TempDir::new().unwrap();
    let source = folder.path().join("source");
    for (key, content) in SOURCE {
        let path = source.join(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    let seconds = Arc::new(AtomicI64::new(1_500_000_000));
    let clock = Arc::clone(&seconds);
    let options = Options {
        visibility: Duration::from_secs(VISIBILITY_SECONDS.into()),
        names_a_page: entries_a_page,
        marks_a_page: entries_a_page.unwrap_or(Options::default().marks_a_page),
        now: Now::new(move || DateTime::from_timestamp(clock.load(Ordering::SeqCst), 0).unwrap()),
        ..Options::default()
    };
    let local = local::open_with(folder.path().join("catalog"), options).unwrap();
    World {
        queue: local.state.queue(QueueName::Scenes),
        letters: local.state.dead_letters(QueueName::Scenes),
        objects: local.directory,
        marks: local.state,
        source: Folder::new(source),
        topic: local.log,
        advance: Box::new(move |more| {
            seconds.fetch_add(more.into(), Ordering::SeqCst);
        }),
        runtime: Runtime::Thread,
        keep: Box::new(folder),
    }
}

mod memory_adapters {
    lazycat_tests::conformance!(super::memory(None));
}

mod checkpoints_in_memory {
    use super::Runtime;
    lazycat_tests::conformance!(checkpoints of (Runtime::Thread, lazycat::memory::Memory::new(7).checkpoints));
}

mod checkpoints_in_the_state_file {
    use super::{Runtime, local};

    /// The state, and the folder that it stands in.
    struct InAFolder(local::State, #[allow(dead_code)] tempfile::TempDir);

    fn state() -> InAFolder {
        let folder = tempfile::TempDir::new().unwrap();
        InAFolder(local::open(folder.path()).unwrap().state, folder)
    }

    impl lazycat::ports::KeepCheckpoints for InAFolder {
        async fn checkpoint(&self, name: &str) -> lazycat::ports::PortResult<Option<String>> {
            self.0.checkpoint(name).await
        }

        async fn keep(&self, name: &str, document: &str, expected: Option<&str>) -> lazycat::ports::PortResult<()> {
            self.0.keep(name, document, expected).await
        }

        async fn forget(&self, name: &str, expected: &str) -> lazycat::ports::PortResult<()> {
            self.0.forget(name, expected).await
        }
    }

    lazycat_tests::conformance!(checkpoints of (Runtime::Thread, state()));
}

mod memory_adapters_with_one_entry_a_page {
    lazycat_tests::conformance!(super::memory(Some(1)));
}

mod memory_adapters_with_three_entries_a_page {
    lazycat_tests::conformance!(super::memory(Some(3)));
}

mod embedded_adapters {
    lazycat_tests::conformance!(super::embedded(None));
}

mod embedded_adapters_with_one_entry_a_page {
    lazycat_tests::conformance!(super::embedded(Some(1)));
}

mod embedded_adapters_with_three_entries_a_page {
    lazycat_tests::conformance!(super::embedded(Some(3)));
}
