//! What all sheets of a workbook share: their names, the texts of their cells and the formats of numbers.

use std::collections::BTreeMap;

use quick_xml::events::{BytesStart, Event};

use super::super::dates::Shown;
use super::super::package::Package;
use super::super::xml::attribute;
use super::styles;

// Excel's own limit is 2^15 bytes a text; a sheet has no more cells than this many.
const MAX_TEXTS: usize = 1 << 25;

/// A workbook without the cells of its sheets.
pub(super) struct Workbook {
    /// The name of each worksheet, and that of its part.
    pub sheets: Vec<(String, String)>,
    /// The texts that cells refer to by number.
    pub texts: Vec<String>,
    /// How a number is shown, for each style of a cell.
    pub shown: Vec<Shown>,
    /// Whether the days of dates count from 1904 instead of 1900.
    pub since_1904: bool,
}

impl Workbook {
    /// Reads the workbook, its texts and its styles.
    pub fn read(package: &mut Package) -> Result<Self, String> {
        let root = relations(package, "")?;
        let main = root.iter().find(|relation| relation.kind == "officeDocument");
        let main = main.map_or("xl/workbook.xml", |relation| &relation.part).to_owned();
        let relations = relations(package, &main)?;
        let part = |kind| relations.iter().find(|relation| relation.kind == kind).map(|found| &found.part);
        let texts = match part("sharedStrings") {
            Some(part) => texts(package, part)?,
            None => Vec::new(),
        };
        let shown = match part("styles") {
            Some(part) => styles::shown(package.part(part)?)?,
            None => Vec::new(),
        };

        let worksheets: BTreeMap<&str, &str> = relations
            .iter()
            .filter(|relation| relation.kind == "worksheet")
            .map(|relation| (relation.id.as_str(), relation.part.as_str()))
            .collect();
        let (mut sheets, mut since_1904) = (Vec::new(), false);
        let mut xml = package.part(&main)?;
        loop {
            match xml.next()? {
                Event::Start(element) if element.local_name().as_ref() == "workbookPr" => {
                    let since = attribute(&element, "date1904");
                    since_1904 = since.is_some_and(|since| matches!(since.as_str(), "1" | "true"));
                }
                Event::Start(element) if element.local_name().as_ref() == "sheet" => {
                    let part = id(&element).and_then(|id| worksheets.get(id.as_str()).copied());
                    if let (Some(name), Some(part)) = (attribute(&element, "name"), part) {
                        sheets.push((name, part.to_owned()));
                    }
                }
                Event::Eof => break,
                _ => {}
            }
        }
        match sheets.is_empty() {
            true => Err("it has no worksheet".into()),
            false => Ok(Self { sheets, texts, shown, since_1904 }),
        }
    }
}

/// The id of a relation, whose namespace has another prefix in the files of other programs.
fn id(element: &BytesStart<'_>) -> Option<String> {
    let mut attributes = element.attributes();
    let id = attributes
        .with_checks(false)
        .flatten()
        .find(|found| found.key.prefix().is_some() && found.key.local_name().as_ref() == "id")?;
    Some(id.value.into_owned())
}

struct Relation {
    id: String,
    kind: String,
    part: String,
}

/// The parts that a part refers to. Where the part is `folder/name`, they stand in
/// `folder/_rels/name.rels`, with paths from the folder.
fn relations(package: &mut Package, of: &str) -> Result<Vec<Relation>, String> {
    let (folder, name) = of.rsplit_once('/').unwrap_or(("", of));
    let file = format!("{folder}/_rels/{name}.rels");
    let mut xml = package.part(file.trim_start_matches('/'))?;
    let mut relations = Vec::new();
    loop {
        match xml.next()? {
            Event::Start(element) if element.local_name().as_ref() == "Relationship" => {
                let get = |name| attribute(&element, name).unwrap_or_default();
                let (id, kind, target) = (get("Id"), get("Type"), get("Target"));
                // The rest of the type is a namespace, of which there are two.
                let kind = kind.rsplit('/').next().unwrap_or_default().to_owned();
                relations.push(Relation { id, kind, part: resolved(folder, &target) });
            }
            Event::Eof => return Ok(relations),
            _ => {}
        }
    }
}

/// The path of a part from the root of the archive.
fn resolved(folder: &str, target: &str) -> String {
    let from_root = target.starts_with('/');
    let mut path: Vec<&str> = if from_root { vec![] } else { folder.split('/').collect() };
    for step in target.split('/') {
        match step {
            "" | "." => {}
            ".." => drop(path.pop()),
            step => path.push(step),
        }
    }
    path.retain(|step| !step.is_empty());
    path.join("/")
}

fn texts(package: &mut Package, part: &str) -> Result<Vec<String>, String> {
    let mut xml = package.part(part)?;
    let mut texts = Vec::new();
    loop {
        let text = match xml.next()? {
            Event::Start(element) if element.local_name().as_ref() == "si" => true,
            Event::Eof => return Ok(texts),
            _ => false,
        };
        if text {
            if texts.len() == MAX_TEXTS {
                return Err(format!("it has more than {MAX_TEXTS} texts"));
            }
            // The pronunciation of a text does not belong to the text.
            texts.push(xml.text("rPh")?);
        }
    }
}
