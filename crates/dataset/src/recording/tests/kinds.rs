//! Files of arrays and workbooks give the same recording as text.

use super::*;
use crate::arrays::{Array, write_npz};

#[test]
fn npz_gives_what_csv_gives() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.csv");
    let values: Vec<f64> = (0..24).map(|k| (f64::from(k) * 0.7).sin()).collect();
    let t = Array::new([4], vec![0.0, 0.1, 0.2, 0.30000000000000004]);
    let x = Array::new([3, 4, 2], values.clone());
    write_npz(&path, &[("t", &t), ("x", &x)]).unwrap();
    let mut reading = Reading { least: 2, memory: None, progress: &mut |_, _| {} };
    let recording = read(std::slice::from_ref(&path), &Settings::default(), &mut reading).unwrap();
    assert_eq!(names(&recording.states), [["x1", ""], ["x2", ""]]);
    assert_eq!(recording.dt, 0.1);
    let read: Vec<f64> = recording.segments.iter().flat_map(|part| part.states.clone()).collect();
    assert_eq!((read, recording.segments.len()), (values, 3));
    assert!(recording.segments[2].name.ends_with("runs.csv: 3"));

    let expected = estimate(std::slice::from_ref(&path), &Settings::default()).unwrap();
    assert_eq!((expected.numbers, expected.memory), (36, 576));
    reading.memory = Some(500);
    let error = super::read(&[path], &Settings::default(), &mut reading).unwrap_err().to_string();
    assert!(
        error.contains("hold about 36 numbers, which take 576 bytes of memory, and 500 bytes may be used"),
        "{error}"
    );
}

/// A workbook with these sheets, as little as the format asks for.
fn workbook(path: &std::path::Path, sheets: &[(&str, &[&[&str]])]) {
    use std::io::Write;
    let mut zip = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
    let mut part = |name: &str, text: String| {
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    };
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let relations = |list: String| {
        format!(
            "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">{list}</Relationships>"
        )
    };
    part(
        "[Content_Types].xml",
        "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"/>".into(),
    );
    let root =
        format!("<Relationship Id=\"r0\" Type=\"{office}/officeDocument\" Target=\"xl/workbook.xml\"/>");
    part("_rels/.rels", relations(root));
    let (mut names, mut links) = (String::new(), String::new());
    for (at, (name, rows)) in sheets.iter().enumerate() {
        names += &format!("<sheet name=\"{name}\" sheetId=\"{}\" r:id=\"r{at}\"/>", at + 1);
        links += &format!(
            "<Relationship Id=\"r{at}\" Type=\"{office}/worksheet\" Target=\"worksheets/s{at}.xml\"/>"
        );
        let cell = |text: &&str| match text.parse::<f64>() {
            Ok(number) => format!("<c><v>{number}</v></c>"),
            Err(_) => format!("<c t=\"inlineStr\"><is><t>{text}</t></is></c>"),
        };
        let row = |row: &&[&str]| format!("<row>{}</row>", row.iter().map(cell).collect::<String>());
        let rows: String = rows.iter().map(row).collect();
        part(
            &format!("xl/worksheets/s{at}.xml"),
            format!("<worksheet xmlns=\"{main}\"><sheetData>{rows}</sheetData></worksheet>"),
        );
    }
    part("xl/_rels/workbook.xml.rels", relations(links));
    part(
        "xl/workbook.xml",
        format!("<workbook xmlns=\"{main}\" xmlns:r=\"{office}\"><sheets>{names}</sheets></workbook>"),
    );
    zip.finish().unwrap();
}

#[test]
fn a_sheet_goes_through_the_same_header_and_the_same_missing_cells() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book.txt");
    let rows: [&[&str]; 7] = [
        &["Measured on Monday"],
        &["t", "U [V]", "note"],
        &["0", "1.5"],
        &["0.5", "n/a", "broken"],
        &["1", "2.5"],
        &["1.5", "3"],
        &["2", "4"],
    ];
    workbook(&path, &[("one", &rows), ("two", &[&["a"]])]);
    let mut reading = Reading { least: 1, memory: None, progress: &mut |_, _| {} };
    let mut read = |keys: &str| {
        let recording = super::read(std::slice::from_ref(&path), &settings(keys), &mut reading);
        recording.map_err(|error| error.to_string())
    };
    let recording = read("sheet = \"one\"").unwrap();
    assert_eq!(names(&recording.states), [["U", "V"]]);
    assert_eq!((states(&recording), recording.dt), (vec![vec![1.5], vec![2.5, 3.0, 4.0]], 0.5));
    notes(&recording, "column \"note\" is left out");
    let says = |error: String, words: &str| assert!(error.contains(words), "{error}");
    says(read("").unwrap_err(), "has 2 sheets, \"one\", \"two\": set recording.sheet to one of them");
    says(read("sheet = \"on\"").unwrap_err(), "has no sheet \"on\"; it has \"one\", \"two\"");
    says(
        read("sheet = \"one\"\nmissing = \"error\"").unwrap_err(),
        "book.txt, sheet \"one\", row 4: column \"U\" holds \"n/a\" where a number should be",
    );
    says(read("sheet = \"two\"").unwrap_err(), "has no row of numbers");
}

