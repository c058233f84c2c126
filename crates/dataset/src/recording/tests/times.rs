//! Times, gaps, duplicates, trajectories.

use super::*;

fn rows(count: usize, time: impl Fn(usize) -> String) -> String {
    (0..count).fold("t,x\n".to_owned(), |text, k| text + &format!("{},{}\n", time(k), k * k))
}

#[test]
fn times_of_all_kinds_give_one_interval() {
    let date = |k: usize| format!("2026-11-28T12:{:02}:{:02}.5+01:00", k / 60, k % 60);
    let recording = read_text(&rows(100, date), "").unwrap();
    assert_eq!((recording.dt, recording.segments.len()), (1.0, 1));
    assert_eq!(recording.segments[0].start, 1_795_863_600.5);
    notes(&recording, "the times are dates");
    let recording = read_text(&rows(50, |k| format!("{}", 1_700_000_000_000 + 40 * k as u64)), "").unwrap();
    assert_eq!((recording.dt, recording.segments[0].start), (0.04, 1.7e9));
    notes(&recording, "milliseconds since 1970");
    let recording = read_text(&rows(50, |k| format!("{}", 0.1 * k as f64)), "").unwrap();
    assert_eq!(recording.dt, 0.1);
    assert!(!recording.notes.iter().any(|note| note.contains("differ from")));
    notes(&recording, "recording.time is not set; the time is column \"t\"");
}

#[test]
fn jitter_is_told_and_uneven_times_are_resampled_on_demand() {
    let recording = read_text(&rows(100, |k| format!("{:.2}", k as f64 / 60.0)), "").unwrap();
    notes(&recording, "as rounding of the times explains");
    let jittery = |k: usize| format!("{}", k as f64 + if k == 50 { 0.05 } else { 0.0 });
    let recording = read_text(&rows(100, jittery), "").unwrap();
    notes(&recording, "time steps differ from the sample interval");
    notes(&recording, "line 53");

    let uneven = rows(40, |k| format!("{}", k as f64 + 0.4 * f64::from(k % 3 == 1)));
    refuses(&uneven, "", "so the times are uneven: set resample = ");
    let line = (0..40).fold("t,x\n".to_owned(), |text, k| {
        let time = f64::from(k) + 0.4 * f64::from(k % 3 == 1);
        text + &format!("{time},{}\n", 2.0 * time + 1.0)
    });
    let recording = read_text(&line, "resample = 0.5").unwrap();
    assert_eq!((recording.dt, recording.segments[0].samples), (0.5, 79));
    for (k, value) in recording.segments[0].states.iter().enumerate() {
        assert!((value - (k as f64 + 1.0)).abs() < 1e-12);
    }
}

#[test]
fn gaps_split_or_are_errors_and_are_never_interpolated() {
    let gappy = rows(20, |k| format!("{}", k + if k >= 12 { 30 } else { 0 }));
    let recording = read_text(&gappy, "").unwrap();
    let lengths: Vec<(usize, f64)> =
        recording.segments.iter().map(|part| (part.samples, part.start)).collect();
    assert_eq!(lengths, [(12, 0.0), (8, 42.0)]);
    notes(&recording, "1 gap in the times end segments");
    refuses(
        &gappy,
        "gaps = \"error\"",
        "a.csv, line 14: a gap from 11 to 42 is more than the sample interval of 1",
    );
    let recording = read_text(&gappy, "resample = 0.5").unwrap();
    let lengths: Vec<usize> = recording.segments.iter().map(|part| part.samples).collect();
    assert_eq!(lengths, [23, 15]);
}

#[test]
fn duplicates_and_steps_back_are_errors_with_lines_and_an_option() {
    let twice = "t,x\n0,1\n# again\n1,2\n1,4\n2,5\n";
    refuses(
        twice,
        "",
        "a.csv, line 5: the time 1 is that of line 4 too: set duplicates = \"first\" or \"mean\"",
    );
    assert_eq!(states(&read_text(twice, "duplicates = \"first\"").unwrap()), [[1.0, 2.0, 5.0]]);
    assert_eq!(states(&read_text(twice, "duplicates = \"mean\"").unwrap()), [[1.0, 3.0, 5.0]]);

    let back = "t,x\n0,1\n1,2\n2,3\n0,4\n1,5\n";
    refuses(back, "", "a.csv, line 5: the time steps back from 2 (line 4) to 0: set steps_back = \"split\"");
    assert_eq!(
        states(&read_text(back, "steps_back = \"split\"").unwrap()),
        [vec![1.0, 2.0, 3.0], vec![4.0, 5.0]]
    );
    let mixed = "t,x\n0,1\n2,3\n1,2\n3,4\n";
    assert_eq!(states(&read_text(mixed, "steps_back = \"sort\"").unwrap()), [[1.0, 2.0, 3.0, 4.0]]);
    // The lines stay those of the file when rows have moved.
    let moved = "t,x\n0,1\n2,3\n1,2\n2,4\n";
    refuses(moved, "steps_back = \"sort\"", "a.csv, line 5: the time 2 is that of line 3 too");
}

#[test]
fn trajectories_come_from_a_column_or_from_files() {
    let ids = "run,t,x\nb 1,0,1\na,0,10\nb 1,1,2\na,1,11\na,2,13\nc,0,1\n";
    let recording = read_text(ids, "trajectory = \"run\"").unwrap();
    let parts: Vec<(&str, usize)> =
        recording.segments.iter().map(|part| (&part.name[..], part.samples)).collect();
    assert_eq!(parts, [("a.csv: b 1", 2), ("a.csv: a", 3)]);
    assert_eq!(states(&recording), [vec![1.0, 2.0], vec![10.0, 11.0, 13.0]]);
    notes(&recording, "1 segment of fewer than 2 samples (1 sample in all) was left out");
    refuses(
        ids,
        "trajectory = \"walk\"",
        "recording.trajectory names \"walk\", but the columns are run, t, x",
    );

    let files: [(&str, &[u8]); 2] = [("a.csv", b"t,x\n0,1\n1,2\n"), ("b.csv", b"x;t\n5;10\n6;11\n8;12\n")];
    let recording = read_files(&files, "", 2).unwrap();
    assert_eq!(states(&recording), [vec![1.0, 2.0], vec![5.0, 6.0, 8.0]]);
    let error = read_files(&[files[0], ("c.csv", b"t,y\n0,1\n1,2\n")], "states = \"x\"", 2).unwrap_err();
    assert!(error.contains("c.csv: recording.states names \"x\", but the columns are t, y"), "{error}");
    let slow = b"t,x\n0,1\n2,2\n4,3\n6,4\n8,5\n";
    let fast = rows(30, |k| k.to_string());
    let error = read_files(&[("a.csv", fast.as_bytes()), ("b.csv", slow)], "", 2).unwrap_err();
    assert!(error.contains("b.csv has a sample every 2") && error.contains("set resample"), "{error}");
}

#[test]
fn rows_without_a_time_are_left_out() {
    let text = "t,x\n0,1\n1,2\nNaN,3\n3,4\n4,6\n";
    let recording = read_text(text, "").unwrap();
    assert_eq!(states(&recording), [[1.0, 2.0], [4.0, 6.0]]);
    notes(&recording, "1 row without a time was left out, the first on line 4");
    refuses(text, "missing = \"error\"", "a.csv, line 4: column \"t\" has no time");
    refuses("t,x\n0,1\n1,2\nlater,3\n", "", "a.csv, line 4: column \"t\": the time is \"later\", but");
}
