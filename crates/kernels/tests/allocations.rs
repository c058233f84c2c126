//! After the first step on batches of one shape a training step allocates nothing, on one thread and on several.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use kernels::{
    Activation, BatchShape, Conv1d, Decay, Dense, Gru, Layer, Lstm, Method, Network, Padding, Rnn, Rule,
    Trainer,
};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// Everything is passed on to the allocator of the system.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::SeqCst);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn a_step_allocates_nothing() {
    let dense = |inputs, outputs| Layer::Dense(Dense { inputs, outputs, activation: Some(Activation::Silu) });
    let conv = Layer::Conv1d(Conv1d {
        inputs: 3,
        outputs: 60,
        width: 5,
        dilation: 2,
        padding: Padding::Circular,
        activation: None,
    });
    for layers in [
        vec![dense(3, 60), dense(60, 60), dense(60, 3)],
        vec![Layer::Rnn(Rnn { inputs: 3, units: 60 }), dense(60, 3)],
        vec![Layer::Lstm(Lstm { inputs: 3, units: 60 }), dense(60, 3)],
        vec![Layer::Gru(Gru { inputs: 3, units: 60 }), dense(60, 3)],
        vec![conv, dense(60, 3)],
    ] {
        let network = Network::new(layers).unwrap();
        // both below and above the size from which threads are used
        for count in [40, 700] {
            let shape = BatchShape { count, steps: 5 };
            let inputs = vec![0.25; count * 5 * 3];
            for rule in [Rule::Adam, Rule::Momentum { momentum: 0.9 }] {
                let method = Method { rule, decay: Decay::NONE };
                let weights = vec![0.01f32; network.weights()];
                let mut trainer = Trainer::new(network.clone(), &weights, method, 1.0);
                let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
                // until every thread of it has begun, and has looked for work once
                pool.broadcast(|_| ());
                std::thread::sleep(std::time::Duration::from_millis(20));
                pool.install(|| {
                    trainer.step(shape, &inputs, &inputs, 1e-3);
                    let before = ALLOCATIONS.load(Ordering::SeqCst);
                    for _ in 0..20 {
                        trainer.step(shape, &inputs, &inputs, 1e-3);
                    }
                    assert_eq!(ALLOCATIONS.load(Ordering::SeqCst), before, "{network:?} {count}");
                });
            }
        }
    }
}
