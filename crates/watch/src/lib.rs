//! A local page over a folder of runs: the table of runs with their state, the curves of those in progress as they
//! grow, and the report of a finished one.
//!
//! It listens on 127.0.0.1 alone, does not answer the scripts and pictures of other sites, and writes nothing. What it
//! shows (names of folders, texts in files) may come from anybody: the browser gets it as JSON and makes text of it,
//! never markup.

mod access;
mod board;
mod curve;
mod locks;
mod pages;
mod scan;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// What to watch, and where to show it.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder of the runs; it may appear later.
    pub runs: PathBuf,
    /// The port on 127.0.0.1; 0 for one that is free.
    pub port: u16,
}

/// Serves the page until the process ends; `ready` hears where, once it can be opened as `http://<address>/`.
///
/// # Errors
/// A port that another program has, or that this user may not have.
pub fn serve(options: &Options, ready: impl FnOnce(SocketAddr)) -> Result<(), String> {
    let port = options.port;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("the page cannot be served: {error}"))?;
    runtime.block_on(async {
        // 127.0.0.1 rather than a name: whatever "localhost" has been made to mean, nobody else can connect.
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| {
            let cure = match error.kind() {
                std::io::ErrorKind::AddrInUse => "another program has it; ",
                _ => "",
            };
            format!(
                "the page cannot be served on port {port}: {error}; {cure}--port 0 takes one that is free"
            )
        })?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let pages = pages::router(options.runs.clone(), address.port());
        ready(address);
        axum::serve(listener, pages).await.map_err(|error| format!("the page is no longer served: {error}"))
    })
}
