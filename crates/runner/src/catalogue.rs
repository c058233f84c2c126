//! Where experiments come from: the folder `experiments/` here, those compiled in, or any file.

use std::path::{Path, PathBuf};

use crate::resolve::{parse, resolve, set, unknown};
use crate::{Experiment, RunError};

/// The experiments that come with the program, so that it also works away from its source.
const BUILT_IN: &[(&str, &str)] = &[
    ("ffnn-lorenz", include_str!("../../../experiments/ffnn-lorenz.toml")),
    ("ffnn-oscillator", include_str!("../../../experiments/ffnn-oscillator.toml")),
    ("rnn-lorenz", include_str!("../../../experiments/rnn-lorenz.toml")),
    ("rnn-oscillator", include_str!("../../../experiments/rnn-oscillator.toml")),
];

const FOLDER: &str = "experiments";

/// Where an experiment was read.
#[derive(Clone, Debug, PartialEq)]
pub enum Origin {
    /// A file.
    File(PathBuf),
    /// Compiled in.
    BuiltIn,
}

/// All experiments that can be named, with the first comment line of their file, in the order of their names.
///
/// A file in `experiments/` of the working folder stands before a built-in one of its name.
pub fn experiments() -> Vec<(String, String)> {
    let mut found: std::collections::BTreeMap<String, String> =
        BUILT_IN.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    for path in std::fs::read_dir(FOLDER).into_iter().flatten().flatten().map(|entry| entry.path()) {
        if path.extension().is_some_and(|extension| extension == "toml")
            && let (Some(stem), Ok(text)) = (path.file_stem(), std::fs::read_to_string(&path))
        {
            found.insert(stem.to_string_lossy().into_owned(), text);
        }
    }
    let about = |text: String| {
        let line = text.lines().next().unwrap_or_default();
        let about = line.strip_prefix('#').unwrap_or_default().trim();
        // Our own files open with their path.
        about.split_once(".toml: ").map_or(about, |(_, about)| about).to_owned()
    };
    found.into_iter().map(|(name, text)| (name, about(text))).collect()
}

/// The name and the resolved form of an experiment given by name or path, with `key=value` overrides.
///
/// # Errors
/// [`RunError::Usage`] for a name that is none, a file that cannot be read, and any mistake in it.
pub fn load(experiment: &str, overrides: &[String]) -> Result<(String, Experiment), RunError> {
    let (name, origin, text) = find(experiment)?;
    let at = match &origin {
        Origin::File(path) => path.display().to_string(),
        Origin::BuiltIn => format!("experiment {name}"),
    };
    let mut table = parse(&text).map_err(|fault| RunError::Usage(format!("{at}: {fault}")))?;
    set(&mut table, overrides).map_err(RunError::Usage)?;
    let resolved = resolve(&table).map_err(|fault| RunError::Usage(format!("{at}: {fault}")))?;
    Ok((name, resolved))
}

fn find(experiment: &str) -> Result<(String, Origin, String), RunError> {
    let in_folder = Path::new(FOLDER).join(format!("{experiment}.toml"));
    let path = if experiment.ends_with(".toml") || experiment.contains(std::path::MAIN_SEPARATOR) {
        PathBuf::from(experiment)
    } else if in_folder.is_file() {
        in_folder
    } else if let Some((name, text)) = BUILT_IN.iter().find(|(name, _)| *name == experiment) {
        return Ok(((*name).to_owned(), Origin::BuiltIn, (*text).to_owned()));
    } else {
        let names = experiments();
        let names = names.iter().map(|(name, _)| name.as_str());
        let message = unknown(&format!("experiment \"{experiment}\""), experiment, names);
        return Err(RunError::Usage(format!("{message}; or give the path of a .toml file")));
    };
    let text = std::fs::read_to_string(&path)
        .map_err(|error| RunError::Usage(format!("{} cannot be read: {error}", path.display())))?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok((name, Origin::File(path), text))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{NETWORKS, SYSTEMS};

    #[test]
    fn the_folder_and_what_is_compiled_in_agree_and_name_what_they_hold() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../experiments");
        let mut stems: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        stems.sort();
        assert_eq!(stems, BUILT_IN.iter().map(|(name, _)| *name).collect::<Vec<_>>());
        for (name, text) in BUILT_IN {
            let experiment = resolve(&parse(text).unwrap()).unwrap();
            let (model, system) = name.split_once('-').unwrap();
            assert_eq!(
                (experiment.model["name"].as_str(), experiment.system["name"].as_str()),
                (Some(model), Some(system))
            );
            assert!(text.starts_with(&format!("# experiments/{name}.toml: ")), "{name}");
        }
        for network in NETWORKS {
            for system in SYSTEMS {
                let name = format!("{}-{}", network.name, system.name);
                assert!(stems.contains(&name), "{name} is missing");
            }
        }
    }

    #[test]
    fn a_name_that_is_none_and_a_file_that_is_not_there_are_told() {
        let message = load("rnn-lorentz", &[]).unwrap_err().to_string();
        assert!(message.contains("did you mean \"rnn-lorenz\"") && message.contains(".toml"), "{message}");
        let message = load("nowhere/x.toml", &[]).unwrap_err().to_string();
        assert!(message.contains("nowhere/x.toml cannot be read"), "{message}");
    }
}
