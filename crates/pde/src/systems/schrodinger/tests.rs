use super::*;
use crate::Order;
use crate::testing::{largest_difference, last, order_of, same_on_any_number_of_threads, samples};
use nalgebra::{DMatrix, SymmetricEigen};
use rustfft::num_complex::Complex64;
use std::f64::consts::{PI, TAU};
use trajectory::random::stream;

fn precise() -> Method {
    Method::with_step(Order::Fourth, 0.01)
}

fn line(points: usize, length: f64) -> Grid {
    Grid::new(&[points], &[length]).unwrap()
}

/// \[re, im\] of a function of the distance from the middle of a line.
fn wave(grid: &Grid, psi: impl Fn(f64) -> Complex64) -> Vec<f64> {
    let middle = 0.5 * grid.length()[0];
    let mut state = grid.sample(|x, _| psi(x - middle).re);
    state.extend(grid.sample(|x, _| psi(x - middle).im));
    state
}

/// The integral of |psi|^2 weighted by a function of the point, on a grid of one axis or two.
fn mean(grid: &Grid, state: &[f64], weight: impl Fn(f64, f64) -> f64) -> f64 {
    let cell: f64 = (0..grid.dims()).map(|axis| grid.spacing(axis)).product();
    let (re, im) = state.split_at(state.len() / 2);
    grid.sample(weight)
        .iter()
        .zip(re.iter().zip(im))
        .map(|(w, (re, im))| w * (re * re + im * im))
        .sum::<f64>()
        * cell
}

fn norm(grid: &Grid, state: &[f64]) -> f64 {
    mean(grid, state, |_, _| 1.0)
}

#[test]
fn a_free_packet_spreads_exactly() {
    let system = Schrodinger { grid: line(256, 60.0), ..Schrodinger::free_packet() };
    let (width, k, t) = (1.0, 1.5, 2.0);
    // psi = (2 pi s^2)^(-1/4) / sqrt(1 + i t / (2 s^2)) exp(i k (x - k t / 2) - (x - k t)^2 / (4 s^2 (1 + i t / (2 s^2))))
    let exact = wave(&system.grid, |x| {
        let growth = Complex64::new(1.0, t / (2.0 * width * width));
        let envelope = -(x - k * t).powi(2) / (4.0 * width * width * growth);
        (TAU * width * width).powf(-0.25) / growth.sqrt()
            * (envelope + Complex64::I * k * (x - 0.5 * k * t)).exp()
    });
    let start = gaussian(&system.grid, [0.0; 2], [k, 0.0], width);
    let end = last(&system, &start, t, &Method::default());
    assert!(largest_difference(&end, &exact) < 1e-12, "{}", largest_difference(&end, &exact));
}

#[test]
fn a_packet_in_a_trap_returns_after_a_period() {
    // Every level (n + 1/2) turns by 2 pi (n + 1/2) in the time 2 pi, which is a change of sign in one dimension.
    let system = Schrodinger::harmonic_trap();
    let start = system.random_start(&mut stream(0, "test", 0));
    let end = last(&system, &start, TAU, &precise());
    let turned: Vec<f64> = start.iter().map(|psi| -psi).collect();
    assert!(largest_difference(&end, &turned) < 1e-8, "{}", largest_difference(&end, &turned));
}

