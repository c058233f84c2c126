//! What is done to rows number by number: activations, the cells of recurrent networks, the loss.

use crate::functions::{
    Activation, Function, Gelu, Relu, Silu, Tanh, gelu_f64, sigmoid, sigmoid_slope, tanh, tanh_slope,
};
use crate::real::{PANEL, Piece, Real, Row};
use crate::simd::Lanes;

/// Where the vectors of a row begin.
#[inline(always)]
fn vectors<V: Lanes>() -> impl Iterator<Item = usize> {
    (0..PANEL).step_by(V::COUNT)
}

#[inline(always)]
fn one<V: Lanes>() -> V {
    V::splat(V::Real::ONE)
}

#[inline(always)]
fn zero<V: Lanes>() -> V {
    V::splat(V::Real::ZERO)
}

/// Applies the function to `y` in place, and writes its derivative to `slope`, which is as long or empty.
#[inline(always)]
pub(crate) fn activate<V: Lanes>(activation: Activation, y: &mut [Row<V::Real>], slope: &mut [Row<V::Real>]) {
    match activation {
        Activation::Silu => apply::<V, Silu>(y, slope),
        Activation::Tanh => apply::<V, Tanh>(y, slope),
        Activation::Gelu if size_of::<V::Real>() == size_of::<f64>() => {
            let mut slopes = slope.iter_mut();
            for row in y {
                let mut slope = slopes.next();
                for (i, x) in row.iter_mut().enumerate() {
                    let (value, derivative) = gelu_f64(x.to_f64());
                    *x = V::Real::from_f64(value);
                    if let Some(slope) = &mut slope {
                        slope[i] = V::Real::from_f64(derivative);
                    }
                }
            }
        }
        Activation::Gelu => apply::<V, Gelu>(y, slope),
        Activation::Relu => apply::<V, Relu>(y, slope),
    }
}

#[inline(always)]
fn apply<V: Lanes, F: Function>(y: &mut [Row<V::Real>], slope: &mut [Row<V::Real>]) {
    if slope.is_empty() {
        for row in y {
            for i in vectors::<V>() {
                F::value_and_slope(V::load(row, i)).0.store(row, i);
            }
        }
    } else {
        for (row, slope) in y.iter_mut().zip(slope) {
            for i in vectors::<V>() {
                let (value, derivative) = F::value_and_slope(V::load(row, i));
                value.store(row, i);
                derivative.store(slope, i);
            }
        }
    }
}

/// x <- x by.
#[inline(always)]
pub(crate) fn multiply<V: Lanes>(x: &mut [Row<V::Real>], by: &[Row<V::Real>]) {
    for (x, by) in x.iter_mut().zip(by) {
        for i in vectors::<V>() {
            V::load(x, i).mul(V::load(by, i)).store(x, i);
        }
    }
}

/// sum <- sum + x.
#[inline(always)]
pub(crate) fn accumulate<V: Lanes>(sum: &mut [Piece<V::Real>], x: &[Piece<V::Real>]) {
    for (sum, x) in sum.iter_mut().zip(x) {
        for i in vectors::<V>() {
            V::load(sum, i).add(V::load(x, i)).store(sum, i);
        }
    }
}

/// Adds the squares of all numbers to `sum`.
#[inline(always)]
pub(crate) fn sum_of_squares<V: Lanes>(x: &[Piece<V::Real>], sum: &mut f64) {
    for row in x {
        let mut squares = zero::<V>();
        for i in vectors::<V>() {
            let x = V::load(row, i);
            squares = x.mul_add(x, squares);
        }
        *sum += squares.sum().to_f64();
    }
}

/// Adds the squares of y - target of the first `valid` examples to `sum`, and writes scale (y - target) to `dy`,
/// 0 for the others.
#[inline(always)]
pub(crate) fn squared_error<V: Lanes>(
    y: &[Row<V::Real>],
    targets: &[Row<V::Real>],
    scale: V::Real,
    valid: usize,
    dy: &mut [Row<V::Real>],
    sum: &mut f64,
) {
    let scale = V::splat(scale);
    let mut mask = [V::Real::ZERO; PANEL];
    mask[..valid].fill(V::Real::ONE);
    for ((y, target), dy) in y.iter().zip(targets).zip(dy) {
        let mut squares = zero::<V>();
        for i in vectors::<V>() {
            let error = V::load(y, i).sub(V::load(target, i)).mul(V::load(&mask, i));
            squares = error.mul_add(error, squares);
            error.mul(scale).store(dy, i);
        }
        *sum += squares.sum().to_f64();
    }
}

/// dz <- dz (1 - h^2).
#[inline(always)]
pub(crate) fn rnn_slope<V: Lanes>(h: &[Row<V::Real>], dz: &mut [Row<V::Real>]) {
    for (h, dz) in h.iter().zip(dz) {
        for i in vectors::<V>() {
            V::load(dz, i).mul(tanh_slope(V::load(h, i))).store(dz, i);
        }
    }
}

