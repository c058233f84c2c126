use std::collections::BTreeMap;

use forecast::{
    Check, EnsembleGrowth, ErrorGrowth, Forecasts, Loss, Nrmse, Summary, Suspicion, Training, Vpt, VptAt,
};

use super::*;

fn scores(median: f64, chaotic: bool) -> Scores {
    let at = |threshold| VptAt {
        threshold,
        summary: Summary {
            median,
            mean: median + 0.1,
            p10: median / 2.0,
            ci95: [median - 0.2, median + 0.3],
        },
        capped: 0,
    };
    Scores {
        one_step_rmse: 1e-4 / median,
        nrmse: Nrmse {
            horizon: 20.0,
            starts: 200,
            capped: 0,
            median: 1.0 / median,
            p90: 2.0 / median,
            ci95: [0.9 / median, 1.1 / median],
        },
        vpt: chaotic.then(|| Vpt {
            main: at(0.4),
            lyapunov_exponent: 0.9056,
            starts: 200,
            ceiling: 27.13,
            ceiling_p10: 24.0,
            other_thresholds: vec![at(0.3), at(0.5)],
        }),
        error_growth: ErrorGrowth { time: vec![], p10: vec![], median: vec![], p90: vec![] },
        diverged: 0,
        lyapunov: None,
        climate: None,
        ensemble: None,
        step_microseconds: 1.5,
    }
}

fn results(name: &str, median: f64, chaotic: bool) -> Results {
    Results {
        experiment: format!("{name}-lorenz"),
        system: "lorenz".into(),
        observed: None,
        components: vec![],
        model: name.into(),
        parameters: 8771,
        seed: 0,
        device: "cpu".into(),
        train: Training {
            seconds: 41.04,
            steps: 20_000,
            step_seconds: 35.0,
            examples_per_second: 1.2e5,
            loss: Loss { train: 1e-6, validation: 1e-6 },
            best_step: 19_500,
        },
        scores: scores(median, chaotic),
        baselines: BTreeMap::from([
            ("persistence".into(), scores(0.3, chaotic)),
            ("polynomial".into(), scores(15.0, chaotic)),
        ]),
        reconstruction: vec![],
        not_applicable: BTreeMap::new(),
        suspicions: vec![],
    }
}

