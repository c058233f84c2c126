//! Vectors of numbers, and the choice of instructions at run time: the one module with `unsafe` in it.
//!
//! [`Lanes`] is a vector register. Its implementations call the processor's intrinsics, which are sound where
//! the processor has them. That is argued once: a [`Kernels`] table is the only way from safe code to a function
//! compiled for an instruction set, its fields are private to this module, and [`Kernels::available`] hands out
//! the table of a set only after the processor was asked for every feature of it. Loads and stores go through
//! fixed-size arrays, whose bounds are asserted, so no pointer leaves the array it was made from.

use crate::functions::Activation;
use crate::real::{PANEL, Piece, Real, Row};
use crate::{elementwise, optimizer, products};

/// Some numbers in one register.
pub(crate) trait Lanes: Copy {
    /// What it holds.
    type Real: Real;
    /// How many of them; divides [`PANEL`] at least twice.
    const COUNT: usize;
    /// Rows of the block that a product keeps in registers, two vectors each, at most 12.
    const ROWS: usize;
    /// Rows of the block that an outer product keeps in registers, four vectors each, at most 6.
    const OUTER: usize;

    fn splat(x: Self::Real) -> Self;
    /// The vector of a row that starts at `from`.
    fn load(row: &Piece<Self::Real>, from: usize) -> Self;
    fn store(self, row: &mut Piece<Self::Real>, from: usize);
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn div(self, other: Self) -> Self;
    /// self * factor + term, rounded once where the processor can.
    fn mul_add(self, factor: Self, term: Self) -> Self;
    fn min(self, other: Self) -> Self;
    fn max(self, other: Self) -> Self;
    fn sqrt(self) -> Self;
    /// The nearest whole numbers, for magnitudes below 2^22.
    fn round(self) -> Self;
    /// 2^self for whole numbers from -126 to 127 (f32) or -1022 to 1023 (f64).
    fn power_of_two(self) -> Self;
    /// self with the sign of `other`, for self >= 0.
    fn with_sign_of(self, other: Self) -> Self;
    /// The sum of all.
    fn sum(self) -> Self::Real;
    /// The sums of four vectors.
    #[inline(always)]
    fn sums(vectors: [Self; 4]) -> [Self::Real; 4] {
        let [a, b, c, d] = vectors;
        [a.sum(), b.sum(), c.sum(), d.sum()]
    }
}

/// Vectors as arrays, for any processor, and for Miri.
#[derive(Clone, Copy)]
pub(crate) struct Portable<T, const N: usize>([T; N]);

impl<T: Real, const N: usize> Portable<T, N> {
    #[inline(always)]
    fn map(self, f: impl Fn(T) -> T) -> Self {
        Portable(self.0.map(f))
    }

    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(T, T) -> T) -> Self {
        Portable(std::array::from_fn(|i| f(self.0[i], other.0[i])))
    }
}

impl<T: Real, const N: usize> Lanes for Portable<T, N> {
    type Real = T;
    const COUNT: usize = N;
    const ROWS: usize = 4;
    const OUTER: usize = 2;

