//! From a link's href to the path of the document it leads to (RFC 3986, section 5): pure, no look at the disk.

use std::fmt;

pub(super) use lazycat::validation::has_scheme;
use percent_encoding::percent_decode_str;

/// Why an href leads to no document of the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Astray {
    /// Another host, another scheme, or an absolute path.
    Elsewhere,
    /// More `..` than there are folders above the document.
    Above,
    /// A folder or file whose name starts with a dot: such are not part of the catalog.
    Hidden,
    /// Empty, or an escape that decodes to a slash, a NUL, or bytes that are not UTF-8.
    Malformed,
}

impl fmt::Display for Astray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Elsewhere => "which leads elsewhere",
            Self::Above => "which leads out of the catalog directory",
            Self::Hidden => "which leads to a hidden file",
            Self::Malformed => "which is no path",
        })
    }
}

/// Resolves an href that stands in `document`, a path relative to the catalog directory, to another such path.
///
/// `published` is the address of the catalog directory, ending in a slash, when its root says it: an absolute href
/// below it is inside.
pub(super) fn resolve(document: &str, href: &str, published: Option<&str>) -> Result<String, Astray> {
    let inside = published.and_then(|published| href.strip_prefix(published));
    let reference = inside.unwrap_or(href);
    if inside.is_none() && (reference.starts_with('/') || has_scheme(reference)) {
        return Err(Astray::Elsewhere);
    }
    let path = reference.split(['?', '#']).next().unwrap_or_default();
    if path.is_empty() {
        return Err(Astray::Malformed);
    }
    let mut segments: Vec<String> = match (inside, document.rsplit_once('/')) {
        (None, Some((folder, _))) => folder.split('/').map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop().ok_or(Astray::Above)?;
            }
            _ => segments.push(decode(segment)?),
        }
    }
    Ok(segments.join("/"))
}

fn decode(segment: &str) -> Result<String, Astray> {
    let name = percent_decode_str(segment).decode_utf8().map_err(|_| Astray::Malformed)?;
    match &*name {
        ".." => Err(Astray::Above),
        name if name.starts_with('.') => Err(Astray::Hidden),
        name if name.contains(['/', '\0']) => Err(Astray::Malformed),
        name => Ok(name.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ROW: &str = "CBERS4/MUX/057/121/catalog.json";

    fn resolved(href: &str) -> Result<String, Astray> {
        resolve(ROW, href, Some("https://a.example/stac/"))
    }

    #[test]
    fn a_relative_href_starts_at_the_folder_of_its_document() {
        assert_eq!(resolved("./a.json").as_deref(), Ok("CBERS4/MUX/057/121/a.json"));
        assert_eq!(resolved("../../collection.json").as_deref(), Ok("CBERS4/MUX/collection.json"));
        assert_eq!(resolved("../../../../catalog.json").as_deref(), Ok("catalog.json"));
        assert_eq!(resolved("a%20b.json?x#y").as_deref(), Ok("CBERS4/MUX/057/121/a b.json"));
        assert_eq!(resolve("catalog.json", "CBERS4/catalog.json", None).as_deref(), Ok("CBERS4/catalog.json"));
    }

    #[test]
    fn an_absolute_href_below_the_published_address_is_inside() {
        assert_eq!(resolved("https://a.example/stac/CBERS4/catalog.json").as_deref(), Ok("CBERS4/catalog.json"));
    }

    #[test]
    fn what_leads_away_is_told_apart() {
        assert_eq!(resolved("https://b.example/stac/catalog.json"), Err(Astray::Elsewhere));
        assert_eq!(resolved("//b.example/catalog.json"), Err(Astray::Elsewhere));
        assert_eq!(resolved("/catalog.json"), Err(Astray::Elsewhere));
        assert_eq!(resolved("s3:x"), Err(Astray::Elsewhere));
        assert_eq!(resolved("../../../../../catalog.json"), Err(Astray::Above));
        assert_eq!(resolved("https://a.example/stac/../x.json"), Err(Astray::Above));
        assert_eq!(resolved("%2e%2e/x.json"), Err(Astray::Above));
        assert_eq!(resolved("../../../../.lazycat/x.json"), Err(Astray::Hidden));
        assert_eq!(resolved("a%2fb.json"), Err(Astray::Malformed));
        assert_eq!(resolved(""), Err(Astray::Malformed));
        assert_eq!(resolved("#x"), Err(Astray::Malformed));
    }

    proptest! {
        #[test]
        fn a_resolved_path_has_plain_visible_segments(href in "([.]|/|%2[eEfF]|%00|[a-c]|:|[?]|#){0,20}") {
            if let Ok(path) = resolve(ROW, &href, None) {
                let climbs = path.split('/').any(|segment| segment == ".." || segment.starts_with('.'));
                prop_assert!(!climbs && !path.starts_with('/') && !path.contains('\0'));
            }
        }
    }
}
