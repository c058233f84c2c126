//! Duffing (1918), "Erzwungene Schwingungen bei veränderlicher Eigenfrequenz und ihre technische Bedeutung":
//! x'' + delta x' + alpha x + beta x^3 = gamma cos(omega t), as x' = v,
//! v' = gamma cos(omega t) - delta v - alpha x - beta x^3.
//!
//! Good values: alpha = -1, beta = 1 (two wells, at x = -1 and 1), delta = 0.3, omega = 1.2, and gamma = 0.5 (chaotic)
//! or 0.2 (a periodic motion in either well). beta < 0 lets x escape. Sampled every 0.1; the force has the period 5.24.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Ode, Scalar};
use trajectory::Component;

/// A damped mass between two wells, shaken periodically; all quantities are dimensionless.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Duffing {
    /// Linear stiffness. A negative one gives two potential wells.
    pub alpha: f64,
    /// Cubic stiffness.
    pub beta: f64,
    /// Damping coefficient.
    pub delta: f64,
    /// Amplitude of the driving force.
    pub gamma: f64,
    /// Angular frequency of the driving force.
    pub omega: f64,
}

impl Default for Duffing {
    fn default() -> Self {
        Duffing { alpha: -1.0, beta: 1.0, delta: 0.3, gamma: 0.5, omega: 1.2 }
    }
}

impl Ode for Duffing {
    const NAME: &'static str = "duffing";
    const ABOUT: &'static str = "x'' = gamma cos(omega t) - delta x' - alpha x - beta x^3";

    #[inline(always)]
    fn dim(&self) -> usize {
        2
    }

    #[inline(always)]
    fn rhs<S: Scalar>(&self, t: S, u: &[S], du: &mut [S]) {
        let (x, v) = (u[0], u[1]);
        let force = (t * self.omega).cos() * self.gamma;
        du[0] = v;
        du[1] = force - v * self.delta - x * (x * x * self.beta + self.alpha);
    }

    fn components(&self) -> Vec<Component> {
        ["x", "v"].map(|name| Component::new(name, "1")).into()
    }

    /// The phase of the force; with it the step from one sample to the next is the same map at all times.
    fn known_inputs(&self) -> Vec<Component> {
        ["cos", "sin"].map(|name| Component::new(name, "1")).into()
    }

    fn known(&self, t: f64, known: &mut [f64]) {
        (known[1], known[0]) = (self.omega * t).sin_cos();
    }

    fn initial_region(&self) -> Vec<[f64; 2]> {
        vec![[-1.5, 1.5]; 2]
    }

    fn sampling(&self) -> [f64; 2] {
        [0.1, 40.0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::systems::tests::{divergence, drift, precise, velocity};

    #[test]
    fn undriven_and_undamped_it_keeps_its_energy() {
        let ode = Duffing { delta: 0.0, gamma: 0.0, ..Duffing::default() };
        let energy =
            |u: &[f64]| 0.5 * u[1] * u[1] + 0.5 * ode.alpha * u[0] * u[0] + 0.25 * ode.beta * u[0].powi(4);
        for start in [[1.2, 0.0], [0.5, 1.5], [-2.0, 0.3]] {
            let drift = drift(&precise(&ode, &start, 0.1, 500), energy);
            assert!(drift < 1e-9, "{drift:e}");
        }
    }

    #[test]
    fn undriven_it_rests_at_the_bottoms_of_its_wells_and_between_them() {
        let ode = Duffing { gamma: 0.0, ..Duffing::default() };
        for x in [-1.0, 0.0, 1.0] {
            assert_eq!(velocity(&ode, &[x, 0.0]), [0.0, 0.0]);
        }
        for (start, bottom) in [(0.5, 1.0), (-0.5, -1.0)] {
            let runs = precise(&ode, &[start, 0.0], 1.0, 200);
            let [x, v] = runs.state(0, 200) else { unreachable!() };
            assert!((x - bottom).abs() < 1e-9 && v.abs() < 1e-9, "{x} {v}");
        }
        assert!((divergence(&ode, &[0.3, 0.7]) + ode.delta).abs() < 1e-15);
    }

    #[test]
    fn half_a_period_later_it_is_its_mirror_image() {
        let ode = Duffing::default();
        let half = std::f64::consts::PI / ode.omega;
        let (x, mut du, mut mirrored) = ([0.4, -0.9], [0.0; 2], [0.0; 2]);
        ode.rhs(0.7, &x, &mut du);
        ode.rhs(0.7 + half, &x.map(|x| -x), &mut mirrored);
        assert!(du.iter().zip(mirrored).all(|(a, b)| (a + b).abs() < 1e-14));
    }
}
