//! Several trajectories at once: a number in each SIMD lane, and the choice of instructions at run time. The one
//! module with `unsafe` in it.
//!
//! A [`Vector`] is eight numbers; its implementations call the processor's intrinsics, which are sound where the
//! processor has them. The only ways to them are [`vectorised`] and [`vectorised_single`], which ask the processor for the
//! features first, and vectors are private to this crate.
//!
//! Multiplications and additions stay two instructions: each lane rounds as a plain number does, so that a trajectory
//! is the same to the bit alone, beside others, and with every set of instructions (but for sines and their like, which
//! are those of the system's library). Vectors are registers rather than arrays. From arrays the compiler makes the same
//! instructions, but it takes half a minute for each system.

use std::ops::{Add, Div, Mul, Neg, Sub};

use autodiff::{Function, Pair, Program, Scalar};

use crate::Ode;
use crate::integrators::slopes::Slopes;

/// Trajectories in a [`Vector`].
pub(crate) const LANES: usize = 8;

/// Eight numbers that are computed with together, of 53 bits or of 24.
pub(crate) trait Vector: Copy {
    fn splat(x: f64) -> Self;
    fn from_array(x: [f64; LANES]) -> Self;
    fn to_array(self) -> [f64; LANES];
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn div(self, other: Self) -> Self;
    fn neg(self) -> Self;
    fn abs(self) -> Self;
    fn sqrt(self) -> Self;
    /// As [`Pair::Min`] and [`Pair::Max`].
    fn min(self, other: Self) -> Self;
    fn max(self, other: Self) -> Self;
    /// [`Scalar::run`], with the instructions of this kind of vector.
    fn run<const K: usize>(program: &Program, inputs: &[Lanes<Self, K>], outputs: &mut [Lanes<Self, K>]);
    /// Whether these vectors are fast, so that it pays to compile a method for each system with them.
    const FAST: bool = true;
    /// The right-hand side over these.
    fn in_lanes(system: &dyn InLanes) -> &dyn Slopes<Lanes<Self, 1>>;
    /// [`Ode::rhs`], with the instructions of this kind of vector.
    fn slopes<O: Ode>(ode: &O, t: Lanes<Self, 1>, u: &[Lanes<Self, 1>], du: &mut [Lanes<Self, 1>]);
}

/// The right-hand side over every kind of vector.
#[cfg(target_arch = "x86_64")]
pub(crate) trait InLanes:
    Slopes<Lanes<x86::Avx512, 1>>
    + Slopes<Lanes<x86::Avx2, 1>>
    + Slopes<Lanes<x86::Single, 1>>
    + Slopes<Lanes<Plain<f64>, 1>>
    + Slopes<Lanes<Plain<f32>, 1>>
{
}
#[cfg(not(target_arch = "x86_64"))]
pub(crate) trait InLanes: Slopes<Lanes<Plain<f64>, 1>> + Slopes<Lanes<Plain<f32>, 1>> {}
impl<O: Ode> InLanes for O {}

/// `K` vectors: so many that the processor need not wait for one result before it begins the next.
#[derive(Clone, Copy)]
pub(crate) struct Lanes<V, const K: usize>([V; K]);

impl<V: Vector, const K: usize> Lanes<V, K> {
    /// From the numbers of `K` times [`LANES`] lanes.
    #[inline(always)]
    pub(crate) fn gather(lane: impl Fn(usize) -> f64) -> Self {
        let mut vectors = [V::splat(0.0); K];
        for k in 0..K {
            let mut x = [0.0; LANES];
            for i in 0..LANES {
                x[i] = lane(k * LANES + i);
            }
            vectors[k] = V::from_array(x);
        }
        Lanes(vectors)
    }

    /// The numbers of each vector.
    #[inline(always)]
    pub(crate) fn arrays(self) -> [[f64; LANES]; K] {
        let mut arrays = [[0.0; LANES]; K];
        for k in 0..K {
            arrays[k] = self.0[k].to_array();
        }
        arrays
    }
}

