//! Simulations that are stored in a folder, and trainings that read them.

use std::path::Path;
use std::process::Stdio;

use crate::support::{Folder, refused, results, timeless};
use dataset::arrays::read_npz;
use models::tensors::Tensors;

const TINY: &str = r#"
[system]
name = "lorenz"
[data]
trajectories = 40
t_final = 2.0
[model]
name = "rnn"
hidden = 4
window = 4
[train]
steps = 120
batch_size = 32
validate_every = 40
[evaluate]
starts = 2
transient = 1.0
horizon = 1.0
polynomial_degree = 1
long_run = 0
"#;

/// The same experiment with all that a folder says left out.
fn stored() -> String {
    let begin = TINY.find("[model]").unwrap();
    format!("[data]\nfrom = \"big/\"\n{}", &TINY[begin..])
}

/// A folder with the trajectories of `TINY` in shards of three.
fn with_shards() -> Folder {
    let folder = Folder::new(TINY);
    folder.write("stored.toml", &stored());
    folder.ok(&[
        "simulate",
        "lorenz",
        "-o",
        "big/",
        "--per-file",
        "3",
        "data.trajectories=40",
        "data.t_final=2",
    ]);
    folder
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let read = |entry: std::fs::DirEntry| {
        (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap())
    };
    let mut all: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| read(entry.unwrap())).collect();
    all.sort();
    all
}

/// The tensors of a model; what it says of itself names the folder's digest.
fn model(run: &Path) -> Tensors {
    Tensors { about: String::new(), ..Tensors::load(&run.join("model.safetensors")).unwrap() }
}

#[test]
fn shards_hold_the_very_numbers_of_one_file() {
    let folder = Folder::new("");
    let settings = ["data.trajectories=10", "data.t_final=2", "seed=5", "system.force=0.7"];
    let to = |more: &[&str]| folder.ok(&[&["simulate", "oscillator"], more, &settings[..]].concat());
    to(&["-o", "one.npz"]);
    to(&["-o", "big/", "--per-file", "4"]);
    std::fs::create_dir(folder.path().join("whole")).unwrap();
    to(&["-o", "whole"]);
    let one = read_npz(&folder.path().join("one.npz")).unwrap();
    let shards: Vec<_> = (0..3)
        .map(|i| read_npz(&folder.path().join(format!("big/trajectories-{i:06}.npz"))).unwrap())
        .collect();
    for name in ["u", "known"] {
        let joined: Vec<u64> =
            shards.iter().flat_map(|shard| &shard.get(name).unwrap().values).map(|x| x.to_bits()).collect();
        assert!(
            joined.iter().copied().eq(one.get(name).unwrap().values.iter().map(|x| x.to_bits())),
            "{name}"
        );
    }
    assert!(shards.iter().all(|shard| shard.get("t").unwrap() == one.get("t").unwrap()));
    let names: Vec<String> = files(&folder.path().join("big")).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names[0], "simulation.toml");
    assert_eq!(names.len(), 4);
    let bytes = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    assert!(bytes("whole/trajectories-000000.npz") == bytes("one.npz"));
}

