//! draft
use kernels::*;
use std::time::Instant;
fn dense(i: usize, o: usize, a: Option<Activation>) -> Layer { Layer::Dense(Dense { inputs: i, outputs: o, activation: a }) }
fn main() {
    let t = Some(Activation::Tanh);
    let ffnn = |h: usize| vec![dense(3, h, t), dense(h, h, t), dense(h, h, t), dense(h, 3, None)];
    let conv = |i, o, a| Layer::Conv1d(Conv1d { inputs: i, outputs: o, width: 5, dilation: 1, padding: Padding::Circular, activation: a });
    let all: Vec<(&str, Vec<Layer>, usize, usize, usize)> = vec![
        ("ffnn-10", ffnn(10), 128, 1, 4000),
        ("ffnn-64", ffnn(64), 256, 1, 1000),
        ("ffnn-256", ffnn(256), 1024, 1, 40),
        ("rnn-64", vec![Layer::Rnn(Rnn { inputs: 3, units: 64 }), dense(64, 3, None)], 64, 32, 200),
        ("gru-64", vec![Layer::Gru(Gru { inputs: 3, units: 64 }), dense(64, 3, None)], 64, 32, 100),
        ("lstm-64", vec![Layer::Lstm(Lstm { inputs: 3, units: 64 }), dense(64, 3, None)], 64, 32, 100),
        ("lstm-128", vec![Layer::Lstm(Lstm { inputs: 3, units: 128 }), dense(128, 3, None)], 64, 64, 20),
        ("conv1d-32", vec![conv(1, 32, t), conv(32, 32, t), conv(32, 1, None)], 64, 128, 50),
    ];
    let only = std::env::args().nth(1).filter(|a| !a.starts_with("--"));
    for (name, layers, count, steps, n) in all {
        if only.as_ref().is_some_and(|o| o != name) { continue; }
        let network = Network::new(layers).unwrap();
        let mut state = 1u64;
        let mut draw = || { state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407); (state >> 40) as f64 / (1u64 << 24) as f64 };
        let mut weights = Vec::new();
        for (_, spec) in network.tensors() { for _ in 0..spec.count() { weights.push(if spec.bound == 0.0 { 0.0 } else { ((2.0 * draw() - 1.0) * spec.bound) as f32 }); } }
        let shape = BatchShape { count, steps };
        let x: Vec<f64> = (0..count * steps * network.inputs()).map(|_| draw()).collect();
        let y: Vec<f64> = x.iter().map(|x| x * x).collect();
        let macs = weights.len() as f64 * (count * steps) as f64 * 3.0;
        let mut trainer = Trainer::<f32>::new(network, &weights, Method::Adam { weight_decay: 0.0 }, 1e9);
        let mut rounds = vec![]; let mut loss = 0.0; rayon::scope(|_| {
        for r in 0..8 { let b = Instant::now(); for _ in 0..n { loss = trainer.step(shape, &x, &y, 1e-3); } if r > 0 { rounds.push(b.elapsed().as_secs_f64() / n as f64 * 1e6); } }
        }); rounds.sort_by(f64::total_cmp);
        println!("{name:10} {:9.1} us   {:6.1} GF  loss {loss:.3e}", rounds[3], 2.0 * macs / rounds[3] * 1e-3);
    }
}
