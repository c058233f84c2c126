//! What the README shows must be so.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::Folder;

fn readme() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    std::fs::read_to_string(path).unwrap()
}

/// The contents of the fenced blocks of a language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn its_diffs_apply_to_the_source() {
    let diffs = blocks(&readme(), "diff");
    assert_eq!(diffs.len(), 2);
    for diff in diffs {
        let mut check = Command::new("git")
            .args(["apply", "--check", "-"])
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        check.stdin.take().unwrap().write_all(diff.as_bytes()).unwrap();
        let output = check.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn its_experiment_is_the_file() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/rnn-lorenz.toml");
    let blocks = blocks(&readme(), "toml");
    let [experiment, equations] = &blocks[..] else { panic!("{blocks:?}") };
    assert_eq!(*experiment, std::fs::read_to_string(file).unwrap());
    // and its equations are a system
    let folder = Folder::new(equations);
    let header = "trajectory,t,x,y\n";
    folder.ok(&["simulate", "tiny.toml", "-o", "mine.csv", "data.trajectories=2"]);
    assert!(std::fs::read_to_string(folder.path().join("mine.csv")).unwrap().starts_with(header));
    folder.ok(&["lyapunov", "tiny.toml", "system.parameters.mu=3", "--time", "20"]);
}

#[test]
fn its_commands_exist_and_it_names_every_key() {
    let text = readme();
    let folder = Folder::new("");
    let help = folder.ok(&["--help"]);
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| !["help", "completions"].contains(name))
        .collect();
    for command in &commands {
        assert!(text.contains(&format!("    attractor {command} ")), "{command}");
    }
    assert!(commands.len() >= 8);
    let shown = blocks(&text, "toml").concat();
    for (experiment, _) in runner::experiments().iter().filter(|(name, _)| name.contains("-lorenz")) {
        let fitted = ["nvar", "polynomial", "reservoir"].iter().any(|model| experiment.starts_with(model));
        let short = ["data.trajectories=10", "evaluate.starts=2", "data.t_final=1", "evaluate.long_run=3"];
        let steps = if fitted { &[][..] } else { &["train.steps=2"] };
        let run = folder.train(&[&[experiment.as_str()], &short[..], steps].concat());
        let resolved = std::fs::read_to_string(run.join("experiment.toml")).unwrap();
        let mut section = String::new();
        for line in resolved.lines() {
            if let Some(name) = line.strip_prefix('[') {
                section = name.trim_end_matches(']').to_owned();
            } else if let Some((key, _)) = line.split_once(" = ") {
                let full = format!("{section}.{key}");
                let set = shown.lines().any(|line| line.starts_with(&format!("{key} =")));
                let named = [&full, &section, key].iter().any(|name| text.contains(&format!("`{name}`")));
                assert!(set || named || section == "system", "{full} is not in the README");
            }
        }
    }
}

#[test]
fn its_results_are_filled_in() {
    let text = readme();
    assert!(text.contains("| polynomial-lorenz | 3 | 15.20 |") && !text.contains("_TABLE"));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let architectures = std::fs::read_to_string(root.join("docs/architectures.md")).unwrap();
    assert!(!architectures.contains("_TABLE"));
    // every experiment stands in the table and in what is said of each, and every link leads somewhere
    let each = std::fs::read_to_string(root.join("experiments/README.md")).unwrap();
    for (name, _) in runner::experiments() {
        assert!(architectures.contains(&format!("| `{name}` |")), "{name} is not in docs/architectures.md");
        assert!(each.contains(&format!("`{name}`")) || name.ends_with("-oscillator"), "{name}");
    }
    let anchor = |line: &str| {
        line.trim_start_matches('#').trim().to_lowercase().replace(['\'', ','], "").replace(' ', "-")
    };
    let headings: Vec<String> = text.lines().filter(|line| line.starts_with('#')).map(anchor).collect();
    for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        let leads = match link.strip_prefix('#') {
            Some(anchor) => headings.iter().any(|heading| heading == anchor),
            None => link.starts_with("http") || root.join(link).exists(),
        };
        assert!(leads, "{link}");
    }
}
