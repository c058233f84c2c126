//! Derivatives of the map by which a forecaster carries its memory from sample to sample.

use burn::tensor::Tensor;
use dataset::Normalisation;
use forecast::Tangent;

use crate::machine::{Machine, values};
use crate::recent::Recent;

/// Outputs of a map, and their derivatives.
pub(crate) struct Derived {
    /// [start, output]
    pub(crate) outputs: Vec<f64>,
    /// [start, output, input], the inputs of a start in the order in which they were given.
    pub(crate) by_inputs: Vec<f64>,
}

/// Each of `inputs` [start, ..] as many times in a row as there are outputs: for each of these a backward pass will begin
/// at another one.
pub(crate) fn repeated(inputs: &[f64], count: usize, outputs: usize) -> Vec<f64> {
    let each = inputs.chunks_exact(inputs.len() / count);
    each.flat_map(|of_start| std::iter::repeat_n(of_start, outputs)).flatten().copied().collect()
}

/// Of what came of repeated inputs, [start, which, output]: that of each start once.
pub(crate) fn once(all: &[f64], outputs: usize) -> Vec<f64> {
    all.chunks_exact(outputs * outputs).flat_map(|of_start| &of_start[..outputs]).copied().collect()
}

/// Derivatives by Burn's backward pass: of `map` from inputs [batch, sample, feature], `shape` of these, to as many
/// `outputs` in its last sample; it must take tensors on the autodiff side of `machine`, and no example may have a part
/// in the outputs of another.
pub(crate) fn by_backward(
    machine: &Machine,
    map: impl Fn(Tensor<3>) -> Tensor<3>,
    inputs: &[f64],
    [count, samples, features]: [usize; 3],
    outputs: usize,
) -> Derived {
    let (machine, rows) = (machine.autodiff(), count * outputs);
    let x = machine.tensor(&repeated(inputs, count, outputs), [rows, samples, features]).require_grad();
    let y = map(x.clone());
    let [_, last, _] = y.dims();
    let y = y.narrow(1, last - 1, 1); // [start * output, 1, output]
    let each: Vec<f64> =
        (0..rows * outputs).map(|i| f64::from(u8::from(i / outputs % outputs == i % outputs))).collect();
    let chosen = (y.clone() * machine.tensor(&each, [rows, 1, outputs])).sum();
    let by_inputs = match x.grad(&chosen.backward()) {
        Some(gradient) => values(gradient),
        // a map that sees nothing of it
        None => vec![0.0; rows * samples * features],
    };
    Derived { outputs: once(&values(y.inner()), outputs), by_inputs }
}

/// The derivatives of scaled increments by the inputs [start, window, feature] of a shape.
pub(crate) type Derive<'a> = Box<dyn FnMut(&[f64], [usize; 3]) -> Derived + 'a>;

/// Forecasts by what goes on from a window of the last samples, with their derivatives. What is carried is the window
/// of scaled states, [sample, component], the oldest first.
pub(crate) struct OfWindow<'a> {
    normalisation: &'a Normalisation,
    window: usize,
    recent: Recent<'a>,
    derive: Derive<'a>,
}

impl<'a> OfWindow<'a> {
    /// From samples `histories` [start, window, component] and `known` [start, window - 1, input].
    pub(crate) fn boxed(
        normalisation: &'a Normalisation,
        window: usize,
        [histories, known]: [&[f64]; 2],
        derive: impl FnMut(&[f64], [usize; 3]) -> Derived + 'a,
    ) -> Option<Box<dyn Tangent + 'a>> {
        let recent = Recent::new(normalisation, window, histories, known);
        Some(Box::new(OfWindow { normalisation, window, recent, derive: Box::new(derive) }))
    }
}

