//! Files of arrays and sheets as other programs write them, and damaged ones.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot go on has failed

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use dataset::arrays::Array;
use dataset::containers::{Arrays, Container, ContainerError, Sheets, open};

mod damage;

fn files() -> PathBuf {
    Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("tests/files")
}

fn arrays(path: &Path) -> Box<dyn Arrays> {
    match open(path) {
        Ok(Some(Container::Arrays(arrays))) => arrays,
        Ok(_) => panic!("{} has no arrays", path.display()),
        Err(error) => panic!("{error}"),
    }
}

fn sheets(path: &Path) -> Box<dyn Sheets> {
    match open(path) {
        Ok(Some(Container::Sheets(sheets))) => sheets,
        Ok(_) => panic!("{} has no sheets", path.display()),
        Err(error) => panic!("{error}"),
    }
}

fn refused(path: &Path) -> String {
    match open(path) {
        Ok(_) => panic!("{} is read", path.display()),
        Err(error) => error.to_string(),
    }
}

/// The names, shapes and types of what a file holds, those of numbers marked.
fn listed(file: &str) -> Vec<String> {
    let list = arrays(&files().join(file)).list();
    let line = |about: &dataset::containers::ArrayAbout| {
        format!("{}{} {:?} {}", if about.numbers { "+" } else { "-" }, about.name, about.shape, about.what)
    };
    list.iter().map(line).collect()
}

/// Compares every array of `expected.txt` in the folder, bit by bit. Returns how many there are.
fn compare(folder: &Path) -> usize {
    let expected = fs::read_to_string(folder.join("expected.txt")).unwrap();
    for line in expected.lines() {
        let [file, name, shape, numbers] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line:?} does not have four parts");
        };
        let shape: Vec<usize> = shape.split_whitespace().map(|axis| axis.parse().unwrap()).collect();
        let values = numbers.split_whitespace().map(|value| value.parse().unwrap()).collect();
        let expected = Array::new(shape, values);
        let read = match open(&folder.join(file)).unwrap() {
            Some(Container::Arrays(arrays)) => arrays.read(name).unwrap(),
            Some(Container::Sheets(sheets)) => {
                let rows = sheets.rows(name).unwrap();
                let values: Vec<f64> = rows[1..].iter().map(|row| row[1].parse().unwrap()).collect();
                Array::new([values.len()], values)
            }
            None => panic!("{file} is of no known kind"),
        };
        let bits = |array: &Array| array.values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        assert_eq!(read.shape, expected.shape, "{file}: {name}");
        assert_eq!(bits(&read), bits(&expected), "{file}: {name}");
    }
    expected.lines().count()
}

#[test]
fn arrays_of_other_programs_are_read_bit_for_bit() {
    assert!(compare(&files()) > 60);
}

#[test]
#[ignore = "needs Python with scipy, h5py, openpyxl and odfpy: ATTRACTOR_PYTHON names it"]
fn fresh_random_files_are_read_bit_for_bit() {
    let python = std::env::var("ATTRACTOR_PYTHON").expect("ATTRACTOR_PYTHON is not set");
    for seed in 0..5 {
        let folder = tempfile::tempdir().unwrap();
        let mut make = Command::new(&python);
        make.arg(files().join("make.py")).arg(folder.path()).arg(seed.to_string());
        assert!(make.status().unwrap().success());
        assert!(compare(folder.path()) > 60);
    }
}

