//! Dormand and Prince's method of order 5 with an error of order 4 and an interpolation of order 4 (Dormand and Prince
//! 1980; Hairer, Norsett, Wanner, "Solving Ordinary Differential Equations I", 2nd edition, II.5, table 5.2; II.6).

use super::adaptive::{Method, NEXT, STAGE, U, WEIGHT, Work};
use super::dop853::{stage, sum};
use crate::{Ode, Scalar};

pub(super) struct Dopri5;

impl Method for Dopri5 {
    const ORDER: i32 = 5;
    const DERIVATIVES: usize = 7;
    const LAST: usize = 6;
    const AT_END: usize = 5;
    const COEFFICIENTS: usize = 5;
    const CHANGE: [f64; 2] = [0.2, 10.0];
    const STABLE: f64 = 3.25;
    const DEFECT: f64 = 1e3;

    #[inline(always)]
    fn step<S: Scalar>(ode: &impl Ode, t: S, h: S, work: &mut Work<S>) {
        stage!(ode, t, h, work, 1 at 0.2: 0 * 0.2);
        stage!(ode, t, h, work, 2 at 0.3: 0 * 0.075, 1 * 0.225);
        stage!(ode, t, h, work, 3 at 0.8: 0 * 0.9777777777777777, 1 * -3.7333333333333334, 2 * 3.5555555555555554);
        stage!(ode, t, h, work, 4 at 0.8888888888888888: 0 * 2.9525986892242035, 1 * -11.595793324188385, 2 * 9.822892851699436, 3 * -0.2908093278463649);
        stage!(ode, t, h, work, 5 at 1.0: 0 * 2.8462752525252526, 1 * -10.757575757575758, 2 * 8.906422717743473, 3 * 0.2784090909090909, 4 * -0.2735313036020583);
        let dim = ode.dim();
        for j in 0..dim {
            let slope = sum!(work.k, j, dim: 0 * 0.09114583333333333, 2 * 0.44923629829290207, 3 * 0.6510416666666666, 4 * -0.322376179245283, 5 * 0.13095238095238096);
            work.x.row_mut(NEXT, dim)[j] = work.x.row(U, dim)[j] + slope * h;
        }
    }

    #[inline(always)]
    fn error<S: Scalar>(dim: usize, h: S, work: &Work<S>) -> S {
        let mut sum = S::from(0.0);
        for j in 0..dim {
            let error = (sum!(work.k, j, dim: 0 * 0.0012326388888888888, 2 * -0.0042527702905061394, 3 * 0.03697916666666667, 4 * -0.05086379716981132, 5 * 0.0419047619047619, 6 * -0.025))
                * h
                * work.scales.row(WEIGHT, dim)[j];
            sum = sum + error * error;
        }
        (sum / dim as f64).sqrt()
    }

    /// To the power of 3/16, by square roots: a little less than a fifth, as the code of Hairer and Wanner takes
    /// (0.17), so that steps do not swing.
    #[inline(always)]
    fn factor(error: f64) -> f64 {
        let eighth = error.sqrt().sqrt().sqrt();
        eighth * eighth.sqrt()
    }

    #[inline(always)]
    fn interpolation<S: Scalar>(ode: &impl Ode, _t: S, h: S, work: &mut Work<S>) {
        let dim = ode.dim();
        for j in 0..dim {
            let (u, next) = (work.x.row(U, dim)[j], work.x.row(NEXT, dim)[j]);
            let (first, last) = (work.k.row(0, dim)[j] * h, work.k.row(Self::LAST, dim)[j] * h);
            let difference = next - u;
            let bend = first - difference;
            let d4 = (sum!(work.k, j, dim: 0 * -1.1270175653862835, 2 * 2.675424484351598, 3 * -5.685526961588504, 4 * 3.5219323679207912, 5 * -1.7672812570757455, 6 * 2.382468931778144))
                * h;
            work.c.row_mut(0, dim)[j] = u;
            work.c.row_mut(1, dim)[j] = difference;
            work.c.row_mut(2, dim)[j] = bend;
            work.c.row_mut(3, dim)[j] = difference - last - bend;
            work.c.row_mut(4, dim)[j] = d4;
        }
    }

    #[inline(always)]
    fn at<S: Scalar>(j: usize, dim: usize, theta: S, work: &Work<S>) -> [S; 2] {
        let (c, rest) = (&work.c, -theta + 1.0);
        let (u3, du3) = (c.row(3, dim)[j] + rest * c.row(4, dim)[j], -c.row(4, dim)[j]);
        let (u2, du2) = (c.row(2, dim)[j] + theta * u3, u3 + theta * du3);
        let (u1, du1) = (c.row(1, dim)[j] + rest * u2, rest * du2 - u2);
        [c.row(0, dim)[j] + theta * u1, u1 + theta * du1]
    }
}
