//! Recordings: files that somebody measured, through every command.

use std::fmt::Write;
use std::path::Path;

use crate::support::{Folder, refused, results, timeless};
use dataset::arrays::{Array, read_npz, write_npz};
use dataset::recording::{Reading, Recording, Settings, find, read};
use models::tensors::Tensors;

const TANKS: &str = r#"
[recording]
files = "tanks/*.csv"
time = "t"
states = ["level"]
inputs = ["pump"]
[data]
split = [0.6, 0.2, 0.2]
[model]
name = "ffnn"
hidden = 8
depth = 1
window = 2
[train]
steps = 300
batch_size = 32
validate_every = 50
[evaluate]
starts = 20
polynomial_degree = 1
"#;

/// Lengths of the recordings, in the order of their files.
const LENGTHS: [usize; 5] = [120, 75, 140, 90, 110];

/// The level after so many samples of recording `number`, and the pump: level' = 0.9 level + 0.2 pump, a pump that is on
/// and off at times that differ between the recordings.
fn tank(number: usize, samples: usize) -> Vec<(f64, f64)> {
    let mut level = 1.0 + number as f64 * 0.3;
    let pump = |i: usize| f64::from(u8::from((i / (5 + number)).is_multiple_of(2))) + 0.1 * (i as f64).sin();
    let each = (0..samples).map(|i| {
        let now = (level, pump(i));
        level = 0.9 * level + 0.2 * pump(i);
        now
    });
    each.collect()
}

/// A folder with five recordings of unequal length, each beginning at a time of its own.
fn tanks() -> Folder {
    let folder = Folder::new("");
    folder.write("tanks.toml", TANKS);
    std::fs::create_dir(folder.path().join("tanks")).unwrap();
    for (number, samples) in LENGTHS.into_iter().enumerate() {
        let mut text = "t [s],level [V],pump [V]\n".to_owned();
        for (i, (level, pump)) in tank(number, samples).into_iter().enumerate() {
            writeln!(text, "{},{level},{pump}", 100.0 * number as f64 + 4.0 * i as f64).unwrap();
        }
        folder.write(&format!("tanks/run{number}.csv"), &text);
    }
    folder
}

#[test]
fn recordings_of_unequal_length_with_inputs_are_learned_and_scored() {
    let folder = tanks();
    // One-step map and free runs are exactly linear.
    let run = folder.train(&["tanks.toml", "model=polynomial", "model.degree=1", "train={}"]);
    let found = results(&run);
    assert_eq!((found.system.as_str(), found.components[0].heading().as_str()), ("tanks", "level [V]"));
    assert!(found.scores.one_step_rmse < 1e-10 && found.scores.nrmse.median < 1e-9, "{:?}", found.scores);
    assert!(
        found.baselines["persistence"].nrmse.median > 0.1 && found.baselines["linear"].nrmse.median < 1e-9
    );
    // One of the recordings is held out: of 75 to 140 samples, of which a quarter come before the first start.
    let starts = found.scores.nrmse.starts;
    assert!(starts == 20 && found.scores.nrmse.block > 1 && found.scores.vpt.is_none());
    let resolved = std::fs::read_to_string(run.join("experiment.toml")).unwrap();
    for line in ["dt = 4.0", "states = [\"level\"]", "inputs = [\"pump\"]", "level = \"V\"", "digest = \""] {
        assert!(resolved.contains(line), "{line}: {resolved}");
    }
    assert!(!resolved.contains("[system]") && !resolved.contains("solver"));
    // It repeats itself, also from its own file.
    let again = folder.train(&[run.join("experiment.toml").to_str().unwrap()]);
    assert_eq!(timeless(results(&again)), timeless(found));
}

/// RMSE, R² and fit in percent of a forecast.
fn fit_of(forecast: impl Fn(usize) -> f64, truth: &[f64]) -> [f64; 3] {
    let mean = truth.iter().sum::<f64>() / truth.len() as f64;
    let errors: f64 = truth.iter().enumerate().map(|(i, y)| (forecast(i) - y).powi(2)).sum();
    let part = errors / truth.iter().map(|y| (y - mean).powi(2)).sum::<f64>();
    [(errors / truth.len() as f64).sqrt(), 1.0 - part, 100.0 * (1.0 - part.sqrt())]
}

fn near(found: &forecast::SimulationScores, right: [f64; 3]) {
    let all = [found.rmse[0], found.r2[0], found.fit_percent[0]];
    assert!(all.iter().zip(right).all(|(x, y)| (x - y).abs() < 1e-9 * y.abs().max(1.0)), "{all:?} {right:?}");
}

