//! Sweeps: every combination once, whatever happens to the processes.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Folder, results, timeless};

const TINY: &str = r#"# a test
[system]
name = "oscillator"
[data]
trajectories = 10
[model]
name = "ffnn"
hidden = 4
depth = 1
[train]
steps = 50
batch_size = 64
validate_every = 25
[evaluate]
starts = 5
transient = 2.0
polynomial_degree = 1
"#;

/// The folder that a sweep prints last.
fn folder_of(folder: &Folder, output: &Output) -> PathBuf {
    let said = String::from_utf8_lossy(&output.stdout);
    folder.path().join(said.lines().last().unwrap())
}

fn stderr(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!said.contains("panicked"), "{said}");
    said
}

/// The run directories of an entry.
fn runs(sweep: &Path, index: usize) -> Vec<PathBuf> {
    let folder = sweep.join(format!("{index:04}/tiny"));
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

#[test]
fn a_folder_whose_experiment_was_changed_is_not_mixed_with_another() {
    let folder = Folder::new(TINY);
    let arguments = ["sweep", "tiny.toml", "seed=0..2"];
    let sweep = folder_of(&folder, &folder.run(&arguments));
    let inside = sweep.join("tiny.toml");
    std::fs::write(&inside, TINY.replace("hidden = 4", "hidden = 5")).unwrap();
    std::fs::remove_dir_all(sweep.join("0001")).unwrap();
    let refused = folder.run(&arguments);
    assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("holds another sweep"), "{}", stderr(&refused));
    assert!(!sweep.join("0001").exists());
    // what is said of an entry that is done needs no lock
    let done = folder.run(&["worker", sweep.to_str().unwrap(), "--index", "0"]);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
}

#[test]
fn every_combination_runs_once_and_is_skipped_the_second_time() {
    let folder = Folder::new(TINY);
    let arguments = ["sweep", "tiny.toml", "model.hidden=4,8", "seed=0..=1", "train.optimizer=adam"];
    let listed = folder.ok(&[&arguments[..], &["--dry-run"]].concat());
    assert!(listed.starts_with("0000 model.hidden=4 seed=0 train.optimizer=adam\n0001 "), "{listed}");
    assert!(listed.lines().last().unwrap().starts_with("4 runs of runs/sweeps/tiny-"), "{listed}");
    assert!(!folder.path().join("runs").exists());

    let first = folder.run(&[&arguments[..], &["--jobs", "2"]].concat());
    assert_eq!(first.status.code(), Some(0), "{}", stderr(&first));
    assert!(stderr(&first).contains("4 ran, 0 skipped"), "{}", stderr(&first));
    assert!(stderr(&first).contains("4 of 4"), "{}", stderr(&first));
    let sweep = folder_of(&folder, &first);
    assert!(listed.trim().ends_with(sweep.file_name().unwrap().to_str().unwrap()));
    let about: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(sweep.join("sweep.json")).unwrap()).unwrap();
    assert_eq!(about["keys"], serde_json::json!(["model.hidden", "seed"]));
    assert_eq!(about["entries"][2][0], "model.hidden=8");
    assert_eq!(std::fs::read_to_string(sweep.join("tiny.toml")).unwrap(), TINY);
    let [run] = &runs(&sweep, 3)[..] else { panic!("not one run") };
    assert!(std::fs::read_to_string(sweep.join("0003/log.txt")).unwrap().contains("training ffnn"));
    // an ordinary run, with the bytes of one
    let alone = folder.train(&["tiny.toml", "model.hidden=8", "seed=1"]);
    let model = |run: &Path| std::fs::read(run.join("model.safetensors")).unwrap();
    assert!(model(run) == model(&alone));
    assert_eq!(timeless(results(run)), timeless(results(&alone)));
    let shown = folder.ok(&["show", "tiny", "--runs", sweep.join("0003").to_str().unwrap()]);
    assert!(shown.lines().last().unwrap().ends_with(run.file_name().unwrap().to_str().unwrap()));

    // A comment changes no run.
    folder.write("tiny.toml", &TINY.replace("# a test", "# the same"));
    let again = folder.run(&arguments);
    assert_eq!((again.status.code(), folder_of(&folder, &again)), (Some(0), sweep.clone()));
    assert!(stderr(&again).contains("0 ran, 4 skipped"), "{}", stderr(&again));
    assert!((0..4).all(|index| runs(&sweep, index).len() == 1));
    // A setting of the file is another sweep.
    folder.write("tiny.toml", &TINY.replace("depth = 1", "depth = 2"));
    let other = folder.ok(&[&arguments[..], &["--dry-run"]].concat());
    assert!(!other.trim().ends_with(sweep.file_name().unwrap().to_str().unwrap()));

    let named = sweep.to_str().unwrap();
    let shown = folder.run(&["show", named]);
    assert_eq!(shown.status.code(), Some(2));
    assert!(stderr(&shown).contains("is a sweep, not a run") && stderr(&shown).contains("0000/tiny"));
}

