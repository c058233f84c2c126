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
    for (name, rate) in [
        ("adam", "3e-3"),
        ("adamw", "3e-3"),
        ("sgd", "3e-1"),
        ("momentum", "5e-2"),
        ("rmsprop", "1e-3"),
        ("adagrad", "5e-2"),
    ] {
        let name = format!("train.optimizer.name={name}");
        let rate = format!("train.optimizer.learning_rate={rate}");
        let trained = results(&folder.train(&["tiny.toml", &name, &rate]));
        let persistence = trained.baselines["persistence"].one_step_rmse;
        let found = trained.scores.one_step_rmse;
        assert!(found < 0.3 * persistence, "{name}: {found} {persistence}");
    }
}

#[test]
fn every_schedule_and_every_kind_of_loss_learns() {
    let folder = Folder::new(OSCILLATOR);
    for settings in [
        &["train.schedule=constant"][..],
        &["train.schedule=step"],
        &["train.schedule=exponential", "train.schedule.last=0.1"],
        &["train.schedule=cosine", "train.schedule.warmup=0.1"],
        &["train.dropout=0.02"],
        &["train.input_noise=0.002"],
        &["train.unroll=5"],
        &["train.precision=f64"],
        &["train.optimizer=lbfgs", "train.steps=100", "train.batch_size=1500", "train.validate_every=10"],
    ] {
        let run = folder.train(&[&["tiny.toml"], settings].concat());
        let trained = results(&run);
        let (found, persistence) =
            (trained.scores.one_step_rmse, trained.baselines["persistence"].one_step_rmse);
        assert!(found < 0.3 * persistence, "{settings:?}: {found} {persistence}");
        assert_eq!(trained.suspicions, [], "{settings:?}");
    }
}

#[test]
fn a_curriculum_forgives_early_models_that_cannot_run_far() {
    let folder = Folder::new("");
    // After two steps a free forecast of 200 steps is far off, and may leave the numbers.
    let run = folder.train(&[
        "ffnn-lorenz-adam",
        "model.hidden=64",
        "train.steps=100",
        "train.unroll=200",
        "train.curriculum=1",
        "train.validate_every=2",
        "train.batch_size=16",
        "train.schedule=exponential",
        "train.schedule.last=1e-3",
        "train.optimizer.learning_rate=0.1",
        "data.trajectories=20",
        "data.t_final=5",
        "evaluate.starts=20",
        "evaluate.long_run=0",
    ]);
    let metrics = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let losses =
        |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["validation_loss"].as_f64();
    let worst = metrics.lines().filter_map(losses).fold(0.0, f64::max);
    let trained = results(&run);
    assert!(trained.train.steps == 100 && 100.0 * trained.train.loss.validation < worst, "{metrics}");
}

