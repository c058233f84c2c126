//! What a user can get wrong: each gives an exit status, one sentence, and no panic.

use crate::support::Folder;
use dataset::arrays::{Array, write_npz};

const TINY: &str = r#"
[system]
name = "lorenz"
[data]
trajectories = 10
t_final = 2.0
[model]
name = "rnn"
hidden = 4
window = 4
[train]
steps = 10
batch_size = 32
[evaluate]
starts = 2
transient = 1.0
horizon = 1.0
polynomial_degree = 1
"#;

fn refused(folder: &Folder, arguments: &[&str], status: i32, words: &[&str]) {
    let output = folder.run(arguments);
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {message}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    assert!(!message.contains("panicked"), "{arguments:?}: {message}");
    let error: Vec<&str> = message.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(error.len(), 1, "{arguments:?}: {message}");
    for word in words {
        assert!(error[0].contains(word), "{arguments:?}: \"{word}\" is not in\n{message}");
    }
}

#[test]
fn mistakes_in_the_experiment_are_refused_before_anything_is_written() {
    let folder = Folder::new(TINY);
    folder.write("syntax.toml", "seed = 1\n[system]\nname = lorenz\n");
    folder.write("empty.toml", "");
    folder.write("blocked", "a file where a folder should be");
    for (arguments, words) in [
        (&["tiny.toml", "model.hiden=3"][..], &["tiny.toml", "model.hiden", "did you mean \"hidden\""][..]),
        (&["tiny.toml", "model.name=rnm"], &["model.name", "did you mean \"rnn\""]),
        (&["tiny.toml", "system.name=lorentz"], &["system.name", "did you mean \"lorenz\""]),
        (&["tiny.toml", "--device", "gppu"], &["device \"gppu\"", "did you mean \"gpu\"", "cpu, gpu, cuda"]),
        (&["rnn-lorentz"], &["experiment \"rnn-lorentz\"", "did you mean \"rnn-lorenz\""]),
        (&["none.toml"], &["none.toml cannot be read"]),
        (&["tiny.toml", "data.dt=-0.1"], &["dt = -0.1 must be above 0"]),
        (&["tiny.toml", "data.dt=0"], &["dt = 0 must be above 0"]),
        (&["tiny.toml", "model.hidden=0"], &["hidden = 0 must lie between 1"]),
        (&["tiny.toml", "model.hidden=-1"], &["model.hidden = -1"]),
        (&["tiny.toml", "train.batch_size=0"], &["train.batch_size = 0"]),
        (&["tiny.toml", "data.split=[0.8,0.1,0.2]"], &["sum 1", "1.1"]),
        (&["tiny.toml", "data.split=[0.99,0.01,0]"], &["empty"]),
        (&["tiny.toml", "model.window=500"], &["model.window = 500", "201 samples", "at most 200"]),
        (&["tiny.toml", "train.steps=lots"], &["train.steps = \"lots\" must be a whole number"]),
        (&["syntax.toml"], &["syntax.toml", "line 3, column 8"]),
        (&["empty.toml"], &["empty.toml", "[system] is missing"]),
        (&["tiny.toml", "seed"], &["key=value"]),
        (&["tiny.toml", "--runs", "blocked"], &["blocked", "--runs"]),
        (&["tiny.toml", "--runs", "/proc/none"], &["/proc/none", "--runs"]),
        (&["tiny.toml", "--dashboard"], &["--dashboard", "stderr", "no terminal", "leave it out"]),
    ] {
        refused(&folder, &[&["train"], arguments].concat(), 2, words);
    }
    if cfg!(not(feature = "gpu")) {
        refused(&folder, &["train", "tiny.toml", "--device", "gpu"], 2, &["--features gpu", "--device cpu"]);
    }
    assert!(!folder.path().join("runs").exists());
    refused(&folder, &["simulate", "lorentz", "-o", "a.npz"], 2, &["did you mean \"lorenz\""]);
    refused(&folder, &["simulate", "lorenz", "-o", "a.txt"], 2, &["a.txt", ".npz or .csv"]);
    refused(&folder, &["simulate", "lorenz", "-o", "none/a.npz"], 2, &["none/a.npz", "folder"]);
    refused(&folder, &["simulate", "lorenz", "-o", "a.npz", "system.name=oscillator"], 2, &["system.name"]);
    let deep = format!("system{}=1", ".x".repeat(60_000));
    refused(&folder, &["simulate", "lorenz", "-o", "a.npz", &deep], 2, &["nested"]);
    std::fs::copy(folder.path().join("tiny.toml"), folder.path().join("...toml")).unwrap();
    refused(&folder, &["train", "...toml"], 2, &["...toml", "must begin with"]);
    folder.write("escape.toml", "[system]\nname = \"\\u001b[31mred\"\n");
    refused(&folder, &["train", "escape.toml"], 2, &["\\u{1b}[31mred"]);
    refused(
        &folder,
        &["simulate", "lorenz", "-o", "a.npz", "train.steps=3"],
        2,
        &["train.steps=3", "data.*"],
    );
    refused(
        &folder,
        &["simulate", "oscillator", "-o", "a.npz", "system.mass=0"],
        2,
        &["mass = 0 must be above 0"],
    );
    assert!(!folder.path().join("a.npz").exists());
}

