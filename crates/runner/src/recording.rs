//! The section `[recording]`: what it says, and the segments that its files hold.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use autodiff::unknown;
use dataset::recording::{Channel, Reading, Recording, Segment, Settings, estimate, find, read};
use schemars::JsonSchema;
use serde_json::{Map, Value};
use trajectory::Component;

use crate::Progress;
use crate::experiment::MAX_NUMBERS;
use crate::hash::{fnv1a, fnv1a_on};

/// The keys that [`Settings`] does not have: the recording for the scores, and the digest of the measurements.
const TEST: &str = "test";
const DIGEST: &str = "digest";

/// The keys of the section, for its documentation.
#[derive(JsonSchema)]
#[allow(dead_code)] // described, never made
pub(crate) struct Keys {
    #[schemars(flatten)]
    settings: Settings,
    /// Recordings that are used for the scores only: a table of the keys of `[recording]` that differ. Keys that it leaves
    /// out have the values of `[recording]`, except `rows` and `units`, which are not taken over. By default, scores come from the test part of the recording.
    #[schemars(extend("examples" = [{"files": "test.csv"}]))]
    test: Option<Settings>,
    /// Checksum of the measurements. A run refuses files whose measurements have changed. By default, that of the files: the program
    /// writes this key, you need not.
    #[schemars(extend("examples" = ["0f3a1c5e7b2d4968"]))]
    digest: Option<String>,
}

/// What the section says, once the files have been read or a run has kept what they said.
pub(crate) struct Recorded {
    pub(crate) name: String,
    pub(crate) states: Vec<Component>,
    pub(crate) inputs: Vec<Component>,
    section: Section,
}

/// The parsed section.
#[derive(Clone, Debug, PartialEq)]
struct Section {
    settings: Settings,
    /// The settings of a recording for the scores alone.
    test: Option<Settings>,
    digest: Option<String>,
}

impl Section {
    /// The settings of the recording for the scores: without names of its own, it has the quantities of the other one.
    fn test_settings(&self, recording: &Recording) -> Option<Settings> {
        let test = self.test.clone()?;
        let or = |own: Vec<String>, other: &[Channel]| match own.is_empty() {
            true => other.iter().map(|of| of.name.clone()).collect(),
            false => own,
        };
        Some(Settings {
            states: or(test.states, &recording.states),
            inputs: or(test.inputs, &recording.inputs),
            ..test
        })
    }

    /// Parses a section. Keys that `test` leaves out have the values of the recording.
    fn parse(section: &Value) -> Result<Self, String> {
        let Value::Object(all) = section else {
            return Err(
                "recording must be a section: [recording] and below it files = \"tanks/*.csv\"".into()
            );
        };
        let mut all = all.clone();
        let digest = all.remove(DIGEST);
        let test = all.remove(TEST);
        let settings = settings(&all, "recording")?;
        let test = match test {
            None => None,
            Some(Value::Object(own)) => {
                let own = check_keys(own, "recording.test")?;
                let mut both = all;
                // They are those of the other files and columns.
                both.retain(|key, _| !["rows", "units"].contains(&key.as_str()));
                both.extend(own);
                Some(settings_of(both, "recording.test")?)
            }
            Some(other) => {
                return Err(format!(
                    "recording.test = {other} must be a table of what differs from the recording, such as \
                     {{ files = \"test.csv\" }}"
                ));
            }
        };
        let same = |test: &&Settings| {
            test.files == settings.files
                && test.sheet == settings.sheet
                && test.dataset == settings.dataset
                && (test.states.is_empty() || test.states == settings.states)
        };
        if let Some(test) = test.as_ref().filter(same) {
            let shared = |a: Option<[usize; 2]>, b: Option<[usize; 2]>| match (a, b) {
                (Some(a), Some(b)) => a[0] < b[1] && b[0] < a[1],
                _ => true,
            };
            if shared(settings.rows, test.rows) {
                return Err(match test.rows {
                    None => "recording.test is the recording itself, so the scores would be those of the training data; name \
                             other files, columns or rows in it"
                        .into(),
                    Some(rows) => format!(
                        "recording.test.rows = {rows:?} and recording.rows = {} share rows, so the scores would be those of \
                         the training data; let one begin where the other ends, such as recording.rows = [0, {}]",
                        settings.rows.map_or("all".into(), |rows| format!("{rows:?}")),
                        rows[0].max(1)
                    ),
                });
            }
        }
        let digest = match digest {
            None => None,
            Some(Value::String(digest)) => Some(digest),
            Some(other) => return Err(format!("recording.digest = {other} must be a text in quotes")),
        };
        Ok(Section { settings, test, digest })
    }
}

