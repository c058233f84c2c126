//! Settings with several values, and their combinations.
//!
//! Nothing is listed before it is counted: `seed=0..9999999999` is a few numbers until somebody asks for one
//! of its values.

use std::collections::BTreeSet;

use trajectory::random::{below, stream};

use crate::resolve::key_and_value;

/// Every combination of the values of some keys.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Grid {
    axes: Vec<Axis>,
}

/// The values of one key.
#[derive(Clone, Debug, PartialEq)]
struct Axis {
    key: String,
    values: Vec<Values>,
}

/// What stands between two commas.
#[derive(Clone, Debug, PartialEq)]
enum Values {
    /// A value, as TOML writes it or as a bare text.
    One(String),
    /// Whole numbers in a row.
    Whole { first: i64, count: u128 },
    /// Numbers from one to another, evenly in themselves or in their logarithm.
    Spaced { first: f64, last: f64, count: u128, logarithmic: bool },
}

const RANGES: &str = "0..3 (0, 1, 2), 0..=3 (0, 1, 2, 3), log(1e-4,1e-1,7) and lin(0,1,5)";

impl Grid {
    /// Reads settings such as `model.hidden=16,32`, `seed=0..3` or `train.optimizer.learning_rate=log(1e-4,1e-1,7)`.
    ///
    /// # Errors
    /// A setting without values, or twice; brackets that do not match; a range that is none. The sentence names
    /// the key, the characters, and what would be right.
    pub(crate) fn parse(settings: &[String]) -> Result<Self, String> {
        let mut axes: Vec<Axis> = Vec::new();
        for setting in settings {
            let (key, text) = key_and_value(setting)?;
            let key = key.trim().to_owned();
            if axes.iter().any(|axis| axis.key == key) {
                return Err(format!("{key} is set twice; give all its values at once, as in {key}=1,2,3"));
            }
            let values = pieces(text)
                .and_then(|pieces| pieces.into_iter().map(|piece| piece.values()).collect())
                .map_err(|fault| format!("{key}: {fault}"))?;
            axes.push(Axis { key, values });
        }
        Ok(Grid { axes })
    }

    /// The number of combinations, unless it is beyond counting.
    pub(crate) fn count(&self) -> Option<usize> {
        let product = self.axes.iter().try_fold(1_u128, |product, axis| product.checked_mul(axis.count()?));
        usize::try_from(product?).ok()
    }

    /// The keys that have more than one value.
    pub(crate) fn keys(&self) -> Vec<String> {
        let varied = self.axes.iter().filter(|axis| axis.count() != Some(1));
        varied.map(|axis| axis.key.clone()).collect()
    }

    /// The settings of a combination, counted from 0; the values of the last key change first.
    pub(crate) fn combination(&self, index: usize) -> Vec<String> {
        let mut rest = index as u128;
        let mut settings: Vec<String> = Vec::new();
        for axis in self.axes.iter().rev() {
            let count = axis.count().unwrap_or(u128::MAX);
            settings.push(format!("{}={}", axis.key, axis.value(rest % count)));
            rest /= count;
        }
        settings.reverse();
        settings
    }
}

/// So many different indices below `total`, in order, at random but always the same (Floyd's sampling: Bentley 1987,
/// "Programming Pearls: A sample of brilliance"). `drawn` must not be above `total`.
pub(crate) fn draw(drawn: usize, total: usize) -> Vec<usize> {
    let mut draws = stream(0, "sweep", 0);
    let mut found = BTreeSet::new();
    for last in total - drawn..total {
        let index = below(&mut draws, last + 1);
        found.insert(if found.contains(&index) { last } else { index });
    }
    found.into_iter().collect()
}

impl Axis {
    fn count(&self) -> Option<u128> {
        self.values.iter().try_fold(0_u128, |sum, values| sum.checked_add(values.count()))
    }

    fn value(&self, mut index: u128) -> String {
        for values in &self.values {
            if index < values.count() {
                return values.value(index);
            }
            index -= values.count();
        }
        String::new()
    }
}

impl Values {
    fn count(&self) -> u128 {
        match self {
            Values::One(_) => 1,
            Values::Whole { count, .. } | Values::Spaced { count, .. } => *count,
        }
    }

