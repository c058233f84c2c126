//! Rodas5P, Steinebach's Rosenbrock method of order 5, with 8 stages. It is stiffly accurate, with an error estimate and
//! an interpolation of order 4 (Steinebach 2023, "Construction of Rosenbrock-Wanner method Rodas5P and numerical
//! benchmarks within the Julia Differential Equations package", BIT Numerical Mathematics 63, 27). Each stage solves a
//! linear system; all stages of a step share one matrix, and nothing is iterated.

use nalgebra::{DVector, Dyn, LU};

use super::{Attempt, Bounds, Method, Point, factorised, finite, without_infinities};

const STAGES: usize = 8;
const GAMMA: f64 = 0.21193756319429014;
/// For each stage, the weights of the previous stages in its argument. The argument of each of the last two stages is
/// the previous argument plus the previous stage.
const ARGUMENT: [&[f64]; 6] = [
    &[],
    &[3.0],
    &[2.849394379747939, 0.45842242204463923],
    &[-6.954028509809101, 2.489845061869568, -10.358996098473584],
    &[2.8029986275628964, 0.5072464736228206, -0.3988312541770524, -0.04721187230404641],
    &[-7.502846399306121, 2.561846144803919, -11.627539656261098, -0.18268767659942256, 0.030198172008377946],
];
/// For each stage, the weights of the previous stages, divided by the step, on the right of its linear system.
const COUPLING: [&[f64]; STAGES] = [
    &[],
    &[-14.155112264123755],
    &[-17.97296035885952, -2.859693295451294],
    &[147.12150275711716, -1.41221402718213, 71.68940251302358],
    &[165.43517024871676, -0.4592823456491126, 42.90938336958603, -5.961986721573306],
    &[24.854864614690072, -3.0009227002832186, 47.4931110020768, 5.5814197821558125, -0.6610691825249471],
    &[
        30.91273214028599,
        -3.1208243349937974,
        77.79954646070892,
        34.28646028294783,
        -19.097331116725623,
        -28.087943162872662,
    ],
    &[
        37.80277123390563,
        -3.2571969029072276,
        112.26918849496327,
        66.9347231244047,
        -40.06618937091002,
        -54.66780262877968,
        -9.48861652309627,
    ],
];
/// Times of the stages within the step.
const NODES: [f64; STAGES] =
    [0.0, 0.6358126895828704, 0.4095798393397535, 0.9769306725060716, 0.4288403609558664, 1.0, 1.0, 1.0];
/// Weights of the derivative of the right-hand side by the time.
const BY_TIME: [f64; STAGES] = [
    0.21193756319429014,
    -0.42387512638858027,
    -0.3384627126235924,
    1.8046452872882734,
    2.325825639765069,
    0.0,
    0.0,
    0.0,
];
/// Weights of the stages in the coefficients of the interpolation.
const INTERPOLATION: [[f64; STAGES]; 3] = [
    [
        25.948786856663858,
        -2.5579724845846235,
        10.433815404888879,
        -2.3679251022685204,
        0.524948541321073,
        1.1241088310450404,
        0.4272876194431874,
        -0.17202221070155493,
    ],
    [
        -9.91568850695171,
        -0.9689944594115154,
        3.0438037242978453,
        -24.495224566215796,
        20.176138334709044,
        15.98066361424651,
        -6.789040303419874,
        -6.710236069923372,
    ],
    [
        11.419903575922262,
        2.8879645146136994,
        72.92137995996029,
        80.12511834622643,
        -52.072871366152654,
        -59.78993625266729,
        -0.15582684282751913,
        4.883087185713722,
    ],
];

pub(crate) struct Rodas5p {
    jacobian: Vec<f64>,
    by_time: Vec<f64>,
    /// Whether both were computed where the next step begins.
    current: bool,
    /// The matrix of the step of length `h`.
    factors: Option<LU<f64, Dyn, Dyn>>,
    h: f64,
    k: Vec<DVector<f64>>,
    argument: Vec<f64>,
    f: Vec<f64>,
    after_rejection: bool,
}

impl Method for Rodas5p {
    const ERROR_ORDER: i32 = 5;

    fn new(dim: usize) -> Self {
        Rodas5p {
            jacobian: vec![0.0; dim * dim],
            by_time: vec![0.0; dim],
            current: false,
            factors: None,
            h: 0.0,
            k: vec![DVector::zeros(dim); STAGES],
            argument: vec![0.0; dim],
            f: vec![0.0; dim],
            after_rejection: false,
        }
    }

    fn step(&mut self, point: &Point, h: f64, bounds: &Bounds) -> Attempt {
        let Point { system, t, u, f } = *point;
        let dim = u.len();
        if !self.current {
            system.jacobian(t, u, &mut self.jacobian);
            system.time_derivative(t, u, &mut self.by_time);
            self.current = true;
            self.factors = None;
            without_infinities(&mut self.jacobian);
            without_infinities(&mut self.by_time);
        }
        if self.factors.is_none() || self.h != h {
            self.h = h;
            self.factors = factorised(1.0 / (GAMMA * h), &self.jacobian, dim);
        }
        let Some(factors) = &self.factors else {
            self.after_rejection = true;
            return Attempt::Rejected { next_h: 0.5 * h };
        };
        for stage in 0..STAGES {
            let (before, rest) = self.k.split_at_mut(stage);
            let k = &mut rest[0];
            if stage == 0 {
                self.f.copy_from_slice(f);
            } else {
                for j in 0..dim {
                    self.argument[j] = if stage < ARGUMENT.len() {
                        u[j] + ARGUMENT[stage].iter().zip(&*before).map(|(a, k)| a * k[j]).sum::<f64>()
                    } else {
                        self.argument[j] + before[stage - 1][j]
                    };
                }
                system.right_hand_side(t + NODES[stage] * h, &self.argument, &mut self.f);
            }
            for j in 0..dim {
                let coupling: f64 = COUPLING[stage].iter().zip(&*before).map(|(c, k)| c * k[j]).sum();
                k[j] = self.f[j] + coupling / h + h * BY_TIME[stage] * self.by_time[j];
            }
            factors.solve_mut(k);
        }
        let error = &self.k[STAGES - 1];
        for j in 0..dim {
            self.argument[j] += error[j];
        }
        let error = bounds.norm(error.as_slice(), u, &self.argument);
        // infinite if there is no error; a NaN gives the smallest factor
        let change = (0.9 / error.powf(0.2)).max(0.2);
        if error <= 1.0 {
            let most = if self.after_rejection { 1.0 } else { 6.0 };
            (self.after_rejection, self.current) = (false, false);
            Attempt::Accepted { next_h: h * change.min(most) }
        } else {
            self.after_rejection = true;
            Attempt::Rejected { next_h: h * change.min(0.9) }
        }
    }

    fn finite(&self) -> bool {
        finite(&self.argument)
    }

    fn next(&self) -> &[f64] {
        &self.argument
    }

    fn at(&self, theta: f64, j: usize, u: &[f64]) -> f64 {
        let c = INTERPOLATION.map(|weights| weights.iter().zip(&self.k).map(|(w, k)| w * k[j]).sum::<f64>());
        let rest = 1.0 - theta;
        rest * u[j] + theta * (self.argument[j] + rest * (c[0] + theta * (c[1] + theta * c[2])))
    }

    fn jacobian(&self) -> &[f64] {
        &self.jacobian
    }

    fn undo(&mut self) {
        (self.current, self.after_rejection) = (true, true);
    }
}
