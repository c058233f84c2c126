//! The reference of experiment files, made from the code.
//!
//! The doc comments, types and ranges come from the fields of the structs that an experiment file is read into, by way of
//! `schemars`; the defaults from their `Default`; what a system or a model is from the head of its file. From these are made
//! the texts of `attractor explain`, a JSON schema for editors, and `docs/guide/reference.md`.

mod annotated;
mod explain;
mod keys;
mod markdown;
mod openings;
mod schema;
mod system;
mod words;

pub use explain::{Explained, explain};
pub use markdown::markdown;
pub use schema::schema;

#[cfg(test)]
mod tests;
