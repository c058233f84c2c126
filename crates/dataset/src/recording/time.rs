//! Cells of a time column: numbers, dates with or without a zone, times of the day, or counts since 1970.

use jiff::Timestamp;
use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;

use super::cells::{self, Cell};
use super::error::shown;

/// What the cells of a time column are, found from the first one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// Numbers in the unit of the column.
    Number,
    /// Whole numbers since 1970, of which `per_second` make a second.
    Epoch { origin: i64, per_second: f64 },
    /// ISO dates; nanoseconds since 1970 of the first one.
    Date { zoned: bool, origin: i128 },
    /// Hours, minutes and seconds of a day.
    Day,
}

/// Reads the cells of a time column.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    pub(super) kind: Option<Kind>,
    decimal: u8,
}

/// Whole numbers in these ranges are times since 1970, between 1979 and 2128: milliseconds, microseconds, nanoseconds.
const EPOCHS: [(std::ops::Range<i64>, f64); 3] = [
    (300_000_000_000..5_000_000_000_000, 1e3),
    (300_000_000_000_000..5_000_000_000_000_000, 1e6),
    (300_000_000_000_000_000..5_000_000_000_000_000_000, 1e9),
];

impl Clock {
    pub(super) fn new(decimal: u8) -> Self {
        Clock { kind: None, decimal }
    }

    /// The time of a cell after [`Clock::origin`], in seconds or in the unit of the column; `None` where it is missing.
    ///
    /// # Errors
    ///
    /// Half a sentence: what the cell is and what would be right.
    #[inline]
    pub(super) fn read(&mut self, cell: &[u8]) -> Result<Option<f64>, String> {
        if matches!(self.kind, None | Some(Kind::Number)) {
            match cells::parse(cell, self.decimal) {
                Cell::Missing => return Ok(None),
                Cell::Number(number) if self.kind.is_some() => return Ok(Some(number)),
                _ => {}
            }
        }
        self.read_other(cell.trim_ascii())
    }

    fn read_other(&mut self, cell: &[u8]) -> Result<Option<f64>, String> {
        if cells::parse(cell, self.decimal) == Cell::Missing {
            return Ok(None);
        }
        let text = cells::text(cell);
        let kind = match self.kind {
            Some(kind) => kind,
            None => first_kind(&text, cell, self.decimal).ok_or_else(|| unread(&text))?,
        };
        let wrong = |expected: &str| format!("the time is {}, but {expected}", shown(&text));
        let time = match kind {
            Kind::Number => match cells::parse(cell, self.decimal) {
                Cell::Number(number) => number,
                _ => return Err(wrong("the times before it are numbers")),
            },
            Kind::Epoch { origin, per_second } => {
                match (text.parse::<i64>(), cells::parse(cell, self.decimal)) {
                    (Ok(count), _) => (i128::from(count) - i128::from(origin)) as f64 / per_second,
                    (_, Cell::Number(count)) => (count - origin as f64) / per_second,
                    _ => return Err(wrong("the times before it are whole numbers since 1970")),
                }
            }
            Kind::Date { zoned, origin } => {
                let (time, its_zoned) =
                    date(&text).ok_or_else(|| wrong("the times before it are ISO dates"))?;
                match (zoned, its_zoned) {
                    (true, false) => {
                        return Err(wrong("the dates before it have a zone: give all of them one"));
                    }
                    (false, true) => {
                        return Err(wrong("the dates before it have no zone: give all of them one"));
                    }
                    _ => (time - origin) as f64 / 1e9,
                }
            }
            Kind::Day => {
                day(&text).ok_or_else(|| wrong("the times before it are hours, minutes and seconds"))?
            }
        };
        self.kind = Some(kind);
        Ok(Some(time))
    }

    /// Seconds from 1970 to the time 0 of [`Clock::read`]; 0 where times are not dates.
    pub(super) fn origin(&self) -> f64 {
        match self.kind {
            Some(Kind::Epoch { origin, per_second }) => seconds(i128::from(origin), per_second),
            Some(Kind::Date { origin, .. }) => seconds(origin, 1e9),
            _ => 0.0,
        }
    }

    /// Whether the times are in seconds, whatever the unit of the column.
    pub(super) fn in_seconds(&self) -> bool {
        !matches!(self.kind, None | Some(Kind::Number))
    }

    /// What was assumed about the times.
    pub(super) fn note(&self) -> Option<String> {
        let counted =
            |what: &str| Some(format!("the times are {what} since 1970; they were turned into seconds"));
        match self.kind? {
            Kind::Number => None,
            Kind::Epoch { per_second: 1e3, .. } => counted("milliseconds"),
            Kind::Epoch { per_second: 1e6, .. } => counted("microseconds"),
            Kind::Epoch { .. } => counted("nanoseconds"),
            Kind::Date { zoned: true, .. } => {
                Some("the times are dates; they were turned into seconds".into())
            }
            Kind::Date { zoned: false, .. } => {
                Some("the times are dates without a zone; they were turned into seconds as if in UTC".into())
            }
            Kind::Day => Some("the times are times of the day; they were turned into seconds".into()),
        }
    }
}

/// A count in seconds; nanoseconds since 1970 are more than an f64 holds.
fn seconds(count: i128, per_second: f64) -> f64 {
    let unit = per_second as i128;
    (count / unit) as f64 + (count % unit) as f64 / per_second
}

