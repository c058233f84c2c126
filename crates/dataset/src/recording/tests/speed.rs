//! How fast and in how much memory a large file is read. Run with
//! `cargo test --release -p dataset --lib -- --ignored --nocapture a_large_file`.

#![cfg(target_os = "linux")]

use std::io::Write;

use super::*;

fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// Seconds that this thread has had a core, whatever else runs on the machine.
fn processor_seconds() -> f64 {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    times.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1e9
}

#[test]
#[ignore = "takes half a minute and 1 GB of disk"]
fn a_large_file_is_read_fast_and_in_twice_its_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.csv");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
    let rows = 10_000_000u32;
    writeln!(file, "t,x,y,z").unwrap();
    for k in 0..rows {
        let t = f64::from(k) * 0.01;
        writeln!(file, "{t},{},{},{}", t.sin(), (0.7 * t).cos(), (0.3 * t).sin() * 20.0).unwrap();
    }
    file.flush().unwrap();
    let bytes = std::fs::metadata(&path).unwrap().len();
    let before = peak_memory();
    let begin = processor_seconds();
    let mut reading = Reading { least: 2, memory: None, progress: &mut |_, _| {} };
    let recording = read(&[path], &Settings::default(), &mut reading).unwrap();
    let seconds = processor_seconds() - begin;
    let numbers = 4 * 8 * u64::from(rows);
    let memory = peak_memory() - before;
    assert_eq!((recording.segments.len(), recording.segments[0].samples), (1, rows as usize));
    println!(
        "{} MB in {seconds:.1} s of one core: {:.0} MB/s; {} MB of numbers, {} MB of memory, {:.2} times as much",
        bytes / 1_000_000,
        bytes as f64 / seconds / 1e6,
        numbers / 1_000_000,
        memory / 1_000_000,
        memory as f64 / numbers as f64,
    );
}
