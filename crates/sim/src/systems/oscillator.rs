//! The damped driven oscillator, m x'' = -k x - gamma x' + F0 cos(Omega t), as x' = v,
//! v' = (-k x - gamma v + F0 cos(Omega t)) / m; any textbook, e.g. Taylor, "Classical Mechanics", 5.5.
//!
//! Good values: m = 1, k = 1, gamma = 2 * 0.2 (damped within ten periods), F0 = 1, Omega = 0.5.
//! Sampled every 0.1 over 20.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Ode, Scalar};
use trajectory::Component;

/// A mass on a spring with friction and a periodic force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Oscillator {
    /// Mass, m, in kg.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub mass: f64,
    /// Stiffness of the spring, k, in N/m.
    pub stiffness: f64,
    /// Damping coefficient, gamma, in kg/s.
    pub damping: f64,
    /// Amplitude of the driving force, F0, in N.
    pub force: f64,
    /// Angular frequency of the driving force, Omega, in rad/s.
    pub omega: f64,
}

impl Default for Oscillator {
    fn default() -> Self {
        Oscillator { mass: 1.0, stiffness: 1.0, damping: 2.0 * 0.2, force: 1.0, omega: 0.5 }
    }
}

impl Ode for Oscillator {
    const NAME: &'static str = "oscillator";
    const ABOUT: &'static str = "mass x'' = -stiffness x - damping x' + force cos(omega t)";

    #[inline(always)]
    fn dim(&self) -> usize {
        2
    }

    #[inline(always)]
    fn rhs<S: Scalar>(&self, t: S, u: &[S], du: &mut [S]) {
        let (x, v) = (u[0], u[1]);
        let force = (t * self.omega).cos() * self.force;
        du[0] = v;
        du[1] = (force - x * self.stiffness - v * self.damping) / self.mass;
    }

    fn components(&self) -> Vec<Component> {
        vec![Component::new("x", "m"), Component::new("v", "m/s")]
    }

    /// The phase of the force; with it the step from one sample to the next is an affine map.
    fn known_inputs(&self) -> Vec<Component> {
        vec![Component::new("cos", "1"), Component::new("sin", "1")]
    }

    fn known(&self, t: f64, known: &mut [f64]) {
        (known[1], known[0]) = (self.omega * t).sin_cos();
    }

    fn initial_region(&self) -> Vec<[f64; 2]> {
        vec![[-2.0, 2.0]; 2]
    }

    fn sampling(&self) -> [f64; 2] {
        [0.1, 20.0]
    }

    fn check(&self) -> Result<(), String> {
        if self.mass > 0.0 { Ok(()) } else { Err(format!("mass = {} must be above 0", self.mass)) }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The closed form: damped free motion plus the steady response, for the underdamped case.
    pub(crate) fn exact(o: &Oscillator, u0: [f64; 2], t0: f64, t: f64) -> [f64; 2] {
        let (rate, natural) = (o.damping / (2.0 * o.mass), o.stiffness / o.mass);
        let damped = (natural - rate * rate).sqrt();
        let (detuning, drag) = (natural - o.omega * o.omega, o.damping * o.omega / o.mass);
        let scale = o.force / o.mass / (detuning * detuning + drag * drag);
        let steady = |t: f64| {
            let (sin, cos) = (o.omega * t).sin_cos();
            [scale * (detuning * cos + drag * sin), scale * o.omega * (drag * cos - detuning * sin)]
        };
        let (s0, s) = (steady(t0), steady(t));
        let (a, w) = (u0[0] - s0[0], u0[1] - s0[1]);
        let b = (w + rate * a) / damped;
        let ((sin, cos), decay) = ((damped * (t - t0)).sin_cos(), (-rate * (t - t0)).exp());
        [
            s[0] + decay * (a * cos + b * sin),
            s[1] + decay * ((b * damped - rate * a) * cos - (a * damped + rate * b) * sin),
        ]
    }

    #[test]
    fn the_closed_form_solves_the_equation() {
        let o = Oscillator::default();
        let at = |t| exact(&o, [0.7, -1.1], 0.0, t);
        assert!(at(0.0).iter().zip([0.7, -1.1]).all(|(a, b)| (a - b).abs() < 1e-15));
        let (h, mut du) = (1e-5, [0.0; 2]);
        for t in [0.3, 2.0, 11.0] {
            o.rhs(t, &at(t), &mut du);
            for i in 0..2 {
                assert!((du[i] - (at(t + h)[i] - at(t - h)[i]) / (2.0 * h)).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn a_mass_that_is_not_positive_is_refused() {
        let weightless = Oscillator { mass: 0.0, ..Oscillator::default() };
        assert_eq!(weightless.check(), Err("mass = 0 must be above 0".into()));
    }
}
