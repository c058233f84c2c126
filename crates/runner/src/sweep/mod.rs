//! Sweeps: one experiment with every combination of some settings.
//!
//! A sweep is a folder, `RUNS/sweeps/<experiment>-<8 hex digits>`, whose name follows from what it holds, so that
//! the same command finds it again:
//!
//! ```text
//! sweep.json            the experiment's name, the keys that vary, and the overrides of every entry
//! <experiment>.toml     the experiment file, as it was when the sweep began
//! 0000/<experiment>/    the run of the first entry, an ordinary one
//! 0000/log.txt          what its worker said
//! ```
//!
//! Nothing but the folder ties its processes together: who runs an entry holds the lock in the entry's folder, and
//! an entry is done when it has results.

pub(crate) mod about;
mod grid;
mod scheduler;

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use dataset::files::write_atomically;
use serde::{Deserialize, Serialize};

use crate::catalogue::Source;
use crate::hash::{fnv1a, fnv1a_on};
use crate::resolve::to_toml;
use crate::run::{Run, json, lock};
use crate::{Build, Interrupt, Outcome, Progress, RunError, resume, train};
use about::ABOUT;
pub use about::is_sweep;
use grid::{Grid, draw};
pub use scheduler::{End, Failure, Standing, Tally, Watch, run};

const LOCK: &str = ".lock";
const LOG: &str = "log.txt";

/// The exit status of a worker whose entry another process runs: EX_TEMPFAIL of sysexits.h, "try again later".
pub const BUSY: u8 = 75;
/// The exit status of a worker that was interrupted, with the state of its training saved.
pub const INTERRUPTED: u8 = 130;

/// The most runs of a sweep that nobody has confirmed.
const UNCONFIRMED: usize = 10_000;
const MOST: usize = 1_000_000;

/// A sweep that has been checked and not been written.
pub struct Plan {
    source: Source,
    about: About,
    fingerprint: u32,
}

/// The contents of `sweep.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct About {
    experiment: String,
    keys: Vec<String>,
    entries: Vec<Vec<String>>,
    device: String,
    version: String,
}

impl Plan {
    /// Every combination of the values in `settings`, or `random` of them, each checked as [`crate::load`] does.
    ///
    /// # Errors
    /// [`RunError::Usage`] for a malformed setting, a combination that is wrong or stands twice, a device that is
    /// not there, and more than 10,000 runs that were not `confirmed`.
    pub fn new(
        experiment: &str,
        settings: &[String],
        random: Option<usize>,
        confirmed: bool,
        device: &str,
        build: &Build,
    ) -> Result<Self, RunError> {
        let source = Source::find(experiment)?;
        let grid = Grid::parse(settings).map_err(RunError::Usage)?;
        let chosen = choose(grid.count(), random, confirmed).map_err(RunError::Usage)?;
        let entries: Vec<Vec<String>> = match chosen {
            Chosen::All(count) => (0..count).map(|index| grid.combination(index)).collect(),
            Chosen::Some(indices) => indices.into_iter().map(|index| grid.combination(index)).collect(),
        };
        let about = About {
            experiment: source.name.clone(),
            keys: grid.keys(),
            entries,
            device: device.to_owned(),
            version: build.version.clone(),
        };
        let fingerprint = check(&source, &about)?;
        Ok(Plan { source, about, fingerprint })
    }

    /// The overrides of every entry.
    pub fn entries(&self) -> &[Vec<String>] {
        &self.about.entries
    }

    /// Where it stands, or will stand, under the folder of the runs.
    pub fn directory(&self, runs: &Path) -> PathBuf {
        runs.join("sweeps").join(format!("{}-{:08x}", self.source.name, self.fingerprint))
    }

