//! One cell of a row: a number, nothing, or text.

/// What a cell holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cell {
    /// A finite number.
    Number(f64),
    /// Nothing: an empty cell, or a word that stands for a missing value.
    Missing,
    /// Anything else.
    Text,
}

/// What programs write for a missing value, in lower case.
const MISSING: [&[u8]; 17] = [
    b"nan",
    b"-",
    b"--",
    b"---",
    b"null",
    b"na",
    b"n/a",
    b"#n/a",
    b"#na",
    b"none",
    b"nil",
    b"?",
    b"inf",
    b"-inf",
    b"+inf",
    b"-nan",
    b"infinity",
];

// The longest decimal expansion of an f64 has some 770 significant digits, and nobody writes it out.
const MAX_DIGITS: usize = 400;

/// Reads a cell with the decimal sign `.` or `,`, without the blanks around it.
#[inline]
pub(super) fn parse(cell: &[u8], decimal: u8) -> Cell {
    let cell = cell.trim_ascii();
    let Some(first) = cell.first() else { return Cell::Missing };
    // The parser of the standard library would also accept "inf", "nan" and "infinity".
    if matches!(first, b'0'..=b'9' | b'-' | b'+' | b'.' | b',' | 0xe2) {
        let plain = if decimal == b'.' { plain(cell) } else { None };
        if let Some(number) = plain.or_else(|| rewritten(cell, decimal)) {
            // An infinite number here comes from an exponent that is too large; it is not a measurement.
            return if number.is_finite() { Cell::Number(number) } else { Cell::Text };
        }
    }
    match MISSING.iter().any(|word| word.eq_ignore_ascii_case(cell)) {
        true => Cell::Missing,
        false => Cell::Text,
    }
}

#[inline]
fn plain(cell: &[u8]) -> Option<f64> {
    if cell.last().is_some_and(|last| !matches!(last, b'0'..=b'9' | b'.')) {
        return None;
    }
    std::str::from_utf8(cell).ok()?.parse().ok()
}

/// A number with a decimal comma, with the exponent letter of Fortran, or with the minus sign of typesetters.
fn rewritten(cell: &[u8], decimal: u8) -> Option<f64> {
    let (sign, digits) = match cell.strip_prefix("\u{2212}".as_bytes()) {
        Some(digits) if digits.first().is_some_and(u8::is_ascii_digit) => (-1.0, digits),
        _ => (1.0, cell),
    };
    let mut copy = [0; MAX_DIGITS];
    let copy = copy.get_mut(..digits.len())?;
    for (to, &from) in copy.iter_mut().zip(digits) {
        *to = match from {
            b'd' | b'D' => b'e',
            b'.' if decimal != b'.' => return None,
            _ if from == decimal => b'.',
            _ => from,
        };
    }
    Some(sign * plain(copy)?)
}

/// The text of a cell: UTF-8, or Latin-1 if it is not valid UTF-8.
pub(super) fn text(cell: &[u8]) -> String {
    match std::str::from_utf8(cell.trim_ascii()) {
        Ok(text) => text.to_owned(),
        Err(_) => cell.trim_ascii().iter().map(|&byte| char::from(byte)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_all_forms_are_read() {
        let reads = |text: &str, decimal: u8, number: f64| {
            assert_eq!(parse(text.as_bytes(), decimal), Cell::Number(number), "{text}");
        };
        for (text, number) in
            [("1", 1.0), (" -1.5e-3 ", -1.5e-3), ("+.5", 0.5), ("2.", 2.0), ("1.5D+02", 150.0)]
        {
            reads(text, b'.', number);
        }
        reads("\u{2212}3.25", b'.', -3.25);
        reads("1,5", b',', 1.5);
        reads("-0,25E2", b',', -25.0);
        reads("7", b',', 7.0);
        reads("0.1000000000000000055511151231257827", b'.', 0.1);
    }

    #[test]
    fn what_is_missing_differs_from_text() {
        for text in ["", "  ", "NaN", "nan", "-", "NULL", "N/A", "#N/A", "None", "inf", "-Inf", "?"] {
            assert_eq!(parse(text.as_bytes(), b'.'), Cell::Missing, "{text}");
        }
        for text in ["error", "1,5", "1.2.3", "12 V", "1e999", "0x10", "e5", "- 5", "1_000", "-e", "\u{2212}"]
        {
            assert_eq!(parse(text.as_bytes(), b'.'), Cell::Text, "{text}");
        }
        assert_eq!(parse(b"1.5", b','), Cell::Text);
        assert_eq!(parse("9".repeat(1000).as_bytes(), b'.'), Cell::Text);
        assert_eq!(text(b" 20 \xb0C "), "20 \u{b0}C");
    }
}
