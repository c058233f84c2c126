//! The Radau IIA method of order 9: collocation at 5 points, stiffly accurate, solved by simplified Newton iterations,
//! with the collocation polynomial as its interpolation (Hairer and Wanner, "Solving Ordinary Differential Equations
//! II", 2nd edition, IV.5 and IV.8; the same, "Stiff differential equations solved by Radau methods", J. Comput. Appl.
//! Math. 111 (1999) 93). The well-known code RADAU5 uses 3 points. At loose tolerances that is as good; at the tight
//! tolerances used here, 5 points allow longer steps, and samples between steps are as accurate as the error estimate
//! says.
//!
//! The increments z_i of the stages solve a system of `stages` times `dim` equations. A change of variables that makes
//! the inverse of the method's matrix block-diagonal splits it into one real and two complex systems of `dim` equations.

use nalgebra::{Complex, DVector, Dyn, LU};

use super::{Attempt, Bounds, Method, Point, factorised, finite, without_infinities};

/// The coefficients of a Radau IIA method with an odd number of stages. They follow from its nodes alone; a test derives
/// them again.
pub(crate) struct Table {
    /// Times of the stages within a step.
    nodes: &'static [f64],
    /// The real eigenvalue of the inverse of the method's matrix, and its complex ones above the axis, [real, imaginary].
    real: f64,
    complex: &'static [[f64; 2]],
    /// Eigenvectors in columns, [row, column]: the real one, then the real and the negative imaginary part of each complex
    /// one.
    to_stages: &'static [&'static [f64]],
    /// The inverse of `to_stages`.
    from_stages: &'static [&'static [f64]],
    /// Weights of the increments in the error estimate.
    error: &'static [f64],
    /// The collocation polynomial through 0 and the increments: for each increment, the factors of theta, theta^2, ...
    powers: &'static [&'static [f64]],
}

pub(crate) const TABLE: Table = Table {
    nodes: &[0.05710419611451768, 0.2768430136381238, 0.5835904323689168, 0.8602401356562195, 1.0],
    real: 6.2867047517292765,
    complex: &[[5.70095329867179, 3.2102656003085497], [3.655694325463572, 6.543736899360077]],
    to_stages: &[
        &[
            0.013576867344947943,
            -0.011478515255229515,
            -0.01401985889287541,
            -0.010242047817908826,
            0.04767387729029572,
        ],
        &[
            0.0016179004017190875,
            -0.007668830749180163,
            0.024708578426518527,
            0.05017286451737106,
            -0.09433181918161143,
        ],
        &[
            0.07915785334744721,
            0.01939846399882895,
            0.08180035370375117,
            -0.23053953404341795,
            0.1027030453801259,
        ],
        &[
            0.41225608268046143,
            0.40760117128019907,
            0.19968242788680252,
            0.37789390224886127,
            0.46674413033249434,
        ],
        &[1.0, 1.0, 0.0, 1.0, 0.0],
    ],
    from_stages: &[
        &[27.697693775684087, 12.783337911304406, 3.20848938671343, -0.9514904122489162, 0.7415504960259897],
        &[
            -33.041880213519,
            -17.376953479063566,
            -0.17212906325400557,
            -0.09916977798254265,
            0.5312281158383066,
        ],
        &[-8.611443979875292, 9.699991409528808, 1.9147286396968743, 2.41869200608494, -1.0474634879353375],
        &[5.344186437834912, 4.593615567759161, -3.0363603234594243, 1.050660190231459, -0.27277861186429625],
        &[
            3.748059807439805,
            -3.984965736343885,
            -1.0444156416080188,
            1.1840985681379486,
            -0.44991777015678036,
        ],
    ],
    error: &[-27.78093394406464, 3.641478498049213, -1.2525477211691187, 0.5920031671845428, -0.2],
    powers: &[
        &[27.78093394406464, -208.02785730090133, 524.1878839694918, -543.8283560361325, 199.88739542347736],
        &[-3.641478498049213, 77.88337605511782, -264.89491356822634, 317.67586907995275, -127.022853068795],
        &[
            1.2525477211691187,
            -29.167414317829696,
            137.90290440413477,
            -202.09087094360743,
            92.10283313613321,
        ],
        &[
            -0.5920031671845428,
            14.111895563613205,
            -72.39587480540027,
            123.04335789978718,
            -64.16737549081559,
        ],
        &[0.2, -4.8, 25.2, -44.8, 25.2],
    ],
};

