//! What customers and operators do at Jelou, and what a test changes. Neighbour: world, where it
//! takes effect.

use super::{
    Jelou, SecondStart,
    record::{Start, Started},
};
use crate::stage::{Refusal, lock};
use serde_json::{Value, json};

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
