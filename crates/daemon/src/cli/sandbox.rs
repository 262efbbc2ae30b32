//! `sandbox`: one of the two remotes alone, for whoever develops against it. Neighbour:
//! `bridge_sandbox`, which plays it.

use super::{
    args::{Sandbox, SecondStartName},
    ending::{Ending, FINE, Failure, out},
    table::facts,
};
use crate::reload::Signals;
use bridge_sandbox::{Helpdesk, HelpdeskOptions, Jelou, JelouOptions, SecondStart};
use serde_json::{Map, Value};
use std::net::SocketAddr;

/// Runs it until it is told to stop.
pub(super) async fn sandbox(which: Sandbox, as_json: bool) -> Result<Ending, Failure> {
    let unusable = |address: SocketAddr| {
        move |error: std::io::Error| {
            Failure::environment(
                format!("the sandbox cannot listen on {address}: {error}"),
                "name a free loopback address with --listen",
            )
        }
    };
    let mut signals = Signals::new().map_err(|error| {
        Failure::environment(
            format!("signals cannot be listened to: {error}"),
            "try again",
        )
    })?;
    match which {
        Sandbox::Jelou {
            listen,
            webhook_url,
            signing_secret,
            project_id,
            second_start,
        } => {
            let options = jelou(
                listen,
                webhook_url,
                signing_secret,
                project_id,
                second_start,
            );
            let running = Jelou::start(options.clone())
                .await
                .map_err(unusable(listen))?;
            announce(&told_of_jelou(&running.url(), &options), as_json);
            signals.stop().await;
        }
        Sandbox::Helpdesk {
            listen,
            webhook_url,
            webhook_secret,
            token,
        } => {
            let usual = HelpdeskOptions::default();
            let options = HelpdeskOptions {
                listen,
                webhook_url,
                webhook_secret: webhook_secret.unwrap_or(usual.webhook_secret),
                token: token.unwrap_or(usual.token),
                ..usual
            };
            let running = Helpdesk::start(options.clone())
                .await
                .map_err(unusable(listen))?;
            announce(&told_of_helpdesk(&running.url(), &options), as_json);
            signals.stop().await;
        }
    }
    Ok(Ending::silent(FINE))
}

fn jelou(
    listen: SocketAddr,
    webhook_url: Option<String>,
    signing_secret: Option<String>,
    project_id: Option<String>,
    second_start: SecondStartName,
) -> JelouOptions {
    let usual = JelouOptions::default();
    JelouOptions {
        listen,
        webhook_url,
        signing_secret: signing_secret.unwrap_or(usual.signing_secret),
        project_id: project_id.unwrap_or(usual.project_id),
        second_start: match second_start {
            SecondStartName::Refuse => SecondStart::Refuse,
            SecondStartName::ReturnExisting => SecondStart::ReturnExisting,
            SecondStartName::StartAnother => SecondStart::StartAnother,
        },
        ..JelouOptions::default()
    }
}

type Told = Vec<(&'static str, Option<String>)>;

/// What a bridge must be configured with to speak to it. All of it is made up and guards nothing.
fn told_of_jelou(url: &str, options: &JelouOptions) -> Told {
    let bot = options.bots.first().map(|(id, _)| id.clone());
    vec![
        ("gateway_url", Some(url.to_owned())),
        ("api_url", Some(url.to_owned())),
        ("messages_url", Some(url.to_owned())),
        ("project_id", Some(options.project_id.clone())),
        ("bot", bot),
        ("api_key", Some(options.api_key.clone())),
        ("client_id", Some(options.client_id.clone())),
        ("client_secret", Some(options.client_secret.clone())),
        ("signing_secret", Some(options.signing_secret.clone())),
        ("webhook_url", options.webhook_url.clone()),
        ("control", Some(format!("{url}/sandbox"))),
    ]
}

fn told_of_helpdesk(url: &str, options: &HelpdeskOptions) -> Told {
    vec![
        ("profile", Some("sandbox".to_owned())),
        ("base_url", Some(url.to_owned())),
        ("token", Some(options.token.clone())),
        ("agent_token", Some(options.agent_token.clone())),
        ("webhook_secret", Some(options.webhook_secret.clone())),
        ("webhook_url", options.webhook_url.clone()),
        ("control", Some(format!("{url}/sandbox"))),
    ]
}

fn announce(told: &Told, as_json: bool) {
    if as_json {
        let fields = told
            .iter()
            .filter_map(|(name, value)| Some(((*name).to_owned(), Value::from(value.clone()?))));
        out(&format!(
            "{:#}\n",
            Value::Object(fields.collect::<Map<_, _>>())
        ));
    } else {
        out(&format!("{}It runs until Ctrl-C.\n", facts(told)));
    }
}
