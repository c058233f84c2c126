use std::path::PathBuf;
use std::time::Instant;

use super::*;
use crate::sample::{oscillator, run};

/// Names as nobody should give them, each with a word that shows in the page only as text.
fn hostile() -> Vec<String> {
    let mut names: Vec<String> = [
        "<script>alert(1)</script>",
        "</script><script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' onmouseover='alert(1)",
        "</title><svg onload=alert(1)>",
        "</style><script>alert(1)</script>",
        "a\nb\r\nc",
        "\u{0}\u{1}\u{1b}[31m",
        "]]>&lt;!--",
        "<!--",
        "-->",
        "&amp;&#60;script&#62;",
        "javascript:alert(1)",
        "${alert(1)}`",
        "\\u003cscript\\u003e",
        "<svg/onload=alert(1)//",
        "\u{202e}txt.exe",
        "</textarea></pre></code><b>",
        "http://example.org/x.js",
    ]
    .map(String::from)
    .to_vec();
    names.push("<i>".repeat(100));
    names
}

#[test]
fn hostile_names_show_as_text() {
    let names = hostile();
    assert_eq!(names.len(), 20);
    let plain: Vec<RunFiles> = (0..20).map(|seed| run("plain", seed, 64)).collect();
    let mut runs = plain.clone();
    for (run, name) in runs.iter_mut().zip(&names) {
        run.directory = PathBuf::from("runs").join(name).join("1");
        run.experiment = name.clone();
        run.resolved += &format!("[note]\ntext = {}\n", toml::Value::String(name.clone()));
        run.environment = serde_json::json!({name.clone(): name});
        if let Some(results) = &mut run.results {
            results.experiment = name.clone();
            results.model = name.clone();
            results.device = name.clone();
            results.components[0].name = name.clone();
            results.components[1].unit = name.clone();
        }
    }
    let page = page(&runs, &names.concat()).unwrap();
    // Whatever the names are, there are no tags but those of a page with plain names, and none has an attribute that
    // a name gave it.
    let scripts = |page: &str| page.matches("<script").count();
    assert_eq!(scripts(&page), 1 + 2 * 20, "a script for each picture in space, and the one that turns them");
    for tag in ["<img", "<i>", "<b>", "<!--", "<svg/", "<svg onload"] {
        assert!(!page.contains(tag), "{tag}");
    }
    let inside_of_tags = page.split('<').skip(1).map(|rest| rest.split('>').next().unwrap());
    for tag in inside_of_tags {
        let outside_of_quotes: String = tag.split('"').step_by(2).collect();
        assert!(
            !outside_of_quotes.contains("onmouseover") && !outside_of_quotes.contains("onerror"),
            "{tag}"
        );
    }
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(page.contains("\\u{202e}txt.exe") && page.contains("\\u{0}\\u{1}\\u{1b}[31m"));
    let hidden = |letter: &char| crate::is_hidden(*letter) && !"\n\t".contains(*letter);
    assert_eq!(page.chars().find(hidden), None);
    // As a file, a picture with such names is XML still.
    for picture in crate::pictures(&runs[7]).unwrap() {
        picture.png().unwrap();
    }
}

#[test]
fn the_page_of_a_run_has_its_pictures_and_asks_nobody_for_anything() {
    let page = page(&[run("autoencoder-lorenz", 0, 64)], "autoencoder-lorenz").unwrap();
    assert_eq!(page.matches("<figure").count(), 8);
    assert_eq!(page.matches("role=\"img\" aria-label=\"").count(), 8);
    assert_eq!(page.matches("<figcaption>").count(), 8);
    for word in ["http:", "https:", "url(", "src=", "href=", "@import"] {
        assert!(!page.contains(word), "{word}");
    }
    assert!(page.contains("default-src 'none'"));
    let command =
        "attractor train runs/autoencoder-lorenz/20261123T000000.000Z-0000/experiment.toml --device cpu";
    assert!(page.contains(&format!("<code>{command}</code>")));
    assert!(page.contains("hidden = 64") && page.contains("a &lt;b&gt;cpu&lt;/b&gt;"));
    assert!(page.contains("polynomial (baseline)"));
}

