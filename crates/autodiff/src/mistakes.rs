//! Error texts for faulty expressions, and what to write instead.

use crate::names::{clipped, unknown};
use crate::syntax::{continues_name, functions};

/// Names from other programs and books, with what to write for them here.
const ELSEWHERE: &[(&str, &str)] = &[
    ("arccos", "acos(x)"),
    ("arcsin", "asin(x)"),
    ("arctan", "atan(x)"),
    ("arctan2", "atan2(y, x)"),
    ("arctg", "atan(x)"),
    ("acosh", "log(x + sqrt(x^2 - 1))"),
    ("asinh", "log(x + sqrt(x^2 + 1))"),
    ("atanh", "log((1 + x)/(1 - x))/2"),
    ("cbrt", "sign(x)*abs(x)^(1/3)"),
    ("ceil", "-floor(-x)"),
    ("ceiling", "-floor(-x)"),
    ("ch", "cosh(x)"),
    ("cosec", "1/sin(x)"),
    ("cot", "1/tan(x)"),
    ("coth", "1/tanh(x)"),
    ("csc", "1/sin(x)"),
    ("ctg", "1/tan(x)"),
    ("fabs", "abs(x)"),
    ("fmod", "mod(a, b), which has the sign of b"),
    ("heaviside", "step(x)"),
    ("Heaviside", "step(x)"),
    ("ifelse", "if(condition, a, b)"),
    ("log10", "log(x)/log(10)"),
    ("log2", "log(x)/log(2)"),
    ("logistic", "1/(1 + exp(-x))"),
    ("piecewise", "if(condition, a, b)"),
    ("Piecewise", "if(condition, a, b)"),
    ("pow", "a^b"),
    ("round", "floor(x + 0.5)"),
    ("sec", "1/cos(x)"),
    ("sech", "1/cosh(x)"),
    ("sgn", "sign(x)"),
    ("sh", "sinh(x)"),
    ("sigmoid", "1/(1 + exp(-x))"),
    ("signum", "sign(x)"),
    ("square", "x^2"),
    ("tg", "tan(x)"),
    ("th", "tanh(x)"),
    ("where", "if(condition, a, b)"),
];

/// Characters that expressions do not have, with what to write for them; for letters, the word to use in a name.
const INSTEAD: &[(&str, &str)] = &[
    ("\u{2212}\u{2010}\u{2011}\u{2012}\u{2013}\u{2014}\u{2015}\u{fe63}\u{ff0d}", "-"),
    ("\u{ff0b}", "+"),
    ("\u{d7}\u{b7}\u{22c5}\u{2217}\u{2219}\u{2022}\u{2715}\u{2a2f}\u{ff0a}", "*"),
    ("\u{f7}\u{2215}\u{2044}\u{ff0f}:", "/"),
    ("\u{2264}\u{2a7d}", "<="),
    ("\u{2265}\u{2a7e}", ">="),
    ("\u{2260}", "!="),
    ("\u{2227}&", "and"),
    ("\u{2228}", "or"),
    ("\u{ac}!", "not(...)"),
    ("%", "mod(a, b)"),
    ("?", "if(condition, a, b)"),
    ("\u{b9}", "^1"),
    ("\u{b2}", "^2"),
    ("\u{b3}", "^3"),
    ("\u{2074}", "^4"),
    ("\u{2075}", "^5"),
    ("\u{bd}", "0.5"),
    ("\u{3c0}", "pi"),
    ("\u{221a}", "sqrt(...)"),
    ("|", "abs(...)"),
    ("[{\u{ff08}", "("),
    ("]}\u{ff09}", ")"),
    ("\u{3b1}", "alpha"),
    ("\u{3b2}", "beta"),
    ("\u{3b3}", "gamma"),
    ("\u{3b4}", "delta"),
    ("\u{3b5}", "epsilon"),
    ("\u{3b6}", "zeta"),
    ("\u{3b7}", "eta"),
    ("\u{3b8}", "theta"),
    ("\u{3ba}", "kappa"),
    ("\u{3bb}", "lambda"),
    ("\u{3bc}\u{b5}", "mu"),
    ("\u{3bd}", "nu"),
    ("\u{3be}", "xi"),
    ("\u{3c1}", "rho"),
    ("\u{3c3}", "sigma"),
    ("\u{3c4}", "tau"),
    ("\u{3c6}\u{3d5}", "phi"),
    ("\u{3c7}", "chi"),
    ("\u{3c8}", "psi"),
    ("\u{3c9}\u{2126}", "omega"),
    ("\u{393}", "Gamma"),
    ("\u{394}\u{2206}", "Delta"),
    ("\u{3a9}", "Omega"),
];

