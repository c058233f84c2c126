//! Compiles in every file of `experiments/`, so that an experiment is one file and nothing else.

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
    let out = std::env::var_os("OUT_DIR").map(|out| Path::new(&out).join("experiments.rs"));
    // A new file, never the old one with other contents: the gate builds in a copy made of hard links.
    let write = |out: std::path::PathBuf| {
        let _ = std::fs::remove_file(&out);
        std::fs::write(out, list)
    };
    if let Some(Err(error)) = out.map(write) {
        println!("cargo::error=the list of experiments cannot be written: {error}");
    }
}
