//! Numbers and columns in plain text.

/// Three digits, in the shorter notation.
pub(crate) fn number(x: f64) -> String {
    match x.abs() {
        _ if !x.is_finite() => "inf".into(),
        0.0 => "0".into(),
        size if (1e-2..1e4).contains(&size) => format!("{x:.3}"),
        _ => format!("{x:.2e}"),
    }
}

/// A number with its standard error: two digits of the error, and at most 5 decimals or digits of the number.
pub(crate) fn with_error([x, error]: [f64; 2]) -> String {
    let most = 5.0 - (x.abs().clamp(1e-200, 0.1).log10().floor() + 1.0);
    let decimals = (1.0 - error.log10().floor()).clamp(0.0, most) as usize;
    format!("{x:.decimals$} +- {error:.decimals$}")
}

/// Columns of as many cells each: the first to the left, all others to the right.
pub(crate) fn lay_out(columns: &[Vec<String>]) -> String {
    let mut text = String::new();
    for line in 0..columns[0].len() {
        let mut out = String::new();
        for (i, column) in columns.iter().enumerate() {
            let wide = column.iter().map(|cell| cell.chars().count()).max().unwrap_or(0);
            let cell = &column[line];
            out += &if i == 0 { format!("{cell:wide$}") } else { format!("  {cell:>wide$}") };
        }
        text += out.trim_end();
        text.push('\n');
    }
    text
}

/// The largest width of a line of prose, on any terminal: longer lines are hard to read.
const PROSE: usize = 100;

/// Prose in lines of at most `width` columns, with a line feed after each. A longer word has a line of its own.
pub(crate) fn wrap(text: &str, width: usize) -> String {
    let width = width.min(PROSE);
    let (mut lines, mut line) = (String::new(), String::new());
    for word in text.split_whitespace() {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines += &(std::mem::take(&mut line) + "\n");
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line += word;
    }
    lines + &line + "\n"
}

#[cfg(test)]
mod tests {
    use super::wrap;

    #[test]
    fn prose_is_as_wide_as_the_terminal_but_not_wider_than_a_reader_likes() {
        let text = "word ".repeat(50);
        for (width, longest) in [(40, 39), (80, 79), (100, 99), (300, 99)] {
            let wrapped = wrap(&text, width);
            let found = wrapped.lines().map(|line| line.chars().count()).max();
            assert_eq!(found, Some(longest), "{wrapped}");
            assert_eq!(wrapped.split_whitespace().count(), 50);
        }
        assert_eq!(wrap("a longerword b", 4), "a\nlongerword\nb\n");
    }
}