fn settings(all: &Map<String, Value>, at: &str) -> Result<Settings, String> {
    settings_of(check_keys(all.clone(), at)?, at)
}

fn settings_of(all: Map<String, Value>, at: &str) -> Result<Settings, String> {
    let read = serde_path_to_error::deserialize(Value::Object(all));
    let settings: Settings = read.map_err(|error| match error.path().to_string() {
        // of a value of the wrong kind
        path if path == "." => format!("{at}: {}", error.inner()),
        path => format!("{at}.{path}: {}", error.inner()),
    })?;
    // Its messages name the keys of [recording].
    settings.check().map_err(|error| error.to_string().replace("recording.", &format!("{at}.")))?;
    Ok(settings)
}

fn check_keys(all: Map<String, Value>, at: &str) -> Result<Map<String, Value>, String> {
    let more: &[&str] = if at == "recording" { &[TEST] } else { &[] };
    let names = || Settings::KEYS.iter().chain(more).copied();
    match all.keys().find(|key| !names().any(|name| name == *key)) {
        Some(key) => Err(unknown(&format!("{at}.{key}"), key, names())),
        None => Ok(all),
    }
}

/// The name of a recording: that of its only file, or of the folder of its files.
fn name(files: &[String]) -> String {
    let stem = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let one = Path::new(files.first().map_or("", String::as_str));
    let several = files.len() > 1 || files.iter().any(|file| file.contains(['*', '?', '[']));
    match one.parent().and_then(Path::file_name) {
        Some(folder) if several => folder.to_string_lossy().into_owned(),
        _ => stem(one).trim_end_matches(['*', '?']).trim_end_matches(['-', '_', '.']).to_owned(),
    }
}

impl Recorded {
    /// What a resolved section says.
    ///
    /// # Errors
    /// If a key is unknown, or a value has the wrong type.
    pub(crate) fn of(section: &Value) -> Result<Self, String> {
        let section = Section::parse(section)?;
        let Settings { states, inputs, units, files, .. } = &section.settings;
        let component = |name: &String| Component {
            unit: units.get(name).cloned().unwrap_or_else(|| "1".into()),
            name: name.clone(),
        };
        Ok(Recorded {
            name: match name(files) {
                name if name.is_empty() => "recording".into(),
                name => name,
            },
            states: states.iter().map(component).collect(),
            inputs: inputs.iter().map(component).collect(),
            section,
        })
    }

    /// The settings of the recordings to learn from.
    pub(crate) fn settings(&self) -> &Settings {
        &self.section.settings
    }

    /// The settings of the recordings that are held out, with the names of their states. Those of a resolved section are
    /// all there.
    pub(crate) fn held_out(&self) -> Settings {
        let Section { settings, test, .. } = &self.section;
        let mut held_out = test.as_ref().unwrap_or(settings).clone();
        if held_out.states.is_empty() {
            held_out.states.clone_from(&settings.states);
        }
        held_out
    }

    /// Reads the files.
    ///
    /// # Errors
    /// Files that cannot be read, or hold other measurements than the section's digest asks for.
    pub(crate) fn read(&self, progress: &mut dyn Progress) -> Result<Measured, String> {
        progress.stage(&format!("reading {}", self.section.settings.files.join(", ")));
        let measured = Measured::read(&self.section, progress)?;
        let all = std::iter::once(&measured.recording).chain(&measured.test);
        all.flat_map(|recording| &recording.notes).for_each(|note| progress.note(note));
        Ok(measured)
    }
}

/// What the files hold.
#[derive(Clone)]
pub(crate) struct Measured {
    pub(crate) recording: Arc<Recording>,
    /// The recording for the scores alone.
    pub(crate) test: Option<Arc<Recording>>,
}

impl Measured {
    /// The recording of which some is held out: the one for the scores alone, where there is one.
    pub(crate) fn held_out(&self) -> &Recording {
        self.test.as_ref().unwrap_or(&self.recording)
    }

