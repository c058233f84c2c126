//! Dates, times of day and durations of spreadsheets as text.

use super::cells::number;

// A day counted in a double has room for this and a rounding; Excel itself shows milliseconds.
const TICKS: f64 = 1e5;
const TICKS_A_DAY: i64 = 86_400 * 100_000;
// 9999-12-31, the last date that Excel shows.
const MAX_DAYS: f64 = 2_958_466.0;

/// How a spreadsheet shows a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shown {
    /// A number.
    Number,
    /// A date without a time of day.
    Date,
    /// A date with a time of day.
    DateTime,
    /// A time of day or a duration.
    Time,
}

/// The text of a number of days in this format; `since_1904` says from which day they count.
pub(super) fn text(days: f64, shown: Shown, since_1904: bool) -> String {
    let whole = (0.0..MAX_DAYS).contains(&days);
    match shown {
        Shown::Time => number((days * 86_400.0 * TICKS).round() / TICKS),
        Shown::Date | Shown::DateTime if whole => date(days, shown == Shown::DateTime, since_1904),
        _ => number(days),
    }
}

fn date(days: f64, with_time: bool, since_1904: bool) -> String {
    let ticks = (days * 86_400.0 * TICKS).round() as i64;
    let (days, ticks) = (ticks.div_euclid(TICKS_A_DAY), ticks.rem_euclid(TICKS_A_DAY));
    // Days from 1970-01-01 to the day before the first. Excel believes that 1900 was a leap year, so
    // that its days before March 1900 are one off.
    let start = match since_1904 {
        true => -24_107,
        false if days < 60 => -25_568,
        false => -25_569,
    };
    let (year, month, day) = civil(start + days);
    let mut text = format!("{year:04}-{month:02}-{day:02}");
    if with_time || ticks > 0 {
        let (seconds, fraction) = (ticks / 100_000, ticks % 100_000);
        text += &format!("T{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
        if fraction > 0 {
            text += format!(".{fraction:05}").trim_end_matches('0');
        }
    }
    text
}

/// Year, month and day of a number of days from 1970-01-01, in the Gregorian calendar: "days to
/// civil" of Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// The seconds of a duration in ISO 8601 such as `PT12H30M05.25S`; `None` for any other text.
pub(super) fn iso_seconds(text: &str) -> Option<f64> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(text) => (-1.0, text),
        None => (1.0, text),
    };
    let (days, time) = text.strip_prefix('P')?.split_once('T')?;
    let mut seconds = match days {
        "" => 0.0,
        days => days.strip_suffix('D')?.parse::<f64>().ok()? * 86_400.0,
    };
    let mut rest = time;
    for (unit, length) in [('H', 3600.0), ('M', 60.0), ('S', 1.0)] {
        if let Some((count, after)) = rest.split_once(unit) {
            seconds += count.parse::<f64>().ok()? * length;
            rest = after;
        }
    }
    rest.is_empty().then_some(sign * seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_dates_of_both_calendars() {
        let date = |days| text(days, Shown::Date, false);
        assert_eq!([1.0, 59.0, 61.0].map(date), ["1900-01-01", "1900-02-28", "1900-03-01"]);
        assert_eq!(date(45_351.0), "2024-02-29");
        assert_eq!(date(45_351.5), "2024-02-29T12:00:00");
        assert_eq!(text(0.0, Shown::Date, true), "1904-01-01");
        assert_eq!(text(43_889.0, Shown::Date, true), "2024-02-29");
        assert_eq!(text(45_351.0, Shown::DateTime, false), "2024-02-29T00:00:00");
        assert_eq!(text(-1.0, Shown::Date, false), "-1");
        assert_eq!(text(1e300, Shown::DateTime, false), "1e300");
    }

    #[test]
    fn a_tenth_of_a_millisecond_survives() {
        for tenths in 0..10_000 {
            let seconds = f64::from(tenths) * 1e-4;
            let days = 45_351.0 + (3600.0 + seconds) / 86_400.0;
            let text = text(days, Shown::DateTime, false);
            let shown: f64 = text["2024-02-29T01:00:".len()..].parse().unwrap();
            assert!((shown - seconds).abs() < 1e-9, "{seconds} is shown as {text}");
        }
    }

    #[test]
    fn durations_are_seconds() {
        assert_eq!(text(0.5, Shown::Time, false), "43200");
        assert_eq!(text(1.0 + 0.1 / 86_400.0, Shown::Time, false), "86400.1");
        assert_eq!(iso_seconds("PT12H30M05.25S"), Some(45_005.25));
        assert_eq!(iso_seconds("-P1DT1S"), Some(-86_401.0));
        assert_eq!(["P1Y", "12:30", "PT5X", "PTxS"].map(iso_seconds), [None; 4]);
    }
}
