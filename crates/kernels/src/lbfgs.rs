//! Limited-memory BFGS (Nocedal 1980; Liu and Nocedal 1989), in f64.
//!
//! The algorithms are those of Nocedal and Wright (2006), "Numerical Optimization": a direction by the two-loop
//! recursion (7.4) from the latest pairs of a step s and the change y of the gradient over it, with the first inverse
//! Hessian of equation 7.20 (algorithm 7.5), and along it a length by a line search (3.5 and 3.6) for the strong Wolfe
//! conditions (equation 3.7) with c1 = 1e-4 and c2 = 0.9. These keep y's above 0, so that every direction goes down.
//!
//! It sees the loss as a function of the weights: the function must be the same at every step, which for a network
//! means the same batch.

use std::collections::VecDeque;

use crate::levenberg_marquardt::Stepped;

/// The part of the slope's promise that a step must keep: c1 of equation 3.7a.
const DECREASE: f64 = 1e-4;
/// The part of the slope that may remain after a step: c2 of equation 3.7b.
const CURVATURE: f64 = 0.9;
/// Evaluations of one line search. The lengths that it tries change by a factor of 2 to 10 or so, which covers
/// everything from 1 to roundoff.
const MOST_EVALUATIONS: usize = 40;

/// A minimisation by limited-memory BFGS.
#[derive(Clone, Debug)]
pub struct Lbfgs {
    memory: usize,
    /// Where the last step ended.
    point: Option<Point>,
    /// Of the last steps that went along a rising slope, the oldest first.
    pairs: VecDeque<Pair>,
}

/// A point with the function there.
#[derive(Clone, Debug)]
struct Point {
    weights: Vec<f64>,
    loss: f64,
    gradient: Vec<f64>,
}

/// A step, and the change of the gradient over it.
#[derive(Clone, Debug)]
struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
    /// Their product, y's.
    curvature: f64,
}

/// A point on the line of a search.
struct Trial {
    /// Its distance in units of the direction.
    length: f64,
    /// Infinite where the loss or the gradient is not finite.
    loss: f64,
    /// The derivative of the loss by the length.
    slope: f64,
    weights: Vec<f64>,
    gradient: Vec<f64>,
}

