//! Your own equations, as text: u' = f(t, u), a line for each component of the state.
//!
//! ```toml
//! [system]
//! name = "equations"
//! state = { x = "y", y = "mu*(1 - x^2)*y - x" }
//! parameters = { mu = 1.5 }
//! initial = { x = [-2.0, 2.0], y = [-2.0, 2.0] }
//! ```
//!
//! The components have the order in which they are written. A component or parameter called `e` or `pi` hides the
//! constant of that name. `t` is always the time, so no component or parameter can be called `t`.

// The text is made a program of a few instructions for each operation, which runs over SIMD lanes and dual numbers as a
// right-hand side in Rust does.

use std::collections::HashSet;

use autodiff::{Expression, Graph, Program, check_name};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Entry;
use crate::{Ode, Scalar, System};
use trajectory::{
    Component,
    random::{stream, uniform},
};

/// Your own equations: u' = f(t, u), one for each component of the state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Equations {
    /// Derivative of each component of the state by time: an expression in the components, the parameters and the time
    /// `t`. Required.
    #[schemars(extend("examples" = [{"x": "y", "y": "-k*x"}]))]
    pub(super) state: IndexMap<String, String>,
    /// Parameters of the equations. By default, none.
    #[serde(default)]
    #[schemars(extend("examples" = [{"k": 4.0}]))]
    pub(super) parameters: IndexMap<String, f64>,
    /// Lowest and highest initial value of each component. Required.
    #[serde(default)]
    #[schemars(extend("examples" = [{"x": [-1.0, 1.0], "y": [-1.0, 1.0]}]))]
    pub(super) initial: IndexMap<String, [f64; 2]>,
    /// Quantities that every forecaster is given at each step, such as the phase of a driving force: expressions in the time
    /// `t` and the parameters. By default, none.
    #[serde(default)]
    #[schemars(extend("examples" = [{"phase": "sin(2*t)"}]))]
    pub(super) known: IndexMap<String, String>,
}

/// The oscillator of van der Pol, as an example.
impl Default for Equations {
    fn default() -> Self {
        let map = |pairs: &[(&str, &str)]| pairs.iter().map(|&(a, b)| (a.into(), b.into())).collect();
        let names = ["x", "y"].map(str::to_owned);
        Equations {
            state: map(&[("x", "y"), ("y", "mu*(1 - x^2)*y - x")]),
            parameters: IndexMap::from([("mu".into(), 1.5)]),
            initial: names.into_iter().map(|name| (name, [-2.0, 2.0])).collect(),
            known: IndexMap::new(),
        }
    }
}

pub(super) const ENTRY: Entry = Entry {
    name: Compiled::NAME,
    about: Compiled::ABOUT,
    defaults: || serde_json::json!(Equations::default()),
    schema: Some(Equations::json_schema),
    own_names: &["state", "parameters", "initial", "known"],
    build,
    text: None,
};

/// The most components; more are no equations that somebody wrote.
const MOST: usize = 10_000;

/// Starts at which the right-hand side is tried.
const TRIED: u64 = 32;

fn build(given: Value) -> Result<Box<dyn System>, String> {
    let equations: Equations = serde_path_to_error::deserialize(given).map_err(|error| {
        format!(
            "{}: {}; equations are written state = {{ x = \"y\", y = \"-k*x\" }}, parameters = {{ k = 1.0 }}, \
             initial = {{ x = [-1.0, 1.0], y = [-1.0, 1.0] }}",
            error.path(),
            error.inner()
        )
    })?;
    Ok(Box::new(Compiled::new(&equations, Compiled::NAME, [0.05, 20.0])?))
}

/// Equations made ready to be integrated.
pub(super) struct Compiled {
    name: &'static str,
    sampling: [f64; 2],
    names: Vec<String>,
    initial: Vec<[f64; 2]>,
    known_names: Vec<String>,
    /// Of the components, and of the time after them where it is used.
    program: Program,
    uses_time: bool,
    may_jump: bool,
    /// Of the time.
    known: Program,
}