#[test]
fn one_failure_does_not_end_the_rest() {
    let folder = Folder::new(TINY);
    let arguments = [
        "sweep",
        "tiny.toml",
        "train.optimizer.learning_rate=1e10,1e-3",
        "seed=0,1",
        "train.validate_every=1",
    ];
    for (ran, skipped) in [(2, 0), (0, 2)] {
        let output = folder.run(&arguments);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.contains(&format!("{ran} ran, {skipped} skipped")) && said.contains("2 failed"),
            "{said}"
        );
        let list: Vec<&str> = said.lines().filter(|line| line.starts_with("failed: ")).collect();
        assert_eq!(list.len(), 2, "{said}");
        for (index, line) in list.iter().enumerate() {
            let entry = format!("failed: {index:04} train.optimizer.learning_rate=1e10 seed={index}");
            assert!(line.starts_with(&entry) && line.contains("loss became"), "{line}");
        }
        let sweep = folder_of(&folder, &output);
        assert!((0..4).all(|index| runs(&sweep, index).len() == 1));
        assert!(runs(&sweep, 2)[0].join("results.json").exists());
    }
}

#[test]
fn mistakes_are_refused_before_anything_is_written() {
    let folder = Folder::new(TINY);
    folder.write("blocked", "a file where a folder should be");
    for (arguments, words) in [
        (&["tiny.toml", "model.hidden=8,0", "seed=0..2"][..], &["model.hidden=0 seed=0", "hidden = 0"][..]),
        (&["tiny.toml", "model.hiden=8,9"], &["did you mean \"hidden\""]),
        (&["tiny.toml", "seed=0.."], &["seed: \"0..\", characters 1 to 3", "0..=3"]),
        (&["tiny.toml", "seed=0..20000"], &["20000 runs", "--yes"]),
        (&["tiny.toml", "seed=0..9999999999999", "--yes"], &["9999999999999 runs", "1000000"]),
        (&["tiny.toml", "seed=0..9999999999999", "--random", "3", "--device", "gppu"], &["gppu"]),
        (&["tiny.toml", "seed=1,1"], &["the same experiment"]),
        (&["tiny.toml", "seed=0..2", "--runs", "blocked"], &["blocked", "--runs"]),
        (&["tinny"], &["experiment \"tinny\""]),
        (&["tiny.toml", "seed=0..2", "--jobs", "0"], &["--jobs", "at least 1"]),
        (&["tiny.toml", "seed=0..2", "--jobs", "-1"], &["--jobs", "at least 1"]),
    ] {
        let output = folder.run(&[&["sweep"], arguments].concat());
        let said = stderr(&output);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{arguments:?}: {said}");
        for word in words {
            assert!(said.contains(word), "{arguments:?}: {said}");
        }
    }
    assert!(!folder.path().join("runs").exists());
    let drawn = folder.ok(&["sweep", "tiny.toml", "seed=0..9999999999999", "--random", "3", "--dry-run"]);
    assert_eq!(drawn.lines().count(), 4, "{drawn}");
    for command in ["sweep", "worker"] {
        let help = folder.ok(&[command, "--help"]);
        assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
    }
}

