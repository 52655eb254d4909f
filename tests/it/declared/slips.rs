//! What can be wrong with the folder of a declared peer, and what is said of it: each slip alone, in a copy of a folder that is right.

use lienthong::files::{Dialect, Files};

use super::overlay::{Overlay, all_said, write};

#[test]
fn the_worked_examples_are_right() {
    assert_eq!(Overlay::new().check(), Vec::<String>::new());
}

#[test]
fn each_slip_is_said_with_its_file_its_line_and_what_was_meant() {
    let xsd = "so-dat-dai/schemas/so-dat-dai.xsd";
    let import = "schemaLocation=\"chung/kieu.xsd\"";
    let slips = [
        // Schemas: nothing is fetched, nothing outside the folder is read.
        (
            xsd,
            import,
            "schemaLocation=\"chung/kieux.xsd\"",
            "declared/so-dat-dai/schemas/so-dat-dai.xsd:4: import: `chung/kieux.xsd` is not there (did you mean `chung/kieu.xsd`?)",
        ),
        (
            xsd,
            import,
            "schemaLocation=\"http://h99.example/kieu.xsd\"",
            "so-dat-dai.xsd:4: import: `http://h99.example/kieu.xsd` is an address, and nothing is fetched",
        ),
        (xsd, import, "schemaLocation=\"file:///etc/passwd\"", "is an address, and nothing is fetched"),
        (
            xsd,
            import,
            "schemaLocation=\"../../../etc/passwd\"",
            "`../../../etc/passwd` leads out of the folder of declared/so-dat-dai",
        ),
        (
            xsd,
            import,
            "schemaLocation=\"../ho-kinh-doanh/kieu.xsd\"",
            "leads out of the folder of declared/so-dat-dai",
        ),
        (
            "so-dat-dai/schemas/chung/kieu.xsd",
            "gia-tri.xsd",
            "gia-tri-cu.xsd",
            "declared/so-dat-dai/schemas/chung/kieu.xsd:4: include: `gia-tri-cu.xsd` is not there",
        ),
        (
            "ho-kinh-doanh/schemas/dossier.schema.json",
            "values.schema.json#",
            "value.schema.json#",
            "declared/ho-kinh-doanh/schemas/dossier.schema.json: $ref: `value.schema.json` is not there (did you mean `values.schema.json`?)",
        ),
        (
            "ho-kinh-doanh/schemas/dossier.schema.json",
            "values.schema.json#",
            "https://h99.example/values.schema.json#",
            "is an address, and nothing is fetched",
        ),
        // Mappings.
        (
            "so-dat-dai/mappings/out-dossier-recorded.yaml",
            "MaThuTuc: ",
            "MaThuTucc: ",
            "declared/so-dat-dai/mappings/out-dossier-recorded.yaml:7: MaThuTucc",
        ),
        ("so-dat-dai/mappings/out-dossier-recorded.yaml", "procedure.code", "procedure.cod", "(did you mean"),
        (
            "ho-kinh-doanh/mappings/in-dossier-progressed.yaml",
            "declared/ho-kinh-doanh/change",
            "../../../etc/passwd",
            "declared/ho-kinh-doanh/mappings/in-dossier-progressed.yaml:1: mapping.from: there is no contract ../../../etc/passwd",
        ),
        // peer.yaml.
        (
            "so-dat-dai/peer.yaml",
            "notation: soap-1.1",
            "notation: soap-1.3",
            "declared/so-dat-dai/peer.yaml:3: notation: `soap-1.3` is none of json, xml, soap-1.1, soap-1.2 (did you mean `soap-1.1`?)",
        ),
        (
            "so-dat-dai/peer.yaml",
            "    action: urn",
            "    acton: urn",
            "peer.yaml:34: calls.dossier-recorded.acton: there is no such word here (did you mean `action`?)",
        ),
        (
            "so-dat-dai/peer.yaml",
            "means: exists }",
            "means: exist }",
            "peer.yaml:20: outcomes[2]: unknown variant `exist`",
        ),
        (
            "so-dat-dai/peer.yaml",
            "{ when: { code: [\"00\"] }, means: done }",
            "{ when: { http: [200] }, means: done }",
            "outcomes[1].when.code: success is judged by code",
        ),
        (
            "so-dat-dai/peer.yaml",
            "{dossier}</MaHoSo>",
            "{dosier}</MaHoSo>",
            "calls.dossier-recorded.read-back.body: nothing fills `{dosier}` here; there are dossier, unit, id, mark: (did you mean `dossier`?)",
        ),
        (
            "so-dat-dai/peer.yaml",
            "  dossier-recorded:",
            "  dossier-record:",
            "calls: no outbound channel of channels.yaml has the kind `dossier-record`",
        ),
        (
            "ho-kinh-doanh/peer.yaml",
            "  kind: oauth",
            "  kind: oauth2",
            "declared/ho-kinh-doanh/peer.yaml:7: auth.kind: `oauth2` is none of none, key, basic, bearer, oauth (did you mean `oauth`?)",
        ),
        ("ho-kinh-doanh/peer.yaml", "  path: /oauth/token\n", "", "auth.path: this word is needed"),
        (
            "ho-kinh-doanh/peer.yaml",
            "path: /api/v2/dossiers",
            "path: http://h99.example/api",
            "begins with `/`; the host stands in the configuration",
        ),
        (
            "ho-kinh-doanh/peer.yaml",
            "hears:\n  declared/ho-kinh-doanh/thong-bao:",
            "hears:\n  declared/ho-kinh-doanh/thong-baoo:",
            "hears: channels.yaml has no inbound channel `declared/ho-kinh-doanh/thong-baoo` (did you mean `declared/ho-kinh-doanh/thong-bao`?)",
        ),
        (
            "ho-kinh-doanh/peer.yaml",
            "  cursor: next",
            "",
            "feed.cursor: either `cursor` or `cursor-of-last` says where to go on",
        ),
        (
            "ho-kinh-doanh/peer.yaml",
            "    wrap: list",
            "    wrap: lists",
            "calls.dossier-recorded.wrap: `list` or a field",
        ),
        ("ho-kinh-doanh/peer.yaml", "title: ", "title: &x ", "peer.yaml:3: has an anchor"),
        (
            "ho-kinh-doanh/peer.yaml",
            "each: { status: ERROR,",
            "each: { status: \"Không thành công\",",
            "hears.declared/ho-kinh-doanh/thong-bao.answers.refused.each: callers look for the words of success in every answer",
        ),
        // Places that are in no document.
        (
            "so-dat-dai/peer.yaml",
            "code: \"@ma\"",
            "code: \"@mã\"",
            "declared/so-dat-dai/peer.yaml:14: answer.code: declared/so-dat-dai/so-dat-dai.xsd#KetQua has no `@mã` (did you mean `@ma`?)",
        ),
        (
            "so-dat-dai/peer.yaml",
            "    reference: SoVaoSo",
            "    reference: SoVaoSoo",
            "declared/so-dat-dai/peer.yaml:36: calls.dossier-recorded.reference: declared/so-dat-dai/so-dat-dai.xsd#KetQua has no `SoVaoSoo` (did you mean `SoVaoSo`?)",
        ),
        (
            "so-dat-dai/peer.yaml",
            "{ so-vao-so: SoVaoSo }",
            "{ so-vao-so: SoVaoSo.So }",
            "peer.yaml:37: calls.dossier-recorded.marks.so-vao-so: declared/so-dat-dai/so-dat-dai.xsd#KetQua has no `SoVaoSo.So`",
        ),
        (
            "so-dat-dai/peer.yaml",
            "so-dat-dai.xsd#KetQua",
            "so-dat-dai.xsd#KetQu",
            "peer.yaml:13: answer.contract: has no global element KetQu (did you mean `KetQua`?)",
        ),
        (
            "ho-kinh-doanh/peer.yaml",
            "code: results.status",
            "code: result.status",
            "answer.code: declared/ho-kinh-doanh/answer has no `result` (did you mean `results`?)",
        ),
        (
            "ho-kinh-doanh/peer.yaml",
            "code: results.status",
            "code: results",
            "answer.code: `results` of declared/ho-kinh-doanh/answer is no text, but holds status, ref, message",
        ),
        (
            "ho-kinh-doanh/peer.yaml",
            "    dossier: dossier",
            "    dossier: dosier",
            "hears.declared/ho-kinh-doanh/thong-bao.dossier: declared/ho-kinh-doanh/change has no `dosier` (did you mean `dossier`?)",
        ),
        (
            "ho-kinh-doanh/peer.yaml",
            "  items: changes",
            "  items: change",
            "feed.items: declared/ho-kinh-doanh/page has no `change` (did you mean `changes`?)",
        ),
        (
            "ho-kinh-doanh/peer.yaml",
            "  items: changes",
            "  items: next",
            "feed.items: `next` of declared/ho-kinh-doanh/page holds no items",
        ),
        (
            "ho-kinh-doanh/peer.yaml",
            "  cursor: next",
            "  cursor-of-last: nr",
            "feed.cursor-of-last: declared/ho-kinh-doanh/change has no `nr`",
        ),
        (
            "ho-kinh-doanh/peer.yaml",
            "  cursor: next",
            "  cursor: next.",
            "feed.cursor: is no way down by names, as `a.b.c`",
        ),
        // One call, in one notation, with a place for the secret.
        (
            "so-dat-dai/mappings/out-dossier-recorded.yaml",
            "target:",
            "fan-out: papers\ntarget:",
            "peer.yaml:33: calls.dossier-recorded: is one call, and `declared/so-dat-dai/out-dossier-recorded` makes several documents of one (`fan-out`)",
        ),
        (
            "so-dat-dai/peer.yaml",
            "in: soap-header",
            "in: body\n  name: GhiChu",
            "auth: the body of calls.dossier-recorded.read-back has no place for the secret",
        ),
        (
            "ho-kinh-doanh/peer.yaml",
            "  scope: dossiers",
            "  in: body\n  name: token",
            "auth: the body of calls.dossier-recorded has no place for the secret",
        ),
        // channels.yaml and examples.
        (
            "ho-kinh-doanh/channels.yaml",
            "dossier-recorded: declared",
            "dossier-recordd: declared",
            "declared/ho-kinh-doanh/channels.yaml: channel declared/ho-kinh-doanh/ghi: there is no kind `dossier-recordd` (did you mean `dossier-recorded`?)",
        ),
        (
            "ho-kinh-doanh/channels.yaml",
            "name: declared/ho-kinh-doanh/ghi",
            "name: declared/so-dat-dai/ghi",
            "its name begins with declared/ho-kinh-doanh",
        ),
        (
            "ho-kinh-doanh/channels.yaml",
            "declared/ho-kinh-doanh/out-dossier-recorded",
            "declared/ho-kinh-doanh/out-dossier-record",
            "declared/ho-kinh-doanh/channels.yaml: declared/ho-kinh-doanh/ghi: there is no mapping `declared/ho-kinh-doanh/out-dossier-record`",
        ),
        (
            "ho-kinh-doanh/examples/20-takes-it.yaml",
            "takes: true",
            "taks: true",
            "declared/ho-kinh-doanh/examples/20-takes-it.yaml:2: taks: there is no such word here (did you mean `takes`?)",
        ),
    ];
    all_said(&slips);
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let overlay = Overlay::new();
    overlay.change("so-dat-dai/schemas/so-dat-dai.xsd", "chung/kieu.xsd", "http://h99.example/kieu.xsd");
    overlay.change("so-dat-dai/peer.yaml", "means: exists", "means: exist");
    overlay.change("so-dat-dai/peer.yaml", "    reference: ", "    referense: ");
    overlay.change("ho-kinh-doanh/mappings/in-dossier-progressed.yaml", "what", "whatever");
    overlay.change("ho-kinh-doanh/peer.yaml", "by: form", "by: letter");
    let said = overlay.check().join("\n");
    for place in ["so-dat-dai.xsd:4", "outcomes[2]", "referense", "whatever", "auth.by"] {
        assert!(said.contains(place), "{place}: {said}");
    }
}

