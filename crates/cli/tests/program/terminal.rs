//! What a terminal is sent, and what a file or a pipe gets instead.
#![cfg(target_os = "linux")] // `script` makes the terminal

use crate::support::{Folder, Terminal};

const TINY: &str = r#"
[system]
name = "lorenz"
[data]
trajectories = 10
t_final = 2.0
[model]
name = "ffnn"
hidden = 4
depth = 1
[train]
steps = 2000
batch_size = 32
validate_every = 100
[evaluate]
starts = 5
transient = 3.0
horizon = 1.0
polynomial_degree = 3
lyapunov_exponent = 0.9056
"#;

/// The widest of some lines.
fn widest(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap_or(0)
}

/// Whether a text has a control sequence that sets a color; the default colors are none.
fn is_colored(text: &str) -> bool {
    let sequences = text.split("\x1b[").skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != ';')?;
        rest[end..].starts_with('m').then(|| &rest[..end])
    });
    let colors = |parameter: &str| matches!(parameter.parse(), Ok(30..=38 | 40..=48 | 90..=97 | 100..=107));
    sequences.flat_map(|sequence| sequence.split(';')).any(colors)
}

#[test]
fn tables_are_as_wide_as_the_terminal() {
    let folder = Folder::new(TINY);
    let label = "tiny model.hidden=5 train.steps=20 train.validate_every=7";
    folder.ok(&["train", "tiny.toml", "train.steps=20", "model.hidden=5", "train.validate_every=7"]);
    let piped = folder.ok(&["compare", "tiny"]);
    assert!(widest(&piped) <= 80 && piped.contains(&format!("\n{label}\n")), "{piped}");
    // as it is where the terminal does not say how wide it is
    let (unknown, _) = Terminal { columns: 0, ..Terminal::default() }.run(&folder, "compare tiny");
    assert_eq!(unknown, piped);
    for (columns, beside) in [(80, false), (90, false), (200, true)] {
        let terminal = Terminal { columns, ..Terminal::default() };
        let (seen, status) = terminal.run(&folder, "compare tiny");
        assert_eq!(status, Some(0), "{seen}");
        assert_eq!(!seen.contains(&format!("\n{label}\n")), beside, "{columns} columns: {seen}");
        assert!(widest(&seen) <= columns, "{columns} columns: {seen}");
    }
    let wide = Terminal { columns: 200, ..Terminal::default() };
    let (shown, _) = wide.run(&folder, "show tiny");
    let folded = folder.ok(&["show", "tiny"]);
    assert!(widest(&folded) <= 80 && widest(&shown) > 80, "{shown}{folded}");
    let (expression, at) = ("sin(x*y*z*w)/3", ["x=1.1", "y=2.2", "z=3.3", "w=4.4", "--trace"]);
    let (trace, _) = wide.run(&folder, &format!("derive '{expression}' {}", at.join(" ")));
    let folded = folder.ok(&[&["derive", expression], &at[..]].concat());
    assert!(widest(&folded) <= 80 && widest(&trace) > 80, "more digits where there is room: {trace}{folded}");
}

#[test]
fn hidden_characters_of_names_do_not_reach_the_terminal() {
    let folder = Folder::new(TINY);
    let run = folder.train(&["tiny.toml", "train.steps=20"]);
    let (hidden, seen) = ("a\u{202e}b\u{1b}[2Jc\u{200b}d", "a\\u{202e}b\\u{1b}[2Jc\\u{200b}d");
    let copy = folder.path().join(hidden);
    std::fs::create_dir(&copy).unwrap();
    for entry in std::fs::read_dir(&run).unwrap().flatten().filter(|entry| entry.path().is_file()) {
        std::fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
    }
    let file = copy.join("results.json");
    let mut told: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    for key in ["experiment", "model", "device"] {
        told[key] = hidden.into();
    }
    std::fs::write(&file, told.to_string()).unwrap();
    let terminal = Terminal { columns: 200, ..Terminal::default() };
    for (arguments, status) in [
        (format!("show '{hidden}'"), 0),
        (format!("show '{hidden}' --json"), 0),
        (format!("compare '{hidden}'"), 0),
        (format!("compare '{hidden}' --json"), 0),
        (format!("report '{hidden}' -o '{hidden}.html'"), 0),
        (format!("show 'no {hidden}'"), 2),
        (format!("sweep tiny.toml --runs '{hidden}/new' --dry-run"), 0),
    ] {
        let (text, code) = terminal.run(&folder, &arguments);
        assert_eq!(code, Some(status), "{arguments:?}: {text}");
        let shown = text.contains(seen) || text.contains("a\\u202eb\\u001b[2Jc\\u200bd");
        assert!(shown, "{arguments:?}: {text:?}");
        let text = text.replace("\x1b[1;31m", "").replace("\x1b[0m", "");
        let raw = |c: char| report::is_hidden(c) && !"\n\r\t".contains(c);
        assert!(!text.contains(raw), "{arguments:?}: {text:?}");
    }
    // A pipe gets the folder by its name, so that the next command finds it.
    let piped = folder.ok(&["show", hidden]);
    assert_eq!(piped.lines().last(), Some(hidden));
    assert!(piped.starts_with(seen), "{piped:?}");
}

#[test]
fn no_color_and_a_dumb_terminal_are_respected() {
    let folder = Folder::new(TINY);
    let on = |term, no_color| Terminal { term, no_color, ..Terminal::default() };
    let plain = [on("xterm-256color", Some("1")), on("dumb", None)];
    // An empty NO_COLOR is none.
    for colored in [on("xterm-256color", None), on("xterm-256color", Some(""))] {
        for arguments in ["train none", "--help", "train tiny.toml --dashboard"] {
            let (seen, _) = colored.run(&folder, arguments);
            assert!(
                is_colored(&seen) || arguments == "--help" && seen.contains("\x1b["),
                "{arguments}: {seen:?}"
            );
        }
    }
    for terminal in &plain {
        for arguments in ["train none", "--help", "train --no-such-option", "list", "compare tiny"] {
            let (seen, _) = terminal.run(&folder, arguments);
            assert!(!is_colored(&seen), "{arguments}: {seen:?}");
            // not even bold
            assert!(!seen.contains('\x1b'), "{arguments}: {seen:?}");
        }
    }
    // The live view without colors, and a training without a live view.
    let (seen, status) = plain[0].run(&folder, "train tiny.toml --dashboard");
    assert!(status == Some(0) && seen.contains("\x1b[?1049h"), "{seen:?}");
    assert!(!is_colored(&seen) && seen.contains('\u{2022}'), "{seen:?}");
    let (seen, status) = plain[0].run(&folder, "train tiny.toml");
    assert!(status == Some(0) && !is_colored(&seen), "{seen:?}");
    // A dumb terminal gets line after line.
    let (seen, status) = plain[1].run(&folder, "train tiny.toml");
    assert!(status == Some(0) && !seen.contains('\x1b'), "{seen:?}");
    assert!(seen.contains("step 2000 of 2000, loss") && seen.contains("examples/s"), "{seen:?}");
    let (seen, status) = plain[1].run(&folder, "train tiny.toml --dashboard");
    assert!(status == Some(2) && seen.contains("TERM is dumb") && !seen.contains('\x1b'), "{seen:?}");
}
