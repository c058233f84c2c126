//! The built program through all its commands.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::support::{Folder, results, timeless};
use dataset::arrays::{Array, read_npz, write_npz};

const TINY: &str = r#"# a test
[system]
name = "lorenz"
[data]
trajectories = 10
t_final = 2.0
[model]
name = "rnn"
hidden = 8
window = 4
[train]
steps = 60
batch_size = 32
validate_every = 20
checkpoint_every = 25
[evaluate]
starts = 5
transient = 3.0
horizon = 1.0
polynomial_degree = 3
"#;

const OSCILLATOR: &str = r#"
[system]
name = "oscillator"
[data]
trajectories = 20
[model]
name = "ffnn"
hidden = 32
depth = 2
[train]
steps = 3000
batch_size = 128
optimizer = { learning_rate = 1e-2 }
[evaluate]
starts = 40
transient = 2.0
"#;

#[test]
fn a_run_can_be_shown_scored_again_compared_and_forecast_from() {
    let folder = Folder::new(TINY);
    let run = folder.train(&["tiny.toml"]);
    assert_eq!(run.parent().unwrap(), folder.path().join("runs/tiny"));
    for file in ["experiment.toml", "environment.json", "metrics.jsonl", "model.safetensors", "results.json"]
    {
        assert!(run.join(file).is_file(), "{file}");
    }
    let kept = report::RunFiles::read(&run).unwrap();
    let (forecasts, scored) = (kept.forecasts.unwrap(), kept.results.unwrap());
    let mut valid = forecasts.valid_times.clone();
    valid.sort_by(f64::total_cmp);
    assert!((valid[2] - scored.scores.vpt.unwrap().main.summary.median).abs() < 1e-12);
    assert_eq!((valid.len(), forecasts.shown.len(), scored.components.len()), (5, 3, 3));
    let states = forecasts.shown.len() * forecasts.time.len() * 3;
    assert_eq!((forecasts.truth.len(), forecasts.forecast.len()), (states, states));
    // the last sample of history is no forecast
    assert_eq!(forecasts.truth[..3], forecasts.forecast[..3]);
    assert!(forecasts.attractor_truth.len() == forecasts.attractor_forecast.len());
    let saved = std::fs::read_to_string(run.join("results.json")).unwrap();
    assert_eq!(folder.ok(&["show", "tiny", "--json"]), saved);
    let read = |text: &str| timeless(serde_json::from_str(text).unwrap());
    assert_eq!(read(&folder.ok(&["evaluate", "tiny", "--json"])), read(&saved));
    let rescored = folder.ok(&["evaluate", run.to_str().unwrap(), "evaluate.starts=7", "--json"]);
    let rescored: forecast::Results = serde_json::from_str(&rescored).unwrap();
    assert_eq!(rescored.scores.vpt.unwrap().starts, 7);
    assert_eq!(std::fs::read_to_string(run.join("results.json")).unwrap(), saved, "evaluate changes no file");

    let metrics = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> =
        metrics.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().map(|line| line["step"].as_u64().unwrap()).collect::<Vec<_>>(), [20, 40, 60]);
    for key in ["seconds", "train_loss", "validation_loss", "learning_rate"] {
        assert!(lines[0][key].is_number(), "{key}");
    }
    let environment: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(run.join("environment.json")).unwrap()).unwrap();
    for key in ["version", "git_revision", "git_dirty", "device", "cpu", "threads", "seed"] {
        assert!(!environment[key].is_null(), "{key}");
    }

    let other = folder.train(&["tiny.toml", "seed=1", "model.hidden=4"]);
    let both = [run.to_str().unwrap(), other.to_str().unwrap()];
    let compare = |more: &[&str]| folder.ok(&[&["compare"], &both[..], more].concat());
    let table = compare(&[]);
    for word in ["tiny ", "tiny model.hidden=4", "polynomial", "linear", "persistence"] {
        // in the table, and in that of the long run
        assert!(table.matches(&format!("\n{word}")).count() >= 2, "{word}: {table}");
    }
    for text in [table, folder.ok(&["show", "tiny"])] {
        assert!(text.lines().all(|line| line.chars().count() <= 80 || line.starts_with("runs")), "{text}");
    }
    assert_eq!(results(&other).parameters, 4 * (3 + 1 + 4) + 4 * 5 + 3 * 5);
    let json: serde_json::Value = serde_json::from_str(&compare(&["--json"])).unwrap();
    assert_eq!(json["rankings"][0]["rows"].as_array().unwrap().len(), 5);
    assert_eq!(compare(&["--csv"]).lines().count(), 1 + 5);
    assert!(compare(&["--markdown"]).contains("| tiny model.hidden=4 | 1 |"));
    assert!(compare(&["--by", "model.hidden"]).contains("to 4"));
    assert!(compare(&["--by", "model.hidden", "--markdown"]).contains("| model.hidden | runs |"));
    assert_eq!(compare(&["--by", "model.hidden", "--csv"]).lines().count(), 1 + 2);
    let json: serde_json::Value =
        serde_json::from_str(&compare(&["--by", "model.hidden", "--json"])).unwrap();
    assert_eq!(json[0]["effects"][1]["value"], "8");
    let few = compare(&["--markdown", "--columns", "seeds,one_step"]);
    assert!(few.contains("|  | seeds | error of one step (std.) |"), "{few}");
    let by_cost: serde_json::Value =
        serde_json::from_str(&compare(&["--metric", "parameters", "--json"])).unwrap();
    assert_eq!(by_cost["rankings"][0]["rows"][0]["label"], "tiny model.hidden=4");
    let refused = folder.run(&["compare", both[0], "--metric", "one_stp"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(2), "{said}");
    assert!(said.contains("valid_time, nrmse, free_run, one_step") && said.contains("'one_step'"), "{said}");
    let help = folder.ok(&["compare", "--help"]);
    assert!(report::Metric::ALL.iter().all(|metric| help.contains(metric.key())), "{help}");
    let refused = folder.run(&["compare", both[0], both[1], "--by", "model.hiden"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(2) && said.contains("They do in model.hidden"), "{said}");
    // the name of an experiment means its newest run with all other seeds of the same settings
    let third = folder.train(&["tiny.toml", "seed=2", "model.hidden=4"]);
    // a run beside it that is damaged was not asked for
    let damaged = folder.path().join("runs/tiny/20200101T000000.000Z-0000");
    std::fs::create_dir(&damaged).unwrap();
    std::fs::copy(third.join("results.json"), damaged.join("results.json")).unwrap();
    std::fs::write(damaged.join("experiment.toml"), "[system").unwrap();
    let json: serde_json::Value = serde_json::from_str(&folder.ok(&["compare", "tiny", "--json"])).unwrap();
    let models =
        json["rankings"][0]["rows"].as_array().unwrap().iter().filter(|row| row["baseline"] == false);
    let seeds: Vec<&serde_json::Value> = models.map(|row| &row["seeds"]).collect();
    assert_eq!(seeds, [&serde_json::json!([1, 2])]);
    // under its own name, and beside it stands what was not meant
    let table = folder.ok(&["compare", "tiny"]);
    assert!(table.contains("\ntiny model.hidden=4"), "{table}");
    let table = table.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(table.contains("tiny stands for its newest configuration, tiny model.hidden=4."), "{table}");
    assert!(table.contains("are named: tiny (1 run)."), "{table}");
}

#[test]
fn new_scores_of_a_run_can_be_kept_and_are_a_run() {
    let folder = Folder::new(TINY);
    let run = folder.train(&["tiny.toml", "seed=3"]);
    let more = ["evaluate", "tiny", "evaluate.starts=7"];
    folder.ok(&[&more[..], &["-o", "scored/"]].concat());
    let kept = folder.path().join("scored");
    assert_eq!(results(&kept).scores.vpt.unwrap().starts, 7);
    let files = report::RunFiles::read(&kept).unwrap();
    assert_eq!((files.experiment.as_str(), files.forecasts.unwrap().valid_times.len()), ("tiny", 7));
    let evaluated = run.canonicalize().unwrap();
    assert_eq!(files.environment["evaluated_run"], evaluated.to_str().unwrap());
    // also from inside the run
    let mut inside = folder.command(&["evaluate", ".", "evaluate.starts=7", "-o", "../../../inside"]);
    assert!(inside.current_dir(&run).output().unwrap().status.success());
    let files = report::RunFiles::read(&folder.path().join("inside")).unwrap();
    assert_eq!(files.environment["evaluated_run"], evaluated.to_str().unwrap());
    // It is compared with the run, as another task; drawn; and forecast from.
    let named = [run.to_str().unwrap(), "scored"];
    let table = folder.ok(&["compare", named[0], named[1]]);
    assert!(table.contains("evaluate.starts = 5 above, 7 here"), "{table}");
    let by = folder.ok(&["compare", named[0], named[1], "--by", "evaluate.starts"]);
    assert!(by.contains("by evaluate.starts") && by.contains("to 5"), "{by}");
    folder.ok(&["report", "scored", "-o", "scored.html"]);
    // Of several scorings of a run, also of one through another, the last counts, in whichever order they are named.
    folder.ok(&["evaluate", "scored", "-o", "last"]);
    let files = report::RunFiles::read(&folder.path().join("last")).unwrap();
    assert_eq!(files.environment["evaluated_run"], evaluated.to_str().unwrap());
    for named in [["inside", "scored", "last"], ["last", "inside", "scored"], ["scored", "last", "inside"]] {
        let table = folder.ok(&[&["compare"], &named[..], &["--json"]].concat());
        let json: serde_json::Value = serde_json::from_str(&table).unwrap();
        let rows = json["rankings"][0]["rows"].as_array().unwrap();
        let row = rows.iter().find(|row| row["baseline"] == false).unwrap();
        assert_eq!(row["runs"], serde_json::json!(["last"]), "{named:?}");
        assert_eq!(json["superseded"].as_array().unwrap().len(), 2, "{named:?}");
    }
    let again = folder.ok(&["evaluate", "scored", "--json"]);
    assert_eq!(timeless(serde_json::from_str(&again).unwrap()), timeless(results(&kept)));
    // nothing is overwritten
    let refused = folder.run(&[&more[..], &["-o", "scored"]].concat());
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(2) && said.contains("scored is not empty"), "{said}");
}

