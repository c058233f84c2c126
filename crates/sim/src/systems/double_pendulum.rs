//! The double pendulum: two point masses on massless rods, the second hanging from the first (Landau and Lifshitz,
//! "Mechanics", section 5, problem 1, for its Lagrangian). With the angles theta from the vertical and d = theta1 -
//! theta2:
//! (m1 + m2) l1 theta1'' + m2 l2 (theta2'' cos d + theta2'^2 sin d) + (m1 + m2) g sin theta1 = 0,
//! l2 theta2'' + l1 (theta1'' cos d - theta1'^2 sin d) + g sin theta2 = 0,
//! solved for the accelerations.
//!
//! Good values: both masses 1 kg, both rods 1 m, g = 9.81 m/s^2; sampled every 0.02 s over 10 s. It keeps its energy, so
//! that there is no attractor: small motions are sums of two normal modes, and from the initial region, where no start
//! has the energy to carry a mass over the top, nearly all are regular. Starts at angles of 2 to 2.5 rad are chaotic, with
//! a largest Lyapunov exponent of about 1.4 per second, and their angles wind on without bound.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Ode, Scalar};
use trajectory::Component;

/// A pendulum that hangs from a pendulum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DoublePendulum {
    /// Upper mass, in kg.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub mass1: f64,
    /// Lower mass, in kg.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub mass2: f64,
    /// Length of the upper rod, in m.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub length1: f64,
    /// Length of the lower rod, in m.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub length2: f64,
    /// Acceleration by gravity, g, in m/s^2.
    #[schemars(range(min = 0))]
    pub gravity: f64,
}

impl Default for DoublePendulum {
    fn default() -> Self {
        DoublePendulum { mass1: 1.0, mass2: 1.0, length1: 1.0, length2: 1.0, gravity: 9.81 }
    }
}

impl Ode for DoublePendulum {
    const NAME: &'static str = "double_pendulum";
    const ABOUT: &'static str = "a mass on a rod on a mass on a rod, without friction";

    #[inline(always)]
    fn dim(&self) -> usize {
        4
    }

    #[inline(always)]
    fn rhs<S: Scalar>(&self, _t: S, u: &[S], du: &mut [S]) {
        let (theta1, theta2, omega1, omega2) = (u[0], u[1], u[2], u[3]);
        let (sin, cos) = ((theta1 - theta2).sin(), (theta1 - theta2).cos());
        let mass = self.mass1 + self.mass2;
        // theta1'' l1 + share theta2'' l2 cos d = first, theta1'' l1 cos d + theta2'' l2 = second
        let share = self.mass2 / mass;
        let first = -(theta1.sin() * self.gravity) - omega2 * omega2 * sin * (share * self.length2);
        let second = omega1 * omega1 * sin * self.length1 - theta2.sin() * self.gravity;
        let determinant = -(cos * cos * share) + 1.0;
        du[0] = omega1;
        du[1] = omega2;
        du[2] = (first - second * cos * share) / (determinant * self.length1);
        du[3] = (second - first * cos) / (determinant * self.length2);
    }

    fn components(&self) -> Vec<Component> {
        vec![
            Component::new("theta1", "rad"),
            Component::new("theta2", "rad"),
            Component::new("omega1", "rad/s"),
            Component::new("omega2", "rad/s"),
        ]
    }

    fn initial_region(&self) -> Vec<[f64; 2]> {
        vec![[-1.0, 1.0], [-1.0, 1.0], [-0.5, 0.5], [-0.5, 0.5]]
    }

    fn sampling(&self) -> [f64; 2] {
        [0.02, 10.0]
    }

