//! Periodic grids of one or two axes, and the wavenumbers on them.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use crate::FieldError;

/// A periodic grid of equally spaced points. Arrays on a grid are row-major, \[x\] or \[y, x\].
///
/// ```
/// let grid = pde::Grid::new(&[32, 64], &[1.0, 2.0])?; // 32 points along y, 64 along x
/// assert_eq!((grid.points(), grid.spacing(0), grid.spacing(1)), (2048, 1.0 / 32.0, 2.0 / 64.0));
/// # Ok::<(), pde::FieldError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked", into = "Unchecked")]
pub struct Grid {
    points: Vec<usize>,
    length: Vec<f64>,
}

/// A grid as it stands in a file.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "grid")]
struct Unchecked {
    /// Number of points along x, or along y and x; even, and at least 8.
    points: Vec<usize>,
    /// Period of the grid along x, or along y and x.
    length: Vec<f64>,
}

impl JsonSchema for Grid {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Grid".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Unchecked::json_schema(generator)
    }
}

impl TryFrom<Unchecked> for Grid {
    type Error = FieldError;

    fn try_from(grid: Unchecked) -> Result<Self, FieldError> {
        Grid::new(&grid.points, &grid.length)
    }
}

impl From<Grid> for Unchecked {
    fn from(grid: Grid) -> Self {
        Unchecked { points: grid.points, length: grid.length }
    }
}

impl Grid {
    /// The smallest number of points of an axis.
    pub const MIN_POINTS: usize = 8;
    /// The largest number of points of a grid.
    pub const MAX_POINTS: usize = 1 << 24;

    /// The grid with `points` along each axis and periods `length`, both in the order of the array: \[x\] or \[y, x\].
    ///
    /// # Errors
    /// [`FieldError::Invalid`] unless there are one or two axes, each with an even number of at least 8 points and a
    /// positive length, and at most 2^24 points in all.
    pub fn new(points: &[usize], length: &[f64]) -> Result<Self, FieldError> {
        let invalid = |message: String| Err(FieldError::Invalid(message));
        if points.len() != length.len() || !(1..=2).contains(&points.len()) {
            return invalid(format!(
                "a grid has one axis or two, each with a number of points and a length; points has {} entries and length {}",
                points.len(),
                length.len()
            ));
        }
        if let Some(n) = points.iter().find(|&n| n % 2 == 1 || *n < Self::MIN_POINTS) {
            return invalid(format!(
                "points = {n} must be even and at least {}: the derivatives come from a Fourier series whose highest \
                 wavenumber is that of two points a wave",
                Self::MIN_POINTS
            ));
        }
        if points
            .iter()
            .try_fold(1usize, |all, &n| all.checked_mul(n))
            .is_none_or(|all| all > Self::MAX_POINTS)
        {
            return invalid(format!("points = {points:?} are more than {} in all", Self::MAX_POINTS));
        }
        if let Some(length) = length.iter().find(|length| !(**length > 0.0 && length.is_finite())) {
            return invalid(format!("length = {length} must be positive and finite"));
        }
        Ok(Grid { points: points.to_vec(), length: length.to_vec() })
    }

    /// A grid that is known to be valid, for the default of a system.
    pub(crate) fn preset(points: &[usize], length: &[f64]) -> Self {
        debug_assert!(Grid::new(points, length).is_ok());
        Grid { points: points.to_vec(), length: length.to_vec() }
    }

    /// Number of axes, 1 or 2.
    pub fn dims(&self) -> usize {
        self.points.len()
    }

    /// Number of points in all.
    pub fn points(&self) -> usize {
        self.points.iter().product()
    }

    /// Number of points along each axis, \[x\] or \[y, x\].
    pub fn shape(&self) -> &[usize] {
        &self.points
    }

    /// Periods, \[x\] or \[y, x\].
    pub fn length(&self) -> &[f64] {
        &self.length
    }

    /// The distance of neighbouring points along axis `axis` of the array.
    pub fn spacing(&self, axis: usize) -> f64 {
        self.length[axis] / self.points[axis] as f64
    }

    /// Coordinates along axis `axis` of the array: i * spacing, from 0.
    pub fn coordinates(&self, axis: usize) -> Vec<f64> {
        (0..self.points[axis]).map(|i| i as f64 * self.length[axis] / self.points[axis] as f64).collect()
    }

    /// The values of `f(x, y)` at all points; y = 0 on a grid of one axis.
    pub fn sample(&self, f: impl Fn(f64, f64) -> f64) -> Vec<f64> {
        let x = self.coordinates(self.dims() - 1);
        let y = if self.dims() == 2 { self.coordinates(0) } else { vec![0.0] };
        y.iter().flat_map(|&y| x.iter().map(move |&x| (x, y))).map(|(x, y)| f(x, y)).collect()
    }

