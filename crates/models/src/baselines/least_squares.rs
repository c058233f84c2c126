//! Polynomial least squares: the increment to the next sample as a polynomial of the present state and the
//! known inputs, in f64.
//!
//! The monomials of the scaled inputs up to a total degree make the rows of A, the scaled increments those of
//! B. A W = B is solved in the least squares sense by orthogonal factorisations only, since the normal
//! equations would square a condition number that is large already: Householder QR of blocks of rows, merged
//! pairwise into one triangle ("tall and skinny QR", Demmel et al. 2012, algorithm 1), then a singular value
//! decomposition of the triangle with equilibrated columns, which also settles monomials that depend on each
//! other, as the phase of a driving force makes them (cos^2 + sin^2 = 1).

use dataset::Normalisation;
use forecast::{Forecast, Forecaster};
use nalgebra::DMatrix;
use rayon::prelude::*;
use sim::Trajectories;

use crate::recent::Recent;

/// The highest degree on offer: beyond it the monomials of data in f64 can no longer be told apart.
pub const MAX_DEGREE: usize = 8;

/// A polynomial map from the present state and known inputs to the next state.
pub struct LeastSquares {
    monomials: Monomials,
    weights: DMatrix<f64>, // [component, monomial]
    normalisation: Normalisation,
}

impl LeastSquares {
    /// Fits all successive samples of the training trajectories.
    pub fn fit(runs: &Trajectories, train: &[usize], normalisation: &Normalisation, degree: usize) -> Self {
        let (dim, features) = (normalisation.dim(), normalisation.features());
        let monomials = Monomials::new(features, degree);
        let (columns, steps) = (monomials.count(), runs.samples() - 1);
        let width = columns + dim;
        let rows = train.len() * steps;
        // Blocks are of a size that does not depend on the number of threads, so neither do the weights.
        let block = 8 * width;
        let triangles: Vec<DMatrix<f64>> = (0..rows.div_ceil(block))
            .into_par_iter()
            .map(|number| {
                let from = number * block;
                let count = block.min(rows - from);
                let (mut scaled, mut powers) = (Vec::with_capacity(features), vec![0.0; columns]);
                let mut matrix = DMatrix::zeros(count, width);
                for i in 0..count {
                    let (run, sample) = (train[(from + i) / steps], (from + i) % steps);
                    let (now, next) = (runs.state(run, sample), runs.state(run, sample + 1));
                    scaled.clear();
                    scaled.extend(normalisation.scale(now, runs.known_at(run, sample)));
                    monomials.evaluate(&scaled, &mut powers);
                    for (j, power) in powers.iter().enumerate() {
                        matrix[(i, j)] = *power;
                    }
                    for j in 0..dim {
                        matrix[(i, columns + j)] = normalisation.scale_increment(j, now[j], next[j]);
                    }
                }
                matrix.qr().r()
            })
            .collect();
        let triangle = merge(triangles);
        let weights = solve(&triangle, columns).transpose();
        LeastSquares { monomials, weights, normalisation: normalisation.clone() }
    }
}

/// The triangle of all rows from those of the blocks.
fn merge(mut triangles: Vec<DMatrix<f64>>) -> DMatrix<f64> {
    while triangles.len() > 1 {
        triangles = triangles
            .par_chunks(2)
            .map(|pair| match pair {
                [a, b] => {
                    let mut stacked = DMatrix::zeros(a.nrows() + b.nrows(), a.ncols());
                    stacked.rows_mut(0, a.nrows()).copy_from(a);
                    stacked.rows_mut(a.nrows(), b.nrows()).copy_from(b);
                    stacked.qr().r()
                }
                pair => pair[0].clone(),
            })
            .collect();
    }
    triangles.pop().unwrap_or_default()
}

