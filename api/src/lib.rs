//! A STAC API 1.0 over any index that keeps the promises of [`SearchItems`].
//!
//! [`router`] gives the routes; whoever serves them brings the index and says under which address. It knows neither
//! files nor databases, so the same routes stand beside the static files of one machine and in front of a database.
//!
//! Layout:
//! - [`conformance`]: what is promised, and the description of the service in OpenAPI
//! - `params`, `fields`: from a request to a query; pure
//! - `address`, `document`: from what was found to what is answered: links absolute, ids encoded; pure
//! - `landing`, `collections`, `items`: the routes
//! - `error`: every error in the API's form
//! - `door`: items by POST, beside the API or alone (feature `door`)

pub mod conformance;

mod address;
mod collections;
mod document;
#[cfg(feature = "door")]
pub mod door;
mod error;
mod fields;
mod items;
mod landing;
mod params;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Request};
use axum::routing::get;
use lazycat::search::ports::SearchItems;

use self::error::ApiError;

/// What whoever serves the API decides.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The id of the API, as a catalog's.
    pub id: String,
    /// Its title.
    pub title: String,
    /// What it holds, in CommonMark.
    pub description: String,
    /// Where clients find it.
    pub base: Base,
    /// Where the static catalog's root folder is below the base, when it is served there, such as an empty text for the
    /// base itself.
    pub catalog: Option<String>,
    /// How many items a page has when nothing is said.
    pub usual_limit: usize,
    /// How many items a page has at most: who asks for more gets this many, and a link to the next page.
    pub greatest_limit: usize,
    /// The longest body of a request, in bytes.
    pub longest_body: usize,
    /// How long a client may take to send it.
    pub body_time: Duration,
}

/// Where clients find an API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// At this address, with a slash at the end.
    At(String),
    /// Where the request was sent to, by its `Host`, over `http` or `https`.
    OfRequest {
        /// `http` or `https`.
        scheme: &'static str,
    },
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            id: "lazycat".to_owned(),
            title: "lazycat".to_owned(),
            description: "A STAC API over a static catalog that lazycat keeps up to date.".to_owned(),
            base: Base::OfRequest { scheme: "http" },
            catalog: None,
            usual_limit: 10,
            greatest_limit: 1_000,
            longest_body: 1024 * 1024,
            body_time: Duration::from_secs(30),
        }
    }
}

/// What every route knows.
#[derive(Debug)]
struct App<B> {
    index: B,
    settings: Settings,
}

/// The routes of the API over an index.
pub fn router<B>(index: B, settings: Settings) -> Router
where
    B: SearchItems + Send + Sync + 'static,
{
    let longest = settings.longest_body;
    let app = Arc::new(App { index, settings });
    Router::new()
        .route("/", get(landing::landing::<B>))
        .route("/conformance", get(landing::conformance::<B>))
        .route("/api", get(landing::description::<B>))
        .route("/api.html", get(landing::documentation))
        .route("/queryables", get(collections::queryables_of_all::<B>))
        .route("/collections", get(collections::collections::<B>))
        .route("/collections/{collection}", get(collections::collection::<B>))
        .route("/collections/{collection}/queryables", get(collections::queryables::<B>))
        .route("/collections/{collection}/items", get(items::items_of_collection::<B>))
        .route("/collections/{collection}/items/{item}", get(items::item::<B>))
        .route("/search", get(items::search_by_get::<B>).post(items::search_by_post::<B>))
        .method_not_allowed_fallback(|| async { ApiError::method() })
        .layer(DefaultBodyLimit::max(longest))
        .with_state(app)
}

/// The routes of an API that is alone at its address: every other path is answered in its form, too.
pub fn standalone<B>(index: B, settings: Settings) -> Router
where
    B: SearchItems + Send + Sync + 'static,
{
    router(index, settings).fallback(|| async { ApiError::absent("there is nothing at this address: see /api") })
}

/// The body of a request, within its bounds.
async fn body(request: Request, settings: &Settings) -> Result<Bytes, ApiError> {
    let reading = axum::body::to_bytes(request.into_body(), settings.longest_body);
    match tokio::time::timeout(settings.body_time, reading).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(ApiError::too_large(settings.longest_body)),
        Err(_) => Err(ApiError::bad("the body was not sent in time")),
    }
}