macro_rules! operator {
    ($trait:ident, $method:ident) => {
        impl<V: Vector, const K: usize> $trait for Lanes<V, K> {
            type Output = Self;
            #[inline(always)]
            fn $method(mut self, other: Self) -> Self {
                for k in 0..K {
                    self.0[k] = self.0[k].$method(other.0[k]);
                }
                self
            }
        }
        impl<V: Vector, const K: usize> $trait<f64> for Lanes<V, K> {
            type Output = Self;
            #[inline(always)]
            fn $method(mut self, other: f64) -> Self {
                for k in 0..K {
                    self.0[k] = self.0[k].$method(V::splat(other));
                }
                self
            }
        }
    };
}
operator!(Add, add);
operator!(Sub, sub);
operator!(Mul, mul);
operator!(Div, div);

impl<V: Vector, const K: usize> Neg for Lanes<V, K> {
    type Output = Self;
    #[inline(always)]
    fn neg(mut self) -> Self {
        for k in 0..K {
            self.0[k] = self.0[k].neg();
        }
        self
    }
}

impl<V: Vector, const K: usize> From<f64> for Lanes<V, K> {
    #[inline(always)]
    fn from(value: f64) -> Self {
        Lanes([V::splat(value); K])
    }
}

impl<V: Vector, const K: usize> Scalar for Lanes<V, K> {
    #[inline(always)]
    fn run(program: &Program, inputs: &[Self], outputs: &mut [Self]) {
        V::run(program, inputs, outputs);
    }
    #[inline(always)]
    fn apply(mut self, function: Function) -> Self {
        for k in 0..K {
            self.0[k] = match function {
                Function::Sqrt => self.0[k].sqrt(),
                Function::Abs => self.0[k].abs(),
                Function::Power(2) => self.0[k].mul(self.0[k]),
                Function::Power(3) => self.0[k].mul(self.0[k].mul(self.0[k])),
                _ => V::from_array(each(self.0[k].to_array(), function)),
            };
        }
        self
    }

    #[inline(always)]
    fn pair(mut self, other: Self, function: Pair) -> Self {
        for k in 0..K {
            self.0[k] = match function {
                Pair::Min => self.0[k].min(other.0[k]),
                Pair::Max => self.0[k].max(other.0[k]),
                _ => V::from_array(each_pair(self.0[k].to_array(), other.0[k].to_array(), function)),
            };
        }
        self
    }

    #[inline(always)]
    fn select(mut self, a: Self, b: Self) -> Self {
        for k in 0..K {
            let [condition, a, b] = [self.0[k], a.0[k], b.0[k]].map(V::to_array);
            self.0[k] = V::from_array(each_select(condition, a, b));
        }
        self
    }
}

/// A function of the library, lane by lane.
#[inline(never)]
fn each(x: [f64; LANES], function: Function) -> [f64; LANES] {
    x.map(|x| function.value(x))
}

#[inline(never)]
fn each_pair(a: [f64; LANES], b: [f64; LANES], function: Pair) -> [f64; LANES] {
    std::array::from_fn(|i| function.value(a[i], b[i]))
}

#[inline(never)]
fn each_select(condition: [f64; LANES], a: [f64; LANES], b: [f64; LANES]) -> [f64; LANES] {
    std::array::from_fn(|i| condition[i].select(a[i], b[i]))
}

/// A vector for any processor. On x86 it is only for processors without AVX2, of which few are left; there its code is
/// compiled to be small rather than fast.
#[derive(Clone, Copy)]
pub(crate) struct Plain<T>([T; LANES]);

/// Functions of a plain vector, each with the attributes that make it small or fast.
macro_rules! functions {
    ($(fn $name:ident $arguments:tt -> $result:ty $body:block)*) => {$(
        #[cfg_attr(target_arch = "x86_64", inline(never))]
        #[cfg_attr(not(target_arch = "x86_64"), inline(always))]
        fn $name $arguments -> $result $body
    )*};
}

