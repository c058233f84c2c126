//! Equations with a diagonal linear part and a product of fields, which share the exponential integrators.

use rustfft::num_complex::Complex64;
use trajectory::Component;
use trajectory::random::Stream;

use crate::Etd;
use crate::grid::Grid;
use crate::transform::Transform;

/// An equation w_t = L w + N(w) + f of one real field: all that a file in `systems/` has to say.
///
/// N is computed in three steps. Symbols take the modes of w to two real fields, such as two components of a velocity; a
/// function of these at each point makes two products; symbols take the modes of the products to N. A wavenumber `k` is
/// \[kx, ky\], with ky = 0 on a grid of one axis. On such a grid only the first field and product are used.
pub trait Semilinear: Send + Sync {
    /// Its name in an experiment file.
    const NAME: &'static str;
    /// Number of factors of the products, see [`Grid::kept`]; 1 where the equation is linear and has no forcing.
    const DEGREE: usize;

    /// Where the field lives.
    fn grid(&self) -> &Grid;

    /// The name and unit of the field.
    fn channel(&self) -> Component;

    /// L at the wavenumber `k`, one over a time.
    fn linear(&self, k: [f64; 2]) -> Complex64;

    /// The forcing f, constant in time: the coefficients of its Fourier series with the indices \[kx, ky\] of their modes,
    /// kx >= 0.
    fn forcing(&self) -> Vec<([i64; 2], Complex64)> {
        Vec::new()
    }

    /// The symbols that make two fields of w.
    fn fields(&self, _k: [f64; 2]) -> [Complex64; 2] {
        [Complex64::ZERO; 2]
    }

    /// The products of the fields at a point.
    fn product(&self, _fields: [f64; 2]) -> [f64; 2] {
        [0.0; 2]
    }

    /// The symbols that make N of the products.
    fn products(&self, _k: [f64; 2]) -> [Complex64; 2] {
        [Complex64::ZERO; 2]
    }

    /// The velocities along \[x, y\] by which w is carried at a point, given the fields; for the CFL number.
    fn velocity(&self, fields: [f64; 2]) -> [f64; 2] {
        fields
    }

    /// Good sample interval and length of a trajectory, in units of time.
    fn sampling(&self) -> [f64; 2];

    /// A random start, \[x\] or \[y, x\].
    fn draw(&self, stream: &mut Stream) -> Vec<f64>;

    /// Reports a parameter with an impossible value.
    ///
    /// # Errors
    /// A sentence with the parameter, its value and its range.
    fn check(&self) -> Result<(), String>;
}

/// The memory and the plans for one trajectory at a time.
pub(crate) trait Workspace {
    /// Starts from the field `u`.
    fn load(&mut self, u: &[f64], transform: &mut Transform);
    /// Writes the field to `u`.
    fn store(&mut self, u: &mut [f64], transform: &mut Transform);
    /// The CFL number of a step of one time unit.
    fn rate(&mut self) -> f64;
    /// Takes `steps` steps.
    fn advance(&mut self, etd: &Etd, steps: usize);
}
