//! Times as the API writes and reads them: RFC 3339, UTC.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

pub(super) fn write(unix_ms: i64) -> String {
    Timestamp::from_millisecond(unix_ms).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

pub(super) fn write_day(unix_ms: i64) -> String {
    write(unix_ms).chars().take("2000-01-01".len()).collect()
}

/// Reads a time, or a day, which means its begin.
pub(super) fn read(text: &str) -> Result<i64, String> {
    let timestamp = text.parse::<Timestamp>().or_else(|_| {
        let date = text.parse::<Date>()?;
        Ok::<_, jiff::Error>(date.to_zoned(TimeZone::UTC)?.timestamp())
    });
    timestamp
        .map(Timestamp::as_millisecond)
        .map_err(|_| format!("`{text}` is no time such as `2026-01-31T12:00:00Z` and no day such as `2026-01-31`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_they_are_written() {
        for unix_ms in [0, 1_767_225_600_000, 1_767_225_600_123] {
            assert_eq!(read(&write(unix_ms)), Ok(unix_ms));
        }
        assert_eq!(read("2026-01-01"), Ok(1_767_225_600_000));
        assert_eq!(read("2026-01-01T01:00:00+01:00"), Ok(1_767_225_600_000));
        assert_eq!(write_day(1_767_225_600_000), "2026-01-01");
        assert!(read("yesterday").is_err());
        assert!(read("2026-13-01").is_err());
    }
}
