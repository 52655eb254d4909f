//! The date forms in use between the systems, read and written by hand.
//!
//! What has no zone is local time in Viet Nam, which is +07:00 and has been since 1975: a fixed offset, because a
//! look-up in the zone table on the hot path could only ever say the same. What has a zone is converted to +07:00.
//! Deliberately absent: guessing. A form reads exactly its own length and digits, and a day that does not exist
//! (`2026-02-30`) is unreadable.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

const VIET_NAM: Offset = jiff::tz::offset(7);

/// How a date is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Rfc3339,
    Rfc3339Ms,
    CompactTime,
    CompactDay,
    SpacedTime,
    Day,
    SlashedTime,
    SlashedDay,
    DashedTime,
    IsoOffset,
    IsoLocal,
    IsoLocalMs,
    EpochMs,
}

/// Every form by its name in mappings.
pub(super) const FORMS: [(&str, Form); 13] = [
    ("rfc3339", Form::Rfc3339),
    ("rfc3339-ms", Form::Rfc3339Ms),
    ("yyyyMMddHHmmss", Form::CompactTime),
    ("yyyyMMdd", Form::CompactDay),
    ("yyyy-MM-dd HH:mm:ss", Form::SpacedTime),
    ("yyyy-MM-dd", Form::Day),
    ("dd/MM/yyyy HH:mm:ss", Form::SlashedTime),
    ("dd/MM/yyyy", Form::SlashedDay),
    ("dd-MM-yyyy HH:mm:ss", Form::DashedTime),
    ("iso-offset", Form::IsoOffset),
    ("iso-local", Form::IsoLocal),
    ("iso-local-ms", Form::IsoLocalMs),
    ("epoch-ms", Form::EpochMs),
];

/// Whether a text in a date field says that there is no date: nothing, or the zero day in any form.
pub(super) fn absent(text: &str) -> bool {
    let text = text.trim();
    text.is_empty()
        || text.starts_with("0000-00-00")
        || text.starts_with("00/00/0000")
        || (text.starts_with("00000000") && text.len() >= 8)
}

impl Form {
    pub(super) fn named(name: &str) -> Option<Form> {
        FORMS.iter().find(|(known, _)| *known == name).map(|(_, form)| *form)
    }

    /// The point in Vietnamese local time that `text` means in this form.
    pub(super) fn read(self, text: &str) -> Option<DateTime> {
        let mut reader = Reader { bytes: text.trim().as_bytes() };
        let read = match self {
            Form::Rfc3339 | Form::Rfc3339Ms | Form::IsoOffset => reader.with_offset(),
            Form::CompactTime => {
                let day = (reader.digits(4)?, reader.digits(2)?, reader.digits(2)?);
                civil(day, (reader.digits(2)?, reader.digits(2)?, reader.digits(2)?), 0)
            }
            Form::CompactDay => {
                civil((reader.digits(4)?, reader.digits(2)?, reader.digits(2)?), (0, 0, 0), 0)
            }
            Form::SpacedTime => {
                let day = reader.dashed_day()?;
                reader.literal(b' ')?;
                civil(day, reader.clock()?, 0)
            }
            Form::Day => civil(reader.dashed_day()?, (0, 0, 0), 0),
            Form::SlashedTime => {
                let day = reader.slashed_day()?;
                reader.literal(b' ')?;
                civil(day, reader.clock()?, 0)
            }
            Form::SlashedDay => civil(reader.slashed_day()?, (0, 0, 0), 0),
            Form::DashedTime => {
                let day = reader.day_first(b'-')?;
                reader.literal(b' ')?;
                civil(day, reader.clock()?, 0)
            }
            Form::IsoLocal | Form::IsoLocalMs => reader.iso(),
            Form::EpochMs => {
                let ms = std::str::from_utf8(reader.bytes).ok()?.parse().ok()?;
                reader.bytes = &[];
                Timestamp::from_millisecond(ms).ok().map(|at| VIET_NAM.to_datetime(at))
            }
        };
        read.filter(|_| reader.bytes.is_empty())
    }

