//! Addresses: where the API is, and where what it tells of is.

use axum::http::HeaderMap;
use axum::http::header::HOST;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::error::ApiError;
use crate::{Base, Settings};

/// What an id may hold as it is in an address.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// What a key may hold as it is.
const ENCODED_IN_KEYS: &AsciiSet = &ENCODED.remove(b'/');

/// The longest host name that is believed.
const LONGEST_HOST: usize = 255;

/// The addresses of one request's answer.
#[derive(Debug, Clone)]
pub(crate) struct Addresses {
    /// With a slash at the end.
    base: String,
    /// The root folder of the static catalog, with a slash at the end.
    catalog: Option<String>,
}

impl Addresses {
    /// By the settings, or by where the request was sent to.
    pub(crate) fn of(settings: &Settings, headers: &HeaderMap) -> Result<Self, ApiError> {
        let base = base_of(&settings.base, headers)
            .ok_or_else(|| ApiError::bad("the request has no Host, or one that is none"))?;
        let catalog = settings.catalog.as_ref().map(|below| format!("{base}{below}"));
        Ok(Self { base, catalog })
    }

    pub(crate) fn root(&self) -> &str {
        &self.base
    }

    /// A path below the base, already encoded.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub(crate) fn collection(&self, id: &str) -> String {
        format!("{}collections/{}", self.base, encoded(id))
    }

    pub(crate) fn items(&self, collection: &str) -> String {
        format!("{}/items", self.collection(collection))
    }

    pub(crate) fn item(&self, collection: &str, id: &str) -> String {
        format!("{}/{}", self.items(collection), encoded(id))
    }

    /// The static catalog's root folder, when it is served.
    pub(crate) fn catalog(&self) -> Option<&str> {
        self.catalog.as_deref()
    }

    /// The document of this key in the static catalog, when that is served.
    pub(crate) fn document(&self, key: &str) -> Option<String> {
        self.catalog.as_ref().map(|catalog| format!("{catalog}{}", encoded_key(key)))
    }
}

/// An address with a slash at the end: the one that is set, or where the request was sent to; none when its host is none.
pub(crate) fn base_of(base: &Base, headers: &HeaderMap) -> Option<String> {
    match base {
        Base::At(base) => Some(base.clone()),
        Base::OfRequest { scheme } => {
            let host = headers.get(HOST)?.to_str().ok().filter(|host| is_host(host))?;
            Some(format!("{scheme}://{host}/"))
        }
    }
}

/// A key as the end of an address.
pub(crate) fn encoded_key(key: &str) -> String {
    utf8_percent_encode(key, ENCODED_IN_KEYS).to_string()
}

fn encoded(id: &str) -> String {
    utf8_percent_encode(id, ENCODED).to_string()
}

/// Whether a text can be a host with a port: it goes into links that others will read.
fn is_host(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= LONGEST_HOST
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn of(host: Option<&str>) -> Result<Addresses, ApiError> {
        let mut headers = HeaderMap::new();
        if let Some(host) = host {
            headers.insert(HOST, host.parse().unwrap());
        }
        Addresses::of(&Settings { catalog: Some(String::new()), ..Settings::default() }, &headers)
    }

    #[test]
    fn links_lead_to_where_the_request_was_sent() {
        let addresses = of(Some("127.0.0.1:8000")).unwrap();
        assert_eq!(addresses.root(), "http://127.0.0.1:8000/");
        assert_eq!(addresses.item("c", "it's a/b?"), "http://127.0.0.1:8000/collections/c/items/it%27s%20a%2Fb%3F");
        assert_eq!(addresses.document("a/b c.json").unwrap(), "http://127.0.0.1:8000/a/b%20c.json");
    }

    #[test]
    fn a_host_that_is_none_is_not_repeated() {
        for host in [None, Some(""), Some("evil\"><script>"), Some("a/b"), Some("a b")] {
            assert!(of(host).is_err(), "{host:?}");
        }
    }

    #[test]
    fn a_public_address_is_what_counts() {
        let settings = Settings { base: Base::At("https://x.example/api/".into()), ..Settings::default() };
        let addresses = Addresses::of(&settings, &HeaderMap::new()).unwrap();
        assert_eq!(addresses.collection("c"), "https://x.example/api/collections/c");
        assert_eq!(addresses.document("a.json"), None);
    }
}
