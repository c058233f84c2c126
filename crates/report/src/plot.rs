//! Pictures of a file of trajectories, simulated or forecast.

use dataset::arrays::Npz;
use dataset::recording::Recording;
use trajectory::Component;

use crate::axis::Axis;
use crate::chart::{Chart, Mark, Shape, draw};
use crate::palette::Ink;
use crate::pictures::{Picture, in_space};
use crate::shown::{axis_label, named_or_numbered};

/// Trajectories and components that are drawn over time.
const MOST: usize = 3;
const MOST_COMPONENTS: usize = 6;
/// Points that a line has at most.
const POINTS: usize = 4000;

/// Trajectories to draw, each with its own times.
#[derive(Clone, Debug)]
pub struct Courses {
    /// Names and units of the components.
    components: Vec<Component>,
    /// The label of the time axis.
    axis: &'static str,
    /// What a trajectory is called.
    noun: &'static str,
    /// Times, ascending and finite, and states [time, component] of each.
    runs: Vec<(Vec<f64>, Vec<f64>)>,
}

impl Courses {
    /// Takes the arrays `t: [time]` and `u: [trajectory, time, component]`, or `[time, component]`, of a file that
    /// `simulate` or `predict` wrote. Component names may be "x" or "x (m)"; without names they are u0, u1, ...
    ///
    /// # Errors
    /// If arrays are missing or have other shapes, if times do not increase, or if the number of names is not the
    /// number of components.
    pub fn of_arrays(file: &Npz, names: &[String]) -> Result<Self, String> {
        let get = |name| file.get(name).map_err(|error| error.to_string());
        let (t, u) = (get("t")?, get("u")?);
        let (times, dim) = match u.shape[..] {
            [_, times, dim] | [times, dim] if t.shape == [times] && times > 1 && dim > 0 => (times, dim),
            _ => {
                return Err(format!(
                    "u is {:?} and t {:?}: u must be [trajectory, time, component] and t [time], of at least 2 times",
                    u.shape, t.shape
                ));
            }
        };
        if let Some(i) =
            (0..times).find(|&i| !t.values[i].is_finite() || (i > 0 && t.values[i] <= t.values[i - 1]))
        {
            return Err(format!("t[{i}] is {}: times must be finite and ascend", t.values[i]));
        }
        let runs = u.values.chunks_exact(times * dim).map(|u| (t.values.clone(), u.to_vec()));
        Courses::new(names, &[], dim, ("t (time units of the system)", "trajectory"), runs.collect())
    }

    /// Takes the segments of a recording: the states and then the inputs, with their own names if no others are given.
    ///
    /// # Errors
    /// If the number of names is not the number of states and inputs.
    pub fn of_recording(recording: &Recording, names: &[String]) -> Result<Self, String> {
        let own: Vec<Component> = recording
            .states
            .iter()
            .chain(&recording.inputs)
            .map(|of| Component::new(&of.name, if of.unit.is_empty() { "1" } else { &of.unit }))
            .collect();
        let (states, inputs) = (recording.states.len(), recording.inputs.len());
        let long = recording.segments.iter().filter(|segment| segment.samples > 1);
        let runs = long.map(|segment| {
            let t = (0..segment.samples).map(|i| segment.start + i as f64 * recording.dt).collect();
            let rows = (0..segment.samples).flat_map(|i| {
                let (states, inputs) = (i * states..(i + 1) * states, i * inputs..(i + 1) * inputs);
                segment.states[states].iter().chain(&segment.inputs[inputs])
            });
            (t, rows.copied().collect())
        });
        Courses::new(names, &own, own.len(), ("t", "segment"), runs.collect())
    }

    fn new(
        names: &[String],
        own: &[Component],
        dim: usize,
        (axis, noun): (&'static str, &'static str),
        runs: Vec<(Vec<f64>, Vec<f64>)>,
    ) -> Result<Self, String> {
        if !names.is_empty() && names.len() != dim {
            return Err(format!("{} names for {dim} components", names.len()));
        }
        let named: Vec<Component> = match names {
            [] => own.to_vec(),
            names => names.iter().map(|name| Component::new(name, "1")).collect(),
        };
        Ok(Courses { components: named_or_numbered(&named, dim), axis, noun, runs })
    }
}

