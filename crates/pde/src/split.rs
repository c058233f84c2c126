//! Splitting methods for i psi_t = (T + V) psi: the kinetic part T is solved exactly in Fourier space and the potential part V
//! exactly at the points, in turns. Both are unitary, and so is every splitting, whatever the step is.

use crate::method::Order;

/// The fractions of a time step of a symmetric splitting: T for kinetic\[0\], V for potential\[0\], T for kinetic\[1\], and so on,
/// up to the last entry of `kinetic`. Sums are 1. The last kinetic part merges with the first one of the next step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Splitting {
    /// For T, one more than for V.
    pub kinetic: &'static [f64],
    /// For V.
    pub potential: &'static [f64],
}

/// Strang (1968), "On the construction and comparison of difference schemes", SIAM J. Numer. Anal. 5, 506: order 2.
pub const STRANG: Splitting = Splitting { kinetic: &[0.5, 0.5], potential: &[1.0] };

/// Blanes and Moan (2002), "Practical symplectic partitioned Runge-Kutta and Runge-Kutta-Nystroem methods", J. Comput.
/// Appl. Math. 142, 313, method S6 of order 4 in table 2. Its six potential parts a step pay off: at equal cost its
/// error is far below that of three Strang steps (Yoshida 1990).
pub const BLANES_MOAN: Splitting = Splitting {
    kinetic: &[A[0], A[1], A[2], 1.0 - 2.0 * (A[0] + A[1] + A[2]), A[2], A[1], A[0]],
    potential: &[B[0], B[1], 0.5 - (B[0] + B[1]), 0.5 - (B[0] + B[1]), B[1], B[0]],
};

const A: [f64; 3] = [0.0792036964311957, 0.353172906049774, -0.0420650803577195];
const B: [f64; 2] = [0.209515106613362, -0.143851773179818];

impl Splitting {
    /// The method of an order.
    pub fn of(order: Order) -> Self {
        match order {
            Order::Second => STRANG,
            Order::Fourth => BLANES_MOAN,
        }
    }
}

/// The distinct values of some fractions, and the position of each fraction among them.
pub(crate) fn distinct(fractions: &[f64]) -> (Vec<f64>, Vec<usize>) {
    let mut values: Vec<f64> = Vec::new();
    let positions = fractions
        .iter()
        .map(|fraction| {
            values.iter().position(|value| value == fraction).unwrap_or_else(|| {
                values.push(*fraction);
                values.len() - 1
            })
        })
        .collect();
    (values, positions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_symmetric_and_sum_to_one() {
        for splitting in [STRANG, BLANES_MOAN] {
            for fractions in [splitting.kinetic, splitting.potential] {
                assert!((fractions.iter().sum::<f64>() - 1.0).abs() < 1e-15);
                assert!(fractions.iter().eq(fractions.iter().rev()));
            }
            assert_eq!(splitting.kinetic.len(), splitting.potential.len() + 1);
        }
    }

    #[test]
    fn the_orders_on_a_pendulum_are_2_and_4() {
        // q' = p, p' = -sin q is split as the Schroedinger equation is.
        let error = |splitting: Splitting, steps: usize| {
            let run = |steps: usize| {
                let (mut q, mut p, h) = (1.0f64, 0.3f64, 2.0 / steps as f64);
                for _ in 0..steps {
                    for (i, a) in splitting.kinetic.iter().enumerate() {
                        q += a * h * p;
                        if let Some(b) = splitting.potential.get(i) {
                            p -= b * h * q.sin();
                        }
                    }
                }
                [q, p]
            };
            let (some, converged) = (run(steps), run(2000));
            (some[0] - converged[0]).abs().max((some[1] - converged[1]).abs())
        };
        for (splitting, expected) in [(STRANG, 2.0), (BLANES_MOAN, 4.0)] {
            let measured = (error(splitting, 10) / error(splitting, 20)).log2();
            assert!((measured - expected).abs() < 0.2, "{measured}");
        }
    }

    #[test]
    fn equal_fractions_share_a_value() {
        let (values, positions) = distinct(BLANES_MOAN.kinetic);
        assert_eq!((values.len(), positions), (4, vec![0, 1, 2, 3, 2, 1, 0]));
    }
}
