//! Files that are cut, changed or made to mislead: an error or numbers, never a panic, and never more memory than
//! the file can fill.

use std::fs;
use std::io::Write;
use std::path::Path;

use dataset::containers::{Container, open};
use proptest::{collection::vec, prelude::*, sample::Index};
use zip::write::{SimpleFileOptions, ZipWriter};

use super::{files, refused, sheets};

const ALL: [&str; 10] = [
    "one.npy",
    "several.npz",
    "v6.mat",
    "v7.mat",
    "no_numbers.mat",
    "v73.mat",
    "old.h5",
    "new.h5",
    "book.xlsx",
    "book.ods",
];

/// Reads everything in the file, whatever comes of it.
fn read_all(path: &Path) {
    match open(path) {
        Ok(Some(Container::Arrays(arrays))) => {
            arrays.list().iter().for_each(|about| drop(arrays.read(&about.name)));
        }
        Ok(Some(Container::Sheets(sheets))) => sheets.names().iter().for_each(|name| drop(sheets.rows(name))),
        Ok(None) => {}
        Err(error) => assert!(error.to_string().len() < 8000, "{error}"),
    }
}

fn read_bytes(bytes: &[u8]) {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    read_all(file.path());
}

#[test]
fn files_may_be_cut_anywhere() {
    for file in ALL {
        let bytes = fs::read(files().join(file)).unwrap();
        let step = 1 + bytes.len() / 300;
        (0..bytes.len()).step_by(step).for_each(|end| read_bytes(&bytes[..end]));
    }
}

proptest! {
    #[test]
    fn bytes_may_be_changed_anywhere(
        file in prop::sample::select(ALL.to_vec()),
        changes in vec((any::<Index>(), prop_oneof![any::<u8>(), Just(0), Just(0xff), Just(0x80)]), 1..6),
    ) {
        let mut bytes = fs::read(files().join(file)).unwrap();
        changes.iter().for_each(|(at, byte)| *at.get_mut(&mut bytes) = *byte);
        read_bytes(&bytes);
    }

    #[test]
    fn anything_may_follow_a_signature(
        start in prop::sample::select(vec![
            b"\x93NUMPY\x01\0".to_vec(),
            b"PK\x03\x04".to_vec(),
            b"\x89HDF\r\n\x1a\n\0".to_vec(),
            b"\x89HDF\r\n\x1a\n\x02\x08\x08".to_vec(),
            [&[b' '; 124][..], b"\0\x01IM\x0e\0\0\0"].concat(),
            [&[b' '; 124][..], b"\x01\0MI\0\0\0\x0f"].concat(),
        ]),
        rest in vec(any::<u8>(), 0..300),
    ) {
        read_bytes(&[start, rest].concat());
    }
}

/// A copy of a spreadsheet with one of its parts replaced.
fn with_part(file: &str, part: &str, change: impl Fn(&str) -> String) -> tempfile::NamedTempFile {
    let mut from = zip::ZipArchive::new(fs::File::open(files().join(file)).unwrap()).unwrap();
    let copy = tempfile::NamedTempFile::new().unwrap();
    let mut to = ZipWriter::new(copy.as_file());
    for index in 0..from.len() {
        let name = from.name_for_index(index).unwrap().unwrap().into_owned();
        let text = std::io::read_to_string(from.by_index(index).unwrap()).unwrap();
        to.start_file(name.clone(), SimpleFileOptions::default()).unwrap();
        let text = if name == part { change(&text) } else { text };
        to.write_all(text.as_bytes()).unwrap();
    }
    to.finish().unwrap();
    copy
}

const SHEET: &str = "xl/worksheets/sheet1.xml";

proptest! {
    // Behind the checksum of the archive.
    #[test]
    fn parts_of_spreadsheets_may_be_changed_anywhere(
        (file, part) in prop::sample::select(vec![
            ("book.xlsx", SHEET),
            ("book.xlsx", "xl/workbook.xml"),
            ("book.xlsx", "xl/styles.xml"),
            ("book.xlsx", "xl/sharedStrings.xml"),
            ("book.ods", "content.xml"),
        ]),
        at in any::<Index>(),
        replaced in 0_usize..40,
        by in "[<>/&;\"=a-z0-9 ]{0,12}",
    ) {
        let copy = with_part(file, part, |text| {
            let start = (0..=at.index(text.len())).rfind(|&at| text.is_char_boundary(at)).unwrap();
            let end = (start + replaced).min(text.len());
            let end = (end..=text.len()).find(|&at| text.is_char_boundary(at)).unwrap();
            [&text[..start], &by, &text[end..]].concat()
        });
        read_all(copy.path());
    }
}