    /// The sweep under the folder of the runs; written, unless it is there.
    ///
    /// # Errors
    /// A folder that cannot be written, or that holds another sweep.
    pub fn open(self, runs: &Path) -> Result<Sweep, RunError> {
        let directory = self.directory(runs);
        if is_sweep(&directory) {
            let sweep = Sweep::open(&directory)?;
            let about = About { version: self.about.version.clone(), ..sweep.about.clone() };
            // The file of the folder is what its entries are made of, whatever has become of the one it was copied from.
            if about != self.about || check(&sweep.source, &sweep.about)? != self.fingerprint {
                return Err(RunError::Usage(format!(
                    "{} holds another sweep; move it away, or name another folder with --runs",
                    directory.display()
                )));
            }
            return Ok(sweep);
        }
        let cannot = |error: std::io::Error| {
            let message = format!(
                "no sweep can be written to {}: {error}; name a folder that can be written with --runs",
                directory.display()
            );
            RunError::unwritten(error.kind(), message)
        };
        std::fs::create_dir_all(&directory).map_err(cannot)?;
        let write = |name: &str, text: &str| {
            write_atomically(&directory.join(name), |file| file.write_all(text.as_bytes())).map_err(cannot)
        };
        write(&format!("{}.toml", self.source.name), &self.source.text)?;
        // Last, since it is what makes the folder a sweep.
        write(ABOUT, &json(&self.about)?)?;
        Sweep::open(&directory)
    }
}

enum Chosen {
    All(usize),
    Some(Vec<usize>),
}

/// Which of the combinations are to run, once their number is known to be sensible.
fn choose(count: Option<usize>, random: Option<usize>, confirmed: bool) -> Result<Chosen, String> {
    let total = count.ok_or("these settings have more combinations than can be counted")?;
    let runs = random.unwrap_or(total);
    if runs > total {
        return Err(format!("--random {runs} asks for more than the {total} combinations that there are"));
    }
    if runs > MOST {
        return Err(format!(
            "this is a sweep of {runs} runs, and the most is {MOST}; --random N draws N of them"
        ));
    }
    if runs > UNCONFIRMED && !confirmed {
        return Err(format!(
            "this is a sweep of {runs} runs, and one of more than {UNCONFIRMED} needs --yes; --random N draws N of them"
        ));
    }
    Ok(if random.is_some() { Chosen::Some(draw(runs, total)) } else { Chosen::All(runs) })
}

/// Checks every entry, and gives the number that tells this sweep from others.
fn check(source: &Source, about: &About) -> Result<u32, RunError> {
    let named = |index: usize| about.entries[index].join(" ");
    let mut known: HashMap<u64, usize> = HashMap::new();
    let mut opened: BTreeSet<String> = BTreeSet::new();
    let mut fingerprint = fnv1a(about.device.as_bytes());
    for (index, overrides) in about.entries.iter().enumerate() {
        let place = |fault: RunError| match named(index) {
            none if none.is_empty() => fault,
            named => RunError::Usage(format!("the combination {named}: {fault}")),
        };
        let resolved = source.resolve(overrides).map_err(place)?;
        resolved.check_loop().map_err(|fault| place(RunError::Usage(fault)))?;
        // To look for a graphics card ten thousand times would take minutes.
        if opened.insert(format!("{:?} {}", resolved.train.precision, resolved.train.optimizer.name())) {
            resolved.machine(&about.device).map_err(|fault| place(RunError::Usage(fault)))?;
        }
        let text = to_toml(&resolved);
        let hash = fnv1a(text.as_bytes());
        if let Some(other) = known.insert(hash, index)
            && to_toml(&source.resolve(&about.entries[other])?) == text
        {
            return Err(RunError::Usage(format!(
                "the combinations {} and {}, numbers {other} and {index}, are the same experiment; leave one of them out",
                named(other),
                named(index)
            )));
        }
        fingerprint = fnv1a_on(fingerprint, &hash.to_le_bytes());
        for setting in overrides {
            fingerprint = fnv1a_on(fingerprint, format!("{setting}\n").as_bytes());
        }
    }
    Ok((fingerprint ^ (fingerprint >> 32)) as u32)
}

/// The folder of a sweep.
#[derive(Clone, Debug)]
pub struct Sweep {
    directory: PathBuf,
    about: About,
    source: Source,
}

/// What became of an entry that a worker was given.
pub enum Worked {
    /// It was trained.
    Trained(Outcome),
    /// It has been trained before.
    Finished(Run),
    /// Another process trains it.
    Busy,
}

/// How an entry stands.
#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    /// It has results.
    Finished,
    /// Another process has it.
    Busy,
    /// Whoever wants to may run it.
    Free,
}

