//! The reference of experiment files, as the program prints it.

use std::path::Path;
use std::process::Command;

use crate::support::{Folder, refused};

#[test]
fn explain_prints_keys_names_and_experiments_for_people_and_for_pipes() {
    let folder = Folder::new("[system]\nname = \"lorenz\"\n[model]\nname = \"gru\"\nhidden = 9\n");
    let steps = folder.ok(&["explain", "train.steps"]);
    assert!(steps.contains("default  20000") && steps.contains("whole number from 1 to 1e12"), "{steps}");
    let lorenz = folder.ok(&["explain", "lorenz"]);
    assert!(lorenz.contains("Rayleigh") && lorenz.contains("Lorenz (1963)"), "{lorenz}");
    for arguments in [&["tiny.toml"][..], &["./tiny.toml", "train.steps=5"], &["rnn-lorenz", "train.steps=5"]]
    {
        let file = folder.ok(&[&["explain"], arguments].concat());
        let steps = if arguments.len() > 1 { 5 } else { 20_000 };
        assert!(file.contains(&format!("\nsteps = {steps}\n")), "{arguments:?}: {file}");
        assert!(file.lines().all(|line| line.chars().count() <= 80), "{file}");
        assert!(file.contains("# Number of optimiser steps.\n"), "{file}");
        // it is an experiment, and the same one
        folder.write("again.toml", &file);
        let settings =
            |file: &str| file.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
        assert_eq!(settings(&folder.ok(&["explain", "again.toml"])), settings(&file), "{arguments:?}");
    }
}

#[test]
fn a_name_that_explain_does_not_know_is_refused_with_the_nearest_one() {
    let folder = Folder::new("");
    refused(&folder, &["explain", "train.optimiser"], 2, &["did you mean \"train.optimizer\""]);
    refused(&folder, &["explain", "steps"], 2, &["train.steps"]);
    refused(&folder, &["explain", "nothing.toml"], 2, &["nothing.toml cannot be read"]);
    refused(
        &folder,
        &["explain", "lstm", "train.steps=5"],
        2,
        &["lstm is a model", "only an experiment has settings"],
    );
    refused(&folder, &["explain"], 2, &["NAME"]);
}

#[test]
fn of_a_system_and_an_experiment_of_one_name_the_system_is_explained() {
    let folder = Folder::new("");
    std::fs::create_dir(folder.path().join("experiments")).unwrap();
    folder.write("experiments/lorenz.toml", "system = \"lorenz\"\nmodel = \"rnn\"\n");
    let output = folder.run(&["explain", "lorenz"]);
    let (text, note) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(text.starts_with("lorenz: x' ="), "{text}");
    assert!(note.contains("also an experiment") && note.contains(".toml"), "{note}");
    // with a setting it can only be the experiment
    let file = folder.ok(&["explain", "lorenz", "seed=3"]);
    assert!(file.contains("\nseed = 3\n"), "{file}");
}

#[test]
fn the_reference_of_the_guide_is_made_from_the_code() {
    let path = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../docs/guide/reference.md");
    let page = std::fs::read_to_string(path).unwrap_or_default().replace("\r\n", "\n");
    let made = Folder::new("").ok(&["explain", "--markdown"]);
    let differing = made.lines().zip(page.lines()).find(|(made, page)| made != page);
    assert!(
        page == made,
        "docs/guide/reference.md is not what the code says: {differing:?}. Make it again by `cargo run --release -- explain \
         --markdown > docs/guide/reference.md`"
    );
}

#[test]
fn the_schema_is_json_with_every_section() {
    let schema: serde_json::Value = serde_json::from_str(&Folder::new("").ok(&["schema"])).unwrap();
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    let sections: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
    assert_eq!(sections, ["seed", "system", "recording", "data", "model", "train", "evaluate"]);
    let steps = &schema["properties"]["train"]["properties"]["steps"];
    assert_eq!(
        (&steps["type"], &steps["default"], &steps["minimum"]),
        (&"integer".into(), &20_000.into(), &1.into())
    );
}

/// Runs the linter of a TOML language server over a file of the folder, with our schema; whether it found nothing wrong, and
/// what it said.
fn taplo(folder: &Folder, file: &Path) -> (bool, String) {
    let program = std::env::var("ATTRACTOR_TAPLO").unwrap();
    let schema = format!("file://{}", folder.path().join("attractor.schema.json").display());
    let output = Command::new(program)
        .args(["lint", "--no-auto-config", "--colors", "never", "--schema", &schema])
        .arg(file)
        .current_dir(folder.path())
        .output()
        .unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
#[ignore = "needs ATTRACTOR_TAPLO, the path of taplo, a TOML language server (pip install taplo)"]
fn a_toml_language_server_accepts_every_experiment_and_no_mistake() {
    let folder = Folder::new("");
    let schema = folder.ok(&["schema"]);
    folder.write("attractor.schema.json", &schema);
    let experiments = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../experiments");
    let mut count = 0;
    for entry in std::fs::read_dir(experiments).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let (fine, said) = taplo(&folder, &path);
            assert!(fine, "{}: {said}", path.display());
            count += 1;
        }
    }
    assert!(count > 20, "{count}");
    folder.write("explained.toml", &folder.ok(&["explain", "rnn-lorenz"]));
    let (fine, said) = taplo(&folder, Path::new("explained.toml"));
    assert!(fine, "{said}");
    for wrong in [
        "[train]\nstep = 10\n",
        "[train]\nsteps = \"many\"\n",
        "[train]\nsteps = 0\n",
        "[model]\nname = \"lstm\"\nhiden = 8\n",
        "[system]\nname = \"lorentz\"\n",
        "[train]\noptimizer = { name = \"adam\", momentum = 0.9 }\n",
        "[recording]\nfiles = 3\n",
    ] {
        folder.write("wrong.toml", wrong);
        let (fine, said) = taplo(&folder, Path::new("wrong.toml"));
        assert!(!fine, "{wrong} is accepted: {said}");
    }
}
