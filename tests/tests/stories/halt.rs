//! The safety halt under what it is for: a bulk close, and a mapping typo. Neighbours: `command`,
//! which releases it; core's stories of rule 16, where each case of it is told.

use crate::command::command;
use bridge_sandbox::{Operation, helpdesk::NewTicket};
use bridge_tests::{
    figures::Figures,
    play::{phone, rules, user},
    process::Process,
    program::{Daemon, STOPS_WITHIN},
};
use jelou_bridge::{
    clock,
    demo::{BRIDGE, StageOptions},
};
use serde_json::json;
use std::{collections::VecDeque, time::Duration};
use tempfile::TempDir;

/// Tickets that an agent closes in one go.
const LINKS: usize = 400;

/// A fifth of them may go out.
const LET_OUT: usize = LINKS / 5;

/// What Jelou may be asked in a second, and how far a bucket that was full goes beyond it.
const RATE: usize = 100;

/// A busy machine links four hundred within this.
const WITHIN: Duration = Duration::from_secs(120);

/// What is held stays held: so long nothing more may go out.
const QUIET: Duration = Duration::from_secs(3);

/// A rule, and what it was mistyped to.
const OPEN_WHEN: &str = "open_when = \"'whatsapp' in ticket.tags\"";
const MISTYPED: &str = "open_when = \"'whatsapp' in ticket.tags or true\"";

struct Scene {
    _folder: TempDir,
    process: Process,
    daemon: Daemon,
}

impl Scene {
    /// A daemon and this many tickets in talk, under a halt that does not ring yet.
    async fn with(links: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = StageOptions::in_folder(folder.path());
        options.rules = rules(&options.rules, "min_count = 20", "min_count = 1000");
        let process = Process::set(options).await.unwrap();
        let daemon = process.program.start().await.unwrap();
        let scene = Self {
            _folder: folder,
            process,
            daemon,
        };
        for customer in 0..links {
            let _ = scene.ticket(customer, "whatsapp");
        }
        scene.until("all are linked", |s| s.active() == links).await;
        scene
            .until("all is noted", |s| {
                let tickets = s.process.helpdesk.handle.tickets();
                tickets.iter().filter(|t| t.external_id.is_some()).count() == links
            })
            .await;
        scene
    }

    fn ticket(&self, customer: usize, tag: &str) -> String {
        self.process.helpdesk.handle.agent_creates(NewTicket {
            requester_phone: Some(phone(customer)),
            tags: vec![tag.to_owned()],
            subject: "A question".to_owned(),
            ..NewTicket::default()
        })
    }

    fn active(&self) -> usize {
        let all = self.process.jelou.handle.conversations();
        all.iter().filter(|c| c.active).count()
    }

