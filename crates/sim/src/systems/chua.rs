//! Matsumoto (1984), "A chaotic attractor from Chua's circuit", IEEE Trans. Circuits Syst. 31, 1055, dimensionless as
//! in Chua, Komuro, Matsumoto (1986), "The double scroll family", IEEE Trans. Circuits Syst. 33, 1072:
//! x' = alpha (y - x - f(x)), y' = x - y + z, z' = -beta y, with the current of Chua's diode
//! f(x) = m1 x + (m0 - m1) (|x + 1| - |x - 1|) / 2.
//!
//! Good values: alpha = 9, beta = 100/7, m0 = -8/7, m1 = -5/7 (the double scroll; its largest Lyapunov exponent is 0.327,
//! measured over 80,000 time units). Sampled every 0.05. Starts outside of its basin escape to infinity, some of them from
//! within [-1.5, 1.5] x [-0.3, 0.3] x [-1.5, 1.5]; from the initial region none does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Ode, Scalar};
use trajectory::Component;

/// The simplest electronic circuit that is chaotic; all quantities are dimensionless.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Chua {
    /// Ratio of the two capacitances.
    pub alpha: f64,
    /// Resistance squared times the second capacitance over the inductance.
    pub beta: f64,
    /// Slope of the diode's current for |x| < 1.
    pub m0: f64,
    /// Slope of the diode's current for |x| > 1.
    pub m1: f64,
}

impl Default for Chua {
    fn default() -> Self {
        Chua { alpha: 9.0, beta: 100.0 / 7.0, m0: -8.0 / 7.0, m1: -5.0 / 7.0 }
    }
}

impl Ode for Chua {
    const NAME: &'static str = "chua";
    const ABOUT: &'static str = "x' = alpha (y - x - f(x)), y' = x - y + z, z' = -beta y";

    #[inline(always)]
    fn dim(&self) -> usize {
        3
    }

    #[inline(always)]
    fn rhs<S: Scalar>(&self, _t: S, u: &[S], du: &mut [S]) {
        let (x, y, z) = (u[0], u[1], u[2]);
        let diode = x * self.m1 + ((x + 1.0).abs() - (x - 1.0).abs()) * (0.5 * (self.m0 - self.m1));
        du[0] = (y - x - diode) * self.alpha;
        du[1] = x - y + z;
        du[2] = -(y * self.beta);
    }

    fn components(&self) -> Vec<Component> {
        ["x", "y", "z"].map(|name| Component::new(name, "1")).into()
    }

    fn initial_region(&self) -> Vec<[f64; 2]> {
        vec![[-1.0, 1.0], [-0.2, 0.2], [-1.0, 1.0]]
    }

    fn sampling(&self) -> [f64; 2] {
        [0.05, 40.0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::systems::tests::{divergence, precise, velocity};
    use crate::{Solver, System};
    use trajectory::{Times, random};

    #[test]
    fn it_is_odd() {
        let ode = Chua::default();
        for u in [[0.3, 0.1, -0.4], [1.8, -0.2, -2.0], [-1.2, 0.4, 0.9]] {
            let mirrored = velocity(&ode, &u.map(|x| -x));
            assert!(velocity(&ode, &u).iter().zip(mirrored).all(|(a, b)| *a == -b));
        }
    }

    #[test]
    fn it_rests_at_the_origin_and_in_the_middle_of_each_scroll() {
        let ode = Chua::default();
        let x = (ode.m1 - ode.m0) / (ode.m1 + 1.0);
        assert!((x - 1.5).abs() < 1e-15);
        for rest in [[0.0; 3], [x, 0.0, -x], [-x, 0.0, x]] {
            assert!(velocity(&ode, &rest).iter().all(|du| du.abs() < 1e-14), "{rest:?}");
        }
    }

    #[test]
    fn volumes_change_at_one_rate_inside_and_another_outside() {
        let ode = Chua::default();
        for (x, slope) in [(0.4, ode.m0), (-0.9, ode.m0), (1.3, ode.m1), (-2.0, ode.m1)] {
            let rate = -ode.alpha * (1.0 + slope) - 1.0;
            assert!((divergence(&ode, &[x, 0.2, 0.1]) - rate).abs() < 1e-13);
        }
    }

    #[test]
    fn between_the_kinks_it_is_linear() {
        // Small motions double where the start does, as long as |x| < 1.
        let ode = Chua::default();
        let (one, two) =
            (precise(&ode, &[1e-3, 0.0, 0.0], 0.05, 20), precise(&ode, &[2e-3, 0.0, 0.0], 0.05, 20));
        for (one, two) in one.u().iter().zip(two.u()) {
            assert!((2.0 * one - two).abs() < 1e-10, "{one} {two}");
        }
    }

    #[test]
    fn ten_thousand_random_starts_end_on_the_double_scroll() {
        let ode = Chua::default();
        let region = System::initial_region(&ode);
        let starts: Vec<Vec<f64>> =
            (0..10_000).map(|i| ode.random_start(&region, &mut random::stream(0, "test", i))).collect();
        let runs = ode.ensemble(&starts, &Times::new(1.0, 60).unwrap(), &Solver::dopri5(1e-6));
        let runs = runs.unwrap();
        for i in 0..runs.count() {
            for sample in 30..=60 {
                let [x, y, z] = *runs.state(i, sample) else { unreachable!() };
                assert!(x.abs() < 2.3 && y.abs() < 0.45 && z.abs() < 3.3, "{:?}: {x} {y} {z}", starts[i]);
            }
        }
    }
}
