//! Reports, plots and the watched page, as the program writes and serves them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use crate::browser::{Browser, Page};
use crate::support::Folder;

const LORENZ: &str = r#"
[system]
name = "lorenz"
[data]
trajectories = 10
t_final = 2.0
[model]
name = "ffnn"
hidden = 16
depth = 1
[train]
steps = 200
batch_size = 64
validate_every = 20
[evaluate]
starts = 20
transient = 3.0
polynomial_degree = 3
long_run = 20.0
"#;

fn failure(folder: &Folder, arguments: &[&str], status: i32) -> String {
    let output = folder.run(arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

fn is_png(path: &Path) -> bool {
    std::fs::read(path).unwrap().starts_with(b"\x89PNG\r\n\x1a\n")
}

#[test]
fn a_report_is_one_page_and_its_pictures_are_files() {
    let folder = Folder::new(LORENZ);
    folder.ok(&["train", "tiny.toml"]);
    folder.ok(&["report", "tiny", "-o", "report.html", "--pictures", "pictures"]);
    let page = std::fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert_eq!(page.matches("<figure").count(), 5, "forecast, attractor, error growth, valid times, loss");
    for name in ["forecast", "attractor", "error_growth", "valid_times", "loss"] {
        assert!(is_png(&folder.path().join(format!("pictures/{name}.png"))), "{name}");
        let svg = std::fs::read_to_string(folder.path().join(format!("pictures/{name}.svg"))).unwrap();
        assert!(svg.starts_with("<svg ") || svg.starts_with("<?xml"), "{name}: {}", &svg[..40]);
    }
    // with another seed, and as a sweep: a comparison, and a folder of pictures a run
    folder.ok(&["train", "tiny.toml", "seed=1"]);
    folder.ok(&["report", "tiny", "-o", "both.html", "--pictures", "both"]);
    let page = std::fs::read_to_string(folder.path().join("both.html")).unwrap();
    assert!(page.contains("Comparison: lorenz") && page.contains("seed 1"), "two seeds are compared");
    assert!(is_png(&folder.path().join("both/comparison.png")));
    assert_eq!(std::fs::read_dir(folder.path().join("both")).unwrap().count(), 2 + 2);
    let sweep = folder.ok(&["sweep", "tiny.toml", "model.hidden=4,8", "seed=0..2"]);
    let sweep = sweep.lines().last().unwrap();
    folder.ok(&["report", sweep, "-o", "sweep.html"]);
    let page = std::fs::read_to_string(folder.path().join("sweep.html")).unwrap();
    assert!(
        page.contains("model.hidden (value)") && page.contains("tiny model.hidden=4"),
        "the effect is shown"
    );
    let table = folder.ok(&["compare", sweep]);
    assert!(table.contains("tiny model.hidden=8") && table.contains("   2  "), "{table}");
    // an entry that has not come to its end is left out, and that is said
    let lost = std::fs::read_dir(folder.path().join(sweep).join("0003/tiny")).unwrap().next().unwrap();
    std::fs::remove_file(lost.unwrap().path().join("results.json")).unwrap();
    let output = folder.run(&["compare", sweep]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.contains("1 of 4 entries have no results"), "{said}");
}

#[test]
fn what_cannot_be_reported_or_plotted_is_said() {
    let folder = Folder::new(LORENZ);
    folder.ok(&["train", "tiny.toml", "train.steps=20"]);
    for (arguments, words) in [
        (&["report", "tiny", "-o", "report.pdf"][..], "report.pdf: a report is a .html file"),
        (&["report", "tiny"], "--output"),
        (
            &["report", "tiny", "-o", "none/report.html"],
            "cannot write none/report.html: there is no folder none",
        ),
        (&["report", "nothing", "-o", "report.html"], "\"nothing\" is neither"),
        (&["plot", "none.npz", "-o", "a.svg"], "there is no file none.npz"),
        (&["plot", "tiny.toml", "-o", "a.svg"], "tiny.toml"),
        (&["plot", "tiny.toml", "-o", "a.gif"], "written as .svg, .png or .html"),
    ] {
        let said = failure(&folder, arguments, 2);
        assert!(said.contains(words), "{said}");
    }
    folder.ok(&["simulate", "lorenz", "-o", "runs.npz", "data.trajectories=2", "data.t_final=3"]);
    let said = failure(&folder, &["plot", "runs.npz", "-o", "a.svg", "--names", "x,y"], 2);
    assert!(said.contains("runs.npz: 2 names for 3 components"), "{said}");
    for output in ["a.svg", "a.png", "a.html"] {
        folder.ok(&["plot", "runs.npz", "-o", output, "--names", "x,y,z"]);
        assert!(std::fs::metadata(folder.path().join(output)).unwrap().len() > 5_000, "{output}");
    }
    assert!(is_png(&folder.path().join("a.png")));
    let entries = std::fs::read_dir(folder.path()).unwrap().flatten();
    let left: Vec<_> = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with('.')).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// A full disk is no mistake in the command.
#[cfg(unix)]
#[test]
fn a_full_disk_is_a_failure() {
    let folder = Folder::new(LORENZ);
    folder.ok(&["train", "tiny.toml", "train.steps=20"]);
    folder.ok(&["simulate", "lorenz", "-o", "runs.npz", "data.trajectories=2", "data.t_final=3"]);
    let before = std::fs::read_dir(folder.path()).unwrap().count();
    for arguments in [
        &["report", "tiny", "-o", "report.html"][..],
        &["report", "tiny", "--pictures", "."],
        &["plot", "runs.npz", "-o", "a.svg"],
        &["derive", "x^2", "x=1", "--dot", "a.dot"],
        &["train", "tiny.toml"],
        &["sweep", "tiny.toml", "seed=0..2"],
        &["simulate", "lorenz", "-o", "b.npz", "data.trajectories=2"],
        &["simulate", "lorenz", "-o", "shards/", "data.trajectories=2"],
        &["evaluate", "tiny", "-o", "scored"],
    ] {
        // No file may be larger than nothing; without the trap a signal would end the program.
        let limited = "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\"";
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", limited, env!("CARGO_BIN_EXE_attractor")]).args(arguments);
        let output = shell.current_dir(folder.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains("error: ") && !said.contains("panicked"), "{arguments:?}: {said}");
        if ["report", "plot", "derive"].contains(&arguments[0]) {
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), before, "{arguments:?}");
        }
    }
    // and stdout on one that is full
    #[cfg(target_os = "linux")]
    for arguments in [&["show", "tiny"][..], &["compare", "tiny", "--json"], &["list"]] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let output = folder.command(arguments).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    }
}

