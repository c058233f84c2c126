//! Notes below a ranking: what its numbers mean, and which conclusions they allow.

use forecast::statistics::Scale;

use crate::compare::{Metric, Ranking, Row};

impl Ranking {
    /// What the numbers mean, what is noise, and what is suspicious.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes = vec![self.what_is_ranked(), self.intervals()];
        if let Some(exponent) =
            self.lyapunov_exponent.filter(|_| self.rows.iter().any(|row| row.lyapunov.is_some()))
        {
            notes.push(format!(
                "Lyapunov exponent: the largest of the map itself, mean over the seeds with its standard error, which \
                 includes the differences between seeds; the system has {exponent}."
            ));
        }
        if !self.scored_with.is_empty() {
            notes.push(format!("All were scored with {}.", self.scored_with.join(" ")));
        }
        notes.extend(self.baselines_ahead());
        notes.extend(self.best());
        for row in &self.rows {
            let reasons = row.reasons.iter();
            notes.extend(reasons.map(|reason| format!("Not applicable: {}, since {reason}.", row.label)));
            notes.extend(row.suspicions.iter().map(|found| format!("Suspicious: {}, {found}.", row.label)));
        }
        notes
    }

    fn what_is_ranked(&self) -> String {
        let over_seeds = match self.metric.name.scale() {
            Scale::Linear => "mean over the seeds",
            Scale::Logarithmic => "geometric mean over the seeds",
        };
        let what = match (self.metric.name, self.metric.threshold, self.metric.horizon) {
            (Metric::ValidTime, Some(threshold), _) => format!(
                "Lyapunov times while the error is below {threshold} standard deviations: median over the starts"
            ),
            (Metric::Nrmse, _, Some(horizon)) => {
                format!("Error over {horizon} time units in standard deviations: median over the starts")
            }
            (metric, ..) => format!("Ranked by {}", metric.about()),
        };
        let ceilings = self.rows.iter().filter(|row| !row.baseline).filter_map(|row| row.ceiling);
        let lasts = match ceilings.max_by(f64::total_cmp) {
            Some(ceiling) => format!(
                " The truth itself lasts for {ceiling:.2}; \"capped\" counts the starts still valid when theirs ended."
            ),
            None => String::new(),
        };
        format!("{what}, {over_seeds}; other errors and costs are geometric means.{lasts}")
    }

    fn intervals(&self) -> String {
        let any = |has: fn(&Row) -> bool| self.rows.iter().any(has);
        let of_seeds = match self.metric.name.scale() {
            Scale::Linear => "95% intervals of the mean over seeds (Student's t)",
            Scale::Logarithmic => "95% intervals of the mean over seeds (Student's t of the logarithms)",
        };
        let of_starts = "of one seed, over its starts (another training may score differently)";
        match (any(|row| row.interval.is_some()), any(|row| row.over_starts.is_some())) {
            (true, true) => format!("{of_seeds}; in brackets {of_starts}."),
            (true, false) => format!("{of_seeds}."),
            (false, true) => format!("In brackets 95% intervals {of_starts}."),
            (false, false) => "No intervals: they need several seeds.".into(),
        }
    }

    /// Which model is best, if the seeds show it, and which models are statistically indistinguishable from it.
    fn best(&self) -> Vec<String> {
        let models: Vec<&Row> = self.rows.iter().filter(|row| !row.baseline).collect();
        let [best, others @ ..] = &models[..] else { return Vec::new() };
        let named = |worse: Option<bool>| -> Vec<&str> {
            let test = |row: &&&Row| row.against_best.and_then(|of| of.is_worse(self.metric.name)) == worse;
            others.iter().filter(test).map(|row| row.label.as_str()).collect()
        };
        let (alike, worse, untested) = (named(Some(false)), named(Some(true)), named(None));
        let how = "95%, Student's t over the seeds that both have";
        let mut notes = Vec::new();
        if alike.is_empty() && worse.is_empty() {
            if !others.is_empty() {
                notes.push(format!("No model is named best: {NEEDS_SEEDS}"));
            }
            return notes;
        }
        if !alike.is_empty() {
            notes.push(format!(
                "Statistically indistinguishable from {} ({how}): {}.",
                best.label,
                alike.join("; ")
            ));
        } else {
            let those =
                if untested.is_empty() { "every other model" } else { "every model tested against it" };
            notes.push(format!("{} is better than {those} ({how}).", best.label));
        }
        if !untested.is_empty() {
            notes.push(format!(
                "Not tested against {}, because of fewer than two shared seeds or a score that is not finite: {}.",
                best.label,
                untested.join("; ")
            ));
        }
        notes
    }

    /// Baselines that score better than the best model: whether that is more than chance.
    fn baselines_ahead(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let told =
            |ahead: &&crate::compare::Ahead| ahead.indistinguishable.is_empty() && ahead.untested.is_empty();
        let told: Vec<&str> = self.ahead.iter().filter(told).map(|of| of.baseline.as_str()).collect();
        if !told.is_empty() {
            notes.push(format!(
                "No model here scores as well as the baselines (95%, Student's t over the seeds): {}.",
                told.join("; ")
            ));
        }
        for ahead in &self.ahead {
            if !ahead.indistinguishable.is_empty() {
                notes.push(format!(
                    "The baseline {} scores better than the models, but is statistically indistinguishable from {}.",
                    ahead.baseline,
                    ahead.indistinguishable.join("; ")
                ));
            } else if !ahead.untested.is_empty() {
                notes.push(format!(
                    "The baseline {} scores better than the models; whether by more than chance is not known for {}: \
                     {NEEDS_SEEDS}",
                    ahead.baseline,
                    ahead.untested.join("; ")
                ));
            }
        }
        notes
    }
}

const NEEDS_SEEDS: &str =
    "that needs several seeds of both, since another seed is another training (sweep with seed=0..3).";
