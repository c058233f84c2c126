//! How the distances between neighbours grow.

use trajectory::random::{below, stream};

use super::embedding::embed;
use super::neighbours::Tree;
use super::series::Series;
use crate::statistics::{mean, variance};

/// Pairs of neighbours that are followed, at most.
const PAIRS: usize = 5000;

/// Times at which their distances are taken, at most.
const TIMES: usize = 400;

/// Blocks of successive pairs that the bootstrap draws, and its draws.
const BLOCKS: usize = 25;
const DRAWS: usize = 200;

/// Places of a fit, at least.
const LEAST: usize = 4;

/// The difference of the slopes of two parts of a line, over its slope; and the growth of the shortest line, as a
/// logarithm.
const STRAIGHT: f64 = 0.15;
const GROWTH: f64 = 1.5;

/// How far below its saturation, as a logarithm, the distance still grows freely.
const MARGIN: f64 = 1.5;

/// The mean logarithm of the distances between neighbours.
pub(super) struct Divergence {
    /// At every `stride`-th sample.
    pub(super) mean: Vec<f64>,
    stride: usize,
    /// Sums and numbers of the logarithms of each block of pairs, `[block][time]`.
    blocks: Vec<Vec<[f64; 2]>>,
    pub(super) pairs: usize,
    /// The mean logarithm of the distance between vectors drawn at random.
    pub(super) saturation: f64,
}

/// A line through the logarithms.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fit {
    /// First and last place.
    pub(super) range: [usize; 2],
    /// Slope a sample, and its standard error.
    pub(super) slope: f64,
    pub(super) error: f64,
    /// Whether the line ends where the distance comes near saturation.
    pub(super) saturates: bool,
    /// By how much the line rises.
    pub(super) growth: f64,
}

impl Divergence {
    /// Follows pairs of neighbours for `horizon` samples. `None` if there are no pairs.
    pub(super) fn follow(
        series: &Series,
        [dimension, delay, separation, horizon]: [usize; 4],
        progress: &mut dyn FnMut(f64),
    ) -> Option<Self> {
        let (points, places) = embed(series, [dimension, delay, separation, horizon]);
        let tree = Tree::new(&points);
        let skip = points.count().div_ceil(PAIRS).max(1);
        let chosen: Vec<usize> = (0..points.count()).step_by(skip).collect();
        let stride = horizon.div_ceil(TIMES).max(1);
        let times = horizon / stride + 1;
        let per_block = chosen.len().div_ceil(BLOCKS).max(1);
        let distance = |a: usize, b: usize, after: usize| {
            let [(a, first), (b, second)] = [places[a], places[b]];
            let [a, b] = [&series.segments[a][first + after..], &series.segments[b][second + after..]];
            let squares =
                (0..dimension).map(|component| (a[component * delay] - b[component * delay]).powi(2));
            squares.sum::<f64>().sqrt()
        };
        let mut blocks = vec![vec![[0.0; 2]; times]; chosen.len().div_ceil(per_block)];
        let (mut pairs, mut random) = (0, Vec::new());
        for (number, &point) in chosen.iter().enumerate() {
            if number % 100 == 0 {
                progress(number as f64 / chosen.len() as f64);
            }
            let Some((other, _)) = tree.nearest(point, separation) else { continue };
            pairs += 1;
            for (place, [sum, count]) in blocks[number / per_block].iter_mut().enumerate() {
                let logarithm = distance(point, other, place * stride).ln();
                if logarithm.is_finite() {
                    *sum += logarithm;
                    *count += 1.0;
                }
            }
            // As good as random: half of the recording away.
            let far = (point + points.count() / 2) % points.count();
            random.extend(Some(distance(point, far, 0).ln()).filter(|x| x.is_finite()));
        }
        let all: Vec<&Vec<[f64; 2]>> = blocks.iter().collect();
        let mean = mean_of(&all);
        let known = pairs > 0 && !random.is_empty() && mean.iter().all(|x| x.is_finite());
        let saturation = crate::statistics::mean(&random);
        known.then_some(Divergence { mean, stride, blocks, pairs, saturation })
    }

    /// The sample of a place.
    pub(super) fn at(&self, place: usize) -> usize {
        place * self.stride
    }

    /// Fits a line from the first place after `span` samples to where the distance comes near saturation, or to where the
    /// growth becomes slower.
    pub(super) fn fit(&self, span: usize) -> Fit {
        let last = self.mean.len() - 1;
        let first = span.div_ceil(self.stride).min(last.saturating_sub(LEAST));
        let near = (first..=last).find(|&place| self.mean[place] > self.saturation - MARGIN);
        let most = near.unwrap_or(last).max(first + LEAST).min(last);
        let end = self.straight(first, most);
        let slope = slope(&self.mean, first, end);
        // The spread over blocks of pairs, drawn with replacement; and how much the slope depends on the range.
        let mut random = stream(0, "rosenstein", 0);
        let slopes: Vec<f64> = (0..DRAWS)
            .map(|_| {
                let drawn: Vec<&Vec<[f64; 2]>> =
                    self.blocks.iter().map(|_| &self.blocks[below(&mut random, self.blocks.len())]).collect();
                self::slope(&mean_of(&drawn), first, end)
            })
            .filter(|slope| slope.is_finite())
            .collect();
        let of_blocks = if slopes.len() > 1 { variance(&slopes) } else { 0.0 };
        let [early, late] = self.parts(first, end);
        let of_range = (0.5 * (early - late)).powi(2);
        let samples = self.stride as f64;
        Fit {
            range: [first, end],
            slope: slope / samples,
            error: (of_blocks + of_range).sqrt() / samples,
            saturates: near.is_some(),
            growth: match near {
                Some(near) if near <= first => 0.0,
                _ => slope * (end - first) as f64,
            },
        }
    }

    /// Slopes over the first and over the last two thirds of a range.
    fn parts(&self, first: usize, end: usize) -> [f64; 2] {
        let third = (end - first) / 3;
        [[first, end - third], [first + third, end]].map(|[first, end]| slope(&self.mean, first, end))
    }

    /// The last place up to which the logarithms lie on a line: the slopes of its parts agree. It leaves enough growth to
    /// tell a slope; without such a place, `most`.
    fn straight(&self, first: usize, most: usize) -> usize {
        let agree = |end: &usize| {
            let (all, [early, late]) = (slope(&self.mean, first, *end), self.parts(first, *end));
            let grows = all * (*end - first) as f64 > GROWTH;
            grows && (early - late).abs() < STRAIGHT * all
        };
        (first + LEAST..=most).rev().find(agree).unwrap_or(most)
    }
}

/// The mean at each time over some blocks.
fn mean_of(blocks: &[&Vec<[f64; 2]>]) -> Vec<f64> {
    let times = blocks.first().map_or(0, |block| block.len());
    let total = |time: usize| {
        blocks.iter().fold([0.0; 2], |[sum, count], block| [sum + block[time][0], count + block[time][1]])
    };
    (0..times).map(total).map(|[sum, count]| sum / count).collect()
}

/// The slope of the least-squares line through the values from `first` to `end`.
fn slope(values: &[f64], first: usize, end: usize) -> f64 {
    let values = &values[first..=end];
    let (center, middle) = (mean(values), (values.len() - 1) as f64 / 2.0);
    let [mut sum, mut weight] = [0.0; 2];
    for (i, value) in values.iter().enumerate() {
        let x = i as f64 - middle;
        sum += x * (value - center);
        weight += x * x;
    }
    sum / weight
}
