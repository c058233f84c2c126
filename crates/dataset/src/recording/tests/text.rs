//! How text files are written: separators, headers, missing cells.

use super::*;

const STRAIGHT: [f64; 6] = [1.5, -2.0, 2.5, 3.0, 3.5, 4.0];

#[test]
fn the_same_numbers_are_read_from_every_dialect() {
    let rows = ["t,x,y", "0,1.5,-2", "0.5,2.5,3", "1,3.5,4"];
    let text = |separator: &str, end: &str| rows.map(|row| row.replace(',', separator) + end).concat();
    let comma = |separator: &str| {
        let text = rows.map(|row| row.replace(',', separator).replace('.', ",") + "\n").concat();
        text.replace("t,", "t")
    };
    let utf16: Vec<u8> = "\u{feff}"
        .encode_utf16()
        .chain(text(";", "\r\n").encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut packer, text(",", "\n").as_bytes()).unwrap();
    let quoted = "\"t\",\"x\",\"y\"\n\"0\",\"1.5\",\"-2\"\n\"0.5\",\"2.5\",\"3\"\n\"1\",\"3.5\",\"4\"\n";
    let files: Vec<Vec<u8>> = vec![
        text(",", "\n").into(),
        text(",", "\r\n").into(),
        text(",", "\r").into(),
        text(";", "\n").into(),
        text("\t", "\n").into(),
        text("   ", "\n").into(),
        text(" \t ", " \n").into(),
        text("|", "\n").into(),
        comma(";").into(),
        comma("\t").into(),
        comma("  ").into(),
        ["\u{feff}".as_bytes(), text(",", "\n").as_bytes()].concat(),
        utf16,
        packer.finish().unwrap(),
        quoted.into(),
        text(",", ",\n").into(),
        text(",", ",,\n").into(),
        (text(",", "\n") + "\n\r\n  \n,,\n").into(),
        text(",", "\n").trim_end().into(),
        (String::from("# from the lab\n%\n~x\n\n") + &text(",", "\n# between\n")).into(),
    ];
    for (at, bytes) in files.iter().enumerate() {
        let recording =
            read_files(&[("data.anything", bytes)], "", 2).unwrap_or_else(|error| panic!("{at}: {error}"));
        assert_eq!(states(&recording), [STRAIGHT], "file {at}");
        assert_eq!((recording.dt, recording.segments[0].start), (0.5, 0.0), "file {at}");
        assert_eq!(names(&recording.states), [["x", ""], ["y", ""]], "file {at}");
    }
}

#[test]
fn an_ambiguous_dialect_is_an_error_with_the_line_and_the_key() {
    let text = "1,5\n2,5\n3,6\n";
    refuses(text, "dt = 1.0", "a.csv, line 2: \"2,5\" can be read as 2 columns");
    refuses(text, "dt = 1.0", "set `separator` or `decimal`");
    assert_eq!(states(&read_text(text, "dt = 1.0\ndecimal = \",\"").unwrap()), [[1.5, 2.5, 3.6]]);
    let two = "dt = 1.0\nseparator = \",\"\nstates = [\"x1\", \"x2\"]";
    assert_eq!(states(&read_text(text, two).unwrap()), [[1.0, 5.0, 2.0, 5.0, 3.0, 6.0]]);
}

#[test]
fn units_and_names_come_from_headers_and_settings() {
    let text = "t [s];U[V];i (mA);p/kPa;T\n0;1;2;3;4\n1;2;3;4;6\n";
    let recording = read_text(text, "units = { T = \"K\", \"U[V]\" = \"mV\" }\ninputs = \"i\"").unwrap();
    assert_eq!(names(&recording.states), [["U", "mV"], ["p", "kPa"], ["T", "K"]]);
    assert_eq!(names(&recording.inputs), [["i", "mA"]]);
    assert_eq!(recording.segments[0].inputs, [2.0, 3.0]);
    let recording = read_text("t;U\ns;V\n0;1\n1;2\n", "states = [\"U\"]").unwrap();
    assert_eq!(names(&recording.states), [["U", "V"]]);
    notes(&recording, "units are taken from the row below the names");
    let latin = b"t;T [\xb0C]\n0;1\n1;2\n";
    let recording = read_files(&[("a.csv", latin)], "", 2).unwrap();
    assert_eq!(names(&recording.states), [["T", "\u{b0}C"]]);
    notes(&recording, "Latin-1");
}

#[test]
fn the_header_rows_of_a_logger_are_counted_and_skipped() {
    let text = "\"TOA5\",\"CR1000\",\"CR1000\",\"1234\"\n\"TIMESTAMP\",\"RECORD\",\"BattV\",\"Temp\"\n\
                \"TS\",\"RN\",\"Volts\",\"DegC\"\n\"\",\"\",\"Avg\",\"Smp\"\n\
                \"2024-01-01 00:00:00\",0,12.5,20.1\n\"2024-01-01 00:00:01\",1,12.6,\"NAN\"\n\
                \"2024-01-01 00:00:02\",2,12.7,20.3\n\"2024-01-01 00:00:02\",3,12.7,20.3\n";
    refuses(text, "", "a.csv, line 8: the time 1704067202 is that of line 7 too");
    let recording = read_files(&[("a.dat", text.as_bytes())], "duplicates = \"first\"", 1).unwrap();
    assert_eq!(names(&recording.states), [["BattV", "Volts"], ["Temp", "DegC"]]);
    assert_eq!(states(&recording), [[12.5, 20.1], [12.7, 20.3]]);
    notes(&recording, "2 rows above the numbers hold neither names nor units");
    notes(&recording, "column \"RECORD\" is left out: it counts rows");
}

