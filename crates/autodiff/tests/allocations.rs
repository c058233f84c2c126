//! A tape that is used again and a program allocate nothing, and a tape takes 24 bytes a step.

#![allow(clippy::unwrap_used)] // helpers of tests

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use autodiff::{Adjoints, Dual, Expression, Graph, Scalar, Tape};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);
static LARGEST: AtomicUsize = AtomicUsize::new(0);

// Everything is passed on to the allocator of the system.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::SeqCst);
        LARGEST.fetch_max(layout.size(), Ordering::SeqCst);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// The largest piece of memory and the number of pieces that `work` asks for.
fn asked(work: impl FnOnce()) -> (usize, usize) {
    LARGEST.store(0, Ordering::SeqCst);
    let before = ALLOCATIONS.load(Ordering::SeqCst);
    work();
    (LARGEST.load(Ordering::SeqCst), ALLOCATIONS.load(Ordering::SeqCst) - before)
}

fn sweep(tape: &mut Tape, adjoints: &mut Adjoints, steps: usize) -> f64 {
    tape.clear();
    let x = tape.variable(0.5);
    let mut y = x;
    for _ in 0..steps / 2 {
        y = y.sin() * x;
    }
    tape.backward(y, adjoints);
    adjoints.of(x)
}

// One test, since others at the same time would be counted.
#[test]
fn memory_is_proportional_to_the_steps_and_used_again() {
    let (mut tape, mut adjoints) = (Tape::new(), Adjoints::default());
    for steps in [1 << 10, 1 << 14, 1 << 18] {
        let (largest, _) = asked(|| {
            sweep(&mut tape, &mut adjoints, steps);
        });
        // A vector doubles, and a step more than a power of two stands on the tape.
        assert!(largest <= 24 * 2 * 2 * steps, "{largest} bytes for {steps} steps");
    }
    let first = sweep(&mut tape, &mut adjoints, 1 << 18);
    let again = asked(|| assert_eq!(sweep(&mut tape, &mut adjoints, 1 << 18), first));
    assert_eq!(again, (0, 0));

    for (terms, fits) in [(3, true), (14, true), (70, false)] {
        // terms that are all needed at the end
        let terms: Vec<String> = (0..terms).map(|i| format!("sin(x + {i})")).collect();
        let text = format!("({}) / ({})", terms.join("+"), terms.join("-"));
        let graph = Graph::new(&[Expression::parse(&text).unwrap()], &["x"], &[]).unwrap();
        let program = graph.compile();
        assert_eq!(program.registers() <= 16, fits);
        let mut outputs = [0.0];
        let mut duals = [Dual::from(0.0)];
        let (_, allocations) = asked(|| {
            program.run(&[0.3], &mut outputs);
            program.run(&[Dual::<4>::variable(0.3, 0)], &mut duals);
        });
        assert_eq!(allocations == 0, fits);
        assert_eq!(outputs[0], graph.evaluate(&[0.3])[graph.outputs()[0]]);
    }
}
