//! Generators: whoever makes an item, the catalog takes it.
//!
//! A generator is a program that reads requests and writes items, one JSON object a line ([`protocol`]), or a package of
//! stactools that is run once for each request ([`stactools`]), or our own generator of scenes, in process ([`scenes`]).
//! Requests come as messages, in the shape of eoapi's StactoolsItemGenerator or in our own ([`request`]):
//!
//! ```text
//! messages -> decode -> RunGenerators -> check -> (KeepMade what is too long for a message) -> PublishMade
//! ```
//!
//! Layout:
//!
//! - pure code: [`protocol`], [`request`], [`stactools`], [`configuration`] says which generators there are, [`made`]
//!   checks what they give and makes messages of it;
//! - [`from_request`]: the use case;
//! - [`ports`]: what it needs of the world.
//!
//! The adapter that runs programs is `crate::process`. `docs/generators.md` is for those who write generators.

pub mod configuration;
pub mod from_request;
pub mod made;
pub mod ports;
pub mod protocol;
pub mod request;
pub mod scenes;
pub mod stactools;
