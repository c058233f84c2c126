//! Tables from arrays: `[time]`, `[time, component]`, `[component, time]` and `[trajectory, time, component]`.

use crate::arrays::Array;

use super::choice;
use super::error::{Place, RecordingError, shown};
use super::notes::Notes;
use super::settings::Settings;
use super::table::{Column, Table, TimeColumn};
use super::time;

/// An array of a file, before it is read.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub(super) name: String,
    pub(super) axes: Vec<usize>,
}

/// Which arrays of a file are read, and how.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plan {
    /// The array of times: one for all trajectories, or a row for each.
    time: Option<String>,
    /// The arrays of values, all with the same number of trajectories and times.
    values: Vec<Layout>,
    trajectories: usize,
    times: usize,
    notes: Vec<String>,
}

/// Where the times, the components and the trajectories of an array lie.
#[derive(Clone, Debug, PartialEq)]
struct Layout {
    name: String,
    /// Axes of length 1 that MATLAB adds are not among them.
    axes: Vec<usize>,
    time: usize,
    trajectory: Option<usize>,
    component: Option<usize>,
}

impl Layout {
    fn length(&self, axis: Option<usize>) -> usize {
        axis.map_or(1, |axis| self.axes[axis])
    }

    /// The numbers of one component of one trajectory, over time.
    fn series(&self, values: &[f64], trajectory: usize, component: usize) -> Vec<f64> {
        let stride = |axis: usize| self.axes[axis + 1..].iter().product::<usize>();
        let start = self.trajectory.map_or(0, |axis| trajectory * stride(axis))
            + self.component.map_or(0, |axis| component * stride(axis));
        values
            .iter()
            .skip(start)
            .step_by(stride(self.time).max(1))
            .take(self.axes[self.time])
            .copied()
            .collect()
    }
}

impl Plan {
    /// Decides which arrays of a file are read, and how.
    ///
    /// # Errors
    ///
    /// If an array that the settings name does not exist, if an array has more axes than a recording can have, or if
    /// the arrays differ in length and none is named.
    pub(super) fn new(arrays: &[Shape], settings: &Settings, place: &Place) -> Result<Self, RecordingError> {
        let squeezed = |shape: &Shape| {
            let axes = shape.axes.iter().copied().filter(|&axis| axis != 1).collect();
            Shape { name: shape.name.clone(), axes }
        };
        let all: Vec<Shape> = arrays.iter().map(squeezed).filter(|shape| !shape.axes.is_empty()).collect();
        let time = time_array(&all, settings, place)?;
        let values: Vec<&Shape> = match &settings.dataset {
            Some(name) => vec![find(&all, name).ok_or_else(|| no_array(&all, name, place))?],
            None => all.iter().filter(|shape| time.is_none_or(|time| time.name != shape.name)).collect(),
        };
        let mut notes = Vec::new();
        let mut layouts = Vec::new();
        for shape in values {
            match layout(shape, time, settings, &mut notes) {
                Ok(layout) => layouts.push(layout),
                Err(why) if settings.dataset.is_some() || arrays.len() == 1 => {
                    return Err(place.whole(format_args!("array {} {why}", shown(&shape.name))));
                }
                Err(why) => notes.push(format!("array {} is left out: it {why}", shown(&shape.name))),
            }
        }
        let size = |layout: &Layout| (layout.length(layout.trajectory), layout.axes[layout.time]);
        let longest = layouts.iter().map(size).max_by_key(|(trajectories, times)| trajectories * times);
        let Some((trajectories, times)) = longest else {
            return Err(place.whole(format_args!(
                "has no array of a recording, such as [time, component]; it has {}",
                listed(&all)
            )));
        };
        layouts.retain(|layout| {
            let fits = size(layout) == (trajectories, times);
            if !fits {
                let (own, axes) = (shown(&layout.name), &layout.axes);
                notes.push(format!("array {own} of shape {axes:?} is left out: others have {times} times"));
            }
            fits
        });
        choice::check_columns(layouts.iter().map(|layout| layout.length(layout.component)).sum(), place)?;
        let same_rank =
            layouts.iter().all(|layout| layout.trajectory.is_some() == layouts[0].trajectory.is_some());
        if !same_rank {
            return Err(place.whole(format_args!(
                "holds arrays of different kinds, {}: set recording.dataset to one of them",
                listed(&all)
            )));
        }
        Ok(Plan { time: time.map(|time| time.name.clone()), values: layouts, trajectories, times, notes })
    }

