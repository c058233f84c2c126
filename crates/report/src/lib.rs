//! Results to tables, plain text as wide as the caller has room for; run directories to pictures and to a page that
//! stands on its own.

mod axis;
mod canvas;
mod chart;
mod clock;
mod colors;
mod compare;
mod fields;
mod heat;
mod layout;
mod markup;
mod page;
mod palette;
mod pictures;
mod plot;
mod png;
mod run;
#[cfg(test)]
mod sample;
mod scene;
mod shown;
mod spectrum;
mod summary;
mod tables;
mod thin;
mod visible;

pub use chart::DrawError;
pub use compare::{Against, Ahead, Comparison, Effect, Metric, Options, RankedBy, Ranking, Row};
pub use fields::plot_fields;
pub use forecast::Results;
pub use page::{comparison_pictures, page, page_of_pictures};
pub use pictures::{Picture, pictures};
pub use plot::{Courses, plot, stacked};
pub use run::{Metrics, RunFiles};
pub use spectrum::{recorded_exponents, spectrum};
pub use summary::summary;
pub use tables::{COLUMNS, Effects};
pub use visible::{is_hidden, visible, visible_lines};