#[test]
fn the_command_of_a_report_repeats_the_run() {
    let folder = Folder::new(TINY);
    let run = folder.train(&["tiny.toml", "seed=3", "model.hidden=4", "--runs", "some runs/it's"]);
    folder.ok(&["report", run.to_str().unwrap(), "-o", "page.html"]);
    let page = std::fs::read_to_string(folder.path().join("page.html")).unwrap();
    let command =
        page.split("<h4>To repeat it</h4>\n<pre><code>").nth(1).unwrap().split("</code>").next().unwrap();
    let command = command.replace("&#39;", "'").replace("&quot;", "\"").replace("&amp;", "&");
    let rest = command.strip_prefix("attractor ").unwrap();
    let line = format!("'{}' {rest}", env!("CARGO_BIN_EXE_attractor"));
    let output =
        std::process::Command::new("bash").args(["-c", &line]).current_dir(folder.path()).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    let repeated = folder.path().join(said.lines().last().unwrap());
    // in the folder of runs of today, under the name of then
    assert_eq!(repeated.parent().unwrap(), folder.path().join("runs/tiny"));
    assert_eq!(timeless(results(&repeated)), timeless(results(&run)));
    let read = |run: &Path, name: &str| std::fs::read(run.join(name)).unwrap();
    for name in ["experiment.toml", "model.safetensors", "forecasts.npz"] {
        assert_eq!(read(&repeated, name), read(&run, name), "{name}");
    }
}

