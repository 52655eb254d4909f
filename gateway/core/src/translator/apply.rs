//! The walk: a plan applied to a document.
//!
//! Builds the target value by value. Paths become text only when something is wrong or leaves a trace; everything
//! that is wrong is gathered, so that one look mends all of it. Nothing here knows a contract: judging the result is
//! the plan's last step.

use std::borrow::Cow;
use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::codes::{CodeList, Unknown};
use super::functions::{self, nfc};
use super::mapping::{Over, Unreadable};
use super::plan::{Body, DateStep, Fill, From, Layer, Op, Path, Slot, Test};
use super::source::{Found, Source, Spread};
use super::{Context, Trace};
use crate::fault::{Fault, Violation};

pub(super) struct Run<'a> {
    pub(super) body: &'a Body,
    pub(super) context: &'a Context<'a>,
    pub(super) violations: Vec<Violation>,
    pub(super) traces: Vec<Trace>,
    /// Which codes were looked up, as `list code`; kept only for coverage.
    pub(super) seen: Option<BTreeSet<String>>,
}

/// Where in the source the walk is: the document, or an element of a list in it.
pub(super) struct Scope<'a> {
    here: &'a Spread<'a>,
    /// The element of the fan-out list.
    fan: Option<(&'a Spread<'a>, usize)>,
    /// The scope around this one, the list it stands in, and which element it is.
    outer: Option<(&'a Scope<'a>, &'a Path, usize)>,
}

/// Where in the target the walk is.
struct Place<'a> {
    key: &'a str,
    index: Option<usize>,
    above: Option<&'a Place<'a>>,
}

impl Place<'_> {
    fn path(&self) -> String {
        let index = self.index.map(|index| format!("[{}]", index + 1)).unwrap_or_default();
        match self.above {
            Some(above) if !above.key.is_empty() => format!("{}.{}{index}", above.path(), self.key),
            _ => format!("{}{index}", self.key),
        }
    }
}

impl<'a> Scope<'a> {
    fn find(&self, path: &Path, empty_absent: bool) -> Option<Source<'a>> {
        let mut scope = self;
        for _ in 0..path.up {
            scope = scope.outer?.0;
        }
        let from = if path.fan { scope.fan?.0 } else { scope.here };
        let value = from.find(&path.keys)?;
        let absent = value.is_null() || (empty_absent && value.is_empty_text());
        (!absent).then_some(value)
    }

    /// The path as the sender would write it.
    fn path(&self, path: &Path, fan_out: Option<&Path>) -> String {
        let mut scope = self;
        for _ in 0..path.up {
            if let Some((outer, _, _)) = scope.outer {
                scope = outer;
            }
        }
        let mut said = match scope.outer {
            Some((outer, list, index)) => format!("{}[{}]", outer.path(list, fan_out), index + 1),
            None => String::new(),
        };
        if let (true, Some(list), Some((_, index))) = (path.fan, fan_out, scope.fan) {
            let names: Vec<&str> = list.keys.iter().map(|key| &*key.name).collect();
            said = format!("{}[{}]", names.join("."), index + 1);
        }
        for key in &path.keys {
            if !said.is_empty() {
                said.push('.');
            }
            said.push_str(&key.name);
        }
        said
    }
}

impl<'a> Run<'a> {
    pub(super) fn documents(&mut self, source: Source<'_>) -> Vec<Value> {
        let body = self.body;
        let root = Place { key: "", index: None, above: None };
        let here = Spread::new(source, Some(body.view.node(body.view.root())));
        let whole = Scope { here: &here, fan: None, outer: None };
        let Some(list) = &body.fan_out else {
            return vec![Value::Object(self.object(&body.target, &whole, &root))];
        };
        let mut documents = Vec::new();
        for (index, element) in whole.find(list, false).into_iter().flat_map(Source::elements).enumerate() {
            let element = Spread::new(element, body.fan_node.map(|id| body.view.node(id)));
            let scope = Scope { fan: Some((&element, index)), ..whole };
            documents.push(Value::Object(self.object(&body.target, &scope, &root)));
        }
        documents
    }

