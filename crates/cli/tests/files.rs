//! Arrows among the files of a crate point down, as those among crates do.
//!
//! An arrow leads from a file that names an item to the file that defines the item. Names are followed through
//! re-exports: `use crate::Component` in `sim` is an arrow to `system.rs`, not to `lib.rs`, which only passes the name
//! on. These lines are arrows: `use`, `crate::a::b` and `super::b` within code, and `x::b` for a submodule `x`. These
//! are not:
//!
//! - `mod x;`, which Rust needs, and a `pub use` of something below the module, unless the file also uses the name.
//! - An arrow from a submodule to a module that contains it (from `layers/dense.rs` to `layers/mod.rs`). A folder is one
//!   room: its head holds what its files share, and may use them. The crate root is not such a head; what several files
//!   share has a file of its own.
//! - Test modules, comments, strings, and attributes.
//!
//! Calls of methods are not seen, since that would take the compiler. Files that can reach each other by arrows form a
//! circle. [`CIRCLES`] lists the circles that exist today. The list must be exact: it may become shorter, never longer.
#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The circles of today: a crate, and files below its `src`. The comment says what closes it.
const CIRCLES: &[(&str, &[&str])] = &[
    // `Scalar::run` takes a `Program`, and a program is made of a `Graph`, which is evaluated over a `Scalar`.
    ("autodiff", &["dual.rs", "graph.rs", "program.rs", "scalar.rs", "tape.rs"]),
    // simd.rs has both the vectors, on which the loops are written, and the table of these loops.
    ("kernels", &["elementwise.rs", "functions.rs", "optimizer.rs", "products.rs", "real.rs", "simd.rs"]),
];

#[test]
fn arrows_among_files_point_down() {
    let crates = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("..");
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(crates).unwrap().map(|entry| entry.unwrap().path().join("src")).collect();
    folders.retain(|folder| folder.is_dir());
    folders.sort();
    assert!(folders.len() >= 10, "{folders:?}");
    let listed = CIRCLES.iter().map(|(name, files)| {
        ((*name).to_owned(), files.iter().map(|file| (*file).to_owned()).collect::<BTreeSet<_>>())
    });
    let listed: BTreeSet<_> = listed.collect();
    let (mut found, mut new) = (BTreeSet::new(), String::new());
    for folder in folders {
        let name = folder.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
        let text = |path: &str| std::fs::read_to_string(folder.join(path)).ok();
        let arrows = Source::read(&text).arrows();
        for files in circles(&arrows) {
            let circle = (name.clone(), files);
            if !listed.contains(&circle) {
                new += &format!("{name}: {}\n", join(&circle.1));
                let inside = arrows.iter().filter(|((a, b), _)| circle.1.contains(a) && circle.1.contains(b));
                new.extend(
                    inside.map(|((from, to), items)| format!("    {from} -> {to}: {}\n", join(items))),
                );
            }
            found.insert(circle);
        }
    }
    let gone = listed.difference(&found).map(|(name, files)| format!("{name}: {}\n", join(files)));
    let gone: String = gone.collect();
    assert!(
        new.is_empty() && gone.is_empty(),
        "Circles that are not in CIRCLES, with their arrows. To break one, move what both sides need to a file below \
         them:\n{new}\nCircles in CIRCLES that are no longer there in this form. If they are gone or smaller, shorten \
         the list:\n{gone}"
    );
}

