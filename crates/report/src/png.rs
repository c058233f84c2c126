//! SVG to PNG, with a font of our own: a machine may have none, and no two have the same.

use std::sync::{Arc, LazyLock};

use resvg::usvg::fontdb::Database;
use resvg::{tiny_skia, usvg};

/// DejaVu Sans 2.37, its Latin, Greek and Cyrillic letters and mathematical signs, a sixth of the whole; its licence is
/// `fonts/LICENSE`. Made by `pyftsubset DejaVuSans.ttf --no-hinting --layout-features=kern --name-IDs='*'
/// --unicodes=U+0020-024F,U+0370-03FF,U+0400-04FF,U+2010-2027,U+2030-203A,U+2070-209C,U+20AC,U+2100-214F,U+2190-2195,U+2200-2265,U+FFFD`.
const FONT: &[u8] = include_bytes!("../fonts/DejaVuSans.ttf");

static FONTS: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut fonts = Database::new();
    fonts.load_font_data(FONT.to_vec());
    fonts.set_sans_serif_family("DejaVu Sans");
    Arc::new(fonts)
});

/// The picture as PNG, `scale` times as wide and as high.
pub(crate) fn png(svg: &str, scale: f32) -> Result<Vec<u8>, String> {
    let options = usvg::Options {
        fontdb: FONTS.clone(),
        font_family: "DejaVu Sans".into(),
        ..usvg::Options::default()
    };
    let tree = usvg::Tree::from_str(svg, &options).map_err(|error| error.to_string())?;
    let size = tree.size().to_int_size().scale_by(scale).ok_or("it has no size")?;
    let mut pixels = tiny_skia::Pixmap::new(size.width(), size.height()).ok_or("it has no size")?;
    resvg::render(&tree, tiny_skia::Transform::from_scale(scale, scale), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| error.to_string())
}
