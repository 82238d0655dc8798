//! Where an item may lead its readers: the addresses of its assets and links. Pure; nothing here is requested.

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::Fault;
use super::document::step;
use crate::search::source::{Allowed, Source};
use crate::validation::quote::quote;

/// The relations that tell where an item stands: such links are replaced when it is filed.
pub const STRUCTURAL: [&str; 6] = ["self", "root", "parent", "collection", "prev", "next"];

/// The longest address, in bytes.
const LONGEST: usize = 4 * 1024;

/// Parameters that let whoever has the address act as somebody else, in small letters: those of presigned addresses of S3,
/// Google and Azure, and of access tokens.
const SECRET: [&str; 8] = [
    "x-amz-signature",
    "x-amz-security-token",
    "awsaccesskeyid",
    "x-goog-signature",
    "googleaccessid",
    "sig",
    "access_token",
    "api_key",
];

/// What addresses an item may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hrefs {
    /// The schemes of assets' addresses, in small letters without the colon. A link may be `http` as well: it is followed
    /// by people.
    pub schemes: Vec<String>,
    /// The buckets and hosts that assets may lie in; everything when that is none. Of a bucket's https address, the bucket
    /// counts.
    pub places: Option<Allowed>,
}

impl Default for Hrefs {
    fn default() -> Self {
        Self { schemes: vec!["https".to_owned(), "s3".to_owned()], places: None }
    }
}

/// A scheme that may be allowed.
///
/// # Errors
///
/// Why not, as the end of a sentence.
pub fn scheme(text: &str) -> Result<String, String> {
    let is_word = text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.chars().all(|other| other.is_ascii_lowercase() || other.is_ascii_digit() || "+-.".contains(other));
    match text {
        "file" | "javascript" | "vbscript" | "blob" => {
            Err(format!("{text} leads into the machine of whoever reads it"))
        }
        _ if is_word => Ok(text.to_owned()),
        _ => Err("expected a scheme such as https, in small letters without a colon".to_owned()),
    }
}

impl Hrefs {
    /// Every fault of an item's addresses; those that are no texts are left to the schema.
    pub(super) fn check(&self, item: &Map<String, Value>) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut at = String::from("/assets");
        for (name, asset) in item.get("assets").and_then(Value::as_object).into_iter().flatten() {
            let length = at.len();
            step(&mut at, name);
            self.asset(asset, &mut at, &mut faults);
            let alternates = asset.get("alternate").and_then(Value::as_object);
            step(&mut at, "alternate");
            for (name, alternate) in alternates.into_iter().flatten() {
                let length = at.len();
                step(&mut at, name);
                self.asset(alternate, &mut at, &mut faults);
                at.truncate(length);
            }
            at.truncate(length);
        }
        let links = item.get("links").and_then(Value::as_array).into_iter().flatten();
        for (number, link) in links.enumerate() {
            let rel = link.get("rel").and_then(Value::as_str);
            if let Some(href) = link.get("href")
                && !rel.is_some_and(|rel| STRUCTURAL.contains(&rel))
                && let Err(detail) = self.link(href)
            {
                faults.push(Fault::new(format!("/links/{number}/href"), detail));
            }
        }
        faults
    }

    fn asset(&self, asset: &Value, at: &mut String, faults: &mut Vec<Fault>) {
        let Some(href) = asset.get("href") else { return };
        if let Err(detail) = self.within(href, &self.schemes, self.places.as_ref()) {
            faults.push(Fault::new(format!("{at}/href"), detail));
        }
    }

    fn link(&self, href: &Value) -> Result<(), String> {
        let mut schemes = self.schemes.clone();
        schemes.push("http".to_owned());
        self.within(href, &schemes, None)
    }

    fn within(&self, href: &Value, schemes: &[String], places: Option<&Allowed>) -> Result<(), String> {
        let Some(text) = href.as_str().filter(|text| !text.is_empty()) else { return Ok(()) };
        let wrong = |expected: String| Err(format!("found {}, expected {expected}", quote(Some(href))));
        if text.len() > LONGEST {
            return wrong(format!("at most {LONGEST} bytes, not {}", text.len()));
        }
        if text.chars().any(|character| character.is_control() || character.is_whitespace() || character == '\\') {
            return wrong("an address without spaces, control characters and backslashes".to_owned());
        }
        let Some(found) = text.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase()) else {
            return wrong(format!("an absolute address: {}", list(schemes)));
        };
        if !schemes.contains(&found) {
            return wrong(format!("an absolute address: {}", list(schemes)));
        }
        let rest = &text[found.len() + 1..];
        if let Some(authority) = rest.strip_prefix("//") {
            let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
            if authority.is_empty() {
                return wrong("an address with a host or bucket".to_owned());
            }
            if authority.contains('@') {
                // The address is not repeated: it may hold a password.
                return Err("found a user name or password in the address, expected none".to_owned());
            }
        } else if matches!(found.as_str(), "http" | "https" | "s3") {
            return wrong(format!("two slashes behind {found}:"));
        }
        if let Some(name) = secret(text) {
            return Err(format!(
                "found the parameter {name}, expected an address that is not signed: it would hold a secret, and end some day"
            ));
        }
        if let Some(places) = places {
            let lower = format!("{found}:{rest}");
            match Source::parse(&lower) {
                Ok(source) if source.is_allowed(places) => {}
                Ok(_) => return wrong(format!("an address in {}", told(places))),
                Err(_) if !matches!(found.as_str(), "https" | "s3") => {}
                Err(detail) => return Err(format!("found {}: {detail}", quote(Some(href)))),
            }
        }
        Ok(())
    }
}

