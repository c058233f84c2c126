//! Matrix products on rows of examples.
//!
//! Three products make up a layer y = x W: y itself, dx = dy W', and dW = x' dy. In the first two the examples
//! stand side by side and the sum runs over features: a block of [`Lanes::ROWS`] outputs is held in registers,
//! two vectors of examples each, and every step of the sum takes two loads and as many multiply-adds as the
//! block has vectors. In the third the sum runs over the examples, so whole vectors of them are multiplied and
//! added up across at the end.
//!
//! Weights are packed first, block by block, so that the innermost loop reads them in the order of memory (the
//! panels of Goto and van de Geijn 2008, "Anatomy of High-Performance Matrix Multiplication", section 4).

use crate::real::{PANEL, Real, Row};
use crate::simd::Lanes;

/// What a product is added to.
#[derive(Clone, Copy)]
pub(crate) enum Start<'a, T> {
    /// Nothing.
    Zero,
    /// A number for each output.
    Bias(&'a [T]),
    /// What is there.
    Present,
}

/// Blocks of rows at equal distances: `width` rows of every `stride`.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a, T> {
    pub(crate) rows: &'a [Row<T>],
    pub(crate) stride: usize,
    pub(crate) width: usize,
}

/// Lays out a matrix [inputs, outputs] for [`product`]: in blocks of `rows` outputs, each [input, output]. The matrix
/// has an input in each row, or an output where it is `transposed`; its rows are `stride` apart.
fn pack<T: Real>(
    [inputs, outputs]: [usize; 2],
    rows: usize,
    plain: &[T],
    stride: usize,
    transposed: bool,
    packed: &mut [T],
) {
    debug_assert_eq!(packed.len(), inputs * outputs);
    for (b, packed) in packed.chunks_mut(rows * inputs).enumerate() {
        let plain = &plain[b * rows * if transposed { stride } else { 1 }..];
        macro_rules! by_width {
            ($($width:literal)*) => {
                match packed.len() / inputs {
                    $($width => pack_block::<T, $width>(plain, stride, transposed, packed),)*
                    _ => unreachable!("a block has at most 12 rows"),
                }
            };
        }
        by_width!(1 2 3 4 5 6 7 8 9 10 11 12);
    }
}

fn pack_block<T: Real, const W: usize>(plain: &[T], stride: usize, transposed: bool, packed: &mut [T]) {
    let (packed, _) = packed.as_chunks_mut::<W>();
    if transposed {
        for o in 0..W {
            for (slots, &w) in packed.iter_mut().zip(&plain[o * stride..]) {
                slots[o] = w;
            }
        }
    } else {
        for (slots, row) in packed.iter_mut().zip(plain.chunks(stride)) {
            if let Some(row) = row.first_chunk::<W>() {
                *slots = *row;
            }
        }
    }
}

/// [`pack`] of a matrix [inputs, outputs] with rows `stride` apart, forward; and of its transpose, backward.
pub(crate) fn pack_both<T: Real>(
    [inputs, outputs]: [usize; 2],
    rows: usize,
    plain: &[T],
    stride: usize,
    [forward, backward]: [&mut [T]; 2],
) {
    pack([inputs, outputs], rows, plain, stride, false, forward);
    pack([outputs, inputs], rows, plain, stride, true, backward);
}

/// Inputs that [`product`] goes through at a time, so that their rows stay in the first cache from one block of
/// outputs to the next: half of it in f32.
const INPUTS_IN_CACHE: usize = 128;

/// y[o] = start + sum over k of weights[k, o] x[k], with packed weights.
#[inline(always)]
pub(crate) fn product<V: Lanes>(
    weights: &[V::Real],
    x: &[Row<V::Real>],
    start: Start<V::Real>,
    y: &mut [Row<V::Real>],
) {
    let inputs = x.len();
    for (part, x) in x.chunks(INPUTS_IN_CACHE).enumerate() {
        for (b, block) in y.chunks_mut(V::ROWS).enumerate() {
            let first = b * V::ROWS;
            let from = first * inputs + part * INPUTS_IN_CACHE * block.len();
            let weights = &weights[from..from + x.len() * block.len()];
            let start = match start {
                _ if part > 0 => Start::Present,
                Start::Bias(bias) => Start::Bias(&bias[first..first + block.len()]),
                other => other,
            };
            macro_rules! by_rows {
            ($($rows:literal)*) => {
                match block.len() {
                    $($rows => block_product::<V, $rows>(weights, x, start, block),)*
                    _ => unreachable!("a block has at most as many rows")
                }
            };
        }
            if V::ROWS > 6 {
                by_rows!(1 2 3 4 5 6 7 8 9 10 11 12);
            } else {
                by_rows!(1 2 3 4 5 6);
            }
        }
    }
}

