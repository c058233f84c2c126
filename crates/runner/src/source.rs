//! The source of an experiment's trajectories: a system or a recording.

use std::ops::Range;

use autodiff::unknown;
use sim::System;
use trajectory::{Component, Layout, random};

use crate::Experiment;
use crate::derived::settings;
use crate::fields::Field;
use crate::names;
use crate::recording::Recorded;

/// Where trajectories come from, and what their states are.
pub(crate) enum Source {
    /// A system of ordinary differential equations, which is integrated.
    Simulated(Box<dyn System>),
    /// A partial differential equation, which integrates itself.
    Field(Box<Field>),
    /// A recording, which was measured.
    Recorded(Box<Recorded>),
}

impl Source {
    /// The name under which results are compared: that of the system, or of the recording's files.
    pub(crate) fn name(&self) -> &str {
        match self {
            Source::Simulated(system) => system.name(),
            Source::Field(field) => field.system.name(),
            Source::Recorded(recorded) => &recorded.name,
        }
    }

    /// What a state is: names and units of its components, or of the channels of a field and their grid.
    pub(crate) fn layout(&self) -> Layout {
        match self {
            Source::Field(field) => field.system.layout(),
            _ => Layout::of_numbers(self.components()),
        }
    }

    /// Names and units of the components of a state; of a field, of its channels.
    pub(crate) fn components(&self) -> Vec<Component> {
        match self {
            Source::Simulated(system) => system.components(),
            Source::Field(field) => field.system.channels(),
            Source::Recorded(recorded) => recorded.states.clone(),
        }
    }

    /// Names and units of the known inputs.
    pub(crate) fn known_inputs(&self) -> Vec<Component> {
        match self {
            Source::Simulated(system) => system.known_inputs(),
            Source::Field(_) => Vec::new(),
            Source::Recorded(recorded) => recorded.inputs.clone(),
        }
    }

    /// The ordinary differential equations, where there are some.
    pub(crate) fn system(&self) -> Option<&dyn System> {
        match self {
            Source::Simulated(system) => Some(&**system),
            Source::Field(_) | Source::Recorded(_) => None,
        }
    }

    /// Whether it was measured, so that it ends and has no equation.
    pub(crate) fn is_recorded(&self) -> bool {
        matches!(self, Source::Recorded(_))
    }
}

impl Experiment {
    /// What its trajectories come from. Nothing is read.
    ///
    /// # Errors
    /// If the section names no system, or has an invalid key or value for a recording.
    pub(crate) fn source(&self) -> Result<Source, String> {
        match &self.recording {
            Some(section) => Recorded::of(section).map(|recorded| Source::Recorded(Box::new(recorded))),
            None => match names::field(&self.system) {
                Some(entry) => Ok(Source::Field(Box::new(Field::build(entry, settings(&self.system))?))),
                None => self.build_system().map(Source::Simulated),
            },
        }
    }

    /// Random starts of ordinary differential equations with these numbers.
    pub(crate) fn starts(
        &self,
        system: &dyn System,
        purpose: &'static str,
        which: Range<usize>,
    ) -> Vec<Vec<f64>> {
        let stream = |i| random::stream(self.seed, purpose, i as u64);
        which.map(|i| system.random_start(&self.data.initial, &mut stream(i))).collect()
    }

    /// Which of the components of a state are observed.
    pub(crate) fn observed(&self, components: &[Component]) -> Result<Vec<usize>, String> {
        let names: Vec<&str> = components.iter().map(|component| component.name.as_str()).collect();
        let observe = &self.data.observe;
        if observe.is_empty() {
            return Err(format!(
                "data.observe = [] must name at least one component of {}",
                names.join(", ")
            ));
        }
        let of = |asked: &String| {
            if observe.iter().filter(|other| *other == asked).count() > 1 {
                return Err(format!("data.observe names \"{asked}\" twice"));
            }
            let found = names.iter().position(|name| name == asked);
            found.ok_or_else(|| {
                unknown(&format!("data.observe: component \"{asked}\""), asked, names.iter().copied())
            })
        };
        observe.iter().map(of).collect()
    }

    /// The components that are observed, where others are not.
    pub(crate) fn observed_alone(&self, source: &Source) -> Option<Vec<String>> {
        (self.data.observe.len() < source.components().len()).then(|| self.data.observe.clone())
    }

    /// How many numbers describe an instant: the observed components, each at every point of a field, and the known
    /// inputs.
    pub(crate) fn inputs(&self, source: &Source) -> Result<usize, String> {
        let layout = source.layout();
        Ok(self.observed(&layout.channels)?.len() * layout.points() + source.known_inputs().len())
    }

    /// How many numbers of an instant a model sees: [`Experiment::inputs`], or fewer if a field is reduced.
    pub(crate) fn model_inputs(&self, source: &Source) -> Result<usize, String> {
        match self.data.reduce {
            None => self.inputs(source),
            Some(reduce) => Ok(reduce.modes + source.known_inputs().len()),
        }
    }
}
