//! Fields: partial differential equations, simulated to files and folders, and drawn.

use dataset::arrays::read_npz;

use crate::support::{Folder, refused, results, timeless};

#[test]
fn a_field_is_written_with_its_axes_and_the_same_bytes_on_any_number_of_threads() {
    let folder = Folder::new("");
    let to = |output: &str, threads: &str| {
        let settings = ["data.trajectories=5", "data.t_final=10", "system.grid.points=32"];
        let mut command =
            folder.command(&[&["simulate", "kuramoto_sivashinsky", "-o", output][..], &settings].concat());
        let done = command.env("RAYON_NUM_THREADS", threads).output().unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert!(done.status.success() && said.contains("41 samples of u on 32 points each"), "{said}");
        std::fs::read(folder.path().join(output)).unwrap()
    };
    assert_eq!(to("one.npz", "1"), to("two.npz", "2"));
    let file = read_npz(&folder.path().join("one.npz")).unwrap();
    assert_eq!(file.get("u").unwrap().shape, [5, 41, 32]);
    assert_eq!(file.get("t").unwrap().values[40], 10.0);
    let x = &file.get("x").unwrap().values;
    assert_eq!((x[0], x[1], x.len()), (0.0, 22.0 / 32.0, 32));
    // The mean over space is conserved, and starts at 0.
    let last = &file.get("u").unwrap().values[4 * 41 * 32 + 40 * 32..];
    assert!(last.iter().sum::<f64>().abs() < 1e-10 && last.iter().any(|u| u.abs() > 0.1));
}

#[test]
fn the_heat_equation_decays_as_its_solution_says() {
    let folder = Folder::new("");
    folder.ok(&["simulate", "heat", "-o", "h.npz", "data.trajectories=2", "system.highest_mode=1"]);
    let u = read_npz(&folder.path().join("h.npz")).unwrap().get("u").unwrap().clone();
    // A mean and a single wave: the wave decays as exp(-nu k^2 t), nu = 0.01, k = 2 pi, t = 0.05 i.
    let [start, end] = [0, 20].map(|i| u.values[i * 64..(i + 1) * 64].to_vec());
    let mean = start.iter().sum::<f64>() / 64.0;
    let decay = (-0.01 * std::f64::consts::TAU.powi(2) * 1.0).exp();
    for (a, b) in start.iter().zip(&end) {
        assert!((mean + (a - mean) * decay - b).abs() < 1e-12, "{a} {b}");
    }
}

#[test]
fn a_folder_of_fields_holds_the_numbers_of_one_file_and_is_completed() {
    let folder = Folder::new("");
    let settings = ["data.trajectories=5", "data.t_final=1", "system.grid.points=64"];
    let to = |more: &[&str]| folder.ok(&[&["simulate", "schrodinger"], more, &settings[..]].concat());
    to(&["-o", "one.npz"]);
    to(&["-o", "all/", "--per-file", "2"]);
    let about = std::fs::read_to_string(folder.path().join("all/simulation.toml")).unwrap();
    assert!(about.contains("[[axes]]") && about.contains("[[components]]\nname = \"re\""), "{about}");
    assert!(!about.contains("initial") && about.lines().count() < 60, "{about}");
    let one = read_npz(&folder.path().join("one.npz")).unwrap();
    for channel in ["re", "im"] {
        let shards = (0..3).flat_map(|i| {
            let path = folder.path().join(format!("all/trajectories-{i:06}.npz"));
            read_npz(&path).unwrap().get(channel).unwrap().values.clone()
        });
        assert_eq!(one.get(channel).unwrap().values, shards.collect::<Vec<_>>());
    }
    let second = folder.path().join("all/trajectories-000001.npz");
    let bytes = std::fs::read(&second).unwrap();
    std::fs::remove_file(&second).unwrap();
    to(&["-o", "all/"]);
    assert_eq!(std::fs::read(&second).unwrap(), bytes);
    let other = ["simulate", "schrodinger", "-o", "all/", "data.trajectories=5", "data.t_final=1", "seed=1"];
    refused(&folder, &other, 2, &["another simulation", "seed is 0 there and 1 here"]);
}

