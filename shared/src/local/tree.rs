//! A tree of folders in the order of keys, page by page, as a flat listing of a bucket gives it.
//!
//! Folders are read as the walk comes to them, so that memory is bounded by the names of the folders on one path. In the
//! order of keys a folder's name counts with its slash: what stands in `a-b/` comes before what stands in `a/`.

use crate::ports::{KeyPage, PortResult};

/// The names of the files in a folder, and of the folders in it with a slash behind, each sorted.
pub(crate) type Names = (Vec<String>, Vec<String>);

/// At most `most` of the keys that start with `prefix` and come behind the key `after`. `names` reads a folder, by its
/// key without slash; the empty one is the tree itself.
pub(crate) fn page(
    names: &dyn Fn(&str) -> PortResult<Names>,
    prefix: &str,
    after: Option<&str>,
    most: usize,
) -> PortResult<KeyPage> {
    let mut walk = Walk { names, prefix, after, most: most.max(1), page: KeyPage::default() };
    // No folder is read above the one that all keys of the prefix stand in.
    let start = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
    walk.folder(start)?;
    Ok(walk.page)
}

struct Walk<'a> {
    names: &'a dyn Fn(&str) -> PortResult<Names>,
    prefix: &'a str,
    after: Option<&'a str>,
    most: usize,
    page: KeyPage,
}

impl Walk<'_> {
    /// Takes what stands in a folder; whether to go on.
    fn folder(&mut self, folder: &str) -> PortResult<bool> {
        let (files, folders) = (self.names)(folder)?;
        let (mut files, mut folders) = (files.into_iter().peekable(), folders.into_iter().peekable());
        loop {
            let file_is_next = match (files.peek(), folders.peek()) {
                (None, None) => return Ok(true),
                (Some(file), Some(folder)) => file < folder,
                (file, _) => file.is_some(),
            };
            let Some(name) = (if file_is_next { files.next() } else { folders.next() }) else { return Ok(true) };
            let key = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            let go_on = if file_is_next { self.file(key) } else { self.enter(&key)? };
            if !go_on {
                return Ok(false);
            }
        }
    }

    fn file(&mut self, key: String) -> bool {
        if !key.starts_with(self.prefix) || self.after.is_some_and(|after| key.as_str() <= after) {
            return true;
        }
        if self.page.keys.len() == self.most {
            self.page.more = true;
            return false;
        }
        self.page.keys.push(key);
        true
    }

    /// Goes into a folder, `key` being its key with the slash, where keys that are asked for may stand.
    fn enter(&mut self, key: &str) -> PortResult<bool> {
        let may_hold = key.starts_with(self.prefix) || self.prefix.starts_with(key);
        let is_behind = self.after.is_none_or(|after| key > after || after.starts_with(key));
        match (may_hold && is_behind, key.strip_suffix('/')) {
            (true, Some(folder)) => self.folder(folder),
            _ => Ok(true),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn names_in(keys: &BTreeSet<String>, folder: &str) -> Names {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let (mut files, mut folders) = (Vec::new(), BTreeSet::new());
        for rest in keys.iter().filter_map(|key| key.strip_prefix(&prefix)) {
            match rest.split_once('/') {
                Some((folder, _)) => _ = folders.insert(format!("{folder}/")),
                None => files.push(rest.to_owned()),
            }
        }
        (files, folders.into_iter().collect())
    }

    proptest! {
        /// A file cannot have the name of a folder beside it; in this alphabet files end in `x`, and folders never.
        #[test]
        fn pages_put_together_are_the_keys_of_the_prefix_in_order(
            keys in proptest::collection::btree_set("([ab-]{1,2}/){0,3}[ab-]{0,2}x", 0..40),
            prefix in "(([ab-]{1,2}/){0,2}[ab-]{0,2}x?)?",
            most in 1_usize..5,
        ) {
            let names = |folder: &str| Ok(names_in(&keys, folder));
            let mut found: Vec<String> = Vec::new();
            loop {
                let page = page(&names, &prefix, found.last().map(String::as_str), most).unwrap();
                prop_assert!(page.keys.len() <= most && (!page.more || page.keys.len() == most));
                found.extend(page.keys);
                if !page.more {
                    break;
                }
            }
            let expected: Vec<String> = keys.iter().filter(|key| key.starts_with(&prefix)).cloned().collect();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn any_key_will_do_to_go_on_from(
            keys in proptest::collection::btree_set("([ab-]{1,2}/){0,3}[ab-]{0,2}x", 0..40),
            after in "([ab-]{1,2}/){0,3}[abx-]{0,2}",
        ) {
            let found = page(&|folder| Ok(names_in(&keys, folder)), "", Some(&after), 100).unwrap();
            let expected: Vec<String> = keys.iter().filter(|key| **key > after).cloned().collect();
            prop_assert_eq!(found.keys, expected);
        }
    }
}