/// The cell of an LSTM. `gates` [i, f, g, o] come before their activation and leave after it; `before` is the
/// cell state of the step before, or empty for 0; `cell` becomes [c, tanh c].
#[inline(always)]
pub(crate) fn lstm_forward<V: Lanes>(
    gates: &mut [Row<V::Real>],
    before: &[Row<V::Real>],
    cell: &mut [Row<V::Real>],
    h: &mut [Row<V::Real>],
) {
    let units = h.len();
    let (first, last) = gates.split_at_mut(2 * units);
    let ((inputs, forgets), (candidates, outputs)) = (first.split_at_mut(units), last.split_at_mut(units));
    let (cells, tanhs) = cell.split_at_mut(units);
    for u in 0..units {
        let (i_row, f_row) = (&mut inputs[u], &mut forgets[u]);
        let (g_row, o_row) = (&mut candidates[u], &mut outputs[u]);
        for at in vectors::<V>() {
            let (i, f) = (sigmoid(V::load(i_row, at)), sigmoid(V::load(f_row, at)));
            let (g, o) = (tanh(V::load(g_row, at)), sigmoid(V::load(o_row, at)));
            let mut c = i.mul(g);
            if let Some(before) = before.get(u) {
                c = f.mul_add(V::load(before, at), c);
            }
            let t = tanh(c);
            i.store(i_row, at);
            f.store(f_row, at);
            g.store(g_row, at);
            o.store(o_row, at);
            c.store(&mut cells[u], at);
            t.store(&mut tanhs[u], at);
            o.mul(t).store(&mut h[u], at);
        }
    }
}

/// Its derivative: `gates` become those of the loss by their arguments. `cells` are [c, tanh c] of the step
/// before (empty at the first) and of this; `dc` is that by c from the step after, and leaves for the step before.
#[inline(always)]
pub(crate) fn lstm_backward<V: Lanes>(
    gates: &mut [Row<V::Real>],
    cells: [&[Row<V::Real>]; 2],
    dh: &[Row<V::Real>],
    dc: &mut [Row<V::Real>],
) {
    let units = dh.len();
    let (first, last) = gates.split_at_mut(2 * units);
    let ((inputs, forgets), (candidates, outputs)) = (first.split_at_mut(units), last.split_at_mut(units));
    let [before, now] = cells;
    for u in 0..units {
        let (i_row, f_row) = (&mut inputs[u], &mut forgets[u]);
        let (g_row, o_row) = (&mut candidates[u], &mut outputs[u]);
        for at in vectors::<V>() {
            let (i, f) = (V::load(i_row, at), V::load(f_row, at));
            let (g, o) = (V::load(g_row, at), V::load(o_row, at));
            let (t, dh) = (V::load(&now[units + u], at), V::load(&dh[u], at));
            let carried = dh.mul(o).mul_add(tanh_slope(t), V::load(&dc[u], at));
            let before = before.get(u).map_or(zero(), |row| V::load(row, at));
            carried.mul(g).mul(sigmoid_slope(i)).store(i_row, at);
            carried.mul(before).mul(sigmoid_slope(f)).store(f_row, at);
            carried.mul(i).mul(tanh_slope(g)).store(g_row, at);
            dh.mul(t).mul(sigmoid_slope(o)).store(o_row, at);
            carried.mul(f).store(&mut dc[u], at);
        }
    }
}

/// The cell of a GRU. `gates` are [r, z, a, n]: a = h U_n + k, and the others before their activation, n without that
/// part; they leave as a and the activated r, z, n. `before` is h of the step before, or empty for 0.
#[inline(always)]
pub(crate) fn gru_forward<V: Lanes>(
    gates: &mut [Row<V::Real>],
    before: &[Row<V::Real>],
    h: &mut [Row<V::Real>],
) {
    let units = h.len();
    let (first, last) = gates.split_at_mut(2 * units);
    let ((resets, updates), (past, candidates)) = (first.split_at_mut(units), last.split_at_mut(units));
    for u in 0..units {
        let (r_row, z_row, n_row) = (&mut resets[u], &mut updates[u], &mut candidates[u]);
        for at in vectors::<V>() {
            let (r, z) = (sigmoid(V::load(r_row, at)), sigmoid(V::load(z_row, at)));
            let n = tanh(r.mul_add(V::load(&past[u], at), V::load(n_row, at)));
            let before = before.get(u).map_or(zero(), |row| V::load(row, at));
            r.store(r_row, at);
            z.store(z_row, at);
            n.store(n_row, at);
            // (1 - z) n + z before
            z.mul_add(before.sub(n), n).store(&mut h[u], at);
        }
    }
}

/// Its derivative: `gates` become those of the loss by their arguments, that by h of the step before along z is
/// added to `carry`, which is empty at the first step.
#[inline(always)]
pub(crate) fn gru_backward<V: Lanes>(
    gates: &mut [Row<V::Real>],
    before: &[Row<V::Real>],
    dh: &[Row<V::Real>],
    carry: &mut [Row<V::Real>],
) {
    let units = dh.len();
    let (first, last) = gates.split_at_mut(2 * units);
    let ((resets, updates), (past, candidates)) = (first.split_at_mut(units), last.split_at_mut(units));
    for u in 0..units {
        let (a_row, r_row) = (&mut past[u], &mut resets[u]);
        let (z_row, n_row) = (&mut updates[u], &mut candidates[u]);
        for at in vectors::<V>() {
            let (a, r) = (V::load(a_row, at), V::load(r_row, at));
            let (z, n) = (V::load(z_row, at), V::load(n_row, at));
            let dh = V::load(&dh[u], at);
            let before = before.get(u).map_or(zero(), |row| V::load(row, at));
            let dn = dh.mul(one::<V>().sub(z)).mul(tanh_slope(n));
            dn.mul(r).store(a_row, at);
            dn.mul(a).mul(sigmoid_slope(r)).store(r_row, at);
            dh.mul(before.sub(n)).mul(sigmoid_slope(z)).store(z_row, at);
            dn.store(n_row, at);
            if let Some(carry) = carry.get_mut(u) {
                dh.mul_add(z, V::load(carry, at)).store(carry, at);
            }
        }
    }
}
