//! A page that stands on its own: one file, no network, no script needed to see anything.

mod comparison;
mod scores;

pub use comparison::comparison_pictures;

use std::fmt::Write;

use serde_json::Value;

use crate::chart::DrawError;
use crate::is_hidden;
use crate::markup::{escape, shortened};
use crate::palette;
use crate::pictures::{Picture, thinned};
use crate::run::RunFiles;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("turn.js");

/// Runs of a page that are not folded away at first.
const OPEN: usize = 3;
/// Runs that have pictures; of more than these the page has the scores alone.
const PICTURED: usize = 150;
/// Points that a line has at most: as many as leave the page below `LARGEST` bytes.
const POINTS: [usize; 6] = [1500, 800, 400, 200, 100, 50];
const LARGEST: usize = 9_000_000;
/// Runs from which the size of the page is guessed.
const SAMPLED: usize = 4;

/// A page about one run or several: of several first how they compare and what each varied setting does, then each run.
/// Lines have the fewer points the more runs there are, so that a page of 100 runs is smaller than 10 MB.
///
/// # Errors
/// Where a picture cannot be drawn, which would be a fault of this program.
pub fn page(runs: &[RunFiles], title: &str) -> Result<String, DrawError> {
    let mut body = format!("<header><h1>{}</h1></header>\n", escape(title));
    if let [_, _, ..] = runs {
        body += &comparison::comparison(runs)?;
        body += "<h2>Runs</h2>\n";
    }
    body += &sections(runs, LARGEST.saturating_sub(body.len()))?;
    Ok(document(title, &body))
}

/// The sections of all runs, in at most so many bytes where thinner lines can bring them there.
fn sections(runs: &[RunFiles], most: usize) -> Result<String, DrawError> {
    let mut text = String::new();
    for (i, points) in POINTS.into_iter().enumerate() {
        // Drawing all runs only to see that they are too large would take most of the time.
        if i + 1 < POINTS.len() && guessed(runs, points)? > most {
            continue;
        }
        text.clear();
        for (i, run) in runs.iter().enumerate() {
            let points = (i < PICTURED).then_some(points);
            text += &section(run, points, runs.len() > 1, i < OPEN)?;
        }
        if text.len() <= most {
            break;
        }
    }
    Ok(text)
}

/// About how large the sections are, from a few of them.
fn guessed(runs: &[RunFiles], points: usize) -> Result<usize, DrawError> {
    let few: Vec<&RunFiles> = runs.iter().step_by(runs.len().div_ceil(SAMPLED).max(1)).collect();
    let mut size = 0;
    for run in &few {
        size += section(run, Some(points), true, false)?.len();
    }
    Ok(size / few.len().max(1) * runs.len().min(PICTURED))
}

/// A page of pictures alone.
pub fn page_of_pictures(pictures: &[Picture], title: &str) -> String {
    let figures: String = pictures.iter().map(figure).collect();
    document(
        title,
        &format!("<header><h1>{}</h1></header>\n<div class=\"figures\">{figures}</div>", escape(title)),
    )
}

fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
         script-src 'unsafe-inline'; img-src data:\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{}</title>\n<style>\n{}{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n\
         <script>\n{SCRIPT}</script>\n</body>\n</html>\n",
        escape(&shortened(title, 100)),
        palette::style_sheet()
    )
}

/// A run: its scores, its pictures with so many points a line, and how to repeat it.
fn section(run: &RunFiles, points: Option<usize>, of_several: bool, open: bool) -> Result<String, DrawError> {
    let mut text = String::new();
    let heading = match &run.results {
        Some(results) => format!("{}, seed {}", results.experiment, results.seed),
        None => run.experiment.clone(),
    };
    let directory = run.directory.display().to_string();
    if of_several {
        let _ = write!(
            text,
            "<details class=\"run\"{}>\n<summary><h3>{}</h3> <span class=\"path\">{}</span></summary>\n",
            if open { " open" } else { "" },
            escape(&heading),
            escape(&directory)
        );
    } else {
        let _ = writeln!(text, "<section>\n<p class=\"path\">{}</p>", escape(&directory));
    }
    match &run.results {
        Some(results) => {
            let _ = writeln!(text, "<p>{}</p>", escape(&scores::sentence(results)));
            for found in &results.suspicions {
                let _ = writeln!(text, "<p class=\"suspicion\">Suspicious: {}.</p>", escape(&found.message));
            }
            text += &scores::of_run(results);
        }
        None => text += "<p>This run is not complete: it has no results yet.</p>\n",
    }
    match points {
        Some(points) => {
            let figures: String = thinned(run, points)?.iter().map(figure).collect();
            let _ = writeln!(text, "<div class=\"figures\">{figures}</div>");
        }
        None => text += "<p>Its pictures are left out of a page of so many runs.</p>\n",
    }
    let command = repeat(run);
    let _ = write!(
        text,
        "<h4>To repeat it</h4>\n<pre><code>{}</code></pre>\n{}\
         <details><summary>The resolved experiment</summary>\n<pre><code>{}</code></pre></details>\n",
        escape(&command),
        environment(&run.environment),
        escape(&run.resolved)
    );
    text += if of_several { "</details>\n" } else { "</section>\n" };
    Ok(text)
}

