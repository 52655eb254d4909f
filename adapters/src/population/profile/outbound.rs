//! A question: one call and its answer.
//!
//! The call may be repeated, for it changes nothing there. It is made without secrets and time; an officer's own key stands in
//! it by name, so that a record tells who asked, and is put in when the call is signed.

use gateway_core::adapter::{Answer, Ask, Body, Conversation, Effect, Receipt, Request, Turn, Keeping};
use gateway_core::envelope::Envelope;
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::Account;

use super::answer;
use super::fields::Question;
use super::settings::{Header, OPERATIONS, Operation, Settings};
use crate::population::{LOOK_UP, VERIFY, VERIFY_KIN};
use crate::wire::xml::Writer;

/// The name of the configured endpoint of all questions; that of tokens is a setting.
pub(super) const ENDPOINT: &str = "population";
/// Carries an officer's key.
pub(super) const AUTH_HASH: &str = "AuthHash";
/// What the name of an officer's key begins with.
pub(super) const OFFICER_KEY: &str = "officer/";
/// The one account of a platform.
const ACCOUNT: &str = "default";

/// The next call, or the end.
pub(super) fn turn(settings: &Settings, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
    let (step, operation) = asked(settings, talk.message)?;
    let question = Question::new(settings, talk.message);
    let Some(last) = talk.transcript.last() else {
        return call(settings, &question, step, operation).map(Turn::Call);
    };
    let found = answer::read(settings, operation, &last.answer).map_err(|fault| without_session(settings, fault))?;
    let document = found.document(talk.message.kind.as_str(), &question)?;
    let reference = talk.message.id.to_string();
    Ok(Turn::Done(Receipt { reference, answer: Some(Answer::json(200, &document)), ..Receipt::default() }))
}

/// Where there is no session to renew, a 401 means that our keys are wrong.
fn without_session(settings: &Settings, fault: Fault) -> Fault {
    if fault.remedy != Remedy::Renew || settings.auth.has_token() {
        return fault;
    }
    let words = "CSDLQG về dân cư không nhận tài khoản hoặc khóa của hệ thống; kiểm tra cấu hình và đồng hồ máy chủ";
    Fault { code: "population.keys-refused".into(), remedy: Remedy::Correct, words: words.to_owned(), ..fault }
}

/// Which operation answers this message.
fn asked<'a>(settings: &'a Settings, message: &Envelope) -> Result<(&'static str, &'a Operation), Fault> {
    let ours = |words: String| Fault::new("population.operation", Blame::Gateway, Remedy::Correct, words);
    let kind = message.kind.as_str();
    if ![LOOK_UP, VERIFY, VERIFY_KIN].contains(&kind) {
        return Err(ours(format!("CSDLQG về dân cư không nhận loại thông điệp {kind}")));
    }
    let wanted = message.document.get("variant").and_then(|variant| variant.as_str());
    let wanted = wanted.or(Some(settings.verify.as_str()).filter(|variant| !variant.is_empty()));
    let fits = |name: &&&'static str| {
        let (operation, variant) = name.split_once('/').unwrap_or((name, ""));
        operation == kind && (variant.is_empty() || wanted.is_none_or(|wanted| wanted == variant))
    };
    let known = OPERATIONS.iter().filter(fits).find_map(|name| Some((*name, settings.operation(name)?)));
    known.ok_or_else(|| {
        let variant = wanted.filter(|_| kind == VERIFY).map_or(String::new(), |wanted| format!(" ({wanted})"));
        ours(format!("nền tảng đã cấu hình không có dịch vụ {kind}{variant}"))
    })
}

fn call(
    settings: &Settings,
    question: &Question,
    step: &'static str,
    operation: &Operation,
) -> Result<Request, Fault> {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut headers = vec![header("content-type", &settings.content_type)];
    headers.extend(settings.soap_action.iter().map(|action| header("SOAPAction", &format!("\"{action}\""))));
    for (name, value) in &settings.headers {
        if let Header::Text(text) = value {
            headers.push(header(name, text));
        }
    }
    let body = match settings.soap {
        true => soap(settings, question, operation)?,
        false => question.json(operation)?.to_string(),
    };
    if settings.officer_hash {
        let key = question.officer_key().ok_or_else(|| {
            Fault::sender("question.incomplete", "câu hỏi không nêu cán bộ, nên không biết dùng khóa của ai")
        })?;
        headers.push(header(AUTH_HASH, &format!("{OFFICER_KEY}{key}")));
    }
    Ok(Request {
        step: step.to_owned(),
        effect: Effect::Repeatable,
        endpoint: ENDPOINT.to_owned(),
        account: account(settings),
        ask: Ask {
            method: "POST".to_owned(),
            path: operation.path.clone(),
            query: Vec::new(),
            headers,
            body: Body::of(body),
        },
        answer_in: Keeping::Inline,
    })
}

/// With an empty header and the prefixes that working clients write, because nobody knows who there reads by text.
fn soap(settings: &Settings, question: &Question, operation: &Operation) -> Result<String, Fault> {
    let prefix = settings.prefix.as_str();
    let (declared, root) = match prefix {
        "" => ("xmlns".to_owned(), operation.root.clone()),
        prefix => (format!("xmlns:{prefix}"), format!("{prefix}:{}", operation.root)),
    };
    let soapenv = crate::wire::soap::Version::V11.namespace();
    let mut writer = Writer::default();
    // An unprefixed namespace belongs to the root alone, so that the envelope's own elements stay what they are.
    let (outer, inner): (Vec<_>, Vec<_>) = match prefix {
        "" => (vec![("xmlns:soapenv", soapenv)], vec![(declared.as_str(), operation.namespace.as_str())]),
        _ => (vec![("xmlns:soapenv", soapenv), (declared.as_str(), operation.namespace.as_str())], vec![]),
    };
    writer.start("soapenv:Envelope", &outer);
    writer.leaf("soapenv:Header", "");
    writer.start("soapenv:Body", &[]);
    writer.start(&root, &inner);
    writer.raw(&question.xml(operation)?);
    writer.end(&root);
    writer.end("soapenv:Body");
    writer.end("soapenv:Envelope");
    Ok(writer.finish())
}

/// Who logs in, where anybody does.
pub(super) fn account(settings: &Settings) -> Option<Account> {
    settings.auth.has_token().then(|| Account::from(ACCOUNT))
}
