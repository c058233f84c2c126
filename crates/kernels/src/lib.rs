//! Forward and backward passes of the networks of this field, and their optimisers, for the CPU.
//!
//! The networks that learn a physical system are small: a few layers of ten to some hundred units. A framework
//! spends most of a training step on such a network on its own affairs. Here a step is a handful of loops over
//! slices: no graph, no allocation, and vector instructions whatever the width of a layer: the numbers of
//! [`PANEL`] examples lie side by side.
//!
//! A [`Network`] is a list of [`Layer`]s and one vector of weights. [`Trainer`] trains it by gradients,
//! [`LevenbergMarquardt`] by least squares; [`Lbfgs`] lowers any function of a vector. The equations, and how the backward passes follow from them, are derived in `docs/kernels.md`.

#[cfg(feature = "burn")]
mod composed;
mod elementwise;
mod free_run;
mod functions;
mod layers;
mod lbfgs;
mod levenberg_marquardt;
mod network;
#[cfg(feature = "burn")]
pub mod operation;
mod optimizer;
mod products;
mod real;
#[allow(unsafe_code)] // its argument stands at its head
mod simd;
mod trainer;

pub use free_run::{Advance, Carried, FreeRun, FreeRunWorkspace};
pub use functions::Activation;
pub use layers::{Conv1d, Conv2d, Dense, Gru, Layer, Lstm, Padding, Rnn, TensorSpec};
pub use lbfgs::Lbfgs;
pub use levenberg_marquardt::{LevenbergMarquardt, Stepped};
pub use network::{BatchShape, Network, ShapeError, Workspace};
pub use optimizer::{AdamFactors, Decay, Method, Optimizer, Rule};
pub use real::{PANEL, Piece, Real, pieces};
pub use simd::Kernels;
pub use trainer::Trainer;
