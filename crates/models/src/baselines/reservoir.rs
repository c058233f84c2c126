//! An echo state network (Jaeger 2001, GMD report 148), used to forecast chaotic systems as by Pathak, Hunt, Girvan, Lu
//! and Ott (2018, Physical Review Letters 120, 024102).
//!
//! The scaled sample x with its known inputs drives the state r of the reservoir:
//! r <- (1 - leak) r + leak tanh(W r + V x + b), with leak = 1 in that paper. Each row of W has `connections` entries at
//! random places. They are uniform, and scaled so that the spectral radius of W is `spectral_radius`. V is uniform between
//! plus and minus `input_scale`, and b between plus and minus `bias`.
//!
//! Only the readout is fitted. It is a linear map from the constant 1, x and r, with every second unit squared
//! (Pathak, Lu, Hunt, Girvan and Ott 2017, Chaos 27, 121102: P1 r + P2 r^2), to the scaled increment after x. In those
//! papers it is a map to the next state. The increment is smaller by dt, so a given relative error of the readout adds less
//! to the forecast in each step.
//!
//! A forecast begins from r = 0. First `warm_up` samples drive the reservoir, then its own states do. The training
//! trajectories are driven from r = 0 as well, and fitted after `warm_up` samples, so that the readout is fitted to states
//! like those that it will see.
//!
//! The readout is that of ridge regression, as in those papers, but it is computed by orthogonal factorisations. In the
//! normal equations, rounding would hide a `ridge` below 1e-9; that costs 8 Lyapunov times of valid forecast on samples
//! without noise.
//!
//! Good values: the defaults are good for noise-free samples of the whole state, such as those of the Lorenz system in
//! steps of 0.01. They give little memory (a small `spectral_radius`, for which a short `warm_up` is enough), and a `ridge`
//! as small as rounding. Noise needs a larger `ridge`. If some components are not observed, take a `spectral_radius`
//! nearer to 1 and a longer `warm_up`.

use dataset::Normalisation;
use forecast::{Forecast, Forecaster, Tangent};
use nalgebra::DMatrix;
use rayon::prelude::*;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use trajectory::{
    Trajectories,
    random::{Stream, below, stream, uniform},
};

use super::fitted::{FittedConfig, check_finite, check_history, check_range, values};
use super::ridge::Ridge;
use super::tall_skinny::{Rows, merge, solve_regular, with_ridge};
use crate::recent::Recent;
use crate::tensors::{TensorError, Tensors, Values};

/// Settings of an echo state network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ReservoirConfig {
    /// Number of units. The time of a fit grows with its square.
    #[schemars(range(min = 1, max = 2000))]
    pub size: usize,
    /// Spectral radius of the matrix between units: the largest absolute value of its eigenvalues.
    #[schemars(range(min = 0, max = 10))]
    pub spectral_radius: f64,
    /// Number of units that feed each unit; at most `size`.
    #[schemars(range(min = 1))]
    pub connections: usize,
    /// Bound on the weights of the inputs: they are uniform between minus and plus this number.
    #[schemars(range(min = 1e-6, max = 1e3))]
    pub input_scale: f64,
    /// Leak rate: the fraction of the state of each unit that is replaced at each step.
    #[schemars(range(min = 1e-6, max = 1), extend("examples" = [0.5]))]
    pub leak: f64,
    /// Bound on the constants in the units: they are uniform between minus and plus this number.
    #[schemars(range(min = 0, max = 1e3))]
    pub bias: f64,
    /// Ridge parameter: the weight of the sum of the squared readout weights, which is added to the sum of the squared
    /// errors of the scaled increments. Noisy samples need a larger one.
    #[schemars(schema_with = "above_rounding", extend("examples" = [1e-6]))]
    pub ridge: Ridge,
    /// Number of samples that drive the reservoir from the state 0 before a fit, or a forecast, begins.
    #[schemars(range(min = 1, max = 10_000))]
    pub warm_up: usize,
}

