//! The source of an experiment's trajectories: a system or a recording.

use autodiff::unknown;
use sim::System;
use trajectory::Component;

use crate::Experiment;
use crate::recording::Recorded;

/// Where trajectories come from, and what their states are.
pub(crate) enum Source {
    /// A system, which is integrated.
    Simulated(Box<dyn System>),
    /// A recording, which was measured.
    Recorded(Box<Recorded>),
}

impl Source {
    /// The name under which results are compared: that of the system, or of the recording's files.
    pub(crate) fn name(&self) -> &str {
        match self {
            Source::Simulated(system) => system.name(),
            Source::Recorded(recorded) => &recorded.name,
        }
    }

    /// Names and units of the components of a state.
    pub(crate) fn components(&self) -> Vec<Component> {
        match self {
            Source::Simulated(system) => system.components(),
            Source::Recorded(recorded) => recorded.states.clone(),
        }
    }

    /// Names and units of the known inputs.
    pub(crate) fn known_inputs(&self) -> Vec<Component> {
        match self {
            Source::Simulated(system) => system.known_inputs(),
            Source::Recorded(recorded) => recorded.inputs.clone(),
        }
    }

    /// The system, where there is one.
    pub(crate) fn system(&self) -> Option<&dyn System> {
        match self {
            Source::Simulated(system) => Some(&**system),
            Source::Recorded(_) => None,
        }
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
            None => self.build_system().map(Source::Simulated),
        }
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

    /// How many numbers describe an instant: the observed components, and the known inputs.
    pub(crate) fn inputs(&self, source: &Source) -> Result<usize, String> {
        Ok(self.observed(&source.components())?.len() + source.known_inputs().len())
    }
}
