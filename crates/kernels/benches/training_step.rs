//! One optimiser step (forward, backward, Adam) of each workload of `peers/train_speed.py`, as the runner takes it:
//! by the kernels of this project ("own"), and by the same network composed of Burn's operations ("burn"). Then how
//! the cost grows with the length of a sequence and with the batch.
//!
//! Prints a JSON object a line: workload, peer, microseconds a step (median of seven rounds), the rate of the
//! arithmetic, its share of the rate at which this machine multiplies matrices of 1024 x 1024 in f32 (Burn's `matmul`,
//! all cores), and the microseconds that the arithmetic would take at the rate of multiply-adds between registers.
//! Arguments name the workloads to run, `own` or `burn` the peer, `scan` the growth.

use std::time::{Duration, Instant};

use burn::tensor::{Tensor, TensorData};
use dataset::{Batch, Normalisation};
use kernels::{Activation, Conv1d, Dense, Gru, Layer, Lstm, Padding, Rnn};
use models::{At, Implementation, Learner, Machine, Optimizer, Precision, Recipe, Stack};
use serde_json::json;
use trajectory::random::{stream, uniform};

struct Workload {
    name: String,
    layers: Vec<Layer>,
    count: usize,
    steps: usize,
}

fn workloads() -> Vec<Workload> {
    let dense = |inputs, outputs, activation| Layer::Dense(Dense { inputs, outputs, activation });
    let tanh = Some(Activation::Tanh);
    let conv = |inputs, outputs, activation| {
        let (padding, width, dilation) = (Padding::Circular, 5, 1);
        Layer::Conv1d(Conv1d { inputs, outputs, width, dilation, padding, activation })
    };
    let ffnn = |h| vec![dense(3, h, tanh), dense(h, h, tanh), dense(h, h, tanh), dense(h, 3, None)];
    let lstm = |units| vec![Layer::Lstm(Lstm { inputs: 3, units }), dense(units, 3, None)];
    let rnn = vec![Layer::Rnn(Rnn { inputs: 3, units: 64 }), dense(64, 3, None)];
    let gru = vec![Layer::Gru(Gru { inputs: 3, units: 64 }), dense(64, 3, None)];
    let convolutions = vec![conv(1, 32, tanh), conv(32, 32, tanh), conv(32, 1, None)];
    let mut all: Vec<(String, Vec<Layer>, usize, usize)> = vec![
        ("ffnn-10".into(), ffnn(10), 128, 1),
        ("ffnn-64".into(), ffnn(64), 256, 1),
        ("ffnn-256".into(), ffnn(256), 1024, 1),
        ("rnn-64".into(), rnn.clone(), 64, 32),
        ("lstm-64".into(), lstm(64), 64, 32),
        ("lstm-128".into(), lstm(128), 64, 64),
        ("gru-64".into(), gru, 64, 32),
        ("conv1d-32".into(), convolutions, 64, 128),
    ];
    all.extend((5..=10).map(|k| (format!("rnn-64 of {} steps", 1 << k), rnn.clone(), 64, 1 << k)));
    all.extend((6..=12).map(|k| (format!("rnn-64 in batches of {}", 1 << k), rnn.clone(), 1 << k, 32)));
    all.into_iter().map(|(name, layers, count, steps)| Workload { name, layers, count, steps }).collect()
}

/// Multiply-adds of a training step: the matrices, forward and twice backward, but that no derivative by the
/// inputs of the network is taken.
fn multiply_adds(workload: &Workload) -> f64 {
    let samples = workload.count * workload.steps;
    let of = |(i, layer): (usize, &Layer)| -> usize {
        let tensors = layer.tensors();
        let matrices = tensors.iter().filter(|tensor| tensor.bound > 0.0);
        matrices.enumerate().map(|(k, matrix)| matrix.count() * if i + k == 0 { 2 } else { 3 }).sum()
    };
    samples as f64 * workload.layers.iter().enumerate().map(of).sum::<usize>() as f64
}

/// The median time of seven rounds of about a quarter of a second, after a warm-up.
fn median(mut step: impl FnMut()) -> Duration {
    let begin = Instant::now();
    (0..3).for_each(|_| step());
    let count = (0.25 / (begin.elapsed().as_secs_f64() / 3.0)).clamp(1.0, 50_000.0) as u32;
    let mut rounds: Vec<Duration> = (0..7)
        .map(|_| {
            let begin = Instant::now();
            (0..count).for_each(|_| step());
            begin.elapsed() / count
        })
        .collect();
    rounds.sort();
    rounds[3]
}

