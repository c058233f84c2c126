//! How runs compare, and what each setting that varies among them does.

use std::fmt::Write;

use forecast::statistics::Scale;

use super::figure;
use crate::RunFiles;
use crate::axis::Axis;
use crate::chart::{Chart, DrawError, Mark, Shape, draw};
use crate::compare::{Comparison, Metric, Ranking, Row};
use crate::markup::{escape, shortened};
use crate::palette::Ink;
use crate::pictures::Picture;
use crate::tables::{APART, Column};

/// Configurations, or values of a setting, that a chart has room for.
const MOST: usize = 40;
/// Settings whose effect is shown.
const MOST_SETTINGS: usize = 16;
/// Letters that fit along the abscissa.
const LETTERS: usize = 60;

/// The comparison of the complete ones of some runs.
pub(super) fn comparison(runs: &[RunFiles]) -> Result<String, DrawError> {
    let complete = || runs.iter().filter(|run| run.results.is_some());
    let mut text = String::new();
    if complete().count() < runs.len() {
        let _ = writeln!(
            text,
            "<p>Not complete, and so not compared: {} of the runs.</p>",
            runs.len() - complete().count()
        );
    }
    match Comparison::new(complete()) {
        Ok(comparison) => {
            for ranking in &comparison.rankings {
                text += &section(ranking)?;
            }
            for line in comparison.notes() {
                let _ = writeln!(text, "<p>{}</p>", escape(&line));
            }
        }
        Err(fault) => {
            let _ = writeln!(text, "<p>These runs cannot be compared: {}</p>", escape(&fault));
        }
    }
    Ok(text)
}

/// The pictures that compare the complete ones of some runs, for files of their own: `comparison`, and `effect-model_hidden` for a
/// setting; with a number behind it in further rankings.
///
/// # Errors
/// Runs that cannot be compared, as [`Comparison::new`] says.
pub fn comparison_pictures(runs: &[RunFiles]) -> Result<Vec<Picture>, String> {
    let mut all = Vec::new();
    let comparison = Comparison::new(runs.iter().filter(|run| run.results.is_some()))?;
    for (number, ranking) in comparison.rankings.iter().enumerate() {
        for mut picture in ranking.pictures().map_err(|error| error.to_string())? {
            if number > 0 {
                picture.name += &format!("-{}", number + 1);
            }
            all.push(picture);
        }
    }
    Ok(all)
}

fn section(ranking: &Ranking) -> Result<String, DrawError> {
    let mut text = format!("<h2>Comparison: {}</h2>\n", escape(&ranking.heading()));
    if !ranking.apart.is_empty() {
        let _ = writeln!(text, "<p>{APART} {}.</p>", escape(&ranking.apart.join("; ")));
    }
    text += &table(ranking);
    text += &ranking.notes().iter().map(|note| format!("<p>{}</p>\n", escape(note))).collect::<String>();
    let figures: String = ranking.pictures()?.iter().map(figure).collect();
    let _ = writeln!(text, "<div class=\"figures\">{figures}</div>");
    Ok(text)
}

fn table(ranking: &Ranking) -> String {
    let columns: Vec<Column> = ranking.columns();
    let heading = |column: &Column| format!("<th scope=\"col\">{}</th>", column.title);
    let line = |row: &Row| {
        let cells: String = columns
            .iter()
            .map(|column| format!("<td>{}</td>", escape(&(column.cell)(row).unwrap_or_default())))
            .collect();
        let (own, kind) = if row.baseline { ("", " (baseline)") } else { (" class=\"own\"", "") };
        format!("<tr{own}><th scope=\"row\">{}{kind}</th>{cells}</tr>\n", escape(&row.label))
    };
    format!(
        "<div class=\"wide\"><table>\n<thead><tr><td></td>{}</tr></thead>\n<tbody>\n{}</tbody>\n</table></div>\n",
        columns.iter().map(heading).collect::<String>(),
        ranking.rows.iter().map(line).collect::<String>()
    )
}

impl Ranking {
    /// The scores of all configurations, and the effect of each setting by which some differ alone.
    ///
    /// # Errors
    /// Where one cannot be drawn, which would be a fault of this program.
    fn pictures(&self) -> Result<Vec<Picture>, DrawError> {
        let mut pictures: Vec<Picture> = self.chart()?.into_iter().collect();
        let effects = self.varied().into_iter().filter(|key| self.effect(key).iter().any(|of| of.pairs > 0));
        for key in effects.take(MOST_SETTINGS) {
            pictures.extend(self.effect_chart(key)?);
        }
        Ok(pictures)
    }

