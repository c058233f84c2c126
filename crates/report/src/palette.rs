//! The inks that pictures are drawn with: colours of Okabe and Ito (2008, "Color universal design"), which people with
//! any of the common colour blindnesses tell apart, each with a dash pattern of its own for print in grey.

use std::fmt::Write;

use plotters::style::RGBColor;

/// A colour with a meaning, and how lines in it are dashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    Paper,
    Text,
    Quiet,
    Grid,
    Truth,
    Forecast,
    Train,
    Validation,
    Spread,
    Mark,
    Limit,
    First,
    Second,
    Third,
}

/// All inks; no two share a light colour, by which the canvas knows them.
const INKS: [Ink; 14] = [
    Ink::Paper,
    Ink::Text,
    Ink::Quiet,
    Ink::Grid,
    Ink::Truth,
    Ink::Forecast,
    Ink::Train,
    Ink::Validation,
    Ink::Spread,
    Ink::Mark,
    Ink::Limit,
    Ink::First,
    Ink::Second,
    Ink::Third,
];

/// The name of an ink in style sheets, its colours on white and on dark paper, its dashes in tenths of a pixel.
struct Look {
    class: &'static str,
    light: u32,
    dark: u32,
    dashes: &'static str,
}

impl Ink {
    const fn look(self) -> Look {
        let (class, light, dark, dashes) = match self {
            Ink::Paper => ("paper", 0xffffff, 0x16181c, ""),
            Ink::Text => ("text", 0x1f2328, 0xe6e8eb, ""),
            Ink::Quiet => ("quiet", 0x5a626b, 0xa3abb5, ""),
            Ink::Grid => ("grid", 0xdfe3e7, 0x33383f, ""),
            Ink::Truth => ("truth", 0x2b3036, 0xd9dde2, ""),
            Ink::Forecast => ("forecast", 0xd55e00, 0xff8f40, "70 30"),
            Ink::Train => ("train", 0x0072b2, 0x56b4e9, ""),
            Ink::Validation => ("validation", 0xd45d00, 0xff8f41, "70 30"),
            Ink::Spread => ("spread", 0x0071b1, 0x55b3e8, ""),
            Ink::Mark => ("mark", 0x007f5c, 0x2fc79c, "20 30"),
            Ink::Limit => ("limit", 0x7a828b, 0x8c95a0, "90 30 20 30"),
            Ink::First => ("first", 0xb8618f, 0xe398bf, "50 40"),
            Ink::Second => ("second", 0x009e73, 0x35c99f, "110 40"),
            Ink::Third => ("third", 0xc08a00, 0xf0b93a, "20 25"),
        };
        Look { class, light, dark, dashes }
    }

    /// The ink that is drawn in this colour.
    pub fn of(rgb: (u8, u8, u8)) -> Option<Ink> {
        INKS.into_iter().find(|ink| ink.rgb() == rgb)
    }

    fn rgb(self) -> (u8, u8, u8) {
        let [_, red, green, blue] = self.look().light.to_be_bytes();
        (red, green, blue)
    }

    /// Its colour on white paper, as plotters takes it.
    pub fn color(self) -> RGBColor {
        let (red, green, blue) = self.rgb();
        RGBColor(red, green, blue)
    }

    /// Its name in style sheets.
    pub fn class(self) -> &'static str {
        self.look().class
    }

    /// How lines in it are dashed, as SVG's `stroke-dasharray`; empty of a whole line.
    pub fn dashes(self) -> &'static str {
        self.look().dashes
    }
}

/// Rules that colour pictures by variables, and the variables for light and dark paper. What is printed is light.
pub(crate) fn style_sheet() -> String {
    let variables = |colour: fn(&Look) -> u32| -> String {
        INKS.iter().map(|ink| format!("--{}:#{:06x};", ink.class(), colour(&ink.look()))).collect()
    };
    let (light, dark) = (variables(|look| look.light), variables(|look| look.dark));
    let mut css = format!(
        ":root{{color-scheme:light;{light}}}\n\
         @media screen and (prefers-color-scheme:dark){{:root{{color-scheme:dark;{dark}}}}}\n"
    );
    for ink in INKS {
        let class = ink.class();
        let _ = writeln!(css, ".s-{class}{{stroke:var(--{class})}}.f-{class}{{fill:var(--{class})}}");
    }
    css
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_ink_is_known_by_its_colour() {
        for ink in INKS {
            assert_eq!(Ink::of(ink.rgb()), Some(ink));
        }
        assert_eq!(Ink::of((1, 2, 3)), None);
    }
}
