//! `attractor derive`, and `docs/autodiff.md`, which shows it.

use std::path::Path;
use std::process::Command;

use crate::support::Folder;

/// The number that stands in a row.
fn row(text: &str, name: &str) -> f64 {
    let line = text.lines().rfind(|line| line.split_whitespace().next() == Some(name));
    line.unwrap().split_whitespace().last().unwrap().parse().unwrap()
}

#[test]
#[cfg(unix)]
fn the_page_on_derivatives_shows_what_the_program_prints() {
    let page = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../docs/autodiff.md");
    let page = std::fs::read_to_string(page).unwrap();
    let folder = Folder::new("");
    let program = Path::new(env!("CARGO_BIN_EXE_attractor")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut shown = 0;
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(command) = line.trim_start().strip_prefix("$ ") else { continue };
        let inset = line.len() - line.trim_start().len();
        let mut expected = String::new();
        while let Some(line) =
            lines.next_if(|line| line.len() > inset && line[..inset].trim().is_empty() || line.is_empty())
        {
            expected.push_str(line.get(inset..).unwrap_or_default());
            expected.push('\n');
        }
        let run = Command::new("sh")
            .args(["-c", &format!("{command} 2>&1")]) // notes stand below, as in a terminal
            .current_dir(folder.path())
            .env("PATH", &path)
            .output()
            .unwrap();
        let printed = String::from_utf8(run.stdout).unwrap();
        assert!(run.status.success(), "{command}");
        assert_eq!(printed.trim_end(), expected.trim_end(), "{command}");
        shown += 1;
    }
    assert_eq!(shown, 4);
}

#[test]
fn both_modes_print_the_derivative_of_the_closed_form() {
    let folder = Folder::new("");
    for x in [1.5f64, -1.5, 0.0, 3.0] {
        let (b, d) = ((x * x).exp(), (x * x + (x * x).exp()).sqrt());
        for mode in ["forward", "reverse"] {
            let at = format!("x={x:?}");
            let text = folder.ok(&["derive", "sqrt(x^2 + exp(x^2))", &at, "--mode", mode]);
            assert_eq!(text.lines().count(), 2);
            assert_eq!(row(&text, "value"), d);
            assert!((row(&text, "d/dx") - x * (1.0 + b) / d).abs() < 1e-14 * (1.0 + b), "{text}");
        }
    }
    // where the sign comes first, and where options stand between
    assert_eq!(folder.ok(&["derive", "-x^2", "x=-1.5"]), "value  -2.25\nd/dx   3\n");
    assert_eq!(folder.ok(&["derive", "-x^2", "--mode", "reverse", "x=3"]), "value  -9\nd/dx   -6\n");
    assert_eq!(folder.ok(&["derive", "--mode", "reverse", "-x", "x=-1"]), "value  1\nd/dx   -1\n");
    assert_eq!(folder.ok(&["derive", "--", "-h", "h=2"]), "value  -2\nd/dh   -1\n");
    assert_eq!(folder.ok(&["derive", "-1.5 + 2"]), "value  0.5\n");
    assert_eq!(folder.ok(&["derive", "sin(x)", "x=-pi/2"]).lines().next(), Some("value  -1"));
    assert_eq!(folder.ok(&["derive", "sqrt(x)", "x=-1"]), "value  NaN\nd/dx   NaN\n");
    assert_eq!(folder.ok(&["derive", "log(x)", "x=0"]), "value  -inf\nd/dx   inf\n");
}

#[test]
fn piecewise_expressions_and_variables_called_e_or_pi_are_derived() {
    let folder = Folder::new("");
    assert_eq!(folder.ok(&["derive", "if(x > 0, sqrt(x), 0)", "x=-1"]), "value  0\nd/dx   0\n");
    assert_eq!(folder.ok(&["derive", "mod(x, 3) + ln(e)", "x=-7"]), "value  3\nd/dx   1\n");
    // e is the constant unless it is given
    assert_eq!(folder.ok(&["derive", "e*x", "x=3", "e=2"]), "value  6\nd/de   3\nd/dx   2\n");
    assert_eq!(folder.ok(&["derive", "e*x", "x=0"]), "value  0\nd/dx   2.718281828459045\n");
    let trace = folder.ok(&["derive", "if(x > 1 and x < 3, x^2, 7)", "x=2", "--trace"]);
    // no step is called e, like the constant
    for step in ["a = x > 1", "b = x < 3", "c = a and b", "d = x^2", "f = if(c, d, 7)"] {
        assert!(trace.contains(step), "{step} is not in\n{trace}");
    }
    assert!(trace.ends_with("value  4\nd/dx   4\n"), "{trace}");
    let unknown = folder.run(&["derive", "x", "x=1", "e=2"]);
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("variable \"e\" is unknown"));
}

