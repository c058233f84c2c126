//! Integrators, one file a method; all of them carry several trajectories at once.

pub(crate) mod adaptive;
mod degree;
pub(crate) mod dop853;
mod dopri5;
mod implicit;
pub(crate) mod right_hand_side;
mod rk4;
pub(crate) mod rows;
pub(crate) mod slopes;
#[cfg(test)]
mod steps_and_scales;
pub(crate) mod tolerance;

pub(crate) use implicit::{LONGEST_STEP, Rodas5p, trajectory as implicit_trajectory};
use rayon::prelude::*;
pub(crate) use tolerance::Tolerance;

use self::right_hand_side::RightHandSide;
use crate::lanes::{LANES, Lanes, Vector};
use crate::{SimulationError, Solver};
use trajectory::Times;

/// The largest number of steps from one sample to the next.
const MAX_STEPS: u32 = 1_000_000;

impl Solver {
    /// Writes a trajectory from each start, [trajectory, time, component], in parallel.
    pub(crate) fn ensemble(
        &self,
        system: &dyn RightHandSide,
        starts: &[Vec<f64>],
        times: &Times,
        out: &mut [f64],
    ) -> Result<(), SimulationError> {
        let (dim, samples) = (system.dim(), times.samples());
        if let Some(start) = starts.iter().find(|start| start.len() != dim) {
            return Err(SimulationError::Invalid(format!(
                "a start of {} components for a system of {dim}",
                start.len()
            )));
        }
        if out.len() != starts.len() * samples * dim {
            return Err(SimulationError::Invalid(format!(
                "room for {} numbers, where {} trajectories of {samples} samples of {dim} components are asked",
                out.len(),
                starts.len()
            )));
        }
        let lanes = match self {
            Solver::Rk4 { .. } => system.rk4_lanes(),
            Solver::Dopri5 { .. } | Solver::Dop853 { .. } => LANES,
            Solver::Radau { .. } | Solver::Rodas5p { .. } => 1,
        };
        let mut outcomes: Outcomes = out
            .par_chunks_mut(lanes * samples * dim)
            .zip(starts.par_chunks(lanes))
            .map(|(out, starts)| {
                let block = Block { starts, times, out };
                match *self {
                    Solver::Rk4 { substeps, precision } => system.rk4(block, substeps, precision),
                    Solver::Dopri5 { tolerance: relative, absolute_tolerance: absolute } => {
                        adaptive::trajectories::<dopri5::Dopri5>(
                            system,
                            block,
                            Tolerance { relative, absolute },
                        )
                    }
                    Solver::Dop853 { tolerance: relative, absolute_tolerance: absolute } => {
                        adaptive::trajectories::<dop853::Dop853>(
                            system,
                            block,
                            Tolerance { relative, absolute },
                        )
                    }
                    Solver::Radau { tolerance: relative, absolute_tolerance: absolute } => {
                        vec![implicitly::<implicit::Radau>(system, block, Tolerance { relative, absolute })]
                    }
                    Solver::Rodas5p { tolerance: relative, absolute_tolerance: absolute } => {
                        vec![implicitly::<implicit::Rodas5p>(system, block, Tolerance { relative, absolute })]
                    }
                }
            })
            .flatten_iter()
            .collect();
        if let Some(tolerance) = self.tolerance() {
            self.again_where_stiff(system, starts, times, tolerance, &mut outcomes, out);
        }
        for (trajectory, outcome) in outcomes.into_iter().enumerate() {
            outcome.map_err(|error| SimulationError::Trajectory { trajectory, error: error.into() })?;
        }
        Ok(())
    }

    /// Integrates the trajectories that turned out to be stiff again, by the implicit method with the same tolerance. This is
    /// decided for each trajectory separately, so that no result depends on the other trajectories.
    fn again_where_stiff(
        &self,
        system: &dyn RightHandSide,
        starts: &[Vec<f64>],
        times: &Times,
        tolerance: Tolerance,
        outcomes: &mut [Result<(), SimulationError>],
        out: &mut [f64],
    ) {
        let stiff =
            |outcome: &Result<(), SimulationError>| matches!(outcome, Err(SimulationError::Stiff { .. }));
        if !outcomes.iter().any(stiff) {
            return;
        }
        outcomes
            .par_iter_mut()
            .zip(starts)
            .zip(out.par_chunks_mut(times.samples() * system.dim()))
            .filter(|((outcome, _), _)| stiff(outcome))
            .for_each(|((outcome, start), out)| {
                *outcome = implicit::trajectory::<implicit::Radau>(system, start, times, tolerance, out);
            });
    }
}

