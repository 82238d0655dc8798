//! The routes: those of the STAC API; what none of them takes is a file.

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

/// Where STAC Browser is served. A folder of this name in the catalog is then out of sight; no level has it.
const BROWSER: &str = "/browser";

/// [`BROWSER`] as it has to end for its page, which names its other files relative to its folder.
pub(super) const BROWSER_FOLDER: &str = "/browser/";

/// On every response: any page may read the catalog, and the headers that a reader of large files needs.
const ALWAYS: &[(&str, &str)] = &[
    ("access-control-allow-origin", "*"),
    ("access-control-expose-headers", "ETag, Content-Range, Content-Length, Accept-Ranges"),
];

/// On the answer to a preflight request. The last one lets a public page, such as STAC Browser's, read from this
/// machine.
const PREFLIGHT: &[(&str, &str)] = &[
    ("access-control-allow-methods", "GET, HEAD, POST, OPTIONS"),
    ("access-control-allow-headers", "Range, If-Range, If-None-Match, Content-Type, Accept"),
    ("access-control-max-age", "86400"),
    ("access-control-allow-private-network", "true"),
];

/// What is served: a catalog at `/` and, when there is one, a build of STAC Browser at [`BROWSER_FOLDER`].
#[derive(Debug)]
pub(crate) struct Site {
    catalog: Arc<Directory>,
    browser: Option<Arc<Directory>>,
}

/// Where the path of a request leads.
enum Place<'a> {
    /// To this path within a directory.
    In(&'a Arc<Directory>, &'a str),
    /// To another address.
    Elsewhere(&'static str),
}

impl Site {
    pub(crate) fn new(catalog: Directory, browser: Option<Directory>) -> Self {
        Self { catalog: Arc::new(catalog), browser: browser.map(Arc::new) }
    }

    fn place<'a>(&'a self, path: &'a str) -> Place<'a> {
        match (&self.browser, path.strip_prefix(BROWSER)) {
            (Some(_), Some("")) => Place::Elsewhere(BROWSER_FOLDER),
            (Some(browser), Some("/")) => Place::In(browser, "/index.html"),
            (Some(browser), Some(within)) if within.starts_with('/') => Place::In(browser, within),
            _ => Place::In(&self.catalog, path),
        }
    }
}

/// The routes of an API, and the files of a site.
pub(crate) fn router(api: Router, site: Site) -> Router {
    let files = Router::new().fallback(file).with_state(Arc::new(site));
    api.fallback_service(files).layer(middleware::from_fn(open_to_all))
}

async fn file(State(site): State<Arc<Site>>, request: Request) -> Response {
    let method = request.method();
    if method != Method::GET && method != Method::HEAD {
        return respond::with_methods(method);
    }
    let (directory, path) = match site.place(request.uri().path()) {
        Place::In(directory, path) => (Arc::clone(directory), path),
        Place::Elsewhere(location) => {
            return (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, location)]).into_response();
        }
    };
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
