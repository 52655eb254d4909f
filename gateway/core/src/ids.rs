//! Typed identifiers: past the door no bare text is a peer, a unit, a message or a moment.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $type(Arc<str>);

        impl $type {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $type {
            fn from(text: &str) -> Self {
                $type(Arc::from(text))
            }
        }

        impl From<String> for $type {
            fn from(text: String) -> Self {
                $type(Arc::from(text))
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::borrow::Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name! {
    /// A configured counterpart: the `portal` of `[peers.portal]`.
    PeerName
}
name! {
    /// The agency on whose behalf a message travels, as the peers write it: `000.00.00.H99`, `H99.14`.
    Unit
}
name! {
    /// What a message says: `dossier-recorded`, `dossier-progressed`, `ask-portal`.
    Kind
}
name! {
    /// Adapter + dialect + direction + kinds: `onestop/relay/dossier-recorded`.
    ChannelName
}
name! {
    /// Whose session signs a call: one login at one peer, usually one for each unit.
    Account
}
name! {
    /// One id through all lines of a message, from the caller's `X-Correlation-Id` or made at the door.
    Correlation
}

/// A message's own id: 16 bytes, time first (UUID version 7), so that ids sort by arrival.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(pub [u8; 16]);

impl MessageId {
    /// An id from the moment and ten bytes of chance.
    pub fn new(at: Moment, chance: [u8; 10]) -> Self {
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&(at.as_millis() as u64).to_be_bytes()[2..]);
        bytes[6..].copy_from_slice(&chance);
        bytes[6] = (bytes[6] & 0x0f) | 0x70;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        MessageId(bytes)
    }

    /// Reads `0192f0c1-…` back.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: Vec<u8> = text.bytes().filter(|b| *b != b'-').collect();
        if digits.len() != 32 {
            return None;
        }
        let mut bytes = [0; 16];
        for (place, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let high = (pair[0] as char).to_digit(16)?;
            let low = (pair[1] as char).to_digit(16)?;
            *place = (high << 4 | low) as u8;
        }
        Some(MessageId(bytes))
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Written in one go, because every message is named in the log and in its answer.
        let (mut text, mut at) = ([b'-'; 36], 0);
        for (index, byte) in self.0.iter().enumerate() {
            at += usize::from(matches!(index, 4 | 6 | 8 | 10));
            for digit in [byte >> 4, byte & 0xf] {
                text[at] = b"0123456789abcdef"[usize::from(digit)];
                at += 1;
            }
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for MessageId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MessageId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        MessageId::parse(&text).ok_or_else(|| serde::de::Error::custom("not a message id"))
    }
}

/// A short name for some texts together: the first 16 bytes of their SHA-256, in hexadecimal. The same texts always have the same.
pub fn fingerprint(texts: &[&str]) -> String {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    for text in texts {
        // The length keeps "ab","c" apart from "a","bc".
        context.update(&(text.len() as u64).to_be_bytes());
        context.update(text.as_bytes());
    }
    context.finish().as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// A moment: milliseconds since 1970 in UTC. Shown in Viet Nam's time, which has had no other offset since 1975.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment(i64);

impl Moment {
    /// From milliseconds since 1970.
    pub const fn from_millis(millis: i64) -> Self {
        Moment(millis)
    }

    /// Milliseconds since 1970.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// So many milliseconds later.
    pub const fn plus_millis(self, millis: i64) -> Self {
        Moment(self.0.saturating_add(millis))
    }

    /// Milliseconds from `earlier` to this moment; negative if it is later.
    pub const fn millis_since(self, earlier: Moment) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Reads RFC 3339, with any offset.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|at| Moment(at.as_millisecond()))
    }

    /// Reads a date as HTTP headers have it: `Sun, 22 Nov 2026 01:30:00 GMT`.
    pub fn from_http(text: &str) -> Option<Self> {
        jiff::fmt::rfc2822::parse(text.trim()).ok().map(|at| Moment(at.timestamp().as_millisecond()))
    }

    /// The same, written.
    pub fn for_http(self) -> String {
        let at = jiff::Timestamp::from_millisecond(self.0).unwrap_or_default();
        at.to_zoned(jiff::tz::TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    }

    fn local(self) -> jiff::Zoned {
        let at = jiff::Timestamp::from_millisecond(self.0).unwrap_or_default();
        at.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(7)))
    }

    /// `2026-03-10 08:30:00` in Viet Nam's time, for people.
    pub fn for_people(self) -> String {
        self.local().strftime("%Y-%m-%d %H:%M:%S").to_string()
    }
}

impl fmt::Display for Moment {
    /// `2026-03-10T08:30:00.123+07:00`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.local();
        let Ok(year) = u32::try_from(at.year()) else {
            return write!(f, "{}", at.strftime("%Y-%m-%dT%H:%M:%S.%3f%:z"));
        };
        // Each line of the log begins with one, so it is written without reading a pattern.
        let mut text = *b"0000-00-00T00:00:00.000+07:00";
        let small = |part: i8| part.unsigned_abs().into();
        let parts = [
            (0, 4, year),
            (5, 7, small(at.month())),
            (8, 10, small(at.day())),
            (11, 13, small(at.hour())),
            (14, 16, small(at.minute())),
            (17, 19, small(at.second())),
            (20, 23, at.millisecond().unsigned_abs().into()),
        ];
        for (from, to, mut part) in parts {
            for digit in text[from..to].iter_mut().rev() {
                *digit += (part % 10) as u8;
                part /= 10;
            }
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

/// Lower-case hex digits, as ids and digests are written.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]).collect()
}

/// Does the text hold a run of digits as long as a number of a person (nine or twelve), in whatever script? Such a text stands in
/// the clear nowhere, whatever it was meant to be.
pub fn has_persons_number(text: &str) -> bool {
    text.split(|c: char| !c.is_numeric()).any(|run| matches!(run.chars().count(), 9 | 12))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_read_back() {
        let early = MessageId::new(Moment::from_millis(1_000), [0xff; 10]);
        let late = MessageId::new(Moment::from_millis(2_000), [0; 10]);
        assert!(early < late);
        assert_eq!(MessageId::parse(&early.to_string()), Some(early));
        assert_eq!(MessageId::parse("no"), None);
    }

    #[test]
    fn bytes_are_written_in_two_digits_each() {
        assert_eq!(hex(&[0x00, 0x0f, 0xa5, 0xff]), "000fa5ff");
    }

    #[test]
    fn a_number_of_a_person_is_known_by_its_length() {
        for text in ["001085000000", "cccd=001085000000;", "so 000000000", "٠٠١٠٨٥٠٠٠٠٠٠"] {
            assert!(has_persons_number(text), "{text}");
        }
        for text in ["", "H99.14-260310-0007", "1767225600000", "0912345678", "000.00.00.H99"] {
            assert!(!has_persons_number(text), "{text}");
        }
    }

    #[test]
    fn moments_are_shown_in_viet_nam() {
        let at = Moment::parse("2026-03-10T01:30:00Z").unwrap();
        assert_eq!(at.to_string(), "2026-03-10T08:30:00.000+07:00");
        assert_eq!(at.for_people(), "2026-03-10 08:30:00");
        for millis in
            [0, 1, 999, 61_000, 951_782_399_999, 1_798_736_399_999, 4_102_444_800_000, -62_135_600_000_000]
        {
            let at = Moment::from_millis(millis);
            assert_eq!(at.to_string(), at.local().strftime("%Y-%m-%dT%H:%M:%S.%3f%:z").to_string());
            assert_eq!(Moment::parse(&at.to_string()), Some(at));
        }
    }
}
