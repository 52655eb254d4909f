//! What a file really is, by its first bytes, and what its name says it is.

use serde::{Deserialize, Serialize};

/// So much of a file's beginning is looked at.
pub const HEAD_BYTES: usize = 4096;

macro_rules! file_types {
    ($($(#[$what:meta])* $name:ident $word:literal $media:literal,)*) => {
        /// A type of file, as its content shows it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum FileType {
            $($(#[$what])* $name,)*
        }

        impl FileType {
            /// Its name in rules and refusals.
            pub fn word(self) -> &'static str {
                match self { $(FileType::$name => $word,)* }
            }

            /// Its media type.
            pub fn media(self) -> &'static str {
                match self { $(FileType::$name => $media,)* }
            }
        }
    };
}

file_types! {
    /// Portable Document Format.
    Pdf "pdf" "application/pdf",
    /// Portable Network Graphics.
    Png "png" "image/png",
    /// JPEG.
    Jpg "jpg" "image/jpeg",
    /// Graphics Interchange Format.
    Gif "gif" "image/gif",
    /// Windows bitmap.
    Bmp "bmp" "image/bmp",
    /// Tagged Image File Format.
    Tiff "tiff" "image/tiff",
    /// Office Open XML text.
    Docx "docx" "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    /// Office Open XML table.
    Xlsx "xlsx" "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    /// Office Open XML slides.
    Pptx "pptx" "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    /// OpenDocument of any sort.
    Odt "odt" "application/vnd.oasis.opendocument.text",
    /// Any other ZIP archive.
    Zip "zip" "application/zip",
    /// The older office documents (`doc`, `xls`, `ppt`).
    Ole "ole" "application/x-ole-storage",
    /// Rich Text Format.
    Rtf "rtf" "application/rtf",
    /// XML.
    Xml "xml" "application/xml",
    /// HTML.
    Html "html" "text/html",
    /// Text of whatever kind.
    Txt "txt" "text/plain",
    /// A signed message (PKCS#7, CMS).
    P7s "p7s" "application/pkcs7-signature",
    /// RAR archive.
    Rar "rar" "application/vnd.rar",
    /// 7-Zip archive.
    Sevenzip "sevenzip" "application/x-7z-compressed",
    /// A program.
    Program "program" "application/octet-stream",
    /// None of these.
    Unknown "unknown" "application/octet-stream",
}

/// What a file that begins so is.
pub fn sniff(head: &[u8]) -> FileType {
    let begins = |with: &[u8]| head.starts_with(with);
    let has = |what: &[u8]| head.windows(what.len()).any(|window| window == what);
    match () {
        () if begins(b"\x89PNG\r\n\x1a\n") => FileType::Png,
        () if begins(b"\xff\xd8\xff") => FileType::Jpg,
        () if begins(b"GIF87a") || begins(b"GIF89a") => FileType::Gif,
        () if begins(b"II*\0") || begins(b"MM\0*") || begins(b"II+\0") || begins(b"MM\0+") => FileType::Tiff,
        () if begins(b"PK\x03\x04") => match () {
            () if has(b"mimetypeapplication/vnd.oasis.opendocument") => FileType::Odt,
            () if has(b"word/") => FileType::Docx,
            () if has(b"xl/") => FileType::Xlsx,
            () if has(b"ppt/") => FileType::Pptx,
            () => FileType::Zip,
        },
        () if begins(b"PK\x05\x06") => FileType::Zip,
        () if begins(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") => FileType::Ole,
        () if begins(b"Rar!\x1a\x07") => FileType::Rar,
        () if begins(b"7z\xbc\xaf\x27\x1c") => FileType::Sevenzip,
        () if begins(b"\x7fELF") || (begins(b"MZ") && text(head) == FileType::Unknown) => FileType::Program,
        () if begins(b"{\\rtf") => FileType::Rtf,
        () if begins(b"BM") && head.get(6..10) == Some(&[0; 4]) => FileType::Bmp,
        // OID 1.2.840.113549.1.7.2, signedData, near the beginning of a sequence.
        () if begins(b"\x30")
            && head
                .get(..32)
                .unwrap_or(head)
                .windows(11)
                .any(|window| window == b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02") =>
        {
            FileType::P7s
        }
        // Some software writes a few bytes of its own in front, and every reader forgives it.
        () if head.get(..1024).unwrap_or(head).windows(5).any(|window| window == b"%PDF-") => FileType::Pdf,
        () => text(head),
    }
}

fn text(head: &[u8]) -> FileType {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let wide = head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff");
    let printable = |byte: &u8| *byte >= b' ' || matches!(*byte, b'\t' | b'\r' | b'\n' | 0x0c);
    if wide {
        return FileType::Txt;
    }
    if head.is_empty() || !head.iter().all(printable) {
        return FileType::Unknown;
    }
    let begin = head.trim_ascii_start();
    let lower = begin.get(..14).unwrap_or(begin).to_ascii_lowercase();
    if lower.starts_with(b"<!doctype html") || lower.starts_with(b"<html") {
        FileType::Html
    } else if lower.starts_with(b"-----begin pkc") || lower.starts_with(b"-----begin cms") {
        FileType::P7s
    } else if lower.starts_with(b"<")
        && lower.get(1).is_some_and(|next| next.is_ascii_alphabetic() || b"?!_".contains(next))
    {
        FileType::Xml
    } else {
        FileType::Txt
    }
}

/// The ending of a name, in lower case; none if it has none that could be one.
pub fn ending(name: &str) -> Option<String> {
    let (stem, ending) = name.trim().rsplit_once('.')?;
    let plain =
        !ending.is_empty() && ending.len() <= 8 && ending.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (plain && !stem.is_empty()).then(|| ending.to_ascii_lowercase())
}

/// Can a file with this ending be of this type? An ending that nobody here knows says nothing.
pub fn may_be(ending: &str, real: FileType) -> bool {
    use FileType as T;
    let archive = [T::Zip, T::Docx, T::Xlsx, T::Pptx, T::Odt];
    let allowed: &[FileType] = match ending {
        "pdf" => &[T::Pdf],
        "png" => &[T::Png],
        "jpg" | "jpeg" | "jpe" | "jfif" => &[T::Jpg],
        "gif" => &[T::Gif],
        "bmp" => &[T::Bmp],
        "tif" | "tiff" => &[T::Tiff],
        // What is inside of an archive may stand behind the part that is looked at.
        "docx" | "docm" => &[T::Docx, T::Zip],
        "xlsx" | "xlsm" => &[T::Xlsx, T::Zip],
        "pptx" => &[T::Pptx, T::Zip],
        "odt" | "ods" | "odp" => &[T::Odt],
        "zip" => &archive,
        "doc" => &[T::Ole, T::Rtf],
        "xls" | "ppt" | "msg" => &[T::Ole],
        "rtf" => &[T::Rtf],
        "xml" | "xsd" => &[T::Xml],
        "htm" | "html" => &[T::Html, T::Xml, T::Txt],
        "txt" | "csv" | "json" => &[T::Txt, T::Xml],
        "p7s" | "p7m" | "p7b" => &[T::P7s, T::Txt],
        "rar" => &[T::Rar],
        "7z" => &[T::Sevenzip],
        "exe" | "dll" => &[T::Program],
        _ => return real != T::Program,
    };
    allowed.contains(&real)
}

/// Is what came a page, a text or nothing where a file of another sort should be? That is how software of the field says that a session is
/// over or a file is not there, under 200. A picture of another format than its name says is a picture all the same.
pub fn is_something_else(name: &str, bytes: u64, real: FileType) -> bool {
    let talks = matches!(real, FileType::Html | FileType::Xml | FileType::Txt | FileType::Program);
    ending(name).is_some_and(|ending| !may_be(&ending, real) && (talks || bytes == 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_beginning() {
        for (head, real) in [
            (&b"%PDF-1.4\n"[..], FileType::Pdf),
            (b"\r\n%PDF-1.7", FileType::Pdf),
            (b"\x89PNG\r\n\x1a\n\0\0", FileType::Png),
            (b"\xff\xd8\xff\xe0\0\x10JFIF", FileType::Jpg),
            (b"II*\0\x08\0", FileType::Tiff),
            (b"PK\x03\x04\x14\0[Content_Types].xml....word/document.xml", FileType::Docx),
            (b"PK\x03\x04\x14\0\x08\0mimetypeapplication/vnd.oasis.opendocument.text", FileType::Odt),
            (b"PK\x03\x04\x14\0a.txt", FileType::Zip),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0", FileType::Ole),
            (b"\x30\x82\x05\x10\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0", FileType::P7s),
            (b"MZ\x90\0\x03\0\0\0PE\0\0", FileType::Program),
            // Its second head may stand anywhere, and something else in front of it.
            (b"MZ\x90\0\x03\0\0\0%PDF-1.4\n", FileType::Program),
            ("MZ: mã thửa".as_bytes(), FileType::Txt),
            (b"<?xml version=\"1.0\"?><a/>", FileType::Xml),
            (b"\xef\xbb\xbf<DATA/>", FileType::Xml),
            (b"<!DOCTYPE html><p>", FileType::Html),
            ("Đơn đề nghị".as_bytes(), FileType::Txt),
            (b"\0\x01\x02", FileType::Unknown),
            (b"", FileType::Unknown),
        ] {
            assert_eq!(sniff(head), real, "{:?}", String::from_utf8_lossy(head));
        }
    }

    #[test]
    fn a_name_says_what_a_file_must_be() {
        assert_eq!(ending("Đơn đề nghị.PDF").as_deref(), Some("pdf"));
        for none in ["don", ".pdf", "don.", "don.pdf/x", "don.p d f"] {
            assert_eq!(ending(none), None, "{none}");
        }
        assert!(may_be("pdf", FileType::Pdf) && !may_be("pdf", FileType::Program));
        assert!(may_be("docx", FileType::Zip) && !may_be("docx", FileType::Ole));
        assert!(may_be("dwg", FileType::Unknown) && !may_be("dwg", FileType::Program));
    }

    #[test]
    fn a_page_is_no_paper_and_a_picture_is_a_picture() {
        for (name, bytes, real, is_else) in [
            ("don.pdf", 90, FileType::Html, true),
            ("don.pdf", 90, FileType::Txt, true),
            ("anh.png", 0, FileType::Unknown, true),
            ("don.pdf", 90, FileType::Program, true),
            ("anh.png", 90, FileType::Jpg, false),
            ("don.pdf", 90, FileType::Unknown, false),
            ("thu.txt", 90, FileType::Txt, false),
            ("trang.html", 90, FileType::Html, false),
            ("ban-ve.dwg", 0, FileType::Unknown, false),
            ("don", 90, FileType::Html, false),
        ] {
            assert_eq!(is_something_else(name, bytes, real), is_else, "{name} {real:?}");
        }
    }
}
