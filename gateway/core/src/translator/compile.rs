//! From a mapping to a plan: every name resolved, everything checked against both contracts.
//!
//! All defects of a mapping come at once, each with its line, the target field it stands in and the nearest name
//! that would be right. What may be known before any document is there is known here; the rest is for the
//! contract check of each result.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::check::{self, Facts, Target};
use super::codes::CodeList;
use super::coverage::Sheet;
use super::dates::{FORMS, Form};
use super::mapping::{Condition, Content, Entry, Mapping, Rule, Source};
use super::plan::{Body, DateStep, Fill, From, Key, Layer, Lists, Op, Opening, Path, Slot, Test};
use super::yaml::Spot;
use crate::fault::{Defect, nearest};
use crate::schema::view::{FieldView, Kinds, NodeId, Walk};
use crate::schema::{Contract, Contracts, Notation};

/// Everything one compilation yields.
pub(super) struct Compiled {
    pub(super) body: Body,
    pub(super) source: Arc<Contract>,
    pub(super) target: Arc<Contract>,
    pub(super) lists: Vec<Arc<CodeList>>,
    pub(super) packed: Vec<Arc<Contract>>,
    pub(super) sheet: Sheet,
}

pub(super) fn compile(
    file: &str,
    mapping: &Mapping,
    contracts: &Contracts,
    lists: &Arc<Lists>,
    defects: &mut Vec<Defect>,
) -> Option<Compiled> {
    let before = defects.len();
    let mut wrong = |field: &str, spot: &Spot, (message, nearest): (String, Option<String>)| {
        defects.push(Defect {
            file: file.to_owned(),
            line: spot.line,
            field: field.to_owned(),
            message,
            nearest,
        });
    };
    let source = contracts.find(&mapping.from.text).map_err(|e| wrong("mapping.from", &mapping.from, e)).ok();
    let target = contracts.find(&mapping.to.text).map_err(|e| wrong("mapping.to", &mapping.to, e)).ok();
    let (source, target) = (source?, target?);
    let mut compiler = Compiler {
        file,
        contracts,
        lists,
        defects,
        view: source.view().clone(),
        source_name: source.name().to_owned(),
        scopes: vec![At { node: Some(source.view().root()), path: String::new() }],
        fan_out: None,
        forms: Vec::new(),
        broken: mapping.broken,
        used_lists: Vec::new(),
        packed: Vec::new(),
        filled: Vec::new(),
        sheet: Sheet::default(),
    };
    let body = compiler.body(mapping, &target);
    let mut sheet = std::mem::take(&mut compiler.sheet);
    sheet.source_leaves = compiler.view.leaves();
    sheet.target_leaves = target.view().leaves();
    let (used, packed) = (std::mem::take(&mut compiler.used_lists), std::mem::take(&mut compiler.packed));
    sheet.lists = used.iter().map(|list| list.name().to_owned()).collect();
    (defects.len() == before && !mapping.broken).then_some(Compiled {
        body,
        source,
        target,
        lists: used,
        packed,
        sheet,
    })
}

/// Where in the source paths start.
struct At {
    /// None inside open content.
    node: Option<NodeId>,
    /// The full path of it, lists as `papers[]`.
    path: String,
}

struct Compiler<'a> {
    file: &'a str,
    contracts: &'a Contracts,
    lists: &'a Arc<Lists>,
    defects: &'a mut Vec<Defect>,
    /// The source contract, with the documents inside it.
    view: FieldView,
    source_name: String,
    scopes: Vec<At>,
    fan_out: Option<Vec<Box<str>>>,
    /// How dates are written where a rule does not say: the header's `read`, else RFC 3339.
    forms: Vec<Form>,
    /// A field that seems not to be set may be one whose rule could not be read.
    broken: bool,
    used_lists: Vec<Arc<CodeList>>,
    packed: Vec<Arc<Contract>>,
    filled: Vec<String>,
    sheet: Sheet,
}

/// A path, what is known of its value, and what must be there for it to be there.
struct Resolved {
    path: Path,
    facts: Facts,
    needs: BTreeSet<String>,
    full: String,
}

/// What a field gives, and when.
struct Yield {
    needs: BTreeSet<String>,
    /// Its absence was thought of (`when`, `filled-by`).
    handled: bool,
}

