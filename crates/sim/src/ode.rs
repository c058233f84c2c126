//! A system of ordinary differential equations, as the rest of the program sees it: every [`Ode`] is a [`System`].

use autodiff::Dual;

use crate::system::{Ode, Steps, System};
use crate::{SimulationError, Solver, lyapunov};
use trajectory::{Component, Times, random::stream};

impl<O: Ode> System for O {
    fn name(&self) -> &'static str {
        Ode::name(self)
    }
    fn dim(&self) -> usize {
        Ode::dim(self)
    }
    fn components(&self) -> Vec<Component> {
        Ode::components(self)
    }
    fn known_inputs(&self) -> Vec<Component> {
        Ode::known_inputs(self)
    }
    fn known(&self, t: f64, known: &mut [f64]) {
        Ode::known(self, t, known);
    }
    fn depends_on_time(&self, region: &[[f64; 2]], times: &[f64]) -> bool {
        const STATES: u64 = 4;
        let (mut du, mut later) = (vec![0.0; Ode::dim(self)], vec![0.0; Ode::dim(self)]);
        let mut differs = |u: &[f64]| {
            self.rhs(0.0, u, &mut du);
            times.iter().any(|&t| {
                self.rhs(t, u, &mut later);
                // A NaN equals nothing, not even itself, and so says nothing about the time.
                du.iter().zip(&later).any(|(a, b)| a != b && !(a.is_nan() && b.is_nan()))
            })
        };
        let draw = |i| self.random_start(region, &mut stream(0, "time", i));
        self.uses_time().unwrap_or_else(|| (0..STATES).any(|i| differs(&draw(i))))
    }
    fn initial_region(&self) -> Vec<[f64; 2]> {
        Ode::initial_region(self)
    }
    fn sampling(&self) -> [f64; 2] {
        Ode::sampling(self)
    }
    fn may_jump(&self) -> bool {
        Ode::may_jump(self)
    }
    fn integrate(
        &self,
        starts: &[Vec<f64>],
        times: &Times,
        solver: &Solver,
        out: &mut [f64],
    ) -> Result<(), SimulationError> {
        solver.ensemble(self, starts, times, out)
    }
    fn right_hand_side(&self, t: f64, u: &[f64], du: &mut [f64]) {
        self.rhs(t, u, du);
    }
    fn time_derivative(&self, t: f64, u: &[f64], derivative: &mut [f64]) {
        let state: Vec<Dual<1>> = u.iter().map(|&u| Dual::from(u)).collect();
        let mut du = vec![Dual::from(0.0); u.len()];
        self.rhs(Dual::variable(t, 0), &state, &mut du);
        derivative.iter_mut().zip(&du).for_each(|(derivative, du)| *derivative = du.tangent[0]);
    }
    fn jacobian(&self, t: f64, u: &[f64], jacobian: &mut [f64]) {
        let program = |u: &[Dual<4>], f: &mut [Dual<4>]| self.rhs(Dual::from(t), u, f);
        autodiff::jacobian(u, program, jacobian);
    }
    fn tangent(
        &self,
        span: [f64; 2],
        steps: &mut Steps,
        tolerance: f64,
        u: &mut [f64],
        vectors: &mut [f64],
    ) -> Result<(), SimulationError> {
        lyapunov::tangent(self, span, steps, tolerance, u, vectors)
    }
}
