//! A rule for every text that goes back to a caller, whichever family words it.

use unicode_normalization::UnicodeNormalization;

/// The same text with «thành công» (any letter case, any white space, composed or not) replaced. Callers test for it in any
/// part of an answer, and «không thành công» contains it.
pub(crate) fn without_success(text: &str) -> String {
    let text: Vec<char> = text.nfc().collect();
    let mut safe = String::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        match success_at(&text[at..]) {
            Some(length) => {
                safe.push_str("đạt");
                at += length;
            }
            None => {
                safe.push(text[at]);
                at += 1;
            }
        }
    }
    safe
}

fn success_at(text: &[char]) -> Option<usize> {
    let first = word_at(text, "thành")?;
    let gap = text[first..].iter().take_while(|letter| letter.is_whitespace()).count();
    let second = word_at(&text[first + gap..], "công")?;
    (gap > 0).then_some(first + gap + second)
}

fn word_at(text: &[char], word: &str) -> Option<usize> {
    let length = word.chars().count();
    let head = text.get(..length)?;
    head.iter().flat_map(|letter| letter.to_lowercase()).eq(word.chars()).then_some(length)
}
