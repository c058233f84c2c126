//! The leading left singular vectors of a matrix whose columns are snapshots of a state.
//!
//! They span the subspace that reconstructs the snapshots with the smallest sum of squared errors: the basis of proper
//! orthogonal decomposition (Sirovich 1987) and of dynamic mode decomposition (Schmid 2010). Up to 600 snapshots or
//! components they come from an exact singular value decomposition. Beyond that, a randomised range finder reduces the
//! problem first (Halko, Martinsson and Tropp 2011, SIAM Review 53, algorithms 4.4 and 5.1).

use nalgebra::{ComplexField, DMatrix};
use trajectory::random::{normal, stream};

use crate::jacobi::left_vectors;

/// The smaller side of the largest matrix that is decomposed exactly.
const EXACT: usize = 600;
/// Random directions beyond the requested number, and power iterations, of the range finder.
const OVERSAMPLING: usize = 10;
const POWER_ITERATIONS: usize = 4;
/// Singular values at or below this fraction of the largest are rounding errors.
const CUTOFF: f64 = 1e-14;

/// Left singular vectors with their singular values, the largest first.
#[derive(Clone, Debug)]
pub struct Subspace<T> {
    /// Orthonormal columns, [component, mode]. The first of the largest elements of each is real and positive, so that
    /// the same snapshots always give the same basis.
    pub basis: DMatrix<T>,
    /// The singular value of each mode.
    pub singular_values: Vec<f64>,
}

/// Returns the leading left singular vectors of `snapshots` [component, snapshot]: `most` of them, or fewer where the
/// numerical rank is lower (singular values above 1e-14 of the largest). The mean is not subtracted. Snapshots that are
/// all zero, or not all finite, give an empty basis.
pub fn leading<T: ComplexField<RealField = f64> + Copy>(snapshots: &DMatrix<T>, most: usize) -> Subspace<T> {
    let (dim, count) = snapshots.shape();
    let finite = snapshots.iter().all(ComplexField::is_finite);
    if most == 0 || !finite || snapshots.iter().all(|x| *x == T::zero()) {
        return Subspace { basis: DMatrix::zeros(dim, 0), singular_values: Vec::new() };
    }
    let Subspace { mut basis, mut singular_values } =
        if dim.min(count) <= EXACT { exact(snapshots, most) } else { randomised(snapshots, most) };
    let smallest = CUTOFF * singular_values.first().copied().unwrap_or(0.0);
    let rank = singular_values.iter().take_while(|value| **value > smallest).count();
    singular_values.truncate(rank);
    basis = basis.columns(0, rank).into_owned();
    fix_phases(&mut basis);
    Subspace { basis, singular_values }
}

/// At most `most` vectors from the singular value decomposition of the triangle of a QR decomposition.
fn exact<T: ComplexField<RealField = f64> + Copy>(snapshots: &DMatrix<T>, most: usize) -> Subspace<T> {
    let (dim, count) = snapshots.shape();
    if dim <= count {
        let (left, mut singular_values) = left_vectors(snapshots.adjoint().qr().unpack_r().adjoint());
        singular_values.truncate(most);
        return Subspace { basis: left.columns(0, singular_values.len()).into_owned(), singular_values };
    }
    let (q, r) = snapshots.clone().qr().unpack();
    let (left, mut singular_values) = left_vectors(r);
    singular_values.truncate(most);
    Subspace { basis: product(&q, &left.columns(0, singular_values.len()).into_owned()), singular_values }
}

/// At most `most` vectors from the projection of the snapshots onto a random subspace near their leading one.
fn randomised<T: ComplexField<RealField = f64> + Copy>(snapshots: &DMatrix<T>, most: usize) -> Subspace<T> {
    let (dim, count) = snapshots.shape();
    let width = (most + OVERSAMPLING).min(dim).min(count);
    let mut draws = stream(0, "subspace", 0);
    let random = DMatrix::from_fn(count, width, |_, _| T::from_real(normal(&mut draws)));
    let mut range = product(snapshots, &random).qr().q(); // [dim, width]
    for _ in 0..POWER_ITERATIONS {
        let rows = product(&range.adjoint(), snapshots).adjoint().qr().q(); // [count, width]
        range = product(snapshots, &rows).qr().q();
    }
    let Subspace { basis, singular_values } = exact(&product(&range.adjoint(), snapshots), most);
    Subspace { basis: product(&range, &basis), singular_values }
}

