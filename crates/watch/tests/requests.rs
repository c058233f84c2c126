//! Whom the server answers, and with what.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot go on has failed

mod folder;

use std::net::SocketAddr;

use folder::{answer, complete, get, news, rows, serve};

fn served() -> (tempfile::TempDir, SocketAddr) {
    let runs = tempfile::tempdir().unwrap();
    complete(runs.path(), "rnn-lorenz", "20261123T052035.554Z-1395");
    let address = serve(runs.path());
    (runs, address)
}

fn status(head: &str) -> u16 {
    head.split_whitespace().nth(1).and_then(|word| word.parse().ok()).unwrap_or(0)
}

#[test]
fn it_listens_on_loopback_alone() {
    let (_runs, address) = served();
    assert!(address.ip().is_loopback() && address.is_ipv4());
    let taken = watch::serve(&watch::Options { runs: "runs".into(), port: address.port() }, |_| ());
    let fault = taken.unwrap_err();
    assert!(fault.contains(&address.port().to_string()) && fault.contains("--port 0"), "{fault}");
}

#[test]
fn other_hosts_and_origins_are_refused() {
    let (_runs, address) = served();
    let port = address.port();
    let ask = |headers: &str| {
        status(&answer(address, format!("GET / HTTP/1.1\r\n{headers}Connection: close\r\n\r\n").as_bytes()).0)
    };
    for host in [format!("127.0.0.1:{port}"), format!("localhost:{port}"), format!("[::1]:{port}")] {
        assert_eq!(ask(&format!("Host: {host}\r\n")), 200, "{host}");
        assert_eq!(ask(&format!("Host: {host}\r\nOrigin: http://{host}\r\n")), 200, "{host}");
    }
    let other = port.wrapping_add(1);
    for host in [
        "evil.example".to_owned(),
        format!("evil.example:{port}"),
        format!("localhost.evil.example:{port}"),
        format!("localhost:{other}"),
        "127.0.0.1".into(),
        String::new(),
        format!("127.0.0.1:{port}, evil.example"),
        format!("x@127.0.0.1:{port}"),
    ] {
        assert_eq!(ask(&format!("Host: {host}\r\n")), 403, "{host}");
    }
    assert_eq!(ask(""), 403);
    let own = format!("Host: 127.0.0.1:{port}\r\n");
    assert!([400, 403].contains(&ask(&format!("{own}{own}"))));
    for origin in [
        "http://evil.example".to_owned(),
        "null".into(),
        String::new(),
        format!("https://127.0.0.1:{port}"),
        format!("http://127.0.0.1:{other}"),
        format!("http://127.0.0.1:{port}.evil.example"),
        format!("http://127.0.0.1:{port}/"),
    ] {
        assert_eq!(ask(&format!("{own}Origin: {origin}\r\n")), 403, "{origin}");
    }
    // Pictures and scripts of another site come without an origin.
    assert_eq!(ask(&format!("{own}Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n")), 403);
    assert_eq!(ask(&format!("{own}Sec-Fetch-Site: same-site\r\n")), 403);
    assert_eq!(ask(&format!("{own}Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors\r\n")), 200);
    let followed = "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";
    assert_eq!(ask(&format!("{own}{followed}")), 200);
    assert_eq!(ask(&format!("{own}{}", followed.replace("document", "iframe"))), 403);
    // A request line that names another host wins over the header in HTTP.
    let absolute = format!("GET http://evil.example/ HTTP/1.1\r\n{own}Connection: close\r\n\r\n");
    assert_eq!(status(&answer(address, absolute.as_bytes()).0), 403);
}

#[test]
fn only_get_and_head_are_answered() {
    let (_runs, address) = served();
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "PROPFIND"] {
        for path in ["/", "/events", "/nowhere"] {
            let request = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
            let (head, _) = answer(address, request.as_bytes());
            // CONNECT has no path, so with one it is no HTTP.
            assert!([405, 400].contains(&status(&head)), "{method} {path}: {head}");
        }
    }
    let head = format!("HEAD / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let (head, body) = answer(address, head.as_bytes());
    assert_eq!((status(&head), body.as_str()), (200, ""));
}