#[test]
fn free_runs_are_the_score_where_the_protocol_says_so() {
    let folder = tanks();
    let simulate = ["tanks.toml", "evaluate.protocol=simulate", "evaluate.given=10"];
    let linear = ["model=polynomial", "model.degree=1", "train={}"];
    let run = folder.train(&[&simulate[..], &linear].concat());
    let found = results(&run);
    let of = |name: &str| found.baselines[name].simulation.clone().unwrap();
    let held = of("persistence");
    let number = LENGTHS.iter().position(|&samples| samples == held.samples + 10).unwrap();
    assert_eq!((held.given, held.recordings, held.ranks), (10, 1, true));
    let level: Vec<f64> = tank(number, LENGTHS[number]).into_iter().map(|(level, _)| level).collect();
    near(&held, fit_of(|_| level[9], &level[10..]));
    let own = found.scores.simulation.unwrap();
    assert!(own.rmse[0] < 1e-9 && own.r2[0] > 1.0 - 1e-12 && of("linear").rmse[0] < 1e-9);
    // `compare` and `show` put the free run first.
    let network = folder.train(&[&simulate[..], &["train.steps=60"]].concat());
    let [run, network] = [&run, &network].map(|run| run.to_str().unwrap());
    let compared = folder.ok(&["compare", run, network]);
    let places = ["model=polynomial", "train.steps=60", "persistence"].map(|name| compared.find(name));
    assert!(compared.contains("free run") && places.iter().all(Option::is_some), "{compared}");
    assert!(compared.contains("Ranked by RMSE of the free run"), "{compared}");
    let shown = folder.ok(&["show", network]);
    assert!(shown.find("free run") < shown.find("one step") && shown.contains("R²"), "{shown}");
    let again: serde_json::Value = serde_json::from_str(&folder.ok(&[
        "evaluate",
        run,
        "evaluate.given=30",
        "evaluate.protocol=forecast",
        "--json",
    ]))
    .unwrap();
    assert_eq!(again["scores"]["simulation"]["given"], 30);
    assert!(again["scores"]["simulation"].get("ranks").is_none());

    for (setting, words) in [
        ("evaluate.given=1", &["evaluate.given = 1", "2 samples that ffnn needs"][..]),
        ("evaluate.given=200", &["evaluate.given = 200", "nothing to forecast", "longest segment"]),
        ("evaluate.protocol=free", &["evaluate.protocol", "`forecast` or `simulate`"]),
    ] {
        refused(&folder, &["train", "tanks.toml", "train.steps=1", setting], 2, words);
    }
    let one = format!("evaluate.given={}", LENGTHS[number] - 1);
    refused(
        &folder,
        &["train", "tanks.toml", "train.steps=1", &one],
        2,
        &["two samples after the given ones"],
    );
    let system = ["train", "ffnn-lorenz", "evaluate.protocol=simulate"];
    refused(&folder, &system, 2, &["evaluate.protocol is for recordings"]);
}

