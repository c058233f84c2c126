//! Random streams keyed by (seed, purpose, index).
//!
//! Every random number of the program comes from such a stream, never from global state, so what one
//! part draws does not depend on what another drew, nor on the number of threads. ChaCha is chosen
//! because its values are fixed by a specification (RFC 8439 with 12 rounds) and not by a crate's version.

pub use rand_chacha::ChaCha12Rng as Stream;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The stream of a purpose (at most 16 bytes, a literal) and an index within it.
pub fn stream(seed: u64, purpose: &'static str, index: u64) -> Stream {
    assert!(purpose.len() <= 16, "purposes are literals of at most 16 bytes");
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&index.to_le_bytes());
    key[16..16 + purpose.len()].copy_from_slice(purpose.as_bytes());
    Stream::from_seed(key)
}

/// A number uniform on [0, 1), of 53 random bits.
pub fn uniform(stream: &mut impl Rng) -> f64 {
    (stream.next_u64() >> 11) as f64 * (0.5_f64).powi(53)
}

/// A number of the normal distribution with mean 0 and variance 1 (Box and Muller 1958).
pub fn normal(stream: &mut impl Rng) -> f64 {
    let (radius, angle) = (1.0 - uniform(stream), uniform(stream));
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

/// An index uniform on 0..n; its bias is below n / 2^64. `n` must not be 0.
pub fn below(stream: &mut impl Rng, n: usize) -> usize {
    ((u128::from(stream.next_u64()) * n as u128) >> 64) as usize
}

/// 0..n in random order (Fisher and Yates).
pub fn permutation(stream: &mut impl Rng, n: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    for i in (1..n).rev() {
        order.swap(i, below(stream, i + 1));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_numbers_have_the_moments_of_their_distribution() {
        let mut draws = stream(0, "test", 0);
        let values: Vec<f64> = (0..100_000).map(|_| normal(&mut draws)).collect();
        let moment = |k| values.iter().map(|x| x.powi(k)).sum::<f64>() / values.len() as f64;
        for (k, expected, tolerance) in [(1, 0.0, 0.02), (2, 1.0, 0.02), (3, 0.0, 0.06), (4, 3.0, 0.15)] {
            assert!((moment(k) - expected).abs() < tolerance, "{k}: {}", moment(k));
        }
    }

    #[test]
    fn streams_repeat_and_differ_in_every_part_of_their_key() {
        let first = |seed, purpose, index| stream(seed, purpose, index).next_u64();
        assert_eq!(first(1, "start", 2), first(1, "start", 2));
        for other in [first(2, "start", 2), first(1, "shuffle", 2), first(1, "start", 3)] {
            assert_ne!(first(1, "start", 2), other);
        }
    }

    #[test]
    fn the_values_are_stable_across_versions() {
        // Fixed by this line on 2026-11-22: a change would silently change every experiment.
        assert_eq!(stream(0, "", 0).next_u64(), 0x53f9_5507_6a9a_f49b);
    }

    #[test]
    fn uniform_numbers_have_the_moments_of_the_uniform_distribution() {
        let mut rng = stream(3, "test", 0);
        let draws: Vec<f64> = (0..100_000).map(|_| uniform(&mut rng)).collect();
        let mean = draws.iter().sum::<f64>() / 1e5;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 1e5;
        assert!(draws.iter().all(|x| (0.0..1.0).contains(x)));
        assert!((mean - 0.5).abs() < 4.0 * (1.0f64 / 12.0 / 1e5).sqrt());
        assert!((variance - 1.0 / 12.0).abs() < 1e-3);
    }

    #[test]
    fn permutations_hold_every_index_once_and_reach_every_order() {
        let mut seen = std::collections::BTreeMap::new();
        for index in 0..6000 {
            let order = permutation(&mut stream(0, "test", index), 3);
            *seen.entry(order).or_insert(0) += 1;
        }
        assert_eq!(seen.len(), 6);
        assert!(seen.values().all(|n| (850..1150).contains(n)), "{seen:?}");
    }
}
