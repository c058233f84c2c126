//! Semilinear equations on a grid of one axis.

use std::sync::Arc;

use realfft::{ComplexToReal, RealToComplex};
use rustfft::num_complex::Complex64;

use crate::Etd;
use crate::etd::Stages;
use crate::plans;
use crate::semilinear::{Semilinear, Workspace};
use crate::transform::{Transform, make_real};
use crate::vectorised::{Work, vectorised};

/// A trajectory on a line: real transforms, everything in the first level of the cache.
pub(crate) struct Line<'a, S> {
    system: &'a S,
    /// The CFL number of a unit velocity and a step of one time unit.
    per_velocity: f64,
    forward: Arc<dyn RealToComplex<f64>>,
    inverse: Arc<dyn ComplexToReal<f64>>,
    fields: Vec<Complex64>,
    /// Symbols of the products over the number of points, since the transforms are not normalised.
    products: Vec<Complex64>,
    forcing: Vec<(usize, Complex64)>,
    modes: Stages,
    /// The modes of the field, those of the product.
    half: [Vec<Complex64>; 2],
    values: Vec<f64>,
    scratch: Vec<Complex64>,
}

impl<'a, S: Semilinear> Line<'a, S> {
    pub fn new(system: &'a S) -> Self {
        let grid = system.grid();
        let (n, kept, [f, _]) = (grid.points(), grid.kept(S::DEGREE), grid.fundamental());
        let (forward, inverse) = plans::real(n);
        let scratch = forward.get_scratch_len().max(inverse.get_scratch_len());
        let k = |i: usize| [f * i as f64, 0.0];
        let forcing = system.forcing().into_iter();
        Line {
            system,
            per_velocity: 1.0 / grid.spacing(0),
            forward,
            inverse,
            fields: (0..=kept.x).map(|i| system.fields(k(i))[0]).collect(),
            products: (0..=kept.x).map(|i| system.products(k(i))[0] / n as f64).collect(),
            forcing: forcing.filter_map(|(index, f)| Some((kept.position(index)?, f))).collect(),
            modes: Stages::new(kept.count()),
            half: [vec![Complex64::ZERO; n / 2 + 1], vec![Complex64::ZERO; n / 2 + 1]],
            values: vec![0.0; n],
            scratch: vec![Complex64::ZERO; scratch],
        }
    }

    /// Computes the values of the field.
    fn field(&mut self) {
        let (half, kept) = (&mut self.half[0], self.fields.len());
        vectorised(Scale(half, &self.modes.w, &self.fields));
        half[0].im = 0.0;
        half[kept..].fill(Complex64::ZERO);
        // All arrays have the lengths of the plan, and the two modes that must be real are: nothing can fail.
        let _ = self.inverse.process_with_scratch(half, &mut self.values, &mut self.scratch);
    }

    /// Computes N and the forcing of the current stage.
    fn nonlinear(&mut self) {
        self.field();
        vectorised(Multiply(self.system, &mut self.values));
        let half = &mut self.half[1];
        let _ = self.forward.process_with_scratch(&mut self.values, half, &mut self.scratch);
        vectorised(Scale(&mut self.modes.n, half, &self.products));
        for &(mode, forcing) in &self.forcing {
            self.modes.n[mode] += forcing;
        }
    }
}

/// Writes the products of `modes` and `symbols` to `scaled`, as many as there are.
struct Scale<'a>(&'a mut [Complex64], &'a [Complex64], &'a [Complex64]);

impl Work for Scale<'_> {
    #[inline(always)]
    fn run(self) {
        let Scale(scaled, modes, symbols) = self;
        for ((scaled, mode), symbol) in scaled.iter_mut().zip(modes).zip(symbols) {
            *scaled = mode * symbol;
        }
    }
}

/// Replaces the field by its product.
struct Multiply<'a, S>(&'a S, &'a mut [f64]);

impl<S: Semilinear> Work for Multiply<'_, S> {
    #[inline(always)]
    fn run(self) {
        let Multiply(system, values) = self;
        values.iter_mut().for_each(|u| *u = system.product([*u, 0.0])[0]);
    }
}

impl<S: Semilinear> Workspace for Line<'_, S> {
    fn load(&mut self, u: &[f64], transform: &mut Transform) {
        transform.forward(u, &mut self.modes.w);
        make_real(&mut self.modes.w[..1]);
    }

    fn store(&mut self, u: &mut [f64], transform: &mut Transform) {
        transform.inverse(&self.modes.w, u);
    }

    fn rate(&mut self) -> f64 {
        self.field();
        let speeds = self.values.iter().map(|&u| self.system.velocity([u, 0.0])[0].abs());
        speeds.fold(0.0, f64::max) * self.per_velocity
    }

    fn advance(&mut self, etd: &Etd, steps: usize) {
        if let Etd::Exact { .. } = etd {
            return etd.advance(0, 0, &mut self.modes);
        }
        for stage in (0..steps).flat_map(|_| 0..etd.stages()) {
            self.nonlinear();
            etd.advance(stage, 0, &mut self.modes);
        }
    }
}