#[test]
fn the_kind_is_told_from_the_content() {
    let kinds = [
        ("one.npy", "NPY"),
        ("several.npz", "NPZ"),
        ("v6.mat", "MATLAB v5"),
        ("v73.mat", "MATLAB v7.3"),
        ("new.h5", "HDF5"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("measured.csv");
    for (file, kind) in kinds {
        fs::copy(files().join(file), &path).unwrap();
        assert_eq!(arrays(&path).kind(), kind);
    }
    fs::copy(files().join("book.ods"), &path).unwrap();
    assert_eq!(sheets(&path).names(), ["Run 1", "second"]);
    let texts: [&[u8]; 5] = [b"", b"t,x\n0,1\n", b"\xff\xfet\0,\0", b"\x1f\x8b\x08", &[b'a'; 4096]];
    for text in texts {
        fs::write(&path, text).unwrap();
        assert!(open(&path).unwrap().is_none(), "{text:?}");
    }
    #[cfg(unix)]
    assert!(open(Path::new("/dev/null")).unwrap().is_none());
}

#[test]
fn what_cannot_be_read_as_numbers_is_listed_with_its_type() {
    let matlab = [
        "+x [7, 2] double",
        "+logical [1, 7] logical",
        "+nothing [0, 3] double",
        "+int8 [2, 3] int8",
        "+/run/inner/u [1, 7] int16",
        "-/run/label [1, 4] char",
        "-cell [1, 2] cell array",
        "-complex [2, 2] complex double",
        "-text [1, 6] char",
        "-sparse [3, 3] sparse",
    ];
    let list = listed("v7.mat");
    matlab.iter().for_each(|line| assert!(list.contains(&line.to_string()), "{line} is not in {list:?}"));
    assert_eq!(list, listed("v6.mat"));
    assert_eq!(
        listed("v73.mat"),
        [
            "-cell [1, 1] cell",
            "-complex [2, 2] complex double",
            "+cube [2, 3, 4] single",
            "+nothing [0, 3] double",
            "+on [7, 1] logical",
            "-text [1, 4] char",
            "+x [7, 2] double",
            "+/run/y [7, 1] int16",
            "-sparse [] sparse"
        ]
    );
    let list = listed("old.h5");
    for line in [
        "+/run1/deep/u [7, 2] int32",
        "+big_integers [7] int16",
        "+on [7] bool",
        "+scalar [] float64",
        "-text [] text",
        "-texts [2] text",
        "-records [2] records with the fields t, x",
        "-complex [2] complex numbers",
    ] {
        assert!(list.contains(&line.to_string()), "{line} is not in {list:?}");
    }
    let sorted = |mut list: Vec<String>| {
        list.sort();
        list
    };
    assert_eq!(sorted(list), sorted(listed("new.h5")));
    assert_eq!(listed("several.npz"), ["+count [7] <i4", "+on [7] |b1", "-text [2] <U1", "+x [7, 3] <f8"]);
}

#[test]
fn errors_say_what_there_is() {
    let error = refused(&files().join("no_numbers.mat"));
    assert!(
        error.ends_with(
            "no_numbers.mat has no array of real numbers; it holds \"c\" (1x3 cell array), \"s\" (1x2 struct array \
             with the fields a, b): save the numbers as arrays of their own"
        ),
        "{error}"
    );
    let read = |file: &str, name: &str| arrays(&files().join(file)).read(name).unwrap_err().to_string();
    for (file, name, expected) in [
        (
            "several.npz",
            "cuont",
            "several.npz has no array named \"cuont\"; did you mean \"count\"? It has \"count\", \"on\"",
        ),
        ("one.npy", "x", "one.npy has no array named \"x\". It has \"one\""),
        ("v7.mat", "/run/inner/v", "did you mean \"/run/inner/u\"? It has \"x\", \"cube\", "),
        ("new.h5", "run1/y", "did you mean \"/run1/x\"?"),
        (
            "new.h5",
            "/run2/both",
            "index cannot be enumerated): write it again with gzip or without compression",
        ),
        ("v7.mat", "cell", "array \"cell\" in "),
        ("v7.mat", "cell", "v7.mat is of type cell array and not of real numbers: save it"),
        ("v73.mat", "complex", "v73.mat is of type complex double and not of real numbers: write it"),
        ("several.npz", "text", "has dtype \"<U1\", which is none of those read here"),
    ] {
        let error = read(file, name);
        assert!(error.contains(expected), "{error}");
    }
    let error = sheets(&files().join("book.xlsx")).rows("Run").unwrap_err().to_string();
    assert!(
        error.ends_with(
            "has no sheet named \"Run\"; did you mean \"Run 1\"? It has \"Run 1\", \"µ & 2\", \"empty\""
        ),
        "{error}"
    );
    let error = open(Path::new("none.mat")).err().unwrap();
    assert!(
        matches!(&error, ContainerError::Io(..)) && error.to_string().starts_with("cannot read none.mat: ")
    );
    assert!(refused(&files()).contains("files: is a directory"));
}

#[test]
fn paths_are_accepted_with_and_without_a_slash() {
    for (file, names) in [("v6.mat", ["/run/y", "run/y"]), ("old.h5", ["big", "/big"])] {
        let arrays = arrays(&files().join(file));
        assert_eq!(arrays.read(names[0]).unwrap(), arrays.read(names[1]).unwrap());
    }
}

#[test]
fn kinds_that_are_known_but_not_read_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let zip = |names: &[&str]| {
        let mut zip = zip::ZipWriter::new(fs::File::create(&path).unwrap());
        for name in names {
            zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        }
        zip.finish().unwrap();
        refused(&path)
    };
    let error = zip(&["a.csv", "b.csv"]);
    assert!(
        error.contains("is a zip archive, but neither") && error.contains("it holds \"a.csv\", \"b.csv\""),
        "{error}"
    );
    assert!(zip(&[]).contains("it holds nothing"));
    assert!(zip(&["xl/workbook.bin", "[Content_Types].xml"]).contains("save it as .xlsx"));
    let matlab4 =
        [&[0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, b'x', 0][..], &[0; 8]].concat();
    fs::write(&path, matlab4).unwrap();
    assert!(refused(&path).contains("is a MATLAB v4 file, which is not read: in MATLAB, save it with -v7"));
    fs::write(&path, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and more").unwrap();
    assert!(refused(&path).contains("save it as .xlsx without a password"));
}

#[test]
fn cells_are_text() {
    let book = sheets(&files().join("book.xlsx"));
    assert_eq!(book.names(), ["Run 1", "µ & 2", "empty"]);
    let rows = book.rows("Run 1").unwrap();
    assert_eq!(rows.len(), 8);
    assert_eq!(rows[0], ["time", "x [V]", "label", "note"]);
    assert_eq!(rows[1], ["2024-02-29T12:00:00.5", "-1", "a & <b>", "0"]);
    assert_eq!(rows[2], ["2024-02-29T12:00:00.6", "-0.875", "a & <b>"]);
    let empty: [&str; 0] = [];
    let rows = book.rows("µ & 2").unwrap();
    assert_eq!(rows[0], empty);
    assert_eq!(rows[1], ["", "0.1", "1", "=B2*2"]);
    assert_eq!(rows[3], ["", "2024-03-01", "90", "1e300", "#N/A"]);
    assert!(book.rows("empty").unwrap().is_empty());

    let book = sheets(&files().join("book.ods"));
    let rows = book.rows("Run 1").unwrap();
    assert_eq!(rows[0], ["time", "x [V]", "label", "note"]);
    assert_eq!(rows[1], ["2024-02-29T12:00:00.500000", "-1", "a & <b>", "0"]);
    let rows = book.rows("second").unwrap();
    assert_eq!(rows[0], empty);
    assert_eq!(rows[1], ["", "date", "on", "x", "text"]);
    assert_eq!(rows[2], ["", "2024-03-01", "1", "0.1", "a  b"]);
}