#[test]
fn a_run_that_fails_says_when_and_why() {
    let folder = Folder::new(TINY);
    let blown = ["system.sigma=0", "system.beta=-1000"];
    refused(
        &folder,
        &[&["train", "tiny.toml"], &blown[..]].concat(),
        1,
        &["simulating lorenz", "trajectory 0", "t = "],
    );
    refused(&folder, &[&["simulate", "lorenz", "-o", "a.npz"], &blown[..]].concat(), 1, &["finite numbers"]);
    let wild = ["train.optimizer.learning_rate=1e10", "train.validate_every=1"];
    refused(
        &folder,
        &[&["train", "tiny.toml"], &wild[..]].concat(),
        1,
        &["loss became", "at step", "learning_rate"],
    );
    let runs: Vec<_> = std::fs::read_dir(folder.path().join("runs/tiny")).unwrap().collect();
    assert_eq!(runs.len(), 1);
    let run = runs[0].as_ref().unwrap().path();
    let kept = std::fs::read_dir(run.join("checkpoints")).unwrap().count();
    assert!(kept == 1 && !run.join("results.json").exists());
}

#[test]
fn what_is_no_run_is_told_from_one() {
    let folder = Folder::new(TINY);
    std::fs::create_dir_all(folder.path().join("something")).unwrap();
    for command in [&["show"][..], &["evaluate"], &["compare"], &["resume"]] {
        refused(&folder, &[command, &["something"]].concat(), 2, &["something is not a run directory"]);
        refused(&folder, &[command, &["nothing"]].concat(), 2, &["\"nothing\" is neither a run"]);
        refused(&folder, &[command, &["rnn-lorenz"]].concat(), 2, &["attractor train rnn-lorenz"]);
    }
    let run = folder.train(&["tiny.toml"]);
    let named = run.to_str().unwrap();
    refused(&folder, &["evaluate", named, "model.hidden=3"], 2, &["model.hidden=3", "evaluate."]);
    refused(&folder, &["evaluate", named, "evaluate.starts=0"], 2, &["evaluate.starts = 0"]);
    let model = std::fs::read(run.join("model.safetensors")).unwrap();
    for broken in [&model[..model.len() / 2], b"", b"not a model"] {
        std::fs::write(run.join("model.safetensors"), broken).unwrap();
        refused(&folder, &["evaluate", named], 2, &["model.safetensors"]);
    }
    std::fs::write(run.join("model.safetensors"), &model).unwrap();
    let resolved = std::fs::read_to_string(run.join("experiment.toml")).unwrap();
    std::fs::write(run.join("experiment.toml"), resolved.replace("hidden = 4", "hidden = 5")).unwrap();
    refused(&folder, &["evaluate", named], 2, &["model.safetensors", "does not fit"]);
    std::fs::write(run.join("experiment.toml"), &resolved).unwrap();
    // the first mean of the inputs, a number after the header, made infinite
    let tensors = models::tensors::Tensors::load(&run.join("model.safetensors")).unwrap();
    for (name, values) in [("normalisation.std", vec![-1.0; 3]), ("normalisation.mean", vec![f64::NAN; 3])] {
        let mut broken = tensors.clone();
        broken.insert_f64(name, values);
        broken.save(&run.join("model.safetensors")).unwrap();
        refused(&folder, &["evaluate", named], 2, &["model.safetensors", name]);
    }
    let other = folder.train(&["tiny.toml", "seed=5"]);
    std::fs::copy(other.join("model.safetensors"), run.join("model.safetensors")).unwrap();
    refused(&folder, &["evaluate", named], 2, &["model.safetensors", "trained by another"]);
    std::fs::remove_file(run.join("model.safetensors")).unwrap();
    refused(
        &folder,
        &["predict", named, "-i", "x.npz", "-n", "1", "-o", "y.npz"],
        2,
        &["has lost its model.safetensors"],
    );
    std::fs::write(run.join("results.json"), "{}").unwrap();
    refused(&folder, &["show", named], 2, &["results.json", "does not hold results"]);
}