const STAGES: usize = 5;
const PAIRS: usize = STAGES / 2;

/// The largest number of Newton iterations in a step.
const MAX_ITERATIONS: usize = 10;

/// The matrices of a step of length `h`.
struct Factors {
    h: f64,
    real: LU<f64, Dyn, Dyn>,
    complex: Vec<LU<Complex<f64>, Dyn, Dyn>>,
}

/// An accepted step, from which the next step extrapolates its first guess.
struct Last {
    h: f64,
    error: f64,
}

pub(crate) struct Radau {
    dim: usize,
    jacobian: Vec<f64>,
    /// Whether there is a Jacobian, and whether it was computed where the next step begins.
    known: bool,
    current: bool,
    factors: Option<Factors>,
    /// Increments of the stages, and the same in the variables of the blocks; [stage, component].
    z: Vec<f64>,
    w: Vec<f64>,
    /// The right-hand side at the stages.
    f: Vec<f64>,
    stage: Vec<f64>,
    next: Vec<f64>,
    /// Factors of theta, theta^2, ... [power, component], of the last step that was accepted.
    polynomial: Vec<f64>,
    real: DVector<f64>,
    complex: DVector<Complex<f64>>,
    last: Option<Last>,
    after_rejection: bool,
}

/// The outcome of the Newton iterations.
struct Iterations {
    count: usize,
    rate: f64,
}

impl Radau {
    /// Prepares the matrices for steps of length `h`; returns false if one is singular.
    fn factorise(&mut self, h: f64) -> bool {
        if self.factors.as_ref().is_some_and(|factors| factors.h == h) {
            return true;
        }
        let real = factorised(TABLE.real / h, &self.jacobian, self.dim);
        let complex = TABLE
            .complex
            .iter()
            .map(|&[re, im]| factorised(Complex::new(re / h, im / h), &self.jacobian, self.dim));
        self.factors =
            real.zip(complex.collect::<Option<Vec<_>>>()).map(|(real, complex)| Factors { h, real, complex });
        self.factors.is_some()
    }

    /// A first guess at the increments: the polynomial of the last step, extrapolated unless the new step is too long.
    fn guess(&mut self, h: f64) {
        let dim = self.dim;
        let ratio = self.last.as_ref().map_or(f64::INFINITY, |last| h / last.h);
        if ratio > 2.0 {
            self.z.fill(0.0);
            self.w.fill(0.0);
            return;
        }
        let value = |theta: f64, j: usize| {
            (0..STAGES).rev().fold(0.0, |sum, k| (sum + self.polynomial[k * dim + j]) * theta)
        };
        let mut z = vec![0.0; STAGES * dim];
        for j in 0..dim {
            let here = value(1.0, j);
            for i in 0..STAGES {
                z[i * dim + j] = value(1.0 + TABLE.nodes[i] * ratio, j) - here;
            }
        }
        self.z = z;
        for i in 0..STAGES {
            for j in 0..dim {
                self.w[i * dim + j] =
                    (0..STAGES).map(|k| TABLE.from_stages[i][k] * self.z[k * dim + j]).sum();
            }
        }
    }