    /// The number of values that are read.
    pub(super) fn numbers(&self) -> u64 {
        let columns: u64 = self.values.iter().map(|layout| layout.length(layout.component) as u64).sum();
        self.rows().saturating_mul(columns + u64::from(self.time.is_some()))
    }

    /// The number of rows of all trajectories together.
    pub(super) fn rows(&self) -> u64 {
        (self.trajectories as u64).saturating_mul(self.times as u64)
    }

    /// Reads the arrays into one table for each trajectory.
    ///
    /// # Errors
    ///
    /// The errors of `read`, which reads one array by its name.
    pub(super) fn tables(
        &self,
        place: &Place,
        read: impl Fn(&str) -> Result<Array, RecordingError>,
    ) -> Result<Vec<Table>, RecordingError> {
        let times = self.time.as_ref().map(|name| read(name)).transpose()?.map(|array| array.values);
        if let (Some(times), Some(name)) = (&times, &self.time)
            && ![self.times, self.times * self.trajectories].contains(&times.len())
        {
            let (own, count) = (shown(name), times.len());
            let what = format!("array {own} has {count} times, but the arrays of values have {}", self.times);
            return Err(place.whole(what));
        }
        let mut columns: Vec<Vec<Column>> = vec![Vec::new(); self.trajectories];
        for layout in &self.values {
            let array = read(&layout.name)?;
            for (trajectory, columns) in columns.iter_mut().enumerate() {
                let others = columns.len();
                for component in 0..layout.length(layout.component) {
                    let [name, path] = layout.column(component);
                    // Two groups may each have an array of this name.
                    let taken = columns[..others].iter().any(|column| column.name == name);
                    let name = if taken { path.clone() } else { name };
                    let values = layout.series(&array.values, trajectory, component);
                    columns.push(Column { written: path, ..Column::of_values(name, values) });
                }
            }
        }
        let mut notes = Notes::default();
        self.notes.iter().for_each(|note| notes.add(&place.file, note));
        let table = |(trajectory, columns): (usize, Vec<Column>)| {
            let several = self.trajectories > 1;
            let label =
                if several { format!("{}: {}", place.file, trajectory + 1) } else { place.file.clone() };
            let time = self.time.as_ref().zip(times.as_ref()).map(|(name, times)| {
                let from = if times.len() > self.times { trajectory * self.times } else { 0 };
                let values = times.iter().skip(from).take(self.times).copied().collect();
                TimeColumn { name: leaf(name).into(), unit: String::new(), values, origin: 0.0 }
            });
            let mut table =
                Table::of_columns(Place { file: label, row: "sample" }, columns, time, self.times);
            table.notes = std::mem::take(&mut notes);
            table
        };
        Ok(columns.into_iter().enumerate().map(table).collect())
    }
}

impl Layout {
    /// The name of the column of a component, and its path in the file.
    fn column(&self, component: usize) -> [String; 2] {
        [leaf(&self.name), self.name.trim_start_matches('/')].map(|name| match self.component {
            Some(_) => format!("{name}{}", component + 1),
            None => name.to_owned(),
        })
    }
}

/// The last part of a path in a file.
fn leaf(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn find<'a>(arrays: &'a [Shape], name: &str) -> Option<&'a Shape> {
    let without_root = |text: &str| text.trim_start_matches('/').to_owned();
    arrays.iter().find(|shape| without_root(&shape.name) == without_root(name))
}

