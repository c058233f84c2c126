//! Pictures of a file of fields: space-time plots of lines, film strips of planes.

use dataset::arrays::{Array, Npz};

use crate::axis::{Axis, short};
use crate::chart::WIDTH;
use crate::colors::Colors;
use crate::heat::{Cells, Place, Range, Sheet};
use crate::palette::Ink;
use crate::pictures::Picture;

/// Trajectories on a line that are drawn.
const MOST: usize = 3;
/// Frames of a film strip, and in a row of it.
const FRAMES: usize = 8;
const IN_A_ROW: usize = 4;
/// Cells of a space-time plot along time and along x, and along an edge of a frame.
const CELLS: [usize; 2] = [400, 128];
const FRAME_CELLS: usize = 96;

/// What is drawn of a state.
struct Quantity {
    name: String,
    colors: Colors,
    /// From the channels at a point.
    of: fn(&[f64]) -> f64,
    /// The channels that it is of.
    channels: Vec<usize>,
}

/// The arrays of a file of fields.
struct Fields<'a> {
    times: &'a [f64],
    axes: Vec<&'a [f64]>,
    channels: Vec<(String, &'a Array)>,
    /// Trajectories.
    count: usize,
}

impl<'a> Fields<'a> {
    fn of(file: &'a Npz) -> Result<Self, String> {
        let get = |name: &str| file.get(name).map_err(|error| error.to_string());
        let one_axis = |name: &str| {
            let array = get(name)?;
            let ascends = array.values.windows(2).all(|pair| pair[0] < pair[1]);
            match array.shape[..] {
                [count] if count > 1 && ascends => Ok(array.values.as_slice()),
                _ => Err(format!(
                    "{name} has the shape {:?}: it must be a list of at least 2 numbers that ascend",
                    array.shape
                )),
            }
        };
        let times = one_axis("t")?;
        let mut axes = vec![one_axis("x")?];
        if file.names().any(|name| name == "y") {
            axes.insert(0, one_axis("y")?);
        }
        let mut channels = Vec::new();
        let names: Vec<String> = file.names().map(str::to_owned).collect();
        for name in names.into_iter().filter(|name| !["t", "x", "y"].contains(&name.as_str())) {
            channels.push((name.clone(), get(&name)?));
        }
        // As simulations write them; by their names the imaginary part would be the first.
        channels.sort_by_key(|(name, _)| (name == "im", name.clone()));
        let Some((first, array)) = channels.first() else {
            return Err("there is no field beside the axes: add an array [trajectory, time, x] or [trajectory, time, y, x]".into());
        };
        let shape: Vec<usize> = [times.len()].into_iter().chain(axes.iter().map(|axis| axis.len())).collect();
        for (name, array) in &channels {
            if array.shape.len() != shape.len() + 1 || array.shape[1..] != shape[..] || array.shape[0] == 0 {
                return Err(format!(
                    "{name} has the shape {:?}; the axes ask for [trajectory, {}]",
                    array.shape,
                    shape.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
                ));
            }
            if array.shape != channels[0].1.shape {
                return Err(format!("{name} has another number of trajectories than {first}"));
            }
        }
        let count = array.shape[0];
        Ok(Fields { times, axes, channels, count })
    }

    fn points(&self) -> usize {
        self.axes.iter().map(|axis| axis.len()).product()
    }

    /// A channel of a trajectory at some times, [time, point].
    fn states(&self, channel: usize, run: usize, times: std::ops::Range<usize>) -> &[f64] {
        let (samples, points) = (self.times.len(), self.points());
        let at = run * samples * points;
        &self.channels[channel].1.values[at + times.start * points..at + times.end * points]
    }

    /// Each channel; or of a complex field, which has the channels re and im, its density and phase.
    fn quantities(&self) -> Vec<Quantity> {
        let names: Vec<&str> = self.channels.iter().map(|(name, _)| name.as_str()).collect();
        if names == ["re", "im"] {
            let density = |psi: &[f64]| psi[0] * psi[0] + psi[1] * psi[1];
            let phase = |psi: &[f64]| psi[1].atan2(psi[0]);
            return vec![
                Quantity {
                    name: "|psi|^2".into(),
                    colors: Colors::Positive,
                    of: density,
                    channels: vec![0, 1],
                },
                Quantity { name: "arg psi".into(), colors: Colors::Cyclic, of: phase, channels: vec![0, 1] },
            ];
        }
        let quantity = |(i, name): (usize, &&str)| Quantity {
            name: (*name).to_owned(),
            colors: Colors::Signed,
            of: |u| u[0],
            channels: vec![i],
        };
        names.iter().enumerate().map(quantity).collect()
    }
}