#[test]
fn the_same_experiment_gives_the_same_bytes_on_any_number_of_threads() {
    let folder = Folder::new(TINY);
    let with = |threads: &str, experiment: &str| {
        let output =
            folder.command(&["train", experiment]).env("RAYON_NUM_THREADS", threads).output().unwrap();
        let table = String::from_utf8(output.stdout).unwrap();
        let run = folder.path().join(table.lines().last().unwrap());
        let files = ["model.safetensors", "forecasts.npz"].map(|file| std::fs::read(run.join(file)).unwrap());
        (files, timeless(results(&run)), run)
    };
    let (model, scores, run) = with("1", "tiny.toml");
    let (again, scores_again, _) = with("2", "tiny.toml");
    assert!(model == again && scores == scores_again);
    // and so does the resolved file that it left
    std::fs::copy(run.join("experiment.toml"), folder.path().join("resolved.toml")).unwrap();
    let (resolved, _, _) = with("3", "resolved.toml");
    assert!(model == resolved);
    let (other, _, _) = {
        std::fs::write(folder.path().join("other.toml"), format!("seed = 1\n{TINY}")).unwrap();
        with("1", "other.toml")
    };
    assert!(model != other);
}

/// Starts a training, waits for the first line of its metrics, and sends it a signal. Returns its exit code
/// and its run.
#[cfg(unix)]
pub fn stop(folder: &Folder, arguments: &[&str], signal: &str) -> (Option<i32>, PathBuf) {
    let name = Path::new(arguments[1]).file_stem().unwrap();
    let runs = folder.path().join("runs").join(name);
    let known: Vec<_> = std::fs::read_dir(&runs).into_iter().flatten().flatten().map(|e| e.path()).collect();
    let mut child = folder.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begin = std::time::Instant::now();
    let run = loop {
        assert!(begin.elapsed().as_secs() < 60, "no metrics after a minute");
        std::thread::sleep(std::time::Duration::from_millis(5));
        let mut entries = std::fs::read_dir(&runs).into_iter().flatten().flatten().map(|entry| entry.path());
        let new = entries.find(|path| !known.contains(path) && path.join("metrics.jsonl").exists());
        if let Some(run) = new {
            break run;
        }
    };
    let kill = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    (child.wait().unwrap().code(), run)
}