/// Integrates the only trajectory of a block by an implicit method.
fn implicitly<M: implicit::Method>(
    system: &dyn RightHandSide,
    block: Block,
    tolerance: Tolerance,
) -> Result<(), SimulationError> {
    implicit::trajectory::<M>(system, &block.starts[0], block.times, tolerance, block.out)
}

/// Some trajectories of an ensemble, at most as many as there are lanes.
pub(crate) struct Block<'a> {
    pub(crate) starts: &'a [Vec<f64>],
    pub(crate) times: &'a Times,
    /// [trajectory, time, component]
    pub(crate) out: &'a mut [f64],
}

/// What became of each trajectory of a block.
pub(crate) type Outcomes = Vec<Result<(), SimulationError>>;

/// A start in each lane; the last one in those that are left.
#[inline(always)]
fn load<V: Vector, const K: usize>(starts: &[Vec<f64>], u: &mut [Lanes<V, K>]) {
    for j in 0..u.len() {
        u[j] = Lanes::gather(|lane| starts[lane.min(starts.len() - 1)][j]);
    }
}

/// Where trajectories left the finite numbers, of those that are marked by a NaN in `broken`.
fn divergence(broken: &[f64], times: &Times, dim: usize, out: &[f64]) -> Outcomes {
    out.chunks_exact(times.samples() * dim)
        .zip(broken)
        .map(|(out, broken)| {
            if !broken.is_nan() {
                return Ok(());
            }
            let first = out.chunks_exact(dim).position(|state| !state.iter().all(|x| x.is_finite()));
            Err(SimulationError::Diverged { t: times.at(first.unwrap_or(0).saturating_sub(1)) })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::systems::{Lorenz, Oscillator, oscillator_exact as exact};
    use crate::{Ode, Scalar, System};
    use trajectory::{Component, Precision};

    fn solve(solver: Solver, ode: &impl Ode, u0: &[f64], times: &Times) -> Vec<f64> {
        let mut out = vec![0.0; times.samples() * u0.len()];
        solver.ensemble(ode, &[u0.to_vec()], times, &mut out).unwrap();
        out
    }

    fn error_at_the_end(solver: Solver, dt: f64) -> f64 {
        let (u0, times) = ([1.0, 0.5], Times::up_to(12.0, dt).unwrap());
        let out = solve(solver, &DRIVEN, &u0, &times);
        let truth = exact(&DRIVEN, u0, 0.0, 12.0);
        (0..2).map(|i| (out[out.len() - 2 + i] - truth[i]).powi(2)).sum::<f64>().sqrt()
    }

    fn rk4(substeps: usize) -> Solver {
        Solver::Rk4 { substeps, precision: Precision::F64 }
    }

    const DRIVEN: Oscillator = Oscillator { mass: 1.0, stiffness: 1.0, damping: 0.4, force: 1.0, omega: 2.0 };

    /// The error at t = 12 of a method with steps of one length, and that of its interpolation amid its first step.
    fn errors_of_equal_steps<M: adaptive::Method>(h: f64) -> [f64; 2] {
        let (u0, mut work) = ([1.0, 0.5], adaptive::Work::<f64>::new::<M>(2));
        let off = |u: [f64; 2], t| {
            let truth = exact(&DRIVEN, u0, 0.0, t);
            (u[0] - truth[0]).hypot(u[1] - truth[1])
        };
        work.u.copy_from_slice(&u0);
        let mut amid = 0.0;
        for i in 0..(12.0 / h).round() as usize {
            let t = i as f64 * h;
            DRIVEN.rhs(t, &work.u, work.k.row_mut(0));
            M::step(&DRIVEN, t, h, &mut work);
            DRIVEN.rhs(t + h, &work.next, work.k.row_mut(M::LAST));
            if i == 0 {
                M::interpolation(&DRIVEN, t, h, &mut work);
                let coefficients = |j| &work.c[j * M::COEFFICIENTS..][..M::COEFFICIENTS];
                amid = off([0, 1].map(|j| M::at(coefficients(j), 0.6)[0]), 0.6 * h);
            }
            work.u.copy_from_slice(&work.next);
        }
        [off([work.u[0], work.u[1]], 12.0), amid]
    }

    #[test]
    fn in_24_bits_every_operation_is_rounded() {
        // x' = -x / 3 by hand, in f32
        struct Decay;
        impl Ode for Decay {
            const NAME: &'static str = "decay";
            const ABOUT: &'static str = "";
            fn dim(&self) -> usize {
                1
            }
            fn rhs<S: Scalar>(&self, _t: S, u: &[S], du: &mut [S]) {
                du[0] = -(u[0] / 3.0);
            }
            fn components(&self) -> Vec<Component> {
                vec![Component::new("x", "1")]
            }
            fn initial_region(&self) -> Vec<[f64; 2]> {
                vec![[0.0, 1.0]]
            }
            fn sampling(&self) -> [f64; 2] {
                [0.1, 1.0]
            }
        }
        let times = Times::new(0.25, 41).unwrap();
        let single = Solver::Rk4 { substeps: 2, precision: Precision::F32 };
        let found = solve(single, &Decay, &[0.7], &times);
        let (mut x, h) = (0.7f32, 0.125f32);
        for (i, found) in found.iter().enumerate() {
            assert_eq!(*found, f64::from(x), "sample {i}");
            for _ in 0..2 {
                let f = |x: f32| -(x / 3.0);
                let k1 = f(x);
                let k2 = f(x + k1 * (h * 0.5));
                let k3 = f(x + k2 * (h * 0.5));
                let k4 = f(x + k3 * h);
                x += (k1 + (k2 + k3) * 2.0 + k4) * (0.125f64 / 6.0) as f32;
            }
        }
        let precise = solve(rk4(2), &Decay, &[0.7], &times);
        let off = found.iter().zip(&precise).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!((1e-9..1e-6).contains(&off), "{off:e}");
    }

    #[test]
    fn the_measured_orders_are_the_nominal_ones() {
        let order = |coarse: f64, fine: f64| (coarse / fine).log2();
        let error = |dt| error_at_the_end(rk4(1), dt);
        let measured = order(error(0.04), error(0.02));
        assert!((measured - 4.0).abs() < 0.2, "rk4: order {measured}");
        // An interpolation of order p is off by a power p + 1 within a step.
        let dopri5 = [0.04, 0.02].map(errors_of_equal_steps::<dopri5::Dopri5>);
        let dop853 = [0.4, 0.2].map(errors_of_equal_steps::<dop853::Dop853>);
        for ([coarse, fine], nominal) in [(dopri5, [5.0, 5.0]), (dop853, [8.0, 8.0])] {
            for i in 0..2 {
                let measured = order(coarse[i], fine[i]);
                assert!((measured - nominal[i]).abs() < 0.35, "{i}: order {measured} for {}", nominal[i]);
            }
        }
    }

    #[test]
    fn substeps_refine_the_step() {
        let coarse = error_at_the_end(rk4(1), 0.01);
        let fine = error_at_the_end(Solver::Rk4 { substeps: 10, precision: Precision::F64 }, 0.1);
        assert!((fine / coarse - 1.0).abs() < 1e-3, "{fine:e} {coarse:e}");
    }

    #[test]
    fn the_oscillator_agrees_with_its_exact_solution() {
        let (ode, u0) = (Oscillator::default(), [1.3, -0.4]);
        let times = Times::up_to(40.0, 0.1).unwrap();
        for solver in [rk4(100), Solver::dopri5(1e-12), Solver::dop853(1e-12), Solver::default()] {
            let out = solve(solver, &ode, &u0, &times);
            for (i, state) in out.chunks(2).enumerate() {
                let truth = exact(&ode, u0, 0.0, times.at(i));
                let error = (0..2).map(|j| (state[j] - truth[j]).abs()).fold(0.0, f64::max);
                // samples within a step are interpolated, less exactly than steps are made
                assert!(error < 1e-8, "{solver:?}: {error:e} at sample {i}");
            }
        }
    }

    #[test]
    fn lorenz_agrees_between_two_integrators_for_15_time_units() {
        let (ode, u0, times) = (Lorenz::default(), [1.0, 2.0, 20.0], Times::up_to(15.0, 0.01).unwrap());
        let a = solve(Solver::dop853(1e-13), &ode, &u0, &times);
        let b = solve(rk4(200), &ode, &u0, &times);
        let worst = a.iter().zip(&b).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max);
        assert!(worst < 1e-5, "{worst:e}");
    }

    // The faults of ode_solvers 0.6.2, none of which may reach a user.

    #[test]
    fn wide_samples_are_right_to_the_last() {
        let (ode, u0) = (Lorenz::default(), [1.0, 2.0, 20.0]);
        let fine = solve(Solver::dop853(1e-13), &ode, &u0, &Times::up_to(10.0, 0.01).unwrap());
        for solver in [Solver::dop853(1e-12), Solver::dopri5(1e-12)] {
            let wide = solve(solver, &ode, &u0, &Times::up_to(10.0, 1.0).unwrap());
            for i in 0..=10 {
                for j in 0..3 {
                    let error = (wide[3 * i + j] - fine[300 * i + j]).abs();
                    assert!(error < 1e-6, "{solver:?}: {error:e} at t = {i}");
                }
            }
        }
    }

    #[test]
    fn the_last_stage_of_order_8_knows_its_time() {
        // u' = 8 t^7 is integrated exactly by a method of order 8 whose stages stand at their times.
        struct Power;
        impl Ode for Power {
            const NAME: &'static str = "power";
            const ABOUT: &'static str = "";
            fn dim(&self) -> usize {
                1
            }
            fn rhs<S: Scalar>(&self, t: S, _u: &[S], du: &mut [S]) {
                let t2 = t * t;
                du[0] = t2 * t2 * t2 * t * 8.0;
            }
            fn components(&self) -> Vec<Component> {
                vec![Component::new("u", "1")]
            }
            fn initial_region(&self) -> Vec<[f64; 2]> {
                vec![[0.0, 0.0]]
            }
            fn sampling(&self) -> [f64; 2] {
                [1.0, 3.0]
            }
        }
        let times = Times::up_to(3.0, 1.0).unwrap();
        let out = solve(Solver::dop853(1e9), &Power, &[0.0], &times);
        assert!((out[3] / 3.0f64.powi(8) - 1.0).abs() < 1e-13, "{out:?}");
    }

    #[test]
    fn times_before_zero_are_integrated() {
        let (ode, u0) = (Oscillator::default(), [1.3, -0.4]);
        let times = Times::up_to(6.0, 0.5).unwrap().from(-3.0);
        for solver in Solver::ALL {
            for (i, state) in solve(solver, &ode, &u0, &times).chunks(2).enumerate() {
                let truth = exact(&ode, u0, -3.0, times.at(i));
                assert!((state[0] - truth[0]).abs() < 1e-5 && (state[1] - truth[1]).abs() < 1e-5);
            }
        }
    }

    /// u' = u^2 from 1 has its pole at t = 1; u' = sqrt(-t) is not a number after t = 0.
    struct Faulty {
        pole: bool,
    }
    impl Ode for Faulty {
        const NAME: &'static str = "faulty";
        const ABOUT: &'static str = "";
        fn dim(&self) -> usize {
            1
        }
        fn rhs<S: Scalar>(&self, t: S, u: &[S], du: &mut [S]) {
            du[0] = if self.pole { u[0] * u[0] } else { (-t + 0.25).sqrt() };
        }
        fn components(&self) -> Vec<Component> {
            vec![Component::new("u", "1")]
        }
        fn initial_region(&self) -> Vec<[f64; 2]> {
            vec![[1.0, 1.0]]
        }
        fn sampling(&self) -> [f64; 2] {
            [0.1, 2.0]
        }
    }

    #[test]
    fn divergence_is_told_from_a_small_step_with_its_time() {
        let times = Times::up_to(2.0, 0.1).unwrap();
        for solver in Solver::ALL {
            for (pole, from, to) in [(true, 0.85, 1.4), (false, 0.15, 0.4)] {
                let error = Faulty { pole }.ensemble(&[vec![1.0]], &times, &solver).unwrap_err();
                let SimulationError::Trajectory { trajectory: 0, error } = error else { panic!("{error}") };
                let SimulationError::Diverged { t } = *error else { panic!("{solver:?}: {error}") };
                assert!((from..to).contains(&t), "{solver:?}, pole {pole}: t = {t}");
            }
        }
        let start = Faulty { pole: true }.ensemble(&[vec![f64::NAN]], &times, &Solver::default());
        assert!(matches!(start, Err(SimulationError::Trajectory { .. })));
    }

    #[test]
    fn the_number_of_steps_is_bounded_and_said() {
        let fast = Oscillator { stiffness: 1e12, damping: 0.0, ..Oscillator::default() };
        let times = Times::up_to(100.0, 100.0).unwrap();
        let mut out = [0.0; 4];
        let error = Solver::default().ensemble(&fast, &[vec![1.0, 0.0]], &times, &mut out).unwrap_err();
        let SimulationError::Trajectory { trajectory: 0, error } = error else { panic!("{error}") };
        assert!(matches!(*error, SimulationError::TooManySteps { t: 0.0, .. }), "{error}");
    }

    #[test]
    fn settings_outside_their_range_are_refused() {
        for solver in [rk4(0), Solver::dopri5(0.0), Solver::dop853(f64::NAN)] {
            assert!(solver.check().is_err());
        }
        for absolute_tolerance in [-1e-9, f64::NAN, f64::INFINITY] {
            let message =
                Solver::Dop853 { tolerance: 1e-9, absolute_tolerance }.check().unwrap_err().to_string();
            assert!(message.contains(&format!("absolute_tolerance = {absolute_tolerance}")), "{message}");
        }
        assert!(Solver::Dopri5 { tolerance: 1e-9, absolute_tolerance: 1e-30 }.check().is_ok());
        assert!(Solver::ALL.iter().all(|solver| solver.check().is_ok()));
        assert_eq!(Solver::ALL[0], Solver::default());
    }

    #[test]
    fn a_trajectory_is_the_same_to_the_bit_alone_and_in_company() {
        let times = Times::up_to(5.0, 0.01).unwrap();
        let starts: Vec<Vec<f64>> = (0..21).map(|i| vec![f64::from(i) - 9.5, 1.0, 20.0]).collect();
        for solver in Solver::ALL {
            let together = Lorenz::default().ensemble(&starts, &times, &solver).unwrap();
            for (i, start) in starts.iter().enumerate() {
                let alone = Lorenz::default().ensemble(std::slice::from_ref(start), &times, &solver).unwrap();
                assert_eq!(&together.u()[i * 501 * 3..(i + 1) * 501 * 3], alone.u(), "{solver:?}, {i}");
            }
        }
    }

    /// u_j' = u_(j+1) / 2 - u_j^2 + t / 10 around a ring.
    struct Ring(usize);
    impl Ode for Ring {
        const NAME: &'static str = "ring";
        const ABOUT: &'static str = "";
        #[inline(always)]
        fn dim(&self) -> usize {
            self.0
        }
        #[inline(always)]
        fn rhs<S: Scalar>(&self, t: S, u: &[S], du: &mut [S]) {
            for j in 0..self.0 {
                du[j] = u[(j + 1) % self.0] * 0.5 - u[j] * u[j] + t * 0.1;
            }
        }
        fn components(&self) -> Vec<Component> {
            (0..self.0).map(|j| Component::new(&format!("u{j}"), "1")).collect()
        }
        fn initial_region(&self) -> Vec<[f64; 2]> {
            vec![[0.0, 1.0]; self.0]
        }
        fn sampling(&self) -> [f64; 2] {
            [0.1, 2.0]
        }
    }

    impl Ring {
        /// The same as text, which runs through other code.
        fn as_text(&self) -> Box<dyn System> {
            let (mut state, mut initial) = (serde_json::Map::new(), serde_json::Map::new());
            for j in 0..self.0 {
                let text = format!("u{}*0.5 - u{j}*u{j} + t*0.1", (j + 1) % self.0);
                state.insert(format!("u{j}"), text.into());
                initial.insert(format!("u{j}"), vec![0.0, 1.0].into());
            }
            let given = serde_json::json!({"state": state, "initial": initial});
            let entry = crate::systems::SYSTEMS.iter().find(|entry| entry.name == "equations").unwrap();
            (entry.build)(given).unwrap()
        }

        /// The samples of one trajectory by the classical method, a number at a time.
        fn by_hand(&self, start: &[f64], times: &Times, substeps: usize) -> Vec<f64> {
            let h = times.dt() / substeps as f64;
            let (mut u, mut samples) = (start.to_vec(), start.to_vec());
            let slope = |t: f64, u: &[f64]| {
                let mut du = vec![0.0; u.len()];
                self.rhs(t, u, &mut du);
                du
            };
            let along = |u: &[f64], k: &[f64], h: f64| -> Vec<f64> {
                u.iter().zip(k).map(|(u, k)| u + k * h).collect()
            };
            for i in 1..times.samples() {
                for substep in 0..substeps {
                    let t = times.at(i - 1) + substep as f64 * h;
                    let a = slope(t, &u);
                    let b = slope(t + h * 0.5, &along(&u, &a, h * 0.5));
                    let c = slope(t + h * 0.5, &along(&u, &b, h * 0.5));
                    let d = slope(t + h, &along(&u, &c, h));
                    for j in 0..u.len() {
                        u[j] += (a[j] + (b[j] + c[j]) * 2.0 + d[j]) * (h / 6.0);
                    }
                }
                samples.extend(&u);
            }
            samples
        }
    }

    #[test]
    fn the_classical_method_is_that_by_hand_in_every_lane() {
        let times = Times::up_to(2.0, 0.1).unwrap();
        for dim in 1..=6 {
            let (ring, solver) = (Ring(dim), rk4(2));
            let text = ring.as_text();
            // less than a vector, a vector, some vectors and a part of one
            for count in [1, 7, 8, 9, 31, 70] {
                let starts: Vec<Vec<f64>> = (0..count)
                    .map(|i| (0..dim).map(|j| ((i * 7 + j * 3) % 11) as f64 * 0.1).collect())
                    .collect();
                let of = |system: &dyn System| system.ensemble(&starts, &times, &solver).unwrap();
                let (rust, text) = (of(&ring), of(&*text));
                for (i, start) in starts.iter().enumerate() {
                    let by_hand = ring.by_hand(start, &times, 2);
                    let part = i * by_hand.len()..(i + 1) * by_hand.len();
                    assert_eq!(rust.u()[part.clone()], by_hand, "{dim} components, {i} of {count}");
                    let off = text.u()[part].iter().zip(&by_hand).map(|(a, b)| (a - b).abs());
                    let off = off.fold(0.0, f64::max);
                    assert!(off < 1e-14, "as text: {dim} components, {i} of {count}: {off:e}");
                }
            }
        }
    }

    #[test]
    fn one_that_blows_up_does_not_touch_its_neighbours() {
        let times = Times::up_to(2.0, 0.1).unwrap();
        let ode = Faulty { pole: true };
        let starts = [vec![-1.0], vec![1.0], vec![-0.5]];
        for solver in Solver::ALL {
            let mut out = vec![0.0; 3 * 21];
            let error = ode.integrate(&starts, &times, &solver, &mut out).unwrap_err();
            assert!(matches!(error, SimulationError::Trajectory { trajectory: 1, .. }), "{error}");
            for (lane, start) in [(0, -1.0), (2, -0.5)] {
                // u = u0 / (1 - u0 t)
                assert!((out[lane * 21 + 20] - start / (1.0 - 2.0 * start)).abs() < 1e-6, "{solver:?}");
            }
        }
    }

    #[test]
    fn what_is_stiff_does_not_count_as_divergence() {
        // u' = -1e6 (u - cos t): nothing happens on the fast scale
        struct Fast;
        impl Ode for Fast {
            const NAME: &'static str = "fast";
            const ABOUT: &'static str = "";
            fn dim(&self) -> usize {
                1
            }
            fn rhs<S: Scalar>(&self, t: S, u: &[S], du: &mut [S]) {
                du[0] = (u[0] - t.cos()) * -1e6;
            }
            fn components(&self) -> Vec<Component> {
                vec![Component::new("u", "1")]
            }
            fn initial_region(&self) -> Vec<[f64; 2]> {
                vec![[1.0, 1.0]]
            }
            fn sampling(&self) -> [f64; 2] {
                [0.1, 2.0]
            }
        }
        let times = Times::up_to(2.0, 0.1).unwrap();
        for solver in [Solver::dopri5(1e-6), Solver::dop853(1e-6)] {
            let runs = Fast.ensemble(&[vec![1.0]], &times, &solver).unwrap();
            let implicit = Fast.ensemble(&[vec![1.0]], &times, &Solver::radau(1e-6)).unwrap();
            assert_eq!(runs, implicit, "{solver:?}");
            // u = cos t + 1e-6 sin t + terms of 1e-12
            for (i, t) in times.all().into_iter().enumerate().skip(1) {
                let off = runs.state(0, i)[0] - t.cos() - 1e-6 * t.sin();
                assert!(off.abs() < 1e-8, "{solver:?}: {off:e} at t = {t}");
            }
        }
    }

    #[test]
    fn ensembles_do_not_depend_on_the_number_of_threads() {
        let (lorenz, times) = (Lorenz::default(), Times::up_to(5.0, 0.01).unwrap());
        let starts: Vec<Vec<f64>> = (0..20).map(|i| vec![f64::from(i) - 9.5, 1.0, 20.0]).collect();
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| lorenz.ensemble(&starts, &times, &Solver::default()).unwrap())
        };
        let alone = run(1);
        assert_eq!(alone, run(4));
        for (i, start) in starts.iter().enumerate() {
            assert_eq!(alone.state(i, 0), start);
        }
    }
}
