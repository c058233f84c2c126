//! Optimisers, kernels and limits of a training.

use crate::support::{Folder, results, timeless};

const OSCILLATOR: &str = r#"
[system]
name = "oscillator"
[data]
trajectories = 20
[model]
name = "ffnn"
hidden = 12
depth = 1
activation = "tanh"
[train]
steps = 1000
batch_size = 128
[evaluate]
starts = 20
transient = 2.0
polynomial_degree = 1
"#;

#[test]
fn own_kernels_and_burn_agree_in_trained_scores() {
    let folder = Folder::new(OSCILLATOR);
    let rnn =
        OSCILLATOR.replace("\"ffnn\"", "\"rnn\"").replace("depth = 1\nactivation = \"tanh\"", "window = 4");
    folder.write("rnn.toml", &rnn);
    for experiment in ["tiny.toml", "rnn.toml"] {
        let [own, burn] = ["own", "burn"].map(|kernels| {
            let run = folder.train(&[experiment, &format!("train.kernels={kernels}")]);
            results(&run)
        });
        // roundoff grows over a thousand steps, but not to what a reader of the scores would see
        for (own, burn) in [
            (own.train.loss.validation, burn.train.loss.validation),
            (own.scores.one_step_rmse, burn.scores.one_step_rmse),
            (own.scores.nrmse.median, burn.scores.nrmse.median),
        ] {
            assert!((own / burn - 1.0).abs() < 0.05, "{experiment}: own {own}, burn {burn}");
        }
    }
}

#[test]
fn every_optimiser_learns() {
    let folder = Folder::new(OSCILLATOR);
    for (name, rate) in [("adam", "3e-3"), ("adamw", "3e-3"), ("sgd", "5e-2")] {
        let name = format!("train.optimizer.name={name}");
        let rate = format!("train.optimizer.learning_rate={rate}");
        let trained = results(&folder.train(&["tiny.toml", &name, &rate]));
        let persistence = trained.baselines["persistence"].one_step_rmse;
        let found = trained.scores.one_step_rmse;
        assert!(found < 0.3 * persistence, "{name}: {found} {persistence}");
    }
}

#[test]
fn levenberg_marquardt_repeats_and_beats_adam() {
    let folder = Folder::new(OSCILLATOR);
    let method =
        ["train.optimizer.name=levenberg-marquardt", "train.validate_every=5", "train.batch_size=500"];
    let steps = |steps: &'static str| [&["tiny.toml"], &method[..], &[steps]].concat();
    let adam = results(&folder.train(&["tiny.toml"]));
    let run = folder.train(&steps("train.steps=60"));
    let trained = results(&run);
    assert!(trained.scores.one_step_rmse < 0.1 * adam.scores.one_step_rmse, "{:?}", trained.scores);
    let again = folder.train(&steps("train.steps=60"));
    assert_eq!(timeless(results(&again)), timeless(trained));
    let model = |run: &std::path::Path| std::fs::read(run.join("model.safetensors")).unwrap();
    assert!(model(&run) == model(&again));
    let metrics = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let first: serde_json::Value = serde_json::from_str(metrics.lines().next().unwrap()).unwrap();
    assert!(first["learning_rate"].is_null() && first["train_loss"].is_number());
}

#[cfg(unix)]
#[test]
fn levenberg_marquardt_continues_to_the_same_bytes() {
    let folder = Folder::new(OSCILLATOR);
    let long = ["train.optimizer.name=levenberg-marquardt", "train.batch_size=1500", "train.steps=400"];
    let settings = [&["tiny.toml", "train.validate_every=5", "train.checkpoint_every=7"], &long[..]].concat();
    let straight = folder.train(&[&settings[..], &["--runs", "straight"]].concat());
    for (signal, code) in [("-INT", Some(130)), ("-KILL", None)] {
        let (status, run) = crate::commands::stop(&folder, &[&["train"], &settings[..]].concat(), signal);
        assert_eq!(status, code, "{signal} came too late");
        folder.ok(&["resume", run.to_str().unwrap()]);
        let model = |run: &std::path::Path| std::fs::read(run.join("model.safetensors")).unwrap();
        assert!(model(&run) == model(&straight), "{signal}");
        assert_eq!(timeless(results(&run)), timeless(results(&straight)), "{signal}");
    }
}

#[test]
fn a_training_ends_by_the_clock_or_where_it_converges() {
    let folder = Folder::new(OSCILLATOR);
    for (settings, words) in [
        (&["train.seconds=0.2", "train.steps=1000000000"][..], "0.2 seconds have passed"),
        (
            &["train.optimizer.name=levenberg-marquardt", "train.optimizer.step_tolerance=1e9"],
            "the step is below train.optimizer.step_tolerance",
        ),
        (
            &["train.optimizer.name=levenberg-marquardt", "train.optimizer.gradient_tolerance=1e9"],
            "the gradient is below train.optimizer.gradient_tolerance",
        ),
    ] {
        let output = folder.run(&[&["train", "tiny.toml"], settings].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && said.contains("training ended after step"), "{said}");
        assert!(said.contains(words), "{said}");
        let table = String::from_utf8(output.stdout).unwrap();
        let run = folder.path().join(table.lines().last().unwrap());
        assert!(results(&run).train.steps < 1_000_000_000 && run.join("model.safetensors").exists());
        let refused = folder.run(&["resume", run.to_str().unwrap()]);
        assert!(String::from_utf8_lossy(&refused.stderr).contains("is complete"));
    }
}

#[test]
fn recipes_that_cannot_be_are_refused_before_anything_is_written() {
    let folder = Folder::new(OSCILLATOR);
    for (settings, words) in [
        (&["train.optimizer.name=levenberg"][..], &["levenberg-marquardt", "adamw", "sgd"][..]),
        (
            &["model.name=rnn", "train.optimizer.name=levenberg-marquardt"],
            &["levenberg-marquardt", "model.name = \"ffnn\""],
        ),
        (
            &["model.hidden=500", "train.optimizer.name=levenberg-marquardt"],
            &["3502 weights", "at most 2000"],
        ),
        (&["train.kernels=burn", "train.optimizer.name=levenberg-marquardt"], &["train.kernels = \"own\""]),
        (&["train.kernels=bern"], &["bern", "`own` or `burn`"]),
        (&["train.seconds=-1"], &["train.seconds = -1.0", "0, for no limit"]),
        (&["train.optimizer.name=sgd", "train.optimizer.momentum=1"], &["train.optimizer.momentum = 1.0"]),
        (&["train.optimizer.name=adamw", "train.optimizer.weight_decay=-1"], &["weight_decay = -1.0"]),
        (&["train.optimizer.momentum=0.5"], &["train.optimizer.momentum", "learning_rate"]),
        (
            &["train.optimizer.name=levenberg-marquardt", "train.optimizer.damping=0"],
            &["train.optimizer.damping = 0.0 must be above 0"],
        ),
    ] {
        let output = folder.run(&[&["train", "tiny.toml"], settings].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{settings:?}: {said}");
        for word in words {
            assert!(said.contains(word), "{settings:?} {word}: {said}");
        }
        assert!(!said.contains("panicked") && !folder.path().join("runs").exists(), "{said}");
    }
}
