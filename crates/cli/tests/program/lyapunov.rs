//! Lyapunov exponents by the command.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::support::Folder;

const MINE: &str = r#"
[system]
name = "equations"
state = { theta = "p", p = "-g*sin(theta) - gamma*p" }
parameters = { g = 1.0, gamma = 0.4 }
initial = { theta = [-1.0, 1.0], p = [-1.0, 1.0] }
[model]
name = "ffnn"
"#;

#[test]
fn the_spectrum_of_a_system_stands_in_a_table_and_in_json() {
    let folder = Folder::new(MINE);
    let short = ["--time", "100", "--trajectories", "8"];
    let text = folder.ok(&[&["lyapunov", "lorenz"], &short[..]].concat());
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let starts = [
        "1 ",
        "2 ",
        "3 ",
        "sum  -13.666667",
        "Per time unit, from 8 trajectories of 100",
        "Kaplan-Yorke dimension 2.06",
    ];
    for start in starts {
        assert!(text.lines().any(|line| line.starts_with(start)), "{start}: {text}");
    }
    let json =
        folder.ok(&[&["lyapunov", "lorenz", "system.rho=35", "-k", "1", "--json"], &short[..]].concat());
    let found: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(found["exponents"].as_array().unwrap().len(), 1);
    assert_eq!(
        found["system"],
        serde_json::json!({"name": "lorenz", "sigma": 10.0, "rho": 35.0, "beta": 8.0 / 3.0})
    );
    assert_eq!((&found["complete"], &found["interrupted"]), (&Value::Bool(false), &Value::Bool(false)));
    let largest = found["exponents"][0].as_f64().unwrap();
    assert!((1.0..1.3).contains(&largest), "{largest}");
}

#[test]
fn the_system_of_a_file_has_the_exponents_of_its_equations() {
    let folder = Folder::new(MINE);
    // to rest, where the equation is x'' + 0.4 x' + x = 0, or with a larger damping x'' + 4 x' + x = 0
    for (overrides, expected) in
        [(&[][..], [-0.2, -0.2]), (&["system.parameters.gamma=4"], [-0.2679, -3.7321])]
    {
        let arguments = [
            &["lyapunov", "tiny.toml", "--json", "--transient", "60", "--time", "400", "--trajectories", "4"],
            overrides,
        ];
        let found: Value = serde_json::from_str(&folder.ok(&arguments.concat())).unwrap();
        for (k, expected) in expected.into_iter().enumerate() {
            let exponent = found["exponents"][k].as_f64().unwrap();
            assert!((exponent - expected).abs() < 2e-3, "{exponent} for {expected}");
        }
    }
}

#[test]
fn a_driven_component_hides_no_chaos_and_exponents_descend() {
    let driven = r#"
[system]
name = "equations"
state = { w = "-0.5*w + x", x = "10*(y - x)", y = "x*(28 - z) - y", z = "x*y - 8/3*z" }
initial = { w = [-1.0, 1.0], x = [-15.0, 15.0], y = [-15.0, 15.0], z = [-15.0, 15.0] }
[data]
dt = 0.01
"#;
    let folder = Folder::new(driven);
    let found = |more: &[&str]| -> Value {
        let arguments = [&["lyapunov", "tiny.toml", "--json", "--time", "200", "--trajectories", "16"], more];
        serde_json::from_str(&folder.ok(&arguments.concat())).unwrap()
    };
    // Sprott, "Chaos and Time-Series Analysis" (2003), p. 431, and the damping of the component that is driven
    let first = found(&["-k", "1"])["exponents"][0].as_f64().unwrap();
    assert!((first - 0.9056).abs() < 0.02, "{first}");
    let all = found(&[]);
    for (k, right) in [0.9056, 0.0, -0.5, -14.5723].into_iter().enumerate() {
        let exponent = all["exponents"][k].as_f64().unwrap();
        assert!((exponent - right).abs() < 0.02, "{exponent} for {right}");
    }
    let dimension = all["kaplan_yorke"][0].as_f64().unwrap();
    assert!((dimension - 3.028).abs() < 0.002, "{dimension}");
}

