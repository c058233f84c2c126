//! Fields in .npz files: an array for each channel, with the coordinates of the grid.

use std::io;
use std::path::Path;

use trajectory::{Layout, Times, Trajectories};

use crate::arrays::{Array, ArrayFileError, Npz, write_npz};

/// Writes trajectories of fields over the same `times`: these as `t`; the coordinates of each axis under its name, `x` or `y`
/// and `x`; and each channel under its name, [trajectory, time, x] or [trajectory, time, y, x].
///
/// # Errors
/// As [`write_npz`].
///
/// # Panics
/// Trajectories over other times, or of another layout.
pub fn write_fields(path: &Path, times: &Times, layout: &Layout, runs: &Trajectories) -> io::Result<()> {
    let samples = times.samples();
    let mut arrays = vec![("t".to_owned(), Array::new([samples], times.all()))];
    for axis in &layout.axes {
        arrays.push((axis.name.clone(), Array::new([axis.points], axis.coordinates())));
    }
    let shape = [&[runs.count(), samples][..], &layout.shape()].concat();
    let points = layout.points();
    for (i, channel) in layout.channels.iter().enumerate() {
        let states = runs.u().chunks_exact(layout.dim());
        let values = states.flat_map(|state| &state[i * points..(i + 1) * points]).copied().collect();
        arrays.push((channel.name.clone(), Array::new(shape.clone(), values)));
    }
    let named: Vec<(&str, &Array)> = arrays.iter().map(|(name, array)| (name.as_str(), array)).collect();
    write_npz(path, &named)
}

/// The names of the arrays of such a file of `count` trajectories, and the shape that each must have.
pub(crate) fn shapes(layout: &Layout, samples: usize, count: usize) -> Vec<(String, Vec<usize>)> {
    let shape = [&[count, samples][..], &layout.shape()].concat();
    let axes = layout.axes.iter().map(|axis| (axis.name.clone(), vec![axis.points]));
    let channels = layout.channels.iter().map(|channel| (channel.name.clone(), shape.clone()));
    [("t".to_owned(), vec![samples])].into_iter().chain(axes).chain(channels).collect()
}

/// Appends the states [time, channel, y, x] of the trajectories `which` of such a file, whose shapes are right, to `u`.
///
/// # Errors
/// A damaged array.
pub(crate) fn append(
    file: &Npz,
    layout: &Layout,
    samples: usize,
    which: impl Iterator<Item = usize>,
    u: &mut Vec<f64>,
) -> Result<(), ArrayFileError> {
    let channels = layout.channels.iter().map(|channel| file.get(&channel.name));
    let channels = channels.collect::<Result<Vec<&Array>, _>>()?;
    let points = layout.points();
    for sample in which.flat_map(|run| run * samples..(run + 1) * samples) {
        for channel in &channels {
            u.extend(&channel.values[sample * points..(sample + 1) * points]);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use trajectory::{Axis, Component};

    use super::*;
    use crate::arrays::read_npz;

    #[test]
    fn a_file_has_an_array_for_each_channel_and_each_axis() {
        let axis = |name: &str, points, length| Axis { name: name.into(), points, length };
        let layout = Layout {
            channels: ["re", "im"].map(|name| Component::new(name, "1")).to_vec(),
            axes: vec![axis("y", 2, 1.0), axis("x", 3, 6.0)],
        };
        let times = Times::new(0.5, 1).unwrap();
        // Each value says where it stands: trajectory, time, channel, y, x.
        let all: Vec<f64> = (0..2 * 2 * 12).map(f64::from).collect();
        let runs = Trajectories::new(times, [12, 0], all.clone(), vec![]);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("psi.npz");
        write_fields(&path, &times, &layout, &runs).unwrap();
        let file = read_npz(&path).unwrap();
        assert_eq!(file.get("im").unwrap().shape, [2, 2, 2, 3]);
        assert_eq!(file.get("im").unwrap().values[..7], [6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 18.0]);
        assert_eq!(file.get("x").unwrap().values, [0.0, 2.0, 4.0]);
        assert_eq!(file.get("t").unwrap().values, [0.0, 0.5]);
        for (name, shape) in shapes(&layout, 2, 2) {
            assert_eq!(file.shape(&name).unwrap(), shape, "{name}");
        }
        let mut back = Vec::new();
        append(&file, &layout, 2, [1].into_iter(), &mut back).unwrap();
        assert_eq!(back, all[24..]);
    }
}
