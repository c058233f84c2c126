//! Potentials, as functions of the distance from the middle of the grid.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Grid;

/// A potential V(x, y); x and y are measured from the middle of the grid, y = 0 on a grid of one axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "name", rename_all = "snake_case", deny_unknown_fields)]
pub enum Potential {
    /// V = 0.
    None,
    /// V = omega^2 (x^2 + y^2) / 2.
    Harmonic {
        /// omega, one over a time.
        omega: f64,
    },
    /// V = height sech^2(x / width): Eckart (1930), with a known transmission.
    Barrier {
        /// An energy.
        height: f64,
        /// A length.
        width: f64,
    },
    /// V = height ((x / a)^2 - 1)^2 with minima at x = -a and a; in the plane there is omega^2 y^2 / 2 besides, with the
    /// frequency omega at the minima.
    DoubleWell {
        /// The energy of the top between the wells.
        height: f64,
        /// a, a length.
        distance: f64,
    },
    /// A wall along y through the middle of the grid with two slits: V = height exp(-(x / thickness)^8) but for |y| within
    /// half a slit of half the separation, where it falls to 0 over a tenth of a slit.
    DoubleSlit {
        /// An energy.
        height: f64,
        /// Half the thickness of the wall, a length.
        thickness: f64,
        /// The distance of the middles of the slits, a length.
        separation: f64,
        /// The width of a slit, a length.
        slit: f64,
    },
    /// Values at the points of the grid, \[x\] or \[y, x\].
    Values {
        /// Energies.
        values: Vec<f64>,
    },
}

impl Potential {
    /// V at all points of `grid`, \[x\] or \[y, x\].
    pub fn values(&self, grid: &Grid) -> Vec<f64> {
        let (lx, ly) =
            (grid.length()[grid.dims() - 1], if grid.dims() == 2 { grid.length()[0] } else { 0.0 });
        let sample = |v: &dyn Fn(f64, f64) -> f64| grid.sample(|x, y| v(x - 0.5 * lx, y - 0.5 * ly));
        match *self {
            Potential::None => vec![0.0; grid.points()],
            Potential::Harmonic { omega } => sample(&|x, y| 0.5 * omega * omega * (x * x + y * y)),
            Potential::Barrier { height, width } => sample(&|x, _| height / (x / width).cosh().powi(2)),
            Potential::DoubleWell { height, distance } => {
                // V'' at the minima is 8 height / a^2.
                let square = 8.0 * height / (distance * distance);
                sample(&|x, y| height * ((x / distance).powi(2) - 1.0).powi(2) + 0.5 * square * y * y)
            }
            Potential::DoubleSlit { height, thickness, separation, slit } => sample(&|x, y| {
                let outside = ((y.abs() - 0.5 * separation).abs() - 0.5 * slit) / (0.1 * slit);
                height * (-(x / thickness).powi(8)).exp() * 0.5 * (1.0 + outside.tanh())
            }),
            Potential::Values { ref values } => values.clone(),
        }
    }

    /// Reports what makes the potential impossible on `grid`.
    ///
    /// # Errors
    /// A sentence with the value and the point, or the parameter.
    pub fn check(&self, grid: &Grid) -> Result<(), String> {
        match *self {
            Potential::DoubleSlit { .. } if grid.dims() == 1 => {
                return Err("the potential double_slit needs a grid of two axes".into());
            }
            Potential::Values { ref values } if values.len() != grid.points() => {
                return Err(format!(
                    "the potential has {} values; the grid has {} points",
                    values.len(),
                    grid.points()
                ));
            }
            _ => {}
        }
        let (values, nx) = (self.values(grid), grid.shape()[grid.dims() - 1]);
        match values.iter().position(|v| !v.is_finite()) {
            None => Ok(()),
            Some(point) => Err(format!(
                "the potential is {} at point {} along x and {} along y; it must be a finite real number at every point of the grid",
                values[point],
                point % nx,
                point / nx
            )),
        }
    }
}

/// The rate of absorption at all points of `grid`, \[x\] or \[y, x\]: `strength` sin^2 of a quarter wave over the layers of
/// the width `width` at the edges of the grid, and 0 elsewhere.
pub(super) fn absorption(grid: &Grid, strength: f64, width: f64) -> Vec<f64> {
    let (lx, ly) = (grid.length()[grid.dims() - 1], grid.length()[0]);
    let rate = |position: f64, length: f64| {
        let depth = (1.0 - position.min(length - position) / width).max(0.0);
        strength * (0.5 * std::f64::consts::PI * depth).sin().powi(2)
    };
    match grid.dims() {
        1 => grid.sample(|x, _| rate(x, lx)),
        _ => grid.sample(|x, y| rate(x, lx).max(rate(y, ly))),
    }
}
