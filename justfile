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

# the published exponents of all systems that are text, over long runs: some minutes
exponents:
    cargo test --release --package sim --lib -- --ignored --nocapture over_a_long_run

# benchmarks
bench *arguments:
    cargo bench --workspace {{arguments}}

# seconds of training against forecast quality: just race [ffnn-lorenz ..] [seed=N]
race *arguments:
    cargo bench --package attractor --bench race -- {{arguments}}

# the table of docs/architectures.md: every experiment on three seeds, an hour and a half on two cores
architectures runs="runs/architectures":
    cargo build --release
    for seed in 0 1 2; do for file in experiments/*.toml; do \
        case $file in *-lorenz[.-]*) long="evaluate.long_run=1000";; *) long="";; esac; \
        "${CARGO_TARGET_DIR:-target}"/release/attractor train $file seed=$seed $long --runs {{runs}}; \
    done; done
    "${CARGO_TARGET_DIR:-target}"/release/attractor compare {{runs}}/*/*

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
