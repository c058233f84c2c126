//! Thomas (1999), "Deterministic chaos seen in terms of feedback circuits: analysis, synthesis, 'labyrinth chaos'",
//! Int. J. Bifurcation Chaos 9, 1889: x' = sin y - b x, y' = sin z - b y, z' = sin x - b z.
//!
//! Good values: b = 0.18 (chaotic, Lyapunov exponent 0.0349: Sprott and Chlouverakis 2007, "Labyrinth chaos", Int. J.
//! Bifurcation Chaos 17, 2097); above 0.208186 the chaos ends, above 1 every start decays to 0; b = 0 walks at random
//! through an endless labyrinth. Sampled every 0.2 over 80: it is slow.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Ode, Scalar};
use trajectory::Component;

/// Three quantities, each of which drives the one before it; all are dimensionless.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Thomas {
    /// Damping coefficient.
    pub b: f64,
}

impl Default for Thomas {
    fn default() -> Self {
        Thomas { b: 0.18 }
    }
}

impl Ode for Thomas {
    const NAME: &'static str = "thomas";
    const ABOUT: &'static str = "x' = sin y - b x, y' = sin z - b y, z' = sin x - b z";

    #[inline(always)]
    fn dim(&self) -> usize {
        3
    }

    #[inline(always)]
    fn rhs<S: Scalar>(&self, _t: S, u: &[S], du: &mut [S]) {
        let (x, y, z) = (u[0], u[1], u[2]);
        du[0] = y.sin() - x * self.b;
        du[1] = z.sin() - y * self.b;
        du[2] = x.sin() - z * self.b;
    }

    fn components(&self) -> Vec<Component> {
        ["x", "y", "z"].map(|name| Component::new(name, "1")).into()
    }

    fn initial_region(&self) -> Vec<[f64; 2]> {
        vec![[-4.0, 4.0]; 3]
    }

    fn sampling(&self) -> [f64; 2] {
        [0.2, 80.0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::systems::tests::{divergence, precise, velocity};

    #[test]
    fn it_is_the_same_after_a_cyclic_exchange_and_in_the_mirror() {
        let (ode, [x, y, z]) = (Thomas::default(), [0.3, -1.7, 2.4]);
        let straight = precise(&ode, &[x, y, z], 0.5, 40);
        let (turned, mirrored) = (precise(&ode, &[y, z, x], 0.5, 40), precise(&ode, &[-x, -y, -z], 0.5, 40));
        for i in 0..=40 {
            for j in 0..3 {
                let there = straight.state(0, i)[j];
                assert!((turned.state(0, i)[(j + 2) % 3] - there).abs() < 1e-9);
                assert!((mirrored.state(0, i)[j] + there).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn volumes_shrink_at_the_rate_3_b() {
        let ode = Thomas::default();
        assert!((divergence(&ode, &[0.3, -1.7, 2.4]) + 3.0 * ode.b).abs() < 1e-15);
    }

    #[test]
    fn on_the_diagonal_it_rests_where_sin_x_is_b_x() {
        let ode = Thomas::default();
        let runs = precise(&ode, &[0.1; 3], 1.0, 100);
        let x = runs.state(0, 100)[0];
        assert!((x.sin() - ode.b * x).abs() < 1e-9 && x > 2.0, "{x}");
        assert!(velocity(&ode, &[x; 3]).iter().all(|du| du.abs() < 1e-9));
    }
}