    /// The text of a point in Vietnamese local time; `None` where this form cannot hold it.
    pub(super) fn write(self, at: DateTime) -> Option<String> {
        if !(0..=9999).contains(&at.year()) {
            return None;
        }
        Some(match self {
            Form::Rfc3339 => spell(at, "Y-M-DTh:m:s+07:00"),
            Form::Rfc3339Ms => spell(at, "Y-M-DTh:m:s.f+07:00"),
            Form::CompactTime => spell(at, "YMDhms"),
            Form::CompactDay => spell(at, "YMD"),
            Form::SpacedTime => spell(at, "Y-M-D h:m:s"),
            Form::Day => spell(at, "Y-M-D"),
            Form::SlashedTime => spell(at, "D/M/Y h:m:s"),
            Form::SlashedDay => spell(at, "D/M/Y"),
            Form::DashedTime => spell(at, "D-M-Y h:m:s"),
            Form::IsoOffset => spell(at, "Y-M-DTh:m:s.f+0700"),
            Form::IsoLocal => spell(at, "Y-M-DTh:m:s"),
            Form::IsoLocalMs => spell(at, "Y-M-DTh:m:s.f"),
            Form::EpochMs => VIET_NAM.to_timestamp(at).ok()?.as_millisecond().to_string(),
        })
    }
}

/// Writes a point by a pattern of parts (`Y M D h m s f`); everything else stands for itself. By hand, because the
/// formatting machinery costs more than all the rest of a date.
fn spell(at: DateTime, pattern: &str) -> String {
    let mut text = String::with_capacity(32);
    for part in pattern.chars() {
        let (number, width) = match part {
            'Y' => (at.year(), 4),
            'M' => (i16::from(at.month()), 2),
            'D' => (i16::from(at.day()), 2),
            'h' => (i16::from(at.hour()), 2),
            'm' => (i16::from(at.minute()), 2),
            's' => (i16::from(at.second()), 2),
            'f' => (at.millisecond(), 3),
            other => {
                text.push(other);
                continue;
            }
        };
        let number = number.unsigned_abs();
        for power in [1000, 100, 10, 1].into_iter().skip(4 - width) {
            text.push(char::from(b'0' + (number / power % 10) as u8));
        }
    }
    text
}

