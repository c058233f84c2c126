//! Compiles every file of `catalogue/` into the crate, so that a system given as text needs only its file.

use std::fmt::Write;
use std::path::Path;

fn main() {
    // Where cargo runs this, not where it was compiled: several checkouts may share a folder of build results.
    println!("cargo::rerun-if-changed=catalogue");
    if let Err(fault) = write_list() {
        println!("cargo::error={fault}");
    }
}

/// Writes an entry for every file, from its name and its `about` line.
fn write_list() -> Result<(), String> {
    let entries = std::fs::read_dir("catalogue").map_err(|error| format!("catalogue: {error}"))?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    let mut list = String::from("&[\n");
    for path in &paths {
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let about = text.lines().find_map(|line| line.strip_prefix("about = \"")?.strip_suffix('"'));
        let about = about.ok_or_else(|| format!("{}: no line about = \"...\"", path.display()))?;
        let file = format!("include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/catalogue/{stem}.toml\"))");
        let written = writeln!(
            list,
            "    Entry {{ name: {stem:?}, about: {about:?}, own_names: &[], schema: None, text: Some({file}), \
             defaults: || defaults({file}), build: |given| build({file}, {stem:?}, given) }},"
        );
        written.map_err(|error| error.to_string())?;
    }
    list.push(']');
    let out = std::env::var_os("OUT_DIR").ok_or("no OUT_DIR")?;
    std::fs::write(Path::new(&out).join("catalogue.rs"), list)
        .map_err(|error| format!("the list of systems cannot be written: {error}"))
}
