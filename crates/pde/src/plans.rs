//! Plans of one-dimensional Fourier transforms. Each is made once and kept for the life of the program.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use rustfft::{Fft, FftPlanner};

static COMPLEX: Mutex<Option<FftPlanner<f64>>> = Mutex::new(None);
static REAL: Mutex<Option<RealFftPlanner<f64>>> = Mutex::new(None);

/// The lock of a planner, which a panic elsewhere cannot leave half changed.
fn lock<T>(planner: &Mutex<T>) -> MutexGuard<'_, T> {
    planner.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The transforms of `n` complex numbers, forward (exponents -i) and inverse, neither of them normalised.
pub(crate) fn complex(n: usize) -> [Arc<dyn Fft<f64>>; 2] {
    let mut planner = lock(&COMPLEX);
    let planner = planner.get_or_insert_with(FftPlanner::new);
    [planner.plan_fft_forward(n), planner.plan_fft_inverse(n)]
}

/// The transforms from `n` real numbers to n / 2 + 1 complex ones and back, neither of them normalised.
pub(crate) fn real(n: usize) -> (Arc<dyn RealToComplex<f64>>, Arc<dyn ComplexToReal<f64>>) {
    let mut planner = lock(&REAL);
    let planner = planner.get_or_insert_with(RealFftPlanner::new);
    (planner.plan_fft_forward(n), planner.plan_fft_inverse(n))
}