/// The first parameter of an address that is a secret.
fn secret(address: &str) -> Option<String> {
    let query = address.split('#').next()?.split_once('?')?.1;
    let names = query.split('&').map(|pair| pair.split('=').next().unwrap_or_default());
    names
        .map(|name| percent_decode_str(name).decode_utf8_lossy().to_ascii_lowercase())
        .find(|name| SECRET.contains(&name.as_str()))
}

fn list(schemes: &[String]) -> String {
    schemes.iter().map(|scheme| format!("{scheme}:")).collect::<Vec<_>>().join(" or ")
}

fn told(places: &Allowed) -> String {
    let buckets = places.buckets.iter().map(|bucket| format!("s3://{bucket}/"));
    let hosts = places.hosts.iter().map(|host| format!("https://{host}/"));
    let all: Vec<String> = buckets.chain(hosts).take(10).collect();
    if all.is_empty() { "no place at all".to_owned() } else { all.join(" or ") }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn faults(hrefs: &Hrefs, asset: &str) -> Vec<Fault> {
        let item = json!({"assets": {"a/b": {"href": asset}}});
        hrefs.check(item.as_object().unwrap())
    }

    #[test]
    fn an_asset_is_at_an_absolute_address() {
        let hrefs = Hrefs::default();
        for good in
            ["https://a.example/x.tif", "s3://bucket/x.tif", "HTTPS://a.example/x?y=z#w", "https://a.example:8443/"]
        {
            assert_eq!(faults(&hrefs, good), vec![], "{good}");
        }
        for (bad, says) in [
            ("./x.tif", "expected an absolute address: https: or s3:"),
            ("/x.tif", "expected an absolute address"),
            ("//a.example/x.tif", "expected an absolute address"),
            ("../../../etc/passwd", "expected an absolute address"),
            ("file:///etc/passwd", "expected an absolute address"),
            ("javascript:alert(1)", "expected an absolute address"),
            ("JavaScript:alert(1)", "expected an absolute address"),
            ("data:text/html,x", "expected an absolute address"),
            ("http://a.example/x.tif", "expected an absolute address"),
            ("https:a.example", "two slashes"),
            ("https://", "with a host"),
            ("s3:///x", "with a host"),
            ("https://a.example/\n", "control characters"),
            ("https://a.example\\@b.example/", "backslashes"),
            (" javascript:alert(1)", "spaces"),
            ("https://me:hush@a.example/x", "user name or password"),
            ("https://a.example/x?X-Amz-Signature=hush&b", "x-amz-signature"),
            ("https://a.example/x?sv=1&s%69g=hush", "sig"),
        ] {
            let found = faults(&hrefs, bad);
            assert_eq!(found.len(), 1, "{bad}");
            assert!(found[0].pointer == "/assets/a~1b/href" && found[0].detail.contains(says), "{bad}: {}", found[0]);
            assert!(!found[0].detail.contains("hush"), "{}", found[0]);
        }
        let long = faults(&hrefs, &format!("https://a.example/{}", "x".repeat(10_000)));
        assert!(long[0].detail.contains("at most 4096 bytes") && long[0].detail.len() < 300, "{}", long[0]);
    }

    #[test]
    fn an_asset_is_in_a_place_that_is_listed_when_places_are() {
        let places = Allowed { buckets: vec!["mine".into()], hosts: vec!["data.example".into()] };
        let hrefs = Hrefs { places: Some(places), ..Hrefs::default() };
        for good in ["s3://mine/x", "https://mine.s3.us-east-1.amazonaws.com/x", "https://data.example/x"] {
            assert_eq!(faults(&hrefs, good), vec![], "{good}");
        }
        for bad in
            ["s3://yours/x", "https://yours.s3.amazonaws.com/x", "https://data.example.evil.example/x", "s3://mine"]
        {
            assert_eq!(faults(&hrefs, bad).len(), 1, "{bad}");
        }
    }

    #[test]
    fn alternates_are_assets_and_links_may_be_http() {
        let item = json!({
            "assets": {"a": {"href": "https://a.example/x", "alternate": {"s3": {"href": "file:///x"}}}},
            "links": [
                {"rel": "license", "href": "http://a.example/"}, {"rel": "about", "href": "ftp://a.example/"},
                {"rel": "parent", "href": "../collection.json"}, {"rel": "about", "href": "javascript:x"}, {"rel": "about", "href": 7}, 7
            ]
        });
        let places = Some(Allowed { buckets: vec![], hosts: vec!["a.example".into()] });
        let found = Hrefs { places, ..Hrefs::default() }.check(item.as_object().unwrap());
        let pointers: Vec<&str> = found.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(pointers, ["/assets/a/alternate/s3/href", "/links/1/href", "/links/3/href"]);
    }

    #[test]
    fn a_scheme_that_leads_into_a_machine_cannot_be_allowed() {
        assert_eq!(scheme("gs"), Ok("gs".to_owned()));
        for bad in ["file", "javascript", "https:", "HTTP", ""] {
            assert!(scheme(bad).is_err(), "{bad}");
        }
        let hrefs = Hrefs { schemes: vec!["data".into()], places: None };
        assert_eq!(faults(&hrefs, "data:image/png;base64,AAAA"), vec![]);
    }
}
