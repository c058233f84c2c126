//! What one state is: channels on a grid.

use serde::{Deserialize, Serialize};

use crate::Component;

/// A periodic axis of a grid, with equally spaced points from 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Axis {
    /// Its name, such as "x".
    pub name: String,
    /// Number of points.
    pub points: usize,
    /// The period.
    pub length: f64,
}

impl Axis {
    /// The coordinates of its points: i * length / points.
    pub fn coordinates(&self) -> Vec<f64> {
        (0..self.points).map(|i| i as f64 * self.length / self.points as f64).collect()
    }
}

/// The layout of a state: every channel has a value at each point of a grid. The grid of an ordinary differential equation
/// and of a recording has no axes, and thus one point; that of a field has one axis or two. A state is an array [channel, y,
/// x] or [channel, x], row by row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// Names and units.
    pub channels: Vec<Component>,
    /// The axes of the grid in the order of the array: none, \[x\] or \[y, x\].
    pub axes: Vec<Axis>,
}

impl Layout {
    /// Channels without a grid.
    pub fn of_numbers(channels: Vec<Component>) -> Self {
        Layout { channels, axes: Vec::new() }
    }

    /// Number of points of the grid, 1 where there is none.
    pub fn points(&self) -> usize {
        self.axes.iter().map(|axis| axis.points).product()
    }

    /// Numbers in a state.
    pub fn dim(&self) -> usize {
        self.channels.len() * self.points()
    }

    /// Number of points along each axis.
    pub fn shape(&self) -> Vec<usize> {
        self.axes.iter().map(|axis| axis.points).collect()
    }

    /// The positions in a state of the values of these channels, in their order.
    pub fn positions(&self, channels: &[usize]) -> Vec<usize> {
        let points = self.points();
        channels.iter().flat_map(|channel| channel * points..(channel + 1) * points).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_has_a_value_of_each_channel_at_each_point() {
        let axis = |name: &str, points, length| Axis { name: name.into(), points, length };
        let channels = ["re", "im"].map(|name| Component::new(name, "1")).to_vec();
        let plane = Layout { channels: channels.clone(), axes: vec![axis("y", 2, 1.0), axis("x", 3, 6.0)] };
        assert_eq!((plane.points(), plane.dim(), plane.shape()), (6, 12, vec![2, 3]));
        assert_eq!(plane.positions(&[1]), [6, 7, 8, 9, 10, 11]);
        assert_eq!(plane.axes[1].coordinates(), [0.0, 2.0, 4.0]);
        let numbers = Layout::of_numbers(channels);
        assert_eq!((numbers.points(), numbers.dim(), numbers.positions(&[1, 0])), (1, 2, vec![1, 0]));
    }
}
