//! `explain`: asks the room of that name, and prints; of what is stored it asks the API. Neighbours:
//! `crate::explain`; `door`, for the Lane behind a ticket.

use super::{
    args::{Explain, Shared, SideName},
    door::{Asked, Door},
    ending::{Ending, FINE, Failure, to_json},
    state,
};
use crate::{
    api::{
        explain::{ExplainAsked, Explained},
        lane::{LaneAsked, LaneFile},
    },
    clock,
    config::{self, Config},
    explain::{Explanation, Question, explain as ask},
    runtime::{Bridge, Runtime},
};
use bridge_core::{event::Side, ids::BridgeName, lane::Lane};
use bridge_transport::Transport;
use std::{io::Read, path::Path, sync::Arc};

/// The largest event or Lane read from a file, in bytes: webhooks end at 1 MiB, and a Lane holds
/// what one Claim loads.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Explains one event or, without one, what is stored of a ticket or conversation.
pub(super) async fn explain(shared: &Shared, asked: Explain) -> Result<Ending, Failure> {
    let (Some(event), Some(side)) = (&asked.event, asked.side) else {
        return stored(shared, asked).await;
    };
    let config = Arc::new(config::load(&shared.config)?);
    let bridge = bridge(&config, asked.bridge.as_deref())?;
    let body = contents(event)?;
    let lane = match (&asked.lane, &asked.ticket) {
        (Some(file), _) => Some(lane_in(file)?),
        (None, Some(ticket)) => Some(lane_of(shared, &bridge, ticket).await?),
        (None, None) => None,
    };
    let side = match side {
        SideName::Jelou => Side::Jelou,
        SideName::Ticketing => Side::Ticketing,
    };
    let now = clock::now();
    let question = Question {
        bridge: &bridge,
        side,
        body: &body,
        lane,
        read: asked.read,
        now,
    };
    let explanation = ask(question).await;
    Ok(Ending::new(text(&explanation), to_json(&explanation)?))
}

async fn stored(shared: &Shared, asked: Explain) -> Result<Ending, Failure> {
    let asked = ExplainAsked {
        ticket: asked.ticket,
        conversation: asked.conversation,
        bridge: asked.bridge,
    };
    let asked = Asked::get(&["explain"], &asked);
    state::answer::<Explained>(shared, asked, |explained| (told(explained), FINE)).await
}

fn told(explained: &Explained) -> String {
    let known = |what: &str, id: Option<&String>| match id {
        Some(id) => format!("{what} {id}"),
        None => format!("no {what}"),
    };
    let mut text = format!(
        "{}, {}: {} on bridge {}.\n",
        known("ticket", explained.ticket.as_ref()),
        known("conversation", explained.conversation.as_ref()),
        explained.state.as_deref().unwrap_or("never linked"),
        explained.bridge
    );
    if let (Some(status), Some(seen_at)) = (&explained.status, &explained.seen_at) {
        let seen_at = seen_at.for_people();
        text.push_str(&format!("The ticket is {status}, as seen {seen_at}.\n"));
    }
    let reasons = explained.reasons.iter();
    let lines = reasons.map(|reason| format!("{}  [{}]", reason.sentence, reason.rule));
    section(&mut text, "Rules", lines);
    text
}

fn bridge(config: &Arc<Config>, name: Option<&str>) -> Result<Arc<Bridge>, Failure> {
    let environment = |what: String| Failure::environment(what, "mend the configuration");
    let transport = Transport::new(clock::now).map_err(|error| environment(error.to_string()))?;
    let runtime = Runtime::build(Arc::clone(config), &transport, &Arc::default())
        .map_err(|error| environment(error.to_string()))?;
    let names: Vec<&str> = runtime.bridges.keys().map(BridgeName::as_str).collect();
    let found = match (name, names.as_slice()) {
        (Some(name), _) => runtime
            .bridges
            .iter()
            .find(|(known, _)| known.as_str() == name),
        (None, [_]) => runtime.bridges.iter().next(),
        (None, _) => None,
    };
    found
        .map(|(_, bridge)| Arc::clone(bridge))
        .ok_or_else(|| match name {
            Some(name) => Failure::no_bridge(name, runtime.bridges.keys()),
            None => Failure::wrong_use(
                "there are several bridges",
                format!("name one with --bridge: {}", names.join(", ")),
            ),
        })
}

fn contents(path: &Path) -> Result<Vec<u8>, Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::environment(
            format!("cannot read {}: {error}", path.display()),
            "name a file that is there",
        )
    };
    let mut contents = Vec::new();
    if path == Path::new("-") {
        std::io::stdin()
            .take(FILE_BYTES_MAX)
            .read_to_end(&mut contents)
            .map_err(unreadable)?;
    } else {
        let file = std::fs::File::open(path).map_err(unreadable)?;
        file.take(FILE_BYTES_MAX)
            .read_to_end(&mut contents)
            .map_err(unreadable)?;
    }
    Ok(contents)
}

fn lane_in(path: &Path) -> Result<Lane, Failure> {
    let file: LaneFile = serde_json::from_slice(&contents(path)?).map_err(|error| {
        // The place alone: a Lane holds names and numbers.
        Failure::wrong_use(
            format!(
                "{} is no lane: line {}, column {}",
                path.display(),
                error.line(),
                error.column()
            ),
            "write to it what the admin API answers at /api/v1/lanes?ticket=ID",
        )
    })?;
    Ok(file.into())
}

async fn lane_of(shared: &Shared, bridge: &Bridge, ticket: &str) -> Result<Lane, Failure> {
    let door = Door::open(shared, None).await?;
    let asked = LaneAsked {
        ticket: ticket.to_owned(),
        bridge: Some(bridge.name.to_string()),
    };
    let answered = door.ask::<LaneFile>(Asked::get(&["lanes"], &asked)).await;
    door.tell_if_alone(None);
    door.close().await;
    answered.map(|(_, lane)| lane.into())
}

fn text(explanation: &Explanation) -> String {
    let mut text = String::new();
    if !explanation.events.is_empty() {
        text.push_str(&format!("It means: {}\n", explanation.events.join(", ")));
    }
    section(
        &mut text,
        "Reads",
        explanation.reads.iter().map(|read| {
            let made = match (read.made, &read.error) {
                (false, _) => "needed; --read makes it".to_owned(),
                (true, None) => "made".to_owned(),
                (true, Some(error)) => format!("made in vain: {error}"),
            };
            format!("{} ({made})", read.sentence)
        }),
    );
    section(
        &mut text,
        "Effects",
        explanation
            .effects
            .iter()
            .map(|planned| format!("{}  [{}]", planned.sentence, planned.rule)),
    );
    section(&mut text, "Notes", explanation.notes.iter().cloned());
    if explanation.effects.is_empty() {
        text.push_str("Nothing would be sent.\n");
    }
    text
}

fn section(text: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    for (number, line) in lines.enumerate() {
        if number == 0 {
            text.push_str(&format!("{title}:\n"));
        }
        text.push_str(&format!("  {line}\n"));
    }
}