/// The error that a function is unknown.
pub(crate) fn unknown_function(name: &str) -> String {
    let shown = clipped(name);
    if let Some((_, instead)) = ELSEWHERE.iter().find(|(elsewhere, _)| *elsewhere == name) {
        return format!("function \"{shown}\" is unknown; write {instead}");
    }
    let what = unknown(&format!("function \"{shown}\""), name, functions());
    format!("{what}; a product is written {shown}*(...)")
}

/// The error that an operand is missing at `at`.
pub(crate) fn missing(text: &str, at: usize) -> String {
    let operand = "a number, a name or (";
    let rest = &text[at..];
    let word = &rest[..rest.find(|c| !continues_name(c)).unwrap_or(rest.len())];
    match rest.chars().next() {
        None => format!("the expression ends where {operand} should follow"),
        Some(')' | ',') if text[..at].trim_end().ends_with('(') => {
            "there is nothing in these parentheses".into()
        }
        Some('=') => stray(text, at),
        Some(c @ (')' | ',' | '*' | '/' | '^' | '<' | '>')) => format!("{operand} should stand before {c}"),
        Some(_) if ["and", "or"].contains(&word) => format!("{operand} should stand before {word}"),
        Some(_) => stray(text, at),
    }
}

/// The error that the text continues at byte `at`, where the expression should have ended.
pub(crate) fn superfluous(text: &str, at: usize) -> String {
    let rest = &text[at..];
    let before = text[..at].trim_end();
    let word = |c: char| continues_name(c) || c == '.';
    let left = &before[before.trim_end_matches(word).len()..];
    let right = &rest[..rest.len() - rest.trim_start_matches(word).len()];
    let is_number = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    match rest.chars().next().unwrap_or_default() {
        ')' => "this ) closes no (".into(),
        ',' => {
            let decimal = decimal(&text[..at], &rest[1..]);
            let decimal = decimal.unwrap_or("; decimals are written 1.5".into());
            format!("a comma stands only between the arguments of a function{decimal}")
        }
        '.' if before.len() == at && before.ends_with(|c: char| c.is_ascii_digit() || c == '.') => {
            "a number has one decimal point".into()
        }
        '_' if before.len() == at && is_number(left) => "a number is written without _".into(),
        c if continues_name(c) || c == '(' || c == '.' => match (left, right) {
            ("", _) => "there is no operator here; a product is written with *".into(),
            (left, "") => {
                format!("there is no operator here; a product is written {}*(...)", clipped(left))
            }
            (left, right) => {
                let (left, right) = (clipped(left), clipped(right));
                format!("there is no operator here; a product is written {left}*{right}")
            }
        },
        _ => stray(text, at),
    }
}

/// A hint for arguments in which a comma may be meant as a decimal point; none if there is no such comma.
pub(crate) fn comma(arguments: &str) -> String {
    let mut commas = arguments.match_indices(',');
    commas.find_map(|(at, _)| decimal(&arguments[..at], &arguments[at + 1..])).unwrap_or_default()
}

/// A hint for a comma with digits on both sides.
fn decimal(before: &str, after: &str) -> Option<String> {
    let is_digit = |c: char| c.is_ascii_digit();
    let whole = &before[before.trim_end_matches(is_digit).len()..];
    let decimals = &after[..after.len() - after.trim_start_matches(is_digit).len()];
    (!whole.is_empty() && !decimals.is_empty())
        .then(|| format!("; decimals are written with a point: {}.{}", clipped(whole), clipped(decimals)))
}

/// The error that a character has no meaning at `at`.
fn stray(text: &str, at: usize) -> String {
    let rest = &text[at..];
    for (written, instead) in [("=<", "<="), ("=>", ">="), ("<>", "!="), ("&&", "and"), ("||", "or")] {
        if rest.starts_with(written) {
            return format!("{written} has no meaning in an expression; write {instead}");
        }
    }
    let c = rest.chars().next().unwrap_or_default();
    let instead = INSTEAD.iter().find(|(characters, _)| characters.contains(c)).map(|(_, instead)| *instead);
    let is_letter = c.is_alphabetic() && c != '\u{3c0}';
    match instead {
        _ if c == '=' => "an expression has no =; that two numbers are equal is written ==".into(),
        Some(instead) if is_letter => {
            format!("names are made of a-z, A-Z, 0-9 and _, not {c}; write {instead}")
        }
        Some(instead) => format!("{c} has no meaning in an expression; write {instead}"),
        None if c.is_control() || c.is_whitespace() => {
            format!("the character U+{:04X} has no place in an expression", u32::from(c))
        }
        None if is_letter => format!("names are made of a-z, A-Z, 0-9 and _, not {c}"),
        None if c.is_ascii() => format!("{c} has no meaning in an expression"),
        None => format!("{c} (U+{:04X}) has no meaning in an expression", u32::from(c)),
    }
}
