//! The real use cases converge, whatever order the world chooses and whatever goes wrong; and the simulation notices
//! when a defence is missing. See `lazycat_tests::simulation`.
//!
//! `SIMULATION_SEED=... cargo test --package lazycat-tests --test convergence -- --nocapture the_seed` repeats a run and
//! tells it step by step.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod bad_variants;
mod scopes;
mod seeds;
