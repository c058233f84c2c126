//! Training on the graphics card agrees with training on the processor.

use crate::support::{Folder, results};

const SHORT: &str = r#"
[system]
name = "oscillator"
[data]
trajectories = 10
t_final = 5.0
[model]
name = "rnn"
hidden = 8
window = 4
[train]
steps = 40
batch_size = 32
validate_every = 20
[evaluate]
starts = 3
transient = 1.0
horizon = 2.0
polynomial_degree = 1
"#;

#[test]
fn a_short_training_agrees_with_the_cpu() {
    let folder = Folder::new(SHORT);
    let devices = folder.ok(&["list", "devices"]);
    assert!(devices.lines().any(|line| line.starts_with("gpu") && line.contains("usable")), "{devices}");
    folder.write("ffnn.toml", &SHORT.replace("\"rnn\"", "\"ffnn\"").replace("window = 4\n", ""));
    for experiment in ["tiny.toml", "ffnn.toml"] {
        let on = |device| results(&folder.train(&[experiment, "--device", device]));
        let (cpu, gpu) = (on("cpu"), on("gpu"));
        assert_eq!(gpu.device, "gpu");
        for (a, b) in [
            (cpu.train.loss.train, gpu.train.loss.train),
            (cpu.train.loss.validation, gpu.train.loss.validation),
            (cpu.scores.one_step_rmse, gpu.scores.one_step_rmse),
            (cpu.scores.nrmse.median, gpu.scores.nrmse.median),
        ] {
            assert!((a / b - 1.0).abs() < 1e-3, "{experiment}: cpu {a}, gpu {b}");
        }
        // A model trained on one device forecasts on the other.
        let run = folder.train(&[experiment, "--device", "gpu"]);
        let text = folder.ok(&["evaluate", run.to_str().unwrap(), "--device", "cpu", "--json"]);
        let elsewhere: forecast::Results = serde_json::from_str(&text).unwrap();
        assert!((elsewhere.scores.nrmse.median / gpu.scores.nrmse.median - 1.0).abs() < 1e-3);
    }
}
