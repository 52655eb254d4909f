//! A peer asks for a file under an address of ours: the id behind the door's path, and the file as it is.

use gateway_core::adapter::{Answer, Arrival, Body, Fate, Heard};
use gateway_core::fault::Fault;
use gateway_core::lift::Ticket;
use serde_json::json;

use super::refusal::{headers_of, status_of, words_of};

/// Is this call such a question? Channels of that sort end so.
fn is_meant(arrival: &Arrival) -> bool {
    arrival.channel.as_str().ends_with("/file")
}

/// What was asked for, if this call is about a file: the id is the first word behind the path.
pub(crate) fn heard(arrival: &Arrival) -> Option<Heard> {
    let id = arrival.rest.split('/').next().unwrap_or_default();
    is_meant(arrival).then(|| Heard::File { id: id.to_owned() })
}

/// The file, under the name that it was given, or why there is none, with a status that a downloading program understands; nothing if
/// this call is about no file.
pub(crate) fn answered(arrival: &Arrival, said: Result<&[Fate], &Fault>) -> Option<Answer> {
    if !is_meant(arrival) {
        return None;
    }
    match said {
        Ok([Fate::File { file, name, media }]) => Some(answer(file, name, media)),
        Ok(_) => None,
        Err(fault) => {
            let status = status_of(fault);
            let mut answer = Answer::json(status, &json!({ "error_code": -1, "message": words_of(fault) }));
            answer.headers.extend(headers_of(fault, status));
            Some(answer)
        }
    }
}

fn answer(file: &Ticket, name: &str, media: &str) -> Answer {
    let headers = vec![
        ("content-type".to_owned(), media.to_owned()),
        ("content-disposition".to_owned(), disposition(name)),
        // What is inside is a stranger's: no browser guesses what it could be.
        ("x-content-type-options".to_owned(), "nosniff".to_owned()),
    ];
    Answer { status: 200, headers, body: Body::file(file.clone()) }
}

/// RFC 6266: any letters of any language in the one form, and a plain name for old software in the other.
fn disposition(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default().trim();
    if name.is_empty() {
        return "attachment".to_owned();
    }
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_. ".contains(letter);
    let plain: String = name.chars().map(|letter| if plain(letter) { letter } else { '_' }).collect();
    let encode = |byte: u8| match byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    let encoded: String = name.bytes().map(encode).collect();
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_told_to_old_and_new_software() {
        assert_eq!(disposition(""), "attachment");
        assert_eq!(
            disposition("C:\\a\\Đơn \"1\".pdf"),
            "attachment; filename=\"_ơn _1_.pdf\"; filename*=UTF-8''%C4%90%C6%A1n%20%221%22.pdf"
                .replace('ơ', "_")
        );
        assert!(!disposition("a\r\nX: y").contains('\n'));
    }
}