#[test]
fn matlab_and_hdf5_give_the_numbers_that_other_programs_wrote() {
    let folder = std::path::Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("tests/files");
    let mut reading = Reading { least: 2, memory: None, progress: &mut |_, _| {} };
    let mut read = |file: &str, dataset: &str| {
        let keys = format!("dt = 0.5\ndataset = {dataset:?}");
        super::read(&[folder.join(file)], &settings(&keys), &mut reading).unwrap()
    };
    let eighths: Vec<f64> = (-8..6).map(|number| f64::from(number) / 8.0).collect();
    for file in ["v6.mat", "v7.mat", "v73.mat", "several.npz", "one.npy"] {
        let dataset = if file == "one.npy" { "one" } else { "x" };
        let recording = read(file, dataset);
        assert_eq!(recording.segments.len(), 1, "{file}");
        match file {
            "several.npz" => assert_eq!((recording.states.len(), recording.segments[0].samples), (3, 7)),
            _ => assert_eq!(recording.segments[0].states, eighths, "{file}"),
        }
    }
    let counts: Vec<f64> = (-3..11).map(f64::from).collect();
    let recording = read("old.h5", "run1/deep/u");
    assert_eq!((recording.segments[0].states.clone(), recording.dt), (counts, 0.5));
    assert_eq!(names(&recording.states), [["u1", ""], ["u2", ""]]);
}

#[test]
fn a_range_of_rows_is_read_of_each_file() {
    let folder = tempfile::tempdir().unwrap();
    let text: String = (0..20).map(|i| format!("{i},{}\n", 10 * i)).collect();
    let path = folder.path().join("a.csv");
    std::fs::write(&path, format!("t [s],x\n{text}")).unwrap();
    let with = |rows: [usize; 2]| {
        let settings = Settings { rows: Some(rows), ..Settings::default() };
        let mut silent = |_, _| {};
        let mut reading = Reading { least: 2, memory: None, progress: &mut silent };
        read(std::slice::from_ref(&path), &settings, &mut reading)
    };
    let (first, rest) = (with([0, 12]).unwrap(), with([12, 20]).unwrap());
    assert_eq!((first.segments[0].start, first.segments[0].samples), (0.0, 12));
    assert_eq!((rest.segments[0].start, rest.segments[0].states[..2].to_vec()), (12.0, vec![120.0, 130.0]));
    let error = with([12, 21]).unwrap_err().to_string();
    assert!(error.contains("a.csv: has 20 rows, and recording.rows = [12, 21] asks for more"), "{error}");
}

#[test]
fn keys_that_do_nothing_for_a_kind_of_file_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    std::fs::write(&path, "t,x [V]\n0,1\n1,2\n2,3\n").unwrap();
    let says = |path: &std::path::Path, settings: Settings, words: &str| {
        let mut silent = |_, _| {};
        let mut reading = Reading { least: 2, memory: None, progress: &mut silent };
        let error = read(&[path.to_owned()], &settings, &mut reading).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    let text = || Some("a".to_owned());
    says(
        &path,
        Settings { sheet: text(), ..Settings::default() },
        "a text file, for which recording.sheet does",
    );
    says(
        &path,
        Settings { dataset: text(), ..Settings::default() },
        "recording.dataset does nothing: remove it",
    );
    let unit = |name: &str| Settings { units: [(name.into(), "V".into())].into(), ..Settings::default() };
    says(&path, unit("level"), "recording.units names \"level\", but the columns are t, x");
    let arrays = folder.path().join("a.npz");
    let x = crate::arrays::Array::new([4, 1], vec![0.0, 1.0, 3.0, 2.0]);
    crate::arrays::write_npz(&arrays, &[("x", &x)]).unwrap();
    let dt = Some(1.0);
    says(
        &arrays,
        Settings { dt, sheet: text(), ..Settings::default() },
        "a file of arrays, for which recording.sheet",
    );
    says(&arrays, Settings { dt, ..unit("level") }, "recording.units names \"level\", but the columns are x");
}
