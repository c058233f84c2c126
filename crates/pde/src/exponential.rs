//! Equations with a diagonal linear part, integrated by the exponential integrators: every [`Semilinear`] is a
//! [`FieldSystem`].

use trajectory::random::Stream;
use trajectory::{Component, Times};

use crate::FieldError;
use crate::ensemble::{each_trajectory, parts_for};
use crate::grid::Grid;
use crate::line::Line;
use crate::method::Method;
use crate::plane::Plane;
use crate::semilinear::{Semilinear, Workspace};
use crate::steppers::Steppers;
use crate::system::{FieldSystem, check_shapes};
use crate::transform::Transform;

impl<S: Semilinear> FieldSystem for S {
    fn name(&self) -> &'static str {
        S::NAME
    }

    fn grid(&self) -> &Grid {
        Semilinear::grid(self)
    }

    fn channels(&self) -> Vec<Component> {
        vec![self.channel()]
    }

    fn sampling(&self) -> [f64; 2] {
        Semilinear::sampling(self)
    }

    fn check(&self) -> Result<(), FieldError> {
        Semilinear::check(self).map_err(FieldError::Invalid)
    }

    fn random_start(&self, stream: &mut Stream) -> Vec<f64> {
        self.draw(stream)
    }

    fn integrate(
        &self,
        starts: &[Vec<f64>],
        times: &Times,
        method: &Method,
        out: &mut [f64],
    ) -> Result<(), FieldError> {
        check_shapes(self, starts, times, method, out)?;
        let grid = Semilinear::grid(self);
        let kept = grid.kept(S::DEGREE);
        let steppers = Steppers::new(self, times.dt(), *method);
        // A line is too short to be shared by several cores.
        let parts = if grid.dims() == 2 && S::DEGREE > 1 { parts_for(starts.len()) } else { 1 };
        each_trajectory(starts, out, parts, |parts| {
            let workspace: Box<dyn Workspace> = match grid.dims() {
                1 => Box::new(Line::new(self)),
                _ => Box::new(Plane::new(self, parts)),
            };
            let mut state = (workspace, Transform::new(grid, kept));
            let steppers = &steppers;
            move |start: &[f64], out: &mut [f64]| {
                let (workspace, transform) = &mut state;
                trajectory(&mut **workspace, transform, steppers, start, times, out)
            }
        })
    }
}

