//! Semilinear equations on a grid of two axes.

use rustfft::num_complex::Complex64;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::Etd;
use crate::crossing::{Arrays, Crossing};
use crate::etd::Stages;
use crate::grid::Kept;
use crate::semilinear::{Semilinear, Workspace};
use crate::symbols::Symbols;
use crate::transform::{Transform, make_real};
use crate::vectorised::{Work, vectorised};

/// A trajectory in the plane. The two fields, and the two products, are the real and imaginary part of one complex array,
/// so that one complex transform does the work of two real ones. Everything that happens to the modes of one kx, from the
/// products of one stage to the fields of the next, happens in one column pass.
pub(crate) struct Plane<'a, S> {
    system: &'a S,
    kept: Kept,
    /// One over the spacing along \[x, y\].
    per_velocity: [f64; 2],
    crossing: Crossing,
    arrays: Arrays,
    symbols: Symbols,
    /// The forcing of each kx: the position in the column, and the value.
    forcing: Vec<Vec<(usize, Complex64)>>,
    /// One for each kx.
    modes: Vec<Stages>,
    coefficients: Vec<Complex64>,
}

impl<'a, S: Semilinear> Plane<'a, S> {
    /// For work in `parts` parts.
    pub fn new(system: &'a S, parts: usize) -> Self {
        let grid = system.grid();
        let (kept, [nx, ny], [fx, fy]) = (grid.kept(S::DEGREE), grid.nx_ny(), grid.fundamental());
        // Pairs of kx and -kx. There is no second column of kx = 0; an empty one takes its place.
        let frequencies =
            (0..=kept.x).flat_map(|kx| [kx, if kx == 0 { kept.x + 1 } else { nx - kx }]).collect();
        let crossing = Crossing::new([nx, ny], frequencies);
        let arrays = crossing.arrays(parts);
        let wavenumbers = || kept.indices().map(|[kx, ky]| [fx * kx as f64, fy * ky as f64]);
        let fields: Vec<_> = wavenumbers().map(|k| system.fields(k)).collect();
        let products: Vec<_> = wavenumbers().map(|k| system.products(k)).collect();
        let mut forcing = vec![Vec::new(); kept.x + 1];
        for (index, value) in system.forcing() {
            if let Some(position) = kept.position(index) {
                forcing[position / kept.per_column()].push((position % kept.per_column(), value));
            }
        }
        Plane {
            system,
            kept,
            per_velocity: [1.0 / grid.spacing(1), 1.0 / grid.spacing(0)],
            arrays,
            symbols: Symbols::new(&fields, &products, 1.0 / (nx * ny) as f64),
            forcing,
            modes: vec![Stages::new(kept.per_column()); kept.x + 1],
            coefficients: vec![Complex64::ZERO; kept.count()],
            crossing,
        }
    }

    /// Computes the columns of the fields.
    fn pack(&mut self) {
        let (per_column, symbols) = (self.kept.per_column(), &self.symbols);
        self.crossing.column_pass(&mut self.arrays, false, &mut self.modes, |kx, columns, modes| {
            pack(symbols, kx, kx * per_column, modes, columns);
        });
    }
}

/// Writes the columns of the fields of one kx.
fn pack(symbols: &Symbols, kx: usize, first: usize, modes: &Stages, columns: &mut [Complex64]) {
    let (plus, minus) = columns.split_at_mut(columns.len() / 2);
    symbols.pack(first, &modes.w, plus, minus);
    if kx == 0 {
        minus.fill(Complex64::ZERO);
    }
}

/// Replaces the fields by their products.
struct Multiply<'a, S>(&'a S, &'a mut [Complex64]);

impl<S: Semilinear> Work for Multiply<'_, S> {
    #[inline(always)]
    fn run(self) {
        let Multiply(system, values) = self;
        for z in values {
            let [p, q] = system.product([z.re, z.im]);
            *z = Complex64::new(p, q);
        }
    }
}

impl<S: Semilinear> Workspace for Plane<'_, S> {
    fn load(&mut self, u: &[f64], transform: &mut Transform) {
        transform.forward(u, &mut self.coefficients);
        make_real(&mut self.coefficients[..self.kept.per_column()]);
        for (modes, from) in self.modes.iter_mut().zip(self.coefficients.chunks_exact(self.kept.per_column()))
        {
            modes.w.copy_from_slice(from);
        }
    }

    fn store(&mut self, u: &mut [f64], transform: &mut Transform) {
        for (modes, to) in self.modes.iter().zip(self.coefficients.chunks_exact_mut(self.kept.per_column())) {
            to.copy_from_slice(&modes.w);
        }
        transform.inverse(&self.coefficients, u);
    }

    fn rate(&mut self) -> f64 {
        self.pack();
        let (system, [x, y]) = (self.system, self.per_velocity);
        // The bits of positive numbers are in the order of the numbers.
        let largest = AtomicU64::new(0);
        self.crossing.row_pass(&mut self.arrays, false, |_, rows| {
            let rates = rows.iter().map(|z| {
                let [u, v] = system.velocity([z.re, z.im]);
                u.abs() * x + v.abs() * y
            });
            largest.fetch_max(rates.fold(0.0, f64::max).to_bits(), Ordering::Relaxed);
        });
        f64::from_bits(largest.into_inner())
    }

    fn advance(&mut self, etd: &Etd, steps: usize) {
        let per_column = self.kept.per_column();
        if let Etd::Exact { .. } = etd {
            for (kx, modes) in self.modes.iter_mut().enumerate() {
                etd.advance(0, kx * per_column, modes);
            }
            return;
        }
        self.pack();
        let (system, symbols, forcing) = (self.system, &self.symbols, &self.forcing);
        for stage in (0..steps).flat_map(|_| 0..etd.stages()) {
            self.crossing.row_pass(&mut self.arrays, true, |_, rows| {
                vectorised(Multiply(system, rows));
            });
            self.crossing.column_pass(&mut self.arrays, true, &mut self.modes, |kx, columns, modes| {
                let first = kx * per_column;
                let (plus, minus) = columns.split_at(columns.len() / 2);
                symbols.unpack(first, plus, if kx == 0 { plus } else { minus }, &mut modes.n);
                for &(mode, forcing) in &forcing[kx] {
                    modes.n[mode] += forcing;
                }
                etd.advance(stage, first, modes);
                if kx == 0 {
                    make_real(&mut modes.w);
                }
                pack(symbols, kx, first, modes, columns);
            });
        }
    }
}
