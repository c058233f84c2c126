//! The page in a browser. `cargo test -p watch -- --ignored` runs these, where there is one.
#![cfg(target_os = "linux")] // names that others refuse, and states by the table of locks
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot go on has failed

mod browser;
mod folder;

use std::path::Path;

use browser::{Browser, Page};
use folder::{complete, hostile, log, results, serve, started, stopped, training};
use serde_json::{Value, json};

/// That nothing went wrong so far, and nothing was asked of anybody else.
fn in_order(page: &Page, host: &str) {
    assert!(page.console.is_empty(), "{:#?}", page.console);
    for address in &page.requests {
        let own = address.starts_with(&format!("http://{host}/"));
        assert!(own || address.starts_with("data:"), "{address}");
    }
}

/// Keeps a picture for a person to look at, where `SCREENSHOTS` names a folder.
fn keep(name: &str, png: &[u8]) {
    if let Some(folder) = std::env::var_os("SCREENSHOTS") {
        std::fs::write(Path::new(&folder).join(name), png).unwrap();
    }
}

fn texts(page: &mut Page, selector: &str) -> Vec<String> {
    let found = page.evaluate(&format!(
        "[...document.querySelectorAll({})].map((of) => of.textContent)",
        json!(selector)
    ));
    found.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// A folder with a run of every kind, one of them in progress for as long as the file is held.
fn of_all_kinds(path: &Path) -> (std::path::PathBuf, std::fs::File) {
    complete(path, "rnn-lorenz", "20261123T052035.554Z-1395");
    let oscillator = complete(path, "ffnn-oscillator", "20261122T101112.000Z-00af");
    let mut told = results("ffnn-oscillator");
    told["scores"].as_object_mut().unwrap().remove("vpt");
    told["scores"]["nrmse"]["median"] = Value::Null;
    std::fs::write(oscillator.join("results.json"), told.to_string()).unwrap();
    complete(&path.join("sweeps/width/0007"), "rnn-lorenz", "20261120T010203.004Z-beef");
    stopped(path, "gru-lorenz", "20261121T081500.250Z-77d1");
    started(path, "cnn-lorenz", "20261119T081500.250Z-0001");
    let broken = stopped(path, "lstm-lorenz", "20261118T081500.250Z-4321");
    std::fs::write(broken.join("results.json"), "{\"experiment\": \"lstm").unwrap();
    training(path, "rnn-lorenz", "20261123T074400.000Z-a0c4", 400)
}

#[test]
#[ignore = "needs a browser"]
fn the_table_shows_the_runs_and_sorts_them() {
    let runs = tempfile::tempdir().unwrap();
    let (_, _lock) = of_all_kinds(runs.path());
    let address = serve(runs.path());
    let browser = Browser::start();
    let mut page = browser.tab();
    page.resize(1200, 900);
    page.go(&format!("http://{address}/"));
    page.wait_for("document.querySelectorAll('#rows tr').length === 7");
    assert_eq!(texts(&mut page, "#count"), ["7 runs, 1 in progress"]);
    assert_eq!(
        texts(&mut page, "td.state .word"),
        ["training", "complete", "complete", "stopped", "complete", "never trained", "broken"]
    );
    assert_eq!(texts(&mut page, "tr.training td.step"), ["400 / 1,000"]);
    assert_eq!(texts(&mut page, "td.nrmse")[..3], ["", "0.750", "inf"]);

    page.click("th:nth-child(1) button");
    let names = texts(&mut page, "td.experiment .name:first-child");
    assert!(names.is_sorted() && names[0] == "cnn-lorenz", "{names:?}");
    page.click("th:nth-child(1) button");
    assert_eq!(texts(&mut page, "th[aria-sort=descending]"), ["experiment"]);
    assert_eq!(texts(&mut page, "td.experiment .name:first-child")[6], "cnn-lorenz");
    page.click("th:nth-child(6) button");
    assert_eq!(texts(&mut page, "td.vpt")[..3], ["5.25", "5.25", ""]);

    page.click("tr.complete a");
    page.wait_for("location.pathname.endsWith('/report') && document.body.innerText.includes('rnn-lorenz')");
    in_order(&page, &address.to_string());
}

#[test]
#[ignore = "needs a browser"]
fn a_run_in_progress_moves() {
    let runs = tempfile::tempdir().unwrap();
    let (run, lock) = training(runs.path(), "rnn-lorenz", "20261123T074400.000Z-a0c4", 100);
    let address = serve(runs.path());
    let browser = Browser::start();
    let mut page = browser.open(&format!("http://{address}/"));
    page.wait_for("document.querySelector('.card path.validation')");
    assert_eq!(
        texts(&mut page, ".card .word, .card > p:nth-of-type(2)"),
        ["training, step 100 of 1,000, 1.0 s, about 9 s left"]
    );
    let curve = "document.querySelector('.card path.validation').getAttribute('d')";
    let before = page.evaluate(curve);
    page.evaluate("window.kept = [...document.querySelectorAll('.card h3 span, td.run')]");
    assert_eq!(before.as_str().unwrap().matches('L').count(), 9);
    (11..=60).for_each(|step| log(&run, step * 10));
    page.wait_for("document.querySelector('td.step').textContent === '600 / 1,000'");
    let after = page.evaluate(curve);
    assert!(after != before && after.as_str().unwrap().matches('L').count() == 59, "{after}");
    assert!(texts(&mut page, ".card")[0].contains("step 600 of 1,000"));
    assert_eq!(page.evaluate("document.querySelector('.card progress').value"), 600);
    assert_eq!(texts(&mut page, "td.loss"), ["0.162"]);

    // Whatever somebody is about to click stays where it is.
    assert_eq!(page.evaluate("kept.length === 2 && kept.every((of) => of.isConnected)"), true);

    // It ends: its curve stays, below another heading, and its report can be opened.
    std::fs::write(run.join("results.json"), results("rnn-lorenz").to_string()).unwrap();
    drop(lock);
    page.wait_for("document.querySelector('#ended .card.complete a')");
    assert_eq!(page.evaluate("document.querySelectorAll('.card').length"), 1);
    assert_eq!(page.evaluate("document.getElementById('progress').hidden"), true);
    page.settle();
    assert!(page.evaluate(curve).as_str().unwrap().matches('L').count() == 59);
    assert_eq!(texts(&mut page, "#count"), ["1 run, 0 in progress"]);
    in_order(&page, &address.to_string());
}

#[test]
#[ignore = "needs a browser"]
fn runs_that_have_ended_do_not_pile_up() {
    let runs = tempfile::tempdir().unwrap();
    let mut trainings: Vec<_> =
        (0..8).map(|number| training(runs.path(), "rnn-lorenz", &number.to_string(), 100)).collect();
    let address = serve(runs.path());
    let browser = Browser::start();
    let mut page = browser.open(&format!("http://{address}/"));
    let cards = |page: &mut Page, of: &str| texts(page, &format!("#{of} .card a"));
    page.wait_for("document.querySelectorAll('#progress .card').length === 8");
    assert_eq!(page.evaluate("document.getElementById('ended').hidden"), true);
    // one after the other, all but two
    let mut ended = Vec::new();
    while trainings.len() > 2 {
        let (run, lock) = trainings.pop().unwrap();
        std::fs::write(run.join("results.json"), results("rnn-lorenz").to_string()).unwrap();
        drop(lock);
        ended.insert(0, run.file_name().unwrap().to_str().unwrap().to_owned());
        page.wait_for(&format!(
            "document.querySelectorAll('#progress .card').length === {}",
            trainings.len()
        ));
    }
    assert_eq!(cards(&mut page, "ended"), ended[..4], "the last four, the newest first");
    let mut running = cards(&mut page, "progress");
    running.sort();
    assert_eq!(running, ["0", "1"]);
    assert_eq!(texts(&mut page, "#count"), ["8 runs, 2 in progress"]);
    keep("ended.png", &page.screenshot(true));

    // One that is stopped has ended too, until it goes on.
    let (run, lock) = trainings.pop().unwrap();
    drop(lock);
    page.wait_for("document.querySelector('#ended .card.stopped')");
    assert_eq!(cards(&mut page, "ended"), [&["1".to_owned()], &ended[..3]].concat());
    let lock = std::fs::File::open(run.join("experiment.toml")).unwrap();
    lock.try_lock().unwrap();
    page.wait_for("document.querySelectorAll('#progress .card.training').length === 2");
    assert_eq!(cards(&mut page, "ended"), ended[..3]);

    // Whoever deletes a run sees it no more.
    std::fs::remove_dir_all(runs.path().join("rnn-lorenz").join(&ended[0])).unwrap();
    page.wait_for("document.querySelectorAll('#rows tr').length === 7");
    assert_eq!(cards(&mut page, "ended"), ended[1..3]);
    in_order(&page, &address.to_string());
}

#[test]
#[ignore = "needs a browser"]
fn hostile_names_are_text() {
    let runs = tempfile::tempdir().unwrap();
    let names = hostile::names();
    let mut locks = Vec::new();
    for (number, name) in names.iter().enumerate() {
        let run = if number % 2 == 0 {
            complete(runs.path(), name, name)
        } else {
            let (run, lock) = training(runs.path(), name, name, 50);
            locks.push(lock);
            run
        };
        let mut told = results(&hostile::long());
        told["system"] = hostile::long().into();
        match number % 4 {
            0 => std::fs::write(run.join("results.json"), told.to_string()).unwrap(),
            1 => {
                let text = format!("[system]\nname = {}\n[model]\nname = {0}\n", json!(hostile::long()));
                // As a training does it, which then holds the file.
                std::fs::write(run.join("experiment.toml"), text).unwrap();
            }
            _ => {}
        }
    }
    let address = serve(runs.path());
    let browser = Browser::start();
    let mut page = browser.tab();
    page.resize(1200, 900);
    page.go(&format!("http://{address}/"));
    page.wait_for("document.querySelectorAll('#rows tr').length === 20");
    let mut expected: Vec<String> = names.iter().map(|name| hostile::shown(name)).collect();
    expected.sort();
    for selector in ["td.experiment > .name:first-child", "td.run > .name:first-child"] {
        let mut shown = texts(&mut page, selector);
        shown.sort();
        assert_eq!(shown, expected);
    }
    assert_eq!(page.evaluate("document.querySelectorAll('.card').length"), 10);
    assert!(texts(&mut page, "td.experiment").iter().any(|text| text.contains(&hostile::long())));
    let foreign = "document.querySelectorAll('body script, img, iframe, b, i, style, td svg').length";
    assert_eq!(page.evaluate(foreign), 0);
    assert_eq!(page.evaluate("typeof window.hacked"), "undefined");
    // However long a name, nothing runs out of the window.
    for width in [1200, 400] {
        page.resize(width, 900);
        let wide = page.evaluate("document.documentElement.scrollWidth");
        assert!(wide.as_u64().unwrap() <= u64::from(width), "{wide} of {width}");
        keep(&format!("hostile-{width}.png"), &page.screenshot(true));
    }
    in_order(&page, &address.to_string());
    let reports = page.evaluate("[...document.querySelectorAll('tr a')].map((link) => link.href)");
    assert_eq!(reports.as_array().unwrap().len(), 20);
    for report in reports.as_array().unwrap() {
        page.go(report.as_str().unwrap());
        assert_eq!(page.evaluate("typeof window.hacked"), "undefined");
        assert_eq!(page.evaluate("document.querySelectorAll('h1').length"), 1);
        assert_eq!(page.evaluate("document.querySelectorAll('img:not([src^=\"data:\"]), iframe, [onload], [onclick], [onerror]').length"), 0);
    }
    in_order(&page, &address.to_string());
}

#[test]
#[ignore = "needs a browser"]
fn it_can_be_read_in_light_and_dark_wide_and_narrow() {
    let runs = tempfile::tempdir().unwrap();
    let (_, _lock) = of_all_kinds(runs.path());
    let address = serve(runs.path());
    let browser = Browser::start();
    let mut page = browser.open(&format!("http://{address}/"));
    page.wait_for("document.querySelector('.card path.validation')");
    let mut brightness = Vec::new();
    for scheme in ["light", "dark"] {
        for width in [1200, 400] {
            page.scheme(scheme);
            page.resize(width, 900);
            let png = page.screenshot(true);
            keep(&format!("{scheme}-{width}.png"), &png);
            let picture = browser.picture(&png);
            assert!(
                picture.colours > 50 && picture.width == u64::from(width),
                "{scheme} {width}: {picture:?}"
            );
            brightness.push(picture.brightness);
            let out = page.evaluate("document.documentElement.scrollWidth");
            assert!(out.as_u64().unwrap() <= u64::from(width), "{out} of {width}");
        }
    }
    assert!(brightness[..2].iter().all(|&mean| mean > 200.0), "{brightness:?}");
    assert!(brightness[2..].iter().all(|&mean| mean < 70.0), "{brightness:?}");
    in_order(&page, &address.to_string());
}

#[test]
#[ignore = "needs a browser"]
fn an_empty_folder_and_a_server_that_is_gone_are_told() {
    let runs = tempfile::tempdir().unwrap();
    let address = serve(runs.path());
    let browser = Browser::start();
    let mut page = browser.open(&format!("http://{address}/"));
    page.wait_for("document.querySelector('#notes p')");
    let note = texts(&mut page, "#notes p");
    assert_eq!(
        note,
        [format!("No runs under {} yet: attractor train rnn-lorenz makes one.", runs.path().display())]
    );
    complete(runs.path(), "rnn-lorenz", "1");
    page.wait_for(
        "document.querySelectorAll('#rows tr').length === 1 && !document.querySelector('#notes p')",
    );
    in_order(&page, &address.to_string());

    let offline =
        |yes: bool| json!({"offline": yes, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
    page.call("Network.emulateNetworkConditions", offline(true));
    // What is open already stays so; the next connection fails.
    page.evaluate("source.close(), source = null, connect()");
    page.wait_for("document.getElementById('connection').hidden === false");
    page.call("Network.emulateNetworkConditions", offline(false));
    page.wait_for("document.getElementById('connection').hidden");
    complete(runs.path(), "rnn-lorenz", "2");
    page.wait_for("document.querySelectorAll('#rows tr').length === 2");
}