    #[inline(always)]
    fn splat(x: T) -> Self {
        Portable([x; N])
    }
    #[inline(always)]
    fn load(row: &Piece<T>, from: usize) -> Self {
        Portable(std::array::from_fn(|i| row[from + i]))
    }
    #[inline(always)]
    fn store(self, row: &mut Piece<T>, from: usize) {
        row[from..from + N].copy_from_slice(&self.0);
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        self.zip(other, |a, b| a / b)
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        self.mul(factor).add(term)
    }
    // As the instructions of x86: where one of the two is no number, it is the second.
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        self.zip(other, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        self.zip(other, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        self.map(T::sqrt)
    }
    #[inline(always)]
    fn round(self) -> Self {
        self.map(T::round)
    }
    #[inline(always)]
    fn power_of_two(self) -> Self {
        self.map(T::power_of_two)
    }
    #[inline(always)]
    fn with_sign_of(self, other: Self) -> Self {
        self.zip(other, T::with_sign_of)
    }
    #[inline(always)]
    fn sum(self) -> T {
        let (mut parts, mut count) = (self.0, N);
        while count > 1 {
            count /= 2;
            for i in 0..count {
                parts[i] = parts[i] + parts[i + count];
            }
        }
        parts[0]
    }
}

/// [`Lanes`] by intrinsics that take and give the register itself.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! lanes {
    ($register:ident of $real:ident, $count:literal lanes, blocks of $rows:literal and $outer:literal;
     splat $splat:ident, load $load:ident, store $store:ident, add $add:ident, sub $sub:ident, mul $mul:ident,
     div $div:ident, min $min:ident, max $max:ident, sqrt $sqrt:ident;
     $mul_add:expr; $round:expr; $power:expr; $sign:expr; $sum:expr; $sums:expr) => {
        // Each intrinsic below is sound under the argument at the head of this module.
        impl Lanes for $register {
            type Real = $real;
            const COUNT: usize = $count;
            const ROWS: usize = $rows;
            const OUTER: usize = $outer;

            #[inline(always)]
            fn splat(x: $real) -> Self {
                unsafe { $splat(x) }
            }
            #[inline(always)]
            fn load(row: &Piece<$real>, from: usize) -> Self {
                assert!(from <= PANEL - $count);
                unsafe { $load(row.as_ptr().add(from)) }
            }
            #[inline(always)]
            fn store(self, row: &mut Piece<$real>, from: usize) {
                assert!(from <= PANEL - $count);
                unsafe { $store(row.as_mut_ptr().add(from), self) }
            }
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                unsafe { $add(self, other) }
            }
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                unsafe { $sub(self, other) }
            }
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                unsafe { $mul(self, other) }
            }
            #[inline(always)]
            fn div(self, other: Self) -> Self {
                unsafe { $div(self, other) }
            }
            #[inline(always)]
            fn mul_add(self, factor: Self, term: Self) -> Self {
                unsafe { $mul_add(self, factor, term) }
            }
            #[inline(always)]
            fn min(self, other: Self) -> Self {
                unsafe { $min(self, other) }
            }
            #[inline(always)]
            fn max(self, other: Self) -> Self {
                unsafe { $max(self, other) }
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                unsafe { $sqrt(self) }
            }
            #[inline(always)]
            fn round(self) -> Self {
                unsafe { $round(self) }
            }
            #[inline(always)]
            fn power_of_two(self) -> Self {
                unsafe { $power(self) }
            }
            #[inline(always)]
            fn with_sign_of(self, other: Self) -> Self {
                unsafe { $sign(self, other) }
            }
            #[inline(always)]
            fn sum(self) -> $real {
                unsafe { $sum(self) }
            }
            #[inline(always)]
            fn sums(vectors: [Self; 4]) -> [$real; 4] {
                let [a, b, c, d] = vectors;
                unsafe { $sums(a, b, c, d) }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::*;
    use std::arch::x86_64::*;

    const NEAREST: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;

    // 2^n is the number with exponent bits n + bias. 0x80000000 is the sign bit.
    lanes! { __m512 of f32, 16 lanes, blocks of 12 and 6;
        splat _mm512_set1_ps, load _mm512_loadu_ps, store _mm512_storeu_ps, add _mm512_add_ps, sub _mm512_sub_ps,
        mul _mm512_mul_ps, div _mm512_div_ps, min _mm512_min_ps, max _mm512_max_ps, sqrt _mm512_sqrt_ps;
        |a, b, c| _mm512_fmadd_ps(a, b, c);
        |x| _mm512_roundscale_ps::<NEAREST>(x);
        |n| _mm512_castsi512_ps(_mm512_slli_epi32::<23>(_mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127))));
        |x, sign| _mm512_or_ps(x, _mm512_and_ps(sign, _mm512_set1_ps(-0.0)));
        |x| sum_8(halves_f32(x));
        |a, b, c, d| sums_8(halves_f32(a), halves_f32(b), halves_f32(c), halves_f32(d))
    }
    lanes! { __m512d of f64, 8 lanes, blocks of 12 and 6;
        splat _mm512_set1_pd, load _mm512_loadu_pd, store _mm512_storeu_pd, add _mm512_add_pd, sub _mm512_sub_pd,
        mul _mm512_mul_pd, div _mm512_div_pd, min _mm512_min_pd, max _mm512_max_pd, sqrt _mm512_sqrt_pd;
        |a, b, c| _mm512_fmadd_pd(a, b, c);
        |x| _mm512_roundscale_pd::<NEAREST>(x);
        |n| _mm512_castsi512_pd(_mm512_slli_epi64::<52>(_mm512_add_epi64(_mm512_cvtpd_epi64(n), _mm512_set1_epi64(1023))));
        |x, sign| _mm512_or_pd(x, _mm512_and_pd(sign, _mm512_set1_pd(-0.0)));
        |x| sum_4(halves_f64(x));
        |a, b, c, d| sums_4(halves_f64(a), halves_f64(b), halves_f64(c), halves_f64(d))
    }
    lanes! { __m256 of f32, 8 lanes, blocks of 6 and 2;
        splat _mm256_set1_ps, load _mm256_loadu_ps, store _mm256_storeu_ps, add _mm256_add_ps, sub _mm256_sub_ps,
        mul _mm256_mul_ps, div _mm256_div_ps, min _mm256_min_ps, max _mm256_max_ps, sqrt _mm256_sqrt_ps;
        |a, b, c| _mm256_fmadd_ps(a, b, c);
        |x| _mm256_round_ps::<NEAREST>(x);
        |n| _mm256_castsi256_ps(_mm256_slli_epi32::<23>(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127))));
        |x, sign| _mm256_or_ps(x, _mm256_and_ps(sign, _mm256_set1_ps(-0.0)));
        |x| sum_8(x);
        |a, b, c, d| sums_8(a, b, c, d)
    }
    lanes! { __m256d of f64, 4 lanes, blocks of 6 and 2;
        splat _mm256_set1_pd, load _mm256_loadu_pd, store _mm256_storeu_pd, add _mm256_add_pd, sub _mm256_sub_pd,
        mul _mm256_mul_pd, div _mm256_div_pd, min _mm256_min_pd, max _mm256_max_pd, sqrt _mm256_sqrt_pd;
        |a, b, c| _mm256_fmadd_pd(a, b, c);
        |x| _mm256_round_pd::<NEAREST>(x);
        |n| _mm256_castsi256_pd(_mm256_slli_epi64::<52>(_mm256_add_epi64(
            _mm256_cvtepi32_epi64(_mm256_cvtpd_epi32(n)), _mm256_set1_epi64x(1023))));
        |x, sign| _mm256_or_pd(x, _mm256_and_pd(sign, _mm256_set1_pd(-0.0)));
        |x| sum_4(x);
        |a, b, c, d| sums_4(a, b, c, d)
    }

    /// The lower half plus the upper half.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx2,fma")]
    fn halves_f32(x: __m512) -> __m256 {
        _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps::<1>(x))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx2,fma")]
    fn halves_f64(x: __m512d) -> __m256d {
        _mm256_add_pd(_mm512_castpd512_pd256(x), _mm512_extractf64x4_pd::<1>(x))
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn sum_8(x: __m256) -> f32 {
        let x = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps::<1>(x));
        let x = _mm_add_ps(x, _mm_movehl_ps(x, x));
        _mm_cvtss_f32(_mm_add_ss(x, _mm_movehdup_ps(x)))
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn sum_4(x: __m256d) -> f64 {
        let x = _mm_add_pd(_mm256_castpd256_pd128(x), _mm256_extractf128_pd::<1>(x));
        _mm_cvtsd_f64(_mm_add_sd(x, _mm_unpackhi_pd(x, x)))
    }

    /// Four sums at once, by transposing as the halves are added.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn sums_8(a: __m256, b: __m256, c: __m256, d: __m256) -> [f32; 4] {
        let ab = _mm256_add_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
        let cd = _mm256_add_ps(_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
        let abcd = _mm256_add_ps(_mm256_shuffle_ps::<0x44>(ab, cd), _mm256_shuffle_ps::<0xee>(ab, cd));
        let sums = _mm_add_ps(_mm256_castps256_ps128(abcd), _mm256_extractf128_ps::<1>(abcd));
        let mut out = [0.0; 4];
        // an array as long as the register
        unsafe { _mm_storeu_ps(out.as_mut_ptr(), sums) };
        out
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn sums_4(a: __m256d, b: __m256d, c: __m256d, d: __m256d) -> [f64; 4] {
        let ab = _mm256_add_pd(_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b));
        let cd = _mm256_add_pd(_mm256_unpacklo_pd(c, d), _mm256_unpackhi_pd(c, d));
        let sums =
            _mm256_add_pd(_mm256_permute2f128_pd::<0x20>(ab, cd), _mm256_permute2f128_pd::<0x31>(ab, cd));
        let mut out = [0.0; 4];
        // an array as long as the register
        unsafe { _mm256_storeu_pd(out.as_mut_ptr(), sums) };
        out
    }

    pub(super) fn has_avx512() -> bool {
        is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && has_avx2()
    }

    pub(super) fn has_avx2() -> bool {
        is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
    }
}

