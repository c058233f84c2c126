//! The long-run behaviour of a forecaster against that of the truth: where on the attractor it is how often, and with
//! which frequencies it moves. After some Lyapunov times no forecast of a chaotic system follows its truth; these two
//! numbers say whether it is still a forecast of the same system.
//!
//! **State space divergence** (Koppe et al. 2019, "Identifying nonlinear dynamical systems via generative recurrent
//! neural networks"; Brenner et al. 2022, "Tractable dendritic RNNs for reconstructing nonlinear dynamical systems"),
//! the Kullback-Leibler divergence of the forecast's distribution q over cells of the state space from the truth's p:
//!
//! D_stsp = sum_k p_k ln(p_k / q_k), p_k = (n_k + 1e-5) / (N + 1e-5 K)
//!
//! with n_k of N states in cell k of K, and q alike. The truth's range is cut into 30 bins a component. States outside
//! of it share one more cell: the authors leave them out, which forgives a forecast for the time that it spends there.
//! Up to 4 components the cells are all products of bins. Beyond, nearly every state would have a cell to itself, so
//! the divergence is the mean of those of the distributions of three neighbouring components (j, j + 1, j + 2, the
//! last followed by the first); none of them is above the divergence over all components.
//!
//! **Spectral distance** (Mikhaeil et al. 2022, "On the difficulty of learning chaotic dynamics with RNNs"; Brenner et
//! al. 2022), the Hellinger distance of power spectra f and g, smoothed by a Gaussian and of sum 1, averaged over the
//! components:
//!
//! D_H = sqrt(1/2 sum_k (sqrt f_k - sqrt g_k)^2), which is sqrt(1 - sum_k sqrt(f_k g_k))
//!
//! from 0, the same spectrum, to 1, no frequency in common. The authors take the spectrum of one long series; here it
//! is the mean over segments (Welch 1967) as long as the truth, at most 4,096 samples, each less its mean and under a
//! Hann window, and the Gaussian has a standard deviation of one frequency of such a segment. Segments are averaged
//! before they are scaled, so one that has come to rest adds nothing; a component without any power is at distance 1
//! from one that has some.
//!
//! Both depend on the number of samples, so they stand beside the same numbers for one half of the true runs against
//! the other half. The forecast has many more samples than a half of the truth: a perfect one may fall below those.

use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};
use serde::{Deserialize, Serialize};
use trajectory::Trajectories;

use crate::Forecaster;
use crate::finite;
use crate::rollout::run_from;

/// Bins a component.
const BINS: usize = 30;
/// Components over whose joint distribution the divergence is taken; 30^4 cells are 6 MiB.
const MOST_JOINT: usize = 4;
/// What is added to the count of each cell, so that none is empty (Laplace smoothing).
const ADDED: f64 = 1e-5;
/// Samples of the longest segment of a spectrum.
const LONGEST_SEGMENT: usize = 4096;
/// Numbers that are kept of the segments under way, 32 MiB: the spectrum is that of the first starts that fit.
const KEPT: usize = 1 << 22;
/// The part of the truth's width by which a forecast may pass it on each side before it has left.
const MARGIN: f64 = 0.2;
/// The part of its standard deviation below which a component is at rest.
const REST: f64 = 0.01;

/// How the attractor of a forecaster compares with that of the truth, see the head of `climate.rs`. A divergence or
/// distance is null where every forecast had left before it could be taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClimateScores {
    /// Time units of free forecast.
    pub time: f64,
    /// The same in Lyapunov times, of a chaotic system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lyapunov_times: Option<f64>,
    /// Number of starts; of an ensemble one member from each.
    pub starts: usize,
    /// Kullback-Leibler divergence of the histograms of states, in nats.
    #[serde(with = "finite")]
    pub d_stsp: f64,
    /// Hellinger distance of the power spectra.
    #[serde(with = "finite")]
    pub d_h: f64,
    /// `d_stsp` of one half of the true runs against the other.
    #[serde(with = "finite")]
    pub truth_d_stsp: f64,
    /// `d_h` of one half of the true runs against the other.
    #[serde(with = "finite")]
    pub truth_d_h: f64,
    /// Starts whose forecast left: a state that is not finite, or outside the truth's range widened by 20% of its
    /// width on each side. From then on it counts no more.
    pub left: usize,
    /// Time units after which the first of them left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_left: Option<f64>,
    /// Starts whose forecast came to rest: over the last tenth of the time the standard deviation of every component
    /// is below 1% of that of the training data.
    pub stopped: usize,
}

