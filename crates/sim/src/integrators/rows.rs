//! Room for derivatives, and weighted sums of them.

use crate::Scalar;

/// Rows of numbers, as long as a state each, in one allocation.
pub(crate) struct Rows<S> {
    numbers: Vec<S>,
    dim: usize,
}

impl<S: Scalar> Rows<S> {
    /// Zeros.
    pub(crate) fn new(rows: usize, dim: usize) -> Self {
        Rows { numbers: vec![S::from(0.0); rows * dim], dim }
    }

    #[inline(always)]
    pub(crate) fn row(&self, i: usize) -> &[S] {
        &self.numbers[i * self.dim..][..self.dim]
    }

    #[inline(always)]
    pub(crate) fn row_mut(&mut self, i: usize) -> &mut [S] {
        &mut self.numbers[i * self.dim..][..self.dim]
    }

    /// The first five rows.
    ///
    /// # Panics
    /// Where there are fewer.
    pub(crate) fn split(&mut self) -> [&mut [S]; 5] {
        let mut rest = self.numbers.as_mut_slice();
        std::array::from_fn(|_| {
            let (row, others) = std::mem::take(&mut rest).split_at_mut(self.dim);
            rest = others;
            row
        })
    }
}

/// A weighted sum of rows. The compiler sees that all rows have one length, and so it need not check the index for each row
/// in a loop over components.
pub(crate) struct Sum<'a, S, const N: usize> {
    pub(crate) rows: [&'a [S]; N],
    pub(crate) weights: [f64; N],
}

impl<S: Scalar, const N: usize> Sum<'_, S, N> {
    /// Component `j`.
    #[inline(always)]
    pub(crate) fn at(&self, j: usize) -> S {
        let mut sum = self.rows[0][j] * self.weights[0];
        for i in 1..N {
            sum = sum + self.rows[i][j] * self.weights[i];
        }
        sum
    }
}

/// The [`Sum`] of rows of `$k`, `$dim` long: each row, times its weight.
macro_rules! sum {
    ($k:expr, $dim:expr; $($row:literal * $weight:literal),+) => {
        $crate::integrators::rows::Sum { rows: [$(&$k.row($row)[..$dim]),+], weights: [$($weight),+] }
    };
}
pub(crate) use sum;

/// A stage: its argument, from the derivatives of the stages before it, and its derivative.
macro_rules! stage {
    ($system:ident, $t:ident, $h:ident, $work:ident; $stage:literal at $c:literal: $($terms:tt)*) => {
        let Work { k, u, stage, .. } = &mut *$work;
        let dim = u.len();
        let (stage, slope) = (&mut stage[..dim], sum!(k, dim; $($terms)*));
        for j in 0..dim {
            stage[j] = u[j] + slope.at(j) * $h;
        }
        $system.slopes($t + $h * $c, stage, k.row_mut($stage));
    };
}
pub(crate) use stage;