#[test]
fn the_models_learn_from_one_component_too() {
    let folder = Folder::new(OSCILLATOR);
    // A run of x alone, with the phase of the force: two delays hold the state.
    let observed = |settings: &[&'static str]| {
        results(&folder.train(&[&["tiny.toml", "data.observe=[\"x\"]"], settings].concat()))
    };
    let blind = observed(&[]);
    let delays =
        observed(&["model.name=autoencoder", "model.window=4", "model.latent=2", "train.steps=2000"]);
    assert!(delays.scores.nrmse.median < 0.1, "{:?}", delays.scores.nrmse);
    assert!(
        delays.scores.one_step_rmse < 0.3 * blind.scores.one_step_rmse,
        "one sample does not hold the state"
    );
    let refused = folder.run(&["train", "tiny.toml", "data.observe=[\"w\"]"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("component \"w\" is unknown") && said.contains("There are: x, v"), "{said}");
}

#[test]
fn an_ensemble_is_scored_and_forecast_as_one() {
    let folder = Folder::new(OSCILLATOR);
    let run = folder.train(&["tiny.toml", "model.name=gan", "model.members=5", "train.steps=2000"]);
    let trained = results(&run);
    let ensemble = trained.scores.ensemble.expect("scores of the ensemble");
    assert!(trained.scores.nrmse.median < 0.2, "{:?}", trained.scores.nrmse);
    assert!(ensemble.crps > 0.0 && ensemble.crps < 0.2, "{ensemble:?}");
    folder.ok(&["simulate", "oscillator", "-o", "runs.npz", "data.trajectories=3", "data.t_final=1"]);
    folder.ok(&["predict", run.to_str().unwrap(), "-i", "runs.npz", "-n", "4", "-o", "out.npz"]);
    let out = dataset::arrays::read_npz(&folder.path().join("out.npz")).unwrap();
    let (mean, all) = (out.get("u").unwrap(), out.get("ensemble").unwrap());
    assert_eq!((&mean.shape[..], &all.shape[..]), (&[3, 4, 2][..], &[3, 5, 4, 2][..]));
    for start in 0..3 {
        for i in 0..8 {
            let members = (0..5).map(|member| all.values[(start * 5 + member) * 8 + i]);
            assert!((members.sum::<f64>() / 5.0 - mean.values[start * 8 + i]).abs() < 1e-12);
        }
    }
}

#[test]
fn models_that_are_fitted_at_once_are_runs_like_any_other() {
    let plain = OSCILLATOR.replace("hidden = 12\ndepth = 1\nactivation = \"tanh\"\n", "");
    let begin = plain.find("[train]").unwrap();
    let plain = plain[..begin].to_owned() + &plain[plain.find("[evaluate]").unwrap()..];
    let folder = Folder::new(&plain);
    for (model, settings) in [
        ("nvar", &["model.delays=1", "model.degree=1"][..]),
        ("polynomial", &["model.degree=1"]),
        ("reservoir", &["model.size=50"]),
    ] {
        let name = format!("model.name={model}");
        let arguments = [&["tiny.toml", &name], settings].concat();
        let (run, again) = (folder.train(&arguments), folder.train(&arguments));
        let trained = results(&run);
        assert!(trained.scores.nrmse.median < 1e-9, "{model}: {:?}", trained.scores.nrmse);
        assert!(trained.train.steps == 0 && trained.train.loss.validation < 1e-18, "{:?}", trained.train);
        assert_eq!(timeless(results(&again)), timeless(trained), "{model}");
        let model = |run: &std::path::Path| std::fs::read(run.join("model.safetensors")).unwrap();
        assert!(model(&run) == model(&again));
        folder.ok(&["compare", run.to_str().unwrap(), again.to_str().unwrap()]);
    }
}

#[test]
fn patience_ends_a_training_that_gets_no_better() {
    let folder = Folder::new(OSCILLATOR);
    let settings =
        ["train.patience=3", "train.validate_every=5", "train.schedule=constant", "train.steps=1000000"];
    let output =
        folder.run(&[&["train", "tiny.toml", "train.optimizer.learning_rate=0.1"], &settings[..]].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.success() && said.contains("no lower loss in 3 validations (train.patience)"),
        "{said}"
    );
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

#[cfg(unix)]
#[test]
fn whatever_chance_takes_part_in_continues_to_the_same_bytes() {
    let folder = Folder::new(OSCILLATOR);
    for recipe in [
        &[
            "train.steps=3000",
            "train.dropout=0.1",
            "train.input_noise=0.01",
            "train.unroll=3",
            "train.precision=f64",
            "train.patience=100000",
        ][..],
        &["train.steps=2000", "model.name=gan", "model.members=3"],
        &["train.steps=2000", "model.name=autoencoder", "train.dropout=0.1"],
        &["train.steps=2000", "train.optimizer=lbfgs", "train.batch_size=1500", "train.unroll=3"],
    ] {
        let settings =
            [&["tiny.toml", "train.validate_every=5", "train.checkpoint_every=7"], recipe].concat();
        let straight = folder.train(&[&settings[..], &["--runs", "straight"]].concat());
        for (signal, code) in [("-INT", Some(130)), ("-KILL", None)] {
            let (status, run) = crate::commands::stop(&folder, &[&["train"], &settings[..]].concat(), signal);
            assert_eq!(status, code, "{recipe:?} {signal} came too late");
            folder.ok(&["resume", run.to_str().unwrap()]);
            let model = |run: &std::path::Path| std::fs::read(run.join("model.safetensors")).unwrap();
            assert!(model(&run) == model(&straight), "{recipe:?} {signal}");
            assert_eq!(timeless(results(&run)), timeless(results(&straight)), "{recipe:?} {signal}");
        }
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
        (
            &["train.optimizer.name=momentum", "train.optimizer.momentum=1"],
            &["train.optimizer.momentum = 1.0"],
        ),
        (&["train.optimizer.name=adamw", "train.optimizer.weight_decay=-1"], &["weight_decay = -1.0"]),
        (&["train.optimizer.momentum=0.5"], &["train.optimizer.momentum", "learning_rate"]),
        (&["train.schedule=linear"], &["train.schedule.name = \"linear\"", "exponential", "warmup-cosine"]),
        (&["train.schedule=step", "train.schedule.every=2"], &["train.schedule.every = 2.0", "and 1"]),
        (&["train.schedule=constant", "train.schedule.last=0.1"], &["train.schedule.last", "warmup"]),
        (&["train.dropout=1"], &["train.dropout = 1.0 must lie between 0 and 0.99"]),
        (&["train.input_noise=-1"], &["train.input_noise = -1.0 must lie between 0 and"]),
        (&["train.unroll=2", "train.curriculum=2"], &["train.curriculum = 2.0 must lie between 0 and 1"]),
        (&["train.curriculum=0.2"], &["train.curriculum does nothing with train.unroll = 1"]),
        (&["train.unroll=0"], &["train.unroll = 0 must lie between 1 and"]),
        (&["train.unroll=300"], &["train.unroll = 300", "at most 200"]),
        (&["train.patience=-1"], &["train.patience = -1", "from 0 up"]),
        (&["train.precision=f16"], &["f16", "`f32` or `f64`"]),
        (&["train.optimizer=lbfgs", "train.optimizer.memory=0"], &["train.optimizer.memory = 0", "1000"]),
        (
            &["train.optimizer=lbfgs", "train.dropout=0.1"],
            &["train.dropout does nothing with train.optimizer.name = \"lbfgs\""],
        ),
        (
            &["train.optimizer=levenberg-marquardt", "train.schedule=constant"],
            &["train.schedule does nothing with", "the same windows"],
        ),
        (
            &["train.optimizer=levenberg-marquardt", "train.gradient_norm=2"],
            &["train.gradient_norm does nothing with", "levenberg-marquardt"],
        ),
        (&["model.name=nvar"], &["does nothing with model.name = \"nvar\"", "fitted at once"]),
        (&["model.name=gan", "train.dropout=0.1"], &["train.dropout", "gan"]),
        (&["model.name=gan", "train.optimizer=levenberg-marquardt"], &["a loss each"]),
        (&["data.observe=[]"], &["data.observe = []", "x, v"]),
        (&["data.observe=[\"x\",\"x\"]"], &["data.observe names \"x\" twice"]),
        (&["data.observe=[1]"], &["data.observe", "a list of names"]),
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
