//! What the README, the guide and `docs/extending.md` show must be so.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::Folder;

fn root() -> PathBuf {
    Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../..")
}

/// A page by its path from the root of the repository.
fn page(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// The pages of the guide, by their paths from the root of the repository.
fn guide() -> Vec<String> {
    let mut pages = Vec::new();
    for file in std::fs::read_dir(root().join("docs/guide")).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") {
            pages.push(format!("docs/guide/{name}"));
        }
    }
    assert!(pages.len() >= 8, "{pages:?}");
    pages
}

/// The README, the guide, and the pages to which they lead, by their paths from the root of the repository.
fn pages() -> Vec<String> {
    let mut pages = guide();
    let others = [
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "docs/architecture.md",
        "docs/architectures.md",
        "docs/autodiff.md",
        "docs/extending.md",
        "docs/kernels.md",
        "docs/performance.md",
        "docs/tour.md",
        "experiments/README.md",
    ];
    pages.extend(others.map(str::to_owned));
    pages
}

/// The contents of the fenced blocks of a language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn the_patches_apply_to_the_source() {
    let diffs = blocks(&page("docs/extending.md"), "diff");
    assert_eq!(diffs.len(), 2);
    for diff in diffs {
        let mut check = Command::new("git")
            .args(["apply", "--check", "-"])
            .current_dir(root())
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
fn the_experiment_of_the_guide_is_the_file() {
    let experiments = blocks(&page("docs/guide/experiment-files.md"), "toml");
    assert_eq!(experiments, [page("experiments/rnn-lorenz.toml")]);
}

#[test]
fn the_equations_of_the_guide_are_a_system() {
    let blocks = blocks(&page("docs/guide/equations.md"), "toml");
    let [equations] = &blocks[..] else { panic!("{blocks:?}") };
    let folder = Folder::new(equations);
    let header = "trajectory,t,x,y\n";
    folder.ok(&["simulate", "tiny.toml", "-o", "mine.csv", "data.trajectories=2"]);
    assert!(std::fs::read_to_string(folder.path().join("mine.csv")).unwrap().starts_with(header));
    folder.ok(&["lyapunov", "tiny.toml", "system.parameters.mu=3", "--time", "20"]);
}

#[test]
fn the_readme_shows_every_command_and_the_guide_names_every_key() {
    let readme = page("README.md");
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
        let shown = [' ', '`'].iter().any(|end| readme.contains(&format!("`attractor {command}{end}")));
        assert!(shown, "{command} is not in the README");
    }
    assert!(commands.len() >= 8);
    let text: String = guide().iter().map(|path| page(path)).collect();
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
                assert!(set || named || section == "system", "{full} is not in the guide");
            }
        }
    }
}

#[test]
fn the_results_are_filled_in() {
    let (readme, scores) = (page("README.md"), page("docs/guide/scores.md"));
    assert!(scores.contains("| polynomial-lorenz | 3 | 15.16 |"));
    // the README has five rows of the same table, without its last columns
    let rows: Vec<&str> =
        readme.lines().filter(|line| line.starts_with("| ") && line.contains(" | 3 | ")).collect();
    assert_eq!(rows.len(), 5, "{rows:?}");
    for row in rows {
        assert!(scores.lines().any(|line| line.starts_with(row)), "{row} is not in docs/guide/scores.md");
    }
    for path in pages() {
        assert!(!page(&path).contains("_TABLE"), "{path}");
    }
    // every experiment stands in the table and in what is said of each
    let (architectures, each) = (page("docs/architectures.md"), page("experiments/README.md"));
    for (name, _) in runner::experiments() {
        assert!(architectures.contains(&format!("| `{name}` |")), "{name} is not in docs/architectures.md");
        assert!(each.contains(&format!("`{name}`")) || name.ends_with("-oscillator"), "{name}");
    }
}

/// Whether a page has a heading to which GitHub gives this anchor.
fn has_anchor(text: &str, anchor: &str) -> bool {
    text.lines().filter(|line| line.starts_with('#')).any(|line| {
        let heading = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        let kept = heading.chars().filter(|letter| letter.is_alphanumeric() || "-_".contains(*letter));
        kept.eq(anchor.chars())
    })
}