    /// Number of points along \[x, y\]; 1 along y on a grid of one axis.
    pub(crate) fn nx_ny(&self) -> [usize; 2] {
        match self.points[..] {
            [ny, nx] => [nx, ny],
            _ => [self.points[0], 1],
        }
    }

    /// The smallest positive wavenumbers 2 pi / length along \[x, y\]; 0 along y on a grid of one axis.
    pub fn fundamental(&self) -> [f64; 2] {
        use std::f64::consts::TAU;
        match self.length[..] {
            [ly, lx] => [TAU / lx, TAU / ly],
            _ => [TAU / self.length[0], 0.0],
        }
    }

    /// The Fourier modes on which a product of `degree` factors is computed without aliasing errors.
    ///
    /// A product of `degree` modes with indices up to K reaches degree * K, which the grid confuses with N - degree * K.
    /// That is outside the kept modes where (degree + 1) K < N: the 2/3 rule for quadratic terms (Orszag 1971), the 1/2
    /// rule for cubic ones. Degree 1 keeps all modes except the one of two points a wave, whose derivative is undefined.
    pub fn kept(&self, degree: usize) -> Kept {
        let [nx, ny] = self.nx_ny();
        Kept { x: (nx - 1) / (degree + 1), y: (ny - 1) / (degree + 1) }
    }
}

/// The Fourier modes that a solver keeps: kx = 0..=x and ky = -y..=y, in units of the fundamental wavenumbers. The modes of
/// negative kx are the complex conjugates, since fields are real.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The largest index along x.
    pub x: usize,
    /// The largest index along y; 0 on a grid of one axis.
    pub y: usize,
}

impl Kept {
    /// Number of modes.
    pub fn count(&self) -> usize {
        (self.x + 1) * self.per_column()
    }

    /// Number of modes of the same kx.
    pub fn per_column(&self) -> usize {
        2 * self.y + 1
    }

    /// The indices \[kx, ky\] of all modes in the order in which solvers store them: \[kx, ky\] with ky = 0..=y, -y..=-1.
    pub fn indices(&self) -> impl Iterator<Item = [i64; 2]> + use<> {
        let (x, y) = (self.x as i64, self.y as i64);
        (0..=x).flat_map(move |kx| (0..=y).chain(-y..0).map(move |ky| [kx, ky]))
    }

    /// The position of the mode \[kx, ky\] in that order; `None` where the mode is not kept or kx is negative.
    pub fn position(&self, [kx, ky]: [i64; 2]) -> Option<usize> {
        let (x, y) = (self.x as i64, self.y as i64);
        ((0..=x).contains(&kx) && (-y..=y).contains(&ky))
            .then(|| kx as usize * self.per_column() + ky.rem_euclid(2 * y + 1) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kept_modes_satisfy_the_two_thirds_and_the_one_half_rule_strictly() {
        for (points, degree, kept) in
            [(64, 2, 21), (96, 2, 31), (64, 3, 15), (160, 2, 53), (10, 1, 4), (64, 1, 31)]
        {
            let grid = Grid::new(&[points], &[1.0]).unwrap();
            assert_eq!(grid.kept(degree), Kept { x: kept, y: 0 }, "{points} {degree}");
            assert!((degree + 1) * kept < points && (degree + 1) * (kept + 1) >= points);
        }
    }

    #[test]
    fn positions_count_the_modes_in_order() {
        let kept = Kept { x: 3, y: 2 };
        for (position, index) in kept.indices().enumerate() {
            assert_eq!(kept.position(index), Some(position));
        }
        assert_eq!((kept.count(), kept.indices().count()), (20, 20));
        assert_eq!((kept.position([4, 0]), kept.position([0, -3])), (None, None));
    }

    #[test]
    fn invalid_grids_are_refused_with_the_number() {
        for (points, length, part) in [
            (&[63][..], &[1.0][..], "points = 63 must be even"),
            (&[6], &[1.0], "points = 6 must be even and at least 8"),
            (&[0], &[1.0], "points = 0"),
            (&[64, 65], &[1.0, 1.0], "points = 65"),
            (&[64], &[0.0], "length = 0"),
            (&[64], &[f64::NAN], "length = NaN"),
            (&[64, 64], &[1.0], "points has 2 entries and length 1"),
            (&[64, 64, 64], &[1.0, 1.0, 1.0], "one axis or two"),
            (&[1 << 20, 1 << 20], &[1.0, 1.0], "in all"),
            (&[1 << 63, 1 << 63], &[1.0, 1.0], "in all"),
        ] {
            let message = Grid::new(points, length).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
    }
}