/// The truth's attractor, and how long forecasts are compared with it.
#[derive(Clone)]
pub struct Climate {
    steps: usize,
    known: Vec<f64>, // [time, input]
    std: Vec<f64>,
    grid: Grid,
    widened: Range,
    histogram: Histogram,
    spectrum: Spectrum,
    floor: [f64; 2],
}

impl Climate {
    /// From true `runs` that are on the attractor from sample `lead` on, and the standard deviations of the
    /// components: forecasts of `steps` samples are compared with them. `known` [step, input] are the known inputs at
    /// sample `lead` and those after it, the same for all starts.
    ///
    /// # Panics
    /// Runs that do not last beyond `lead`, or known inputs of another number of samples.
    pub fn new(runs: &Trajectories, lead: usize, std: &[f64], steps: usize, known: Vec<f64>) -> Self {
        let shortest = (0..runs.count()).map(|run| runs.samples(run)).min().unwrap_or(0);
        assert!(lead + 1 < shortest, "runs of {shortest} samples, {lead} of them before");
        assert_eq!(known.len(), steps * runs.known_dim(), "known inputs of {steps} samples");
        let range = Range::new(runs, lead, std);
        let grid = Grid::new(&range);
        let length = 1 << (shortest - lead).min(steps.max(2)).min(LONGEST_SEGMENT).ilog2();
        let mut halves = [0, 1].map(|_| (Histogram::new(&grid), Spectrum::new(length, runs.dim())));
        for run in 0..runs.count() {
            let (histogram, spectrum) = &mut halves[run % 2];
            let u = runs.states(run, lead..runs.samples(run));
            u.chunks_exact(runs.dim()).for_each(|state| histogram.add(&grid, state));
            u.chunks_exact(length * runs.dim()).for_each(|segment| spectrum.add(segment, runs.dim(), 0));
        }
        let [(mut histogram, mut spectrum), (other_histogram, other_spectrum)] = halves;
        let floor = [histogram.divergence(&other_histogram), spectrum.distance(&other_spectrum, std)];
        histogram.merge(&other_histogram);
        spectrum.merge(&other_spectrum);
        let widened = range.widened();
        Climate { steps, known, std: std.to_vec(), grid, widened, histogram, spectrum, floor }
    }

    /// Samples over which forecasts are compared.
    pub(crate) fn steps(&self) -> usize {
        self.steps
    }

    /// The known inputs, the same for all starts, at `step` samples after a start.
    pub(crate) fn known_at(&self, step: usize) -> &[f64] {
        let known_dim = self.known.len() / self.steps.max(1);
        &self.known[step * known_dim..(step + 1) * known_dim]
    }

