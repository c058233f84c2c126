//! Products of variables up to a degree.

/// All monomials of some variables up to a total degree; each is an earlier one times a variable.
pub(super) struct Monomials(Vec<(usize, usize)>);

impl Monomials {
    /// After the constant 1 come the variables, then from each degree the next.
    pub(super) fn new(variables: usize, degree: usize) -> Self {
        // A monomial is multiplied by its last variable and those after it, so that every product appears once.
        let mut factors: Vec<(usize, usize)> = (0..variables).map(|j| (0, j)).collect();
        let mut from = 0;
        for _ in 1..degree {
            let to = factors.len();
            for parent in from..to {
                factors.extend((factors[parent].1..variables).map(|j| (parent + 1, j)));
            }
            from = to;
        }
        Monomials(factors)
    }

    /// Their number without making them: (variables + degree)! / (variables! degree!), as far as it can be held.
    pub(super) fn count_of(variables: usize, degree: usize) -> u128 {
        (1..=degree as u128)
            .fold(1u128, |count, k| count.saturating_mul(variables.saturating_add(k as usize) as u128) / k)
    }

    pub(super) fn count(&self) -> usize {
        self.0.len() + 1
    }

    pub(super) fn evaluate(&self, x: &[f64], powers: &mut [f64]) {
        powers[0] = 1.0;
        for (i, &(parent, variable)) in self.0.iter().enumerate() {
            powers[i + 1] = powers[parent] * x[variable];
        }
    }

    /// The derivatives by `x` of the sum of `powers`, those at `x`, with `weights`, which it changes: reverse mode.
    pub(super) fn slopes(&self, x: &[f64], powers: &[f64], weights: &mut [f64], slopes: &mut [f64]) {
        slopes.fill(0.0);
        for (i, &(parent, variable)) in self.0.iter().enumerate().rev() {
            slopes[variable] += weights[i + 1] * powers[parent];
            weights[parent] += weights[i + 1] * x[variable];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn monomials_are_all_products_up_to_the_degree() {
        for (variables, degree, count) in [(1, 6, 7), (3, 6, 84), (4, 2, 15), (3, 8, 165), (5, 1, 6)] {
            assert_eq!(Monomials::new(variables, degree).count(), count);
            assert_eq!(Monomials::count_of(variables, degree), count as u128);
        }
        assert!(Monomials::count_of(usize::MAX, 4) > 1 << 64);
        let mut powers = [0.0; 10];
        Monomials::new(3, 2).evaluate(&[2.0, 3.0, 5.0], &mut powers);
        assert_eq!(powers, [1.0, 2.0, 3.0, 5.0, 4.0, 6.0, 10.0, 9.0, 15.0, 25.0]);
        // x y + 4 z^2 - y at (2, 3, 5)
        let (mut weights, mut slopes) = ([0.0, 0.0, -1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 4.0], [9.0; 3]);
        Monomials::new(3, 2).slopes(&[2.0, 3.0, 5.0], &powers, &mut weights, &mut slopes);
        assert_eq!(slopes, [3.0, 1.0, 40.0]);
    }
}
