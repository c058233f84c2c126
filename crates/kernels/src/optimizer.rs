//! Optimisers: one pass over the parameters, the gradient and what is kept from step to step.

use crate::real::{PANEL, Piece, Real};
use crate::simd::{Kernels, Lanes};

/// What turns a gradient into a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Method {
    /// Adam (Kingma and Ba 2015, algorithm 1), beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8; with a weight decay
    /// AdamW (Loshchilov and Hutter 2019) as frameworks have it, with the decay times the rate:
    /// w <- w - rate (adam + decay w).
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

impl Method {
    /// Part of the first moment that Adam keeps.
    pub const BETA_1: f64 = 0.9;
    /// Part of the second moment that Adam keeps.
    pub const BETA_2: f64 = 0.999;

    /// The names of the vectors that it keeps from step to step.
    pub fn names(self) -> &'static [&'static str] {
        match self {
            Method::Adam { .. } => &["first_moment", "second_moment"],
            Method::Sgd { .. } => &["velocity"],
        }
    }

    /// Of Adam's step number `step`, counted from 1: w changes by -rate m / (sqrt(v) + epsilon), with both
    /// corrections of the bias drawn into the two factors.
    pub fn adam_factors(step: u64, learning_rate: f64) -> AdamFactors {
        const EPSILON: f64 = 1e-8;
        let unbias = |beta: f64| 1.0 - beta.powf(step as f64);
        let root = unbias(Self::BETA_2).sqrt();
        AdamFactors { rate: learning_rate * root / unbias(Self::BETA_1), epsilon: EPSILON * root }
    }
}

/// The factors of one step of Adam.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamFactors {
    /// Factor of the first moment.
    pub rate: f64,
    /// What is added to the root of the second.
    pub epsilon: f64,
}

/// A method with what it keeps from step to step, for a vector of parameters in pieces.
#[derive(Clone, Debug, PartialEq)]
pub struct Optimizer<T> {
    method: Method,
    /// First and second moment, or the velocity.
    kept: Vec<Vec<Piece<T>>>,
    steps: u64,
}

/// The numbers of an Adam step.
pub(crate) struct AdamStep<T> {
    /// Factor of the gradient, to clip it.
    scale: T,
    rate: T,
    epsilon: T,
    /// 1 - rate decay.
    keep: T,
}

/// First and second moment.
pub(crate) struct Moments<'a, T> {
    first: &'a mut [Piece<T>],
    second: &'a mut [Piece<T>],
}

/// The numbers of a step with momentum.
pub(crate) struct MomentumStep<T> {
    scale: T,
    rate: T,
    momentum: T,
}

impl<T: Real> Optimizer<T> {
    /// Before the first step, for so many pieces of parameters.
    pub fn new(method: Method, pieces: usize) -> Self {
        Optimizer { method, kept: vec![vec![[T::ZERO; PANEL]; pieces]; method.names().len()], steps: 0 }
    }

    /// One step along `gradient` times `scale`, in place.
    pub fn step(
        &mut self,
        kernels: &Kernels<T>,
        weights: &mut [Piece<T>],
        gradient: &[Piece<T>],
        scale: f64,
        learning_rate: f64,
    ) {
        self.steps += 1;
        match (self.method, &mut self.kept[..]) {
            (Method::Adam { weight_decay }, [first, second]) => {
                let factors = Method::adam_factors(self.steps, learning_rate);
                let step = AdamStep {
                    scale: T::from_f64(scale),
                    rate: T::from_f64(factors.rate),
                    epsilon: T::from_f64(factors.epsilon),
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

    /// The method.
    pub fn method(&self) -> Method {
        self.method
    }

    /// What it keeps from step to step: the steps done, and the vectors of [`Method::names`], whose last piece may
    /// be longer than the weights.
    pub fn state(&self) -> (u64, impl Iterator<Item = &[T]>) {
        (self.steps, self.kept.iter().map(|vector| vector.as_flattened()))
    }

    /// Continues from such a state.
    ///
    /// # Panics
    /// Vectors longer than the pieces.
    pub fn restore(&mut self, steps: u64, vectors: &[Vec<T>]) {
        self.steps = steps;
        for (kept, vector) in self.kept.iter_mut().zip(vectors) {
            kept.as_flattened_mut()[..vector.len()].copy_from_slice(vector);
        }
    }
}

/// One step of Adam or AdamW.
#[inline(always)]
pub(crate) fn adam<V: Lanes>(
    step: &AdamStep<V::Real>,
    moments: Moments<V::Real>,
    gradient: &[Piece<V::Real>],
    weights: &mut [Piece<V::Real>],
) {
    let number = |x: f64| V::splat(V::Real::from_f64(x));
    let [scale, rate, epsilon, keep] = [step.scale, step.rate, step.epsilon, step.keep].map(|x| V::splat(x));
    let (beta_1, beta_2) = (Method::BETA_1, Method::BETA_2);
    let [beta_1, rest_1, beta_2, rest_2] = [beta_1, 1.0 - beta_1, beta_2, 1.0 - beta_2].map(number);
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
    velocity: &mut [Piece<V::Real>],
    gradient: &[Piece<V::Real>],
    weights: &mut [Piece<V::Real>],
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_follow_the_algorithms_on_every_instruction_set() {
        for kernels in Kernels::<f64>::available() {
            for method in [
                Method::Adam { weight_decay: 0.0 },
                Method::Adam { weight_decay: 0.1 },
                Method::Sgd { momentum: 0.9 },
                Method::Sgd { momentum: 0.0 },
            ] {
                let start = |i: usize| (i as f64 * 0.7).sin();
                let mut weights = vec![[0.0; PANEL]; 2];
                weights.as_flattened_mut().iter_mut().enumerate().for_each(|(i, w)| *w = start(i));
                let mut optimizer = Optimizer::new(method, 2);
                let gradient = |t: i32, i: usize| (i as f64 + f64::from(t)).cos();
                for t in 1..=5 {
                    let mut gradients = weights.clone();
                    gradients
                        .as_flattened_mut()
                        .iter_mut()
                        .enumerate()
                        .for_each(|(i, g)| *g = gradient(t, i));
                    // a gradient of half the size
                    optimizer.step(kernels, &mut weights, &gradients, 0.5, 0.01);
                }
                for (i, found) in weights.as_flattened().iter().enumerate() {
                    let (mut w, mut m, mut v) = (start(i), 0.0, 0.0);
                    for t in 1..=5 {
                        let g = 0.5 * gradient(t, i);
                        match method {
                            Method::Adam { weight_decay } => {
                                m = 0.9 * m + 0.1 * g;
                                v = 0.999 * v + 0.001 * g * g;
                                let (mh, vh) = (m / (1.0 - 0.9f64.powi(t)), v / (1.0 - 0.999f64.powi(t)));
                                w -= 0.01 * (mh / (vh.sqrt() + 1e-8) + weight_decay * w);
                            }
                            Method::Sgd { momentum } => {
                                m = momentum * m + g;
                                w -= 0.01 * m;
                            }
                        }
                    }
                    assert!((found - w).abs() < 1e-12, "{} {method:?}: {found} {w}", kernels.name);
                }
                let (steps, vectors) = optimizer.state();
                let kept: Vec<Vec<f64>> = vectors.map(<[f64]>::to_vec).collect();
                let mut continued = Optimizer::new(method, 2);
                continued.restore(steps, &kept);
                assert_eq!(continued, optimizer);
            }
        }
    }
}
