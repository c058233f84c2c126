//! Lyapunov exponents as text.

use std::fmt::Write;

use sim::lyapunov::{Estimate, Spectrum};

use forecast::rosenstein::{Estimate as Recorded, Verdict};

use crate::layout::{lay_out, number, with_error, wrap};
use crate::visible;

/// The largest exponents that the table of convergence shows.
const SHOWN: usize = 3;

/// The spectrum, its sum and dimension, and how it converged. `all` says that these are the exponents of all directions,
/// of which alone the sum is that of growth of volumes.
pub fn spectrum(spectrum: &Spectrum, all: bool) -> String {
    let Spectrum { estimate, trajectories, kaplan_yorke, convergence } = spectrum;
    let decimals = decimals(&estimate.standard_errors, &estimate.exponents);
    let cell = |x: f64| {
        let text = format!("{x:.decimals$}");
        // no sign on what is shown as zero
        if text.trim_start_matches(['-', '0', '.']).is_empty() { text.replace('-', "") } else { text }
    };
    let mut columns = [vec!["".to_owned()], vec!["exponent".into()], vec!["standard error".into()]];
    let mut line = |name: String, exponent: String, error: String| {
        columns.iter_mut().zip([name, exponent, error]).for_each(|(column, cell)| column.push(cell));
    };
    for (k, (&exponent, &error)) in estimate.exponents.iter().zip(&estimate.standard_errors).enumerate() {
        line((k + 1).to_string(), cell(exponent), cell(error));
    }
    if all {
        // it may be exact, as the divergence of the flow is where that is constant
        let decimals = decimals.max(6);
        line("sum".into(), format!("{:.decimals$}", estimate.exponents.iter().sum::<f64>()), String::new());
    }
    let mut text = format!(
        "{}\nPer time unit, from {trajectories} trajectories of {} time units each.\n",
        lay_out(&columns),
        estimate.time
    );
    match kaplan_yorke {
        Some([dimension, error]) => {
            let decimals = self::decimals(&[*error], &[*dimension]);
            let _ = writeln!(text, "Kaplan-Yorke dimension {dimension:.decimals$} +- {error:.decimals$}.");
        }
        None if all => {
            let states = estimate.exponents.len();
            let _ = writeln!(
                text,
                "Volumes are not known to shrink: the Kaplan-Yorke dimension is then that of the state space, {states}."
            );
        }
        None => {
            text += "The Kaplan-Yorke dimension needs more exponents: the sum of these is not known to be negative.\n"
        }
    }
    text + "\nConvergence\n" + &convergence_table(convergence, &cell)
}

/// The largest exponents of the quantities of a recording: a line each with how it was found, and what it is worth. Lines
/// have at most `width` characters. `best` is the place of the exponent to count valid prediction times in.
pub fn recorded_exponents(found: &[(&str, &Recorded)], dt: f64, best: Option<usize>, width: usize) -> String {
    type Cell = fn(&Recorded, f64) -> String;
    let columns: [([&str; 2], Cell); 6] = [
        (["largest", "exponent"], |of, _| with_error([of.exponent, of.standard_error])),
        (["", "delay"], |of, dt| number(of.delay as f64 * dt)),
        (["dimen-", "sion"], |of, _| of.dimension.to_string()),
        (["neighbours", "apart by"], |of, dt| number(of.separation as f64 * dt)),
        (["fitted from", "to"], |of, _| format!("{} to {}", number(of.fit[0]), number(of.fit[1]))),
        (["", "verdict"], |of, _| {
            let words = match of.verdict {
                Verdict::Chaotic => "chaotic",
                Verdict::NotChaotic => "not chaotic",
                Verdict::Unreliable(_) => "unreliable",
            };
            words.into()
        }),
    ];
    let names = found.iter().map(|(name, _)| visible(name));
    let mut cells = vec![[String::new(), String::new()].into_iter().chain(names).collect::<Vec<_>>()];
    for (heading, cell) in columns {
        let heading = heading.map(str::to_owned).into_iter();
        cells.push(heading.chain(found.iter().map(|(_, of)| cell(of, dt))).collect());
    }
    let mut text = lay_out(&cells);
    text.push('\n');
    let mut note = |line: &str| text += &wrap(&visible(line), width);
    note(
        "The exponent, with its standard error, is in units of 1 / time. The delay, the distance of neighbours in time and the \
         range of the fit are in units of time. The method (Rosenstein et al. 1993) also tends to give too small a value, by \
         up to a quarter; the standard error does not include this bias.",
    );
    for (name, of) in found {
        match &of.verdict {
            Verdict::Chaotic => {}
            Verdict::NotChaotic => note(&format!(
                "{name}: not chaotic. Distances between neighbours hardly grow in twenty periods."
            )),
            Verdict::Unreliable(why) => note(&format!("{name}: unreliable. {}{}.", capital(why), &why[1..])),
        }
    }
    if let Some((_, of)) = best.and_then(|best| found.get(best)) {
        let line = format!("lyapunov_exponent = {:.3e}", of.exponent);
        let plain = format!("{:.3e}", of.exponent).parse::<f64>().map(|x| x.to_string());
        let line = plain.map_or(line, |plain| format!("lyapunov_exponent = {plain}"));
        let copy = "To count valid prediction times in Lyapunov times, copy this to the experiment file:";
        text += &format!("\n{}\n[evaluate]\n{line}\n", wrap(copy, width));
    }
    text
}

