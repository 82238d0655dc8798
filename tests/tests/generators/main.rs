//! Generators: real processes, most of them bad, and the use case over them.

#![allow(clippy::unwrap_used, clippy::panic)]

mod documented;
mod from_request;
mod packages;
mod programs;
mod world;
