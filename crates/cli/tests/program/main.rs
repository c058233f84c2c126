//! The built program, used as a stranger would.
#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

#[path = "../../../watch/tests/browser/mod.rs"]
mod browser;
mod commands;
mod derive;
mod fields;
mod frameworks;
#[cfg(feature = "gpu")]
mod gpu;
#[path = "../../../watch/tests/folder/hostile.rs"]
mod hostile;
mod lyapunov;
mod mistakes;
mod pages;
mod readme;
mod recipes;
mod recordings;
mod reference;
mod shards;
mod support;
mod sweep;
mod tensorboard;
mod terminal;
mod tour;