#[test]
fn noisy_recordings_are_scored_against_clean_ones() {
    let folder = tanks();
    for name in ["noisy", "clean", "other", "late"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
    }
    // A noise that depends on the sample alone.
    let noise = |i: usize| 0.1 * (2.3 * (i * i) as f64).sin();
    for (number, samples) in LENGTHS.into_iter().enumerate() {
        let [mut noisy, mut clean] = ["t,level,pump\n", "t,level\n"].map(str::to_owned);
        for (i, (level, pump)) in tank(number, samples).into_iter().enumerate() {
            writeln!(noisy, "{},{},{pump}", 4 * i, level + noise(i)).unwrap();
            writeln!(clean, "{},{level}", 4 * i).unwrap();
        }
        folder.write(&format!("noisy/run{number}.csv"), &noisy);
        folder.write(&format!("clean/run{number}.csv"), &clean);
        let of = |start: usize, change: f64| {
            let rows = tank(number, samples).into_iter().enumerate();
            let row =
                |(i, (level, _)): (usize, (f64, f64))| format!("{},{}\n", start + 4 * i, level + change);
            format!("t,level\n{}", rows.map(row).collect::<String>())
        };
        folder.write(&format!("other/run{number}.csv"), &of(0, 1.0));
        folder.write(&format!("late/run{number}.csv"), &of(1, 0.0));
    }
    folder.write("noisy.toml", &TANKS.replace("tanks/", "noisy/"));
    let settings = ["noisy.toml", "train.steps=20", "evaluate.given=10"];
    let against_noisy = results(&folder.train(&settings));
    let run = folder.train(&[&settings[..], &["evaluate.truth=clean/*.csv"]].concat());
    let found = results(&run);
    let of = |found: &forecast::Results| found.baselines["persistence"].clone();
    let held = of(&found).simulation.unwrap();
    let number = LENGTHS.iter().position(|&samples| samples == held.samples + 10).unwrap();
    let level: Vec<f64> = tank(number, LENGTHS[number]).into_iter().map(|(level, _)| level).collect();
    near(&held, fit_of(|_| level[9] + noise(9), &level[10..]));
    let measured: Vec<f64> = level.iter().enumerate().map(|(i, level)| level + noise(i)).collect();
    near(&of(&against_noisy).simulation.unwrap(), fit_of(|_| measured[9], &measured[10..]));
    // One step: the same training data, and so the same standard deviations.
    let lead = LENGTHS[number] / 4;
    let one_step = |truth: &[f64]| -> f64 {
        let errors = (lead..level.len() - 1).map(|i| (measured[i] - truth[i + 1]).powi(2));
        (errors.sum::<f64>() / (level.len() - 1 - lead) as f64).sqrt()
    };
    let ratio = of(&found).one_step_rmse / of(&against_noisy).one_step_rmse;
    assert!((ratio - one_step(&level) / one_step(&measured)).abs() < 1e-9, "{ratio}");
    // Forecasts of many starts: from the measured present to the true future.
    let drawn = read_npz(&run.join("forecasts.npz")).unwrap();
    let truth = drawn.get("truth").unwrap();
    let shown: Vec<f64> = truth.values.iter().copied().filter(|x| !x.is_nan()).collect();
    let is = |x: f64, of: &[f64]| of.iter().any(|y| (x - y).abs() < 1e-12);
    assert!(is(shown[0], &measured) && shown[1..5].iter().all(|&x| is(x, &level)), "{shown:?}");

    // The run is scored again against the same files elsewhere; other files are refused.
    std::fs::rename(folder.path().join("clean"), folder.path().join("moved")).unwrap();
    let run = run.to_str().unwrap();
    let again = ["evaluate", run, "evaluate.truth=moved/*.csv", "--json"];
    let again: serde_json::Value = serde_json::from_str(&folder.ok(&again)).unwrap();
    assert_eq!(again["baselines"]["persistence"]["simulation"]["rmse"][0], held.rmse[0]);
    refused(&folder, &["evaluate", run], 2, &["evaluate.truth", "clean/*.csv", "matches no file"]);
    refused(
        &folder,
        &["evaluate", run, "evaluate.truth=other/*.csv"],
        2,
        &["evaluate.truth_digest asks for", "the files have changed"],
    );
    for (truth, words) in [
        (
            "moved/run0.csv",
            &["no clean recording has the file name", "recordings in all (5); there are 1"][..],
        ),
        ("late/*.csv", &["their times must be equal"]),
        ("tanks.toml", &["evaluate.truth: tanks.toml"]),
    ] {
        let truth = format!("evaluate.truth={truth}");
        if !(number == 0 && truth.contains("run0")) {
            refused(&folder, &["train", "noisy.toml", "train.steps=1", &truth], 2, words);
        }
    }
    refused(
        &folder,
        &["train", "ffnn-lorenz", "evaluate.truth=x.csv"],
        2,
        &["evaluate.truth is for recordings"],
    );
}

/// Rows of three quantities of a system that repeats itself, without a time.
fn one_recording() -> Folder {
    let folder = Folder::new("");
    let mut text = "x,u\n".to_owned();
    for (level, pump) in tank(2, 600) {
        writeln!(text, "{level},{pump}").unwrap();
    }
    folder.write("one.csv", &text);
    let section = "[recording]\nfiles = \"one.csv\"\ndt = 0.5\nstates = [\"x\"]\ninputs = [\"u\"]\n";
    folder.write("one.toml", &TANKS.replace(&TANKS[..TANKS.find("[data]").unwrap()], section));
    folder
}

#[test]
fn models_of_any_window_are_scored_from_the_same_starts_and_only_settings_depart() {
    let folder = one_recording();
    folder.ok(&["sweep", "one.toml", "model.window=1,7", "train.steps=40", "train.validate_every=20"]);
    let compared = folder.ok(&["compare", &sweep_of(&folder)]);
    // one ranking, whose rows say what they differ in, and nothing else
    assert!(!compared.contains(" above, ") && compared.matches("model.window=").count() >= 2, "{compared}");
    assert!(!compared.contains("evaluate."), "{compared}");
    let run = |window: &str| folder.train(&["one.toml", "train.steps=20", window]);
    let [short, long] = ["model.window=1", "model.window=7"].map(|window| results(&run(window)));
    // (Standard deviations are those of the training part, which ends a window before the next part.)
    let [a, b] = [&short, &long].map(|found| found.scores.nrmse.clone());
    assert_eq!((a.starts, a.horizon, a.block), (b.starts, b.horizon, b.block));
    assert_eq!(short.baselines["persistence"].simulation, long.baselines["persistence"].simulation);
    assert!(short.chosen["linear"].starts_with("linear in the last"));
    // With an exponent forecasts are followed to the end of the recording, which comes at another time after each start.
    let run = folder.train(&["one.toml", "train.steps=20", "evaluate.lyapunov_exponent=0.02"]);
    let found = results(&run);
    assert!(found.scores.vpt.is_some() && found.scores.nrmse.block == 20 && found.scores.lyapunov.is_none());
    let drawn = read_npz(&run.join("forecasts.npz")).unwrap();
    let [truth, forecast] =
        ["attractor_truth", "attractor_forecast"].map(|name| drawn.get(name).unwrap().shape[0]);
    assert!(truth == forecast && truth > 10, "{truth} {forecast}");
}