    fn axis<'a>(&self, rows: impl Iterator<Item = &'a Row> + Clone) -> Option<Axis> {
        let values = rows.flat_map(|row| {
            let ends = interval(row).into_iter().flatten().chain(row.mean);
            row.scores.iter().copied().filter(|score| !score.is_nan()).chain(ends)
        });
        let label = match (self.metric.name, self.metric.horizon) {
            (Metric::Nrmse, Some(horizon)) => format!("error over {horizon} time units (std.)"),
            (metric, _) => metric.about().to_owned(),
        };
        match self.metric.name.scale() {
            Scale::Logarithmic => Axis::log(label, values.filter(|x| *x > 0.0)),
            Scale::Linear => {
                let axis = Axis::linear(&label, values.chain([0.0]))?;
                let end = axis.at(1.0);
                Some(axis.within(0.0, end))
            }
        }
    }

    /// The score of every configuration, best above.
    fn chart(&self) -> Result<Option<Picture>, DrawError> {
        let shown = || self.rows.iter().take(MOST);
        let Some(x) = self.axis(shown()) else { return Ok(None) };
        let (mut marks, mut dots) = (Vec::new(), Vec::new());
        let rows: Vec<&Row> = shown().rev().collect();
        for (height, row) in rows.iter().enumerate() {
            if let Some([low, high]) = interval(row) {
                let height = height as f64;
                let line = Shape::Thread(vec![[x.nearest(low), height], [x.nearest(high), height]]);
                marks.push(Mark::new(Ink::Spread, "95% interval", line));
            }
            let scores = row.scores.iter().filter(|score| !score.is_nan());
            dots.extend(scores.map(|score| [*score, height as f64]));
        }
        marks.push(Mark::new(Ink::Train, "a seed", Shape::Dots(dots)));
        let names: Vec<String> = rows.iter().map(|row| row.label.clone()).collect();
        let height = 300 + 260 * rows.len() as u32;
        let svg = draw(&[Chart { x, y: Axis::names("", &names), marks }], height, usize::MAX)?;
        let cut = match self.rows.len() {
            all if all > MOST => format!(" The best {MOST} of {all}."),
            _ => String::new(),
        };
        let caption = format!(
            "Configurations and baselines, best above: the score of each seed, and the 95% interval of their mean (of a \
             single seed, of its median over the starts).{cut}"
        );
        Ok(Some(Picture::new("comparison", caption, svg)))
    }

    /// The scores by the value of a setting.
    fn effect_chart(&self, key: &str) -> Result<Option<Picture>, DrawError> {
        let effects = self.effect(key);
        let models = || self.rows.iter().filter(|row| !row.baseline && row.settings.contains_key(key));
        let Some(y) = self.axis(models()).filter(|_| effects.len() <= MOST) else { return Ok(None) };
        let mut dots = Vec::new();
        for row in models() {
            let place = effects.iter().position(|of| row.settings.get(key) == Some(&of.value)).unwrap_or(0);
            let scores = row.scores.iter().filter(|score| !score.is_nan());
            dots.extend(scores.map(|score| [place as f64, *score]));
        }
        let means = effects.iter().enumerate().filter_map(|(i, of)| Some([i as f64, of.mean?])).collect();
        let mut marks = vec![Mark::new(Ink::Train, "run", Shape::Dots(dots))];
        let numbers = effects.iter().all(|of| of.value.parse::<f64>().is_ok());
        if numbers {
            marks.insert(0, Mark::new(Ink::Spread, "mean", Shape::Thread(means)));
        }
        let letters = (LETTERS / effects.len()).max(3);
        let names: Vec<String> = effects.iter().map(|of| shortened(&of.value, letters)).collect();
        let x = Axis::names(format!("{} (value)", shortened(key, 40)), &names);
        let others = if self.varied().len() > 1 { " Other settings vary among these runs, too." } else { "" };
        let mean = if numbers { ", and the mean at each value" } else { "" };
        let caption = format!("The score of every run by its {key}{mean}.{others}");
        let svg = draw(&[Chart { x, y, marks }], 2200, usize::MAX)?;
        // the name of a file
        let stem: String = key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        Ok(Some(Picture::new(&format!("effect-{stem}"), caption, svg)))
    }
}

fn interval(row: &Row) -> Option<[f64; 2]> {
    row.interval.or(row.over_starts)
}