fn listed(arrays: &[Shape]) -> String {
    let named = |shape: &Shape| format!("{} {:?}", shown(&shape.name), shape.axes);
    let names: Vec<String> = arrays.iter().take(20).map(named).collect();
    match arrays.len() {
        0 => "none of more than one number".into(),
        1..=20 => names.join(", "),
        more => format!("{} and {} more", names.join(", "), more - 20),
    }
}

fn no_array(arrays: &[Shape], name: &str, place: &Place) -> RecordingError {
    place.whole(format_args!("has no array {}; it has {}", shown(name), listed(arrays)))
}

fn time_array<'a>(
    arrays: &'a [Shape],
    settings: &Settings,
    place: &Place,
) -> Result<Option<&'a Shape>, RecordingError> {
    if let Some(name) = &settings.time {
        let by_leaf = || arrays.iter().find(|shape| leaf(&shape.name) == name);
        return find(arrays, name).or_else(by_leaf).map(Some).ok_or_else(|| no_array(arrays, name, place));
    }
    if settings.dt.is_some() {
        return Ok(None);
    }
    // A time array in the group of the named array is preferred to one elsewhere.
    let group =
        settings.dataset.as_deref().and_then(|name| name.rsplit_once('/')).map_or("", |(group, _)| group);
    let of_time =
        || arrays.iter().filter(|shape| time::names_time(leaf(&shape.name)) && shape.axes.len() <= 2);
    let beside =
        of_time().find(|shape| shape.name.trim_start_matches('/').starts_with(group.trim_start_matches('/')));
    Ok(beside.or_else(|| of_time().next()))
}

