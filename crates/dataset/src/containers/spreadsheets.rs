//! The files of spreadsheet programs: XLSX (Excel) and ODS (LibreOffice), both zip archives of XML.
//!
//! They are not read by the crate calamine. For ODS, it expands repeated cells without a limit and never
//! ends on a truncated table; for XLSX, it reserves memory for as many strings as the file claims to
//! have.

mod cells;
mod dates;
mod ods;
mod package;
mod xlsx;
mod xml;

pub(super) use ods::open as open_ods;
pub(super) use xlsx::open as open_xlsx;
