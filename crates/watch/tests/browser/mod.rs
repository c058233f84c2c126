//! A headless Chromium, driven by the DevTools protocol over its WebSocket. It needs nothing of this crate, so that
//! tests of others can include it by its path.

#![allow(dead_code)] // every test that includes it uses another part
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot go on has failed

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

/// How long the browser may take for one answer. Its start on a busy machine takes most of it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser of its own, with an empty profile, which ends with this value.
pub struct Browser {
    child: Child,
    profile: tempfile::TempDir,
    port: u16,
}

/// A tab, and what happened in it so far.
pub struct Page {
    socket: WebSocket<TcpStream>,
    calls: u64,
    loads: usize,
    /// What was written to the console or went wrong, each as `level: text`.
    pub console: Vec<String>,
    /// The address of every request.
    pub requests: Vec<String>,
}

/// What a picture looks like.
#[derive(Debug)]
pub struct Picture {
    /// In pixels.
    pub width: u64,
    /// In pixels.
    pub height: u64,
    /// Number of different colours; one is a blank picture.
    pub colours: u64,
    /// Mean of all channels, from 0 for black to 255 for white.
    pub brightness: f64,
}

impl Browser {
    /// Starts the browser that `CHROMIUM` names, or the first of the usual names in `PATH`.
    pub fn start() -> Self {
        let program = program();
        let profile = tempfile::tempdir().unwrap();
        let child = Command::new(&program)
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--disable-extensions",
            ])
            .args(["--disable-dev-shm-usage", "--disable-background-networking", "--hide-scrollbars"])
            .args(["--force-device-scale-factor=1", "--remote-debugging-port=0"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
        let mut browser = Browser { child, profile, port: 0 };
        let told = browser.profile.path().join("DevToolsActivePort");
        let begin = Instant::now();
        loop {
            let text = std::fs::read_to_string(&told).unwrap_or_default();
            // The file is complete with its second line.
            if let [port, _, ..] = text.lines().collect::<Vec<_>>()[..] {
                browser.port = port.parse().unwrap();
                return browser;
            }
            let ended = browser.child.try_wait().unwrap();
            assert!(ended.is_none(), "{} ended at its start: {}", program.display(), ended.unwrap());
            assert!(begin.elapsed() < PATIENCE, "{} opens no DevTools port", program.display());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Opens an address (`http:`, `file:` or `data:`) in a new tab, and waits until it is loaded.
    pub fn open(&self, address: &str) -> Page {
        let mut page = self.tab();
        page.go(address);
        page
    }

    /// A new empty tab, for what has to be set before an address is opened.
    pub fn tab(&self) -> Page {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let host = format!("127.0.0.1:{}", self.port);
        write!(stream, "PUT /json/new?about:blank HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
            .unwrap();
        let answer = body(&mut stream);
        let target: Value = serde_json::from_str(&answer).expect("a description of the tab");
        let address = target["webSocketDebuggerUrl"].as_str().expect("the tab's address").to_owned();
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let (socket, _) = tungstenite::client(address, stream).expect("a WebSocket to the tab");
        let mut page = Page { socket, calls: 0, loads: 0, console: Vec::new(), requests: Vec::new() };
        for domain in ["Page", "Runtime", "Log", "Network"] {
            page.call(&format!("{domain}.enable"), json!({}));
        }
        page
    }

    /// What a PNG looks like, as the browser decodes it.
    pub fn picture(&self, png: &[u8]) -> Picture {
        self.picture_of(&base64(png))
    }

    /// The same of a PNG in base64, as the protocol hands it out.
    pub fn picture_of(&self, png: &str) -> Picture {
        let look = "async (source) => {
            const image = new Image();
            image.src = 'data:image/png;base64,' + source;
            await image.decode();
            const canvas = new OffscreenCanvas(image.width, image.height);
            const context = canvas.getContext('2d');
            context.drawImage(image, 0, 0);
            const data = new Uint32Array(context.getImageData(0, 0, image.width, image.height).data.buffer);
            let sum = 0;
            for (const pixel of data) sum += (pixel & 255) + ((pixel >> 8) & 255) + ((pixel >> 16) & 255);
            return [image.width, image.height, new Set(data).size, sum / data.length / 3];
        }";
        let mut tab = self.tab();
        let seen = tab.evaluate(&format!("({look})('{png}')"));
        // A tab that another one hides draws nothing.
        tab.call("Page.close", json!({}));
        Picture {
            width: seen[0].as_u64().unwrap(),
            height: seen[1].as_u64().unwrap(),
            colours: seen[2].as_u64().unwrap(),
            brightness: seen[3].as_f64().unwrap(),
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Its other processes end with the first.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Page {
    /// Opens an address in this tab, and waits until it is loaded.
    pub fn go(&mut self, address: &str) {
        let before = self.loads;
        let answer = self.call("Page.navigate", json!({ "url": address }));
        assert!(answer.get("errorText").is_none(), "{address}: {}", answer["errorText"]);
        let begin = Instant::now();
        while self.loads == before {
            assert!(begin.elapsed() < PATIENCE, "{address} is not loaded");
            self.hear();
        }
    }

    /// The value of a JavaScript expression; a promise is waited for.
    pub fn evaluate(&mut self, expression: &str) -> Value {
        self.try_evaluate(expression).unwrap_or_else(|fault| panic!("{expression}\n{fault:#}"))
    }

    fn try_evaluate(&mut self, expression: &str) -> Result<Value, Value> {
        let asked = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let mut answer = self.try_call("Runtime.evaluate", asked)?;
        match answer["exceptionDetails"].take() {
            Value::Null => Ok(answer["result"]["value"].take()),
            fault => Err(fault),
        }
    }

    /// Waits until a JavaScript expression is true.
    pub fn wait_for(&mut self, expression: &str) {
        let begin = Instant::now();
        loop {
            // It fails where the page goes elsewhere meanwhile.
            let found = self.try_evaluate(&format!("Boolean({expression})"));
            if found == Ok(Value::Bool(true)) {
                return;
            }
            if begin.elapsed() > PATIENCE {
                let text = self.evaluate("location.href + '\\n' + document.body.innerText");
                let text = text.as_str().unwrap_or_default();
                panic!("this does not come true, but {found:?}: {expression}\n{text}\n{:#?}", self.console);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Sets the size of the window, in pixels.
    pub fn resize(&mut self, width: u32, height: u32) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", size);
    }

    /// Prefers `light` or `dark`.
    pub fn scheme(&mut self, scheme: &str) {
        let feature = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.call("Emulation.setEmulatedMedia", json!({ "features": feature }));
    }

    /// Presses the left button at a point of the window, moves, and lets go.
    pub fn drag(&mut self, from: (f64, f64), to: (f64, f64)) {
        let mouse = |kind: &str, (x, y): (f64, f64), down: u32| json!({"type": kind, "x": x, "y": y, "button": "left", "buttons": down, "clickCount": 1});
        self.call("Input.dispatchMouseEvent", mouse("mousePressed", from, 1));
        for part in [0.25, 0.5, 0.75, 1.0] {
            let at = (from.0 + (to.0 - from.0) * part, from.1 + (to.1 - from.1) * part);
            self.call("Input.dispatchMouseEvent", mouse("mouseMoved", at, 1));
        }
        self.call("Input.dispatchMouseEvent", mouse("mouseReleased", to, 0));
    }

    /// Clicks the first element that a CSS selector finds, in the middle of its first line.
    pub fn click(&mut self, selector: &str) {
        let at = self.evaluate(&format!(
            "(() => {{ const element = document.querySelector({}); element.scrollIntoView({{block: 'center'}}); \
             const box = element.getClientRects()[0]; \
             return [box.x + box.width / 2, box.y + box.height / 2]; }})()",
            json!(selector)
        ));
        let at = (at[0].as_f64().unwrap(), at[1].as_f64().unwrap());
        for (kind, down) in [("mouseMoved", 0), ("mousePressed", 1), ("mouseReleased", 0)] {
            let button = if kind == "mouseMoved" { "none" } else { "left" };
            let event = json!({"type": kind, "x": at.0, "y": at.1, "button": button, "buttons": down, "clickCount": 1});
            self.call("Input.dispatchMouseEvent", event);
        }
    }

    /// Waits until what was changed is drawn.
    pub fn settle(&mut self) {
        self.call("Page.bringToFront", json!({}));
        self.evaluate(
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))",
        );
    }

    /// The window as a PNG; the whole page with `whole`.
    pub fn screenshot(&mut self, whole: bool) -> Vec<u8> {
        self.settle();
        let mut asked = json!({"format": "png", "captureBeyondViewport": whole});
        if whole {
            let size = self.evaluate("[innerWidth, document.documentElement.scrollHeight]");
            asked["clip"] = json!({"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1});
        }
        let answer = self.call("Page.captureScreenshot", asked);
        from_base64(answer["data"].as_str().expect("a picture"))
    }

    /// Sends a command of the DevTools protocol, and waits for its result.
    pub fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.try_call(method, parameters).unwrap_or_else(|fault| panic!("{method}: {fault}"))
    }

    fn try_call(&mut self, method: &str, parameters: Value) -> Result<Value, Value> {
        self.calls += 1;
        let call = json!({"id": self.calls, "method": method, "params": parameters}).to_string();
        self.socket.send(Message::text(call)).expect("the browser listens");
        loop {
            let mut heard = self.hear();
            if heard["id"] == self.calls {
                return match heard["error"].take() {
                    Value::Null => Ok(heard["result"].take()),
                    fault => Err(fault),
                };
            }
        }
    }

    /// The next message of the browser, after noting what it says.
    fn hear(&mut self) -> Value {
        let heard = loop {
            match self.socket.read().expect("the browser answers") {
                Message::Text(text) => break serde_json::from_str::<Value>(&text).expect("JSON"),
                _ => continue,
            }
        };
        let of = &heard["params"];
        match heard["method"].as_str().unwrap_or_default() {
            "Page.loadEventFired" => self.loads += 1,
            "Network.requestWillBeSent" => self.requests.push(word(&of["request"]["url"])),
            "Network.webSocketCreated" => self.requests.push(word(&of["url"])),
            "Runtime.exceptionThrown" => self.console.push(format!("exception: {}", of["exceptionDetails"])),
            "Log.entryAdded" => {
                let entry = &of["entry"];
                self.console.push(format!(
                    "{}: {} {}",
                    word(&entry["level"]),
                    word(&entry["text"]),
                    entry["url"]
                ));
            }
            "Runtime.consoleAPICalled" => {
                self.console.push(format!("{}: {}", word(&of["type"]), of["args"]));
            }
            _ => {}
        }
        heard
    }
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The browser to start.
fn program() -> PathBuf {
    if let Some(named) = std::env::var_os("CHROMIUM") {
        return named.into();
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    std::env::split_paths(&folders)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|path| Path::is_file(path))
        .expect(
            "this test needs a browser: `apt-get install chromium` gets one, or CHROMIUM names another \
             (Chrome or Chromium)",
        )
}

/// The body of an answer over HTTP that says how long it is.
fn body(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("an answer of the browser");
        bytes.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&bytes).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")).expect("a length");
    let mut body = vec![0; length.trim().parse().unwrap()];
    stream.read_exact(&mut body).expect("the whole answer");
    String::from_utf8(body).expect("text")
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0, |bits, &byte| bits << 8 | u32::from(byte)) << (8 * (3 - three.len()));
        for digit in 0..4 {
            let value = bits >> (18 - 6 * digit) & 63;
            text.push(if digit <= three.len() { char::from(DIGITS[value as usize]) } else { '=' });
        }
    }
    text
}

fn from_base64(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for four in text.trim_end_matches('=').as_bytes().chunks(4) {
        let digit = |of: &u8| DIGITS.iter().position(|digit| digit == of).expect("base64") as u32;
        let bits = four.iter().fold(0, |bits, of| bits << 6 | digit(of)) << (6 * (4 - four.len()));
        bytes.extend_from_slice(&bits.to_be_bytes()[1..four.len()]);
    }
    bytes
}
