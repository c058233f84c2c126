//! The elementary functions, each with its value and its slope: the one place where derivatives are written down.

/// An elementary function of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Function {
    /// e^x
    Exp,
    /// The natural logarithm.
    Log,
    /// The square root.
    Sqrt,
    /// The sine.
    Sin,
    /// The cosine.
    Cos,
    /// The tangent.
    Tan,
    /// The inverse sine.
    Asin,
    /// The inverse cosine.
    Acos,
    /// The inverse tangent.
    Atan,
    /// The hyperbolic sine.
    Sinh,
    /// The hyperbolic cosine.
    Cosh,
    /// The hyperbolic tangent.
    Tanh,
    /// The absolute value.
    Abs,
    /// A whole power, by repeated multiplication.
    Power(i32),
}

impl Function {
    /// All that have a name.
    pub const NAMED: [(&'static str, Function); 13] = [
        ("exp", Function::Exp),
        ("log", Function::Log),
        ("sqrt", Function::Sqrt),
        ("sin", Function::Sin),
        ("cos", Function::Cos),
        ("tan", Function::Tan),
        ("asin", Function::Asin),
        ("acos", Function::Acos),
        ("atan", Function::Atan),
        ("sinh", Function::Sinh),
        ("cosh", Function::Cosh),
        ("tanh", Function::Tanh),
        ("abs", Function::Abs),
    ];

    /// Its value at `x`.
    #[inline(always)]
    pub fn value(self, x: f64) -> f64 {
        match self {
            Function::Exp => x.exp(),
            Function::Log => x.ln(),
            Function::Sqrt => x.sqrt(),
            Function::Sin => x.sin(),
            Function::Cos => x.cos(),
            Function::Tan => x.tan(),
            Function::Asin => x.asin(),
            Function::Acos => x.acos(),
            Function::Atan => x.atan(),
            Function::Sinh => x.sinh(),
            Function::Cosh => x.cosh(),
            Function::Tanh => x.tanh(),
            Function::Abs => x.abs(),
            Function::Power(n) => power(x, n),
        }
    }

    /// Its derivative at `x`, where its value is `value`; see the crate for the edges of a domain.
    #[inline(always)]
    pub fn slope(self, x: f64, value: f64) -> f64 {
        match self {
            Function::Exp => value,
            Function::Log => 1.0 / x.abs(), // of -0, whose logarithm is -infinity as that of 0
            Function::Sqrt => 0.5 / value.abs(),
            Function::Sin => x.cos(),
            Function::Cos => -x.sin(),
            Function::Tan => 1.0 + value * value,
            Function::Asin => 1.0 / ((1.0 - x) * (1.0 + x)).sqrt(),
            Function::Acos => -1.0 / ((1.0 - x) * (1.0 + x)).sqrt(),
            Function::Atan => 1.0 / (1.0 + x * x),
            Function::Sinh => x.cosh(),
            Function::Cosh => x.sinh(),
            // (1 - tanh)(1 + tanh) rounds to 0 long before the derivative does.
            Function::Tanh => (1.0 / x.cosh()).powi(2),
            Function::Abs => {
                if x == 0.0 {
                    0.0
                } else {
                    x.signum()
                }
            }
            Function::Power(0) => 0.0,
            Function::Power(n) => f64::from(n) * power(x, n.saturating_sub(1)),
        }
    }
}

/// x^n by repeated squaring: unlike the library's, the same bits everywhere.
#[inline(always)]
fn power(x: f64, n: i32) -> f64 {
    let (mut square, mut left, mut product) = (x, n.unsigned_abs(), 1.0);
    while left > 0 {
        if left & 1 == 1 {
            product *= square;
        }
        left >>= 1;
        if left > 0 {
            square *= square;
        }
    }
    if n < 0 { 1.0 / product } else { product }
}

/// An elementary function of two numbers, beside the arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pair {
    /// a^b
    Power,
    /// The angle of the point (b, a), as in C: the ordinate comes first.
    Atan2,
    /// The smaller of two.
    Min,
    /// The larger of two.
    Max,
}

