//! The full-screen view of a training.
//!
//! burn-train 0.22.1 has such a view, which is used only where burn-train trains: while it is open Ctrl-C does nothing;
//! the key that ends at once does so by a panic, as does a terminal that cannot be had; its axes are linear, on which a
//! loss soon lies flat; and it brings 63 crates along that take 167 s to compile, where ratatui alone brings 26 that take
//! 53 s (sums over cargo's units, on two busy cores).

use std::io::{BufWriter, IsTerminal, Stderr, stderr, stdout};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError, TryLockError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ratatui::crossterm::event::{self, DisableMouseCapture, Event, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode, is_raw_mode_enabled,
};
use ratatui::crossterm::{cursor, execute};
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Style, Stylize};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Block, Chart, Dataset, Gauge, GraphType, Paragraph};
use ratatui::{Frame, Terminal, backend::CrosstermBackend};
use report::visible;
use runner::{Interrupt, Step};

use crate::terminal::{has_colors, short, time};

/// The least time from one drawing to the next.
const BETWEEN_DRAWS: Duration = Duration::from_millis(100);

/// The most points of a curve: two to each column of a terminal of 256, as braille has them.
const MOST_POINTS: usize = 512;

/// Whether the view has the terminal; held by who draws on it, so that nobody gives it back meanwhile.
static SHOWN: Mutex<bool> = Mutex::new(false);

/// Whether the view has the terminal, so that nobody else should write to it.
pub(crate) fn shown() -> bool {
    *lock(&SHOWN)
}

/// Whether burn-train's view has the terminal; to be asked where the dashboard is not shown. Both views use the same version
/// of crossterm, which knows the mode of the terminal.
pub(crate) fn burn_draws() -> bool {
    cfg!(feature = "burn-train") && is_raw_mode_enabled().unwrap_or(false)
}

/// Gives the terminal back as it was, if the dashboard or burn-train's view has it.
pub(crate) fn leave() {
    let mut shown = None;
    // Whoever draws is done in a moment, unless it is the one that panics and calls this.
    for _ in 0..100 {
        shown = match SHOWN.try_lock() {
            Ok(shown) => Some(shown),
            Err(TryLockError::Poisoned(shown)) => Some(shown.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        };
        if shown.is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    if shown.is_none_or(|mut shown| std::mem::take(&mut *shown)) {
        // Where it cannot be given back it is gone.
        let _ = disable_raw_mode();
        let _ = execute!(stderr(), LeaveAlternateScreen, cursor::Show);
    } else if burn_draws() {
        let _ = disable_raw_mode();
        let _ = execute!(stdout(), DisableMouseCapture, LeaveAlternateScreen, cursor::Show);
    }
}

/// A view of a training on the terminal that stderr is.
pub(crate) struct Dashboard {
    view: Arc<Mutex<View>>,
    closing: Arc<AtomicBool>,
    drawing: Option<JoinHandle<()>>,
}

impl Dashboard {
    /// Takes the terminal. The keys q and Ctrl-C do what `interrupted` does.
    ///
    /// # Errors
    /// No terminal; the sentence says so.
    pub(crate) fn open(stop: Arc<Interrupt>, interrupted: fn(&Interrupt)) -> Result<Self, String> {
        if !stderr().is_terminal() {
            return Err(
                "--dashboard draws on stderr, which is no terminal here; leave it out to have progress \
                        line by line"
                    .into(),
            );
        }
        let cannot = |error| format!("--dashboard cannot draw on this terminal: {error}; leave it out");
        // What is drawn is kept in memory, a cell at a time.
        if let Ok((columns, rows)) = ratatui::crossterm::terminal::size()
            && u64::from(columns) * u64::from(rows) > 1_000_000
        {
            return Err(format!("--dashboard cannot draw on a terminal of {columns} x {rows}; leave it out"));
        }
        give_back_at_a_panic();
        let terminal = {
            let mut shown = lock(&SHOWN);
            enable_raw_mode().map_err(cannot)?;
            *shown = true;
            execute!(stderr(), EnterAlternateScreen)
                .and_then(|()| Terminal::new(CrosstermBackend::new(BufWriter::new(stderr()))))
        };
        let terminal = terminal.map_err(|error| {
            leave();
            cannot(error)
        })?;
        let (view, closing) = (Arc::new(Mutex::new(View::default())), Arc::new(AtomicBool::new(false)));
        let drawing = {
            let (view, closing) = (Arc::clone(&view), Arc::clone(&closing));
            let draw = move || keep_drawing(terminal, &view, &closing, &stop, interrupted);
            std::thread::Builder::new().name("dashboard".into()).spawn(draw)
        };
        let drawing = drawing.map_err(|error| {
            leave();
            cannot(error)
        })?;
        Ok(Dashboard { view, closing, drawing: Some(drawing) })
    }

    /// Adds a line to those below the curves.
    pub(crate) fn line(&self, line: &str) {
        let mut view = lock(&self.view);
        view.lines.push(visible(line));
        view.changed = true;
    }

    /// Training has come to a step.
    pub(crate) fn step(&self, at: &Step) {
        lock(&self.view).step(at);
    }

    /// Gives the terminal back. Returns the lines that were shown, which go with the view.
    pub(crate) fn close(mut self) -> Vec<String> {
        self.stop_drawing();
        std::mem::take(&mut lock(&self.view).lines)
    }

    fn stop_drawing(&mut self) {
        self.closing.store(true, Ordering::Relaxed);
        if let Some(drawing) = self.drawing.take() {
            // A panic there has been reported by then.
            let _ = drawing.join();
        }
        leave();
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        self.stop_drawing();
    }
}

/// A panic is reported on the terminal as it was.
fn give_back_at_a_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            leave();
            report(panic);
        }));
    });
}