/// XML in JSON, or the reverse, would go out as a text, or as nothing at all.
#[test]
fn a_contract_of_another_notation_is_said() {
    let overlay = Overlay::new();
    let peer = "so-dat-dai/peer.yaml";
    overlay.change(peer, "notation: soap-1.1", "notation: json");
    overlay.change(peer, "in: soap-header", "in: header");
    overlay.change(peer, "  block: ", "  # ");
    overlay.change(peer, "    action: ", "    # ");
    overlay.change(peer, "      action: ", "      # ");
    let said = overlay.check().join("\n");
    for wanted in [
        "calls.dossier-recorded: `declared/so-dat-dai/out-dossier-recorded` writes another notation",
        "answer.contract: is of another notation than this peer speaks",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
}

/// Only the contract knows where an element may stand, so whoever writes the body keeps the secret's place.
#[test]
fn a_secret_in_a_body_of_xml_needs_a_place_that_the_mapping_keeps() {
    let overlay = Overlay::new();
    let (peer, xsd) = ("so-dat-dai/peer.yaml", "so-dat-dai/schemas/so-dat-dai.xsd");
    overlay.change(peer, "in: soap-header", "in: body\n  name: MatMa");
    overlay.change(peer, "  block: ", "  # ");
    overlay.change(peer, "{dossier}</MaHoSo>", "{dossier}</MaHoSo><MatMa/>");
    let said = overlay.check().join("\n");
    assert!(said.contains("auth.name: declared/so-dat-dai/so-dat-dai.xsd#GhiHoSo has no `MatMa`"), "{said}");
    let place = "<xs:element name=\"GhiChu\"";
    let more = format!("<xs:element name=\"MatMa\" type=\"xs:token\" minOccurs=\"0\"/>\n        {place}");
    overlay.change(xsd, place, &more);
    let said = overlay.check().join("\n");
    assert!(said.contains("leaves no `MatMa` for the secret: { value: \"-\" } keeps its place"), "{said}");
    let mapping = "so-dat-dai/mappings/out-dossier-recorded.yaml";
    overlay.change(mapping, "  GhiChu:", "  MatMa: { value: \"-\" }\n  GhiChu:");
    assert_eq!(overlay.check(), Vec::<String>::new());
}

/// A circle of imports is legal in XSD, and works.
#[test]
fn schemas_may_import_each_other_in_a_circle() {
    let overlay = Overlay::new();
    let back =
        "<xs:import namespace=\"urn:h99:so-dat-dai:1\" schemaLocation=\"../so-dat-dai.xsd\"/>\n  <xs:include";
    overlay.change("so-dat-dai/schemas/chung/kieu.xsd", "<xs:include", back);
    assert_eq!(overlay.check(), Vec::<String>::new());
}

/// So it is in JSON Schema; only one that never comes to say anything is none.
#[test]
fn schemas_may_refer_to_each_other_in_a_circle() {
    let values = "ho-kinh-doanh/schemas/values.schema.json";
    let overlay = Overlay::new();
    overlay.change(
        values,
        "\"state\": {",
        "\"whole\": { \"$ref\": \"dossier.schema.json\" },\n    \"state\": {",
    );
    assert_eq!(overlay.check(), Vec::<String>::new());
    let overlay = Overlay::new();
    let told = "{ \"type\": \"string\", \"enum\": [\"NEW\", \"WORKING\", \"DONE\", \"STOPPED\"] }";
    overlay.change(values, told, "{ \"$ref\": \"dossier.schema.json#/properties/state\" }");
    let said = overlay.check().join("\n");
    assert!(
        said.contains("declared/ho-kinh-doanh/schemas/values.schema.json: $ref: `dossier.schema.json#/properties/state` leads back to itself"),
        "{said}"
    );
}

/// A folder that no peer of the configuration names is checked, and hinders no start.
#[test]
fn a_folder_in_the_making_is_checked_and_hinders_nobody() {
    let overlay = Overlay::new();
    write(&overlay.path("moi/peer.yaml"), "notation: jsonn\n");
    let said = overlay.check().join("\n");
    assert!(said.contains("declared/moi/peer.yaml:1: notation: `jsonn`"), "{said}");
    let files = Files::with_overlay(overlay.0.path()).expect("an overlay");
    let spoken = Dialect { family: "declared".to_owned(), name: "so-dat-dai".to_owned() };
    let used = files.of(&[spoken].into());
    assert!(!used.mappings.contains_key("declared/moi/peer.yaml"));
    assert!(!used.schemas.keys().any(|path| path.contains("ho-kinh-doanh")));
    assert!(used.mappings.contains_key("declared/so-dat-dai/peer.yaml"));
}