    async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let give_up = clock::now().plus(WITHIN);
        while !holds(self) {
            assert!(
                clock::now() < give_up,
                "waited in vain until {what}: {} active",
                self.active()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What was let out may still be on its way when the last of the others is held.
    async fn until_active(&self, count: usize) {
        let what = format!("{count} are active");
        self.until(&what, |s| s.active() == count).await;
    }

    /// Waits until this ticket's is all that the halt holds: of a count alone, the one left may be another that
    /// is not withdrawn yet.
    async fn until_holding(&self, operation: &str, ticket: &str) {
        let give_up = clock::now().plus(WITHIN);
        loop {
            let shown = command(&self.daemon.admin, &["halt", "list", "--limit", "1000"]).await;
            let halts = shown.json["halts"].as_array().unwrap();
            let halt = halts.iter().find(|halt| halt["operation"] == operation);
            let holding = halt.unwrap()["holding"].as_array().unwrap();
            if let [only] = holding.as_slice()
                && only["ticket"] == ticket
            {
                return;
            }
            assert!(clock::now() < give_up, "held: {holding:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn figures(&self) -> Figures {
        Figures::of(&self.daemon.admin).await.unwrap()
    }

    /// How many of a kind the halt holds, by the metric.
    async fn held(&self, operation: &str) -> usize {
        let figures = self.figures().await;
        figures.sum(
            "jelou_bridge_halt_held_intents",
            &[("operation", operation)],
        ) as usize
    }

    async fn until_held(&self, operation: &str, count: usize) {
        let give_up = clock::now().plus(WITHIN);
        loop {
            let held = self.held(operation).await;
            if held == count {
                return;
            }
            assert!(
                clock::now() < give_up,
                "{held} of {operation} are held, not {count}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Changes the configuration and waits until it is in force.
    async fn change(&self, from: &str, to: &str) {
        let taken = ("jelou_bridge_config_reloads_total", [("outcome", "taken")]);
        let before = self.figures().await.sum(taken.0, &taken.1);
        let path = &self.process.program.config;
        let text = std::fs::read_to_string(path).unwrap();
        std::fs::write(path, rules(&text, from, to)).unwrap();
        self.daemon.signal("HUP").await.unwrap();
        let give_up = clock::now().plus(WITHIN);
        while self.figures().await.sum(taken.0, &taken.1) <= before {
            assert!(clock::now() < give_up, "not reloaded");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.process.program.log).unwrap()
    }

    /// How often the log said that a halt holds writes of this kind.
    fn alarms(&self, operation: &str) -> usize {
        let rang = format!("The safety halt holds all further {operation} writes");
        self.log()
            .lines()
            .filter(|line| line.contains("ERROR") && line.contains(&rang))
            .count()
    }

    async fn solve_all(&self, status: &str) {
        for ticket in self.process.helpdesk.handle.tickets() {
            let helpdesk = &self.process.helpdesk.handle;
            helpdesk.agent_sets_status(&ticket.id, status).unwrap();
        }
    }
}

/// The most calls in any second.
fn busiest_second(mut times: Vec<i64>) -> usize {
    times.sort_unstable();
    let (mut window, mut most) = (VecDeque::new(), 0);
    for at in times {
        window.push_back(at);
        while window.front().is_some_and(|first| at - first >= 1_000) {
            window.pop_front();
        }
        most = most.max(window.len());
    }
    most
}

#[tokio::test(flavor = "multi_thread")]
async fn four_hundred_tickets_closed_in_one_go_stop_at_a_fifth_until_a_person_says_so() {
    let scene = Scene::with(LINKS).await;
    scene.change("min_count = 1000", "min_count = 4").await;
    scene.solve_all("solved").await;
    scene.until_held("close", LINKS - LET_OUT).await;
    scene.until_active(LINKS - LET_OUT).await;
    assert_eq!(scene.alarms("close"), 1);
    let tripped = scene.figures().await;
    let closes = [("operation", "close")];
    assert!(tripped.sum("jelou_bridge_halt_tripped", &closes) > 0.5);

    let shown = command(&scene.daemon.admin, &["halt", "list", "--limit", "1000"]).await;
    let halts = shown.json["halts"].as_array().unwrap();
    let halt = halts
        .iter()
        .find(|halt| halt["operation"] == "close")
        .unwrap();
    assert_eq!(
        (&halt["holds"], &halt["held"]),
        (&true.into(), &(LINKS - LET_OUT).into())
    );
    let holding = halt["holding"].as_array().unwrap();
    assert_eq!(holding.len(), LINKS - LET_OUT);
    assert!(holding.iter().all(
        |held| held["rule"] == "mapping.conversation.close_on_status" && held["ticket"].is_string()
    ));
    let stuck = command(&scene.daemon.admin, &["links", "--stuck"]).await;
    assert_eq!(
        (&stuck.json["stuck"][0]["why"], &stuck.json["more"]),
        (&"held".into(), &true.into())
    );

    // Other work goes on meanwhile.
    let jelou = &scene.process.jelou.handle;
    jelou.add_user(&user(9_000), "Another");
    let own = jelou.customer_starts(&user(9_000), "Oi").unwrap();
    let helpdesk = &scene.process.helpdesk.handle;
    scene
        .until("a customer gets a ticket", |_| {
            !helpdesk.tickets_of_conversation(&own).is_empty()
        })
        .await;
    tokio::time::sleep(QUIET).await;
    assert_eq!(scene.active(), LINKS - LET_OUT + 1, "it holds");

    let calls = jelou.calls().len();
    let released = command(&scene.daemon.admin, &["halt", "release"]).await;
    assert_eq!(released.json["let_go"], LINKS - LET_OUT);
    scene.until("all are closed", |s| s.active() == 1).await;
    let times: Vec<i64> = jelou.calls()[calls..]
        .iter()
        .map(|call| call.at_ms)
        .collect();
    let most = busiest_second(times);
    assert!(most <= 2 * RATE, "{most} calls in a second at {RATE}/s");
    let closes = jelou
        .calls()
        .iter()
        .filter(|c| c.operation == Operation::Close)
        .count();
    assert_eq!(closes, LINKS, "each once");
    scene.until_held("close", 0).await;
    assert_eq!(scene.alarms("close"), 1, "what was let go is not counted");
    assert!(scene.figures().await.sum("jelou_bridge_halt_tripped", &[]) < 0.5);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_release_lets_go_all_of_a_bulk_edit_though_most_of_it_stands_behind_the_rate() {
    let scene = Scene::with(30).await;
    scene.change("min_count = 1000", "min_count = 6").await;
    let slow = ("jelou_rate = \"100/s\"", "jelou_rate = \"5/s\"");
    scene.change(slow.0, slow.1).await;
    scene.solve_all("solved").await;
    let give_up = clock::now().plus(WITHIN);
    loop {
        let figures = scene.figures().await;
        let rang = figures.sum("jelou_bridge_halt_tripped", &[("operation", "close")]) > 0.5;
        let planned = figures.sum("jelou_bridge_intents", &[("state", "planned")]) as usize;
        if rang && planned == 24 {
            break;
        }
        assert!(clock::now() < give_up, "{planned} are planned");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(scene.held("close").await, 24, "come to ask or not");
    let released = command(&scene.daemon.admin, &["halt", "release"]).await;
    assert_eq!(released.json["let_go"], 24);
    scene.until_active(0).await;
    assert_eq!(scene.alarms("close"), 1, "it does not ring again for them");
}

/// Twelve tickets that nobody meant, and a rule mistyped: five starts go out, and seven are held.
async fn mistyped() -> Scene {
    let scene = Scene::with(0).await;
    for customer in 0..12 {
        let _ = scene.ticket(customer, "email");
    }
    scene.change("min_count = 1000", "min_count = 5").await;
    let give_up = clock::now().plus(WITHIN);
    let deliveries = "jelou_bridge_deliveries_total";
    while scene.figures().await.sum(deliveries, &[]) < 12.0 {
        assert!(clock::now() < give_up, "the tickets are known");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    scene.change(OPEN_WHEN, MISTYPED).await;
    scene.until_held("start", 7).await;
    scene
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_names_the_halt_that_stays_on_and_the_one_that_goes_off_holding_nothing() {
    let scene = mistyped().await;
    let of_close = ["halt", "release", "--operation", "close"];
    let elsewhere = command(&scene.daemon.admin, &of_close).await;
    assert_eq!(elsewhere.json["let_go"], 0);
    let on = json!([{"bridge": BRIDGE, "operation": "start", "held": 7}]);
    assert_eq!(elsewhere.json["still_on"], on);
    scene.change(MISTYPED, OPEN_WHEN).await;
    scene.until_held("start", 0).await;
    let released = command(&scene.daemon.admin, &["halt", "release"]).await;
    let off = json!([{"bridge": BRIDGE, "operation": "start"}]);
    let (told, nothing) = (&released.json, json!([]));
    assert_eq!((&told["let_go"], &told["emptied"]), (&0.into(), &off));
    assert_eq!((&told["released"], &told["still_on"]), (&nothing, &nothing));
    let log = scene.log();
    assert!(
        log.contains("The safety halt was released by order"),
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_halt_that_is_on_is_told_when_the_bridge_starts_again_and_by_doctor() {
    let mut scene = mistyped().await;
    scene.daemon.signal("TERM").await.unwrap();
    scene.daemon.ended(STOPS_WITHIN).await.unwrap();
    scene.daemon = scene.process.program.start().await.unwrap();
    let log = scene.log();
    let told = |line: &str| line.contains("WARN") && line.contains("holds 7 start writes");
    assert!(log.lines().any(told), "{log}");
    let config = scene.process.program.config.to_str().unwrap();
    let doctor = command(&scene.daemon.admin, &["doctor", "--config", config]).await;
    let looks = doctor.json["looks"].as_array().unwrap();
    let look = looks.iter().find(|look| look["what"] == "safety halt");
    assert_eq!((&look.unwrap()["state"], doctor.code), (&"wrong".into(), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_halt_that_is_on_is_told_beside_what_is_parked() {
    let scene = mistyped().await;
    let on = json!([{"bridge": BRIDGE, "operation": "start", "held": 7}]);
    let parked = command(&scene.daemon.admin, &["parked"]).await;
    assert_eq!((&parked.json["halted"], parked.code), (&on, 0));
    let retried = command(&scene.daemon.admin, &["parked", "retry", "--all"]).await;
    assert_eq!(retried.json["halted"], on);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_typo_in_open_when_starts_no_more_than_the_halt_lets_out_and_is_taken_back() {
    let scene = Scene::with(0).await;
    let others: Vec<String> = (0..60)
        .map(|customer| scene.ticket(customer, "email"))
        .collect();
    scene.change("min_count = 1000", "min_count = 5").await;
    let settled = ("jelou_bridge_deliveries_total", []);
    let give_up = clock::now().plus(WITHIN);
    while scene.figures().await.sum(settled.0, &settled.1) < others.len() as f64 {
        assert!(clock::now() < give_up, "the tickets are known");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    scene.change(OPEN_WHEN, MISTYPED).await;
    scene.until_held("start", others.len() - 5).await;
    scene.until_active(5).await;
    assert_eq!(scene.alarms("start"), 1);
    tokio::time::sleep(QUIET).await;
    assert_eq!(scene.active(), 5, "the harm has an end");

    scene.change(MISTYPED, OPEN_WHEN).await;
    scene.until_held("start", 0).await;
    let released = command(&scene.daemon.admin, &["halt", "release"]).await;
    assert_eq!(released.json["let_go"], 0, "nobody wants it any more");
    tokio::time::sleep(QUIET).await;
    assert_eq!(scene.active(), 5, "withdrawn, not sent");
    let meant = scene.ticket(500, "whatsapp");
    let helpdesk = &scene.process.helpdesk.handle;
    scene
        .until("one that is meant starts", |_| {
            helpdesk.ticket(&meant).unwrap().external_id.is_some()
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_typo_in_close_on_status_closes_no_more_than_the_halt_lets_out_and_release_sends_what_is_wanted()
 {
    let scene = Scene::with(60).await;
    scene.change("min_count = 1000", "min_count = 12").await;
    let (rule, typo) = (
        "close_on_status = [\"solved\", \"closed\"]",
        "close_on_status = [\"pending\", \"solved\", \"closed\"]",
    );
    scene.change(rule, typo).await;
    scene.solve_all("pending").await;
    scene.until_held("close", 48).await;
    scene.until_active(48).await;
    tokio::time::sleep(QUIET).await;
    assert_eq!(
        scene.active(),
        48,
        "twelve, as `min_count` is more than a fifth of sixty or as much"
    );
    let helpdesk = &scene.process.helpdesk.handle;
    let jelou = &scene.process.jelou.handle;
    let still = helpdesk.tickets().into_iter().find(|ticket| {
        let talk = ticket
            .external_id
            .as_ref()
            .and_then(|id| jelou.conversation(id));
        talk.is_some_and(|talk| talk.active)
    });
    let still = still.unwrap().id;
    // One of them is solved meanwhile: that close is meant.
    helpdesk.agent_sets_status(&still, "solved").unwrap();
    scene.change(typo, rule).await;
    scene.until_holding("close", &still).await;
    assert_eq!(scene.active(), 48);
    let released = command(
        &scene.daemon.admin,
        &["halt", "release", "--operation", "close"],
    )
    .await;
    assert_eq!(released.json["let_go"], 1);
    scene.until_active(47).await;
    tokio::time::sleep(QUIET).await;
    assert_eq!(scene.active(), 47, "the others were withdrawn");
    assert_eq!(scene.alarms("close"), 1);
}