/// The thread that draws and reads keys, on its own so that a long step does not make it deaf.
fn keep_drawing(
    mut terminal: Terminal<CrosstermBackend<BufWriter<Stderr>>>,
    view: &Mutex<View>,
    closing: &AtomicBool,
    stop: &Interrupt,
    interrupted: fn(&Interrupt),
) {
    let look = Look::of_terminal(has_colors());
    let (mut resized, mut was_stopping, mut keys) = (true, false, true);
    while !closing.load(Ordering::Relaxed) {
        let until = Instant::now() + BETWEEN_DRAWS;
        let stopping = stop.is_requested();
        let changed = std::mem::take(&mut lock(view).changed);
        if changed || resized || stopping != was_stopping {
            // Training need not wait for the drawing.
            let now = lock(view).clone();
            let drawn = {
                let shown = lock(&SHOWN);
                *shown && terminal.draw(|frame| draw(&now, &look, stopping, frame)).is_ok()
            };
            if !drawn {
                // so that at least Ctrl-C is a signal again
                return leave();
            }
            (resized, was_stopping) = (false, stopping);
        }
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || closing.load(Ordering::Relaxed) {
                break;
            }
            match if keys { event::poll(left) } else { Ok(false) } {
                Ok(true) => match event::read() {
                    Ok(Event::Resize(..)) => resized = true,
                    Ok(event) if asks_to_stop(&event) => interrupted(stop),
                    Ok(_) => {}
                    Err(_) => keys = false,
                },
                Ok(false) if !keys => std::thread::sleep(left),
                Ok(false) => {}
                Err(_) => {
                    // Without keys to read Ctrl-C is to be the signal again.
                    keys = false;
                    let _ = disable_raw_mode();
                }
            }
        }
    }
}

fn asks_to_stop(event: &Event) -> bool {
    let Event::Key(key) = event else { return false };
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let asks = match key.code {
        KeyCode::Char('q' | 'Q') => !control,
        KeyCode::Char('c') => control,
        _ => false,
    };
    asks && key.kind == KeyEventKind::Press
}

/// What is shown.
#[derive(Clone, Debug, Default)]
struct View {
    train: Curve,
    validation: Curve,
    at: Option<Step>,
    /// Steps before this sitting.
    before: u64,
    /// Stages and notes.
    lines: Vec<String>,
    /// Since it was last drawn.
    changed: bool,
}

impl View {
    fn step(&mut self, at: &Step) {
        self.train.push(at.done, at.train_loss);
        if self.at.is_none() {
            self.before = at.done.saturating_sub(1);
        }
        // A validation shows in the step after it.
        let before = self.at.and_then(|before| before.validation_loss);
        if let Some(loss) = at.validation_loss.filter(|loss| before != Some(*loss)) {
            self.validation.push(at.done.saturating_sub(1), loss);
        }
        self.at = Some(*at);
        self.changed = true;
    }
}

/// Losses by their steps. Neighbours are averaged so that never more than [`MOST_POINTS`] remain.
#[derive(Clone, Debug)]
struct Curve {
    points: Vec<Point>,
    /// Losses that make a point.
    each: u64,
}

/// The sums over some losses.
#[derive(Clone, Copy, Debug)]
struct Point {
    steps: f64,
    losses: f64,
    count: u64,
}

impl Default for Curve {
    fn default() -> Self {
        Curve { points: Vec::new(), each: 1 }
    }
}

