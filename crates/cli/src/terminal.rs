//! Text for stdout and stderr.

use std::io::{ErrorKind, IsTerminal, Write};
use std::time::Duration;

use indicatif::HumanDuration;
use report::{visible, visible_lines};
use terminal_size::{Width, terminal_size_of};

/// Writes `text` to stdout. A reader that has gone away, as `head` does, has seen what it wanted.
///
/// On a terminal, hidden characters are escaped. A pipe or a file gets the names of folders as they are, since
/// another program may want to open them.
pub(crate) fn print(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let text: &str = if stdout.is_terminal() { &visible_lines(text) } else { text };
    if let Err(fault) = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
        && fault.kind() != ErrorKind::BrokenPipe
    {
        error(&format!("stdout cannot be written: {fault}"));
        std::process::exit(1);
    }
}

/// Writes an error to stderr.
pub(crate) fn error(message: &str) {
    // A long value from a user's file must not fill the terminal.
    let whole = visible(message);
    let short: String = whole.chars().take(1000).collect();
    let message = if short.len() < whole.len() { &format!("{short}...") } else { &whole };
    let colored = std::io::stderr().is_terminal() && has_colors();
    message_line(if colored { "\x1b[1;31merror:\x1b[0m " } else { "error: " }, message);
}

/// Writes a line to stderr.
pub(crate) fn message(text: &str) {
    message_line("", text);
}

/// The width of a line on stdout, in characters: that of the terminal. It is 80 if stdout is not a terminal or if the
/// width is not known, so that a file has the same lines wherever it was written.
pub(crate) fn width() -> usize {
    const ELSEWHERE: usize = 80;
    terminal_size_of(std::io::stdout()).map_or(ELSEWHERE, |(Width(columns), _)| columns.into())
}

/// Whether a terminal may be sent colors. `NO_COLOR` (<https://no-color.org>) and `TERM=dumb` forbid them.
pub(crate) fn has_colors() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) && !is_dumb()
}

/// Whether the terminal can do nothing but write one line after the other, as `TERM=dumb` says.
pub(crate) fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|name| name == "dumb")
}

/// A number in three digits, such as 312k.
pub(crate) fn short(number: f64) -> String {
    let (unit, letter) = [(1e9, "G"), (1e6, "M"), (1e3, "k")]
        .into_iter()
        .find(|(unit, _)| number >= *unit)
        .unwrap_or((1.0, ""));
    let number = number / unit;
    let decimals = if number >= 100.0 {
        0
    } else if number >= 10.0 {
        1
    } else {
        2
    };
    format!("{number:.decimals$}{letter}")
}

/// Seconds in their largest unit, such as 3m.
pub(crate) fn time(seconds: f64) -> String {
    let time = Duration::try_from_secs_f64(seconds.ceil()).unwrap_or(Duration::MAX);
    format!("{:#}", HumanDuration(time))
}

/// Writes a line to stderr, with hidden characters of the message escaped. Errors of this are ignored.
pub(crate) fn message_line(prefix: &str, message: &str) {
    let _ = writeln!(std::io::stderr(), "{prefix}{}", visible(message));
}
