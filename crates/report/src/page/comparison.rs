//! How runs compare, and what each setting that varies among them does.

use std::collections::BTreeMap;
use std::fmt::Write;

use forecast::{Results, Scores};

use super::figure;
use super::scores::{Row, baselines, table};
use crate::axis::Axis;
use crate::chart::{Chart, DrawError, Mark, Shape, draw};
use crate::markup::{escape, shortened};
use crate::order;
use crate::palette::Ink;
use crate::pictures::Picture;
use crate::run::RunFiles;

/// Configurations, or values of a setting, that a chart has room for.
const MOST: usize = 40;
/// Settings whose effect is shown.
const MOST_SETTINGS: usize = 16;
/// Letters that fit along the abscissa.
const LETTERS: usize = 60;

/// Settings by their dotted names, as they stand in the experiment file; without the seed.
type Settings = BTreeMap<String, String>;

/// A complete run in the comparison.
struct Entry<'a> {
    results: &'a Results,
    settings: Settings,
    /// Its experiment, and what others of that experiment have otherwise, but for the seed.
    configuration: String,
}

impl Entry<'_> {
    fn label(&self) -> String {
        format!("{}, seed {}", self.configuration, self.results.seed)
    }
}

/// The pictures that compare runs, for files of their own: `comparison`, and `effect-model_hidden` for a setting that
/// varies; with a number behind it where the runs are of several groups that cannot be compared with each other.
///
/// # Errors
/// Where one cannot be drawn, which would be a fault of this program.
pub fn comparison_pictures(runs: &[RunFiles]) -> Result<Vec<Picture>, DrawError> {
    let mut all = Vec::new();
    for (number, entries) in groups(runs).iter().enumerate() {
        for mut picture in pictures(entries)? {
            if number > 0 {
                picture.name += &format!("-{}", number + 1);
            }
            all.push(picture);
        }
    }
    Ok(all)
}

/// The part of a page that compares runs.
pub(super) fn comparison(runs: &[RunFiles]) -> Result<String, DrawError> {
    let mut text = String::new();
    let groups = groups(runs);
    if groups.len() > 1 {
        text += "<p>These runs are of several systems or are scored in several ways; only those of one group are to be \
                 ranked with each other.</p>\n";
    }
    let unfinished = runs.iter().filter(|run| run.results.is_none()).count();
    if unfinished > 0 {
        let _ = writeln!(text, "<p>Not complete, and so not compared: {unfinished} of the runs.</p>");
    }
    for entries in &groups {
        text += &group(entries)?;
    }
    Ok(text)
}

/// The complete runs in groups of one system and one scoring, which alone can be compared; best first.
fn groups(runs: &[RunFiles]) -> Vec<Vec<Entry<'_>>> {
    let mut groups: Vec<(String, Vec<Entry>)> = Vec::new();
    for run in runs {
        let Some(results) = &run.results else { continue };
        let settings = settings(&run.resolved);
        let scoring = part(&settings, &["system.", "evaluate."]);
        let task = format!("{:?} {:?} {scoring:?}", results.system, results.observed);
        let entry = Entry { results, settings, configuration: String::new() };
        match groups.iter_mut().find(|(known, _)| *known == task) {
            Some((_, entries)) => entries.push(entry),
            None => groups.push((task, vec![entry])),
        }
    }
    let mut groups: Vec<Vec<Entry>> = groups.into_iter().map(|(_, entries)| entries).collect();
    for entries in &mut groups {
        name(entries);
        entries.sort_by(|a, b| order(&a.results.scores, &b.results.scores));
    }
    groups
}

fn group(entries: &[Entry]) -> Result<String, DrawError> {
    let Some(best) = entries.first() else { return Ok(String::new()) };
    let seen = crate::seen(best.results);
    let mut text = format!("<h2>Comparison: {}{}</h2>\n", escape(&best.results.system), escape(&seen));
    let data = part(&best.settings, &["data."]);
    if entries.iter().any(|entry| part(&entry.settings, &["data."]) != data) {
        text += "<p>These runs learned from different data.</p>\n";
    }
    let _ = writeln!(text, "<p>Baselines as fitted in {}.</p>", escape(&best.label()));
    let rows = entries.iter().map(|entry| Row {
        label: entry.label(),
        scores: &entry.results.scores,
        run: Some(entry.results),
        own: true,
    });
    text += &table(rows.chain(baselines(best.results)).collect());
    let figures: String = pictures(entries)?.iter().map(figure).collect();
    let _ = writeln!(text, "<div class=\"figures\">{figures}</div>");
    Ok(text)
}