    fn check(&self) -> Result<(), String> {
        for (name, value) in [
            ("mass1", self.mass1),
            ("mass2", self.mass2),
            ("length1", self.length1),
            ("length2", self.length2),
        ] {
            if value.is_nan() || value <= 0.0 {
                return Err(format!("{name} = {value} must be above 0"));
            }
        }
        if self.gravity >= 0.0 {
            Ok(())
        } else {
            Err(format!("gravity = {} must not be below 0", self.gravity))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::systems::tests::{divergence, drift, precise};

    /// Kinetic and potential, in J, from the places and velocities of the masses.
    fn energy(p: &DoublePendulum, u: &[f64]) -> f64 {
        let [theta1, theta2, omega1, omega2] = *u else { unreachable!() };
        let upper = [p.length1 * omega1 * theta1.cos(), p.length1 * omega1 * theta1.sin()];
        let lower =
            [upper[0] + p.length2 * omega2 * theta2.cos(), upper[1] + p.length2 * omega2 * theta2.sin()];
        let square = |v: [f64; 2]| v[0] * v[0] + v[1] * v[1];
        let (height1, height2) = (-p.length1 * theta1.cos(), -p.length2 * theta2.cos());
        0.5 * p.mass1 * square(upper)
            + 0.5 * p.mass2 * square(lower)
            + p.gravity * (p.mass1 * height1 + p.mass2 * (height1 + height2))
    }

    #[test]
    fn it_keeps_its_energy() {
        let uneven = DoublePendulum { mass1: 0.7, mass2: 2.0, length1: 1.3, length2: 0.4, gravity: 9.81 };
        for p in [DoublePendulum::default(), uneven] {
            for start in [[1.0, -1.0, 0.5, 0.5], [2.5, 2.0, 0.0, -1.0]] {
                let drift = drift(&precise(&p, &start, 0.02, 500), |u| energy(&p, u));
                assert!(drift < 1e-8, "{drift:e}");
            }
        }
    }

    #[test]
    fn without_gravity_it_also_keeps_its_angular_momentum() {
        let p = DoublePendulum { gravity: 0.0, length2: 0.6, mass2: 1.5, ..DoublePendulum::default() };
        let momentum = |u: &[f64]| {
            let (m, l) = (p.mass2, p.length2);
            let coupled = m * p.length1 * l * (u[0] - u[1]).cos();
            ((p.mass1 + m) * p.length1 * p.length1 + coupled) * u[2] + (m * l * l + coupled) * u[3]
        };
        let drift = drift(&precise(&p, &[0.3, -1.2, 1.0, -2.0], 0.02, 500), momentum);
        assert!(drift < 1e-9, "{drift:e}");
    }

    #[test]
    fn small_motions_have_the_normal_modes() {
        // Equal masses and rods: omega^2 = (2 -+ sqrt 2) g / l, with theta2 = +- sqrt 2 theta1.
        let (p, small, root) = (DoublePendulum::default(), 1e-4, 2f64.sqrt());
        for shape in [root, -root] {
            let frequency = ((2.0 - shape) * p.gravity / p.length1).sqrt();
            let runs = precise(&p, &[small, shape * small, 0.0, 0.0], 0.05, 200);
            for i in 0..runs.samples(0) {
                let t = runs.time(0, i);
                let theta = small * (frequency * t).cos();
                for (angle, factor) in runs.state(0, i).iter().zip([1.0, shape]) {
                    assert!((angle - factor * theta).abs() < 1e-5 * small, "{shape} at {t}");
                }
            }
        }
    }

    #[test]
    fn a_heavy_upper_mass_swings_alone_and_volumes_in_phase_space_of_momenta_stay() {
        let p = DoublePendulum { mass2: 1e-12, ..DoublePendulum::default() };
        let runs = precise(&p, &[0.8, 0.3, 0.0, 0.0], 0.05, 200);
        let upper = |u: &[f64]| 0.5 * u[2] * u[2] - p.gravity / p.length1 * u[0].cos();
        assert!(drift(&runs, upper) < 1e-9);
        // At rest the angles and their rates are momenta up to a constant factor.
        assert_eq!(divergence(&DoublePendulum::default(), &[0.4, -0.7, 0.0, 0.0]), 0.0);
    }

    #[test]
    fn from_the_initial_region_no_mass_goes_over_the_top() {
        let p = DoublePendulum::default();
        let most = energy(&p, &[1.0, 1.0, 0.5, 0.5]);
        let over = [
            energy(&p, &[0.0, std::f64::consts::PI, 0.0, 0.0]),
            energy(&p, &[std::f64::consts::PI, 0.0, 0.0, 0.0]),
        ];
        assert!(over.iter().all(|over| most < *over), "{most} {over:?}");
    }

    #[test]
    fn impossible_parameters_are_refused() {
        let p = DoublePendulum::default();
        assert_eq!(p.check(), Ok(()));
        for (pendulum, name) in [
            (DoublePendulum { mass1: 0.0, ..p.clone() }, "mass1"),
            (DoublePendulum { mass2: -1.0, ..p.clone() }, "mass2"),
            (DoublePendulum { length1: f64::NAN, ..p.clone() }, "length1"),
            (DoublePendulum { length2: 0.0, ..p.clone() }, "length2"),
            (DoublePendulum { gravity: -9.81, ..p.clone() }, "gravity"),
        ] {
            let message = pendulum.check().unwrap_err();
            assert!(message.starts_with(name), "{message}");
        }
    }
}
