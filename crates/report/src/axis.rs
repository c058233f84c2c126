//! Axes: what they measure in which unit, from where to where, and the numbers along them.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

use crate::markup::shortened;

/// Letters that a name along an axis has at most.
pub(crate) const LONGEST_NAME: usize = 30;

/// Letters that a label has at most.
const LONGEST_LABEL: usize = 44;

/// An axis of a chart. One type for all scales, so that a chart is one type too.
#[derive(Clone, Debug)]
pub(crate) struct Axis {
    /// What stands beside it: the quantity, and its unit.
    pub label: String,
    low: f64,
    high: f64,
    scale: Scale,
}

#[derive(Clone, Debug)]
enum Scale {
    Linear,
    /// Decades.
    Log,
    /// Names at 0, 1, 2, ...
    Names(Vec<String>),
}

impl Axis {
    /// A linear axis over the finite ones of the values; none where there is none.
    pub fn linear(label: impl AsRef<str>, values: impl IntoIterator<Item = f64>) -> Option<Axis> {
        let (low, high) = extent(values)?;
        let pad = if high > low { 0.04 * (high - low) } else { low.abs().max(1.0) * 0.5 };
        Some(Axis {
            label: shortened(label.as_ref(), LONGEST_LABEL),
            low: low - pad,
            high: high + pad,
            scale: Scale::Linear,
        })
    }

    /// A logarithmic axis over the positive finite ones of the values, of at most 20 decades below the largest.
    pub fn log(label: impl AsRef<str>, values: impl IntoIterator<Item = f64>) -> Option<Axis> {
        let (low, high) = extent(values.into_iter().filter(|&x| x > 0.0))?;
        let low = low.max(high * 1e-20);
        // Half a decade at least, so that there is a number along it.
        let wider = if high / low < 4.0 { 2.0 } else { (high / low).powf(0.04) };
        Some(Axis {
            label: shortened(label.as_ref(), LONGEST_LABEL),
            low: (low / wider).max(f64::MIN_POSITIVE),
            high: (high * wider).min(f64::MAX),
            scale: Scale::Log,
        })
    }

    /// Names, the first at 0, shortened where they are long.
    pub fn names(label: impl AsRef<str>, names: &[String]) -> Axis {
        let names: Vec<String> = names.iter().map(|name| shortened(name, LONGEST_NAME)).collect();
        Axis {
            label: shortened(label.as_ref(), LONGEST_LABEL),
            low: -0.6,
            high: names.len() as f64 - 0.4,
            scale: Scale::Names(names),
        }
    }

    /// The same axis from here to there, without room at its ends.
    pub fn within(self, low: f64, high: f64) -> Axis {
        Axis { low, high: if high > low { high } else { low + 1.0 }, ..self }
    }

    /// The same axis with another label, made from its own.
    pub fn called(self, label: impl Fn(&str) -> String) -> Axis {
        Axis { label: label(&self.label), ..self }
    }

    /// Whether the scale is logarithmic.
    pub fn is_log(&self) -> bool {
        matches!(self.scale, Scale::Log)
    }

    /// Where a value lies, 0 at the lower end and 1 at the upper.
    pub fn part(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Log => (value / self.low).ln() / (self.high / self.low).ln(),
            _ => (value - self.low) / (self.high - self.low),
        }
    }

    /// The value at a part of the way.
    pub fn at(&self, part: f64) -> f64 {
        match self.scale {
            Scale::Log => self.low * (self.high / self.low).powf(part),
            _ => self.low + part * (self.high - self.low),
        }
    }

    /// The value on the axis that is nearest to this one.
    pub fn nearest(&self, value: f64) -> f64 {
        if self.is_log() && value <= 0.0 { self.low } else { value.clamp(self.low, self.high) }
    }

    /// Values to be written along it, about `most`.
    pub fn ticks(&self, most: usize) -> Vec<f64> {
        let most = most.max(2);
        match &self.scale {
            Scale::Names(names) => (0..names.len()).map(|i| i as f64).collect(),
            Scale::Log => {
                let (first, last) = (self.low.log10().ceil() as i32, self.high.log10().floor() as i32);
                let stride = ((last - first).max(0) as usize / most + 1) as i32;
                let decades: Vec<f64> = (first..=last)
                    .filter(|power| power.rem_euclid(stride) == 0)
                    .map(|power| 10f64.powi(power))
                    .collect();
                if decades.len() >= 2 {
                    return decades;
                }
                let finer =
                    (first - 1..=last).flat_map(|power| [1, 2, 5].map(|d| f64::from(d) * 10f64.powi(power)));
                finer.filter(|x| (self.low..=self.high).contains(x)).collect()
            }
            Scale::Linear => {
                let step = step(self.high - self.low, most);
                // An interval too small for numbers of its own.
                if !(step > 0.0 && (self.high - self.low) / step < 1e3) {
                    return vec![self.low];
                }
                let (first, last) = ((self.low / step).ceil() as i64, (self.high / step).floor() as i64);
                // From whole numbers, so that 0 is 0 and not a rounding.
                (first..=last).map(|i| i as f64 * step).collect()
            }
        }
    }

    /// How one of its ticks is written.
    pub fn tick_label(&self, value: f64) -> String {
        match &self.scale {
            Scale::Names(names) => names.get(value.round() as usize).cloned().unwrap_or_default(),
            Scale::Log => match value.log10() {
                power if (power - power.round()).abs() < 1e-9 && !(-3.5..3.5).contains(&power) => {
                    format!("10{}", superscript(power.round() as i32))
                }
                _ => short(value),
            },
            Scale::Linear => {
                let step = step(self.high - self.low, 6);
                if value.abs() >= 1e6 || (step < 1e-4 && value != 0.0) {
                    return format!("{value:.2e}");
                }
                // As many decimals as the tick has, whatever the number of ticks.
                let whole = |decimals: &usize| {
                    let scaled = value * 10f64.powi(*decimals as i32);
                    (scaled - scaled.round()).abs() < 1e-6
                };
                let decimals = (0..8).find(whole).unwrap_or(8);
                format!("{value:.decimals$}").replace('-', "\u{2212}")
            }
        }
    }
}