#[test]
fn columns_without_names_are_numbered() {
    let recording = read_text("0.5 1\n1.5 2\n2.5 4\n", "dt = 1.0").unwrap();
    assert_eq!(names(&recording.states), [["x1", ""], ["x2", ""]]);
    notes(&recording, "there are no names; the columns are called x1 to x2");
    let recording = read_text("t,a\n0,1,7\n1,2,9\n", "").unwrap();
    assert_eq!(names(&recording.states), [["a", ""], ["x3", ""]]);
    notes(&recording, "the rows have 1 column more than there are names, called x3");
}

#[test]
fn columns_of_no_use_are_left_out_and_explained() {
    let text = "uEst,yEst,Ts,mode,k,\r\n1,5,4,auto,3,\r\n2,6,,auto,3,\r\n3,8,,auto,3,\r\n\r\n";
    let recording = read_text(text, "dt = 4.0").unwrap();
    assert_eq!(names(&recording.states), [["uEst", ""], ["yEst", ""]]);
    notes(&recording, "column \"Ts\" is left out: it has one number only, 4");
    notes(&recording, "column \"mode\" is left out: it holds text, such as \"auto\"");
    notes(&recording, "column \"k\" is left out: it is constant, 3");
    refuses(
        text,
        "dt = 4.0\nstates = [\"mode\"]",
        "a.csv: column \"mode\" has no numbers; it holds \"auto\" on line 2",
    );
    refuses(
        text,
        "dt = 4.0\nstates = [\"yest2\"]",
        "recording.states names \"yest2\", but the columns are uEst, yEst, Ts",
    );
    refuses(text, "dt = 4.0\nstates = [\"Ts\"]", "no part of the recording has 2 samples in a row");
    refuses("a,b\n1,1\n1,1\n", "dt = 1.0", "no column is left to learn from");
    refuses(text, "", "no column is called t, time or the like: set recording.time");
}

#[test]
fn missing_cells_split_are_filled_or_are_errors() {
    for word in ["", "NaN", "-", "NULL", "n/a", "broken"] {
        let text = format!("t,x,y\n0,1,1\n1,2,1\n2,{word},1\n3,4,2\n4,5,1\n");
        let recording = read_text(&text, "").unwrap();
        assert_eq!(states(&recording), [[1.0, 1.0, 2.0, 1.0], [4.0, 2.0, 5.0, 1.0]], "{word}");
        assert_eq!(recording.segments[1].start, 3.0);
        notes(&recording, "1 row with missing cells was left out");
        let recording = read_text(&text, "missing = { interpolate = 1 }").unwrap();
        assert_eq!(states(&recording), [[1.0, 1.0, 2.0, 1.0, 3.0, 1.0, 4.0, 2.0, 5.0, 1.0]]);
        notes(&recording, "1 missing cell was interpolated linearly, in runs of at most 1");
        let says = match word {
            "" => "a.csv, line 4: column \"x\" is empty where a number should be".into(),
            _ => format!("a.csv, line 4: column \"x\" holds {word:?} where a number should be"),
        };
        refuses(&text, "missing = \"error\"", &says);
        if word == "broken" {
            notes(
                &recording,
                "column \"x\" has 1 cell with text that counts as missing, the first \"broken\" on line 4",
            );
        }
    }
    let long = "t,x\n0,1\n1,2\n2,\n3,\n4,5\n5,6\n";
    assert_eq!(read_text(long, "missing = { interpolate = 1 }").unwrap().segments.len(), 2);
    assert_eq!(read_text(long, "missing = \"interpolate\"").unwrap().segments.len(), 1);
}

#[test]
fn broken_rows_are_named_by_their_line() {
    refuses("# a\n\nt,x\n0,1\n\n1,2,3\n2,4\n2,4\n2,4\n", "", "a.csv, line 6");
    refuses("t,x\n0,1\n1,2\n2,3,9\n", "", "a.csv, line 4: has 3 cells, but the rows before it have 2");
    let cut = read_text("t,x,y\n0,1,2\n1,2,3\n2,3\n", "").unwrap();
    assert_eq!(cut.segments[0].samples, 2);
    notes(&cut, "1 row has fewer cells than the others, the first on line 4");
    // A line of separators is a missing sample where others follow.
    let empty = read_text("x,y\n1,2\n2,3\n,\n3,4\n5,5\n", "dt = 1.0").unwrap();
    assert_eq!((empty.segments.len(), empty.segments[1].start), (2, 3.0));
}