#[test]
fn sheets_cannot_claim_more_than_they_have() {
    let cells = |cells: &str| {
        let copy = with_part("book.xlsx", SHEET, |_| {
            format!("<worksheet><sheetData>{cells}</sheetData></worksheet>")
        });
        sheets(copy.path()).rows("Run 1").map_err(|error| error.to_string())
    };
    assert_eq!(
        cells("<row><c><v>1</v></c><c t='inlineStr'><is><t>a</t></is></c></row>").unwrap(),
        [["1", "a"]]
    );
    assert_eq!(cells("<row r='1048576'><c r='A1048576'><v>1</v></c></row>").unwrap().len(), 1 << 20);
    let faults = [
        ("<row r='1048577'><c><v>1</v></c></row>", "row 1048577, column 1, beyond"),
        ("<row r='0'><c><v>1</v></c></row>", "it has a row \"0\""),
        ("<row><c r='AAAA1'><v>1</v></c></row>", "beyond"),
        ("<row><c r='A99999999999999999999'><v>1</v></c></row>", "it has a cell"),
        ("<row><c t='s'><v>99</v></c></row>", "a cell refers to text 99"),
        ("<row><c>", "byte "),
    ];
    for (text, why) in faults {
        let error = cells(text).unwrap_err();
        assert!(error.starts_with("sheet \"Run 1\" in ") && error.contains(why), "{error}");
    }
    let wide: String =
        (1..300).map(|row| format!("<row r='{row}'><c r='XFD{row}'><v>1</v></c></row>")).collect();
    assert!(cells(&wide).unwrap_err().contains("it has more than 42"));

    let table = |rows: &str| {
        let copy = with_part("book.ods", "content.xml", |_| {
            format!("<body><table:table table:name='a'>{rows}</table:table></body>")
        });
        sheets(copy.path()).rows("a").map_err(|error| error.to_string())
    };
    let row = |rows, columns, cell: &str| {
        format!(
            "<table:table-row table:number-rows-repeated='{rows}'><table:table-cell \
             table:number-columns-repeated='{columns}'>{cell}</table:table-cell></table:table-row>"
        )
    };
    assert_eq!(
        table(&(row(2, 2, "<text:p>a<text:s text:c='2'/>b</text:p>") + &row(1_048_574, 16_384, ""))).unwrap(),
        [["a  b", "a  b"], ["a  b", "a  b"]]
    );
    assert!(
        table(&row(1_000_000, 16_384, "<text:p>a</text:p>"))
            .unwrap_err()
            .contains("more than 4194368 cells with the empty and repeated ones: save it as CSV")
    );
    assert!(table(&row(2, u64::MAX, "<text:p>a</text:p>")).unwrap_err().contains("beyond 1048576 and 16384"));
    let empty = row(u64::MAX, u64::MAX, "");
    assert_eq!(table(&(empty.clone() + &empty)).unwrap().len(), 0);
    let copy =
        with_part("book.ods", "content.xml", |text| text[..text.find("</table:table-row>").unwrap()].into());
    assert!(
        sheets(copy.path()).rows("Run 1").unwrap_err().to_string().contains("part content.xml ends early")
    );
    let copy =
        with_part("book.ods", "META-INF/manifest.xml", |_| "<m><manifest:encryption-data/></m>".into());
    assert!(refused(copy.path()).ends_with("has a password: save it without one"));
}

/// The bytes of a MATLAB file with one variable of doubles, and the bytes that follow its axes.
fn matlab(axes: &[i32], bytes: u32, tail: &[u8]) -> Vec<u8> {
    let mut inside = Vec::new();
    let word = |word: u32| word.to_le_bytes();
    inside.extend([word(6), word(8), word(6), word(0)].concat());
    inside.extend([word(5), word(4 * axes.len() as u32)].concat());
    axes.iter().for_each(|axis| inside.extend(axis.to_le_bytes()));
    inside.resize(inside.len().next_multiple_of(8), 0);
    inside.extend([word(1 << 16 | 1), *b"x\0\0\0", word(9), word(bytes)].concat());
    inside.extend(tail);
    let mut file = vec![b' '; 124];
    file.extend(b"\0\x01IM");
    file.extend([word(14), word(inside.len() as u32)].concat());
    [file, inside].concat()
}

#[test]
fn matlab_arrays_cannot_claim_more_than_they_have() {
    let read = |bytes: &[u8]| {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), bytes).unwrap();
        super::arrays(file.path()).read("x").map_err(|error| error.to_string())
    };
    assert_eq!(read(&matlab(&[1, 1], 8, &1_f64.to_le_bytes())).unwrap().values, [1.0]);
    for (file, why) in [
        (matlab(&[i32::MAX, i32::MAX], 8, &[0; 8]), "at most 2^31 numbers are read"),
        (matlab(&[i32::MAX, i32::MAX, 0], 0, &[]), "at most 2^31 numbers are read"),
        (
            matlab(&[1 << 28, 1], 8, &[0; 8]),
            "is damaged (it has 8 bytes for the shape [268435456, 1] of numbers <f8): save",
        ),
        (matlab(&[1 << 28, 1], 1 << 31, &[0; 8]), " is damaged (its data end early): save it again"),
    ] {
        let error = read(&file).unwrap_err();
        assert!(error.contains(why), "{error}");
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), matlab(&[-1, 1], 8, &[0; 8])).unwrap();
    assert!(refused(file.path()).contains("an axis has length 4294967295"));
}
