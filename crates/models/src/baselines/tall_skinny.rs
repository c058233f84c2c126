//! Linear least squares of many rows and few columns, A W = B.
//!
//! Solved by orthogonal factorisations only, since the normal equations would square a condition number that is
//! large already: Householder QR of blocks of rows, merged pairwise into one triangle ("tall and skinny QR",
//! Demmel et al. 2012, algorithm 1), then a singular value decomposition of the triangle with equilibrated
//! columns, which also settles columns that depend on each other, as the phase of a driving force makes them
//! (cos^2 + sin^2 = 1). A ridge, |A W - B|^2 + ridge |W|^2 (Hoerl and Kennard 1970), is rows sqrt(ridge) I below A.

use nalgebra::DMatrix;
use rayon::prelude::*;

/// The triangle of [A B] with `rows` rows of `width` numbers, each as `fill` writes it into zeros or an earlier row.
pub(super) fn triangle(rows: usize, width: usize, fill: impl Fn(usize, &mut [f64]) + Sync) -> DMatrix<f64> {
    // Blocks are of a size that does not depend on the number of threads, so neither do the weights.
    let block = 8 * width;
    let triangles = (0..rows.div_ceil(block))
        .into_par_iter()
        .map(|number| {
            let from = number * block;
            let count = block.min(rows - from);
            let mut row = vec![0.0; width];
            let mut matrix = DMatrix::zeros(count, width);
            for i in 0..count {
                fill(from + i, &mut row);
                for (j, x) in row.iter().enumerate() {
                    matrix[(i, j)] = *x;
                }
            }
            matrix.qr().r()
        })
        .collect();
    merge(triangles)
}

/// Rows of [A B] that come one after the other, of which no more than some blocks are held.
pub(super) struct Rows {
    width: usize,
    block: Vec<f64>,
    triangle: DMatrix<f64>,
}

impl Rows {
    /// None yet, of `width` numbers each.
    pub(super) fn new(width: usize) -> Self {
        Rows { width, block: Vec::new(), triangle: DMatrix::zeros(0, width) }
    }

    /// Room for `count` rows more, one after the other.
    pub(super) fn add(&mut self, count: usize) -> &mut [f64] {
        if self.block.len() >= 8 * self.width * self.width {
            self.fold();
        }
        let from = self.block.len();
        self.block.resize(from + count * self.width, 0.0);
        &mut self.block[from..]
    }

    fn fold(&mut self) {
        let block = DMatrix::from_row_slice(self.block.len() / self.width, self.width, &self.block);
        self.triangle = stack(&self.triangle, &block).qr().r();
        self.block.clear();
    }

    /// The triangle of all of them.
    pub(super) fn triangle(mut self) -> DMatrix<f64> {
        self.fold();
        self.triangle
    }
}

/// The triangle of all rows from those of the blocks.
pub(super) fn merge(mut triangles: Vec<DMatrix<f64>>) -> DMatrix<f64> {
    while triangles.len() > 1 {
        triangles = triangles
            .par_chunks(2)
            .map(|pair| match pair {
                [a, b] => stack(a, b).qr().r(),
                pair => pair[0].clone(),
            })
            .collect();
    }
    triangles.pop().unwrap_or_default()
}

fn stack(a: &DMatrix<f64>, b: &DMatrix<f64>) -> DMatrix<f64> {
    let mut stacked = DMatrix::zeros(a.nrows() + b.nrows(), a.ncols());
    stacked.rows_mut(0, a.nrows()).copy_from(a);
    stacked.rows_mut(a.nrows(), b.nrows()).copy_from(b);
    stacked
}

/// The triangle of [A B] with the rows of a ridge on the `columns` of A.
pub(super) fn with_ridge(triangle: DMatrix<f64>, columns: usize, ridge: f64) -> DMatrix<f64> {
    if ridge == 0.0 {
        return triangle;
    }
    let mut below = DMatrix::zeros(columns, triangle.ncols());
    below.fill_diagonal(ridge.sqrt());
    stack(&triangle, &below).qr().r()
}

/// The least squares solution of least norm, [column of A, column of B], from the triangle of [A B] with `columns` of
/// A; of NaN where the triangle is not finite.
pub(super) fn solve(triangle: &DMatrix<f64>, columns: usize) -> DMatrix<f64> {
    let rows = triangle.nrows().min(columns);
    let mut a = triangle.view((0, 0), (rows, columns)).into_owned();
    let b = triangle.view((0, columns), (rows, triangle.ncols() - columns)).into_owned();
    if !triangle.iter().all(|x| x.is_finite()) {
        // The iteration for singular values would not end.
        return DMatrix::from_element(columns, b.ncols(), f64::NAN);
    }
    let norms: Vec<f64> =
        a.column_iter().map(|column| column.norm()).map(|norm| if norm > 0.0 { norm } else { 1.0 }).collect();
    for (mut column, norm) in a.column_iter_mut().zip(&norms) {
        column /= *norm;
    }
    let svd = a.svd(true, true);
    let cutoff = svd.singular_values.max() * f64::EPSILON * columns as f64;
    // It fails only without both factors, which were asked for.
    let mut weights = svd.solve(&b, cutoff).unwrap_or_else(|_| DMatrix::zeros(columns, b.ncols()));
    for (mut row, norm) in weights.row_iter_mut().zip(&norms) {
        row /= *norm;
    }
    weights
}

/// As [`solve`], where a ridge makes the columns of A independent: by substitution, which takes far less time.
pub(super) fn solve_regular(triangle: &DMatrix<f64>, columns: usize) -> DMatrix<f64> {
    let a = triangle.view((0, 0), (columns, columns));
    let mut weights = triangle.view((0, columns), (columns, triangle.ncols() - columns)).into_owned();
    if !a.solve_upper_triangular_mut(&mut weights) {
        weights.fill(f64::NAN);
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;
    use trajectory::random::{stream, uniform};

    #[test]
    fn the_ridge_solution_is_that_of_the_normal_equations() {
        let (rows, columns, ridge) = (200, 5, 3.0);
        let mut draws = stream(1, "test", 0);
        let all = DMatrix::from_fn(rows, columns + 2, |_, _| uniform(&mut draws) - 0.5);
        let fill = |i: usize, row: &mut [f64]| row.iter_mut().enumerate().for_each(|(j, x)| *x = all[(i, j)]);
        let solution = solve(&with_ridge(triangle(rows, columns + 2, fill), columns, ridge), columns);
        let (a, b) = (all.columns(0, columns), all.columns(columns, 2));
        let left = a.transpose() * a + DMatrix::identity(columns, columns) * ridge;
        let expected = left.lu().solve(&(a.transpose() * b)).unwrap();
        assert!((solution - &expected).abs().max() < 1e-13);
        let mut some = Rows::new(columns + 2);
        for i in 0..rows {
            fill(i, some.add(1));
        }
        let solution = solve_regular(&with_ridge(some.triangle(), columns, ridge), columns);
        assert!((solution - expected).abs().max() < 1e-13);
    }

    #[test]
    fn what_is_not_finite_ends() {
        let solution = solve(&triangle(9, 3, |i, row| row.fill(if i == 4 { f64::NAN } else { 1.0 })), 2);
        assert!(solution.iter().all(|x| x.is_nan()));
    }
}