/// Turns the phase (or sign) of each column so that its largest element is real and positive, the first of several that
/// are equal but for rounding.
fn fix_phases<T: ComplexField<RealField = f64> + Copy>(basis: &mut DMatrix<T>) {
    for mut column in basis.column_iter_mut() {
        // nalgebra's largest absolute value of complex numbers is that of |re| + |im|.
        let largest = column.iter().map(|x| x.modulus()).fold(0.0, f64::max);
        let pivot = column.iter().find(|x| x.modulus() >= largest * (1.0 - 1e-6)).copied();
        if let Some(pivot) = pivot {
            let phase = pivot.conjugate().unscale(pivot.modulus());
            column.iter_mut().for_each(|x| *x *= phase);
        }
    }
}

/// The product `a b`. nalgebra multiplies real matrices many times faster than complex ones, so complex ones are
/// multiplied by their real and imaginary parts.
fn product<T: ComplexField<RealField = f64> + Copy>(a: &DMatrix<T>, b: &DMatrix<T>) -> DMatrix<T> {
    let real = |matrix: &DMatrix<T>| matrix.map(ComplexField::real);
    let imaginary = |matrix: &DMatrix<T>| matrix.map(ComplexField::imaginary);
    let (a_real, b_real) = (real(a), real(b));
    // Real numbers have no root of -1.
    let Some(i) = T::from_real(-1.0).try_sqrt() else { return (a_real * b_real).map(T::from_real) };
    let (a_imaginary, b_imaginary) = (imaginary(a), imaginary(b));
    let mut re = &a_real * &b_real;
    re.gemm(-1.0, &a_imaginary, &b_imaginary, 1.0);
    let mut im = a_real * b_imaginary;
    im.gemm(1.0, &a_imaginary, &b_real, 1.0);
    re.zip_map(&im, |re, im| T::from_real(re) + i.scale(im))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Complex;
    use trajectory::random::Stream;

    type C = Complex<f64>;

    fn real(draws: &mut Stream) -> f64 {
        normal(draws)
    }

    fn complex(draws: &mut Stream) -> C {
        C::new(normal(draws), normal(draws))
    }

    /// A matrix of random orthonormal columns.
    fn orthonormal<T: ComplexField<RealField = f64> + Copy>(
        rows: usize,
        columns: usize,
        draw: fn(&mut Stream) -> T,
        index: u64,
    ) -> DMatrix<T> {
        let mut draws = stream(1, "test", index);
        DMatrix::from_fn(rows, columns, |_, _| draw(&mut draws)).qr().q()
    }

    /// A matrix [dim, count] with these singular values, and its left singular vectors.
    fn with_values<T: ComplexField<RealField = f64> + Copy>(
        [dim, count]: [usize; 2],
        values: &[f64],
        draw: fn(&mut Stream) -> T,
    ) -> (DMatrix<T>, DMatrix<T>) {
        let left = orthonormal(dim, values.len(), draw, 0);
        let right = orthonormal(count, values.len(), draw, 1);
        let mut scaled = left.clone();
        for (mut column, value) in scaled.column_iter_mut().zip(values) {
            column.iter_mut().for_each(|x| *x = x.scale(*value));
        }
        (product(&scaled, &right.adjoint()), left)
    }

    /// The largest departure of the columns from orthonormal ones.
    fn departure<T: ComplexField<RealField = f64> + Copy>(basis: &DMatrix<T>) -> f64 {
        let modes = basis.ncols();
        (basis.ad_mul(basis) - DMatrix::identity(modes, modes)).camax()
    }

    /// The largest departure of |a_j^* b_j| from 1 over the columns j.
    fn angle<T: ComplexField<RealField = f64> + Copy>(a: &DMatrix<T>, b: &DMatrix<T>) -> f64 {
        let cosines = a.column_iter().zip(b.column_iter()).map(|(a, b)| a.dotc(&b).modulus());
        cosines.fold(0.0, |largest, cosine| largest.max((cosine - 1.0).abs()))
    }

    fn a_known_decomposition_is_found<T: ComplexField<RealField = f64> + Copy>(draw: fn(&mut Stream) -> T) {
        let values: Vec<f64> = (0..12).map(|j| 7.0 * 0.3f64.powi(j)).collect();
        for shape in [[40, 25], [25, 40], [12, 12], [12, 300]] {
            let (matrix, left) = with_values(shape, &values, draw);
            for most in [12, 5, 100] {
                let found = leading(&matrix, most);
                let modes = most.min(12);
                assert_eq!((found.basis.shape(), found.singular_values.len()), ((shape[0], modes), modes));
                for (found, expected) in found.singular_values.iter().zip(&values) {
                    assert!((found - expected).abs() < 1e-14 * values[0], "{found} {expected}");
                }
                assert!(departure(&found.basis) < 1e-13);
                assert!(angle(&found.basis, &left) < 1e-13);
                for column in found.basis.column_iter() {
                    let largest = column.iter().max_by(|a, b| a.modulus().total_cmp(&b.modulus()));
                    let largest = *largest.unwrap();
                    assert!(largest.real() > 0.0 && largest.imaginary().abs() < 1e-15);
                }
            }
        }
    }

    #[test]
    fn a_known_real_decomposition_is_found() {
        a_known_decomposition_is_found(real);
    }

    #[test]
    fn a_known_complex_decomposition_is_found() {
        a_known_decomposition_is_found(complex);
    }

    fn the_random_basis_is_the_exact_one<T: ComplexField<RealField = f64> + Copy>(
        draw: fn(&mut Stream) -> T,
    ) {
        // The spectrum falls to 1e-6 of its largest value over the modes that are compared.
        let values: Vec<f64> = (0..80).map(|j| 0.5f64.powi(j)).collect();
        let (matrix, _) = with_values([150, 120], &values, draw);
        let (expected, found) = (exact(&matrix, 20), randomised(&matrix, 20));
        assert!(departure(&found.basis) < 1e-13);
        assert!(angle(&found.basis, &expected.basis) < 1e-13);
        for (found, expected) in found.singular_values.iter().zip(&expected.singular_values) {
            assert!((found - expected).abs() < 1e-13 * values[0], "{found} {expected}");
        }
        assert_eq!(found.basis, randomised(&matrix, 20).basis);
    }

    #[test]
    fn the_random_real_basis_is_the_exact_one() {
        the_random_basis_is_the_exact_one(real);
    }

    #[test]
    fn the_random_complex_basis_is_the_exact_one() {
        the_random_basis_is_the_exact_one(complex);
    }

    #[test]
    fn a_large_matrix_of_low_rank_has_that_rank() {
        let values: Vec<f64> = (0..9).map(|j| 0.05f64.powi(j)).collect();
        let (matrix, left) = with_values([700, 620], &values, real);
        let found = leading(&matrix, 32);
        assert_eq!(found.basis.ncols(), 9);
        assert!(departure(&found.basis) < 1e-13);
        // Reconstructed by the basis, the snapshots are themselves.
        let again = &found.basis * (found.basis.transpose() * &matrix);
        assert!((again - &matrix).amax() < 1e-14);
        assert!(angle(&found.basis.columns(0, 5).into_owned(), &left.columns(0, 5).into_owned()) < 1e-13);
    }

    #[test]
    fn there_are_no_more_modes_than_snapshots_and_components() {
        let (matrix, _) = with_values([30, 4], &[4.0, 3.0, 2.0, 1.0], complex);
        assert_eq!(leading(&matrix, 10).basis.shape(), (30, 4));
        assert_eq!(leading(&matrix.adjoint(), 10).basis.shape(), (4, 4));
        assert_eq!(leading(&matrix, 0).basis.shape(), (30, 0));
    }

    #[test]
    fn zeros_and_what_is_not_finite_have_no_basis() {
        for (rows, columns) in [(5, 3), (3, 5), (0, 2), (2, 0), (601, 602)] {
            let found = leading(&DMatrix::<f64>::zeros(rows, columns), 4);
            assert_eq!((found.basis.shape(), found.singular_values.len()), ((rows, 0), 0));
        }
        let mut matrix = DMatrix::<f64>::identity(4, 4);
        matrix[(1, 2)] = f64::NAN;
        assert_eq!(leading(&matrix, 4).basis.shape(), (4, 0));
    }
}
