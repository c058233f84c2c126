//! The largest Lyapunov exponent of a measured quantity (Rosenstein, Collins and De Luca 1993, "A practical method for
//! calculating largest Lyapunov exponents from small data sets", Physica D 65).
//!
//! The quantity s is embedded: the vectors (s(t), s(t + delay), s(t + 2 delay), ...) stand for states. Each vector has a
//! nearest neighbour that is not close to it in time. The mean logarithm of the distance between such neighbours, followed
//! forward in time, grows along a line, whose slope is the largest exponent, until the distance is that of the attractor.
//!
//! - The *delay* is the first lag at which the autocorrelation falls below 1 - 1/e, as in the paper.
//! - The *dimension* is the smallest with fewer than 1% of false nearest neighbours (Kennel, Brown and Abarbanel 1992,
//!   Phys. Rev. A 45, with their thresholds 15 and 2).
//! - Neighbours are further apart in time than the mean *period*, the reciprocal of the mean frequency of the spectrum.
//! - The *fit* begins after the time that a vector spans: until then, the vectors share the samples by which neighbours were
//!   chosen. It ends where distances come within a factor of e^1.5 of the distance between vectors drawn at random, or
//!   before, where the slopes of its first and its last two thirds would differ by more than 15%.
//!
//! The slope has a bias beside its standard error, since distances along the flow do not grow: the tests find 5% too little
//! for Lorenz and 10 to 25% too little for Rössler.

mod divergence;
mod embedding;
mod neighbours;
mod series;
#[cfg(test)]
mod tests;

use serde::Serialize;

use divergence::{Divergence, Fit};
use embedding::dimension;
use series::Series;

/// Samples that the shortest usable segment must have.
const LEAST: usize = 200;

/// What the user sets; the rest is found.
#[derive(Clone, Copy, Debug, Default)]
pub struct Embedding {
    /// Samples between the components of a vector.
    pub delay: Option<usize>,
    /// Components of a vector.
    pub dimension: Option<usize>,
    /// Samples that neighbours must be apart in time.
    pub separation: Option<usize>,
}

/// An estimate of the largest exponent, and how it was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// The largest exponent in units of 1 / time.
    pub exponent: f64,
    /// Its standard error: the spread over blocks of the recording, and the difference between the first and the last two
    /// thirds of the fit.
    pub standard_error: f64,
    /// Whether it is to be relied upon, and why not.
    pub verdict: Verdict,
    /// Samples between the components of a vector.
    pub delay: usize,
    /// Components of a vector.
    pub dimension: usize,
    /// Part of the neighbours that are false in this many dimensions; none if the dimension was set.
    pub false_neighbours: Option<f64>,
    /// Samples that neighbours are apart in time, at least.
    pub separation: usize,
    /// Pairs of neighbours.
    pub pairs: usize,
    /// Beginning and end of the fit, in units of time after the neighbours were chosen.
    pub fit: [f64; 2],
    /// By how much the logarithm of the distance grows over the fit.
    pub growth: f64,
    /// Time after the neighbours were chosen.
    pub time: Vec<f64>,
    /// Mean logarithm of their distance at these times, in standard deviations of the quantity.
    pub divergence: Vec<f64>,
    /// The mean logarithm of the distance between vectors drawn at random.
    pub saturation: f64,
}

/// What an exponent is worth.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "is", content = "because")]
pub enum Verdict {
    /// Distances grow exponentially.
    Chaotic,
    /// Distances hardly grow.
    NotChaotic,
    /// The exponent says little, for this reason.
    Unreliable(String),
}

