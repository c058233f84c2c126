//! Training by burn-train, Burn's own training loop, and by ours.

use crate::support::Folder;

const SHORT: &str = r#"
[system]
name = "oscillator"
[data]
trajectories = 10
t_final = 5.0
[model]
name = "ffnn"
hidden = 8
depth = 2
[train]
steps = 200
batch_size = 32
validate_every = 30
[evaluate]
starts = 3
transient = 1.0
horizon = 2.0
polynomial_degree = 1
"#;

#[cfg(not(feature = "burn-train"))]
#[test]
fn a_program_without_burn_train_says_how_to_build_one_with_it() {
    let folder = Folder::new(SHORT);
    for arguments in [
        &["train", "tiny.toml", "train.loop=burn-train"][..],
        &["train", "tiny.toml", "train.loop=burn-train", "--dashboard"],
        &["sweep", "tiny.toml", "train.loop=own,burn-train"],
    ] {
        let output = folder.run(arguments);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{message}");
        for words in [
            "train.loop = \"burn-train\"",
            "cargo build --release --features burn-train",
            "leave train.loop out",
        ] {
            assert!(message.contains(words), "{message}");
        }
    }
    assert!(!folder.path().join("runs").exists());
}

#[cfg(feature = "burn-train")]
mod burn_train {
    use std::path::Path;

    use super::{Folder, SHORT};
    use crate::support::{results, timeless};

    /// The validated steps of a run, with both losses.
    fn validations(run: &Path) -> Vec<(u64, f64, f64)> {
        let text = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let number = |line: &serde_json::Value, key: &str| line[key].as_f64().unwrap();
        lines
            .map(|m| (m["step"].as_u64().unwrap(), number(&m, "train_loss"), number(&m, "validation_loss")))
            .collect()
    }

    /// The names of the trained configurations in a comparison, in alphabetical order.
    fn labels(comparison: &str) -> Vec<String> {
        let comparison: serde_json::Value = serde_json::from_str(comparison).unwrap();
        let [ranking] = &comparison["rankings"].as_array().unwrap()[..] else { panic!("{comparison}") };
        let rows = ranking["rows"].as_array().unwrap().iter().filter(|row| row["baseline"] == false);
        let mut labels: Vec<String> = rows.map(|row| row["label"].as_str().unwrap().to_owned()).collect();
        labels.sort_unstable();
        labels
    }

    #[test]
    fn trains_to_the_scores_of_our_own_loop_and_stands_beside_it_in_one_table() {
        let folder = Folder::new(SHORT);
        let own = folder.train(&["tiny.toml"]);
        for kernels in ["own", "burn"] {
            let kernels = format!("train.kernels={kernels}");
            let by_burn = folder.train(&["tiny.toml", "train.loop=burn-train", &kernels]);
            let (a, b) = (results(&own), results(&by_burn));
            for (a, b) in [
                (a.train.loss.train, b.train.loss.train),
                (a.train.loss.validation, b.train.loss.validation),
                (a.scores.one_step_rmse, b.scores.one_step_rmse),
                (a.scores.nrmse.median, b.scores.nrmse.median),
            ] {
                assert!((a / b - 1.0).abs() < 0.01, "{kernels}: own {a}, burn-train {b}");
            }
            assert_eq!(
                (b.train.steps, b.train.best_step, b.parameters),
                (200, a.train.best_step, a.parameters)
            );
            assert!(b.train.step_seconds > 0.0 && b.train.step_seconds < b.train.seconds);
            let [ours, theirs] = [&own, &by_burn].map(|run| validations(run));
            assert_eq!(ours.len(), 7);
            for (a, b) in ours.iter().zip(&theirs) {
                assert!(
                    a.0 == b.0 && (a.1 / b.1 - 1.0).abs() < 0.01 && (a.2 / b.2 - 1.0).abs() < 0.01,
                    "{a:?} {b:?}"
                );
            }
            assert!(by_burn.join("burn-train/train/epoch-1/Loss.log").exists());
            assert!(by_burn.join("burn-train/valid/epoch-7/Loss.log").exists());
            assert!(by_burn.join("burn-train/checkpoint/model-7.bpk").exists());
            assert!(!by_burn.join("checkpoints").exists());
            let [own, by_burn] = [&own, &by_burn].map(|run| run.to_str().unwrap());
            let kernels = if kernels.ends_with("burn") { " train.kernels=burn" } else { "" };
            assert_eq!(
                labels(&folder.ok(&["compare", own, by_burn, "--json"])),
                ["tiny".to_owned(), format!("tiny{kernels} train.loop=burn-train")]
            );
            assert!(folder.ok(&["show", by_burn]).contains("ffnn"));
            folder.ok(&["evaluate", by_burn, "evaluate.starts=2"]);
        }
    }

