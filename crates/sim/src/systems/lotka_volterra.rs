//! Lotka (1925), "Elements of Physical Biology", and Volterra (1926), "Fluctuations in the abundance of a species
//! considered mathematically", Nature 118, 558: x' = alpha x - beta x y, y' = delta x y - gamma y.
//!
//! Good values: alpha = 2/3, beta = 4/3, gamma = delta = 1. Around the fixed point (gamma / delta, alpha / beta) every
//! positive start goes round a closed orbit of its own, small ones in 2 pi / sqrt(alpha gamma) = 7.7, on which
//! V = delta x - gamma log x + beta y - alpha log y is constant. Sampled every 0.1 over 20.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Ode, Scalar};
use trajectory::Component;

/// Prey and their predators, in numbers relative to some large one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LotkaVolterra {
    /// Growth rate of the prey.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub alpha: f64,
    /// Rate at which each predator reduces the prey.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub beta: f64,
    /// Death rate of the predators.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub gamma: f64,
    /// Rate at which each prey increases the predators.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub delta: f64,
}

impl Default for LotkaVolterra {
    fn default() -> Self {
        LotkaVolterra { alpha: 2.0 / 3.0, beta: 4.0 / 3.0, gamma: 1.0, delta: 1.0 }
    }
}

impl Ode for LotkaVolterra {
    const NAME: &'static str = "lotka_volterra";
    const ABOUT: &'static str = "x' = alpha x - beta x y, y' = delta x y - gamma y";

    #[inline(always)]
    fn dim(&self) -> usize {
        2
    }

    #[inline(always)]
    fn rhs<S: Scalar>(&self, _t: S, u: &[S], du: &mut [S]) {
        let (x, y) = (u[0], u[1]);
        du[0] = x * (-(y * self.beta) + self.alpha);
        du[1] = y * (x * self.delta - self.gamma);
    }

    fn components(&self) -> Vec<Component> {
        ["x", "y"].map(|name| Component::new(name, "1")).into()
    }

    /// From half to one and a half times the fixed point.
    fn initial_region(&self) -> Vec<[f64; 2]> {
        [self.gamma / self.delta, self.alpha / self.beta].map(|rest| [0.5 * rest, 1.5 * rest]).into()
    }

    fn sampling(&self) -> [f64; 2] {
        [0.1, 20.0]
    }

    fn check(&self) -> Result<(), String> {
        for (name, value) in
            [("alpha", self.alpha), ("beta", self.beta), ("gamma", self.gamma), ("delta", self.delta)]
        {
            if value.is_nan() || value <= 0.0 {
                return Err(format!("{name} = {value} must be above 0"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::systems::tests::{drift, precise, velocity};

    #[test]
    fn every_start_keeps_its_orbit() {
        let o = LotkaVolterra::default();
        let orbit = |u: &[f64]| o.delta * u[0] - o.gamma * u[0].ln() + o.beta * u[1] - o.alpha * u[1].ln();
        for start in [[0.5, 0.25], [1.4, 0.7], [3.0, 0.1]] {
            let runs = precise(&o, &start, 0.1, 500);
            assert!(runs.u().iter().all(|&x| x > 0.0));
            let drift = drift(&runs, orbit);
            assert!(drift < 1e-9, "{drift:e}");
        }
    }

    #[test]
    fn near_the_fixed_point_it_is_a_harmonic_oscillator() {
        let o = LotkaVolterra { alpha: 1.1, beta: 0.4, gamma: 0.6, delta: 0.2 };
        let rest = [o.gamma / o.delta, o.alpha / o.beta];
        assert!(velocity(&o, &rest).iter().all(|du| du.abs() < 1e-15));
        let (small, period) = (1e-4, std::f64::consts::TAU / (o.alpha * o.gamma).sqrt());
        let runs = precise(&o, &[rest[0] + small, rest[1]], period / 4.0, 4);
        for (i, share) in [1.0, 0.0, -1.0, 0.0, 1.0].into_iter().enumerate() {
            assert!((runs.state(0, i)[0] - rest[0] - share * small).abs() < 1e-3 * small, "{i}");
        }
    }

    #[test]
    fn a_rate_that_is_not_positive_is_refused() {
        let starving = LotkaVolterra { delta: 0.0, ..LotkaVolterra::default() };
        assert_eq!(starving.check(), Err("delta = 0 must be above 0".into()));
    }
}
