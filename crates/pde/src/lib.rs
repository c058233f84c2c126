//! Partial differential equations on periodic grids of one and two axes: spectral solvers and systems, in f64.
//!
//! A system is one file in `systems/`. Most of them are [`Semilinear`]: the file says which multipliers and products the
//! equation consists of, and the exponential integrators of [`etd`] are shared. The rest of the program meets all of
//! them as a dyn-safe [`FieldSystem`].
//!
//! ```
//! use pde::{FieldSystem, Method, systems::KuramotoSivashinsky};
//! use trajectory::{Times, random::stream};
//!
//! let system = KuramotoSivashinsky::default(); // 64 points
//! let starts: Vec<_> = (0..2).map(|i| system.random_start(&mut stream(0, "start", i))).collect();
//! let times = Times::up_to(10.0, 0.5)?;
//! let mut u = vec![0.0; 2 * 21 * 64]; // [trajectory, time, channel, x]
//! system.integrate(&starts, &times, &Method::default(), &mut u)?;
//! assert!(u.iter().all(|u| u.is_finite()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod crossing;
mod ensemble;
mod error;
pub mod etd;
mod exponential;
pub mod grid;
mod line;
mod method;
mod plane;
mod plans;
pub mod random_fields;
mod semilinear;
pub mod split;
mod steppers;
mod symbols;
mod system;
pub mod systems;
#[cfg(test)]
mod testing;
mod transform;
mod vectorised;

pub use error::FieldError;
pub use etd::Etd;
pub use grid::Grid;
pub use method::{Method, Order, Step};
pub use rustfft::num_complex::Complex64;
pub use semilinear::Semilinear;
pub use system::FieldSystem;
pub use transform::Transform;