#[test]
fn the_same_command_completes_a_folder_and_another_is_refused() {
    let folder = with_shards();
    let big = folder.path().join("big");
    let whole = files(&big);
    let simulate = |more: &[&'static str]| {
        let same = ["simulate", "lorenz", "-o", "big", "data.trajectories=40", "data.t_final=2"];
        [&same[..], more].concat()
    };
    // nothing is missing
    folder.ok(&simulate(&[]));
    assert!(files(&big) == whole);
    // missing, cut short, and what a killed process leaves
    std::fs::remove_file(big.join("trajectories-000004.npz")).unwrap();
    let cut = big.join("trajectories-000009.npz");
    let bytes = std::fs::read(&cut).unwrap();
    std::fs::write(&cut, &bytes[..bytes.len() - 9]).unwrap();
    std::fs::write(big.join(".attractor-x.tmp"), "half").unwrap();
    let output = folder.run(&simulate(&[]));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("trajectories-000009.npz"), "{said}");
    assert!(said.contains("simulating 6 trajectories of lorenz, 34 of 40 are there"), "{said}");
    assert!(files(&big) == whole);

    for (settings, words) in [
        (&["data.trajectories=41"][..], &["data.trajectories is 40 there and 41 here"][..]),
        (
            &["seed=1", "data.solver.tolerance=1e-6"],
            &["seed is 0 there and 1 here", "data.solver.tolerance is"],
        ),
        (&["system.rho=29"], &["system.rho is 28.0 there and 29.0 here"]),
        (&["--per-file", "4"], &["trajectories_per_shard is 3 there and 4 here"]),
        (&["--per-file", "0"], &["at least 1"]),
        (&["data.from=big/"], &["data.from=big/ has no meaning here"]),
    ] {
        refused(
            &folder,
            &simulate(settings),
            2,
            &[words, if words[0].contains("there") { &["big/"] } else { &[] }].concat(),
        );
    }
    refused(&folder, &["simulate", "oscillator", "-o", "big/"], 2, &["system.name is \"lorenz\" there"]);
    assert!(files(&big) == whole);
    // killed, or out of room, before it had said what it is
    let about = std::fs::read(big.join("simulation.toml")).unwrap();
    for begun in [0, 100] {
        std::fs::write(big.join("simulation.toml"), &about[..begun]).unwrap();
        let words = ["big/simulation.toml does not say what the trajectories beside it are of"];
        refused(&folder, &simulate(&["--per-file", "3"]), 2, &words);
        let alone = folder.path().join(format!("alone-{begun}"));
        std::fs::create_dir(&alone).unwrap();
        std::fs::write(alone.join("simulation.toml"), &about[..begun]).unwrap();
        let settings = ["data.trajectories=40", "data.t_final=2", "--per-file", "3"];
        folder.ok(&[&["simulate", "lorenz", "-o", alone.to_str().unwrap()], &settings[..]].concat());
        assert!(files(&alone) == whole);
    }
    std::fs::write(big.join("simulation.toml"), "seed = 0").unwrap();
    refused(
        &folder,
        &simulate(&[]),
        2,
        &["big/simulation.toml does not say what it is a simulation of", "delete this one"],
    );
    let held = std::fs::File::open(big.join("simulation.toml")).unwrap();
    held.try_lock().unwrap();
    refused(&folder, &simulate(&[]), 2, &["another process writes to big/"]);

    std::fs::create_dir(folder.path().join("other")).unwrap();
    folder.write("other/notes.txt", "mine");
    for (output, words) in [
        ("other", &["other is a folder with other things and no simulation.toml"][..]),
        ("tiny.toml/", &["tiny.toml/ is a file"]),
        ("none/big/", &["none/big/", "a folder that does not exist"]),
        ("/proc/none/", &["/proc/none/ cannot be written", "name a folder that can be"]),
    ] {
        refused(&folder, &["simulate", "lorenz", "-o", output], 2, words);
    }
    refused(&folder, &["simulate", "lorenz", "-o", "a.npz", "--per-file", "2"], 2, &["--per-file", "-o a/"]);
    refused(&folder, &["simulate", "lorenz", "-o", "a.npz", "data.trajectories=1000000"], 2, &["-o FOLDER/"]);
    refused(&folder, &["simulate", "lorenz", "-o", "never/", "--per-file", "0"], 2, &["at least 1"]);
    assert!(!folder.path().join("never").exists());
    let blown = ["system.sigma=0", "system.beta=-1000"];
    let words = ["finite numbers", "trajectory 0"];
    refused(&folder, &[&["simulate", "lorenz", "-o", "blown/"], &blown[..]].concat(), 1, &words);
    // nothing came of it, so the folder is free
    folder.ok(&["simulate", "lorenz", "-o", "blown/", "data.trajectories=2"]);
}

