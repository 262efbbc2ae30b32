//! The integration: where Jelou sends its webhooks, what it shows beside the signature, and the
//! secret that signs. Neighbour: the daemon's set-up, which asks for these by a person's command.

use super::{Call, Client, below, json};
use crate::{
    webhook::Proof,
    wire::{
        answer::{accepted, data, word},
        dates::moment,
        json::{first, text},
        request::IntegrationWrite,
    },
};
use bridge_core::{call::CallError, text::Text, time::Timestamp};
use http::Method;
use serde_json::Value;
use std::time::Duration;
use url::Url;

/// The integration as Jelou tells it. Its secret is never told again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Integration {
    /// Where webhooks go.
    pub webhook_url: String,
    /// `no_auth`, `bearer`, `api_key` or `basic`, where it is told.
    pub auth_type: Option<String>,
    /// Since when there is one.
    pub created_at: Option<Timestamp>,
    /// When it was changed.
    pub updated_at: Option<Timestamp>,
}

impl Client {
    /// Makes the project's integration: `POST .../external-support/{projectId}`. Returns the signing
    /// secret, which Jelou tells this once.
    ///
    /// # Errors
    /// `Unknown` also for a success status without a secret: [`Self::integration`] tells whether it
    /// was made, and [`Self::rotate_secret`] brings a secret to one that was. What Jelou says to a
    /// second integration no page tells; expect `Refused`.
    pub async fn create_integration(
        &self,
        webhook_url: &Url,
        proof: &Proof,
        deadline: Duration,
    ) -> Result<Text, CallError> {
        let body = json(&IntegrationWrite::new_one(webhook_url, proof))?;
        let url = self.integration.clone();
        let call = Call::write("create_integration", url, body, &self.gateway_auth, false);
        self.secret(&call, deadline).await
    }

    /// Reads the integration: `GET .../external-support/{projectId}`.
    ///
    /// # Errors
    /// `Gone` where there is none; `Later` for an answer without a `webhookUrl`; else as any read.
    pub async fn integration(&self, deadline: Duration) -> Result<Integration, CallError> {
        let url = self.integration.clone();
        let call = Call::read("integration", url, &self.gateway_auth);
        let answer = self.send(&call, deadline).await?;
        let told = data(&answer.body).map_err(|why| call.no_success(&answer, &why))?;
        integration(&told).ok_or_else(|| call.no_success(&answer, "the answer names no webhookUrl"))
    }

    /// Changes where webhooks go and what is shown beside the signature:
    /// `PATCH .../external-support/{projectId}`. What is not sent stays, so `no_auth` is sent too.
    ///
    /// # Errors
    /// `Gone` where there is none; `Refused` with 400 where a value is not allowed; else as any call.
    pub async fn update_integration(
        &self,
        webhook_url: &Url,
        proof: &Proof,
        deadline: Duration,
    ) -> Result<(), CallError> {
        let body = json(&IntegrationWrite::changed(webhook_url, proof))?;
        let url = self.integration.clone();
        let auth = &self.gateway_auth;
        let call = Call::new(
            "update_integration",
            Method::PATCH,
            url,
            Some(body),
            auth,
            true,
        );
        let answer = self.send(&call, deadline).await?;
        accepted(&answer.body).map_err(|why| call.no_success(&answer, &why))
    }

    /// Takes the integration away: `DELETE .../external-support/{projectId}`. No webhook comes after.
    ///
    /// # Errors
    /// `Gone` where there is none, which after a lost answer means that it is done; else as any call.
    pub async fn remove_integration(&self, deadline: Duration) -> Result<(), CallError> {
        let url = self.integration.clone();
        let auth = &self.gateway_auth;
        let call = Call::new("remove_integration", Method::DELETE, url, None, auth, true);
        let answer = self.send(&call, deadline).await?;
        accepted(&answer.body).map_err(|why| call.no_success(&answer, &why))
    }

    /// Makes a new signing secret: `POST .../external-support/{projectId}/secret/regenerate`, without
    /// a body. The old one signs nothing from that instant on.
    ///
    /// # Errors
    /// `Unknown` where the answer is lost or brings no secret: the old one may be void, and only
    /// another rotation brings one that is known. `Gone` where there is no integration.
    pub async fn rotate_secret(&self, deadline: Duration) -> Result<Text, CallError> {
        let url = below(&below(&self.integration, "secret")?, "regenerate")?;
        let auth = &self.gateway_auth;
        let call = Call::new("rotate_secret", Method::POST, url, None, auth, false);
        self.secret(&call, deadline).await
    }

    async fn secret(&self, call: &Call, deadline: Duration) -> Result<Text, CallError> {
        let answer = self.send(call, deadline).await?;
        let told = data(&answer.body).map_err(|why| call.no_success(&answer, &why))?;
        // Used as it is, spaces included; but what no line of a file can hold is none.
        first(&told, &["signingSecret"])
            .and_then(Value::as_str)
            .filter(|secret| !secret.trim().is_empty() && !secret.contains(['\n', '\r', '\0']))
            .map(Text::new)
            .ok_or_else(|| call.no_success(&answer, "the answer brings no signing secret"))
    }
}

fn integration(told: &Value) -> Option<Integration> {
    let when = |name| first(told, &[name]).and_then(moment);
    Some(Integration {
        webhook_url: first(told, &["webhookUrl", "webhook_url"]).and_then(text)?,
        auth_type: first(told, &["authType"]).and_then(word),
        created_at: when("createdAt"),
        updated_at: when("updatedAt"),
    })
}