#[test]
fn histories_that_do_not_fit_are_refused_with_their_place() {
    let folder = Folder::new(TINY);
    let run = folder.train(&["tiny.toml"]);
    let named = run.to_str().unwrap();
    let write = |name: &str, u: &Array, t: Option<&Array>| {
        let mut arrays = vec![("u", u)];
        arrays.extend(t.map(|t| ("t", t)));
        write_npz(&folder.path().join(name), &arrays).unwrap();
    };
    let full = |shape: [usize; 3], x: f64| Array::new(shape, vec![x; shape.iter().product()]);
    write("components.npz", &full([2, 4, 5], 1.0), None);
    write("short.npz", &full([2, 3, 3], 1.0), None);
    write("axes.npz", &Array::new([12], vec![1.0; 12]), None);
    write("none.npz", &full([0, 4, 3], 1.0), None);
    let mut hole = full([2, 6, 3], 1.0);
    hole.values[18 + 4 * 3 + 1] = f64::NAN;
    write("nan.npz", &hole, None);
    let times = Array::new([4], vec![0.0, 0.1, 0.2, 0.3]);
    write("spacing.npz", &full([1, 4, 3], 1.0), Some(&times));
    write_npz(&folder.path().join("names.npz"), &[("x", &times)]).unwrap();
    folder.write("text.npz", "x,y,z\n1,2,3\n");
    folder.write("hollow.npz", "");
    for (file, words) in [
        ("components.npz", &["components.npz", "5 components", "3 (x, y, z)"][..]),
        ("short.npz", &["short.npz", "3 samples", "needs 4"]),
        ("axes.npz", &["axes.npz", "[12]", "[start, time, component]"]),
        ("none.npz", &["none.npz", "no start"]),
        ("nan.npz", &["nan.npz", "NaN at start 1, sample 4, component y"]),
        ("spacing.npz", &["spacing.npz", "0.01 apart"]),
        ("names.npz", &["names.npz", "u", "x"]),
        ("text.npz", &["text.npz"]),
        ("hollow.npz", &["hollow.npz"]),
        ("missing.npz", &["missing.npz"]),
    ] {
        refused(&folder, &["predict", named, "-i", file, "-n", "5", "-o", "out.npz"], 2, words);
    }
    write("good.npz", &full([2, 4, 3], 1.0), None);
    refused(
        &folder,
        &["predict", named, "-i", "good.npz", "-n", "5", "-o", "good.npz"],
        2,
        &["is the input too"],
    );
    refused(&folder, &["predict", named, "-i", "good.npz", "-n", "0", "-o", "out.npz"], 2, &["at least 1"]);
    refused(&folder, &["predict", named, "-i", "good.npz", "-n", "5", "-o", "out.txt"], 2, &["out.txt"]);
    refused(
        &folder,
        &["predict", named, "-i", "good.npz", "-n", "5", "-o", "no/out.npz"],
        2,
        &["no/out.npz"],
    );
    for steps in ["999999999999", "18446744073709551615"] {
        refused(
            &folder,
            &["predict", named, "-i", "good.npz", "-n", steps, "-o", "out.npz"],
            2,
            &["268435456"],
        );
    }
    assert!(!folder.path().join("out.npz").exists());
    folder.ok(&["predict", named, "-i", "good.npz", "-n", "5", "-o", "out.npz"]);
}