#[test]
fn fields_are_drawn_on_a_line_in_the_plane_and_by_density_and_phase() {
    let folder = Folder::new("");
    let small = "system.grid.points=[16,16]";
    for (system, settings) in [
        ("burgers", &["data.trajectories=2", "data.t_final=0.3"][..]),
        ("navier_stokes", &["data.trajectories=1", "data.t_final=8", small]),
        ("schrodinger", &["data.trajectories=1", "data.t_final=2"]),
    ] {
        folder.ok(&[&["simulate", system, "-o", "f.npz"][..], settings].concat());
        folder.ok(&["plot", "f.npz", "-o", "f.png"]);
        folder.ok(&["plot", "f.npz", "-o", "f.html"]);
        folder.ok(&["plot", "f.npz", "-o", "f.svg"]);
        let png = std::fs::read(folder.path().join("f.png")).unwrap();
        assert!(png.starts_with(b"\x89PNG") && png.len() > 10_000, "{system}: {}", png.len());
        let svg = std::fs::read_to_string(folder.path().join("f.svg")).unwrap();
        let words = match system {
            "burgers" => [">u, trajectory 1<", ">x<"],
            "navier_stokes" => [">w, t = 0<", ">t = 8<"],
            _ => [">|psi|^2<", ">arg psi<"],
        };
        assert!(words.iter().all(|word| svg.contains(word)), "{system}");
        assert!(svg.len() < 2_000_000, "{system}: {}", svg.len());
    }
    refused(&folder, &["plot", "f.npz", "-o", "f.svg", "--names", "a"], 2, &["--names is for components"]);
}

#[test]
fn a_model_learns_a_field_and_no_file_has_an_entry_for_each_point() {
    let rest = "[model]\nname = \"ffnn\"\nhidden = 8\n[train]\nsteps = 40\nbatch_size = 32\nvalidate_every = 20\n\
                [evaluate]\nstarts = 3\ntransient = 0.1\nhorizon = 0.5\npolynomial_degree = 1\n";
    let folder = Folder::new(&format!(
        "[system]\nname = \"heat\"\ngrid = {{ points = [16], length = [1] }}\n\
         [data]\ntrajectories = 20\nt_final = 1\n{rest}"
    ));
    folder.write("stored.toml", &format!("[data]\nfrom = \"all/\"\n{rest}"));
    folder.ok(&["simulate", "tiny.toml", "-o", "all/", "--per-file", "6"]);
    let [run, stored] = ["tiny.toml", "stored.toml"].map(|file| folder.train(&[file]));
    let resolved = std::fs::read_to_string(run.join("experiment.toml")).unwrap();
    assert!(resolved.contains("observe = [\"u\"]") && resolved.contains("[data.stepper]"), "{resolved}");
    assert!(!resolved.contains("initial") && resolved.len() < 2000, "{resolved}");
    let (found, mut from_folder) = (timeless(results(&run)), timeless(results(&stored)));
    assert_eq!((found.components.len(), found.axes.len(), found.axes[0].points), (1, 1, 16));
    from_folder.experiment.clone_from(&found.experiment);
    assert_eq!(found, from_folder);
    // The map of a linear equation is linear, so that least squares finds it.
    let linear = found.baselines["linear"].one_step_rmse;
    assert!(linear < 1e-8 && linear < 1e-3 * found.scores.one_step_rmse, "{linear}");
    assert!(found.suspicions.is_empty(), "{:?}", found.suspicions);
    // What the best weights are chosen by changes nothing else.
    let by_forecasts = results(&folder.train(&["tiny.toml", "train.select=rollout"]));
    assert_eq!(timeless(by_forecasts).baselines, found.baselines);
    refused(
        &folder,
        &["plot", "all/", "-o", "all.png"],
        2,
        &["all/ is a folder; name a file of trajectories, such as all/trajectories-000000.npz"],
    );
    folder.ok(&["report", run.to_str().unwrap(), "-o", "page.html", "--pictures", "pictures"]);
    let picture = std::fs::read_to_string(folder.path().join("pictures/forecast.svg")).unwrap();
    assert!(picture.contains(">truth<") && picture.contains(">difference<"));
    folder.ok(&[
        "simulate",
        "heat",
        "-o",
        "h.npz",
        "data.trajectories=2",
        "data.t_final=1",
        "system.grid.points=16",
    ]);
    folder.ok(&["predict", run.to_str().unwrap(), "-i", "h.npz", "-n", "5", "-o", "f.npz"]);
    assert_eq!(read_npz(&folder.path().join("f.npz")).unwrap().get("u").unwrap().shape, [2, 5, 16]);
    let table = ["predict", run.to_str().unwrap(), "-i", "h.npz", "-n", "5", "-o", "f.csv"];
    refused(
        &folder,
        &table,
        2,
        &["f.csv: a table has no columns for the 16 points of a field", "name an .npz file"],
    );
    folder.ok(&["simulate", "heat", "-o", "w.npz", "data.trajectories=2", "data.t_final=1"]);
    let wide = ["predict", run.to_str().unwrap(), "-i", "w.npz", "-n", "5", "-o", "f.npz"];
    refused(&folder, &wide, 2, &["64 components", "knows 16 (u at 16 points each)"]);
    let long = ["evaluate", run.to_str().unwrap(), "evaluate.long_run=100"];
    refused(&folder, &long, 2, &["evaluate.long_run = 100.0", "a field"]);
}

