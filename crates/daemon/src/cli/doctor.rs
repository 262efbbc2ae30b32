//! `doctor`: is what is out there as the configuration has it? Neighbours: the room `setup`, which
//! looks at both sides; `door`, behind which a daemon tells what it met.

use super::{
    args::Shared,
    door::{Asked, Door, Holder, log, tell_alone},
    ending::{ENVIRONMENT, Ending, FINE, FOUND, Failure, to_json},
    setup::bridges,
    table::table,
};
use crate::{
    api::{
        self, Moment,
        bridges::Bridges,
        halt::{HaltView, Halts, HaltsAsked},
    },
    clock,
    config::{self, Config},
    runtime::Bridge,
    setup::{
        doctor::{Look, State, examine},
        hooks::{OF_TICKETING, takes_webhooks},
    },
};
use bridge_core::event::Side;
use bridge_transport::Transport;
use serde_json::{Value, json};
use std::sync::Arc;

const DATABASE: &str = "database";
const OF_JELOU: &str = "webhooks of Jelou";
const HALT: &str = "safety halt";

/// Looks at everything. What is wrong in one place keeps it from no other.
pub(super) async fn doctor(shared: &Shared, bridge: Option<String>) -> Result<Ending, Failure> {
    let config = Arc::new(config::load_for_setup(&shared.config)?);
    log(Some(&config))?;
    let bridges = bridges(&config, bridge.as_deref())?;
    let transport = Transport::new(clock::now)
        .map_err(|error| Failure::environment(error.to_string(), "report this"))?;
    let mut looks = here(shared, &config, &bridges).await;
    let public = config.server.public_url.as_ref();
    for bridge in &bridges {
        for look in examine(bridge, &transport, public).await {
            add(&mut looks, look);
        }
    }
    let is = |state| looks.iter().any(|look| look.state == state);
    let is_away = is(State::Unreachable) || is(State::Failing);
    let code = match (is(State::Wrong), is_away) {
        (true, _) => FOUND,
        (false, true) => ENVIRONMENT,
        (false, false) => FINE,
    };
    let ok = code == FINE;
    let json = json!({ "ok": ok, "looks": to_json(&looks)? });
    Ok(Ending::new(shown(&looks), json).with_code(code))
}

/// One row for one thing: what came of webhooks outweighs that nobody can look how they are set up.
fn add(looks: &mut Vec<Look>, look: Look) {
    let same = |there: &&mut Look| (&there.bridge, there.what) == (&look.bridge, look.what);
    match looks.iter_mut().find(same) {
        None => looks.push(look),
        Some(there) if there.state == State::Fine => {}
        Some(there) => there.found = format!("{}; {}", there.found, look.found),
    }
}

/// The database, the daemon if there is one, and what it met.
async fn here(shared: &Shared, config: &Config, bridges: &[Arc<Bridge>]) -> Vec<Look> {
    match Door::holder(shared, config).await {
        Ok(Holder::Daemon(door)) => of_daemon(&door, bridges).await,
        Ok(Holder::Nobody(Some(jobs))) => {
            tell_alone(None);
            let mut looks = vec![
                Look::fine(DATABASE, "it can be opened"),
                Look::unknown("daemon", "none runs"),
            ];
            let heard = api::bridges::list(&jobs).await.ok();
            let halts = api::halt::list(&jobs, HaltsAsked::default()).await.ok();
            jobs.store.close().await;
            looks.extend(arrivals(bridges, None, heard.as_ref()));
            looks.extend(halted(bridges, halts.as_ref()));
            looks
        }
        Ok(Holder::Nobody(None)) => vec![
            Look::unknown(DATABASE, "there is none yet; the first run makes it"),
            Look::unknown("daemon", "none runs"),
        ],
        Err(failure) => vec![Look::wrong(DATABASE, failure.error, failure.remedy)],
    }
}

