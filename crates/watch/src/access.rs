//! Whose requests are answered: those of this page, and of whoever types its address.
//!
//! Any page that the user visits can send requests to 127.0.0.1. One that points a name of its own there (DNS
//! rebinding) could even read the answers, but its requests carry that name in Host.

use axum::extract::{Request, State};
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::uri::Authority;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// For the page itself: its own script, style and events, and no picture but what is in the style.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// For a report, which carries its style and its script with it, and needs nothing of this server.
pub(crate) const REPORT_POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
                                        img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Lets a request pass or says why not, and puts on every answer what keeps browsers from doing more with it.
pub(crate) async fn guard(State(port): State<u16>, request: Request, next: Next) -> Response {
    let mut response = match refusal(&request, port) {
        Some(response) => response,
        None => next.run(request).await,
    };
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    let headers = response.headers_mut();
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(POLICY));
    response
}

/// A sentence with a status.
pub(crate) fn say(status: StatusCode, sentence: &str) -> Response {
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], format!("{sentence}\n")).into_response()
}

fn refusal(request: &Request, port: u16) -> Option<Response> {
    let headers = request.headers();
    let forbidden = |sentence: &str| Some(say(StatusCode::FORBIDDEN, sentence));
    let asked_as = only(headers, header::HOST).filter(|host| is_ours(host, port));
    // "GET http://host/path" names a host as well, and would win over the header.
    if asked_as.is_none() || request.uri().authority().is_some_and(|host| !is_ours(host.as_str(), port)) {
        return forbidden(&format!("This page answers to http://127.0.0.1:{port}/ only, by no other name."));
    }
    if headers.contains_key(header::ORIGIN) {
        let origin = only(headers, header::ORIGIN).and_then(|origin| origin.strip_prefix("http://"));
        if !origin.is_some_and(|origin| is_ours(origin, port)) {
            return forbidden("Another site asks, and this page does not answer other sites.");
        }
    }
    // Not every request carries an origin: that of a picture does not, nor that of a script. Following a link to the
    // page is no harm, since the other site does not see what it opens.
    let told = |name: &str| headers.get(name).map(HeaderValue::as_bytes);
    let own = matches!(told("sec-fetch-site"), None | Some(b"same-origin" | b"none"));
    let followed = told("sec-fetch-mode") == Some(b"navigate") && told("sec-fetch-dest") == Some(b"document");
    if !own && !followed {
        return forbidden("Another site asks, and this page does not answer other sites.");
    }
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        let mut response =
            say(StatusCode::METHOD_NOT_ALLOWED, "This page only shows, so GET and HEAD are all it answers.");
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return Some(response);
    }
    None
}

/// The value of a header that stands there once.
fn only(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// Whether a host with its port is this server, by one of the names that only this machine has.
fn is_ours(host: &str, port: u16) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name =
        ["127.0.0.1", "localhost", "[::1]"].iter().any(|own| authority.host().eq_ignore_ascii_case(own));
    name && !host.contains('@') && authority.port_u16().unwrap_or(80) == port
}

#[cfg(test)]
mod tests {
    use super::is_ours;

    #[test]
    fn only_names_of_this_machine_are_ours() {
        for host in ["127.0.0.1:8123", "localhost:8123", "LOCALHOST:8123", "[::1]:8123"] {
            assert!(is_ours(host, 8123), "{host}");
        }
        let others = [
            "",
            "127.0.0.1",
            "127.0.0.1:81234",
            "127.0.0.1:8124",
            "localhost.:8123",
            "127.0.0.2:8123",
            "evil.example:8123",
            "127.0.0.1.evil.example:8123",
            "localhost@evil.example:8123",
            "evil@localhost:8123",
            "127.0.0.1:8123/x",
            "[::1:8123",
            "0.0.0.0:8123",
        ];
        for host in others {
            assert!(!is_ours(host, 8123), "{host}");
        }
        assert!(is_ours("localhost", 80));
    }
}