    fn value(&self, index: u128) -> String {
        match *self {
            Values::One(ref text) => text.clone(),
            Values::Whole { first, .. } => (i128::from(first) + index as i128).to_string(),
            Values::Spaced { first, .. } if index == 0 => number(first),
            Values::Spaced { last, count, .. } if index + 1 == count => number(last),
            Values::Spaced { first, last, count, logarithmic } => {
                let part = index as f64 / (count - 1) as f64;
                // not first + part * (last - first), which can overflow
                let between = |first: f64, last: f64| (1.0 - part) * first + part * last;
                number(if logarithmic {
                    rounded(between(first.ln(), last.ln()).exp(), 0.0)
                } else {
                    rounded(between(first, last), first.abs().max(last.abs()))
                })
            }
        }
    }
}

/// The number to 12 digits, so that roundoff does not make 0.001 into 0.0009999999999999998; and 0 where it is only
/// roundoff beside `scale`.
fn rounded(x: f64, scale: f64) -> f64 {
    if x.abs() < 1e-12 * scale { 0.0 } else { format!("{x:.11e}").parse().unwrap_or(x) }
}

/// The number as TOML reads it back to the bit: a whole one without a point, so that it also suits a key of whole
/// numbers.
fn number(x: f64) -> String {
    match x.abs() {
        size if x.fract() == 0.0 && size < 1e15 => (x as i64).to_string(),
        size if (1e-3..1e15).contains(&size) => x.to_string(),
        _ => format!("{x:e}"),
    }
}

/// A part of the values of a key.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Piece<'a> {
    text: &'a str,
    /// Where it begins among the values, counted in characters from 1.
    at: usize,
}

/// The pieces between those commas that stand outside brackets and quotes.
fn pieces(text: &str) -> Result<Vec<Piece<'_>>, String> {
    let character = |at: usize| text[..at].chars().count() + 1;
    let (mut open, mut quote, mut escaped) = (Vec::new(), None, false);
    let (mut found, mut begin) = (Vec::new(), 0);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(_), _) if escaped => escaped = false,
            (Some(('"', _)), '\\') => escaped = true,
            (Some((mark, _)), c) => {
                if c == mark {
                    quote = None;
                }
            }
            // elsewhere it is an apostrophe in a bare text
            (None, '"' | '\'') if !open.is_empty() || text[begin..at].trim().is_empty() => {
                quote = Some((c, at));
            }
            (None, '[') => open.push((c, ']', at)),
            (None, '{') => open.push((c, '}', at)),
            (None, '(') => open.push((c, ')', at)),
            (None, ']' | '}' | ')') => match open.pop() {
                Some((_, closing, _)) if closing == c => {}
                Some((opening, closing, from)) => {
                    return Err(format!(
                        "{opening} at character {} of its values is closed by {c} at character {}, not by {closing}",
                        character(from),
                        character(at)
                    ));
                }
                None => {
                    return Err(format!(
                        "{c} at character {} of its values closes what was not opened; a text with brackets stands \
                         in quotes",
                        character(at)
                    ));
                }
            },
            (None, ',') if open.is_empty() => {
                found.push(Piece { text: &text[begin..at], at: character(begin) });
                begin = at + 1;
            }
            (None, _) => {}
        }
    }
    if let Some((mark, at)) = quote {
        return Err(format!("the quote {mark} at character {} of its values is not closed", character(at)));
    }
    if let Some((opening, closing, at)) = open.pop() {
        return Err(format!("{opening} at character {} of its values lacks its {closing}", character(at)));
    }
    found.push(Piece { text: &text[begin..], at: character(begin) });
    Ok(found)
}