#[test]
fn a_worker_runs_one_entry_alone() {
    // With the name that the file in a run directory has.
    let folder = Folder::new("");
    folder.write("experiment.toml", TINY);
    let output = folder.run(&["sweep", "experiment.toml", "seed=0..2"]);
    let sweep = folder_of(&folder, &output);
    let named = sweep.to_str().unwrap();
    let worker = |index: &str| folder.run(&["worker", named, "--index", index]);
    let done = worker("1");
    assert_eq!(done.status.code(), Some(0));
    assert!(stderr(&done).contains("entry 1 has results"), "{}", stderr(&done));

    let shown = folder.run(&["show", named]);
    assert_eq!(shown.status.code(), Some(2));
    assert!(stderr(&shown).contains("is a sweep"), "{}", stderr(&shown));
    let beyond = worker("2");
    assert_eq!(beyond.status.code(), Some(2));
    assert!(stderr(&beyond).contains("the entries 0 to 1; there is no 2"), "{}", stderr(&beyond));
    let none = folder.run(&["worker", ".", "--index", "0"]);
    assert_eq!(none.status.code(), Some(2));
    assert!(stderr(&none).contains("is no sweep"), "{}", stderr(&none));

    // It depends on nothing but the folder.
    std::fs::remove_file(folder.path().join("experiment.toml")).unwrap();
    std::fs::remove_dir_all(sweep.join("0001/experiment")).unwrap();
    let held = std::fs::File::open(sweep.join("0001/.lock")).unwrap();
    held.try_lock().unwrap();
    let busy = worker("1");
    assert_eq!(busy.status.code(), Some(75), "{}", stderr(&busy));
    assert!(stderr(&busy).contains("another process"), "{}", stderr(&busy));
    drop(held);
    let anew = worker("1");
    assert_eq!(anew.status.code(), Some(0), "{}", stderr(&anew));
    folder.ok(&["show", "experiment", "--runs", sweep.join("0001").to_str().unwrap()]);
}