impl Tangent for OfWindow<'_> {
    fn memory(&self) -> usize {
        self.window * self.normalisation.dim()
    }

    fn derivatives(&self) -> usize {
        self.memory() * self.normalisation.dim()
    }

    fn advance(&mut self, known: &[f64], next: &mut [f64], vectors: &mut [f64]) {
        let OfWindow { normalisation, window, ref mut recent, ref mut derive } = *self;
        let (dim, features, count) = (normalisation.dim(), normalisation.features(), recent.count());
        let Derived { outputs, by_inputs } = derive(recent.complete(known), [count, window, features]);
        recent.add(&outputs, next);
        let memory = window * dim;
        let mut newest = vec![0.0; dim];
        let of_start = vectors.chunks_exact_mut(vectors.len() / count);
        for (vectors, slopes) in of_start.zip(by_inputs.chunks_exact(dim * window * features)) {
            for vector in vectors.chunks_exact_mut(memory) {
                for (j, slopes) in slopes.chunks_exact(window * features).enumerate() {
                    let samples = slopes.chunks_exact(features).zip(vector.chunks_exact(dim));
                    let increment: f64 = samples
                        .flat_map(|(slopes, x)| slopes.iter().zip(x))
                        .map(|(slope, x)| slope * x)
                        .sum();
                    let ratio = normalisation.increment_std[j] / normalisation.std[j];
                    newest[j] = vector[memory - dim + j] + ratio * increment;
                }
                vector.copy_within(dim.., 0);
                vector[memory - dim..].copy_from_slice(&newest);
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::baselines::{Baseline, FittedConfig, NvarConfig, Ridge};
    use forecast::Forecaster;
    use forecast::lyapunov::{self, Following, follow};
    use sim::systems::{Lorenz, Oscillator};
    use sim::{Solver, System};
    use trajectory::{
        Times, Trajectories,
        random::{stream, uniform},
    };

    /// Derivatives of a forecaster that goes on from a window are the slopes of its forecasts, in standard deviations, to
    /// `tolerance` of the largest; and its states are those of forecasts without derivatives.
    pub(crate) fn are_slopes(
        of: &dyn Forecaster,
        runs: &Trajectories,
        scales: &Normalisation,
        tolerance: f64,
    ) {
        const H: f64 = 1e-5;
        let (window, dim, count) = (of.window(), of.dim(), runs.count());
        let part = |samples: std::ops::Range<usize>, state: &dyn Fn(usize, usize) -> Vec<f64>| -> Vec<f64> {
            (0..count)
                .flat_map(|run| samples.clone().map(move |i| (run, i)))
                .flat_map(|(run, i)| state(run, i))
                .collect()
        };
        let first = runs.samples(0) / 2;
        let histories = part(first..first + window, &|run, i| runs.state(run, i).to_vec());
        let before = part(first..first + window - 1, &|run, i| runs.known_at(run, i).to_vec());
        let known = |step: usize| {
            part(first + window - 1 + step..first + window + step, &|run, i| runs.known_at(run, i).to_vec())
        };
        let after = |histories: &[f64], steps: usize| {
            let (mut next, mut forecast) = (vec![0.0; count * dim], of.begin(histories, &before));
            (0..steps).for_each(|step| forecast.advance(&known(step), &mut next));
            next
        };
        // slopes of the states after so many steps, [axis][start * component], in standard deviations
        let slopes_after = |steps: usize, memory: usize| -> Vec<Vec<f64>> {
            let along = |axis: usize| {
                let [above, below] = [H, -H].map(|h| {
                    let mut moved = histories.clone();
                    moved
                        .chunks_exact_mut(memory)
                        .for_each(|start| start[axis] += h * scales.std[axis % dim]);
                    after(&moved, steps)
                });
                let each = above.iter().zip(&below).enumerate();
                each.map(|(i, (above, below))| (above - below) / (2.0 * H * scales.std[i % dim])).collect()
            };
            (0..memory).map(along).collect()
        };
        let agree = |vectors: &[f64], slopes: &[Vec<f64>], memory: usize| {
            let largest = slopes.iter().flatten().map(|slope| slope.abs()).fold(0.0, f64::max);
            for (axis, slopes) in slopes.iter().enumerate() {
                for (i, slope) in slopes.iter().enumerate() {
                    let (start, j) = (i / dim, i % dim);
                    let found = vectors[(start * memory + axis + 1) * memory - dim + j];
                    assert!(
                        (found - slope).abs() < tolerance * largest,
                        "{found}, not {slope}, of {largest}"
                    );
                }
            }
        };
        let mut tangent = of.begin_tangent(&histories, &before).unwrap();
        let memory = tangent.memory();
        assert_eq!(memory, window * dim);
        let mut vectors = sim::lyapunov::axes(memory, memory).repeat(count);
        let (mut next, mut plain) = (vec![0.0; count * dim], vec![0.0; count * dim]);
        tangent.advance(&known(0), &mut next, &mut vectors);
        agree(&vectors, &slopes_after(1, memory), memory);
        for (i, vector) in vectors.chunks_exact(memory).enumerate() {
            // the window moves on by a sample
            let shifted = (0..memory - dim).map(|at| f64::from(u8::from(at + dim == i % memory)));
            assert!(vector[..memory - dim].iter().copied().eq(shifted), "{vector:?}");
        }
        // until no sample of the history is in the window
        let steps = window + 2;
        assert!(first + window - 1 + steps < runs.samples(0));
        let mut forecast = of.begin(&histories, &before);
        for step in 0..steps {
            forecast.advance(&known(step), &mut plain);
            if step > 0 {
                tangent.advance(&known(step), &mut next, &mut vectors);
            }
            for ((a, b), std) in next.iter().zip(&plain).zip(scales.std[..dim].iter().cycle()) {
                assert!((a - b).abs() < tolerance * std, "{a}, not {b}, at step {step}");
            }
        }
        agree(&vectors, &slopes_after(steps, memory), memory);
    }

    #[test]
    fn derivatives_of_least_squares_are_slopes() {
        let starts: Vec<Vec<f64>> =
            (0..6).map(|i| vec![f64::from(i) - 2.5, 0.5 - 0.1 * f64::from(i)]).collect();
        let times = Times::up_to(8.0, 0.1).unwrap();
        let runs = Oscillator::default().ensemble(&starts, &times, &Solver::default()).unwrap();
        let train: Vec<usize> = (0..6).collect();
        let scales = Normalisation::fit(&runs, &train);
        for baseline in [Baseline::Linear { delays: 1 }, Baseline::Polynomial { delays: 2, degree: 3 }] {
            are_slopes(&*baseline.fit(&runs, &train, &scales)[0].1, &runs, &scales, 1e-7);
        }
        let config = NvarConfig { delays: 2, skip: 2, degree: 3, ridge: Ridge::Fixed(1e-6) };
        let fitted = config.fit(&runs, &train, &scales, 0).unwrap();
        are_slopes(&*config.forecaster(&fitted, scales.clone()).unwrap(), &runs, &scales, 1e-7);
    }

    /// A truth of one component between -1 and 1.
    pub(crate) fn follow_one(of: &dyn Forecaster, exponents: usize, samples: usize) -> Vec<f64> {
        let mut draws = stream(0, "test", 0);
        let u: Vec<f64> = (0..4 * 21).map(|_| 2.0 * uniform(&mut draws) - 1.0).collect();
        let runs = Trajectories::new(Times::up_to(10.0, 0.5).unwrap(), [1, 0], u, vec![]);
        let task = forecast::Task {
            lead: 10,
            trusted: vec![10; 4],
            block: 1,
            horizon: 10,
            std: vec![0.5],
            lyapunov_exponent: Some(1.0),
            test: runs.clone(),
            clean: None,
            window: 1,
            climate: None,
            field: None,
            runs,
        };
        let following = Following { exponents, starts: 4, transient: 100, samples };
        let followed = follow(&task, of, following, &|_, _| {}, &mut |_| true).unwrap();
        assert_eq!(followed.left, 0);
        followed.spectrum().unwrap().estimate.exponents
    }

    #[test]
    fn the_logistic_map_that_least_squares_finds_has_the_exponent_ln_2() {
        let mut u = vec![0.3];
        (0..60).for_each(|i| u.push(1.0 - 2.0 * u[i] * u[i]));
        let runs = Trajectories::new(Times::up_to(60.0, 1.0).unwrap(), [1, 0], u, vec![]);
        let scales = Normalisation::fit(&runs, &[0]);
        // of degree 2: on the interval from -1 to 1 the polynomial of Chebyshev, but for its sign
        let (_, found) = Baseline::Polynomial { delays: 1, degree: 2 }.fit(&runs, &[0], &scales).remove(0);
        let exponents = follow_one(&*found, 1, 20_000);
        assert!((exponents[0] - 2.0 * 2f64.ln()).abs() < 0.01, "{exponents:?}");
    }

    #[test]
    fn a_polynomial_fitted_to_lorenz_has_the_spectrum_of_lorenz() {
        let starts: Vec<Vec<f64>> =
            (0..20).map(|i| vec![f64::from(i) - 9.5, 5.0, 20.0 + 0.3 * f64::from(i)]).collect();
        let times = Times::up_to(20.0, 0.01).unwrap();
        let runs = Lorenz::default().ensemble(&starts, &times, &Solver::default()).unwrap();
        let train: Vec<usize> = (0..20).collect();
        let scales = Normalisation::fit(&runs, &train);
        let (_, found) = Baseline::Polynomial { delays: 1, degree: 5 }.fit(&runs, &train, &scales).remove(0);
        let task = forecast::Task {
            lead: 1000,
            trusted: vec![10; 20],
            block: 1,
            horizon: 10,
            std: scales.std.clone(),
            lyapunov_exponent: Some(0.9056),
            test: runs.clone(),
            clean: None,
            window: 1,
            climate: None,
            field: None,
            runs,
        };
        let following = Following { exponents: 3, starts: 20, transient: 1000, samples: 10_000 };
        let followed = follow(&task, &*found, following, &|_, _| {}, &mut |_| true).unwrap();
        let estimate = followed.spectrum().unwrap().estimate;
        println!("{:?} +- {:?}", estimate.exponents, estimate.standard_errors);
        // Sprott, "Chaos and Time-Series Analysis" (2003), p. 431
        for ((found, published), error) in
            estimate.exponents.iter().zip([0.9056, 0.0, -14.5723]).zip(&estimate.standard_errors)
        {
            assert!((found - published).abs() < 4.0 * error + 1e-3 && *error < 0.02, "{estimate:?}");
        }
        let scores = lyapunov::scores(&task, &*found, &|_, _| {}).unwrap();
        let (exponent, error) = (scores.exponent.unwrap(), scores.standard_error.unwrap());
        println!("{exponent} +- {error}");
        assert!((exponent - 0.9056).abs() < 4.0 * error && error < 0.03, "{exponent} +- {error}");
    }
}
