//! A state and tangent vectors, carried along by dual numbers.

use crate::integrators::adaptive::{Method, Work, control, first_step, vanishes};
use crate::integrators::dop853::Dop853;
use crate::integrators::right_hand_side::RightHandSide;
use crate::integrators::slopes::Slopes;
use crate::integrators::tolerance::Tolerance;
use crate::{SimulationError, Steps};
use autodiff::Dual;
use trajectory::random::{Stream, normal};

/// The error of a step over what is tolerated: the largest of those of the state and of every vector, which counts in
/// the length of that vector. A state that lies on a slow manifold says nothing of how fast vectors shrink towards it.
fn error<const N: usize>(
    h: f64,
    tolerance: &Tolerance,
    [scales, floors]: [&[f64]; 2],
    work: &Work<Dual<N>>,
) -> f64 {
    let dim = scales.len();
    let (next, all) = (&work.next, Dop853::errors(work));
    let mut squares = [0.0; N];
    for u in &work.u {
        squares.iter_mut().zip(&u.tangent).for_each(|(sum, x)| *sum += x * x);
    }
    let ([mut fifth, mut third], [mut fifths, mut thirds]) = ([0.0; 2], [[0.0; N]; 2]);
    for j in 0..dim {
        let [a, b] = all.at(j);
        let bound = tolerance.bound(scales[j].max(next[j].value.abs()), floors[j], h);
        fifth += (a.value / bound).powi(2);
        third += (b.value / bound).powi(2);
        for i in 0..N {
            fifths[i] += a.tangent[i] * a.tangent[i];
            thirds[i] += b.tangent[i] * b.tangent[i];
        }
    }
    let mut largest = Dop853::combined(fifth, third, dim);
    for i in 0..N {
        let scale = squares[i] * tolerance.relative * tolerance.relative;
        // there may be fewer vectors than N
        if scale > 0.0 {
            // the root mean square over components is that of the vector's own length
            let of_vector = Dop853::combined(fifths[i] / scale, thirds[i] / scale, 1);
            largest = if of_vector > largest || of_vector.is_nan() { of_vector } else { largest };
        }
    }
    h * largest
}

/// Carries a state and `N` tangent vectors on, with steps that suit both.
struct Carry<'a, const N: usize> {
    system: &'a dyn RightHandSide,
    dual: &'a dyn Slopes<Dual<N>>,
    span: [f64; 2],
    steps: &'a mut Steps,
    tolerance: Tolerance,
    u: &'a mut [f64],
    /// [vector, component], at most `N` vectors
    vectors: &'a mut [f64],
}

