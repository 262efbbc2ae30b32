//! What is said to customers: an agent's words into the room of a conversation, a template to who
//! was silent for a day, and the bot's own messages. Neighbours: `wire::speech` (the bodies), the
//! crate's `webhook`, whose signature goes both ways.

use super::{Call, Client, json, not_sent, path, with_client_id};
use crate::{
    webhook::{SIGNATURE_HEADER, sign},
    wire::{answer, speech},
};
use bridge_core::{
    call::CallError,
    ids::MessageId,
    message::{AgentMessage, BotMessage, Template},
};
use bytes::Bytes;
use std::time::Duration;

impl Client {
    /// Sends an agent's message: `POST {messages_url}/v1/external-support/webhook`, which knows us by
    /// the signature over the body and by nothing else. The page tells of 200 and 500 alone, and of
    /// no body, so any success status is one unless its body says it failed.
    ///
    /// # Errors
    /// `Refused` with [`bridge_transport::NOT_SENT`] before the integration is set up; `Unknown`
    /// also for a 500, which may come after it was delivered; else as any call.
    pub async fn send_message(
        &self,
        message: &AgentMessage,
        deadline: Duration,
    ) -> Result<(), CallError> {
        let body = json(&speech::Message::new(&self.project_id, message))?;
        let signature = self.signature(&body)?;
        let url = self.messages.clone();
        let call = Call::write("message", url, body, &signature, false);
        let answer = self.send(&call, deadline).await?;
        answer::accepted(&answer.body).map_err(|why| call.no_success(&answer, &why))
    }

    /// Sends a template: `POST {api_url}/v2/whatsapp/{botId}/hsm`. Returns Jelou's id of the message.
    ///
    /// # Errors
    /// `Unknown` also for a success status without an id; `Refused` with
    /// [`bridge_transport::NOT_SENT`] without a client id; else as any call.
    pub async fn send_template(
        &self,
        template: &Template,
        deadline: Duration,
    ) -> Result<MessageId, CallError> {
        let auth = with_client_id("template", self.api_auth.as_ref())?;
        let url = path(&self.api, &["v2", "whatsapp", template.bot.as_str(), "hsm"])?;
        let body = json(&speech::TemplateMessage::new(template))?;
        let call = Call::write("template", url, body, auth, false);
        let answer = self.send(&call, deadline).await?;
        answer::message_id(&answer.body).map_err(|why| call.no_success(&answer, &why))
    }

    /// Has the bot say something: `POST {api_url}/v1/bots/{botId}/messages`. Returns Jelou's id of
    /// the message. Jelou takes it only within 24 hours of the customer's last words.
    ///
    /// # Errors
    /// As [`Self::send_template`].
    pub async fn send_bot_message(
        &self,
        message: &BotMessage,
        deadline: Duration,
    ) -> Result<MessageId, CallError> {
        let auth = with_client_id("bot_message", self.api_auth.as_ref())?;
        let url = path(&self.api, &["v1", "bots", message.bot.as_str(), "messages"])?;
        let body = json(&speech::FromBot::new(message))?;
        let call = Call::write("bot_message", url, body, auth, false);
        let answer = self.send(&call, deadline).await?;
        answer::message_id(&answer.body).map_err(|why| call.no_success(&answer, &why))
    }

    /// The signature over exactly these bytes, as the header that carries it.
    fn signature(&self, body: &Bytes) -> Result<super::Credential, CallError> {
        let secret = self
            .signing_secret
            .as_ref()
            .filter(|secret| !secret.is_blank())
            .ok_or_else(|| not_sent("message: no signing secret is configured"))?;
        let value = super::config::secret(&sign(secret.reveal(), body))
            .map_err(|_| not_sent("message: the signature fits no header"))?;
        Ok((SIGNATURE_HEADER, value))
    }
}
