//! Who answers a customer: the bot or a person. Neighbour: `say`, which speaks in the bot's place.

use super::{Call, Client, json, path, with_client_id};
use crate::wire::{
    answer::{self, data, word},
    json::first,
    listing,
    request::StateWrite,
};
use bridge_core::{
    call::CallError,
    ids::{BotId, UserId},
    message::{AnsweredBy, HandOver},
};
use serde_json::Value;
use std::time::Duration;

impl Client {
    /// Reads who answers a customer: `GET {api_url}/v1/users/{userId}/state`. The call takes no bot;
    /// the answer names one.
    ///
    /// # Errors
    /// `Later` for an answer that cannot be read or that speaks of another bot; else as any read.
    pub async fn answered_by(
        &self,
        bot: &BotId,
        user: &UserId,
        deadline: Duration,
    ) -> Result<AnsweredBy, CallError> {
        let auth = with_client_id("user_state", self.api_auth.as_ref())?;
        let url = path(&self.api, &["v1", "users", user.as_str(), "state"])?;
        let call = Call::read("user_state", url, auth);
        let answer = self.send(&call, deadline).await?;
        let told = data(&answer.body).map_err(|why| call.no_success(&answer, &why))?;
        if listing::bot(&told).is_some_and(|other| other != *bot) {
            return Err(call.no_success(&answer, "the answer speaks of another bot"));
        }
        state(&told)
            .ok_or_else(|| call.no_success(&answer, "the answer names no state that we know"))
    }

    /// Says who answers a customer from now on: `POST {api_url}/v1/users/state`. The same write twice
    /// does no harm.
    ///
    /// # Errors
    /// `Later` where the answer shows another state than was asked for; else as any call.
    pub async fn hand_over(&self, to: &HandOver, deadline: Duration) -> Result<(), CallError> {
        let auth = with_client_id("user_state", self.api_auth.as_ref())?;
        let url = path(&self.api, &["v1", "users", "state"])?;
        let body = json(&StateWrite::new(to))?;
        let call = Call::write("user_state", url, body, auth, true);
        let answer = self.send(&call, deadline).await?;
        answer::accepted(&answer.body).map_err(|why| call.no_success(&answer, &why))?;
        match data(&answer.body).ok().as_ref().and_then(state) {
            Some(other) if other != to.to => {
                Err(call.no_success(&answer, "the answer shows another state than was asked for"))
            }
            Some(_) | None => Ok(()),
        }
    }
}

fn state(told: &Value) -> Option<AnsweredBy> {
    match first(told, &["state"])
        .and_then(word)?
        .to_lowercase()
        .as_str()
    {
        "auto" => Some(AnsweredBy::Bot),
        "manual" => Some(AnsweredBy::Person),
        _ => None,
    }
}