    /// Solves for the increments; none if the iterations do not converge.
    fn iterate(&mut self, point: &Point, h: f64, bounds: &Bounds) -> Option<Iterations> {
        let Point { system, t, u, .. } = *point;
        let dim = self.dim;
        let factors = self.factors.as_ref()?;
        // The remaining error of the iterations adds up over the steps, unlike the error of the method, so it must be
        // small compared with the tolerance. Changes of the size of roundoff need not become smaller.
        let (goal, noise) = (1e-3, 4.0 * f64::EPSILON / bounds.tolerance.relative);
        let mut change = vec![0.0; STAGES * dim];
        // A component that has been zero so far is compared with its new size, which is known only after an iteration.
        let settled = if bounds.scales.contains(&0.0) { 4 } else { 2 };
        let (mut before, mut rate) = (None, 0.0);
        for count in 1..=MAX_ITERATIONS {
            for i in 0..STAGES {
                for j in 0..dim {
                    self.stage[j] = u[j] + self.z[i * dim + j];
                }
                let f = &mut self.f[i * dim..(i + 1) * dim];
                system.right_hand_side(t + TABLE.nodes[i] * h, &self.stage, f);
            }
            if !finite(&self.f) {
                return None;
            }
            let (f, w) = (&self.f, &self.w);
            let transformed = |row: usize, j: usize| -> f64 {
                (0..STAGES).map(|i| TABLE.from_stages[row][i] * f[i * dim + j]).sum()
            };
            for j in 0..dim {
                self.real[j] = transformed(0, j) - TABLE.real / h * w[j];
            }
            factors.real.solve_mut(&mut self.real);
            change[..dim].copy_from_slice(self.real.as_slice());
            for pair in 0..PAIRS {
                let (a, b) = (2 * pair + 1, 2 * pair + 2);
                let [re, im] = TABLE.complex[pair];
                let shift = Complex::new(re / h, im / h);
                for j in 0..dim {
                    self.complex[j] = Complex::new(transformed(a, j), transformed(b, j))
                        - shift * Complex::new(w[a * dim + j], w[b * dim + j]);
                }
                factors.complex[pair].solve_mut(&mut self.complex);
                for j in 0..dim {
                    (change[a * dim + j], change[b * dim + j]) = (self.complex[j].re, self.complex[j].im);
                }
            }
            for (w, change) in self.w.iter_mut().zip(&change) {
                *w += change;
            }
            for i in 0..STAGES {
                for j in 0..dim {
                    self.z[i * dim + j] =
                        (0..STAGES).map(|k| TABLE.to_stages[i][k] * self.w[k * dim + j]).sum();
                }
            }
            for j in 0..dim {
                self.next[j] = u[j] + self.z[(STAGES - 1) * dim + j];
            }
            let squares = change.chunks_exact(dim).map(|change| bounds.norm(change, u, &self.next).powi(2));
            let size = (squares.sum::<f64>() / STAGES as f64).sqrt();
            if !size.is_finite() {
                return None;
            }
            if size == 0.0 {
                return Some(Iterations { count, rate });
            }
            if let Some(before) = before {
                rate = size / before;
                if size <= noise && rate > 0.1 {
                    return Some(Iterations { count, rate: 0.0 });
                }
                let left = (MAX_ITERATIONS - count) as i32;
                if count >= settled && (rate >= 1.0 || rate.powi(left) / (1.0 - rate) * size > goal) {
                    return None;
                }
                if rate < 1.0 && rate / (1.0 - rate) * size < goal {
                    return Some(Iterations { count, rate });
                }
            }
            before = Some(size);
        }
        None
    }

    /// The error divided by the tolerated error. It is filtered by the matrix of the step so that fast components do not
    /// count in full (IV.8, equation 8.19). If the step would be rejected, and is the first one or follows a rejection,
    /// the error is filtered again (8.20).
    fn error(&mut self, point: &Point, h: f64, bounds: &Bounds) -> f64 {
        let Point { system, t, u, f } = *point;
        let dim = self.dim;
        let Some(factors) = &self.factors else { return f64::NAN };
        let weighted: Vec<f64> = (0..dim)
            .map(|j| (0..STAGES).map(|i| TABLE.error[i] * self.z[i * dim + j]).sum::<f64>() / h)
            .collect();
        for j in 0..dim {
            self.real[j] = f[j] + weighted[j];
        }
        factors.real.solve_mut(&mut self.real);
        let error = bounds.norm(self.real.as_slice(), u, &self.next);
        if error <= 1.0 || !(self.after_rejection || self.last.is_none()) {
            return error;
        }
        for j in 0..dim {
            self.stage[j] = u[j] + self.real[j];
        }
        system.right_hand_side(t, &self.stage, &mut self.f[..dim]);
        for j in 0..dim {
            self.real[j] = self.f[j] + weighted[j];
        }
        factors.real.solve_mut(&mut self.real);
        bounds.norm(self.real.as_slice(), u, &self.next)
    }