    fn object(&mut self, slots: &'a [Slot], scope: &Scope<'_>, above: &Place<'_>) -> Map<String, Value> {
        let mut fields = Map::with_capacity(slots.len());
        for slot in slots {
            let place = Place { key: &slot.key, index: None, above: Some(above) };
            let value = match &slot.fill {
                Fill::Rule(op) => self.value(op, scope, &place),
                Fill::Object { slots, kept } => {
                    let inner = self.object(slots, scope, &place);
                    (*kept || !inner.is_empty()).then_some(Value::Object(inner))
                }
                Fill::Later => None,
            };
            if let Some(value) = value {
                fields.insert(slot.key.clone(), value);
            }
        }
        fields
    }

    fn value(&mut self, op: &'a Op, scope: &Scope<'_>, place: &Place<'_>) -> Option<Value> {
        if let Some(test) = &op.when
            && !self.holds(test, scope)
        {
            return op.absent.clone();
        }
        if op.plain
            && let From::Path(path) = &op.source
        {
            return scope
                .find(path, self.body.empty_absent)
                .map(Source::normal)
                .or_else(|| op.absent.clone());
        }
        self.fetch(op, scope, place)
            .and_then(|(value, path)| self.work(op, value, path, scope, place))
            .or_else(|| op.absent.clone())
    }

