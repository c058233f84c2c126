//! A wave function on its grid, taken from kinetic to potential parts and back.

use std::sync::Arc;

use rustfft::Fft;
use rustfft::num_complex::Complex64;

use super::steps::{Factors, PointFactors};
use crate::Grid;
use crate::crossing::{Arrays, Crossing};
use crate::plans;
use crate::vectorised::{Work, vectorised};

/// The memory and the plans for one wave function.
pub(super) enum Wave {
    /// On a grid of one axis.
    Line {
        /// The values at the points between two parts.
        psi: Vec<Complex64>,
        forward: Arc<dyn Fft<f64>>,
        inverse: Arc<dyn Fft<f64>>,
        scratch: Vec<Complex64>,
    },
    /// In the plane.
    Plane {
        crossing: Crossing,
        arrays: Arrays,
        /// What a pair of columns remembers: nothing.
        memory: Vec<()>,
    },
}

impl Wave {
    /// For work in `parts` parts.
    pub fn new(grid: &Grid, parts: usize) -> Self {
        let [nx, ny] = grid.nx_ny();
        if grid.dims() == 2 {
            let crossing = Crossing::new([nx, ny], (0..nx).collect());
            return Wave::Plane { arrays: crossing.arrays(parts), crossing, memory: vec![(); nx / 2] };
        }
        let [forward, inverse] = plans::complex(nx);
        let scratch = forward.get_inplace_scratch_len().max(inverse.get_inplace_scratch_len());
        let zeros = |n| vec![Complex64::ZERO; n];
        Wave::Line { psi: zeros(nx), forward, inverse, scratch: zeros(scratch) }
    }

    /// The values at the points, \[x\] or \[y, x\]; those of the plane only before the first and after the last part.
    fn values(&mut self) -> &mut [Complex64] {
        match self {
            Wave::Line { psi, .. } => psi,
            Wave::Plane { arrays, .. } => &mut arrays.rows,
        }
    }

    /// Starts from `state` \[re, im\], takes `steps` steps and writes the result to `out`.
    pub fn advance(&mut self, state: &[f64], factors: &Factors, steps: usize, out: &mut [f64]) {
        let (re, im) = state.split_at(state.len() / 2);
        for (psi, (re, im)) in self.values().iter_mut().zip(re.iter().zip(im)) {
            *psi = Complex64::new(*re, *im);
        }
        if let Wave::Plane { crossing, arrays, .. } = self {
            crossing.rows_forward(arrays);
        }
        self.kinetic(&factors.kinetic[Factors::FIRST]);
        for step in 1..=steps {
            for (i, &potential) in factors.potential_order.iter().enumerate() {
                self.potential(&factors.potential[potential]);
                let next = match factors.kinetic_after.get(i) {
                    Some(&next) => next,
                    None if step == steps => Factors::FIRST,
                    None => factors.between(),
                };
                self.kinetic(&factors.kinetic[next]);
            }
        }
        if let Wave::Plane { crossing, arrays, .. } = self {
            crossing.row_pass(arrays, false, |_, _| ());
        }
        let (re, im) = out.split_at_mut(state.len() / 2);
        for (psi, (re, im)) in self.values().iter().zip(re.iter_mut().zip(im)) {
            (*re, *im) = (psi.re, psi.im);
        }
    }

    fn kinetic(&mut self, [along_x, along_y]: &[Vec<Complex64>; 2]) {
        match self {
            Wave::Line { psi, forward, inverse, scratch } => {
                forward.process_with_scratch(psi, scratch);
                vectorised(Scale(psi, along_x, Complex64::ONE));
                inverse.process_with_scratch(psi, scratch);
            }
            Wave::Plane { crossing, arrays, memory } => {
                crossing.column_pass(arrays, true, memory, |pair, columns, ()| {
                    for (column, x) in columns.chunks_exact_mut(along_y.len()).zip(&along_x[2 * pair..]) {
                        vectorised(Scale(column, along_y, *x));
                    }
                });
            }
        }
    }

    fn potential(&mut self, factors: &PointFactors) {
        match self {
            Wave::Line { psi, .. } => factors.apply(0, psi),
            Wave::Plane { crossing, arrays, .. } => {
                let width = crossing.width();
                crossing.row_pass(arrays, true, |y, rows| factors.apply(y * width, rows));
            }
        }
    }
}

/// Multiplies `psi` by the factors times `x`.
struct Scale<'a>(&'a mut [Complex64], &'a [Complex64], Complex64);

impl Work for Scale<'_> {
    #[inline(always)]
    fn run(self) {
        let Scale(psi, factors, x) = self;
        psi.iter_mut().zip(factors).for_each(|(psi, factor)| *psi *= factor * x);
    }
}