/// The schema of a ridge that makes the states of the units independent.
fn above_rounding(_generator: &mut SchemaGenerator) -> Schema {
    Ridge::schema_from(1e-24)
}

impl Default for ReservoirConfig {
    fn default() -> Self {
        ReservoirConfig {
            size: 300,
            spectral_radius: 0.2,
            connections: 6,
            input_scale: 0.1,
            leak: 1.0,
            bias: 1.0,
            ridge: Ridge::Fixed(1e-18),
            warm_up: 20,
        }
    }
}

impl FittedConfig for ReservoirConfig {
    const NAME: &'static str = "reservoir";
    const ABOUT: &'static str = "echo state network: random units, a fitted readout";

    fn check(&self) -> Result<(), String> {
        check_range("size", self.size, 1..=2000)?;
        check_range("spectral_radius", self.spectral_radius, 0.0..=10.0)?;
        check_range("connections", self.connections, 1..=self.size)?;
        check_range("input_scale", self.input_scale, 1e-6..=1e3)?;
        check_range("leak", self.leak, 1e-6..=1.0)?;
        check_range("bias", self.bias, 0.0..=1e3)?;
        self.ridge.check(1e-24..=1e6)?;
        check_range("warm_up", self.warm_up, 1..=10_000)
    }

    fn window(&self) -> usize {
        self.warm_up
    }

    fn fit(
        &self,
        runs: &Trajectories,
        train: &[usize],
        normalisation: &Normalisation,
        seed: u64,
    ) -> Result<Tensors, String> {
        self.check()?;
        check_history(runs, train, &format!("warm_up = {}", self.warm_up), self.warm_up)?;
        let reservoir = Reservoir::draw(self, normalisation.features(), seed)?;
        let (columns, dim) = (reservoir.columns(), normalisation.dim());
        let triangle = driven(&reservoir, runs, train, normalisation, self.warm_up);
        let readout = solve_regular(&with_ridge(triangle, columns, self.ridge.value()?), columns);
        check_finite(readout.as_slice())?;
        let mut tensors = reservoir.tensors();
        tensors.insert("readout", vec![dim, columns], Values::F64(readout.as_slice().to_vec()));
        Ok(tensors)
    }

    fn forecaster(
        &self,
        fitted: &Tensors,
        normalisation: Normalisation,
    ) -> Result<Box<dyn Forecaster>, TensorError> {
        self.check().map_err(TensorError)?;
        let reservoir = Reservoir::of_tensors(self, normalisation.features(), fitted)?;
        let readout = values(fitted, "readout", &[normalisation.dim(), reservoir.columns()])?.to_vec();
        Ok(Box::new(EchoState { reservoir, readout, warm_up: self.warm_up, normalisation }))
    }
}

/// States that are driven side by side, so that one vector instruction does for several of them.
const LANES: usize = 8;
type Lanes = [f64; LANES];

/// The recurrent network, which is drawn and never fitted.
struct Reservoir {
    units: usize,
    features: usize,
    connections: usize,
    leak: f64,
    /// [unit, connection]: the unit that is heard.
    from: Vec<usize>,
    /// [unit, connection]
    recurrent: Vec<f64>,
    /// [unit, feature]
    input: Vec<f64>,
    /// `[unit]`
    bias: Vec<f64>,
}