/// The least squares solution of least norm, [monomial, component], from the triangle of [A B].
fn solve(triangle: &DMatrix<f64>, columns: usize) -> DMatrix<f64> {
    let rows = triangle.nrows().min(columns);
    let mut a = triangle.view((0, 0), (rows, columns)).into_owned();
    let b = triangle.view((0, columns), (rows, triangle.ncols() - columns)).into_owned();
    let norms: Vec<f64> =
        a.column_iter().map(|column| column.norm()).map(|norm| if norm > 0.0 { norm } else { 1.0 }).collect();
    for (mut column, norm) in a.column_iter_mut().zip(&norms) {
        column /= *norm;
    }
    let svd = a.svd(true, true);
    let cutoff = svd.singular_values.max() * f64::EPSILON * columns as f64;
    // It fails only without both factors, which were asked for.
    let mut weights = svd.solve(&b, cutoff).unwrap_or_else(|_| DMatrix::zeros(columns, b.ncols()));
    for (mut row, norm) in weights.row_iter_mut().zip(&norms) {
        row /= *norm;
    }
    weights
}

impl Forecaster for LeastSquares {
    fn window(&self) -> usize {
        1
    }

    fn dim(&self) -> usize {
        self.normalisation.dim()
    }

    fn known_dim(&self) -> usize {
        self.normalisation.features() - self.dim()
    }

    fn begin<'a>(&'a self, histories: &[f64], known: &[f64]) -> Box<dyn Forecast + 'a> {
        Box::new(Running { map: self, recent: Recent::new(&self.normalisation, 1, histories, known) })
    }
}

struct Running<'a> {
    map: &'a LeastSquares,
    recent: Recent<'a>,
}

impl Forecast for Running<'_> {
    fn advance(&mut self, known: &[f64], next: &mut [f64]) {
        let LeastSquares { monomials, weights, normalisation } = self.map;
        let mut powers = vec![0.0; monomials.count()];
        let mut increments = vec![0.0; next.len()];
        let samples = self.recent.complete(known).chunks_exact(normalisation.features());
        for (scaled, increments) in samples.zip(increments.chunks_exact_mut(normalisation.dim())) {
            monomials.evaluate(scaled, &mut powers);
            for (j, increment) in increments.iter_mut().enumerate() {
                *increment = powers.iter().zip(weights.row(j).iter()).map(|(power, w)| power * w).sum();
            }
        }
        self.recent.add(&increments, next);
    }
}

/// All monomials of some variables up to a total degree; each is an earlier one times a variable.
struct Monomials(Vec<(usize, usize)>);

impl Monomials {
    fn new(variables: usize, degree: usize) -> Self {
        // After the constant 1 come the variables, then from each degree the next: a monomial is multiplied
        // by its last variable and those after it, so that every product appears once.
        let mut factors: Vec<(usize, usize)> = (0..variables).map(|j| (0, j)).collect();
        let mut from = 0;
        for _ in 1..degree {
            let to = factors.len();
            for parent in from..to {
                factors.extend((factors[parent].1..variables).map(|j| (parent + 1, j)));
            }
            from = to;
        }
        Monomials(factors)
    }

    fn count(&self) -> usize {
        self.0.len() + 1
    }

