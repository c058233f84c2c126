//! Lorenz (1996), "Predictability: a problem partly solved", Proc. ECMWF Seminar on Predictability 1, 1, equation 1:
//! x_j' = (x_(j+1) - x_(j-2)) x_(j-1) - x_j + F for j = 1..n, on a circle: x_(n+1) = x_1.
//!
//! Good values: n = 40, F = 8 (chaotic, largest Lyapunov exponent 1.67 to 1.68, Lyapunov dimension about 27.1);
//! F < 8/9 decays to the fixed point x_j = F. Sampled every 0.05, which stands for six hours of weather.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Ode, Scalar};
use trajectory::Component;

/// A quantity of the atmosphere around a circle of latitude: advection, damping, and a constant force, all dimensionless.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Lorenz96 {
    /// Number of sectors of the circle, n: the number of components of the state.
    #[schemars(range(min = 4, max = 10_000), extend("examples" = [8]))]
    pub variables: usize,
    /// Constant forcing of every component, F.
    pub forcing: f64,
}

impl Default for Lorenz96 {
    fn default() -> Self {
        Lorenz96 { variables: 40, forcing: 8.0 }
    }
}

impl Ode for Lorenz96 {
    const NAME: &'static str = "lorenz96";
    const ABOUT: &'static str = "x_j' = (x_j+1 - x_j-2) x_j-1 - x_j + forcing, on a circle";

    #[inline(always)]
    fn dim(&self) -> usize {
        self.variables
    }

    #[inline(always)]
    fn rhs<S: Scalar>(&self, _t: S, u: &[S], du: &mut [S]) {
        let n = u.len();
        let at = |behind: S, before: S, here: S, ahead: S| (ahead - behind) * before - here + self.forcing;
        du[0] = at(u[n - 2], u[n - 1], u[0], u[1]);
        du[1] = at(u[n - 1], u[0], u[1], u[2]);
        for (du, u) in du[2..].iter_mut().zip(u.windows(4)) {
            *du = at(u[0], u[1], u[2], u[3]);
        }
        du[n - 1] = at(u[n - 3], u[n - 2], u[n - 1], u[0]);
    }

    fn components(&self) -> Vec<Component> {
        (1..=self.variables).map(|j| Component::new(&format!("x{j}"), "1")).collect()
    }

    /// Around the fixed point, from which every start leaves in its own direction.
    fn initial_region(&self) -> Vec<[f64; 2]> {
        vec![[self.forcing - 1.0, self.forcing + 1.0]; self.variables]
    }

    fn sampling(&self) -> [f64; 2] {
        [0.05, 20.0]
    }

    fn check(&self) -> Result<(), String> {
        if (4..=10_000).contains(&self.variables) {
            Ok(())
        } else {
            Err(format!("variables = {} must lie between 4 and 10000", self.variables))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::systems::tests::{divergence, precise, velocity};

    /// A state without symmetry.
    fn uneven(n: usize) -> Vec<f64> {
        (0..n).map(|j| 8.0 + 5.0 * (1.7 * j as f64 + 0.3 * (j * j) as f64).sin()).collect()
    }

    #[test]
    fn it_is_the_formula_on_a_circle_for_every_size() {
        for n in [4, 5, 6, 40] {
            let (ode, u) = (Lorenz96 { variables: n, ..Lorenz96::default() }, uneven(n));
            for (j, du) in velocity(&ode, &u).into_iter().enumerate() {
                let at = |offset: usize| u[(j + offset) % n];
                assert_eq!(du, (at(1) - at(n - 2)) * at(n - 1) - at(0) + ode.forcing, "{j} of {n}");
            }
        }
    }

    #[test]
    fn advection_keeps_the_energy() {
        // So d/dt of the sum of x^2 / 2 is F times the sum of x less the sum of x^2.
        let (ode, u) = (Lorenz96::default(), uneven(40));
        let gain: f64 = velocity(&ode, &u).iter().zip(&u).map(|(du, x)| du * x).sum();
        let balance: f64 = u.iter().map(|x| ode.forcing * x - x * x).sum();
        assert!((gain - balance).abs() < 1e-11 * balance.abs(), "{gain} {balance}");

        // The same along a trajectory, integrated by Simpson's rule.
        let (dt, steps) = (0.005, 400);
        let runs = precise(&ode, &u, dt, steps);
        let sum = |i: usize, term: fn(f64) -> f64| runs.state(0, i).iter().map(|&x| term(x)).sum::<f64>();
        let energy = |i| 0.5 * sum(i, |x| x * x);
        let gain: f64 = (0..=steps)
            .map(|i| {
                let weight = if i == 0 || i == steps { 1.0 } else { [2.0, 4.0][i % 2] };
                weight * dt / 3.0 * (ode.forcing * sum(i, |x| x) - sum(i, |x| x * x))
            })
            .sum();
        let change = energy(steps) - energy(0);
        assert!((gain / change - 1.0).abs() < 1e-5, "{gain} {change}");
    }

    #[test]
    fn it_rests_at_the_forcing_and_volumes_shrink_at_the_rate_n() {
        let ode = Lorenz96::default();
        assert!(velocity(&ode, &[ode.forcing; 40]).iter().all(|&du| du == 0.0));
        assert!((divergence(&ode, &uneven(40)) + 40.0).abs() < 1e-12);
        let weak = Lorenz96 { forcing: 0.5, ..ode };
        let runs = precise(&weak, &uneven(40), 1.0, 100);
        assert!(runs.state(0, 100).iter().all(|x| (x - 0.5).abs() < 1e-9));
    }

    #[test]
    fn too_few_and_too_many_variables_are_refused() {
        for variables in [0, 3, 10_001] {
            let message = Lorenz96 { variables, ..Lorenz96::default() }.check().unwrap_err();
            assert_eq!(message, format!("variables = {variables} must lie between 4 and 10000"));
        }
        assert_eq!(Lorenz96 { variables: 4, ..Lorenz96::default() }.check(), Ok(()));
    }
}