impl Reservoir {
    fn draw(config: &ReservoirConfig, features: usize, seed: u64) -> Result<Self, String> {
        let ReservoirConfig { size, connections, spectral_radius, input_scale, leak, bias, .. } = *config;
        let draws = |index| stream(seed, "reservoir", index);
        let symmetric = |scale: f64, draws: &mut Stream| scale * (2.0 * uniform(draws) - 1.0);
        let mut recurrent = draws(0);
        let from = (0..size).flat_map(|_| distinct(&mut recurrent, connections, size)).collect();
        let recurrent = (0..size * connections).map(|_| symmetric(1.0, &mut recurrent)).collect();
        let (mut inputs, mut biases) = (draws(1), draws(2));
        let input = (0..size * features).map(|_| symmetric(input_scale, &mut inputs)).collect();
        let bias = (0..size).map(|_| symmetric(bias, &mut biases)).collect();
        let mut reservoir =
            Reservoir { units: size, features, connections, leak, from, recurrent, input, bias };
        let radius = reservoir.spectral_radius();
        if !radius.is_normal() {
            return Err(format!(
                "size = {size} with connections = {connections} drew a matrix without eigenvalues but 0 from this \
                 seed: take more of either"
            ));
        }
        reservoir.recurrent.iter_mut().for_each(|weight| *weight *= spectral_radius / radius);
        Ok(reservoir)
    }

    /// The largest modulus of an eigenvalue, by the growth of a vector under many products (Gelfand's formula): the
    /// logarithm of what eigenvectors that are not orthogonal, or eigenvalues that come in pairs, put before the power
    /// is divided by the number of products.
    fn spectral_radius(&self) -> f64 {
        const SETTLING: usize = 1000;
        const PRODUCTS: usize = 4000;
        let mut vector: Vec<f64> = (0..self.units).map(|i| 1.0 + (i % 7) as f64).collect();
        let mut growth = 0.0;
        for product in 0..SETTLING + PRODUCTS {
            let rows =
                self.from.chunks_exact(self.connections).zip(self.recurrent.chunks_exact(self.connections));
            let next: Vec<f64> = rows
                .map(|(from, weights)| from.iter().zip(weights).map(|(&j, w)| w * vector[j]).sum())
                .collect();
            let norm = next.iter().map(|x: &f64| x * x).sum::<f64>().sqrt();
            if !norm.is_normal() {
                return 0.0;
            }
            if product >= SETTLING {
                growth += norm.ln();
            }
            vector = next.into_iter().map(|x| x / norm).collect();
        }
        (growth / PRODUCTS as f64).exp()
    }

    /// Drives `states` [unit] by `inputs` [feature]; `next` is room for as many states.
    fn drive(&self, inputs: &[Lanes], states: &mut Vec<Lanes>, next: &mut Vec<Lanes>) {
        let rows =
            self.from.chunks_exact(self.connections).zip(self.recurrent.chunks_exact(self.connections));
        let units = rows.zip(self.input.chunks_exact(self.features)).zip(&self.bias);
        let all = next.iter_mut().zip(states.iter()).zip(units);
        for ((next, state), (((from, recurrent), input), bias)) in all {
            let mut sum = [*bias; LANES];
            for (w, x) in input.iter().zip(inputs) {
                add_product(&mut sum, *w, x);
            }
            for (w, &j) in recurrent.iter().zip(from) {
                add_product(&mut sum, *w, &states[j]);
            }
            for lane in 0..LANES {
                next[lane] = (1.0 - self.leak) * state[lane] + self.leak * sum[lane].tanh();
            }
        }
        std::mem::swap(states, next);
    }

    /// Number of features of the readout.
    fn columns(&self) -> usize {
        1 + self.features + self.units
    }

    /// Shows the features of the readout, after `inputs` [feature], in their order.
    fn features<'a>(&self, inputs: &'a [Lanes], states: &'a [Lanes]) -> impl Iterator<Item = Lanes> + 'a {
        let units = states.iter().enumerate().map(|(i, r)| if i % 2 == 0 { *r } else { r.map(|r| r * r) });
        [[1.0; LANES]].into_iter().chain(inputs.iter().copied()).chain(units)
    }

