//! Fields: the systems of `pde` with the settings of an experiment file.

use std::ops::Range;

use autodiff::unknown;
use pde::systems::Entry;
use pde::{Complex64, FieldError, FieldSystem, Grid, Method, Order, Step, Transform};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use trajectory::{Times, Trajectories, random};

use crate::RunError;

/// How accurately a field is integrated. A sample interval holds a whole number of equal steps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stepper {
    /// Order of the method: exponential time differencing (ETDRK2, ETDRK4) or, for `schrodinger`, splitting (Strang, or of
    /// order 4). Linear equations with constant coefficients are solved exactly.
    #[schemars(extend("enum" = [2, 4], "examples" = [2]))]
    pub order: usize,
    /// Largest CFL number: the largest velocity times the step, divided by the spacing of the grid.
    #[schemars(extend("exclusiveMinimum" = 0, "examples" = [0.25]))]
    pub courant: f64,
    /// Largest step, in units of time; 0 to choose it by `courant`.
    #[schemars(range(min = 0), extend("examples" = [0.001]))]
    pub step: f64,
}

impl Default for Stepper {
    fn default() -> Self {
        Stepper { order: 4, courant: 0.5, step: 0.0 }
    }
}

impl Stepper {
    /// The same with half the step.
    pub(crate) fn halved(&self) -> Self {
        Stepper { courant: 0.5 * self.courant, step: 0.5 * self.step, ..*self }
    }

    /// The method with these settings.
    ///
    /// # Errors
    /// A sentence with the key, its value and its range.
    pub(crate) fn method(&self) -> Result<Method, String> {
        let Stepper { order, courant, step } = *self;
        let order = match order {
            2 => Order::Second,
            4 => Order::Fourth,
            _ => return Err(format!("data.stepper.order = {order} must be 2 or 4")),
        };
        if !(courant > 0.0 && courant.is_finite()) {
            return Err(format!("data.stepper.courant = {courant} must be above 0, such as 0.5"));
        }
        if !(step >= 0.0 && step.is_finite()) {
            return Err(format!(
                "data.stepper.step = {step} must be above 0, or 0 to choose it by the CFL number"
            ));
        }
        Ok(Method { order, step: if step > 0.0 { Step::Given(step) } else { Step::Courant(courant) } })
    }
}

/// A field with its parameters.
pub(crate) struct Field {
    entry: &'static Entry,
    parameters: Json,
    /// The system.
    pub(crate) system: Box<dyn FieldSystem>,
}

impl Field {
    /// The field of a complete section of parameters.
    ///
    /// # Errors
    /// A parameter with an impossible value.
    pub(crate) fn build(entry: &'static Entry, parameters: Json) -> Result<Self, String> {
        let system = (entry.build)(parameters.clone()).map_err(|fault| format!("system: {fault}"))?;
        Ok(Field { entry, parameters, system })
    }

    /// The same field on a grid with another number of points along each axis.
    ///
    /// # Errors
    /// A grid that is too large or too small.
    pub(crate) fn on(&self, points: impl Fn(u64) -> u64) -> Result<Self, String> {
        let mut parameters = self.parameters.clone();
        for along in parameters["grid"]["points"].as_array_mut().into_iter().flatten() {
            *along = Json::from(points(along.as_u64().unwrap_or_default()));
        }
        Field::build(self.entry, parameters)
    }

    /// A trajectory from each of `starts`; the error counts them from `first`.
    ///
    /// # Errors
    /// A trajectory that becomes infinite or NaN, with the time and the CFL number, or needs too many steps.
    pub(crate) fn ensemble(
        &self,
        starts: &[Vec<f64>],
        times: &Times,
        method: &Method,
        first: usize,
    ) -> Result<Trajectories, RunError> {
        let dim = self.system.layout().dim();
        let mut u = vec![0.0; starts.len() * times.samples() * dim];
        self.system.integrate(starts, times, method, &mut u).map_err(|error| {
            let error = match error {
                FieldError::Trajectory { trajectory, error } => {
                    FieldError::Trajectory { trajectory: first + trajectory, error }
                }
                other => other,
            };
            RunError::Failed(format!("simulating {}: {error}", self.system.name()))
        })?;
        Ok(Trajectories::new(*times, [dim, 0], u, Vec::new()))
    }