    /// Lets `forecaster` run from `histories` [start, window, component] and the known inputs before their last
    /// samples [start, window - 1, input]; nothing is kept of the forecasts but one segment.
    pub(crate) fn score(
        &self,
        forecaster: &dyn Forecaster,
        [histories, before]: [&[f64]; 2],
        dt: f64,
        lyapunov_exponent: Option<f64>,
    ) -> ClimateScores {
        let (dim, length) = (forecaster.dim(), self.spectrum.length);
        let count = histories.len() / (forecaster.window() * dim);
        let (mut histogram, mut spectrum) = (Histogram::new(&self.grid), Spectrum::new(length, dim));
        let row = (KEPT / (length * dim)).clamp(1, count) * dim;
        let mut segment = vec![0.0; length * row]; // [time, start, component]
        let mut gone = vec![false; count];
        let (mut left, mut first_left) = (0, None);
        let last_tenth = self.steps - (self.steps / 10).clamp(1, self.steps);
        let mut rest = Rest::new(count * dim);
        run_from(
            forecaster,
            [histories, before],
            1,
            self.steps,
            |_, step| self.known_at(step),
            |step, states, _| {
                for (start, state) in states.chunks_exact(dim).enumerate() {
                    if gone[start] {
                        continue;
                    }
                    if !self.widened.holds(state) {
                        gone[start] = true;
                        left += 1;
                        first_left.get_or_insert((step + 1) as f64 * dt);
                        continue;
                    }
                    histogram.add(&self.grid, state);
                }
                if step >= last_tenth {
                    rest.add(states);
                }
                let time = step % length;
                segment[time * row..(time + 1) * row].copy_from_slice(&states[..row]);
                if time + 1 == length {
                    for start in (0..row / dim).filter(|&start| !gone[start]) {
                        spectrum.add(&segment, row, start * dim);
                    }
                }
                left < count
            },
        );
        let at_rest = |start: &usize| (0..dim).all(|j| rest.deviation(start * dim + j) < REST * self.std[j]);
        ClimateScores {
            time: self.steps as f64 * dt,
            lyapunov_times: lyapunov_exponent.map(|exponent| self.steps as f64 * dt * exponent),
            starts: count,
            d_stsp: self.histogram.divergence(&histogram),
            d_h: self.spectrum.distance(&spectrum, &self.std),
            truth_d_stsp: self.floor[0],
            truth_d_h: self.floor[1],
            left,
            first_left,
            stopped: (0..count).filter(|&start| !gone[start]).filter(at_rest).count(),
        }
    }
}

/// What states of the truth span on its attractor.
#[derive(Clone)]
pub(crate) struct Range {
    low: Vec<f64>,
    high: Vec<f64>,
}

impl Range {
    /// Of true `runs` from sample `lead` on; `std` are the standard deviations of the components.
    pub(crate) fn new(runs: &Trajectories, lead: usize, std: &[f64]) -> Self {
        let states =
            (0..runs.count()).flat_map(|run| (lead..runs.samples(run)).map(move |i| runs.state(run, i)));
        let (mut low, mut high) = (vec![f64::INFINITY; runs.dim()], vec![f64::NEG_INFINITY; runs.dim()]);
        for state in states {
            for (j, &u) in state.iter().enumerate() {
                (low[j], high[j]) = (low[j].min(u), high[j].max(u));
            }
        }
        for j in 0..runs.dim() {
            // What never changes has no width of its own.
            if high[j] - low[j] <= 1e-12 * low[j].abs().max(high[j].abs()) {
                (low[j], high[j]) = (low[j] - std[j] / 2.0, high[j] + std[j] / 2.0);
            }
        }
        Range { low, high }
    }

    /// The range that a forecast may span before it has left.
    pub(crate) fn widened(&self) -> Self {
        let each = || self.low.iter().zip(&self.high).map(|(low, high)| (low, high, MARGIN * (high - low)));
        Range {
            low: each().map(|(low, _, margin)| low - margin).collect(),
            high: each().map(|(_, high, margin)| high + margin).collect(),
        }
    }

    /// Whether a state is within it; what is not a number is not.
    pub(crate) fn holds(&self, state: &[f64]) -> bool {
        state.iter().zip(&self.low).zip(&self.high).all(|((u, low), high)| (low..=high).contains(&u))
    }
}

/// Bins over the truth's range, and the groups of components whose products of bins are cells.
#[derive(Clone)]
struct Grid {
    low: Vec<f64>,
    bins_a_unit: Vec<f64>,
    groups: Vec<Vec<usize>>,
}

impl Grid {
    fn new(Range { low, high }: &Range) -> Self {
        let dim = low.len();
        let groups = match dim {
            0..=MOST_JOINT => vec![(0..dim).collect()],
            _ => (0..dim).map(|j| (j..j + 3).map(|j| j % dim).collect()).collect(),
        };
        let bins_a_unit = low.iter().zip(high).map(|(low, high)| BINS as f64 / (high - low)).collect();
        Grid { low: low.clone(), bins_a_unit, groups }
    }