#[test]
fn one_start_for_all_trajectories_does_not_make_the_error_zero() {
    let folder = Folder::new(MINE);
    let arguments = ["lyapunov", "lorenz", "-k", "1", "--json", "--time", "100"];
    let errors = [&[][..], &["data.initial=[[1,1],[1,1],[1,1]]"]].map(|start| {
        let found: Value = serde_json::from_str(&folder.ok(&[&arguments, start].concat())).unwrap();
        assert_eq!(found["trajectories"], 32);
        let (exponent, error) =
            (found["exponents"][0].as_f64().unwrap(), found["standard_errors"][0].as_f64().unwrap());
        assert!((exponent - 0.9056).abs() < 4.0 * error, "{exponent} +- {error}");
        error
    });
    assert!((0.5..2.0).contains(&(errors[1] / errors[0])), "{errors:?}");
}

#[test]
fn a_training_says_why_an_exponent_is_not_known() {
    // It reaches infinity at t = 1 / x, long after the data end.
    let folder = Folder::new(
        r#"
[system]
name = "equations"
state = { x = "x^2" }
initial = { x = [0.1, 0.2] }
[data]
trajectories = 20
t_final = 1.0
[model]
name = "polynomial"
degree = 2
[evaluate]
starts = 10
transient = 0.5
horizon = 1.0
"#,
    );
    let output = folder.run(&["train", "tiny.toml"]);
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{message}");
    let words = ["largest Lyapunov exponent of equations is not known", "leaves the finite numbers at t = "];
    assert!(words.iter().all(|word| message.contains(word)), "{message}");
    let results: Value = serde_json::from_str(&folder.ok(&["show", "tiny", "--json"])).unwrap();
    let suspicions = results["suspicions"].as_array().unwrap();
    let said = suspicions.iter().find(|of| of["check"] == "exponent-unknown").unwrap();
    let said = said["message"].as_str().unwrap();
    assert!(words.iter().all(|word| said.contains(word)) && results["scores"]["vpt"].is_null(), "{results}");
    // whoever scores it again hears it too, unless they know the exponent
    let again = folder.run(&["evaluate", "tiny"]);
    let message = String::from_utf8(again.stderr).unwrap();
    assert!(again.status.success() && message.contains(words[0]), "{message}");
    let known = folder.run(&["evaluate", "tiny", "evaluate.lyapunov_exponent=10"]);
    let message = String::from_utf8(known.stderr).unwrap();
    assert!(known.status.success() && !message.contains(words[0]), "{message}");
}