    fn tensors(&self) -> Tensors {
        let Reservoir { units, features, connections, .. } = *self;
        let mut tensors = Tensors::default();
        let from = self.from.iter().map(|&j| j as f64).collect();
        tensors.insert("from", vec![units, connections], Values::F64(from));
        tensors.insert("recurrent", vec![units, connections], Values::F64(self.recurrent.clone()));
        tensors.insert("input", vec![units, features], Values::F64(self.input.clone()));
        tensors.insert("bias", vec![units], Values::F64(self.bias.clone()));
        tensors
    }

    fn of_tensors(config: &ReservoirConfig, features: usize, tensors: &Tensors) -> Result<Self, TensorError> {
        let ReservoirConfig { size: units, connections, leak, .. } = *config;
        let unit = |&j: &f64| {
            if j >= 0.0 && j < units as f64 && j.fract() == 0.0 {
                Ok(j as usize)
            } else {
                Err(TensorError(format!(
                    "tensor from holds {j}, which is none of the numbers of {units} units"
                )))
            }
        };
        let from =
            values(tensors, "from", &[units, connections])?.iter().map(unit).collect::<Result<_, _>>()?;
        let recurrent = values(tensors, "recurrent", &[units, connections])?.to_vec();
        let input = values(tensors, "input", &[units, features])?.to_vec();
        let bias = values(tensors, "bias", &[units])?.to_vec();
        Ok(Reservoir { units, features, connections, leak, from, recurrent, input, bias })
    }
}

fn add_product(sum: &mut Lanes, weight: f64, x: &Lanes) {
    for (sum, x) in sum.iter_mut().zip(x) {
        *sum += weight * x;
    }
}

/// `count` different numbers below `n`, at random (Floyd's algorithm).
fn distinct(draws: &mut Stream, count: usize, n: usize) -> Vec<usize> {
    let mut drawn = Vec::with_capacity(count);
    for last in n - count..n {
        let number = below(draws, last + 1);
        drawn.push(if drawn.contains(&number) { last } else { number });
    }
    drawn
}

/// The triangle of [A B], over the steps of the training trajectories after their `warm_up`.
fn driven(
    reservoir: &Reservoir,
    runs: &Trajectories,
    train: &[usize],
    normalisation: &Normalisation,
    warm_up: usize,
) -> DMatrix<f64> {
    // The number of parts does not depend on that of the threads; each needs a few matrices.
    const PARTS: usize = 8;
    let groups: Vec<&[usize]> = train.chunks(LANES).collect();
    let parts = groups
        .par_chunks(groups.len().div_ceil(PARTS).max(1))
        .map(|groups| {
            let mut rows = Rows::new(reservoir.columns() + normalisation.dim());
            groups
                .iter()
                .for_each(|group| drive_group(reservoir, runs, group, normalisation, warm_up, &mut rows));
            rows.triangle()
        })
        .collect();
    merge(parts)
}

/// Drives up to [`LANES`] trajectories side by side, and adds what the readout is fitted to.
fn drive_group(
    reservoir: &Reservoir,
    runs: &Trajectories,
    group: &[usize],
    normalisation: &Normalisation,
    warm_up: usize,
    rows: &mut Rows,
) {
    let columns = reservoir.columns();
    let mut inputs = vec![[0.0; LANES]; reservoir.features];
    let mut states = vec![[0.0; LANES]; reservoir.units];
    let mut room = states.clone();
    let longest = group.iter().map(|&run| runs.samples(run)).max().unwrap_or(1);
    // Lanes, and the trajectories in them that have not ended. A lane whose trajectory has ended continues with its
    // last inputs, and its results are ignored.
    let mut going: Vec<(usize, usize)> = group.iter().copied().enumerate().collect();
    for i in 0..longest - 1 {
        going.retain(|&(_, run)| i + 1 < runs.samples(run));
        for &(lane, run) in &going {
            let sample = normalisation.scale(runs.state(run, i), runs.known_at(run, i));
            inputs.iter_mut().zip(sample).for_each(|(slot, x)| slot[lane] = x);
        }
        reservoir.drive(&inputs, &mut states, &mut room);
        if i + 1 < warm_up {
            continue;
        }
        let rows = rows.add(going.len());
        for (j, feature) in reservoir.features(&inputs, &states).enumerate() {
            for (row, &(lane, _)) in going.iter().enumerate() {
                rows[row * (columns + normalisation.dim()) + j] = feature[lane];
            }
        }
        for (row, &(_, run)) in rows.chunks_exact_mut(columns + normalisation.dim()).zip(&going) {
            let (now, next) = (runs.state(run, i), runs.state(run, i + 1));
            for j in 0..normalisation.dim() {
                row[columns + j] = normalisation.scale_increment(j, now[j], next[j]);
            }
        }
    }
}