#[test]
fn the_trap_in_the_plane_is_the_product_of_two_lines() {
    let on_line = |points: usize| Schrodinger { grid: line(points, 16.0), ..Schrodinger::harmonic_trap() };
    let (x, y) = (on_line(64), on_line(48));
    let plane =
        Schrodinger { grid: Grid::new(&[48, 64], &[16.0, 16.0]).unwrap(), ..Schrodinger::harmonic_trap() };
    let (px, py) =
        (gaussian(&x.grid, [1.0, 0.0], [0.5, 0.0], 0.7), gaussian(&y.grid, [-1.5, 0.0], [-1.0, 0.0], 0.6));
    let complex = |state: &[f64]| -> Vec<Complex64> {
        let (re, im) = state.split_at(state.len() / 2);
        re.iter().zip(im).map(|(re, im)| Complex64::new(*re, *im)).collect()
    };
    let product = |a: &[f64], b: &[f64]| -> Vec<f64> {
        let (a, b) = (complex(a), complex(b));
        let psi: Vec<Complex64> = b.iter().flat_map(|b| a.iter().map(move |a| a * b)).collect();
        psi.iter().map(|psi| psi.re).chain(psi.iter().map(|psi| psi.im)).collect()
    };
    let start = gaussian(&plane.grid, [1.0, -1.5], [0.5, -1.0], 0.7);
    assert!(
        largest_difference(&start, &product(&px, &gaussian(&y.grid, [-1.5, 0.0], [-1.0, 0.0], 0.7))) < 1e-14
    );
    let method = Method::with_step(Order::Second, 0.02);
    let end = last(&plane, &product(&px, &py), 1.0, &method);
    let lines = product(&last(&x, &px, 1.0, &method), &last(&y, &py, 1.0, &method));
    assert!(largest_difference(&end, &lines) < 1e-12, "{}", largest_difference(&end, &lines));
}

#[test]
fn a_soliton_keeps_its_shape() {
    let system = Schrodinger::soliton();
    let (a, k, t) = (1.2, 0.8, 3.0);
    let exact = wave(&system.grid, |x| {
        let phase = k * x + 0.5 * (a * a - k * k) * t;
        Complex64::from_polar(a / (a * (x - k * t)).cosh(), phase)
    });
    let end = last(&system, &soliton(&system.grid, 0.0, k, a), t, &precise());
    assert!(largest_difference(&end, &exact) < 1e-7, "{}", largest_difference(&end, &exact));
}

#[test]
fn two_bound_solitons_follow_their_formula() {
    // Satsuma and Yajima (1974): from 2 sech x.
    let system = Schrodinger { grid: line(512, 40.0), ..Schrodinger::soliton() };
    let exact = |t: f64| {
        wave(&system.grid, |x| {
            let (numerator, phase) =
                ((3.0 * x).cosh() + 3.0 * Complex64::cis(4.0 * t) * x.cosh(), Complex64::cis(0.5 * t));
            4.0 * numerator * phase / ((4.0 * x).cosh() + 4.0 * (2.0 * x).cosh() + 3.0 * (4.0 * t).cos())
        })
    };
    for t in [0.3, PI / 4.0] {
        let end = last(&system, &exact(0.0), t, &Method::with_step(Order::Fourth, 0.002));
        assert!(largest_difference(&end, &exact(t)) < 1e-6, "{t}: {}", largest_difference(&end, &exact(t)));
    }
}

#[test]
fn a_double_well_is_crossed_in_half_its_period() {
    // The two lowest states of the Hamiltonian as a matrix on the same grid; their sum and difference sit in one well each.
    let system = Schrodinger::double_well();
    let (n, length) = (64, 10.0);
    let v = system.potential.values(&system.grid);
    let kinetic = |distance: i64| {
        let waves = -(n as i64 / 2) + 1..n as i64 / 2;
        let term =
            |m: i64| 0.5 * (TAU * m as f64 / length).powi(2) * (TAU * (m * distance) as f64 / n as f64).cos();
        (waves.map(term).sum::<f64>() + term(n as i64 / 2)) / n as f64
    };
    let hamiltonian =
        DMatrix::from_fn(n, n, |i, j| kinetic(i as i64 - j as i64) + if i == j { v[i] } else { 0.0 });
    let eigen = SymmetricEigen::new(hamiltonian);
    let mut levels: Vec<usize> = (0..n).collect();
    levels.sort_by(|i, j| eigen.eigenvalues[*i].total_cmp(&eigen.eigenvalues[*j]));
    let state = |sign: f64| -> Vec<f64> {
        let (ground, excited) = (eigen.eigenvectors.column(levels[0]), eigen.eigenvectors.column(levels[1]));
        (0..n).map(|i| (ground[i] + sign * excited[i]) * 0.5f64.sqrt()).chain((0..n).map(|_| 0.0)).collect()
    };
    let half = PI / (eigen.eigenvalues[levels[1]] - eigen.eigenvalues[levels[0]]);
    let end = last(&system, &state(1.0), half, &precise());
    let (there, (re, im)) = (state(-1.0), end.split_at(n));
    let (a, b) = (0..n).fold((0.0, 0.0), |(a, b), i| (a + there[i] * re[i], b + there[i] * im[i]));
    assert!((1.0 - (a * a + b * b)).abs() < 1e-8, "{half}: {}", a * a + b * b);
}