impl Piece<'_> {
    fn values(self) -> Result<Values, String> {
        let text = self.text.trim();
        if text.is_empty() {
            return Err(format!(
                "there is no value at character {}; write one comma between two values, and \"\" for an empty text",
                self.at
            ));
        }
        if let Some((name, rest)) = text.split_once('(')
            && let Some(inside) = rest.strip_suffix(')')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        {
            return self.spaced(name, inside);
        }
        match text.split_once("..") {
            Some((first, last)) if !text.starts_with(['"', '\'', '[', '{']) && is_range(first, last) => {
                self.whole(first, last)
            }
            _ => Ok(Values::One(text.to_owned())),
        }
    }

    /// `first..last` without its end, or `first..=last` with it.
    fn whole(self, first: &str, last: &str) -> Result<Values, String> {
        let inclusive = last.starts_with('=');
        let whole = |what: &str, text: &str| {
            let text = text.trim();
            match text.parse::<i64>() {
                Ok(number) => Ok(number),
                Err(_) if text.is_empty() => Err(self.wrong(&format!("has no {what} number"))),
                Err(_) => Err(self.wrong(&format!(
                    "has {text} for its {what} number, which is no whole number of at most {}",
                    i64::MAX
                ))),
            }
        };
        let (first, last) = (whole("first", first)?, whole("last", last.strip_prefix('=').unwrap_or(last))?);
        let count = i128::from(last) - i128::from(first) + i128::from(inclusive);
        match u128::try_from(count) {
            Ok(count) if count > 0 => Ok(Values::Whole { first, count }),
            _ if first > last => Err(self.wrong("begins above its end; it counts upwards")),
            _ => Err(self.wrong(&format!("holds no number; with its end it is {first}..={last}"))),
        }
    }

    /// `log(first,last,count)` or `lin(first,last,count)`.
    fn spaced(self, name: &str, inside: &str) -> Result<Values, String> {
        let logarithmic = match name {
            "log" => true,
            "lin" => false,
            _ => return Err(self.wrong("is no range, and a text with brackets stands in quotes")),
        };
        let arguments: Vec<&str> = inside.split(',').map(str::trim).collect();
        let [first, last, count] = arguments[..] else {
            return Err(self.wrong("must hold three numbers: the first, the last, and how many"));
        };
        let end = |text: &str| match text.parse::<f64>() {
            Ok(x) if !x.is_finite() => {
                Err(self.wrong(&format!("has {text} for an end, which is not finite")))
            }
            Ok(x) if logarithmic && x <= 0.0 => {
                Err(self.wrong(&format!("has {text} for an end, and only numbers above 0 have a logarithm")))
            }
            Ok(x) => Ok(x),
            Err(_) => Err(self.wrong(&format!("has \"{text}\" for an end, which is no number"))),
        };
        let (first, last) = (end(first)?, end(last)?);
        if first == last {
            return Err(self.wrong("begins where it ends"));
        }
        match count.parse::<u64>() {
            Ok(0 | 1) => Err(self.wrong("must give at least 2 values, since both ends are among them")),
            Ok(count) => Ok(Values::Spaced { first, last, count: count.into(), logarithmic }),
            Err(_) => Err(self.wrong(&format!("has \"{count}\" for how many, which is no number of values"))),
        }
    }

    fn wrong(self, fault: &str) -> String {
        let last = self.at + self.text.chars().count().saturating_sub(1);
        format!(
            "\"{}\", characters {} to {last} of its values, {fault}; the ranges are {RANGES}",
            self.text, self.at
        )
    }
}

