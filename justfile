# Short forms; every one is an ordinary cargo command and `just` is never required.

# train an experiment: just train rnn-lorenz [cpu|gpu|cuda|ndarray] [key=value ..]
train experiment device="cpu" *settings:
    cargo run --release {{ if device == "cpu" { "" } else { "--features " + device } }} -- train {{experiment}} --device {{device}} {{settings}}

# all tests
test:
    cargo test --release --workspace

# format, lints and documentation, as the gate checks them
check:
    cargo fmt --all -- --check
    cargo clippy --release --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --release --workspace --no-deps

# recompute the published exponents of all systems given as text, over long trajectories; takes some minutes
exponents:
    cargo test --release --package sim --lib -- --ignored --nocapture over_a_long_run

# benchmarks
bench *arguments:
    cargo bench --workspace {{arguments}}

# seconds of training against forecast quality: just race [ffnn-lorenz ..] [seed=N]
race *arguments:
    cargo bench --package attractor --bench race -- {{arguments}}

# the tables of README and docs/guide/scores.md, and those of Lorenz and the oscillator in docs/architectures.md: every
# experiment on these two systems with seeds 0, 1, 2. Two trainings of one thread each run in parallel. Takes about two hours
# on two cores
architectures runs="runs/architectures":
    #!/usr/bin/env bash
    set -euo pipefail
    cargo build --release
    export ATTRACTOR="${CARGO_TARGET_DIR:-target}/release/attractor" RUNS="{{runs}}"
    train() {
        case $1 in *-lorenz[.-]*) long=evaluate.long_run=1000;; *) long=;; esac
        "$ATTRACTOR" train "$1" "seed=$2" $long --runs "$RUNS"
    }
    export -f train
    for seed in 0 1 2; do
        for file in experiments/*-{lorenz,lorenz-adam,lorenz-x,oscillator}.toml; do
            echo "$file $seed"
        done
    done | RAYON_NUM_THREADS=1 xargs -P 2 -L 1 bash -c 'train "$0" "$1"'
    "$ATTRACTOR" compare "$RUNS"/*/*

# every combination of settings: just sweep ffnn-lorenz model.hidden=16,32 seed=0..3
sweep experiment *settings:
    cargo run --release -- sweep {{experiment}} {{settings}}

# a page about runs: just report report.html rnn-lorenz
report output +runs:
    cargo run --release -- report {{runs}} --output {{output}}

# a local page of all runs
watch *arguments:
    cargo run --release -- watch {{arguments}}

# runs in one table, best first
compare +runs:
    cargo run --release -- compare {{runs}}

# trajectories of a system to a file: just simulate lorenz lorenz.npz [key=value ..]
simulate system output *settings:
    cargo run --release -- simulate {{system}} --output {{output}} {{settings}}