#[test]
fn every_command_takes_a_run_of_a_recording() {
    let folder = tanks();
    let long = ["tanks.toml", "train.steps=20000", "train.validate_every=1000"];
    let straight = folder.train(&[&long[..], &["--runs", "straight"]].concat());
    let (status, run) = crate::commands::stop(&folder, &[&["train"], &long[..]].concat(), "-INT");
    assert_eq!(status, Some(130));
    folder.ok(&["resume", run.to_str().unwrap()]);
    assert_eq!(timeless(results(&run)), timeless(results(&straight)));
    let run = run.to_str().unwrap();
    let read = |path: &str| std::fs::read(folder.path().join(path)).unwrap();
    assert_eq!(
        read(&format!("{run}/model.safetensors")),
        std::fs::read(straight.join("model.safetensors")).unwrap()
    );

    let scored: serde_json::Value =
        serde_json::from_str(&folder.ok(&["evaluate", run, "evaluate.starts=7", "--json"])).unwrap();
    assert_eq!(scored["scores"]["nrmse"]["starts"], 7);
    assert!(folder.ok(&["show", run]).contains("tanks"));
    folder.ok(&["sweep", "tanks.toml", "model.window=1,2", "seed=0,1", "train.steps=60"]);
    let compared = folder.ok(&["compare", &sweep_of(&folder)]);
    assert!(compared.contains("tanks") && compared.contains("model.window=1"), "{compared}");
    folder.ok(&["report", run, "--output", "report.html"]);
    assert!(std::fs::read_to_string(folder.path().join("report.html")).unwrap().contains("level (V)"));

    // A forecast needs the inputs of its own time, and says so.
    let of = tank(0, 30);
    let u = Array::new([1, 10, 1], of[..10].iter().map(|(level, _)| *level).collect());
    let known =
        |samples: usize| Array::new([1, samples, 1], of[..samples].iter().map(|(_, pump)| *pump).collect());
    let forecast = ["predict", run, "--input", "in.npz", "--steps", "5", "-o", "out.npz"];
    write_npz(&folder.path().join("in.npz"), &[("u", &u)]).unwrap();
    refused(&folder, &forecast, 2, &["needs its known inputs (pump)", "[1, 14, 1]"]);
    write_npz(&folder.path().join("in.npz"), &[("u", &u), ("known", &known(14))]).unwrap();
    folder.ok(&forecast);
    let found = read_npz(&folder.path().join("out.npz")).unwrap().get("u").unwrap().values.clone();
    for (i, level) in found.iter().enumerate() {
        assert!((level - of[10 + i].0).abs() < 0.2, "{found:?}");
    }
    refused(&folder, &["lyapunov", run], 2, &["no Lyapunov exponent", "known inputs were measured"]);

    // The files may move, and must stay the same.
    std::fs::rename(folder.path().join("tanks"), folder.path().join("moved")).unwrap();
    refused(&folder, &["evaluate", run], 2, &["tanks/*.csv", "matches no file"]);
    folder.ok(&["show", run]);
    folder.ok(&["report", run, "--output", "report.html"]);
    folder.ok(&["evaluate", run, "recording.files=moved/*.csv"]);
    std::fs::rename(folder.path().join("moved"), folder.path().join("tanks")).unwrap();
    let one = folder.path().join("tanks/run0.csv");
    let text = std::fs::read_to_string(&one).unwrap();
    std::fs::write(&one, text.replacen("0,1,1\n", "0,1.5,1\n", 1)).unwrap();
    refused(&folder, &["evaluate", run], 2, &["recording.digest", "put those back"]);
}

/// What a file holds as a recording, with this column of trajectories and these states.
fn read_back(folder: &Folder, file: &str, trajectory: &str, states: &[&str]) -> Recording {
    let settings = Settings {
        files: vec![file.into()],
        trajectory: Some(trajectory.to_owned()).filter(|name| !name.is_empty()),
        states: states.iter().map(|&name| name.to_owned()).collect(),
        ..Settings::default()
    };
    let files = find(&settings.files, folder.path()).unwrap();
    let mut silent = |_, _| {};
    read(&files, &settings, &mut Reading { least: 1, memory: None, progress: &mut silent }).unwrap()
}