/// The program that serves a folder of runs, and its address.
pub struct Watched(Child, pub String);

impl Watched {
    pub fn start(folder: &Folder) -> Self {
        let mut command = folder.command(&["watch", "--port", "0"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Watched(child, line.trim().to_owned())
    }

    pub fn get(&self, path: &str) -> String {
        let host = self.1.strip_prefix("http://").unwrap().trim_end_matches('/');
        let mut stream = TcpStream::connect(host).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Watched {
    /// What the page is told first: the whole table.
    fn first_news(&self) -> serde_json::Value {
        let host = self.1.strip_prefix("http://").unwrap().trim_end_matches('/');
        let mut stream = TcpStream::connect(host).unwrap();
        // HTTP/1.0 has no bodies in parts.
        write!(stream, "GET /events HTTP/1.0\r\nHost: {host}\r\n\r\n").unwrap();
        let lines = BufReader::new(stream).lines().map(Result::unwrap);
        let told = lines.filter_map(|line| line.strip_prefix("data: ").map(str::to_owned)).next().unwrap();
        serde_json::from_str::<serde_json::Value>(&told).unwrap()["news"].take()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_watched_folder_is_served_to_this_machine() {
    let folder = Folder::new(LORENZ);
    let watched = Watched::start(&folder);
    assert!(watched.1.starts_with("http://127.0.0.1:"), "{}", watched.1);
    let answer = watched.get("/");
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("<!doctype html>"), "{answer}");
    let port = watched.1.trim_end_matches('/').rsplit(':').next().unwrap();
    let said = failure(&folder, &["watch", "--port", port], 2);
    assert!(said.contains(port) && said.contains("--port 0"), "{said}");
}

#[test]
fn every_run_of_a_sweep_is_watched_whatever_its_file_is_called() {
    let folder = Folder::new(LORENZ);
    let run = folder.train(&["tiny.toml", "train.steps=20"]);
    // a file that has the name of that of a run, and that of a run itself
    folder.write("experiment.toml", LORENZ);
    let own = run.join("experiment.toml");
    for file in ["experiment.toml", own.to_str().unwrap()] {
        folder.ok(&["sweep", file, "train.steps=20", "seed=5,6"]);
    }
    let watched = Watched::start(&folder);
    let told = watched.first_news();
    let mut names: Vec<String> = told["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            assert_eq!(row["state"], "complete", "{row:#}");
            let within = row["within"].as_str().unwrap();
            let sweep = within.trim_start_matches("sweeps/").split('-').next().unwrap();
            format!("{sweep} {} {}", row["experiment"].as_str().unwrap(), row["about"].as_str().unwrap())
        })
        .collect();
    names.sort();
    let of = |sweep: &str, name: &str, seed: u32| format!("{sweep} {name} ffnn on lorenz, seed {seed}");
    let expected = [
        of("", "tiny", 0),
        of("experiment", "experiment", 5),
        of("experiment", "experiment", 6),
        of("tiny", "tiny", 5),
        of("tiny", "tiny", 6),
    ];
    assert_eq!(names, expected);
}

/// That nothing went wrong in a page, and that it asked for nothing but files and what `host` serves.
fn in_order(page: &Page, host: &str) {
    assert!(page.console.is_empty(), "{:#?}", page.console);
    for address in &page.requests {
        assert!(address.starts_with(host) || address.starts_with("data:"), "{address}");
    }
}

/// That every picture of a page is drawn, as large as it is shown.
fn no_picture_is_blank(browser: &Browser, page: &mut Page) {
    let count = page.evaluate("document.querySelectorAll('figure svg').length").as_u64().unwrap();
    assert!(count > 0);
    page.evaluate("document.querySelectorAll('details').forEach((of) => (of.open = true))");
    for number in 0..count {
        page.evaluate(&format!(
            "document.querySelectorAll('figure svg')[{number}].scrollIntoView({{block: 'start'}})"
        ));
        page.settle();
        let place = format!(
            "(() => {{ const of = document.querySelectorAll('figure svg')[{number}].getBoundingClientRect();
               return {{x: of.x + scrollX, y: of.y + scrollY, width: of.width, height: of.height, scale: 1}}; }})()"
        );
        let clip = page.evaluate(&place);
        let shot = page.call(
            "Page.captureScreenshot",
            serde_json::json!({"format": "png", "clip": clip, "captureBeyondViewport": true}),
        );
        let png = shot["data"].as_str().unwrap();
        let seen = browser.picture_of(png);
        assert!(seen.colours > 20 && seen.width > 200, "picture {number}: {seen:?}");
    }
}

fn address(path: PathBuf) -> String {
    format!("file://{}", path.display())
}

#[test]
#[ignore = "needs a browser"]
fn a_report_opens_in_a_browser_and_its_attractor_turns() {
    let folder = Folder::new(LORENZ);
    folder.ok(&["train", "tiny.toml"]);
    folder.ok(&["train", "tiny.toml", "model.name=autoencoder", "train.steps=50"]);
    folder.ok(&["report", "tiny", "-o", "one.html"]);
    folder.ok(&["train", "tiny.toml", "model.name=gan", "train.steps=50"]);
    let runs: Vec<String> = std::fs::read_dir(folder.path().join("runs/tiny"))
        .unwrap()
        .map(|entry| entry.unwrap().path().display().to_string())
        .collect();
    let arguments: Vec<&str> =
        ["report"].into_iter().chain(runs.iter().map(String::as_str)).chain(["-o", "all.html"]).collect();
    folder.ok(&arguments);
    let browser = Browser::start();
    for (name, pictures) in [("one.html", 7), ("all.html", 1 + 5 + 7 + 6)] {
        for scheme in ["light", "dark"] {
            let mut page = browser.tab();
            page.scheme(scheme);
            page.go(&address(folder.path().join(name)));
            let found = page.evaluate("document.querySelectorAll('figure svg').length");
            assert!(found.as_u64().unwrap() >= pictures, "{name}: {found}");
            no_picture_is_blank(&browser, &mut page);
            let seen = browser.picture(&page.screenshot(false));
            assert_eq!(seen.brightness > 128.0, scheme == "light", "{name} {scheme}: {seen:?}");
            in_order(&page, "file://");
        }
    }
    // narrow windows do not scroll sideways
    let mut page = browser.tab();
    page.resize(400, 800);
    page.go(&address(folder.path().join("all.html")));
    assert_eq!(page.evaluate("document.documentElement.scrollWidth <= 400"), true);

    let mut page = browser.open(&address(folder.path().join("one.html")));
    let turning = "document.querySelector('figure.turn svg')";
    page.evaluate(&format!("{turning}.scrollIntoView({{block: 'center'}})"));
    page.settle();
    let drawn = format!("[...{turning}.querySelectorAll('path')].map((of) => of.getAttribute('d')).join()");
    let before = page.evaluate(&drawn);
    let place = page.evaluate(&format!(
        "(() => {{ const of = {turning}.getBoundingClientRect(); return [of.x + of.width / 4, of.y + of.height / 2]; }})()"
    ));
    let [x, y] = [0, 1].map(|i| place[i].as_f64().unwrap());
    page.drag((x, y), (x + 80.0, y + 20.0));
    page.settle();
    let after = page.evaluate(&drawn);
    assert!(before != after && after.as_str().unwrap().len() > 1000, "the attractor turns");
    in_order(&page, "file://");
}

#[test]
#[ignore = "needs a browser"]
fn hostile_names_show_as_text_in_a_report() {
    let folder = Folder::new(LORENZ);
    let run = folder.train(&["tiny.toml", "train.steps=20"]);
    let names: Vec<String> = crate::hostile::names();
    assert_eq!(names.len(), 20);
    let mut paths = Vec::new();
    for (number, name) in names.iter().enumerate() {
        let copy = folder.path().join(format!("hostile/{name}/{number}"));
        std::fs::create_dir_all(&copy).unwrap();
        for entry in std::fs::read_dir(&run).unwrap().flatten().filter(|entry| entry.path().is_file()) {
            std::fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
        }
        let text = std::fs::read_to_string(copy.join("results.json")).unwrap();
        let mut told: serde_json::Value = serde_json::from_str(&text).unwrap();
        let shown = if number % 2 == 0 { name.clone() } else { crate::hostile::long() };
        for key in ["experiment", "model", "device"] {
            told[key] = shown.clone().into();
        }
        told["components"][0]["name"] = shown.clone().into();
        std::fs::write(copy.join("results.json"), told.to_string()).unwrap();
        paths.push(copy.display().to_string());
    }
    let arguments: Vec<&str> =
        ["report"].into_iter().chain(paths.iter().map(String::as_str)).chain(["-o", "page.html"]).collect();
    folder.ok(&arguments);
    let browser = Browser::start();
    let mut page = browser.open(&address(folder.path().join("page.html")));
    assert_eq!(page.evaluate("typeof window.hacked"), "undefined");
    assert_eq!(page.evaluate("document.querySelectorAll('main img, main iframe, main a').length"), 0);
    let text = page.evaluate("document.querySelector('main').textContent");
    let text = text.as_str().unwrap();
    let words = names.iter().filter(|name| text.contains(name.trim())).count();
    assert!(words >= 10, "{words} of the names can be read as they are");
    in_order(&page, "file://");
}

#[test]
#[ignore = "needs a browser"]
fn a_training_moves_on_the_watched_page_and_ends_in_its_report() {
    let folder = Folder::new(LORENZ);
    let watched = Watched::start(&folder);
    let browser = Browser::start();
    let mut page = browser.open(&watched.1);
    let mut training = folder
        .command(&[
            "train",
            "tiny.toml",
            "train.steps=1000000000",
            "train.seconds=8",
            "train.validate_every=5000",
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let curve = "document.querySelector('.card path.validation')";
    page.wait_for(&format!("{curve} && {curve}.getAttribute('d').length > 20"));
    let before = page.evaluate(&format!("{curve}.getAttribute('d')"));
    page.wait_for(&format!("{curve}.getAttribute('d') !== {before}"));
    assert!(training.wait().unwrap().success());
    page.wait_for("document.querySelector('.card.complete a')");
    let report = page.evaluate("document.querySelector('.card.complete a').href");
    in_order(&page, &watched.1);
    let mut page = browser.open(report.as_str().unwrap());
    no_picture_is_blank(&browser, &mut page);
    in_order(&page, &watched.1);
}