impl Compiled {
    /// Equations ready to be integrated, as a system with this name, sample interval and length of a trajectory.
    ///
    /// # Errors
    /// What is wrong with them, and where.
    pub(super) fn new(equations: &Equations, name: &'static str, sampling: [f64; 2]) -> Result<Self, String> {
        let Equations { state, parameters, initial, known } = equations;
        if state.is_empty() {
            return Err("equations have no state: write state = { x = \"y\", y = \"-x\" }, say".into());
        }
        if state.len() > MOST {
            return Err(format!(
                "a state of {} components is more than the {MOST} that are possible",
                state.len()
            ));
        }
        for (kind, name) in
            state.keys().map(|name| ("state", name)).chain(parameters.keys().map(|name| ("parameters", name)))
        {
            check_name(name).map_err(|fault| format!("{kind}.{name}: {fault}"))?;
            if name == "t" {
                return Err(format!("{kind}.t: t is the time in every expression; choose another name"));
            }
        }
        if let Some(name) = parameters.keys().find(|name| state.contains_key(*name)) {
            return Err(format!("parameters.{name} is a component of the state too; rename one of them"));
        }
        if let Some(name) =
            known.keys().find(|&name| state.contains_key(name) || parameters.contains_key(name))
        {
            return Err(format!(
                "known.{name} is a component of the state or a parameter too; rename one of them"
            ));
        }
        if let Some((name, value)) = parameters.iter().find(|(_, value)| !value.is_finite()) {
            return Err(format!("parameters.{name} = {value} must be a finite number"));
        }
        if let Some(name) = initial.keys().find(|name| !state.contains_key(*name)) {
            return Err(format!("initial.{name} has no equation; add state.{name}, or remove it"));
        }
        for name in state.keys() {
            match initial.get(name) {
                None => {
                    return Err(format!(
                        "state.{name} has no initial range; add {name} = [-1.0, 1.0], say, to initial"
                    ));
                }
                Some([low, high]) if !(low.is_finite() && high.is_finite() && low <= high) => {
                    return Err(format!(
                        "initial.{name} = [{low:?}, {high:?}] must be two finite numbers, the lower one first"
                    ));
                }
                Some(_) => {}
            }
        }

        let names: Vec<&str> = state.keys().map(String::as_str).collect();
        let constants: Vec<(&str, f64)> =
            parameters.iter().map(|(name, &value)| (name.as_str(), value)).collect();
        let mut with_time = names.clone();
        with_time.push("t");
        let sides = Texts::parse("state", state)?;
        let graph = sides.graph(&with_time, &constants)?;
        let may_jump = graph.may_jump();
        let uses_time = (0..names.len()).any(|output| graph.depends(output)[names.len()]);
        let program = if uses_time { graph } else { sides.graph(&names, &constants)? }.compile();
        let told = Texts::parse("known", known)?;
        let used: HashSet<&str> = sides.names().chain(told.names()).collect();
        if let Some(idle) = parameters.keys().find(|name| !used.contains(name.as_str())) {
            let others: Vec<&str> =
                parameters.keys().map(String::as_str).filter(|name| used.contains(name)).collect();
            return Err(format!(
                "parameters.{idle} stands in no equation; remove it, or look for a misspelt name (in use: {})",
                if others.is_empty() { "none".into() } else { others.join(", ") }
            ));
        }
        let compiled = Compiled {
            name,
            sampling,
            initial: state.keys().map(|name| initial[name]).collect(),
            names: state.keys().cloned().collect(),
            known_names: known.keys().cloned().collect(),
            program,
            uses_time,
            may_jump,
            known: told.graph(&["t"], &constants)?.compile(),
        };
        compiled.try_starts()?;
        Ok(compiled)
    }

    /// Refuses equations that give no number at a start.
    fn try_starts(&self) -> Result<(), String> {
        let mut told = vec![0.0f64; self.known_names.len()];
        Ode::known(self, 0.0, &mut told);
        if let Some(bad) = told.iter().position(|told| !told.is_finite()) {
            return Err(format!(
                "known.{} is {} at t = 0: a division by zero, or a function outside its domain",
                self.known_names[bad], told[bad]
            ));
        }
        let mut du = vec![0.0; self.names.len()];
        for i in 0..TRIED {
            let mut stream = stream(0, "try", i);
            let u: Vec<f64> =
                self.initial.iter().map(|[low, high]| low + (high - low) * uniform(&mut stream)).collect();
            self.rhs(0.0, &u, &mut du);
            if let Some(bad) = du.iter().position(|du| !du.is_finite()) {
                let at: Vec<String> =
                    self.names.iter().zip(&u).take(6).map(|(n, u)| format!("{n} = {u:.6}")).collect();
                let more = if u.len() > 6 { ", ..." } else { "" };
                return Err(format!(
                    "state.{} is {} at the start {}{more}: a division by zero, or a function outside its domain; \
                     choose other initial ranges",
                    self.names[bad],
                    du[bad],
                    at.join(", ")
                ));
            }
        }
        Ok(())
    }
}

