//! The multipliers that take the modes of a field to two packed real fields, and two packed products back to modes.

use rustfft::num_complex::Complex64;

use crate::vectorised::{Work, vectorised};

/// Multipliers between the modes w of a real field and two real fields a and b in one complex array a + i b.
///
/// At the wavenumbers k and -k the array has the coefficients A + i B and conj(A) + i conj(B), where A and B are those of a
/// and b at k. With A = alpha w and B = beta w these are (alpha + i beta) w and the conjugate of (alpha - i beta) w. In the
/// other direction, the coefficients Z at k and Z' at -k of two packed products p + i q contain
/// P = (Z + conj Z') / 2 and Q = (Z - conj Z') / 2i.
pub(crate) struct Symbols {
    /// alpha + i beta and alpha - i beta, for each mode.
    packed: [Vec<Complex64>; 2],
    /// What Z and conj Z' are multiplied by in the sum of the products, for each mode.
    unpacked: [Vec<Complex64>; 2],
}

impl Symbols {
    /// From the symbols \[alpha, beta\] of the fields and of the products, for each mode; `scale` is a factor of the latter.
    pub fn new(fields: &[[Complex64; 2]], products: &[[Complex64; 2]], scale: f64) -> Self {
        let i = Complex64::I;
        let each = |from: &[[Complex64; 2]], f: &dyn Fn(Complex64, Complex64) -> Complex64| {
            from.iter().map(|&[a, b]| f(a, b)).collect::<Vec<_>>()
        };
        Symbols {
            packed: [each(fields, &|a, b| a + i * b), each(fields, &|a, b| a - i * b)],
            unpacked: [
                each(products, &|a, b| 0.5 * scale * (a - i * b)),
                each(products, &|a, b| 0.5 * scale * (a + i * b)),
            ],
        }
    }

    /// Writes the packed fields of the modes `w` of one kx \[ky = 0..=y, -y..=-1\] to the columns of kx and -kx, both
    /// \[ny\]. `first` is the position of the first mode. For kx = 0 the second column is not used.
    pub fn pack(&self, first: usize, w: &[Complex64], plus: &mut [Complex64], minus: &mut [Complex64]) {
        vectorised(Pack(self, first, w, plus, minus));
    }

    /// Writes the sum of the products times their symbols to `n` \[ky = 0..=y, -y..=-1\], from the columns of kx and -kx.
    /// For kx = 0 both are the same column.
    pub fn unpack(&self, first: usize, plus: &[Complex64], minus: &[Complex64], n: &mut [Complex64]) {
        vectorised(Unpack(self, first, plus, minus, n));
    }
}

/// The arguments of [`Symbols::pack`].
struct Pack<'a>(&'a Symbols, usize, &'a [Complex64], &'a mut [Complex64], &'a mut [Complex64]);

impl Work for Pack<'_> {
    #[inline(always)]
    fn run(self) {
        let Pack(symbols, first, w, plus, minus) = self;
        let (ny, y) = (plus.len(), w.len() / 2);
        let at = &symbols.packed[0][first..first + w.len()];
        let opposite = &symbols.packed[1][first..first + w.len()];
        plus[y + 1..ny - y].fill(Complex64::ZERO);
        minus[y + 1..ny - y].fill(Complex64::ZERO);
        for ((plus, w), at) in plus[..=y].iter_mut().zip(w).zip(at) {
            *plus = w * at;
        }
        for ((plus, w), at) in plus[ny - y..].iter_mut().zip(&w[y + 1..]).zip(&at[y + 1..]) {
            *plus = w * at;
        }
        // The mode ky belongs to the row -ky of the column -kx.
        minus[0] = (w[0] * opposite[0]).conj();
        for ((minus, w), opposite) in minus[ny - y..].iter_mut().rev().zip(&w[1..=y]).zip(&opposite[1..=y]) {
            *minus = (w * opposite).conj();
        }
        for ((minus, w), opposite) in minus[1..=y].iter_mut().rev().zip(&w[y + 1..]).zip(&opposite[y + 1..]) {
            *minus = (w * opposite).conj();
        }
    }
}

/// The arguments of [`Symbols::unpack`].
struct Unpack<'a>(&'a Symbols, usize, &'a [Complex64], &'a [Complex64], &'a mut [Complex64]);

impl Work for Unpack<'_> {
    #[inline(always)]
    fn run(self) {
        let Unpack(symbols, first, plus, minus, n) = self;
        let (ny, y) = (plus.len(), n.len() / 2);
        let at = &symbols.unpacked[0][first..first + n.len()];
        let opposite = &symbols.unpacked[1][first..first + n.len()];
        n[0] = plus[0] * at[0] + minus[0].conj() * opposite[0];
        let (positive, negative) = n.split_at_mut(y + 1);
        let columns = plus[1..=y].iter().zip(minus[ny - y..].iter().rev());
        let factors = at[1..=y].iter().zip(&opposite[1..=y]);
        for ((n, (z, mirrored)), (at, opposite)) in positive[1..].iter_mut().zip(columns).zip(factors) {
            *n = z * at + mirrored.conj() * opposite;
        }
        let columns = plus[ny - y..].iter().zip(minus[1..=y].iter().rev());
        let factors = at[y + 1..].iter().zip(&opposite[y + 1..]);
        for ((n, (z, mirrored)), (at, opposite)) in negative.iter_mut().zip(columns).zip(factors) {
            *n = z * at + mirrored.conj() * opposite;
        }
    }
}
