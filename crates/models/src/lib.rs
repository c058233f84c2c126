//! The networks, and the baselines they must beat.
//!
//! A network is one file in `networks/`; `baselines/` holds forecasters without Burn. Both are met as a
//! [`forecast::Forecaster`] by the scores, and networks as a [`Learner`] by training. Devices are named in
//! `devices` and nowhere else.

pub mod baselines;
pub mod burn_train;
mod derivatives;
pub mod devices;
mod learner;
mod machine;
mod memory;
pub mod networks;
mod optimizer;
mod parameters;
mod recent;
mod recurrent;
mod registry;
mod remembering;
mod stack;
pub mod tensors;
mod trained;
mod windows;

pub use burn::tensor::Device;
pub use kernels::operation::Implementation;
pub use learner::{At, Dropout, Learner, Sequences};
pub use machine::Machine;
pub use memory::{Memory, Past};
pub use networks::learner;
pub use optimizer::{Optimizer, Recipe};
pub use registry::{Entry, Latent, MODELS, Training};
pub use stack::Stack;
pub use trajectory::Precision;
