//! Shapes of windows as input of a network: sample by sample, or all samples of a window at once if the first layer has
//! as many inputs as the window has numbers. The array is the same.

use std::borrow::Cow;

use dataset::Batch;
use kernels::BatchShape;

/// The shape in which layers with so many `inputs` take windows [count, sample, feature].
pub(crate) fn taken(inputs: usize, [count, samples, features]: [usize; 3]) -> BatchShape {
    BatchShape { count, steps: if inputs == features { samples } else { samples * features / inputs } }
}

/// The targets of a batch after the samples at which layers of so many `inputs` give one, [batch, step, component]: each,
/// or the last of each window.
pub(crate) fn targets(inputs: usize, batch: &Batch) -> Cow<'_, [f64]> {
    let [count, samples, features, dim] = batch.shape;
    let BatchShape { steps, .. } = taken(inputs, [count, samples, features]);
    if steps == samples {
        return Cow::Borrowed(&batch.targets);
    }
    let last = batch.targets.chunks_exact(samples * dim).flat_map(|all| &all[(samples - steps) * dim..]);
    Cow::Owned(last.copied().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_taken_sample_by_sample_or_as_a_whole() {
        let batch = Batch {
            shape: [2, 3, 2, 1],
            inputs: (0..12).map(f64::from).collect(),
            targets: (0..6).map(f64::from).collect(),
        };
        let shape = |inputs| {
            let BatchShape { count, steps } = taken(inputs, [2, 3, 2]);
            (count, steps)
        };
        assert_eq!((shape(2), &*targets(2, &batch)), ((2, 3), &batch.targets[..]));
        assert_eq!((shape(6), &*targets(6, &batch)), ((2, 1), &[2.0, 5.0][..]));
    }
}