#[test]
fn the_barrier_transmits_what_eckart_computed() {
    let system = Schrodinger { grid: line(1024, 200.0), ..Schrodinger::barrier() };
    let (k0, width) = (2.0, 4.0);
    let end =
        last(&system, &gaussian(&system.grid, [-25.0, 0.0], [k0, 0.0], width), 25.0, &Method::default());
    let transmitted = mean(&system.grid, &end, |x, _| if x > 100.0 { 1.0 } else { 0.0 });
    // T(k) = sinh^2(pi k a) / (sinh^2(pi k a) + cosh^2(pi/2 sqrt(8 V a^2 - 1))), averaged over the momenta of the packet.
    let (v, a) = (2.0f64, 0.5f64);
    let through = |k: f64| {
        let (s, c) =
            ((PI * k * a).sinh().powi(2), (0.5 * PI * (8.0 * v * a * a - 1.0).sqrt()).cosh().powi(2));
        s / (s + c)
    };
    let weight = |k: f64| (-2.0 * (width * (k - k0)).powi(2)).exp();
    let momenta = || (0..4001).map(|i| k0 + (f64::from(i) - 2000.0) * 5e-4);
    let expected =
        momenta().map(|k| weight(k) * through(k)).sum::<f64>() / momenta().map(weight).sum::<f64>();
    assert!((transmitted - expected).abs() < 1e-4, "{transmitted} {expected}");
}

#[test]
fn errors_fall_at_the_order_of_the_splitting() {
    let system = Schrodinger { interaction: 0.7, ..Schrodinger::harmonic_trap() };
    let start = gaussian(&system.grid, [1.0, 0.0], [0.5, 0.0], 0.8);
    let converged = last(&system, &start, 1.0, &Method::with_step(Order::Fourth, 0.0025));
    for (order, step, expected) in [(Order::Second, 0.02, 2.0), (Order::Fourth, 0.05, 4.0)] {
        let measured = order_of(&system, &start, 1.0, order, step, &converged);
        assert!((measured - expected).abs() < 0.35, "{order:?}: {measured}");
    }
}

#[test]
fn the_norm_is_kept_to_roundoff_and_the_energy_stays_bounded() {
    let system = Schrodinger { interaction: 0.5, grid: line(64, 16.0), ..Schrodinger::harmonic_trap() };
    let start = gaussian(&system.grid, [1.5, 0.0], [0.0, 0.0], 0.8);
    let times = Times::new(0.5, 200).unwrap();
    let run = samples(&system, &start, &times, &Method::with_step(Order::Second, 0.01));
    let v = system.potential.values(&system.grid);
    let energy = |state: &[f64]| {
        let (re, im) = state.split_at(64);
        let mut psi: Vec<Complex64> = re.iter().zip(im).map(|(re, im)| Complex64::new(*re, *im)).collect();
        let potential: f64 = psi.iter().zip(&v).map(|(p, v)| (v + 0.25 * p.norm_sqr()) * p.norm_sqr()).sum();
        crate::plans::complex(64)[0].process(&mut psi);
        let k = |i: usize| TAU / 16.0 * if i <= 32 { i as f64 } else { i as f64 - 64.0 };
        let kinetic: f64 =
            psi.iter().enumerate().map(|(i, p)| 0.5 * k(i).powi(2) * p.norm_sqr() / 64.0).sum();
        (potential + kinetic) * 0.25
    };
    let first = energy(&start);
    for state in run.chunks(128) {
        assert!((norm(&system.grid, state) - 1.0).abs() < 1e-11, "{}", norm(&system.grid, state) - 1.0);
        assert!((energy(state) / first - 1.0).abs() < 1e-4, "{} {first}", energy(state));
    }
}

