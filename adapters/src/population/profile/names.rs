//! A person's name as a profile wants it.
//!
//! Both Unicode forms of a name give the same result, because a decomposed name is composed or decomposed first.

use unicode_normalization::UnicodeNormalization;

/// `names`: how a name is written in a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// `upper-plain`: upper case, without marks, spaces or anything else that is no letter or digit: `NGUYENVANTHU`.
    UpperPlain,
    /// `upper`: upper case only.
    Upper,
    /// `as-is`.
    AsIs,
}

impl Names {
    pub(super) const WORDS: [&str; 3] = ["as-is", "upper", "upper-plain"];

    pub(super) fn named(word: &str) -> Names {
        match word {
            "upper-plain" => Names::UpperPlain,
            "upper" => Names::Upper,
            _ => Names::AsIs,
        }
    }

    /// The name in this form.
    pub(super) fn write(self, name: &str) -> String {
        match self {
            Names::UpperPlain => plain(name),
            Names::Upper => collapsed(name).to_uppercase().nfc().collect(),
            Names::AsIs => collapsed(name).nfc().collect(),
        }
    }
}

fn collapsed(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn plain(name: &str) -> String {
    let letter = |c: char| match c {
        'đ' | 'Đ' => Some('D'),
        c if c.is_ascii_alphanumeric() => Some(c.to_ascii_uppercase()),
        _ => None,
    };
    name.nfd().filter_map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_out_as_the_notes_have_them() {
        let decomposed: String = "Nguyễn Văn Mẫu".nfd().collect();
        for (name, written) in [
            ("Nguyễn Văn Mẫu", "NGUYENVANMAU"),
            (decomposed.as_str(), "NGUYENVANMAU"),
            ("ĐẶNG THỊ ƯỚC MƠ", "DANGTHIUOCMO"),
            ("H'Bia Niê Kđăm", "HBIANIEKDAM"),
            ("H\u{2019}Bia Niê Kđăm", "HBIANIEKDAM"),
            ("Trần  Thị\tÝ", "TRANTHIY"),
            ("nguyễn văn thử", "NGUYENVANTHU"),
        ] {
            assert_eq!(Names::UpperPlain.write(name), written, "{name}");
        }
        assert_eq!(Names::Upper.write("  nguyễn  văn thử "), "NGUYỄN VĂN THỬ");
        assert_eq!(Names::AsIs.write(&decomposed), "Nguyễn Văn Mẫu");
    }
}
