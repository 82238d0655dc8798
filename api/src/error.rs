//! Errors, as STAC API has them: `{"code", "description"}`.

use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use lazycat::search::filter::FilterError;
use lazycat::search::ports::SearchError;

/// Why a request is not answered.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    /// A short, stable word.
    code: &'static str,
    description: String,
}

impl ApiError {
    /// The request asks for what cannot be.
    pub(crate) fn bad(description: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code: "BadRequest", description: description.into() }
    }

    /// There is no such thing.
    pub(crate) fn absent(description: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, code: "NotFound", description: description.into() }
    }

    pub(crate) fn too_large(longest: usize) -> Self {
        Self {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            code: "PayloadTooLarge",
            description: format!("the body cannot be read, or is longer than {longest} bytes"),
        }
    }

    pub(crate) fn method() -> Self {
        Self {
            status: StatusCode::METHOD_NOT_ALLOWED,
            code: "MethodNotAllowed",
            description: "everything is read with GET; /search with POST as well".to_owned(),
        }
    }
}

impl From<FilterError> for ApiError {
    fn from(error: FilterError) -> Self {
        Self::bad(error.to_string())
    }
}

impl From<SearchError> for ApiError {
    fn from(error: SearchError) -> Self {
        let description = error.to_string();
        match error {
            SearchError::Filter(_) | SearchError::Token => Self::bad(description),
            SearchError::TooSlow { .. } => {
                Self { status: StatusCode::SERVICE_UNAVAILABLE, code: "TooSlow", description }
            }
            SearchError::NoIndex { .. } => {
                Self { status: StatusCode::SERVICE_UNAVAILABLE, code: "NoIndex", description }
            }
            SearchError::Port(error) => {
                // The client learns nothing of the machine; the operator does.
                tracing::warn!("a search failed: {error}");
                let description = "the search index cannot be read at the moment".to_owned();
                Self { status: StatusCode::SERVICE_UNAVAILABLE, code: "Unavailable", description }
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = serde_json::json!({ "code": self.code, "description": self.description }).to_string();
        let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
        let mut response = (self.status, headers, body).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, axum::http::HeaderValue::from_static("5"));
        }
        response
    }
}
