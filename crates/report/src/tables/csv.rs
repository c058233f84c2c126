//! Comparisons as comma-separated values, with numbers in full precision; a missing value is an empty cell.

use crate::compare::{Comparison, Row};

/// A line of cells.
pub(super) fn line(cells: &[String]) -> String {
    let quoted = |cell: &String| {
        let plain = !cell.contains(['"', ',', '\n', '\r']);
        if plain { cell.clone() } else { format!("\"{}\"", cell.replace('"', "\"\"")) }
    };
    cells.iter().map(quoted).collect::<Vec<_>>().join(",") + "\n"
}

pub(super) fn cell(x: Option<impl ToString>) -> String {
    x.map_or(String::new(), |x| x.to_string())
}

/// The bounds of an interval as two cells.
pub(super) fn bounds(interval: Option<[f64; 2]>) -> [String; 2] {
    [cell(interval.map(|of| of[0])), cell(interval.map(|of| of[1]))]
}

impl Comparison {
    /// One line for each configuration. `ranking` counts from 0. Intervals are over `seeds` or, for a single seed, over its
    /// `starts`, as the column before them says. A change from the best model is a difference for valid times, and a ratio
    /// for every other score.
    pub fn csv(&self) -> String {
        let mut text = String::from(
            "ranking,system,metric,label,baseline,seeds,mean,interval_over,low95,high95,change_seeds,change,change_over,\
             change_low95,change_high95,starts,capped,diverged,not_applicable,one_step_rmse,d_stsp,d_h,left,crps,\
             spread_to_error,parameters,train_seconds,step_microseconds,lyapunov_exponent,lyapunov_standard_error,\
             system_lyapunov_exponent\n",
        );
        for (number, ranking) in self.rankings.iter().enumerate() {
            for row in &ranking.rows {
                let start = [number.to_string(), ranking.system.clone(), ranking.metric.name.key().into()];
                let end = cell(ranking.lyapunov_exponent);
                text += &line(&[&start[..], &row.cells(), &[end]].concat());
            }
        }
        text
    }
}

impl Row {
    fn cells(&self) -> Vec<String> {
        let over = |seeds: Option<[f64; 2]>, starts: Option<[f64; 2]>| {
            let what = seeds.map(|_| "seeds").or(starts.map(|_| "starts"));
            [&[cell(what)][..], &bounds(seeds.or(starts))].concat()
        };
        let against = self.against_best;
        let seeds: Vec<String> = self.seeds.iter().map(u64::to_string).collect();
        let mut cells = vec![self.label.clone(), self.baseline.to_string(), seeds.join(" "), cell(self.mean)];
        cells.extend(over(self.interval, self.over_starts));
        cells.push(cell(against.map(|of| of.seeds)));
        cells.push(cell(against.and_then(|of| of.change)));
        cells.extend(over(against.and_then(|of| of.interval), against.and_then(|of| of.over_starts)));
        cells.extend([self.starts, self.capped, self.diverged, self.not_applicable].map(|n| n.to_string()));
        cells.push(cell(self.one_step_rmse));
        cells.extend(bounds(self.climate));
        cells.push(cell(self.left.map(|of| of[0])));
        cells.extend(bounds(self.ensemble));
        cells.extend([cell(self.parameters), cell(self.train_seconds), cell(self.step_microseconds)]);
        cells.extend(bounds(self.lyapunov));
        cells
    }
}
