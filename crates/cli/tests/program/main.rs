//! The built program, used as a stranger would.
#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod commands;
#[cfg(feature = "gpu")]
mod gpu;
mod mistakes;
mod readme;
mod recipes;
mod support;
mod sweep;
mod tensorboard;
