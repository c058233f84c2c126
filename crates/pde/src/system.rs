//! What the rest of the program sees of a partial differential equation.

use trajectory::random::Stream;
use trajectory::{Axis, Component, Layout, Times};

use crate::grid::Grid;
use crate::{FieldError, Method};

/// A partial differential equation on a periodic grid, whatever its method is.
pub trait FieldSystem: Send + Sync {
    /// Its name in an experiment file.
    fn name(&self) -> &'static str;

    /// Where its fields live.
    fn grid(&self) -> &Grid;

    /// Names and units of the real fields that make a state \[channel, y, x\].
    fn channels(&self) -> Vec<Component>;

    /// What a state is: the channels on the grid.
    fn layout(&self) -> Layout {
        let grid = self.grid();
        let names = &["y", "x"][2 - grid.dims()..];
        let axis = |((name, &points), &length): ((&&str, &usize), &f64)| Axis {
            name: (*name).into(),
            points,
            length,
        };
        let axes = names.iter().zip(grid.shape()).zip(grid.length()).map(axis).collect();
        Layout { channels: self.channels(), axes }
    }

    /// Whether its channels are the real and the imaginary part of a wave function.
    fn is_wave_function(&self) -> bool {
        false
    }

    /// Whether the norm of a wave function is conserved, so that its time evolution is unitary where it is linear.
    fn conserves_norm(&self) -> bool {
        false
    }

    /// Good sample interval and length of a trajectory, in units of time.
    fn sampling(&self) -> [f64; 2];

    /// Reports a parameter with an impossible value.
    ///
    /// # Errors
    /// [`FieldError::Invalid`] with the parameter, its value and its range.
    fn check(&self) -> Result<(), FieldError>;

    /// A random state \[channel, y, x\]. The Fourier modes are drawn from low to high wavenumbers, so that a finer grid
    /// adds small scales to the same large ones.
    fn random_start(&self, stream: &mut Stream) -> Vec<f64>;

    /// Integrates from each of `starts` \[channel, y, x\] and writes the states at `times`, \[trajectory, time, channel, y,
    /// x\], to `out`; on all cores, with the same bits on any number of them and whatever the other trajectories are.
    ///
    /// Solvers of real fields drop the modes of a start that the method does not keep ([`Grid::kept`]), so that the first
    /// sample is the start without them.
    ///
    /// # Errors
    /// [`FieldError::Invalid`] where a parameter, the method or the length of an array is invalid, or a start is not finite;
    /// [`FieldError::Trajectory`] with the first trajectory that becomes infinite or NaN or needs too many steps.
    fn integrate(
        &self,
        starts: &[Vec<f64>],
        times: &Times,
        method: &Method,
        out: &mut [f64],
    ) -> Result<(), FieldError>;
}

/// Checks what every system needs before it integrates.
pub(crate) fn check_shapes(
    system: &dyn FieldSystem,
    starts: &[Vec<f64>],
    times: &Times,
    method: &Method,
    out: &[f64],
) -> Result<(), FieldError> {
    system.check()?;
    method.check()?;
    let size = system.channels().len() * system.grid().points();
    for (trajectory, start) in starts.iter().enumerate() {
        let message = if start.len() != size {
            format!("the start has {} values; the state has {size}", start.len())
        } else if let Some(value) = start.iter().find(|value| !value.is_finite()) {
            format!("the start contains {value}; all values must be finite")
        } else {
            continue;
        };
        return Err(FieldError::Trajectory { trajectory, error: Box::new(FieldError::Invalid(message)) });
    }
    let expected = starts.len() * times.samples() * size;
    if out.len() != expected {
        return Err(FieldError::Invalid(format!(
            "the output has {} values; {expected} are needed",
            out.len()
        )));
    }
    Ok(())
}