impl Quantity {
    /// Its values in at most so many cells, from the values of its channels at all points. What is drawn is averaged over the
    /// points of a cell; a phase is not, since it turns, so its channels are.
    fn cells(&self, mut channels: Vec<Cells>, most: [usize; 2]) -> Cells {
        let is_phase = matches!(self.colors, Colors::Cyclic);
        if is_phase {
            channels = channels.into_iter().map(|cells| cells.reduced(most[0], most[1])).collect();
        }
        let value = |i: usize| (self.of)(&channels.iter().map(|cells| cells.values[i]).collect::<Vec<_>>());
        let cells = Cells {
            columns: channels[0].columns,
            values: (0..channels[0].values.len()).map(value).collect(),
        };
        if is_phase { cells } else { cells.reduced(most[0], most[1]) }
    }

    fn range(&self, all: &[Cells]) -> Option<Range> {
        use std::f64::consts::PI;
        match self.colors {
            Colors::Cyclic => Some(Range { colors: self.colors, low: -PI, high: PI }),
            colors => Range::of(all.iter().flat_map(|cells| cells.values.iter().copied()), colors),
        }
    }

    fn labels(&self, range: Range) -> [String; 3] {
        match self.colors {
            Colors::Cyclic => ["\u{2212}\u{3c0}".into(), "0".into(), "\u{3c0}".into()],
            _ => [range.low, 0.5 * (range.low + range.high), range.high]
                .map(|value| short(value).replace('-', "\u{2212}")),
        }
    }
}

/// Pictures of the arrays of fields that `simulate` wrote: `t`, `x` and perhaps `y`, and each channel under its name,
/// [trajectory, time, x] or [trajectory, time, y, x]. Fields on a line are drawn over time and space, those in the plane
/// as a film strip of the first trajectory, and complex ones, with the channels `re` and `im`, by density and phase.
///
/// # Errors
/// If arrays are missing or have other shapes, or hold no finite number.
pub fn plot_fields(file: &Npz) -> Result<Vec<Picture>, String> {
    let fields = Fields::of(file)?;
    let quantities = fields.quantities();
    let pictures = quantities.iter().map(|quantity| match fields.axes.len() {
        1 => space_time(&fields, quantity),
        _ => film_strip(&fields, quantity),
    });
    pictures.collect()
}

/// The axis from one end of some equally spaced coordinates to the other, with the width of a cell after the last.
fn axis(label: &str, coordinates: &[f64]) -> Result<Axis, String> {
    let (first, last) = (coordinates[0], coordinates[coordinates.len() - 1]);
    let spacing = (last - first) / (coordinates.len() - 1) as f64;
    let axis = Axis::linear(label, coordinates.iter().copied());
    Ok(axis.ok_or_else(|| format!("{label} holds no number below 1e100"))?.within(first, last + spacing))
}

fn nothing(name: &str) -> String {
    format!("there is nothing to draw: {name} holds no finite number")
}

/// Trajectories below each other: time to the right, x upwards.
fn space_time(fields: &Fields, quantity: &Quantity) -> Result<Picture, String> {
    let points = fields.points();
    let drawn = if fields.channels.len() > 1 { 1 } else { fields.count.min(MOST) };
    let samples = fields.times.len();
    // [time, x] to rows of x.
    let turned = |run: usize, channel: usize| {
        let states = fields.states(channel, run, 0..samples);
        let values = (0..points).flat_map(|x| (0..samples).map(move |i| states[i * points + x]));
        Cells { columns: samples, values: values.collect() }
    };
    let panels: Vec<Cells> = (0..drawn)
        .map(|run| {
            let channels = quantity.channels.iter().map(|&channel| turned(run, channel)).collect();
            quantity.cells(channels, CELLS)
        })
        .collect();
    let range = quantity.range(&panels).ok_or_else(|| nothing(&quantity.name))?;
    let (time, space) = (axis("t (time units of the system)", fields.times)?, axis("x", fields.axes[0])?);
    let (height, gap, top) = (1500, 300, 330);
    let mut sheet = Sheet::new(WIDTH, top + drawn as u32 * (height + gap) + 250);
    for (run, cells) in panels.iter().enumerate() {
        let place = Place { left: 700, top: top + run as u32 * (height + gap), width: WIDTH - 1700, height };
        let title = match fields.count {
            1 => quantity.name.clone(),
            _ => format!("{}, trajectory {run}", quantity.name),
        };
        sheet.text([place.left, place.top - 90], 150, "start", Ink::Text, &title);
        sheet.cells(place, cells, range);
        sheet.ordinate(place, &space);
        sheet.bar(place, range, quantity.labels(range));
        if run + 1 == drawn {
            sheet.abscissa(place, &time);
        }
    }
    let of = if fields.count > drawn {
        format!(" Trajectories shown: the first {drawn} of {}.", fields.count)
    } else {
        String::new()
    };
    let caption = format!("{} over time and space.{of}", quantity.name);
    Ok(Picture::new(&format!("space_time_{}", file_name(&quantity.name)), caption, sheet.done()))
}