#[test]
fn every_link_leads_somewhere() {
    for path in pages() {
        let text = page(&path);
        let folder = root().join(&path).parent().unwrap().to_owned();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.starts_with("https://") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { root().join(&path) } else { folder.join(file) };
            assert!(target.exists(), "{path}: {link}");
            if !anchor.is_empty() {
                assert!(has_anchor(&std::fs::read_to_string(&target).unwrap(), anchor), "{path}: {link}");
            }
        }
    }
}

/// The commands of a page: lines of indented code, and spans of code in a line.
fn commands(text: &str) -> Vec<String> {
    let begins = |line: &str| {
        ["attractor ", "cargo ", "just ", "git ", "tensorboard "].iter().any(|name| line.starts_with(name))
    };
    let joined = text.replace("\\\n", "");
    let mut commands = Vec::new();
    for line in joined.lines().filter(|line| line.starts_with("    ")) {
        let command = line.trim_start();
        let command = command.strip_prefix("$ ").unwrap_or(command);
        if begins(command) {
            commands.push(command.to_owned());
        }
    }
    for span in text.split('`').filter(|span| begins(span) && !span.contains('\n')) {
        commands.push(span.to_owned());
    }
    commands
}

/// The first character that bash or zsh would not pass on as it stands, when the command is pasted into a terminal.
/// A path may have wildcards, a setting (`key=value`) may not. zsh takes a pasted `#` for an argument.
fn misread(command: &str) -> Option<char> {
    let (mut quote, mut setting, mut first) = (None, false, true);
    for letter in command.chars() {
        let wrong = match quote {
            Some(open) if letter == open => {
                quote = None;
                false
            }
            Some('"') => "$`!\\".contains(letter),
            Some(_) => false,
            None => match letter {
                '\'' | '"' => {
                    quote = Some(letter);
                    false
                }
                ' ' => {
                    setting = false;
                    false
                }
                '=' => {
                    setting = true;
                    first
                }
                '*' | '?' | '{' | '}' => setting,
                '~' | '#' => first,
                _ => "()[]<>|;&$!\\".contains(letter),
            },
        };
        if wrong {
            return Some(letter);
        }
        first = letter == ' ';
    }
    quote
}

#[test]
fn every_command_can_be_pasted_into_bash_and_zsh() {
    for path in pages() {
        for command in commands(&page(&path)) {
            // What is written to a file is meant so.
            let command = command.split(" > ").next().unwrap_or_default();
            assert_eq!(misread(command), None, "{path}: {command}");
        }
    }
    assert!(commands(&page("README.md")).len() >= 24);
    for command in [
        "attractor sweep a lr=log(1e-4,1e-1,7)",
        "attractor train a data.observe=[\"x\"]",
        "attractor list # systems",
        "attractor sweep a hidden={16,32}",
        "attractor derive \"x!\"",
        "attractor derive 'x",
    ] {
        assert!(misread(command).is_some(), "{command}");
    }
    for command in [
        "attractor sweep a 'lr=log(1e-4,1e-1,7)' seed=0..=3",
        "attractor compare runs/*-lorenz{,-adam}/*",
        "attractor derive \"sqrt(x^2 + exp(x^2))\" x=1.5 --trace",
    ] {
        assert_eq!(misread(command), None, "{command}");
    }
}

#[test]
fn the_quick_start_prints_what_the_readme_shows() {
    let readme = page("README.md");
    let section = readme.split("## Quick start\n").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let folder = Folder::new("");
    let mut printed = String::new();
    let mut count = 0;
    for command in section.lines().filter_map(|line| line.strip_prefix("    attractor ")) {
        printed += &folder.ok(&command.split(' ').collect::<Vec<_>>());
        count += 1;
    }
    assert_eq!(count, 2);
    for file in ["report.html", "pictures/forecast.svg"] {
        assert!(folder.path().join(file).is_file(), "{file}");
    }
    // numbers may differ on another kind of processor, words may not
    let shown = blocks(section, "text");
    assert_eq!(shown.len(), 1);
    for word in shown[0].split_whitespace().filter(|word| !word.contains(|c: char| c.is_ascii_digit())) {
        assert!(printed.split_whitespace().any(|other| other == word), "{word} is not in\n{printed}");
    }
}
