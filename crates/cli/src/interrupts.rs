//! Signals that ask the program to stop.

use std::sync::Arc;

use runner::Interrupt;

use crate::{dashboard, terminal};

/// On an interrupt (Ctrl-C, SIGTERM, SIGHUP) a training saves its state, a simulation to a folder ends its part, and
/// Lyapunov exponents are those of what is known; whatever else is going on, and at a second interrupt, the program
/// ends at once.
pub(crate) fn stop_on_interrupt() -> Arc<Interrupt> {
    stop_on_signals(Interrupt::request)
}

/// As [`stop_on_interrupt`], where `ask` passes a signal on and says whether it will be granted.
pub(crate) fn stop_on_signals(ask: impl Fn(&Interrupt) -> bool + Send + 'static) -> Arc<Interrupt> {
    let stop = Arc::new(Interrupt::default());
    let asked = Arc::clone(&stop);
    if let Err(error) = ctrlc::set_handler(move || stop_or_exit(ask(&asked))) {
        terminal::error(&format!("interrupts will not save the state: {error}"));
    }
    stop
}

/// Answers an interrupt that came as a key.
pub(crate) fn interrupted(stop: &Interrupt) {
    stop_or_exit(stop.request());
}

fn stop_or_exit(granted: bool) {
    if granted {
        // The dashboard says so itself, and burn-train's view soon ends.
        if !dashboard::shown() && !dashboard::burn_draws() {
            terminal::message("stopping; interrupt again to stop at once");
        }
    } else {
        dashboard::leave();
        terminal::message("interrupted");
        std::process::exit(130);
    }
}
