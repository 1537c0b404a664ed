//! Points in time as MAPI counts them.

use std::fmt;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

/// The day that file times count from.
const EPOCH: Date = Date::constant(1601, 1, 1);
/// Hundreds of nanoseconds between the epochs of file times and of Unix.
const UNIX_EPOCH: i128 = 116_444_736_000_000_000;
/// Days between the epochs of file times and of Unix.
const UNIX_EPOCH_DAY: i64 = 134_774;
/// Hundreds of nanoseconds in a second.
const SECOND: u64 = 10_000_000;
/// Seconds in a day.
const DAY: u64 = 86_400;
/// Begins the text of a time that has no calendar form; sorts after every year's first digit.
const RAW: &str = "filetime:";

/// A point in time, in hundreds of nanoseconds since 1 January 1601, UTC (PtypTime, `FILETIME` of [MS-DTYP] 2.3.3).
///
/// Every one of the 2^64 values is kept as it is. The text of the years 1601 to 9999 is
/// `2026-11-22T10:39:39.0000000Z`, always with seven decimals; that of later times is `filetime:` and the number
/// in twenty digits. So the order of the texts is the order of the times.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileTime(u64);

impl FileTime {
    /// Takes hundreds of nanoseconds since 1 January 1601, UTC.
    #[must_use]
    pub const fn new(value: u64) -> Self {
        Self(value)
    }

    /// Gives hundreds of nanoseconds since 1 January 1601, UTC.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Takes hundreds of nanoseconds since 1 January 1970, UTC. Times before 1601 become the first of 1601.
    #[must_use]
    pub fn from_unix_100ns(value: i64) -> Self {
        Self::from_unix(i128::from(value))
    }

    /// Takes a point in time, rounded down to 100 ns. Times before 1601 become the first of 1601.
    #[must_use]
    pub fn from_timestamp(timestamp: Timestamp) -> Self {
        Self::from_unix(timestamp.as_nanosecond().div_euclid(100))
    }

    fn from_unix(value: i128) -> Self {
        // A count that fits no u64 is either negative or from a year that no clock shows.
        let since_epoch = (value + UNIX_EPOCH).clamp(0, i128::from(u64::MAX));
        Self(u64::try_from(since_epoch).unwrap_or(u64::MAX))
    }

    /// Gives the point in time, or nothing if it is later than `jiff` can say (the end of the year 9999).
    #[must_use]
    pub fn to_timestamp(self) -> Option<Timestamp> {
        Timestamp::from_nanosecond((i128::from(self.0) - UNIX_EPOCH) * 100).ok()
    }

    /// Reads the text of a time.
    ///
    /// The form is that of RFC 3339 with any offset and up to nine decimals, of which seven are kept, or the one of
    /// times that have no calendar form. Text of another form, and times before 1601, are nothing.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(digits) = text.strip_prefix(RAW) {
            let plain = digits.len() == 20 && digits.bytes().all(|digit| digit.is_ascii_digit());
            return if plain {
                digits.parse().ok().map(Self)
            } else {
                None
            };
        }
        Self::parse_document_form(text).or_else(|| {
            let since_unix = text
                .parse::<Timestamp>()
                .ok()?
                .as_nanosecond()
                .div_euclid(100);
            u64::try_from(since_unix + UNIX_EPOCH).ok().map(Self)
        })
    }

    /// Reads exactly the form that [`Display`](fmt::Display) writes for the years 1601 to 9999.
    fn parse_document_form(text: &str) -> Option<Self> {
        let bytes: &[u8; 28] = text.as_bytes().try_into().ok()?;
        let number = |from: usize, to: usize| {
            bytes
                .get(from..to)?
                .iter()
                .try_fold(0_u32, |number, digit| {
                    Some(number * 10 + char::from(*digit).to_digit(10)?)
                })
        };
        let separators = [
            (4, b'-'),
            (7, b'-'),
            (10, b'T'),
            (13, b':'),
            (16, b':'),
            (19, b'.'),
            (27, b'Z'),
        ];
        if separators
            .iter()
            .any(|(at, separator)| bytes.get(*at) != Some(separator))
        {
            return None;
        }
        let date = Date::new(
            i16::try_from(number(0, 4)?).ok()?,
            i8::try_from(number(5, 7)?).ok()?,
            i8::try_from(number(8, 10)?).ok()?,
        )
        .ok()?;
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let days = u64::try_from(date.duration_since(EPOCH).as_hours() / 24).ok()?;
        let seconds = days * DAY + u64::from(hour * 3600 + minute * 60 + second);
        Some(Self(seconds * SECOND + u64::from(number(20, 27)?)))
    }

    /// The day, and the second within it.
    fn day_and_second(self) -> Option<(Date, u64)> {
        let seconds = self.0 / SECOND;
        // `jiff` adds no more days at once than there are between 1970 and its last day.
        let days = i64::try_from(seconds / DAY).ok()? - UNIX_EPOCH_DAY;
        let date = Date::constant(1970, 1, 1)
            .checked_add(SignedDuration::from_hours(24 * days))
            .ok()?;
        Some((date, seconds % DAY))
    }
}

