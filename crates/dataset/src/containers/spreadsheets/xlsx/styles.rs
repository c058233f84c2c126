//! Which cells show their number as a date or a time: section 18.8.30 of ECMA-376, Part 1.

use std::collections::BTreeMap;
use std::io::BufRead;

use quick_xml::events::Event;

use super::super::dates::Shown;
use super::super::xml::{Xml, attribute};

/// How a number is shown, for each style of a cell.
pub(super) fn shown(mut xml: Xml<impl BufRead>) -> Result<Vec<Shown>, String> {
    let mut formats = BTreeMap::new();
    let mut styles = Vec::new();
    let mut of_cells = false;
    loop {
        match xml.next()? {
            Event::Start(element) => match element.local_name().as_ref() {
                "numFmt" => {
                    if let (Some(id), Some(code)) =
                        (attribute(&element, "numFmtId"), attribute(&element, "formatCode"))
                    {
                        formats.insert(id, shown_by(&code));
                    }
                }
                "cellXfs" => of_cells = true,
                "xf" if of_cells => {
                    let id = attribute(&element, "numFmtId").unwrap_or_default();
                    let known = || id.parse().map_or(Shown::Number, built_in);
                    styles.push(formats.get(&id).copied().unwrap_or_else(known));
                }
                _ => {}
            },
            Event::End(element) if element.local_name().as_ref() == "cellXfs" => of_cells = false,
            Event::Eof => return Ok(styles),
            _ => {}
        }
    }
}

/// The formats that have a number but no code in the file. Those from 27 on are of East Asian languages.
fn built_in(id: u32) -> Shown {
    match id {
        14..=17 | 27..=31 | 36 | 50..=54 | 57..=58 => Shown::Date,
        22 => Shown::DateTime,
        18..=21 | 32..=35 | 45..=47 | 55..=56 => Shown::Time,
        _ => Shown::Number,
    }
}

/// How a number is shown by a code such as `yyyy-mm-dd hh:mm`, in which text is quoted and the letters
/// of dates are not.
fn shown_by(code: &str) -> Shown {
    let (mut date, mut month, mut time) = (false, false, false);
    let mut letters = code.chars();
    while let Some(letter) = letters.next() {
        match letter.to_ascii_lowercase() {
            // A second section is for negative numbers.
            ';' => break,
            '\\' | '_' | '*' => drop(letters.next()),
            '"' => drop(letters.find(|&letter| letter == '"')),
            '[' => {
                let inside: String = letters.by_ref().take_while(|&letter| letter != ']').collect();
                // Elapsed hours, minutes or seconds; otherwise a colour, a language or a condition.
                let all =
                    |letter| !inside.is_empty() && inside.chars().all(|l| l.eq_ignore_ascii_case(&letter));
                time |= all('h') || all('m') || all('s');
            }
            'y' | 'd' => date = true,
            'h' | 's' => time = true,
            'm' => month = true,
            _ => {}
        }
    }
    match (date, month, time) {
        (true, _, true) => Shown::DateTime,
        (true, _, false) | (false, true, false) => Shown::Date,
        (false, _, true) => Shown::Time,
        (false, false, false) => Shown::Number,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_dates_are_told_from_those_of_numbers() {
        for number in
            ["General", "0.00E+00", "#,##0.00 \"days\"", "[Red]0.0", "0\\d", "_-* #,##0_d", "@", "0%"]
        {
            assert_eq!(shown_by(number), Shown::Number, "{number}");
        }
        for date in ["yyyy-mm-dd", "[$-409]d. mmmm", "mmm", "dd/mm/yy;@"] {
            assert_eq!(shown_by(date), Shown::Date, "{date}");
        }
        for time in ["hh:mm:ss", "[h]:mm", "[mm]:ss.0", "h:mm AM/PM"] {
            assert_eq!(shown_by(time), Shown::Time, "{time}");
        }
        assert_eq!(shown_by("YYYY\\-MM\\-DD\\ HH:MM:SS"), Shown::DateTime);
    }
}
