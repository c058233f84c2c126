use std::collections::BTreeMap;

use forecast::{
    Check, EnsembleGrowth, ErrorGrowth, Loss, Nrmse, SimulationScores, Summary, Suspicion, Training, Vpt,
    VptAt,
};

use super::*;

pub(crate) fn scores(median: f64, chaotic: bool) -> Scores {
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
            block: 1,
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
        simulation: None,
        lyapunov: None,
        climate: None,
        ensemble: None,
        field: None,
        step_microseconds: 1.5,
    }
}

pub(crate) fn results(name: &str, median: f64, chaotic: bool) -> Results {
    Results {
        experiment: format!("{name}-lorenz"),
        system: "lorenz".into(),
        observed: None,
        components: vec![],
        axes: vec![],
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
        solvers: vec![],
        reduction: None,
        chosen: BTreeMap::new(),
        suspicions: vec![],
    }
}

#[test]
fn the_summary_of_a_run_puts_the_best_first_in_80_columns() {
    let text = summary(&results("rnn", 4.31, true), 80);
    let at = |word: &str| text.find(word).unwrap_or_else(|| panic!("{word} is not in\n{text}"));
    assert!(at("\npolynomial") < at("\nrnn ") && at("\nrnn ") < at("\npersistence"), "{text}");
    assert!(text.contains("rnn            4.31   4.11 to  4.61   4.41  2.15"), "{text}");
    assert!(text.contains("27.1 Lyapunov times of 1.104 time units"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

#[test]
fn a_system_that_is_not_chaotic_is_ranked_by_its_error() {
    let text = summary(&results("ffnn", 20.0, false), 80);
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
    let text = summary(&marked, 80);
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
    let text = summary(&results("rnn", 4.0, true), 80);
    assert!(!text.contains("D_stsp") && !text.contains("Suspicious"), "{text}");
    let mut long = results("rnn", 4.0, true);
    long.scores.climate = Some(climate(0.0334));
    let lost = ClimateScores { left: 200, first_left: Some(12.5), stopped: 3, ..climate(f64::INFINITY) };
    long.baselines.insert("polynomial".into(), Scores { climate: Some(lost), ..scores(15.0, true) });
    long.suspicions =
        vec![Suspicion { check: Check::SharedSamples, message: "5 of the 10 samples are shared".into() }];
    {
        let text = summary(&long, 80);
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
    let text = summary(&drawn, 80);
    assert!(text.contains("CRPS") && text.contains("0.012    0.667\n"), "{text}");
    assert!(text.contains("the first 1.100 time units"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

pub(crate) fn exponent_of(exponent: Option<f64>, left: usize) -> LyapunovScores {
    LyapunovScores { exponent, standard_error: exponent.map(|_| 0.0124), time: 44.17, starts: 20, left }
}

#[test]
fn the_exponent_of_a_map_stands_beside_that_of_the_system_in_80_columns() {
    let mut run = results("autoencoder", 4.0, true);
    run.scores.climate = Some(climate(0.0334));
    run.scores.lyapunov = Some(exponent_of(Some(0.8912), 3));
    let lost = Scores { lyapunov: Some(exponent_of(None, 20)), ..scores(15.0, true) };
    run.baselines.insert("polynomial".into(), lost);
    let text = summary(&run, 80);
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
fn numbers_are_short() {
    for (x, text) in
        [(0.0, "0"), (0.5, "0.500"), (1e-4, "1.00e-4"), (-123456.0, "-1.23e5"), (f64::NAN, "inf")]
    {
        assert_eq!(number(x), text);
    }
}

#[test]
fn what_the_numbers_mean_is_folded_at_the_width_of_the_terminal() {
    let mut run = results("rnn", 4.0, true);
    run.experiment = "rnn-lorenz-with-a-long-name".into();
    run.scores.climate = Some(climate(0.0334));
    run.scores.lyapunov = Some(exponent_of(Some(0.8912), 3));
    for (width, heading) in [(80, ",\nseed 0"), (200, ", seed 0")] {
        let text = summary(&run, width);
        assert!(text.contains(heading), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= width), "{text}");
    }
    let [narrow, wide] = [60, 200].map(|width| summary(&run, width));
    let notes = |text: &str| text.split_once("\nValid while").unwrap().1.to_owned();
    assert!(notes(&narrow).lines().all(|line| line.chars().count() <= 60), "{narrow}");
    assert!(notes(&wide).lines().any(|line| line.chars().count() > 80), "{wide}");
    assert!(notes(&wide).lines().count() < notes(&narrow).lines().count());
}

/// Free runs with these errors over a recording of one component with a standard deviation of 2.
pub(crate) fn free_run(rmse: f64, ranks: bool) -> SimulationScores {
    SimulationScores {
        ranks,
        given: 50,
        recordings: 1,
        samples: 974,
        rmse: vec![rmse],
        r2: vec![1.0 - (rmse / 2.0).powi(2)],
        fit_percent: vec![100.0 * (1.0 - rmse / 2.0)],
    }
}

#[test]
fn free_runs_rank_where_the_protocol_says_so() {
    let mut of = results("ffnn", 20.0, false);
    let table = |of: &mut Results, ranks: bool| {
        of.scores.simulation = Some(free_run(0.4, ranks));
        for (name, rmse) in [("persistence", 0.3), ("polynomial", 1.0)] {
            of.baselines.get_mut(name).unwrap().simulation = Some(free_run(rmse, ranks));
        }
        summary(of, 80)
    };
    let ranked = table(&mut of, true);
    let at = |text: &str, word: &str| text.find(word).unwrap_or_else(|| panic!("{word} is not in\n{text}"));
    let order = [at(&ranked, "\npersistence"), at(&ranked, "\nffnn "), at(&ranked, "\npolynomial")];
    assert!(order.is_sorted(), "{ranked}");
    // The table of free runs comes first: RMSE, R² and fit.
    assert!(at(&ranked, "free run") < at(&ranked, "one step"), "{ranked}");
    assert!(ranked.contains("persistence     0.300  0.978      85.0"), "{ranked}");
    let words = ranked.replace('\n', " ");
    assert!(words.contains("974 samples in all.") && words.contains("what models are ranked by"), "{ranked}");
    assert!(ranked.lines().all(|line| line.chars().count() <= 80), "{ranked}");
    let beside = table(&mut of, false);
    assert!(at(&beside, "\nffnn ") < at(&beside, "\npersistence"), "{beside}");
    assert!(at(&beside, "one step") < at(&beside, "free run") && !beside.contains("ranked by"), "{beside}");
}