/// What there is to compare in a group.
fn pictures(entries: &[Entry]) -> Result<Vec<Picture>, DrawError> {
    if entries.len() < 2 {
        return Ok(Vec::new());
    }
    let mut pictures: Vec<Picture> = chart(entries)?.into_iter().collect();
    let varied = varied(entries);
    for setting in varied.iter().take(MOST_SETTINGS) {
        pictures.extend(effect(entries, setting, varied.len() > 1)?);
    }
    Ok(pictures)
}

/// The settings of a resolved experiment; a file that does not parse has none.
fn settings(resolved: &str) -> Settings {
    fn flatten(name: &str, value: &toml::Value, into: &mut Settings) {
        match value.as_table() {
            Some(table) => {
                let dot = if name.is_empty() { "" } else { "." };
                table.iter().for_each(|(key, value)| flatten(&format!("{name}{dot}{key}"), value, into));
            }
            None if name == "seed" => {}
            None => {
                let text = value.as_str().map_or_else(|| value.to_string(), String::from);
                into.insert(name.into(), text);
            }
        }
    }
    let mut found = Settings::new();
    if let Ok(table) = toml::from_str::<toml::Table>(resolved) {
        flatten("", &toml::Value::Table(table), &mut found);
    }
    found
}

fn part<'a>(settings: &'a Settings, sections: &[&str]) -> Vec<(&'a String, &'a String)> {
    settings.iter().filter(|(name, _)| sections.iter().any(|section| name.starts_with(section))).collect()
}

/// The settings that all entries have, and not all alike.
fn varied(entries: &[Entry]) -> Vec<String> {
    let Some(first) = entries.first() else { return Vec::new() };
    let differs = |(name, value): &(&String, &String)| {
        let all = || entries.iter().map(|entry| entry.settings.get(*name));
        all().all(|other| other.is_some()) && all().any(|other| other != Some(*value))
    };
    first.settings.iter().filter(differs).map(|(name, _)| name.clone()).collect()
}

/// Names the configuration of each entry.
fn name(entries: &mut [Entry]) {
    let configuration = |entry: &Entry| {
        let alike = |other: &&Entry| other.results.experiment == entry.results.experiment;
        let differs = |(name, value): &(&String, &String)| {
            entries.iter().filter(alike).any(|other| other.settings.get(*name) != Some(*value))
        };
        let last = |name: &String| name.rsplit('.').next().unwrap_or_default().to_owned();
        let told =
            entry.settings.iter().filter(differs).map(|(name, value)| format!(", {}={value}", last(name)));
        format!("{}{}", entry.results.experiment, told.collect::<String>())
    };
    let names: Vec<String> = entries.iter().map(configuration).collect();
    for (entry, name) in entries.iter_mut().zip(names) {
        entry.configuration = name;
    }
}

/// What runs are compared by: the median and its interval.
fn score(scores: &Scores) -> (f64, [f64; 2]) {
    match &scores.vpt {
        Some(vpt) => (vpt.main.summary.median, vpt.main.summary.ci95),
        None => (scores.nrmse.median, scores.nrmse.ci95),
    }
}

fn score_axis(entries: &[Entry]) -> Option<Axis> {
    let values = entries.iter().flat_map(|entry| {
        let (median, [low, high]) = score(&entry.results.scores);
        [median, low, high]
    });
    let first = &entries.first()?.results.scores;
    if first.vpt.is_none() {
        return Axis::log(format!("error over {} time units (std.)", first.nrmse.horizon), values);
    }
    let axis = Axis::linear("valid time (Lyapunov times)", values.chain([0.0]))?;
    let end = axis.at(1.0);
    Some(axis.within(0.0, end))
}

