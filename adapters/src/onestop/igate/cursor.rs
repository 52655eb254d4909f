//! How far the search was read, and which records to ask for next, so that none is missed while the list moves.
//!
//! The list is sorted by the time of the latest change, newest first, and can only be asked for by page and size. A reading begins at the
//! top and goes down to where the one before began, less an overlap for what was written late. Between two pages the list moves: a dossier
//! that changes goes to the top and pushes the others down (which shows some of them twice); one that is deleted lets them move up, past the
//! place where the next page begins. So a window reaches back over the end of the one before: only if it begins with something strictly
//! newer than that end is it sure that nothing lies between, also among records of one and the same time. Otherwise the reading begins
//! anew. The cursor moves only when a reading has come to its end; what is read twice has the same keys.

use gateway_core::adapter::Cursor;
use gateway_core::ids::Moment;

/// So often a reading begins anew in vain; then the list moves too fast to prove anything, and going on beats reading for ever.
const ANEW_MAX: u32 = 5;

/// The cursor of a feed that begins with what changes from now on.
pub(super) const NOW: &str = "now";

/// How far was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Position {
    /// All changes up to this time are known; none if what there is now is to be passed over.
    pub(super) bound: Option<i64>,
    reading: Option<Reading>,
}

/// A reading on its way down.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Reading {
    /// The newest time seen.
    newest: i64,
    /// How many records from the top are read.
    next: u64,
    /// The time of the last of them.
    floor: i64,
    /// How many of them have that time.
    ties: u64,
    anew: u32,
}

/// Which records to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) page: u64,
    pub(super) size: u64,
}

/// What a window showed.
pub(super) struct Shown<'a> {
    /// The times of its records, where they have one.
    pub(super) times: &'a [Option<i64>],
    pub(super) window: Window,
    /// How large a window may be.
    pub(super) size: u32,
    /// When it was asked for.
    pub(super) at: i64,
    pub(super) overlap_ms: i64,
}

impl Window {
    fn start(self) -> u64 {
        self.page * self.size
    }
}

/// How far a window reaches back over the end of the one before: over all records of that time, one that is newer, and a few more, in case
/// some are deleted. None if they are too many for any window.
fn reach(ties: u64, size: u64) -> Option<u64> {
    let back = ties + 1 + size / 8;
    (back < size / 2).then_some(back)
}

impl Position {
    /// Somebody who sets a cursor by hand may mistype it; reading again is harmless, missing is not.
    pub(super) fn read(cursor: Option<&Cursor>) -> Position {
        let text = cursor.map_or("", |cursor| cursor.0.as_str());
        let mut words = text.split(' ');
        let bound = match words.next() {
            Some(NOW) => None,
            Some(time) => Some(Moment::parse(time).map_or(0, Moment::as_millis)),
            None => Some(0),
        };
        let numbers: Vec<i64> = words.filter_map(|word| word.split_once('=')?.1.parse().ok()).collect();
        let reading = match numbers.as_slice() {
            [newest, next, floor, ties, anew] => u64::try_from(*next).ok().map(|next| Reading {
                newest: *newest,
                next,
                floor: *floor,
                ties: u64::try_from(*ties).unwrap_or(0).min(next),
                anew: u32::try_from(*anew).unwrap_or(0),
            }),
            _ => None,
        };
        Position { bound, reading }
    }

    /// As it is kept: a time, and behind it how far a reading has come that is not at its end.
    pub(super) fn written(&self) -> Cursor {
        let mut text = self.bound.map_or_else(|| NOW.to_owned(), |bound| Moment::from_millis(bound).to_string());
        if let Some(Reading { newest, next, floor, ties, anew }) = &self.reading {
            text.push_str(&format!(" newest={newest} next={next} floor={floor} ties={ties} anew={anew}"));
        }
        Cursor(text)
    }

    /// The next records to ask for: back over the end of those that are read, and as many new ones as such a window can hold.
    pub(super) fn window(&self, size: u32) -> Window {
        let size = u64::from(size);
        let Some(reading) = self.reading.as_ref().filter(|reading| reading.next > 0) else {
            return Window { page: 0, size };
        };
        let plain = Window { page: reading.next / size, size };
        let Some(back) = reach(reading.ties, size) else { return plain };
        let from = reading.next.saturating_sub(back);
        let of_size = |size: u64| Window { page: from / size, size };
        let end = |window: &Window| window.start() + window.size;
        (size / 2 + 1..=size).map(of_size).max_by_key(end).filter(|best| end(best) > reading.next).unwrap_or(plain)
    }

    /// Which of these times are news to this reading; what has no time always is.
    pub(super) fn is_news(&self, time: Option<i64>, overlap_ms: i64) -> bool {
        match (self.bound, time) {
            (None, _) => false,
            (Some(bound), Some(time)) => time >= bound.saturating_sub(overlap_ms),
            (Some(_), None) => true,
        }
    }

