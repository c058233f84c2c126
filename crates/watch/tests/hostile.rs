//! Folders that hold what no training left there.
#![cfg(target_os = "linux")] // names that others refuse, links, pipes, and states by the table of locks
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot go on has failed

mod folder;

use std::path::Path;
use std::time::SystemTime;

use folder::hostile;
use folder::{answer, complete, get, log, results, rows, serve, stopped, training};
use serde_json::Value;

fn of<'a>(rows: &'a [Value], experiment: &str) -> &'a Value {
    rows.iter().find(|row| row["experiment"] == experiment).unwrap_or_else(|| panic!("no {experiment}"))
}

#[test]
fn hostile_names_are_told_as_names() {
    let runs = tempfile::tempdir().unwrap();
    let names = hostile::names();
    for name in &names {
        let run = complete(runs.path(), name, name);
        let mut told = results(&hostile::long());
        told["model"] = hostile::long().into();
        std::fs::write(run.join("results.json"), told.to_string()).unwrap();
    }
    let address = serve(runs.path());
    let rows = rows(address, |rows| rows.len() == names.len());
    for name in &names {
        let row = of(&rows, &hostile::shown(name));
        assert_eq!(row["run"], hostile::shown(name));
        assert_eq!(row["state"], "complete");
        assert_eq!(row["about"], format!("{} on lorenz, seed 3", hostile::long()));
        let (head, body) = get(address, &format!("/run/{}/report", row["key"].as_str().unwrap()));
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        for markup in ["<script>window", "</script><script", "<img", "<svg on", "<i on"] {
            assert!(!body.contains(markup), "{name}: {body}");
        }
    }
}

#[test]
fn broken_files_are_a_fault_of_their_run() {
    let runs = tempfile::tempdir().unwrap();
    let path = runs.path();
    let write = |run: &Path, name: &str, bytes: &[u8]| std::fs::write(run.join(name), bytes).unwrap();
    let whole = results("x").to_string();
    write(&stopped(path, "cut", "1"), "results.json", &whole.as_bytes()[..whole.len() / 2]);
    write(&stopped(path, "empty", "1"), "results.json", b"");
    write(&stopped(path, "binary", "1"), "results.json", &[0, 159, 146, 150, 255]);
    write(&stopped(path, "other", "1"), "results.json", b"{\"train\": [1, 2]}");
    write(&stopped(path, "deep", "1"), "results.json", "[".repeat(100_000).as_bytes());
    write(&stopped(path, "toml", "1"), "experiment.toml", b"seed = <script>");
    let nested = format!("seed = {}", "[".repeat(100_000));
    write(&stopped(path, "nested", "1"), "experiment.toml", nested.as_bytes());
    write(&stopped(path, "types", "1"), "experiment.toml", b"seed = \"one\"");
    write(&stopped(path, "metrics", "1"), "metrics.jsonl", b"{\"step\": 1}\n\xff\xfe\n");
    let huge = std::fs::File::create(stopped(path, "huge", "1").join("results.json")).unwrap();
    huge.set_len(1 << 40).unwrap();
    std::fs::create_dir(stopped(path, "folder", "1").join("results.json")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", stopped(path, "link", "1").join("results.json")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", stopped(path, "endless", "1").join("results.json")).unwrap();
    let pipe = stopped(path, "pipe", "1").join("results.json");
    assert!(std::process::Command::new("mkfifo").arg(pipe).status().unwrap().success());
    complete(path, "sound", "1");
    // A fault of a run in progress does not hide that it is in progress.
    let (run, _lock) = training(path, "running", "1", 100);
    write(&run, "metrics.jsonl", b"nonsense\n");

    let address = serve(path);
    let rows = rows(address, |rows| rows.len() == 16);
    for row in &rows {
        let (name, key) = (row["experiment"].as_str().unwrap(), row["key"].as_str().unwrap());
        let expected = match name {
            "sound" => "complete",
            "running" => "training",
            _ => "broken",
        };
        assert_eq!(row["state"], expected, "{row:#}");
        let fault = row["fault"].as_str().unwrap_or_default();
        assert_eq!(fault.is_empty(), name == "sound", "{row:#}");
        assert!(!fault.contains("root:"), "{fault}");
        let (head, body) = get(address, &format!("/run/{key}/report"));
        assert!(head.starts_with("HTTP/1.1 200") || head.starts_with("HTTP/1.1 422"), "{name}: {head}");
        assert!(!body.contains("root:"), "{name}: {body}");
    }
    assert!(of(&rows, "cut")["fault"].as_str().unwrap().contains("results.json does not hold"));
    assert!(of(&rows, "huge")["fault"].as_str().unwrap().contains("too large"));
    assert!(of(&rows, "metrics")["fault"].as_str().unwrap().contains("line 1 of metrics.jsonl"));
}

/// Names, contents, and times of change of everything in a folder.
fn snapshot(folder: &Path) -> Vec<(String, SystemTime, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let (path, metadata) = (entry.path(), entry.metadata().unwrap());
        let bytes = if metadata.is_dir() { Vec::new() } else { std::fs::read(&path).unwrap() };
        all.push((path.display().to_string(), metadata.modified().unwrap(), bytes));
        if metadata.is_dir() {
            all.extend(snapshot(&path));
        }
    }
    all.sort();
    all
}

#[test]
fn nothing_is_written_and_no_lock_is_taken() {
    let runs = tempfile::tempdir().unwrap();
    complete(runs.path(), "a", "1");
    let idle = stopped(runs.path(), "b", "1");
    let (_, _lock) = training(runs.path(), "c", "1", 100);
    let before = snapshot(runs.path());
    let address = serve(runs.path());
    let listener =
        std::thread::spawn(move || rows(address, |rows| rows.iter().any(|row| row["step"] == 300)));
    for row in rows(address, |rows| rows.len() == 3) {
        get(address, &format!("/run/{}/report", row["key"].as_str().unwrap()));
    }
    for request in ["DELETE /run/x HTTP/1.1", "POST / HTTP/1.1"] {
        answer(address, format!("{request}\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes());
    }
    // A training may begin at any moment while the folder is being looked at.
    let file = std::fs::File::open(idle.join("experiment.toml")).unwrap();
    let begin = std::time::Instant::now();
    while begin.elapsed() < std::time::Duration::from_secs(3) {
        file.try_lock().expect("nobody else holds it");
        file.unlock().unwrap();
    }
    assert!(snapshot(runs.path()) == before, "something in the folder has changed");
    log(&idle, 300);
    listener.join().unwrap();
}

#[test]
fn a_thousand_runs_are_looked_through_in_time() {
    let runs = tempfile::tempdir().unwrap();
    for number in 0..1000 {
        complete(runs.path(), &format!("e{}", number % 20), &format!("{number:04}"));
    }
    let address = serve(runs.path());
    let begin = std::time::Instant::now();
    rows(address, |rows| rows.len() == 1000);
    // A few tenths of a second on an idle machine.
    assert!(begin.elapsed().as_secs() < 20, "{:?}", begin.elapsed());
}