#[test]
fn forecasts_are_read_and_written_as_tables() {
    let folder = tanks();
    let run = folder.train(&["tanks.toml", "model=polynomial", "model.degree=1", "train={}"]);
    let run = run.to_str().unwrap();
    let of = tank(9, 40);
    // Ten samples of history, and the pump of the times to forecast, as a logger has them; a gap before the history.
    let table = |inputs: usize, history: usize| {
        let mut text = "t [s];pump [V];level [V]\n-80;0;7\n".to_owned();
        for (i, (level, pump)) in of[..inputs].iter().enumerate() {
            let level = if i < history { level.to_string() } else { String::new() };
            writeln!(text, "{};{pump};{level}", 4 * i).unwrap();
        }
        text
    };
    folder.write("history.csv", &table(14, 10));
    let predict =
        |input: &str, output: &str| ["predict", run, "-i", input, "-n", "5", "-o", output].map(str::to_owned);
    let ok = |input: &str, output: &str| {
        folder.ok(&predict(input, output).iter().map(String::as_str).collect::<Vec<_>>());
    };
    ok("history.csv", "forecast.csv");
    let text = std::fs::read_to_string(folder.path().join("forecast.csv")).unwrap();
    assert_eq!(text.lines().next().unwrap(), "t,level [V]");
    let found = read_back(&folder, "forecast.csv", "", &[]);
    let segment = &found.segments[0];
    assert_eq!((segment.start, found.dt, segment.samples), (40.0, 4.0, 5));
    assert_eq!((found.states[0].name.as_str(), found.states[0].unit.as_str()), ("level", "V"));
    for (i, level) in segment.states.iter().enumerate() {
        assert!((level - of[10 + i].0).abs() < 1e-9, "{level} {}", of[10 + i].0);
    }
    // The same to the bit from and to arrays.
    ok("history.csv", "forecast.npz");
    let arrays = read_npz(&folder.path().join("forecast.npz")).unwrap();
    assert_eq!(arrays.get("u").unwrap().values, segment.states);

    let refused_with = |text: &str, words: &[&str]| {
        folder.write("wrong.csv", text);
        let arguments = predict("wrong.csv", "out.csv");
        refused(&folder, &arguments.iter().map(String::as_str).collect::<Vec<_>>(), 2, words);
    };
    refused_with(&table(11, 10), &["wrong.csv", "inputs (pump)", "3 rows with inputs are missing"]);
    refused_with(&table(14, 10).replace("level", "height"), &["wrong.csv", "\"level\"", "height"]);
    let wide: String = (0..20).map(|i| format!("{},1,2\n", 5 * i)).collect();
    refused_with(&format!("t,pump,level\n{wide}"), &["a sample every 5", "samples 4 apart"]);
    refused_with("t,pump,level\n0,1,2\n", &["wrong.csv"]);
    let out = predict("history.csv", "out.txt");
    refused(&folder, &out.iter().map(String::as_str).collect::<Vec<_>>(), 2, &[".npz or .csv"]);

    // What `simulate` writes is read back to the bit, and is a history of each trajectory.
    let settings = ["data.trajectories=3", "data.t_final=1"];
    for output in ["lorenz.csv", "lorenz.npz"] {
        folder.ok(&[&["simulate", "lorenz", "-o", output], &settings[..]].concat());
    }
    let xyz = ["x", "y", "z"];
    let table = read_back(&folder, "lorenz.csv", "trajectory", &xyz);
    let arrays = read_back(&folder, "lorenz.npz", "", &[]);
    assert_eq!((table.dt, table.segments.len()), (arrays.dt, 3));
    for (one, other) in table.segments.iter().zip(&arrays.segments) {
        assert!(one.start == other.start && one.states == other.states && one.samples == other.samples);
    }
    let few = ["data.trajectories=20", "evaluate.starts=10", "evaluate.long_run=0"];
    let run = folder.train(&[&["polynomial-lorenz"], &few[..]].concat());
    let run = run.to_str().unwrap();
    for (input, output) in [("lorenz.csv", "next.csv"), ("lorenz.npz", "next.npz")] {
        folder.ok(&["predict", run, "-i", input, "-n", "4", "-o", output]);
    }
    let text = std::fs::read_to_string(folder.path().join("next.csv")).unwrap();
    assert_eq!(text.lines().next().unwrap(), "start,t,x,y,z");
    let next = read_back(&folder, "next.csv", "start", &xyz);
    let arrays = read_npz(&folder.path().join("next.npz")).unwrap();
    let all: Vec<f64> = next.segments.iter().flat_map(|of| of.states.clone()).collect();
    assert_eq!(all, arrays.get("u").unwrap().values);
    assert!((next.segments[2].start - 1.01).abs() < 1e-9, "{}", next.segments[2].start);
}

#[test]
fn a_recording_for_the_scores_alone_may_lie_in_other_files_or_columns() {
    let folder = tanks();
    let mut text = "est,val,u_est,u_val\n".to_owned();
    for (est, val) in tank(0, 200).into_iter().zip(tank(3, 200)) {
        writeln!(text, "{},{},{},{}", est.0, val.0, est.1, val.1).unwrap();
    }
    folder.write("both.csv", &text);
    let columns = TANKS.replace(
        "files = \"tanks/*.csv\"\ntime = \"t\"\nstates = [\"level\"]\ninputs = [\"pump\"]\n",
        "files = \"both.csv\"\ndt = 4\nstates = [\"est\"]\ninputs = [\"u_est\"]\n\
         test = { states = [\"val\"], inputs = [\"u_val\"] }\n",
    );
    folder.write("both.toml", &columns);
    let run = folder.train(&["both.toml", "model=polynomial", "model.degree=1", "train={}"]);
    let found = results(&run);
    assert!(found.system == "both" && found.scores.nrmse.median < 1e-9, "{:?}", found.scores);
    // 140 samples to train on, 42 to 60 to choose by, after a gap.
    folder.write("other.toml", &TANKS.replace("[data]", "test = { files = \"tanks/run4.csv\" }\n[data]"));
    let run = folder.train(&["other.toml", "train.steps=60"]);
    assert_eq!(results(&run).scores.nrmse.starts, 20);
}