/// Frames of the first trajectory at equally spaced times.
fn film_strip(fields: &Fields, quantity: &Quantity) -> Result<Picture, String> {
    let (samples, nx) = (fields.times.len(), fields.axes[1].len());
    let shown = FRAMES.min(samples);
    let frames: Vec<usize> = (0..shown).map(|i| i * (samples - 1) / (shown - 1)).collect();
    let frame = |&sample: &usize| {
        let channel = |&channel: &usize| {
            let values = fields.states(channel, 0, sample..sample + 1).to_vec();
            Cells { columns: nx, values }
        };
        quantity.cells(quantity.channels.iter().map(channel).collect(), [FRAME_CELLS; 2])
    };
    let cells: Vec<Cells> = frames.iter().map(frame).collect();
    let range = quantity.range(&cells).ok_or_else(|| nothing(&quantity.name))?;
    let (left, gap) = (120, 100);
    let width = (WIDTH - 1000 - left) / IN_A_ROW as u32 - gap;
    // With the width of the last cell.
    let side = |axis: &[f64]| (axis[axis.len() - 1] - axis[0]) * axis.len() as f64 / (axis.len() - 1) as f64;
    let ratio = (side(fields.axes[0]) / side(fields.axes[1])).clamp(0.25, 4.0);
    let height = (f64::from(width) * ratio).round() as u32;
    let rows = shown.div_ceil(IN_A_ROW) as u32;
    let top = 330;
    let mut sheet = Sheet::new(WIDTH, top + rows * (height + 300));
    for (i, (cells, &sample)) in cells.iter().zip(&frames).enumerate() {
        let (row, column) = ((i / IN_A_ROW) as u32, (i % IN_A_ROW) as u32);
        let place =
            Place { left: left + column * (width + gap), top: top + row * (height + 300), width, height };
        let title = match i {
            0 => format!("{}, t = {}", quantity.name, short(fields.times[sample])),
            _ => format!("t = {}", short(fields.times[sample])),
        };
        sheet.text([place.left, place.top - 80], 140, "start", Ink::Text, &title);
        sheet.cells(place, cells, range);
        if column as usize + 1 == IN_A_ROW || i + 1 == shown && row == 0 {
            sheet.bar(place, range, quantity.labels(range));
        }
    }
    let of = if fields.count > 1 { format!(" Trajectory 0 of {}.", fields.count) } else { String::new() };
    let caption = format!("{} in the plane at {shown} times.{of}", quantity.name);
    Ok(Picture::new(&format!("film_strip_{}", file_name(&quantity.name)), caption, sheet.done()))
}

/// A name for a file.
fn file_name(quantity: &str) -> String {
    match quantity {
        "|psi|^2" => "density".into(),
        "arg psi" => "phase".into(),
        name => name.chars().map(|letter| if letter.is_alphanumeric() { letter } else { '_' }).collect(),
    }
}

#[cfg(test)]
mod tests {
    use dataset::arrays::{read_npz, write_npz};

    use super::*;

