//! The truth to score forecasts against: an equation, integrated twice, which is trusted until the two part.

use forecast::{Climate, FieldShape, Task};
use sim::{Solver, System};
use trajectory::{Times, Trajectories};

use crate::fields::Field;
use crate::source::Source;
use crate::{Experiment, RunError};

/// The integration of the truth, and the tolerance of the independent one that finds how long it holds.
const TRUTH: Solver = Solver::dop853(1e-12);
const SECOND_TOLERANCE: f64 = 1e-13;

/// Two integrations of the same trajectories.
struct Twice {
    /// From the random starts to the end of the forecasts.
    whole: Trajectories,
    /// From the states after the transient to the end of the forecasts.
    second: Trajectories,
}

/// Held-out starts after a transient, and the truth after them; of each state the numbers at `positions`, whose standard
/// deviations are `std`. `test` are the trajectories of the test part.
pub(crate) fn task(
    experiment: &Experiment,
    source: &Source,
    positions: &[usize],
    test: Trajectories,
    std: Vec<f64>,
    window: usize,
) -> Result<Task, RunError> {
    let (evaluate, dt) = (&experiment.evaluate, experiment.data.dt);
    // Lengths are counted in samples once, here, so that no two roundings can differ.
    let (lead, span) = (experiment.lead(), (experiment.forecast_span() / dt).round() as usize);
    let times = Times::new(dt, lead + span).map_err(RunError::usage)?;
    let after = Times::new(dt, span).map_err(RunError::usage)?.from(times.at(lead));
    let Twice { whole, second } = match source {
        Source::Simulated(system) => of_equations(experiment, &**system, &times, &after, lead)?,
        Source::Field(field) => of_field(experiment, field, &times, &after, lead)?,
        Source::Recorded(recorded) => {
            return Err(RunError::Failed(format!("{} has no equation to integrate", recorded.name)));
        }
    };
    let (truth, second) = (whole.observe(positions), second.observe(positions));
    let forecast = truth.cut((0..truth.count()).map(|run| (run, lead..truth.samples(run))));
    let trusted = Task::trusted_samples(&forecast, &second, &std);
    if trusted.contains(&0) {
        return Err(RunError::Failed(format!(
            "two integrations of {} disagree within one sample interval, dt = {dt}: there is no truth to score \
             against; take a smaller dt{}",
            source.name(),
            if source.system().is_some() { "" } else { ", more points or a smaller data.stepper.courant" }
        )));
    }
    let longest = trusted.iter().copied().max().unwrap_or(0);
    let long_run = experiment.long_run_samples() as usize;
    let climate = source.system().filter(|_| long_run > 0).map(|system| {
        // of all of the truth: where it no longer is the one trajectory it is still on the attractor
        let mut known = vec![0.0; long_run * truth.known_dim()];
        for (i, known) in known.chunks_mut(truth.known_dim().max(1)).enumerate() {
            system.known(times.at(lead + i), known);
        }
        Climate::new(&truth, lead, &std, long_run, known)
    });
    let field = match source {
        Source::Field(field) => {
            let (channels, grid) = (field.system.channels().len(), field.system.grid());
            let observed = positions.len() / grid.points();
            Some(FieldShape {
                channels: observed,
                shape: grid.shape().to_vec(),
                wave_function: field.system.is_wave_function() && observed == channels,
            })
        }
        _ => None,
    };
    Ok(Task {
        clean: None,
        runs: truth.cut((0..truth.count()).map(|run| (run, 0..lead + 1 + longest))),
        lead,
        trusted,
        block: 1,
        horizon: experiment.horizon(),
        std,
        lyapunov_exponent: Some(evaluate.lyapunov_exponent).filter(|&exponent| exponent > 0.0),
        test,
        window,
        climate,
        field,
    })
}

/// Ordinary differential equations by two integrators of the same order with different tolerances.
fn of_equations(
    experiment: &Experiment,
    system: &dyn System,
    times: &Times,
    after: &Times,
    lead: usize,
) -> Result<Twice, RunError> {
    let failed = |error| RunError::Failed(format!("integrating the truth of {}: {error}", system.name()));
    let starts = experiment.starts(system, "evaluate", 0..experiment.evaluate.starts);
    let whole = system.ensemble(&starts, times, &TRUTH).map_err(failed)?;
    let on_attractor = states_at(&whole, lead);
    let scales: Vec<f64> = (0..whole.dim())
        .map(|j| whole.u().iter().skip(j).step_by(whole.dim()).fold(0.0, |most, u| u.abs().max(most)))
        .collect();
    let second = sim::independent::ensemble(system, &on_attractor, after, &scales, SECOND_TOLERANCE);
    Ok(Twice { whole, second: second.map_err(failed)? })
}

/// A field by its own stepper, and again with half the step on a grid with twice as many points along each axis.
fn of_field(
    experiment: &Experiment,
    field: &Field,
    times: &Times,
    after: &Times,
    lead: usize,
) -> Result<Twice, RunError> {
    let stepper = experiment.data.stepper.unwrap_or_default();
    let method = stepper.method().map_err(RunError::Usage)?;
    let starts = field.starts(experiment.seed, "evaluate", 0..experiment.evaluate.starts);
    let whole = field.ensemble(&starts, times, &method, 0)?;
    let half = stepper.halved().method().map_err(RunError::Usage)?;
    let second = field.on_a_finer_grid(&states_at(&whole, lead), after, &half)?;
    Ok(Twice { whole, second })
}

/// The state of every trajectory at a sample.
fn states_at(runs: &Trajectories, sample: usize) -> Vec<Vec<f64>> {
    (0..runs.count()).map(|run| runs.state(run, sample).to_vec()).collect()
}
