//! Persistence: the next state is the present one.

use forecast::{Forecast, Forecaster};

/// The state stays as it is.
pub struct Persistence {
    pub(super) dim: usize,
    pub(super) known_dim: usize,
}

impl Forecaster for Persistence {
    fn window(&self) -> usize {
        1
    }
    fn dim(&self) -> usize {
        self.dim
    }
    fn known_dim(&self) -> usize {
        self.known_dim
    }
    fn begin<'a>(&'a self, histories: &[f64], _known: &[f64]) -> Box<dyn Forecast + 'a> {
        Box::new(Still(histories.to_vec()))
    }
}

struct Still(Vec<f64>);

impl Forecast for Still {
    fn advance(&mut self, _known: &[f64], next: &mut [f64]) {
        next.copy_from_slice(&self.0);
    }
}
