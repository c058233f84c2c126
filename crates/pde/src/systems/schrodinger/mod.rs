//! The Schrödinger equation i psi_t = -1/2 lap psi + V psi + g |psi|^2 psi (Schrödinger 1926; with g, Gross and Pitaevskii
//! 1961), on grids of one axis or two, in units in which h / (2 pi) and the mass are 1. The real and the imaginary part of psi
//! are two channels.
//!
//! Good values are the presets `free_packet`, `harmonic_trap`, `barrier`, `double_well`, `double_slit` and `soliton`. A
//! packet with momentum k needs a grid whose highest wavenumber, pi divided by the spacing, is well above k. The grid is
//! periodic, so it must be wide enough that psi vanishes at its ends. Absorbing layers at the ends keep what leaves on one
//! side from coming back on the other.

mod packet;
mod potential;
mod steps;
#[cfg(test)]
mod tests;
mod wave;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trajectory::random::Stream;
use trajectory::{Component, Times};

pub use packet::{Packet, gaussian, soliton};
pub use potential::Potential;
use steps::Steps;
use wave::Wave;

use crate::ensemble::{each_trajectory, parts_for};
use crate::system::check_shapes;
use crate::systems::{finite, not_negative};
use crate::{FieldError, FieldSystem, Grid, Method};

/// A quantum particle, or a condensate of many.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Schrodinger {
    /// Periodic grid: `points`, the number of points along each axis (even, at least 8), and `length`, the period along each
    /// axis; in the plane in the order \[y, x\].
    pub grid: Grid,
    /// Potential V: a name and its keys. Positions are measured from the middle of the grid.
    pub potential: Potential,
    /// Interaction g: attraction if it is negative, repulsion if it is positive.
    #[schemars(extend("examples" = [-1.0]))]
    pub interaction: f64,
    /// Largest rate of absorption in the layers at the edges, in 1 / time; 0 for none.
    #[schemars(extend("examples" = [20.0]))]
    pub absorption: f64,
    /// Width of the absorbing layers, a length.
    pub layer: f64,
    /// Law of random starts: the kind of wave packet, and the ranges from which its parameters are drawn.
    pub start: Packet,
    /// Good sample interval and length of a trajectory, in units of time: the defaults of `data.dt` and `data.t_final`.
    pub sampling: [f64; 2],
}

impl Default for Schrodinger {
    fn default() -> Self {
        Schrodinger::harmonic_trap()
    }
}

impl Schrodinger {
    /// Its name in an experiment file.
    pub const NAME: &'static str = "schrodinger";

    /// The settings of `grid` with a Gaussian packet in the potential; nothing else.
    fn with(grid: Grid, potential: Potential, start: Packet, sampling: [f64; 2]) -> Self {
        Schrodinger { grid, potential, interaction: 0.0, absorption: 0.0, layer: 1.0, start, sampling }
    }

    /// A packet that moves and spreads.
    pub fn free_packet() -> Self {
        let start =
            Packet::Gaussian { position: [[-5.0, 5.0]; 2], momentum: [[-2.0, 2.0]; 2], width: [0.8, 1.5] };
        Schrodinger::with(Grid::preset(&[256], &[60.0]), Potential::None, start, [0.05, 5.0])
    }

    /// A packet in a harmonic trap, which returns after every period 2 pi.
    pub fn harmonic_trap() -> Self {
        let start =
            Packet::Gaussian { position: [[-3.0, 3.0]; 2], momentum: [[-2.0, 2.0]; 2], width: [0.5, 1.0] };
        let potential = Potential::Harmonic { omega: 1.0 };
        Schrodinger::with(Grid::preset(&[128], &[20.0]), potential, start, [0.05, 10.0])
    }

    /// A packet that is partly reflected by a barrier.
    pub fn barrier() -> Self {
        let start = Packet::Gaussian {
            position: [[-17.0, -13.0]; 2],
            momentum: [[1.5, 2.5], [0.0, 0.0]],
            width: [1.5, 2.5],
        };
        let potential = Potential::Barrier { height: 2.0, width: 0.5 };
        Schrodinger::with(Grid::preset(&[512], &[100.0]), potential, start, [0.1, 15.0])
    }