#[test]
fn rows_of_one_file_may_be_held_out() {
    let folder = Folder::new("");
    let rows: Vec<String> = tank(2, 600).iter().map(|(level, pump)| format!("{level},{pump}\n")).collect();
    for (name, rows) in [("all", &rows[..]), ("first", &rows[..400]), ("rest", &rows[400..])] {
        folder.write(&format!("{name}.csv"), &format!("x,u\n{}", rows.concat()));
    }
    let with = |section: &str| {
        let keys = "dt = 0.5\nstates = [\"x\"]\ninputs = [\"u\"]\n";
        let section = format!("[recording]\n{section}\n{keys}");
        folder.write("rows.toml", &TANKS.replace(&TANKS[..TANKS.find("[data]").unwrap()], &section));
    };
    let train = || folder.train(&["rows.toml", "train.steps=30"]);
    with("files = \"all.csv\"\nrows = [0, 400]\ntest = { rows = [400, 600] }");
    let by_rows = train();
    with("files = \"first.csv\"\ntest = { files = \"rest.csv\" }");
    let by_files = train();
    assert_eq!(model(&by_rows), model(&by_files));
    let [rows, files] = [&by_rows, &by_files].map(|run| timeless(results(run)).scores);
    assert_eq!(rows, files);
    let resolved = std::fs::read_to_string(by_rows.join("experiment.toml")).unwrap();
    assert!(resolved.contains("rows = [0, 400]"), "{resolved}");

    for (section, words) in [
        ("rows = [0, 401]\ntest = { rows = [400, 600] }", &["share rows", "[0, 401]", "[400, 600]"][..]),
        ("test = { rows = [400, 600] }", &["share rows", "recording.rows = all", "[0, 400]"]),
        ("rows = [0, 400]\ntest = { rows = [400, 601] }", &["all.csv: has 600 rows", "[400, 601]"]),
        ("rows = [400, 0]", &["recording.rows is [400, 0]", "must be larger"]),
    ] {
        with(&format!("files = \"all.csv\"\n{section}"));
        refused(&folder, &["train", "rows.toml", "train.steps=1"], 2, words);
    }
}

/// The folder of the only sweep.
fn sweep_of(folder: &Folder) -> String {
    let mut sweeps = std::fs::read_dir(folder.path().join("runs/sweeps")).unwrap();
    format!("runs/sweeps/{}", sweeps.next().unwrap().unwrap().file_name().into_string().unwrap())
}

/// The tensors of a model; what it says of itself names its files.
fn model(run: &Path) -> Tensors {
    Tensors { about: String::new(), ..Tensors::load(&run.join("model.safetensors")).unwrap() }
}

#[test]
fn trajectories_lose_nothing_on_the_way_through_files() {
    let folder = Folder::new("");
    let settings = ["data.trajectories=12", "data.t_final=2"];
    folder.ok(&[&["simulate", "lorenz", "-o", "lorenz.csv"], &settings[..]].concat());
    folder.ok(&[&["simulate", "lorenz", "-o", "lorenz.npz"], &settings[..]].concat());
    let rest = "[data]\nsplit = [0.8, 0.1, 0.1]\n[model]\nname = \"ffnn\"\nhidden = 8\n\
                [train]\nsteps = 60\nvalidate_every = 30\n[evaluate]\nstarts = 4\npolynomial_degree = 1\n";
    let memory = "[system]\nname = \"lorenz\"\n".to_owned()
        + &rest.replace("[data]\n", "[data]\ntrajectories = 12\nt_final = 2\n")
        + "lyapunov_exponent = 0.9\nlong_run = 0\ntransient = 1\nhorizon = 1\n";
    folder.write("memory.toml", &memory);
    let expected = model(&folder.train(&["memory.toml"]));
    for (name, section) in [
        (
            "csv",
            "files = \"lorenz.csv\"\ntime = \"t\"\ntrajectory = \"trajectory\"\nstates = [\"x\", \"y\", \"z\"]\n",
        ),
        ("npz", "files = \"lorenz.npz\"\n"),
    ] {
        folder.write(&format!("{name}.toml"), &format!("[recording]\n{section}{rest}"));
        let run = folder.train(&[&format!("{name}.toml")]);
        assert_eq!(model(&run), expected, "{name}");
    }
}

