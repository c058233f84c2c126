//! Optimisers: one pass over the parameters, the gradient and what is kept from step to step.

use crate::real::{PANEL, Piece, Real};
use crate::simd::{Kernels, Lanes};

/// What turns a gradient into a step: a rule, and what pulls the weights to 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Method {
    /// The rule.
    pub rule: Rule,
    /// The weight decay.
    pub decay: Decay,
}

/// How a step follows from the gradient g, whatever the weight decay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// Gradient descent (Robbins and Monro 1951, equation 8, for a gradient): w <- w - rate g.
    Sgd,
    /// Gradient descent with momentum (Polyak 1964), in the form of Sutskever et al. (2013), equations 1 and 2,
    /// with the rate outside: v <- momentum v + g, w <- w - rate v.
    Momentum {
        /// Part of the velocity that is kept, from 0 to below 1.
        momentum: f64,
    },
    /// RMSprop (Tieleman and Hinton 2012, lecture 6.5, slide 29) with epsilon = 1e-8:
    /// v <- smoothing v + (1 - smoothing) g^2, w <- w - rate g / (sqrt(v) + epsilon).
    RmsProp {
        /// Part of the mean square that is kept, from 0 to below 1.
        smoothing: f64,
    },
    /// Adagrad (Duchi, Hazan and Singer 2011, figure 1, with diagonal matrices) with epsilon = 1e-10 outside the
    /// root: v <- v + g^2, w <- w - rate g / (sqrt(v) + epsilon).
    Adagrad,
    /// Adam (Kingma and Ba 2015, algorithm 1), beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8.
    Adam,
}

/// Where the weight decay enters: the two forms of Loshchilov and Hutter (2019), algorithm 2. They are one for plain
/// gradient descent only.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decay {
    /// Into the gradient, after it was clipped, as if decay / 2 |w|^2 were part of the loss: g <- g + decay w.
    Coupled(f64),
    /// Beside the rule, times the rate: w <- (1 - rate decay) w - step. With [`Rule::Adam`] this is AdamW.
    Decoupled(f64),
}

impl Decay {
    /// No weight decay.
    pub const NONE: Decay = Decay::Coupled(0.0);

    /// Factor of the weights in the gradient.
    pub fn coupled(self) -> f64 {
        match self {
            Decay::Coupled(decay) => decay,
            Decay::Decoupled(_) => 0.0,
        }
    }

    /// Factor of the weights beside the step, 1 where the decay is coupled.
    pub fn keep(self, learning_rate: f64) -> f64 {
        match self {
            Decay::Coupled(_) => 1.0,
            Decay::Decoupled(decay) => 1.0 - learning_rate * decay,
        }
    }
}

impl Method {
    /// Part of the first moment that Adam keeps.
    pub const BETA_1: f64 = 0.9;
    /// Part of the second moment that Adam keeps.
    pub const BETA_2: f64 = 0.999;
    /// What Adam adds to the root.
    pub const ADAM_EPSILON: f64 = 1e-8;
    /// What RMSprop adds to the root.
    pub const RMSPROP_EPSILON: f64 = 1e-8;
    /// What Adagrad adds to the root.
    pub const ADAGRAD_EPSILON: f64 = 1e-10;

    /// The names of the vectors that it keeps from step to step.
    pub fn names(self) -> &'static [&'static str] {
        match self.rule {
            Rule::Sgd => &[],
            Rule::Momentum { .. } => &["velocity"],
            Rule::RmsProp { .. } => &["mean_square"],
            Rule::Adagrad => &["sum_of_squares"],
            Rule::Adam => &["first_moment", "second_moment"],
        }
    }

    /// Of Adam's step number `step`, counted from 1: w changes by -rate m / (sqrt(v) + epsilon), with both
    /// corrections of the bias drawn into the two factors.
    pub fn adam_factors(step: u64, learning_rate: f64) -> AdamFactors {
        let unbias = |beta: f64| 1.0 - beta.powf(step as f64);
        let root = unbias(Self::BETA_2).sqrt();
        AdamFactors { rate: learning_rate * root / unbias(Self::BETA_1), epsilon: Self::ADAM_EPSILON * root }
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
    /// The vectors of [`Method::names`].
    kept: Vec<Vec<Piece<T>>>,
    steps: u64,
}