/// The expressions of a table.
struct Texts<'a> {
    section: &'a str,
    names: Vec<&'a str>,
    expressions: Vec<Expression>,
}

impl<'a> Texts<'a> {
    fn parse(section: &'a str, texts: &'a IndexMap<String, String>) -> Result<Self, String> {
        let parse = |(name, text): (&String, &String)| {
            Expression::parse(text).map_err(|error| format!("{section}.{name}: {error}"))
        };
        Ok(Texts {
            section,
            names: texts.keys().map(String::as_str).collect(),
            expressions: texts.iter().map(parse).collect::<Result<_, _>>()?,
        })
    }

    /// The names that stand in them.
    fn names(&self) -> impl Iterator<Item = &str> {
        self.expressions.iter().flat_map(Expression::names)
    }

    /// Their graph, or the error of the one that is wrong.
    fn graph(&self, inputs: &[&str], constants: &[(&str, f64)]) -> Result<Graph, String> {
        Graph::new(&self.expressions, inputs, constants).map_err(|of_all| {
            // by itself it says which one it is
            let alone = |(name, expression)| {
                let error = Graph::new(std::slice::from_ref(expression), inputs, constants).err()?;
                Some(format!("{}.{name}: {error}", self.section))
            };
            let wrong = self.names.iter().zip(&self.expressions).find_map(alone);
            wrong.unwrap_or_else(|| format!("{}: {of_all}", self.section))
        })
    }
}

impl Ode for Compiled {
    const NAME: &'static str = "equations";
    const ABOUT: &'static str = "one's own, as text: state = { x = \"y\", y = \"-x\" }, ...";
    const INTERPRETED: bool = true;

    fn name(&self) -> &'static str {
        self.name
    }

    #[inline(always)]
    fn dim(&self) -> usize {
        self.names.len()
    }

    #[inline(always)]
    fn rhs<S: Scalar>(&self, t: S, u: &[S], du: &mut [S]) {
        if !self.uses_time {
            return self.program.run(u, du);
        }
        const FEW: usize = 8;
        if u.len() < FEW {
            let mut inputs = [t; FEW];
            inputs[..u.len()].copy_from_slice(u);
            self.program.run(&inputs[..u.len() + 1], du);
        } else {
            let mut inputs = u.to_vec();
            inputs.push(t);
            self.program.run(&inputs, du);
        }
    }

    fn may_jump(&self) -> bool {
        self.may_jump
    }

    fn components(&self) -> Vec<Component> {
        self.names.iter().map(|name| Component::new(name, "1")).collect()
    }

    fn known_inputs(&self) -> Vec<Component> {
        self.known_names.iter().map(|name| Component::new(name, "1")).collect()
    }

    fn known(&self, t: f64, known: &mut [f64]) {
        self.known.run(&[t], known);
    }

    fn uses_time(&self) -> Option<bool> {
        Some(self.uses_time)
    }

    fn initial_region(&self) -> Vec<[f64; 2]> {
        self.initial.clone()
    }

    /// What suits motions on a scale of 1; an experiment sets its own `data.dt` and `data.t_final`.
    fn sampling(&self) -> [f64; 2] {
        self.sampling
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Solver;
    use crate::systems::{Rossler, VanDerPol};
    use trajectory::Times;

    fn fault(given: Value) -> String {
        build(given).err().unwrap()
    }

    #[test]
    fn systems_written_both_ways_agree_to_roundoff() {
        let van_der_pol = json!({
            "state": {"x": "y", "y": "mu*(1 - x^2)*y - x"}, "parameters": {"mu": 1.5},
            "initial": {"x": [-2.0, 2.0], "y": [-2.0, 2.0]}
        });
        let rossler = json!({
            "state": {"x": "-y - z", "y": "x + a*y", "z": "b + z*(x - c)"},
            "parameters": {"a": 0.2, "b": 0.2, "c": 5.7},
            "initial": {"x": [-5.0, 5.0], "y": [-5.0, 5.0], "z": [0.0, 5.0]}
        });
        let both: [(Value, Box<dyn System>); 2] =
            [(van_der_pol, Box::new(VanDerPol { mu: 1.5 })), (rossler, Box::new(Rossler::default()))];
        for (text, rust) in both {
            let text = build(text).unwrap();
            let dim = rust.dim();
            let start: Vec<f64> = (0..dim).map(|i| 1.0 + 0.3 * i as f64).collect();
            let (mut a, mut b) = (vec![0.0; dim * dim], vec![0.0; dim * dim]);
            rust.jacobian(0.0, &start, &mut a);
            text.jacobian(0.0, &start, &mut b);
            assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() <= 1e-14 * a.abs()), "{a:?} {b:?}");
            for solver in Solver::ALL {
                let times = Times::up_to(10.0, 0.05).unwrap();
                let of = |system: &dyn System| {
                    system.ensemble(std::slice::from_ref(&start), &times, &solver).unwrap()
                };
                let (a, b) = (of(&*rust), of(&*text));
                let worst = a.u().iter().zip(b.u()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                assert!(worst < 1e-10, "{}: {worst:e}", rust.name());
            }
        }
    }