#[test]
fn the_summary_of_a_run_puts_the_best_first_in_80_columns() {
    let text = summary(&results("rnn", 4.31, true));
    let at = |word: &str| text.find(word).unwrap_or_else(|| panic!("{word} is not in\n{text}"));
    assert!(at("\npolynomial") < at("\nrnn ") && at("\nrnn ") < at("\npersistence"), "{text}");
    assert!(text.contains("rnn            4.31   4.11 to  4.61   4.41  2.15"), "{text}");
    assert!(text.contains("27.1 Lyapunov times of 1.104 time units"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

#[test]
fn a_system_that_is_not_chaotic_is_ranked_by_its_error() {
    let text = summary(&results("ffnn", 20.0, false));
    assert!(text.contains("0.045 to 0.055") && text.contains("200 starts"), "{text}");
    assert!(text.find("\nffnn ") < text.find("\npolynomial"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

#[test]
fn what_is_capped_or_diverged_is_marked() {
    let mut marked = results("rnn", 4.0, true);
    marked.scores.diverged = 3;
    marked.scores.nrmse.median = f64::INFINITY;
    if let Some(vpt) = &mut marked.scores.vpt {
        vpt.main.capped = 7;
    }
    let text = summary(&marked);
    assert!(text.contains("rnn: 7 forecasts outlive their truth"), "{text}");
    assert!(text.contains("rnn: 3 forecasts leave the finite numbers"), "{text}");
    assert!(text.contains(" inf\n"), "{text}");
}

fn climate(d_stsp: f64) -> ClimateScores {
    ClimateScores {
        time: 1104.2,
        lyapunov_times: Some(1000.0),
        starts: 200,
        d_stsp,
        d_h: 0.0412,
        truth_d_stsp: 0.0213,
        truth_d_h: 0.0105,
        left: 0,
        first_left: None,
        stopped: 0,
    }
}

#[test]
fn the_long_run_stands_below_the_table_in_80_columns() {
    let text = summary(&results("rnn", 4.0, true));
    assert!(!text.contains("D_stsp") && !text.contains("Suspicious"), "{text}");
    let mut long = results("rnn", 4.0, true);
    long.scores.climate = Some(climate(0.0334));
    let lost = ClimateScores { left: 200, first_left: Some(12.5), stopped: 3, ..climate(f64::INFINITY) };
    long.baselines.insert("polynomial".into(), Scores { climate: Some(lost), ..scores(15.0, true) });
    long.suspicions =
        vec![Suspicion { check: Check::SharedSamples, message: "5 of the 10 samples are shared".into() }];
    {
        let text = summary(&long);
        assert!(text.contains("  0.033  0.041     0\n") && text.contains("  inf  0.041   200\n"), "{text}");
        assert!(text.contains("1000 Lyapunov times from 200 starts"), "{text}");
        assert!(text.contains("truth against the other has 0.021 and 0.011."), "{text}");
        assert!(
            text.contains("polynomial: 200 forecasts leave the attractor, the first after 12.500 units"),
            "{text}"
        );
        assert!(text.contains("polynomial: 3 forecasts come to rest"), "{text}");
        assert!(
            text.contains("Suspicious: ") && text.contains("5 of the 10 samples are shared.\n"),
            "{text}"
        );
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }
}

#[test]
fn an_ensemble_shows_its_score_and_its_spread() {
    let mut drawn = results("rnn", 4.0, true);
    drawn.scores.climate = Some(climate(0.0334));
    drawn.scores.ensemble = Some(EnsembleScores {
        members: 10,
        horizon: 1.1,
        crps: 0.0123,
        spread: 0.02,
        error: 0.03,
        spread_to_error: 0.667,
        growth: EnsembleGrowth { time: vec![], crps: vec![], spread: vec![], error: vec![] },
    });
    let text = summary(&drawn);
    assert!(text.contains("CRPS") && text.contains("0.012    0.667\n"), "{text}");
    assert!(text.contains("the first 1.100 time units"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

fn exponent_of(exponent: Option<f64>, left: usize) -> LyapunovScores {
    LyapunovScores { exponent, standard_error: exponent.map(|_| 0.0124), time: 44.17, starts: 20, left }
}

#[test]
fn the_exponent_of_a_map_stands_beside_that_of_the_system_in_80_columns() {
    let mut run = results("autoencoder", 4.0, true);
    run.scores.climate = Some(climate(0.0334));
    run.scores.lyapunov = Some(exponent_of(Some(0.8912), 3));
    let lost = Scores { lyapunov: Some(exponent_of(None, 20)), ..scores(15.0, true) };
    run.baselines.insert("polynomial".into(), lost);
    let text = summary(&run);
    assert!(text.contains("  0.891 +- 0.012     0.033"), "{text}");
    assert!(text.contains("\npolynomial                -"), "{text}");
    assert!(text.contains("the\nsystem has 0.9056."), "{text}");
    assert!(text.contains("autoencoder: 3 of 20 runs leave the attractor; the exponent is of the rest."));
    assert!(text.contains("polynomial: 20 of 20 runs leave the attractor; its map has no exponent."));
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    for ([x, error], shown) in [
        ([0.0551234, 0.00316], "0.0551 +- 0.0032"),
        ([-14.57, 0.7], "-14.57 +- 0.70"),
        ([123.4, 56.0], "123 +- 56"),
        ([-0.5, 0.0], "-0.50000 +- 0.00000"),
    ] {
        assert_eq!(with_error([x, error]), shown);
    }
}

#[test]
fn runs_from_before_exponents_were_scored_are_read_and_compared_with_others() {
    let text = serde_json::to_string(&results("rnn", 4.0, true)).unwrap();
    assert!(!text.contains("\"lyapunov\""), "{text}");
    let old: Results = serde_json::from_str(&text).unwrap();
    assert_eq!(old.scores.lyapunov, None);
    let with = |name: &str, seed: u64, exponent: f64| {
        let mut with = run(name, seed, 5.0, "");
        with.results.as_mut().unwrap().scores.lyapunov = Some(exponent_of(Some(exponent), 0));
        with
    };
    let found = comparison(&[run("rnn", 0, 4.0, ""), with("gru", 0, 0.89), with("gru", 1, 0.91)]);
    let rows = &found.rankings[0].rows;
    let of = |label: &str| rows.iter().find(|row| row.label == label).unwrap();
    let [mean, error] = of("gru-lorenz").lyapunov.unwrap();
    assert!((mean - 0.9).abs() < 1e-12 && (error - 0.0124 / 2f64.sqrt()).abs() < 1e-12);
    assert_eq!(of("rnn-lorenz").lyapunov, None);
    let (text, csv) = (found.text(), found.csv());
    assert!(text.contains("0.9000 +- 0.0088\n") && text.contains("the system has 0.9056."), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let cells = |label: &str| -> Vec<&str> {
        csv.lines().find(|line| line.contains(label)).unwrap().split(',').collect()
    };
    let column = |name: &str| cells("ranking,system").iter().position(|key| *key == name).unwrap();
    let (exponent, error) = (column("lyapunov_exponent"), column("lyapunov_standard_error"));
    let system = column("system_lyapunov_exponent");
    assert_eq!((cells("gru")[exponent], cells("gru")[system]), ("0.9", "0.9056"));
    assert_eq!((cells("rnn")[exponent], cells("rnn")[error]), ("", ""));
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(json["rankings"][0]["lyapunov_exponent"], 0.9056);
    assert!(json.to_string().contains("\"lyapunov\":[0.9,0.00876"), "{json}");
    assert!(!comparison(&[run("rnn", 0, 4.0, "")]).text().contains("exponent"));
}

/// A run whose starts score `times` in the median, each start another.
fn run(name: &str, seed: u64, median: f64, settings: &str) -> RunFiles {
    let mut results = results(name, median, true);
    results.seed = seed;
    let spread = |i: u32| median + f64::from(i % 21) - 10.0;
    RunFiles {
        directory: format!("runs/{name}-lorenz/2026-{seed}").into(),
        experiment: format!("{name}-lorenz"),
        resolved: format!(
            "seed = {seed}\n[system]\nname = \"lorenz\"\n[model]\nname = \"{name}\"\n[evaluate]\nstarts = 210\n{settings}"
        ),
        environment: serde_json::Value::Null,
        metrics: vec![],
        results: Some(results),
        forecasts: Some(Forecasts { valid_times: (0..210).map(spread).collect(), ..Forecasts::default() }),
    }
}

fn comparison(runs: &[RunFiles]) -> Comparison {
    Comparison::new(runs).unwrap()
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
        (5.0, &[0, 1, 2][..], &[8.0, 9.0][..])
    );
    // 5 +- 4.303 / sqrt 3
    let [low, high] = rows[2].interval.unwrap();
    assert!((low - 2.5157).abs() < 1e-3 && (high - 7.4843).abs() < 1e-3);
    assert_eq!((rows[0].seeds.len(), rows[0].baseline, rows[0].parameters), (3, true, None));
    // gru is better from every start of both seeds that both have, by 4
    let against = rows[2].against_best.unwrap();
    assert_eq!(
        (against.seeds, against.interval, against.is_worse(found.rankings[0].metric)),
        (2, Some([-4.0, -4.0]), Some(true))
    );
    let text = found.text();
    assert!(text.contains("gru-lorenz is better than every other model by more than noise"), "{text}");
    assert!(text.contains("No model here scores as well as the baselines: polynomial."), "{text}");
    assert!(text.contains("2.52 to") && text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

#[test]
fn a_baseline_that_is_not_applicable_leaves_a_gap_with_its_reason() {
    let mut large = run("rnn", 0, 5.0, "");
    let results = large.results.as_mut().unwrap();
    results.baselines.remove("polynomial");
    let reason = "degree = 1 makes 2001 monomials of 2000 inputs; at most 2000 can be solved for";
    results.not_applicable = BTreeMap::from([("polynomial".into(), reason.into())]);
    let shown = summary(results);
    let joined = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(joined(&shown).contains(&format!("Not applicable: polynomial, since {reason}.")), "{shown}");
    let found = comparison(&[large]);
    let text = found.text();
    assert!(text.contains("polynomial: not applicable\n"), "{text}");
    assert!(joined(&text).contains(&format!("Not applicable: polynomial, since {reason}.")), "{text}");
    assert!(text.lines().all(|line| line.trim_end().chars().count() <= 80), "{text}");
    assert!(found.markdown().contains("| polynomial: not applicable |  |"), "{}", found.markdown());
    let csv = found.csv();
    let columns = |line: &str| line.matches(',').count();
    assert!(csv.lines().all(|line| columns(line) == columns(csv.lines().next().unwrap())), "{csv}");
    assert!(csv.contains("polynomial,true,,,"), "{csv}");
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(json["rankings"][0]["not_applicable"]["polynomial"], reason);
    // where some run has scores of it there is no gap
    let found = comparison(&[run("rnn", 0, 5.0, ""), run("gru", 0, 5.0, "")]);
    assert!(!found.text().contains("not applicable"));
}

#[test]
fn what_is_within_noise_and_what_cannot_be_told_are_said() {
    let shuffled = |mut run: RunFiles| {
        let forecasts = run.forecasts.as_mut().unwrap();
        forecasts.valid_times.reverse();
        forecasts.valid_times.rotate_left(5);
        run
    };
    let mut old = run("lstm", 0, 3.0, "");
    old.forecasts = None;
    let text = comparison(&[run("rnn", 0, 5.0, ""), shuffled(run("gru", 0, 4.9, "")), old]).text();
    assert!(text.contains("Not told from rnn-lorenz") && text.contains(": gru-lorenz."), "{text}");
    assert!(text.contains("Not tested against rnn-lorenz"), "{text}");
    assert!(text.contains("One seed each"), "{text}");
}

#[test]
fn who_is_best_on_the_whole_may_lose_where_both_were() {
    // rnn has two seeds, of which gru has the one where it is better
    let text = comparison(&[run("rnn", 0, 5.0, ""), run("rnn", 1, 9.0, ""), run("gru", 0, 6.0, "")]).text();
    assert!(text.contains("Not told from rnn-lorenz") && text.contains(": gru-lorenz."), "{text}");
    assert!(!text.contains("is better than"), "{text}");
    let mut other = run("rnn", 0, 4.0, "");
    other.results.as_mut().unwrap().system = "oscillator".into();
    let message = Comparison::new(&[other]).unwrap_err();
    assert!(message.contains("results.json is of another system"), "{message}");
}

#[test]
fn configurations_are_named_after_what_sets_them_apart() {
    let settings = ["", "[train]\nlearning = 0.1\n", "[train]\nlearning = 0.2\n"];
    let runs: Vec<RunFiles> = settings.iter().map(|text| run("rnn", 0, 4.0, text)).collect();
    let labels: Vec<String> = comparison(&runs).rankings[0]
        .rows
        .iter()
        .map(|row| row.label.clone())
        .filter(|l| l.starts_with("rnn"))
        .collect();
    assert_eq!(labels, ["rnn-lorenz", "rnn-lorenz learning=0.1", "rnn-lorenz learning=0.2"]);
    // how a training is watched makes no other configuration, a device does
    let watched = run("rnn", 1, 4.0, "[train]\nlog = [\"jsonl\", \"tensorboard\"]\n");
    let mut on_gpu = run("rnn", 0, 4.0, "");
    on_gpu.results.as_mut().unwrap().device = "gpu".into();
    let found = comparison(&[run("rnn", 0, 4.0, ""), watched, on_gpu]);
    let models = found.rankings[0].rows.iter().filter(|row| !row.baseline);
    let rows: Vec<(&str, usize)> = models.map(|row| (row.label.as_str(), row.seeds.len())).collect();
    assert_eq!(rows, [("rnn-lorenz --device=cpu", 2), ("rnn-lorenz --device=gpu", 1)]);
    let optimizer = |name, more| format!("[train.optimizer]\nname = \"{name}\"\n{more}");
    let runs = [optimizer("adam", ""), optimizer("momentum", "momentum = 0.9\n")]
        .map(|text| run("rnn", 0, 4.0, &text));
    let text = comparison(&runs).text();
    assert!(text.contains("rnn-lorenz optimizer=momentum\n") && !text.contains("=0.9"), "{text}");
}

#[test]
fn other_tasks_are_kept_apart_with_the_reason_and_older_runs_left_out() {
    let mut other = run("gru", 0, 9.0, "");
    other.resolved = other.resolved.replace("starts = 210", "starts = 50");
    let mut newer = run("rnn", 0, 4.5, "");
    newer.directory = "runs/rnn-lorenz/2027-0".into();
    let found = comparison(&[newer, run("rnn", 0, 4.0, ""), other]);
    assert_eq!((found.rankings.len(), found.superseded.len()), (2, 1));
    assert_eq!(found.rankings[0].rows[1].mean, 4.5);
    let text = found.text();
    assert!(text.contains("  evaluate.starts = 210 above, 50 here\n"), "{text}");
    assert!(text.contains("newer run of its seed: runs/rnn-lorenz/2026-0"), "{text}");
    let mut unfinished = run("rnn", 0, 4.0, "");
    unfinished.results = None;
    let message = Comparison::new(&[unfinished]).unwrap_err();
    assert!(message.contains("attractor resume runs/rnn-lorenz/2026-0"), "{message}");
}

#[test]
fn the_effect_of_a_setting_is_that_of_pairs_which_differ_in_it_alone() {
    let with = |hidden: u32, rate: f64, seed: u64, median| {
        run("rnn", seed, median, &format!("[train]\nhidden = {hidden}\nrate = {rate}\n"))
    };
    // 64 against 8: 1 and 2 and 3 more; the rate costs 10
    let runs = [
        with(8, 0.1, 0, 20.0),
        with(64, 0.1, 0, 21.0),
        with(8, 0.1, 1, 22.0),
        with(64, 0.1, 1, 24.0),
        with(8, 0.2, 0, 10.0),
        with(64, 0.2, 0, 13.0),
        with(64, 0.3, 0, 1.0),
    ];
    let found = comparison(&runs);
    let effect = found.rankings[0].effect("train.hidden");
    assert_eq!(effect.iter().map(|of| of.value.as_str()).collect::<Vec<_>>(), ["8", "64"]);
    assert_eq!(
        (effect[0].runs, effect[0].pairs, effect[1].pairs, effect[1].difference),
        (3, 0, 3, Some(2.0))
    );
    let [low, high] = effect[1].interval.unwrap();
    assert!((low - (2.0 - 2.4843)).abs() < 1e-3 && (high - (2.0 + 2.4843)).abs() < 1e-3);
    let text = found.by("train.hidden").unwrap();
    assert!(text.contains("2.00") && text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let message = found.by("train.hiden").unwrap_err();
    assert!(message.contains("They do in train.hidden, train.rate"), "{message}");
    let alone = comparison(&runs[..1]).by("seed").unwrap_err();
    assert!(alone.contains("in any setting but the seed"), "{alone}");
}

#[test]
fn tables_for_other_programs_hold_the_same_and_escape_names() {
    let mut hostile = run("rnn", 0, 4.0, "");
    hostile.experiment = "a|b,\"c\"\n".into();
    let found = comparison(&[hostile, run("gru", 0, 5.0, "")]);
    let csv = found.csv();
    assert!(csv.starts_with("ranking,system,metric,label,"), "{csv}");
    assert!(csv.contains("\n0,lorenz,valid_time,gru-lorenz,false,0,5,"), "{csv}");
    assert!(csv.contains("0,lorenz,valid_time,\"a|b,\"\"c\"\"\\n\",false,0,4,"), "{csv}");
    let markdown = found.markdown();
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
fn numbers_are_short() {
    for (x, text) in
        [(0.0, "0"), (0.5, "0.500"), (1e-4, "1.00e-4"), (-123456.0, "-1.23e5"), (f64::NAN, "inf")]
    {
        assert_eq!(number(x), text);
    }
}