    /// Pictures of arrays of these names and shapes whose values are sines of their position.
    fn pictures_of(arrays: &[(&str, &[usize])]) -> Result<Vec<Picture>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("u.npz");
        let array = |name: &str, shape: &[usize]| {
            let value =
                |i: usize| if ["t", "x", "y"].contains(&name) { i as f64 } else { (i as f64 * 0.37).sin() };
            Array::new(shape, (0..shape.iter().product()).map(value).collect())
        };
        let all: Vec<(&str, Array)> =
            arrays.iter().map(|(name, shape)| (*name, array(name, shape))).collect();
        let named: Vec<(&str, &Array)> = all.iter().map(|(name, array)| (*name, array)).collect();
        write_npz(&path, &named).unwrap();
        plot_fields(&read_npz(&path).unwrap())
    }

    #[test]
    fn lines_are_drawn_over_time_and_planes_as_frames() {
        let line = pictures_of(&[("t", &[50]), ("x", &[16]), ("u", &[7, 50, 16])]).unwrap();
        assert_eq!((line.len(), line[0].name.as_str()), (1, "space_time_u"));
        assert!(line[0].caption.contains("first 3 of 7") && line[0].svg.contains(">u, trajectory 2<"));
        assert!(line[0].png().unwrap().len() > 5_000);
        let plane = pictures_of(&[("t", &[50]), ("x", &[16]), ("y", &[8]), ("w", &[2, 50, 8, 16])]).unwrap();
        assert_eq!((plane.len(), plane[0].name.as_str()), (1, "film_strip_w"));
        assert!(plane[0].svg.contains(">w, t = 0<") && plane[0].svg.contains(">t = 49<"));
        assert!(plane[0].png().unwrap().len() > 5_000);
    }

    #[test]
    fn a_complex_field_is_drawn_by_density_and_phase() {
        let psi = pictures_of(&[("t", &[9]), ("x", &[8]), ("re", &[1, 9, 8]), ("im", &[1, 9, 8])]).unwrap();
        assert_eq!(
            psi.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(),
            ["space_time_density", "space_time_phase"]
        );
        assert!(psi[1].svg.contains(">\u{3c0}<") && psi[0].svg.contains(">|psi|^2<"));
    }

    #[test]
    fn the_density_of_a_fast_wave_is_not_averaged_away() {
        // exp(i w t) over so many samples that several stand in a cell.
        let turn = |f: fn(f64) -> f64| Cells {
            columns: 2000,
            values: (0..8 * 2000).map(|i| f(1.3 * f64::from(i % 2000))).collect(),
        };
        let quantity = |colors, of| Quantity { name: "q".into(), colors, of, channels: vec![0, 1] };
        let density = quantity(Colors::Positive, |psi| psi[0] * psi[0] + psi[1] * psi[1]);
        let cells = density.cells(vec![turn(f64::cos), turn(f64::sin)], CELLS);
        assert!(cells.columns <= CELLS[0] && cells.values.iter().all(|x| (x - 1.0).abs() < 1e-12));
        // A plane of twice as many points along x as along y is twice as wide as high.
        let plane = pictures_of(&[("t", &[2]), ("x", &[16]), ("y", &[8]), ("w", &[1, 2, 8, 16])]).unwrap();
        let size = |name: &str| -> f64 {
            let rest =
                plane[0].svg.split("<rect").find(|rest| rest.contains("fill=\"none\"")).unwrap_or_default();
            rest.split(&format!(" {name}=\""))
                .nth(1)
                .and_then(|rest| rest.split('"').next()?.parse().ok())
                .unwrap_or(0.0)
        };
        assert!(
            (size("width") / size("height") - 2.0).abs() < 0.01,
            "{}",
            &plane[0].svg[..2000.min(plane[0].svg.len())]
        );
    }

    #[test]
    fn arrays_that_do_not_fit_the_axes_are_refused() {
        let wrong = |arrays: &[(&str, &[usize])], part: &str| {
            let message = pictures_of(arrays).unwrap_err();
            assert!(message.contains(part), "{message}");
        };
        wrong(
            &[("t", &[50]), ("x", &[16]), ("u", &[7, 50, 15])],
            "u has the shape [7, 50, 15]; the axes ask for [trajectory, 50, 16]",
        );
        wrong(&[("t", &[50]), ("x", &[16])], "no field beside the axes");
        wrong(&[("t", &[1]), ("x", &[16]), ("u", &[7, 1, 16])], "t has the shape [1]");
        wrong(
            &[("t", &[5]), ("x", &[8]), ("a", &[2, 5, 8]), ("b", &[1, 5, 8])],
            "b has another number of trajectories than a",
        );
    }
}
