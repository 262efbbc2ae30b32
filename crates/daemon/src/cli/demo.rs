//! `demo`: plays the stories and prints their timelines. Neighbour: `crate::demo`, which stages them.

use super::{
    ending::{Ending, FINE, FOUND, Failure, out},
    show::lines,
};
use crate::{
    api::timeline::LineView,
    config::{LogFormat, Variables},
    demo::{ADMIN_TOKEN, Played, Stage, StageOptions, play},
    reload::Signals,
    telemetry,
};
use serde_json::{Value, json};

/// Plays all stories; without `once` it stays up afterwards until it is told to stop.
pub(super) async fn demo(once: bool, as_json: bool) -> Result<Ending, Failure> {
    let environment = |what: String| {
        Failure::environment(
            what,
            "look at the temporary folder and at the limits of this user",
        )
    };
    let variables = Variables::of_this_process();
    let level = variables
        .get("JELOU_BRIDGE_LOG")
        .or_else(|| variables.get("RUST_LOG"));
    telemetry::init(LogFormat::Human, Some(level.unwrap_or("error")))
        .map_err(|error| environment(error.to_string()))?;
    let mut signals = Signals::new().map_err(|error| environment(error.to_string()))?;
    let folder = tempfile::tempdir().map_err(|error| environment(error.to_string()))?;
    let mut stage = Stage::start(StageOptions::in_folder(folder.path())).await?;
    if !once && !as_json {
        out(&format!(
            "Play along, as the customer and as the agent: {}\n\n",
            play_at(&stage)
        ));
    }
    let mut told = Vec::new();
    let playing = play(&stage, |played| {
        told.push(as_value(played));
        if !as_json {
            out(&as_text(told.len(), played));
        }
    });
    let all_well = tokio::select! {
        played = playing => played?,
        () = signals.stop() => false,
    };
    let addresses = addresses(&stage)?;
    let code = if all_well { FINE } else { FOUND };
    let verdict = if all_well {
        "All stories ended well."
    } else {
        "Not all stories ended well."
    };
    if once {
        stage.stop_daemon().await;
        let text = format!("{verdict}\n");
        return Ok(Ending::new(text, json!({ "ok": all_well, "stories": told })).with_code(code));
    }
    if as_json {
        let document = json!({ "ok": all_well, "stories": told, "addresses": addresses });
        out(&format!("{document:#}\n"));
    } else {
        out(&format!(
            "{verdict} All stays up until Ctrl-C:\n{}",
            listed(&addresses)
        ));
    }
    signals.stop().await;
    stage.stop_daemon().await;
    Ok(Ending::silent(code))
}

fn addresses(stage: &Stage) -> Result<Value, Failure> {
    let daemon = stage.daemon()?;
    Ok(json!({
        "play": play_at(stage),
        "admin": format!("http://{}", daemon.admin),
        "admin_token": ADMIN_TOKEN,
        "webhooks": format!("http://{}", daemon.listen),
        "jelou": stage.jelou.url(),
        "helpdesk": stage.helpdesk.url(),
    }))
}

/// The page on which a person plays the customer, with the agent's beside it.
fn play_at(stage: &Stage) -> String {
    format!("{}/?desk={}", stage.jelou.url(), stage.helpdesk.url())
}

fn listed(addresses: &Value) -> String {
    let fields = addresses.as_object().into_iter().flatten();
    fields
        .map(|(name, value)| format!("  {name:<12} {}\n", value.as_str().unwrap_or_default()))
        .collect()
}

fn views(played: &Played) -> impl Iterator<Item = (&String, Vec<LineView>)> {
    let timelines = played.timelines.iter();
    timelines.map(|(ticket, lines)| (ticket, lines.iter().cloned().map(LineView::from).collect()))
}

fn as_value(played: &Played) -> Value {
    let timelines: Vec<Value> = views(played)
        .map(|(ticket, lines)| json!({ "ticket": ticket, "lines": lines }))
        .collect();
    let (ok, ending) = match &played.ending {
        Ok(ending) => (true, ending),
        Err(reason) => (false, reason),
    };
    json!({ "title": played.title, "ok": ok, "ending": ending, "timelines": timelines })
}

fn as_text(number: usize, played: &Played) -> String {
    let ending = match &played.ending {
        Ok(ending) => ending.clone(),
        Err(reason) => format!("FAILED: {reason}"),
    };
    let mut text = format!("{number}. {}\n   {ending}\n", played.title);
    for (ticket, views) in views(played) {
        text.push_str(&format!("   ticket {ticket}\n"));
        for line in lines(&views, false).lines() {
            text.push_str(&format!("     {line}\n"));
        }
    }
    text.push('\n');
    text
}
