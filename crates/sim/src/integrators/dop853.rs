//! Dormand and Prince's method of order 8 with errors of orders 5 and 3, and an interpolation of order 7: DOP853
//! (Hairer, Norsett, Wanner, "Solving Ordinary Differential Equations I", 2nd edition, II.5 and II.6; coefficients of
//! their Fortran code).

use super::adaptive::{Method, Work};
use super::rows::{Sum, stage, sum};
use super::slopes::Slopes;
use crate::Scalar;

pub(crate) struct Dop853;

impl Method for Dop853 {
    const ORDER: i32 = 8;
    const DERIVATIVES: usize = 16;
    const LAST: usize = 12;
    const AT_END: usize = 11;
    const COEFFICIENTS: usize = 8;
    const CHANGE: [f64; 2] = [0.333, 6.0];
    const STABLE: f64 = 6.1;
    const DEFECT: f64 = 1e4;

    #[inline(always)]
    fn step<S: Scalar>(system: &dyn Slopes<S>, t: S, h: S, work: &mut Work<S>) {
        stage!(system, t, h, work; 1 at 0.05260015195876773: 0 * 0.05260015195876773);
        stage!(system, t, h, work; 2 at 0.0789002279381516: 0 * 0.0197250569845379, 1 * 0.0591751709536137);
        stage!(system, t, h, work; 3 at 0.1183503419072274: 0 * 0.02958758547680685, 2 * 0.08876275643042054);
        stage!(system, t, h, work; 4 at 0.2816496580927726: 0 * 0.2413651341592667, 2 * -0.8845494793282861, 3 * 0.924834003261792);
        stage!(system, t, h, work; 5 at 0.3333333333333333: 0 * 0.037037037037037035, 3 * 0.17082860872947386, 4 * 0.12546768756682242);
        stage!(system, t, h, work; 6 at 0.25: 0 * 0.037109375, 3 * 0.17025221101954405, 4 * 0.06021653898045596, 5 * -0.017578125);
        stage!(system, t, h, work; 7 at 0.3076923076923077: 0 * 0.03709200011850479, 3 * 0.17038392571223998, 4 * 0.10726203044637328, 5 * -0.015319437748624402, 6 * 0.008273789163814023);
        stage!(system, t, h, work; 8 at 0.6512820512820513: 0 * 0.6241109587160757, 3 * -3.3608926294469414, 4 * -0.868219346841726, 5 * 27.59209969944671, 6 * 20.154067550477894, 7 * -43.48988418106996);
        stage!(system, t, h, work; 9 at 0.6: 0 * 0.47766253643826434, 3 * -2.4881146199716677, 4 * -0.590290826836843, 5 * 21.230051448181193, 6 * 15.279233632882423, 7 * -33.28821096898486, 8 * -0.020331201708508627);
        stage!(system, t, h, work; 10 at 0.8571428571428571: 0 * -0.9371424300859873, 3 * 5.186372428844064, 4 * 1.0914373489967295, 5 * -8.149787010746927, 6 * -18.52006565999696, 7 * 22.739487099350505, 8 * 2.4936055526796523, 9 * -3.0467644718982196);
        stage!(system, t, h, work; 11 at 1.0: 0 * 2.273310147516538, 3 * -10.53449546673725, 4 * -2.0008720582248625, 5 * -17.9589318631188, 6 * 27.94888452941996, 7 * -2.8589982771350235, 8 * -8.87285693353063, 9 * 12.360567175794303, 10 * 0.6433927460157636);
        let Work { k, u, next, slope, .. } = work;
        let dim = u.len();
        let (next, slope, mean) = (
            &mut next[..dim],
            &mut slope[..dim],
            sum!(k, dim; 0 * 0.054293734116568765, 5 * 4.450312892752409, 6 * 1.8915178993145003, 7 * -5.801203960010585, 8 * 0.3111643669578199, 9 * -0.1521609496625161, 10 * 0.20136540080403034, 11 * 0.04471061572777259),
        );
        for j in 0..dim {
            slope[j] = mean.at(j);
            next[j] = u[j] + slope[j] * h;
        }
    }

    #[inline(always)]
    fn error<S: Scalar>(h: S, work: &Work<S>) -> S {
        let (mut fifth, mut third) = (S::from(0.0), S::from(0.0));
        let (errors, dim) = (Self::errors(work), work.u.len());
        let weight = &work.weight[..dim];
        for j in 0..dim {
            let [a, b] = errors.at(j);
            let (a, b) = (a * weight[j], b * weight[j]);
            fifth = fifth + a * a;
            third = third + b * b;
        }
        h * Self::combined(fifth, third, dim)
    }

    #[inline(always)]
    fn factor(error: f64) -> f64 {
        error.sqrt().sqrt().sqrt()
    }