impl Sweep {
    /// The sweep in a folder.
    ///
    /// # Errors
    /// [`RunError::Usage`] for a folder that is none, or whose files were changed into something else.
    pub fn open(directory: &Path) -> Result<Self, RunError> {
        let path = directory.join(ABOUT);
        let at = directory.display();
        if !is_sweep(directory) {
            return Err(RunError::Usage(format!(
                "{at} is no sweep: it has no {ABOUT}, which `attractor sweep` writes"
            )));
        }
        let fault = |fault: String| {
            RunError::Usage(format!("{} does not hold a sweep of this program: {fault}", path.display()))
        };
        let text = std::fs::read_to_string(&path).map_err(|error| fault(error.to_string()))?;
        let about: About = serde_json::from_str(&text).map_err(|error| fault(error.to_string()))?;
        if about.entries.is_empty() {
            return Err(fault("it has no entries".into()));
        }
        let source = Source::read(&directory.join(format!("{}.toml", about.experiment)))?;
        if source.name != about.experiment {
            return Err(fault(format!("\"{}\" names no experiment", about.experiment)));
        }
        Ok(Sweep { directory: directory.to_owned(), about, source })
    }

    /// Its folder.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The name of its experiment.
    pub fn experiment(&self) -> &str {
        &self.about.experiment
    }

    /// The experiment file, as it was when the sweep began.
    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    /// The keys that have more than one value.
    pub fn keys(&self) -> &[String] {
        &self.about.keys
    }

    /// The overrides of every entry, those included that are the same for all.
    pub fn entries(&self) -> &[Vec<String>] {
        &self.about.entries
    }

    /// What tells an entry from the others: its overrides of the keys that vary.
    pub fn label(&self, index: usize) -> String {
        let varies = |setting: &&String| {
            let key = setting.split('=').next().unwrap_or_default();
            self.keys().iter().any(|varied| varied == key)
        };
        let varied: Vec<&str> = self.entries()[index].iter().filter(varies).map(String::as_str).collect();
        varied.join(" ")
    }

    /// The number of an entry, and its label where there is one.
    pub fn numbered(&self, index: usize) -> String {
        format!("{index:04} {}", self.label(index)).trim_end().to_owned()
    }

    /// The newest run with results of every entry that has one.
    pub fn runs(&self) -> Vec<Option<Run>> {
        (0..self.entries().len()).map(|index| self.finished(index)).collect()
    }

    /// The folder of an entry: the one of its runs, as `--runs` takes it.
    pub fn folder(&self, index: usize) -> PathBuf {
        self.directory.join(format!("{index:04}"))
    }

    fn finished(&self, index: usize) -> Option<Run> {
        Run::all(&self.folder(index), self.experiment()).into_iter().rfind(Run::is_complete)
    }

