//! Optimisers: one pass over the parameters, the gradient and what is kept from step to step.

use crate::real::{PANEL, Real, Row};
use crate::simd::{Kernels, Lanes};

/// What turns a gradient into a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Method {
    /// Adam (Kingma and Ba 2015, algorithm 1), beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8; with a weight decay
    /// AdamW (Loshchilov and Hutter 2019, algorithm 2): w <- w - rate (adam + decay w).
    Adam {
        /// Factor of w in a step, 0 for plain Adam.
        weight_decay: f64,
    },
    /// Gradient descent with momentum (Polyak 1964), in the form of Sutskever et al. (2013), equations 1 and 2,
    /// with the rate outside: v <- momentum v + g, w <- w - rate v.
    Sgd {
        /// Part of the velocity that is kept, from 0 to below 1.
        momentum: f64,
    },
}

const BETA_1: f64 = 0.9;
const BETA_2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/// A method with what it keeps from step to step, for a vector of parameters in rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Optimizer<T> {
    method: Method,
    /// First and second moment, or the velocity.
    kept: Vec<Vec<Row<T>>>,
    steps: u64,
}

/// The numbers of an Adam step.
pub(crate) struct AdamStep<T> {
    /// Factor of the gradient, to clip it.
    scale: T,
    /// rate sqrt(1 - beta2^t) / (1 - beta1^t): both corrections of the bias, drawn out of the loop.
    rate: T,
    /// epsilon sqrt(1 - beta2^t).
    epsilon: T,
    /// 1 - rate decay.
    keep: T,
}

/// First and second moment.
pub(crate) struct Moments<'a, T> {
    first: &'a mut [Row<T>],
    second: &'a mut [Row<T>],
}

/// The numbers of a step with momentum.
pub(crate) struct MomentumStep<T> {
    scale: T,
    rate: T,
    momentum: T,
}

impl<T: Real> Optimizer<T> {
    /// Before the first step, for `rows` rows of parameters.
    pub fn new(method: Method, rows: usize) -> Self {
        let vectors = match method {
            Method::Adam { .. } => 2,
            Method::Sgd { .. } => 1,
        };
        Optimizer { method, kept: vec![vec![[T::ZERO; PANEL]; rows]; vectors], steps: 0 }
    }

    /// One step along `gradient` times `scale`, in place.
    pub fn step(
        &mut self,
        kernels: &Kernels<T>,
        weights: &mut [Row<T>],
        gradient: &[Row<T>],
        scale: f64,
        learning_rate: f64,
    ) {
        self.steps += 1;
        match (self.method, &mut self.kept[..]) {
            (Method::Adam { weight_decay }, [first, second]) => {
                let steps = self.steps as f64;
                let (unbias_1, unbias_2) = (1.0 - BETA_1.powf(steps), 1.0 - BETA_2.powf(steps));
                let root = unbias_2.sqrt();
                let step = AdamStep {
                    scale: T::from_f64(scale),
                    rate: T::from_f64(learning_rate * root / unbias_1),
                    epsilon: T::from_f64(EPSILON * root),
                    keep: T::from_f64(1.0 - learning_rate * weight_decay),
                };
                kernels.adam(&step, Moments { first, second }, gradient, weights);
            }
            (Method::Sgd { momentum }, [velocity]) => {
                let step = MomentumStep {
                    scale: T::from_f64(scale),
                    rate: T::from_f64(learning_rate),
                    momentum: T::from_f64(momentum),
                };
                kernels.momentum(&step, velocity, gradient, weights);
            }
            _ => unreachable!("as many vectors as new() made"),
        }
    }

    /// What it keeps from step to step: the steps done, and its vectors by name.
    pub fn state(&self) -> (u64, impl Iterator<Item = (&'static str, &[Row<T>])>) {
        (self.steps, self.names().iter().copied().zip(self.kept.iter().map(Vec::as_slice)))
    }

    /// The names of its vectors.
    pub fn names(&self) -> &'static [&'static str] {
        match self.method {
            Method::Adam { .. } => &["first_moment", "second_moment"],
            Method::Sgd { .. } => &["velocity"],
        }
    }

    /// Continues from such a state, which has the vectors of [`Optimizer::names`], each as long as the weights.
    pub fn restore(&mut self, steps: u64, vectors: impl IntoIterator<Item = Vec<Row<T>>>) {
        self.steps = steps;
        for (kept, vector) in self.kept.iter_mut().zip(vectors) {
            assert_eq!(kept.len(), vector.len(), "a vector as long as the weights");
            *kept = vector;
        }
    }
}

/// One step of Adam or AdamW.
#[inline(always)]
pub(crate) fn adam<V: Lanes>(
    step: &AdamStep<V::Real>,
    moments: Moments<V::Real>,
    gradient: &[Row<V::Real>],
    weights: &mut [Row<V::Real>],
) {
    let number = |x: f64| V::splat(V::Real::from_f64(x));
    let [scale, rate, epsilon, keep] = [step.scale, step.rate, step.epsilon, step.keep].map(|x| V::splat(x));
    let [beta_1, rest_1, beta_2, rest_2] = [BETA_1, 1.0 - BETA_1, BETA_2, 1.0 - BETA_2].map(number);
    let state = moments.first.iter_mut().zip(moments.second);
    for ((w, g), (m, v)) in weights.iter_mut().zip(gradient).zip(state) {
        for i in (0..PANEL).step_by(V::COUNT) {
            let g = V::load(g, i).mul(scale);
            let first = V::load(m, i).mul_add(beta_1, g.mul(rest_1));
            let second = V::load(v, i).mul_add(beta_2, g.mul(g).mul(rest_2));
            first.store(m, i);
            second.store(v, i);
            let update = first.mul(rate).div(second.sqrt().add(epsilon));
            V::load(w, i).mul(keep).sub(update).store(w, i);
        }
    }
}

/// One step of gradient descent with momentum.
#[inline(always)]
pub(crate) fn momentum<V: Lanes>(
    step: &MomentumStep<V::Real>,
    velocity: &mut [Row<V::Real>],
    gradient: &[Row<V::Real>],
    weights: &mut [Row<V::Real>],
) {
    let [scale, rate, momentum] = [step.scale, -step.rate, step.momentum].map(|x| V::splat(x));
    for ((w, g), v) in weights.iter_mut().zip(gradient).zip(velocity) {
        for i in (0..PANEL).step_by(V::COUNT) {
            let next = V::load(v, i).mul_add(momentum, V::load(g, i).mul(scale));
            next.store(v, i);
            next.mul_add(rate, V::load(w, i)).store(w, i);
        }
    }
}