/// Floating-point operations a second of a matrix product on all cores.
fn product_rate(machine: &Machine) -> f64 {
    const SIZE: usize = 1024;
    let values: Vec<f32> = (0..SIZE * SIZE).map(|i| (i as f32).sin()).collect();
    let matrix = Tensor::<2>::from_data(TensorData::new(values, [SIZE, SIZE]), &machine.device);
    let time = median(|| drop(matrix.clone().matmul(matrix.clone()).into_data()));
    2.0 * (SIZE as f64).powi(3) / time.as_secs_f64()
}

/// Floating-point operations a second of multiply-adds between registers, on all cores; 0 where it is not known how.
fn register_rate() -> f64 {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        use std::arch::x86_64::{__m256, _mm256_fmadd_ps, _mm256_set1_ps};

        const ROUNDS: usize = 20_000_000;
        const CHAINS: usize = 12;

        #[target_feature(enable = "avx2,fma")]
        fn multiply_add() -> [__m256; CHAINS] {
            let (mut sums, factor, term) =
                ([_mm256_set1_ps(1.0); CHAINS], _mm256_set1_ps(0.999), _mm256_set1_ps(1e-9));
            for _ in 0..ROUNDS {
                for sum in &mut sums {
                    *sum = _mm256_fmadd_ps(*sum, factor, term);
                }
            }
            sums
        }

        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let begin = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..cores {
                // the processor was asked for both features
                #[allow(unsafe_code)]
                scope.spawn(|| std::hint::black_box(unsafe { multiply_add() }));
            }
        });
        return (cores * ROUNDS * CHAINS * 8 * 2) as f64 / begin.elapsed().as_secs_f64();
    }
    0.0
}

fn learner(workload: &Workload, machine: &Machine) -> Result<Box<dyn Learner>, String> {
    let optimizer = Optimizer::Adam { learning_rate: 1e-3, weight_decay: 0.0 };
    let recipe = Recipe { optimizer, gradient_norm: 1e9, dropout: 0.0, input_noise: 0.0, unroll: 1, seed: 0 };
    let features = workload.layers[0].inputs();
    let (zeros, ones) = (vec![0.0; features], vec![1.0; features]);
    let scales =
        Normalisation { mean: zeros.clone(), std: ones.clone(), increment_mean: zeros, increment_std: ones };
    let network = Stack::new(workload.layers.clone(), &mut stream(0, "weights", 0), machine);
    models::learner(network, models::Past::window(workload.steps), &scales, &recipe, machine)
}

fn main() -> Result<(), String> {
    let asked: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let (peers, names): (Vec<String>, Vec<String>) =
        asked.into_iter().partition(|argument| argument == "own" || argument == "burn");
    let device = models::devices::CPU.open().map_err(|error| error.to_string())?;
    let machine = |kernels| Machine { device: device.clone(), kernels, precision: Precision::F32 };
    let rate = product_rate(&machine(Implementation::Burn));
    println!("{}", json!({"workload": "matmul-1024", "peer": "burn", "gflops": (rate / 1e9).round()}));
    let peak = register_rate();
    println!("{}", json!({"workload": "multiply-adds in registers", "gflops": (peak / 1e9).round()}));
    for workload in workloads() {
        let Workload { name, layers, count, steps } = &workload;
        // the scans, in which the other peer is not of interest
        let scan = name.contains(' ');
        let kind = if scan { "scan" } else { name.as_str() };
        if !names.is_empty() && !names.iter().any(|asked| asked == kind) {
            continue;
        }
        let features = layers[0].inputs();
        let mut draws = stream(0, "bench", 0);
        let inputs: Vec<f64> = (0..count * steps * features).map(|_| uniform(&mut draws)).collect();
        let targets = inputs.iter().map(|x| x * x).collect();
        let batch = Batch { shape: [*count, *steps, features, features], inputs, targets };
        for (peer, kernels) in [("own", Implementation::Own), ("burn", Implementation::Burn)] {
            if (scan && peer == "burn") || (!peers.is_empty() && !peers.iter().any(|asked| asked == peer)) {
                continue;
            }
            let mut learner = learner(&workload, &machine(kernels))?;
            // on a thread of the pool, as in the runner
            let time = rayon::scope(|_| {
                median(|| {
                    std::hint::black_box(learner.step(&batch, At { step: 0, learning_rate: 1e-3 }));
                })
            });
            let operations = 2.0 * multiply_adds(&workload) / time.as_secs_f64();
            let microseconds = (time.as_secs_f64() * 1e7).round() / 10.0;
            let gflops = (operations / 1e8).round() / 10.0;
            let share = (operations / rate * 1e3).round() / 1e3;
            let floor = (2.0 * multiply_adds(&workload) / peak * 1e7).round() / 10.0;
            let line = json!({"workload": name, "peer": peer, "us_per_step": microseconds, "gflops": gflops,
                              "share_of_matmul": share, "us_at_register_rate": floor});
            println!("{line}");
        }
    }
    Ok(())
}