/// Estimates the largest exponent of a quantity with `dt` from sample to sample, from segments that follow each other in
/// time only inside. `progress` gets the part that is done.
///
/// # Errors
/// In words: too few samples; a quantity that does not vary; an embedding that does not fit into a segment.
pub fn estimate(
    segments: &[&[f64]],
    dt: f64,
    asked: Embedding,
    progress: &mut dyn FnMut(f64),
) -> Result<Estimate, String> {
    let longest = segments.iter().map(|of| of.len()).max().unwrap_or(0);
    if longest < LEAST {
        return Err(format!(
            "the longest segment has {longest} samples, and an exponent needs one of {LEAST} at least"
        ));
    }
    let series = Series::new(segments).ok_or("the quantity never changes, so it has no exponent")?;
    let delay = asked.delay.unwrap_or_else(|| series.delay());
    let separation = asked.separation.unwrap_or_else(|| series.period().ceil() as usize).max(1);
    let most = (longest / 10) / delay.max(1);
    let (dimension, false_neighbours) = match asked.dimension {
        Some(dimension) => (dimension, None),
        None => {
            let (dimension, part) =
                dimension(&series, delay, separation, most.max(1), &mut |part| progress(0.5 * part));
            (dimension, Some(part))
        }
    };
    let span = (dimension - 1) * delay;
    if span + separation + LEAST / 2 > longest {
        return Err(format!(
            "vectors of {dimension} components {delay} samples apart, with neighbours {separation} samples apart, do not fit \
             into the longest segment of {longest} samples"
        ));
    }
    // Twenty periods, but not more than a fifth of the longest segment.
    let horizon = (20 * separation).max(4 * span).min((longest - span) / 5).max(20);
    let divergence = Divergence::follow(&series, [dimension, delay, separation, horizon], &mut |part| {
        progress(0.5 + 0.5 * part);
    });
    let Some(divergence) = divergence else {
        return Err("no vector has a neighbour at another place; the recording is too short".into());
    };
    let fit = divergence.fit(span);
    let Fit { range: [first, last], slope, error, growth, .. } = fit;
    let [first_time, last_time] = [first, last].map(|place| divergence.at(place) as f64 * dt);
    let (exponent, standard_error) = (slope / dt, error / dt);
    let verdict = verdict(&fit, false_neighbours, first_time);
    Ok(Estimate {
        exponent,
        standard_error,
        verdict,
        delay,
        dimension,
        false_neighbours,
        separation,
        pairs: divergence.pairs,
        fit: [first_time, last_time],
        growth,
        time: (0..divergence.mean.len()).map(|place| divergence.at(place) as f64 * dt).collect(),
        saturation: divergence.saturation,
        divergence: divergence.mean,
    })
}

/// Growth, as a logarithm, below which a slope says little.
const LITTLE: f64 = 0.7;

/// What the exponent is worth. A vector spans `begin` time units.
fn verdict(fit: &Fit, false_neighbours: Option<f64>, begin: f64) -> Verdict {
    let Fit { saturates, growth, slope, error, .. } = *fit;
    let why = if saturates && growth == 0.0 {
        format!(
            "after {begin:.3} time units, the length of one delay vector, neighbours are already as far apart as randomly chosen \
             states; the recording is noisy or too short"
        )
    } else if saturates && growth < LITTLE {
        format!(
            "distances grow only by a factor of {:.1} before they reach the size of the attractor; the recording is too short \
             or too noisy",
            growth.exp()
        )
    } else if !saturates && growth < 0.5 * LITTLE {
        return Verdict::NotChaotic;
    } else if !saturates && growth < 2.0 * LITTLE {
        format!(
            "distances grow by a factor of {:.1} only over twenty periods: the recording is too short to tell slow chaos \
             from none",
            growth.exp()
        )
    } else if let Some(part) = false_neighbours.filter(|part| *part > 0.05) {
        format!(
            "{:.0}% of the neighbours are false in every embedding that was tried: as in noise, or in a recording that is too \
             short",
            100.0 * part
        )
    } else if error > 0.35 * slope {
        "distances do not grow exponentially: the slope depends on where the line is fitted".into()
    } else {
        return Verdict::Chaotic;
    };
    Verdict::Unreliable(why)
}