    /// The bin of component `j`, where it lies within the range.
    fn bin(&self, j: usize, u: f64) -> Option<usize> {
        // The highest value belongs to the last bin, whatever its roundoff.
        const SLACK: f64 = 1e-9;
        let place = (u - self.low[j]) * self.bins_a_unit[j];
        let inside = (-SLACK..=BINS as f64 + SLACK).contains(&place);
        inside.then(|| (place.max(0.0) as usize).min(BINS - 1))
    }
}

/// States counted in cells.
#[derive(Clone)]
struct Histogram {
    /// [group][cell], the last for what is outside.
    counts: Vec<Vec<u64>>,
    states: u64,
}

impl Histogram {
    fn new(grid: &Grid) -> Self {
        let cells = |group: &Vec<usize>| BINS.pow(group.len() as u32) + 1;
        Histogram { counts: grid.groups.iter().map(|group| vec![0; cells(group)]).collect(), states: 0 }
    }

    fn add(&mut self, grid: &Grid, state: &[f64]) {
        for (group, counts) in grid.groups.iter().zip(&mut self.counts) {
            let cell =
                group.iter().try_fold(0, |cell, &j| grid.bin(j, state[j]).map(|bin| cell * BINS + bin));
            let outside = counts.len() - 1;
            counts[cell.unwrap_or(outside)] += 1;
        }
        self.states += 1;
    }

    fn merge(&mut self, other: &Histogram) {
        for (counts, others) in self.counts.iter_mut().flatten().zip(other.counts.iter().flatten()) {
            *counts += others;
        }
        self.states += other.states;
    }

    /// The divergence of `forecast` from this, the truth; infinite without a state.
    fn divergence(&self, forecast: &Histogram) -> f64 {
        if self.states == 0 || forecast.states == 0 {
            return f64::INFINITY;
        }
        let of_group = |(counts, others): (&Vec<u64>, &Vec<u64>)| -> f64 {
            let smoothed = |n: u64, of: u64| (n as f64 + ADDED) / (of as f64 + ADDED * counts.len() as f64);
            let pairs = counts.iter().zip(others);
            pairs
                .map(|(&n, &m)| (smoothed(n, self.states), smoothed(m, forecast.states)))
                .map(|(p, q)| p * (p / q).ln())
                .sum()
        };
        self.counts.iter().zip(&forecast.counts).map(of_group).sum::<f64>() / self.counts.len() as f64
    }
}

/// The mean power spectrum of each component over segments.
#[derive(Clone)]
struct Spectrum {
    length: usize,
    plan: Arc<dyn RealToComplex<f64>>,
    window: Vec<f64>,
    input: Vec<f64>,
    output: Vec<Complex<f64>>,
    scratch: Vec<Complex<f64>>,
    /// Sums over the segments, [component][frequency - 1]: without frequency 0, the mean.
    power: Vec<Vec<f64>>,
    segments: usize,
}

impl Spectrum {
    fn new(length: usize, dim: usize) -> Self {
        let plan = RealFftPlanner::new().plan_fft_forward(length);
        let turn = std::f64::consts::TAU / length as f64;
        Spectrum {
            length,
            window: (0..length).map(|i| 0.5 - 0.5 * (turn * i as f64).cos()).collect(),
            input: plan.make_input_vec(),
            output: plan.make_output_vec(),
            scratch: plan.make_scratch_vec(),
            plan,
            power: vec![vec![0.0; length / 2]; dim],
            segments: 0,
        }
    }