/// The smallest and the largest of the finite values.
fn extent(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    let mut finite = values.into_iter().filter(|x| x.is_finite() && x.abs() < 1e100);
    let first = finite.next()?;
    Some(finite.fold((first, first), |(low, high), x| (low.min(x), high.max(x))))
}

/// 1, 2 or 5 times a power of ten, at most about `most` of which fill the width.
fn step(width: f64, most: usize) -> f64 {
    let rough = width / most as f64;
    let decade = 10f64.powf(rough.log10().floor());
    let nice = [1.0, 2.0, 5.0].into_iter().find(|nice| nice * decade >= rough * 0.999);
    nice.unwrap_or(10.0) * decade
}

/// A number in as few letters as tell it.
pub(crate) fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        size if (1e-3..1e5).contains(&size) => {
            let decimals = (2 - size.log10().floor() as i32).max(0) as usize;
            let text = format!("{value:.decimals$}");
            if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text }
        }
        _ => format!("{value:.1e}"),
    }
}

fn superscript(power: i32) -> String {
    let raised = |letter: char| match letter {
        '-' => '\u{207b}',
        '1' => '\u{b9}',
        '2' => '\u{b2}',
        '3' => '\u{b3}',
        digit => char::from_u32(0x2070 + digit.to_digit(10).unwrap_or(0)).unwrap_or(digit),
    };
    power.to_string().chars().map(raised).collect()
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        // Lines are cut before; this keeps whatever else there may be from being drawn over the neighbours.
        let part = self.part(*value).clamp(-0.05, 1.05);
        from + (part * f64::from(to - from)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        self.ticks(hint.max_num_points().min(12))
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

impl ValueFormatter<f64> for Axis {
    fn format(value: &f64) -> String {
        short(*value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_numbers_inside_of_the_axis() {
        let axis = Axis::linear("x", [-17.3, 19.9]).unwrap();
        let labels: Vec<String> = axis.ticks(6).iter().map(|&x| axis.tick_label(x)).collect();
        assert_eq!(labels, ["\u{2212}10", "0", "10", "20"]);
        let axis = Axis::linear("x", [0.0, 0.5]).unwrap();
        let labels: Vec<String> = axis.ticks(6).iter().map(|&x| axis.tick_label(x)).collect();
        assert_eq!(labels, ["0", "0.1", "0.2", "0.3", "0.4", "0.5"]);
        let halves = Axis::linear("x", [-2.0, 2.0]).unwrap();
        for most in [3, 5, 8, 12, 24] {
            for tick in halves.ticks(most) {
                let label = halves.tick_label(tick).replace('\u{2212}', "-");
                assert!((label.parse::<f64>().unwrap() - tick).abs() < 1e-9, "{tick} is called {label}");
            }
        }
    }

    #[test]
    fn decades_are_powers_of_ten() {
        let axis = Axis::log("loss", [2e-7, 3.0, 0.0, f64::NAN]).unwrap();
        let labels: Vec<String> = axis.ticks(4).iter().map(|&x| axis.tick_label(x)).collect();
        assert_eq!(labels, ["10\u{207b}\u{2076}", "10\u{207b}\u{2074}", "0.01", "1"]);
        assert!(Axis::log("loss", [2.0]).unwrap().ticks(4).len() >= 2);
        assert!(Axis::log("loss", [0.0, f64::NAN]).is_none());
    }

    #[test]
    fn constants_and_extremes_have_axes_too() {
        for values in [[3.0, 3.0], [0.0, 0.0], [1e99, -1e99], [1e-300, 2e-300], [0.0, 5e-324], [5e-324, 1.0]]
        {
            let axis = Axis::linear("x", values).unwrap();
            assert!(axis.part(values[0]).is_finite() && axis.ticks(6).len() < 20, "{values:?}");
        }
    }
}
