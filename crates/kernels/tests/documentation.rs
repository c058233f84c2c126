//! What `docs/kernels.md` shows of the code is the code.

use std::path::PathBuf;

#[test]
#[cfg_attr(miri, ignore = "reads files")]
fn the_code_in_the_derivation_stands_in_the_sources() {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap());
    let mut sources = String::new();
    for folder in ["src", "src/layers"] {
        for file in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = file.unwrap().path();
            if path.is_file() {
                sources += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    let page = std::fs::read_to_string(root.join("../../docs/kernels.md")).unwrap();
    let blocks: Vec<&str> =
        page.split("```rust\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() >= 5);
    for block in blocks {
        assert!(sources.contains(block), "not in the sources:\n{block}");
    }
}
