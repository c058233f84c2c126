//! What is served under which path.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::extract::rejection::PathRejection;
use axum::http::{StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, middleware};
use futures_util::stream;
use report::{RunFiles, visible};
use tokio::sync::{Notify, Semaphore, watch};

use crate::access::{REPORT_POLICY, guard, say};
use crate::board::Board;
use crate::scan::{Scanner, readable};

/// The least time between two looks at the folder.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// Pages that can be open at a time; each holds a connection.
const READERS: usize = 64;

/// Reports that are made at a time, the others wait.
const REPORTS: usize = 2;

/// What all requests share.
struct Shared {
    folder: PathBuf,
    scanner: Mutex<Scanner>,
    board: Mutex<Board>,
    /// The version of the board. Whoever has an open page listens to it.
    version: watch::Sender<u64>,
    /// A reader has come.
    wake: Notify,
    reports: Semaphore,
}

/// All pages of a folder of runs, and the task that looks at it while somebody reads.
pub(crate) fn router(folder: PathBuf, port: u16) -> Router {
    // The page says which folder it is, also to whoever does not know where the program was started.
    let folder = std::path::absolute(&folder).unwrap_or(folder);
    let shared = Arc::new(Shared {
        scanner: Mutex::new(Scanner::new(folder.clone())),
        folder,
        board: Mutex::new(Board::default()),
        version: watch::Sender::new(0),
        wake: Notify::new(),
        reports: Semaphore::new(REPORTS),
    });
    tokio::spawn(keep_looking(Arc::clone(&shared)));
    let text = |kind: &'static str, text: &'static str| {
        get(move || async move { ([(header::CONTENT_TYPE, kind)], text) })
    };
    Router::new()
        .route("/", text("text/html; charset=utf-8", include_str!("page.html")))
        .route("/page.css", text("text/css; charset=utf-8", include_str!("page.css")))
        .route("/page.js", text("text/javascript; charset=utf-8", include_str!("page.js")))
        // A browser asks for it beside a page that names no icon.
        .route("/favicon.ico", get(|| async { StatusCode::NO_CONTENT }))
        .route("/events", get(events))
        .route("/run/{key}/report", get(report))
        .fallback(|| async {
            say(StatusCode::NOT_FOUND, "There is no such page; the table of runs is at /.")
        })
        .with_state(shared)
        .layer(middleware::from_fn_with_state(port, guard))
}

/// Looks at the folder while somebody reads.
async fn keep_looking(shared: Arc<Shared>) {
    loop {
        if shared.version.receiver_count() == 0 {
            shared.wake.notified().await;
        }
        let begin = Instant::now();
        look(&shared).await;
        // A slow disk is left alone for most of the time.
        tokio::time::sleep(BETWEEN_LOOKS.max(begin.elapsed() * 4)).await;
    }
}

/// Looks once, and tells those who read if anything changed.
async fn look(shared: &Arc<Shared>) {
    let of = Arc::clone(shared);
    let looked = tokio::task::spawn_blocking(move || {
        let seen = lock(&of.scanner).look();
        let changed = lock(&of.board).take(seen);
        if let Some(version) = changed {
            of.version.send_replace(version);
        }
    });
    // It fails only by a panic, of which the standard error has a report; the next look may do better.
    let _ = looked.await;
}

/// The table and the curves, and from then on what changes.
async fn events(State(shared): State<Arc<Shared>>) -> Response {
    if shared.version.receiver_count() >= READERS {
        return say(StatusCode::SERVICE_UNAVAILABLE, "This page is open too many times; close it elsewhere.");
    }
    let versions = shared.version.subscribe();
    shared.wake.notify_one();
    let news = stream::unfold((shared, versions, None), |(shared, mut versions, told)| async move {
        loop {
            let version = *versions.borrow_and_update();
            if version > 0 && told != Some(version) {
                let event = {
                    let board = lock(&shared.board);
                    let folder = visible(&shared.folder.to_string_lossy());
                    let news = serde_json::json!({"folder": folder, "news": board.since(told)});
                    Event::default().data(news.to_string())
                };
                return Some((Ok::<_, Infallible>(event), (shared, versions, Some(version))));
            }
            versions.changed().await.ok()?;
        }
    });
    // Without a word from time to time nobody notices that a reader has gone.
    Sse::new(news).keep_alive(KeepAlive::default()).into_response()
}

/// The report of a run.
async fn report(
    State(shared): State<Arc<Shared>>,
    key: Result<axum::extract::Path<String>, PathRejection>,
) -> Response {
    let unknown = || say(StatusCode::NOT_FOUND, "There is no such run; the table of runs is at /.");
    let Ok(axum::extract::Path(key)) = key else { return unknown() };
    // After a restart a page that was kept open may be the first to ask.
    if *shared.version.borrow() == 0 {
        look(&shared).await;
    }
    let Some(directory) = lock(&shared.scanner).directory(&key) else { return unknown() };
    let Ok(_permit) = shared.reports.acquire().await else { return unknown() };
    let made = tokio::task::spawn_blocking(move || read(&directory).and_then(|run| report_page(&run))).await;
    match made {
        Ok(Ok(page)) => {
            let headers = [
                (header::CONTENT_TYPE, "text/html; charset=utf-8"),
                (header::CONTENT_SECURITY_POLICY, REPORT_POLICY),
            ];
            (headers, page).into_response()
        }
        Ok(Err(fault)) => {
            say(StatusCode::UNPROCESSABLE_ENTITY, &format!("This run cannot be shown: {}.", visible(&fault)))
        }
        Err(_) => say(StatusCode::INTERNAL_SERVER_ERROR, "The report of this run could not be made."),
    }
}

fn read(directory: &Path) -> Result<RunFiles, String> {
    readable(directory)?;
    RunFiles::read(directory)
}

/// The report of a run as a page that needs no other file.
fn report_page(run: &RunFiles) -> Result<String, String> {
    report::page(std::slice::from_ref(run), &run.experiment).map_err(|error| error.to_string())
}

/// What a panic of another thread left is as good as any: the next look makes it anew.
fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