/// Pictures of trajectories: `series` shows the first ones over time, and `space` shows the first one in the space of
/// its components, if there are at least two.
///
/// # Errors
/// If there are no finite numbers to draw.
pub fn plot(courses: &Courses) -> Result<Vec<Picture>, String> {
    let Courses { components, axis, noun, runs } = courses;
    let dim = components.len();
    let mut charts = Vec::new();
    let nothing = || "there is nothing to draw: u and t hold no number below 1e100".to_string();
    let drawn = || runs.iter().take(MOST);
    let x = Axis::linear(*axis, drawn().flat_map(|(t, _)| t.iter().copied())).ok_or_else(nothing)?;
    let ends = drawn().flat_map(|(t, _)| [t[0], t[t.len() - 1]]);
    let (first, last) = ends.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), t| (a.min(t), b.max(t)));
    let inks = [Ink::Train, Ink::Forecast, Ink::Second];
    for (k, component) in components.iter().enumerate().take(MOST_COMPONENTS) {
        let course = |(t, u): &(Vec<f64>, Vec<f64>)| -> Vec<[f64; 2]> {
            t.iter().zip(u.chunks_exact(dim)).map(|(time, state)| [*time, state[k]]).collect()
        };
        let courses: Vec<Vec<[f64; 2]>> = drawn().map(course).collect();
        let Some(y) = Axis::linear(axis_label(component), courses.iter().flatten().map(|p| p[1])) else {
            continue;
        };
        let name = |i: usize| if runs.len() > 1 { format!("{noun} {i}") } else { String::new() };
        let marks = courses.into_iter().zip(inks).enumerate();
        let marks = marks.map(|(i, (course, ink))| Mark::new(ink, name(i), Shape::Line(course))).collect();
        charts.push(Chart { x: x.clone().within(first, last), y, marks });
    }
    if charts.is_empty() {
        return Err(nothing());
    }
    let plural = if *noun == "trajectory" { "trajectories" } else { "segments" };
    let shown = match (runs.len() > MOST, dim > MOST_COMPONENTS) {
        (false, false) => String::new(),
        (true, false) => format!(" The first {MOST} of {} {plural}.", runs.len()),
        (false, true) => format!(" The first {MOST_COMPONENTS} of {dim} components."),
        (true, true) => {
            format!(" The first {MOST} of {} {plural}, {MOST_COMPONENTS} of {dim} components.", runs.len())
        }
    };
    let height = if charts.len() == 1 { 2200 } else { 1300 };
    let series = draw(&charts, height, POINTS).map_err(|error| error.to_string())?;
    let mut pictures = vec![Picture::new("series", format!("Components over time.{shown}"), series)];
    if dim > 1 {
        let name = if runs.len() > 1 { format!("{noun} 0") } else { (*noun).to_owned() };
        let curves = [(name.as_str(), Ink::Train, runs[0].1.as_slice())];
        let caption = format!("The {noun} in the space of its components.");
        let space = in_space("space", &caption, components, &curves, POINTS);
        pictures.extend(space.map_err(|error| error.to_string())?);
    }
    Ok(pictures)
}

/// Pictures below each other, as one.
pub fn stacked(pictures: &[Picture]) -> Picture {
    let mut inside = String::new();
    let (mut width, mut height) = (0.0f64, 0.0);
    for picture in pictures {
        let size = |name: &str| -> f64 {
            let after = picture.svg.split(&format!(" {name}=\"")).nth(1).unwrap_or("");
            after.split('"').next().and_then(|size| size.parse().ok()).unwrap_or(0.0)
        };
        inside += &picture.svg.replacen("<svg ", &format!("<svg y=\"{height}\" "), 1);
        width = width.max(size("width"));
        height += size("height");
    }
    let svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\
         <rect class=\"f-paper\" width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>{inside}</svg>"
    );
    let captions: Vec<&str> = pictures.iter().map(|picture| picture.caption.as_str()).collect();
    Picture::new("plot", captions.join(" "), svg)
}