    #[test]
    fn a_sweep_over_both_loops_names_both_also_where_the_file_asks_for_burn_train() {
        let folder = Folder::new(&SHORT.replace("[train]\n", "[train]\nloop = \"burn-train\"\n"));
        let said = folder.ok(&["sweep", "tiny.toml", "train.loop=own,burn-train", "--jobs", "1"]);
        let sweep = said.lines().last().unwrap();
        let table = folder.ok(&["compare", sweep, "--json"]);
        assert_eq!(labels(&table), ["tiny", "tiny train.loop=own"]);
        let effects = folder.ok(&["compare", sweep, "--by", "train.loop", "--json"]);
        let effects: serde_json::Value = serde_json::from_str(&effects).unwrap();
        let values = effects[0]["effects"].as_array().unwrap().iter().map(|effect| &effect["value"]);
        let mut values: Vec<&str> = values.map(|value| value.as_str().unwrap()).collect();
        values.sort_unstable();
        assert_eq!(values, ["burn-train", "own"]);
    }

    #[test]
    fn the_same_experiment_gives_the_same_bytes_on_any_number_of_threads() {
        let folder = Folder::new(SHORT);
        let model = |threads: &str| {
            let mut command =
                folder.command(&["train", "tiny.toml", "train.loop=burn-train", "model.name=gru"]);
            let output = command.env("RAYON_NUM_THREADS", threads).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let table = String::from_utf8(output.stdout).unwrap();
            std::fs::read(folder.path().join(table.lines().last().unwrap()).join("model.safetensors"))
                .unwrap()
        };
        assert!(model("1") == model("3"));
    }