#[test]
fn what_cannot_be_done_is_said_before_the_work() {
    let folder = Folder::new(MINE);
    for (arguments, words) in [
        (
            &["lorentz"][..],
            &["lorentz is no file, no run directory", "did you mean \"lorenz\"?", "lorenz96"][..],
        ),
        (&["lorenz", "-k", "4"], &["4 exponents", "ask for 1 to 3"]),
        (&["lorenz", "data.dt=0.1"], &["data.dt=0.1 has no effect here", "lorenz is known, 0.01"]),
        (&["lorenz", "--trajectories", "999999999999"], &["999999999999 trajectories", "at most 10000"]),
        (&["lorenz", "system.name=rossler"], &["system.name=rossler has no meaning here"]),
        (&["lorenz", "--time", "0"], &["a time of 0.0", "between 0.01"]),
        (&["lorenz", "--time", "inf"], &["a time of inf", "between 0.01"]),
        (&["lorenz", "--time", "-1"], &["a time of -1.0", "between 0.01"]),
        (&["lorenz", "--time", "1e300"], &["a time of 1e300"]),
        (&["lorenz", "--transient", "-1"], &["a transient of -1.0"]),
        (&["tiny.toml", "system.parameters.g=nan"], &["system.parameters.g = nan", "finite number"]),
        (&["lorenz", "train.steps=3"], &["train.steps=3 has no meaning here"]),
        (&["lorenz", "--device", "gpu"], &["--device gpu has no meaning here", "on the CPU"]),
        (&["lorenz", "system.rhoo=3"], &["system.rhoo", "did you mean \"rho\""]),
        (&["lorenz", "data.initial=[[0,1]]"], &["data.initial", "a list of 3"]),
        (&["tiny.toml", "system.state.p=q"], &["tiny.toml", "state.p", "column 1", "\"q\" is unknown"]),
        (&["nowhere.toml"], &["nowhere.toml cannot be read"]),
        (
            &["rnn-lorenz"],
            &["rnn-lorenz has no trained run under runs", "`attractor train rnn-lorenz` makes one"],
        ),
        (&["rnn-lorenz", "system.rho=3"], &["system.rho=3 has no meaning here", "rnn-lorenz is no system"]),
        (&["tiny.toml", "system.parameters.g=lots"], &["parameters.g", "lots"]),
        (&["tiny.toml", "system.parameters.gg=2"], &["parameters.gg stands in no equation"]),
        // first what it would take
        (
            &["lorenz96", "system.variables=1200"],
            &["1200 components", "would take about", "--exponents 10 takes about"],
        ),
    ] {
        let output = folder.run(&[&["lyapunov"], arguments].concat());
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
        assert!(words.iter().all(|word| message.contains(word)), "{arguments:?}: {message}");
        assert!(output.stdout.is_empty() && message.lines().count() == 1, "{arguments:?}: {message}");
    }
    for (option, value, words) in [
        ("-k", "0", "value '0' for '--exponents <N>': it must be a whole number, at least 1"),
        ("-k", "-1", "value '-1' for '--exponents <N>': it must be a whole number, at least 1"),
        ("-k", "1.5", "value '1.5' for '--exponents <N>': it must be a whole number, at least 1"),
        ("--trajectories", "1", "value '1' for '--trajectories <N>': it must be a whole number, at least 2"),
    ] {
        let output = folder.run(&["lyapunov", "lorenz", option, value]);
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && message.contains(words), "{message}");
    }
}

#[test]
fn a_system_that_cannot_be_followed_is_a_failure_with_its_place() {
    let folder = Folder::new(MINE);
    let explodes = ["lyapunov", "tiny.toml", "system.state.p=g*p^2 + gamma"];
    let output = folder.run(&explodes);
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("trajectory 0") || message.contains("finite"), "{message}");
}

#[test]
fn a_run_has_the_exponents_of_its_map() {
    let folder = Folder::new(MINE);
    let quick = ["data.trajectories=40", "evaluate.starts=20", "evaluate.long_run=0"];
    let run = folder.train(&[&["polynomial-lorenz"], &quick[..]].concat());
    // by its directory and by its name
    let text = folder.ok(&["lyapunov", run.to_str().unwrap(), "--time", "60", "--trajectories", "8"]);
    assert!(
        text.contains("Per time unit, from 8 trajectories of 60") && text.contains("dimension 2.0"),
        "{text}"
    );
    let json = folder.ok(&["lyapunov", "polynomial-lorenz", "--time", "60", "--trajectories", "8", "--json"]);
    let found: Value = serde_json::from_str(&json).unwrap();
    assert!(
        run.ends_with(found["run"].as_str().unwrap()) && found["complete"] == Value::Bool(true),
        "{json}"
    );
    let largest = found["exponents"][0].as_f64().unwrap();
    assert!((largest - 0.906).abs() < 0.1, "{largest}");
    let wrong = folder.run(&["lyapunov", "polynomial-lorenz", "-k", "4"]);
    let message = String::from_utf8(wrong.stderr).unwrap();
    assert!(wrong.status.code() == Some(2) && message.contains("ask for 1 to 3"), "{message}");
}