#[test]
fn a_slope_that_follows_from_a_rule_is_told_as_such() {
    let folder = Folder::new("");
    let note = |expression: &str, x: &str| {
        let run = folder.run(&["derive", expression, x]);
        assert!(run.status.success());
        String::from_utf8(run.stderr).unwrap()
    };
    for (expression, x, words) in [
        (
            "sqrt(x)^2",
            "x=0",
            &["sqrt(x): it has a slope from one side only", "0 times an infinite slope"][..],
        ),
        ("sqrt(x)*sqrt(x)", "x=0", &["sqrt(x)", "0 times an infinite slope counts as 0"]),
        ("exp(log(x))", "x=0", &["log(x)", "0 times an infinite slope counts as 0"]),
        ("abs(x - 1)", "x=1", &["abs(x - 1)", "mean"]),
        ("floor(2*x)", "x=1.5", &["floor(x * 2)", "jumps"]),
        ("atan2(x, x)", "x=0", &["atan2(x, x)", "the origin has no angle"]),
    ] {
        let note = note(expression, x);
        assert!(note.starts_with("note: the expression is not differentiable here"), "{expression}: {note}");
        assert!(words.iter().all(|word| note.contains(word)), "{expression}: {note}");
        assert!(note.lines().all(|line| line.chars().count() <= 80), "{expression}: {note}");
    }
    for (expression, x) in [("sqrt(x)^2", "x=1"), ("x^3", "x=0"), ("if(x < 1, x, sqrt(x))", "x=0")] {
        assert_eq!(note(expression, x), "", "{expression}");
    }
}

#[test]
fn a_trace_names_every_step_once_and_fits_80_columns() {
    let folder = Folder::new("");
    let expression = "a*c + e*exp(a/7) - b^2 + (a*c)*d/3 + sin(a) + cos(a) + pi*tan(b)";
    let at = ["a=0.1", "b=0.2", "c=0.3", "d=0.4"];
    let forward = folder.ok(&[&["derive", expression, "--trace"], &at[..]].concat());
    let reverse = folder.ok(&[&["derive", expression, "--trace", "--mode", "reverse"], &at[..]].concat());
    let fits = |text: &str| text.lines().all(|line| line.chars().count() <= 80);
    assert!(fits(&forward) && fits(&reverse), "{forward}{reverse}");
    let steps = |text: &str| -> Vec<String> {
        let table = text.lines().skip(1).take_while(|line| !line.is_empty());
        table.map(|line| line.split("  ").next().unwrap().to_owned()).collect()
    };
    let mut back = steps(&reverse);
    back.reverse();
    assert_eq!(steps(&forward), back);
    // names of the variables, of e and of pi are not taken
    assert_eq!(back[..7], ["a", "c", "b", "d", "f = a * c", "g = a / 7", "h = exp(g)"]);
    let names: std::collections::HashSet<_> = back.iter().map(|step| step.split(' ').next()).collect();
    assert!(names.len() == back.len() && !names.contains(&Some("e")));
    assert!(steps(&forward).iter().any(|step| step.ends_with("* 2.718281828459045")), "{forward}");
    // the derivatives have all their digits below
    for name in ["value", "d/da", "d/db", "d/dc", "d/dd"] {
        let (f, r) = (row(&forward, name), row(&reverse, name));
        assert!((f - r).abs() < 1e-14 * f.abs(), "{name}");
    }
    let constant = folder.ok(&["derive", "2*pi", "--trace"]);
    assert_eq!(constant.lines().nth(1), Some("a = 6.283185307179586  6.283185307179586"));
}

#[test]
fn the_graph_is_written_for_graphviz() {
    let folder = Folder::new("");
    let run = folder.run(&["derive", "x*x + exp(x*x)", "x=2", "--dot", "graph.dot", "--mode", "reverse"]);
    assert!(
        run.status.success() && String::from_utf8(run.stderr).unwrap().contains("graph.dot holds the graph")
    );
    let text = std::fs::read_to_string(folder.path().join("graph.dot")).unwrap();
    assert!(text.starts_with("digraph {\n") && text.ends_with("}\n"));
    for line in [r#""x" -> "a""#, r#""a" -> "b""#, r#""a" -> "c""#, r#""b" -> "c""#] {
        assert_eq!(text.lines().filter(|written| written.trim() == line).count(), 1, "{line}: {text}");
    }
    assert!(text.contains(r#""a" [label="a = x * x\n4\nadjoint 55.598150033144236"]"#), "{text}");
}