impl fmt::Display for FileTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((date, second)) = self.day_and_second() else {
            return f.pad(&format!("{RAW}{:020}", self.0));
        };
        // Every save writes some times: digit by digit takes a quarter of what seven formatted numbers take.
        let mut text = *b"0000-00-00T00:00:00.0000000Z";
        let fields = [
            (0..4, u64::from(date.year().unsigned_abs())),
            (5..7, u64::from(date.month().unsigned_abs())),
            (8..10, u64::from(date.day().unsigned_abs())),
            (11..13, second / 3600),
            (14..16, second / 60 % 60),
            (17..19, second % 60),
            (20..27, self.0 % SECOND),
        ];
        for (place, mut number) in fields {
            for digit in text.get_mut(place).into_iter().flatten().rev() {
                *digit += (number % 10) as u8;
                number /= 10;
            }
        }
        f.pad(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for FileTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileTime({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The last 100 ns of the year 9999.
    const LAST: u64 = 2_650_467_743_999_999_999;

    #[test]
    fn known_times_have_their_text() {
        for (value, text) in [
            (0, "1601-01-01T00:00:00.0000000Z"),
            (116_444_736_000_000_000, "1970-01-01T00:00:00.0000000Z"),
            (131_862_110_580_004_567, "2018-11-09T04:24:18.0004567Z"),
            (LAST, "9999-12-31T23:59:59.9999999Z"),
            (LAST + 1, "filetime:02650467744000000000"),
            (u64::MAX, "filetime:18446744073709551615"),
        ] {
            assert_eq!(FileTime::new(value).to_string(), text);
            assert_eq!(FileTime::parse(text), Some(FileTime::new(value)));
        }
    }

    #[test]
    fn other_rfc_3339_forms_are_read() {
        let expected = FileTime::parse("2026-11-22T10:39:39.1234567Z");
        assert!(expected.is_some());
        assert_eq!(
            FileTime::parse("2026-11-22T12:39:39.1234567+02:00"),
            expected
        );
        assert_eq!(FileTime::parse("2026-11-22T10:39:39.123456789Z"), expected);
        assert_eq!(
            FileTime::parse("2026-11-22T10:39:39Z"),
            FileTime::parse("2026-11-22T10:39:39.0000000Z")
        );
    }

    #[test]
    fn text_that_is_no_time_is_nothing() {
        for text in [
            "",
            "yesterday",
            "1600-12-31T23:59:59.9999999Z",
            "2026-02-29T00:00:00.0000000Z",
            "2026-11-22T24:00:00.0000000Z",
            "2026-11-22T10:39:39.00000a0Z",
            "filetime:1",
            "filetime:99999999999999999999",
            "filetime:+0000000000000000001",
        ] {
            assert_eq!(FileTime::parse(text), None, "{text}");
        }
    }

    #[test]
    fn time_before_the_epoch_becomes_the_epoch() {
        assert_eq!(FileTime::from_timestamp(Timestamp::MIN), FileTime::new(0));
        assert_eq!(FileTime::from_unix_100ns(i64::MIN), FileTime::new(0));
        assert_eq!(
            FileTime::from_unix_100ns(0).to_timestamp(),
            Some(Timestamp::UNIX_EPOCH)
        );
        assert_eq!(FileTime::new(u64::MAX).to_timestamp(), None);
    }

    /// Any time, and more often than by chance one that has a calendar form or is near its end.
    fn times() -> impl Strategy<Value = u64> {
        prop_oneof![any::<u64>(), 0..=LAST, (LAST - 99)..(LAST + 99)]
    }

    proptest! {
        #[test]
        fn time_survives_its_text(value in times()) {
            let time = FileTime::new(value);
            prop_assert_eq!(FileTime::parse(&time.to_string()), Some(time));
        }

        #[test]
        fn order_of_texts_is_order_of_times(a in times(), b in times()) {
            let (text_a, text_b) = (FileTime::new(a).to_string(), FileTime::new(b).to_string());
            prop_assert_eq!(text_a.cmp(&text_b), a.cmp(&b));
        }

        #[test]
        fn timestamp_comes_back(value in 0..LAST - 26 * 3600 * SECOND) {
            let time = FileTime::new(value);
            let back = time.to_timestamp().map(FileTime::from_timestamp);
            prop_assert_eq!(back, Some(time));
        }

        #[test]
        fn any_text_is_read_without_panic(text in "\\PC{0,40}|[0-9TZ:.-]{28}") {
            let _ = FileTime::parse(&text);
        }
    }
}
