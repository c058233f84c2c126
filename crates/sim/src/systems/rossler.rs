//! Rössler (1976), "An equation for continuous chaos", Phys. Lett. A 57, 397:
//! x' = -y - z, y' = x + a y, z' = b + z (x - c).
//!
//! Good values: a = b = 0.2, c = 5.7 (chaotic, one band); c = 4 has a limit cycle of two turns. Sampled every
//! 0.05; one turn takes about 5.9. Lyapunov exponents 0.0714, 0, -5.3943 (Sprott 2003, p. 431).
//! Starts far from the attractor may escape to infinity.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Ode, Scalar};
use trajectory::Component;

/// A spiral that folds back onto itself: the simplest chaotic flow with one nonlinear term.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rossler {
    /// Rate at which the spiral opens.
    pub a: f64,
    /// Constant source of z.
    pub b: f64,
    /// Value of x above which z grows.
    pub c: f64,
}

impl Default for Rossler {
    fn default() -> Self {
        Rossler { a: 0.2, b: 0.2, c: 5.7 }
    }
}

impl Ode for Rossler {
    const NAME: &'static str = "rossler";
    const ABOUT: &'static str = "x' = -y - z, y' = x + a y, z' = b + z (x - c)";

    #[inline(always)]
    fn dim(&self) -> usize {
        3
    }

    #[inline(always)]
    fn rhs<S: Scalar>(&self, _t: S, u: &[S], du: &mut [S]) {
        let (x, y, z) = (u[0], u[1], u[2]);
        du[0] = -y - z;
        du[1] = x + y * self.a;
        du[2] = z * (x - self.c) + self.b;
    }

    fn components(&self) -> Vec<Component> {
        ["x", "y", "z"].map(|name| Component::new(name, "1")).into()
    }

    fn initial_region(&self) -> Vec<[f64; 2]> {
        vec![[-8.0, 8.0], [-8.0, 8.0], [0.0, 2.0]]
    }

    fn sampling(&self) -> [f64; 2] {
        [0.05, 40.0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::systems::tests::{divergence, precise, velocity};

    #[test]
    fn the_fixed_points_are_those_of_the_closed_form() {
        let ode = Rossler::default();
        let root = (ode.c * ode.c - 4.0 * ode.a * ode.b).sqrt();
        for z in [(ode.c - root) / (2.0 * ode.a), (ode.c + root) / (2.0 * ode.a)] {
            let du = velocity(&ode, &[ode.a * z, -z, z]);
            assert!(du.iter().all(|du| du.abs() < 1e-12), "{du:?}");
        }
    }

    #[test]
    fn volumes_change_at_the_rate_a_plus_x_minus_c() {
        let ode = Rossler::default();
        assert!((divergence(&ode, &[3.0, -2.0, 1.5]) - (ode.a + 3.0 - ode.c)).abs() < 1e-14);
    }

    #[test]
    fn without_z_it_is_a_spiral() {
        // b = 0 and z = 0 stay in the plane, where y'' - a y' + y = 0.
        let ode = Rossler { b: 0.0, ..Rossler::default() };
        let runs = precise(&ode, &[1.0, 0.0, 0.0], 0.1, 200);
        let (rate, frequency) = (ode.a / 2.0, (1.0 - ode.a * ode.a / 4.0).sqrt());
        for i in 0..runs.samples(0) {
            let t = runs.time(0, i);
            let y = (rate * t).exp() * (frequency * t).sin() / frequency;
            assert!((runs.state(0, i)[1] - y).abs() < 1e-10 && runs.state(0, i)[2] == 0.0);
        }
    }
}