    #[test]
    fn the_time_and_known_inputs_are_expressions_too() {
        let driven = build(json!({
            "state": {"x": "v", "v": "-x - 0.4*v + cos(omega*t)"}, "parameters": {"omega": 0.5},
            "initial": {"x": [-2.0, 2.0], "v": [-2.0, 2.0]},
            "known": {"cos_phase": "cos(omega*t)", "sin_phase": "sin(omega*t)"}
        }))
        .unwrap();
        assert_eq!(driven.components()[0].name, "x");
        let times = Times::up_to(20.0, 0.1).unwrap();
        let runs = driven.ensemble(&[vec![1.3, -0.4]], &times, &Solver::default()).unwrap();
        let oscillator = crate::systems::Oscillator::default();
        for i in 0..runs.samples(0) {
            let exact = crate::systems::oscillator_exact(&oscillator, [1.3, -0.4], 0.0, times.at(i));
            let [x, v] = runs.state(0, i) else { unreachable!() };
            assert!((x - exact[0]).abs() < 1e-8 && (v - exact[1]).abs() < 1e-8);
            assert_eq!(runs.known_at(0, i), [(0.5 * times.at(i)).cos(), (0.5 * times.at(i)).sin()]);
        }
        // more components than the time is copied beside on the stack
        let names: Vec<String> = (0..12).map(|i| format!("x{i:02}")).collect();
        let state: IndexMap<&str, String> = names.iter().map(|n| (n.as_str(), format!("t*{n}"))).collect();
        let initial: IndexMap<&str, [f64; 2]> = names.iter().map(|n| (n.as_str(), [1.0, 1.0])).collect();
        let many = build(json!({"state": state, "initial": initial})).unwrap();
        let runs =
            many.ensemble(&[vec![1.0; 12]], &Times::up_to(1.0, 0.5).unwrap(), &Solver::default()).unwrap();
        assert!((runs.state(0, 2)[11] - 0.5f64.exp()).abs() < 1e-9);
    }

    #[test]
    fn piecewise_systems_follow_their_exact_solutions() {
        let pi = std::f64::consts::PI;
        // a spring that is four times as stiff on one side: half a period takes pi / 2 there, and pi on the other side
        let springs = build(json!({
            "state": {"x": "v", "v": "if(x > 0, -4*x, -x)"}, "initial": {"x": [0.0, 1.0], "v": [1.0, 1.0]}
        }))
        .unwrap();
        let half = |t: f64| if t < pi / 2.0 { (2.0 * t).sin() / 2.0 } else { -(t - pi / 2.0).sin() };
        let times = Times::new(1.5 * pi / 300.0, 300).unwrap();
        for solver in Solver::ALL {
            // eight starts, so that all lanes of a vector are in use, and they switch at different times
            let start = |i: usize| vec![half(0.1 * i as f64), (0.2 * i as f64).cos()];
            let starts: Vec<Vec<f64>> = (0..8).map(start).collect();
            let runs = springs.ensemble(&starts, &times, &solver).unwrap();
            for (run, i) in (0..8).flat_map(|run| (0..=300).map(move |i| (run, i))) {
                let exact = half((times.at(i) + 0.1 * run as f64) % (1.5 * pi));
                let off = (runs.state(run, i)[0] - exact).abs();
                assert!(off < 1e-3, "{solver:?}, trajectory {run} at {}: off by {off:e}", times.at(i));
            }
        }
        // constant forces between jumps: parabolas, one turn of which takes 4 sqrt 2; and the integral of a saw
        let jumps = build(json!({
            "state": {"x": "v", "v": "-sign(x)", "saw": "mod(t, 1)", "steps": "floor(t) + step(t - 2)"},
            "initial": {"x": [1.0, 1.0], "v": [0.0, 0.0], "saw": [0.0, 0.0], "steps": [0.0, 0.0]}
        }))
        .unwrap();
        assert!(springs.may_jump() && jumps.may_jump() && !System::may_jump(&Rossler::default()));
        let times = Times::new(32f64.sqrt() / 16.0, 16).unwrap();
        let solver = Solver::dop853(1e-10);
        let runs = jumps.ensemble(&[vec![1.0, 0.0, 0.0, 0.0]], &times, &solver).unwrap();
        let end = 32f64.sqrt();
        let exact = [1.0, 0.0, 2.5 + (end - 5.0).powi(2) / 2.0, 10.0 + 5.0 * (end - 5.0) + end - 2.0];
        for (found, exact) in runs.state(0, 16).iter().zip(exact) {
            assert!((found - exact).abs() < 1e-5, "{found} for {exact}");
        }
    }

