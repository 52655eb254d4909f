//! Base64 as it comes in pieces: white space anywhere, a `data:` prefix in front, padding or none; anything else is broken.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Software of the field leaves the padding away or leaves bits behind it; what it means is clear all the same.
const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// For whole blocks of nothing but letters, which is what nearly all of a file is.
const LETTERS: base64_simd::Base64 = base64_simd::STANDARD_NO_PAD;

const PREFIX: &[u8] = b"data:";
/// A longer prefix is none.
const PREFIX_BYTES_MAX: usize = 256;

/// This text is no base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken;

/// Decodes one value.
#[derive(Debug, Default)]
pub struct Decoder {
    head: Head,
    left: [u8; 4],
    have: usize,
    ended: bool,
}

/// What is known of the value's beginning.
#[derive(Debug)]
enum Head {
    /// These could still become a `data:` prefix.
    Looking(Vec<u8>),
    /// Such a prefix has begun.
    Prefix(Vec<u8>),
    /// Base64 from here on.
    Past,
}

impl Default for Head {
    fn default() -> Self {
        Head::Looking(Vec::new())
    }
}

impl Decoder {
    /// Decodes a piece of the text onto the end of `into`.
    pub fn feed(&mut self, mut text: &[u8], into: &mut Vec<u8>) -> Result<(), Broken> {
        while !matches!(self.head, Head::Past) {
            let Some((first, rest)) = text.split_first() else { return Ok(()) };
            text = rest;
            self.look(*first, into)?;
        }
        text = self.letters(text, into)?;
        while !text.is_empty() {
            let run = run_of(text, is_white);
            self.decode(&text[..run], into)?;
            text = &text[run..];
            text = &text[text.iter().take_while(|byte| is_white(**byte)).count()..];
        }
        Ok(())
    }

    /// The text is over.
    pub fn finish(mut self, into: &mut Vec<u8>) -> Result<(), Broken> {
        match std::mem::replace(&mut self.head, Head::Past) {
            Head::Looking(seen) => self.decode(&seen, into)?,
            Head::Prefix(_) => return Err(Broken),
            Head::Past => {}
        }
        let (left, have) = (self.left, self.have);
        self.block(&left[..have], into)
    }

    fn look(&mut self, byte: u8, into: &mut Vec<u8>) -> Result<(), Broken> {
        match &mut self.head {
            Head::Looking(seen) => {
                if is_white(byte) {
                    return Ok(());
                }
                seen.push(byte);
                if PREFIX.get(seen.len() - 1).is_none_or(|wanted| !byte.eq_ignore_ascii_case(wanted)) {
                    let seen = std::mem::take(seen);
                    self.head = Head::Past;
                    return self.decode(&seen, into);
                }
                if seen.len() == PREFIX.len() {
                    self.head = Head::Prefix(Vec::new());
                }
            }
            Head::Prefix(seen) if byte == b',' => {
                let whole = seen.to_ascii_lowercase().ends_with(b";base64");
                self.head = Head::Past;
                return if whole { Ok(()) } else { Err(Broken) };
            }
            Head::Prefix(seen) if seen.len() < PREFIX_BYTES_MAX => seen.push(byte),
            Head::Prefix(_) => return Err(Broken),
            Head::Past => {}
        }
        Ok(())
    }

    /// Decodes what begins a piece, if it is nothing but letters; what is left is for the closer look. A piece with anything else in it
    /// is left whole, because only the closer look knows what of that is tolerated.
    fn letters<'a>(&mut self, text: &'a [u8], into: &mut Vec<u8>) -> Result<&'a [u8], Broken> {
        let (open, rest) = text.split_at(text.len().min((4 - self.have) % 4));
        if self.ended || open.iter().any(|byte| is_white(*byte)) {
            return Ok(text);
        }
        self.decode(open, into)?;
        let (whole, behind) = rest.split_at(rest.len() / 4 * 4);
        // Padding ends a value: whatever follows it is broken, and is found to be by the closer look.
        if self.ended || LETTERS.decode_append(whole, into).is_err() {
            return Ok(rest);
        }
        Ok(behind)
    }

    /// A run without white space.
    fn decode(&mut self, mut run: &[u8], into: &mut Vec<u8>) -> Result<(), Broken> {
        if self.have > 0 {
            let taken = run.len().min(4 - self.have);
            self.left[self.have..self.have + taken].copy_from_slice(&run[..taken]);
            self.have += taken;
            run = &run[taken..];
            if self.have < 4 {
                return Ok(());
            }
            let whole = self.left;
            self.have = 0;
            self.block(&whole, into)?;
        }
        let (whole, rest) = run.split_at(run.len() / 4 * 4);
        self.block(whole, into)?;
        self.left[..rest.len()].copy_from_slice(rest);
        self.have = rest.len();
        Ok(())
    }

    fn block(&mut self, text: &[u8], into: &mut Vec<u8>) -> Result<(), Broken> {
        if text.is_empty() {
            return Ok(());
        }
        // Nothing may follow the padding.
        if self.ended {
            return Err(Broken);
        }
        self.ended = text.last() == Some(&b'=');
        let from = into.len();
        into.resize(from + text.len().div_ceil(4) * 3, 0);
        let written = ENGINE.decode_slice(text, &mut into[from..]).or_else(|_| {
            // The two letters that stand for `+` and `/` where a text is made for addresses.
            let plain: Vec<u8> = text.iter().map(|byte| plain(*byte)).collect();
            ENGINE.decode_slice(plain, &mut into[from..]).map_err(|_| Broken)
        });
        into.truncate(from + *written.as_ref().unwrap_or(&0));
        written.map(|_| ())
    }
}