async fn of_daemon(door: &Door, bridges: &[Arc<Bridge>]) -> Vec<Look> {
    let mut looks = match door.page("readyz").await {
        Ok(page) => readiness(&page),
        Err(failure) => vec![Look::unreachable("daemon", failure.error, failure.remedy)],
    };
    if let Ok(page) = door.page("metrics").await {
        // Without a token nobody is told; then the metrics alone tell, since the daemon's start.
        let heard = door.ask::<Bridges>(Asked::get(&["bridges"], &())).await;
        let heard = heard.ok().map(|(_, heard)| heard);
        looks.extend(arrivals(bridges, Some(&page), heard.as_ref()));
    }
    let halts = door.ask::<Halts>(Asked::get(&["halt"], &HaltsAsked::default()));
    let halts = halts.await.ok().map(|(_, halts)| halts);
    looks.extend(halted(bridges, halts.as_ref()));
    looks
}

/// The safety halts that are on. Where none is, there is nothing to look at.
fn halted(bridges: &[Arc<Bridge>], halts: Option<&Halts>) -> Vec<Look> {
    let all: &[HaltView] = match halts {
        Some(halts) => &halts.halts,
        None => &[],
    };
    let of = |bridge: &Arc<Bridge>| on(bridge.name.as_str(), all);
    bridges.iter().filter_map(of).collect()
}

fn on(bridge: &str, halts: &[HaltView]) -> Option<Look> {
    let its = |halt: &&HaltView| halt.bridge == bridge && halt.holds;
    let held: Vec<String> = halts
        .iter()
        .filter(its)
        .map(|halt| format!("{} of kind {}", halt.held, halt.operation))
        .collect();
    if held.is_empty() {
        return None;
    }
    let mut look = Look::wrong(
        HALT,
        format!("it is on and holds {}", held.join(", ")),
        "`jelou-bridge halt` tells which writes, and by which rule: mend the rule, or let them go",
    );
    look.bridge = Some(bridge.to_owned());
    Some(look)
}

/// What came of webhooks, of each side that sends some: by the daemon's metrics, and by what is stored.
fn arrivals(bridges: &[Arc<Bridge>], page: Option<&str>, heard: Option<&Bridges>) -> Vec<Look> {
    let mut looks = Vec::new();
    for bridge in bridges {
        let name = bridge.name.as_str();
        let heard = heard.and_then(|all| all.bridges.iter().find(|one| one.bridge == name));
        let sends = |side: &Side| *side == Side::Jelou || takes_webhooks(bridge);
        for side in [Side::Jelou, Side::Ticketing].into_iter().filter(sends) {
            let last = heard.map(|one| {
                Last(match side {
                    Side::Jelou => one.jelou_webhook_at.clone(),
                    Side::Ticketing => one.ticketing_webhook_at.clone(),
                })
            });
            let mut look = webhooks(page, name, side, last.as_ref());
            look.bridge = Some(name.to_owned());
            looks.push(look);
        }
    }
    looks
}

/// When the latest proven webhook came, as the database knows it; nothing in it: none ever did.
struct Last(Option<Moment>);

impl Last {
    fn told(&self) -> String {
        match &self.0 {
            Some(at) => format!("; the last proven one came at {}", at.for_people()),
            None => "; none was ever proven".to_owned(),
        }
    }
}

fn readiness(page: &str) -> Vec<Look> {
    let told: Value = serde_json::from_str(page).unwrap_or_default();
    let Some(database) = told.get("database").and_then(Value::as_str) else {
        return vec![Look::wrong(
            "daemon",
            "what is at the admin address is no jelou-bridge of this version",
            "look at server.admin_listen, or name the address with --admin",
        )];
    };
    let workers = told.get("workers").and_then(Value::as_object);
    let idle: Vec<&str> = workers
        .into_iter()
        .flatten()
        .filter(|(_, word)| word.as_str() != Some("ok"))
        .map(|(name, _)| name.as_str())
        .collect();
    vec![
        match database {
            "ok" => Look::fine(DATABASE, "the daemon has it, and it answers"),
            said => Look::wrong(DATABASE, said, "look at the disk and at the daemon's log"),
        },
        match idle.is_empty() {
            true => Look::fine("daemon", "it runs"),
            false => Look::wrong(
                "daemon",
                format!("it does not work: {}", idle.join(", ")),
                "look at its log, and start it again",
            ),
        },
    ]
}

