//! The routes. Those of an API can be added to the router that [`router`] returns; what no route takes is a file.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{HeaderName, HeaderValue, LOCATION, VARY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};

use super::directory::{Directory, NotServed};
use super::respond;
use super::target::Target;

/// The document that a visitor of `/` is sent to.
const ROOT_CATALOG: &str = "/catalog.json";

/// On every response: any page may read the catalog, and the headers that a reader of large files needs.
const ALWAYS: &[(&str, &str)] = &[
    ("access-control-allow-origin", "*"),
    ("access-control-expose-headers", "ETag, Content-Range, Content-Length, Accept-Ranges"),
];

/// On the answer to a preflight request. The last one lets a public page, such as STAC Browser's, read from this
/// machine.
const PREFLIGHT: &[(&str, &str)] = &[
    ("access-control-allow-methods", respond::METHODS),
    ("access-control-allow-headers", "Range, If-Range, If-None-Match, Content-Type, Accept"),
    ("access-control-max-age", "86400"),
    ("access-control-allow-private-network", "true"),
];

/// The files of a directory, with `/` leading to the root catalog.
pub(crate) fn router(directory: Directory) -> Router {
    Router::new().fallback(file).with_state(Arc::new(directory)).layer(middleware::from_fn(open_to_all))
}

async fn file(State(directory): State<Arc<Directory>>, request: Request) -> Response {
    let (method, path) = (request.method(), request.uri().path());
    if method != Method::GET && method != Method::HEAD {
        return respond::with_methods(method);
    }
    if path == "/" {
        return (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, ROOT_CATALOG)]).into_response();
    }
    let Some(target) = Target::of_request(path) else {
        return respond::with_refusal(NotServed::Absent);
    };
    let found = tokio::task::spawn_blocking(move || directory.find(&target)).await;
    match found {
        Ok(Ok(found)) => respond::with_file(method, request.headers(), found),
        Ok(Err(refusal)) => respond::with_refusal(refusal),
        Err(stopped) => respond::with_refusal(NotServed::Failed(io::Error::other(stopped))),
    }
}

async fn open_to_all(request: Request, next: Next) -> Response {
    let is_preflight =
        request.method() == Method::OPTIONS && request.headers().contains_key("access-control-request-method");
    let mut response = if is_preflight {
        let mut response = StatusCode::NO_CONTENT.into_response();
        insert(&mut response, PREFLIGHT);
        response
    } else {
        next.run(request).await
    };
    insert(&mut response, ALWAYS);
    response.headers_mut().insert(VARY, HeaderValue::from_static("Origin"));
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn insert(response: &mut Response, headers: &[(&'static str, &'static str)]) {
    for (name, value) in headers {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
}