/// One trajectory; `out` is \[time, points\].
fn trajectory(
    workspace: &mut dyn Workspace,
    transform: &mut Transform,
    steppers: &Steppers,
    start: &[f64],
    times: &Times,
    out: &mut [f64],
) -> Result<(), FieldError> {
    let points = start.len();
    workspace.load(start, transform);
    workspace.store(&mut out[..points], transform);
    for i in 1..times.samples() {
        let (before, sample) = out[(i - 1) * points..(i + 1) * points].split_at_mut(points);
        let (etd, steps) = steppers.choose(times.at(i - 1), || workspace.rate())?;
        workspace.advance(etd, steps);
        workspace.store(sample, transform);
        if sample.iter().any(|u| !u.is_finite()) {
            workspace.load(before, transform);
            let (t, step) = (times.at(i - 1), times.dt() / steps as f64);
            let courant = workspace.rate() * step;
            return Err(FieldError::BlewUp { t, next: times.at(i), step, courant });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Complex64;
    use crate::method::{Order, Step};
    use crate::testing::{largest_difference, last, order_of};

    /// Korteweg and de Vries (1895): u_t = -u_xxx - 6 u u_x, on a line or along x in the plane.
    struct KortewegDeVries(Grid);

    impl Semilinear for KortewegDeVries {
        const NAME: &'static str = "korteweg_de_vries";
        const DEGREE: usize = 2;
        fn grid(&self) -> &Grid {
            &self.0
        }
        fn channel(&self) -> Component {
            Component::new("u", "1")
        }
        fn linear(&self, [kx, _]: [f64; 2]) -> Complex64 {
            Complex64::new(0.0, kx * kx * kx)
        }
        fn fields(&self, _: [f64; 2]) -> [Complex64; 2] {
            [Complex64::ONE, Complex64::ZERO]
        }
        fn product(&self, [u, _]: [f64; 2]) -> [f64; 2] {
            [u * u, 0.0]
        }
        fn products(&self, [kx, _]: [f64; 2]) -> [Complex64; 2] {
            [Complex64::new(0.0, -3.0 * kx), Complex64::ZERO]
        }
        fn sampling(&self) -> [f64; 2] {
            [0.1, 1.0]
        }
        fn draw(&self, _: &mut Stream) -> Vec<f64> {
            soliton(&self.0, 0.0)
        }
        fn check(&self) -> Result<(), String> {
            Ok(())
        }
    }

    /// The soliton 2 q^2 sech^2(q (x - 4 q^2 t)) with q = 1/2, which has the speed 1, from the middle of the grid.
    fn soliton(grid: &Grid, t: f64) -> Vec<f64> {
        let length = *grid.length().last().unwrap();
        grid.sample(|x, _| {
            let distance = (x - t).rem_euclid(length) - 0.5 * length;
            0.5 / (0.5 * distance).cosh().powi(2)
        })
    }

    #[test]
    fn a_dispersive_soliton_converges_at_the_order_of_the_method() {
        let system = KortewegDeVries(Grid::new(&[192], &[60.0]).unwrap());
        let exact = soliton(&system.0, 1.0);
        for (order, step, expected) in [(Order::Second, 0.02, 2.0), (Order::Fourth, 0.1, 4.0)] {
            let measured = order_of(
                &system,
                &system.random_start(&mut trajectory::random::stream(0, "", 0)),
                1.0,
                order,
                step,
                &exact,
            );
            assert!((measured - expected).abs() < 0.25, "{order:?}: {measured}");
        }
    }

    #[test]
    fn a_plane_that_is_uniform_along_one_axis_behaves_as_a_line() {
        let line = KortewegDeVries(Grid::new(&[64], &[40.0]).unwrap());
        let plane = KortewegDeVries(Grid::new(&[10, 64], &[3.0, 40.0]).unwrap());
        let method = Method::with_step(Order::Fourth, 0.05);
        let on_line = last(&line, &soliton(&line.0, 0.0), 1.0, &method);
        let in_plane = last(&plane, &soliton(&plane.0, 0.0), 1.0, &method);
        for row in in_plane.chunks(64) {
            assert!(largest_difference(row, &on_line) < 1e-13);
        }
    }

    #[test]
    fn what_blows_up_is_reported_with_the_time_and_the_courant_number() {
        let system = KortewegDeVries(Grid::new(&[64], &[10.0]).unwrap());
        let start = system.0.sample(|x, _| 1e3 * (x * std::f64::consts::TAU / 10.0).sin());
        let times = Times::new(0.5, 4).unwrap();
        let mut out = vec![0.0; 2 * 5 * 64];
        let calm = soliton(&system.0, 0.0);
        let method = Method::with_step(Order::Second, 0.1);
        let error = system.integrate(&[calm, start.clone()], &times, &method, &mut out).unwrap_err();
        let courant = 1e3 * 0.1 / (10.0 / 64.0);
        match error {
            FieldError::Trajectory { trajectory: 1, error } => match *error {
                FieldError::BlewUp { t: 0.0, next: 0.5, step, courant: reported } => {
                    assert!(
                        (step - 0.1).abs() < 1e-12 && (reported / courant - 1.0).abs() < 1e-2,
                        "{reported}"
                    );
                }
                other => panic!("{other}"),
            },
            other => panic!("{other}"),
        }
        let few = Method { order: Order::Second, step: Step::Courant(1e-9) };
        let error = system.integrate(&[start], &times, &few, &mut out[..5 * 64]).unwrap_err().to_string();
        assert!(error.contains("more than 1048576 steps"), "{error}");
    }

    #[test]
    fn starts_and_outputs_of_the_wrong_size_are_refused() {
        let system = KortewegDeVries(Grid::new(&[64], &[10.0]).unwrap());
        let times = Times::new(0.5, 2).unwrap();
        let run = |start: Vec<f64>, out: usize| {
            system
                .integrate(&[start], &times, &Method::default(), &mut vec![0.0; out])
                .unwrap_err()
                .to_string()
        };
        assert!(run(vec![0.0; 63], 3 * 64).contains("63 values"));
        assert!(run(vec![0.0; 64], 2 * 64).contains("128"));
        assert!(run(vec![f64::NAN; 64], 3 * 64).contains("NaN"));
    }
}
