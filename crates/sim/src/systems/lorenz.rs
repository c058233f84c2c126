//! Lorenz (1963), "Deterministic Nonperiodic Flow", J. Atmos. Sci. 20, 130, equations 25 to 27:
//! x' = sigma (y - x), y' = x (rho - z) - y, z' = x y - beta z.
//!
//! Good values: sigma = 10, rho = 28, beta = 8/3 (chaotic); rho < 1 decays to 0, 1 < rho < 24.06 ends
//! on a fixed point. Sampled every 0.01. Lyapunov exponents 0.9056, 0, -14.5723 (Sprott 2003, p. 431;
//! Viswanath 1998).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Ode, Scalar};
use trajectory::Component;

/// Convection between two plates, cut down to three modes; all quantities are dimensionless.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Lorenz {
    /// Prandtl number.
    pub sigma: f64,
    /// Rayleigh number divided by its critical value.
    pub rho: f64,
    /// Geometric factor: the shape of the convection cell.
    pub beta: f64,
}

impl Default for Lorenz {
    fn default() -> Self {
        Lorenz { sigma: 10.0, rho: 28.0, beta: 8.0 / 3.0 }
    }
}

impl Ode for Lorenz {
    const NAME: &'static str = "lorenz";
    const ABOUT: &'static str = "x' = sigma (y - x), y' = x (rho - z) - y, z' = x y - beta z";

    #[inline(always)]
    fn dim(&self) -> usize {
        3
    }

    #[inline(always)]
    fn rhs<S: Scalar>(&self, _t: S, u: &[S], du: &mut [S]) {
        let (x, y, z) = (u[0], u[1], u[2]);
        du[0] = (y - x) * self.sigma;
        du[1] = x * (S::from(self.rho) - z) - y;
        du[2] = x * y - z * self.beta;
    }

    fn components(&self) -> Vec<Component> {
        ["x", "y", "z"].map(|name| Component::new(name, "1")).into()
    }

    fn initial_region(&self) -> Vec<[f64; 2]> {
        vec![[-15.0, 15.0]; 3]
    }

    fn sampling(&self) -> [f64; 2] {
        [0.01, 8.0]
    }
}
