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
    /// The sign: -1, 0 at 0, or 1.
    Sign,
    /// The unit step of Heaviside: 0 below 0, and 1 from 0 on.
    Step,
    /// The largest integer that is not above x.
    Floor,
    /// Logical negation: 1 of 0, and 0 of any other number.
    Not,
    /// A whole power, by repeated multiplication.
    Power(i32),
}

impl Function {
    /// All named functions. If a function has two names, the first one is printed.
    pub const NAMED: [(&'static str, Function); 18] = [
        ("exp", Function::Exp),
        ("log", Function::Log),
        ("ln", Function::Log),
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
        ("sign", Function::Sign),
        ("step", Function::Step),
        ("floor", Function::Floor),
        ("not", Function::Not),
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
            // The library's signum is 1 at 0.
            Function::Sign if x == 0.0 => 0.0,
            Function::Sign => x.signum(),
            Function::Step => truth(x >= 0.0, [x, x]),
            Function::Floor => x.floor(),
            Function::Not => truth(x == 0.0, [x, x]),
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
            Function::Abs => Function::Sign.value(x),
            // constant on either side of their jumps
            Function::Sign | Function::Step | Function::Floor | Function::Not => 0.0,
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
    /// The remainder of a divided by b, with the sign of b, as in Python and NumPy: a - b floor(a / b).
    Mod,
    /// 1 where a < b, otherwise 0.
    Less,
    /// 1 where a <= b, otherwise 0.
    LessOrEqual,
    /// 1 where a > b, otherwise 0.
    Greater,
    /// 1 where a >= b, otherwise 0.
    GreaterOrEqual,
    /// 1 where a = b, otherwise 0.
    Equal,
    /// 0 where a = b, otherwise 1.
    NotEqual,
    /// 1 where neither is 0, otherwise 0.
    And,
    /// 0 where both are 0, otherwise 1.
    Or,
}

impl Pair {
    /// All functions of two numbers that are called by a name.
    pub const NAMED: [(&'static str, Pair); 4] =
        [("atan2", Pair::Atan2), ("min", Pair::Min), ("max", Pair::Max), ("mod", Pair::Mod)];

    /// All operators written between their operands, except the power; the comparisons come first.
    pub const INFIX: [(&'static str, Pair); 8] = [
        // a longer sign comes before its own beginning, so <= before <
        ("<=", Pair::LessOrEqual),
        ("<", Pair::Less),
        (">=", Pair::GreaterOrEqual),
        (">", Pair::Greater),
        ("==", Pair::Equal),
        ("!=", Pair::NotEqual),
        ("and", Pair::And),
        ("or", Pair::Or),
    ];

    /// Whether it compares two numbers.
    pub fn compares(self) -> bool {
        use Pair::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        matches!(self, Less | LessOrEqual | Greater | GreaterOrEqual | Equal | NotEqual)
    }

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
            Pair::Mod => modulo(a, b),
            Pair::Less => truth(a < b, [a, b]),
            Pair::LessOrEqual => truth(a <= b, [a, b]),
            Pair::Greater => truth(a > b, [a, b]),
            Pair::GreaterOrEqual => truth(a >= b, [a, b]),
            Pair::Equal => truth(a == b, [a, b]),
            Pair::NotEqual => truth(a != b, [a, b]),
            // One operand may decide the result even if the other is NaN: x > 0 and log(x) < 1 is 0 at x = -1.
            Pair::And if a == 0.0 || b == 0.0 => 0.0,
            Pair::And => truth(true, [a, b]),
            Pair::Or if is_true(a) || is_true(b) => 1.0,
            Pair::Or => truth(false, [a, b]),
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
            Pair::Min | Pair::Max if a == b => [0.5; 2],
            Pair::Min => [f64::from(u8::from(a < b)), f64::from(u8::from(b < a))],
            Pair::Max => [f64::from(u8::from(a > b)), f64::from(u8::from(b > a))],
            // a - b k with an integer k, which must be exact
            Pair::Mod if b.is_infinite() => [1.0, if value == a { 0.0 } else { 1.0 }],
            Pair::Mod => [1.0, ((value - a) / b).round()],
            // constant on either side of their jumps
            Pair::Less
            | Pair::LessOrEqual
            | Pair::Greater
            | Pair::GreaterOrEqual
            | Pair::Equal
            | Pair::NotEqual
            | Pair::And
            | Pair::Or => [0.0; 2],
        }
    }
}

/// 1 or 0; NaN if one of `operands` is NaN, so that a NaN never looks like an answer.
#[inline(always)]
fn truth(holds: bool, operands: [f64; 2]) -> f64 {
    if operands[0].is_nan() || operands[1].is_nan() { f64::NAN } else { f64::from(u8::from(holds)) }
}

/// Whether a condition holds: it is neither 0 nor NaN.
#[inline(always)]
pub(crate) fn is_true(condition: f64) -> bool {
    condition != 0.0 && !condition.is_nan()
}

/// Which of two values `if(condition, a, b)` takes: the first, the second, or neither where the condition is NaN.
#[inline(always)]
pub(crate) fn chosen(condition: f64) -> Option<bool> {
    (!condition.is_nan()).then_some(condition != 0.0)
}

/// a - b floor(a / b), without the rounding of the quotient.
#[inline(always)]
fn modulo(a: f64, b: f64) -> f64 {
    let rest = a % b; // exact, with the sign of a
    if rest == 0.0 {
        0.0_f64.copysign(b)
    } else if (rest < 0.0) != (b < 0.0) {
        rest + b
    } else {
        rest
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
        for (a, b) in [(0.3, 1.7), (2.1, -0.4), (1.3, 0.9)] {
            let pairs = Pair::NAMED.into_iter().chain(Pair::INFIX).map(|(_, pair)| pair);
            for pair in pairs.chain([Pair::Power]) {
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
    fn the_functions_of_piecewise_systems_have_the_stated_values() {
        let of = |function: Function| [-1.5, -0.0, 0.0, 2.7, f64::INFINITY].map(|x| function.value(x));
        assert_eq!(of(Function::Sign), [-1.0, 0.0, 0.0, 1.0, 1.0]);
        assert_eq!(of(Function::Step), [0.0, 1.0, 1.0, 1.0, 1.0]);
        assert_eq!(of(Function::Floor), [-2.0, 0.0, 0.0, 2.0, f64::INFINITY]);
        assert_eq!(of(Function::Not), [0.0, 1.0, 1.0, 0.0, 0.0]);
        // as Python: [-7 % 3, 7 % -3, -7 % -3, 7.5 % 2, -1e-20 % 1, 6 % 3, 0.3 % 0.1]
        let modulo =
            [(-7.0, 3.0), (7.0, -3.0), (-7.0, -3.0), (7.5, 2.0), (-1e-20, 1.0), (6.0, 3.0), (0.3, 0.1)];
        let modulo = modulo.map(|(a, b)| Pair::Mod.value(a, b));
        assert_eq!(modulo, [2.0, -2.0, -1.0, 1.5, 1.0, 0.0, 0.09999999999999998]);
        assert!(Pair::Mod.value(1.0, 0.0).is_nan() && Pair::Mod.value(f64::INFINITY, 1.0).is_nan());
        // a - k b: the slope by b is -k
        for (a, b, k) in [(7.5, 2.0, 3.0), (-7.0, 3.0, -3.0), (7.0, -3.0, -3.0), (1.0, f64::INFINITY, 0.0)] {
            assert_eq!(Pair::Mod.slopes(a, b, Pair::Mod.value(a, b)), [1.0, -k], "{a} {b}");
        }
    }

    #[test]
    fn comparisons_are_1_or_0_and_a_nan_is_no_answer() {
        let nan = f64::NAN;
        for (name, pair) in Pair::INFIX {
            let found = [(1.0, 2.0), (2.0, 2.0), (2.0, 1.0)].map(|(a, b)| pair.value(a, b));
            let expected = match name {
                "<" => [1.0, 0.0, 0.0],
                "<=" => [1.0, 1.0, 0.0],
                ">" => [0.0, 0.0, 1.0],
                ">=" => [0.0, 1.0, 1.0],
                "==" => [0.0, 1.0, 0.0],
                "!=" => [1.0, 0.0, 1.0],
                _ => [1.0; 3],
            };
            assert_eq!(found, expected, "{name}");
            assert!(pair.value(nan, nan).is_nan(), "{name}");
            let settled = matches!(pair, Pair::Or);
            assert_eq!(
                [pair.value(nan, 1.0), pair.value(1.0, nan)].map(|x| !x.is_nan()),
                [settled; 2],
                "{name}"
            );
        }
        let both =
            |pair: Pair| [(0.0, 0.0), (0.0, 3.0), (-1.0, 0.0), (2.0, 3.0)].map(|(a, b)| pair.value(a, b));
        assert_eq!(both(Pair::And), [0.0, 0.0, 0.0, 1.0]);
        assert_eq!(both(Pair::Or), [0.0, 1.0, 1.0, 1.0]);
        assert_eq!([Pair::And.value(nan, 0.0), Pair::And.value(0.0, nan)], [0.0; 2]);
        assert!(Pair::Or.value(nan, 0.0).is_nan() && Function::Not.value(nan).is_nan());
    }

    #[test]
    fn the_tangent_hyperbolic_keeps_its_slope_where_it_rounds_to_1() {
        let slope = Function::Tanh.slope(20.0, Function::Tanh.value(20.0));
        assert!((slope / (4.0 * (-40.0f64).exp()) - 1.0).abs() < 1e-12);
        assert_eq!(Function::Tanh.slope(1e4, 1.0), 0.0);
    }
}
