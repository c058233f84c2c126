//! Transforms of complex arrays [y, x] along both axes, several times over, on one core or several.
//!
//! An array lives in one of two places: `rows` holds it by y, Fourier transformed along y or not at all, and `columns`
//! holds it by kx. A *row pass* takes columns to x, does what the caller wants at the points, and takes the result back to
//! kx. A *column pass* takes rows to ky, does what the caller wants with the modes, and takes the result back to y. Both
//! read the whole of one array and write parts of the other, so that cores share the work and need no copy. Transposing
//! is part of reading, in blocks of whole cache lines.

use std::sync::Arc;

use rayon::prelude::*;
use rustfft::Fft;
use rustfft::num_complex::Complex64;

use crate::plans;
use crate::vectorised::{Work, vectorised};

/// Rows that are transposed together, four complex numbers being a cache line.
const ROWS: usize = 4;
/// Columns that are transposed together.
const COLUMNS: usize = 8;

/// The plan of the transforms.
pub(crate) struct Crossing {
    nx: usize,
    ny: usize,
    /// The index along kx, 0..nx, of each column; the columns are stored in pairs.
    frequencies: Vec<usize>,
    /// The frequencies that no column holds.
    absent: std::ops::Range<usize>,
    along_x: [Arc<dyn Fft<f64>>; 2],
    along_y: [Arc<dyn Fft<f64>>; 2],
}

/// The arrays that it works on.
pub(crate) struct Arrays {
    /// [y, x].
    pub rows: Vec<Complex64>,
    /// [column, y].
    pub columns: Vec<Complex64>,
    /// One for each part of the work.
    scratch: Vec<Vec<Complex64>>,
}

impl Crossing {
    /// The transforms of nx times ny points, of which only the columns with the indices `frequencies` are kept. Their
    /// number is even, and those which are left out are a range in the middle.
    pub fn new([nx, ny]: [usize; 2], frequencies: Vec<usize>) -> Self {
        let (along_x, along_y) = (plans::complex(nx), plans::complex(ny));
        let first = (0..nx).find(|frequency| !frequencies.contains(frequency)).unwrap_or(nx);
        let last = (first..nx).find(|frequency| frequencies.contains(frequency)).unwrap_or(nx);
        Crossing { nx, ny, frequencies, absent: first..last, along_x, along_y }
    }

    /// Number of points along x.
    pub fn width(&self) -> usize {
        self.nx
    }

    /// Arrays for this plan, for work in `parts` parts.
    pub fn arrays(&self, parts: usize) -> Arrays {
        let scratch = self.along_x.iter().chain(&self.along_y).map(|fft| fft.get_inplace_scratch_len()).max();
        let zeros = |length| vec![Complex64::ZERO; length];
        Arrays {
            rows: zeros(self.ny * self.nx),
            columns: zeros(self.frequencies.len() * self.ny),
            scratch: vec![zeros(scratch.unwrap_or(0)); parts],
        }
    }

    /// Takes columns to x, applies `points(y, rows)` to blocks of rows that begin at y, and takes the result back to kx
    /// where `back`.
    pub fn row_pass(&self, arrays: &mut Arrays, back: bool, points: impl Fn(usize, &mut [Complex64]) + Sync) {
        let (nx, columns) = (self.nx, &arrays.columns);
        let part = |first: usize, rows: &mut [Complex64], scratch: &mut [Complex64]| {
            for (block, rows) in rows.chunks_mut(ROWS * nx).enumerate() {
                let y = first + block * ROWS;
                vectorised(GatherRows(self, columns, y, rows));
                self.along_x[1].process_with_scratch(rows, scratch);
                points(y, rows);
                if back {
                    self.along_x[0].process_with_scratch(rows, scratch);
                }
            }
        };
        if let [scratch] = &mut arrays.scratch[..] {
            return part(0, &mut arrays.rows, scratch);
        }
        let height = self.ny.div_ceil(arrays.scratch.len()).next_multiple_of(ROWS);
        let parts = arrays.rows.par_chunks_mut(height * nx).zip(&mut arrays.scratch).enumerate();
        parts.for_each(|(i, (rows, scratch))| part(i * height, rows, scratch));
    }

    /// Takes `rows`, which the caller has filled with values at the points, to kx.
    pub fn rows_forward(&self, arrays: &mut Arrays) {
        self.along_x[0].process_with_scratch(&mut arrays.rows, &mut arrays.scratch[0]);
    }

    /// Takes rows to ky where `forward`, applies `modes(i, columns, memory)` to each pair i of columns and its memory, and
    /// takes the result back to y. Without `forward`, `modes` writes columns that do not depend on the rows.
    pub fn column_pass<M: Send>(
        &self,
        arrays: &mut Arrays,
        forward: bool,
        memory: &mut [M],
        modes: impl Fn(usize, &mut [Complex64], &mut M) + Sync,
    ) {
        let (ny, rows) = (self.ny, &arrays.rows);
        let part = |first: usize, columns: &mut [Complex64], memory: &mut [M], scratch: &mut [Complex64]| {
            let blocks = columns.chunks_mut(COLUMNS * ny).zip(memory.chunks_mut(COLUMNS / 2));
            for (block, (columns, memory)) in blocks.enumerate() {
                let column = first + block * COLUMNS;
                if forward {
                    vectorised(GatherColumns(self, rows, column, columns));
                    self.along_y[0].process_with_scratch(columns, scratch);
                }
                for (i, (pair, memory)) in columns.chunks_mut(2 * ny).zip(memory).enumerate() {
                    modes(column / 2 + i, pair, memory);
                }
                self.along_y[1].process_with_scratch(columns, scratch);
            }
        };
        if let [scratch] = &mut arrays.scratch[..] {
            return part(0, &mut arrays.columns, memory, scratch);
        }
        let width = self.frequencies.len().div_ceil(arrays.scratch.len()).next_multiple_of(2);
        let chunks = arrays.columns.par_chunks_mut(width * ny).zip(memory.par_chunks_mut(width / 2));
        let parts = chunks.zip(&mut arrays.scratch).enumerate();
        parts.for_each(|(i, ((columns, memory), scratch))| part(i * width, columns, memory, scratch));
    }
}

