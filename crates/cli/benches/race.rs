//! Seconds of training against forecast quality: trains the Lorenz experiments with growing budgets, each to the end of its
//! own schedule, and prints a JSON object a line in the form of `peers/time_to_accuracy.py`: model, steps, training
//! seconds, loss, and the valid prediction time, median and 10th percentile over the starts.
//!
//! Arguments name the experiments to run, and `seed=N`.

use std::error::Error;
use std::path::Path;
use std::process::Command;

/// An experiment, the key that holds its budget, and budgets.
const RACES: [(&str, &str, &[&str]); 3] = [
    ("ffnn-lorenz-adam", "train.steps", &["10000", "20000", "40000", "80000", "120000", "200000"]),
    ("rnn-lorenz", "train.steps", &["10000", "20000", "40000", "80000", "150000"]),
    ("ffnn-lorenz", "train.steps", &["100", "200", "400", "1000", "2000"]),
];

fn main() -> Result<(), Box<dyn Error>> {
    let asked: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let (settings, names): (Vec<String>, Vec<String>) =
        asked.into_iter().partition(|argument| argument.contains('='));
    let runs = tempfile::tempdir()?;
    for (experiment, key, budgets) in RACES {
        if !names.is_empty() && !names.iter().any(|name| name == experiment) {
            continue;
        }
        for budget in budgets {
            println!("{}", race(experiment, &format!("{key}={budget}"), &settings, runs.path())?);
        }
    }
    Ok(())
}

/// One training; its line.
fn race(experiment: &str, budget: &str, settings: &[String], runs: &Path) -> Result<String, Box<dyn Error>> {
    let program = |arguments: &[&str]| -> Result<String, Box<dyn Error>> {
        let output = Command::new(env!("CARGO_BIN_EXE_attractor"))
            .args(arguments)
            .args(["--runs", &runs.to_string_lossy()])
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() { Ok(String::from_utf8(output.stdout)?) } else { Err(said.into()) }
    };
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    program(&[&["train", experiment, budget], &settings[..]].concat())?;
    let results: forecast::Results = serde_json::from_str(&program(&["show", experiment, "--json"])?)?;
    let vpt = results.scores.vpt.ok_or("a chaotic system has valid prediction times")?;
    let line = serde_json::json!({
        "model": results.experiment,
        "steps": results.train.steps,
        "seconds": (results.train.seconds * 100.0).round() / 100.0,
        "loss": results.train.loss.train,
        "vpt_median": vpt.main.summary.median,
        "vpt_p10": vpt.main.summary.p10,
    });
    Ok(line.to_string())
}