    fn read(section: &Section, progress: &mut dyn Progress) -> Result<Self, String> {
        let recording = read_once(&section.settings, progress)?;
        let mut measured = Measured { recording, test: None };
        if let Some(settings) = section.test_settings(&measured.recording) {
            let test = read_once(&for_other_files(settings), progress)?;
            measured.check_alike(&test)?;
            measured.test = Some(test);
        }
        let found = measured.digest();
        match &section.digest {
            Some(digest) if *digest != found => Err(format!(
                "recording.files = {:?} hold the measurements {found}, and recording.digest asks for {digest}: the files \
                 have changed; put those back that the run used, or remove recording.digest to use these",
                section.settings.files
            )),
            _ => Ok(measured),
        }
    }

    /// Checks that a recording for the scores has the same quantities as the one to learn from.
    fn check_alike(&self, test: &Recording) -> Result<(), String> {
        let recording = &self.recording;
        let different = |what: &str, one: String, other: String| {
            Err(format!("recording.test has {other} {what}, and the recording has {one}: they must be equal"))
        };
        if (test.dt / recording.dt - 1.0).abs() > 1e-6 {
            return different("as its sample interval", recording.dt.to_string(), test.dt.to_string());
        }
        for (what, one, other) in
            [("states", &recording.states, &test.states), ("inputs", &recording.inputs, &test.inputs)]
        {
            if one.len() != other.len() {
                return different(what, one.len().to_string(), other.len().to_string());
            }
        }
        Ok(())
    }

    /// A hash of all numbers that are used for training or scores, and of how they are divided into recordings and
    /// segments. It identifies the measurements, wherever their files are.
    fn digest(&self) -> String {
        let mut hash = fnv1a(&[]);
        let mut add = |bytes: &[u8]| hash = fnv1a_on(hash, bytes);
        for (test, recording) in std::iter::once(&self.recording).chain(&self.test).enumerate() {
            add(&test.to_le_bytes());
            add(&recording.dt.to_le_bytes());
            for (number, Segment { samples, states, inputs, .. }) in numbered(recording) {
                add(&number.to_le_bytes());
                add(&samples.to_le_bytes());
                states.iter().chain(inputs).for_each(|x| add(&x.to_le_bytes()));
            }
        }
        format!("{hash:016x}")
    }
}

/// The segments with the number of the recording that each belongs to: those of one name, which follow each other, are
/// pieces of one.
pub(crate) fn numbered(recording: &Recording) -> impl Iterator<Item = (usize, &Segment)> {
    let mut number = 0;
    let mut before: Option<&str> = None;
    recording.segments.iter().map(move |segment| {
        number += usize::from(before.is_some_and(|before| before != segment.name));
        before = Some(&segment.name);
        (number, segment)
    })
}

/// The section with what its files say: names and units of what is forecast and given, and their digest; and what was
/// measured.
///
/// # Errors
/// If a key is unknown, or a file cannot be read.
pub(crate) fn complete(section: &Value, progress: &mut dyn Progress) -> Result<(Value, Measured), String> {
    let parsed = Section::parse(section)?;
    let measured = Measured::read(&parsed, progress)?;
    let named = with_names(&parsed.settings, &measured.recording);
    let mut complete = section.clone();
    complete["states"] = named.states.into();
    if !named.inputs.is_empty() {
        complete["inputs"] = named.inputs.into();
    }
    if !named.units.is_empty() {
        complete["units"] = named.units.into_iter().map(|(name, unit)| (name, Value::from(unit))).collect();
    }
    complete[DIGEST] = measured.digest().into();
    Ok((complete, measured))
}

/// The settings of a section that has no recording for the scores.
///
/// # Errors
/// If a key is unknown, or a value has the wrong type.
pub(crate) fn settings_of_files(section: &Value) -> Result<Settings, String> {
    Section::parse(section).map(|section| section.settings)
}

/// Whether a section needs no file to be complete: a run has kept what the files said.
pub(crate) fn is_complete(section: &Value) -> bool {
    section.get(DIGEST).is_some() && section.get("states").is_some()
}