    #[cfg(unix)]
    #[test]
    fn a_training_that_is_stopped_begins_again_and_ends_as_if_it_had_not() {
        let folder = Folder::new(SHORT);
        let long = ["tiny.toml", "train.loop=burn-train", "train.steps=6000", "train.validate_every=200"];
        let straight = folder.train(&[&long[..], &["--runs", "straight"]].concat());
        let (status, run) = crate::commands::stop(&folder, &[&["train"], &long[..]].concat(), "-INT");
        assert_eq!(status, Some(130));
        assert!(!run.join("results.json").exists() && validations(&run).len() < 30, "too late");
        // What it had come to can be forecast from, but is no result.
        assert!(run.join("model.safetensors").exists());
        let resumed = folder.run(&["resume", run.to_str().unwrap()]);
        let message = String::from_utf8(resumed.stderr).unwrap();
        assert!(resumed.status.success() && message.contains("again from the first step"), "{message}");
        assert_eq!(validations(&run), validations(&straight));
        assert_eq!(timeless(results(&run)), timeless(results(&straight)));
        let model = |run: &Path| std::fs::read(run.join("model.safetensors")).unwrap();
        assert!(model(&run) == model(&straight));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn its_own_view_gives_the_terminal_back() {
        let folder = Folder::new(SHORT);
        let (seen, status) = crate::support::Terminal::default().run(
            &folder,
            "train tiny.toml train.loop=burn-train train.steps=10000 train.validate_every=1000 --dashboard",
        );
        assert_eq!(status, Some(0), "{seen}");
        let [entered, left] = ["\x1b[?1049h", "\x1b[?1049l"].map(|code| seen.matches(code).count());
        assert!((entered, left) == (1, 1), "{seen}");
        let (view, after) = seen.split_once("\x1b[?1049l").unwrap();
        assert!(view.contains("Loss") && view.contains("press q, then s, to stop"), "{view}");
        assert!(after.contains("\x1b[?25h") && after.contains("polynomial"), "{after}");

        let refused = folder.run(&["train", "tiny.toml", "train.loop=burn-train", "--dashboard"]);
        let message = String::from_utf8(refused.stderr).unwrap();
        assert!(
            refused.status.code() == Some(2) && message.contains("stdout is not a terminal"),
            "{message}"
        );
    }

    /// Presses keys in burn-train's view once a first validation is done. Returns what the program wrote to the terminal, and
    /// its exit status.
    #[cfg(target_os = "linux")]
    fn press(folder: &Folder, keys: &[u8], arguments: &str) -> (String, Option<i32>) {
        use std::io::{Read, Write};
        use std::process::{Command, Stdio};
        use std::time::{Duration, Instant};

        let command = format!("stty rows 24 cols 80 && exec {} {arguments}", env!("CARGO_BIN_EXE_attractor"));
        let mut script = Command::new("timeout");
        script.args(["120", "script", "-qec", &command, "/dev/null"]).current_dir(folder.path());
        script.env("TERM", "xterm-256color").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = script.spawn().unwrap();
        let (mut keyboard, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let seen = std::thread::spawn(move || {
            let mut seen = Vec::new();
            screen.read_to_end(&mut seen).unwrap();
            String::from_utf8_lossy(&seen).replace("\r\n", "\n")
        });
        let runs = folder.path().join("runs/tiny");
        let validated = || {
            let mut runs = std::fs::read_dir(&runs).into_iter().flatten().flatten();
            runs.any(|run| run.path().join("metrics.jsonl").exists())
        };
        let begin = Instant::now();
        while !validated() && begin.elapsed().as_secs() < 60 {
            std::thread::sleep(Duration::from_millis(20));
        }
        for key in keys {
            // The view reads keys ten times a second.
            std::thread::sleep(Duration::from_millis(500));
            keyboard.write_all(&[*key]).unwrap();
        }
        let status = child.wait().unwrap();
        (seen.join().unwrap(), status.code())
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_keys_of_its_view_stop_the_training_and_keep_the_best_model() {
        // q asks what to do; s stops after this step, k at once.
        for keys in [b"qs", b"qk"] {
            let folder = Folder::new(SHORT);
            let long = "train tiny.toml train.loop=burn-train train.steps=500000 train.validate_every=1000";
            let (seen, status) = press(&folder, keys, &format!("{long} --dashboard"));
            assert_eq!(status, Some(130), "{seen}");
            let after = seen.rsplit("\x1b[?1049l").next().unwrap();
            assert!(after.contains("stopped after step") && !seen.contains("panicked"), "{after}");
            let runs = std::fs::read_dir(folder.path().join("runs/tiny")).unwrap();
            let runs: Vec<_> = runs.map(|run| run.unwrap().path()).collect();
            assert!(runs.len() == 1 && runs[0].join("model.safetensors").exists(), "{runs:?}");
        }
    }

    #[cfg(feature = "gpu")]
    #[test]
    fn it_trains_on_the_graphics_card_as_on_the_processor() {
        let folder = Folder::new(SHORT);
        let on = |device| {
            let short = ["tiny.toml", "train.loop=burn-train", "train.steps=40", "--device", device];
            results(&folder.train(&short))
        };
        let (cpu, gpu) = (on("cpu"), on("gpu"));
        assert_eq!(gpu.device, "gpu");
        for (a, b) in [
            (cpu.train.loss.train, gpu.train.loss.train),
            (cpu.train.loss.validation, gpu.train.loss.validation),
            (cpu.scores.nrmse.median, gpu.scores.nrmse.median),
        ] {
            assert!((a / b - 1.0).abs() < 1e-3, "cpu {a}, gpu {b}");
        }
    }

    #[test]
    fn a_loss_that_is_not_finite_ends_the_training_with_the_reason() {
        let folder = Folder::new(SHORT);
        let diverging =
            ["train.optimizer=sgd", "train.optimizer.learning_rate=1e9", "train.gradient_norm=1e30"];
        let output = folder.run(&[&["train", "tiny.toml", "train.loop=burn-train"], &diverging[..]].concat());
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(
            message.contains("train.optimizer.learning_rate") && !message.contains("panicked"),
            "{message}"
        );
    }
}
