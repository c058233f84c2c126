use forecast::Forecasts;
use trajectory::random::{normal, stream};

use super::*;
use crate::Effects;
use crate::summary::tests::{exponent_of, free_run, results};

/// A run whose starts have the median score `times`, each start a different one.
fn run(name: &str, seed: u64, median: f64, settings: &str) -> RunFiles {
    let mut results = results(name, median, true);
    results.seed = seed;
    let spread = |i: u32| median + f64::from(i % 21) - 10.0;
    RunFiles {
        directory: format!("runs/{name}-lorenz/2026-{seed}").into(),
        experiment: format!("{name}-lorenz"),
        departures: None,
        resolved: format!(
            "seed = {seed}\n[system]\nname = \"lorenz\"\n[model]\nname = \"{name}\"\n[evaluate]\nstarts = 210\n{settings}"
        ),
        environment: serde_json::Value::Null,
        metrics: vec![],
        results: Some(results),
        forecasts: Some(Forecasts { valid_times: (0..210).map(spread).collect(), ..Forecasts::default() }),
    }
}

fn scored(mut run: RunFiles, change: impl FnOnce(&mut Results)) -> RunFiles {
    change(run.results.as_mut().unwrap());
    run
}

fn comparison(runs: &[RunFiles]) -> Comparison {
    Comparison::new(runs).unwrap()
}

fn row<'a>(comparison: &'a Comparison, label: &str) -> &'a Row {
    let rows = comparison.rankings.iter().flat_map(|ranking| &ranking.rows);
    let labels: Vec<&str> = rows.clone().map(|row| row.label.as_str()).collect();
    rows.clone().find(|row| row.label == label).unwrap_or_else(|| panic!("{label} is not among {labels:?}"))
}

fn near([low, high]: [f64; 2], expected: [f64; 2]) {
    let close = |x: f64, y: f64| (x - y).abs() < 1e-3 * y.abs().max(1.0);
    assert!(close(low, expected[0]) && close(high, expected[1]), "{low} to {high}, expected {expected:?}");
}

