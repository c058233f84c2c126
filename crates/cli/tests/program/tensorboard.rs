//! Event files, read by those for whom they are written: the Python package tensorboard.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::Folder;

const TINY: &str = r#"
[system]
name = "lorenz"
[data]
trajectories = 10
t_final = 2.0
[model]
name = "rnn"
hidden = 8
window = 4
[train]
steps = 60
batch_size = 32
validate_every = 20
checkpoint_every = 25
log = ["jsonl", "tensorboard"]
[evaluate]
starts = 2
transient = 1.0
horizon = 1.0
polynomial_degree = 1
"#;

/// Prints the scalars of a directory by tag, as `[[step, value, wall time], ..]`, once as the class for scripts reads
/// them and once as the server's does.
const READ: &str = r#"
import json, sys
from tensorboard.backend.event_processing import event_accumulator, plugin_event_accumulator
from tensorboard.util import tensor_util
scripts = event_accumulator.EventAccumulator(sys.argv[1]).Reload()
server = plugin_event_accumulator.EventAccumulator(sys.argv[1]).Reload()
value = lambda event: float(tensor_util.make_ndarray(event.tensor_proto))
print(json.dumps([
    {tag: [[e.step, e.value, e.wall_time] for e in scripts.Scalars(tag)] for tag in scripts.Tags()["scalars"]},
    {tag: [[e.step, value(e), e.wall_time] for e in server.Tensors(tag)] for tag in server.Tags()["tensors"]},
]))
"#;

type Scalars = BTreeMap<String, Vec<(u64, f64, f64)>>;

fn read(run: &Path) -> Scalars {
    let python = std::env::var("ATTRACTOR_TENSORBOARD_PYTHON").unwrap();
    let output = Command::new(python).args(["-c", READ]).arg(run).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let [scripts, server]: [Scalars; 2] = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(scripts, server);
    scripts
}

fn event_files(run: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(run)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("events.out.tfevents."))
        .collect();
    files.sort();
    files
}

/// What TensorBoard shows is what `metrics.jsonl` holds.
fn agrees(run: &Path) {
    let scalars = read(run);
    let tags: Vec<&str> = scalars.keys().map(String::as_str).collect();
    assert_eq!(tags, ["examples_per_second", "learning_rate", "loss/train", "loss/validation"]);
    let metrics = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> =
        metrics.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (tag, key) in [
        ("loss/train", "train_loss"),
        ("loss/validation", "validation_loss"),
        ("learning_rate", "learning_rate"),
    ] {
        let shown: Vec<(u64, f64)> = scalars[tag].iter().map(|&(step, value, _)| (step, value)).collect();
        let logged: Vec<(u64, f64)> = lines
            .iter()
            .map(|line| (line["step"].as_u64().unwrap(), f64::from(line[key].as_f64().unwrap() as f32)))
            .collect();
        assert_eq!(shown, logged, "{tag}");
    }
    let times: Vec<f64> = scalars["loss/train"].iter().map(|&(_, _, time)| time).collect();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    assert!(times.is_sorted() && times.iter().all(|time| (now - 600.0..=now).contains(time)), "{times:?}");
    assert!(scalars["examples_per_second"].iter().all(|&(_, rate, _)| rate > 100.0 && rate < 1e9));
}

#[test]
#[ignore = "wants in ATTRACTOR_TENSORBOARD_PYTHON a Python that has tensorboard; .ci/run makes one"]
fn event_files_hold_the_metrics_for_tensorboard() {
    let folder = Folder::new(TINY);
    let run = folder.train(&["tiny.toml"]);
    assert_eq!(event_files(&run).len(), 1);
    assert_eq!(read(&run)["loss/train"].len(), 3);
    agrees(&run);
}

#[cfg(unix)]
#[test]
#[ignore = "wants in ATTRACTOR_TENSORBOARD_PYTHON a Python that has tensorboard; .ci/run makes one"]
fn a_continued_training_supersedes_what_was_logged_after_its_checkpoint() {
    let folder = Folder::new(TINY);
    // Killed before the first checkpoint, so that the lines of metrics are all superseded, and after some.
    for every in ["1000000", "300"] {
        let every = format!("train.checkpoint_every={every}");
        let arguments = ["train", "tiny.toml", "train.steps=40000", "train.validate_every=1000", &every];
        let (_, run) = crate::commands::stop(&folder, &arguments, "-KILL");
        let [first] = &event_files(&run)[..] else { panic!("one sitting, one file") };
        // and in the middle of a record
        let whole = std::fs::read(first).unwrap();
        let length = |at: usize| 16 + u64::from_le_bytes(whole[at..at + 8].try_into().unwrap()) as usize;
        let mut last = 0;
        while last + length(last) < whole.len() {
            last += length(last);
        }
        let mut events = std::fs::File::options().append(true).open(first).unwrap();
        events.write_all(&whole[last..whole.len() - 7]).unwrap();
        drop(events);
        folder.ok(&["resume", run.to_str().unwrap()]);
        assert_eq!(event_files(&run).len(), 2);
        agrees(&run);
        assert_eq!(read(&run)["loss/train"].len(), 40);
    }
    // A sitting may be watched in another way than the one before.
    let arguments =
        ["train", "tiny.toml", "train.steps=40000", "train.validate_every=1000", "train.log=[\"jsonl\"]"];
    let (_, run) = crate::commands::stop(&folder, &arguments, "-INT");
    assert!(event_files(&run).is_empty());
    let experiment = std::fs::read_to_string(run.join("experiment.toml")).unwrap();
    let watched = experiment.replace("log = [\"jsonl\"]", "log = [\"jsonl\", \"tensorboard\"]");
    assert_ne!(watched, experiment);
    std::fs::write(run.join("experiment.toml"), watched).unwrap();
    folder.ok(&["resume", run.to_str().unwrap()]);
    assert_eq!(event_files(&run).len(), 1);
    folder.ok(&["evaluate", run.to_str().unwrap()]);
}
