//! The classical Runge-Kutta method of order 4 (Kutta 1901; Hairer, Norsett, Wanner, "Solving Ordinary
//! Differential Equations I", II.1, table 1.2).

use crate::{Ode, SimulationError, Times};

/// Writes the states at `times`, [time, component], with `substeps` equal steps a sample interval.
pub(super) fn trajectory(
    ode: &impl Ode,
    u0: &[f64],
    times: &Times,
    substeps: usize,
    out: &mut [f64],
) -> Result<(), SimulationError> {
    let dim = ode.dim();
    let h = times.dt() / substeps as f64;
    let mut u = u0.to_vec();
    let (mut k1, mut k2, mut k3, mut k4) = (vec![0.0; dim], vec![0.0; dim], vec![0.0; dim], vec![0.0; dim]);
    let mut stage = vec![0.0; dim];
    for (i, sample) in out.chunks_exact_mut(dim).enumerate() {
        if !u.iter().all(|x| x.is_finite()) {
            return Err(SimulationError::Diverged { t: times.at(i.saturating_sub(1)) });
        }
        sample.copy_from_slice(&u);
        if i + 1 == times.samples() {
            break;
        }
        for step in 0..substeps {
            let t = times.at(i) + step as f64 * h;
            ode.rhs(t, &u, &mut k1);
            advance(&u, h / 2.0, &k1, &mut stage);
            ode.rhs(t + h / 2.0, &stage, &mut k2);
            advance(&u, h / 2.0, &k2, &mut stage);
            ode.rhs(t + h / 2.0, &stage, &mut k3);
            advance(&u, h, &k3, &mut stage);
            ode.rhs(t + h, &stage, &mut k4);
            for j in 0..dim {
                u[j] += h / 6.0 * (k1[j] + 2.0 * (k2[j] + k3[j]) + k4[j]);
            }
        }
    }
    Ok(())
}

fn advance(u: &[f64], h: f64, k: &[f64], stage: &mut [f64]) {
    for ((stage, u), k) in stage.iter_mut().zip(u).zip(k) {
        *stage = u + h * k;
    }
}