#[cfg(unix)]
#[test]
fn a_training_that_is_stopped_continues_to_the_same_bytes() {
    let folder = Folder::new(TINY);
    let long = ["tiny.toml", "train.steps=40000", "train.validate_every=1000"];
    let train = |more: &[&'static str]| [&["train"], &long[..], more].concat();
    let steps = |run: &Path| -> Vec<(u64, f64)> {
        let text = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        lines.map(|m| (m["step"].as_u64().unwrap(), m["train_loss"].as_f64().unwrap())).collect()
    };
    // Interrupts save the state; a kill leaves the last checkpoint and lines of metrics after it.
    for (signal, code, every) in
        [("-INT", Some(130), "1000000"), ("-TERM", Some(130), "1000000"), ("-KILL", None, "300")]
    {
        let every = format!("train.checkpoint_every={every}");
        let straight = folder.train(&[&long[..], &[&every, "--runs", "straight"]].concat());
        let arguments = [train(&[]), vec![&every]].concat();
        let (status, run) = stop(&folder, &arguments, signal);
        assert_eq!(status, code, "{signal}");
        assert!(!run.join("results.json").exists() && steps(&run).len() < 40, "{signal} came too late");
        let checkpoints = |run: &Path| std::fs::read_dir(run.join("checkpoints")).unwrap().count();
        assert!(checkpoints(&run) >= 1, "{signal}");
        let refused = folder.run(&["show", run.to_str().unwrap()]);
        assert_eq!(refused.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&refused.stderr).contains("attractor resume"));
        if signal == "-KILL" {
            let mut metrics = std::fs::File::options().append(true).open(run.join("metrics.jsonl")).unwrap();
            metrics.write_all(b"{\"step\": 100000, \"train_loss\": 1}\n{\"step\": 5").unwrap();
        }

        folder.ok(&["resume", "tiny"]);
        let model = |run: &Path| std::fs::read(run.join("model.safetensors")).unwrap();
        assert!(model(&run) == model(&straight) && checkpoints(&run) == 1, "{signal}");
        assert_eq!(timeless(results(&run)), timeless(results(&straight)), "{signal}");
        assert_eq!(steps(&run), steps(&straight), "{signal}");
        let again = folder.run(&["resume", run.to_str().unwrap()]);
        assert_eq!(again.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&again.stderr).contains("is complete"));
        for (named, words) in [
            ("tiny.toml", "tiny.toml is an experiment file; say tiny for the newest"),
            ("runs/tiny", "runs/tiny is no run but a folder of some, such as runs/tiny/"),
            ("tinny", "did you mean \"tiny\"?"),
        ] {
            let said = String::from_utf8(folder.run(&["resume", named]).stderr).unwrap();
            assert!(said.contains(words), "{named}: {said}");
        }
        let by_name = folder.run(&["resume", "tiny"]);
        let said = String::from_utf8_lossy(&by_name.stderr);
        assert!(
            by_name.status.code() == Some(2) && said.contains("every run of tiny under runs is complete"),
            "{said}"
        );
    }
    // What cannot be continued is said, and nothing is changed.
    let (_, run) = stop(&folder, &train(&[]), "-INT");
    let named = run.to_str().unwrap();
    let refused = |words: &str| {
        let output = folder.run(&["resume", named]);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && message.contains(words) && !message.contains("panicked"),
            "{message}"
        );
    };
    let resolved = std::fs::read_to_string(run.join("experiment.toml")).unwrap();
    std::fs::write(run.join("experiment.toml"), resolved.replace("seed = 0", "seed = 1")).unwrap();
    refused("no longer the one");
    std::fs::write(run.join("experiment.toml"), &resolved).unwrap();
    let checkpoint = std::fs::read_dir(run.join("checkpoints")).unwrap().next().unwrap().unwrap().path();
    let bytes = std::fs::read(&checkpoint).unwrap();
    std::fs::write(&checkpoint, &bytes[..bytes.len() - 7]).unwrap();
    refused("no file of tensors");
    std::fs::write(&checkpoint, &bytes).unwrap();
    let held = std::fs::File::open(run.join("experiment.toml")).unwrap();
    held.try_lock().unwrap();
    refused("being trained by another process");
    drop(held);
    folder.ok(&["resume", named]);
}