#[test]
fn absorbing_layers_take_up_what_leaves() {
    let free = Schrodinger { grid: line(256, 40.0), ..Schrodinger::free_packet() };
    let open = Schrodinger { absorption: 5.0, layer: 8.0, ..free.clone() };
    let start = gaussian(&free.grid, [0.0; 2], [4.0, 0.0], 1.0);
    let method = Method::with_step(Order::Fourth, 0.05);
    let left = |system: &Schrodinger| norm(&system.grid, &last(system, &start, 10.0, &method));
    assert!((left(&free) - 1.0).abs() < 1e-12);
    assert!(left(&open) < 1e-4, "{}", left(&open));
    // They do not disturb what has not reached them.
    let [a, b] = [&free, &open].map(|system| last(system, &start, 0.5, &method));
    assert!(largest_difference(&a, &b) < 1e-6, "{}", largest_difference(&a, &b));
}

#[test]
fn every_preset_runs_with_a_norm_of_at_most_that_of_its_start() {
    for system in [
        Schrodinger::free_packet(),
        Schrodinger::harmonic_trap(),
        Schrodinger::barrier(),
        Schrodinger::double_well(),
        Schrodinger { grid: Grid::new(&[96, 96], &[32.0, 32.0]).unwrap(), ..Schrodinger::double_slit() },
        Schrodinger::soliton(),
    ] {
        let start = system.random_start(&mut stream(0, "test", 3));
        let end = last(&system, &start, 0.2, &Method { order: Order::Second, ..Method::default() });
        let ratio = norm(&system.grid, &end) / norm(&system.grid, &start);
        assert!(ratio <= 1.0 + 1e-12 && ratio > 0.99, "{ratio}");
    }
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    let plane = Grid::new(&[24, 30], &[16.0, 16.0]).unwrap();
    for system in [
        Schrodinger::soliton(),
        Schrodinger { grid: plane, interaction: 0.3, ..Schrodinger::harmonic_trap() },
    ] {
        for count in [1, 3] {
            let starts: Vec<_> = (0..count).map(|i| system.random_start(&mut stream(0, "test", i))).collect();
            let times = Times::new(0.05, 3).unwrap();
            same_on_any_number_of_threads(&system, &starts, &times, &Method::default());
        }
    }
}

#[test]
fn impossible_settings_are_refused_with_the_value() {
    let trap = Schrodinger::harmonic_trap;
    let values =
        |value: f64, count: usize| Potential::Values { values: [vec![0.5; count - 1], vec![value]].concat() };
    let plane = Grid::new(&[16, 16], &[1.0, 1.0]).unwrap();
    for (system, part) in [
        (
            Schrodinger { potential: values(f64::NAN, 128), ..trap() },
            "the potential is NaN at point 127 along x and 0 along y",
        ),
        (Schrodinger { potential: values(0.0, 127), ..trap() }, "127 values; the grid has 128"),
        (
            Schrodinger { potential: Potential::Harmonic { omega: f64::INFINITY }, ..trap() },
            "the potential is inf",
        ),
        (Schrodinger { absorption: -1.0, ..trap() }, "absorption = -1"),
        (
            Schrodinger { absorption: 1.0, layer: 11.0, ..trap() },
            "layer = 11 must be positive and at most 10",
        ),
        (Schrodinger { interaction: f64::NAN, ..trap() }, "interaction = NaN"),
        (
            Schrodinger { grid: line(64, 32.0), ..Schrodinger::double_slit() },
            "double_slit needs a grid of two axes",
        ),
        (Schrodinger { grid: plane, ..Schrodinger::soliton() }, "soliton needs a grid of one axis"),
    ] {
        let message = system.check().unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    }
}