#[cfg(test)]
mod tests {
    use dataset::arrays::{Array, read_npz, write_npz};
    use dataset::recording::{Channel, Segment};

    use super::*;

    fn pictures_of(shape: &[usize], names: &[String]) -> Result<Vec<Picture>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("u.npz");
        let count: usize = shape.iter().product();
        let times = shape[shape.len() - 2];
        let t = Array::new([times], (0..times).map(|i| i as f64 * 0.1).collect());
        let u = Array::new(shape, (0..count).map(|i| (i as f64 * 0.37).sin()).collect());
        write_npz(&path, &[("t", &t), ("u", &u)]).unwrap();
        plot(&Courses::of_arrays(&read_npz(&path).unwrap(), names)?)
    }

    #[test]
    fn trajectories_are_drawn_over_time_and_in_space() {
        let names = ["x (m)", "y", "z"].map(String::from);
        let pictures = pictures_of(&[7, 50, 3], &names).unwrap();
        assert_eq!(pictures.len(), 2);
        assert!(
            pictures[0].svg.contains("x (m)") && pictures[0].svg.contains("t (time units of the system)")
        );
        assert!(pictures[0].caption.contains("first 3 of 7") && pictures[1].turn.is_some());
        let whole = stacked(&pictures);
        assert!(whole.png().unwrap().len() > 10_000);
        assert!(crate::page_of_pictures(&pictures, "a <b>").contains("a &lt;b&gt;"));
        assert!(pictures_of(&[50, 2], &[]).unwrap()[1].svg.contains(">u1<"));
        assert_eq!(pictures_of(&[1, 50, 1], &[]).unwrap().len(), 1);
    }

    #[test]
    fn segments_of_a_recording_are_drawn_with_their_own_times_names_and_units() {
        let channel = |name: &str, unit: &str| Channel { name: name.into(), unit: unit.into() };
        let segment = |start: f64, samples: usize| Segment {
            name: "a.csv".into(),
            start,
            samples,
            states: (0..samples).map(|i| (i as f64).sin()).collect(),
            inputs: (0..samples).map(|i| (i as f64).cos()).collect(),
        };
        let recording = Recording {
            states: vec![channel("level", "V")],
            inputs: vec![channel("pump", "")],
            dt: 4.0,
            segments: vec![segment(100.0, 30), segment(900.0, 1), segment(300.0, 20)],
            notes: vec![],
        };
        let pictures = plot(&Courses::of_recording(&recording, &[]).unwrap()).unwrap();
        assert_eq!(pictures.len(), 2);
        for text in ["level", ">pump<", "segment 1", ">300<"] {
            assert!(pictures[0].svg.contains(text), "{text}");
        }
        assert!(!pictures[0].svg.contains(">900<") && !pictures[0].svg.contains("segment 2"));
        let names = ["only one".to_owned()];
        assert!(Courses::of_recording(&recording, &names).unwrap_err().contains("1 names for 2 components"));
    }

    #[test]
    fn what_cannot_be_drawn_is_said() {
        assert!(pictures_of(&[2, 50, 3], &["x".into()]).unwrap_err().contains("1 names for 3 components"));
        assert!(pictures_of(&[2, 1, 3], &[]).unwrap_err().contains("at least 2 times"));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("u.npz");
        let of = |times: [f64; 3], u: f64| {
            let (t, u) = (Array::new([3], times.into()), Array::new([1, 3, 1], vec![u; 3]));
            write_npz(&path, &[("t", &t), ("u", &u)]).unwrap();
            plot(&Courses::of_arrays(&read_npz(&path).unwrap(), &[])?)
        };
        assert!(of([0.0, 1.0, f64::INFINITY], 1.0).unwrap_err().starts_with("t[2] is inf: times must"));
        assert!(of([0.0, 1.0, 1.0], 1.0).unwrap_err().starts_with("t[2] is 1: times must"));
        assert!(of([0.0, 1.0, 2.0], 1e300).unwrap_err().contains("no number below 1e100"));
        assert_eq!(of([0.0, 5e-324, 1e-323], 1.0).unwrap().len(), 1);
    }
}
