//! LibreOffice's spreadsheets: "Open Document Format for Office Applications", OASIS, Part 3, section 9.

use std::cell::RefCell;
use std::io::BufRead;
use std::path::{Path, PathBuf};

use quick_xml::events::{BytesStart, Event};

use super::super::contents::Sheets;
use super::super::error::ContainerError;
use super::cells::{Cells, number};
use super::dates::iso_seconds;
use super::package::Package;
use super::xml::{Xml, append, attribute};

const CONTENT: &str = "content.xml";
const MANIFEST: &str = "META-INF/manifest.xml";

/// Opens an ODS file.
pub(in super::super) fn open(path: &Path) -> Result<impl Sheets + use<>, ContainerError> {
    let mut package = Package::open(path, "ODS")?;
    let damaged = |why| ContainerError::damaged(path, "ODS", why);
    if package.has(MANIFEST) && package.part(MANIFEST).and_then(encrypted).map_err(damaged)? {
        return Err(ContainerError::file(path, "has a password: save it without one"));
    }
    let names = package.part(CONTENT).and_then(names).map_err(damaged)?;
    Ok(Ods { path: path.to_owned(), package: RefCell::new(package), names })
}

struct Ods {
    path: PathBuf,
    package: RefCell<Package>,
    names: Vec<String>,
}

impl Sheets for Ods {
    fn names(&self) -> Vec<String> {
        self.names.clone()
    }

    fn rows(&self, name: &str) -> Result<Vec<Vec<String>>, ContainerError> {
        if !self.names.iter().any(|known| known == name) {
            let names = self.names.iter().map(String::as_str);
            return Err(ContainerError::missing(&self.path, "sheet", name, names));
        }
        let rows = self.package.borrow_mut().part(CONTENT).and_then(|content| rows(content, name));
        rows.map_err(|why| ContainerError::sheet(&self.path, name, format!("cannot be read: {why}")))
    }
}

fn encrypted(mut manifest: Xml<impl BufRead>) -> Result<bool, String> {
    loop {
        match manifest.next()? {
            Event::Start(element) if element.local_name().as_ref() == "encryption-data" => return Ok(true),
            Event::Eof => return Ok(false),
            _ => {}
        }
    }
}

fn names(mut content: Xml<impl BufRead>) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    loop {
        match content.next()? {
            Event::Start(element) if element.name().as_ref() == "table:table" => {
                names.extend(attribute(&element, "table:name"));
            }
            Event::Eof => return Ok(names),
            _ => {}
        }
    }
}

fn rows(mut content: Xml<impl BufRead>, name: &str) -> Result<Vec<Vec<String>>, String> {
    loop {
        match content.inside()? {
            Event::Start(element)
                if element.name().as_ref() == "table:table"
                    && attribute(&element, "table:name").as_deref() == Some(name) =>
            {
                return table(&mut content);
            }
            _ => {}
        }
    }
}

/// The rest of a table whose start was read already.
fn table(content: &mut Xml<impl BufRead>) -> Result<Vec<Vec<String>>, String> {
    let mut cells = Cells::default();
    let mut next = 0;
    let mut row: Option<Row> = None;
    loop {
        let cell = match content.inside()? {
            Event::Start(element) => match element.name().as_ref() {
                "table:table-row" => {
                    row = Some(Row {
                        repeated: repeated(&element, "table:number-rows-repeated"),
                        cells: vec![],
                        next: 0,
                    });
                    None
                }
                "table:table-cell" | "table:covered-table-cell" => Some(Cell::new(&element)),
                _ => None,
            },
            Event::End(element) => {
                match element.name().as_ref() {
                    "table:table" => return Ok(cells.into_rows()),
                    "table:table-row" => {
                        if let Some(row) = row.take() {
                            row.set(&mut cells, next)?;
                            next = next.saturating_add(row.repeated);
                        }
                    }
                    _ => {}
                }
                None
            }
            _ => None,
        };
        if let Some(cell) = cell {
            let (text, repeated) = (cell.text(content)?, cell.repeated);
            if let Some(row) = &mut row {
                row.push(text, repeated);
            }
        }
    }
}