    /// The factor for the length of the next step, from the errors of this step and the last (Gustafsson 1992; IV.8,
    /// equation 8.25).
    fn change(&self, h: f64, error: f64) -> f64 {
        let power = 1.0 / (STAGES + 1) as f64;
        let trend = match &self.last {
            Some(last) if last.error > 0.0 && error > 0.0 => h / last.h * (last.error / error).powf(power),
            _ => 1.0,
        };
        trend.min(1.0) * error.powf(-power)
    }
}

impl Method for Radau {
    const ERROR_ORDER: i32 = STAGES as i32 + 1;

    fn new(dim: usize) -> Self {
        Radau {
            dim,
            jacobian: vec![0.0; dim * dim],
            known: false,
            current: false,
            factors: None,
            z: vec![0.0; STAGES * dim],
            w: vec![0.0; STAGES * dim],
            f: vec![0.0; STAGES * dim],
            stage: vec![0.0; dim],
            next: vec![0.0; dim],
            polynomial: vec![0.0; STAGES * dim],
            real: DVector::zeros(dim),
            complex: DVector::from_element(dim, Complex::new(0.0, 0.0)),
            last: None,
            after_rejection: false,
        }
    }

    fn step(&mut self, point: &Point, h: f64, bounds: &Bounds) -> Attempt {
        let Point { system, t, u, .. } = *point;
        let iterations = loop {
            if !self.known {
                system.jacobian(t, u, &mut self.jacobian);
                (self.known, self.current, self.factors) = (true, true, None);
                without_infinities(&mut self.jacobian);
            }
            if self.factorise(h) {
                self.guess(h);
                if let Some(iterations) = self.iterate(point, h, bounds) {
                    break iterations;
                }
            }
            if self.current {
                self.after_rejection = true;
                return Attempt::Rejected { next_h: 0.5 * h };
            }
            self.known = false;
        };
        let error = self.error(point, h, bounds);
        let safety = 0.9 * (2 * MAX_ITERATIONS + 1) as f64 / (2 * MAX_ITERATIONS + iterations.count) as f64;
        let change = safety * self.change(h, error);
        if error <= 1.0 {
            let dim = self.dim;
            for k in 0..STAGES {
                for j in 0..dim {
                    self.polynomial[k * dim + j] =
                        (0..STAGES).map(|i| TABLE.powers[i][k] * self.z[i * dim + j]).sum();
                }
            }
            let slow = iterations.count > 2 && iterations.rate > 1e-3;
            // a step that would grow only little keeps its length, and so its matrices
            let keep = !slow && (0.9..1.2).contains(&change);
            let most = if self.after_rejection { 1.0 } else { 8.0 };
            let change = if keep { 1.0 } else { change.clamp(0.2, most) };
            self.last = Some(Last { h, error: error.max(1e-10) });
            (self.known, self.current, self.after_rejection) = (!slow, false, false);
            Attempt::Accepted { next_h: h * change }
        } else {
            self.after_rejection = true;
            // a NaN gives the smallest factor
            let change = if change > 0.1 { change.min(0.9) } else { 0.1 };
            Attempt::Rejected { next_h: h * change }
        }
    }

    fn finite(&self) -> bool {
        finite(&self.f) && finite(&self.next)
    }

    fn next(&self) -> &[f64] {
        &self.next
    }