#[cfg(target_os = "linux")]
#[test]
fn the_dashboard_gives_the_terminal_back() {
    use crate::support::Terminal;
    let folder = Folder::new(TINY);
    let [entered, left, shown] = ["\x1b[?1049h", "\x1b[?1049l", "\x1b[?25h"];
    for (more, code, words) in [
        ("train.steps=3000", 0, "polynomial"),
        ("model.hidden=0", 2, "error:"),
        ("train.optimizer.learning_rate=1e10", 1, "became inf"),
        ("system.sigma=0 system.beta=-1000", 1, "finite numbers"),
    ] {
        let (seen, status) = Terminal::default().run(&folder, &format!("train tiny.toml {more} --dashboard"));
        assert_eq!(status, Some(code), "{seen}");
        assert_eq!(seen.matches(entered).count(), seen.matches(left).count(), "{seen}");
        let after = seen.rsplit(left).next().unwrap();
        assert!(after.contains(words), "{more}: {after}");
        if code != 2 {
            assert!(
                seen.contains(entered) && after.contains("simulating") && after.contains(shown),
                "{more}: {after}"
            );
        }
    }
    // and without it progress fits the line that it has
    let (seen, _) =
        Terminal::default().run(&folder, "train tiny.toml train.steps=20000 train.validate_every=2000");
    let bar = seen.split(['\r', '\n']).rfind(|line| line.contains("/20000")).unwrap();
    for word in ["loss ", "validation ", " ex/s", " left"] {
        assert!(bar.contains(word), "{bar:?}");
    }
}