/// A row with the cells that are not empty.
struct Row {
    repeated: usize,
    /// The column, the number of columns with the same text, and the text.
    cells: Vec<(usize, usize, String)>,
    next: usize,
}

impl Row {
    fn push(&mut self, text: String, repeated: usize) {
        if !text.is_empty() {
            self.cells.push((self.next, repeated, text));
        }
        self.next = self.next.saturating_add(repeated);
    }

    fn set(&self, cells: &mut Cells, first: usize) -> Result<(), String> {
        // A row without text is repeated to the end of the sheet, and sets nothing.
        let rows = if self.cells.is_empty() { 0 } else { self.repeated };
        self.cells.iter().for_each(|_| cells.count_read());
        for row in first..first.saturating_add(rows) {
            for (column, repeated, text) in &self.cells {
                for column in *column..column.saturating_add(*repeated) {
                    cells.set(row, column, text.clone())?;
                }
            }
        }
        Ok(())
    }
}

fn repeated(element: &BytesStart<'_>, name: &str) -> usize {
    attribute(element, name).and_then(|times| times.parse().ok()).unwrap_or(1)
}

/// What the start of a cell says.
struct Cell {
    repeated: usize,
    /// The text of the cell, where it does not stand inside the cell.
    value: Option<String>,
    formula: Option<String>,
}

impl Cell {
    fn new(element: &BytesStart<'_>) -> Self {
        let value = |name: &str| attribute(element, name);
        let kind = value("office:value-type").unwrap_or_default();
        let value = match kind.as_str() {
            "float" | "percentage" | "currency" => {
                value("office:value").map(|text| text.trim().parse().map_or(text, number))
            }
            "date" => value("office:date-value"),
            "time" => value("office:time-value").map(|text| iso_seconds(&text).map_or(text, number)),
            "boolean" => {
                value("office:boolean-value").map(|truth| if truth == "true" { "1" } else { "0" }.into())
            }
            _ => value("office:string-value"),
        };
        let repeated = repeated(element, "table:number-columns-repeated");
        Self { repeated, value, formula: attribute(element, "table:formula") }
    }

    /// The text of the cell, which is read to its end.
    fn text(&self, content: &mut Xml<impl BufRead>) -> Result<String, String> {
        let mut paragraphs: Vec<String> = Vec::new();
        loop {
            let paragraph = match content.inside()? {
                Event::Start(element) => element.name().as_ref() == "text:p",
                Event::End(_) => break,
                _ => continue,
            };
            match paragraph {
                true => paragraphs.push(paragraph_text(content)?),
                // Comments and drawings do not belong to the text.
                false => content.skip()?,
            }
        }
        let text = self.value.clone().unwrap_or_else(|| paragraphs.join("\n"));
        match &self.formula {
            // A formula that was never computed must not look like a missing cell.
            Some(formula) if text.is_empty() => {
                let formula = formula.split_once(":=").map_or(formula.as_str(), |(_, formula)| formula);
                Ok(format!("={}", formula.trim_start_matches('=')))
            }
            _ => Ok(text),
        }
    }
}

/// The text of a paragraph, in which spaces, tabs and line breaks are elements.
fn paragraph_text(content: &mut Xml<impl BufRead>) -> Result<String, String> {
    let mut text = String::new();
    let mut depth = 0;
    loop {
        match content.inside()? {
            Event::Start(element) => {
                depth += 1;
                match element.name().as_ref() {
                    // A limit: no real text has more spaces in a row.
                    "text:s" => text.push_str(&" ".repeat(repeated(&element, "text:c").min(1000))),
                    "text:tab" => text.push('\t'),
                    "text:line-break" => text.push('\n'),
                    _ => {}
                }
            }
            Event::End(_) if depth == 0 => return Ok(text),
            Event::End(_) => depth -= 1,
            event => append(&event, &mut text),
        }
    }
}