    /// Adds the segment of one start: its component j at time i is `rows[i * row + first + j]`.
    fn add(&mut self, rows: &[f64], row: usize, first: usize) {
        for (j, power) in self.power.iter_mut().enumerate() {
            for (x, states) in self.input.iter_mut().zip(rows.chunks_exact(row)) {
                *x = states[first + j];
            }
            let mean = self.input.iter().sum::<f64>() / self.length as f64;
            for (x, weight) in self.input.iter_mut().zip(&self.window) {
                *x = (*x - mean) * weight;
            }
            let done = self.plan.process_with_scratch(&mut self.input, &mut self.output, &mut self.scratch);
            debug_assert!(done.is_ok(), "buffers of the plan's own making");
            for (power, x) in power.iter_mut().zip(&self.output[1..]) {
                *power += x.norm_sqr();
            }
        }
        self.segments += 1;
    }

    fn merge(&mut self, other: &Spectrum) {
        for (power, others) in self.power.iter_mut().flatten().zip(other.power.iter().flatten()) {
            *power += others;
        }
        self.segments += other.segments;
    }

    /// The distance to `other`, averaged over the components; infinite without a segment.
    fn distance(&self, other: &Spectrum, std: &[f64]) -> f64 {
        if self.segments == 0 || other.segments == 0 {
            return f64::INFINITY;
        }
        let of_component = |j: usize| match (self.scaled(j, std[j]), other.scaled(j, std[j])) {
            (None, None) => 0.0,
            (Some(f), Some(g)) => {
                let apart = |(f, g): (&f64, &f64)| (f.sqrt() - g.sqrt()).powi(2);
                (0.5 * f.iter().zip(&g).map(apart).sum::<f64>()).sqrt()
            }
            _ => 1.0,
        };
        (0..std.len()).map(of_component).sum::<f64>() / std.len() as f64
    }

    /// The spectrum of component `j`, smoothed and of sum 1; none where all of its power is roundoff.
    fn scaled(&self, j: usize, std: f64) -> Option<Vec<f64>> {
        // By Parseval's theorem twice the sum of the powers, over the length and the sum of the squared weights, is
        // the variance.
        let weights: f64 = self.window.iter().map(|weight| weight * weight).sum();
        let sum: f64 = self.power[j].iter().sum();
        let variance = 2.0 * sum / (self.length as f64 * weights * self.segments as f64);
        if variance.is_nan() || variance <= 1e-20 * std * std {
            return None;
        }
        let smooth = smoothed(&self.power[j]);
        let sum: f64 = smooth.iter().sum();
        Some(smooth.into_iter().map(|power| power / sum).collect())
    }
}

/// Weighted with a Gaussian of standard deviation 1 that ends at 4; at its ends the list is continued by its mirror
/// image, so that nothing is lost.
fn smoothed(list: &[f64]) -> Vec<f64> {
    const REACH: isize = 4;
    let weight = |offset: isize| (-0.5 * (offset * offset) as f64).exp();
    let sum: f64 = (-REACH..=REACH).map(weight).sum();
    let turn = 2 * list.len() as isize;
    let mirrored = |i: isize| {
        let i = i.rem_euclid(turn);
        list[i.min(turn - 1 - i) as usize]
    };
    let at = |i: isize| (-REACH..=REACH).map(|o| weight(o) * mirrored(i + o)).sum::<f64>() / sum;
    (0..list.len() as isize).map(at).collect()
}

/// Running moments, about the first values so that a large mean costs no digits.
struct Rest {
    first: Vec<f64>,
    sums: Vec<[f64; 2]>,
    count: usize,
}

impl Rest {
    fn new(values: usize) -> Self {
        Rest { first: Vec::new(), sums: vec![[0.0; 2]; values], count: 0 }
    }

    fn add(&mut self, values: &[f64]) {
        if self.count == 0 {
            self.first = values.to_vec();
        }
        for ((sums, first), x) in self.sums.iter_mut().zip(&self.first).zip(values) {
            let x = x - first;
            *sums = [sums[0] + x, sums[1] + x * x];
        }
        self.count += 1;
    }

    /// The standard deviation of one of the values; infinite of none.
    fn deviation(&self, which: usize) -> f64 {
        if self.count == 0 {
            return f64::INFINITY;
        }
        let [mean, square] = self.sums[which].map(|sum| sum / self.count as f64);
        (square - mean * mean).max(0.0).sqrt()
    }
}

#[cfg(test)]
mod tests;