#[inline(always)]
fn block_product<V: Lanes, const R: usize>(
    weights: &[V::Real],
    x: &[Row<V::Real>],
    start: Start<V::Real>,
    y: &mut [Row<V::Real>],
) {
    let (weights, _) = weights.as_chunks::<R>();
    for left in (0..PANEL).step_by(2 * V::COUNT) {
        let right = left + V::COUNT;
        let mut sums = [[V::splat(V::Real::ZERO); 2]; R];
        for r in 0..R {
            match start {
                Start::Zero => {}
                Start::Bias(bias) => sums[r] = [V::splat(bias[r]); 2],
                Start::Present => sums[r] = [V::load(&y[r], left), V::load(&y[r], right)],
            }
        }
        for (weights, x) in weights.iter().zip(x) {
            let (a, b) = (V::load(x, left), V::load(x, right));
            for r in 0..R {
                let weight = V::splat(weights[r]);
                sums[r] = [a.mul_add(weight, sums[r][0]), b.mul_add(weight, sums[r][1])];
            }
        }
        for (y, [a, b]) in y.iter_mut().zip(sums) {
            a.store(y, left);
            b.store(y, right);
        }
    }
}

/// Rows that [`outer`] goes through at a time, so that they stay in the second cache from one block of the
/// gradient to the next: half a megabyte in f32.
const ROWS_IN_CACHE: usize = 4096;

/// gradient[i, o] += sum over `count` blocks, and over the examples, of x[i] dz[o]; successive i are `stride`
/// apart in `gradient`.
#[inline(always)]
pub(crate) fn outer<V: Lanes>(
    x: Rows<V::Real>,
    dz: Rows<V::Real>,
    count: usize,
    gradient: &mut [V::Real],
    stride: usize,
) {
    let most = (ROWS_IN_CACHE / (x.width + dz.width)).max(4);
    for begin in (0..count).step_by(most) {
        let count = most.min(count - begin);
        let x = Rows { rows: &x.rows[begin * x.stride..], ..x };
        let dz = Rows { rows: &dz.rows[begin * dz.stride..], ..dz };
        for i in (0..x.width).step_by(V::OUTER) {
            for o in (0..dz.width).step_by(4) {
                let gradient = &mut gradient[i * stride + o..];
                let (x, dz) = (Rows { rows: &x.rows[i..], ..x }, Rows { rows: &dz.rows[o..], ..dz });
                macro_rules! block {
                    ($($rows:literal)*) => {
                        match (V::OUTER.min(x.width - i), 4.min(dz.width - o)) {
                            $(
                                ($rows, 1) => outer_block::<V, $rows, 1>(x, dz, count, gradient, stride),
                                ($rows, 2) => outer_block::<V, $rows, 2>(x, dz, count, gradient, stride),
                                ($rows, 3) => outer_block::<V, $rows, 3>(x, dz, count, gradient, stride),
                                ($rows, _) => outer_block::<V, $rows, 4>(x, dz, count, gradient, stride),
                            )*
                            _ => unreachable!("a block has at most as many rows")
                        }
                    };
                }
                if V::OUTER > 2 { block!(1 2 3 4 5 6) } else { block!(1 2) }
            }
        }
    }
}

/// One block of a gradient, `I` rows of `O` <= 4 numbers.
#[inline(always)]
fn outer_block<V: Lanes, const I: usize, const O: usize>(
    x: Rows<V::Real>,
    dz: Rows<V::Real>,
    count: usize,
    gradient: &mut [V::Real],
    stride: usize,
) {
    let mut sums = [[V::splat(V::Real::ZERO); 4]; I];
    for block in 0..count {
        let (Some(x), Some(dz)) =
            (x.rows[block * x.stride..].first_chunk::<I>(), dz.rows[block * dz.stride..].first_chunk::<O>())
        else {
            unreachable!("as many rows as the widths say")
        };
        for at in (0..PANEL).step_by(V::COUNT) {
            let mut b = [V::splat(V::Real::ZERO); O];
            for c in 0..O {
                b[c] = V::load(&dz[c], at);
            }
            for r in 0..I {
                let a = V::load(&x[r], at);
                for c in 0..O {
                    sums[r][c] = a.mul_add(b[c], sums[r][c]);
                }
            }
        }
    }
    for r in 0..I {
        let sums = V::sums(sums[r]);
        for (slot, sum) in gradient[r * stride..r * stride + O].iter_mut().zip(sums) {
            *slot = *slot + sum;
        }
    }
}

/// gradient[o] += sum over `count` blocks, and over the examples, of dz[o].
#[inline(always)]
pub(crate) fn row_sums<V: Lanes>(dz: Rows<V::Real>, count: usize, gradient: &mut [V::Real]) {
    for (o, slot) in gradient.iter_mut().enumerate().take(dz.width) {
        let mut sum = V::splat(V::Real::ZERO);
        for block in 0..count {
            for at in (0..PANEL).step_by(V::COUNT) {
                sum = sum.add(V::load(&dz.rows[block * dz.stride + o], at));
            }
        }
        *slot = *slot + sum.sum();
    }
}
