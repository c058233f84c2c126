//! The choice of instructions at run time.

/// Work on arrays whose loops profit from wide vectors.
pub(crate) trait Work {
    /// Does it. Implementations are marked `#[inline(always)]`: what is not inlined is compiled without the vectors, which
    /// is why this is no closure.
    fn run(self);
}

struct Wide<W>(W);

impl<W: Work> pulp::WithSimd for Wide<W> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        self.0.run();
    }
}

/// Does `work`, compiled for the widest vectors of this processor. The bits of the results do not depend on them, since the
/// compiler never merges a product with a sum.
#[inline(always)]
pub(crate) fn vectorised(work: impl Work) {
    // By name: `pulp::Arch` leaves AVX2 out unless a feature is on, which would change the build of Burn, too.
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = pulp::x86::V3::try_new() {
        return pulp::Simd::vectorize(simd, Wide(work));
    }
    pulp::Simd::vectorize(pulp::Scalar, Wide(work));
}
