//! Van der Pol (1926), "On relaxation-oscillations", Phil. Mag. 2, 978: x'' - mu (1 - x^2) x' + x = 0, as
//! x' = y, y' = mu (1 - x^2) y - x.
//!
//! Good values: mu from 0.1 (nearly a sine) to 10 (relaxation oscillations); below 0 the limit cycle repels and what
//! starts outside of it blows up. Sampled every 0.05 over 20. Every start but 0 ends on the limit cycle, for mu = 1
//! of period 6.6632868593231301 and amplitude 2.00862.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Ode, Scalar};
use trajectory::Component;

/// An oscillator that feeds itself when small and damps itself when large; all quantities are dimensionless.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct VanDerPol {
    /// Strength of the nonlinear damping.
    pub mu: f64,
}

impl Default for VanDerPol {
    fn default() -> Self {
        VanDerPol { mu: 1.0 }
    }
}

impl Ode for VanDerPol {
    const NAME: &'static str = "van_der_pol";
    const ABOUT: &'static str = "x' = y, y' = mu (1 - x^2) y - x";

    #[inline(always)]
    fn dim(&self) -> usize {
        2
    }

    #[inline(always)]
    fn rhs<S: Scalar>(&self, _t: S, u: &[S], du: &mut [S]) {
        let (x, y) = (u[0], u[1]);
        du[0] = y;
        du[1] = (-(x * x) + 1.0) * y * self.mu - x;
    }

    fn components(&self) -> Vec<Component> {
        ["x", "y"].map(|name| Component::new(name, "1")).into()
    }

    fn initial_region(&self) -> Vec<[f64; 2]> {
        vec![[-3.0, 3.0]; 2]
    }

    fn sampling(&self) -> [f64; 2] {
        [0.05, 20.0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::systems::tests::precise;

    const PERIOD: f64 = 6.663_286_859_323_13;

    #[test]
    fn its_limit_cycle_has_the_published_period_and_amplitude() {
        let ode = VanDerPol::default();
        // Every start is on the cycle after 20 periods: a distance shrinks by a factor of 1e-3 in each.
        for start in [[2.0, 0.0], [0.1, 0.1], [-3.0, 3.0]] {
            let there = precise(&ode, &start, PERIOD, 20);
            let on_it = there.state(0, 20).to_vec();
            let around = precise(&ode, &on_it, PERIOD, 1);
            for (x, first) in around.state(0, 1).iter().zip(&on_it) {
                assert!((x - first).abs() < 1e-9, "{:?} from {on_it:?}", around.state(0, 1));
            }
            let turn = precise(&ode, &on_it, PERIOD / 20_000.0, 20_000);
            let amplitude = (0..turn.samples(0)).map(|i| turn.state(0, i)[0]).fold(0.0, f64::max);
            assert!((amplitude - 2.00862).abs() < 5e-6, "{amplitude}");
        }
    }

    #[test]
    fn without_damping_it_is_a_sine() {
        let runs = precise(&VanDerPol { mu: 0.0 }, &[1.0, 0.0], 0.1, 100);
        for i in 0..runs.samples(0) {
            let t = runs.time(0, i);
            assert!((runs.state(0, i)[0] - t.cos()).abs() < 1e-10);
        }
    }
}
