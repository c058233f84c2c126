//! Colours for the values of fields, as steps between a few colours that are known to be even and safe for the colour-blind.

/// A scale of colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colors {
    /// For values of both signs: `vik` (Crameri 2018, "Scientific colour maps"), blue, white, and red.
    Signed,
    /// For values from 0 up: `viridis` (van der Walt and Smith 2015).
    Positive,
    /// For angles: `romaO` (Crameri 2018), whose ends meet.
    Cyclic,
}

impl Colors {
    /// Number of steps.
    pub const STEPS: usize = 33;

    fn anchors(self) -> &'static [[u8; 3]] {
        match self {
            Colors::Signed => &[
                [0, 18, 97],
                [3, 62, 125],
                [30, 111, 157],
                [113, 168, 196],
                [201, 221, 231],
                [236, 229, 224],
                [233, 205, 190],
                [211, 151, 116],
                [190, 101, 51],
                [139, 39, 6],
                [89, 0, 8],
            ],
            Colors::Positive => &[
                [68, 1, 84],
                [72, 40, 120],
                [62, 73, 137],
                [49, 104, 142],
                [38, 130, 142],
                [31, 158, 137],
                [53, 183, 121],
                [110, 206, 88],
                [181, 222, 43],
                [253, 231, 37],
            ],
            Colors::Cyclic => &[
                [115, 57, 87],
                [136, 64, 54],
                [157, 97, 47],
                [180, 142, 62],
                [207, 197, 119],
                [204, 227, 182],
                [147, 209, 205],
                [88, 165, 196],
                [77, 117, 172],
                [98, 71, 124],
                [115, 57, 87],
            ],
        }
    }

    /// The step of a part of the way along the scale, 0 to 1.
    pub fn step(self, part: f64) -> usize {
        (part.clamp(0.0, 1.0) * (Self::STEPS - 1) as f64).round() as usize
    }

    /// The colour of a step, as in a style sheet.
    pub fn hex(self, step: usize) -> String {
        let anchors = self.anchors();
        let at = step as f64 / (Self::STEPS - 1) as f64 * (anchors.len() - 1) as f64;
        let below = (at as usize).min(anchors.len() - 2);
        let mix = |k: usize| {
            let (a, b) = (f64::from(anchors[below][k]), f64::from(anchors[below + 1][k]));
            (a + (b - a) * (at - below as f64)).round() as u8
        };
        format!("#{:02x}{:02x}{:02x}", mix(0), mix(1), mix(2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_run_from_the_first_colour_to_the_last() {
        assert_eq!(
            (Colors::Signed.step(0.0), Colors::Signed.step(0.5), Colors::Signed.step(7.0)),
            (0, 16, 32)
        );
        assert_eq!((Colors::Signed.hex(0), Colors::Signed.hex(32)), ("#001261".into(), "#590008".into()));
        assert_eq!(Colors::Signed.hex(16), "#ece5e0");
        assert_eq!(Colors::Cyclic.hex(0), Colors::Cyclic.hex(32));
        assert_eq!(Colors::Positive.hex(32), "#fde725");
    }
}
