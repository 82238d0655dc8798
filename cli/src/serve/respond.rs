//! From a file that was found, and the conditions of a request, to the response.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};

use axum::body::{Body, Bytes};
use axum::http::header::{
    ACCEPT_RANGES, ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH, IF_RANGE,
    RANGE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::Response;
use futures::Stream;
use futures::stream::try_unfold;
use tokio::io::AsyncReadExt;

use super::directory::{CHUNK, Content, Found, NotServed};
use super::etag::EntityTag;
use super::range::{self, Requested};

/// The methods that a static file has.
pub(super) const METHODS: &str = "GET, HEAD, OPTIONS";

/// What a request is answered with, once the file is known.
#[derive(Debug, PartialEq, Eq)]
enum Decision {
    NotModified,
    Send(Requested),
}

/// Answers a GET or HEAD with a file: all of it, a part of it, or that it has not changed.
pub(super) fn with_file(method: &Method, headers: &HeaderMap, found: Found) -> Response {
    let mut response = match decide(method, headers, &found.tag, found.length) {
        Decision::NotModified => empty(StatusCode::NOT_MODIFIED),
        Decision::Send(Requested::Unsatisfiable) => {
            let mut response =
                with_error(StatusCode::RANGE_NOT_SATISFIABLE, "the range starts after the last byte of the file");
            set(&mut response, CONTENT_RANGE, &format!("bytes */{}", found.length));
            return response;
        }
        Decision::Send(Requested::Whole) => send(method, found.content, 0, found.length, found.media.content_type),
        Decision::Send(Requested::Part { first, last }) => {
            let mut response = send(method, found.content, first, last - first + 1, found.media.content_type);
            if response.status().is_success() {
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                set(&mut response, CONTENT_RANGE, &format!("bytes {first}-{last}/{}", found.length));
            }
            response
        }
    };
    if !response.status().is_server_error() {
        set(&mut response, ETAG, &found.tag.to_string());
        set(&mut response, CACHE_CONTROL, found.media.cache_control);
        set(&mut response, ACCEPT_RANGES, "bytes");
    }
    response
}

/// Answers with what could not be served.
pub(super) fn with_refusal(refusal: NotServed) -> Response {
    match refusal {
        NotServed::Absent => with_error(StatusCode::NOT_FOUND, "there is no such file in the catalog"),
        NotServed::Forbidden => with_error(StatusCode::FORBIDDEN, "the server may not read this file"),
        NotServed::Failed(error) => {
            // The client learns nothing of the disk; the operator does.
            eprintln!("lazycat serve: a file could not be read: {error}");
            with_error(StatusCode::INTERNAL_SERVER_ERROR, "the file could not be read")
        }
    }
}

/// Answers a method that files do not have.
pub(super) fn with_methods(method: &Method) -> Response {
    let mut response = if method == Method::OPTIONS {
        empty(StatusCode::NO_CONTENT)
    } else {
        with_error(StatusCode::METHOD_NOT_ALLOWED, "files can only be read: GET, HEAD or OPTIONS")
    };
    set(&mut response, ALLOW, METHODS);
    response
}

/// An error as STAC API has it: `{"code", "description"}`.
fn with_error(status: StatusCode, description: &str) -> Response {
    let code = status.canonical_reason().unwrap_or_default().replace(' ', "");
    let body = serde_json::json!({ "code": code, "description": description }).to_string();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    set(&mut response, CONTENT_TYPE, "application/json");
    set(&mut response, CACHE_CONTROL, "no-store");
    response
}

fn decide(method: &Method, headers: &HeaderMap, tag: &EntityTag, length: u64) -> Decision {
    if texts(headers, &IF_NONE_MATCH).any(|list| tag.is_in_list(list)) {
        return Decision::NotModified;
    }
    let mut ranges = texts(headers, &RANGE);
    let range = match (ranges.next(), ranges.next()) {
        (Some(range), None) if method == Method::GET => range,
        _ => return Decision::Send(Requested::Whole),
    };
    match headers.get(IF_RANGE) {
        Some(tagged) if !tagged.to_str().is_ok_and(|tagged| tag.allows_range(tagged)) => {
            Decision::Send(Requested::Whole)
        }
        _ => Decision::Send(range::parse(range, length)),
    }
}

fn send(method: &Method, content: Content, first: u64, length: u64, content_type: &str) -> Response {
    let body = match content {
        _ if method == Method::HEAD => Body::empty(),
        Content::Read(bytes) => Body::from(part(&bytes, first, length)),
        Content::Open(file) => match stream(file, first, length) {
            Ok(stream) => Body::from_stream(stream),
            Err(error) => return with_refusal(NotServed::Failed(error)),
        },
    };
    let mut response = Response::new(body);
    set(&mut response, CONTENT_TYPE, content_type);
    set(&mut response, CONTENT_LENGTH, &length.to_string());
    response
}

fn part(bytes: &Bytes, first: u64, length: u64) -> Bytes {
    let start = usize::try_from(first).unwrap_or(usize::MAX).min(bytes.len());
    let end = start.saturating_add(usize::try_from(length).unwrap_or(usize::MAX)).min(bytes.len());
    bytes.slice(start..end)
}

/// The part of a file in chunks, each read when the one before is on its way. A file that became shorter ends in an
/// error, so that the client does not take the part for the whole.
fn stream(mut file: File, first: u64, length: u64) -> io::Result<impl Stream<Item = io::Result<Bytes>>> {
    file.seek(SeekFrom::Start(first))?;
    let file = tokio::fs::File::from_std(file);
    Ok(try_unfold((file, length), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let mut chunk = vec![0; usize::try_from(left).unwrap_or(CHUNK).min(CHUNK)];
        let read = file.read(&mut chunk).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        chunk.truncate(read);
        Ok(Some((Bytes::from(chunk), (file, left - read as u64))))
    }))
}

fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

fn texts<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok())
}

/// Sets a header whose value is made here; one that is not a header value cannot arise, and would be left out.
fn set(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use xxhash_rust::xxh3::Xxh3;

    use super::*;

    fn decision(method: &Method, pairs: &[(HeaderName, &str)]) -> Decision {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name.clone(), value.parse().unwrap());
        }
        decide(method, &headers, &tag(), 10)
    }

    fn tag() -> EntityTag {
        EntityTag::of_content(&Xxh3::new())
    }

    #[test]
    fn an_unchanged_file_is_not_sent_even_in_part() {
        let same = tag().to_string();
        assert_eq!(decision(&Method::GET, &[(IF_NONE_MATCH, &same), (RANGE, "bytes=0-1")]), Decision::NotModified);
        assert_eq!(decision(&Method::GET, &[(IF_NONE_MATCH, "\"x\""), (IF_NONE_MATCH, &same)]), Decision::NotModified);
    }

    #[test]
    fn a_range_is_sent_to_get_only() {
        let part = Decision::Send(Requested::Part { first: 0, last: 1 });
        assert_eq!(decision(&Method::GET, &[(RANGE, "bytes=0-1")]), part);
        assert_eq!(decision(&Method::HEAD, &[(RANGE, "bytes=0-1")]), Decision::Send(Requested::Whole));
    }

    #[test]
    fn a_range_of_another_version_is_the_whole_of_this_one() {
        let same = tag().to_string();
        let part = Decision::Send(Requested::Part { first: 0, last: 1 });
        assert_eq!(decision(&Method::GET, &[(RANGE, "bytes=0-1"), (IF_RANGE, &same)]), part);
        assert_eq!(
            decision(&Method::GET, &[(RANGE, "bytes=0-1"), (IF_RANGE, "\"x\"")]),
            Decision::Send(Requested::Whole)
        );
    }
}