impl Curve {
    fn push(&mut self, step: u64, loss: f64) {
        let new = Point { steps: step as f64, losses: loss, count: 1 };
        if let Some(last) = self.points.last_mut().filter(|last| last.count < self.each) {
            *last = last.with(&new);
            return;
        }
        if self.points.len() == MOST_POINTS {
            let merged = |pair: &[Point]| pair.iter().skip(1).fold(pair[0], |sum, point| sum.with(point));
            self.points = self.points.chunks(2).map(merged).collect();
            self.each *= 2;
        }
        self.points.push(new);
    }

    /// Steps and decimal logarithms of losses, of those that have one.
    fn logarithms(&self) -> Vec<(f64, f64)> {
        let points = self.points.iter().map(|point| {
            let count = point.count as f64;
            (point.steps / count, (point.losses / count).log10())
        });
        points.filter(|(_, loss)| loss.is_finite()).collect()
    }
}

impl Point {
    fn with(&self, other: &Point) -> Point {
        Point {
            steps: self.steps + other.steps,
            losses: self.losses + other.losses,
            count: self.count + other.count,
        }
    }
}

/// How the two curves are distinguished.
struct Look {
    train: Style,
    validation: Style,
    validation_name: &'static str,
    validation_marker: Marker,
}

impl Look {
    /// By their colors; on a terminal without colors, by their markers.
    fn of_terminal(has_colors: bool) -> Self {
        if has_colors {
            Look {
                train: Style::new().fg(Color::Cyan),
                validation: Style::new().fg(Color::Yellow),
                validation_name: "validation",
                validation_marker: Marker::Braille,
            }
        } else {
            Look {
                train: Style::new(),
                validation: Style::new(),
                validation_name: "validation \u{2022}",
                validation_marker: Marker::Dot,
            }
        }
    }
}

/// The most lines of stages and notes.
const MOST_LINES: usize = 5;

fn draw(view: &View, look: &Look, stopping: bool, frame: &mut Frame) {
    let area = frame.area();
    let lines = view.lines.len().min(MOST_LINES).min(usize::from(area.height) / 4);
    let rows =
        [Constraint::Fill(1), Constraint::Length(1), Constraint::Length(1), Constraint::Length(lines as u16)];
    let [curves, numbers, progress, below] = Layout::vertical(rows).areas(area);

    let keys = if stopping {
        " stopping once the state is saved; q again stops at once "
    } else {
        " q saves the state and stops "
    };
    let block = Block::bordered().title(" loss ").title_bottom(Line::from(keys).right_aligned());
    let (train, validation) = (view.train.logarithms(), view.validation.logarithms());
    let curve = |name, points, marker, style| {
        let curve = Dataset::default().name(name).data(points).graph_type(GraphType::Line);
        curve.marker(marker).style(style)
    };
    let datasets = vec![
        curve("train", &train, Marker::Braille, look.train),
        curve(look.validation_name, &validation, look.validation_marker, look.validation),
    ];
    let [low, high] = bounds(train.iter().chain(&validation).map(|point| point.1));
    let first = view.before as f64;
    let of = view.at.map_or(1.0, |at| at.of as f64).max(first + 1.0);
    let [mut steps, mut losses] = [Axis::default().bounds([first, of]), Axis::default().bounds([low, high])];
    if !train.is_empty() || !validation.is_empty() {
        steps = steps.labels([format!("{first:.0}"), format!("{of:.0}")]);
        losses =
            losses.labels([low, (low + high) / 2.0, high].map(|loss| format!("{:.1e}", 10f64.powf(loss))));
    }
    let chart = Chart::new(datasets);
    frame.render_widget(chart.block(block).x_axis(steps).y_axis(losses), curves);

    if let Some(at) = &view.at {
        let mut spans = vec![Span::styled(format!(" train {:.2e}", at.train_loss), look.train)];
        if let Some(loss) = at.validation_loss {
            spans.push(Span::styled(format!("  validation {loss:.2e}"), look.validation));
        }
        if let Some(rate) = at.learning_rate {
            spans.push(Span::from(format!("  learning rate {rate:.2e}")));
        }
        spans.push(Span::from(format!("  {} examples/s", short(at.examples_per_second))));
        frame.render_widget(Line::from(spans), numbers);
        let part = at.done as f64 / at.of.max(1) as f64;
        let label = format!("step {} of {}, {} left", at.done, at.of, time(at.seconds_left));
        frame.render_widget(Gauge::default().ratio(part.clamp(0.0, 1.0)).label(label), progress);
    }
    let last = view.lines[view.lines.len() - lines..].iter().map(|line| Line::from(format!(" {line}")));
    frame.render_widget(Paragraph::new(last.collect::<Vec<_>>()).dim(), below);
}