#[test]
fn of_several_that_begin_at_once_one_has_the_folder() {
    let folder = Folder::new("");
    let arguments = |output: &str, seed: usize| {
        let to = ["simulate", "lorenz", "-o", output, "--per-file", "5", "data.trajectories=20"];
        [&to.map(str::to_owned)[..], &[format!("seed={seed}")]].concat()
    };
    let command = |output: &str, seed| {
        let arguments = arguments(output, seed);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        folder.command(&arguments)
    };
    let spawn = |seed| command("big/", seed).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let children: Vec<_> = (0..6).map(spawn).collect();
    let mut done = vec![];
    for (seed, child) in children.into_iter().enumerate() {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        match output.status.code() {
            Some(0) => done.push(seed),
            // while the other writes, or after
            code => assert!(
                code == Some(2) && (said.contains("another process") || said.contains("there and")),
                "{said}"
            ),
        }
    }
    assert_eq!(done.len(), 1);
    assert!(command("alone/", done[0]).output().unwrap().status.success());
    assert!(files(&folder.path().join("big")) == files(&folder.path().join("alone")));
}

#[cfg(unix)]
#[test]
fn an_interrupted_simulation_is_continued_to_the_same_bytes() {
    let folder = Folder::new("");
    let arguments = |output: &'static str| {
        let to = ["simulate", "lorenz", "-o", output, "--per-file", "4"];
        [&to[..], &["data.trajectories=4000", "data.t_final=20", "data.solver.tolerance=1e-12"]].concat()
    };
    folder.ok(&arguments("straight/"));
    for (signal, code) in [("-INT", Some(130)), ("-KILL", None)] {
        let big = folder.path().join("big");
        let child =
            folder.command(&arguments("big/")).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let begin = std::time::Instant::now();
        while !big.join("trajectories-000003.npz").exists() {
            assert!(begin.elapsed().as_secs() < 60, "no shard after a minute");
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        let kill =
            std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(kill.success());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), code, "{signal} came too late: {said}");
        let there = files(&big).len();
        assert!(there < 1001, "{signal}");
        if signal == "-INT" {
            assert_eq!(there, files(&big).iter().filter(|(name, _)| !name.starts_with('.')).count());
            let words = format!("interrupted with {} of 4000 trajectories complete in big/", 4 * (there - 1));
            assert!(said.contains(&words) && said.contains("the same command continues"), "{said}");
        }
        folder.ok(&arguments("big/"));
        assert!(files(&big) == files(&folder.path().join("straight")), "{signal}");
        std::fs::remove_dir_all(big).unwrap();
    }
}

#[test]
fn training_from_a_folder_is_training_from_the_simulation() {
    let folder = with_shards();
    let (simulated, read) = (folder.train(&["tiny.toml"]), folder.train(&["stored.toml"]));
    assert!(model(&simulated) == model(&read));
    let mut expected = timeless(results(&simulated));
    expected.experiment = "stored".into();
    assert_eq!(timeless(results(&read)), expected);
    let forecasts = |run: &Path| std::fs::read(run.join("forecasts.npz")).unwrap();
    assert!(forecasts(&simulated) == forecasts(&read));
    let resolved = std::fs::read_to_string(read.join("experiment.toml")).unwrap();
    for line in ["from = \"big/\"", "at_once = 40", "trajectories = 40", "t_final = 2.0", "name = \"lorenz\""]
    {
        assert!(resolved.contains(line), "{line}: {resolved}");
    }
    // what it left repeats it, and part of a folder is a smaller simulation
    std::fs::copy(read.join("experiment.toml"), folder.path().join("again.toml")).unwrap();
    assert!(model(&folder.train(&["again.toml"])) == model(&read));
    let few = ["data.trajectories=15"];
    let few = ["tiny.toml", "stored.toml"].map(|file| folder.train(&[&[file], &few[..]].concat()));
    assert!(model(&few[0]) == model(&few[1]) && model(&few[0]) != model(&read));
    // a model is of use where its folder is not, or lies elsewhere
    std::fs::rename(folder.path().join("big"), folder.path().join("moved")).unwrap();
    folder.ok(&["simulate", "lorenz", "-o", "starts.npz", "data.trajectories=2", "data.t_final=1"]);
    folder.ok(&["predict", read.to_str().unwrap(), "-i", "starts.npz", "-n", "3", "-o", "out.npz"]);
    refused(&folder, &["evaluate", read.to_str().unwrap()], 2, &["data.from = \"big/\"", "cannot be read"]);
    std::fs::write(read.join("experiment.toml"), resolved.replace("big/", "moved/")).unwrap();
    folder.ok(&["evaluate", read.to_str().unwrap()]);
}

