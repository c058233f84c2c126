//! The choice of instructions at run time.

/// A function and its arguments, in one tuple.
struct Call<F, A>(F, A);

impl<F: FnOnce(A), A> pulp::WithSimd for Call<F, A> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        (self.0)(self.1);
    }
}

/// Calls `function` with `arguments`, compiled for the widest vectors of this processor. The bits of the results do not
/// depend on them, since the compiler never merges a product with a sum.
///
/// The function must be marked `#[inline(always)]`. A closure would be compiled apart, and without the vectors.
#[inline(always)]
pub(crate) fn vectorised<A>(function: impl FnOnce(A), arguments: A) {
    pulp::Arch::new().dispatch(Call(function, arguments));
}