fn plain(byte: u8) -> u8 {
    match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => other,
    }
}

fn is_white(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// How many bytes stand before the first of this sort. Looked for in blocks, which a machine does many bytes at a time.
fn run_of(text: &[u8], stops: impl Fn(u8) -> bool) -> usize {
    const BLOCK: usize = 64;
    let clear = text.chunks_exact(BLOCK).take_while(|block| {
        let found = block.iter().fold(false, |found, byte| found | stops(*byte));
        !found
    });
    let clear = clear.count() * BLOCK;
    clear + text[clear..].iter().position(|byte| stops(*byte)).unwrap_or(text.len() - clear)
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;

    fn decoded(pieces: &[&[u8]]) -> Result<Vec<u8>, Broken> {
        let (mut decoder, mut bytes) = (Decoder::default(), Vec::new());
        for piece in pieces {
            decoder.feed(piece, &mut bytes)?;
        }
        decoder.finish(&mut bytes)?;
        Ok(bytes)
    }

    #[test]
    fn what_is_tolerated_and_what_is_broken() {
        for (text, wanted) in [
            ("QUJD", Some("ABC")),
            ("QUI=", Some("AB")),
            ("QUI", Some("AB")),
            ("QQ==\r\n", Some("A")),
            (" Q U\tJ\nD ", Some("ABC")),
            ("data:application/pdf;base64,QUJD", Some("ABC")),
            ("DATA:;BASE64,QUJD", Some("ABC")),
            ("dataQUJD", Some("u\u{abd}ABC")),
            ("", Some("")),
            ("data:application/pdf,QUJD", None),
            ("data:application/pdf;base64", None),
            ("QUJ", Some("AB")),
            ("Q", None),
            ("QQ==QUJD", None),
            ("QUJD!", None),
            ("8J+S qQ==", Some("\u{1f4a9}")),
            ("8J-SqQ", Some("\u{1f4a9}")),
            ("Pz8/Pz8_", Some("??????")),
            ("Q_==QUJD", None),
            ("QUI=\r\n=", None),
            ("QU*D", None),
            ("=", None),
            ("/tmp/a.pdf", None),
        ] {
            let found = decoded(&[text.as_bytes()]);
            match wanted {
                Some("u\u{abd}ABC") => assert_eq!(found.map(|bytes| bytes.len()), Ok(6), "{text}"),
                Some(wanted) => assert_eq!(found, Ok(wanted.as_bytes().to_vec()), "{text}"),
                None => assert_eq!(found, Err(Broken), "{text}"),
            }
        }
    }

    proptest! {
        #[test]
        fn pieces_of_any_size_give_the_same(
            bytes in prop::collection::vec(any::<u8>(), 0..400),
            cuts in prop::collection::vec(0usize..600, 0..6),
            lines in prop::option::of(1usize..80),
            damage in prop::option::of((0usize..600, any::<u8>())),
        ) {
            let mut text = STANDARD.encode(&bytes).into_bytes();
            if let Some(width) = lines {
                text = text.chunks(width).collect::<Vec<_>>().join(&b"\r\n"[..]);
            }
            if let Some((at, byte)) = damage
                && let Some(place) = text.get_mut(at)
            {
                *place = byte;
            }
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
            let whole = decoded(&[&text]);
            prop_assert_eq!(decoded(&pieces), whole.clone());
            // The fast way takes and refuses what the patient one does, the letters of addresses among it.
            let letters: Vec<u8> = text.iter().copied().filter(|byte| !is_white(*byte)).map(plain).collect();
            prop_assert_eq!(whole.clone(), ENGINE.decode(letters).map_err(|_| Broken));
            if damage.is_none() {
                prop_assert_eq!(whole, Ok(bytes));
            }
        }
    }
}