fn civil(day: (i64, i64, i64), clock: (i64, i64, i64), nanosecond: i32) -> Option<DateTime> {
    let small = |n: i64| i8::try_from(n).ok();
    DateTime::new(
        i16::try_from(day.0).ok()?,
        small(day.1)?,
        small(day.2)?,
        small(clock.0)?,
        small(clock.1)?,
        small(clock.2)?,
        nanosecond,
    )
    .ok()
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl Reader<'_> {
    fn digits(&mut self, count: usize) -> Option<i64> {
        let (head, rest) = self.bytes.split_at_checked(count)?;
        let mut number = 0;
        for byte in head {
            if !byte.is_ascii_digit() {
                return None;
            }
            number = number * 10 + i64::from(byte - b'0');
        }
        self.bytes = rest;
        Some(number)
    }

    fn literal(&mut self, byte: u8) -> Option<()> {
        let (first, rest) = self.bytes.split_first()?;
        if *first != byte {
            return None;
        }
        self.bytes = rest;
        Some(())
    }

    fn dashed_day(&mut self) -> Option<(i64, i64, i64)> {
        let year = self.digits(4)?;
        self.literal(b'-')?;
        let month = self.digits(2)?;
        self.literal(b'-')?;
        Some((year, month, self.digits(2)?))
    }

    fn slashed_day(&mut self) -> Option<(i64, i64, i64)> {
        self.day_first(b'/')
    }

    fn day_first(&mut self, sign: u8) -> Option<(i64, i64, i64)> {
        let day = self.digits(2)?;
        self.literal(sign)?;
        let month = self.digits(2)?;
        self.literal(sign)?;
        Some((self.digits(4)?, month, day))
    }

    fn clock(&mut self) -> Option<(i64, i64, i64)> {
        let hour = self.digits(2)?;
        self.literal(b':')?;
        let minute = self.digits(2)?;
        self.literal(b':')?;
        Some((hour, minute, self.digits(2)?))
    }

    /// `2026-03-10T08:30:00`, with a fraction or not.
    fn iso(&mut self) -> Option<DateTime> {
        let day = self.dashed_day()?;
        match self.bytes.first()? {
            b'T' | b't' | b' ' => self.bytes = &self.bytes[1..],
            _ => return None,
        }
        let mut clock = self.clock()?;
        // A leap second is the last second of its minute: the civil calendar has no sixtieth.
        if clock.2 == 60 {
            clock.2 = 59;
        }
        let mut nanosecond = 0;
        if self.literal(b'.').is_some() {
            let digits = self.bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let kept = digits.min(9);
            if kept == 0 {
                return None;
            }
            let scale = 10_i64.pow(9 - kept as u32);
            nanosecond = i32::try_from(self.digits(kept)? * scale).ok()?;
            self.bytes = &self.bytes[digits - kept..];
        }
        civil(day, clock, nanosecond)
    }

    /// The same with `Z`, `+07:00` or `+0700`.
    fn with_offset(&mut self) -> Option<DateTime> {
        let local = self.iso()?;
        let sign = *self.bytes.first()?;
        self.bytes = &self.bytes[1..];
        let seconds = match sign {
            b'Z' | b'z' => 0,
            b'+' | b'-' => {
                let hours = self.digits(2)?;
                _ = self.literal(b':');
                let minutes = self.digits(2)?;
                if hours > 23 || minutes > 59 {
                    return None;
                }
                let seconds = (hours * 60 + minutes) * 60;
                i32::try_from(if sign == b'-' { -seconds } else { seconds }).ok()?
            }
            _ => return None,
        };
        if seconds == VIET_NAM.seconds() {
            return Some(local);
        }
        let offset = Offset::from_seconds(seconds).ok()?;
        let at = offset.to_timestamp(local).ok()?;
        Some(TimeZone::fixed(VIET_NAM).to_datetime(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn move_to(text: &str, from: &str, to: &str) -> Option<String> {
        Form::named(to)?.write(Form::named(from)?.read(text)?)
    }

    #[test]
    fn every_form_reads_what_it_writes() {
        let at = Form::Rfc3339.read("2026-03-10T08:30:15.250+07:00").unwrap();
        for (name, form) in FORMS {
            let text = form.write(at).unwrap();
            let back = form.read(&text).unwrap();
            assert_eq!(form.write(back).unwrap(), text, "{name}");
        }
    }

    #[test]
    fn zones_are_brought_to_viet_nam() {
        assert_eq!(move_to("2026-03-10T01:30:00Z", "rfc3339", "yyyyMMddHHmmss").unwrap(), "20260310083000");
        assert_eq!(move_to("2026-03-09T22:30:00-0300", "iso-offset", "dd/MM/yyyy").unwrap(), "10/03/2026");
        let dashed = "10-03-2026 08:30:00";
        assert_eq!(
            move_to("2026-03-10 08:30:00", "yyyy-MM-dd HH:mm:ss", "dd-MM-yyyy HH:mm:ss").unwrap(),
            dashed
        );
        assert_eq!(move_to(dashed, "dd-MM-yyyy HH:mm:ss", "dd/MM/yyyy").unwrap(), "10/03/2026");
        assert_eq!(move_to("1773106200000", "epoch-ms", "rfc3339").unwrap(), "2026-03-10T08:30:00+07:00");
        assert_eq!(move_to("20260310", "yyyyMMdd", "rfc3339-ms").unwrap(), "2026-03-10T00:00:00.000+07:00");
    }

    #[test]
    fn what_is_not_a_date_is_not_read() {
        for (text, form) in [
            ("2026-02-30", "yyyy-MM-dd"),
            ("2026-3-10", "yyyy-MM-dd"),
            ("20260310 ", "yyyyMMddHHmmss"),
            ("31/13/2026", "dd/MM/yyyy"),
            ("2026-03-10T08:30:00", "rfc3339"),
            ("2026-03-10T08:30:00+07:00x", "rfc3339"),
            ("ngày mai", "yyyy-MM-dd"),
        ] {
            assert_eq!(move_to(text, form, "rfc3339"), None, "{text}");
        }
        assert!(absent("0000-00-00 00:00:00") && absent("00000000000000") && absent(" "));
        assert!(!absent("2026-03-10"));
    }
}
