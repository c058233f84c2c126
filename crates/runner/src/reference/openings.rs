//! The comments at the head of the files of systems and models.

/// File stems and texts.
const OPENINGS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/openings.rs"));

/// The text at the head of the file of a system or model, if the file has its name.
pub(super) fn opening(name: &str) -> Option<&'static str> {
    OPENINGS.iter().find(|(stem, _)| *stem == name).map(|(_, text)| *text)
}
