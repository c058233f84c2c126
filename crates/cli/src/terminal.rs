//! Text for stdout and stderr.

use std::io::{ErrorKind, IsTerminal, Write};
use std::time::Duration;

use indicatif::HumanDuration;

/// Writes `text` to stdout. A reader that has gone away, as `head` does, has seen what it wanted.
pub(crate) fn print(text: &str) {
    let mut stdout = std::io::stdout().lock();
    if let Err(fault) = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
        && fault.kind() != ErrorKind::BrokenPipe
    {
        error(&format!("stdout cannot be written: {fault}"));
        std::process::exit(1);
    }
}

/// Writes an error to stderr.
pub(crate) fn error(message: &str) {
    // What a user's file holds must not reach the terminal as control codes, nor fill it.
    let plain = plain(message);
    let short: String = plain.chars().take(1000).collect();
    let message = if short.len() < plain.len() { &format!("{short}...") } else { &plain };
    message_line(
        if std::io::stderr().is_terminal() { "\x1b[1;31merror:\x1b[0m " } else { "error: " },
        message,
    );
}

/// Writes a line to stderr.
pub(crate) fn message(text: &str) {
    message_line("", text);
}

/// The text with control characters written out.
pub(crate) fn plain(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
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

/// A line on stderr; where even that is gone there is nobody to tell.
pub(crate) fn message_line(prefix: &str, message: &str) {
    let _ = writeln!(std::io::stderr(), "{prefix}{message}");
}