#[test]
fn nothing_but_its_pages_is_served() {
    let (_runs, address) = served();
    for path in [
        "/nowhere",
        "/../Cargo.toml",
        "/..%2f..%2fetc%2fpasswd",
        "//etc/passwd",
        "/run",
        "/run/",
        "/run//report",
        "/run/../report",
        "/run/%2e%2e/report",
        "/run/..%2f..%2f..%2fetc/report",
        "/run/rnn-lorenz%2f20261123T052035.554Z-1395/report",
        "/run/0000000000000000/report",
        "/run/%ff%fe/report",
        "/run/%00/report",
        "/events/",
        "/page.js/../../lib.rs",
    ] {
        let (head, body) = get(address, path);
        assert_eq!(status(&head), 404, "{path}: {head}");
        assert!(head.contains("text/plain") && body.len() < 200, "{path}");
    }
}

#[test]
fn requests_out_of_all_proportion_are_refused() {
    let (_runs, address) = served();
    let long = "x".repeat(1 << 20);
    for request in [
        format!("GET / HTTP/1.1\r\nHost: {address}\r\nX: {long}\r\n\r\n"),
        format!("GET /{long} HTTP/1.1\r\nHost: {address}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: {address}\r\n{}\r\n", "X: y\r\n".repeat(5000)),
        "\u{0}\u{1}\u{2}\r\n\r\n".to_owned(),
    ] {
        let (head, _) = answer(address, request.as_bytes());
        assert!([0, 400, 414, 431].contains(&status(&head)), "{head}");
    }
    assert_eq!(status(&get(address, "/").0), 200);
}

#[test]
fn every_answer_says_what_a_browser_may_do_with_it() {
    let (_runs, address) = served();
    for path in ["/", "/page.js", "/page.css", "/favicon.ico", "/nowhere"] {
        let (head, _) = get(address, path);
        let head = head.to_lowercase();
        for header in [
            "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; ",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "cache-control: no-store",
            "cross-origin-resource-policy: same-origin",
        ] {
            assert!(head.contains(header), "{path}: {head}");
        }
        assert!(head.contains("frame-ancestors 'none'") && !head.contains("unsafe"), "{path}: {head}");
    }
    let rows = rows(address, |rows| rows.len() == 1);
    let (head, body) = get(address, &format!("/run/{}/report", rows[0]["key"].as_str().unwrap()));
    assert_eq!(status(&head), 200, "{body}");
    assert!(body.contains("rnn-lorenz"));
    let head = head.to_lowercase();
    assert!(
        head.contains("default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline';"),
        "{head}"
    );
    assert!(!head.contains("connect-src"), "{head}");
}

#[test]
fn a_report_is_found_by_whoever_kept_its_address() {
    let (runs, address) = served();
    let key = rows(address, |rows| rows.len() == 1)[0]["key"].as_str().unwrap().to_owned();
    let restarted = serve(runs.path());
    assert_eq!(status(&get(restarted, &format!("/run/{key}/report")).0), 200);
}