    /// A packet that tunnels between two wells.
    pub fn double_well() -> Self {
        let start =
            Packet::Gaussian { position: [[-2.0, 2.0]; 2], momentum: [[0.0, 0.0]; 2], width: [0.4, 0.6] };
        let potential = Potential::DoubleWell { height: 2.0, distance: 1.5 };
        Schrodinger::with(Grid::preset(&[64], &[10.0]), potential, start, [0.1, 40.0])
    }

    /// A packet that interferes with itself behind two slits, with absorbing layers.
    pub fn double_slit() -> Self {
        let start = Packet::Gaussian {
            position: [[-9.0, -7.0], [-1.0, 1.0]],
            momentum: [[5.0, 7.0], [0.0, 0.0]],
            width: [1.5, 2.0],
        };
        let potential = Potential::DoubleSlit { height: 200.0, thickness: 0.5, separation: 3.0, slit: 1.0 };
        let slit = Schrodinger::with(Grid::preset(&[192, 192], &[32.0, 32.0]), potential, start, [0.02, 4.0]);
        Schrodinger { absorption: 20.0, layer: 4.0, ..slit }
    }

    /// A soliton, with g = -1.
    pub fn soliton() -> Self {
        let start = Packet::Soliton { position: [-5.0, 5.0], momentum: [-1.0, 1.0], amplitude: [0.7, 1.5] };
        let free = Schrodinger::with(Grid::preset(&[256], &[50.0]), Potential::None, start, [0.05, 10.0]);
        Schrodinger { interaction: -1.0, ..free }
    }

    /// The rate of absorption at all points, \[x\] or \[y, x\].
    fn absorption(&self) -> Vec<f64> {
        match self.absorption {
            0.0 => vec![0.0; self.grid.points()],
            strength => potential::absorption(&self.grid, strength, self.layer),
        }
    }
}

impl FieldSystem for Schrodinger {
    fn name(&self) -> &'static str {
        Schrodinger::NAME
    }

    fn grid(&self) -> &Grid {
        &self.grid
    }

    fn channels(&self) -> Vec<Component> {
        vec![Component::new("re", "1"), Component::new("im", "1")]
    }

    fn is_wave_function(&self) -> bool {
        true
    }

    fn conserves_norm(&self) -> bool {
        self.absorption == 0.0
    }

    fn sampling(&self) -> [f64; 2] {
        self.sampling
    }

    fn check(&self) -> Result<(), FieldError> {
        let layers = || {
            let shortest = self.grid.length().iter().copied().fold(f64::INFINITY, f64::min);
            if self.absorption == 0.0 || self.layer > 0.0 && self.layer <= 0.5 * shortest {
                Ok(())
            } else {
                Err(format!(
                    "layer = {} must be positive and at most {}, half the shortest length of the grid",
                    self.layer,
                    0.5 * shortest
                ))
            }
        };
        finite("interaction", self.interaction)
            .and_then(|()| not_negative("absorption", self.absorption))
            .and_then(|()| layers())
            .and_then(|()| self.potential.check(&self.grid))
            .and_then(|()| self.start.check(&self.grid))
            .map_err(FieldError::Invalid)
    }

    fn random_start(&self, stream: &mut Stream) -> Vec<f64> {
        self.start.draw(&self.grid, stream)
    }

    fn integrate(
        &self,
        starts: &[Vec<f64>],
        times: &Times,
        method: &Method,
        out: &mut [f64],
    ) -> Result<(), FieldError> {
        check_shapes(self, starts, times, method, out)?;
        let steps = Steps::new(self, times.dt(), *method);
        let parts = if self.grid.dims() == 2 { parts_for(starts.len()) } else { 1 };
        each_trajectory(starts, out, parts, |parts| {
            let (mut wave, steps) = (Wave::new(&self.grid, parts), &steps);
            move |start: &[f64], out: &mut [f64]| {
                let size = start.len();
                out[..size].copy_from_slice(start);
                for i in 1..times.samples() {
                    let (before, sample) = out[(i - 1) * size..(i + 1) * size].split_at_mut(size);
                    let (factors, count) = steps.choose(times.at(i - 1), before)?;
                    wave.advance(before, factors, count, sample);
                    if sample.iter().any(|psi| !psi.is_finite()) {
                        let (t, step) = (times.at(i - 1), times.dt() / count as f64);
                        let courant = steps.rate(before) * step;
                        return Err(FieldError::BlewUp { t, next: times.at(i), step, courant });
                    }
                }
                Ok(())
            }
        })
    }
}