/// What a resolved section is about, wherever its files lie and however they are written: what is learned, and from which
/// measurements.
pub(crate) fn about(section: &Value) -> Value {
    let mut about = section.clone();
    if let Some(all) = about.as_object_mut() {
        all.retain(|key, _| ["states", "inputs", DIGEST].contains(&key.as_str()));
    }
    about
}

/// Recordings by their settings and the state of their files, from when an experiment is resolved until it is prepared.
static READ: Mutex<Vec<Read>> = Mutex::new(Vec::new());

struct Read {
    settings: Settings,
    files: Vec<Stamp>,
    recording: Arc<Recording>,
}

/// Forgets what was read, so that it takes no memory.
pub(crate) fn forget() {
    READ.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

/// Reads a recording, or takes it from when the experiment was resolved.
pub(crate) fn read_once(settings: &Settings, progress: &mut dyn Progress) -> Result<Arc<Recording>, String> {
    let files = find(&settings.files, Path::new("")).map_err(|error| error.to_string())?;
    let stamps: Vec<Stamp> = files.iter().map(|file| Stamp::of(file)).collect();
    let read_before = || READ.lock().unwrap_or_else(PoisonError::into_inner);
    let is_it = |read: &&Read| read.settings == *settings && read.files == stamps;
    let known = read_before().iter().find(is_it).map(|read| read.recording.clone());
    if let Some(known) = known {
        return Ok(known);
    }
    let mut tell = telling(progress);
    // Windows and their scales take as much again.
    let mut reading = Reading { least: 2, memory: Some(16 * MAX_NUMBERS), progress: &mut tell };
    let recording = read(&files, settings, &mut reading).map_err(|error| error.to_string())?;
    if recording.segments.is_empty() {
        return Err(format!(
            "recording.files = {:?} hold no segment of two successive samples",
            settings.files
        ));
    }
    let recording = Arc::new(recording);
    // The same under the names that a resolved section gives.
    let mut all = read_before();
    for settings in [with_names(settings, &recording), settings.clone()] {
        all.push(Read { settings, files: stamps.clone(), recording: recording.clone() });
    }
    Ok(recording)
}

/// Settings that were made for other files, without those keys that do nothing for these if they are of another kind: the
/// sheet of a workbook for a text file, for example.
pub(crate) fn for_other_files(settings: Settings) -> Settings {
    let plain = Settings {
        trajectory: None,
        sheet: None,
        dataset: None,
        time_axis: None,
        separator: None,
        decimal: None,
        ..settings.clone()
    };
    let opens = |settings: &Settings| {
        find(&settings.files, Path::new("")).is_ok_and(|files| estimate(&files, settings).is_ok())
    };
    if !opens(&settings) && opens(&plain) { plain } else { settings }
}

/// Settings with the names and units that the files gave.
fn with_names(settings: &Settings, recording: &Recording) -> Settings {
    let names = |channels: &[Channel]| channels.iter().map(|of| of.name.clone()).collect();
    let both = recording.states.iter().chain(&recording.inputs);
    Settings {
        states: names(&recording.states),
        inputs: names(&recording.inputs),
        units: both.filter(|of| !of.unit.is_empty()).map(|of| (of.name.clone(), of.unit.clone())).collect(),
        ..settings.clone()
    }
}

/// Reports the progress of reading: bytes read, bytes in all, and the estimated time left.
pub(crate) fn telling(progress: &mut dyn Progress) -> impl FnMut(u64, u64) {
    let begin = Instant::now();
    move |done, of| {
        // What is read at once needs no telling.
        if begin.elapsed().as_secs_f64() < 1.0 {
            return;
        }
        let part = (done as f64 / of.max(1) as f64).max(1e-3);
        let left = begin.elapsed().as_secs_f64() * (1.0 / part - 1.0).max(0.0);
        progress.part(done >> 20, of >> 20, "MiB", left);
    }
}

/// Path, size and time of modification of a file, to notice changes.
#[derive(Clone, Debug, PartialEq)]
struct Stamp(Option<(std::path::PathBuf, u64, std::time::SystemTime)>);

impl Stamp {
    fn of(file: &Path) -> Self {
        let about = std::fs::metadata(file).ok();
        Stamp(about.and_then(|about| Some((file.to_owned(), about.len(), about.modified().ok()?))))
    }
}