/// Copies the rows from a y on out of columns, with zeros at the frequencies that no column holds.
struct GatherRows<'a>(&'a Crossing, &'a [Complex64], usize, &'a mut [Complex64]);

impl Work for GatherRows<'_> {
    #[inline(always)]
    fn run(self) {
        let GatherRows(plan, columns, y, rows) = self;
        let (nx, ny) = (plan.nx, plan.ny);
        for row in rows.chunks_exact_mut(nx) {
            row[plan.absent.clone()].fill(Complex64::ZERO);
        }
        if rows.len() == ROWS * nx {
            let (first, rest) = rows.split_at_mut(nx);
            let (second, rest) = rest.split_at_mut(nx);
            let (third, fourth) = rest.split_at_mut(nx);
            for (&frequency, column) in plan.frequencies.iter().zip(columns.chunks_exact(ny)) {
                let values = &column[y..y + ROWS];
                first[frequency] = values[0];
                second[frequency] = values[1];
                third[frequency] = values[2];
                fourth[frequency] = values[3];
            }
        } else {
            for (&frequency, column) in plan.frequencies.iter().zip(columns.chunks_exact(ny)) {
                for (row, value) in rows.chunks_exact_mut(nx).zip(&column[y..]) {
                    row[frequency] = *value;
                }
            }
        }
    }
}

/// Copies the columns from one on out of rows.
struct GatherColumns<'a>(&'a Crossing, &'a [Complex64], usize, &'a mut [Complex64]);

impl Work for GatherColumns<'_> {
    #[inline(always)]
    fn run(self) {
        let GatherColumns(plan, rows, column, columns) = self;
        let (nx, ny) = (plan.nx, plan.ny);
        let frequencies = &plan.frequencies[column..column + columns.len() / ny];
        let blocks = rows.chunks_exact(ROWS * nx);
        let (whole, rest) = (ny / ROWS * ROWS, blocks.remainder());
        for (block, rows) in blocks.enumerate() {
            let (first, remaining) = rows.split_at(nx);
            let (second, remaining) = remaining.split_at(nx);
            let (third, fourth) = remaining.split_at(nx);
            for (&frequency, column) in frequencies.iter().zip(columns.chunks_exact_mut(ny)) {
                let values = &mut column[block * ROWS..(block + 1) * ROWS];
                values[0] = first[frequency];
                values[1] = second[frequency];
                values[2] = third[frequency];
                values[3] = fourth[frequency];
            }
        }
        for (y, row) in (whole..).zip(rest.chunks_exact(nx)) {
            for (&frequency, column) in frequencies.iter().zip(columns.chunks_exact_mut(ny)) {
                column[y] = row[frequency];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_are_transforms_along_both_axes_in_one_part_and_in_several() {
        for (nx, ny, kept) in [(16, 12, 16), (10, 18, 10), (12, 10, 8)] {
            let frequencies = (0..kept / 2).chain(nx - kept / 2..nx).collect();
            let crossing = Crossing::new([nx, ny], frequencies);
            let wave = |kx: f64, ky: f64, x: usize, y: usize| {
                Complex64::cis(
                    std::f64::consts::TAU * (kx * x as f64 / nx as f64 + ky * y as f64 / ny as f64),
                )
            };
            let mut results = Vec::new();
            for parts in [1, 2, 3] {
                let mut arrays = crossing.arrays(parts);
                for (i, value) in arrays.rows.iter_mut().enumerate() {
                    *value = wave(2.0, 3.0, i % nx, i / nx) + wave(-3.0, -1.0, i % nx, i / nx);
                }
                crossing.rows_forward(&mut arrays);
                // Doubles the first wave and removes the second.
                let mut memory = vec![(); kept / 2];
                crossing.column_pass(&mut arrays, true, &mut memory, |pair, columns, ()| {
                    for (i, value) in columns.iter_mut().enumerate() {
                        let wanted = crossing.frequencies[2 * pair + i / ny] == 2 && i % ny == 3;
                        *value *= if wanted { 2.0 } else { 0.0 };
                    }
                });
                crossing.row_pass(&mut arrays, false, |_, _| ());
                for (i, value) in arrays.rows.iter().enumerate() {
                    let expected = 2.0 * wave(2.0, 3.0, i % nx, i / nx);
                    assert!((value / (nx * ny) as f64 - expected).norm() < 1e-13, "{parts} {i}");
                }
                results.push(arrays.rows);
            }
            assert!(results[0] == results[1] && results[1] == results[2]);
        }
    }
}