/// Whether the secret is the one that a side signs with, only a webhook shows.
fn webhooks(page: Option<&str>, bridge: &str, side: Side, last: Option<&Last>) -> Look {
    let (what, whose, remedy) = match side {
        Side::Jelou => (
            OF_JELOU,
            "if the latest are Jelou's, run `jelou-bridge setup --rotate-secret`",
            "if they are Jelou's, the secret or webhook_auth is another one there: run `jelou-bridge setup --rotate-secret`; if webhook_auth differs, `setup` before it",
        ),
        Side::Ticketing => (
            OF_TICKETING,
            "if the latest are the system's, look at webhook_secrets",
            "if they are the system's, its secret is none of webhook_secrets: run `jelou-bridge setup`, or put it there",
        ),
    };
    let last = last.map(Last::told).unwrap_or_default();
    let Some(page) = page else {
        return Look::unknown(what, format!("no daemon runs to take them{last}"));
    };
    let (taken, refused) = counted(page, bridge, side);
    match (taken > 0.0, refused > 0.0) {
        (true, false) => Look::fine(
            what,
            format!("{taken} proven since the daemon started{last}"),
        ),
        (true, true) => Look::unknown(
            what,
            format!(
                "{taken} proven since the daemon started, and {refused} refused as forged{last}: {whose}"
            ),
        ),
        (false, true) => Look::wrong(
            what,
            format!("all {refused} since the daemon started were refused as forged{last}"),
            remedy,
        ),
        (false, false) => Look::unknown(what, format!("none came since the daemon started{last}")),
    }
}

/// How many webhooks of a side the daemon took, and how many it refused as forged.
fn counted(page: &str, bridge: &str, side: Side) -> (f64, f64) {
    let count = |outcome: &str| -> f64 {
        let labels = [
            format!("bridge=\"{bridge}\""),
            format!("side=\"{side}\""),
            format!("outcome=\"{outcome}\""),
        ];
        page.lines()
            .filter(|line| line.starts_with("jelou_bridge_deliveries_total{"))
            .filter(|line| labels.iter().all(|label| line.contains(label)))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    };
    (count("new") + count("known"), count("refused_proof"))
}

fn shown(looks: &[Look]) -> String {
    let row = |look: &Look| {
        vec![
            look.bridge.clone().unwrap_or_default(),
            look.what.to_owned(),
            look.state.as_str().to_owned(),
            look.found.clone(),
            look.remedy.clone().unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = looks.iter().map(row).collect();
    table(&["BRIDGE", "WHAT", "STATE", "FOUND", "REMEDY"], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_proven_webhook_shows_that_the_secret_is_the_right_one() {
        let line = |side: &str, outcome: &str, n: u32| {
            format!(
                "jelou_bridge_deliveries_total{{bridge=\"main\",side=\"{side}\",outcome=\"{outcome}\"}} {n}\n"
            )
        };
        let state = |page: &str| webhooks(Some(page), "main", Side::Jelou, None).state;
        assert_eq!(state(""), State::Unknown);
        assert_eq!(state(&line("ticketing", "new", 7)), State::Unknown);
        assert_eq!(state(&line("jelou", "new", 7)), State::Fine);
        assert_eq!(state(&line("jelou", "refused_proof", 2)), State::Wrong);
        let look = webhooks(Some(""), "main", Side::Ticketing, Some(&Last(None)));
        let found = "none came since the daemon started; none was ever proven";
        assert_eq!(look.found, found);
        let both = line("jelou", "known", 1) + &line("jelou", "refused_proof", 2);
        assert_eq!(state(&both), State::Unknown);
    }

    #[test]
    fn a_halt_that_is_on_is_wrong_and_one_that_is_not_is_not_told() {
        let halt = |operation: &str, holds: bool| HaltView {
            bridge: "main".to_owned(),
            operation: operation.to_owned(),
            holds,
            since: None,
            held: 41,
            let_out: 20,
            holding: Vec::new(),
        };
        assert_eq!(on("main", &[halt("close", false)]), None);
        let halts = [halt("close", false), halt("start", true)];
        assert_eq!(on("other", &halts), None);
        let look = on("main", &halts).unwrap();
        assert_eq!(look.state, State::Wrong);
        assert_eq!(look.found, "it is on and holds 41 of kind start");
    }
}