#[cfg(unix)]
#[test]
fn a_folder_that_is_not_held_at_once_is_trained_on_in_turns() {
    let folder = with_shards();
    let turns = ["stored.toml", "data.at_once=10"];
    let output = folder.run(&[&["train"], &turns[..]].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.success() && said.contains("of 40 trajectories 10 are in memory at once"),
        "{said}"
    );
    // 8 trajectories of 198 windows are 49 steps of 32: two turns are over at step 98
    let [short, long] = ["train.steps=49", "train.steps=50"].map(|steps| {
        let constant = ["train.schedule=constant", "train.validate_every=1000", steps];
        let [held, all] = ["data.at_once=10", "data.at_once=40"]
            .map(|at_once| folder.train(&[&["stored.toml", at_once], &constant[..]].concat()));
        assert!(model(&held) != model(&all));
        results(&held).train.loss
    });
    assert!(short.train.is_finite() && long.train.is_finite());
    folder.write("tiny.toml", &stored());
    let settings = [
        "tiny.toml",
        "data.at_once=10",
        "train.steps=40000",
        "train.validate_every=1000",
        "train.checkpoint_every=300",
    ];
    let straight = folder.train(&[&settings[..], &["--runs", "straight"]].concat());
    for (signal, code) in [("-INT", Some(130)), ("-KILL", None)] {
        let (status, run) = crate::commands::stop(&folder, &[&["train"], &settings[..]].concat(), signal);
        assert_eq!(status, code, "{signal} came too late");
        folder.ok(&["resume", run.to_str().unwrap()]);
        assert!(model(&run) == model(&straight), "{signal}");
        assert_eq!(timeless(results(&run)), timeless(results(&straight)), "{signal}");
    }
}

#[test]
fn what_contradicts_a_folder_or_is_damaged_is_told() {
    let folder = with_shards();
    for (settings, words) in [
        (&["data.dt=0.02"][..], &["data.dt = 0.02 contradicts data.from", "big/ it is 0.01"][..]),
        (&["data.t_final=3"], &["data.t_final = 3.0 contradicts", "2.0"]),
        (&["data.solver=rk4"], &["data.solver", "rk4", "dop853"]),
        (&["data.initial=[[0,1],[0,1],[0,1]]"], &["data.initial", "15.0"]),
        (&["system.rho=30"], &["system.rho = 30.0", "28.0"]),
        (&["system.name=oscillator"], &["system.", "oscillator", "lorenz"]),
        (&["data.trajectories=41"], &["data.trajectories = 41 is more than the 40"]),
        (&["data.at_once=41"], &["data.at_once = 41 must lie between 1 and 40"]),
        (&["data.at_once=3"], &["data.at_once", "part of 3 trajectories empty"]),
        (
            &["data.from=none/"],
            &["data.from = \"none/\"", "none/simulation.toml cannot be read", "attractor simulate"],
        ),
        (&["data.from=3"], &["data.from = 3 must be a text"]),
        (&["data.from_digest=0123"], &["data.from_digest asks for 0123"]),
    ] {
        refused(&folder, &[&["train", "stored.toml"], settings].concat(), 2, words);
    }
    refused(
        &folder,
        &["train", "tiny.toml", "data.at_once=10"],
        2,
        &["data.at_once does nothing without data.from"],
    );
    let shard = folder.path().join("big/trajectories-000005.npz");
    let bytes = std::fs::read(&shard).unwrap();
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 1;
    for damaged in [&bytes[..bytes.len() / 2], &flipped] {
        std::fs::write(&shard, damaged).unwrap();
        let words = ["trajectories-000005.npz", "damaged", "`attractor simulate` that began"];
        refused(&folder, &["train", "stored.toml"], 2, &words);
    }
    std::fs::remove_file(&shard).unwrap();
    let words = ["trajectories-000005.npz is missing", "complete big/", "data.trajectories=15"];
    refused(&folder, &["train", "stored.toml"], 2, &words);
    assert!(!folder.path().join("runs").exists());
    folder.train(&["stored.toml", "data.trajectories=15"]);
}
