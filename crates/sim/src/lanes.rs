//! Several trajectories at once: a number in each SIMD lane, and the choice of instructions at run time.
//!
//! Multiplications and additions stay two instructions: each lane rounds as a plain `f64` does, so that a trajectory
//! is the same to the bit alone, beside others, and on every processor.

use std::ops::{Add, Div, Mul, Neg, Sub};

use autodiff::{Function, Pair, Scalar};

/// `L` numbers that are computed with together.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(64))]
pub struct Lanes<const L: usize>(pub [f64; L]);

macro_rules! operator {
    ($trait:ident, $method:ident, $symbol:tt) => {
        impl<const L: usize> $trait for Lanes<L> {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                let mut result = [0.0; L];
                for i in 0..L {
                    result[i] = self.0[i] $symbol other.0[i];
                }
                Lanes(result)
            }
        }
        impl<const L: usize> $trait<f64> for Lanes<L> {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: f64) -> Self {
                let mut result = [0.0; L];
                for i in 0..L {
                    result[i] = self.0[i] $symbol other;
                }
                Lanes(result)
            }
        }
    };
}
operator!(Add, add, +);
operator!(Sub, sub, -);
operator!(Mul, mul, *);
operator!(Div, div, /);

impl<const L: usize> Neg for Lanes<L> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        let mut result = [0.0; L];
        for i in 0..L {
            result[i] = -self.0[i];
        }
        Lanes(result)
    }
}

impl<const L: usize> From<f64> for Lanes<L> {
    #[inline(always)]
    fn from(value: f64) -> Self {
        Lanes([value; L])
    }
}

impl<const L: usize> Scalar for Lanes<L> {
    #[inline(always)]
    fn apply(self, function: Function) -> Self {
        let mut result = [0.0; L];
        for i in 0..L {
            result[i] = function.value(self.0[i]);
        }
        Lanes(result)
    }

    #[inline(always)]
    fn pair(self, other: Self, function: Pair) -> Self {
        let mut result = [0.0; L];
        for i in 0..L {
            result[i] = function.value(self.0[i], other.0[i]);
        }
        Lanes(result)
    }
}

impl<const L: usize> Lanes<L> {
    /// The larger of two, or the second where one is no number: one instruction.
    #[inline(always)]
    pub(crate) fn larger(self, other: Self) -> Self {
        let mut result = [0.0; L];
        for i in 0..L {
            result[i] = if self.0[i] > other.0[i] { self.0[i] } else { other.0[i] };
        }
        Lanes(result)
    }

    /// The smaller of two, or the second where one is no number: one instruction.
    #[inline(always)]
    pub(crate) fn smaller(self, other: Self) -> Self {
        let mut result = [0.0; L];
        for i in 0..L {
            result[i] = if self.0[i] < other.0[i] { self.0[i] } else { other.0[i] };
        }
        Lanes(result)
    }
}

/// Work that is compiled once for each set of instructions: `run`, and all that it calls, must be
/// `#[inline(always)]`, and no closures.
pub(crate) trait Vectorised {
    type Output;
    fn run(self) -> Self::Output;
}

/// Does the work with the widest vectors that this processor has.
#[allow(unsafe_code)]
pub(crate) fn vectorised<W: Vectorised>(work: W) -> W::Output {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw")]
        fn avx512<W: Vectorised>(work: W) -> W::Output {
            work.run()
        }
        #[target_feature(enable = "avx2")]
        fn avx2<W: Vectorised>(work: W) -> W::Output {
            work.run()
        }
        if is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512bw")
        {
            // SAFETY: the processor was asked for each of these features.
            return unsafe { avx512(work) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor was asked for this feature.
            return unsafe { avx2(work) };
        }
    }
    work.run()
}