    #[test]
    fn a_parameter_or_component_called_e_or_pi_is_no_constant() {
        let declared = build(json!({
            "state": {"pi": "e*pi + x", "x": "0"}, "parameters": {"e": -2.0},
            "initial": {"pi": [1.0, 1.0], "x": [0.0, 0.0]}
        }))
        .unwrap();
        let mut jacobian = [0.0; 4];
        declared.jacobian(0.0, &[1.0, 0.0], &mut jacobian);
        assert_eq!(jacobian, [-2.0, 1.0, 0.0, 0.0]);
        let constants = build(json!({"state": {"x": "pi*x + e"}, "initial": {"x": [0.0, 1.0]}})).unwrap();
        constants.jacobian(0.0, &[1.0], &mut jacobian[..1]);
        assert_eq!(jacobian[0], std::f64::consts::PI);
        // a declared name that no equation uses is reported, like any other
        let idle = json!({"state": {"x": "-x"}, "parameters": {"e": 2.0}, "initial": {"x": [0.0, 1.0]}});
        assert!(fault(idle).contains("parameters.e stands in no equation"));
    }

    #[test]
    fn what_is_wrong_with_equations_is_said_with_its_place() {
        let one = |x: &str| json!({"state": {"x": x}, "parameters": {"rate": 2.0}, "initial": {"x": [0.0, 1.0]}, "known": {"k": "rate"}});
        for (text, words) in [
            ("rte*x", &["state.x", "rte", "rate"][..]),
            ("(x + 1", &["state.x", "column"]),
            ("x + z", &["state.x", "z"]),
            ("x +", &["state.x", "column"]),
            ("1/0", &["state.x", "inf", "start"]),
            ("log(x - 2)", &["state.x", "NaN", "start x ="]),
        ] {
            let message = fault(one(text));
            assert!(words.iter().all(|word| message.contains(word)), "{text}: {message}");
        }
        for (given, words) in [
            (json!({}), &["state"][..]),
            (json!({"state": {}}), &["no state"]),
            (
                json!({"state": {"x": "-x"}, "initial": {"x": [0.0, 1.0]}, "known": {"k": "1/t"}}),
                &["known.k is inf at t = 0"],
            ),
            (
                json!({"state": {"x": "-x"}, "initial": {"x": [0.0, 1.0]}, "known": {"x": "t"}}),
                &["known.x is a component"],
            ),
            (json!({"state": {"x": "1"}}), &["state.x has no initial range"]),
            (json!({"state": {"x": "1"}, "initial": {"x": [1.0, 0.0]}}), &["initial.x", "lower one first"]),
            (
                json!({"state": {"x": "1"}, "initial": {"x": [0.0, 1.0], "z": [0.0, 1.0]}}),
                &["initial.z", "no equation"],
            ),
            (json!({"state": {"t": "1"}, "initial": {"t": [0.0, 1.0]}}), &["t is the time"]),
            (json!({"state": {"sin": "1"}, "initial": {"sin": [0.0, 1.0]}}), &["state.sin"]),
            (
                json!({"state": {"x": "1"}, "parameters": {"x": 1.0}, "initial": {"x": [0.0, 1.0]}}),
                &["parameters.x"],
            ),
            (json!({"state": {"x": 1.0}}), &["state.x: ", "state = {"]),
            (
                json!({"state": {"x": "-k*x"}, "parameters": {"k": 1.0, "kk": 2.0}, "initial": {"x": [0.0, 1.0]}}),
                &["parameters.kk stands in no equation"],
            ),
        ] {
            let message = fault(given.clone());
            assert!(words.iter().all(|word| message.contains(word)), "{given}: {message}");
        }
        let deep = format!("{}x{}", "(".repeat(10_000), ")".repeat(10_000));
        let long = vec!["x"; 600_000].join("+");
        for text in [deep, long, "-".repeat(10_000) + "x"] {
            assert!(fault(one(&text)).contains("state.x"));
        }
    }
}
