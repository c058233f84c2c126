//! The cells of a sheet as text.

// 2^25 empty cells take 800 MB.
const MAX_CELLS: usize = 1 << 25;
// Empty cells between others, and repeated cells, take no room in the file, so a small file could fill the
// memory with them. This number of cells is allowed, and some more for each cell that the file holds.
const SPARE_CELLS: usize = 1 << 22;
const SPARE_FOR_EACH: usize = 64;
// What Excel and LibreOffice can show.
const MAX_ROWS: usize = 1 << 20;
const MAX_COLUMNS: usize = 1 << 14;

/// The cells of a sheet that were read so far. Cells that are not set are empty.
#[derive(Default)]
pub(super) struct Cells {
    rows: Vec<Vec<String>>,
    stored: usize,
    read: usize,
}

impl Cells {
    /// Counts a cell that the file holds, however often it is set.
    pub fn count_read(&mut self) {
        self.read += 1;
    }

    /// Sets a cell; `row` and `column` count from 0.
    pub fn set(&mut self, row: usize, column: usize, text: String) -> Result<(), String> {
        if text.is_empty() {
            return Ok(());
        }
        if row >= MAX_ROWS || column >= MAX_COLUMNS {
            let (row, column) = (row.saturating_add(1), column.saturating_add(1));
            return Err(format!(
                "it has a cell in row {row}, column {column}, beyond {MAX_ROWS} and {MAX_COLUMNS}"
            ));
        }
        if row >= self.rows.len() {
            self.rows.resize_with(row + 1, Vec::new);
        }
        let cells = &mut self.rows[row];
        if column >= cells.len() {
            self.stored += column + 1 - cells.len();
            let most = MAX_CELLS.min(SPARE_CELLS + SPARE_FOR_EACH * self.read);
            if self.stored > most {
                return Err(format!(
                    "it has more than {most} cells with the empty and repeated ones: save it as CSV"
                ));
            }
            cells.resize_with(column + 1, String::new);
        }
        cells[column] = text;
        Ok(())
    }

    /// The rows, each up to its last cell that is not empty.
    pub fn into_rows(self) -> Vec<Vec<String>> {
        self.rows
    }
}

/// A number with the fewest digits that read back as the same number, and without a decimal point if it
/// is whole.
pub(super) fn number(value: f64) -> String {
    match value.abs() {
        0.0 | 1e-5..1e16 => format!("{value}"),
        _ => format!("{value:e}"),
    }
}
