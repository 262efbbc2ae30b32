//! The Jelou side of a bridge. Neighbour: build, which asks for it; the Jelou adapter, which gets it.

use super::{
    JelouConfig,
    build::url,
    document::join,
    report::Report,
    secrets::Places,
    spec::{self, GatewayAuthKind, JelouSpec, WebhookAuthKind, WebhookAuthSpec},
};
use bridge_core::{effect::TicketIdPlace, ids::BotId};
use jelou_adapter::{
    client::{Basic, ClientConfig, GatewayAuth, MetricsAuth},
    webhook::Proof,
};
use std::collections::BTreeSet;

pub(super) fn build(
    spec: &JelouSpec,
    key: &str,
    places: Places<'_>,
    report: &mut Report<'_>,
) -> Option<JelouConfig> {
    let bots = bots(spec, &join(key, "bots"), report);
    let api_auth = client(spec, key, places, report);
    let gateway_auth = gateway_auth(spec, api_auth.clone(), key, places, report);
    let secrets_key = join(key, "signing_secrets");
    let signing_secrets = places.signing(&spec.signing_secrets, &secrets_key, report);
    let webhook_auth = proof(
        &spec.webhook_auth,
        &join(key, "webhook_auth"),
        places,
        report,
    );
    let gateway_url = url(&spec.gateway_url, &join(key, "gateway_url"), report);
    let api_url = url(&spec.api_url, &join(key, "api_url"), report);
    let messages_url = url(&spec.messages_url, &join(key, "messages_url"), report);
    Some(JelouConfig {
        bots,
        client: ClientConfig {
            gateway_url: gateway_url?,
            gateway_prefix: spec.gateway_prefix.clone(),
            api_url: api_url?,
            messages_url: messages_url?,
            project_id: spec.project_id.clone(),
            gateway_auth: gateway_auth?,
            api_auth,
            metrics_auth: match spec.metrics_auth {
                spec::MetricsAuth::Basic => MetricsAuth::Basic,
                spec::MetricsAuth::Raw => MetricsAuth::Raw,
            },
            signing_secret: signing_secrets.first().cloned(),
        },
        signing_secrets,
        secret_file: places.written_by_setup(&spec.signing_secrets),
        webhook_auth: webhook_auth?,
        ticket_id_place: spec.ticket_id_to_jelou,
    })
}

fn bots(spec: &JelouSpec, key: &str, report: &mut Report<'_>) -> Vec<BotId> {
    let mut seen = BTreeSet::new();
    let mut bots = Vec::new();
    for (n, bot) in spec.bots.iter().enumerate() {
        let key = format!("{key}[{n}]");
        match BotId::parse(bot) {
            Ok(id) if seen.insert(id.clone()) => bots.push(id),
            Ok(_) => report.problem(&key, "the bot is named twice", "name it once"),
            Err(bad) => report.problem(&key, bad.to_string(), "copy the bot's id from Jelou"),
        }
    }
    bots
}

/// The credential for api.jelou.ai, where both halves are given.
fn client(
    spec: &JelouSpec,
    key: &str,
    places: Places<'_>,
    report: &mut Report<'_>,
) -> Option<Basic> {
    let (id_key, secret_key) = (join(key, "client_id"), join(key, "client_secret"));
    match (&spec.client_id, &spec.client_secret) {
        (Some(id), Some(secret)) => {
            if id.trim().is_empty() || id.contains(':') {
                let what = "it is empty or has a colon in it";
                report.problem(&id_key, what, "copy the client id from Jelou");
            }
            Some(Basic {
                client_id: id.clone(),
                client_secret: places.one(secret, &secret_key, report)?,
            })
        }
        (Some(_), None) => {
            let remedy = "add client_secret = { env = \"JELOU_CLIENT_SECRET\" }";
            report.problem(&secret_key, "it is missing beside client_id", remedy);
            None
        }
        (None, Some(_)) => {
            let remedy = "add client_id = \"YOUR_CLIENT\"";
            report.problem(&id_key, "it is missing beside client_secret", remedy);
            None
        }
        (None, None) => {
            if spec.ticket_id_to_jelou == TicketIdPlace::UserCache {
                report.problem(
                    &join(key, "ticket_id_to_jelou"),
                    "the user cache needs client_id and client_secret",
                    "add both, or write ticket_id_to_jelou = \"user_memory\" or \"none\"",
                );
            }
            None
        }
    }
}

fn gateway_auth(
    spec: &JelouSpec,
    client: Option<Basic>,
    key: &str,
    places: Places<'_>,
    report: &mut Report<'_>,
) -> Option<GatewayAuth> {
    match (spec.auth, &spec.api_key) {
        (GatewayAuthKind::ApiKey, Some(secret)) => {
            let secret = places.one(secret, &join(key, "api_key"), report)?;
            Some(GatewayAuth::ApiKey(secret))
        }
        (GatewayAuthKind::ApiKey, None) => {
            report.problem(
                &join(key, "api_key"),
                "it is missing, and auth = \"api_key\" needs it",
                "add api_key = { env = \"JELOU_API_KEY\" }, or write auth = \"basic\"",
            );
            None
        }
        (GatewayAuthKind::Basic, _) => {
            if spec.client_id.is_none() && spec.client_secret.is_none() {
                report.problem(
                    &join(key, "client_id"),
                    "it is missing, and auth = \"basic\" needs it",
                    "add client_id and client_secret, or write auth = \"api_key\"",
                );
            }
            client.map(GatewayAuth::Basic)
        }
    }
}

fn proof(
    spec: &WebhookAuthSpec,
    key: &str,
    places: Places<'_>,
    report: &mut Report<'_>,
) -> Option<Proof> {
    let secret_key = join(key, "secret");
    let secret = match (spec.kind, &spec.secret) {
        (WebhookAuthKind::None, None) => return Some(Proof::None),
        (WebhookAuthKind::None, Some(_)) => {
            let remedy = "write type = \"bearer\", \"api_key\" or \"basic\", or take it away";
            report.problem(&secret_key, "type = \"none\" uses no secret", remedy);
            return None;
        }
        (_, Some(secret)) => places.one(secret, &secret_key, report)?,
        (_, None) => {
            let remedy = "add secret = { env = \"JELOU_WEBHOOK_SECRET\" } to webhook_auth";
            report.problem(&secret_key, "it is missing, and this type needs it", remedy);
            return None;
        }
    };
    match spec.kind {
        WebhookAuthKind::None => Some(Proof::None),
        WebhookAuthKind::Bearer => Some(Proof::Bearer(secret)),
        WebhookAuthKind::ApiKey => Some(Proof::ApiKey(secret)),
        WebhookAuthKind::Basic => {
            if !secret.reveal().contains(':') {
                let remedy = "write user:password, as the integration at Jelou has them";
                report.problem(&secret_key, "it is no user and password", remedy);
                return None;
            }
            Some(Proof::Basic(secret))
        }
    }
}
