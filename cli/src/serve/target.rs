//! From the path of a request to a path inside the served directory: pure, no look at the disk.

use std::path::{Component, Path, PathBuf};

use percent_encoding::percent_decode_str;

/// A relative path of one or more plain, visible components: joined to a directory it stays below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target(PathBuf);

impl Target {
    /// Decodes the (percent-encoded) path of a request, such as `/CBERS4/MUX/collection.json`.
    ///
    /// `None` for what is never served: an empty, hidden (`.lazycat`), `.` or `..` segment, a trailing slash, and a
    /// segment that decodes to a separator, a NUL, a backslash or to bytes that are not UTF-8.
    pub(crate) fn of_request(path: &str) -> Option<Self> {
        let mut target = PathBuf::new();
        for segment in path.strip_prefix('/')?.split('/') {
            let name = percent_decode_str(segment).decode_utf8().ok()?;
            if !is_plain(&name) {
                return None;
            }
            target.push(&*name);
        }
        Some(Self(target))
    }

    /// The path, relative to the served directory.
    pub(crate) fn as_path(&self) -> &Path {
        &self.0
    }
}

/// Whether a path relative to the served directory has a hidden component, such as `.lazycat`.
pub(crate) fn is_hidden(relative: &Path) -> bool {
    relative.components().any(|component| component.as_os_str().as_encoded_bytes().starts_with(b"."))
}

fn is_plain(name: &str) -> bool {
    if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', '\0']) {
        return false;
    }
    // What the platform itself makes of it (a drive letter, say) has the last word.
    let mut components = Path::new(name).components();
    matches!((components.next(), components.next()), (Some(Component::Normal(only)), None) if only == name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn decoded(path: &str) -> Option<String> {
        Target::of_request(path).map(|target| target.as_path().to_str().unwrap().to_owned())
    }

    #[test]
    fn a_plain_path_is_taken_as_it_is() {
        assert_eq!(decoded("/CBERS4/MUX/057/catalog.json").as_deref(), Some("CBERS4/MUX/057/catalog.json"));
    }

    #[test]
    fn an_encoded_name_is_decoded_once() {
        assert_eq!(decoded("/a%20b/%C3%A9.json").as_deref(), Some("a b/é.json"));
        assert_eq!(decoded("/%252e%252e/x").as_deref(), Some("%2e%2e/x"));
    }

    #[test]
    fn what_could_leave_the_directory_is_not_a_target() {
        for path in [
            "/..",
            "/../x",
            "/a/../../x",
            "/%2e%2e/x",
            "/.%2E/x",
            "/a%2fb",
            "/%2Fetc/passwd",
            "/a\\..\\b",
            "/a%5c..",
            "/a%00",
            "//etc/passwd",
            "",
            "a",
            "*",
        ] {
            assert_eq!(decoded(path), None, "{path}");
        }
    }

    #[test]
    fn hidden_and_empty_segments_are_not_targets() {
        for path in ["/.lazycat/state.db", "/a/.git/config", "/%2elazycat/state.db", "/", "/a/", "/a//b", "/./a"] {
            assert_eq!(decoded(path), None, "{path}");
        }
    }

    #[test]
    fn bytes_that_are_not_text_are_not_a_target() {
        assert_eq!(decoded("/%ff%fe"), None);
    }

    proptest! {
        #[test]
        fn a_target_never_escapes_the_directory(path in "(/|[.]|%2[eEfF]|%5[cC]|%00|\\\\|[a-c]|%|é|:){0,24}") {
            if let Some(target) = Target::of_request(&path) {
                let joined = Path::new("/srv/catalog").join(target.as_path());
                prop_assert!(joined.starts_with("/srv/catalog"));
                prop_assert!(target.as_path().components().all(|component| matches!(component, Component::Normal(_))));
                prop_assert!(!is_hidden(target.as_path()));
                prop_assert!(!target.as_path().to_str().unwrap().contains(['\0', '\\']));
            }
        }

        #[test]
        fn any_text_is_decided_without_a_panic(path in any::<String>()) {
            let _ = Target::of_request(&path);
        }
    }
}
