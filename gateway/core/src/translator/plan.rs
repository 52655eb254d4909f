//! What a mapping has become: everything resolved, ready to be walked.
//!
//! A plan holds no name that still has to be looked up: paths are key lists with their places, code lists are in hand, date forms are
//! values. [`apply`](super::apply) walks it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::codes::CodeList;
use super::dates::Form;
use super::functions::{As, Case, Spaces};
use super::mapping::{Over, Unreadable};
use crate::schema::Contract;
use crate::schema::view::{FieldView, NodeId};

pub(super) type Lists = BTreeMap<String, Arc<CodeList>>;

pub(super) struct Body {
    pub(super) target: Vec<Slot>,
    /// The source contract, with the documents inside it.
    pub(super) view: FieldView,
    pub(super) fan_out: Option<Path>,
    /// What the contract says of an element of that list.
    pub(super) fan_node: Option<NodeId>,
    pub(super) open: Vec<Opening>,
    pub(super) empty_absent: bool,
    pub(super) volatile: Vec<Vec<String>>,
    /// Target fields that the conversation fills in; lists are passed through without index.
    pub(super) filled: Vec<String>,
    pub(super) lists: Arc<Lists>,
}

/// One target field.
pub(super) struct Slot {
    pub(super) key: String,
    pub(super) fill: Fill,
}

pub(super) enum Fill {
    /// An object, left out while nothing is in it, unless the contract demands it.
    Object {
        slots: Vec<Slot>,
        kept: bool,
    },
    Rule(Box<Op>),
    /// The conversation fills it in.
    Later,
}

/// A source path, resolved.
#[derive(Debug, Clone, Default)]
pub(super) struct Path {
    /// How many lists to step out of first.
    pub(super) up: usize,
    /// Starts at the element of the fan-out list.
    pub(super) fan: bool,
    pub(super) keys: Box<[Key]>,
}

/// One field on the way.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) name: Box<str>,
    /// Which field it is of the node around it, where the contract knows it: what XML was read into is found by it.
    pub(super) field: Option<usize>,
}

pub(super) struct Op {
    pub(super) source: From,
    /// Fields that are left out of an object.
    pub(super) without: Box<[Box<str>]>,
    pub(super) date: Option<DateStep>,
    pub(super) code: Option<Arc<CodeList>>,
    pub(super) not_in: Option<Arc<CodeList>>,
    pub(super) masked: Option<char>,
    pub(super) case: Option<Case>,
    pub(super) accents: bool,
    pub(super) spaces: Option<Spaces>,
    pub(super) kind: Option<As>,
    pub(super) limit: Option<usize>,
    pub(super) over: Over,
    pub(super) absent: Option<Value>,
    pub(super) when: Option<Test>,
    /// Nothing is done to the value: the short way.
    pub(super) plain: bool,
}

pub(super) struct DateStep {
    pub(super) read: Vec<Form>,
    pub(super) write: Form,
    pub(super) unreadable: Unreadable,
}

pub(super) enum From {
    Path(Path),
    First(Vec<Path>),
    Join(Vec<Path>, String),
    Split(Path, String, i64),
    Value(Value),
    /// The list, what the contract says of its elements, and what each of them gives.
    Each(Path, Option<NodeId>, Vec<Slot>),
    EachItem(Path, Box<Op>),
    Pack(Vec<Layer>, Vec<Slot>),
}

/// One wrapping of a document that stands inside a text.
pub(super) enum Layer {
    Base64,
    Json(Option<Arc<Contract>>),
    Xml(Arc<Contract>),
}

pub(super) struct Opening {
    pub(super) path: Vec<String>,
    pub(super) layers: Vec<Layer>,
}

pub(super) enum Test {
    Present(Path),
    Absent(Path),
    OneOf(Path, Vec<String>),
    Not(Box<Test>),
    All(Vec<Test>),
    Any(Vec<Test>),
}