fn join(names: &BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// From one file to another, with the items named.
type Arrows = BTreeMap<(String, String), BTreeSet<String>>;

/// What can be reached from here, itself only by a circle.
fn reachable(arrows: &Arrows, start: &str) -> BTreeSet<String> {
    let (mut seen, mut open) = (BTreeSet::new(), vec![start]);
    while let Some(at) = open.pop() {
        for (_, to) in arrows.keys().filter(|(from, _)| from == at) {
            if seen.insert(to.clone()) {
                open.push(to);
            }
        }
    }
    seen
}

/// The sets of files that can reach each other.
fn circles(arrows: &Arrows) -> Vec<BTreeSet<String>> {
    let files: BTreeSet<&String> = arrows.keys().map(|(from, _)| from).collect();
    let reached: BTreeMap<&String, BTreeSet<String>> =
        files.into_iter().map(|file| (file, reachable(arrows, file))).collect();
    let circle = |file: &String, reaches: &BTreeSet<String>| -> BTreeSet<String> {
        let back = |other: &&String| reached.get(other).is_some_and(|reaches| reaches.contains(file));
        reaches.iter().filter(back).cloned().collect()
    };
    let all: BTreeSet<_> = reached.iter().map(|(file, reaches)| circle(file, reaches)).collect();
    all.into_iter().filter(|circle| !circle.is_empty()).collect()
}

/// A module: a file, or `mod x { .. }` in one.
#[derive(Default)]
struct Module {
    /// Its file, below `src`.
    file: String,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    uses: Vec<Use>,
    /// Names of the items that it defines.
    defines: BTreeSet<String>,
    /// Paths in its code, of one segment or more.
    paths: BTreeSet<Vec<String>>,
}

/// One name that a `use` brings in.
struct Use {
    path: Vec<String>,
    /// The name within the module; `*` for all.
    name: String,
    public: bool,
}

/// What a path leads to.
#[derive(Clone, Copy)]
enum Target {
    Module(usize),
    /// An item that this module defines.
    Item(usize),
}

/// The modules of a crate; the first is its root.
struct Source(Vec<Module>);

impl Source {
    /// Reads a crate; `text` gives the text of a file below `src`.
    fn read(text: &dyn Fn(&str) -> Option<String>) -> Self {
        let mut source = Source(Vec::new());
        let root = ["lib.rs", "main.rs"].into_iter().find(|root| text(root).is_some()).unwrap();
        source.add_file(text, root, "", None);
        source
    }

    fn add(&mut self, file: &str, parent: Option<usize>) -> usize {
        self.0.push(Module { file: file.to_owned(), parent, ..Module::default() });
        self.0.len() - 1
    }

    /// Adds the module of a file, whose submodules lie in `folder`.
    fn add_file(
        &mut self,
        text: &dyn Fn(&str) -> Option<String>,
        file: &str,
        folder: &str,
        parent: Option<usize>,
    ) -> usize {
        let module = self.add(file, parent);
        let tokens = tokens(&text(file).unwrap());
        for (module, name) in self.parse(module, &tokens) {
            let below = format!("{folder}{name}/");
            let candidates = [format!("{folder}{name}.rs"), format!("{below}mod.rs")];
            let file = candidates.iter().find(|file| text(file).is_some());
            let file = file.unwrap_or_else(|| panic!("{}: no file of mod {name}", self.0[module].file));
            let child = self.add_file(text, file, &below, Some(module));
            self.0[module].children.insert(name, child);
        }
        module
    }

    /// Reads the tokens of a file into its module; returns the submodules that have files of their own.
    fn parse(&mut self, file: usize, tokens: &[String]) -> Vec<(usize, String)> {
        let at = |i: usize| tokens.get(i).map_or("", String::as_str);
        let (mut i, mut depth, mut files) = (0, 0, Vec::new());
        // Modules that the present token lies in, and the depth of braces where each ends.
        let mut open = vec![(file, usize::MAX)];
        while i < tokens.len() {
            let module = open.last().unwrap().0;
            match at(i) {
                "#" => {
                    let attribute = if at(i + 1) == "!" { i + 2 } else { i + 1 };
                    let end = past_group(tokens, attribute);
                    let words = &tokens[attribute..end];
                    let has = |word: &str| words.iter().any(|other| other == word);
                    i = if at(attribute + 1) == "cfg" && has("test") && !has("not") && !has("any") {
                        past_item(tokens, end)
                    } else {
                        end
                    };
                    continue;
                }
                "{" => depth += 1,
                "}" => {
                    depth -= 1;
                    if open.last().unwrap().1 == depth {
                        open.pop();
                    }
                }
                "mod" if at(i + 2) == ";" => {
                    files.push((module, at(i + 1).to_owned()));
                    i += 2;
                }
                "mod" if at(i + 2) == "{" => {
                    let file = self.0[module].file.clone();
                    let child = self.add(&file, Some(module));
                    self.0[module].children.insert(at(i + 1).to_owned(), child);
                    open.push((child, depth));
                    i += 1; // the brace is counted next
                }
                "use" if at(i + 1) != "<" => {
                    let public = i > 0 && ["pub", ")"].contains(&at(i - 1));
                    i = self.parse_use(module, tokens, i + 1, &mut Vec::new(), public);
                }
                "fn" | "struct" | "enum" | "trait" | "type" | "const" | "static" => {
                    self.0[module].defines.insert(at(i + 1).to_owned());
                }
                word if is_word(word) && (i == 0 || !["::", "."].contains(&at(i - 1))) => {
                    let mut path = vec![word.to_owned()];
                    while at(i + 1) == "::" && is_word(at(i + 2)) {
                        path.push(at(i + 2).to_owned());
                        i += 2;
                    }
                    self.0[module].paths.insert(path);
                }
                _ => {}
            }
            i += 1;
        }
        files
    }

    /// Reads one tree of a `use` from token `i` on; returns the place of the token after it.
    fn parse_use(
        &mut self,
        module: usize,
        tokens: &[String],
        mut i: usize,
        path: &mut Vec<String>,
        public: bool,
    ) -> usize {
        let before = path.len();
        let mut name = None;
        loop {
            match tokens[i].as_str() {
                "::" => {}
                "{" => {
                    i += 1;
                    while tokens[i] != "}" {
                        i = self.parse_use(module, tokens, i, path, public);
                        i += usize::from(tokens[i] == ",");
                    }
                    path.truncate(before);
                    return i + 1;
                }
                "as" => {
                    name = Some(tokens[i + 1].clone());
                    i += 1;
                }
                "self" if !path.is_empty() => {}
                "," | "}" | ";" => break,
                word => path.push(word.to_owned()),
            }
            i += 1;
        }
        if let Some(last) = path.last() {
            let name = name.unwrap_or_else(|| last.clone());
            self.0[module].uses.push(Use { path: path.clone(), name, public });
        }
        path.truncate(before);
        i
    }

    /// Where a path within a module leads; none outside of the crate, and for local names.
    fn target(&self, module: usize, path: &[String], depth: usize) -> Option<Target> {
        let (first, mut rest) = path.split_first()?;
        let mut at = match first.as_str() {
            "crate" => Target::Module(0),
            "self" => Target::Module(module),
            "super" => Target::Module(self.0[module].parent?),
            name => self.named(module, name, depth)??,
        };
        while let Some((name, after)) = rest.split_first() {
            let Target::Module(within) = at else { break };
            at = match name.as_str() {
                "super" => Target::Module(self.0[within].parent?),
                "*" => break,
                name => self.named(within, name, depth).unwrap_or(Some(Target::Item(within)))?,
            };
            rest = after;
        }
        Some(at)
    }

    /// What a name means in a module that defines no item of this name: a submodule, or what a `use` brings in, which
    /// is none if it lies outside of the crate.
    fn named(&self, module: usize, name: &str, depth: usize) -> Option<Option<Target>> {
        // A name can lead to itself: `use lorenz::lorenz`.
        if depth > 20 {
            return Some(None);
        }
        let of = &self.0[module];
        if let Some(&child) = of.children.get(name) {
            return Some(Some(Target::Module(child)));
        }
        if of.defines.contains(name) {
            return None;
        }
        if let Some(named) = of.uses.iter().find(|named| named.name == name) {
            return Some(self.target(module, &named.path, depth + 1));
        }
        of.uses.iter().filter(|named| named.name == "*").find_map(|all| {
            let Some(Target::Module(other)) = self.target(module, &all.path, depth + 1) else { return None };
            let there = self.0[other].defines.contains(name);
            (other != module && there).then_some(Some(Target::Item(other)))
        })
    }

    /// The modules that a module lies in, the nearest first.
    fn above(&self, module: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(self.0[module].parent, |&above| self.0[above].parent)
    }

    fn arrows(&self) -> Arrows {
        let mut arrows = Arrows::new();
        for (from, module) in self.0.iter().enumerate() {
            let used = |name: &String| module.paths.iter().any(|path| path[0] == *name);
            let below = |target: usize| self.0[target].parent == Some(from);
            let imported = module.uses.iter().map(|named| (&named.path, named.public && !used(&named.name)));
            // Other paths begin with a local name or with one that a `use` brings in.
            let names_a_module = |path: &&Vec<String>| {
                let first = path[0].as_str();
                path.len() > 1
                    && (["crate", "self", "super"].contains(&first) || module.children.contains_key(first))
            };
            let in_code = module.paths.iter().filter(names_a_module).map(|path| (path, false));
            for (path, passed_on) in imported.chain(in_code) {
                let (Some(Target::Module(to) | Target::Item(to)), [.., last]) =
                    (self.target(from, path, 0), &path[..])
                else {
                    continue;
                };
                let first_below = module.children.get(&path[0]).is_some_and(|&child| below(child));
                let up = to != 0 && self.above(from).any(|above| above == to);
                let (from, to) = (&module.file, &self.0[to].file);
                if from != to && !up && !(passed_on && first_below) {
                    arrows.entry((from.clone(), to.clone())).or_default().insert(last.clone());
                }
            }
        }
        arrows
    }
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// The place after a group in brackets that begins at token `i`.
fn past_group(tokens: &[String], mut i: usize) -> usize {
    let mut depth = 0;
    loop {
        match tokens[i].as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        i += 1;
        if depth == 0 {
            return i;
        }
    }
}

/// The place after the item that begins at token `i`, with its attributes.
fn past_item(tokens: &[String], mut i: usize) -> usize {
    let mut is_use = false;
    loop {
        match tokens[i].as_str() {
            "use" => is_use = true,
            ";" => return i + 1,
            "{" if !is_use => return past_group(tokens, i),
            "(" | "[" | "{" => {
                i = past_group(tokens, i);
                continue;
            }
            _ => {}
        }
        i += 1;
    }
}

/// The words and signs of a text, without comments, lifetimes and what stands in quotes.
fn tokens(text: &str) -> Vec<String> {
    let text: Vec<char> = text.chars().collect();
    let at = |i: usize| text.get(i).copied().unwrap_or('\0');
    let find = |from: usize, what: &str| -> usize {
        let what: Vec<char> = what.chars().collect();
        (from..text.len()).find(|&i| text[i..].starts_with(&what)).map_or(text.len(), |i| i + what.len())
    };
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    let (mut i, mut tokens) = (0, Vec::new());
    while i < text.len() {
        match (at(i), at(i + 1)) {
            ('/', '/') => i = find(i, "\n"),
            ('/', '*') => {
                let mut depth = 0;
                loop {
                    match (at(i), at(i + 1)) {
                        ('/', '*') => (depth, i) = (depth + 1, i + 2),
                        ('*', '/') => (depth, i) = (depth - 1, i + 2),
                        _ => i += 1,
                    }
                    if depth == 0 || i >= text.len() {
                        break;
                    }
                }
            }
            ('"', _) => {
                i += 1;
                while i < text.len() && at(i) != '"' {
                    i += if at(i) == '\\' { 2 } else { 1 };
                }
                i += 1;
            }
            ('\'', '\\') => i = find(i + 3, "'"),
            ('\'', _) if at(i + 2) == '\'' => i += 3,
            ('\'', _) => {
                i += 1;
                while in_word(at(i)) {
                    i += 1;
                }
            }
            (':', ':') => {
                tokens.push("::".to_owned());
                i += 2;
            }
            (c, _) if in_word(c) => {
                let begin = i;
                while in_word(at(i)) {
                    i += 1;
                }
                let word: String = text[begin..i].iter().collect();
                let hashes = (i..).take_while(|&i| at(i) == '#').count();
                if ["r", "br", "cr"].contains(&word.as_str()) && at(i + hashes) == '"' {
                    i = find(i + hashes + 1, &format!("\"{}", "#".repeat(hashes)));
                } else if word == "r" && hashes == 1 {
                    i += 1; // a raw name
                } else {
                    tokens.push(word);
                }
            }
            (c, _) => {
                if !c.is_whitespace() {
                    tokens.push(c.to_string());
                }
                i += 1;
            }
        }
    }
    tokens
}

/// What each crate depends on by its manifest, and by its picture in `docs/architecture.md`.
#[test]
fn the_picture_of_the_crates_is_what_their_manifests_say() {
    let root = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../..");
    let names: BTreeSet<String> = std::fs::read_dir(root.join("crates"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| root.join("crates").join(name).join("Cargo.toml").is_file())
        .collect();
    let mut needs = Arrows::new();
    for name in &names {
        let manifest = std::fs::read_to_string(root.join("crates").join(name).join("Cargo.toml")).unwrap();
        let dependencies = manifest.split("[dependencies]").nth(1).unwrap_or_default();
        for line in dependencies.lines().take_while(|line| !line.starts_with('[')) {
            let other = line.split(['.', ' ', '=']).next().unwrap();
            if names.contains(other) {
                needs.entry((name.clone(), other.to_owned())).or_default();
            }
        }
    }
    let text = std::fs::read_to_string(root.join("docs/architecture.md")).unwrap();
    let mut drawn = Arrows::new();
    for line in text.split("```mermaid").nth(1).unwrap().split("```").next().unwrap().lines() {
        if let Some((from, to)) = line.split_once("-->") {
            for to in to.split('&') {
                drawn.entry((from.trim().to_owned(), to.trim().to_owned())).or_default();
            }
        }
    }
    // An arrow that follows from others may be left out of the picture.
    let told = |arrows: &Arrows| -> BTreeMap<String, BTreeSet<String>> {
        names.iter().map(|name| (name.clone(), reachable(arrows, name))).collect()
    };
    assert_eq!(told(&drawn), told(&needs), "left: docs/architecture.md, right: the manifests");
}

/// Rows of the form `| 7 | `function` | `file` | ... |`.
#[test]
fn the_functions_on_the_path_of_a_state_are_where_it_says() {
    let root = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../..");
    let text = std::fs::read_to_string(root.join("docs/architecture.md")).unwrap();
    let mut steps = 0;
    for line in text.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, step, function, file, ..] = cells[..] else { continue };
        if step.parse() != Ok(steps + 1) {
            continue;
        }
        steps += 1;
        let name = function.trim_matches('`').rsplit("::").next().unwrap();
        let source = std::fs::read_to_string(root.join("crates").join(file.trim_matches('`'))).unwrap();
        assert!(source.contains(&format!("fn {name}(")) || source.contains(&format!("fn {name}<")), "{line}");
    }
    assert!(steps >= 20, "only {steps} steps");
}

#[test]
fn arrows_lead_to_where_an_item_is_defined() {
    let files = [
        (
            "lib.rs",
            "mod a; mod b; pub mod c; #[cfg(test)] mod sample; pub use a::A; pub use b::{B, made}; pub use other::O;
             fn root() { made(); }
             #[cfg(test)] mod tests { use crate::c::C; }",
        ),
        ("a.rs", "use crate::{B, O}; // crate::c::C\n pub struct A; fn a(x: &'static str) -> char { '\"' }"),
        ("b.rs", "pub struct B; pub fn made() { let _ = r#\"crate::c::C\"#; let _ = crate::c::d::D::new(); }"),
        ("c/mod.rs", "mod d; use d::D; pub struct C(D); pub const SHARED: u8 = 0; fn c() { crate::root() }"),
        ("c/d.rs", "use super::{super::A as Other, SHARED}; pub struct D; mod inner { use super::D; }"),
    ];
    let text = |path: &str| files.iter().find(|(name, _)| *name == path).map(|(_, text)| (*text).to_owned());
    let arrows = Source::read(&text).arrows();
    let told: Vec<String> =
        arrows.iter().map(|((from, to), items)| format!("{from} -> {to}: {}", join(items))).collect();
    assert_eq!(
        told,
        [
            "a.rs -> b.rs: B",
            "b.rs -> c/d.rs: new",
            "c/d.rs -> a.rs: A",
            "c/mod.rs -> c/d.rs: D",
            "c/mod.rs -> lib.rs: root",
            "lib.rs -> b.rs: made",
        ]
    );
    let circle = ["a.rs", "b.rs", "c/d.rs"].map(str::to_owned);
    assert_eq!(circles(&arrows), [BTreeSet::from(circle)]);
}