/// The first letter of a sentence as a capital.
fn capital(sentence: &str) -> char {
    sentence.chars().next().map_or(' ', |first| first.to_ascii_uppercase())
}

/// The largest exponents after every doubling of the time, so that their errors should fall by the root of 2.
fn convergence_table(convergence: &[Estimate], cell: &dyn Fn(f64) -> String) -> String {
    let shown = convergence.last().map_or(0, |last| last.exponents.len().min(SHOWN));
    let doublings: Vec<&Estimate> =
        (0..).map(|i| (1usize << i) - 1).map_while(|i| convergence.get(i)).collect();
    let mut columns = vec![vec!["time".to_owned()]];
    columns[0].extend(doublings.iter().map(|estimate| estimate.time.to_string()));
    for k in 0..shown {
        let with_error =
            |of: &&Estimate| format!("{} +- {}", cell(of.exponents[k]), cell(of.standard_errors[k]));
        columns.push(std::iter::once((k + 1).to_string()).chain(doublings.iter().map(with_error)).collect());
    }
    lay_out(&columns)
}

/// The number of decimals that shows two digits of the largest error. It is at least 2, and at most the number that shows
/// 7 digits of the largest number, or of 1 if that needs fewer decimals: the size of exponents depends on the unit of time.
fn decimals(errors: &[f64], numbers: &[f64]) -> usize {
    let largest = |of: &[f64]| of.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
    let digit = |x: f64| -x.log10().floor();
    let most = 7.0 + digit(largest(numbers).clamp(1e-200, 1.0)).max(1.0) - 1.0;
    (1.0 + digit(largest(errors).max(1e-300))).clamp(2.0, most) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::lyapunov::History;

    fn of(rates: &[&[f64]]) -> Spectrum {
        let history = |rates: &&[f64]| History {
            times: (1..=16).map(|i| 62.5 * f64::from(i)).collect(),
            logarithms: (1..=16).map(|i| rates.iter().map(|r| r * 62.5 * f64::from(i)).collect()).collect(),
        };
        Spectrum::new(&rates.iter().map(history).collect::<Vec<_>>())
    }

    #[test]
    fn a_spectrum_is_shown_with_its_errors_and_convergence() {
        let text = spectrum(&of(&[&[0.9, 1e-6, -14.56], &[0.91, -2e-6, -14.58]]), true);
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        assert_eq!(
            lines[..9],
            [
                "       exponent  standard error",
                "1        0.9050          0.0050",
                "2        0.0000          0.0000",
                "3      -14.5700          0.0100",
                "sum  -13.665000",
                "",
                "Per time unit, from 2 trajectories of 1000 time units each.",
                "Kaplan-Yorke dimension 2.06211 +- 0.00030.",
                "",
            ],
            "{text}"
        );
        assert_eq!(lines[9], "Convergence");
        assert_eq!(lines[11], "62.5  0.9050 +- 0.0050  0.0000 +- 0.0000  -14.5700 +- 0.0100");
        assert_eq!(lines.len(), 16);
        assert!(lines.iter().all(|line| line.chars().count() <= 80));
    }

    #[test]
    fn the_unit_of_time_hides_no_digit() {
        // in units a million times as short
        let slow = spectrum(&of(&[&[0.9e-6, -14.56e-6], &[0.91e-6, -14.57e-6]]), true);
        let lines: Vec<&str> = slow.lines().map(str::trim_end).collect();
        assert!(lines[1].ends_with("0.0000009050    0.0000000050"), "{slow}");
        assert!(lines[3].ends_with("-0.0000136600"), "{slow}");
        let fast = spectrum(&of(&[&[0.9e6, -14.56e6], &[0.91e6, -14.58e6]]), true);
        assert!(fast.lines().nth(1).unwrap().ends_with("905000.00         5000.00"), "{fast}");
    }

    #[test]
    fn what_cannot_be_known_is_said() {
        let one = spectrum(&of(&[&[0.9], &[0.91]]), false);
        assert!(one.contains("needs more exponents") && !one.contains("sum  "), "{one}");
        let growing = spectrum(&of(&[&[0.9], &[0.91]]), true);
        assert!(growing.contains("Volumes are not known to shrink"), "{growing}");
    }
}