fn first_kind(text: &str, cell: &[u8], decimal: u8) -> Option<Kind> {
    if let Ok(origin) = text.parse::<i64>()
        && let Some((_, per_second)) = EPOCHS.iter().find(|(range, _)| range.contains(&origin))
    {
        return Some(Kind::Epoch { origin, per_second: *per_second });
    }
    if let Cell::Number(_) = cells::parse(cell, decimal) {
        return Some(Kind::Number);
    }
    if let Some((origin, zoned)) = date(text) {
        return Some(Kind::Date { zoned, origin });
    }
    day(text).map(|_| Kind::Day)
}

fn unread(text: &str) -> String {
    format!(
        "the time is {}: it must be a number, an ISO date such as 2026-11-28T12:00:00.5+01:00, a time of the day \
         such as 12:00:00.5, or milliseconds since 1970",
        shown(text)
    )
}

/// Names that a time column may have, in lower case.
const TIMES: [&str; 19] = [
    "time",
    "times",
    "timestamp",
    "time_stamp",
    "datetime",
    "date",
    "date_time",
    "date time",
    "zeit",
    "datum",
    "zeitstempel",
    "tid",
    "temps",
    "tiempo",
    "seconds",
    "sec",
    "millis",
    "elapsed",
    "year",
];

/// Whether a column of this name probably holds the time.
pub(super) fn names_time(name: &str) -> bool {
    // T is a temperature, more often than not.
    name == "t" || TIMES.iter().any(|time| name.eq_ignore_ascii_case(time))
}

/// Whether a cell is a date or a time of the day.
pub(super) fn is_date(cell: &[u8]) -> bool {
    // The cheap test comes first, since this runs for every cell of a sample.
    let like = cell.len() >= 5 && cell.len() < 64 && cell[0].is_ascii_digit();
    like && (cell[2] == b':' || cell[4] == b'-' || cell[1] == b':')
        && std::str::from_utf8(cell).is_ok_and(|text| date(text).is_some() || day(text).is_some())
}

/// Nanoseconds since 1970 of an ISO date, and whether it has a zone.
fn date(text: &str) -> Option<(i128, bool)> {
    if text.as_bytes().get(4) != Some(&b'-') {
        return None; // 20261128 is a number
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some((time.as_nanosecond(), true));
    }
    let time = text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?;
    Some((time.timestamp().as_nanosecond(), false))
}

/// Seconds since midnight.
fn day(text: &str) -> Option<f64> {
    let padded = if text.as_bytes().get(1) == Some(&b':') { format!("0{text}") } else { text.to_owned() };
    if padded.as_bytes().get(2) != Some(&b':') {
        return None;
    }
    let time = padded.parse::<Time>().ok()?;
    let whole = i32::from(time.hour()) * 3600 + i32::from(time.minute()) * 60 + i32::from(time.second());
    Some(f64::from(whole) + f64::from(time.subsec_nanosecond()) / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(cells: &[&str]) -> Result<(Vec<f64>, f64), String> {
        let mut clock = Clock::new(b'.');
        let times: Result<Vec<_>, _> = cells.iter().map(|cell| clock.read(cell.as_bytes())).collect();
        Ok((times?.into_iter().map(|time| time.unwrap_or(f64::NAN)).collect(), clock.origin()))
    }

    #[test]
    fn times_of_all_kinds_become_seconds() {
        assert_eq!(times(&["0.5", " 1 "]).unwrap(), (vec![0.5, 1.0], 0.0));
        let zoned = ["2026-11-28T12:00:00.25+01:00", "2026-11-28T11:00:01Z"];
        assert_eq!(times(&zoned).unwrap(), (vec![0.0, 0.75], 1_795_863_600.25));
        assert_eq!(times(&["2026-11-28 12:00:00,5", "2026-11-29"]).unwrap().0, [0.0, 43_199.5]);
        assert_eq!(times(&["9:59:59.5", "10:00:00"]).unwrap().0, [35_999.5, 36_000.0]);
        assert_eq!(times(&["1700000000000", "1700000000040"]).unwrap(), (vec![0.0, 0.04], 1.7e9));
        assert_eq!(times(&["1700000000000000001", "1700000000000000002"]).unwrap().0, [0.0, 1e-9]);
        assert_eq!(times(&["20261128"]).unwrap(), (vec![20_261_128.0], 0.0));
        assert!(times(&["1", "NaN"]).unwrap().0[1].is_nan());
        assert!(is_date(b"2026-11-28") && is_date(b"1:00:00") && !is_date(b"12345") && !is_date(b"1.5"));
    }

    #[test]
    fn mixed_times_are_refused() {
        let says = |cells: &[&str], what: &str| {
            let error = times(cells).unwrap_err();
            assert!(error.contains(what), "{error}");
        };
        says(&["28.11.2026"], "the time is \"28.11.2026\": it must be a number, an ISO date");
        says(&["2026-11-28T12:00:00Z", "2026-11-28T12:00:00"], "have a zone: give all of them one");
        says(&["2026-11-28T12:00:00", "2026-11-28T12:00:00Z"], "have no zone: give all of them one");
        says(&["1", "x"], "the times before it are numbers");
        says(&["10:00:00", "1"], "hours, minutes and seconds");
    }
}