#[test]
#[cfg(unix)]
fn an_interrupt_leaves_what_is_known() {
    let folder = Folder::new(MINE);
    let arguments = ["lyapunov", "lorenz", "--trajectories", "2000", "--time", "400", "--json"];
    let mut command = folder.command(&arguments);
    let mut child =
        command.env("RAYON_NUM_THREADS", "2").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("following 2000 trajectories"));
    // long enough for some, too short for all of them on any machine
    std::thread::sleep(Duration::from_millis(2500));
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let complete = found["trajectories"].as_u64().unwrap();
    assert!((2..2000).contains(&complete) && found["interrupted"] == Value::Bool(true), "{complete}");
}

#[test]
fn a_recording_has_an_exponent_with_a_verdict_and_the_line_to_copy() {
    let folder = Folder::new("");
    let settings = ["data.trajectories=1", "data.dt=0.02", "data.t_final=240"];
    folder.ok(&[&["simulate", "lorenz", "-o", "lorenz.csv"], &settings[..]].concat());
    let file = ["lyapunov", "lorenz.csv", "recording.time=t", "recording.states=[\"x\",\"z\"]"];
    let json = folder.ok(&[&file[..], &["--json"]].concat());
    let found: Value = serde_json::from_str(&json).unwrap();
    let x = &found["quantities"][0];
    assert_eq!(
        (&x["name"], &x["verdict"]["is"], &found["dt"]),
        (&"x".into(), &"chaotic".into(), &0.02.into())
    );
    let exponent = x["exponent"].as_f64().unwrap();
    assert!((exponent - 0.906).abs() < 0.15 && x["standard_error"].as_f64().unwrap() < 0.15, "{exponent}");
    assert!(x["time"].as_array().unwrap().len() == x["divergence"].as_array().unwrap().len());
    let text = folder.ok(&file);
    for words in ["exponent", "dimen-", "chaotic", "file:\n\n[evaluate]\nlyapunov_exponent = 0."] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let set =
        folder.ok(&[&file[..3], &["recording.states=x", "--delay=9", "--dimension=4", "--json"]].concat());
    let set: Value = serde_json::from_str(&set).unwrap();
    assert_eq!((&set["quantities"][0]["delay"], &set["quantities"][0]["dimension"]), (&9.into(), &4.into()));

    // A sine says that it is not chaotic, and gives no line.
    let sine: String = (0..3000).map(|i| format!("{i},{}\n", (0.1 * f64::from(i)).sin())).collect();
    folder.write("sine.csv", &format!("t,x\n{sine}"));
    let text = folder.ok(&["lyapunov", "sine.csv"]);
    assert!(text.contains("not chaotic") && !text.contains("[evaluate]"), "{text}");
    let refused = |arguments: &[&str], words: &str| {
        let output = folder.run(&[&["lyapunov"], arguments].concat());
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && message.contains(words), "{message}");
    };
    folder.write("short.csv", "t,x\n0,1\n1,2\n2,1.5\n");
    refused(&["short.csv"], "x of short.csv: the longest segment has 3 samples");
    refused(&["sine.csv", "--time", "3"], "--time does not apply to a recording");
    refused(&["sine.csv", "system.rho=3"], "system.rho=3 is not a setting of a recording");
    refused(
        &["lorenz", "--delay", "3"],
        "--delay is only for recordings, and lorenz is not a file of a recording",
    );
    refused(&["nothing.csv"], "nothing.csv is no file, no run directory");
    refused(&["nothing*.csv"], "matches no file");
}

#[test]
fn a_network_that_carries_its_memory_has_no_exponent_and_no_advice_that_fails() {
    let folder = Folder::new(
        "system = \"lorenz\"\n[data]\ntrajectories = 10\nt_final = 2.0\n[model]\nname = \"gru\"\nhidden = 8\n\
         memory = \"carried\"\nwindow = 3\n[train]\nsteps = 20\n[evaluate]\nstarts = 4\nlong_run = 0\n",
    );
    let output = folder.run(&["train", "tiny.toml"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(said.contains("has no derivatives of a network whose memory is carried"), "{said}");
    assert!(!said.contains("attractor lyapunov"), "{said}");
    crate::support::refused(&folder, &["lyapunov", "tiny"], 2, &["model.memory = \"carried\"", "\"window\""]);
}