    /// A trajectory from each of `starts`, computed on a grid with twice as many points along each axis, and written at
    /// the points of this one. The starts are interpolated by their Fourier series.
    ///
    /// # Errors
    /// As [`Field::ensemble`], or a grid that is too large.
    pub(crate) fn on_a_finer_grid(
        &self,
        starts: &[Vec<f64>],
        times: &Times,
        method: &Method,
    ) -> Result<Trajectories, RunError> {
        let fine = self.on(|points| 2 * points).map_err(RunError::Usage)?;
        let (grid, points) = (self.system.grid(), self.system.grid().points());
        let mut interpolation = Resample::new(grid, fine.system.grid());
        let nx = grid.shape()[grid.dims() - 1];
        let every_other = |i: usize| if grid.dims() == 2 { i / nx * 4 * nx + i % nx * 2 } else { 2 * i };
        let fine_points = fine.system.grid().points();
        let (mut u, mut first) = (Vec::new(), 0);
        // Some at a time: the fine grid takes up to four times the memory.
        for starts in starts.chunks(4 * rayon::current_num_threads()) {
            let interpolated: Vec<Vec<f64>> = starts.iter().map(|start| interpolation.state(start)).collect();
            let runs = fine.ensemble(&interpolated, times, method, first)?;
            let fields = runs.u().chunks_exact(fine_points);
            u.extend(fields.flat_map(|field| (0..points).map(move |i| field[every_other(i)])));
            first += starts.len();
        }
        Ok(Trajectories::new(*times, [self.system.layout().dim(), 0], u, Vec::new()))
    }

    /// Random starts with these numbers.
    pub(crate) fn starts(&self, seed: u64, purpose: &'static str, which: Range<usize>) -> Vec<Vec<f64>> {
        which.map(|i| self.system.random_start(&mut random::stream(seed, purpose, i as u64))).collect()
    }
}

/// Takes states from one grid to another by their Fourier series, of which the modes are kept that both grids have.
pub(crate) struct Resample {
    from: Transform,
    to: Transform,
    coefficients: Vec<Complex64>,
    points: [usize; 2],
}

impl Resample {
    /// From the points of one grid to those of another with the same number of axes.
    pub(crate) fn new(from: &Grid, to: &Grid) -> Self {
        let points = [from.points(), to.points()];
        let kept = if points[0] < points[1] { from.kept(1) } else { to.kept(1) };
        let coefficients = vec![Complex64::ZERO; kept.count()];
        Resample { from: Transform::new(from, kept), to: Transform::new(to, kept), coefficients, points }
    }

    /// A state \[channel, point\] on the other grid.
    pub(crate) fn state(&mut self, state: &[f64]) -> Vec<f64> {
        let [from, to] = self.points;
        let mut other = vec![0.0; state.len() / from * to];
        for (channel, other) in state.chunks_exact(from).zip(other.chunks_exact_mut(to)) {
            self.from.forward(channel, &mut self.coefficients);
            self.to.inverse(&self.coefficients, other);
        }
        other
    }
}

/// The parameters of a field: those of `given`, over those of the preset that it names, or over the defaults.
///
/// # Errors
/// A key or preset that does not exist, or a value of another kind.
pub(crate) fn parameters(entry: &Entry, given: &Json) -> Result<Json, String> {
    let mut given = given.as_object().cloned().unwrap_or_default();
    given.remove("name");
    let mut filled = match given.remove("preset") {
        None => (entry.defaults)(),
        Some(Json::String(name)) => match entry.presets.iter().find(|preset| preset.name == name) {
            Some(preset) => (preset.parameters)(),
            None if entry.presets.is_empty() => {
                return Err(format!("system.preset = \"{name}\": {} has no presets", entry.name));
            }
            None => {
                let names = entry.presets.iter().map(|preset| preset.name);
                return Err(unknown(&format!("system.preset = \"{name}\""), &name, names));
            }
        },
        Some(other) => return Err(format!("system.preset = {other} must be a name in quotes")),
    };
    if let Some(filled) = filled.as_object_mut() {
        merge(filled, &given, "system", !entry.presets.is_empty())?;
    }
    if filled["potential"]["name"] == "values" {
        // An experiment file holds no entry for each point of a grid.
        return Err("system.potential.name = \"values\" is for programs; name a potential by its formula: none, harmonic, \
                    barrier, double_well or double_slit"
            .into());
    }
    Ok(filled)
}

