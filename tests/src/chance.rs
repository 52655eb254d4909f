//! Bytes and choices at random, the same ones each time.

/// A small generator, so that the same bytes come each time.
pub struct Chance(pub u64);

impl Chance {
    /// A number below this bound.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }

    /// So many bytes.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.below(256) as u8).collect()
    }

    /// Good bytes with up to five kinds of damage.
    pub fn damaged(&mut self, good: &[u8]) -> Vec<u8> {
        let mut bytes = good.to_vec();
        for _ in 0..=self.below(5) {
            let at = self.below(bytes.len());
            match self.below(5) {
                0 => bytes[at] = self.below(256) as u8,
                1 => bytes.truncate(at.max(1)),
                2 => bytes.insert(at, b"<>&\"'{}[]:,\\/\x00\xff"[self.below(15)]),
                3 => {
                    let end = (at + self.below(40)).min(bytes.len());
                    bytes.drain(at..end.max(at + 1).min(bytes.len()));
                }
                _ => {
                    let end = (at + self.below(60)).min(bytes.len());
                    let again = bytes[at..end].to_vec();
                    bytes.splice(at..at, again);
                }
            }
            if bytes.is_empty() {
                bytes.push(b' ');
            }
        }
        bytes
    }
}