// Elsewhere what is being trained shows by the age of its files.
#[cfg(target_os = "linux")]
#[test]
fn the_table_says_what_each_run_is_at() {
    use folder::{started, stopped, training};
    let runs = tempfile::tempdir().unwrap();
    let path = runs.path();
    let address = serve(&path.join("later"));
    assert!(rows(address, <[_]>::is_empty).is_empty());
    let path = path.join("later");
    started(&path, "a", "1");
    stopped(&path, "b", "1");
    complete(&path.join("sweeps/width/0007"), "c", "1");
    let (_, lock) = training(&path, "d", "1", 250);
    let (_, last) = training(&path, "e", "1", 1000);
    std::os::unix::fs::symlink(path.join("a"), path.join("link")).unwrap();
    let state = |rows: &[serde_json::Value]| -> Vec<String> {
        let mut states: Vec<String> = rows
            .iter()
            .map(|row| format!("{} {}", row["experiment"].as_str().unwrap(), row["state"].as_str().unwrap()))
            .collect();
        states.sort();
        states
    };
    let expected = ["a started", "b stopped", "c complete", "d training", "e scoring"];
    let rows_now = rows(address, |rows| state(rows) == expected);
    let of = |name: &str| rows_now.iter().find(|row| row["experiment"] == name).unwrap().clone();
    assert_eq!(of("c")["within"], "sweeps/width/0007");
    assert_eq!(of("c")["vpt"], 5.25);
    assert_eq!((of("d")["step"].as_u64(), of("d")["steps"].as_u64()), (Some(250), Some(1000)));
    assert_eq!(of("d")["about"], "rnn on lorenz, seed 3");
    drop((lock, last));
    let expected = ["a started", "b stopped", "c complete", "d stopped", "e stopped"];
    rows(address, |rows| state(rows) == expected);
    std::fs::remove_dir_all(path.join("b")).unwrap();
    rows(address, |rows| rows.len() == 4);
}

#[cfg(target_os = "linux")]
#[test]
fn only_what_changed_is_sent_again() {
    use folder::training;
    // What comes and goes does so at once, or a look in between would see a part of it.
    let (runs, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (path, results) = (runs.path(), elsewhere.path().join("results.json"));
    std::fs::write(&results, folder::results("rnn-lorenz").to_string()).unwrap();
    let mut old: Vec<_> = (0..200).map(|number| complete(path, "old", &format!("{number:03}"))).collect();
    let (run, lock) = training(path, "rnn-lorenz", "1", 100);
    let address = serve(path);
    let (mut lock, mut heard_before) = (Some(lock), 0);
    let heard = news(address, |heard| {
        if heard.len() > heard_before {
            heard_before = heard.len();
            match heard.len() {
                1 => {
                    std::fs::rename(&results, run.join("results.json")).unwrap();
                    drop(lock.take());
                }
                2 => std::fs::rename(old.pop().unwrap(), elsewhere.path().join("old")).unwrap(),
                _ => {}
            }
        }
        heard.len() == 3
    });
    let sizes = |news: &serde_json::Value| {
        let length = |key: &str| news[key].as_array().unwrap().len();
        (
            news["all"].as_bool().unwrap(),
            length("rows"),
            length("gone"),
            news["curves"].as_object().unwrap().len(),
        )
    };
    assert_eq!(sizes(&heard[0]), (true, 201, 0, 1));
    // the training has ended: its row
    assert_eq!(sizes(&heard[1]), (false, 1, 0, 0), "{:#}", heard[1]);
    assert_eq!(heard[1]["rows"][0]["state"], "complete");
    // a run has been deleted: its key
    assert_eq!(sizes(&heard[2]), (false, 0, 1, 0), "{:#}", heard[2]);
    assert_eq!(rows(address, |_| true).len(), 200);
}

#[test]
fn the_runs_of_a_sweep_of_a_file_named_as_that_of_a_run_are_shown() {
    let runs = tempfile::tempdir().unwrap();
    let sweep = runs.path().join("sweeps/experiment-0123abcd");
    complete(&sweep.join("0000"), "experiment", "20261123T052035.554Z-1395");
    complete(&sweep.join("0001"), "experiment", "20261123T052036.001Z-0a17");
    std::fs::write(sweep.join("experiment.toml"), "[system]\nname = \"lorenz\"\n").unwrap();
    std::fs::write(sweep.join("sweep.json"), "{}").unwrap();
    let rows = rows(serve(runs.path()), |rows| rows.len() == 2);
    let within: std::collections::BTreeSet<&str> =
        rows.iter().map(|row| row["within"].as_str().unwrap()).collect();
    let expected = ["0000", "0001"].map(|index| format!("sweeps/experiment-0123abcd/{index}"));
    assert!(within.iter().eq(expected.iter()), "{within:?}");
    assert!(rows.iter().all(|row| row["experiment"] == "experiment" && row["state"] == "complete"));
}