/// One line, however a table wraps it.
fn joined(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_row_is_a_configuration_over_its_seeds_best_first() {
    let runs: Vec<RunFiles> =
        [("rnn", 0, 4.0), ("rnn", 1, 5.0), ("rnn", 2, 6.0), ("gru", 1, 9.0), ("gru", 0, 8.0)]
            .map(|(name, seed, median)| run(name, seed, median, ""))
            .into();
    let found = comparison(&runs);
    let rows = &found.rankings[0].rows;
    let labels: Vec<&str> = rows.iter().map(|row| row.label.as_str()).collect();
    assert_eq!(labels, ["polynomial", "gru-lorenz", "rnn-lorenz", "persistence"]);
    assert_eq!(
        (rows[2].mean, &rows[2].seeds[..], &rows[1].scores[..]),
        (Some(5.0), &[0, 1, 2][..], &[8.0, 9.0][..])
    );
    // 5 +- 4.303 / sqrt 3
    near(rows[2].interval.unwrap(), [2.5157, 7.4843]);
    assert_eq!((rows[0].seeds.len(), rows[0].baseline, rows[0].parameters), (3, true, None));
    // gru is better by 4 with each of the two shared seeds
    let against = rows[2].against_best.unwrap();
    assert_eq!((against.seeds, against.change, against.interval), (2, Some(-4.0), Some([-4.0, -4.0])));
    assert_eq!((against.is_worse(Metric::ValidTime), against.over_starts), (Some(true), None));
    let text = joined(&found.text(80));
    assert!(text.contains("gru-lorenz is better than every other model (95%"), "{text}");
    assert!(text.contains("No model here scores as well as the baselines (95%"), "{text}");
    let text = found.text(80);
    assert!(text.contains("2.52 to") && text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

#[test]
fn one_seed_names_no_best_model_however_clear_its_starts_are() {
    let found = comparison(&[run("rnn", 0, 9.0, ""), run("gru", 0, 5.0, "")]);
    let against = row(&found, "gru-lorenz").against_best.unwrap();
    // from every start 4 less
    near(against.over_starts.unwrap(), [-4.0, -4.0]);
    assert_eq!((against.seeds, against.interval, against.is_worse(Metric::ValidTime)), (1, None, None));
    let text = joined(&found.text(80));
    assert!(text.contains("No model is named best: that needs several seeds of both"), "{text}");
    assert!(text.contains("In brackets 95% intervals of one seed, over its starts"), "{text}");
    assert!(text.contains("(8.80 to 9.30)"), "the interval over starts stands in the table: {text}");
    assert!(!text.contains("better than every") && !text.contains("indistinguishable"), "{text}");
    // nor does it say that a baseline is better
    assert!(text.contains("polynomial scores better than the models; whether by more than chance"), "{text}");
    assert!(!text.contains("No model here scores"), "{text}");
    // one seed in common is one seed
    let found = comparison(&[run("rnn", 0, 5.0, ""), run("rnn", 1, 9.0, ""), run("gru", 0, 6.0, "")]);
    let text = joined(&found.text(80));
    assert!(text.contains("No model is named best") && !text.contains("better than every"), "{text}");
}

#[test]
fn seeds_that_disagree_leave_models_indistinguishable() {
    let runs = [
        run("rnn", 0, 5.0, ""),
        run("rnn", 1, 7.0, ""),
        run("gru", 0, 6.5, ""),
        run("gru", 1, 4.7, ""),
        run("lstm", 2, 3.0, ""),
    ];
    let text = joined(&comparison(&runs).text(80));
    assert!(
        text.contains("Statistically indistinguishable from rnn-lorenz") && text.contains(": gru-lorenz."),
        "{text}"
    );
    assert!(text.contains("Not tested against rnn-lorenz") && text.contains(": lstm-lorenz."), "{text}");
    let mut other = run("rnn", 0, 4.0, "");
    other.results.as_mut().unwrap().system = "oscillator".into();
    let message = Comparison::new(&[other]).unwrap_err();
    assert!(message.contains("results.json is of another system"), "{message}");
}

/// The fractions of trials in which the comparison of `models` with these true scores, and of a baseline, says that one
/// model is best, and that no model is as good as the baseline. Trainings vary by 1 for each model, data by 2 for all.
fn claims(models: &[f64], baseline: f64, seeds: u64, trials: u64) -> [f64; 2] {
    let mut said = [0.0; 2];
    for trial in 0..trials {
        let mut runs = Vec::new();
        for seed in 0..seeds {
            let mut draws = stream(11, "claims", 1000 * trial + seed);
            let data = 2.0 * normal(&mut draws);
            let score_of_baseline = baseline + data + normal(&mut draws);
            for (i, truth) in models.iter().enumerate() {
                let mut run = run(&format!("m{i}"), seed, truth + data + normal(&mut draws), "");
                run.forecasts = None;
                run = scored(run, |results| {
                    let polynomial = crate::summary::tests::scores(score_of_baseline, true);
                    results.baselines = [("polynomial".to_owned(), polynomial)].into();
                });
                runs.push(run);
            }
        }
        let notes = comparison(&runs).rankings[0].notes().join(" ");
        said[0] += f64::from(u8::from(notes.contains("is better than every other model"))) / trials as f64;
        said[1] += f64::from(u8::from(notes.contains("No model here scores as well"))) / trials as f64;
    }
    said
}

#[test]
fn a_winner_is_named_by_chance_no_more_often_than_promised() {
    const TRIALS: u64 = 800;
    let error = (0.05 * 0.95 / TRIALS as f64).sqrt();
    for seeds in [2, 3] {
        // Two equal models: each is named in 2.5% of trials.
        let [named, _] = claims(&[10.0, 10.0], 0.0, seeds, TRIALS);
        assert!((named - 0.05).abs() < 3.0 * error, "{seeds} seeds: {named}");
        // Four equal ones: the best has to be better than three others.
        let [named, _] = claims(&[10.0; 4], 0.0, seeds, TRIALS);
        assert!(named <= 0.05 + 3.0 * error, "{seeds} seeds: {named}");
        // A baseline as good as the only model is said to be better in 2.5%.
        let [_, baseline] = claims(&[10.0], 10.0, seeds, TRIALS);
        assert!((baseline - 0.025).abs() < 3.0 * error, "{seeds} seeds: {baseline}");
        let [_, baseline] = claims(&[10.0, 9.0], 10.0, seeds, TRIALS);
        assert!(baseline <= 0.025 + 3.0 * error, "{seeds} seeds: {baseline}");
    }
    // a model that is far better is named best
    let [named, baseline] = claims(&[20.0, 10.0], 40.0, 3, 200);
    assert!(named > 0.9 && baseline > 0.9, "{named} {baseline}");
}

#[test]
fn intervals_end_where_scores_do() {
    // the README's nvar: 21.69 +- 4.93, and the truth ends at 24.5
    let times = [23.03, 22.63, 19.42];
    let runs: Vec<RunFiles> = times
        .iter()
        .zip(0..)
        .map(|(&time, seed)| {
            scored(run("nvar", seed, time, ""), |results| {
                results.scores.vpt.as_mut().unwrap().ceiling = 24.5;
            })
        })
        .collect();
    let found = comparison(&runs);
    near(row(&found, "nvar-lorenz").interval.unwrap(), [16.78, 24.5]);
    assert_eq!(row(&found, "nvar-lorenz").interval.unwrap()[1], 24.5);
    assert!(found.text(80).contains("16.78 to 24.50"), "{}", found.text(80));
    assert!(joined(&found.text(80)).contains("The truth itself lasts for 24.50"), "{}", found.text(80));
    let found = comparison(&[run("rnn", 0, 0.05, ""), run("rnn", 1, 0.3, "")]);
    assert_eq!(row(&found, "rnn-lorenz").interval.unwrap()[0], 0.0);
    // errors of 2e-3 and 1.5e-3: positive, around the geometric mean
    let not_chaotic = |seed, error: f64| {
        scored(run("gru", seed, 5.0, ""), |results| {
            results.scores = crate::summary::tests::scores(1.0 / error, false);
        })
    };
    let found = comparison(&[not_chaotic(0, 2.0e-3), not_chaotic(1, 1.5e-3)]);
    let gru = row(&found, "gru-lorenz");
    assert_eq!(found.rankings[0].metric.name, Metric::Nrmse);
    assert!((gru.mean.unwrap() - 3e-6f64.sqrt()).abs() < 1e-9);
    let [low, high] = gru.interval.unwrap();
    assert!((low / 2.7848e-4 - 1.0).abs() < 1e-3 && (high / 1.07727e-2 - 1.0).abs() < 1e-3, "{low} {high}");
    assert!(joined(&found.text(80)).contains("2.78e-4 to 0.011"), "{}", found.text(80));
}

#[test]
fn errors_are_compared_by_ratios() {
    let with = |name: &str, seed, error: f64| {
        scored(run(name, seed, 5.0, ""), |results| {
            results.scores = crate::summary::tests::scores(1.0 / error, false)
        })
    };
    let runs = [
        with("rnn", 0, 1e-3),
        with("rnn", 1, 1e-2),
        with("gru", 0, 2e-3),
        with("gru", 1, 2e-2),
        with("lstm", 0, 5e-4),
        with("lstm", 1, 1e-1),
    ];
    let found = comparison(&runs);
    let against = row(&found, "gru-lorenz").against_best.unwrap();
    near(against.interval.unwrap(), [2.0, 2.0]);
    assert_eq!(against.is_worse(Metric::Nrmse), Some(true));
    let text = joined(&found.text(80));
    assert!(text.contains("indistinguishable from rnn-lorenz") && text.contains(": lstm-lorenz."), "{text}");
}

#[test]
fn counts_of_capped_diverged_and_not_applicable_stand_in_every_table() {
    let marked = scored(run("rnn", 0, 4.0, ""), |results| {
        results.scores.diverged = 3;
        results.scores.vpt.as_mut().unwrap().main.capped = 7;
        results.baselines.remove("polynomial");
    });
    let runs = [marked, run("rnn", 1, 5.0, "")];
    let found = comparison(&runs);
    let rnn = row(&found, "rnn-lorenz");
    assert_eq!((rnn.starts, rnn.capped, rnn.diverged, rnn.not_applicable), (400, 7, 3, 0));
    let polynomial = row(&found, "polynomial");
    assert_eq!((polynomial.seeds.as_slice(), polynomial.not_applicable), (&[1][..], 1));
    let text = found.text(80);
    for word in ["7 of 400", "3 of 400", "capped", "diverged", "plicable"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let markdown = found.markdown(&[]);
    assert!(
        markdown.contains("| capped (starts) | diverged (starts) | not applicable (seeds) |"),
        "{markdown}"
    );
    assert!(
        markdown.contains("| 7 of 400 | 3 of 400 | 0 |") && markdown.contains("| 0 | 0 | 1 |"),
        "{markdown}"
    );
    let csv = found.csv();
    let cells = |label: &str| -> Vec<&str> {
        csv.lines().find(|line| line.contains(label)).unwrap().split(',').collect()
    };
    let of = |label: &str, name: &str| {
        cells(label)[cells("ranking,system").iter().position(|key| *key == name).unwrap()]
    };
    assert_eq!((of("rnn", "capped"), of("rnn", "diverged"), of("rnn", "starts")), ("7", "3", "400"));
    assert_eq!((of("polynomial", "not_applicable"), of("rnn", "not_applicable")), ("1", "0"));
    let json = serde_json::to_value(rnn).unwrap();
    assert_eq!(
        (&json["capped"], &json["diverged"], &json["not_applicable"]),
        (&7.into(), &3.into(), &0.into())
    );
    assert_eq!(serde_json::to_value(polynomial).unwrap()["not_applicable"], 1);
    // Each run has a table of its own after that of the comparison.
    let page = crate::page(&runs, "two").unwrap();
    let (_, after) = page.split_once("<h2>Comparison").unwrap();
    let (table, _) = after.split_once("</table>").unwrap();
    for part in ["capped (starts)", "diverged (starts)", "not applicable (seeds)", "7 of 400", "3 of 400"] {
        assert!(table.contains(part), "{part}: {table}");
    }
    // chosen columns of Markdown are those alone
    let few = found.markdown(&["seeds", "score"]);
    assert!(few.contains("|  | seeds | valid time (Lyapunov times) |\n|---|---:|---:|\n"), "{few}");
}

#[test]
fn a_baseline_that_is_not_applicable_leaves_a_gap_with_its_reason() {
    let reason = "degree = 1 makes 2001 monomials of 2000 inputs; at most 2000 can be solved for";
    let large = scored(run("rnn", 0, 5.0, ""), |results| {
        results.baselines.remove("polynomial");
        results.not_applicable = [("polynomial".to_owned(), reason.to_owned())].into();
    });
    let found = comparison(&[large]);
    let polynomial = row(&found, "polynomial");
    assert_eq!(
        (polynomial.mean, polynomial.not_applicable, &polynomial.reasons[..]),
        (None, 1, &[reason.to_owned()][..])
    );
    let text = found.text(80);
    assert!(joined(&text).contains(&format!("Not applicable: polynomial, since {reason}.")), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let markdown = found.markdown(&["seeds", "score", "not_applicable"]);
    assert!(markdown.contains("| polynomial | 0 | - | 1 |"), "{markdown}");
    let csv = found.csv();
    let columns = |line: &str| line.matches(',').count();
    assert!(csv.lines().all(|line| columns(line) == columns(csv.lines().next().unwrap())), "{csv}");
    // a run from before such reasons were kept is read
    let text = serde_json::to_string(&results("rnn", 4.0, true)).unwrap();
    assert!(!text.contains("not_applicable") && serde_json::from_str::<Results>(&text).is_ok());
}

#[test]
fn configurations_are_named_after_what_departs_from_the_experiment_file() {
    let departing = |mut run: RunFiles, departures: &[&str]| {
        run.departures = Some(departures.iter().map(|one| (*one).to_owned()).collect());
        run
    };
    let labels = |runs: &[RunFiles]| -> Vec<String> {
        let found = comparison(runs);
        let models = found.rankings[0].rows.iter().filter(|row| !row.baseline);
        models.map(|row| row.label.clone()).collect()
    };
    // alone in its table, too
    let narrow = "[train]\nhidden = 32\n";
    assert_eq!(
        labels(&[departing(run("rnn", 0, 4.0, narrow), &["train.hidden=32"])]),
        ["rnn-lorenz train.hidden=32"]
    );
    let both = [
        departing(run("rnn", 0, 5.0, "[train]\nhidden = 96\n"), &[]),
        departing(run("rnn", 0, 4.0, narrow), &["train.hidden=32"]),
    ];
    assert_eq!(labels(&both), ["rnn-lorenz", "rnn-lorenz train.hidden=32"]);
    // a scoring that all share stands below the table
    let long = "long_run = 1000.0\n";
    let runs = [
        departing(run("rnn", 0, 5.0, long), &["evaluate.long_run=1000.0"]),
        departing(run("gru", 0, 4.0, long), &["evaluate.long_run=1000.0"]),
    ];
    assert_eq!(labels(&runs), ["rnn-lorenz", "gru-lorenz"]);
    assert!(comparison(&runs).text(80).contains("All were scored with evaluate.long_run=1000.0."));
    // Where the file is not known: by what they differ in.
    let settings = ["", "[train]\nlearning = 0.1\n", "[train]\nlearning = 0.2\n"];
    let runs: Vec<RunFiles> = settings.iter().map(|text| run("rnn", 0, 4.0, text)).collect();
    assert_eq!(
        labels(&runs),
        ["rnn-lorenz", "rnn-lorenz train.learning=0.1", "rnn-lorenz train.learning=0.2"]
    );
    // another way of watching a training is not another configuration, but another device is
    let watched = run("rnn", 1, 4.0, "[train]\nlog = [\"jsonl\", \"tensorboard\"]\n");
    let on_gpu = scored(run("rnn", 0, 4.0, ""), |results| results.device = "gpu".into());
    let found = comparison(&[run("rnn", 0, 4.0, ""), watched, on_gpu]);
    let models = found.rankings[0].rows.iter().filter(|row| !row.baseline);
    let rows: Vec<(&str, usize)> = models.map(|row| (row.label.as_str(), row.seeds.len())).collect();
    assert_eq!(rows, [("rnn-lorenz --device=cpu", 2), ("rnn-lorenz --device=gpu", 1)]);
    let optimizer = |name, more| format!("[train.optimizer]\nname = \"{name}\"\n{more}");
    let runs = [optimizer("adam", ""), optimizer("momentum", "momentum = 0.9\n")]
        .map(|text| run("rnn", 0, 4.0, &text));
    let text = comparison(&runs).text(80);
    assert!(text.contains("rnn-lorenz train.optimizer=momentum\n") && !text.contains("=0.9"), "{text}");
}

#[test]
fn a_run_without_the_key_was_trained_by_our_own_loop() {
    let by_burn = run("rnn", 0, 4.0, "[train]\nloop = \"burn-train\"\n");
    let found = comparison(&[run("rnn", 0, 5.0, ""), by_burn]);
    assert_eq!(row(&found, "rnn-lorenz train.loop=own").mean, Some(5.0));
    assert_eq!(row(&found, "rnn-lorenz train.loop=burn-train").mean, Some(4.0));
    assert_eq!(found.effects("train.loop").unwrap().len(), 1);
}

#[test]
fn only_what_changes_the_held_out_task_parts_the_rankings() {
    let with = |settings: &str| run("rnn", 0, 4.0, settings);
    let count = |runs: &[RunFiles]| comparison(runs).rankings.len();
    for (one, other) in [
        ("[data]\ntrajectories = 10\n", "[data]\ntrajectories = 100\n"),
        ("[data.solver]\nname = \"rk4\"\nsubsteps = 4\n", "[data.solver]\nname = \"dop853\"\n"),
        (
            "[data]\nfrom = \"here/\"\nfrom_digest = \"a\"\n",
            "[data]\nfrom = \"there/\"\nfrom_digest = \"a\"\n",
        ),
        ("[data]\nfrom_digest = \"a\"\n", "[data]\nfrom_digest = \"b\"\n"),
        ("polynomial_degree = 3\n", "polynomial_degree = 6\n"),
        ("long_run = 100.0\n", "long_run = 1000.0\n"),
    ] {
        assert_eq!(count(&[with(one), with(other)]), 1, "{one}{other}");
    }
    for (one, other) in [
        ("horizon = 1.0\n", "horizon = 2.0\n"),
        ("[data]\ndt = 0.01\n", "[data]\ndt = 0.02\n"),
        ("[data]\nobserve = [\"x\"]\n", "[data]\nobserve = [\"x\", \"y\"]\n"),
    ] {
        assert_eq!(count(&[with(one), with(other)]), 2, "{one}{other}");
    }
    // a moved folder is the same configuration
    let moved = |from: &str, seed| {
        run("rnn", seed, 4.0, &format!("[data]\nfrom = \"{from}\"\nfrom_digest = \"a\"\n"))
    };
    let found = comparison(&[moved("here/", 0), moved("there/", 1)]);
    assert_eq!(row(&found, "rnn-lorenz").seeds, [0, 1]);
    // a baseline fitted to ten trajectories is not the same as one fitted to a hundred
    let found = comparison(&[with("[data]\ntrajectories = 10\n"), with("[data]\ntrajectories = 100\n")]);
    assert_eq!(row(&found, "polynomial data.trajectories=10").seeds, [0]);
    assert_eq!(row(&found, "polynomial data.trajectories=100").seeds, [0]);
}

#[test]
fn a_setting_that_changes_the_task_can_be_compared_by() {
    let with = |rho: f64, exponent: f64, seed, median| {
        let mut run = run("rnn", seed, median, "");
        run.resolved = run
            .resolved
            .replace("name = \"lorenz\"", &format!("name = \"lorenz\"\nrho = {rho:.1}"))
            .replace("starts = 210", &format!("starts = 210\nlyapunov_exponent = {exponent}"));
        run
    };
    let runs =
        [with(28.0, 0.9, 0, 5.0), with(35.0, 1.1, 0, 4.0), with(28.0, 0.9, 1, 6.0), with(35.0, 1.1, 1, 4.0)];
    assert_eq!(comparison(&runs).rankings.len(), 2);
    let by = Options { by: Some("system.rho"), ..Options::default() };
    let found = Comparison::with(&runs, by).unwrap();
    assert_eq!(found.rankings.len(), 1);
    let effects = found.effects("system.rho").unwrap();
    let [of_28, of_35] = &effects[0].effects[..] else { panic!("{effects:?}") };
    assert_eq!((of_28.value.as_str(), of_28.mean, of_28.seeds), ("28.0", Some(5.5), 2));
    assert_eq!((of_35.value.as_str(), of_35.change, of_35.pair_seeds), ("35.0", Some(-1.5), 2));
    // a section by its name and what varies in it
    let solver = |text: &str, seed, median| run("rnn", seed, median, &format!("[data.solver]\n{text}"));
    let runs = [
        solver("name = \"rk4\"\nsubsteps = 4\n", 0, 5.0),
        solver("name = \"dop853\"\ntolerance = 1e-10\n", 0, 6.0),
        solver("name = \"dop853\"\ntolerance = 1e-12\n", 0, 7.0),
    ];
    let values: Vec<String> =
        comparison(&runs).rankings[0].effect("data.solver").into_iter().map(|of| of.value).collect();
    assert_eq!(values, ["dop853", "rk4"]);
    let values: Vec<String> =
        comparison(&runs[1..]).rankings[0].effect("data.solver").into_iter().map(|of| of.value).collect();
    assert_eq!(values, ["tolerance=1e-10", "tolerance=1e-12"]);
}

#[test]
fn the_pairs_of_one_seed_are_one_observation() {
    let with = |hidden: u32, rate: f64, seed: u64, median| {
        run("rnn", seed, median, &format!("[train]\nhidden = {hidden}\nrate = {rate}\n"))
    };
    // 64 against 8: 1 and 3 more with seed 0, which is 2, and 4 more with seed 1; the rate costs 10
    let runs = [
        with(8, 0.1, 0, 20.0),
        with(64, 0.1, 0, 21.0),
        with(8, 0.2, 0, 10.0),
        with(64, 0.2, 0, 13.0),
        with(8, 0.1, 1, 22.0),
        with(64, 0.1, 1, 26.0),
        with(64, 0.3, 0, 1.0),
    ];
    let found = comparison(&runs);
    let effect = found.rankings[0].effect("train.hidden");
    assert_eq!(effect.iter().map(|of| of.value.as_str()).collect::<Vec<_>>(), ["8", "64"]);
    assert_eq!((effect[0].runs, effect[0].seeds, effect[0].pairs, effect[0].mean), (3, 2, 0, Some(18.5)));
    assert_eq!((effect[1].pairs, effect[1].pair_seeds, effect[1].change), (3, 2, Some(3.0)));
    // 3 +- 12.706 * sqrt 2 / sqrt 2
    near(effect[1].change_interval.unwrap(), [3.0 - 12.706, 3.0 + 12.706]);
    let effects = found.effects("train.hidden").unwrap();
    let text = effects[0].text(80);
    assert!(text.contains("3.00") && text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let markdown = effects[0].markdown();
    assert!(markdown.contains("| 64 | 4 | 2 |") && markdown.contains("difference to 8"), "{markdown}");
    let csv = effects[0].csv();
    assert!(csv.contains("lorenz,valid_time,train.hidden,8,3,2,18.5,"), "{csv}");
    assert_eq!(csv.lines().count(), 2);
    assert!(csv.lines().all(|line| line.split(',').count() == Effects::CSV_HEADING.split(',').count()));
    let json = serde_json::to_value(&effects).unwrap();
    assert_eq!(json[0]["effects"][1]["change"], 3.0);
    let message = found.effects("train.hiden").unwrap_err();
    assert!(message.contains("They do in train.hidden, train.rate"), "{message}");
    let message = comparison(&runs[..1]).effects("seed").unwrap_err();
    assert!(message.contains("in any setting but the seed"), "{message}");
    // One seed, however large the grid, has no interval.
    let one_seed = comparison(&runs[..4]).rankings[0].effect("train.hidden");
    assert_eq!((one_seed[1].pairs, one_seed[1].change_interval), (2, None));
}

#[test]
fn a_ranking_is_by_the_metric_that_was_asked_for() {
    // one-step errors are 1e-4 over the median
    let runs = [
        run("rnn", 0, 4.0, ""),
        run("rnn", 1, 16.0, ""),
        scored(run("gru", 0, 9.0, ""), |results| results.scores.one_step_rmse = 1e-6),
        scored(run("gru", 1, 9.0, ""), |results| results.scores.one_step_rmse = 4e-6),
    ];
    let by = |metric| Comparison::with(&runs, Options { metric: Some(metric), by: None });
    let found = by(Metric::OneStep).unwrap();
    let gru = row(&found, "gru-lorenz");
    assert!((gru.mean.unwrap() - 2e-6).abs() < 1e-12 && gru.scores == [1e-6, 4e-6]);
    assert_eq!(found.rankings[0].rows[0].label, "gru-lorenz");
    assert_eq!(found.rankings[0].metric, RankedBy { name: Metric::OneStep, threshold: None, horizon: None });
    // 1e-4 / 4 and 1e-4 / 16
    assert!((row(&found, "rnn-lorenz").mean.unwrap() - 1.25e-5).abs() < 1e-12);
    let table = found.text(80);
    assert_eq!(table.matches("one step").count(), 1 + 1, "one column, and a note: {table}");
    let found = by(Metric::TrainSeconds).unwrap();
    let polynomial = row(&found, "polynomial");
    assert_eq!((polynomial.mean, polynomial.not_applicable), (None, 2), "a baseline is not trained");
    assert!(found.rankings[0].rows.last().unwrap().baseline, "what has no score is last");
    let message = by(Metric::Crps).unwrap_err();
    assert!(
        message.contains("--metric crps") && message.contains("They have valid_time, nrmse"),
        "{message}"
    );
    for metric in Metric::ALL {
        assert_eq!(serde_json::to_value(metric).unwrap(), metric.key());
    }
}

#[test]
fn free_runs_rank_where_every_run_says_so() {
    let with = |name: &str, seed, rmse, ranks| {
        let more = format!("protocol = \"simulate\"\ngiven = {}\n", if ranks { 50 } else { 30 });
        scored(run(name, seed, rmse, &more), |results| {
            results.scores.simulation = Some(free_run(rmse, ranks));
            results.baselines.get_mut("persistence").unwrap().simulation = Some(free_run(2.0, ranks));
        })
    };
    // RMSE of 0.2 and 0.8 have the geometric mean 0.4.
    let runs = [with("rnn", 0, 0.2, true), with("rnn", 1, 0.8, true), with("gru", 0, 0.5, true)];
    let found = comparison(&runs);
    assert_eq!((found.rankings.len(), found.rankings[0].metric.name), (1, Metric::FreeRun));
    let labels: Vec<&str> = found.rankings[0].rows.iter().map(|row| row.label.as_str()).collect();
    assert_eq!(labels, ["rnn-lorenz", "gru-lorenz", "persistence", "polynomial"]);
    assert!((row(&found, "rnn-lorenz").mean.unwrap() - 0.4).abs() < 1e-12);
    assert!(joined(&found.text(80)).contains("Ranked by RMSE of the free run"), "{}", found.text(80));
    // Runs with other given samples are another task, and a run that does not say so keeps its own score.
    let mixed = comparison(&[with("rnn", 0, 0.2, true), with("gru", 0, 0.5, false)]);
    assert_eq!(mixed.rankings.len(), 2);
    assert_eq!(mixed.rankings[1].metric.name, Metric::ValidTime);
}

#[test]
fn the_error_of_an_exponent_holds_what_seeds_differ_by() {
    let text = serde_json::to_string(&results("rnn", 4.0, true)).unwrap();
    assert!(!text.contains("\"lyapunov\""), "{text}");
    let old: Results = serde_json::from_str(&text).unwrap();
    assert_eq!(old.scores.lyapunov, None, "a run from before exponents were scored is read");
    let with = |name: &str, seed: u64, exponent: f64| {
        scored(run(name, seed, 5.0, ""), |results| {
            results.scores.lyapunov = Some(exponent_of(Some(exponent), 0));
        })
    };
    let runs = [run("rnn", 0, 4.0, ""), with("gru", 0, 0.88), with("gru", 1, 0.92), with("cnn", 0, 0.9)];
    let found = comparison(&runs);
    // over starts 0.0124 / sqrt 2 = 0.0088, over seeds 0.0283 / sqrt 2 = 0.02
    near(row(&found, "gru-lorenz").lyapunov.unwrap(), [0.9, 0.02]);
    near(row(&found, "cnn-lorenz").lyapunov.unwrap(), [0.9, 0.0124]);
    assert_eq!(row(&found, "rnn-lorenz").lyapunov, None);
    // seeds that happen to agree do not make it smaller than the starts do
    let agreeing = comparison(&[with("gru", 0, 0.9), with("gru", 1, 0.9)]);
    near(row(&agreeing, "gru-lorenz").lyapunov.unwrap(), [0.9, 0.0124 / 2f64.sqrt()]);
    let (text, csv) = (found.text(80), found.csv());
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(joined.contains("0.900 +- 0.020") && joined.contains("the system has 0.9056."), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let cells = |label: &str| -> Vec<&str> {
        csv.lines().find(|line| line.contains(label)).unwrap().split(',').collect()
    };
    let column = |name: &str| cells("ranking,system").iter().position(|key| *key == name).unwrap();
    let (exponent, error) = (column("lyapunov_exponent"), column("lyapunov_standard_error"));
    assert_eq!((cells("gru")[exponent], cells("gru")[column("system_lyapunov_exponent")]), ("0.9", "0.9056"));
    assert_eq!((cells("rnn")[exponent], cells("rnn")[error]), ("", ""));
    assert_eq!(serde_json::to_value(&found).unwrap()["rankings"][0]["lyapunov_exponent"], 0.9056);
    assert!(!comparison(&[run("rnn", 0, 4.0, "")]).text(80).contains("exponent"));
}

#[test]
fn older_runs_are_left_out_and_named() {
    let mut other = run("gru", 0, 9.0, "");
    other.resolved = other.resolved.replace("starts = 210", "starts = 50");
    let mut newer = run("rnn", 0, 4.5, "");
    newer.directory = "runs/rnn-lorenz/2027-0".into();
    let mut found = comparison(&[newer, run("rnn", 0, 4.0, ""), other]);
    assert_eq!((found.rankings.len(), found.superseded.len()), (2, 1));
    assert_eq!(found.rankings[0].rows[1].mean, Some(4.5));
    let text = found.text(80);
    assert!(text.contains("  evaluate.starts = 210 above, 50 here\n"), "{text}");
    assert!(joined(&text).contains("configuration and seed: runs/rnn-lorenz/2026-0."), "{text}");
    found.left_out.push("Not shown: rnn-lorenz (2 runs).".into());
    for text in [found.text(80), found.markdown(&[])] {
        assert!(text.contains("Not shown: rnn-lorenz (2 runs)."), "{text}");
    }
    assert_eq!(serde_json::to_value(&found).unwrap()["left_out"][0], "Not shown: rnn-lorenz (2 runs).");
    // new scores of a run replace the run
    let mut again = run("rnn", 0, 4.2, "");
    again.directory = "again".into();
    again.environment = serde_json::json!({"evaluated_run": "runs/rnn-lorenz/2026-0"});
    let found = comparison(&[again, run("rnn", 0, 4.0, "")]);
    assert_eq!(row(&found, "rnn-lorenz").mean, Some(4.2));
    // but not a later training
    let mut again = run("rnn", 0, 4.2, "");
    again.directory = "again".into();
    again.environment = serde_json::json!({"evaluated_run": "runs/rnn-lorenz/2026-0"});
    let mut later = run("rnn", 0, 4.4, "");
    later.directory = "runs/rnn-lorenz/2027-0".into();
    for runs in [[again.clone(), later.clone()], [later, again]] {
        assert_eq!(row(&comparison(&runs), "rnn-lorenz").mean, Some(4.4));
    }
    // of two that score one run again, the later scoring counts, in whichever order they are named
    let scored = |directory: &str, median: f64, at: Option<&str>| {
        let mut run = run("rnn", 0, median, "");
        run.directory = directory.into();
        run.environment = serde_json::json!({"evaluated_run": "runs/rnn-lorenz/2026-0", "evaluated_at": at});
        run
    };
    let later = scored("a", 4.6, Some("20261128T101500.000Z"));
    for other in [scored("b", 4.2, Some("20261128T101459.999Z")), scored("c", 4.3, None)] {
        for runs in [[later.clone(), other.clone()], [other, later.clone()]] {
            let found = comparison(&runs);
            assert_eq!(row(&found, "rnn-lorenz").mean, Some(4.6));
            assert!(!found.superseded.contains(&later.directory));
        }
    }
    let mut unfinished = run("rnn", 0, 4.0, "");
    unfinished.results = None;
    let message = Comparison::new(&[unfinished]).unwrap_err();
    assert!(message.contains("attractor resume runs/rnn-lorenz/2026-0"), "{message}");
}

#[test]
fn tables_for_other_programs_hold_the_same_and_escape_names() {
    let mut hostile = run("rnn", 0, 4.0, "");
    hostile.experiment = "a|b,\"c\"\n".into();
    let found = comparison(&[hostile, run("gru", 0, 5.0, "")]);
    let csv = found.csv();
    assert!(csv.starts_with("ranking,system,metric,label,"), "{csv}");
    assert!(csv.contains("\n0,lorenz,valid_time,gru-lorenz,false,0,5,starts,4.8,5.3,"), "{csv}");
    assert!(csv.contains("0,lorenz,valid_time,\"a|b,\"\"c\"\"\\n\",false,0,4,"), "{csv}");
    let lines = csv.lines().filter(|line| !line.contains('"'));
    let widths: BTreeSet<usize> = lines.map(|line| line.split(',').count()).collect();
    assert_eq!(widths.len(), 1, "{csv}");
    let markdown = found.markdown(&[]);
    assert!(markdown.contains("| gru-lorenz | 1 | 5.00 |") && markdown.contains("a\\|b"), "{markdown}");
    let widths: Vec<usize> = markdown
        .lines()
        .filter(|line| line.starts_with('|'))
        .map(|line| line.replace("\\|", "").matches('|').count())
        .collect();
    assert!(widths.iter().all(|&n| n == widths[0]), "{markdown}");
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(json["rankings"][0]["rows"][1]["mean"], 5.0);
    assert_eq!(json["rankings"][0]["metric"]["name"], "valid_time");
}

#[test]
fn a_table_is_folded_where_the_terminal_is_too_narrow_for_it() {
    let mut long = run("rnn", 0, 4.0, "");
    long.experiment = "rnn-lorenz-with-a-long-name".into();
    long.departures = Some(vec!["model.hidden=64".into()]);
    let runs = [long, run("gru", 0, 5.0, "")];
    let found = comparison(&runs);
    let label = "rnn-lorenz-with-a-long-name model.hidden=64";
    let folded = |width: usize| {
        let text = found.text(width);
        let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= width, "{widest} columns on a terminal of {width}: {text}");
        text.lines().any(|line| line == label)
    };
    assert!(folded(80) && folded(90), "the label stands on a line of its own");
    assert!(!folded(160) && !folded(400), "there is room for the label beside the numbers");
}

#[test]
fn hidden_characters_in_names_show_wherever_they_are_printed() {
    let (hidden, seen) = ("a\u{202e}b\u{1b}[2J\u{200b}", "a\\u{202e}b\\u{1b}[2J\\u{200b}");
    let mut hostile = run("rnn", 0, 4.0, &format!("[note]\n{0} = {0}\n", toml::Value::String(hidden.into())));
    hostile.directory = format!("runs/{hidden}/1").into();
    hostile.experiment = hidden.into();
    hostile.departures = Some(vec![format!("evaluate.note={hidden}")]);
    let results = hostile.results.as_mut().unwrap();
    results.observed = Some(vec![hidden.into()]);
    results.not_applicable.insert(hidden.into(), hidden.into());
    let mut older = hostile.clone();
    older.directory = format!("runs/{hidden}/0").into();
    let mut found = comparison(&[hostile.clone(), older]);
    found.left_out.push(hidden.into());
    let results = hostile.results.unwrap();
    for text in [found.text(80), found.markdown(&[]), found.csv(), crate::summary(&results, 80)] {
        let expected = if text.contains("| --") || text.starts_with("###") {
            seen.replace('\\', "\\\\")
        } else {
            seen.into()
        };
        assert!(text.contains(&expected), "{text}");
        assert_eq!(crate::visible_lines(&text), text);
    }
}
