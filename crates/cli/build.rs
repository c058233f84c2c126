//! Tells the program the revision it is built from.

use std::process::Command;

fn main() {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let revision = git(&["rev-parse", "HEAD"]).unwrap_or_default();
    // Notes and data beside the source do not make the program another.
    let source = ["status", "--porcelain", "--", "../../crates", "../../Cargo.toml", "../../Cargo.lock"];
    let dirty = git(&source).is_some_and(|changes| !changes.is_empty());
    println!("cargo::rustc-env=ATTRACTOR_REVISION={revision}");
    println!("cargo::rustc-env=ATTRACTOR_DIRTY={dirty}");
    for path in
        ["../../crates", "../../Cargo.lock", "../../.git/HEAD", "../../.git/index", "../../.git/refs/heads"]
    {
        // A path that is not there would make every build run this again.
        if std::path::Path::new(path).exists() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
}