#[test]
fn known_inputs_that_do_not_fit_are_refused() {
    let folder = Folder::new(&TINY.replace("\"lorenz\"", "\"oscillator\""));
    let run = folder.train(&["tiny.toml", "data.t_final=4"]);
    let u = Array::new([2, 4, 2], vec![0.5; 16]);
    let write = |name: &str, more: &[(&str, &Array)]| {
        write_npz(&folder.path().join(name), &[&[("u", &u)], more].concat()).unwrap();
    };
    let known = |shape: [usize; 3]| Array::new(shape, vec![0.5; shape.iter().product()]);
    let t = Array::new([4], vec![0.0, 0.1, 0.2, 0.3]);
    write("neither.npz", &[]);
    write("starts.npz", &[("known", &known([3, 8, 2])), ("t", &t)]);
    write("inputs.npz", &[("known", &known([2, 8, 1]))]);
    write("early.npz", &[("known", &known([2, 7, 2]))]);
    let mut hole = known([2, 8, 2]);
    hole.values[5] = f64::INFINITY;
    write("inf.npz", &[("known", &hole)]);
    let late = Array::new([4], vec![0.0, 0.1, 0.2, 0.4]);
    write("late.npz", &[("t", &late)]);
    for (file, words) in [
        ("neither.npz", &["known inputs (cos, sin)", "`t` [4]", "[2, 8, 2]"][..]),
        ("starts.npz", &["[3, 8, 2]", "[2, 8, 2]"]),
        ("inputs.npz", &["[2, 8, 1]", "[2, 8, 2]"]),
        ("early.npz", &["[2, 7, 2]", "[2, 8, 2]"]),
        ("inf.npz", &["`known` holds inf"]),
        ("late.npz", &["sample 0", "0.1 apart"]),
    ] {
        refused(
            &folder,
            &["predict", run.to_str().unwrap(), "-i", file, "-n", "5", "-o", "out.npz"],
            2,
            words,
        );
    }
    write("short.npz", &[("known", &known([2, 4, 2])), ("t", &t)]);
    folder.ok(&["predict", run.to_str().unwrap(), "-i", "short.npz", "-n", "5", "-o", "out.npz"]);
}

#[test]
fn lengths_that_fall_between_two_samples_are_no_fault() {
    // 1.0 + 0.345 and 0.345 round to lengths that differ by one more than 1.0.
    let folder = Folder::new(TINY);
    for horizon in ["evaluate.horizon=0.345", "evaluate.horizon=0.145"] {
        folder.train(&["tiny.toml", horizon, "evaluate.lyapunov_exponent=0"]);
    }
}

#[test]
fn mistakes_in_an_expression_are_shown_with_their_place() {
    let folder = Folder::new("");
    for (arguments, words) in [
        (&["2x + 1", "x=3"][..], &["column 2", "2*x"][..]),
        (&["", "x=3"], &["column 1", "empty"]),
        (&["sin(x", "x=3"], &["column 4", "never closed"]),
        (&["snh(x)", "x=3"], &["did you mean \"sinh\"?"]),
        (&["x\u{1b}[31m"], &["U+001B"]),
        (&["x*y*z", "y=3"], &["no value for x, z", "x=1.5"]),
        (&["x*alpha", "x=1", "alhpa=2"], &["variable \"alhpa\" is unknown; did you mean \"alpha\"?"]),
        (&["2*3", "x=1"], &["variable \"x\" is unknown; there are none"]),
        (&["x", "x=1", "x=2"], &["x=2", "x has a value already"]),
        (&["x", "x"], &["NAME=VALUE"]),
        (&["x", "x="], &["x=", "empty"]),
        (&["x", "x=1.2.3"], &["x=1.2.3", "one decimal point"]),
        (&["x", "x=y"], &["variable \"y\" is unknown"]),
        (&["x", "x=1", "--dot", "graph.svg"], &["graph.svg", ".dot"]),
        (&["x", "x=1", "--dot", "none/graph.dot"], &["none/graph.dot", "folder"]),
    ] {
        refused(&folder, &[&["derive"], arguments].concat(), 2, words);
    }
    let deep = format!("{}x{}", "(".repeat(10_000), ")".repeat(10_000));
    refused(&folder, &["derive", &deep, "x=1"], 2, &["nested"]);
    refused(&folder, &["derive", &"x+".repeat(40_000), "x=1"], 2, &["65536"]);
    let output = folder.run(&["derive", "1 + 2 x", "x=3"]);
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(message.lines().skip(1).collect::<Vec<_>>(), ["1 + 2 x", "      ^"]);
}
