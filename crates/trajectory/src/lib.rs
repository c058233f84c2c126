//! The basic data types of all other crates: components and layout of a state, sample times, sets of trajectories, and random
//! streams.
//!
//! ```
//! use trajectory::{Segment, Trajectories};
//!
//! // Two segments with one component and one input. The sample interval is 0.1, and they differ in length.
//! let segments = [
//!     Segment { start: 0.0, u: vec![1.0, 2.0, 4.0], known: vec![0.0, 0.0, 1.0] },
//!     Segment { start: 7.5, u: vec![3.0, 3.5], known: vec![1.0, 1.0] },
//! ];
//! let runs = Trajectories::of_segments(0.1, [1, 1], segments);
//! assert_eq!((runs.count(), runs.samples(0), runs.samples(1)), (2, 3, 2));
//! assert_eq!((runs.state(1, 1), runs.time(1, 1)), (&[3.5][..], 7.6));
//! ```

mod component;
mod layout;
mod places;
mod precision;
pub mod random;
mod times;
mod trajectories;

pub use component::Component;
pub use layout::{Axis, Layout};
pub use places::Places;
pub use precision::Precision;
pub use times::{Times, TimesError};
pub use trajectories::{Segment, Trajectories};