impl Compiler<'_> {
    fn wrong(&mut self, line: u64, field: &str, message: impl Into<String>, nearest: Option<String>) {
        let (file, field) = (self.file.to_owned(), field.to_owned());
        self.defects.push(Defect { file, line, field, message: message.into(), nearest });
    }

    fn body(&mut self, mapping: &Mapping, target: &Arc<Contract>) -> Body {
        let open: Vec<Opening> =
            mapping.open.iter().filter_map(|(path, layers)| self.opening(path, layers)).collect();
        let mut fan_node = None;
        let fan_out = mapping.fan_out.as_ref().and_then(|spot| {
            let resolved = self.resolve(spot, "fan-out")?;
            if !resolved.facts.may_be(Kinds::LIST) {
                self.wrong(spot.line, "fan-out", format!("`{}` is not a list", spot.text), None);
            }
            fan_node = resolved.facts.node.map(|id| self.view.element(id));
            Some(resolved.path)
        });
        self.fan_out = fan_out.as_ref().map(|path| path.keys.iter().map(|key| key.name.clone()).collect());
        self.forms = match mapping.read.as_slice() {
            [] => vec![Form::Rfc3339],
            named => named.iter().filter_map(|spot| self.form(spot, "read")).collect(),
        };
        for spot in &mapping.ignored {
            self.source_exists(spot);
        }
        for spot in &mapping.volatile {
            let keys: Vec<&str> = spot.text.split('.').collect();
            let view = target.view();
            if let Walk::Unknown(at, near) = view.walk(view.root(), &keys, true) {
                self.wrong(spot.line, "volatile", format!("{} has no field `{at}`", target.name()), near);
            }
        }
        let place = Target {
            view: target.view(),
            node: Some(target.view().root()),
            xml: target.notation() == Notation::Xml,
            kept: true,
        };
        let (slots, _) = self.block(&mapping.target, place, "", mapping.to.line, true);
        Body {
            target: slots,
            view: self.view.clone(),
            fan_out,
            fan_node,
            open,
            empty_absent: mapping.empty_absent,
            volatile: mapping
                .volatile
                .iter()
                .map(|s| s.text.split('.').map(str::to_owned).collect())
                .collect(),
            filled: std::mem::take(&mut self.filled),
            lists: self.lists.clone(),
        }
    }

    /// `ignored`: a place of the source, through lists.
    fn source_exists(&mut self, spot: &Spot) {
        let keys: Vec<&str> = spot.text.split('.').collect();
        if let Walk::Unknown(at, near) = self.view.walk(self.view.root(), &keys, true) {
            let message = format!("{} has no field `{at}`", self.source_name);
            self.wrong(spot.line, "ignored", message, near);
        }
        self.sheet.ignored.push(spot.text.clone());
    }

    fn opening(&mut self, path: &Spot, layers: &[Spot]) -> Option<Opening> {
        let keys: Vec<String> = path.text.split('.').map(str::to_owned).collect();
        match self.view.walk(self.view.root(), &keys, true) {
            Walk::Unknown(at, near) => {
                self.wrong(path.line, "open", format!("{} has no field `{at}`", self.source_name), near);
                return None;
            }
            Walk::Found(step) if !self.view.node(self.view.element(step.node)).kinds.touches(Kinds::TEXT) => {
                self.wrong(path.line, "open", format!("`{}` is not a text", path.text), None);
                return None;
            }
            _ => {}
        }
        let layers = self.layers(layers, "open");
        match layers.last() {
            Some(Layer::Json(Some(contract)) | Layer::Xml(contract)) => {
                self.view.graft(&keys, contract.view())
            }
            Some(Layer::Json(None)) => self.view.graft(&keys, &FieldView::open()),
            _ => {}
        }
        Some(Opening { path: keys, layers })
    }

    /// `base64`, `json`, `json <contract>`, `xml <contract>`.
    fn layers(&mut self, spots: &[Spot], field: &str) -> Vec<Layer> {
        let mut layers = Vec::new();
        for spot in spots {
            let (word, name) = spot.text.split_once(' ').unwrap_or((&spot.text, ""));
            let contract = match name.trim() {
                "" => None,
                name => match self.contracts.find(name) {
                    Ok(contract) => {
                        self.packed.push(contract.clone());
                        Some(contract)
                    }
                    Err((message, near)) => {
                        self.wrong(spot.line, field, message, near);
                        continue;
                    }
                },
            };
            match (word, contract) {
                ("base64", None) => layers.push(Layer::Base64),
                ("json", None) => layers.push(Layer::Json(None)),
                ("json", Some(c)) if c.notation() == Notation::Json => layers.push(Layer::Json(Some(c))),
                ("xml", Some(c)) if c.notation() == Notation::Xml => layers.push(Layer::Xml(c)),
                _ => {
                    let near = nearest(word, ["base64", "json", "xml"]);
                    let message =
                        format!("{} is no layer: base64, json, json <contract> or xml <contract>", spot.text);
                    self.wrong(spot.line, field, message, near);
                }
            }
        }
        layers
    }

    /// A block of target fields. `always`: the object is written whatever is in it.
    fn block(
        &mut self,
        entries: &[Entry],
        target: Target<'_>,
        path: &str,
        line: u64,
        always: bool,
    ) -> (Vec<Slot>, Yield) {
        let mut slots = Vec::new();
        let mut yields: Vec<(String, u64, Yield)> = Vec::new();
        for entry in entries {
            let full = super::apply::within(path, &entry.key);
            let place = match target.field(&entry.key) {
                Ok(place) => place,
                Err(near) => {
                    self.wrong(entry.line, &full, "is no field of the target", near);
                    continue;
                }
            };
            let (fill, given) = self.fill(entry, place, &full);
            if let Some(fill) = fill {
                slots.push(Slot { key: entry.key.clone(), fill });
            }
            yields.push((entry.key.clone(), entry.line, given));
        }
        self.required(&target, &yields, path, line, always);
        let mut given = yields.iter().map(|(_, _, given)| given);
        let needs = match given.next() {
            Some(first) => given.fold(first.needs.clone(), |all, one| &all & &one.needs),
            None => BTreeSet::new(),
        };
        let handled = yields.iter().all(|(_, _, given)| given.handled) && !yields.is_empty();
        (slots, Yield { needs, handled })
    }

    /// Whatever the target requires must be set, and be there whenever the object around it is.
    fn required(
        &mut self,
        target: &Target<'_>,
        yields: &[(String, u64, Yield)],
        path: &str,
        line: u64,
        always: bool,
    ) {
        let Some(node) = target.node.map(|id| target.view.node(id)) else { return };
        for field in node.fields.iter().filter(|field| field.required) {
            let full = super::apply::within(path, &field.name);
            let Some((key, at, given)) = yields.iter().find(|(key, _, _)| **key == *field.name) else {
                if !self.broken {
                    let at = yields.first().map_or(line, |(_, at, _)| *at);
                    self.wrong(at, &full, "is required by the target and not set", None);
                }
                continue;
            };
            let follows = yields.iter().filter(|(other, _, _)| other != key);
            let safe = given.handled
                || given.needs.is_empty()
                || (!always && follows.into_iter().all(|(_, _, other)| given.needs.is_subset(&other.needs)));
            if !safe {
                let missing: Vec<&str> = given.needs.iter().map(String::as_str).collect();
                let message = format!(
                    "is required by the target, but `{}` may be absent in the source: add absent or when",
                    missing.join("`, `")
                );
                self.wrong(*at, &full, message, None);
            }
        }
    }

    fn fill(&mut self, entry: &Entry, place: Target<'_>, full: &str) -> (Option<Fill>, Yield) {
        match &entry.content {
            Content::Object(entries) => {
                if place.is_list() {
                    self.wrong(entry.line, full, "is a list in the target: use each", None);
                }
                let inner = Target { node: place.element(), ..place };
                let kept = place.kept;
                let (slots, given) = self.block(entries, inner, full, entry.line, kept);
                (Some(Fill::Object { slots, kept }), given)
            }
            Content::Rule(rule) if matches!(rule.source, Source::Filled) => {
                self.filled.push(full.to_owned());
                self.sheet.set.push(full.to_owned());
                (Some(Fill::Later), Yield { needs: BTreeSet::new(), handled: true })
            }
            Content::Rule(rule) => {
                self.sheet.set.push(full.to_owned());
                let (op, facts, given) = self.rule(rule, place, full, entry.line);
                if let Some(message) = facts.and_then(|facts| check::misfit(&facts, &self.view, place)) {
                    self.wrong(entry.line, full, message, None);
                }
                (op.map(|op| Fill::Rule(Box::new(op))), given)
            }
        }
    }

    fn rule(
        &mut self,
        rule: &Rule,
        place: Target<'_>,
        full: &str,
        line: u64,
    ) -> (Option<Op>, Option<Facts>, Yield) {
        let unknown = Yield { needs: BTreeSet::new(), handled: true };
        let Some((source, mut facts, mut needs)) = self.source(&rule.source, place, full, line) else {
            return (None, None, unknown);
        };
        let date = match &rule.date {
            Some(form) => self.date(rule, form, &mut facts, &mut needs, full),
            None if !rule.read.is_empty() => {
                self.wrong(rule.read[0].line, full, "has read: without date:", None);
                None
            }
            None => None,
        };
        if rule.masked.is_some() {
            needs.insert("what is not masked".to_owned());
        }
        let code = rule.code.as_ref().and_then(|spot| self.code(spot, &mut facts, place, full));
        if let Some(list) = code.as_ref().filter(|list| list.may_omit()) {
            needs.insert(format!("a value in {}", list.name()));
        }
        let not_in = rule.not_in.as_ref().and_then(|spot| self.list_named(spot, full));
        if let Some(list) = &not_in {
            needs.insert(format!("a value that is not in {}", list.name()));
            facts = Facts::of(Kinds::BOOLEAN);
        }
        if rule.case.is_some() || rule.accents || rule.spaces.is_some() {
            if !facts.may_be(Kinds::TEXT) {
                self.wrong(line, full, "case, accents and spaces work on texts only", None);
            }
            facts = Facts { max: facts.max, ..Facts::of(Kinds::TEXT) };
        }
        if let Some(kind) = rule.kind {
            facts.become_kind(kind);
        }
        if let Some(limit) = rule.limit {
            let room = place.node.and_then(|id| place.view.node(id).max_length);
            if let Some(room) = room.filter(|room| limit as u64 > *room) {
                let message = format!("limit {limit} is larger than the {room} characters of the target");
                self.wrong(line, full, message, None);
            }
            facts.max = Some(facts.max.map_or(limit as u64, |max| max.min(limit as u64)));
        }
        if let Some(value) = &rule.absent {
            needs.clear();
            if let Some(message) = check::misfit(&Facts::value(value), &self.view, place) {
                self.wrong(line, full, format!("absent: {message}"), None);
            }
        }
        let when = rule.when.as_ref().and_then(|condition| self.test(condition, full));
        self.left_out(rule, &facts, full);
        let plain = matches!(source, From::Path(_)) && date.is_none() && code.is_none() && rule.untouched();
        let op = Op {
            source,
            without: rule.without.iter().map(|spot| spot.text.as_str().into()).collect(),
            date,
            code,
            not_in,
            masked: rule.masked,
            case: rule.case,
            accents: rule.accents,
            spaces: rule.spaces,
            kind: rule.kind,
            limit: rule.limit,
            over: rule.over,
            absent: rule.absent.clone(),
            when,
            plain,
        };
        (Some(op), Some(facts), Yield { needs, handled: rule.when.is_some() })
    }

    /// `without`: fields of the object that is copied.
    fn left_out(&mut self, rule: &Rule, facts: &Facts, full: &str) {
        let Some(first) = rule.without.first() else { return };
        if !facts.may_be(Kinds::OBJECT) {
            self.wrong(first.line, full, "without: the source is not an object", None);
        }
        let Some(node) = facts.node.map(|id| self.view.node(id)) else { return };
        // What is copied is each of the others, and not the whole.
        if let (Source::From(_), false, Some(whole)) = (&rule.source, node.open, self.sheet.used.pop()) {
            let kept = node.names().filter(|name| !rule.without.iter().any(|left| left.text == **name));
            self.sheet.used.extend(kept.map(|name| super::apply::within(&whole, name)));
        }
        let unknown = |spot: &&Spot| node.field(&spot.text).is_none() && !node.open;
        let wrong: Vec<(u64, String, Option<String>)> = rule
            .without
            .iter()
            .filter(unknown)
            .map(|spot| {
                (
                    spot.line,
                    format!("without: there is no field `{}`", spot.text),
                    nearest(&spot.text, node.names()),
                )
            })
            .collect();
        for (line, message, near) in wrong {
            self.wrong(line, full, message, near);
        }
    }

    fn source(
        &mut self,
        source: &Source,
        place: Target<'_>,
        full: &str,
        line: u64,
    ) -> Option<(From, Facts, BTreeSet<String>)> {
        Some(match source {
            Source::From(spot) => {
                let resolved = self.resolve(spot, full)?;
                (From::Path(resolved.path), resolved.facts, resolved.needs)
            }
            Source::First(spots) => {
                let found = self.all(spots, full)?;
                let facts = found.iter().map(|one| one.facts.clone()).reduce(Facts::either)?;
                let mut needs = BTreeSet::new();
                if !found.iter().any(|one| one.needs.is_empty()) {
                    let names: Vec<&str> = spots.iter().map(|spot| spot.text.as_str()).collect();
                    needs.insert(names.join(" or "));
                }
                (From::First(found.into_iter().map(|one| one.path).collect()), facts, needs)
            }
            Source::Join(spots, with) => {
                let found = self.all(spots, full)?;
                let mut needs = BTreeSet::new();
                if !found.iter().any(|one| one.needs.is_empty()) {
                    let names: Vec<&str> = spots.iter().map(|spot| spot.text.as_str()).collect();
                    needs.insert(names.join(" or "));
                }
                let paths = found.into_iter().map(|one| one.path).collect();
                (From::Join(paths, with.clone()), Facts::of(Kinds::TEXT), needs)
            }
            Source::Split(spot, on, take) => {
                let mut one = self.resolve(spot, full)?;
                // The part asked for need not exist, but for the first one, from either end.
                if take.unsigned_abs() != 1 {
                    one.needs.insert(format!("part {take} of {}", spot.text));
                }
                (From::Split(one.path, on.clone(), *take), Facts::of(Kinds::TEXT), one.needs)
            }
            Source::Value(value) => (From::Value(value.clone()), Facts::value(value), BTreeSet::new()),
            Source::Each(spot, entries) => {
                let list = self.list(spot, place, full, line)?;
                let inner = Target { node: place.element(), ..place };
                let (slots, _) = self.block(entries, inner, full, line, true);
                let node = self.scopes.pop().and_then(|scope| scope.node);
                (From::Each(list.path, node, slots), Facts::of(Kinds::LIST), list.needs)
            }
            Source::EachItem(spot, item) => {
                let list = self.list(spot, place, full, line)?;
                let inner = Target { node: place.element(), ..place };
                let (op, facts, _) = self.rule(item, inner, full, line);
                if let Some(message) = facts.and_then(|facts| check::misfit(&facts, &self.view, inner)) {
                    self.wrong(line, full, format!("item: {message}"), None);
                }
                self.scopes.pop();
                (From::EachItem(list.path, Box::new(op?)), Facts::of(Kinds::LIST), list.needs)
            }
            Source::Pack(spots, entries) => {
                let layers = self.layers(spots, full);
                let (filled, set) = (self.filled.len(), self.sheet.set.len());
                let contract = layers.iter().find_map(|layer| match layer {
                    Layer::Json(Some(contract)) | Layer::Xml(contract) => Some(contract.clone()),
                    _ => None,
                });
                let open = FieldView::open();
                let target = match &contract {
                    Some(c) => Target {
                        view: c.view(),
                        node: Some(c.view().root()),
                        xml: c.notation() == Notation::Xml,
                        kept: true,
                    },
                    None => Target { view: &open, node: None, xml: false, kept: true },
                };
                if !layers.iter().any(|layer| !matches!(layer, Layer::Base64)) && !layers.is_empty() {
                    self.wrong(line, full, "pack: must begin with json or xml", None);
                }
                let (slots, given) = self.block(entries, target, full, line, true);
                if self.filled.len() > filled {
                    self.wrong(
                        line,
                        full,
                        "filled-by cannot stand inside pack: the text is written now",
                        None,
                    );
                }
                // Fields inside the text are no fields of the target.
                self.sheet.set.truncate(set);
                (From::Pack(layers, slots), Facts::of(Kinds::TEXT), given.needs)
            }
            Source::Filled => return None,
        })
    }

    fn all(&mut self, spots: &[Spot], full: &str) -> Option<Vec<Resolved>> {
        let found: Vec<Option<Resolved>> = spots.iter().map(|spot| self.resolve(spot, full)).collect();
        found.into_iter().collect::<Option<Vec<_>>>().filter(|found| !found.is_empty())
    }

    /// Steps into a list: what follows speaks of its elements, until the scope is popped.
    fn list(&mut self, spot: &Spot, place: Target<'_>, full: &str, line: u64) -> Option<Resolved> {
        let list = self.resolve(spot, full)?;
        if !list.facts.may_be(Kinds::LIST) {
            self.wrong(spot.line, full, format!("each: `{}` is not a list in the source", spot.text), None);
            return None;
        }
        if place.node.is_some() && !place.is_list() && !place.is_open() {
            self.wrong(line, full, "each: the target takes one value, not a list", None);
            return None;
        }
        let node = list.facts.node.map(|id| self.view.element(id));
        self.scopes.push(At { node, path: format!("{}[]", list.full) });
        Some(list)
    }

    fn resolve(&mut self, spot: &Spot, full: &str) -> Option<Resolved> {
        let mut text = spot.text.as_str();
        let mut up = 0;
        while let Some(rest) = text.strip_prefix("..") {
            up += 1;
            text = rest;
        }
        let Some(level) = (self.scopes.len() - 1).checked_sub(up) else {
            let message = format!("`{}` steps out of more lists than it stands in", spot.text);
            self.wrong(spot.line, full, message, None);
            return None;
        };
        let mut keys: Vec<Box<str>> = match text {
            "." | "" => Vec::new(),
            text => text.split('.').map(Box::from).collect(),
        };
        let (mut node, mut base) = (self.scopes[level].node, self.scopes[level].path.clone());
        let mut fan = false;
        if let Some(list) = self.fan_out.as_ref().filter(|list| level == 0 && keys.starts_with(list)) {
            fan = true;
            keys.drain(..list.len());
            base = format!("{}[]", list.join("."));
            if let Some(Walk::Found(step)) = node.map(|id| self.view.walk(id, list, false)) {
                node = Some(self.view.element(step.node));
            }
        }
        let absolute = super::apply::within(&base, &keys.join("."));
        let walk = match node {
            Some(id) => self.view.walk(id, &keys, false),
            None => Walk::Open,
        };
        let (facts, needs) = match walk {
            Walk::Found(step) => {
                let prefix = |part: String| super::apply::within(&base, &part);
                (Facts::node(&self.view, step.node), step.optional.into_iter().map(prefix).collect())
            }
            Walk::Open => (Facts::unknown(), BTreeSet::new()),
            Walk::Unknown(at, near) => {
                let near = near.map(|name| match at.rsplit_once('.') {
                    Some((above, _)) => format!("{above}.{name}"),
                    None => name,
                });
                let message =
                    format!("{} has no field `{}`", self.source_name, super::apply::within(&base, &at));
                self.wrong(spot.line, full, message, near);
                return None;
            }
            Walk::ThroughList(at) => {
                self.wrong(spot.line, full, format!("`{at}` is a list in the source: use each"), None);
                return None;
            }
        };
        self.sheet.used.push(absolute.clone());
        let keys = self.placed(node, keys);
        Some(Resolved { path: Path { up, fan, keys }, facts, needs, full: absolute })
    }

    /// The keys with their places in the contract, as far as it knows them.
    fn placed(&self, from: Option<NodeId>, keys: Vec<Box<str>>) -> Box<[Key]> {
        let mut node = from;
        let one = |name: Box<str>| {
            let around = node.map(|id| self.view.node(self.view.element(id)));
            let field = around.and_then(|around| around.position(&name));
            node = around.zip(field).map(|(around, field)| around.fields[field].node);
            Key { name, field }
        };
        keys.into_iter().map(one).collect()
    }

    fn date(
        &mut self,
        rule: &Rule,
        form: &Spot,
        facts: &mut Facts,
        needs: &mut BTreeSet<String>,
        full: &str,
    ) -> Option<DateStep> {
        let write = self.form(form, full);
        let read = match rule.read.as_slice() {
            [] => self.forms.clone(),
            named => named.iter().filter_map(|spot| self.form(spot, full)).collect(),
        };
        let write = write?;
        if !facts.may_be(Kinds::TEXT.or(Kinds::INTEGER)) {
            self.wrong(form.line, full, "date: the source is neither text nor number", None);
        }
        // A date field that is there may still say that there is no date; that is for the contract check.
        _ = needs;
        *facts = Facts::of(if write == Form::EpochMs { Kinds::INTEGER } else { Kinds::TEXT });
        Some(DateStep { read, write, unreadable: rule.unreadable })
    }

    fn form(&mut self, spot: &Spot, field: &str) -> Option<Form> {
        let form = Form::named(&spot.text);
        if form.is_none() {
            let near = nearest(&spot.text, FORMS.iter().map(|(name, _)| *name));
            self.wrong(spot.line, field, format!("{} is no date form", spot.text), near);
        }
        form
    }

    fn code(
        &mut self,
        spot: &Spot,
        facts: &mut Facts,
        place: Target<'_>,
        full: &str,
    ) -> Option<Arc<CodeList>> {
        let Some(list) = self.list_named(spot, full) else {
            // What it would have given is unknown, so nothing more can be wrong with it.
            *facts = Facts::unknown();
            return None;
        };
        if !facts.may_be(Kinds::TEXT.or(Kinds::NUMBER).or(Kinds::BOOLEAN)) {
            self.wrong(spot.line, full, "code: the source is not a single value", None);
        }
        let mut outside: Vec<String> = list
            .values()
            .filter(|(_, value)| !value.is_null() && !check::allows(place, value))
            .map(|(_, value)| crate::schema::json::text_of(value))
            .collect();
        outside.sort_unstable();
        outside.dedup();
        if !outside.is_empty() {
            let message = format!(
                "code list {} gives {}, which the target does not allow",
                list.name(),
                outside.join(", ")
            );
            self.wrong(spot.line, full, message, None);
        }
        let given = list.values().filter(|(_, value)| !value.is_null());
        *facts = Facts::of(given.map(|(_, value)| Kinds::of(value)).fold(Kinds::NONE, Kinds::or));
        Some(list)
    }

    fn list_named(&mut self, spot: &Spot, full: &str) -> Option<Arc<CodeList>> {
        let Some(list) = self.lists.get(&spot.text).cloned() else {
            let near = nearest(&spot.text, self.lists.keys().map(String::as_str));
            self.wrong(spot.line, full, format!("there is no code list {}", spot.text), near);
            return None;
        };
        self.used_lists.push(list.clone());
        Some(list)
    }

    fn test(&mut self, condition: &Condition, full: &str) -> Option<Test> {
        Some(match condition {
            Condition::Present(spot) => Test::Present(self.resolve(spot, full)?.path),
            Condition::Absent(spot) => Test::Absent(self.resolve(spot, full)?.path),
            Condition::OneOf(spot, values) => {
                let resolved = self.resolve(spot, full)?;
                if let Some(allowed) = &resolved.facts.allowed {
                    for value in values.iter().filter(|value| !allowed.contains(value)) {
                        let near = nearest(value, allowed.iter().map(String::as_str));
                        self.wrong(spot.line, full, format!("when: `{}` is never {value}", spot.text), near);
                    }
                }
                Test::OneOf(resolved.path, values.clone())
            }
            Condition::Not(inner) => Test::Not(Box::new(self.test(inner, full)?)),
            Condition::All(parts) => Test::All(self.tests(parts, full)),
            Condition::Any(parts) => Test::Any(self.tests(parts, full)),
        })
    }

    fn tests(&mut self, parts: &[Condition], full: &str) -> Vec<Test> {
        parts.iter().filter_map(|part| self.test(part, full)).collect()
    }
}

impl Rule {
    /// Nothing is done to the value itself.
    fn untouched(&self) -> bool {
        self.case.is_none()
            && !self.accents
            && self.masked.is_none()
            && self.not_in.is_none()
            && self.spaces.is_none()
            && self.kind.is_none()
            && self.limit.is_none()
            && self.without.is_empty()
    }
}

/// A constant that stands where a scalar is expected.
pub(super) fn scalar(value: &Value) -> bool {
    !matches!(value, Value::Array(_) | Value::Object(_))
}
