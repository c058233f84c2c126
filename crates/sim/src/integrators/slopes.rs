//! The right-hand side over numbers of one kind, behind a pointer.

/// A right-hand side over numbers of one kind.
pub(crate) trait Slopes<S> {
    /// Writes f(t, u) to `du`: see [`crate::Ode::rhs`].
    fn slopes(&self, t: S, u: &[S], du: &mut [S]);
}
