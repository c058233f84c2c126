//! Where experiments come from: the folder `experiments/` here, those compiled in, or any file.

use std::path::Path;

use autodiff::unknown;
use pde::systems::SYSTEMS as FIELDS;
use sim::systems::SYSTEMS;
use toml::{Table, Value};

use crate::resolve::{fill, parse, resolve, set};
use crate::run::Run;
use crate::text::read;
use crate::{Experiment, RunError};

/// The experiments that come with the program, so that it also works away from its source.
const BUILT_IN: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/experiments.rs"));

const FOLDER: &str = "experiments";

/// All experiments that can be named, with the first comment line of their file, in the order of their names.
///
/// A file in `experiments/` of the working folder stands before a built-in one of its name.
pub fn experiments() -> Vec<(String, String)> {
    let mut found: std::collections::BTreeMap<String, String> =
        BUILT_IN.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    for path in std::fs::read_dir(FOLDER).into_iter().flatten().flatten().map(|entry| entry.path()) {
        if path.extension().is_some_and(|extension| extension == "toml")
            && let (Some(stem), Ok(text)) = (path.file_stem(), read(&path))
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
    let source = Source::find(experiment)?;
    let resolved = source.resolve(overrides)?;
    Ok((source.name, resolved))
}

/// Whether this is the name of a system, or a path of an experiment file, from which its system can be taken.
pub fn names_system(named: &str) -> bool {
    named.ends_with(".toml")
        || SYSTEMS.iter().any(|entry| entry.name == named)
        || FIELDS.iter().any(|entry| entry.name == named)
}

/// The seed, system and data of a system with its defaults, or of an experiment file, with overrides. The other sections
/// of a file may be missing. If they are present, their keys and types are checked as for a training, but not their
/// values.
pub(crate) fn data_of(named: &str, overrides: &[String]) -> Result<Experiment, RunError> {
    let key = |pair: &str| pair.split('=').next().unwrap_or_default().trim().to_owned();
    if let Some(pair) = overrides.iter().find(|pair| ["system", "system.name"].contains(&&*key(pair))) {
        return Err(RunError::Usage(format!(
            "{pair} has no meaning here: the system is the one that is named, {named}"
        )));
    }
    let with_name =
        |name: &str| Value::Table(Table::from_iter([("name".into(), Value::String(name.into()))]));
    let (at, mut table) = if named.ends_with(".toml") {
        let Source { at, table, .. } = Source::read(Path::new(named))?;
        (format!("{at}: "), table)
    } else {
        (String::new(), Table::from_iter([("system".into(), with_name(named))]))
    };
    if table.contains_key("recording") {
        return Err(RunError::Usage(format!(
            "{at}it learns from a recording, which has no equation; name a system, or an experiment with one"
        )));
    }
    table.entry("model").or_insert_with(|| with_name("ffnn"));
    // nothing is scored, so that the exponent is not wanted
    let evaluate = table.entry("evaluate").or_insert_with(|| Value::Table(Table::new()));
    if let Some(evaluate) = evaluate.as_table_mut() {
        evaluate.entry("lyapunov_exponent").or_insert(Value::Float(0.0));
    }
    set(&mut table, overrides).map_err(RunError::Usage)?;
    fill(&table).map_err(|fault| RunError::Usage(format!("{at}{fault}")))
}

/// An experiment file.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// The name of the experiment.
    pub(crate) name: String,
    /// What the file says.
    pub(crate) text: String,
    /// Where it was found.
    at: String,
    /// What that says, as a table.
    pub(crate) table: toml::Table,
}

impl Source {
    /// The experiment of this name, or in the file of this path.
    pub(crate) fn find(experiment: &str) -> Result<Self, RunError> {
        let in_folder = Path::new(FOLDER).join(format!("{experiment}.toml"));
        if experiment.ends_with(".toml") || experiment.contains(std::path::MAIN_SEPARATOR) {
            Source::read(Path::new(experiment))
        } else if in_folder.is_file() {
            Source::read(&in_folder)
        } else if let Some((name, text)) = BUILT_IN.iter().find(|(name, _)| *name == experiment) {
            Source::parse((*name).to_owned(), format!("experiment {name}"), (*text).to_owned())
        } else {
            let names = experiments();
            let names = names.iter().map(|(name, _)| name.as_str());
            let message = unknown(&format!("experiment \"{experiment}\""), experiment, names);
            Err(RunError::Usage(format!("{message}; or give the path of a .toml file")))
        }
    }

