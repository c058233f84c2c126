//! Folders of runs, and the page over them.

#![allow(dead_code)] // every test that includes it uses another part
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot go on has failed

pub mod hostile;

use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Serves a folder from a thread that ends with the tests.
pub fn serve(runs: &Path) -> SocketAddr {
    let (told, heard) = std::sync::mpsc::channel();
    let options = watch::Options { runs: runs.to_owned(), port: 0 };
    std::thread::spawn(move || watch::serve(&options, |address| told.send(address).unwrap()).unwrap());
    heard.recv_timeout(Duration::from_secs(30)).expect("the page is served")
}

/// A run that has nothing but its experiment.
pub fn started(runs: &Path, experiment: &str, name: &str) -> PathBuf {
    let run = runs.join(experiment).join(name);
    std::fs::create_dir_all(&run).unwrap();
    let text = "seed = 3\n[system]\nname = \"lorenz\"\n[model]\nname = \"rnn\"\n[train]\nsteps = 1000\n";
    std::fs::write(run.join("experiment.toml"), text).unwrap();
    run
}

/// A run that is being trained for as long as the file is held.
pub fn training(runs: &Path, experiment: &str, name: &str, steps: u64) -> (PathBuf, File) {
    let run = started(runs, experiment, name);
    (1..=steps / 10).for_each(|step| log(&run, step * 10));
    let file = File::open(run.join("experiment.toml")).unwrap();
    file.try_lock().unwrap();
    (run, file)
}

/// A run that can be continued.
pub fn stopped(runs: &Path, experiment: &str, name: &str) -> PathBuf {
    let run = started(runs, experiment, name);
    (1..30).for_each(|step| log(&run, step * 10));
    std::fs::create_dir(run.join("checkpoints")).unwrap();
    run
}

/// A run with results.
pub fn complete(runs: &Path, experiment: &str, name: &str) -> PathBuf {
    let run = stopped(runs, experiment, name);
    std::fs::write(run.join("results.json"), results(experiment).to_string()).unwrap();
    run
}

/// Adds a line to the metrics.
pub fn log(run: &Path, step: u64) {
    let loss = (-(step as f64) / 300.0).exp();
    let line = json!({"step": step, "seconds": 0.01 * step as f64, "train_loss": loss, "validation_loss": 1.2 * loss,
                      "learning_rate": 1e-3});
    let mut file = File::options().append(true).create(true).open(run.join("metrics.jsonl")).unwrap();
    writeln!(file, "{line}").unwrap();
}

/// Results of a chaotic system.
pub fn results(experiment: &str) -> Value {
    let summary = json!({"threshold": 0.4, "median": 5.25, "mean": 5.3, "p10": 3.1, "ci95": [5.0, 5.5], "capped": 0,
                         "lyapunov_exponent": 0.9056, "starts": 200, "ceiling": 24.6, "ceiling_p10": 22.6,
                         "other_thresholds": []});
    json!({
        "experiment": experiment, "system": "lorenz", "model": "rnn", "parameters": 4611, "seed": 3, "device": "cpu",
        "train": {"seconds": 41.5, "steps": 20000, "examples_per_second": 1.2e6, "best_step": 19000,
                  "loss": {"train": 1e-6, "validation": 1.5e-6}},
        "scores": {"one_step_rmse": 1e-5, "diverged": 0, "vpt": summary,
                   "nrmse": {"horizon": 20.0, "starts": 200, "capped": 0, "median": 0.75, "p90": 0.9, "ci95": [0.7, 0.8]},
                   "error_growth": {"time": [0.0, 1.0], "p10": [0.0, 0.1], "median": [0.0, 0.2], "p90": [0.0, 0.3]}},
        "baselines": {}
    })
}

/// The answer to some bytes: its head and its body.
pub fn answer(address: SocketAddr, request: &[u8]) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    // A request that is refused at its head need not be read to its end.
    let _ = stream.write_all(request);
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    (head.to_owned(), body.to_owned())
}

/// The answer to a request for a path, as the page itself makes it.
pub fn get(address: SocketAddr, path: &str) -> (String, String) {
    answer(address, format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes())
}

/// Listens to the events until the rows of the table are as wanted.
pub fn rows(address: SocketAddr, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let heard = news(address, |heard| !heard.is_empty() && wanted(&after(heard)));
    after(&heard)
}

/// Listens to the events until those so far are as wanted.
pub fn news(address: SocketAddr, mut wanted: impl FnMut(&[Value]) -> bool) -> Vec<Value> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    write!(stream, "GET /events HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
    let (mut bytes, mut part, begin) = (Vec::new(), [0; 1 << 16], Instant::now());
    loop {
        if let Ok(read) = stream.read(&mut part) {
            assert!(read > 0, "the events end: {}", String::from_utf8_lossy(&bytes));
            bytes.extend_from_slice(&part[..read]);
        }
        let heard = told(&bytes).unwrap_or_default();
        if wanted(&heard) {
            return heard;
        }
        assert!(begin.elapsed() < Duration::from_secs(30), "this never comes, but {:#?}", after(&heard));
    }
}

/// The rows of the table after these events.
fn after(news: &[Value]) -> Vec<Value> {
    let mut rows = std::collections::BTreeMap::new();
    for news in news {
        if news["all"] == true {
            rows.clear();
        }
        for key in news["gone"].as_array().expect("keys") {
            rows.remove(&key.to_string()).expect("a row that was there");
        }
        for row in news["rows"].as_array().expect("rows") {
            rows.insert(row["key"].to_string(), row.clone());
        }
    }
    rows.into_values().collect()
}

/// What all events so far say. A body in parts is put together first.
fn told(bytes: &[u8]) -> Option<Vec<Value>> {
    let begin = bytes.windows(4).position(|at| at == b"\r\n\r\n")? + 4;
    let (mut rest, mut text) = (&bytes[begin..], Vec::new());
    while let Some(end) = rest.windows(2).position(|at| at == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).ok()?, 16).ok()?;
        text.extend_from_slice(rest.get(end + 2..end + 2 + size)?);
        rest = rest.get(end + 2 + size + 2..)?;
    }
    let text = String::from_utf8(text).ok()?;
    let lines = text.lines().filter_map(|line| line.strip_prefix("data: "));
    Some(lines.map(|line| serde_json::from_str::<Value>(line).expect("JSON")["news"].take()).collect())
}
