//! Sample times.

/// Sample times that make no sense, in a sentence.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct TimesError(pub String);

/// Equally spaced sample times start + i * dt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Times {
    start: f64,
    dt: f64,
    samples: usize,
}

impl Times {
    /// The most samples a trajectory may hold; more is taken for a slip in `dt`.
    pub const MAX_SAMPLES: usize = 100_000_000;

    /// The times i * dt for i = 0..=intervals.
    ///
    /// # Errors
    /// [`TimesError`] unless dt is above 0 and finite, and there is an interval.
    pub fn new(dt: f64, intervals: usize) -> Result<Self, TimesError> {
        if !(dt > 0.0 && dt.is_finite()) {
            return Err(TimesError(format!("dt = {dt} must be above 0")));
        }
        if !(1..Self::MAX_SAMPLES).contains(&intervals) {
            return Err(TimesError(format!(
                "{intervals} sample intervals are not between 1 and {}",
                Self::MAX_SAMPLES - 1
            )));
        }
        Ok(Times { start: 0.0, dt, samples: intervals + 1 })
    }

    /// The times i * dt for i = 0..=round(t_final / dt).
    ///
    /// # Errors
    /// [`TimesError`] unless 0 < dt <= t_final, both finite.
    pub fn up_to(t_final: f64, dt: f64) -> Result<Self, TimesError> {
        if !(dt > 0.0 && dt.is_finite()) {
            return Err(TimesError(format!("dt = {dt} must be above 0")));
        }
        if !(t_final >= dt && t_final.is_finite()) {
            return Err(TimesError(format!(
                "t_final = {t_final} must be at least one sample interval, dt = {dt}"
            )));
        }
        let intervals = (t_final / dt).round();
        if intervals >= Self::MAX_SAMPLES as f64 {
            return Err(TimesError(format!(
                "t_final / dt asks for {intervals:.3e} samples a trajectory; at most {:e} are possible",
                Self::MAX_SAMPLES as f64
            )));
        }
        Times::new(dt, intervals as usize)
    }

    /// As many samples, the first at `start`.
    pub fn from(self, start: f64) -> Self {
        Times { start, ..self }
    }

    /// The time of sample `i`.
    pub fn at(&self, i: usize) -> f64 {
        self.start + i as f64 * self.dt
    }

    /// The spacing of the samples.
    pub fn dt(&self) -> f64 {
        self.dt
    }

    /// Number of samples, at least 2.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// All times, in order.
    pub fn all(&self) -> Vec<f64> {
        (0..self.samples).map(|i| self.at(i)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_lie_at_exact_multiples_of_dt() {
        let times = Times::up_to(8.0, 0.01).unwrap();
        assert_eq!(times.samples(), 801);
        assert_eq!(times.all(), (0..=800).map(|i| f64::from(i) * 0.01).collect::<Vec<_>>());
        assert_eq!(Times::up_to(1.0, 0.3).unwrap().samples(), 4);
        assert_eq!(Times::up_to(1.0, 0.01).unwrap().from(-5.0).at(3), -5.0 + 3.0 * 0.01);
    }

    #[test]
    fn senseless_times_are_refused_with_the_number() {
        for (t_final, dt, word) in [
            (1.0, 0.0, "dt = 0"),
            (1.0, -0.1, "dt = -0.1"),
            (1.0, f64::NAN, "dt = NaN"),
            (-1.0, 0.1, "t_final = -1"),
            (0.01, 0.1, "t_final = 0.01"),
            (f64::INFINITY, 0.1, "t_final = inf"),
            (1e10, 1e-10, "samples"),
        ] {
            let message = Times::up_to(t_final, dt).unwrap_err().to_string();
            assert!(message.contains(word), "{message}");
        }
    }
}
