//! Compiles in every file of `experiments/`, so that an experiment is one file and nothing else; and the text at the head of
//! the file of each system and model, which `attractor explain` shows.

use std::path::Path;

fn main() {
    // Where cargo runs this, not where it was compiled: several checkouts may share a folder of build results.
    let folder = Path::new("../../experiments");
    println!("cargo::rerun-if-changed=../../experiments");
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    paths.sort();
    let mut list = String::from("&[\n");
    for path in &paths {
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let inside = format!("/../../experiments/{stem}.toml");
        list +=
            &format!("    ({stem:?}, include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {inside:?}))),\n");
    }
    list.push(']');
    write("experiments.rs", &list);
    write("openings.rs", &openings());
}

/// Writes a file for the crate to include.
fn write(name: &str, list: &str) {
    let Some(out) = std::env::var_os("OUT_DIR") else { return };
    let out = Path::new(&out).join(name);
    // A new file, never the old one with other contents: the gate builds in a copy made of hard links.
    let _ = std::fs::remove_file(&out);
    if let Err(error) = std::fs::write(&out, list) {
        println!("cargo::error=the list {name} cannot be written: {error}");
    }
}

/// The comments `//!` at the head of the files of systems and models, by the stem of the file.
fn openings() -> String {
    let folders = [
        "../sim/src/systems",
        "../pde/src/systems",
        "../pde/src/systems/schrodinger",
        "../models/src/networks",
        "../models/src/baselines",
    ];
    let mut list = String::from("&[\n");
    for folder in folders {
        println!("cargo::rerun-if-changed={folder}");
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            let (Some(stem), Ok(text)) = (path.file_stem(), std::fs::read_to_string(&path)) else { continue };
            let lines = text.lines().map_while(|line| line.strip_prefix("//!"));
            let opening: Vec<&str> = lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
            // A system with a folder of its own has its text at the head of `mod.rs`.
            let name = if stem == "mod" { Path::new(folder).file_name() } else { Some(stem) };
            if let Some(name) = name.filter(|name| *name != "tests") {
                // Brackets are escaped where documentation would take them for links.
                let text = opening.join("\n").replace("\\[", "[").replace("\\]", "]");
                list += &format!("    ({:?}, {:?}),\n", name.to_string_lossy(), text);
            }
        }
    }
    list.push(']');
    list
}
