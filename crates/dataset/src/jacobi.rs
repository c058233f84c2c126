//! Singular value decomposition by one-sided Jacobi rotations (Hestenes 1958), for real and complex matrices.
//!
//! Rotations from the right make the columns orthogonal. A rotation of two columns makes errors that are small against
//! each of them, however different their sizes. Where a matrix is one of well-conditioned columns times a diagonal of
//! any range, even its smallest singular values and their vectors are therefore accurate (Demmel and Veselic 1992, SIAM
//! Journal on Matrix Analysis 13, 1204), which no method based on a bidiagonal matrix gives. The one in nalgebra 0.34
//! can also be wrong by 1e-9 of the largest singular value, for matrices that are nearly diagonal.

use nalgebra::{ComplexField, DMatrix};

/// The decomposition A = U S V^* with k = min(rows, columns) singular values.
#[derive(Clone, Debug)]
pub struct Svd<T> {
    /// U, [row, k]: orthonormal columns. Those of singular values that are 0 may be 0 themselves.
    pub left: DMatrix<T>,
    /// The diagonal of S, the largest first.
    pub values: Vec<f64>,
    /// V, [column, k], as U.
    pub right: DMatrix<T>,
}

impl<T: ComplexField<RealField = f64> + Copy> Svd<T> {
    /// Decomposes a matrix. The squares of its elements must neither overflow nor underflow. Of a matrix that is not all
    /// finite some decomposition is returned.
    pub fn new(matrix: &DMatrix<T>) -> Self {
        let (rows, columns) = matrix.shape();
        if rows < columns {
            let Svd { left, values, right } = Svd::new(&matrix.adjoint());
            return Svd { left: right, values, right: left };
        }
        let (left, values, right) = rotated(matrix.clone(), DMatrix::identity(columns, columns));
        Svd { left, values, right }
    }

    /// The solution X of A X = B by least squares, and of these the one of least norm: singular values at or below `cutoff`
    /// count as 0.
    pub fn solve(&self, b: &DMatrix<T>, cutoff: f64) -> DMatrix<T> {
        let mut modes = self.left.ad_mul(b);
        for (mut mode, value) in modes.row_iter_mut().zip(&self.values) {
            mode *= T::from_real(if *value > cutoff { 1.0 / value } else { 0.0 });
        }
        &self.right * modes
    }

    /// U V^* of a square matrix, the nearest unitary (or orthogonal) one. Where singular values are 0 it is not unique,
    /// and one of them is returned.
    pub fn unitary_factor(mut self) -> DMatrix<T> {
        for mode in 0..self.values.len() {
            if self.values[mode] == 0.0 {
                self.complete(mode);
            }
        }
        self.left * self.right.adjoint()
    }

    /// Fills a column of zeros of U with a unit vector orthogonal to the others: the direction of V's column, which U V^*
    /// then leaves as it is, or else the first axis that is not nearly dependent on the others.
    fn complete(&mut self, mode: usize) {
        let n = self.values.len();
        let axis = |j: usize| DMatrix::from_fn(n, 1, |i, _| T::from_real(f64::from(i == j)));
        let candidates = std::iter::once(self.right.columns(mode, 1).into_owned()).chain((0..n).map(axis));
        for mut rest in candidates {
            // Once would leave errors that the normalisation enlarges.
            for _ in 0..2 {
                rest -= &self.left * self.left.ad_mul(&rest);
            }
            // The squared norms of the rests of all n axes add up to at least 1.
            let norm = rest.norm();
            if norm > 0.5 / (n as f64).sqrt() {
                self.left.set_column(mode, &rest.column(0).unscale(norm));
                return;
            }
        }
    }
}

