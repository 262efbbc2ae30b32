//! What expressions of a call may read. Neighbour: `send`, which renders requests with it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bridge_core::{
    effect::{AttachFile, CreateTicket},
    ids::{ConversationId, IntentId, TicketId},
    text::Text,
    ticket::{NewTicket, Requester},
};
use minijinja::value::Value;
use std::collections::BTreeMap;

/// Named values, and which of them are people's words.
#[derive(Clone, Debug, Default)]
pub(crate) struct Data {
    values: BTreeMap<&'static str, Value>,
    /// People's words that go out with the request; no reason repeats a word of them.
    pub(crate) secrets: Vec<String>,
}

impl Data {
    /// The options, which every expression may read.
    pub(crate) fn new(options: &Value) -> Self {
        Self::default().and("options", options.clone())
    }

    pub(crate) fn and(mut self, name: &'static str, value: Value) -> Self {
        self.values.insert(name, value);
        self
    }

    pub(crate) fn value(&self) -> Value {
        let values = self.values.iter();
        Value::from_pairs(values.map(|(name, value)| (*name, value.clone())))
    }

    fn hide(mut self, words: &Text) -> Self {
        self.secrets.push(words.reveal().to_owned());
        self
    }

    pub(crate) fn ticket(self, id: &TicketId) -> Self {
        self.and("ticket", map([("id", Value::from(id.as_str()))]))
    }

    /// A ticket that was made: just now, or earlier.
    pub(crate) fn made(self, id: &TicketId, found: bool) -> Self {
        let told = [
            ("id", Value::from(id.as_str())),
            ("found", Value::from(found)),
        ];
        self.and("ticket", map(told))
    }

    pub(crate) fn conversation(self, id: &ConversationId) -> Self {
        self.and("conversation", map([("id", Value::from(id.as_str()))]))
    }

    pub(crate) fn intent(self, id: &IntentId) -> Self {
        self.and("intent", map([("id", Value::from(id.as_str()))]))
    }

    /// A note or a comment.
    pub(crate) fn said(self, name: &'static str, body: &Text) -> Self {
        self.hide(body)
            .and(name, map([("body", Value::from(body.reveal()))]))
    }

    /// A file, whose bytes stand in the request itself where nothing brings them before.
    pub(crate) fn file(self, file: &AttachFile, bytes: Option<&[u8]>) -> Self {
        let packed = bytes.map(|bytes| STANDARD.encode(bytes));
        let parts = map([
            ("name", Value::from(file.name.reveal())),
            ("type", Value::from(file.media.type_to_keep())),
            ("public", Value::from(file.public)),
            ("base64", packed.map_or(Value::UNDEFINED, Value::from)),
        ]);
        self.hide(&file.name).and("file", parts)
    }

    pub(crate) fn requester(self, requester: &Requester) -> Self {
        let hidden = hide_requester(self, requester);
        hidden.and("requester", person(requester))
    }

    pub(crate) fn fields(self, fields: &BTreeMap<String, Text>) -> Self {
        let hidden = fields.values().fold(self, Self::hide);
        hidden.and("fields", texts(fields))
    }

    pub(crate) fn create(self, create: &CreateTicket) -> Self {
        let new: &NewTicket = &create.new;
        let hidden = hide_requester(self, &new.requester)
            .hide(&new.subject)
            .hide(&new.description);
        let hidden = new.fields.values().fold(hidden, Self::hide);
        let tags: Value = new
            .tags
            .iter()
            .map(|tag| Value::from(tag.as_str()))
            .collect();
        let asked = map([
            ("subject", Value::from(new.subject.reveal())),
            ("description", Value::from(new.description.reveal())),
            ("tags", tags),
            ("fields", texts(&new.fields)),
            ("requester", person(&new.requester)),
        ]);
        let who = create.requester_id.as_deref();
        hidden
            .and("new", asked)
            .and("requester_id", who.map_or(Value::UNDEFINED, Value::from))
            .conversation(&create.conversation)
    }
}

fn hide_requester(data: Data, requester: &Requester) -> Data {
    [
        &requester.name,
        &requester.phone,
        &requester.email,
        &requester.external_id,
    ]
    .into_iter()
    .flatten()
    .fold(data, Data::hide)
}

fn person(requester: &Requester) -> Value {
    let of = |words: &Option<Text>| {
        let filled = words.as_ref().filter(|words| !words.is_blank());
        filled.map_or(Value::UNDEFINED, |words| Value::from(words.reveal()))
    };
    map([
        ("name", of(&requester.name)),
        ("phone", of(&requester.phone)),
        ("email", of(&requester.email)),
        ("external_id", of(&requester.external_id)),
    ])
}

fn texts(fields: &BTreeMap<String, Text>) -> Value {
    let fields = fields.iter();
    Value::from_pairs(fields.map(|(name, text)| (name.as_str(), text.reveal())))
}

pub(crate) fn map<const N: usize>(pairs: [(&str, Value); N]) -> Value {
    Value::from_pairs(pairs)
}
