//! The cells of one worksheet.

use std::io::BufRead;

use quick_xml::events::Event;

use super::super::cells::{Cells, number};
use super::super::dates::{self, Shown};
use super::super::xml::{Xml, attribute};
use super::workbook::Workbook;

/// The rows of a worksheet as text.
pub(super) fn rows(mut xml: Xml<impl BufRead>, workbook: &Workbook) -> Result<Vec<Vec<String>>, String> {
    let mut cells = Cells::default();
    // The place of the next cell, for those that do not name theirs.
    let (mut row, mut column) = (0, 0);
    loop {
        let cell = match xml.inside()? {
            Event::Start(element) => match element.local_name().as_ref() {
                "row" => {
                    if let Some(name) = attribute(&element, "r") {
                        let place: Option<usize> = name.parse().ok().filter(|&place| place > 0);
                        row = place.ok_or_else(|| format!("it has a row {name:?}"))? - 1;
                    }
                    column = 0;
                    None
                }
                "c" => {
                    if let Some(name) = attribute(&element, "r") {
                        (row, column) = place(&name).ok_or_else(|| format!("it has a cell {name:?}"))?;
                    }
                    let style = attribute(&element, "s").and_then(|style| style.parse::<usize>().ok());
                    Some((attribute(&element, "t"), style.unwrap_or(0)))
                }
                _ => None,
            },
            Event::End(element) if element.local_name().as_ref() == "row" => {
                row += 1;
                None
            }
            Event::End(element) if element.local_name().as_ref() == "sheetData" => {
                return Ok(cells.into_rows());
            }
            _ => None,
        };
        if let Some((kind, style)) = cell {
            let shown = workbook.shown.get(style).copied().unwrap_or(Shown::Number);
            let content = Content::read(&mut xml)?;
            let text = content.text(kind.as_deref().unwrap_or("n"), shown, workbook)?;
            cells.count_read();
            cells.set(row, column, text)?;
            column += 1;
        }
    }
}

/// The row and column of a name such as `AB12`, from 0.
fn place(name: &str) -> Option<(usize, usize)> {
    let digits = name.find(|character: char| character.is_ascii_digit())?;
    let (letters, digits) = name.split_at(digits);
    let column = letters.bytes().try_fold(0_usize, |column, letter| {
        let place =
            letter.is_ascii_alphabetic().then(|| usize::from(letter.to_ascii_uppercase() - b'A') + 1)?;
        column.checked_mul(26)?.checked_add(place)
    });
    Some((digits.parse::<usize>().ok()?.checked_sub(1)?, column?.checked_sub(1)?))
}

/// What a cell holds in the file.
#[derive(Default)]
struct Content {
    value: String,
    formula: String,
    // Text that is not shared by cells stands in the cell itself.
    own: bool,
}

impl Content {
    fn read(xml: &mut Xml<impl BufRead>) -> Result<Self, String> {
        enum Part {
            Value,
            Formula,
            Own,
            Other,
        }
        let mut content = Self::default();
        loop {
            let part = match xml.inside()? {
                Event::Start(element) => match element.local_name().as_ref() {
                    "v" => Part::Value,
                    "f" => Part::Formula,
                    "is" => Part::Own,
                    _ => Part::Other,
                },
                Event::End(_) => return Ok(content),
                _ => continue,
            };
            match part {
                Part::Value if !content.own => content.value = xml.text("")?,
                Part::Formula => content.formula = xml.text("")?,
                Part::Own => (content.value, content.own) = (xml.text("rPh")?, true),
                Part::Value | Part::Other => xml.skip()?,
            }
        }
    }

    /// The text of the cell, whose type is `kind` of section 18.18.11.
    fn text(self, kind: &str, shown: Shown, workbook: &Workbook) -> Result<String, String> {
        let Self { value, formula, own } = self;
        if value.is_empty() && !formula.is_empty() {
            // A formula that was never computed must not look like a missing cell.
            return Ok(format!("={formula}"));
        }
        if own {
            return Ok(value);
        }
        match kind {
            "s" if !value.is_empty() => {
                let text = value.trim().parse().ok().and_then(|index: usize| workbook.texts.get(index));
                text.cloned().ok_or_else(|| format!("a cell refers to text {value}, which does not exist"))
            }
            "n" => Ok(match value.trim().parse() {
                Ok(value) if shown == Shown::Number => number(value),
                Ok(value) => dates::text(value, shown, workbook.since_1904),
                Err(_) => value,
            }),
            // Truth values are 1 or 0 in the file; errors, texts of formulas and ISO dates are kept as they are.
            _ => Ok(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_cells() {
        assert_eq!(
            ["A1", "Z2", "AA10", "xfd1048576"].map(place).map(Option::unwrap),
            [(0, 0), (1, 25), (9, 26), (1_048_575, 16_383)]
        );
        let long = "A".repeat(40) + "1";
        assert_eq!(["", "A", "1", "A0", "Ä1", "A1B", long.as_str()].map(place), [None; 7]);
    }
}