/// A reservoir with its readout.
struct EchoState {
    reservoir: Reservoir,
    /// [component, feature of the readout]
    readout: Vec<f64>,
    warm_up: usize,
    normalisation: Normalisation,
}

impl Forecaster for EchoState {
    fn window(&self) -> usize {
        self.warm_up
    }

    fn dim(&self) -> usize {
        self.normalisation.dim()
    }

    fn known_dim(&self) -> usize {
        self.normalisation.features() - self.dim()
    }

    fn begin<'a>(&'a self, histories: &[f64], known: &[f64]) -> Box<dyn Forecast + 'a> {
        Box::new(self.run(histories, known))
    }

    fn begin_tangent<'a>(&'a self, histories: &[f64], known: &[f64]) -> Option<Box<dyn Tangent + 'a>> {
        Some(Box::new(EchoTangent(self.run(histories, known))))
    }
}

impl EchoState {
    /// Forecasts from the states to which some histories drive the reservoir.
    fn run(&self, histories: &[f64], known: &[f64]) -> Running<'_> {
        let (dim, features, window) = (self.dim(), self.normalisation.features(), self.warm_up);
        let newest: Vec<f64> =
            histories.chunks_exact(window * dim).flat_map(|all| &all[all.len() - dim..]).copied().collect();
        let history = Recent::new(&self.normalisation, window, histories, known);
        let groups = history
            .samples()
            .par_chunks(LANES * window * features)
            .map(|windows| {
                let mut group = Group::new(&self.reservoir);
                for i in 0..window - 1 {
                    let samples = windows.chunks_exact(window * features).map(|all| &all[i * features..]);
                    group.drive(&self.reservoir, samples);
                }
                group
            })
            .collect();
        Running { model: self, recent: Recent::new(&self.normalisation, 1, &newest, &[]), groups }
    }
}

/// The states of up to [`LANES`] forecasts.
struct Group {
    inputs: Vec<Lanes>,
    states: Vec<Lanes>,
    room: Vec<Lanes>,
}

impl Group {
    fn new(reservoir: &Reservoir) -> Self {
        let states = vec![[0.0; LANES]; reservoir.units];
        Group { inputs: vec![[0.0; LANES]; reservoir.features], room: states.clone(), states }
    }

    /// Drives each of them by the scaled inputs that its sample begins with.
    fn drive<'a>(&mut self, reservoir: &Reservoir, samples: impl Iterator<Item = &'a [f64]>) {
        for (lane, sample) in samples.enumerate() {
            self.inputs.iter_mut().zip(sample).for_each(|(slot, x)| slot[lane] = *x);
        }
        reservoir.drive(&self.inputs, &mut self.states, &mut self.room);
    }

    /// Writes their increments [forecast, component].
    fn read(&self, model: &EchoState, increments: &mut [f64]) {
        let (columns, dim) = (model.reservoir.columns(), model.dim());
        let mut sums = vec![[0.0; LANES]; dim];
        for (j, feature) in model.reservoir.features(&self.inputs, &self.states).enumerate() {
            for (component, sum) in sums.iter_mut().enumerate() {
                add_product(sum, model.readout[component * columns + j], &feature);
            }
        }
        for (lane, increments) in increments.chunks_exact_mut(dim).enumerate() {
            increments.iter_mut().zip(&sums).for_each(|(increment, sum)| *increment = sum[lane]);
        }
    }
}