#[test]
fn a_model_of_a_few_modes_is_scored_on_the_whole_field() {
    let rest = "reduce = { method = \"pod\", modes = 6 }\n[model]\nname = \"polynomial\"\ndegree = 1\n\
                [evaluate]\nstarts = 3\ntransient = 0.1\nhorizon = 0.5\npolynomial_degree = 1\n";
    let folder = Folder::new(&format!(
        "[system]\nname = \"heat\"\ngrid = {{ points = [16], length = [1] }}\nhighest_mode = 2\n\
         [data]\ntrajectories = 20\nt_final = 1\n{rest}"
    ));
    folder.write("stored.toml", &format!("[data]\nfrom = \"all/\"\n{rest}"));
    folder.ok(&["simulate", "tiny.toml", "-o", "all/", "--per-file", "6"]);
    let said = String::from_utf8(folder.run(&["train", "tiny.toml"]).stderr).unwrap();
    // Two waves of any phase.
    assert!(said.contains("need only 4 of the 6 modes; these capture all but a fraction of"), "{said}");
    let [run, stored] = ["tiny.toml", "stored.toml"].map(|file| folder.train(&[file]));
    let (found, mut from_folder) = (timeless(results(&run)), timeless(results(&stored)));
    from_folder.experiment.clone_from(&found.experiment);
    assert_eq!(found, from_folder);
    assert_eq!((found.components.len(), found.axes[0].points, found.parameters), (1, 16, 7 * 6));
    // The map of the modes of a linear equation is linear.
    assert!(
        found.scores.nrmse.median < 1e-9 && found.scores.one_step_rmse < 1e-9,
        "{:?}",
        found.scores.nrmse
    );
    let reduction = found.reduction.unwrap();
    assert!(reduction.modes == 6 && reduction.left_out < 1e-12 && reduction.error < 1e-9, "{reduction:?}");
    assert!(found.suspicions.is_empty(), "{:?}", found.suspicions);

    // Modes that are missing are an error of every forecast, also where a network learns them.
    let network =
        ["tiny.toml", "data.reduce.modes=2", "model.name=ffnn", "model.hidden=8", "train.steps=200"];
    let few = folder.train(&network);
    let few_found = results(&few);
    let floor = few_found.reduction.unwrap().error;
    assert!(
        floor > 0.05 && few_found.scores.nrmse.median > 0.4 * floor,
        "{floor} {:?}",
        few_found.scores.nrmse
    );
    assert!(few_found.suspicions.is_empty(), "{:?}", few_found.suspicions);
    assert_eq!(timeless(few_found).baselines, found.baselines);
    // Predictions take and give whole fields, and so does the picture of a report.
    let settings =
        ["data.trajectories=2", "data.t_final=1", "system.grid.points=16", "system.highest_mode=2"];
    folder.ok(&[&["simulate", "heat", "-o", "h.npz"][..], &settings].concat());
    folder.ok(&["predict", run.to_str().unwrap(), "-i", "h.npz", "-n", "5", "-o", "f.npz"]);
    let forecast = read_npz(&folder.path().join("f.npz")).unwrap().get("u").unwrap().clone();
    assert_eq!(forecast.shape, [2, 5, 16]);
    // The mean is conserved.
    let start =
        &read_npz(&folder.path().join("h.npz")).unwrap().get("u").unwrap().values[20 * 16..21 * 16].to_vec();
    let mean = |u: &[f64]| u.iter().sum::<f64>() / 16.0;
    assert!((mean(start) - mean(&forecast.values[4 * 16..5 * 16])).abs() < 1e-9);
    folder.ok(&["report", run.to_str().unwrap(), "-o", "page.html", "--pictures", "pictures"]);
    let shown = folder.ok(&["show", few.to_str().unwrap()]);
    assert!(shown.contains("The model sees 2 modes") && shown.contains("8 points"), "{shown}");
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    // Scored again from its files alone.
    let again: serde_json::Value =
        serde_json::from_str(&folder.ok(&["evaluate", few.to_str().unwrap(), "--json"])).unwrap();
    assert_eq!(again["scores"]["nrmse"], serde_json::json!(results(&few).scores.nrmse));
    std::fs::write(few.join("experiment.toml"), {
        let text = std::fs::read_to_string(few.join("experiment.toml")).unwrap();
        text.replace("modes = 2", "modes = 3")
    })
    .unwrap();
    refused(&folder, &["evaluate", few.to_str().unwrap()], 2, &["does not fit the experiment beside it"]);
}