/// The command that repeats a run on its device. The resolved experiment contains every setting and the seed. The new run
/// belongs to the same experiment as the old one, because the file is in a run directory.
fn repeat(run: &RunFiles) -> String {
    let file = run.directory.join("experiment.toml").display().to_string();
    // not an option
    let file = if file.starts_with('-') { format!("./{file}") } else { file };
    let device = run.results.as_ref().map(|results| results.device.as_str());
    let device = device.or(run.environment["device"].as_str()).unwrap_or("cpu");
    format!("attractor train {} --device {}", quoted(&file), quoted(device))
}

/// A word quoted for bash and zsh. Both take every character between single quotes literally, even the `!` of an
/// interactive bash. A word that begins with `=` needs quotes because zsh replaces it by the path of a program. Hidden
/// characters are written out in `$'...'`, which both turn into the same characters again.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+=:,@%".contains(letter);
    if !word.is_empty() && !word.starts_with('=') && word.chars().all(plain) {
        return word.into();
    }
    if word.chars().any(is_hidden) {
        let letters = word.chars().map(|letter| match letter {
            '\'' | '\\' => format!("\\{letter}"),
            // by its bytes, since `\u` depends on the locale of the shell
            letter if is_hidden(letter) => {
                letter.to_string().bytes().map(|byte| format!("\\x{byte:02x}")).collect()
            }
            letter => letter.into(),
        });
        return format!("$'{}'", letters.collect::<String>());
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// A picture without the colours of its shapes, of which all have classes. In text there are no quotes, so nothing but
/// attributes is found.
fn without_colours(svg: &str) -> String {
    let mut parts = svg.split("=\"#");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for rest in parts {
        // Behind the name of the attribute, and its value of six digits.
        plain.truncate(plain.rfind(' ').unwrap_or(plain.len()));
        plain += rest.get(7..).unwrap_or_default();
    }
    plain
}

/// What the run was made with.
fn environment(environment: &Value) -> String {
    let Some(entries) = environment.as_object().filter(|entries| !entries.is_empty()) else {
        return String::new();
    };
    let row = |(name, value): (&String, &Value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), String::from);
        format!(
            "<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n",
            escape(&name.replace('_', " ")),
            escape(&value)
        )
    };
    let rows: String = entries.iter().map(row).collect();
    format!(
        "<details><summary>The environment it ran in</summary>\n<div class=\"wide\"><table>\n{rows}</table></div></details>\n"
    )
}

/// A picture in the page, in the colours of the page.
fn figure(picture: &Picture) -> String {
    // In a page the namespace goes without saying, and colours come from classes.
    let drawing = without_colours(&picture.svg).replacen(" xmlns=\"http://www.w3.org/2000/svg\"", "", 1);
    let label = escape(&picture.caption);
    let drawing =
        drawing.replacen("<svg ", &format!("<svg class=\"plot\" role=\"img\" aria-label=\"{label}\" "), 1);
    match &picture.turn {
        None => format!("<figure>\n{drawing}\n<figcaption>{label}</figcaption>\n</figure>\n"),
        Some(data) => format!(
            "<figure class=\"turn\">\n{drawing}\n<figcaption>{label} <span class=\"hint\">Drag it, or use the arrow \
             keys, to turn it.</span></figcaption>\n<script type=\"application/json\">{}</script>\n</figure>\n",
            data.to_string().replace('<', "\\u003c")
        ),
    }
}

#[cfg(test)]
mod tests;