#[cfg(target_arch = "aarch64")]
mod arm {
    use super::*;
    use std::arch::aarch64::*;

    lanes! { float32x4_t of f32, 4 lanes, blocks of 12 and 6;
        splat vdupq_n_f32, load vld1q_f32, store vst1q_f32, add vaddq_f32, sub vsubq_f32, mul vmulq_f32, div vdivq_f32,
        min vminq_f32, max vmaxq_f32, sqrt vsqrtq_f32;
        |a, b, c| vfmaq_f32(c, a, b);
        |x| vrndnq_f32(x);
        |n| vreinterpretq_f32_s32(vshlq_n_s32::<23>(vaddq_s32(vcvtnq_s32_f32(n), vdupq_n_s32(127))));
        |x, sign| vbslq_f32(vdupq_n_u32(1 << 31), sign, x);
        |x| vaddvq_f32(x);
        |a, b, c, d| {
            let mut sums = [0.0; 4];
            vst1q_f32(sums.as_mut_ptr(), vpaddq_f32(vpaddq_f32(a, b), vpaddq_f32(c, d)));
            sums
        }
    }
    lanes! { float64x2_t of f64, 2 lanes, blocks of 12 and 6;
        splat vdupq_n_f64, load vld1q_f64, store vst1q_f64, add vaddq_f64, sub vsubq_f64, mul vmulq_f64, div vdivq_f64,
        min vminq_f64, max vmaxq_f64, sqrt vsqrtq_f64;
        |a, b, c| vfmaq_f64(c, a, b);
        |x| vrndnq_f64(x);
        |n| vreinterpretq_f64_s64(vshlq_n_s64::<52>(vaddq_s64(vcvtnq_s64_f64(n), vdupq_n_s64(1023))));
        |x, sign| vbslq_f64(vdupq_n_u64(1 << 63), sign, x);
        |x| vaddvq_f64(x);
        |a, b, c, d| [vaddvq_f64(a), vaddvq_f64(b), vaddvq_f64(c), vaddvq_f64(d)]
    }
}