    /// The value as it is, and the path that is to blame if it cannot be used.
    fn fetch<'s>(
        &mut self,
        op: &'a Op,
        scope: &Scope<'s>,
        place: &Place<'_>,
    ) -> Option<(Found<'s>, Option<&'a Path>)> {
        let empty = self.body.empty_absent;
        match &op.source {
            From::Path(path) => Some((Found::There(scope.find(path, empty)?), Some(path))),
            From::First(paths) => {
                let list = op.code.as_ref().map(|list| self.chosen(list));
                let known = |value: &Source<'_>| {
                    list.is_none_or(|list| value.text().is_some_and(|code| list.get(&code).is_some()))
                };
                let mut there = paths.iter().filter_map(|path| Some((scope.find(path, empty)?, path)));
                // Where the list knows none of them, the first is what it lacks.
                let first = there.next()?;
                let chosen = if known(&first.0) { None } else { there.find(|(value, _)| known(value)) };
                let (value, path) = chosen.unwrap_or(first);
                Some((Found::There(value), Some(path)))
            }
            From::Join(paths, with) => {
                let parts: Vec<Cow<'_, str>> = paths
                    .iter()
                    .filter_map(|path| scope.find(path, empty).and_then(Source::text))
                    .filter(|part| !part.is_empty())
                    .collect();
                let joined = (!parts.is_empty()).then(|| Value::String(parts.join(with)))?;
                Some((Found::Made(joined), paths.first()))
            }
            From::Split(path, on, take) => {
                let whole = scope.find(path, empty)?.text()?;
                let part = functions::part(&whole, on, *take)?;
                Some((Found::Made(Value::String(part.to_owned())), Some(path)))
            }
            From::Value(value) => Some((Found::Made(value.clone()), None)),
            From::Each(path, node, slots) => {
                let mut values = Vec::new();
                for (index, value) in scope.find(path, empty)?.elements().enumerate() {
                    let here = Spread::new(value, node.map(|id| self.body.view.node(id)));
                    let inner = Scope { here: &here, fan: scope.fan, outer: Some((scope, path, index)) };
                    let place = Place { key: place.key, index: Some(index), above: place.above };
                    values.push(Value::Object(self.object(slots, &inner, &place)));
                }
                Some((Found::Made(Value::Array(values)), None))
            }
            From::EachItem(path, item) => {
                let mut values = Vec::new();
                for (index, value) in scope.find(path, empty)?.elements().enumerate() {
                    let here = Spread::whole(value);
                    let inner = Scope { here: &here, fan: scope.fan, outer: Some((scope, path, index)) };
                    let place = Place { key: place.key, index: Some(index), above: place.above };
                    values.extend(self.value(item, &inner, &place));
                }
                Some((Found::Made(Value::Array(values)), None))
            }
            From::Pack(layers, slots) => {
                let fields = self.object(slots, scope, place);
                let packed =
                    (!fields.is_empty()).then(|| self.pack(layers, Value::Object(fields), place))??;
                Some((Found::Made(Value::String(packed)), None))
            }
        }
    }

    fn pack(&mut self, layers: &[Layer], document: Value, place: &Place<'_>) -> Option<String> {
        let mut text = String::new();
        for layer in layers {
            let written = match layer {
                Layer::Base64 => {
                    text = STANDARD.encode(text.as_bytes());
                    continue;
                }
                Layer::Json(None) => serde_json::to_vec(&document).map_err(|_| Vec::new()),
                Layer::Json(Some(contract)) | Layer::Xml(contract) => match contract.check(&document) {
                    wrong if wrong.is_empty() => contract.write(&document).map_err(|fault| fault.violations),
                    wrong => Err(wrong),
                },
            };
            match written {
                Ok(bytes) => text = String::from_utf8(bytes).ok()?,
                Err(wrong) => {
                    let path = place.path();
                    self.violations.extend(
                        wrong.into_iter().map(|v| Violation::ours(within(&path, &v.path), v.rule, v.detail)),
                    );
                    return None;
                }
            }
        }
        Some(text)
    }

    /// What is done to the value, in the order of the language.
    fn work(
        &mut self,
        op: &'a Op,
        value: Found<'_>,
        path: Option<&Path>,
        scope: &Scope<'_>,
        place: &Place<'_>,
    ) -> Option<Value> {
        let mut value = value;
        if !op.without.is_empty() {
            let mut whole = value.value().into_owned();
            if let Some(fields) = whole.as_object_mut() {
                fields.retain(|name, _| !op.without.iter().any(|left| **left == **name));
                // Nothing else to say is nothing.
                if fields.is_empty() {
                    return None;
                }
            }
            value = Found::Made(super::functions::nfc_value(&whole));
        }
        let blamed = |run: &Run<'_>| match path {
            Some(path) => scope.path(path, run.body.fan_out.as_ref()),
            None => place.path(),
        };
        if let Some(step) = &op.date {
            value = Found::Made(self.date(step, &value, place, &|run| blamed(run))?);
        }
        if let Some(sign) = op.masked
            && value.text().is_some_and(|text| functions::masked(&text, sign))
        {
            self.trace(place, "masked", "left out: part of it is hidden".to_owned());
            return None;
        }
        if let Some(list) = &op.not_in {
            let known = self.chosen(list).get(&value.text()?).is_some();
            return (!known).then_some(Value::Bool(true));
        }
        if let Some(list) = &op.code {
            let list = self.chosen(list);
            value = Found::Made(self.code(list, &value, place, &|run| blamed(run))?);
        }
        if op.accents || op.case.is_some() || op.spaces.is_some() {
            value = Found::Made(Value::String(worked(op, &value.text()?)));
        }
        if let Some(kind) = op.kind {
            match functions::convert(&value.value(), kind) {
                Some(converted) => value = Found::Made(converted),
                None => {
                    let detail = "không đổi kiểu được mà không mất thông tin";
                    self.violations.push(Violation::sender(blamed(self), "type", detail));
                    return None;
                }
            }
        }
        let mut done = match value {
            Found::There(source) => source.normal(),
            Found::Made(Value::String(text)) => match nfc(&text) {
                Cow::Borrowed(_) => Value::String(text),
                Cow::Owned(normal) => Value::String(normal),
            },
            Found::Made(value) => value,
        };
        if let Some(limit) = op.limit {
            self.limit(limit, op.over, &mut done, place)?;
        }
        Some(done)
    }

    fn date(
        &mut self,
        step: &DateStep,
        value: &Found<'_>,
        place: &Place<'_>,
        blamed: &dyn Fn(&Run<'_>) -> String,
    ) -> Option<Value> {
        let written = value.text()?;
        if super::dates::absent(&written) {
            return None;
        }
        let at = step.read.iter().find_map(|form| form.read(&written));
        if let Some(done) = at.and_then(|at| step.write.write(at)) {
            if step.write == super::dates::Form::EpochMs {
                return done.parse::<i64>().ok().map(|ms| Value::Number(ms.into()));
            }
            return Some(Value::String(done));
        }
        match step.unreadable {
            Unreadable::Refuse => {
                let detail = "không phải ngày giờ ở dạng đọc được";
                let path = blamed(self);
                self.violations.push(Violation::sender(path, "date", detail));
                None
            }
            Unreadable::Omit => {
                self.trace(place, "date", "left out: in no form that is read here".to_owned());
                None
            }
            Unreadable::Keep => {
                self.trace(place, "date", "kept as written: in no form that is read here".to_owned());
                Some(value.value().into_owned())
            }
        }
    }

    /// The list this peer uses in place of the one the mapping names.
    fn chosen(&self, list: &'a CodeList) -> &'a CodeList {
        match self.context.codes.get(list.name()) {
            Some(name) => self.body.lists.get(name).map_or(list, |chosen| chosen),
            None => list,
        }
    }

    fn code(
        &mut self,
        list: &CodeList,
        value: &Found<'_>,
        place: &Place<'_>,
        blamed: &dyn Fn(&Run<'_>) -> String,
    ) -> Option<Value> {
        let code = value.text()?;
        if let Some(seen) = &mut self.seen {
            seen.insert(format!("{} {code}", list.name()));
        }
        if let Some(translation) = list.get(&code) {
            return (!translation.is_null()).then(|| translation.clone());
        }
        // Only where somebody will read it: most lists that lack codes let them pass in silence.
        let detail = || {
            let shown =
                if functions::code_like(&code) { format!(" {code}") } else { " giá trị này".to_owned() };
            format!("bảng mã {} không có{shown}", list.name())
        };
        match list.unknown() {
            Unknown::Hold => {
                let path = blamed(self);
                self.violations.push(Violation::ours(path, "code", detail()));
                None
            }
            Unknown::Refuse => {
                let path = blamed(self);
                self.violations.push(Violation::sender(path, "code", detail()));
                None
            }
            Unknown::Omit => {
                self.trace(place, "code", detail());
                None
            }
            Unknown::AsIs => Some(passed(value, &code)),
            Unknown::Pass => {
                self.trace(place, "code", detail());
                Some(passed(value, &code))
            }
        }
    }

    fn limit(&mut self, limit: usize, over: Over, value: &mut Value, place: &Place<'_>) -> Option<()> {
        let Value::String(text) = value else { return Some(()) };
        let Some((length, short)) = functions::shorten(text, limit) else { return Some(()) };
        match over {
            Over::Shorten => {
                let at = short.len();
                text.truncate(at);
                self.trace(place, "limit", format!("{length} characters shortened to {limit}"));
                Some(())
            }
            Over::Refuse => {
                let detail = format!("có {length} ký tự, hệ thống nhận chỉ chứa {limit}");
                self.violations.push(Violation::ours(place.path(), "limit", detail));
                None
            }
        }
    }

    fn trace(&mut self, place: &Place<'_>, rule: &str, detail: String) {
        self.traces.push(Trace { target: place.path(), rule: rule.to_owned(), detail });
    }

    fn holds(&self, test: &Test, scope: &Scope<'_>) -> bool {
        let empty = self.body.empty_absent;
        match test {
            Test::Present(path) => scope.find(path, empty).is_some(),
            Test::Absent(path) => scope.find(path, empty).is_none(),
            Test::OneOf(path, values) => scope
                .find(path, empty)
                .and_then(Source::text)
                .is_some_and(|found| values.iter().any(|value| *value == *found)),
            Test::Not(inner) => !self.holds(inner, scope),
            Test::All(tests) => tests.iter().all(|test| self.holds(test, scope)),
            Test::Any(tests) => tests.iter().any(|test| self.holds(test, scope)),
        }
    }
}

fn worked(op: &Op, text: &str) -> String {
    let mut text = nfc(text).into_owned();
    if let Some(case) = op.case {
        text = functions::case(text, case);
    }
    if op.accents {
        text = functions::without_accents(&text);
    }
    if let Some(spaces) = op.spaces {
        text = functions::spaces(&text, spaces);
    }
    text
}

pub(super) fn within(outer: &str, inner: &str) -> String {
    match (outer, inner) {
        ("", inner) => inner.to_owned(),
        (outer, "") => outer.to_owned(),
        (outer, inner) => format!("{outer}.{inner}"),
    }
}

/// Opens the parts of a source that are documents of their own, in place.
pub(super) fn open(body: &Body, source: &Value, violations: &mut Vec<Violation>) -> Value {
    let mut opened = source.clone();
    for opening in &body.open {
        each_at(&mut opened, &opening.path, String::new(), &mut |value, path| {
            let Value::String(text) = &*value else { return };
            if text.trim().is_empty() {
                *value = Value::Null;
                return;
            }
            match unwrap(text, &opening.layers) {
                Ok(inner) => *value = inner,
                Err(wrong) => violations.extend(
                    wrong.into_iter().map(|v| Violation::sender(within(&path, &v.path), v.rule, v.detail)),
                ),
            }
        });
    }
    opened
}

fn unwrap(text: &str, layers: &[Layer]) -> Result<Value, Vec<Violation>> {
    let wrong = |rule: &str, detail: &str| vec![Violation::sender("", rule, detail)];
    let of = |fault: Fault| match fault.violations.is_empty() {
        true => vec![Violation::sender("", fault.code.into_owned(), fault.words)],
        false => fault.violations,
    };
    let mut bytes = text.as_bytes().to_vec();
    for layer in layers {
        match layer {
            Layer::Base64 => {
                // Encoders of mail habit break lines; the alphabet itself stays strict.
                bytes.retain(|byte| !byte.is_ascii_whitespace());
                bytes = STANDARD.decode(&bytes).map_err(|_| wrong("base64", "không phải base64"))?;
            }
            Layer::Json(None) => return crate::json::parse(&bytes).map_err(of),
            Layer::Json(Some(contract)) | Layer::Xml(contract) => return contract.read(&bytes).map_err(of),
        }
    }
    String::from_utf8(bytes).map(Value::String).map_err(|_| wrong("encoding", "không phải UTF-8"))
}

/// A code that no list knows. Who sends it as a number means the same as who sends it as a text, and a contract of ours takes texts.
fn passed(value: &Found<'_>, code: &str) -> Value {
    match value.value().into_owned() {
        Value::Number(_) => Value::String(code.to_owned()),
        other => other,
    }
}

/// Every value at a path, through lists.
pub(super) fn each_at(
    value: &mut Value,
    keys: &[String],
    path: String,
    act: &mut dyn FnMut(&mut Value, String),
) {
    if let Value::Array(elements) = value {
        for (index, element) in elements.iter_mut().enumerate() {
            each_at(element, keys, format!("{path}[{}]", index + 1), act);
        }
        return;
    }
    match keys.split_first() {
        None => act(value, path),
        Some((key, rest)) => {
            if let Some(inner) = value.as_object_mut().and_then(|fields| fields.get_mut(key)) {
                each_at(inner, rest, within(&path, key), act);
            }
        }
    }
}
