//! Progress on stderr, with a bar only where stderr is a terminal that can draw one.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use runner::sweep::{End, Standing, Watch};
use runner::{Interrupt, Progress, RunError, Step};

use crate::dashboard::Dashboard;
use crate::terminal::{is_dumb, message_line, short, time};

/// How often a line of progress is written where there is no terminal.
const BETWEEN_LINES: Duration = Duration::from_secs(10);
const BETWEEN_DRAWS: Duration = Duration::from_millis(100);

/// Shows how the work goes on.
pub(crate) struct Display {
    bar: Option<ProgressBar>,
    /// Whether stderr can draw a bar.
    terminal: bool,
    last: Instant,
    /// In the place of all that, where it was asked for.
    dashboard: Option<Dashboard>,
    /// Whether burn-train draws its own view on the terminal instead.
    burn_draws: bool,
}

impl Display {
    pub(crate) fn new() -> Self {
        let terminal = std::io::stderr().is_terminal() && !is_dumb();
        Display { bar: None, terminal, last: Instant::now(), dashboard: None, burn_draws: false }
    }

    /// Opens the dashboard, if it was asked for. Where burn-train trains, it opens its own view on stdout instead.
    ///
    /// # Errors
    /// [`RunError::Usage`] where it cannot be drawn.
    pub(crate) fn watch(
        &mut self,
        dashboard: bool,
        by_burn: bool,
        stop: &Arc<Interrupt>,
        interrupted: fn(&Interrupt),
    ) -> Result<(), RunError> {
        if dashboard && is_dumb() {
            return Err(RunError::Usage(
                "--dashboard moves the cursor, which this terminal cannot do: TERM is dumb; leave out --dashboard to get \
                 progress line by line"
                    .into(),
            ));
        }
        if dashboard && by_burn {
            if !std::io::stdout().is_terminal() {
                return Err(RunError::Usage(
                    "--dashboard with train.loop = \"burn-train\" draws on stdout, but stdout is not a terminal; leave \
                     out --dashboard to get progress line by line"
                        .into(),
                ));
            }
            self.burn_draws = true;
        } else if dashboard {
            let opened = Dashboard::open(Arc::clone(stop), interrupted);
            self.dashboard = Some(opened.map_err(RunError::Usage)?);
        }
        Ok(())
    }

    /// Takes the bar, or the dashboard, off the screen.
    pub(crate) fn clear(&mut self) {
        if let Some(dashboard) = self.dashboard.take() {
            dashboard.close().iter().for_each(|line| message_line("", line));
        }
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    /// Puts the bar on the screen, or moves it.
    fn draw(&mut self, done: u64, of: u64, message: String, left: String) {
        let bar = self.bar.get_or_insert_with(|| {
            let style = ProgressStyle::with_template("[{bar:10}] {pos}/{len} {msg}, {prefix} left");
            // The template is a constant; were it wrong, the plain style would serve.
            let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(of).with_style(style).with_position(done)
        });
        bar.set_message(message);
        bar.set_prefix(left);
        bar.set_position(done);
    }

    fn beside_the_bar(&self, prefix: &str, message: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| message_line(prefix, message)),
            None => message_line(prefix, message),
        }
    }

    /// The last word of a command, on stderr.
    pub(crate) fn finished(&mut self, what: &str) {
        self.clear();
        message_line("", what);
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Progress for Display {
    fn stage(&mut self, what: &str) {
        if let Some(dashboard) = &self.dashboard {
            return dashboard.line(what);
        }
        self.clear();
        message_line("", what);
        self.last = Instant::now();
    }

    fn step(&mut self, at: &Step) {
        if let Some(dashboard) = &self.dashboard {
            return dashboard.step(at);
        }
        let wait = if self.terminal { BETWEEN_DRAWS } else { BETWEEN_LINES };
        if self.last.elapsed() < wait && at.done != at.of {
            return;
        }
        self.last = Instant::now();
        let validation = at.validation_loss.map_or(String::new(), |loss| format!(", validation {loss:.2e}"));
        let losses = format!("loss {:.2e}{validation}", at.train_loss);
        if !self.terminal {
            let (speed, left) = (short(at.examples_per_second), at.seconds_left);
            let line =
                format!("step {} of {}, {losses}, {speed} examples/s, {left:.0} s left", at.done, at.of);
            message_line("", &line);
            return;
        }
        let message = format!("{losses}, {} ex/s", short(at.examples_per_second));
        self.draw(at.done, at.of, message, time(at.seconds_left));
    }

    fn part(&mut self, done: u64, of: u64, what: &str, seconds_left: f64) {
        let wait = if self.terminal { BETWEEN_DRAWS } else { BETWEEN_LINES };
        if self.last.elapsed() < wait && done != of {
            return;
        }
        self.last = Instant::now();
        if self.terminal {
            self.draw(done, of, what.into(), time(seconds_left));
        } else {
            message_line("", &format!("{done} of {of} {what}, {seconds_left:.0} s left"));
        }
    }

    fn burn_draws(&self) -> bool {
        self.burn_draws
    }

    fn note(&mut self, what: &str) {
        match &self.dashboard {
            Some(dashboard) => dashboard.line(&format!("note: {what}")),
            None => self.beside_the_bar("note: ", what),
        }
    }
}

impl Watch for Display {
    fn standing(&mut self, at: &Standing) {
        if !self.terminal {
            return;
        }
        let failed = if at.failed > 0 { format!(", {} failed", at.failed) } else { String::new() };
        let message = format!("runs, {} running{failed}, {:.0} %", at.running, 100.0 * at.part);
        let left = at.seconds_left.map_or("?".to_owned(), time);
        self.draw(at.ended as u64, at.entries as u64, message, left);
    }

    fn ended(&mut self, entry: &str, end: &End, at: &Standing) {
        let how = match end {
            End::Done if self.terminal => return self.standing(at),
            End::Done => "done".to_owned(),
            End::Failed(reason) => format!("failed: {reason}"),
            End::Interrupted => "interrupted".to_owned(),
        };
        let left = at.seconds_left.map_or(String::new(), |seconds| format!(", {} left", time(seconds)));
        let line = format!("{} of {}{left}: {entry} {how}", at.ended, at.entries);
        self.beside_the_bar("", &line);
    }
}