/// The score of every run, a row for each configuration, best above.
fn chart(entries: &[Entry]) -> Result<Option<Picture>, DrawError> {
    let mut rows: Vec<(&str, Vec<&Results>)> = Vec::new();
    for entry in entries {
        match rows.iter_mut().find(|(name, _)| *name == entry.configuration) {
            Some((_, runs)) => runs.push(entry.results),
            None => rows.push((&entry.configuration, vec![entry.results])),
        }
    }
    let all = rows.len();
    rows.truncate(MOST);
    rows.reverse();
    let Some(x) = score_axis(entries) else { return Ok(None) };
    let (mut marks, mut dots) = (Vec::new(), Vec::new());
    for (row, (_, runs)) in rows.iter().enumerate() {
        for (place, run) in runs.iter().enumerate() {
            // Beside each other, so that the intervals are told apart.
            let height = row as f64 - 0.25 + 0.5 * (place as f64 + 0.5) / runs.len() as f64;
            let (median, [low, high]) = score(&run.scores);
            let interval = Shape::Thread(vec![[low, height], [high, height]]);
            marks.push(Mark::new(Ink::Spread, "95% interval of the median", interval));
            dots.push([median, height]);
        }
    }
    marks.push(Mark::new(Ink::Train, "median of a run", Shape::Dots(dots)));
    let names: Vec<String> = rows.iter().map(|(name, _)| name.to_string()).collect();
    let height = 300 + 260 * rows.len() as u32;
    let svg = draw(&[Chart { x, y: Axis::names("", &names), marks }], height, usize::MAX)?;
    let cut = if all > MOST { format!(" The best {MOST} of {all} configurations.") } else { String::new() };
    let caption = format!(
        "Each run's score, the median over its starts with the bootstrap 95% interval of that median; runs that differ \
         in their seed alone share a row.{cut}"
    );
    Ok(Some(Picture::new("comparison", caption, svg)))
}

/// The score of every run by the value of a setting, which may not be the only one that varies.
fn effect(entries: &[Entry], setting: &str, among_others: bool) -> Result<Option<Picture>, DrawError> {
    let mut by_value: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for entry in entries {
        if let Some(value) = entry.settings.get(setting) {
            by_value.entry(value).or_default().push(score(&entry.results.scores).0);
        }
    }
    let mut values: Vec<(&str, Vec<f64>)> = by_value.into_iter().collect();
    let as_number = |text: &str| text.parse::<f64>().unwrap_or(f64::NAN);
    // By size where they are numbers; the others, which are sorted by name, stay behind them.
    values.sort_by(|a, b| as_number(a.0).total_cmp(&as_number(b.0)));
    let Some(y) = score_axis(entries).filter(|_| values.len() <= MOST) else { return Ok(None) };
    let (mut dots, mut medians) = (Vec::new(), Vec::new());
    for (i, (_, scores)) in values.iter_mut().enumerate() {
        scores.sort_by(f64::total_cmp);
        let (low, high) = (scores[(scores.len() - 1) / 2], scores[scores.len() / 2]);
        medians.push([i as f64, 0.5 * (low + high)]);
        dots.extend(scores.iter().map(|score| [i as f64, *score]));
    }
    let letters = (LETTERS / values.len()).max(3);
    let names: Vec<String> = values.iter().map(|(value, _)| shortened(value, letters)).collect();
    let mut marks = vec![Mark::new(Ink::Train, "run", Shape::Dots(dots))];
    let numbers = values.iter().all(|(value, _)| as_number(value).is_finite());
    if numbers {
        marks.insert(0, Mark::new(Ink::Spread, "median", Shape::Thread(medians)));
    }
    let x = Axis::names(format!("{} (value)", shortened(setting, 40)), &names);
    let medians = if numbers { ", and the median at each value" } else { "" };
    let others = if among_others { " Other settings vary among these runs, too." } else { "" };
    let caption = format!("The score of every run by its {setting}{medians}.{others}");
    let svg = draw(&[Chart { x, y, marks }], 2200, usize::MAX)?;
    // A setting may be called anything, a file may not.
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '_' };
    let name: String = setting.chars().take(60).map(plain).collect();
    Ok(Some(Picture::new(&format!("effect-{name}"), caption, svg)))
}
