//! Integrators, one file a method.

mod dormand_prince;
mod rk4;

use serde::{Deserialize, Serialize};

use crate::{Ode, SimulationError, Times};

/// A method and its settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case", deny_unknown_fields)]
pub enum Solver {
    /// The classical Runge-Kutta method of order 4 with `substeps` equal steps a sample interval.
    Rk4 {
        /// Steps from one sample to the next.
        substeps: usize,
    },
    /// Dormand and Prince's adaptive method of order 5.
    Dopri5 {
        /// Bound on the local error a step, relative and absolute.
        tolerance: f64,
    },
    /// Dormand and Prince's adaptive method of order 8.
    Dop853 {
        /// Bound on the local error a step, relative and absolute.
        tolerance: f64,
    },
}

impl Default for Solver {
    fn default() -> Self {
        Solver::Dop853 { tolerance: 1e-10 }
    }
}

impl Solver {
    /// Every method with good settings.
    pub const ALL: [Solver; 3] = [
        Solver::Dop853 { tolerance: 1e-10 },
        Solver::Dopri5 { tolerance: 1e-10 },
        Solver::Rk4 { substeps: 10 },
    ];

    /// Says which setting is outside its range.
    ///
    /// # Errors
    /// [`SimulationError::Invalid`] for no substeps or a tolerance outside 1e-14..=0.1.
    pub fn check(&self) -> Result<(), SimulationError> {
        let fault = match *self {
            Solver::Rk4 { substeps } if !(1..=1_000_000).contains(&substeps) => {
                format!("substeps = {substeps} must lie between 1 and 1000000")
            }
            Solver::Dopri5 { tolerance } | Solver::Dop853 { tolerance }
                if !(1e-14..=0.1).contains(&tolerance) =>
            {
                format!("tolerance = {tolerance} must lie between 1e-14 and 0.1")
            }
            _ => return Ok(()),
        };
        Err(SimulationError::Invalid(fault))
    }

    pub(crate) fn trajectory(
        &self,
        ode: &impl Ode,
        u0: &[f64],
        times: &Times,
        out: &mut [f64],
    ) -> Result<(), SimulationError> {
        if u0.len() != ode.dim() {
            return Err(SimulationError::Invalid(format!(
                "a start of {} components for a system of {}",
                u0.len(),
                ode.dim()
            )));
        }
        match *self {
            Solver::Rk4 { substeps } => rk4::trajectory(ode, u0, times, substeps, out),
            Solver::Dopri5 { tolerance } => {
                dormand_prince::trajectory(dormand_prince::Method::Dopri5, ode, u0, times, tolerance, out)
            }
            Solver::Dop853 { tolerance } => {
                dormand_prince::trajectory(dormand_prince::Method::Dop853, ode, u0, times, tolerance, out)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::systems::{Lorenz, Oscillator, oscillator_exact as exact};
    use crate::{Component, Scalar, System};

    fn solve(solver: Solver, ode: &impl Ode, u0: &[f64], times: &Times) -> Vec<f64> {
        let mut out = vec![0.0; times.samples() * u0.len()];
        solver.trajectory(ode, u0, times, &mut out).unwrap();
        out
    }

    fn error_at_the_end(solver: Solver, dt: f64) -> f64 {
        let (ode, u0) = (Oscillator { omega: 2.0, ..Oscillator::default() }, [1.0, 0.5]);
        let times = Times::up_to(12.0, dt).unwrap();
        let out = solve(solver, &ode, &u0, &times);
        let truth = exact(&ode, u0, 0.0, 12.0);
        (0..2).map(|i| (out[out.len() - 2 + i] - truth[i]).powi(2)).sum::<f64>().sqrt()
    }

    #[test]
    fn the_measured_order_is_the_nominal_one() {
        // A tolerance that accepts every step makes an adaptive method step from sample to sample.
        let every_step = 1e9;
        for (solver, nominal, dts) in [
            (Solver::Rk4 { substeps: 1 }, 4.0, [0.04, 0.02]),
            (Solver::Dopri5 { tolerance: every_step }, 5.0, [0.04, 0.02]),
            (Solver::Dop853 { tolerance: every_step }, 8.0, [0.4, 0.2]),
        ] {
            let order = (error_at_the_end(solver, dts[0]) / error_at_the_end(solver, dts[1])).log2();
            assert!((order - nominal).abs() < 0.2, "{solver:?}: order {order}");
        }
    }

    #[test]
    fn substeps_refine_the_step() {
        let coarse = error_at_the_end(Solver::Rk4 { substeps: 1 }, 0.01);
        let fine = error_at_the_end(Solver::Rk4 { substeps: 10 }, 0.1);
        assert!((fine / coarse - 1.0).abs() < 1e-3, "{fine:e} {coarse:e}");
    }

    #[test]
    fn the_oscillator_agrees_with_its_exact_solution() {
        let (ode, u0) = (Oscillator::default(), [1.3, -0.4]);
        let times = Times::up_to(40.0, 0.1).unwrap();
        for solver in [
            Solver::Rk4 { substeps: 100 },
            Solver::Dopri5 { tolerance: 1e-12 },
            Solver::Dop853 { tolerance: 1e-12 },
            Solver::default(),
        ] {
            let out = solve(solver, &ode, &u0, &times);
            for (i, state) in out.chunks(2).enumerate() {
                let truth = exact(&ode, u0, 0.0, times.at(i));
                let error = (0..2).map(|j| (state[j] - truth[j]).abs()).fold(0.0, f64::max);
                assert!(error < 1e-10, "{solver:?}: {error:e} at sample {i}");
            }
        }
    }

    #[test]
    fn lorenz_agrees_between_two_integrators_for_15_time_units() {
        let (ode, u0, times) = (Lorenz::default(), [1.0, 2.0, 20.0], Times::up_to(15.0, 0.01).unwrap());
        let a = solve(Solver::Dop853 { tolerance: 1e-13 }, &ode, &u0, &times);
        let b = solve(Solver::Rk4 { substeps: 200 }, &ode, &u0, &times);
        let worst = a.iter().zip(&b).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max);
        assert!(worst < 1e-5, "{worst:e}");
    }

    // The faults of ode_solvers 0.6.2, none of which may reach a user.

    #[test]
    fn wide_samples_are_right_to_the_last() {
        let (ode, u0) = (Lorenz::default(), [1.0, 2.0, 20.0]);
        let fine = solve(Solver::Dop853 { tolerance: 1e-13 }, &ode, &u0, &Times::up_to(10.0, 0.01).unwrap());
        for solver in [Solver::Dop853 { tolerance: 1e-12 }, Solver::Dopri5 { tolerance: 1e-12 }] {
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
        let out = solve(Solver::Dop853 { tolerance: 1e9 }, &Power, &[0.0], &times);
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
        let error = Solver::default().trajectory(&fast, &[1.0, 0.0], &times, &mut out).unwrap_err();
        assert!(matches!(error, SimulationError::TooManySteps { t: 0.0, .. }), "{error}");
    }

    #[test]
    fn settings_outside_their_range_are_refused() {
        for solver in [
            Solver::Rk4 { substeps: 0 },
            Solver::Dopri5 { tolerance: 0.0 },
            Solver::Dop853 { tolerance: f64::NAN },
        ] {
            assert!(solver.check().is_err());
        }
        assert!(Solver::ALL.iter().all(|solver| solver.check().is_ok()));
        assert_eq!(Solver::ALL[0], Solver::default());
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