    /// Where to go on after this window; `true` if the reading is not at its end.
    pub(super) fn after(&self, shown: &Shown) -> (Position, bool) {
        let Shown { times, window, size, at, overlap_ms } = shown;
        let read: Vec<i64> = times.iter().copied().flatten().collect();
        // A time that lies ahead of our own clock moves no cursor: what is written until then would be passed over.
        let newest = read.iter().copied().filter(|time| time <= at).max();
        let Some(bound) = self.bound else {
            return (Position { bound: Some(newest.unwrap_or(*at)), reading: None }, false);
        };
        let before = self.reading.clone();
        let anew = before.as_ref().map_or(0, |reading| reading.anew);
        let newest = newest.into_iter().chain(before.as_ref().map(|reading| reading.newest)).fold(bound, i64::max);
        let is_joined = match &before {
            Some(reading) if window.start() > 0 => {
                let is_newer = read.first().is_some_and(|first| *first > reading.floor);
                is_newer || anew >= ANEW_MAX || reach(reading.ties, u64::from(*size)).is_none()
            }
            _ => true,
        };
        if !is_joined {
            let reading = Reading { newest, next: 0, floor: 0, ties: 0, anew: anew + 1 };
            return (Position { bound: Some(bound), reading: Some(reading) }, true);
        }
        let full = times.len() as u64 >= window.size;
        let floor = read.last().copied();
        let is_down = floor.is_some_and(|floor| floor < bound.saturating_sub(*overlap_ms));
        if !full || is_down {
            return (Position { bound: Some(newest), reading: None }, false);
        }
        let floor = floor.or(before.map(|reading| reading.floor)).unwrap_or(newest);
        let ties = read.iter().rev().take_while(|time| **time == floor).count() as u64;
        let next = window.start() + times.len() as u64;
        (Position { bound: Some(bound), reading: Some(Reading { newest, next, floor, ties, anew }) }, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amid(next: u64, floor: i64, ties: u64) -> Position {
        let reading = Reading { newest: 9_000, next, floor, ties, anew: 0 };
        Position { bound: Some(1_000), reading: Some(reading) }
    }

    fn shown<'a>(times: &'a [Option<i64>], window: Window) -> Shown<'a> {
        Shown { times, window, size: 8, at: 10_000, overlap_ms: 0 }
    }

    #[test]
    fn a_window_reaches_back_and_forward_wherever_it_begins() {
        for (size, ties) in [(20, 1), (25, 4), (50, 9), (100, 1), (100, 30)] {
            let back = reach(ties, u64::from(size)).expect("a reach");
            for next in u64::from(size)..5_000 {
                let window = amid(next, 5_000, ties).window(size);
                assert!(window.start() <= next - back, "{size} {next}: {window:?}");
                assert!(window.start() + window.size > next, "{size} {next}: {window:?}");
                assert!(window.size <= u64::from(size));
            }
        }
    }

    #[test]
    fn a_cursor_comes_back_as_it_was_written_and_a_mistyped_one_reads_all() {
        for position in [amid(120, 5_000, 3), Position { bound: Some(1_773_106_200_250), reading: None }] {
            assert_eq!(Position::read(Some(&position.written())), position);
        }
        for text in ["", "hôm qua", "2026-13-01T00:00:00Z", "1234"] {
            assert_eq!(Position::read(Some(&Cursor(text.to_owned()))).bound, Some(0), "{text}");
        }
        assert_eq!(Position::read(Some(&Cursor(NOW.to_owned()))).bound, None);
    }

    #[test]
    fn what_was_deleted_above_begins_the_reading_anew() {
        let (position, window) = (amid(10, 5_000, 1), Window { page: 1, size: 8 });
        let joined = [Some(5_001), Some(5_000), Some(4_000), Some(3_000), None, None, None, Some(2_000)];
        let (after, more) = position.after(&shown(&joined, window));
        assert_eq!((after.reading.as_ref().map(|reading| reading.next), more), (Some(16), true));
        // It begins with the end of the one before: others of that time may have gone past.
        let moved = [Some(5_000), Some(4_000), Some(3_000), None, None, None, None, Some(2_000)];
        let (after, more) = position.after(&shown(&moved, window));
        let reading = after.reading.expect("a reading");
        assert_eq!((reading.next, reading.anew, more), (0, 1, true));
    }

    #[test]
    fn a_time_ahead_of_our_clock_moves_no_cursor() {
        let start = Position { bound: Some(1_000), reading: None };
        let (after, more) = start.after(&shown(&[Some(99_000), Some(2_000)], Window { page: 0, size: 8 }));
        assert_eq!((after.bound, more), (Some(2_000), false));
    }

    #[test]
    fn from_now_on_passes_over_what_there_is() {
        let start = Position { bound: None, reading: None };
        assert!(!start.is_news(Some(5), 0) && !start.is_news(None, 0));
        let (after, more) = start.after(&shown(&[Some(2_000)], Window { page: 0, size: 8 }));
        assert_eq!((after.bound, more), (Some(2_000), false));
    }
}