/// The numbers of a step of any rule.
pub(crate) struct Step<T> {
    /// Factor of the gradient, to clip it.
    scale: T,
    /// Factor of the weights in the gradient.
    coupled: T,
    /// Factor of the weights beside the step.
    keep: T,
    rate: T,
}

/// The numbers of a step over a root of squares, beside [`Step`].
pub(crate) struct Scaling<T> {
    /// Factor of the squares so far.
    old: T,
    /// Factor of the present square.
    new: T,
    epsilon: T,
}

/// First and second moment.
pub(crate) struct Moments<'a, T> {
    first: &'a mut [Piece<T>],
    second: &'a mut [Piece<T>],
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
        let Method { rule, decay } = self.method;
        let mut step = Step {
            scale: T::from_f64(scale),
            coupled: T::from_f64(decay.coupled()),
            keep: T::from_f64(decay.keep(learning_rate)),
            rate: T::from_f64(learning_rate),
        };
        match (rule, &mut self.kept[..]) {
            (Rule::Sgd, []) => kernels.sgd(&step, gradient, weights),
            (Rule::Momentum { momentum }, [velocity]) => {
                kernels.momentum(&step, T::from_f64(momentum), velocity, gradient, weights);
            }
            (Rule::RmsProp { smoothing }, [squares]) => {
                let scaling = Scaling {
                    old: T::from_f64(smoothing),
                    new: T::from_f64(1.0 - smoothing),
                    epsilon: T::from_f64(Method::RMSPROP_EPSILON),
                };
                kernels.scaled(&step, &scaling, squares, gradient, weights);
            }
            (Rule::Adagrad, [squares]) => {
                let epsilon = T::from_f64(Method::ADAGRAD_EPSILON);
                kernels.scaled(
                    &step,
                    &Scaling { old: T::ONE, new: T::ONE, epsilon },
                    squares,
                    gradient,
                    weights,
                );
            }
            (Rule::Adam, [first, second]) => {
                let factors = Method::adam_factors(self.steps, learning_rate);
                step.rate = T::from_f64(factors.rate);
                let epsilon = T::from_f64(factors.epsilon);
                kernels.adam(&step, epsilon, Moments { first, second }, gradient, weights);
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
    step: &Step<V::Real>,
    epsilon: V::Real,
    moments: Moments<V::Real>,
    gradient: &[Piece<V::Real>],
    weights: &mut [Piece<V::Real>],
) {
    let number = |x: f64| V::splat(V::Real::from_f64(x));
    let [scale, coupled, keep] = [step.scale, step.coupled, step.keep].map(|x| V::splat(x));
    let [rate, epsilon] = [step.rate, epsilon].map(|x| V::splat(x));
    let (beta_1, beta_2) = (Method::BETA_1, Method::BETA_2);
    let [beta_1, rest_1, beta_2, rest_2] = [beta_1, 1.0 - beta_1, beta_2, 1.0 - beta_2].map(number);
    let state = moments.first.iter_mut().zip(moments.second);
    for ((w, g), (m, v)) in weights.iter_mut().zip(gradient).zip(state) {
        for i in (0..PANEL).step_by(V::COUNT) {
            let weight = V::load(w, i);
            let g = weight.mul_add(coupled, V::load(g, i).mul(scale));
            let first = V::load(m, i).mul_add(beta_1, g.mul(rest_1));
            let second = V::load(v, i).mul_add(beta_2, g.mul(g).mul(rest_2));
            first.store(m, i);
            second.store(v, i);
            let update = first.mul(rate).div(second.sqrt().add(epsilon));
            weight.mul(keep).sub(update).store(w, i);
        }
    }
}

/// One step of plain gradient descent.
#[inline(always)]
pub(crate) fn sgd<V: Lanes>(
    step: &Step<V::Real>,
    gradient: &[Piece<V::Real>],
    weights: &mut [Piece<V::Real>],
) {
    let [scale, coupled, keep] = [step.scale, step.coupled, step.keep].map(|x| V::splat(x));
    let rate = V::splat(-step.rate);
    for (w, g) in weights.iter_mut().zip(gradient) {
        for i in (0..PANEL).step_by(V::COUNT) {
            let weight = V::load(w, i);
            let g = weight.mul_add(coupled, V::load(g, i).mul(scale));
            g.mul_add(rate, weight.mul(keep)).store(w, i);
        }
    }
}

/// One step of gradient descent with momentum.
#[inline(always)]
pub(crate) fn momentum<V: Lanes>(
    step: &Step<V::Real>,
    momentum: V::Real,
    velocity: &mut [Piece<V::Real>],
    gradient: &[Piece<V::Real>],
    weights: &mut [Piece<V::Real>],
) {
    let [scale, coupled, keep] = [step.scale, step.coupled, step.keep].map(|x| V::splat(x));
    let rate = V::splat(-step.rate);
    let momentum = V::splat(momentum);
    for ((w, g), v) in weights.iter_mut().zip(gradient).zip(velocity) {
        for i in (0..PANEL).step_by(V::COUNT) {
            let g = V::load(w, i).mul_add(coupled, V::load(g, i).mul(scale));
            let next = V::load(v, i).mul_add(momentum, g);
            next.store(v, i);
            next.mul_add(rate, V::load(w, i).mul(keep)).store(w, i);
        }
    }
}

/// One step along the gradient over the root of its squares, which RMSprop averages and Adagrad sums.
#[inline(always)]
pub(crate) fn scaled<V: Lanes>(
    step: &Step<V::Real>,
    scaling: &Scaling<V::Real>,
    squares: &mut [Piece<V::Real>],
    gradient: &[Piece<V::Real>],
    weights: &mut [Piece<V::Real>],
) {
    let [scale, coupled, keep] = [step.scale, step.coupled, step.keep].map(|x| V::splat(x));
    let [rate, old, new, epsilon] =
        [step.rate, scaling.old, scaling.new, scaling.epsilon].map(|x| V::splat(x));
    for ((w, g), v) in weights.iter_mut().zip(gradient).zip(squares) {
        for i in (0..PANEL).step_by(V::COUNT) {
            let weight = V::load(w, i);
            let g = weight.mul_add(coupled, V::load(g, i).mul(scale));
            let next = V::load(v, i).mul_add(old, g.mul(g).mul(new));
            next.store(v, i);
            let update = g.mul(rate).div(next.sqrt().add(epsilon));
            weight.mul(keep).sub(update).store(w, i);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: [Rule; 6] = [
        Rule::Sgd,
        Rule::Momentum { momentum: 0.9 },
        Rule::Momentum { momentum: 0.0 },
        Rule::RmsProp { smoothing: 0.9 },
        Rule::Adagrad,
        Rule::Adam,
    ];
    const DECAYS: [Decay; 3] = [Decay::NONE, Decay::Coupled(0.1), Decay::Decoupled(0.1)];

    fn start(i: usize) -> f64 {
        (i as f64 * 0.7).sin()
    }

    fn gradient(t: i32, i: usize) -> f64 {
        (i as f64 + f64::from(t)).cos()
    }

    /// Two pieces of `value`.
    fn filled<T: Real>(value: impl Fn(usize) -> f64) -> Vec<Piece<T>> {
        let mut vector = vec![[T::ZERO; PANEL]; 2];
        vector.as_flattened_mut().iter_mut().enumerate().for_each(|(i, x)| *x = T::from_f64(value(i)));
        vector
    }

    /// Weight `i` after five steps of rate 0.01 along half the gradient, as the papers write them.
    fn expected(Method { rule, decay }: Method, i: usize) -> f64 {
        let (mut w, mut m, mut v) = (start(i), 0.0, 0.0f64);
        for t in 1..=5 {
            let mut g = 0.5 * gradient(t, i);
            let before = w;
            if let Decay::Coupled(decay) = decay {
                g += decay * w;
            }
            match rule {
                Rule::Sgd => w -= 0.01 * g,
                Rule::Momentum { momentum } => {
                    m = momentum * m + g;
                    w -= 0.01 * m;
                }
                Rule::RmsProp { smoothing } => {
                    v = smoothing * v + (1.0 - smoothing) * g * g;
                    w -= 0.01 * g / (v.sqrt() + 1e-8);
                }
                Rule::Adagrad => {
                    v += g * g;
                    w -= 0.01 * g / (v.sqrt() + 1e-10);
                }
                Rule::Adam => {
                    m = 0.9 * m + 0.1 * g;
                    v = 0.999 * v + 0.001 * g * g;
                    let (mh, vh) = (m / (1.0 - 0.9f64.powi(t)), v / (1.0 - 0.999f64.powi(t)));
                    w -= 0.01 * mh / (vh.sqrt() + 1e-8);
                }
            }
            if let Decay::Decoupled(decay) = decay {
                w -= 0.01 * decay * before;
            }
        }
        w
    }

    fn assert_follows<T: Real>(kernels: &Kernels<T>, method: Method, tolerance: f64) {
        let mut weights = filled::<T>(start);
        let mut optimizer = Optimizer::new(method, 2);
        let mut middle = None;
        for t in 1..=5 {
            optimizer.step(kernels, &mut weights, &filled(|i| gradient(t, i)), 0.5, 0.01);
            if t == 3 {
                let (steps, vectors) = optimizer.state();
                middle = Some((weights.clone(), steps, vectors.map(<[T]>::to_vec).collect::<Vec<_>>()));
            }
        }
        for (i, found) in weights.as_flattened().iter().enumerate() {
            let (found, expected) = (found.to_f64(), expected(method, i));
            assert!((found - expected).abs() < tolerance, "{} {method:?}: {found} {expected}", kernels.name);
        }
        let (mut again, steps, kept) = middle.unwrap();
        assert_eq!((steps, kept.len()), (3, method.names().len()));
        let mut continued = Optimizer::new(method, 2);
        continued.restore(steps, &kept);
        for t in 4..=5 {
            continued.step(kernels, &mut again, &filled(|i| gradient(t, i)), 0.5, 0.01);
        }
        assert!(continued == optimizer && again == weights, "{} {method:?}", kernels.name);
    }

    #[test]
    fn steps_follow_the_algorithms_on_every_instruction_set() {
        for rule in RULES {
            for decay in DECAYS {
                let method = Method { rule, decay };
                Kernels::<f64>::available().iter().for_each(|kernels| assert_follows(kernels, method, 1e-12));
                Kernels::<f32>::available().iter().for_each(|kernels| assert_follows(kernels, method, 1e-5));
            }
        }
    }

    #[test]
    fn both_decays_are_one_for_plain_descent_only() {
        let kernels = Kernels::<f64>::best();
        for rule in RULES {
            let after = |decay| {
                let mut weights = filled::<f64>(start);
                let mut optimizer = Optimizer::new(Method { rule, decay }, 2);
                for t in 1..=5 {
                    optimizer.step(kernels, &mut weights, &filled(|i| gradient(t, i)), 1.0, 0.01);
                }
                weights
            };
            let [plain, coupled, decoupled] = DECAYS.map(after);
            let pairs = coupled.as_flattened().iter().zip(decoupled.as_flattened());
            let apart = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            let descent = matches!(rule, Rule::Sgd | Rule::Momentum { momentum: 0.0 });
            assert_eq!(apart < 1e-14, descent, "{rule:?}: {apart}");
            assert!(plain != coupled && plain != decoupled, "{rule:?}");
        }
    }
}
