//! Real numbers of two widths, and rows of them.

use std::fmt::Debug;
use std::ops::{Add, Deref, DerefMut, Div, Mul, Neg, Sub};
use std::sync::LazyLock;

use crate::simd::Kernels;

/// Examples that lie side by side in memory.
pub const PANEL: usize = 32;

/// One feature of [`PANEL`] examples. The first index over memory is thereby the example, whatever the width of a
/// layer, so that a network with ten units fills a register as well as one with a thousand. It begins where a line of
/// the cache does: a vector that lies across two takes twice as long to load.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(align(64))]
pub(crate) struct Row<T>(pub(crate) [T; PANEL]);

/// [`PANEL`] numbers of a vector of weights, of a gradient, or of what an optimiser keeps. The last piece of such a
/// vector is filled up with 0.
pub type Piece<T> = [T; PANEL];

/// Pieces that hold so many numbers.
pub fn pieces(count: usize) -> usize {
    count.div_ceil(PANEL)
}

impl<T: Real> Row<T> {
    pub(crate) const ZERO: Self = Row([T::ZERO; PANEL]);
}

impl<T> Deref for Row<T> {
    type Target = [T; PANEL];

    fn deref(&self) -> &[T; PANEL] {
        &self.0
    }
}

impl<T> DerefMut for Row<T> {
    fn deref_mut(&mut self) -> &mut [T; PANEL] {
        &mut self.0
    }
}

/// f32 or f64.
pub trait Real:
    Copy
    + Debug
    + Default
    + PartialOrd
    + Send
    + Sync
    + 'static
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// Below it, exp(x) is taken for that of this, which is still a normal number.
    const EXP_MIN: Self;
    /// Above it, exp(x) is taken for that of this.
    const EXP_MAX: Self;
    /// log 2 in two parts, the first with few enough bits that a whole multiple of it is exact.
    const LN_2: [Self; 2];
    /// Terms of the series of exp for an argument of at most log(2) / 2.
    const EXP_TERMS: usize;

    /// The nearest number of this type.
    fn from_f64(x: f64) -> Self;
    /// The same number.
    fn to_f64(self) -> f64;
    #[doc(hidden)]
    fn sqrt(self) -> Self;
    #[doc(hidden)]
    fn round(self) -> Self;
    #[doc(hidden)]
    fn power_of_two(self) -> Self;
    #[doc(hidden)]
    fn with_sign_of(self, other: Self) -> Self;
    #[doc(hidden)]
    fn tables() -> &'static [Kernels<Self>];
}

macro_rules! real {
    ($real:ident, $integer:ident, $bits:ident, $bias:literal, $mantissa:literal, $available:ident,
     $min:literal, $max:literal, $ln_2:expr, $terms:literal) => {
        impl Real for $real {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const EXP_MIN: Self = $min;
            const EXP_MAX: Self = $max;
            const LN_2: [Self; 2] = $ln_2;
            const EXP_TERMS: usize = $terms;

            #[inline(always)]
            fn from_f64(x: f64) -> Self {
                x as $real
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                $real::sqrt(self)
            }
            #[inline(always)]
            fn round(self) -> Self {
                self.round_ties_even()
            }
            #[inline(always)]
            fn power_of_two(self) -> Self {
                $real::from_bits(((self as $integer + $bias) << $mantissa) as $bits)
            }
            #[inline(always)]
            fn with_sign_of(self, other: Self) -> Self {
                self.copysign(other)
            }
            fn tables() -> &'static [Kernels<Self>] {
                static TABLES: LazyLock<Vec<Kernels<$real>>> = LazyLock::new(Kernels::$available);
                &TABLES
            }
        }
    };
}

real!(f32, i32, u32, 127, 23, available_f32, -87.0, 88.0, [0.693_359_4, -2.121_944_4e-4], 7);
real!(
    f64,
    i64,
    u64,
    1023,
    52,
    available_f64,
    -708.0,
    709.0,
    [0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10],
    13
);