/// The left singular vectors of a square matrix, and the singular values, the largest first: accurate against the largest,
/// and faster than [`Svd::new`]. Those of rounding errors, about 1e-15 of the largest and below, may be left out.
pub(crate) fn left_vectors<T: ComplexField<RealField = f64> + Copy>(
    matrix: DMatrix<T>,
) -> (DMatrix<T>, Vec<f64>) {
    // With A P = Q R and R^* = Q' R', A and Q R'^* have the same left vectors. The rotations converge much faster for R'^*,
    // which is nearly diagonal (Drmac and Veselic 2008, SIAM Journal on Matrix Analysis 29, 1322).
    let (q, r, _) = matrix.col_piv_qr().unpack();
    let smallest = 1e-15 * r.diagonal().camax();
    let rank = r.diagonal().iter().take_while(|x| x.modulus() > smallest).count();
    let lower = r.rows(0, rank).adjoint().qr().unpack_r().adjoint();
    let (left, values, _) = rotated(lower, DMatrix::zeros(0, rank));
    (q.columns(0, rank) * left, values)
}

/// The solution of A X = B by least squares, [column of A, column of B]; of several the one of least norm after each
/// column of A is divided by its norm. Sizes of columns of any range do not matter. NaN if A or B is not all finite.
pub fn least_squares<T: ComplexField<RealField = f64> + Copy>(a: &DMatrix<T>, b: &DMatrix<T>) -> DMatrix<T> {
    let columns = a.ncols();
    if !a.iter().chain(b.iter()).all(ComplexField::is_finite) {
        return DMatrix::from_element(columns, b.ncols(), T::from_real(f64::NAN));
    }
    let norms = a.column_iter().map(|column| column.norm()).map(|norm| if norm > 0.0 { norm } else { 1.0 });
    let norms: Vec<f64> = norms.collect();
    let mut scaled = a.clone();
    scaled.column_iter_mut().zip(&norms).for_each(|(mut column, norm)| column.unscale_mut(*norm));
    let svd = Svd::new(&scaled);
    let largest = svd.values.first().copied().unwrap_or(0.0);
    let mut solution = svd.solve(b, largest * f64::EPSILON * columns as f64);
    solution.row_iter_mut().zip(&norms).for_each(|(mut row, norm)| row.unscale_mut(*norm));
    solution
}

/// Rotates the columns of `matrix`, [row, column], with at least as many rows as columns, until they are orthogonal, and
/// those of `right` with them. Returns the columns divided by their norms, the norms, the largest first, and `right`.
fn rotated<T: ComplexField<RealField = f64> + Copy>(
    mut matrix: DMatrix<T>,
    mut right: DMatrix<T>,
) -> (DMatrix<T>, Vec<f64>, DMatrix<T>) {
    // Fewer than 15 are usual; those of a singular matrix end when its columns have underflowed to 0.
    const SWEEPS: usize = 60;
    let columns = matrix.ncols();
    let tolerance = 4.0 * f64::EPSILON * (columns as f64).sqrt();
    let mut squares = sort(&mut matrix, &mut right);
    for _ in 0..SWEEPS {
        let mut orthogonal = true;
        for q in 1..columns {
            for p in 0..q {
                let product = matrix.column(p).dotc(&matrix.column(q));
                let size = product.modulus();
                // Written so that NaN ends the sweeps.
                if size > tolerance * (squares[p].sqrt() * squares[q].sqrt()) {
                    orthogonal = false;
                    let [cosine, sine] = rotation([squares[p], squares[q]], size);
                    // q times this phase has a real product with p.
                    let phase = product.conjugate().unscale(size);
                    for all in [&mut matrix, &mut right] {
                        rotate(all, [p, q], [cosine, sine], phase);
                    }
                    squares[p] = matrix.column(p).norm_squared();
                    squares[q] = matrix.column(q).norm_squared();
                }
            }
        }
        // Large columns first: the rotations then converge fast.
        squares = sort(&mut matrix, &mut right);
        if orthogonal {
            break;
        }
    }
    let values: Vec<f64> = squares.into_iter().map(f64::sqrt).collect();
    for (mut column, value) in matrix.column_iter_mut().zip(&values) {
        if *value > 0.0 {
            column.unscale_mut(*value);
        }
    }
    (matrix, values, right)
}

