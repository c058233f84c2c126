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
