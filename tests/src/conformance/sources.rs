//! Promises about listings of scene metadata.

use lazycat::ports::{ListSource, ListedObject, PortError};

use super::done;

/// The bucket that is listed.
pub const BUCKET: &str = "archive";

/// The keys in it, in order: scenes of two levels of one day, of rows and satellites whose names begin alike, with what
/// stands beside their XML.
pub const KEYS: [&str; 9] = [
    "CBERS4/MUX/057/121/CBERS_4_MUX_20170618_057_121_L2/CBERS_4_MUX_20170618_057_121.jpg",
    "CBERS4/MUX/057/121/CBERS_4_MUX_20170618_057_121_L2/CBERS_4_MUX_20170618_057_121_L2_BAND6.xml",
    "CBERS4/MUX/057/121/CBERS_4_MUX_20170618_057_121_L2B/CBERS_4_MUX_20170618_057_121.jpg",
    "CBERS4/MUX/057/121/CBERS_4_MUX_20170618_057_121_L2B/CBERS_4_MUX_20170618_057_121_L2B_BAND6.xml",
    "CBERS4/MUX/057/122/CBERS_4_MUX_20170618_057_122_L2/CBERS_4_MUX_20170618_057_122_L2_BAND6.xml",
    "CBERS4/MUX/057/122/CBERS_4_MUX_20180101_057_122_L2/CBERS_4_MUX_20180101_057_122_L2_BAND6.xml",
    "CBERS4/PAN5M/219/050/CBERS_4_PAN5M_20161009_219_050_L2/CBERS_4_PAN5M_20161009_219_050_L2_BAND1.xml",
    "CBERS4A/WPM/209/139/CBERS_4A_WPM_20200730_209_139_L4/CBERS_4A_WPM_20200730_209_139.png",
    "CBERS4A/WPM/209/139/CBERS_4A_WPM_20200730_209_139_L4/CBERS_4A_WPM_20200730_209_139_L4_BAND2.xml",
];

/// All objects of a prefix behind a key, page by page. Pages keep to what is said of them.
async fn all<S: ListSource>(source: &S, prefix: &str, after: Option<&str>) -> Vec<ListedObject> {
    let mut objects: Vec<ListedObject> = Vec::new();
    loop {
        let last = objects.last().map(|object| object.key.clone());
        let page = done(source.list(BUCKET, prefix, last.as_deref().or(after)).await);
        assert!(!page.more || !page.objects.is_empty(), "a page with more behind it is empty");
        objects.extend(page.objects);
        if !page.more {
            return objects;
        }
    }
}

async fn keys<S: ListSource>(source: &S, prefix: &str, after: Option<&str>) -> Vec<String> {
    all(source, prefix, after).await.into_iter().map(|object| object.key).collect()
}

/// Whatever a page holds.
pub async fn all_keys_are_listed_once_and_ascending_by_their_bytes<S: ListSource>(source: &S) {
    assert_eq!(keys(source, "", None).await, KEYS);
}

/// A prefix may end anywhere in a key.
pub async fn a_listing_is_of_the_keys_that_start_with_its_prefix<S: ListSource>(source: &S) {
    let prefixes = ["CBERS4/", "CBERS4", "CBERS4/MUX/057/121/", "CBERS4/MUX/057/12", "CBERS4A/WPM/209", KEYS[3], "C"];
    for prefix in prefixes.into_iter().chain(["LANDSAT8/", "CBERS4/MUX/058/", "CBERS4/MUX/057/121/x", "D"]) {
        let expected: Vec<&str> = KEYS.into_iter().filter(|key| key.starts_with(prefix)).collect();
        assert_eq!(keys(source, prefix, None).await, expected, "{prefix}");
    }
}

/// Also one that is not there, or that stands before or behind all of the prefix.
pub async fn a_listing_goes_on_behind_any_key<S: ListSource>(source: &S) {
    let others = ["A", "CBERS4/MUX/057/121", "CBERS4/MUX/057/121/CBERS_4_MUX_20170618_057_121_L2/", "CBERS4/N", "Z"];
    for after in KEYS.into_iter().chain(others) {
        for prefix in ["", "CBERS4/MUX/"] {
            let is_behind = |key: &&str| key.starts_with(prefix) && *key > after;
            let expected: Vec<&str> = KEYS.into_iter().filter(is_behind).collect();
            assert_eq!(keys(source, prefix, Some(after)).await, expected, "{prefix} behind {after}");
        }
    }
}

/// And so not an empty one.
pub async fn a_bucket_that_is_not_there_is_not_found<S: ListSource>(source: &S) {
    let listed = source.list("nobodys-bucket", "", None).await;
    assert!(matches!(listed, Err(PortError::NotFound { .. })), "{listed:?}");
}
