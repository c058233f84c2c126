//! What is shown now, and what changed since a reader last heard.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::curve::Columns;
use crate::scan::{Row, Seen};

/// The table and the curves, each entry with the version of the whole in which it became what it is.
#[derive(Default)]
pub(crate) struct Board {
    /// 0 before the first look.
    version: u64,
    rows: BTreeMap<String, (u64, Row)>,
    curves: BTreeMap<String, (u64, Columns)>,
    notes: Vec<String>,
    /// The version in which an entry last went away. Rare, so those who knew it are told the whole anew.
    gone: u64,
}

/// What a reader is told.
#[derive(Serialize)]
pub(crate) struct News<'a> {
    /// Whether this is everything, and what is not in it is no more.
    all: bool,
    rows: Vec<&'a Row>,
    curves: BTreeMap<&'a str, &'a Columns>,
    notes: &'a [String],
}

impl Board {
    /// Takes up what a look found; the new version if that is anything new.
    pub(crate) fn take(&mut self, seen: Seen) -> Option<u64> {
        let next = self.version + 1;
        let mut changed = self.version == 0 || self.notes != seen.notes;
        let rows = seen.rows.into_iter().map(|row| (row.key.clone(), row));
        let (lost_row, new_row) = renew(&mut self.rows, rows, next);
        let (lost_curve, new_curve) = renew(&mut self.curves, seen.curves, next);
        if lost_row || lost_curve {
            self.gone = next;
        }
        changed |= lost_row || lost_curve || new_row || new_curve;
        self.notes = seen.notes;
        if !changed {
            return None;
        }
        self.version = next;
        Some(next)
    }

    /// What changed since a version, or everything.
    pub(crate) fn since(&self, version: Option<u64>) -> News<'_> {
        let since = version.filter(|&version| version >= self.gone);
        let new = |at: u64| since.is_none_or(|since| at > since);
        News {
            all: since.is_none(),
            rows: self.rows.values().filter(|(at, _)| new(*at)).map(|(_, row)| row).collect(),
            curves: self
                .curves
                .iter()
                .filter(|(_, (at, _))| new(*at))
                .map(|(key, (_, columns))| (key.as_str(), columns))
                .collect(),
            notes: &self.notes,
        }
    }
}

/// Puts `seen` in the place of `entries`; whether any went away, and whether any is new or other than before.
fn renew<T: PartialEq>(
    entries: &mut BTreeMap<String, (u64, T)>,
    seen: impl IntoIterator<Item = (String, T)>,
    version: u64,
) -> (bool, bool) {
    let mut before = std::mem::take(entries);
    let mut new = false;
    for (key, value) in seen {
        let entry = match before.remove(&key) {
            Some((at, same)) if same == value => (at, same),
            _ => {
                new = true;
                (version, value)
            }
        };
        entries.insert(key, entry);
    }
    (!before.is_empty(), new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(rows: &[(&str, &str)]) -> Seen {
        let row = |(key, experiment): &(&str, &str)| {
            let mut row = Row::named("runs".as_ref(), "a/b".as_ref());
            (row.key, row.experiment) = ((*key).into(), (*experiment).into());
            row
        };
        Seen { rows: rows.iter().map(row).collect(), ..Seen::default() }
    }

    fn keys(news: &News) -> (bool, Vec<String>) {
        (news.all, news.rows.iter().map(|row| row.key.clone()).collect())
    }

    #[test]
    fn a_reader_is_told_what_is_new_to_it() {
        let mut board = Board::default();
        assert_eq!(board.take(seen(&[])), Some(1), "that there is nothing is news at first");
        assert_eq!(board.take(seen(&[])), None);
        assert_eq!(board.take(seen(&[("1", "a"), ("2", "b")])), Some(2));
        assert_eq!(board.take(seen(&[("1", "a"), ("2", "c")])), Some(3));
        assert_eq!(keys(&board.since(None)), (true, vec!["1".into(), "2".into()]));
        assert_eq!(keys(&board.since(Some(1))), (false, vec!["1".into(), "2".into()]));
        assert_eq!(keys(&board.since(Some(2))), (false, vec!["2".into()]));
        assert_eq!(keys(&board.since(Some(3))), (false, vec![]));
        // What is gone can only be told by what is left.
        assert_eq!(board.take(seen(&[("2", "c")])), Some(4));
        assert_eq!(keys(&board.since(Some(3))), (true, vec!["2".into()]));
        assert_eq!(keys(&board.since(Some(4))), (false, vec![]));
    }
}
