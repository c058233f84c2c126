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
    /// Removed rows, by key, each with the version in which it was removed.
    gone: BTreeMap<String, u64>,
    /// The keys of rows that were removed in this version or before it are no longer known.
    forgotten: u64,
}

/// The largest number of removed rows to remember. A reader who has missed more gets the whole table again.
const REMEMBERED: usize = 5_000;

/// What a reader is told.
#[derive(Serialize)]
pub(crate) struct News<'a> {
    /// Whether this is the whole table; rows that are not in it no longer exist.
    all: bool,
    rows: Vec<&'a Row>,
    /// The keys of rows that no longer exist.
    gone: Vec<&'a str>,
    /// New and changed curves. The curve of a run that has ended is not sent again, and stays as it was.
    curves: BTreeMap<&'a str, &'a Columns>,
    notes: &'a [String],
}

impl Board {
    /// Takes up what a look found; the new version if that is anything new.
    pub(crate) fn take(&mut self, seen: Seen) -> Option<u64> {
        let next = self.version + 1;
        let mut changed = self.version == 0 || self.notes != seen.notes;
        let rows = seen.rows.into_iter().map(|row| (row.key.clone(), row));
        let (lost, new_row) = renew(&mut self.rows, rows, next);
        let (_, new_curve) = renew(&mut self.curves, seen.curves, next);
        changed |= !lost.is_empty() || new_row || new_curve;
        self.gone.retain(|key, _| !self.rows.contains_key(key));
        self.gone.extend(lost.into_iter().map(|key| (key, next)));
        if self.gone.len() > REMEMBERED {
            self.gone.clear();
            self.forgotten = next;
        }
        self.notes = seen.notes;
        if !changed {
            return None;
        }
        self.version = next;
        Some(next)
    }

    /// What changed since a version, or everything.
    pub(crate) fn since(&self, version: Option<u64>) -> News<'_> {
        let since = version.filter(|&version| version >= self.forgotten);
        let new = |at: u64| since.is_none_or(|since| at > since);
        News {
            all: since.is_none(),
            rows: self.rows.values().filter(|(at, _)| new(*at)).map(|(_, row)| row).collect(),
            gone: self
                .gone
                .iter()
                .filter(|(_, at)| since.is_some() && new(**at))
                .map(|(key, _)| key.as_str())
                .collect(),
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

/// Puts `seen` in the place of `entries`. Returns the keys that went away, and whether any entry is new or has changed.
fn renew<T: PartialEq>(
    entries: &mut BTreeMap<String, (u64, T)>,
    seen: impl IntoIterator<Item = (String, T)>,
    version: u64,
) -> (Vec<String>, bool) {
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
    (before.into_keys().collect(), new)
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

    /// Whether it is everything, the keys of the rows in it, and those of rows that are gone.
    fn keys(news: &News) -> (bool, String, String) {
        let rows: Vec<&str> = news.rows.iter().map(|row| row.key.as_str()).collect();
        (news.all, rows.join(" "), news.gone.join(" "))
    }

    fn is(all: bool, rows: &str, gone: &str) -> (bool, String, String) {
        (all, rows.into(), gone.into())
    }

    #[test]
    fn a_reader_is_told_what_is_new_to_it() {
        let mut board = Board::default();
        assert_eq!(board.take(seen(&[])), Some(1), "that there is nothing is news at first");
        assert_eq!(board.take(seen(&[])), None);
        assert_eq!(board.take(seen(&[("1", "a"), ("2", "b")])), Some(2));
        assert_eq!(board.take(seen(&[("1", "a"), ("2", "c")])), Some(3));
        assert_eq!(keys(&board.since(None)), is(true, "1 2", ""));
        assert_eq!(keys(&board.since(Some(1))), is(false, "1 2", ""));
        assert_eq!(keys(&board.since(Some(2))), is(false, "2", ""));
        assert_eq!(keys(&board.since(Some(3))), is(false, "", ""));
        assert_eq!(board.take(seen(&[("2", "c")])), Some(4));
        assert_eq!(keys(&board.since(Some(3))), is(false, "", "1"));
        assert_eq!(keys(&board.since(Some(1))), is(false, "2", "1"));
        assert_eq!(keys(&board.since(Some(4))), is(false, "", ""));
        assert_eq!(keys(&board.since(None)), is(true, "2", ""));
        // it comes back
        assert_eq!(board.take(seen(&[("1", "a"), ("2", "c")])), Some(5));
        assert_eq!(keys(&board.since(Some(3))), is(false, "1", ""));
        assert_eq!(board.take(seen(&[("1", "a"), ("2", "c")])), None);
    }

    #[test]
    fn the_end_of_a_training_is_told_by_its_row_alone() {
        let mut board = Board::default();
        let of = |ended: bool| {
            let keys: Vec<String> = (0..5000).map(|number| format!("{number:04}")).collect();
            let mut seen = seen(&keys.iter().map(|key| (key.as_str(), "a")).collect::<Vec<_>>());
            seen.rows[7].state =
                if ended { crate::scan::State::Complete } else { crate::scan::State::Training };
            seen.curves = if ended { vec![] } else { vec![("0007".into(), Columns::default())] };
            seen
        };
        let before = board.take(of(false));
        assert_eq!(keys(&board.since(before)), is(false, "", ""));
        assert!(board.take(of(true)).is_some());
        let news = board.since(before);
        assert_eq!(keys(&news), is(false, "0007", ""));
        assert!(news.curves.is_empty());
        assert!(serde_json::to_string(&news).unwrap().len() < 1000);
    }

    #[test]
    fn who_has_missed_too_much_is_told_everything() {
        let mut board = Board::default();
        let many: Vec<String> = (0..=REMEMBERED).map(|number| number.to_string()).collect();
        let before = board.take(seen(&many.iter().map(|key| (key.as_str(), "a")).collect::<Vec<_>>()));
        let after = board.take(seen(&[("0", "a")]));
        assert!(board.gone.len() <= REMEMBERED);
        assert_eq!(board.since(before).gone.len(), REMEMBERED);
        assert_eq!(board.take(seen(&[])), Some(3));
        assert_eq!(keys(&board.since(before)), is(true, "", ""));
        assert_eq!(keys(&board.since(after)), is(true, "", ""));
        assert_eq!(keys(&board.since(Some(3))), is(false, "", ""));
    }
}