struct Running<'a> {
    model: &'a EchoState,
    recent: Recent<'a>,
    groups: Vec<Group>,
}

impl Forecast for Running<'_> {
    fn advance(&mut self, known: &[f64], next: &mut [f64]) {
        let (dim, features) = (self.model.dim(), self.model.normalisation.features());
        let mut increments = vec![0.0; next.len()];
        let samples = self.recent.complete(known).par_chunks(LANES * features);
        let each = self.groups.par_iter_mut().zip(samples).zip(increments.par_chunks_mut(LANES * dim));
        each.for_each(|((group, samples), increments)| {
            group.drive(&self.model.reservoir, samples.chunks_exact(features));
            group.read(self.model, increments);
        });
        self.recent.add(&increments, next);
    }
}

/// Forecasts with their derivatives. What is carried is the scaled state, and that of the reservoir before it hears it.
struct EchoTangent<'a>(Running<'a>);

impl Tangent for EchoTangent<'_> {
    fn memory(&self) -> usize {
        self.0.model.dim() + self.0.model.reservoir.units
    }

    fn advance(&mut self, known: &[f64], next: &mut [f64], vectors: &mut [f64]) {
        self.0.advance(known, next);
        let Running { model, groups, .. } = &self.0;
        let (memory, of_start) = (self.memory(), vectors.len() / (next.len() / model.dim()));
        vectors.par_chunks_mut(of_start).enumerate().for_each(|(start, vectors)| {
            let slopes = Slopes::new(model, &groups[start / LANES], start % LANES);
            let mut room = vec![0.0; memory];
            vectors.chunks_exact_mut(memory).for_each(|vector| slopes.apply(vector, &mut room));
        });
    }
}

/// The derivatives of the step that a forecast has just taken.
struct Slopes<'a> {
    model: &'a EchoState,
    /// Of the units, by what they hear.
    units: Vec<f64>,
    /// Of the features of the readout, by the units.
    features: Vec<f64>,
}

impl<'a> Slopes<'a> {
    fn new(model: &'a EchoState, group: &Group, lane: usize) -> Self {
        let leak = model.reservoir.leak;
        // a step leaves the states before it in the room
        let each = group.states.iter().zip(&group.room).map(|(now, before)| (now[lane], before[lane]));
        let slope = |(now, before): (f64, f64)| {
            let tanh = (now - (1.0 - leak) * before) / leak;
            leak * (1.0 - tanh * tanh)
        };
        let units = each.clone().map(slope).collect();
        let features =
            each.enumerate().map(|(i, (now, _))| if i % 2 == 0 { 1.0 } else { 2.0 * now }).collect();
        Slopes { model, units, features }
    }