/// From somewhat below the least to somewhat above the largest.
fn bounds(values: impl Iterator<Item = f64>) -> [f64; 2] {
    let [low, high] = values
        .fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], value| [low.min(value), high.max(value)]);
    let room = (0.03 * (high - low)).max(0.01);
    if low <= high { [low - room, high + room] } else { [0.0, 1.0] }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use ratatui::backend::TestBackend;

    fn at(done: u64, of: u64) -> Step {
        Step {
            done,
            of,
            train_loss: 1.0 / done as f64,
            validation_loss: (done > 500).then_some(2.0 / (done / 500) as f64),
            learning_rate: Some(1e-3),
            examples_per_second: 123_456.0,
            seconds: 1.0,
            seconds_left: 75.0,
        }
    }

    fn drawn(view: &View, stopping: bool, [width, height]: [u16; 2]) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(view, &Look::of_terminal(true), stopping, frame)).unwrap();
        // the text of a terminal without columns is beyond ratatui
        if width == 0 { String::new() } else { terminal.backend().to_string() }
    }

    fn of_steps(steps: u64) -> View {
        let mut view = View::default();
        (1..=steps).for_each(|done| view.step(&at(done, 20_000)));
        view
    }

    #[test]
    fn what_is_to_be_seen_is_there() {
        let mut view = of_steps(10_000);
        for stage in 1..=9 {
            view.lines.push(format!("stage {stage}"));
        }
        let text = drawn(&view, false, [80, 24]);
        for word in [
            "loss",
            "train 1.00e-4",
            "validation 1.00e-1",
            "learning rate 1.00e-3",
            "123k examples/s",
            "step 10000 of 20000, 75s left",
            "stage 9",
            "q saves the state and stops",
            "20000",
        ] {
            assert!(text.contains(word), "{word} is not in\n{text}");
        }
        assert!(
            !text.contains("stage 4") && text.chars().any(|c| ('\u{2801}'..='\u{28ff}').contains(&c)),
            "{text}"
        );
        assert!(drawn(&view, true, [80, 24]).contains("stopping once the state is saved"));
    }

    #[test]
    fn no_size_and_no_loss_is_too_small() {
        let mut odd = of_steps(3);
        for loss in [0.0, -1.0, 1e300, f64::MIN_POSITIVE, f64::NAN] {
            odd.step(&Step {
                train_loss: loss,
                validation_loss: Some(loss),
                seconds_left: f64::INFINITY,
                ..at(4, 4)
            });
        }
        odd.lines.push("training ffnn with 4611 parameters on cpu, 20000 steps of 256 windows".into());
        let all_negative = {
            let mut view = View::default();
            view.step(&Step { train_loss: -1.0, learning_rate: None, ..at(1, 1) });
            view
        };
        for view in [View::default(), of_steps(1), of_steps(700), odd, all_negative] {
            for size in [[80, 24], [10, 3], [1, 1], [0, 0], [3, 10], [200, 1], [2, 2], [500, 200], [20, 6]] {
                drawn(&view, false, size);
            }
        }
    }

    #[test]
    fn without_colors_the_curves_are_told_apart_by_their_marks() {
        let view = of_steps(10_000);
        for has_colors in [true, false] {
            let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
            terminal.draw(|frame| draw(&view, &Look::of_terminal(has_colors), false, frame)).unwrap();
            let cells = terminal.backend().buffer().content();
            let colored = cells.iter().any(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset);
            assert_eq!(colored, has_colors);
            let text = terminal.backend().to_string();
            assert_eq!(text.matches('\u{2022}').count() > 10, !has_colors, "{text}");
            assert!(text.chars().any(|c| ('\u{2801}'..='\u{28ff}').contains(&c)), "{text}");
        }
    }

    #[test]
    fn a_curve_stays_short_and_keeps_its_mean() {
        let mut curve = Curve::default();
        let many = 100_000;
        (1..=many).for_each(|step| curve.push(step, 2.0));
        assert!(curve.points.len() <= MOST_POINTS && curve.points.len() > MOST_POINTS / 4);
        assert_eq!(curve.points.iter().map(|point| point.count).sum::<u64>(), many);
        let logarithms = curve.logarithms();
        assert!(logarithms.iter().all(|&(_, loss)| loss == 2f64.log10()));
        assert!(logarithms.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn keys_that_stop_are_q_and_ctrl_c() {
        let key = |code, modifiers| Event::Key(event::KeyEvent::new(code, modifiers));
        assert!(asks_to_stop(&key(KeyCode::Char('q'), KeyModifiers::NONE)));
        assert!(asks_to_stop(&key(KeyCode::Char('c'), KeyModifiers::CONTROL)));
        assert!(!asks_to_stop(&key(KeyCode::Char('c'), KeyModifiers::NONE)));
        assert!(!asks_to_stop(&Event::FocusLost));
    }
}
