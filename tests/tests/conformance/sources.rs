//! Listings of scene metadata, by every adapter that gives one.

use std::path::Path;

use aws_sdk_s3::primitives::ByteStream;
use futures::executor::block_on;
use lazycat::aws::SourceBuckets;
use lazycat::embedded::scan::FolderBuckets;
use lazycat::memory::Memory;
use lazycat::ports::{ListSource, ReadSource as _, SourceObject};
use lazycat_tests::conformance::sources::{self, BUCKET, KEYS};
use lazycat_tests::ministack::Ministack;
use tempfile::TempDir;

async fn keeps_every_promise<S: ListSource>(source: &S) {
    sources::all_keys_are_listed_once_and_ascending_by_their_bytes(source).await;
    sources::a_listing_is_of_the_keys_that_start_with_its_prefix(source).await;
    sources::a_listing_goes_on_behind_any_key(source).await;
    sources::a_bucket_that_is_not_there_is_not_found(source).await;
}

#[test]
fn in_memory() {
    for keys_a_page in [1, 2, 1_000] {
        let sources = Memory::new(7).sources;
        sources.set_keys_a_page(keys_a_page);
        KEYS.iter().for_each(|key| sources.insert(BUCKET, *key, "content"));
        block_on(keeps_every_promise(&sources));
    }
}

#[test]
fn on_aws() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let s3 = Ministack::shared().account().s3;
        s3.create_bucket().bucket(BUCKET).send().await.unwrap();
        for key in KEYS {
            s3.put_object().bucket(BUCKET).key(key).body(ByteStream::from_static(b"content")).send().await.unwrap();
        }
        for keys_a_page in [1, 2, 1_000] {
            keeps_every_promise(&SourceBuckets::new(s3.clone()).with_keys_a_page(keys_a_page)).await;
        }
    });
}

fn write(base: &Path, below: &str) {
    let path = base.join(below);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, below).unwrap();
}

/// A folder with the files of [`KEYS`], each where `place` says.
fn folder(place: impl Fn(usize, &str) -> String) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (at, key) in KEYS.iter().enumerate() {
        write(folder.path(), &place(at, key));
    }
    // What is no scene metadata plays no part.
    write(folder.path(), "CBERS4/README.txt");
    write(folder.path(), ".hidden/CBERS_4_MUX_20170618_058_121_L2_BAND6.xml");
    folder
}

fn a_folder_keeps_every_promise(place: impl Fn(usize, &str) -> String) {
    let folder = folder(place);
    for objects_a_page in [1, 2, 1_000] {
        let buckets = FolderBuckets::new(folder.path(), Some(BUCKET.to_owned())).with_objects_a_page(objects_a_page);
        block_on(keeps_every_promise(&buckets));
    }
}

fn file(key: &str) -> &str {
    key.rsplit_once('/').unwrap().1
}

#[test]
fn of_a_folder_that_is_laid_out_as_the_bucket() {
    a_folder_keeps_every_promise(|_, key| key.to_owned());
}

#[test]
fn of_a_flat_folder() {
    a_folder_keeps_every_promise(|_, key| file(key).to_owned());
}

/// Two scenes have one quicklook: it stands beside each.
#[test]
fn of_a_folder_of_folders_and_of_one_that_is_both() {
    a_folder_keeps_every_promise(|at, key| {
        format!("{}/{}", ["b", "a-b", "a"][usize::from(at >= 4) + usize::from(at >= 7)], file(key))
    });
    a_folder_keeps_every_promise(|at, key| {
        if [0, 1, 4, 6].contains(&at) { key.to_owned() } else { format!("new/{}", file(key)) }
    });
}

#[test]
fn a_listed_file_is_read_where_it_stands() {
    let folder = folder(|_, key| format!("incoming/{}", file(key)));
    let buckets = FolderBuckets::new(folder.path(), Some(BUCKET.to_owned()));
    let listed = block_on(buckets.list(BUCKET, KEYS[4], None)).unwrap().objects.remove(0);
    let object = SourceObject { bucket: BUCKET.to_owned(), key: listed.key, file: listed.file };
    let read = block_on(lazycat::local::Folder::new(folder.path()).read(&[object], 1_000)).remove(0).unwrap();
    assert_eq!(read, format!("incoming/{}", file(KEYS[4])).into_bytes());
}

#[test]
fn a_scene_is_in_the_bucket_of_its_satellite_alone() {
    let amazonia = "AMAZONIA_1_WFI_20220811_036_018_L4_BAND2.xml";
    let folder = folder(|_, key| key.to_owned());
    write(folder.path(), amazonia);
    write(folder.path(), "no scene.xml");
    let buckets = FolderBuckets::new(folder.path(), None).with_objects_a_page(1);
    assert_eq!(buckets.names(), ["amazonia-pds", "cbers-pds"]);
    let keys = |bucket: &str| {
        let mut keys: Vec<String> = Vec::new();
        loop {
            let page = block_on(buckets.list(bucket, "", keys.last().map(String::as_str))).unwrap();
            keys.extend(page.objects.into_iter().map(|object| object.key));
            if !page.more {
                return keys;
            }
        }
    };
    assert_eq!(keys("cbers-pds"), KEYS);
    let of_amazonia = format!("AMAZONIA1/WFI/036/018/AMAZONIA_1_WFI_20220811_036_018_L4/{amazonia}");
    assert_eq!(keys("amazonia-pds"), [of_amazonia, "no scene.xml".to_owned()]);
}

/// Whoever compares would take its scenes for gone.
#[test]
fn a_folder_that_cannot_be_read_fails_the_listing() {
    let gone = FolderBuckets::new("/nowhere/at/all", None);
    assert!(block_on(gone.list("cbers-pds", "", None)).is_err());
}