/// Somebody else's integrator: the classical Runge-Kutta method, written for this test.
fn integrate<const N: usize>(
    f: impl Fn(f64, [f64; N]) -> [f64; N],
    mut t: f64,
    mut u: [f64; N],
    until: f64,
) -> [f64; N] {
    let steps = ((until - t) / 1e-3).round() as usize;
    let h = (until - t) / steps as f64;
    for _ in 0..steps {
        let at = |k: [f64; N], part: f64| std::array::from_fn(|i| u[i] + part * h * k[i]);
        let a = f(t, u);
        let b = f(t + h / 2.0, at(a, 0.5));
        let c = f(t + h / 2.0, at(b, 0.5));
        let d = f(t + h, at(c, 1.0));
        u = std::array::from_fn(|i| u[i] + h / 6.0 * (a[i] + 2.0 * b[i] + 2.0 * c[i] + d[i]));
        t += h;
    }
    u
}

#[test]
fn forecasts_of_a_driven_system_from_foreign_histories_are_as_good_as_the_scores_claim() {
    let folder = Folder::new(OSCILLATOR);
    let run = folder.train(&["tiny.toml"]);
    let claimed = results(&run);
    assert!(claimed.scores.vpt.is_none());
    assert!(claimed.baselines["linear"].nrmse.median < 1e-8, "{:?}", claimed.baselines["linear"].nrmse);

    let f = |t: f64, [x, v]: [f64; 2]| [v, -x - 0.4 * v + (0.5 * t).cos()];
    let (starts, history, steps, begin) = (20, 3, 200, 1.0);
    let (mut u, mut truth) = (Vec::new(), Vec::new());
    for start in 0..starts {
        let s = f64::from(start);
        let mut state = [1.9 * (s * 1.3).sin(), 1.9 * (s * 2.1).cos()];
        for i in 0..history + steps {
            if i < history {
                u.extend(state)
            } else {
                truth.extend(state)
            }
            let t = begin + i as f64 * 0.1;
            state = integrate(f, t, state, t + 0.1);
        }
    }
    let input = folder.path().join("starts.npz");
    let t = Array::new([history], (0..history).map(|i| begin + i as f64 * 0.1).collect::<Vec<_>>());
    let u = Array::new([starts as usize, history, 2], u);
    write_npz(&input, &[("u", &u), ("t", &t)]).unwrap();
    folder.ok(&["predict", "tiny", "--input", "starts.npz", "--steps", "200", "-o", "forecast.npz"]);
    let forecast = read_npz(&folder.path().join("forecast.npz")).unwrap();
    let times = forecast.get("t").unwrap();
    assert!(times.values.iter().enumerate().all(|(i, t)| (t - 0.1 * (i as f64 + 1.0)).abs() < 1e-12));
    let u = forecast.get("u").unwrap();
    assert_eq!(u.shape, [20, 200, 2]);
    // The standard deviations over the training data are between 0.5 and 1; 0.6 makes the bound a tight one.
    let mut errors: Vec<f64> = u
        .values
        .chunks(400)
        .zip(truth.chunks(400))
        .map(|(u, v)| (u.iter().zip(v).map(|(u, v)| ((u - v) / 0.6).powi(2)).sum::<f64>() / 400.0).sqrt())
        .collect();
    errors.sort_by(f64::total_cmp);
    assert!(
        errors[10] < 3.0 * claimed.scores.nrmse.median,
        "{} against {:?}",
        errors[10],
        claimed.scores.nrmse
    );
    assert!(claimed.scores.nrmse.median < 0.05, "{:?}", claimed.scores.nrmse);

    // The known inputs themselves do as well as the times they follow from.
    let known: Vec<f64> = (0..starts)
        .flat_map(|_| {
            (0..history + steps - 1).flat_map(|i| {
                let phase = 0.5 * (begin + i as f64 * 0.1);
                [phase.cos(), phase.sin()]
            })
        })
        .collect();
    let known = Array::new([starts as usize, history + steps - 1, 2], known);
    let read = read_npz(&input).unwrap();
    write_npz(&folder.path().join("known.npz"), &[("u", read.get("u").unwrap()), ("known", &known)]).unwrap();
    folder.ok(&["predict", "tiny", "--input", "known.npz", "--steps", "200", "-o", "same.npz"]);
    let same = read_npz(&folder.path().join("same.npz")).unwrap();
    let difference = same.get("u").unwrap().values.iter().zip(&u.values).map(|(a, b)| (a - b).abs());
    assert!(difference.fold(0.0, f64::max) < 1e-3);
}

