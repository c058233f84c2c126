//! `docs/tour.md`: every command in it, in its order.

use std::path::Path;
use std::process::Command;

use crate::pages::Watched;
use crate::support::Folder;

#[test]
#[cfg(unix)]
fn every_command_of_the_tour_does_what_it_says() {
    let tour = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../docs/tour.md");
    let text = std::fs::read_to_string(tour).unwrap();
    let commands: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("    attractor ")).collect();
    assert!(commands.len() >= 12, "{commands:?}");
    let folder = Folder::new("");
    let program = Path::new(env!("CARGO_BIN_EXE_attractor")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    for command in commands {
        if command == "watch" {
            // which does not end on its own
            assert!(Watched::start(&folder).get("/").contains("<!doctype html>"));
            continue;
        }
        let line = format!("attractor {command}");
        let output = Command::new("sh")
            .args(["-c", &line])
            .current_dir(folder.path())
            .env("PATH", &path)
            .output()
            .unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
    for file in ["report.html", "sweep.html", "pictures/comparison.png", "forecast.npz", "forecast.svg"] {
        assert!(folder.path().join(file).is_file(), "{file}");
    }
    let sweeps = std::fs::read_dir(folder.path().join("runs/sweeps")).unwrap().count();
    assert_eq!(sweeps, 1, "the sweep of the tour, once");
}
