//! One training step (forward, backward, clipping, Adam) of small networks on the CPU: a JSON object a line with
//! the workload and the median microseconds a step of seven rounds. Inputs are uniform on [0, 1), targets their
//! squares.

use std::time::Instant;

use dataset::Batch;
use models::Shape;
use models::networks::NETWORKS;
use serde_json::json;
use sim::random::{stream, uniform};

fn main() -> Result<(), String> {
    let device = models::devices::CPU.open().map_err(|error| error.to_string())?;
    for (workload, name, settings, count, window, steps) in [
        ("ffnn-10", "ffnn", json!({"hidden": 10, "activation": "tanh"}), 128, 1, 400),
        ("ffnn-64", "ffnn", json!({"hidden": 64, "activation": "tanh"}), 256, 1, 200),
        ("ffnn-256", "ffnn", json!({"hidden": 256, "activation": "tanh"}), 1024, 1, 20),
        ("rnn-64 with its readout", "rnn", json!({"hidden": 64, "window": 32}), 64, 32, 20),
    ] {
        let entry = NETWORKS.iter().find(|entry| entry.name == name).ok_or("no such network")?;
        let mut learner = (entry.learner)(&settings, Shape { features: 3, dim: 3 }, 0, 1e9, &device)?;
        let mut draws = stream(0, "bench", 0);
        let inputs: Vec<f32> = (0..count * window * 3).map(|_| uniform(&mut draws) as f32).collect();
        let targets = inputs.iter().map(|x| x * x).collect();
        let batch = Batch { shape: [count, window, 3, 3], inputs, targets };
        let mut rounds = Vec::new();
        for round in 0..8 {
            let begin = Instant::now();
            for _ in 0..steps {
                learner.step(&batch, 1e-3);
            }
            // the first round warms up
            if round > 0 {
                rounds.push(begin.elapsed().as_secs_f64() / f64::from(steps) * 1e6);
            }
        }
        rounds.sort_by(f64::total_cmp);
        println!("{}", json!({"workload": workload, "peer": "attractor", "us_per_step": rounds[3].round()}));
    }
    Ok(())
}