#[cfg(unix)]
#[test]
fn a_training_on_modes_that_is_stopped_continues_to_the_same_bytes() {
    let folder = Folder::new(
        "[system]\nname = \"burgers\"\ngrid = { points = [32], length = [1] }\nviscosity = 0.05\n[data]\ntrajectories = 10\nt_final = 0.5\n\
         reduce = { modes = 8 }\n[model]\nname = \"gru\"\nhidden = 8\nwindow = 3\n[train]\nsteps = 20000\nbatch_size = 16\n\
         validate_every = 1000\ncheckpoint_every = 1000000\ninput_noise = 0.01\n\
         [evaluate]\nstarts = 2\ntransient = 0.1\nhorizon = 0.2\n",
    );
    let straight = folder.train(&["tiny.toml", "--runs", "straight"]);
    let (status, run) = crate::commands::stop(&folder, &["train", "tiny.toml"], "-INT");
    assert!(status == Some(130) && !run.join("results.json").exists());
    folder.ok(&["resume", "tiny"]);
    let model = |run: &std::path::Path| std::fs::read(run.join("model.safetensors")).unwrap();
    assert!(model(&run) == model(&straight));
    assert_eq!(timeless(results(&run)), timeless(results(&straight)));
}

#[test]
fn the_baselines_of_linear_fields_are_exact() {
    let model = "[model]\nname = \"polynomial\"\ndegree = 1\n";
    let linear = |system: &str, sampling: &str| {
        let folder = Folder::new(&format!(
            "[system]\nname = \"{system}\"\n[data]\ntrajectories = 40\nreduce = {{ modes = 8 }}\n{sampling}\n{model}\
             [evaluate]\nstarts = 4\ntransient = 0.1\nhorizon = 1.0\npolynomial_degree = 1\n"
        ));
        results(&folder.train(&["tiny.toml"])).baselines
    };
    for (system, sampling) in [("heat", "t_final = 0.5"), ("advection", "dt = 0.05\nt_final = 1.0")] {
        let baselines = linear(system, sampling);
        let error = baselines["linear"].nrmse.median;
        assert!(error < 1e-12, "{system}: {error}");
        assert!(baselines["dmd"].nrmse.median < 1e-9, "{system}: {:?}", baselines["dmd"].nrmse);
    }
    // Packets in a trap: 200 samples, the error of each over the whole forecast.
    for preset in ["harmonic_trap", "double_well"] {
        let folder = Folder::new(&format!(
            "[system]\nname = \"schrodinger\"\npreset = \"{preset}\"\n[data]\ntrajectories = 100\ndt = 0.05\n\
             t_final = 5.0\nreduce = {{ modes = 16 }}\n{model}\
             [evaluate]\nstarts = 4\ntransient = 0.5\nhorizon = 10.0\npolynomial_degree = 1\n"
        ));
        let run = folder.train(&["tiny.toml"]);
        let shown = folder.ok(&["show", run.to_str().unwrap()]);
        assert!(
            shown.contains("infidelity") && shown.lines().all(|line| line.chars().count() <= 80),
            "{shown}"
        );
        let found = results(&run);
        let dmd = &found.baselines["dmd"];
        assert!(
            dmd.nrmse.p90 < 1e-8 && dmd.error_growth.median.last().unwrap() < &1e-8,
            "{preset}: {:?}",
            dmd.nrmse
        );
        assert!(found.chosen["dmd"].ends_with("modes, unitary"), "{:?}", found.chosen);
        assert!(found.baselines["linear"].nrmse.median > 0.1);
    }
}