/// Writes what was given over the defaults.
fn merge(
    defaults: &mut Map<String, Json>,
    given: &Map<String, Json>,
    path: &str,
    presets: bool,
) -> Result<(), String> {
    for (key, value) in given {
        let at = format!("{path}.{key}");
        let Some(default) = defaults.get_mut(key) else {
            let names = defaults.keys().map(String::as_str).chain(presets.then_some("preset"));
            return Err(unknown(&at, key, names));
        };
        match (&mut *default, value) {
            // One of several kinds: the settings of another kind do not apply.
            (Json::Object(old), Json::Object(new))
                if old.contains_key("name") && new.get("name").is_some_and(|name| *name != old["name"]) =>
            {
                *default = value.clone();
            }
            (Json::Object(old), Json::Object(new)) => merge(old, new, &at, false)?,
            (Json::Object(old), Json::String(_)) if old.contains_key("name") => {
                *default = Json::Object(Map::from_iter([("name".to_owned(), value.clone())]));
            }
            _ => *default = fit(default, value, &at)?,
        }
    }
    Ok(())
}

/// `value` in the kind of `default`.
fn fit(default: &Json, value: &Json, at: &str) -> Result<Json, String> {
    let wrong = |kind: &str| Err(format!("{at} = {value} must be {kind}, such as {default}"));
    match (default, value) {
        (Json::Number(old), Json::Number(new)) if old.is_f64() => match new.as_f64() {
            Some(number) => Ok(Json::from(number)),
            None => wrong("a number"),
        },
        (Json::Number(_), Json::Number(new)) if new.is_u64() => Ok(value.clone()),
        (Json::Number(old), _) => {
            wrong(if old.is_f64() { "a finite number" } else { "a whole number from 0 up" })
        }
        (Json::String(_), Json::String(_)) => Ok(value.clone()),
        (Json::String(_), _) => wrong("a name in quotes"),
        // The grid has one axis or two, which the system checks; one number is short for one axis.
        (Json::Array(old), Json::Number(_)) if at.starts_with("system.grid.") => {
            Ok(Json::from(vec![fit(&old[0], value, at)?]))
        }
        (Json::Array(old), Json::Array(new))
            if !new.is_empty() && (old.len() == new.len() || at.starts_with("system.grid.")) =>
        {
            let pairs = new.iter().enumerate().map(|(i, new)| (old.get(i).unwrap_or(&old[0]), new, i));
            let fitted = pairs.map(|(old, new, i)| fit(old, new, &format!("{at}[{i}]")));
            fitted.collect::<Result<Vec<_>, _>>().map(Json::from)
        }
        (Json::Array(old), _) => wrong(&format!("a list of {}", old.len())),
        _ => wrong("a table"),
    }
}

#[cfg(test)]
mod tests {
    use pde::systems::SYSTEMS;
    use serde_json::json;

    use super::*;