#[test]
fn two_sweeps_at_once_run_every_entry_once() {
    let folder = Folder::new(TINY);
    let start = || {
        let mut command = folder.command(&["sweep", "tiny.toml", "seed=0..8", "--jobs", "2"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let outputs = [start(), start()].map(|child| child.wait_with_output().unwrap());
    let sweep = folder_of(&folder, &outputs[0]);
    for output in &outputs {
        assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
        assert_eq!(folder_of(&folder, output), sweep);
    }
    for index in 0..8 {
        let runs = runs(&sweep, index);
        assert!(runs.len() == 1 && runs[0].join("results.json").exists(), "{index}: {runs:?}");
        let metrics = std::fs::read_to_string(runs[0].join("metrics.jsonl")).unwrap();
        assert_eq!(metrics.lines().count(), 2, "{index} was trained twice: {metrics}");
    }
}

fn wait(what: &str, reached: &dyn Fn() -> bool) {
    let begin = Instant::now();
    while !reached() {
        assert!(begin.elapsed().as_secs() < 60, "no {what} after a minute");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Of a worker that was stopped, whether another may take its entry.
fn is_free(sweep: &Path, index: usize) -> bool {
    let lock = std::fs::File::open(sweep.join(format!("{index:04}/.lock"))).unwrap();
    lock.try_lock().is_ok()
}

#[cfg(unix)]
#[test]
fn a_worker_takes_its_sweep_and_a_signal_for_one_request() {
    let folder = Folder::new(TINY);
    // steps of a tenth of a second, so that the first request is surely pending when the second comes
    let slow = ["model.hidden=1000", "model.depth=2", "train.batch_size=4096", "train.validate_every=1"];
    let arguments = [&["sweep", "tiny.toml", "seed=0..2", "--jobs", "1"], &slow[..]].concat();
    let mut child = folder.command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let sweeps = folder.path().join("runs/sweeps");
    let sweep = || std::fs::read_dir(&sweeps).ok()?.flatten().next().map(|entry| entry.path());
    let begun = |index| {
        sweep().is_some_and(|sweep| runs(&sweep, index).iter().any(|run| run.join("metrics.jsonl").exists()))
    };
    wait("metrics", &|| begun(0));
    child.kill().unwrap();
    child.wait().unwrap();
    let sweep = sweep().unwrap();
    wait("end of the worker", &|| is_free(&sweep, 0));

    for (index, stdin_first) in [(0, true), (1, false)] {
        let index_text = index.to_string();
        let worker = ["worker", "--until-stdin-ends", "--index", &index_text, "--", sweep.to_str().unwrap()];
        let run = || runs(&sweep, index).pop().unwrap();
        let lines = || std::fs::read_to_string(run().join("metrics.jsonl")).unwrap().lines().count();
        let before = if index == 0 { lines() } else { 0 };
        let mut worker = folder.command(&worker);
        let mut worker =
            worker.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        wait("metrics", &|| begun(index) && lines() > before);
        let mut stdin = worker.stdin.take();
        if stdin_first {
            drop(stdin.take());
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(
            std::process::Command::new("kill")
                .args(["-INT", &worker.id().to_string()])
                .status()
                .unwrap()
                .success()
        );
        std::thread::sleep(Duration::from_millis(5));
        drop(stdin);
        let output = worker.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130));
        assert!(stderr(&output).contains("with the state saved"), "{}", stderr(&output));
        assert_eq!(std::fs::read_dir(run().join("checkpoints")).unwrap().count(), 1);
    }
}

#[cfg(unix)]
#[test]
fn a_sweep_that_is_stopped_continues_to_the_same_bytes() {
    use std::os::unix::process::CommandExt;

    let folder = Folder::new(TINY);
    let long = ["tiny.toml", "train.steps=400000", "train.validate_every=1000"];
    let straight = folder.train(&[&long[..], &["seed=1"]].concat());
    // To the sweep alone, to all its processes as a terminal does, and one that it does not see.
    for (signal, to_all, code) in
        [("-TERM", false, Some(130)), ("-INT", true, Some(130)), ("-KILL", false, None)]
    {
        let place = signal.trim_start_matches('-');
        let arguments = [&["sweep"], &long[..], &["seed=0..3", "--jobs", "2", "--runs", place]].concat();
        let mut command = folder.command(&arguments);
        let child = command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let sweeps = folder.path().join(place).join("sweeps");
        let found = || std::fs::read_dir(&sweeps).ok()?.flatten().next().map(|entry| entry.path());
        let begun = |index| {
            found()
                .is_some_and(|sweep| runs(&sweep, index).iter().any(|run| run.join("metrics.jsonl").exists()))
        };
        wait("metrics", &|| begun(0) && begun(1));
        let sweep = found().unwrap();
        let to = format!("{}{}", if to_all { "-" } else { "" }, child.id());
        assert!(std::process::Command::new("kill").args([signal, "--", &to]).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), code, "{signal}: {}", stderr(&output));
        if code.is_some() {
            assert!(stderr(&output).contains("interrupted with 3 runs left"), "{}", stderr(&output));
        }
        for index in 0..2 {
            wait("end of a worker", &|| is_free(&sweep, index));
            let run = &runs(&sweep, index)[0];
            assert!(!run.join("results.json").exists(), "{signal} came too late");
            assert_eq!(std::fs::read_dir(run.join("checkpoints")).unwrap().count(), 1, "{signal}");
        }
        let again = folder.run(&arguments);
        assert_eq!(again.status.code(), Some(0), "{}", stderr(&again));
        assert!(stderr(&again).contains("3 ran, 0 skipped"), "{}", stderr(&again));
        let [run] = &runs(&sweep, 1)[..] else { panic!("not one run") };
        let model = |run: &Path| std::fs::read(run.join("model.safetensors")).unwrap();
        assert!(model(run) == model(&straight), "{signal}");
    }
}
