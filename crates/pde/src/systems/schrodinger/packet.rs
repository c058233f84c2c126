//! Wave functions from which trajectories start.

use rustfft::num_complex::Complex64;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trajectory::random::{Stream, uniform};

use crate::Grid;

/// The ranges from which the parameters of random starts are drawn, uniformly. Entries for y have no effect on a grid of one
/// axis.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "name", rename_all = "snake_case", deny_unknown_fields)]
pub enum Packet {
    /// exp(i k . x - |x - x0|^2 / (4 width^2)) with the norm 1.
    Gaussian {
        /// x0 along \[x, y\], measured from the middle of the grid.
        position: [[f64; 2]; 2],
        /// k along \[x, y\], one over a length.
        momentum: [[f64; 2]; 2],
        /// The standard deviation of the density, a length.
        width: [f64; 2],
    },
    /// a sech(a (x - x0)) exp(i k x) on a grid of one axis, which keeps its shape where g = -1.
    Soliton {
        /// x0, measured from the middle of the grid.
        position: [f64; 2],
        /// k, its velocity.
        momentum: [f64; 2],
        /// a, one over a length.
        amplitude: [f64; 2],
    },
}

impl Packet {
    /// A start \[re, im\], each \[x\] or \[y, x\].
    pub(super) fn draw(&self, grid: &Grid, stream: &mut Stream) -> Vec<f64> {
        let mut within = |[low, high]: [f64; 2]| low + (high - low) * uniform(stream);
        match *self {
            Packet::Gaussian { position, momentum, width } => {
                gaussian(grid, position.map(&mut within), momentum.map(&mut within), within(width))
            }
            Packet::Soliton { position, momentum, amplitude } => {
                soliton(grid, within(position), within(momentum), within(amplitude))
            }
        }
    }

    /// Reports a range that is empty or not finite, or a packet without a width.
    pub(super) fn check(&self, grid: &Grid) -> Result<(), String> {
        let (name, ranges, sizes) = match *self {
            Packet::Gaussian { position: [x, y], momentum: [kx, ky], width } => {
                ("width", vec![x, y, kx, ky], width)
            }
            Packet::Soliton { .. } if grid.dims() == 2 => {
                return Err("the start soliton needs a grid of one axis".into());
            }
            Packet::Soliton { position, momentum, amplitude } => {
                ("amplitude", vec![position, momentum], amplitude)
            }
        };
        if let Some(range) =
            ranges.iter().chain([&sizes]).find(|[low, high]| !(low <= high && (high - low).is_finite()))
        {
            return Err(format!(
                "the range {range:?} of a start must have a finite lower end up to a finite upper end"
            ));
        }
        if sizes[0] > 0.0 {
            Ok(())
        } else {
            Err(format!("the {name} = {} of a start must be positive", sizes[0]))
        }
    }
}

/// Real and imaginary part, \[re, im\], of the periodic continuation of `psi`, a function of the distance from the middle.
fn parts(grid: &Grid, psi: impl Fn(f64, f64) -> Complex64) -> Vec<f64> {
    let (lx, ly) = (grid.length()[grid.dims() - 1], if grid.dims() == 2 { grid.length()[0] } else { 0.0 });
    let part = |of: fn(Complex64) -> f64| {
        grid.sample(|x, y| {
            let (x, y) = (x - 0.5 * lx, y - 0.5 * ly);
            let images = [-1.0, 0.0, 1.0];
            let rows = if grid.dims() == 2 { &images[..] } else { &images[1..2] };
            let sum = rows.iter().flat_map(|j| images.map(|i| psi(x + i * lx, y + j * ly))).sum();
            of(sum)
        })
    };
    let mut both = part(|psi| psi.re);
    both.extend(part(|psi| psi.im));
    both
}

/// A Gaussian packet \[re, im\] with the norm 1, as [`Packet::Gaussian`].
pub fn gaussian(grid: &Grid, position: [f64; 2], momentum: [f64; 2], width: f64) -> Vec<f64> {
    let dims = grid.dims() as f64;
    let height = (std::f64::consts::TAU * width * width).powf(-0.25 * dims);
    parts(grid, |x, y| {
        let square =
            (x - position[0]).powi(2) + if grid.dims() == 2 { (y - position[1]).powi(2) } else { 0.0 };
        let envelope = height * (-square / (4.0 * width * width)).exp();
        Complex64::from_polar(envelope, momentum[0] * x + momentum[1] * y)
    })
}

/// A soliton \[re, im\] of g = -1, as [`Packet::Soliton`].
pub fn soliton(grid: &Grid, position: f64, momentum: f64, amplitude: f64) -> Vec<f64> {
    parts(grid, |x, _| {
        let envelope = amplitude / (amplitude * (x - position)).cosh();
        Complex64::from_polar(envelope, momentum * x)
    })
}