    fn evaluate(&self, x: &[f64], powers: &mut [f64]) {
        powers[0] = 1.0;
        for (i, &(parent, variable)) in self.0.iter().enumerate() {
            powers[i + 1] = powers[parent] * x[variable];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baselines::Baseline;
    use forecast::{Starts, rollout};
    use sim::random::{stream, uniform};
    use sim::systems::{Lorenz, Oscillator};
    use sim::{Solver, System, Times};

    #[test]
    fn monomials_are_all_products_up_to_the_degree() {
        for (variables, degree, count) in [(1, 6, 7), (3, 6, 84), (4, 2, 15), (3, 8, 165)] {
            assert_eq!(Monomials::new(variables, degree).count(), count);
        }
        let mut powers = [0.0; 10];
        Monomials::new(3, 2).evaluate(&[2.0, 3.0, 5.0], &mut powers);
        assert_eq!(powers, [1.0, 2.0, 3.0, 5.0, 4.0, 6.0, 10.0, 9.0, 15.0, 25.0]);
    }

    #[test]
    fn a_polynomial_map_is_found_exactly() {
        // The logistic map is of degree 2; degree 4 must give it too.
        let times = Times::up_to(30.0, 1.0).unwrap();
        let mut u = vec![0.3];
        for i in 0..30 {
            u.push(3.9 * u[i] * (1.0 - u[i]));
        }
        let runs = Trajectories::new(times, [1, 0], u, vec![]);
        let normalisation = Normalisation::fit(&runs, &[0]);
        for degree in [2, 4] {
            let fitted = LeastSquares::fit(&runs, &[0], &normalisation, degree);
            let next = rollout(&fitted, Starts { count: 1, histories: &[0.77], known: &[] }, 1);
            assert!((next[0] - 3.9 * 0.77 * 0.23).abs() < 1e-12, "{}", next[0]);
        }
    }

    #[test]
    fn linear_least_squares_is_exact_for_the_driven_oscillator() {
        let oscillator = Oscillator::default();
        let starts: Vec<Vec<f64>> =
            (0..6).map(|i| vec![f64::from(i) - 2.5, 1.0 - 0.4 * f64::from(i)]).collect();
        let times = Times::up_to(20.0, 0.1).unwrap();
        let runs = oscillator.ensemble(&starts, &times, &Solver::Dop853 { tolerance: 1e-13 }).unwrap();
        let normalisation = Normalisation::fit(&runs, &[0, 1, 2, 3, 4]);
        for baseline in [Baseline::Linear, Baseline::Polynomial { degree: 3 }] {
            let fitted = baseline.fit(&runs, &[0, 1, 2, 3, 4], &normalisation);
            let known: Vec<f64> = (0..200).flat_map(|i| runs.known_at(5, i)).copied().collect();
            let forecast =
                rollout(&*fitted, Starts { count: 1, histories: runs.state(5, 0), known: &known }, 200);
            for i in 0..200 {
                for j in 0..2 {
                    assert!((forecast[2 * i + j] - runs.state(5, i + 1)[j]).abs() < 1e-9, "{baseline:?}");
                }
            }
        }
    }

    #[test]
    fn the_fit_equals_an_independent_solution_and_ignores_the_number_of_threads() {
        let mut draws = stream(1, "test", 0);
        let starts: Vec<Vec<f64>> =
            (0..10).map(|_| (0..3).map(|_| 30.0 * uniform(&mut draws) - 15.0).collect()).collect();
        let times = Times::up_to(4.0, 0.01).unwrap();
        let runs = Lorenz::default().ensemble(&starts, &times, &Solver::default()).unwrap();
        let train: Vec<usize> = (0..10).collect();
        let normalisation = Normalisation::fit(&runs, &train);
        let fit = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| LeastSquares::fit(&runs, &train, &normalisation, 2).weights)
        };
        let weights = fit(1);
        assert_eq!(weights, fit(3));
        // The normal equations, which a degree of 2 is mild enough for.
        let monomials = Monomials::new(3, 2);
        let (mut left, mut right) = (DMatrix::zeros(10, 10), DMatrix::zeros(10, 3));
        let mut powers = [0.0; 10];
        for run in 0..10 {
            for i in 0..400 {
                let scaled: Vec<f64> = normalisation.scale(runs.state(run, i), &[]).collect();
                monomials.evaluate(&scaled, &mut powers);
                for a in 0..10 {
                    for b in 0..10 {
                        left[(a, b)] += powers[a] * powers[b];
                    }
                    for j in 0..3 {
                        let step = runs.state(run, i + 1)[j] - runs.state(run, i)[j];
                        right[(a, j)] += powers[a] * (step - normalisation.increment_mean[j])
                            / normalisation.increment_std[j];
                    }
                }
            }
        }
        let expected = left.lu().solve(&right).unwrap().transpose();
        assert!((&weights - &expected).abs().max() < 1e-9, "{weights} {expected}");
    }
}