/// The axes of an array; or, as half a sentence, why the array cannot belong to a recording.
fn layout(
    shape: &Shape,
    time: Option<&Shape>,
    settings: &Settings,
    notes: &mut Vec<String>,
) -> Result<Layout, String> {
    let Shape { name, axes } = shape;
    if axes.iter().product::<usize>() == 0 {
        return Err("is empty".into());
    }
    let count = time.map(|time| time.axes[time.axes.len() - 1]);
    let matching: Vec<usize> = (0..axes.len()).filter(|&axis| Some(axes[axis]) == count).collect();
    let named = settings.time_axis.filter(|&axis| axis < axes.len());
    let (time, told) = match (named, &matching[..], axes.len()) {
        (Some(axis), ..) => (axis, false),
        (None, [axis], _) => (*axis, false),
        (None, _, 1) => (0, false),
        (None, _, 2) => (usize::from(axes[1] > axes[0]), true),
        (None, _, _) => (1, true),
    };
    let mut others = (0..axes.len()).filter(|&axis| axis != time);
    let (trajectory, component) = match axes.len() {
        1 => (None, None),
        2 => (None, others.next()),
        3 => (others.next(), others.next()),
        more => {
            return Err(format!(
                "has {more} axes; a recording has at most three: trajectory, time, component"
            ));
        }
    };
    if told {
        notes.push(format!(
            "array {} of shape {axes:?} is read with time along axis {time}; set time_axis if that is wrong",
            shown(name)
        ));
    }
    Ok(Layout { name: name.clone(), axes: axes.clone(), time, trajectory, component })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place { file: "a.npz".into(), row: "sample" }
    }

    fn plan(arrays: &[(&str, &[usize])], settings: &Settings) -> Result<Plan, String> {
        let shape = |&(name, axes): &(&str, &[usize])| Shape { name: name.into(), axes: axes.to_vec() };
        let shapes: Vec<Shape> = arrays.iter().map(shape).collect();
        Plan::new(&shapes, settings, &place()).map_err(|error| error.to_string())
    }

    /// The columns of each table, of arrays that count from 0.
    fn tables(arrays: &[(&str, &[usize])], settings: &Settings) -> Vec<Vec<(String, Vec<f64>)>> {
        let plan = plan(arrays, settings).unwrap();
        let read = |name: &str| {
            let axes = arrays.iter().find(|(own, _)| *own == name).unwrap().1;
            let count = axes.iter().product::<usize>();
            Ok(Array::new(axes, (0..count).map(|value| value as f64).collect()))
        };
        let columns =
            |table: Table| table.columns.into_iter().map(|column| (column.name, column.values)).collect();
        plan.tables(&place(), read).unwrap().into_iter().map(columns).collect()
    }

    fn column(name: &str, values: &[f64]) -> (String, Vec<f64>) {
        (name.into(), values.to_vec())
    }

    #[test]
    fn time_runs_along_the_axis_of_the_time_array_or_the_longer_one() {
        let none = Settings::default();
        let expected = vec![vec![column("x1", &[0.0, 2.0, 4.0]), column("x2", &[1.0, 3.0, 5.0])]];
        assert_eq!(tables(&[("x", &[3, 2])], &none), expected);
        let expected = vec![vec![column("x1", &[0.0, 1.0, 2.0]), column("x2", &[3.0, 4.0, 5.0])]];
        assert_eq!(tables(&[("x", &[2, 3])], &none), expected);
        // Two times of three components.
        let expected =
            vec![vec![column("x1", &[0.0, 3.0]), column("x2", &[1.0, 4.0]), column("x3", &[2.0, 5.0])]];
        assert_eq!(tables(&[("t", &[2, 1]), ("x", &[2, 3])], &none), expected);
        assert_eq!(tables(&[("x", &[2, 3])], &Settings { time_axis: Some(0), ..none.clone() }), expected);
        assert!(plan(&[("x", &[3, 2])], &none).unwrap().notes[0].contains("time along axis 0"));
        assert!(plan(&[("t", &[2]), ("x", &[2, 3])], &none).unwrap().notes.is_empty());
        let twice = tables(&[("/a/x", &[3]), ("/b/x", &[3])], &none);
        let series = [0.0, 1.0, 2.0];
        assert_eq!(twice, vec![vec![column("x", &series), column("b/x", &series)]]);
        assert_eq!(tables(&[("/run/x", &[1, 3])], &none), vec![vec![column("x", &[0.0, 1.0, 2.0])]]);
    }

    #[test]
    fn trajectories_are_the_first_of_three_axes() {
        let read = tables(
            &[("x", &[2, 2, 2]), ("t", &[2])],
            &Settings { time_axis: Some(1), ..Settings::default() },
        );
        let expected = vec![
            vec![column("x1", &[0.0, 2.0]), column("x2", &[1.0, 3.0])],
            vec![column("x1", &[4.0, 6.0]), column("x2", &[5.0, 7.0])],
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let none = Settings::default();
        let read = plan(&[("x", &[100, 2]), ("mask", &[7]), ("scale", &[])], &none).unwrap();
        assert_eq!(read.values.len(), 1);
        assert!(read.notes.iter().any(|note| note.contains("\"mask\"") && note.contains("left out")));
        let says = |arrays: &[(&str, &[usize])], settings: &Settings, what: &str| {
            let error = plan(arrays, settings).unwrap_err();
            assert!(error.contains(what), "{error}");
        };
        says(&[("x", &[3, 4, 5, 6])], &none, "has 4 axes; a recording has at most three");
        says(&[("x", &[0, 3])], &none, "is empty");
        says(&[("x", &[1, 1])], &none, "has no array of a recording");
        let named = Settings { dataset: Some("y".into()), ..none.clone() };
        says(&[("x", &[3])], &named, "has no array \"y\"; it has \"x\" [3]");
        let timed = Settings { time: Some("t".into()), ..none };
        says(&[("x", &[3])], &timed, "has no array \"t\"");
    }
}
