//! The states in a run's forecasts, by what they are of.

use forecast::Forecasts;
use trajectory::{Axis, Component};

use crate::clock::Clock;
use crate::run::RunFiles;

/// The forecasts of a run with the shapes of their arrays, which are those of what they are of.
pub(crate) struct Shown<'a> {
    pub forecasts: &'a Forecasts,
    pub components: Vec<Component>,
    /// The grid of a field.
    pub axes: &'a [Axis],
    pub clock: Clock,
}

impl<'a> Shown<'a> {
    /// None of a run without forecasts, or whose arrays do not fit each other.
    pub fn of(run: &'a RunFiles) -> Option<Self> {
        let forecasts = run.forecasts.as_ref()?;
        let rows = forecasts.shown.len() * forecasts.time.len();
        let dim = forecasts.truth.len().checked_div(rows).filter(|&dim| dim > 0)?;
        if forecasts.truth.len() != rows * dim || forecasts.forecast.len() != rows * dim {
            return None;
        }
        let named = run.results.as_ref().map_or(&[][..], |results| &results.components);
        let axes = run.results.as_ref().map_or(&[][..], |results| &results.axes);
        Some(Shown { forecasts, components: named_or_numbered(named, dim), axes, clock: Clock::of(run) })
    }

    pub fn dim(&self) -> usize {
        self.components.len()
    }

    /// A component of the first shown start against time on the clock, in `truth` or `forecast`.
    pub fn course(&self, states: &[f64], component: usize) -> Vec<[f64; 2]> {
        let rows = self.forecasts.time.iter().zip(states.chunks_exact(self.dim()));
        rows.map(|(time, state)| [time * self.clock.per_unit, state[component]]).collect()
    }

    /// The valid prediction time of the first shown start, in Lyapunov times.
    pub fn valid_time(&self) -> Option<f64> {
        let start = *self.forecasts.shown.first()? as usize;
        self.forecasts.valid_times.get(start).copied().filter(|time| time.is_finite())
    }

    /// Until when the first shown start is drawn, on the clock: twice as long as its forecast is valid and at least 8
    /// Lyapunov times, and as long as the truth is known.
    pub fn end(&self) -> f64 {
        let known = self.known();
        let last =
            self.forecasts.time.get(known.saturating_sub(1)).map_or(1.0, |time| time * self.clock.per_unit);
        self.valid_time().map_or(last, |valid| last.min((2.0 * valid).max(8.0)))
    }

    /// Times at which the truth of the first shown start is known.
    pub fn known(&self) -> usize {
        let rows = self.forecasts.truth.chunks_exact(self.dim()).take(self.forecasts.time.len());
        rows.take_while(|state| state.iter().all(|x| x.is_finite())).count()
    }
}

/// The components as they are named, where there are as many; else u0, u1, ...
pub(crate) fn named_or_numbered(named: &[Component], dim: usize) -> Vec<Component> {
    if named.len() == dim {
        return named.to_vec();
    }
    (0..dim).map(|i| Component::new(&format!("u{i}"), "1")).collect()
}

/// What stands at the axis of a component: its name, and its unit where it has one.
pub(crate) fn axis_label(component: &Component) -> String {
    match component.unit.as_str() {
        "1" | "" => component.name.clone(),
        unit => format!("{} ({unit})", component.name),
    }
}
