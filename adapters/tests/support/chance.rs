//! Bytes that are spoilt, the same ones each time.

/// A small generator, so that the same bytes come each time.
pub struct Chance(pub u64);

impl Chance {
    pub fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below.max(1) as u64) as usize
    }

    pub fn damaged(&mut self, seed: &[u8]) -> Vec<u8> {
        let mut body = seed.to_vec();
        for _ in 0..self.next(6) {
            let at = self.next(body.len());
            match self.next(3) {
                0 => body[at] = self.next(256) as u8,
                1 => body.truncate(at.max(1)),
                _ => body.insert(at, b"<>&\"'{}[]:,\x00\xff"[self.next(13)]),
            }
        }
        body
    }
}