    /// The experiment in this file.
    pub(crate) fn read(path: &Path) -> Result<Self, RunError> {
        let text = read(path)?;
        // A run's experiment.toml belongs to the experiment of the run; training from it repeats that experiment.
        let name = match Run::of_experiment_file(path) {
            Some(run) => run.name(),
            None => path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        };
        // It becomes the name of a folder, and an argument of other commands.
        let plain = |c: char| c.is_alphanumeric() || "-_. ".contains(c);
        if !name.starts_with(char::is_alphanumeric) || !name.chars().all(plain) {
            return Err(RunError::Usage(format!(
                "{}: the name of an experiment must begin with a letter or digit and hold only those, spaces, and - _ .",
                path.display()
            )));
        }
        Source::parse(name, path.display().to_string(), text)
    }

    fn parse(name: String, at: String, text: String) -> Result<Self, RunError> {
        let table = parse(&text).map_err(|fault| RunError::Usage(format!("{at}: {fault}")))?;
        Ok(Source { name, text, at, table })
    }

    /// The experiment with these overrides.
    pub(crate) fn resolve(&self, overrides: &[String]) -> Result<Experiment, RunError> {
        let mut table = self.table.clone();
        set(&mut table, overrides).map_err(RunError::Usage)?;
        resolve(&table).map_err(|fault| RunError::Usage(format!("{}: {fault}", self.at)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MODELS, SYSTEMS};

    #[test]
    fn every_experiment_resolves_and_is_named_after_what_it_holds() {
        for (name, text) in BUILT_IN {
            // Recordings are named from the root of the repository.
            let root = std::env::var("CARGO_MANIFEST_DIR").unwrap() + "/../..";
            let resolved = text.replace("\"datasets/", &format!("\"{root}/datasets/"));
            let experiment = resolve(&parse(&resolved).unwrap()).unwrap();
            let (model, source) = (experiment.model["name"].as_str().unwrap(), experiment.source().unwrap());
            let system = experiment.system["name"].as_str().unwrap_or(source.name());
            // A polynomial of degree 1 may be called what it is.
            let linear = (model == "polynomial" && experiment.model["degree"] == 1).then_some("linear");
            let fits = |model: &str| name.starts_with(&format!("{model}-{system}"));
            assert!(fits(model) || linear.is_some_and(fits), "{name} holds {model} and {system}");
            assert!(text.starts_with(&format!("# experiments/{name}.toml: ")), "{name}");
        }
    }

    #[test]
    fn the_systems_that_ship_as_equations_too_are_those_in_rust() {
        for name in ["van_der_pol", "rossler"] {
            let of = |name: &str| load(name, &[]).unwrap().1;
            let [text, rust] = [of(&format!("ffnn-equations-{name}")), of(&format!("ffnn-{name}"))];
            assert_eq!(text.data, rust.data, "{name}");
            let [text, rust] = [text, rust].map(|experiment| experiment.build_system().unwrap());
            let times = trajectory::Times::up_to(10.0, 0.05).unwrap();
            let starts: Vec<Vec<f64>> = (0..40)
                .map(|i| {
                    rust.random_start(
                        &rust.initial_region(),
                        &mut trajectory::random::stream(0, "both ways", i),
                    )
                })
                .collect();
            let [a, b] = [&text, &rust]
                .map(|system| system.ensemble(&starts, &times, &sim::Solver::default()).unwrap());
            let off = a.u().iter().zip(b.u()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(off < 1e-9, "{name}: {off:e}");
        }
    }

    #[test]
    fn the_system_of_a_file_is_taken_without_its_training() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mine.toml");
        let text = "seed = 7\n[system]\nname = \"equations\"\nstate = { theta = \"p\", p = \"-g*sin(theta)\" }\n\
                    parameters = { g = 1.0 }\ninitial = { p = [-1.0, 1.0], theta = [0.0, 1.0] }\n[data]\ndt = 0.02\n\
                    [train]\nsteps = 3\n";
        std::fs::write(&file, text).unwrap();
        let file = file.to_str().unwrap();
        let found = data_of(file, &["system.parameters.g=2".into()]).unwrap();
        let system = found.build_system().unwrap();
        // in the order of the file, which is not that of the alphabet
        let names: Vec<String> = system.components().into_iter().map(|component| component.name).collect();
        assert_eq!((names, found.data.dt, found.seed), (vec!["theta".into(), "p".into()], 0.02, 7));
        assert_eq!(found.data.initial, [[0.0, 1.0], [-1.0, 1.0]]);
        let mut jacobian = [0.0; 4];
        system.jacobian(0.0, &[0.0, 0.0], &mut jacobian);
        assert_eq!(jacobian, [0.0, 1.0, -2.0, 0.0]);
        let wrong = data_of(file, &["system.parameter.g=2".into()]).unwrap_err().to_string();
        assert!(wrong.contains("mine.toml") && wrong.contains("parameters"), "{wrong}");
        assert!(names_system(file) && names_system("lorenz") && !names_system("rnn-lorenz"));
    }

    #[test]
    fn a_misspelt_key_is_refused_whatever_the_file_is_read_for() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mine.toml");
        let path = file.to_str().unwrap();
        let whole = "seed = 7\n[system]\nname = \"lorenz\"\n[data]\ndt = 0.02\n[model]\nname = \"rnn\"\n";
        for (text, words) in [
            (whole.replace("[data]", "[Data]"), ["Data", "\"data\""]),
            (whole.replace("seed", "sead"), ["sead", "\"seed\""]),
            (whole.replace("dt =", "tt ="), ["data.tt", "\"dt\""]),
            (whole.replace("\"rnn\"", "\"rn\""), ["rn", "\"rnn\""]),
            (format!("{whole}[train]\nstep = 3\n"), ["train.step", "\"steps\""]),
            (format!("{whole}[evaluate]\nstart = 3\n"), ["evaluate.start", "\"starts\""]),
        ] {
            std::fs::write(&file, text).unwrap();
            let alike = [data_of(path, &[]).unwrap_err(), load(path, &[]).unwrap_err()];
            let [of_data, of_training] = alike.map(|error| error.to_string());
            assert_eq!(of_data, of_training);
            assert!(of_data.contains("mine.toml"), "{of_data}");
            assert!(words.iter().all(|word| of_data.contains(word)), "{of_data}");
        }
        // a wrong value in a section for training does not matter to a simulation
        std::fs::write(&file, format!("{whole}[evaluate]\nstarts = 0\n")).unwrap();
        assert!(data_of(path, &[]).is_ok() && load(path, &[]).is_err());
        std::fs::write(&file, whole).unwrap();
        for (pair, words) in [("sead=5", ["sead", "\"seed\""]), ("Data.dt=0.1", ["Data", "\"data\""])] {
            let message = data_of(path, &[pair.into()]).unwrap_err().to_string();
            assert!(words.iter().all(|word| message.contains(word)), "{message}");
        }
    }

    #[test]
    fn a_file_in_another_encoding_is_told_which_and_how_to_change_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mine.toml");
        let path = file.to_str().unwrap();
        let text = "# Zürich\n[system]\nname = \"lorenz\"\n[model]\nname = \"rnn\"\n";
        let utf16 = |order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
        let latin: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
        for (bytes, words) in [
            ([&[0xff, 0xfe][..], &utf16(u16::to_le_bytes)].concat(), ["UTF-16", "save it as UTF-8"]),
            ([&[0xfe, 0xff][..], &utf16(u16::to_be_bytes)].concat(), ["UTF-16", "save it as UTF-8"]),
            (utf16(u16::to_le_bytes), ["UTF-16", "save it as UTF-8"]),
            (latin, ["line 1, column 4: the byte 0xfc", "Latin-1 (Windows-1252) it is \"ü\""]),
        ] {
            std::fs::write(&file, bytes).unwrap();
            let message = load(path, &[]).unwrap_err().to_string();
            assert!(message.contains("mine.toml"), "{message}");
            assert!(words.iter().all(|word| message.contains(word)), "{message}");
        }
        for start in ["", "\u{feff}"] {
            std::fs::write(&file, format!("{start}{text}")).unwrap();
            assert_eq!(load(path, &[]).unwrap().1.model["name"], "rnn");
        }
    }

    #[test]
    fn every_network_and_every_system_has_an_experiment() {
        for model in MODELS {
            assert!(BUILT_IN.iter().any(|(name, _)| name.starts_with(&format!("{}-", model.name))));
        }
        // there are many systems given as text, and they all work alike
        for system in SYSTEMS.iter().filter(|system| system.text.is_none()) {
            assert!(BUILT_IN.iter().any(|(name, _)| name.contains(&format!("-{}", system.name))));
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