impl Lbfgs {
    /// The names of the vectors in [`Lbfgs::state`].
    pub const NAMES: [&'static str; 5] = ["weights", "loss", "gradient", "steps", "changes"];

    /// Before the first step, with a memory of so many pairs; 3 to 20 are usual. With none it is steepest descent.
    pub fn new(memory: usize) -> Self {
        Lbfgs { memory, point: None, pairs: VecDeque::new() }
    }

    /// One step, in place. `evaluate` takes weights, writes all derivatives of the loss by them, and returns the loss.
    /// Where the first length tried will do, as most do, it is called once; the gradient before the step is known from
    /// the step before. Weights other than those that the last step left begin anew.
    ///
    /// A length at which the loss or the gradient is not finite is too long. Where no length along the direction
    /// lowers the loss, the memory is dropped and steepest descent is tried; where that fails too, or the loss or the
    /// gradient before the step is not finite, the weights stay as they are and the step has length 0.
    ///
    /// # Panics
    /// Where `evaluate` does.
    pub fn step(
        &mut self,
        weights: &mut [f64],
        evaluate: &mut dyn FnMut(&[f64], &mut [f64]) -> f64,
    ) -> Stepped {
        let known = self.point.take().filter(|point| point.weights == weights);
        let before = known.unwrap_or_else(|| {
            self.pairs.clear();
            let mut gradient = vec![0.0; weights.len()];
            let loss = evaluate(weights, &mut gradient);
            Point { weights: weights.to_vec(), loss, gradient }
        });
        let Point { loss, ref gradient, .. } = before;
        let stays = Stepped { loss, after: loss, gradient: largest(gradient), length: 0.0 };
        if !loss.is_finite() || !stays.gradient.is_finite() {
            return stays;
        }
        let mut found = None;
        if !self.pairs.is_empty() {
            found = search(&before, &self.direction(gradient), 1.0, evaluate);
        }
        if found.is_none() {
            self.pairs.clear();
            let steepest: Vec<f64> = gradient.iter().map(|g| -g).collect();
            found = search(&before, &steepest, (1.0 / norm(gradient)).min(1.0), evaluate);
        }
        let Some(Trial { loss: after, weights: next, gradient: slopes, .. }) = found else {
            self.point = Some(before);
            return stays;
        };
        let step = difference(&next, &before.weights);
        let length = norm(&step) / norm(&before.weights);
        self.remember(step, difference(&slopes, gradient));
        weights.copy_from_slice(&next);
        self.point = Some(Point { weights: next, loss: after, gradient: slopes });
        Stepped { after, length, ..stays }
    }

    /// The two-loop recursion, algorithm 7.4: minus the inverse Hessian times the gradient.
    fn direction(&self, gradient: &[f64]) -> Vec<f64> {
        let mut direction: Vec<f64> = gradient.iter().map(|g| -g).collect();
        let mut parts = Vec::with_capacity(self.pairs.len());
        for Pair { step, change, curvature } in self.pairs.iter().rev() {
            let part = dot(step, &direction) / curvature;
            add(&mut direction, -part, change);
            parts.push(part);
        }
        if let Some(Pair { change, curvature, .. }) = self.pairs.back() {
            // equation 7.20
            let scale = curvature / dot(change, change);
            direction.iter_mut().for_each(|d| *d *= scale);
        }
        for (Pair { step, change, curvature }, part) in self.pairs.iter().zip(parts.iter().rev()) {
            let factor = part - dot(change, &direction) / curvature;
            add(&mut direction, factor, step);
        }
        direction
    }

    /// Adds a pair, and drops the oldest where there are too many.
    fn remember(&mut self, step: Vec<f64>, change: Vec<f64>) {
        let pair = Pair { curvature: dot(&step, &change), step, change };
        // A search that ran out of evaluations may end where the slope does not rise; of such a pair nothing can be
        // learnt.
        if self.memory > 0 && pair.is_sound() {
            if self.pairs.len() == self.memory {
                self.pairs.pop_front();
            }
            self.pairs.push_back(pair);
        }
    }

    /// All that it keeps from step to step, under [`Lbfgs::NAMES`]: the weights after the last step, and the loss and
    /// the gradient there; then the steps and the changes of the gradient, [pair, weight], the oldest first. Before the
    /// first step all are empty.
    pub fn state(&self) -> [(&'static str, Vec<f64>); 5] {
        let [weights, loss, gradient, steps, changes] = Self::NAMES;
        let of_point = |vector: fn(&Point) -> &[f64]| self.point.as_ref().map_or(&[][..], vector).to_vec();
        let of_pairs = |vector: fn(&Pair) -> &[f64]| self.pairs.iter().flat_map(vector).copied().collect();
        [
            (weights, of_point(|point| &point.weights)),
            (loss, self.point.iter().map(|point| point.loss).collect()),
            (gradient, of_point(|point| &point.gradient)),
            (steps, of_pairs(|pair| &pair.step)),
            (changes, of_pairs(|pair| &pair.change)),
        ]
    }

    /// Continues from such a state, to the same bits; `find` gives the vector of a name. The weights of
    /// [`Lbfgs::step`] must be those of the state, or it begins anew.
    ///
    /// # Errors
    /// A vector that is missing, of another length than the others ask for, or whose numbers no step can have left;
    /// nothing is changed then.
    pub fn restore<'a>(&mut self, find: impl Fn(&str) -> Option<&'a [f64]>) -> Result<(), String> {
        let vector = |name| find(name).ok_or_else(|| format!("vector {name} of lbfgs is missing"));
        let [weights, loss, gradient, steps, changes] = Self::NAMES;
        let [weights, loss, gradient] = [vector(weights)?, vector(loss)?, vector(gradient)?];
        let [steps, changes] = [vector(steps)?, vector(changes)?];
        let count = weights.len();
        let of_length = |name: &str, vector: &[f64], length: usize| match vector.len() {
            found if found == length => Ok(()),
            found => Err(format!("vector {name} of lbfgs has {found} values, expected {length}")),
        };
        // a function of no weights has a loss too
        of_length("loss", loss, loss.len().clamp(usize::from(count > 0), 1))?;
        of_length("gradient", gradient, count)?;
        of_length("changes", changes, steps.len())?;
        let pairs = steps.len().checked_div(count).unwrap_or(0);
        of_length("steps", steps, pairs.min(self.memory) * count)?;
        if !loss.iter().chain(weights).chain(gradient).all(|x| x.is_finite()) {
            return Err("the state of lbfgs holds a number that is not finite".into());
        }
        let chunk = count.max(1);
        let pairs: VecDeque<Pair> = (steps.chunks_exact(chunk).zip(changes.chunks_exact(chunk)))
            .map(|(step, change)| Pair {
                step: step.to_vec(),
                change: change.to_vec(),
                curvature: dot(step, change),
            })
            .collect();
        if !pairs.iter().all(Pair::is_sound) {
            return Err("the state of lbfgs holds a step along which the slope does not rise".into());
        }
        self.pairs = pairs;
        self.point =
            loss.first().map(|&loss| Point { weights: weights.to_vec(), loss, gradient: gradient.to_vec() });
        Ok(())
    }
}

impl Pair {
    /// Whether the slope rises along the step, by more than roundoff.
    fn is_sound(&self) -> bool {
        let square = dot(&self.change, &self.change);
        self.curvature.is_finite() && square.is_finite() && self.curvature > f64::EPSILON * square
    }
}

/// A length along `direction` that meets the strong Wolfe conditions (algorithm 3.5), beginning with `length`; where
/// the evaluations end before, the best that meets the first. None where no length lowers the loss.
fn search(
    from: &Point,
    direction: &[f64],
    length: f64,
    evaluate: &mut dyn FnMut(&[f64], &mut [f64]) -> f64,
) -> Option<Trial> {
    let slope = dot(direction, &from.gradient);
    if !(slope < 0.0 && slope.is_finite() && length.is_finite()) {
        return None;
    }
    let mut trial = |length: f64| {
        let weights: Vec<f64> = from.weights.iter().zip(direction).map(|(w, d)| w + length * d).collect();
        let mut gradient = vec![0.0; weights.len()];
        let loss = evaluate(&weights, &mut gradient);
        let slope = dot(direction, &gradient);
        let finite = loss.is_finite() && slope.is_finite() && largest(&gradient).is_finite();
        Trial { length, loss: if finite { loss } else { f64::INFINITY }, slope, weights, gradient }
    };
    let too_high = |trial: &Trial| {
        // a loss that only roundoff changes is not lower
        trial.loss > from.loss + DECREASE * trial.length * slope || trial.loss >= from.loss
    };
    let flat = |trial: &Trial| trial.slope.abs() <= -CURVATURE * slope;

    let start = Trial {
        length: 0.0,
        loss: from.loss,
        slope,
        weights: from.weights.clone(),
        gradient: from.gradient.clone(),
    };
    let (mut low, mut high) = (start, trial(length));
    let mut evaluations = 1;
    // until a stretch of the line holds such a length
    while !too_high(&high) && high.loss < low.loss {
        if flat(&high) {
            return Some(high);
        }
        if high.slope >= 0.0 {
            std::mem::swap(&mut low, &mut high);
            break;
        }
        if evaluations == MOST_EVALUATIONS {
            return Some(high);
        }
        let (least, most) = (2.0 * high.length, 10.0 * high.length);
        let farther = minimum(&low, &high).filter(|length| *length > high.length).unwrap_or(least);
        low = high;
        high = trial(farther.clamp(least, most));
        evaluations += 1;
    }
    // Algorithm 3.6. `low` is the lowest so far, and the loss falls from there towards `high`.
    while evaluations < MOST_EVALUATIONS {
        let width = high.length - low.length;
        let part = match minimum(&low, &high) {
            Some(length) => ((length - low.length) / width).clamp(0.1, 0.9),
            None if high.loss.is_finite() => 0.5,
            None => 0.1,
        };
        let next = trial(low.length + part * width);
        evaluations += 1;
        if next.weights == low.weights || next.weights == high.weights {
            break;
        }
        if too_high(&next) || next.loss >= low.loss {
            high = next;
        } else if flat(&next) {
            return Some(next);
        } else {
            if next.slope * width >= 0.0 {
                high = low;
            }
            low = next;
        }
    }
    (low.length > 0.0).then_some(low)
}

/// The minimum of the cubic polynomial with the losses and the slopes of both, equation 3.59.
fn minimum(a: &Trial, b: &Trial) -> Option<f64> {
    let width = b.length - a.length;
    let first = a.slope + b.slope - 3.0 * (b.loss - a.loss) / width;
    let second = (first * first - a.slope * b.slope).sqrt() * width.signum();
    let length = b.length - width * (b.slope + second - first) / (b.slope - a.slope + 2.0 * second);
    length.is_finite().then_some(length)
}

/// The largest magnitude, or NaN where one is not finite.
fn largest(x: &[f64]) -> f64 {
    if x.iter().all(|x| x.is_finite()) { x.iter().fold(0.0, |most, x| most.max(x.abs())) } else { f64::NAN }
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

fn norm(x: &[f64]) -> f64 {
    dot(x, x).sqrt()
}

fn difference(x: &[f64], y: &[f64]) -> Vec<f64> {
    x.iter().zip(y).map(|(x, y)| x - y).collect()
}

/// x + factor y, into x.
fn add(x: &mut [f64], factor: f64, y: &[f64]) {
    x.iter_mut().zip(y).for_each(|(x, y)| *x += factor * y);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sum of 100 (x[i+1] - x[i]^2)^2 + (1 - x[i])^2, lowest where all are 1 (Rosenbrock 1960).
    fn rosenbrock(x: &[f64], gradient: &mut [f64]) -> f64 {
        gradient.fill(0.0);
        (0..x.len() - 1)
            .map(|i| {
                let (bend, rest) = (x[i + 1] - x[i] * x[i], 1.0 - x[i]);
                gradient[i] -= 400.0 * bend * x[i] + 2.0 * rest;
                gradient[i + 1] += 200.0 * bend;
                100.0 * bend * bend + rest * rest
            })
            .sum()
    }

    /// Half the sum of curvatures from 1 to `condition` times squares.
    fn quadratic(condition: f64) -> impl Fn(&[f64], &mut [f64]) -> f64 {
        move |x, gradient| {
            let last = (x.len() - 1) as f64;
            let curvature = |i: usize| condition.powf(i as f64 / last);
            (0..x.len()).for_each(|i| gradient[i] = curvature(i) * x[i]);
            (0..x.len()).map(|i| 0.5 * gradient[i] * x[i]).sum()
        }
    }

    /// Steps until the loss is below `loss` or a step fails; returns the evaluations and the steps.
    fn minimise(
        mut method: Lbfgs,
        function: impl Fn(&[f64], &mut [f64]) -> f64,
        weights: &mut [f64],
        loss: f64,
    ) -> (usize, Vec<Stepped>) {
        let (mut evaluations, mut steps) = (0, Vec::new());
        loop {
            let stepped = method.step(weights, &mut |x, gradient| {
                evaluations += 1;
                function(x, gradient)
            });
            assert!(stepped.after <= stepped.loss, "{stepped:?}");
            steps.push(stepped);
            if stepped.after < loss || stepped.length == 0.0 {
                return (evaluations, steps);
            }
        }
    }

    #[test]
    fn the_valley_of_rosenbrock_is_followed_to_its_end() {
        let mut standard = vec![-1.2, 1.0];
        let ten: Vec<f64> = (0..10).map(|i| if i % 2 == 0 { -1.2 } else { 1.0 }).collect();
        for mut weights in [standard.clone(), vec![0.0; 10], ten] {
            let (evaluations, steps) = minimise(Lbfgs::new(10), rosenbrock, &mut weights, 1e-22);
            let farthest = weights.iter().map(|x| (x - 1.0).abs()).fold(0.0, f64::max);
            assert!(evaluations < 150 && farthest < 1e-10, "{evaluations} {weights:?}");
            assert!(steps.len() * 3 > evaluations * 2, "{} steps, {evaluations} evaluations", steps.len());
        }
        // and there it stops
        let (_, steps) = minimise(Lbfgs::new(10), rosenbrock, &mut standard, -1.0);
        assert!(steps.last().unwrap().length == 0.0 && steps.last().unwrap().gradient < 1e-7);
    }

    #[test]
    fn a_quadratic_of_bad_condition_is_solved() {
        // A memory shorter than the number of curvatures is slow on so many of them: another implementation, with
        // backtracking in place of the line search, takes 917 steps.
        for (count, memory, most) in [(2, 10, 20), (30, 40, 350), (30, 10, 1300)] {
            let mut weights: Vec<f64> = (0..count).map(|i| (1.0 + i as f64).sin()).collect();
            let (evaluations, _) = minimise(Lbfgs::new(memory), quadratic(1e4), &mut weights, 1e-20);
            assert!(evaluations < most, "{evaluations}");
            assert!(weights.iter().all(|x| x.abs() < 1e-9), "{evaluations} {weights:?}");
        }
    }

    #[test]
    fn the_direction_is_that_of_newton_after_steps_along_every_axis() {
        // For a quadratic whose pairs span the space, taken along conjugate directions, the inverse Hessian is exact.
        let mut method = Lbfgs::new(3);
        for i in 0..3 {
            let curvature = [2.0, 5.0, 11.0][i];
            let (mut step, mut change) = (vec![0.0; 3], vec![0.0; 3]);
            (step[i], change[i]) = (0.5, 0.5 * curvature);
            method.remember(step, change);
        }
        let found = method.direction(&[2.0, 10.0, -33.0]);
        for (found, exact) in found.iter().zip([-1.0, -2.0, 3.0]) {
            assert!((found - exact).abs() < 1e-14);
        }
        method.remember(vec![1.0, 0.0, 0.0], vec![-1.0, 0.0, 0.0]);
        method.remember(vec![1.0, 0.0, 0.0], vec![4.0, 0.0, 0.0]);
        // the pair along a falling slope was left out, the oldest dropped
        let curvatures: Vec<f64> = method.pairs.iter().map(|pair| pair.curvature).collect();
        assert_eq!(curvatures, [1.25, 2.75, 4.0]);
    }

    #[test]
    fn every_length_meets_the_wolfe_conditions() {
        let (mut method, mut weights) = (Lbfgs::new(5), vec![-1.2, 1.0, 0.3, 2.0]);
        for _ in 0..30 {
            let (mut before, mut after) = (vec![0.0; 4], vec![0.0; 4]);
            let (from, loss) = (weights.clone(), rosenbrock(&weights, &mut before));
            let stepped = method.step(&mut weights, &mut rosenbrock);
            let step = difference(&weights, &from);
            assert_eq!(
                (stepped.loss, stepped.after, stepped.gradient),
                (loss, rosenbrock(&weights, &mut after), largest(&before))
            );
            assert!((stepped.length - norm(&step) / norm(&from)).abs() < 1e-15);
            let slope = dot(&before, &step);
            assert!(stepped.after <= loss + 1e-4 * slope * (1.0 - 1e-9), "{stepped:?}");
            assert!(dot(&after, &step).abs() <= -0.9 * slope * (1.0 + 1e-9), "{stepped:?}");
        }
    }

    type State = [(&'static str, Vec<f64>); 5];

    fn find<'a>(state: &'a State) -> impl Fn(&str) -> Option<&'a [f64]> {
        |name| state.iter().find(|(key, _)| *key == name).map(|(_, vector)| &vector[..])
    }

    fn bits(x: &[f64]) -> Vec<u64> {
        x.iter().map(|x| x.to_bits()).collect()
    }

    #[test]
    fn state_continues_to_the_same_bits() {
        for done in [0, 1, 7, 25] {
            let (mut straight, mut weights) = (Lbfgs::new(4), vec![-1.2, 1.0, -1.2, 1.0, 0.5]);
            for _ in 0..done {
                straight.step(&mut weights, &mut rosenbrock);
            }
            let mut continued = Lbfgs::new(4);
            continued.restore(find(&straight.state())).unwrap();
            let (mut same, mut evaluations) = (weights.clone(), [0, 0]);
            for _ in 0..10 {
                straight.step(&mut weights, &mut |x, gradient| {
                    evaluations[0] += 1;
                    rosenbrock(x, gradient)
                });
                continued.step(&mut same, &mut |x, gradient| {
                    evaluations[1] += 1;
                    rosenbrock(x, gradient)
                });
            }
            assert_eq!((bits(&weights), evaluations[0]), (bits(&same), evaluations[1]));
            for ((_, straight), (_, continued)) in straight.state().iter().zip(continued.state()) {
                assert_eq!(bits(straight), bits(&continued));
            }
        }
    }

    #[test]
    fn other_weights_begin_anew() {
        let (mut used, mut weights) = (Lbfgs::new(4), vec![-1.2, 1.0]);
        (0..5).for_each(|_| {
            used.step(&mut weights, &mut rosenbrock);
        });
        let [mut weights, mut same] = [vec![2.0, 0.5], vec![2.0, 0.5]];
        let stepped = used.step(&mut weights, &mut rosenbrock);
        assert_eq!(stepped, Lbfgs::new(4).step(&mut same, &mut rosenbrock));
        assert_eq!(weights, same);
    }

    #[test]
    fn a_state_that_cannot_be_is_refused_and_changes_nothing() {
        let (mut method, mut weights) = (Lbfgs::new(4), vec![-1.2, 1.0]);
        (0..6).for_each(|_| {
            method.step(&mut weights, &mut rosenbrock);
        });
        let sound = method.state();
        for (name, vector, words) in [
            ("weights", vec![0.0], "gradient of lbfgs has 2 values, expected 1"),
            ("loss", vec![], "loss of lbfgs has 0 values, expected 1"),
            ("loss", vec![1.0, 2.0], "loss of lbfgs has 2 values, expected 1"),
            ("loss", vec![f64::NAN], "not finite"),
            ("gradient", vec![], "gradient"),
            ("gradient", vec![0.0, f64::INFINITY], "not finite"),
            ("steps", vec![1.0; 7], "changes of lbfgs has 8 values, expected 7"),
            ("changes", vec![f64::NAN; 8], "does not rise"),
            ("changes", vec![0.0; 8], "does not rise"),
        ] {
            let mut state = sound.clone();
            state.iter_mut().filter(|(key, _)| *key == name).for_each(|(_, values)| *values = vector.clone());
            let mut other = Lbfgs::new(4);
            let message = other.restore(find(&state)).unwrap_err();
            assert!(message.contains(words), "{name}: {message}");
            assert!(other.point.is_none() && other.pairs.is_empty());
        }
        for name in Lbfgs::NAMES {
            let known = find(&sound);
            let without = |key: &str| if key == name { None } else { known(key) };
            assert!(Lbfgs::new(4).restore(without).unwrap_err().contains(name));
        }
        let message = Lbfgs::new(3).restore(find(&sound)).unwrap_err();
        assert!(message.contains("steps of lbfgs has 8 values, expected 6"), "{message}");
        let known = find(&sound);
        let ragged = |key: &str| match key {
            "steps" | "changes" => Some(&[1.0; 3][..]),
            _ => known(key),
        };
        assert!(Lbfgs::new(4).restore(ragged).unwrap_err().contains("has 3 values, expected 2"));
        let weightless = |key: &str| Some(if key == "steps" || key == "changes" { &[1.0][..] } else { &[] });
        assert!(Lbfgs::new(4).restore(weightless).is_err());
    }

    #[test]
    fn numbers_that_are_none_are_too_far() {
        // -log(x) + x is lowest at 1, and no number at 0 and below; the first step of unit length ends at 0
        let barrier = |x: &[f64], gradient: &mut [f64]| {
            gradient[0] = 1.0 - 1.0 / x[0];
            x[0] - x[0].ln()
        };
        // a wall whose gradient alone is infinite
        let wall = |x: &[f64], gradient: &mut [f64]| {
            gradient[0] = if x[0] < 0.5 { f64::NEG_INFINITY } else { 2.0 * (x[0] - 1.0) };
            (x[0] - 1.0).powi(2)
        };
        type Function<'a> = &'a dyn Fn(&[f64], &mut [f64]) -> f64;
        let functions: [Function; 2] = [&barrier, &wall];
        for function in functions {
            for start in [1.001, 5.0, 1e3] {
                let mut weights = [start];
                let (evaluations, _) = minimise(Lbfgs::new(10), function, &mut weights, -1.0);
                assert!((weights[0] - 1.0).abs() < 1e-7 && evaluations < 200, "{evaluations} {weights:?}");
            }
        }
        let start = [3.0, 4.0];
        for (loss, slope) in [(f64::NAN, 1.0), (f64::INFINITY, 1.0), (1.0, f64::NAN), (1.0, f64::INFINITY)] {
            let (mut method, mut weights) = (Lbfgs::new(5), start);
            let stepped = method.step(&mut weights, &mut |_, gradient| {
                gradient.copy_from_slice(&[slope, 0.5]);
                loss
            });
            assert!(stepped.length == 0.0 && weights == start, "{stepped:?}");
            assert!(!stepped.loss.is_finite() || stepped.gradient.is_nan());
            // it has not kept what it cannot use
            assert!(method.step(&mut weights, &mut rosenbrock).length > 0.0);
        }
    }

    #[test]
    fn where_nothing_is_lower_nothing_changes() {
        let uphill = |x: &[f64], gradient: &mut [f64]| {
            gradient.fill(-1.0);
            x.iter().sum()
        };
        let (mut method, mut weights, mut evaluations) = (Lbfgs::new(5), [1.0, 2.0], 0);
        for _ in 0..2 {
            let stepped = method.step(&mut weights, &mut |x, gradient| {
                evaluations += 1;
                uphill(x, gradient)
            });
            assert_eq!((stepped.length, stepped.gradient, weights), (0.0, 1.0, [1.0, 2.0]));
        }
        assert!(evaluations <= 2 * MOST_EVALUATIONS + 1);
        // a minimum, no weights at all, and a loss that falls for ever
        assert_eq!(Lbfgs::new(5).step(&mut [1.0, 1.0], &mut rosenbrock).length, 0.0);
        assert_eq!(Lbfgs::new(5).step(&mut [], &mut |_, _| 3.0).length, 0.0);
        let mut weights = [1.0];
        let stepped = Lbfgs::new(5).step(&mut weights, &mut |x, gradient| {
            gradient[0] = 1.0;
            x[0]
        });
        assert!(stepped.after < stepped.loss && weights[0].is_finite());
    }

    #[test]
    fn without_memory_it_is_steepest_descent() {
        let (mut method, mut weights) = (Lbfgs::new(0), vec![-1.2, 1.0]);
        for _ in 0..20 {
            let (from, mut slope) = (weights.clone(), vec![0.0; 2]);
            rosenbrock(&weights, &mut slope);
            let stepped = method.step(&mut weights, &mut rosenbrock);
            let step = difference(&weights, &from);
            let along = dot(&step, &slope) / norm(&step) / norm(&slope);
            assert!(stepped.after < stepped.loss && (along + 1.0).abs() < 1e-9, "{stepped:?} {along}");
        }
    }
}