#[test]
fn impossible_fields_are_refused_in_a_sentence() {
    let folder = Folder::new("");
    for (system, setting, words) in [
        ("heat", "system.grid.points=63", &["points = 63 must be even and at least 8"][..]),
        ("heat", "system.grid.points=4", &["points = 4 must be even and at least 8"]),
        ("burgers", "system.grid.points=[16,16]", &["points has 2 entries and length 1"]),
        ("burgers", "system.viscosity=-0.1", &["viscosity = -0.1", "not negative"]),
        ("burgers", "system.viscosty=0.1", &["system.viscosty is unknown", "\"viscosity\""]),
        ("burgers", "system.preset=pdebensh", &["system.preset", "\"pdebench\""]),
        ("navier_stokes", "system.forcing.waves=4", &["waves"]),
        ("navier_stokes", "data.trajectories=5000", &["2 GiB", "FOLDER/"]),
        ("heat", "data.stepper.order=3", &["data.stepper.order = 3 must be 2 or 4"]),
        ("heat", "data.solver=rk4", &["data.solver is unknown"]),
        ("heat", "data.initial=[[0,1]]", &["data.initial is unknown"]),
        ("heat", "data.observe=[\"v\"]", &["component \"v\"", "u"]),
    ] {
        refused(&folder, &["simulate", system, "-o", "f.npz", setting], 2, words);
    }
    for (system, setting, words) in [
        ("heat", "data.reduce.modes=65", &["data.reduce.modes = 65 must lie between 1 and 64"][..]),
        ("heat", "data.reduce.modes=0", &["data.reduce.modes = 0 must lie between 1 and 64"]),
        ("heat", "data.reduce.mode=3", &["data.reduce.mode is unknown", "\"modes\""]),
        ("heat", "data.reduce.method=pca", &["data.reduce", "pca", "pod"]),
        ("lorenz", "data.reduce.modes=2", &["data.reduce is unknown"]),
    ] {
        folder.write("field.toml", &format!("[system]\nname = \"{system}\"\n[model]\nname = \"ffnn\"\n"));
        refused(&folder, &["train", "field.toml", setting], 2, words);
    }
    refused(&folder, &["simulate", "heat", "-o", "f.csv"], 2, &["f.csv", "64 numbers", "f.npz"]);
    refused(
        &folder,
        &["lyapunov", "kuramoto_sivashinsky"],
        2,
        &["is a field", "only for ordinary differential equations"],
    );
    refused(&folder, &["simulate", "heatt", "-o", "f.npz"], 2, &["did you mean \"heat\"?"]);
    // The inviscid equation with a step that is far too long.
    let long = ["system.viscosity=0", "data.stepper.step=0.2", "data.dt=0.2", "data.t_final=40"];
    let arguments = [&["simulate", "burgers", "-o", "f.npz"][..], &long].concat();
    refused(&folder, &arguments, 1, &["simulating burgers", "trajectory", "CFL number", "t = "]);
    assert!(!folder.path().join("f.npz").exists());
}