    /// Takes a `vector` [component, unit] to what has become of it.
    fn apply(&self, vector: &mut [f64], room: &mut [f64]) {
        let EchoState { reservoir, readout, normalisation, .. } = self.model;
        let Reservoir { features, connections, leak, .. } = *reservoir;
        let (dim, columns) = (normalisation.dim(), reservoir.columns());
        let (x, units) = vector.split_at(dim);
        let (next_x, next_units) = room.split_at_mut(dim);
        let rows =
            reservoir.from.chunks_exact(connections).zip(reservoir.recurrent.chunks_exact(connections));
        let rows = rows.zip(reservoir.input.chunks_exact(features));
        let states = next_units.iter_mut().zip(units).zip(&self.units);
        for (((next, unit), slope), ((from, recurrent), input)) in states.zip(rows) {
            // known inputs are not disturbed
            let driven: f64 = input.iter().zip(x).map(|(w, x)| w * x).sum();
            let heard: f64 = recurrent.iter().zip(from).map(|(w, &j)| w * units[j]).sum();
            *next = (1.0 - leak) * unit + slope * (driven + heard);
        }
        for (j, (next, weights)) in next_x.iter_mut().zip(readout.chunks_exact(columns)).enumerate() {
            let of_state: f64 = weights[1..].iter().zip(x).map(|(w, x)| w * x).sum();
            let of_units = weights[1 + features..].iter().zip(&self.features).zip(&*next_units);
            let of_units: f64 = of_units.map(|((w, slope), unit)| w * slope * unit).sum();
            *next = x[j] + normalisation.increment_std[j] / normalisation.std[j] * (of_state + of_units);
        }
        vector.copy_from_slice(room);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::systems::Oscillator;
    use sim::{Solver, System};
    use trajectory::Times;

    #[test]
    fn derivatives_of_what_is_carried_are_slopes() {
        const H: f64 = 1e-6;
        const STEPS: usize = 4;
        let starts: Vec<Vec<f64>> = (0..10).map(|i| vec![f64::from(i) - 4.5, 0.5]).collect();
        let times = Times::up_to(8.0, 0.1).unwrap();
        let runs = Oscillator::default().ensemble(&starts, &times, &Solver::default()).unwrap();
        let all: Vec<usize> = (0..10).collect();
        let scales = Normalisation::fit(&runs, &all);
        let config = ReservoirConfig {
            size: 20,
            spectral_radius: 0.9,
            leak: 0.7,
            input_scale: 0.5,
            ridge: Ridge::Fixed(1e-9),
            warm_up: 5,
            ..ReservoirConfig::default()
        };
        let fitted = config.fit(&runs, &all, &scales, 0).unwrap();
        let reservoir = Reservoir::of_tensors(&config, scales.features(), &fitted).unwrap();
        let readout = values(&fitted, "readout", &[2, reservoir.columns()]).unwrap().to_vec();
        let model = EchoState { reservoir, readout, warm_up: 5, normalisation: scales.clone() };
        // More starts than there are lanes.
        let of = &runs;
        let histories = (0..10).flat_map(|run| (20..25).flat_map(move |i| of.state(run, i)));
        let histories: Vec<f64> = histories.copied().collect();
        let before = (0..10).flat_map(|run| (20..24).flat_map(move |i| of.known_at(run, i)));
        let before: Vec<f64> = before.copied().collect();
        let known = |step: usize| -> Vec<f64> {
            (0..10).flat_map(|run| runs.known_at(run, 24 + step)).copied().collect()
        };
        // what is carried after some steps, [start, memory], with a part of it moved at first
        let carried = |axis: usize, h: f64| -> Vec<f64> {
            let mut moved = histories.clone();
            if axis < 2 {
                moved.chunks_exact_mut(10).for_each(|of| of[8 + axis] += h * scales.std[axis]);
            }
            let mut run = model.run(&moved, &before);
            if axis >= 2 {
                run.groups
                    .iter_mut()
                    .for_each(|group| group.states[axis - 2].iter_mut().for_each(|r| *r += h));
            }
            let mut next = vec![0.0; 20];
            (0..STEPS).for_each(|step| run.advance(&known(step), &mut next));
            let of_start = |start: usize| {
                let scaled = next[2 * start..2 * start + 2].iter().enumerate();
                let scaled = scaled.map(|(j, u)| scales.scale_one(j, *u)).collect::<Vec<_>>();
                let units = run.groups[start / LANES].states.iter().map(|r| r[start % LANES]);
                scaled.into_iter().chain(units).collect::<Vec<_>>()
            };
            (0..10).flat_map(of_start).collect()
        };
        let mut tangent = model.begin_tangent(&histories, &before).unwrap();
        let memory = tangent.memory();
        assert_eq!(memory, 22);
        let mut vectors = sim::lyapunov::axes(memory, memory).repeat(10);
        (0..STEPS).for_each(|step| tangent.advance(&known(step), &mut [0.0; 20], &mut vectors));
        for axis in 0..memory {
            let (above, below) = (carried(axis, H), carried(axis, -H));
            for (i, (above, below)) in above.iter().zip(&below).enumerate() {
                let (start, at) = (i / memory, i % memory);
                let (found, slope) =
                    (vectors[(start * memory + axis) * memory + at], (above - below) / (2.0 * H));
                assert!(
                    (found - slope).abs() < 1e-7 * (1.0 + slope.abs()),
                    "{axis} {at}: {found}, not {slope}"
                );
            }
        }
    }

    #[test]
    fn the_spectral_radius_is_that_of_the_eigenvalues() {
        for (size, connections) in [(1, 1), (7, 1), (40, 3), (60, 60)] {
            for seed in 0..5 {
                let config =
                    ReservoirConfig { size, connections, spectral_radius: 0.7, ..ReservoirConfig::default() };
                let reservoir = Reservoir::draw(&config, 2, seed).unwrap();
                let mut matrix = DMatrix::zeros(size, size);
                for i in 0..size {
                    for c in i * connections..(i + 1) * connections {
                        matrix[(i, reservoir.from[c])] += reservoir.recurrent[c];
                    }
                }
                let entries = matrix.iter().filter(|&&x| x != 0.0).count();
                assert_eq!(entries, size * connections, "a unit is heard twice");
                let radius = matrix.complex_eigenvalues().iter().map(|z| z.norm()).fold(0.0, f64::max);
                assert!((radius / 0.7 - 1.0).abs() < 0.01, "{size} {connections} {seed}: {radius}");
            }
        }
    }

    #[test]
    fn the_state_forgets_where_it_began() {
        let config = ReservoirConfig { size: 50, spectral_radius: 0.9, leak: 0.7, ..Default::default() };
        let reservoir = Reservoir::draw(&config, 2, 0).unwrap();
        let mut draws = stream(1, "test", 0);
        let mut number = || 2.0 * uniform(&mut draws) - 1.0;
        // Every lane from another state, by the same inputs.
        let mut states: Vec<Lanes> = (0..50).map(|_| [(); LANES].map(|()| number())).collect();
        let mut room = states.clone();
        for _ in 0..300 {
            reservoir.drive(&[[number(); LANES], [number(); LANES]], &mut states, &mut room);
        }
        for state in states {
            assert!(state.iter().all(|r| (r - state[0]).abs() < 1e-12), "{state:?}");
        }
    }

    #[test]
    fn a_step_and_the_features_are_those_of_the_equations() {
        let reservoir = Reservoir {
            units: 2,
            features: 1,
            connections: 1,
            leak: 0.25,
            from: vec![1, 0],
            recurrent: vec![0.5, -2.0],
            input: vec![3.0, 0.1],
            bias: vec![0.2, -0.3],
        };
        let (mut states, mut room) = (vec![[0.4; LANES], [-0.6; LANES]], vec![[0.0; LANES]; 2]);
        let inputs = [[0.7; LANES]];
        reservoir.drive(&inputs, &mut states, &mut room);
        let first = 0.75 * 0.4 + 0.25 * (0.2 + 3.0 * 0.7 + 0.5 * -0.6_f64).tanh();
        let second = 0.75 * -0.6 + 0.25 * (-0.3 + 0.1 * 0.7 - 2.0 * 0.4_f64).tanh();
        let features: Vec<f64> = reservoir.features(&inputs, &states).map(|lanes| lanes[3]).collect();
        assert!(features.iter().zip([1.0, 0.7, first, second * second]).all(|(a, b)| (a - b).abs() < 1e-15));
    }

    #[test]
    fn the_seed_draws_the_reservoir() {
        let draw = |seed| Reservoir::draw(&ReservoirConfig::default(), 3, seed).unwrap().tensors();
        assert_eq!(draw(0), draw(0));
        assert_ne!(draw(0), draw(1));
    }
}