impl Pair {
    /// All that have a name.
    pub const NAMED: [(&'static str, Pair); 3] =
        [("atan2", Pair::Atan2), ("min", Pair::Min), ("max", Pair::Max)];

    /// Its value at `a` and `b`.
    #[inline(always)]
    pub fn value(self, a: f64, b: f64) -> f64 {
        match self {
            Pair::Power => a.powf(b),
            Pair::Atan2 => a.atan2(b),
            // Not those of the library, which drop a NaN and leave the sign of a 0 open.
            Pair::Min if a.is_nan() || a < b => a,
            Pair::Max if a.is_nan() || a > b => a,
            Pair::Min | Pair::Max => b,
        }
    }

    /// Its derivatives by `a` and by `b`, where its value is `value`; see the crate for the edges of a domain.
    #[inline(always)]
    pub fn slopes(self, a: f64, b: f64, value: f64) -> [f64; 2] {
        match self {
            Pair::Power => {
                let by_base = if b == 0.0 { 0.0 } else { b * a.powf(b - 1.0) };
                // by the exponent a^b log a, whose limit at a = 0 is 0
                let by_exponent = if a == 0.0 && b > 0.0 { 0.0 } else { value * a.ln() };
                [by_base, by_exponent]
            }
            Pair::Atan2 => {
                let r = a.hypot(b);
                [b / r / r, -a / r / r]
            }
            _ if a == b => [0.5; 2],
            Pair::Min => [f64::from(u8::from(a < b)), f64::from(u8::from(b < a))],
            Pair::Max => [f64::from(u8::from(a > b)), f64::from(u8::from(b > a))],
        }
    }
}

/// A slope times a rate of change, in which 0 times anything is 0: what does not change contributes nothing. Both ways
/// round, so that forward and reverse mode agree.
#[inline(always)]
pub(crate) fn chain(slope: f64, rate: f64) -> f64 {
    if rate == 0.0 || slope == 0.0 { 0.0 } else { slope * rate }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of every function a point inside its domain.
    fn everywhere() -> impl Iterator<Item = (Function, f64)> {
        let inside = |function| match function {
            Function::Log | Function::Sqrt => vec![0.3, 2.0, 1e6],
            Function::Asin | Function::Acos => vec![-0.9, 0.1, 0.7],
            _ => vec![-1.3, -0.2, 0.4, 1.1],
        };
        let powers = [-3, -1, 0, 1, 2, 3, 7].map(Function::Power);
        Function::NAMED
            .into_iter()
            .map(|(_, function)| function)
            .chain(powers)
            .flat_map(move |function| inside(function).into_iter().map(move |x| (function, x)))
    }

    #[test]
    fn slopes_are_those_of_finite_differences() {
        for (function, x) in everywhere() {
            let h = 1e-5 * x.abs().max(0.1);
            // Richardson: the error of the fourth order
            let central = |h: f64| (function.value(x + h) - function.value(x - h)) / (2.0 * h);
            let expected = (4.0 * central(h) - central(2.0 * h)) / 3.0;
            let slope = function.slope(x, function.value(x));
            assert!(
                (slope - expected).abs() < 1e-8 * (1.0 + expected.abs()),
                "{function:?} at {x}: {slope} {expected}"
            );
        }
        for (a, b) in [(0.3, 1.7), (2.0, -0.4), (1.3, 0.9)] {
            for pair in [Pair::Power, Pair::Atan2, Pair::Min, Pair::Max] {
                let (h, slopes) = (1e-6, pair.slopes(a, b, pair.value(a, b)));
                let by_a = (pair.value(a + h, b) - pair.value(a - h, b)) / (2.0 * h);
                let by_b = (pair.value(a, b + h) - pair.value(a, b - h)) / (2.0 * h);
                assert!(
                    (slopes[0] - by_a).abs() < 1e-8 && (slopes[1] - by_b).abs() < 1e-8,
                    "{pair:?} at {a}, {b}"
                );
            }
        }
    }

    #[test]
    fn whole_powers_are_products() {
        for x in [-1.7, 0.3, 4.0] {
            assert_eq!(Function::Power(0).value(x), 1.0);
            assert_eq!(Function::Power(3).value(x), x * (x * x));
            assert_eq!(Function::Power(-2).value(x), 1.0 / (x * x));
        }
        assert_eq!(Function::Power(i32::MIN).value(2.0), 0.0);
    }

    #[test]
    fn values_at_the_edges_of_a_domain_are_those_of_the_standard() {
        let nan = |x: f64| assert!(x.is_nan());
        nan(Function::Sqrt.value(-1.0));
        nan(Function::Log.value(-1.0));
        nan(Function::Asin.value(1.1));
        nan(Function::Acos.value(-1.1));
        nan(Pair::Power.value(-8.0, 1.0 / 3.0));
        nan(Pair::Min.value(f64::NAN, 1.0));
        nan(Pair::Max.value(1.0, f64::NAN));
        assert_eq!(Function::Log.value(0.0), f64::NEG_INFINITY);
        assert_eq!(Function::Power(-1).value(0.0), f64::INFINITY);
        assert_eq!([Pair::Power.value(0.0, 0.0), Function::Power(0).value(0.0)], [1.0; 2]);
        assert_eq!(Pair::Atan2.value(0.0, 0.0), 0.0);
    }

    #[test]
    fn slopes_at_the_edges_of_a_domain_follow_the_stated_rule() {
        let slope = |function: Function, x| function.slope(x, function.value(x));
        assert_eq!([slope(Function::Sqrt, 0.0), slope(Function::Sqrt, -0.0)], [f64::INFINITY; 2]);
        assert_eq!([slope(Function::Log, 0.0), slope(Function::Log, -0.0)], [f64::INFINITY; 2]);
        assert_eq!(slope(Function::Abs, 0.0), 0.0);
        assert_eq!(slope(Function::Asin, 1.0), f64::INFINITY);
        assert_eq!(slope(Function::Acos, 1.0), f64::NEG_INFINITY);
        let slopes = |pair: Pair, a, b| pair.slopes(a, b, pair.value(a, b));
        assert_eq!(slopes(Pair::Power, 0.0, 2.0), [0.0, 0.0]);
        assert_eq!(slopes(Pair::Power, 0.0, 0.0), [0.0, f64::NEG_INFINITY]);
        assert_eq!(slopes(Pair::Power, 0.0, 0.5), [f64::INFINITY, 0.0]);
        assert_eq!(slopes(Pair::Power, -3.0, 2.0)[0], -6.0);
        assert_eq!(slopes(Pair::Min, 2.0, 2.0), [0.5; 2]);
        assert_eq!(slopes(Pair::Max, 2.0, 1.0), [1.0, 0.0]);
        assert!(slopes(Pair::Atan2, 0.0, 0.0).iter().all(|slope| slope.is_nan()));
    }

    #[test]
    fn the_tangent_hyperbolic_keeps_its_slope_where_it_rounds_to_1() {
        let slope = Function::Tanh.slope(20.0, Function::Tanh.value(20.0));
        assert!((slope / (4.0 * (-40.0f64).exp()) - 1.0).abs() < 1e-12);
        assert_eq!(Function::Tanh.slope(1e4, 1.0), 0.0);
    }
}