/// One table of functions for each instruction set, from one list of signatures; the bodies are generic over
/// [`Lanes`] and stand in the modules named.
macro_rules! kernels {
    ($($(#[$about:meta])* $module:ident::$name:ident($($argument:ident: $type:ty),*);)*) => {
        /// The innermost loops, compiled for one instruction set.
        pub struct Kernels<T: 'static> {
            /// The instruction set: "AVX-512", "AVX2", "NEON" or "portable".
            pub name: &'static str,
            /// Rows of a block of packed weights.
            pub(crate) rows: usize,
            $($name: unsafe fn($($type),*),)*
        }

        impl<T: Real> Kernels<T> {
            $($(#[$about])* pub(crate) fn $name(&self, $($argument: $type),*) {
                // Sound under the argument at the head of this module.
                unsafe { (self.$name)($($argument),*) }
            })*

            fn portable<V: Lanes<Real = T>>() -> Self {
                Kernels { name: "portable", rows: V::ROWS, $($name: $module::$name::<V>,)* }
            }
        }

        kernels! { @set avx512, "avx512f,avx512dq,avx512vl,avx2,fma", target_arch = "x86_64",
            $($module::$name($($argument: $type),*);)* }
        kernels! { @set avx2, "avx2,fma", target_arch = "x86_64", $($module::$name($($argument: $type),*);)* }
        kernels! { @set neon, "neon", target_arch = "aarch64", $($module::$name($($argument: $type),*);)* }
    };
    (@set $set:ident, $features:literal, $arch:meta,
     $($module:ident::$name:ident($($argument:ident: $type:ty),*);)*) => {
        #[cfg($arch)]
        #[allow(clippy::too_many_arguments)]
        mod $set {
            use super::*;

            $(#[target_feature(enable = $features)]
            fn $name<T: Real, V: Lanes<Real = T>>($($argument: $type),*) {
                $module::$name::<V>($($argument),*)
            })*

            /// To be used only where the processor has the features.
            pub(super) fn table<T: Real, V: Lanes<Real = T>>(name: &'static str) -> Kernels<T> {
                Kernels { name, rows: V::ROWS, $($name: $name::<T, V>,)* }
            }
        }
    };
}

kernels! {
    /// See [`products::product`].
    products::product(weights: &[T], x: &[Row<T>], start: products::Start<T>, y: &mut [Row<T>]);
    /// See [`products::outer`].
    products::outer(x: products::Rows<T>, dz: products::Rows<T>, count: usize, gradient: &mut [T], stride: usize);
    /// See [`products::row_sums`].
    products::row_sums(dz: products::Rows<T>, count: usize, gradient: &mut [T]);
    /// See [`elementwise::activate`].
    elementwise::activate(activation: Activation, y: &mut [Row<T>], slope: &mut [Row<T>]);
    /// See [`elementwise::multiply`].
    elementwise::multiply(x: &mut [Row<T>], by: &[Row<T>]);
    /// See [`elementwise::accumulate`].
    elementwise::accumulate(sum: &mut [Piece<T>], x: &[Piece<T>]);
    /// See [`elementwise::sum_of_squares`].
    elementwise::sum_of_squares(x: &[Piece<T>], sum: &mut f64);
    /// See [`elementwise::squared_error`].
    elementwise::squared_error(y: &[Row<T>], targets: &[Row<T>], scale: T, valid: usize, dy: &mut [Row<T>], sum: &mut f64);
    /// See [`elementwise::rnn_slope`].
    elementwise::rnn_slope(h: &[Row<T>], dz: &mut [Row<T>]);
    /// See [`elementwise::lstm_forward`].
    elementwise::lstm_forward(gates: &mut [Row<T>], before: &[Row<T>], cell: &mut [Row<T>], h: &mut [Row<T>]);
    /// See [`elementwise::lstm_backward`].
    elementwise::lstm_backward(gates: &mut [Row<T>], cells: [&[Row<T>]; 2], dh: &[Row<T>], dc: &mut [Row<T>]);
    /// See [`elementwise::gru_forward`].
    elementwise::gru_forward(gates: &mut [Row<T>], before: &[Row<T>], h: &mut [Row<T>]);
    /// See [`elementwise::gru_backward`].
    elementwise::gru_backward(gates: &mut [Row<T>], before: &[Row<T>], dh: &[Row<T>], carry: &mut [Row<T>]);
    /// See [`optimizer::adam`].
    optimizer::adam(step: &optimizer::Step<T>, epsilon: T, state: optimizer::Moments<T>, gradient: &[Piece<T>], weights: &mut [Piece<T>]);
    /// See [`optimizer::sgd`].
    optimizer::sgd(step: &optimizer::Step<T>, gradient: &[Piece<T>], weights: &mut [Piece<T>]);
    /// See [`optimizer::momentum`].
    optimizer::momentum(step: &optimizer::Step<T>, momentum: T, velocity: &mut [Piece<T>], gradient: &[Piece<T>], weights: &mut [Piece<T>]);
    /// See [`optimizer::scaled`].
    optimizer::scaled(step: &optimizer::Step<T>, scaling: &optimizer::Scaling<T>, squares: &mut [Piece<T>], gradient: &[Piece<T>], weights: &mut [Piece<T>]);
}

/// The tables of this machine for one type, fastest first; the last runs anywhere.
macro_rules! available {
    ($real:ident, $wide:ident, $narrow:ident, $neon:ident, $portable:literal) => {{
        let mut tables: Vec<Kernels<$real>> = Vec::new();
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        {
            if x86::has_avx512() {
                tables.push(avx512::table::<$real, std::arch::x86_64::$wide>("AVX-512"));
            }
            if x86::has_avx2() {
                tables.push(avx2::table::<$real, std::arch::x86_64::$narrow>("AVX2"));
            }
        }
        // every 64-bit ARM has it
        #[cfg(all(target_arch = "aarch64", not(miri)))]
        tables.push(neon::table::<$real, std::arch::aarch64::$neon>("NEON"));
        tables.push(Kernels::portable::<Portable<$real, $portable>>());
        tables
    }};
}

impl Kernels<f32> {
    pub(crate) fn available_f32() -> Vec<Self> {
        available!(f32, __m512, __m256, float32x4_t, 8)
    }
}

impl Kernels<f64> {
    pub(crate) fn available_f64() -> Vec<Self> {
        available!(f64, __m512d, __m256d, float64x2_t, 4)
    }
}

impl<T: Real> Kernels<T> {
    /// The tables that this processor can run, fastest first; the last is portable.
    pub fn available() -> &'static [Self] {
        T::tables()
    }

    /// The fastest table that this processor can run.
    pub fn best() -> &'static Self {
        &T::tables()[0]
    }
}
