//! Dormand and Prince's method of order 5 with an error of order 4 and an interpolation of order 4 (Dormand and Prince
//! 1980; Hairer, Norsett, Wanner, "Solving Ordinary Differential Equations I", 2nd edition, II.5, table 5.2; II.6).

use super::adaptive::{Method, Work};
use super::rows::{stage, sum};
use super::slopes::Slopes;
use crate::Scalar;

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
    fn step<S: Scalar>(system: &dyn Slopes<S>, t: S, h: S, work: &mut Work<S>) {
        stage!(system, t, h, work; 1 at 0.2: 0 * 0.2);
        stage!(system, t, h, work; 2 at 0.3: 0 * 0.075, 1 * 0.225);
        stage!(system, t, h, work; 3 at 0.8: 0 * 0.9777777777777777, 1 * -3.7333333333333334, 2 * 3.5555555555555554);
        stage!(system, t, h, work; 4 at 0.8888888888888888: 0 * 2.9525986892242035, 1 * -11.595793324188385, 2 * 9.822892851699436, 3 * -0.2908093278463649);
        stage!(system, t, h, work; 5 at 1.0: 0 * 2.8462752525252526, 1 * -10.757575757575758, 2 * 8.906422717743473, 3 * 0.2784090909090909, 4 * -0.2735313036020583);
        let Work { k, u, next, .. } = work;
        let dim = u.len();
        let (next, slope) = (
            &mut next[..dim],
            sum!(k, dim; 0 * 0.09114583333333333, 2 * 0.44923629829290207, 3 * 0.6510416666666666, 4 * -0.322376179245283, 5 * 0.13095238095238096),
        );
        for j in 0..dim {
            next[j] = u[j] + slope.at(j) * h;
        }
    }

    #[inline(always)]
    fn error<S: Scalar>(h: S, work: &Work<S>) -> S {
        let dim = work.u.len();
        let (errors, weight) = (
            sum!(work.k, dim; 0 * 0.0012326388888888888, 2 * -0.0042527702905061394, 3 * 0.03697916666666667, 4 * -0.05086379716981132, 5 * 0.0419047619047619, 6 * -0.025),
            &work.weight[..dim],
        );
        let mut sum = S::from(0.0);
        for j in 0..dim {
            let error = errors.at(j) * h * weight[j];
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
    fn interpolation<S: Scalar>(_: &dyn Slopes<S>, _: S, h: S, work: &mut Work<S>) {
        let Work { k, u, next, c, .. } = work;
        let dim = u.len();
        let (next, first, last) = (&next[..dim], &k.row(0)[..dim], &k.row(Self::LAST)[..dim]);
        let d4 = sum!(k, dim; 0 * -1.1270175653862835, 2 * 2.675424484351598, 3 * -5.685526961588504, 4 * 3.5219323679207912, 5 * -1.7672812570757455, 6 * 2.382468931778144);
        for (j, c) in c.chunks_exact_mut(Self::COEFFICIENTS).enumerate() {
            let difference = next[j] - u[j];
            let bend = first[j] * h - difference;
            c[0] = u[j];
            c[1] = difference;
            c[2] = bend;
            c[3] = difference - last[j] * h - bend;
            c[4] = d4.at(j) * h;
        }
    }

    #[inline(always)]
    fn at<S: Scalar>(c: &[S], theta: S) -> [S; 2] {
        let rest = -theta + 1.0;
        let (u3, du3) = (c[3] + rest * c[4], -c[4]);
        let (u2, du2) = (c[2] + theta * u3, u3 + theta * du3);
        let (u1, du1) = (c[1] + rest * u2, rest * du2 - u2);
        [c[0] + theta * u1, u1 + theta * du1]
    }
}