#[test]
fn forecasts_of_lorenz_from_foreign_histories_are_valid_as_long_as_the_scores_claim() {
    let folder = Folder::new("");
    let run = folder.train(&["ffnn-lorenz-adam", "train.steps=1500", "evaluate.starts=60"]);
    let claimed = results(&run).scores.vpt.unwrap().main.summary.median;
    let f = |_t: f64, [x, y, z]: [f64; 3]| [10.0 * (y - x), x * (28.0 - z) - y, x * y - 8.0 / 3.0 * z];
    let (starts, steps) = (60, 800);
    let (mut u, mut truth) = (Vec::new(), Vec::new());
    let mut state = integrate(f, 0.0, [1.0, 1.0, 20.0], 30.0);
    for _ in 0..starts {
        u.extend(state);
        let mut after = state;
        for _ in 0..steps {
            after = integrate(f, 0.0, after, 0.01);
            truth.push(after);
        }
        state = integrate(f, 0.0, state, 1.7);
    }
    write_npz(&folder.path().join("in.npz"), &[("u", &Array::new([starts, 1, 3], u))]).unwrap();
    folder.ok(&["predict", run.to_str().unwrap(), "-i", "in.npz", "-n", "800", "-o", "out.npz"]);
    let forecast = read_npz(&folder.path().join("out.npz")).unwrap();
    let forecast = &forecast.get("u").unwrap().values;
    // standard deviations of the attractor; those over the training data differ by a few per cent
    let std = [7.92, 9.01, 8.62];
    let mut valid: Vec<f64> = (0..starts)
        .map(|start| {
            let error = |i: usize| {
                let at = start * steps + i;
                let squares = (0..3).map(|j| ((forecast[3 * at + j] - truth[at][j]) / std[j]).powi(2));
                (squares.sum::<f64>() / 3.0).sqrt()
            };
            ((0..steps).find(|&i| error(i) > 0.4).unwrap_or(steps) + 1) as f64 * 0.01 * 0.9056
        })
        .collect();
    valid.sort_by(f64::total_cmp);
    assert!((0.7..1.4).contains(&(valid[starts / 2] / claimed)), "{} against {claimed}", valid[starts / 2]);
    assert!(claimed > 1.5, "{claimed}");
}