#[test]
fn the_page_of_a_sweep_compares_and_shows_what_each_setting_does() {
    let mut runs: Vec<RunFiles> = [16, 32, 64]
        .into_iter()
        .flat_map(|hidden| (0..3).map(move |seed| run("sweep", seed, hidden)))
        .collect();
    runs.push(oscillator());
    runs.push(RunFiles { results: None, forecasts: None, ..run("sweep", 9, 16) });
    let page = page(&runs, "a sweep").unwrap();
    assert!(page.contains("Comparison: lorenz") && page.contains("Comparison: oscillator"));
    assert!(page.contains("sweep model.hidden=64") && page.contains("model.hidden (value)"));
    assert!(page.contains("valid time (Lyapunov times)"));
    assert!(page.contains("Not complete, and so not compared: 1"));
    // hidden alone varies among the runs of Lorenz.
    assert_eq!(page.matches("The score of every run by").count(), 2, "a caption and a label");
    let names: Vec<String> =
        comparison_pictures(&runs).unwrap().into_iter().map(|picture| picture.name).collect();
    assert_eq!(names, ["comparison", "effect-model_hidden", "comparison-2"]);
    assert_eq!(page.matches("<details class=\"run\" open>").count(), OPEN);
    assert_eq!(page.matches("<details class=\"run\">").count(), runs.len() - OPEN);
}

#[test]
fn a_hundred_runs_stay_small_and_quick() {
    let one = run("big", 0, 64);
    let runs: Vec<RunFiles> = (0..100)
        .map(|i| {
            let mut run = one.clone();
            run.resolved = run.resolved.replace("hidden = 64", &format!("hidden = {}", i / 5));
            run
        })
        .collect();
    let start = Instant::now();
    let page = page(&runs, "100 runs").unwrap();
    let seconds = start.elapsed().as_secs_f64();
    let sizes = || thinned(&one, 200).unwrap().into_iter().map(|p| (p.name, p.svg.len()));
    println!("{} bytes in {seconds} s", page.len());
    assert!(page.len() < 10_000_000, "{} bytes, {:?}", page.len(), sizes().collect::<Vec<_>>());
    // The promise is 10 s of an optimised program.
    assert!(cfg!(debug_assertions) || seconds < 10.0, "{seconds} s");
}

#[test]
fn words_are_quoted_for_the_shell() {
    assert_eq!(
        quoted("runs/rnn-lorenz/2026T.1-ab/experiment.toml"),
        "runs/rnn-lorenz/2026T.1-ab/experiment.toml"
    );
    assert_eq!(quoted("a b'c$(d)"), "'a b'\\''c$(d)'");
    assert_eq!(
        [quoted("a!b"), quoted("=ls"), quoted("~/runs"), quoted("")],
        ["'a!b'", "'=ls'", "'~/runs'", "''"]
    );
    // each shell that is there takes the word for what it was
    for word in
        ["a b'c$(d)", "=ls", "~/runs", "a!b", "*[x]{a,b}", "#x", "a\\b\"c", "two\nlines", ";|&<>", "%1", "^a"]
            .into_iter()
            .chain(["right \u{202e}to left\u{202c}'s \\x41\u{1b}[2Ja"])
    {
        for shell in ["bash", "zsh"] {
            let line = format!("printf %s {}", quoted(word));
            if let Ok(said) = std::process::Command::new(shell).args(["-c", &line]).output() {
                assert_eq!(String::from_utf8_lossy(&said.stdout), word, "{shell}");
            }
        }
    }
    let mut on_gpu = run("odd", 0, 16);
    on_gpu.directory = "-odd name/run".into();
    if let Some(results) = &mut on_gpu.results {
        results.device = "gpu".into();
    }
    assert_eq!(repeat(&on_gpu), "attractor train './-odd name/run/experiment.toml' --device gpu");
}

#[test]
fn pictures_in_a_page_have_their_colours_from_its_style() {
    let svg = "<svg><path class=\"s-grid\" stroke=\"#dfe3e7\" stroke-width=\"8\"/><text fill=\"#123456\">#a</text></svg>";
    let plain = "<svg><path class=\"s-grid\" stroke-width=\"8\"/><text>#a</text></svg>";
    assert_eq!(without_colours(svg), plain);
}
