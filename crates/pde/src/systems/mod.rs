//! All systems; each is a file here.

pub mod advection;
pub mod burgers;
pub mod heat;
pub mod kuramoto_sivashinsky;
pub mod navier_stokes;
pub mod schrodinger;

pub use advection::Advection;
pub use burgers::Burgers;
pub use heat::Heat;
pub use kuramoto_sivashinsky::KuramotoSivashinsky;
pub use navier_stokes::NavierStokes;
pub use schrodinger::Schrodinger;

use crate::Grid;

/// Refuses a parameter that is negative, infinite or NaN.
fn not_negative(name: &str, value: f64) -> Result<(), String> {
    if value >= 0.0 && value.is_finite() {
        Ok(())
    } else {
        Err(format!("{name} = {value} must be finite and not negative"))
    }
}

/// Refuses a parameter that is infinite or NaN.
fn finite(name: &str, value: f64) -> Result<(), String> {
    if value.is_finite() { Ok(()) } else { Err(format!("{name} = {value} must be finite")) }
}

/// Refuses a grid of two axes.
fn one_axis(grid: &Grid) -> Result<(), String> {
    match grid.dims() {
        1 => Ok(()),
        _ => Err(format!("points = {:?}: this equation needs a grid of one axis", grid.shape())),
    }
}

/// Refuses a grid of one axis.
fn two_axes(grid: &Grid) -> Result<(), String> {
    match grid.dims() {
        2 => Ok(()),
        _ => Err(format!("points = {:?}: this equation needs a grid of two axes", grid.shape())),
    }
}
