//! The adapters over AWS on the wire: what exactly they ask for, and what they make of every answer, above all of those
//! that an emulator does not give.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod catalog;
mod documents;
mod marks;
mod messages;
mod scenes;
mod source;
mod stack;

use lazycat::aws::Clients;
use lazycat::ports::{PortError, PortResult};
use lazycat_tests::ministack::clients;
use lazycat_tests::wire::{Answer, Request, Service};

/// A service that answers all requests alike, and clients of it.
async fn always(answer: Answer) -> (Service, Clients) {
    answering(move |_| Some(answer.clone())).await
}

async fn answering(answer: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static) -> (Service, Clients) {
    let service = Service::start(answer).await;
    let clients = clients(&service.endpoint(), "test");
    (service, clients)
}

#[track_caller]
fn unavailable<T: std::fmt::Debug>(result: PortResult<T>) -> String {
    match result {
        Err(error @ PortError::Unavailable { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn denied<T: std::fmt::Debug>(result: PortResult<T>) -> String {
    match result {
        Err(error @ PortError::Denied { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn not_found<T: std::fmt::Debug>(result: PortResult<T>) -> String {
    match result {
        Err(error @ PortError::NotFound { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{text:?} does not say {part:?}");
    }
}
