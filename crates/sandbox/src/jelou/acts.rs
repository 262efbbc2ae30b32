//! What customers and operators do at Jelou, and what a test changes. Neighbour: world, where it
//! takes effect.

use super::{
    AfterSilence, Jelou, SameId, SecondStart,
    place::place,
    record::{EndShown, File, Start, Started},
    talk::OPEN_MS,
};
use crate::{
    clock::now_ms,
    stage::{Refusal, lock},
};
use bytes::Bytes;
use serde_json::{Value, json};

/// A file as a customer sends it.
#[derive(Clone, Debug)]
pub struct CustomerFile {
    /// `image`, `video`, `audio`, `document`, or what else.
    pub kind: String,
    /// Its type.
    pub mime_type: String,
    /// Its name: told with a document, and the end of its address.
    pub name: String,
    /// The words under it.
    pub caption: Option<String>,
    /// Its bytes.
    pub bytes: Bytes,
}

impl Jelou {
    /// Makes a customer known.
    pub fn add_user(&self, id: &str, name: &str) {
        lock(&self.0.world).add_user(id, name);
    }

    /// From now on the customer asked for as `asked` is the one spelled `canonical`.
    pub fn alias(&self, asked: &str, canonical: &str) {
        let aliases = &mut lock(&self.0.world).aliases;
        aliases.insert(asked.to_owned(), canonical.to_owned());
    }

    /// Changes the model.
    pub fn set_second_start(&self, model: SecondStart) {
        lock(&self.0.world).second_start = model;
    }

    /// Changes the model.
    pub fn set_same_id(&self, model: SameId) {
        lock(&self.0.world).same_id = model;
    }

    /// Changes the model.
    pub fn set_after_silence(&self, model: AfterSilence) {
        lock(&self.0.world).after_silence = model;
    }

    /// Whether the account may send call buttons from now on.
    pub fn set_calling(&self, on: bool) {
        lock(&self.0.world).calling = on;
    }

    /// From now on a conversation comes into the report so long after its last change, ms.
    pub fn set_report_lag(&self, ms: i64) {
        lock(&self.0.world).options.report_lag_ms = ms;
    }

    /// From now on reads of this conversation tell so much of its end, once it is over.
    ///
    /// # Errors
    /// Where there is no such conversation.
    pub fn shows_end(&self, conversation: &str, model: EndShown) -> Result<(), Refusal> {
        let world = &mut *lock(&self.0.world);
        if world.conversation(conversation).is_none() {
            return Err(Refusal("there is no such conversation".to_owned()));
        }
        world.ends_shown.insert(conversation.to_owned(), model);
        Ok(())
    }

    /// A day and a second have passed since the customer's last words to any bot.
    pub fn falls_silent(&self, user: &str) {
        let world = &mut *lock(&self.0.world);
        for (bot, _) in &world.options.bots {
            let long_ago = now_ms() - OPEN_MS - 1_000;
            world.last_heard.insert(place(bot, user), long_ago);
        }
    }

    /// A customer writes to the first bot, and the bot hands them over: a conversation without
    /// metadata. Returns its id.
    ///
    /// # Errors
    /// Where the customer is unknown, or busy and the model refuses.
    pub fn customer_starts(&self, user: &str, text: &str) -> Result<String, Refusal> {
        let bot = lock(&self.0.world)
            .options
            .bots
            .first()
            .map(|(id, _)| id.clone());
        self.customer_starts_on(&bot.unwrap_or_default(), user, text)
    }

    /// As [`Self::customer_starts`], on this bot.
    ///
    /// # Errors
    /// Likewise.
    pub fn customer_starts_on(&self, bot: &str, user: &str, text: &str) -> Result<String, Refusal> {
        let start = Start {
            bot: bot.to_owned(),
            user: user.to_owned(),
            initial_message: Some(text.to_owned()).filter(|text| !text.is_empty()),
            ..Start::default()
        };
        match lock(&self.0.world).start(&self.0.stage.hooks, start) {
            Started::New(conversation) | Started::Existing(conversation) => Ok(conversation.id),
            Started::Busy => Err(Refusal(
                "the customer has an active conversation".to_owned(),
            )),
            Started::UnknownUser => {
                Err(Refusal("this Jelou does not know the customer".to_owned()))
            }
        }
    }

    /// The customer writes a text in a conversation, also in one that is over. Returns the message's id.
    ///
    /// # Errors
    /// Where there is no such conversation.
    pub fn customer_writes(&self, conversation: &str, text: &str) -> Result<String, Refusal> {
        self.customer_sends(conversation, "text", &json!({"body": text}))
    }

    /// The customer sends something of any kind, with its `content` as given.
    ///
    /// # Errors
    /// Where there is no such conversation.
    pub fn customer_sends(
        &self,
        conversation: &str,
        kind: &str,
        content: &Value,
    ) -> Result<String, Refusal> {
        let sent = lock(&self.0.world).write(&self.0.stage.hooks, conversation, kind, content);
        sent.ok_or_else(|| Refusal("there is no such conversation".to_owned()))
    }

    /// The customer sends a file, which is served under `/media/`. Returns the message's id.
    ///
    /// # Errors
    /// Where there is no such conversation.
    pub fn customer_sends_file(
        &self,
        conversation: &str,
        file: CustomerFile,
    ) -> Result<String, Refusal> {
        let id = {
            let world = &mut *lock(&self.0.world);
            let id = world.message_id("");
            let kept = File {
                mime_type: file.mime_type.clone(),
                bytes: file.bytes,
            };
            world.files.insert(id.clone(), kept);
            id
        };
        let name =
            percent_encoding::utf8_percent_encode(&file.name, percent_encoding::NON_ALPHANUMERIC);
        let mut content = json!({
            "url": format!("{}/media/{id}/{name}", self.0.base), "mime_type": file.mime_type,
        });
        if let Some(fields) = content.as_object_mut() {
            if let Some(caption) = file.caption {
                fields.insert("caption".to_owned(), json!(caption));
            }
            if file.kind == "document" {
                fields.insert("filename".to_owned(), json!(file.name));
            }
        }
        self.customer_sends(conversation, &file.kind, &content)
    }

    /// An operator closes a conversation at Jelou.
    ///
    /// # Errors
    /// Where there is none or it is over.
    pub fn operator_closes(&self, conversation: &str, reason: &str) -> Result<(), Refusal> {
        let closed = lock(&self.0.world).close(&self.0.stage.hooks, conversation, reason, None);
        closed
            .map(|_| ())
            .ok_or_else(|| Refusal("there is no such conversation that goes on".to_owned()))
    }

    /// A conversation ends by itself.
    ///
    /// # Errors
    /// Where there is none or it is over.
    pub fn expires(&self, conversation: &str) -> Result<(), Refusal> {
        self.operator_closes(conversation, "expired")
    }
}