    #[inline(always)]
    fn interpolation<S: Scalar>(system: &dyn Slopes<S>, t: S, h: S, work: &mut Work<S>) {
        stage!(system, t, h, work; 13 at 0.1: 0 * 0.056167502283047954, 6 * 0.25350021021662483, 7 * -0.2462390374708025, 8 * -0.12419142326381637, 9 * 0.15329179827876568, 10 * 0.00820105229563469, 11 * 0.007567897660545699, 12 * -0.008298);
        stage!(system, t, h, work; 14 at 0.2: 0 * 0.03183464816350214, 5 * 0.028300909672366776, 6 * 0.053541988307438566, 7 * -0.05492374857139099, 10 * -0.00010834732869724932, 11 * 0.0003825710908356584, 12 * -0.00034046500868740456, 13 * 0.1413124436746325);
        stage!(system, t, h, work; 15 at 0.7777777777777778: 0 * -0.42889630158379194, 5 * -4.697621415361164, 6 * 7.683421196062599, 7 * 4.06898981839711, 8 * 0.3567271874552811, 12 * -0.0013990241651590145, 13 * 2.9475147891527724, 14 * -9.15095847217987);
        let Work { k, u, next, c, .. } = work;
        let dim = u.len();
        let (next, first, last) = (&next[..dim], &k.row(0)[..dim], &k.row(Self::LAST)[..dim]);
        let d4 = sum!(k, dim; 0 * -8.428938276109013, 5 * 0.5667149535193777, 6 * -3.0689499459498917, 7 * 2.38466765651207, 8 * 2.117034582445028, 9 * -0.871391583777973, 10 * 2.2404374302607883, 11 * 0.6315787787694688, 12 * -0.08899033645133331, 13 * 18.148505520854727, 14 * -9.194632392478356, 15 * -4.436036387594894);
        let d5 = sum!(k, dim; 0 * 10.427508642579134, 5 * 242.28349177525817, 6 * 165.20045171727028, 7 * -374.5467547226902, 8 * -22.113666853125306, 9 * 7.733432668472264, 10 * -30.674084731089398, 11 * -9.332130526430229, 12 * 15.697238121770845, 13 * -31.139403219565178, 14 * -9.35292435884448, 15 * 35.81684148639408);
        let d6 = sum!(k, dim; 0 * 19.985053242002433, 5 * -387.0373087493518, 6 * -189.17813819516758, 7 * 527.8081592054236, 8 * -11.57390253995963, 9 * 6.8812326946963, 10 * -1.0006050966910838, 11 * 0.7777137798053443, 12 * -2.778205752353508, 13 * -60.19669523126412, 14 * 84.32040550667716, 15 * 11.99229113618279);
        let d7 = sum!(k, dim; 0 * -25.69393346270375, 5 * -154.18974869023643, 6 * -231.5293791760455, 7 * 357.6391179106141, 8 * 93.40532418362432, 9 * -37.45832313645163, 10 * 104.0996495089623, 11 * 29.8402934266605, 12 * -43.53345659001114, 13 * 96.32455395918828, 14 * -39.17726167561544, 15 * -149.72683625798564);
        for (j, c) in c.chunks_exact_mut(Self::COEFFICIENTS).enumerate() {
            let difference = next[j] - u[j];
            let bend = first[j] * h - difference;
            c[0] = u[j];
            c[1] = difference;
            c[2] = bend;
            c[3] = difference - last[j] * h - bend;
            c[4] = d4.at(j) * h;
            c[5] = d5.at(j) * h;
            c[6] = d6.at(j) * h;
            c[7] = d7.at(j) * h;
        }
    }

    #[inline(always)]
    fn at<S: Scalar>(c: &[S], theta: S) -> [S; 2] {
        let rest = -theta + 1.0;
        let (u6, du6) = (c[6] + theta * c[7], c[7]);
        let (u5, du5) = (c[5] + rest * u6, rest * du6 - u6);
        let (u4, du4) = (c[4] + theta * u5, u5 + theta * du5);
        let (u3, du3) = (c[3] + rest * u4, rest * du4 - u4);
        let (u2, du2) = (c[2] + theta * u3, u3 + theta * du3);
        let (u1, du1) = (c[1] + rest * u2, rest * du2 - u2);
        [c[0] + theta * u1, u1 + theta * du1]
    }
}

impl Dop853 {
    /// The errors of orders 5 and 3, over the length of the step.
    #[inline(always)]
    pub(crate) fn errors<S: Scalar>(work: &Work<S>) -> Errors<'_, S> {
        let dim = work.u.len();
        Errors {
            fifth: sum!(work.k, dim; 0 * 0.01312004499419488, 5 * -1.2251564463762044, 6 * -0.4957589496572502, 7 * 1.6643771824549864, 8 * -0.35032884874997366, 9 * 0.3341791187130175, 10 * 0.08192320648511571, 11 * -0.022355307863886294),
            slope: &work.slope[..dim],
            low: sum!(work.k, dim; 0 * 0.2440944881889764, 8 * 0.7338466882816118, 11 * 0.022058823529411766),
        }
    }

    /// One error of both, over the length of the step, from their sums of squares over the components.
    #[inline(always)]
    pub(crate) fn combined<S: Scalar>(fifth: S, third: S, dim: usize) -> S {
        // 1e-300 is for no error at all
        let both = (fifth + third * 0.01).max(S::from(1e-300));
        fifth / (both * dim as f64).sqrt()
    }
}

/// See [`Dop853::errors`].
pub(crate) struct Errors<'a, S> {
    fifth: Sum<'a, S, 8>,
    slope: &'a [S],
    low: Sum<'a, S, 3>,
}

impl<S: Scalar> Errors<'_, S> {
    /// Those of component `j`.
    #[inline(always)]
    pub(crate) fn at(&self, j: usize) -> [S; 2] {
        [self.fifth.at(j), self.slope[j] - self.low.at(j)]
    }
}
