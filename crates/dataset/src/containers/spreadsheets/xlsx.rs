//! Excel's workbooks since 2007: "Office Open XML", ECMA-376, Part 1, section 18.

mod sheet;
mod styles;
mod workbook;

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use self::workbook::Workbook;
use super::super::contents::Sheets;
use super::super::error::ContainerError;
use super::package::Package;

/// Opens an XLSX file.
pub(in super::super) fn open(path: &Path) -> Result<impl Sheets + use<>, ContainerError> {
    let mut package = Package::open(path, "XLSX")?;
    let workbook = Workbook::read(&mut package).map_err(|why| ContainerError::damaged(path, "XLSX", why))?;
    Ok(Xlsx { path: path.to_owned(), package: RefCell::new(package), workbook })
}

struct Xlsx {
    path: PathBuf,
    package: RefCell<Package>,
    workbook: Workbook,
}

impl Sheets for Xlsx {
    fn names(&self) -> Vec<String> {
        self.workbook.sheets.iter().map(|(name, _)| name.clone()).collect()
    }

    fn rows(&self, name: &str) -> Result<Vec<Vec<String>>, ContainerError> {
        let sheets = &self.workbook.sheets;
        let Some((_, part)) = sheets.iter().find(|(known, _)| known == name) else {
            let names = sheets.iter().map(|(name, _)| name.as_str());
            return Err(ContainerError::missing(&self.path, "sheet", name, names));
        };
        let mut package = self.package.borrow_mut();
        let rows = package.part(part).and_then(|part| sheet::rows(part, &self.workbook));
        rows.map_err(|why| ContainerError::sheet(&self.path, name, format!("cannot be read: {why}")))
    }
}