    fn at(&self, theta: f64, j: usize, u: &[f64]) -> f64 {
        let polynomial = |sum: f64, k: usize| (sum + self.polynomial[k * self.dim + j]) * theta;
        u[j] + (0..STAGES).rev().fold(0.0, polynomial)
    }

    fn jacobian(&self) -> &[f64] {
        &self.jacobian
    }

    fn undo(&mut self) {
        (self.known, self.after_rejection, self.last) = (false, true, None);
    }
}

#[cfg(test)]
mod tests {
    use nalgebra::{DMatrix, DVector};

    use super::*;

    fn matrix(rows: &[&[f64]]) -> DMatrix<f64> {
        DMatrix::from_fn(rows.len(), rows.len(), |i, j| rows[i][j])
    }

    /// The largest difference between the entries of two matrices, divided by the largest entry.
    fn apart(a: &DMatrix<f64>, b: &DMatrix<f64>) -> f64 {
        (a - b).abs().max() / b.abs().max()
    }

    #[test]
    fn the_table_follows_from_the_nodes() {
        // The nodes are the zeros of the derivative of order 4 of x^4 (x - 1)^5.
        let mut polynomial = vec![0.0; 10];
        for (k, binomial) in [-1.0, 5.0, -10.0, 10.0, -5.0, 1.0].into_iter().enumerate() {
            polynomial[4 + k] = binomial;
        }
        for _ in 0..4 {
            polynomial = (1..polynomial.len()).map(|k| k as f64 * polynomial[k]).collect();
        }
        for node in TABLE.nodes {
            let value = polynomial.iter().rev().fold(0.0, |sum, a| sum * node + a);
            let slope = (1..polynomial.len()).rev().fold(0.0, |sum, k| sum * node + k as f64 * polynomial[k]);
            assert!((value / slope).abs() < 1e-14, "{node}");
        }
        // Its matrix integrates powers of the time exactly.
        let powers = DMatrix::from_fn(STAGES, STAGES, |i, k| TABLE.nodes[i].powi(k as i32));
        let integrals =
            DMatrix::from_fn(STAGES, STAGES, |i, k| TABLE.nodes[i].powi(k as i32 + 1) / (k + 1) as f64);
        let a = integrals * powers.clone().try_inverse().unwrap();
        let inverse = a.clone().try_inverse().unwrap();

        let (to, from) = (matrix(TABLE.to_stages), matrix(TABLE.from_stages));
        assert!(apart(&(&to * &from), &DMatrix::identity(STAGES, STAGES)) < 1e-13);
        let mut blocks = DMatrix::zeros(STAGES, STAGES);
        blocks[(0, 0)] = TABLE.real;
        for (pair, [re, im]) in TABLE.complex.iter().enumerate() {
            let at = 2 * pair + 1;
            (blocks[(at, at)], blocks[(at + 1, at + 1)]) = (*re, *re);
            (blocks[(at, at + 1)], blocks[(at + 1, at)]) = (-im, *im);
        }
        assert!(apart(&(from * &inverse * to), &blocks) < 1e-11);

        // The second formula, with the weight 1 / real at the start of the step, is exact up to order 5.
        let weights = a.row(STAGES - 1).transpose();
        let second = a.transpose() * DVector::from_column_slice(TABLE.error) / TABLE.real + weights;
        for k in 0..STAGES {
            let at_start = if k == 0 { 1.0 / TABLE.real } else { 0.0 };
            let sum: f64 = (0..STAGES).map(|i| second[i] * TABLE.nodes[i].powi(k as i32)).sum();
            assert!((sum + at_start - 1.0 / (k + 1) as f64).abs() < 1e-13, "{k}");
        }
        // The polynomial of an increment is 1 at its node and 0 at the others.
        for (i, factors) in TABLE.powers.iter().enumerate() {
            for (k, node) in TABLE.nodes.iter().enumerate() {
                let value = factors.iter().rev().fold(0.0, |sum, a| (sum + a) * node);
                assert!((value - f64::from(u8::from(i == k))).abs() < 1e-11, "{i} {k}: {value}");
            }
        }
    }
}