    fn state(&self, index: usize) -> State {
        // The lock first: whoever gives it up has written the results before. A shared one, so that two who only
        // look do not see each other.
        let file = std::fs::File::open(self.folder(index).join(LOCK));
        if file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(std::fs::TryLockError::WouldBlock))) {
            State::Busy
        } else if self.finished(index).is_some() {
            State::Finished
        } else {
            State::Free
        }
    }

    /// Trains one entry, or continues the training that was begun, while no other process does.
    ///
    /// # Errors
    /// An index that is none; otherwise as [`train`] and [`resume`].
    pub fn work(
        &self,
        index: usize,
        build: &Build,
        stop: &Interrupt,
        progress: &mut dyn Progress,
    ) -> Result<Worked, RunError> {
        let overrides = self.entries().get(index).ok_or_else(|| {
            RunError::Usage(format!(
                "{} has the entries 0 to {}; there is no {index}",
                self.directory.display(),
                self.entries().len() - 1
            ))
        })?;
        if let Some(run) = self.finished(index) {
            return Ok(Worked::Finished(run));
        }
        let folder = self.folder(index);
        let path = folder.join(LOCK);
        let file = std::fs::create_dir_all(&folder)
            .and_then(|()| std::fs::File::options().create(true).append(true).open(&path));
        let file =
            file.map_err(|error| RunError::Failed(format!("{} cannot be written: {error}", path.display())))?;
        let Some(_lock) = lock(file) else { return Ok(Worked::Busy) };
        // Once more, for whoever held the lock may have come to the end.
        if let Some(run) = self.finished(index) {
            return Ok(Worked::Finished(run));
        }
        let device = &self.about.device;
        let trained = match Run::all(&folder, self.experiment()).pop() {
            Some(run) => resume(run, device, stop, progress),
            None => {
                let experiment = self.source.resolve(overrides)?;
                train(self.experiment(), &experiment, device, &folder, build, stop, progress)
            }
        };
        trained.map(Worked::Trained)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(settings: &[&str], random: Option<usize>, confirmed: bool) -> Result<Plan, String> {
        let settings: Vec<String> = settings.iter().map(|&setting| setting.to_owned()).collect();
        let build = Build { version: "0".into(), git_revision: String::new(), git_dirty: false };
        Plan::new("ffnn-oscillator", &settings, random, confirmed, "cpu", &build)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_folder_follows_from_what_the_sweep_holds() {
        let at = |settings: &[&str]| plan(settings, None, false).unwrap().directory(Path::new("runs"));
        let folder = at(&["seed=0..3"]);
        assert_eq!(folder, at(&["seed=0,1,2"]));
        assert_ne!(folder, at(&["seed=0..=3"]));
        assert_ne!(folder, at(&["seed=0..3", "model.hidden=8"]));
        let name = folder.file_name().unwrap().to_str().unwrap();
        let digits = name.strip_prefix("ffnn-oscillator-").unwrap();
        assert!(digits.len() == 8 && digits.chars().all(|c| c.is_ascii_hexdigit()), "{name}");
        // of the reference implementation
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn a_sweep_that_is_wrong_somewhere_is_refused_as_a_whole() {
        for (settings, random, words) in [
            (&["model.hidden=8,0", "seed=0..2"][..], None, &["model.hidden=0 seed=0", "between 1 and"][..]),
            (&["model.hiden=8,9"], None, &["did you mean \"hidden\""]),
            (
                &["train.optimizer.learning_rate=1e-3,0.001"],
                None,
                &["learning_rate=1e-3", "the same experiment"],
            ),
            (&["seed=0..3,1"], None, &["seed=1", "the same experiment"]),
            (&["train.optimizer=sgd,adam", "train.optimizer.name=sgd"], None, &["the same experiment"]),
            (&["seed=0..10001"], None, &["10001 runs", "--yes"]),
            (&["seed=0..9999999999", "model.hidden=1..100"], None, &["the most is 1000000", "--random"]),
            (&["seed=0..3"], Some(4), &["--random 4", "the 3 combinations"]),
            (&["seed=0..100000"], Some(10_001), &["--yes"]),
        ] {
            let message = plan(settings, random, false).err().unwrap();
            for word in words {
                assert!(message.contains(word), "{settings:?}: {message}");
            }
        }
        assert!(plan(&["seed=0..1000001"], None, true).err().unwrap().contains("the most is 1000000"));
    }

    #[test]
    fn a_draw_from_a_grid_beyond_listing_is_a_sweep() {
        let drawn = plan(&["seed=0..9999999999", "model.hidden=1..100"], Some(50), false).unwrap();
        assert_eq!(drawn.entries().len(), 50);
        assert_eq!(drawn.entries().iter().collect::<BTreeSet<_>>().len(), 50);
    }

    #[test]
    fn what_is_no_sweep_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let message = || Sweep::open(folder.path()).unwrap_err().to_string();
        assert!(message().contains("is no sweep"));
        let path = folder.path().join(ABOUT);
        std::fs::write(folder.path().join("x.toml"), "").unwrap();
        for (text, word) in [
            ("", "does not hold a sweep"),
            ("{}", "experiment"),
            (r#"{"experiment":"x","keys":[],"entries":[],"device":"cpu","version":"0"}"#, "no entries"),
            (r#"{"experiment":"y","keys":[],"entries":[[]],"device":"cpu","version":"0"}"#, "y.toml"),
            (r#"{"experiment":"../x","keys":[],"entries":[[]],"device":"cpu","version":"0"}"#, "x.toml"),
            (
                r#"{"experiment":"./x","keys":[],"entries":[[]],"device":"cpu","version":"0"}"#,
                "names no experiment",
            ),
        ] {
            std::fs::write(&path, text).unwrap();
            assert!(message().contains(word), "{}", message());
        }
    }
}