#[test]
fn simulations_are_written_as_arrays_and_as_a_table() {
    let folder = Folder::new("");
    let settings = ["data.trajectories=3", "data.t_final=0.5", "seed=4"];
    folder.ok(&[&["simulate", "oscillator", "-o", "a.npz"], &settings[..]].concat());
    folder.ok(&[&["simulate", "oscillator", "-o", "a.csv"], &settings[..]].concat());
    let file = read_npz(&folder.path().join("a.npz")).unwrap();
    let (t, u, known) = (file.get("t").unwrap(), file.get("u").unwrap(), file.get("known").unwrap());
    assert_eq!((&t.shape[..], &u.shape[..], &known.shape[..]), (&[6][..], &[3, 6, 2][..], &[3, 6, 2][..]));
    let table = std::fs::read_to_string(folder.path().join("a.csv")).unwrap();
    let mut lines = table.lines();
    assert_eq!(lines.next(), Some("trajectory,t,x [m],v [m/s],cos,sin"));
    let rows: Vec<Vec<f64>> =
        lines.map(|line| line.split(',').map(|x| x.parse().unwrap()).collect()).collect();
    assert_eq!(rows.len(), 18);
    for (i, row) in rows.iter().enumerate() {
        let expected = [
            &[(i / 6) as f64, t.values[i % 6]][..],
            &u.values[2 * i..2 * i + 2],
            &known.values[2 * i..2 * i + 2],
        ];
        assert_eq!(row, &expected.concat());
    }
    // A simulation is a history, once its times and states are there.
    let run =
        folder.train(&["rnn-oscillator", "train.steps=20", "data.trajectories=10", "evaluate.starts=2"]);
    folder.ok(&["simulate", "oscillator", "-o", "h.npz", "data.trajectories=2", "data.t_final=2"]);
    folder.ok(&["predict", run.to_str().unwrap(), "-i", "h.npz", "-n", "5", "-o", "f.npz"]);
}

#[test]
fn lists_say_what_there_is() {
    let folder = Folder::new("");
    let all = folder.ok(&["list"]);
    for word in ["lorenz", "oscillator", "ffnn", "rnn", "rnn-lorenz", "cpu", "gpu", "cuda", "ndarray"] {
        assert!(all.contains(&format!("  {word} ")), "{word} is not in\n{all}");
    }
    // systems in three groups, each a line
    let systems = folder.ok(&["list", "systems"]);
    let heading = systems.lines().position(|line| line.starts_with("published chaotic flows")).unwrap();
    let lines: Vec<&str> = systems.lines().collect();
    assert!(lines[..heading].iter().any(|line| line.starts_with("lorenz ")), "{systems}");
    assert!(lines[heading + 1..].iter().any(|line| line.starts_with("sprott_b ")), "{systems}");
    assert!(lines.len() > 50, "{systems}");
    let fields = lines.iter().position(|line| line.starts_with("fields on periodic grids")).unwrap();
    assert!(
        fields < heading && lines[fields..heading].iter().any(|line| line.starts_with("heat ")),
        "{systems}"
    );
    let devices = folder.ok(&["list", "devices"]);
    assert!(devices.contains("cpu      usable"), "{devices}");
    assert!(all.lines().all(|line| line.chars().count() <= 80), "{all}");
    if cfg!(not(feature = "cuda")) {
        assert!(devices.lines().any(|line| line.starts_with("cuda") && line.contains("--features cuda")));
    }
    std::fs::create_dir(folder.path().join("experiments")).unwrap();
    std::fs::write(folder.path().join("experiments/mine.toml"), "# my own\n").unwrap();
    let experiments = folder.ok(&["list", "experiments"]);
    assert!(experiments.lines().any(|line| line.starts_with("mine ") && line.ends_with("  my own")));
    for shell in ["bash", "zsh", "fish"] {
        assert!(folder.ok(&["completions", shell]).contains("attractor"));
    }
}

#[test]
fn help_fits_80_columns_and_output_to_a_closed_pipe_is_no_fault() {
    let folder = Folder::new("");
    for command in [
        &[][..],
        &["train"],
        &["resume"],
        &["predict"],
        &["simulate"],
        &["evaluate"],
        &["sweep"],
        &["worker"],
        &["compare"],
        &["report"],
        &["plot"],
        &["watch"],
        &["derive"],
    ] {
        let help = folder.ok(&[command, &["--help"]].concat());
        let wide = help.lines().find(|line| line.chars().count() > 80);
        assert!(help.contains("Usage: attractor") && wide.is_none(), "{wide:?}");
    }
    let mut child = folder
        .command(&["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}
