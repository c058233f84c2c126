//! Room for some states.

/// Rows of numbers, as long as a state each, in one allocation.
pub(crate) struct Rows<S> {
    numbers: Vec<S>,
}

impl<S: Copy + From<f64>> Rows<S> {
    /// Zeros.
    pub(crate) fn new(rows: usize, dim: usize) -> Self {
        Rows { numbers: vec![S::from(0.0); rows * dim] }
    }

    /// A row. `dim` is given again each time because the compiler knows it there, and unrolls.
    #[inline(always)]
    pub(crate) fn row(&self, i: usize, dim: usize) -> &[S] {
        &self.numbers[i * dim..i * dim + dim]
    }

    #[inline(always)]
    pub(crate) fn row_mut(&mut self, i: usize, dim: usize) -> &mut [S] {
        &mut self.numbers[i * dim..i * dim + dim]
    }
}
