//! What OpenCPS says by itself, as the real one would word it: forms with JSON in them, documents in JSON or XML, zero days for "not yet".

use gateway_core::adapter::{Ask, Body};
use serde_json::{Map, Value, json};

use crate::wire::form;
use crate::wire::xml::Writer;

const UNIT: &str = "000.00.00.H99";
const GROUP: &str = "35301";
const NEVER: &str = "0000-00-00T00:00:00.000+0700";

/// A dossier of the counter, pushed to another system.
pub(super) fn published(number: &str, status: &str) -> Ask {
    let files = json!([{ "referenceUid": "f-1", "dossierPartNo": "TP01", "displayName": "Đơn đề nghị.pdf", "removed": "false" }]);
    let files = files.to_string();
    let fields = [
        ("referenceUid", "0b7c0e6c-0000-4000-8000-000000000001"),
        ("dossierNo", number),
        ("serviceCode", "1.003560"),
        ("serviceName", "Thủ tục thử nghiệm"),
        ("govAgencyCode", UNIT),
        ("govAgencyName", "Sở Thử nghiệm tỉnh Mẫu"),
        ("applicantName", "Nguyễn Văn Thử"),
        ("applicantIdType", "citizen"),
        ("applicantIdNo", "001085000000"),
        ("contactTelNo", "0900000000"),
        // 2026-11-20 08:00 and 2026-11-27 17:00 in Viet Nam; a long without a value is 0.
        ("submitDate", "1795136400000"),
        ("receiveDate", "1795136400000"),
        ("dueDate", "1795773600000"),
        ("releaseDate", "0"),
        ("finishDate", if status == "done" { "1795741200000" } else { "0" }),
        ("dossierStatus", status),
        ("originality", "3"),
        ("viaPostal", "2"),
        ("dossierFileArr", &files),
    ];
    call("POST", "/o/rest/v2/dossiers/publish", form::URLENCODED, form::encode(fields))
}

/// A new state of a dossier, and nothing else.
pub(super) fn informed(number: &str, status: &str) -> Ask {
    let fields = [
        ("dossierNo", number),
        ("govAgencyCode", UNIT),
        ("dossierStatus", status),
        ("actionNote", "Chuyển bước xử lý"),
    ];
    let path = "/o/rest/v2/dossiers/inform/0b7c0e6c-0000-4000-8000-000000000001";
    call("PUT", path, form::URLENCODED, form::encode(fields))
}

/// The number that a clerk gave to a dossier of the portal.
pub(super) fn answered(uid: &str, national: &str, number: &str, status: &str) -> Ask {
    let fields = [
        ("dossierNo", number),
        ("originDossierNo", national),
        ("govAgencyCode", UNIT),
        ("dossierStatus", status),
        ("dossierStatusText", "Đã tiếp nhận"),
    ];
    call("PUT", &format!("/o/rest/v2/dossiers/inform/{uid}"), form::URLENCODED, form::encode(fields))
}

/// A document of SyncDocument.
pub(super) fn document(notation: &str, number: &str, status: &str) -> Ask {
    let finished = status != "1";
    let document = json!({
        "DocTypeCode": "1.003560", "DocTypeName": "Thủ tục thử nghiệm", "DocCode": number,
        "CitizenName": "Nguyễn Văn Thử", "ApplicantsType": "1", "Compendium": "Hồ sơ thử nghiệm",
        "DateReceived": "2026-11-20T08:00:00.000+0700", "DateAppointed": "2026-11-27T17:00:00.000+0700",
        "SuccessDate": if finished { "2026-11-26T09:00:00.000+0700" } else { NEVER },
        "FinishedDate": NEVER, "ReturnedDate": NEVER, "ReturnedType": "0", "Status": status,
        "ProcessingOrganName": "Phòng Thử nghiệm",
        "Attachments": [{ "AttachmentId": "900001", "AttachmentName": "Đơn.pdf", "IsDeleted": "false", "Base64": "JVBERi0xLjQK" }],
        "DocFees": [{ "FeeName": "Lệ phí cấp giấy", "FeeType": "2", "Price": "50000" }],
        "OrganInchargeIdLevel1": UNIT, "OrganInchargeName": "Sở Thử nghiệm tỉnh Mẫu",
    });
    spoken("/api/Document/SyncDocument", "SyncDocument", notation, &document)
}

/// A trace of UpdateDocumentTraces.
pub(super) fn trace(notation: &str, number: &str, status: &str) -> Ask {
    let trace = json!({
        "DocumentId": "1", "DocCode": number, "UserName": "Trần Thị Mẫu", "UserPosition": "Chuyên viên",
        "DateCreated": "2026-11-21T09:00:00.000+0700", "Comment": "Thẩm định hồ sơ", "Status": status,
        "OrganizationInchargeIdLevel1": UNIT, "OrganizationInchargeName": "Sở Thử nghiệm tỉnh Mẫu",
    });
    spoken("/api/Document/UpdateDocumentTraces", "UpdateDocumentTraces", notation, &trace)
}

fn spoken(path: &str, root: &str, notation: &str, document: &Value) -> Ask {
    match notation {
        "xml" => call("POST", path, "application/xml", in_xml(root, document)),
        _ => call("POST", path, "application/json", document.to_string()),
    }
}

/// The same names, a list being the repeated element.
fn in_xml(root: &str, document: &Value) -> String {
    let mut writer = Writer::default();
    writer.start(root, &[]);
    write(&mut writer, document.as_object());
    writer.end(root);
    writer.finish()
}

fn write(writer: &mut Writer, fields: Option<&Map<String, Value>>) {
    for (name, value) in fields.into_iter().flatten() {
        // XML spells this one with a lower-case L.
        let name = if name == "AttachmentId" { "Attachmentld" } else { name };
        match value {
            Value::Array(members) => {
                for member in members {
                    writer.start(name, &[]);
                    write(writer, member.as_object());
                    writer.end(name);
                }
            }
            value => writer.leaf(name, value.as_str().unwrap_or_default()),
        }
    }
}

/// With the headers by which an old filter of OpenCPS let callers name themselves: they mean nothing here.
fn call(method: &str, path: &str, media: &str, body: String) -> Ask {
    let headers = [("content-type", media), ("groupid", GROUP), ("userid", "20139"), ("localaccess", "true")];
    Ask {
        method: method.to_owned(),
        path: path.to_owned(),
        query: Vec::new(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        body: Body::of(body),
    }
}