/// Whether a text with two points is meant as a range, which `../data/starts.npz` is not.
fn is_range(first: &str, last: &str) -> bool {
    let numeric = |text: &str| {
        text.trim_start_matches([' ', '=', '.', '-', '+']).starts_with(|c: char| c.is_ascii_digit())
    };
    let symbols = |text: &str| text.chars().all(|c| " =.-+".contains(c));
    numeric(first) || numeric(last) || symbols(first) && symbols(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn grid(settings: &[&str]) -> Result<Grid, String> {
        Grid::parse(&settings.iter().map(|&setting| setting.to_owned()).collect::<Vec<_>>())
    }

    fn values(setting: &str) -> Vec<String> {
        let grid = grid(&[setting]).unwrap();
        let all = (0..grid.count().unwrap()).map(|index| grid.combination(index).remove(0));
        all.map(|pair| pair.split_once('=').unwrap().1.to_owned()).collect()
    }

    #[test]
    fn lists_and_ranges_hold_what_they_say() {
        for (setting, expected) in [
            ("a=16,32, 64", &["16", "32", "64"][..]),
            ("a=0..3", &["0", "1", "2"]),
            ("a=0..=3", &["0", "1", "2", "3"]),
            ("a=-2..=0, 7", &["-2", "-1", "0", "7"]),
            (
                "a=log(1e-4,1e-1,7)",
                &["1e-4", "3.16227766017e-4", "0.001", "0.00316227766017", "0.01", "0.0316227766017", "0.1"],
            ),
            ("a=log(256, 16, 5)", &["256", "128", "64", "32", "16"]),
            ("a=lin(-1,2,4)", &["-1", "0", "1", "2"]),
            ("a=lin(0,1,5)", &["0", "0.25", "0.5", "0.75", "1"]),
            ("a=lin(-1e308,1e308,3)", &["-1e308", "0", "1e308"]),
            ("a=[[-1,1],[0,2]]", &["[[-1,1],[0,2]]"]),
            ("a=[16,16],[32]", &["[16,16]", "[32]"]),
            ("a={ name = \"sgd\", x = 1 },adam", &["{ name = \"sgd\", x = 1 }", "adam"]),
            ("a=\"x,y\\\",z\",'p,\"q'", &["\"x,y\\\",z\"", "'p,\"q'"]),
            ("a=it's,[\"]\"]", &["it's", "[\"]\"]"]),
            ("a=../x.npz,\"0..\",data/../7", &["../x.npz", "\"0..\"", "data/../7"]),
            ("a=größe,大", &["größe", "大"]),
        ] {
            assert_eq!(values(setting), expected, "{setting}");
        }
    }

    #[test]
    fn combinations_vary_the_last_key_first() {
        let grid = grid(&["a=1,2", "b=x", "c=0..3"]).unwrap();
        assert_eq!((grid.count(), grid.keys()), (Some(6), vec!["a".to_owned(), "c".to_owned()]));
        assert_eq!(grid.combination(1), ["a=1", "b=x", "c=1"]);
        assert_eq!(grid.combination(3), ["a=2", "b=x", "c=0"]);
        assert_eq!(Grid::parse(&[]).unwrap().count(), Some(1));
    }

    #[test]
    fn what_is_large_is_counted_and_not_listed() {
        let large = grid(&["a=1..9999999999999", "b=0..1000"]).unwrap();
        assert_eq!(large.count(), Some(9_999_999_999_998_000));
        assert_eq!(large.combination(9_999_999_999_997_999), ["a=9999999999998", "b=999"]);
        let all = format!("={}..={}", i64::MIN, i64::MAX);
        let beyond = grid(&[&format!("a{all}"), &format!("b{all}"), &format!("c{all}")]).unwrap();
        assert_eq!(beyond.count(), None);
        assert_eq!(beyond.combination(1)[2], format!("c={}", i64::MIN + 1));
    }

    #[test]
    fn every_mistake_names_key_characters_and_what_would_be_right() {
        for (settings, words) in [
            (&["a=0.."][..], &["a: \"0..\", characters 1 to 3", "has no last number", "0..=3"][..]),
            (&["a=7,..3"], &["\"..3\", characters 3 to 5", "has no first number"]),
            (&["a=.."], &["has no first number"]),
            (&["a=3..0"], &["begins above its end"]),
            (&["a=3..3"], &["holds no number", "3..=3"]),
            (&["a=0...3"], &["has .3 for its last number"]),
            (&["a=0.1..0.5"], &["has 0.1 for its first number", "lin("]),
            (&["a=0..99999999999999999999"], &["at most 9223372036854775807"]),
            (&["a=log(0,1,3)"], &["a: \"log(0,1,3)\", characters 1 to 10", "above 0"]),
            (&["a=log(1,2,1)"], &["at least 2 values"]),
            (&["a=log(1,1e400,3)"], &["1e400", "not finite"]),
            (&["a=lin(nan,1,3)"], &["nan", "not finite"]),
            (&["a=lin(1,1.0,3)"], &["begins where it ends"]),
            (&["a=lin(1,2)"], &["three numbers"]),
            (&["a=lin(1,x,3)"], &["\"x\"", "no number"]),
            (&["a=lin(1,2,-3)"], &["\"-3\" for how many"]),
            (&["a=ln(1,2,3)"], &["is no range", "quotes"]),
            (&["a=1,,2"], &["a: there is no value at character 3", "one comma"]),
            (&["a=1,"], &["no value at character 3"]),
            (&["a="], &["no value at character 1"]),
            (&["a=[[1,2],[3,4]"], &["a: [ at character 1 of its values lacks its ]"]),
            (&["a=[1,2)"], &["[ at character 1", "closed by ) at character 5"]),
            (&["a=ä]"], &["] at character 2", "not opened"]),
            (&["a=\"x"], &["the quote \" at character 1"]),
            (&["a=1", "a=2"], &["a is set twice"]),
            (&["a"], &["\"a\" sets nothing", "key=value"]),
        ] {
            let message = grid(settings).unwrap_err();
            for word in words {
                assert!(message.contains(word), "{settings:?}: {message}");
            }
        }
    }

    #[test]
    fn draws_are_distinct_repeat_and_reach_everything() {
        assert_eq!(draw(5, 5), [0, 1, 2, 3, 4]);
        assert_eq!(draw(0, 0), [0; 0]);
        assert_eq!(draw(50, usize::MAX), draw(50, usize::MAX));
        let halves = draw(5000, 10_000);
        assert_eq!(halves.len(), 5000);
        let low = halves.iter().filter(|&&index| index < 5000).count();
        assert!((2300..2700).contains(&low), "{low}");
    }

    proptest! {
        #[test]
        fn no_setting_makes_the_parser_panic(
            value in "(.{0,20}|[\\[\\](){},\"'\\\\.=0-9a-z-]{0,20}|(log|lin)\\([0-9e.,+-]{0,24}\\)|[0-9-]{0,22}\\.\\.=?[0-9-]{0,22})",
        ) {
            if let Ok(grid) = grid(&[&format!("a={value}")]) {
                for index in [0, 1, usize::MAX] {
                    let count = grid.count().unwrap_or(usize::MAX);
                    let pair = grid.combination(index.min(count - 1)).remove(0);
                    prop_assert!(pair.len() > 2, "{}", pair);
                }
            }
        }

        #[test]
        fn a_list_holds_its_values(listed in prop::collection::vec("[a-zé][a-z0-9é_-]{0,5}", 1..6)) {
            prop_assert_eq!(values(&format!("a={}", listed.join(","))), listed);
        }

        #[test]
        fn a_range_counts_from_end_to_end(first in -1000_i64..1000, count in 1_i64..50) {
            let expected: Vec<String> = (first..first + count).map(|x| x.to_string()).collect();
            prop_assert_eq!(&values(&format!("a={first}..{}", first + count)), &expected);
            prop_assert_eq!(&values(&format!("a={first}..={}", first + count - 1)), &expected);
        }

        #[test]
        fn spaced_numbers_are_even_and_keep_their_ends(
            first in 1e-6_f64..1e6, last in 1e-6_f64..1e6, count in 2_usize..30, log in any::<bool>(),
        ) {
            let name = if log { "log" } else { "lin" };
            let texts = values(&format!("a={name}({first:e},{last},{count})"));
            let found: Vec<f64> = texts.iter().map(|text| text.parse().unwrap()).collect();
            prop_assert_eq!((found.len(), found[0], found[count - 1]), (count, first, last));
            let scale = |x: f64| if log { x.ln() } else { x };
            let step = (scale(last) - scale(first)) / (count - 1) as f64;
            let size = scale(first).abs().max(scale(last).abs());
            for pair in found.windows(2) {
                prop_assert!((scale(pair[1]) - scale(pair[0]) - step).abs() < 1e-9 * size.max(1.0), "{:?}", found);
            }
            for text in &texts {
                let read = format!("x = {text}").parse::<toml::Table>();
                prop_assert!(read.is_ok(), "{}", text);
            }
        }

        #[test]
        fn every_combination_comes_once(counts in prop::collection::vec(1_usize..5, 1..5)) {
            let settings: Vec<String> =
                counts.iter().enumerate().map(|(key, count)| format!("k{key}=0..{count}")).collect();
            let grid = Grid::parse(&settings).unwrap();
            let all: BTreeSet<Vec<String>> = (0..grid.count().unwrap()).map(|index| grid.combination(index)).collect();
            prop_assert_eq!(all.len(), counts.iter().product::<usize>());
        }
    }
}