impl<const N: usize> Carry<'_, N> {
    fn run(self) -> Result<(), SimulationError> {
        let Carry { system, dual, span: [mut t, end], steps, tolerance, u, vectors } = self;
        let dim = system.dim();
        let mut work: Work<Dual<N>> = Work::new::<Dop853>(dim);
        let x = &mut work.u;
        for j in 0..dim {
            x[j] = Dual::from(u[j]);
            for (i, vector) in vectors.chunks_exact(dim).enumerate() {
                x[j].tangent[i] = vector[j];
            }
        }
        dual.slopes(Dual::from(t), &work.u, work.k.row_mut(0));
        if steps.next <= 0.0 {
            let f0: Vec<f64> = work.k.row(0).iter().map(|f| f.value).collect();
            steps.next = first_step(system, t, [end - t; 2], tolerance.relative, u, &f0, Dop853::ORDER);
        }
        let (mut scales, mut floors): (Vec<f64>, _) = (u.iter().map(|u| u.abs()).collect(), vec![0.0; dim]);
        tolerance.raise(system, t, u, &scales, &mut floors);
        let mut after_rejection = false;
        while t < end {
            let (mut h, mut to) = (steps.next, t + steps.next);
            let cut = t + 1.01 * h > end;
            if cut {
                (h, to) = (end - t, end);
            }
            Dop853::step(dual, Dual::from(t), Dual::from(h), &mut work);
            dual.slopes(Dual::from(to), &work.next, work.k.row_mut(Dop853::LAST));
            let error = error(h, &tolerance, [&scales, &floors], &work);
            let (accepted, next) = control::<Dop853>(error, h, after_rejection);
            after_rejection = !accepted;
            // A step that was cut to end in time says little about the length of the next.
            if !(accepted && cut && next < steps.next) {
                steps.next = next;
            }
            steps.left = steps.left.saturating_sub(1);
            if !accepted {
                if vanishes(next, t) {
                    return Err(SimulationError::Diverged { t });
                }
                let u: Vec<f64> = work.u.iter().map(|u| u.value).collect();
                tolerance.raise(system, t, &u, &scales, &mut floors);
                continue;
            }
            if steps.left == 0 {
                return Err(SimulationError::TooLong { t });
            }
            // a step that grows must not widen its own floor, which is a rate
            let fade = tolerance.memory() * if cut { 1.0 } else { (h / steps.next).min(1.0) };
            for j in 0..dim {
                let next = work.next[j];
                work.u[j] = next;
                scales[j] = (scales[j] * tolerance.memory()).max(next.value.abs());
                floors[j] *= fade;
                let derivative = work.k.row(Dop853::LAST)[j];
                work.k.row_mut(0)[j] = derivative;
            }
            t = to;
        }
        let x = &work.u;
        for j in 0..dim {
            u[j] = x[j].value;
            for (i, vector) in vectors.chunks_exact_mut(dim).enumerate() {
                vector[j] = x[j].tangent[i];
            }
        }
        Ok(())
    }
}

/// The tangent vectors `vectors` [vector, component] and the state `u`, carried from one time to another. Vectors are
/// taken in groups, each from the same state, with steps of its own.
pub(crate) fn tangent(
    system: &dyn RightHandSide,
    span: [f64; 2],
    steps: &mut Steps,
    tolerance: f64,
    u: &mut [f64],
    vectors: &mut [f64],
) -> Result<(), SimulationError> {
    let dim = system.dim();
    let (u0, steps0) = (u.to_vec(), *steps);
    let tolerance = Tolerance { relative: tolerance, absolute: 0.0 };
    for vectors in vectors.chunks_mut(4 * dim) {
        u.copy_from_slice(&u0);
        *steps = steps0;
        match vectors.len() / dim {
            1 => Carry::<1> { system, dual: system, span, steps, tolerance, u, vectors }.run()?,
            _ => Carry::<4> { system, dual: system, span, steps, tolerance, u, vectors }.run()?,
        }
    }
    Ok(())
}

/// Makes `vectors` [vector, component] orthonormal from the first on, and adds the logarithms of the lengths they had
/// beside the others to `logarithms` (Gram and Schmidt, in the stable order, twice).
pub fn orthonormalise(vectors: &mut [f64], logarithms: &mut [f64]) {
    let dim = vectors.len() / logarithms.len();
    for k in 0..logarithms.len() {
        let (before, rest) = vectors.split_at_mut(k * dim);
        let vector = &mut rest[..dim];
        for _ in 0..2 {
            for other in before.chunks_exact(dim) {
                let along: f64 = vector.iter().zip(other).map(|(a, b)| a * b).sum();
                vector.iter_mut().zip(other).for_each(|(a, b)| *a -= along * b);
            }
        }
        let length = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
        vector.iter_mut().for_each(|x| *x /= length);
        logarithms[k] += length.ln();
    }
}

/// Orthonormal vectors in random directions, [vector, component].
pub fn directions(count: usize, dim: usize, draws: &mut Stream) -> Vec<f64> {
    let mut vectors: Vec<f64> = (0..count * dim).map(|_| normal(draws)).collect();
    orthonormalise(&mut vectors, &mut vec![0.0; count]);
    vectors
}

/// Vectors along the axes, [vector, component], from the first axis on. Propagating all of them gives the Jacobian.
pub fn axes(count: usize, dim: usize) -> Vec<f64> {
    (0..count * dim).map(|i| f64::from(u8::from(i / dim == i % dim))).collect()
}
