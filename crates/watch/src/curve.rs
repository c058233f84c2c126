//! The curves of a training, from a file that grows.

use std::fs::Metadata;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use report::Metrics;
use serde::Serialize;

use crate::locks::inode;

/// Points that are kept of a curve. More would fall on the same pixels.
const POINTS: usize = 500;

/// Bytes that are read at a time: a long file that is found late is caught up with over several looks at it.
const CHUNK: u64 = 4 << 20;

/// What is known of a `metrics.jsonl`, read up to some point.
#[derive(Clone, Debug, Default)]
pub(crate) struct Curve {
    /// Every `stride`-th line.
    points: Vec<Metrics>,
    stride: u64,
    lines: u64,
    last: Option<Metrics>,
    /// The file this was read from, and how much of it.
    inode: Option<u64>,
    offset: u64,
    fault: Option<String>,
}

/// The columns of a curve, as the page draws them; null is what is not finite.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Columns {
    step: Vec<u64>,
    train: Vec<f64>,
    validation: Vec<f64>,
}

impl Curve {
    /// Reads what the file has more than at the last look. A training that is continued writes the file anew.
    pub(crate) fn catch_up(&mut self, path: &Path, file: &Metadata) {
        if inode(file) != self.inode || file.len() < self.offset {
            *self = Curve { inode: inode(file), stride: 1, ..Curve::default() };
        }
        if file.len() == self.offset || self.fault.is_some() {
            return;
        }
        let mut bytes = Vec::new();
        let read = std::fs::File::open(path).and_then(|mut file| {
            file.seek(SeekFrom::Start(self.offset))?;
            file.take(CHUNK).read_to_end(&mut bytes)
        });
        if let Err(error) = read {
            self.fault = Some(format!("metrics.jsonl cannot be read: {error}"));
            return;
        }
        // A last line without an end is still being written.
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        if whole == 0 && bytes.len() as u64 == CHUNK {
            self.fault = Some("metrics.jsonl has a line of more than 4 MiB".into());
        }
        self.offset += whole as u64;
        for line in bytes[..whole].split_inclusive(|&byte| byte == b'\n') {
            self.lines += 1;
            match serde_json::from_slice(line) {
                Ok(point) => self.push(point),
                Err(_) => {
                    let fault =
                        format!("line {} of metrics.jsonl is not what this program writes", self.lines);
                    self.fault = Some(fault);
                    return;
                }
            }
        }
    }

    fn push(&mut self, point: Metrics) {
        if (self.lines - 1).is_multiple_of(self.stride) {
            self.points.push(point.clone());
        }
        self.last = Some(point);
        // One place is left for the last point.
        if self.points.len() >= POINTS {
            let mut number = 0;
            self.points.retain(|_| {
                number += 1;
                number % 2 == 1
            });
            self.stride *= 2;
        }
    }

    /// The newest point.
    pub(crate) fn last(&self) -> Option<&Metrics> {
        self.last.as_ref()
    }

    /// Why it is not read any further.
    pub(crate) fn fault(&self) -> Option<&String> {
        self.fault.as_ref()
    }

    /// At most 500 points, the first and the newest among them.
    pub(crate) fn columns(&self) -> Columns {
        let newest = self.last.iter().filter(|last| self.points.last().is_none_or(|kept| kept != *last));
        let mut columns = Columns::default();
        for point in self.points.iter().chain(newest) {
            columns.step.push(point.step);
            columns.train.push(point.train_loss);
            columns.validation.push(point.validation_loss);
        }
        columns
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn line(step: u64) -> String {
        format!(
            r#"{{"step":{step},"seconds":1.5,"train_loss":0.5,"validation_loss":0.25,"learning_rate":null}}"#
        ) + "\n"
    }

    fn look(curve: &mut Curve, path: &Path) {
        curve.catch_up(path, &path.metadata().unwrap());
    }

    #[test]
    fn a_growing_file_is_followed_and_thinned() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let mut file = std::fs::File::create(&path).unwrap();
        let mut curve = Curve::default();
        for begin in (0..5000).step_by(100) {
            let text: String = (begin..begin + 100).map(line).collect();
            file.write_all(text.as_bytes()).unwrap();
            look(&mut curve, &path);
        }
        file.write_all(&line(5000).as_bytes()[..20]).unwrap();
        look(&mut curve, &path);
        let columns = curve.columns();
        assert!((250..=POINTS).contains(&columns.step.len()), "{}", columns.step.len());
        assert_eq!((columns.step[0], columns.step.last()), (0, Some(&4999)));
        assert!(columns.step.is_sorted() && curve.fault().is_none());
        file.write_all(&line(5000).as_bytes()[20..]).unwrap();
        look(&mut curve, &path);
        assert_eq!(curve.last().unwrap().step, 5000);

        // As a continued training leaves it: the end dropped, under the same name.
        std::fs::write(folder.path().join("new"), line(7)).unwrap();
        std::fs::rename(folder.path().join("new"), &path).unwrap();
        look(&mut curve, &path);
        assert_eq!(curve.columns().step, [7]);
    }

    #[test]
    fn other_lines_are_a_fault() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        std::fs::write(&path, line(1) + "\u{0}\u{1}\n" + &line(2)).unwrap();
        let mut curve = Curve::default();
        look(&mut curve, &path);
        assert_eq!(curve.fault().unwrap(), "line 2 of metrics.jsonl is not what this program writes");
        assert_eq!(curve.columns().step, [1]);
        std::fs::write(&path, "x".repeat(CHUNK as usize + 1)).unwrap();
        let mut curve = Curve::default();
        look(&mut curve, &path);
        assert!(curve.fault().unwrap().contains("4 MiB"));
    }
}