/// Sorts the columns of `matrix`, and those of `right` with them, by their norms, the largest first. Returns the squares of
/// the norms.
fn sort<T: ComplexField<RealField = f64> + Copy>(
    matrix: &mut DMatrix<T>,
    right: &mut DMatrix<T>,
) -> Vec<f64> {
    let squares: Vec<f64> = matrix.column_iter().map(|column| column.norm_squared()).collect();
    let mut order: Vec<usize> = (0..squares.len()).collect();
    order.sort_by(|&p, &q| squares[q].total_cmp(&squares[p]));
    if !order.is_sorted() {
        *matrix = matrix.select_columns(&order);
        *right = right.select_columns(&order);
    }
    order.into_iter().map(|column| squares[column]).collect()
}

/// Cosine and sine of the rotation that makes two columns orthogonal, from the squares of their norms and their product.
fn rotation([p, q]: [f64; 2], product: f64) -> [f64; 2] {
    let zeta = (q - p) / (2.0 * product);
    let tangent = zeta.signum() / (zeta.abs() + zeta.hypot(1.0));
    let cosine = 1.0 / tangent.hypot(1.0);
    [cosine, cosine * tangent]
}

/// Rotates two columns, the second of them times `phase`.
fn rotate<T: ComplexField<RealField = f64> + Copy>(
    columns: &mut DMatrix<T>,
    [p, q]: [usize; 2],
    [cosine, sine]: [f64; 2],
    phase: T,
) {
    let rows = columns.nrows();
    let (before, from_q) = columns.as_mut_slice().split_at_mut(q * rows);
    for (p, q) in before[p * rows..(p + 1) * rows].iter_mut().zip(&mut from_q[..rows]) {
        let turned = *q * phase;
        (*p, *q) = (p.scale(cosine) - turned.scale(sine), p.scale(sine) + turned.scale(cosine));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Complex;
    use trajectory::random::{normal, stream};

    type C = Complex<f64>;

    fn random(rows: usize, columns: usize, index: u64) -> DMatrix<C> {
        let mut draws = stream(1, "test", index);
        DMatrix::from_fn(rows, columns, |_, _| C::new(normal(&mut draws), normal(&mut draws)))
    }

    /// The largest departure of the columns from orthonormal ones.
    fn departure<T: ComplexField<RealField = f64>>(columns: &DMatrix<T>) -> f64 {
        (columns.ad_mul(columns) - DMatrix::identity(columns.ncols(), columns.ncols())).camax()
    }

    fn scaled<T: ComplexField<RealField = f64>>(
        mut matrix: DMatrix<T>,
        scale: impl Fn(usize) -> f64,
    ) -> DMatrix<T> {
        matrix.column_iter_mut().enumerate().for_each(|(j, mut column)| column.scale_mut(scale(j)));
        matrix
    }

    fn the_factors_multiply_to<T: ComplexField<RealField = f64> + Copy>(matrix: DMatrix<T>) {
        let Svd { left, values, right } = Svd::new(&matrix);
        let modes = matrix.nrows().min(matrix.ncols());
        assert_eq!((left.ncols(), values.len(), right.ncols()), (modes, modes, modes));
        assert!(departure(&left) < 3e-14 && departure(&right) < 3e-14);
        assert!(values.windows(2).all(|pair| pair[0] >= pair[1]));
        let again = scaled(left, |j| values[j]) * right.adjoint();
        assert!((again - &matrix).norm() < 1e-14 * matrix.norm());
    }

    #[test]
    fn the_factors_multiply_to_the_matrix() {
        for (rows, columns) in [(1, 1), (2, 2), (3, 3), (10, 10), (40, 40), (9, 4), (4, 9)] {
            the_factors_multiply_to(random(rows, columns, 0));
            the_factors_multiply_to(random(rows, columns, 0).map(|z| z.re));
        }
        // nalgebra's decomposition of some of these is wrong by 1e-9.
        for index in 0..200 {
            let noise = random(10, 10, index);
            let near = |i: usize, j: usize| if i < j { 0.02 * noise[(i, j)].re } else { f64::from(i == j) };
            the_factors_multiply_to(DMatrix::from_fn(10, 10, near));
        }
    }

    #[test]
    fn small_columns_keep_their_accuracy() {
        // Columns of sizes from 1 to 1e-24, in no order. A decomposition that is accurate only against the largest of them
        // would find nothing right below 1e-16.
        let n = 25;
        let scale = |j: usize| 10f64.powi(-((7 * j % n) as i32));
        let unitary = random(n, n, 1).qr().q();
        let svd = Svd::new(&scaled(unitary.clone(), scale));
        for (j, value) in svd.values.iter().enumerate() {
            assert!((value * 10f64.powi(j as i32) - 1.0).abs() < 1e-13, "{j} {value}");
        }
        let difference = (svd.unitary_factor() - unitary).camax();
        assert!(difference < 1e-13, "{difference}");
        let matrix = random(n, n, 2);
        let (b, graded) = (random(n, 3, 3), scaled(matrix.clone(), scale));
        let solution = least_squares(&graded, &b);
        assert!((&graded * &solution - &b).camax() < 1e-12);
        // The sizes of the columns only scale the solution.
        let expected = matrix.lu().solve(&b).unwrap();
        for (j, row) in solution.row_iter().enumerate() {
            assert!((row.scale(scale(j)) - expected.row(j)).camax() < 1e-12 * expected.camax());
        }
    }

    #[test]
    fn the_solution_of_least_norm_is_found() {
        // Columns that depend on each other share what one of them would have.
        let column = random(8, 1, 5);
        let a = DMatrix::from_fn(8, 3, |i, j| if j < 2 { column[i] } else { C::ZERO });
        let expected = DMatrix::from_column_slice(3, 1, &[C::new(0.5, 1.0), C::new(0.5, 1.0), C::ZERO]);
        assert!((least_squares(&a, &(&column * C::new(1.0, 2.0))) - &expected).camax() < 1e-14);
        // Fewer equations than unknowns
        let (a, b) = (random(3, 8, 6), random(3, 2, 7));
        assert!((&a * least_squares(&a, &b) - &b).camax() < 1e-14);
        // More of them: the rest is orthogonal to the columns.
        let (a, b) = (random(8, 3, 6), random(8, 2, 7));
        assert!(a.ad_mul(&(&a * least_squares(&a, &b) - &b)).camax() < 1e-13);
    }

    #[test]
    fn a_singular_matrix_has_a_unitary_factor_too() {
        for n in [1, 2, 7] {
            assert_eq!(Svd::new(&DMatrix::<C>::zeros(n, n)).unitary_factor(), DMatrix::identity(n, n));
        }
        let mut matrix = random(7, 7, 4);
        for j in [1, 4, 5] {
            matrix.column_mut(j).fill(C::ZERO);
        }
        let factor = Svd::new(&matrix).unitary_factor();
        assert!(departure(&factor) < 1e-14);
        // Equal columns leave rounding errors instead of zeros.
        let equal = DMatrix::from_fn(7, 7, |i, _| matrix[(i, 0)]);
        assert!(departure(&Svd::new(&equal).unitary_factor()) < 1e-13);
    }

    #[test]
    fn what_is_not_finite_ends() {
        let mut matrix = random(5, 5, 5);
        let b = random(5, 1, 6);
        matrix[(2, 3)] = C::from(f64::NAN);
        assert_eq!(Svd::new(&matrix).values.len(), 5);
        assert!(least_squares(&matrix, &b).iter().all(|z| !z.re.is_finite()));
    }
}