    fn entry(name: &str) -> &'static Entry {
        SYSTEMS.iter().find(|entry| entry.name == name).unwrap()
    }

    #[test]
    fn parameters_are_written_over_the_preset_or_the_defaults() {
        let given =
            json!({"name": "navier_stokes", "preset": "kolmogorov", "drag": 1, "forcing": {"waves": 2}});
        let filled = parameters(entry("navier_stokes"), &given).unwrap();
        assert_eq!(filled["forcing"], json!({"name": "kolmogorov", "amplitude": 1.0, "waves": 2}));
        assert_eq!((&filled["drag"], &filled["viscosity"]), (&json!(1.0), &json!(0.01)));
        // Complete parameters are themselves again.
        assert_eq!(parameters(entry("navier_stokes"), &filled).unwrap(), filled);
        let none = parameters(entry("navier_stokes"), &json!({"forcing": "none"})).unwrap();
        assert_eq!(none["forcing"], json!({"name": "none"}));
        let plane = json!({"grid": {"points": [16, 32], "length": [1, 2]}});
        let filled = parameters(entry("heat"), &plane).unwrap();
        assert_eq!(filled["grid"], json!({"points": [16, 32], "length": [1.0, 2.0]}));
        let line = parameters(entry("heat"), &json!({"grid": {"points": 128}})).unwrap();
        let field = Field::build(entry("heat"), line).unwrap();
        assert_eq!(field.on(|points| 2 * points).unwrap().system.grid().shape(), [256]);
    }

    #[test]
    fn the_same_trajectories_come_from_a_finer_grid() {
        for (name, given, times, tolerance) in [
            ("advection", json!({}), Times::new(0.1, 3).unwrap(), 1e-11),
            (
                "heat",
                json!({"grid": {"points": [8, 16], "length": [1, 2]}}),
                Times::new(0.1, 3).unwrap(),
                1e-11,
            ),
            ("schrodinger", json!({"preset": "free_packet"}), Times::new(0.1, 3).unwrap(), 1e-9),
            ("kuramoto_sivashinsky", json!({}), Times::new(1.0, 4).unwrap(), 1e-5),
        ] {
            let field = Field::build(entry(name), parameters(entry(name), &given).unwrap()).unwrap();
            let starts = field.starts(0, "start", 0..3);
            let runs = field.ensemble(&starts, &times, &Method::default(), 0).unwrap();
            let half = Stepper::default().halved().method().unwrap();
            let fine = field.on_a_finer_grid(&starts, &times, &half).unwrap();
            let size = runs.u().iter().fold(0.0, |most: f64, u| most.max(u.abs()));
            let apart = runs.u().iter().zip(fine.u()).fold(0.0, |most: f64, (a, b)| most.max((a - b).abs()));
            assert!(apart < tolerance * size && size > 0.1, "{name}: {apart} of {size}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_with_the_key_and_what_would() {
        for (name, given, part) in [
            (
                "heat",
                json!({"diffusivty": 0.1}),
                "system.diffusivty is unknown; did you mean \"diffusivity\"?",
            ),
            (
                "heat",
                json!({"diffusivity": "a"}),
                "system.diffusivity = \"a\" must be a finite number, such as 0.01",
            ),
            (
                "heat",
                json!({"highest_mode": 2.5}),
                "system.highest_mode = 2.5 must be a whole number from 0 up",
            ),
            ("heat", json!({"preset": "li"}), "heat has no presets"),
            ("navier_stokes", json!({"preset": "kolmogorow"}), "did you mean \"kolmogorov\"?"),
            ("navier_stokes", json!({"forcing": 3}), "system.forcing = 3 must be a table"),
            ("advection", json!({"velocity": [1.0]}), "system.velocity = [1.0] must be a list of 2"),
            ("heat", json!({"grid": {"name": "x"}}), "system.grid.name is unknown"),
            ("schrodinger", json!({"potential": {"name": "values", "values": [0.0]}}), "is for programs"),
        ] {
            let message = parameters(entry(name), &given).unwrap_err();
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn a_stepper_is_of_order_2_or_4_with_a_step_or_a_cfl_number() {
        let of = |order, courant, step| Stepper { order, courant, step }.method();
        assert_eq!(of(4, 0.5, 0.0).unwrap(), Method::default());
        assert_eq!(of(2, 0.5, 0.1).unwrap(), Method::with_step(Order::Second, 0.1));
        for (wrong, part) in [
            (of(3, 0.5, 0.0), "data.stepper.order = 3 must be 2 or 4"),
            (of(4, 0.0, 0.0), "data.stepper.courant = 0"),
            (of(4, 0.5, -1.0), "data.stepper.step = -1"),
        ] {
            assert!(wrong.unwrap_err().contains(part));
        }
    }
}
