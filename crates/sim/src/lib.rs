//! Dynamical systems, integrators and ensembles of trajectories, in f64.
//!
//! A system is one file in `systems/`: its right-hand side is written once over a [`Scalar`], and
//! the rest of the program meets it as a dyn-safe [`System`].
//!
//! ```
//! use sim::{Solver, System};
//! use trajectory::Times;
//!
//! let lorenz = sim::systems::Lorenz::default();
//! let times = Times::up_to(8.0, 0.01)?;
//! let runs = lorenz.ensemble(&[vec![1.0, 1.0, 1.0]], &times, &Solver::default())?;
//! assert_eq!((runs.count(), runs.samples(0), runs.dim()), (1, 801, 3));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
pub mod independent;
mod integrators;
mod lanes;
pub mod lyapunov;
mod ode;
mod solver;
mod system;
pub mod systems;

pub use autodiff::Scalar;
pub use error::SimulationError;
pub use solver::Solver;
pub(crate) use system::Steps;
pub use system::{Ode, System};