#[test]
fn files_are_inspected_and_drawn_before_they_are_learned_from() {
    let folder = tanks();
    let told = folder.ok(&["inspect", "tanks/*.csv", "recording.inputs=pump"]);
    for words in ["5 files", "level", "V", "a sample every 4", "5 segments of 75 to 140 samples, 535 in all"]
    {
        assert!(told.contains(words), "{words}: {told}");
    }
    assert!(told.lines().all(|line| line.chars().count() <= 80), "{told}");
    folder.ok(&["inspect", "tanks/*.csv", "recording.inputs=pump", "--init", "mine.toml"]);
    let mine = std::fs::read_to_string(folder.path().join("mine.toml")).unwrap();
    assert!(mine.contains("states = [\"level\"]") && mine.contains("inputs = [\"pump\"]"), "{mine}");
    refused(&folder, &["inspect", "tanks/*.csv", "--init", "mine.toml"], 2, &["mine.toml exists already"]);
    // It trains as it is.
    let run = folder.train(&["mine.toml", "train.steps=40", "train.validate_every=20", "evaluate.starts=5"]);
    assert_eq!(results(&run).system, "tanks");
    for output in ["tank.svg", "tank.png", "tank.html"] {
        folder.ok(&["plot", "tanks/run3.csv", "recording.inputs=pump", "-o", output]);
    }
    assert!(std::fs::read_to_string(folder.path().join("tank.svg")).unwrap().contains("level"));
    refused(&folder, &["inspect", "recording.dt=4"], 2, &["name at least one file"]);
    refused(&folder, &["inspect", "nothing.csv"], 2, &["nothing.csv", "does not exist"]);
    refused(&folder, &["inspect", "tanks/run0.csv", "recording.dtt=4"], 2, &["recording.dtt", "\"dt\""]);
}

#[test]
fn mistakes_about_a_recording_say_what_would_be_right() {
    let folder = tanks();
    let with = |from: &str, to: &str| folder.write("wrong.toml", &TANKS.replace(from, to));
    for (from, to, words) in [
        ("states", "sates", &["recording.sates", "did you mean \"states\""][..]),
        ("[\"level\"]", "[\"levl\"]", &["\"levl\"", "level"]),
        ("\"tanks/*.csv\"", "\"tank/*.csv\"", &["tank/*.csv", "matches no file"]),
        ("time = \"t\"", "time = \"t\"\ndt = 4", &["recording.time", "recording.dt", "exclude each other"]),
        ("time = \"t\"", "time = \"t\"\ntest = 3", &["recording.test = 3", "must be a table"]),
        ("time = \"t\"", "time = \"t\"\ntest = { fils = \"x\" }", &["recording.test.fils", "\"files\""]),
        ("[recording]", "[system]\nname = \"lorenz\"\n[recording]", &["both sections", "remove one"]),
        ("[recording]\n", "recording = 3\n[record]\n", &["recording must be a section"]),
        ("[data]", "[data]\ndt = 4.0", &["data.dt does nothing with a [recording]", "recording.resample"]),
        ("[data]", "[data]\ntrajectories = 4", &["data.trajectories", "split"]),
        ("[0.6, 0.2, 0.2]", "[0.6, 0.4, 0.0]", &["leaves the test part empty"]),
        ("window = 2", "window = 200", &["leaves the training part", "the model's window"]),
        ("starts = 20", "starts = 20\nhorizon = 1000", &["evaluate.horizon = 1000", "leave no two starts"]),
        ("time = \"t\"", "time = \"t\"\ntest = {}", &["recording.test is the recording itself"]),
        ("time = \"t\"", "time = \"t\"\ndigest = \"abc\"", &["recording.digest", "put those back"]),
        ("starts = 20", "starts = 20\nlong_run = 5", &["evaluate.long_run = 5.0", "a recording ends"]),
        (
            "starts = 20",
            "starts = 20\ntransient = 1000",
            &["evaluate.transient = 1000", "leave no two starts"],
        ),
    ] {
        with(from, to);
        refused(&folder, &["train", "wrong.toml"], 2, words);
    }
    refused(&folder, &["simulate", "tanks.toml", "-o", "x.npz"], 2, &["recording, which has no equation"]);
    refused(&folder, &["train", "tanks.toml", "data.solver=rk4"], 2, &["data.solver"]);
    // A file that is broken in the middle.
    let one = folder.path().join("tanks/run2.csv");
    let text = std::fs::read_to_string(&one).unwrap();
    std::fs::write(&one, text.replacen("\n208,", "\n204,", 1)).unwrap();
    refused(&folder, &["train", "tanks.toml"], 2, &["run2.csv", "204", "duplicates"]);
}

/// A recurrent network that carries its memory on, chosen by forecasts and trained once more, as a table of settings.
const CARRIED: [&str; 12] = [
    "tanks.toml",
    "model={name = \"gru\", hidden = 8, memory = \"carried\", window = 12, warmup = 8}",
    "train.unroll=10",
    "train.select=rollout",
    "train.refit=true",
    "train.steps=20000",
    // The first line of the metrics is written at the end of the first training.
    "train.validate_every=20000",
    "train.optimizer.learning_rate=3e-3",
    "train.schedule=cosine",
    "train.precision=f64",
    "train.checkpoint_every=700",
    "evaluate.starts=8",
];

