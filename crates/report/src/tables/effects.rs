//! The effect of one setting as a table.

use std::collections::BTreeSet;

use serde::Serialize;

use super::csv::{bounds, cell, line};
use super::{fitted, markdown_cell, markdown_line};
use crate::compare::{Comparison, Effect, Ranking};
use crate::layout::wrap;
use forecast::statistics::Scale;

/// The effect of a setting in a ranking.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Effects<'a> {
    /// The setting.
    pub key: &'a str,
    /// Name of the system.
    pub system: &'a str,
    /// How the task of its runs differs from that of the first ranking.
    pub apart: &'a [String],
    /// What the scores are.
    pub metric: crate::compare::RankedBy,
    /// Whether a change is a difference or a ratio.
    pub scale: Scale,
    /// The value that all others are compared with.
    pub against: String,
    /// One line for each value.
    pub effects: Vec<Effect>,
}

impl Comparison {
    /// The effect of a setting, in every ranking whose configurations differ in it.
    ///
    /// # Errors
    /// If no configurations differ in this key; the message lists the keys in which some do.
    pub fn effects<'a>(&'a self, key: &'a str) -> Result<Vec<Effects<'a>>, String> {
        let found: Vec<Effects> =
            self.rankings.iter().filter_map(|ranking| ranking.effects_of(key)).collect();
        if !found.is_empty() {
            return Ok(found);
        }
        let keys: BTreeSet<&str> = self.rankings.iter().flat_map(Ranking::varied).collect();
        let keys: Vec<&str> = keys.into_iter().collect();
        let these = "runs that can be ranked with each other do not differ in";
        Err(match &keys[..] {
            [] => format!("--by {key}: {these} any setting but the seed"),
            keys => format!("--by {key}: {these} that. They do in {}", keys.join(", ")),
        })
    }
}

impl Ranking {
    fn effects_of<'a>(&'a self, key: &'a str) -> Option<Effects<'a>> {
        let effects = self.effect(key);
        let against = effects.first().filter(|_| effects.len() > 1)?.value.clone();
        let (metric, scale) = (self.metric, self.metric.name.scale());
        Some(Effects { key, system: &self.system, apart: &self.apart, metric, scale, against, effects })
    }
}

/// A column: two lines of heading, the heading where there is room for one line, and the cells below.
type Column<'a> = ([String; 2], String, Box<dyn Fn(&Effect) -> String + 'a>);

impl Effects<'_> {
    fn columns(&self) -> Vec<Column<'_>> {
        let metric = self.metric.name;
        let change = match self.scale {
            Scale::Linear => "difference",
            Scale::Logarithmic => "ratio",
        };
        let to_first = format!("to {}", self.against);
        let show_change = move |x: f64| match self.scale {
            Scale::Linear => metric.show(x),
            Scale::Logarithmic => crate::layout::number(x),
        };
        let optional = |text: Option<String>| text.unwrap_or_else(|| "-".into());
        let heading = |above: &str, below: &str| [above.to_owned(), below.to_owned()];
        vec![
            (heading("", self.key), self.key.into(), Box::new(|of| of.value.clone())),
            (heading("", "runs"), "runs".into(), Box::new(|of| of.runs.to_string())),
            (heading("", "seeds"), "seeds".into(), Box::new(|of| of.seeds.to_string())),
            (
                heading("", "mean"),
                format!("{}, mean", metric.about()),
                Box::new(move |of| optional(of.mean.map(|x| metric.show(x)))),
            ),
            (
                heading("", "95% interval"),
                "its 95% interval".into(),
                Box::new(move |of| optional(of.interval.map(|interval| metric.interval(interval)))),
            ),
            (
                heading(change, &to_first),
                format!("{change} {to_first}"),
                Box::new(move |of| optional(of.change.map(show_change))),
            ),
            (
                heading("", "95% interval"),
                "its 95% interval".into(),
                Box::new(move |of| {
                    let bounds = of.change_interval.map(|bounds| bounds.map(show_change));
                    optional(bounds.map(|[low, high]| format!("{low} to {high}")))
                }),
            ),
            (heading("", "pairs"), "pairs".into(), Box::new(|of| of.pairs.to_string())),
        ]
    }

    fn heading(&self) -> String {
        format!("{}: {}, by {}", self.system, self.metric.name.about(), self.key)
    }

    fn note(&self) -> &'static str {
        "Two runs are a pair where they share the seed and differ in this key alone, or in keys that depend on it. Runs of \
         one seed share trajectories and starts and count once: intervals are by Student's t over the seeds."
    }

    /// For a terminal of `width` columns.
    pub fn text(&self, width: usize) -> String {
        let column = |(heading, _, cell): &Column| -> Vec<String> {
            heading.iter().cloned().chain(self.effects.iter().map(cell)).collect()
        };
        let apart: String = self.apart.iter().map(|line| format!("  {line}\n")).collect();
        let table = fitted(self.columns().iter().map(column).collect(), width);
        format!("{}\n{apart}\n{table}\n{}", self.heading(), wrap(self.note(), width))
    }

    /// A GitHub-flavoured Markdown table.
    pub fn markdown(&self) -> String {
        let columns = self.columns();
        let apart: String = self.apart.iter().map(|line| format!("{}\n\n", markdown_cell(line))).collect();
        let titles = markdown_line(columns.iter().map(|(_, title, _)| markdown_cell(title)));
        let lines = self
            .effects
            .iter()
            .map(|of| markdown_line(columns.iter().map(|(_, _, cell)| markdown_cell(&cell(of)))));
        format!(
            "### {}\n\n{apart}{titles}|---{}|\n{}\n{}\n",
            markdown_cell(&self.heading()),
            "|---:".repeat(columns.len() - 1),
            lines.collect::<String>(),
            self.note()
        )
    }

    /// The first line of [`Effects::csv`].
    pub const CSV_HEADING: &'static str = "system,metric,key,value,runs,seeds,mean,low95,high95,against,change,change_low95,change_high95,pairs,pair_seeds\n";

    /// Comma-separated values with numbers in full precision. A change is a difference for valid times, and a ratio for
    /// every other score.
    pub fn csv(&self) -> String {
        let of_effect = |of: &Effect| {
            let mut cells = vec![
                self.system.to_owned(),
                self.metric.name.key().into(),
                self.key.into(),
                of.value.clone(),
            ];
            cells.extend([of.runs.to_string(), of.seeds.to_string(), cell(of.mean)]);
            cells.extend(bounds(of.interval));
            cells.extend([self.against.clone(), cell(of.change)]);
            cells.extend(bounds(of.change_interval));
            cells.extend([of.pairs.to_string(), of.pair_seeds.to_string()]);
            line(&cells)
        };
        self.effects.iter().map(of_effect).collect()
    }
}