macro_rules! plain {
    ($number:ty) => {
        impl Vector for Plain<$number> {
            const FAST: bool = cfg!(not(target_arch = "x86_64"));
            fn in_lanes(system: &dyn InLanes) -> &dyn Slopes<Lanes<Self, 1>> {
                system
            }
            functions! {
                fn splat(x: f64) -> Self { Plain([x as $number; LANES]) }
                fn from_array(x: [f64; LANES]) -> Self { Plain(x.map(|x| x as $number)) }
                fn add(self, other: Self) -> Self { Plain(std::array::from_fn(|i| self.0[i] + other.0[i])) }
                fn sub(self, other: Self) -> Self { Plain(std::array::from_fn(|i| self.0[i] - other.0[i])) }
                fn mul(self, other: Self) -> Self { Plain(std::array::from_fn(|i| self.0[i] * other.0[i])) }
                fn div(self, other: Self) -> Self { Plain(std::array::from_fn(|i| self.0[i] / other.0[i])) }
                fn min(self, other: Self) -> Self {
                    Vector::from_array(each_pair(self.to_array(), other.to_array(), Pair::Min))
                }
                fn max(self, other: Self) -> Self {
                    Vector::from_array(each_pair(self.to_array(), other.to_array(), Pair::Max))
                }
                fn to_array(self) -> [f64; LANES] { self.0.map(f64::from) }
                fn neg(self) -> Self { Plain(self.0.map(|x| -x)) }
                fn abs(self) -> Self { Plain(self.0.map(<$number>::abs)) }
                fn sqrt(self) -> Self { Plain(self.0.map(<$number>::sqrt)) }
            }
            #[inline(never)]
            fn run<const K: usize>(
                program: &Program,
                inputs: &[Lanes<Self, K>],
                outputs: &mut [Lanes<Self, K>],
            ) {
                program.interpret(inputs, outputs);
            }
            #[inline(never)]
            fn slopes<O: Ode>(ode: &O, t: Lanes<Self, 1>, u: &[Lanes<Self, 1>], du: &mut [Lanes<Self, 1>]) {
                ode.rhs(t, u, du);
            }
        }
    };
}
plain!(f64);
plain!(f32);

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod x86 {
    use std::arch::x86_64::*;

    use autodiff::Program;

    use super::{InLanes, LANES, Lanes, Vector};
    use crate::Ode;
    use crate::integrators::slopes::Slopes;

    /// What of a [`Vector`] depends on no instruction: its code has to be compiled with the features that let intrinsics become
    /// single instructions.
    macro_rules! compiled_with {
        ($vector:ident, $features:tt) => {
            fn in_lanes(system: &dyn InLanes) -> &dyn Slopes<Lanes<Self, 1>> {
                system
            }
            #[inline(always)]
            fn run<const K: usize>(
                program: &Program,
                inputs: &[Lanes<Self, K>],
                outputs: &mut [Lanes<Self, K>],
            ) {
                #[target_feature(enable = $features)]
                #[inline(never)]
                fn run<const K: usize>(
                    program: &Program,
                    inputs: &[Lanes<$vector, K>],
                    outputs: &mut [Lanes<$vector, K>],
                ) {
                    program.interpret(inputs, outputs);
                }
                unsafe { run(program, inputs, outputs) }
            }
            #[inline(always)]
            fn slopes<O: Ode>(ode: &O, t: Lanes<Self, 1>, u: &[Lanes<Self, 1>], du: &mut [Lanes<Self, 1>]) {
                #[target_feature(enable = $features)]
                fn slopes<O: Ode>(
                    ode: &O,
                    t: Lanes<$vector, 1>,
                    u: &[Lanes<$vector, 1>],
                    du: &mut [Lanes<$vector, 1>],
                ) {
                    ode.rhs(t, u, du);
                }
                unsafe { slopes(ode, t, u, du) }
            }
        };
    }

    /// A register of AVX-512.
    #[derive(Clone, Copy)]
    pub(crate) struct Avx512(__m512d);

    // SAFETY, of every block here: only this file can name these types, and it hands them to generic code only in
    // `vectorised` and `vectorised_single`, after the processor was asked for the features. Loads and stores stay within
    // arrays of eight numbers.
    impl Vector for Avx512 {
        compiled_with!(Avx512, "avx512f,avx512dq");
        #[inline(always)]
        fn splat(x: f64) -> Self {
            Avx512(unsafe { _mm512_set1_pd(x) })
        }
        #[inline(always)]
        fn from_array(x: [f64; LANES]) -> Self {
            Avx512(unsafe { _mm512_loadu_pd(x.as_ptr()) })
        }
        #[inline(always)]
        fn to_array(self) -> [f64; LANES] {
            let mut x = [0.0; LANES];
            unsafe { _mm512_storeu_pd(x.as_mut_ptr(), self.0) };
            x
        }
        #[inline(always)]
        fn add(self, other: Self) -> Self {
            Avx512(unsafe { _mm512_add_pd(self.0, other.0) })
        }
        #[inline(always)]
        fn sub(self, other: Self) -> Self {
            Avx512(unsafe { _mm512_sub_pd(self.0, other.0) })
        }
        #[inline(always)]
        fn mul(self, other: Self) -> Self {
            Avx512(unsafe { _mm512_mul_pd(self.0, other.0) })
        }
        #[inline(always)]
        fn div(self, other: Self) -> Self {
            Avx512(unsafe { _mm512_div_pd(self.0, other.0) })
        }
        #[inline(always)]
        fn neg(self) -> Self {
            Avx512(unsafe { _mm512_xor_pd(self.0, _mm512_set1_pd(-0.0)) })
        }
        #[inline(always)]
        fn abs(self) -> Self {
            Avx512(unsafe { _mm512_abs_pd(self.0) })
        }
        #[inline(always)]
        fn sqrt(self) -> Self {
            Avx512(unsafe { _mm512_sqrt_pd(self.0) })
        }
        // The instructions give the second of two where one is no number.
        #[inline(always)]
        fn min(self, other: Self) -> Self {
            Avx512(unsafe {
                let nan = _mm512_cmp_pd_mask::<_CMP_UNORD_Q>(self.0, self.0);
                _mm512_mask_mov_pd(_mm512_min_pd(self.0, other.0), nan, self.0)
            })
        }
        #[inline(always)]
        fn max(self, other: Self) -> Self {
            Avx512(unsafe {
                let nan = _mm512_cmp_pd_mask::<_CMP_UNORD_Q>(self.0, self.0);
                _mm512_mask_mov_pd(_mm512_max_pd(self.0, other.0), nan, self.0)
            })
        }
    }

    /// Two registers of AVX2.
    #[derive(Clone, Copy)]
    pub(crate) struct Avx2([__m256d; 2]);

    impl Vector for Avx2 {
        compiled_with!(Avx2, "avx2");
        #[inline(always)]
        fn splat(x: f64) -> Self {
            Avx2([unsafe { _mm256_set1_pd(x) }; 2])
        }
        #[inline(always)]
        fn from_array(x: [f64; LANES]) -> Self {
            Avx2(unsafe { [_mm256_loadu_pd(x.as_ptr()), _mm256_loadu_pd(x[4..].as_ptr())] })
        }
        #[inline(always)]
        fn to_array(self) -> [f64; LANES] {
            let mut x = [0.0; LANES];
            unsafe {
                _mm256_storeu_pd(x.as_mut_ptr(), self.0[0]);
                _mm256_storeu_pd(x[4..].as_mut_ptr(), self.0[1]);
            }
            x
        }
        #[inline(always)]
        fn add(self, other: Self) -> Self {
            Avx2(unsafe { [_mm256_add_pd(self.0[0], other.0[0]), _mm256_add_pd(self.0[1], other.0[1])] })
        }
        #[inline(always)]
        fn sub(self, other: Self) -> Self {
            Avx2(unsafe { [_mm256_sub_pd(self.0[0], other.0[0]), _mm256_sub_pd(self.0[1], other.0[1])] })
        }
        #[inline(always)]
        fn mul(self, other: Self) -> Self {
            Avx2(unsafe { [_mm256_mul_pd(self.0[0], other.0[0]), _mm256_mul_pd(self.0[1], other.0[1])] })
        }
        #[inline(always)]
        fn div(self, other: Self) -> Self {
            Avx2(unsafe { [_mm256_div_pd(self.0[0], other.0[0]), _mm256_div_pd(self.0[1], other.0[1])] })
        }
        #[inline(always)]
        fn neg(self) -> Self {
            unsafe {
                let sign = _mm256_set1_pd(-0.0);
                Avx2([_mm256_xor_pd(self.0[0], sign), _mm256_xor_pd(self.0[1], sign)])
            }
        }
        #[inline(always)]
        fn abs(self) -> Self {
            unsafe {
                let sign = _mm256_set1_pd(-0.0);
                Avx2([_mm256_andnot_pd(sign, self.0[0]), _mm256_andnot_pd(sign, self.0[1])])
            }
        }
        #[inline(always)]
        fn sqrt(self) -> Self {
            Avx2(unsafe { [_mm256_sqrt_pd(self.0[0]), _mm256_sqrt_pd(self.0[1])] })
        }
        #[inline(always)]
        fn min(self, other: Self) -> Self {
            let mut result = self;
            for i in 0..2 {
                let (a, b) = (self.0[i], other.0[i]);
                result.0[i] =
                    unsafe { _mm256_blendv_pd(_mm256_min_pd(a, b), a, _mm256_cmp_pd::<_CMP_UNORD_Q>(a, a)) };
            }
            result
        }
        #[inline(always)]
        fn max(self, other: Self) -> Self {
            let mut result = self;
            for i in 0..2 {
                let (a, b) = (self.0[i], other.0[i]);
                result.0[i] =
                    unsafe { _mm256_blendv_pd(_mm256_max_pd(a, b), a, _mm256_cmp_pd::<_CMP_UNORD_Q>(a, a)) };
            }
            result
        }
    }

    /// A register of AVX2 with numbers of 24 bits. Vectors of AVX-512 would not be faster: the processors this is
    /// measured on take two instructions of this width at once, or one of that.
    #[derive(Clone, Copy)]
    pub(crate) struct Single(__m256);

    impl Vector for Single {
        compiled_with!(Single, "avx2");
        #[inline(always)]
        fn splat(x: f64) -> Self {
            Single(unsafe { _mm256_set1_ps(x as f32) })
        }
        #[inline(always)]
        fn from_array(x: [f64; LANES]) -> Self {
            unsafe {
                let halves = [_mm256_loadu_pd(x.as_ptr()), _mm256_loadu_pd(x[4..].as_ptr())];
                Single(_mm256_set_m128(_mm256_cvtpd_ps(halves[1]), _mm256_cvtpd_ps(halves[0])))
            }
        }
        #[inline(always)]
        fn to_array(self) -> [f64; LANES] {
            let mut x = [0.0; LANES];
            unsafe {
                _mm256_storeu_pd(x.as_mut_ptr(), _mm256_cvtps_pd(_mm256_castps256_ps128(self.0)));
                _mm256_storeu_pd(x[4..].as_mut_ptr(), _mm256_cvtps_pd(_mm256_extractf128_ps::<1>(self.0)));
            }
            x
        }
        #[inline(always)]
        fn add(self, other: Self) -> Self {
            Single(unsafe { _mm256_add_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn sub(self, other: Self) -> Self {
            Single(unsafe { _mm256_sub_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn mul(self, other: Self) -> Self {
            Single(unsafe { _mm256_mul_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn div(self, other: Self) -> Self {
            Single(unsafe { _mm256_div_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn neg(self) -> Self {
            Single(unsafe { _mm256_xor_ps(self.0, _mm256_set1_ps(-0.0)) })
        }
        #[inline(always)]
        fn abs(self) -> Self {
            Single(unsafe { _mm256_andnot_ps(_mm256_set1_ps(-0.0), self.0) })
        }
        #[inline(always)]
        fn sqrt(self) -> Self {
            Single(unsafe { _mm256_sqrt_ps(self.0) })
        }
        #[inline(always)]
        fn min(self, other: Self) -> Self {
            let (a, b) = (self.0, other.0);
            Single(unsafe { _mm256_blendv_ps(_mm256_min_ps(a, b), a, _mm256_cmp_ps::<_CMP_UNORD_Q>(a, a)) })
        }
        #[inline(always)]
        fn max(self, other: Self) -> Self {
            let (a, b) = (self.0, other.0);
            Single(unsafe { _mm256_blendv_ps(_mm256_max_ps(a, b), a, _mm256_cmp_ps::<_CMP_UNORD_Q>(a, a)) })
        }
    }
}

/// Lets the processor fetch the lines of memory that hold these numbers, which are written soon. With two cores writing,
/// this makes the difference between waiting for memory and not.
#[inline(always)]
#[cfg_attr(not(target_arch = "x86_64"), allow(unused_variables))]
#[allow(unsafe_code)]
pub(crate) fn prefetch_for_writing(numbers: &[f64]) {
    #[cfg(target_arch = "x86_64")]
    for line in numbers.chunks(8) {
        // The intrinsic asks for a line to read unless the whole program is compiled for processors with this one.
        // SAFETY: a hint, which reads and writes nothing; processors that do not know it pass over it.
        unsafe {
            std::arch::asm!("prefetchw [{}]", in(reg) line.as_ptr(), options(readonly, nostack, preserves_flags));
        };
    }
}

/// Work that is compiled once for each kind of vector. A function that computes with vectors must be `#[inline(always)]`, so that
/// it becomes part of code that has the instructions, and no closure may hold such arithmetic: a function or closure of its
/// own is compiled without them, which is right but many times as slow. The exceptions are [`Vector::run`] and
/// [`Vector::slopes`], which have the instructions themselves, and functions that are called rarely.
pub(crate) trait Vectorised {
    type Output;
    fn run<V: Vector>(self) -> Self::Output;
}

/// Does the work with the widest vectors that this processor has.
#[allow(unsafe_code)]
pub(crate) fn vectorised<W: Vectorised>(work: W) -> W::Output {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx512f,avx512dq")]
        fn avx512<W: Vectorised>(work: W) -> W::Output {
            work.run::<x86::Avx512>()
        }
        #[target_feature(enable = "avx2")]
        fn avx2<W: Vectorised>(work: W) -> W::Output {
            work.run::<x86::Avx2>()
        }
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq") {
            // SAFETY: the processor was asked for both features.
            return unsafe { avx512(work) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor was asked for this feature.
            return unsafe { avx2(work) };
        }
    }
    work.run::<Plain<f64>>()
}

/// Does the work with vectors of numbers of 24 bits.
#[allow(unsafe_code)]
pub(crate) fn vectorised_single<W: Vectorised>(work: W) -> W::Output {
    #[cfg(target_arch = "x86_64")]
    {
        // of AVX-512 twice as many registers
        #[target_feature(enable = "avx512f,avx512vl")]
        fn avx512<W: Vectorised>(work: W) -> W::Output {
            work.run::<x86::Single>()
        }
        #[target_feature(enable = "avx2")]
        fn avx2<W: Vectorised>(work: W) -> W::Output {
            work.run::<x86::Single>()
        }
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl") {
            // SAFETY: the processor was asked for both features.
            return unsafe { avx512(work) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor was asked for this feature.
            return unsafe { avx2(work) };
        }
    }
    work.run::<Plain<f32>>()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every function of two numbers.
    fn pairs() -> impl Iterator<Item = Pair> {
        let named = Pair::NAMED.into_iter().chain(Pair::INFIX);
        [Pair::Power].into_iter().chain(named.map(|(_, pair)| pair))
    }

    struct Everything([f64; LANES], [f64; LANES]);

    impl Vectorised for Everything {
        type Output = Vec<[f64; LANES]>;
        #[inline(always)]
        fn run<V: Vector>(self) -> Self::Output {
            let a: Lanes<V, 1> = Lanes::gather(|i| self.0[i]);
            let b: Lanes<V, 1> = Lanes::gather(|i| self.1[i]);
            let mut found = vec![a + b, a - b, a * b, a / b, -a, a + 0.3, a - 0.3, a * 0.3, a / 0.3];
            for (_, function) in Function::NAMED {
                found.push(a.apply(function));
            }
            for n in [-2, 0, 1, 2, 3, 5] {
                found.push(a.powi(n));
            }
            for pair in pairs() {
                found.push(a.pair(b, pair));
            }
            found.push(a.select(b, b * 2.0));
            found.into_iter().map(|x| x.arrays()[0]).collect()
        }
    }

    fn of_plain_numbers(a: f64, b: f64) -> Vec<f64> {
        let mut found = vec![a + b, a - b, a * b, a / b, -a, a + 0.3, a - 0.3, a * 0.3, a / 0.3];
        found.extend(Function::NAMED.map(|(_, function)| a.apply(function)));
        found.extend([-2, 0, 1, 2, 3, 5].map(|n| a.powi(n)));
        found.extend(pairs().map(|pair| a.pair(b, pair)));
        found.push(a.select(b, b * 2.0));
        found
    }

    #[test]
    fn every_lane_computes_to_the_bit_as_a_plain_number_does() {
        let a = [1.5, -0.7, 0.0, -0.0, 3.25e7, f64::NAN, f64::INFINITY, 0.9];
        let b = [2.5, 0.3, -0.0, 0.0, -4.0, 1.0, f64::NAN, 0.9];
        let kinds = [
            vectorised(Everything(a, b)),
            Everything(a, b).run::<Plain<f64>>(),
            // the instructions between, which this processor has too if it has any
            #[cfg(target_arch = "x86_64")]
            between(Everything(a, b)),
        ];
        for found in kinds {
            for i in 0..LANES {
                for (k, expected) in of_plain_numbers(a[i], b[i]).into_iter().enumerate() {
                    let same = found[k][i].to_bits() == expected.to_bits();
                    assert!(same || (found[k][i].is_nan() && expected.is_nan()), "{k}, lane {i}: {expected}");
                }
            }
        }
    }

    #[test]
    fn every_lane_of_24_bits_rounds_each_operation() {
        let a = [1.5, -0.7, 0.0, -0.0, 3.25e7, f64::NAN, f64::INFINITY, 0.9].map(|x| f64::from(x as f32));
        let b = [2.5, 0.3, -0.0, 0.0, -4.0, 1.0, f64::NAN, 0.9].map(|x| f64::from(x as f32));
        let round = |x: f64| x as f32;
        for found in [vectorised_single(Everything(a, b)), Everything(a, b).run::<Plain<f32>>()] {
            for i in 0..LANES {
                let (x, y, c) = (round(a[i]), round(b[i]), 0.3f32);
                let mut expected = vec![x + y, x - y, x * y, x / y, -x, x + c, x - c, x * c, x / c];
                expected.extend(Function::NAMED.map(|(_, function)| round(a[i].apply(function))));
                for (k, expected) in expected.into_iter().enumerate() {
                    let found = round(found[k][i]);
                    let same = found.to_bits() == expected.to_bits();
                    assert!(
                        same || (found.is_nan() && expected.is_nan()),
                        "{k}, lane {i}: {found} {expected}"
                    );
                }
                let of_pairs = pairs().map(|pair| pair.value(a[i], b[i])).collect::<Vec<_>>();
                let chosen = a[i].select(b[i], b[i] * 2.0);
                let first = found.len() - of_pairs.len() - 1;
                for (k, expected) in of_pairs.into_iter().chain([chosen]).enumerate() {
                    let (found, expected) = (round(found[first + k][i]), round(expected));
                    assert!(found.to_bits() == expected.to_bits() || (found.is_nan() && expected.is_nan()));
                }
            }
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[allow(unsafe_code)]
    fn between(work: Everything) -> Vec<[f64; LANES]> {
        #[target_feature(enable = "avx2")]
        fn avx2(work: Everything) -> Vec<[f64; LANES]> {
            work.run::<x86::Avx2>()
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor was asked for this feature.
            unsafe { avx2(work) }
        } else {
            work.run::<Plain<f64>>()
        }
    }
}