#[cfg(unix)]
#[test]
fn a_model_that_is_trained_once_more_continues_to_the_same_bytes() {
    let folder = tanks();
    let straight = folder.train(&[&CARRIED[..], &["--runs", "straight"]].concat());
    let found = results(&straight);
    assert_eq!((found.train.best_step, found.train.steps), (20_000, 40_000));
    let persistence = found.baselines["persistence"].nrmse.median;
    assert!(found.scores.nrmse.median < 0.2 * persistence, "{:?} {persistence}", found.scores.nrmse);
    let metrics = std::fs::read_to_string(straight.join("metrics.jsonl")).unwrap();
    assert!(metrics.lines().count() == 1 && metrics.contains("\"rollout_error\":"), "{metrics}");
    let model = |run: &Path| std::fs::read(run.join("model.safetensors")).unwrap();
    for (signal, code) in [("-INT", Some(130)), ("-KILL", None)] {
        let (status, run) = crate::commands::stop(&folder, &[&["train"], &CARRIED[..]].concat(), signal);
        assert_eq!(status, code, "{signal} came too late");
        folder.ok(&["resume", run.to_str().unwrap()]);
        assert!(model(&run) == model(&straight), "{signal}");
        assert_eq!(timeless(results(&run)), timeless(results(&straight)), "{signal}");
    }
    // The training part alone gives another model.
    let once = folder.train(&[&CARRIED[..], &["train.refit=false"]].concat());
    assert!(results(&once).train.steps == 20_000 && model(&once) != model(&straight));
}

#[test]
fn a_validation_part_without_room_for_forecasts_is_refused_before_the_training() {
    let folder = tanks();
    let settings = [
        "train",
        "tanks.toml",
        "recording.files=tanks/run0.csv",
        "recording.test={files = \"tanks/run1.csv\"}",
        "train.select=rollout",
    ];
    let with = |split| [&settings[..], &[split]].concat();
    refused(
        &folder,
        &with("data.split=[0.975,0.025,0.0]"),
        2,
        &["too short for two forecasts", "data.split"],
    );
    assert!(!folder.path().join("runs").exists());
    // Shorter forecasts than those of the scores are enough.
    folder.ok(&with("data.split=[0.9,0.1,0.0]"));
    let rows = "recording.test={files = \"tanks/run0.csv\", rows = [5, 5]}";
    refused(&folder, &["train", "tanks.toml", rows], 2, &["recording.test.rows is [5, 5]"]);
}

#[test]
fn a_ridge_is_chosen_by_forecasts_over_the_validation_part() {
    let folder = Folder::new("");
    folder.write("tanks.toml", TANKS);
    std::fs::create_dir(folder.path().join("tanks")).unwrap();
    for (number, samples) in LENGTHS.into_iter().enumerate() {
        let mut text = "t,level,pump\n".to_owned();
        for (i, (level, pump)) in tank(number, samples).into_iter().enumerate() {
            // Noise that repeats: the fractional part of a large multiple of a sine.
            let noise = (((i + 1000 * number) as f64).sin() * 1e4).fract() * 0.2;
            writeln!(text, "{},{},{pump}", 4 * i, level + noise).unwrap();
        }
        folder.write(&format!("tanks/run{number}.csv"), &text);
    }
    let with = |ridge: &str| {
        let model = format!("model={{name = \"nvar\", delays = 12, degree = 2, ridge = {ridge}}}");
        folder.train(&["tanks.toml", &model, "train={}"])
    };
    let (auto, none) = (with("\"auto\""), with("0.0"));
    let (found, plain) = (results(&auto), results(&none));
    let ridge: f64 = found.chosen["ridge"].parse().unwrap();
    assert!(ridge >= 1e-3, "noise asks for a ridge: {ridge}");
    assert!(!plain.chosen.contains_key("ridge"));
    let [found, plain] = [found, plain].map(|results| results.scores.nrmse.median);
    assert!(found < 0.8 * plain, "{found} {plain}");
    let shown = folder.ok(&["show", auto.to_str().unwrap()]);
    assert!(shown.contains("\nridge: ") && shown.contains("chosen on the validation part."), "{shown}");
    // and the run is evaluated again to the same scores
    let again = folder.ok(&["evaluate", auto.to_str().unwrap(), "--json"]);
    assert!(again.contains("\"ridge\""), "{again}");

    let refused_with =
        |model: &str, words: &[&str]| refused(&folder, &["train", "tanks.toml", model, "train={}"], 2, words);
    refused_with("model={name = \"nvar\", ridge = \"best\"}", &["ridge", "\"best\"", "\"auto\""]);
    refused_with(
        "model={name = \"polynomial\", ridge = -1.0}",
        &["ridge = -1.0 must lie between 0.0 and 1000000.0"],
    );
}
