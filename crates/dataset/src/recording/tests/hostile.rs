//! Files that no logger wrote.

use super::*;

#[test]
fn nothing_to_read_is_told() {
    for (bytes, words) in [
        (&b""[..], "a.csv: is empty"),
        (b"\n\n\n", "has no row"),
        (b"# only comments\n", "has no row"),
        (b"a,b,c\n", "has no row"),
        (b"the quick brown fox\njumps over\n", "has no row"),
        (b"\xef\xbb\xbf", "a.csv: is empty"),
        (b"t,x\n0,1\n\0\0\0\n", "a.csv, line 3: has a NUL byte"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "NUL byte"),
        (b"\x1f\x8b\x08\0broken", "a.csv: cannot be read"),
    ] {
        let error = read_files(&[("a.csv", bytes)], "", 2).unwrap_err();
        assert!(error.contains(words), "{bytes:?}: {error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let mut reading = Reading { least: 2, memory: None, progress: &mut |_, _| {} };
    let error = read(&[folder.path().into()], &Settings::default(), &mut reading).unwrap_err().to_string();
    assert!(error.contains("is not a file"), "{error}");
    let error = read(&[folder.path().join("b")], &Settings::default(), &mut reading).unwrap_err().to_string();
    assert!(error.contains("b: cannot be read: "), "{error}");
}

#[test]
fn lines_without_end_are_refused() {
    refuses(
        &format!("{}\n", "1,".repeat(20_000)).repeat(3),
        "dt = 1.0",
        "has 20001 columns, and at most 10000 are read",
    );
    let wide = "1,".repeat(10_000_000);
    refuses(&wide, "dt = 1.0", "a.csv, line 1: is longer than 1 MiB");
    refuses(&format!("t,x\n0,1\n1,2\n{wide}"), "", "a.csv, line 4: is longer than 1 MiB");
    refuses(&format!("t,x\n0,1\n1,\"{}", "2\n".repeat(2_000_000)), "", "a.csv");
    // A gzip file of zeros unpacks to a thousand times its size.
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut packer, &vec![b'1'; 1 << 26]).unwrap();
    let bomb = packer.finish().unwrap();
    let error = read_files(&[("a.csv.gz", &bomb)], "dt = 1.0", 2).unwrap_err();
    assert!(error.contains("longer than 1 MiB"), "{error}");
}

#[test]
fn a_file_that_does_not_fit_is_refused_before_and_while_it_is_read() {
    let row = "1.5,2.5,3.5\n";
    let (_folder, paths) = written(&[("a.csv", row.repeat(200_000).as_bytes())]);
    let keys = settings("dt = 1.0");
    let expected = estimate(&paths, &keys).unwrap();
    assert_eq!(expected.bytes, 2_400_000);
    assert!(expected.numbers.abs_diff(600_000) < 6000, "{expected:?}");
    let mut calls = 0;
    let mut reading = Reading { least: 2, memory: Some(1_000_000), progress: &mut |_, _| calls += 1 };
    let error = read(&paths, &keys, &mut reading).unwrap_err().to_string();
    assert!(
        error.contains("hold about") && error.contains("9.6 MB of memory, and 1.0 MB may be used"),
        "{error}"
    );
    assert_eq!(calls, 0);

    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut packer, row.repeat(200_000).as_bytes()).unwrap();
    let (_folder, paths) = written(&[("a.csv", &packer.finish().unwrap())]);
    let mut reading = Reading { least: 2, memory: Some(1_000_000), progress: &mut |_, _| {} };
    let error = read(&paths, &keys, &mut reading).unwrap_err().to_string();
    assert!(error.contains("hold more than"), "{error}");
}
