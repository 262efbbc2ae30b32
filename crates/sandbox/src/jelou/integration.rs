//! The integration: where webhooks go, what they show, what signs them. Neighbours: api, which asks;
//! the crate's hooks, which hold address and secret.

use super::{
    answer::{failed, fields_of, invalid, succeeded, text},
    record::Integration,
    talk::can_be_fetched,
    world::World,
};
use crate::{
    clock::{iso, now_ms},
    hooks::{Hooks, Target},
    stage::{Answer, Asked},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

const AUTH_TYPES: [&str; 4] = ["no_auth", "bearer", "api_key", "basic"];

impl Integration {
    pub(super) fn bare() -> Self {
        let now = now_ms();
        Self {
            auth_type: "no_auth".to_owned(),
            authorization: None,
            created_at_ms: now,
            updated_at_ms: now,
        }
    }

    /// The header that goes beside the signature (page on the signature).
    pub(super) fn header(&self) -> Option<(String, String)> {
        let credential = self.authorization.as_ref()?;
        match self.auth_type.as_str() {
            "bearer" => Some(("authorization".to_owned(), format!("Bearer {credential}"))),
            "api_key" => Some(("x-api-key".to_owned(), credential.clone())),
            "basic" => {
                let encoded = STANDARD.encode(credential);
                Some(("authorization".to_owned(), format!("Basic {encoded}")))
            }
            _ => None,
        }
    }

    /// Takes what a body says; what it does not say stays.
    fn change(&mut self, asked: &Asked) -> Result<Option<String>, &'static str> {
        let fields = fields_of(asked).ok_or("The body is not a JSON object.")?;
        let url = match fields.get("webhookUrl") {
            None => None,
            Some(Value::String(url)) if can_be_fetched(url) => Some(url.clone()),
            Some(_) => return Err("webhookUrl must be a public HTTPS address."),
        };
        if let Some(kind) = text(&fields, "authType") {
            if !AUTH_TYPES.contains(&kind) {
                return Err("authType is not one that we know.");
            }
            kind.clone_into(&mut self.auth_type);
        }
        if let Some(credential) = text(&fields, "authorization") {
            self.authorization = Some(credential.to_owned());
        }
        if self.auth_type == "no_auth" {
            self.authorization = None;
        } else if self.authorization.is_none() {
            return Err("This authType needs an authorization.");
        }
        self.updated_at_ms = now_ms();
        Ok(url)
    }
}

fn missing(world: &World, project: &str) -> Option<Answer> {
    (project != world.options.project_id).then(|| failed(404, "Project not found", None))
}

/// No page tells what a second one gets; here it is a validation error.
pub(super) fn create(world: &mut World, hooks: &Hooks, project: &str, asked: &Asked) -> Answer {
    if let Some(missing) = missing(world, project) {
        return missing;
    }
    if hooks.target().url.is_some() {
        return invalid("The project already has an integration.");
    }
    let mut integration = Integration::bare();
    let url = match integration.change(asked) {
        Ok(Some(url)) => url,
        Ok(None) => return invalid("webhookUrl is required."),
        Err(what) => return invalid(what),
    };
    let secret = world.new_secret();
    let data = json!({
        "brainId": project, "webhookUrl": url, "signingSecret": secret,
        "createdAt": iso(integration.created_at_ms),
    });
    world.integration = integration;
    let url = Some(url);
    hooks.set_target(Target { url, secret });
    succeeded("Integration created successfully", data).with_id_at(&["/data/signingSecret"])
}

pub(super) fn read(world: &World, hooks: &Hooks, project: &str) -> Answer {
    match hooks.target().url {
        Some(url) if project == world.options.project_id => {
            succeeded("Integration retrieved successfully", shown(world, &url))
        }
        _ => failed(404, "Integration not found", None),
    }
}

/// A wrong value is 400 here, where every other call says 422.
pub(super) fn update(world: &mut World, hooks: &Hooks, project: &str, asked: &Asked) -> Answer {
    let target = hooks.target();
    let (Some(old), None) = (&target.url, missing(world, project)) else {
        return failed(404, "Integration not found", None);
    };
    let mut changed = world.integration.clone();
    let url = match changed.change(asked) {
        Ok(url) => url.unwrap_or_else(|| old.clone()),
        Err(what) => return failed(400, what, Some(("E0422", "VALIDATOR_ERROR"))),
    };
    world.integration = changed;
    let answer = succeeded("Integration updated successfully", shown(world, &url));
    hooks.set_target(Target {
        url: Some(url),
        secret: target.secret,
    });
    answer
}

/// The one success without `data`.
pub(super) fn remove(world: &mut World, hooks: &Hooks, project: &str) -> Answer {
    let target = hooks.target();
    if target.url.is_none() || project != world.options.project_id {
        return failed(404, "Integration not found", None);
    }
    hooks.set_target(Target {
        url: None,
        secret: target.secret,
    });
    world.integration = Integration::bare();
    Answer::new(
        200,
        json!({"message": ["Integration deleted successfully"], "statusMessage": "success", "status": 1}),
    )
}

/// From this instant on nothing is signed with the old one.
pub(super) fn rotate(world: &mut World, hooks: &Hooks, project: &str) -> Answer {
    let target = hooks.target();
    if target.url.is_none() || project != world.options.project_id {
        return failed(404, "Integration not found", None);
    }
    let secret = world.new_secret();
    let data = json!({"brainId": project, "signingSecret": secret});
    hooks.set_target(Target {
        url: target.url,
        secret,
    });
    succeeded("Secret regenerated successfully", data).with_id_at(&["/data/signingSecret"])
}

fn shown(world: &World, url: &str) -> Value {
    json!({
        "brainId": world.options.project_id, "webhookUrl": url,
        "authType": world.integration.auth_type,
        "createdAt": iso(world.integration.created_at_ms),
        "updatedAt": iso(world.integration.updated_at_ms),
    })
}
