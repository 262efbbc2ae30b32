//! The order of arrival does not change the end (law 5): the same five events, in each of their 120
//! orders, through one real daemon, one customer for each order. Neighbour: the simulator's
//! permutations in core, which know more histories and no network.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

use bridge_sandbox::{Hooks, Operation, Outcome, helpdesk::NewTicket};
use bridge_tests::play::{PATIENCE, Play, phone, rules, user};
use std::{collections::BTreeMap, time::Duration};

/// Between two of a customer's events the daemon has this long, so that it does not see them at
/// once and sort them: each is worked on before the next comes.
const BETWEEN: Duration = Duration::from_millis(700);

/// The orders of five things.
fn orders() -> Vec<Vec<usize>> {
    fn extend(begun: &[usize], all: &mut Vec<Vec<usize>>) {
        if begun.len() == 5 {
            return all.push(begun.to_vec());
        }
        for next in (0..5).filter(|n| !begun.contains(n)) {
            extend(&[begun, &[next]].concat(), all);
        }
    }
    let mut all = Vec::new();
    extend(&[], &mut all);
    all
}

/// Whose webhook, and which.
#[derive(Clone, Copy)]
enum Told {
    Jelou(u64),
    Helpdesk(u64),
}

/// The latest webhook of a side.
fn latest(hooks: &Hooks) -> u64 {
    hooks.all().last().expect("a webhook").number
}

/// Gives each customer's five events to the daemon, each customer's in an order of its own.
async fn tell_all(play: &Play, events: &[Vec<Told>]) {
    let orders = orders();
    assert_eq!((orders.len(), events.len()), (120, 120));
    for turn in 0..5 {
        for (order, five) in orders.iter().zip(events) {
            let (hooks, number) = match five[order[turn]] {
                Told::Jelou(number) => (play.jelou().webhooks(), number),
                Told::Helpdesk(number) => (play.helpdesk().webhooks(), number),
            };
            let outcomes = hooks.send_now(&[number]).await;
            assert_eq!(outcomes, [Outcome::Answered { status: 200 }]);
        }
        tokio::time::sleep(BETWEEN).await;
    }
    play.settle().await;
}

/// Fails with every end that differs from the wanted one, and the orders that led there.
fn all_end_so(ends: &[String], wanted: &str) {
    let mut by_end: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (end, order) in ends.iter().zip(orders()) {
        by_end.entry(end).or_default().push(format!("{order:?}"));
    }
    by_end.remove(wanted);
    assert!(
        by_end.is_empty(),
        "not as wanted:\n{by_end:#?}\nwanted:\n{wanted}"
    );
}

/// The customer's side of both worlds, without ids and moments.
fn end(play: &Play, customer: usize) -> String {
    let (as_jelou, as_agents) = (format!("+{}", user(customer)), phone(customer));
    let conversations = play.jelou().conversations();
    let theirs = conversations.iter().filter(|c| c.user == user(customer));
    let mut lines: Vec<String> = theirs
        .map(|c| {
            let closed = c.ended_reason.as_deref().unwrap_or("goes on");
            let from = if c.metadata.is_some() {
                "ours"
            } else {
                "theirs"
            };
            format!("conversation: {from}, {closed}")
        })
        .collect();
    let tickets = play.helpdesk().tickets().into_iter().filter(|ticket| {
        let phone = ticket.requester.phone.as_deref();
        phone == Some(&as_jelou) || phone == Some(&as_agents)
    });
    for ticket in tickets {
        let named = ticket.external_id.as_deref();
        let named = named.and_then(|id| play.jelou().conversation(id));
        let named = named.map_or("nothing", |_| "its conversation");
        let notes = play.notes(&ticket.id).len();
        lines.push(format!(
            "ticket: {}, names {named}, {notes} notes, made by {}",
            ticket.status,
            if ticket.tags.contains("jelou") {
                "us"
            } else {
                "an agent"
            },
        ));
    }
    lines.sort();
    lines.join("\n")
}

/// No round of the sweep comes in between: what the daemon knows, webhooks told.
async fn without_sweep() -> Play {
    Play::with(|options| {
        options.rules = rules(&options.rules, "every = \"2s\"", "every = \"1h\"");
        options.rules = rules(&options.rules, "_rate = \"100/s\"", "_rate = \"1000/s\"");
    })
    .await
}

/// A customer begins, writes and is done; an agent makes a ticket of their own for them and solves it.
#[tokio::test(flavor = "multi_thread")]
async fn what_happened_before_anything_was_told_ends_the_same_in_all_orders() {
    let play = without_sweep().await;
    let (jelou, helpdesk) = (play.jelou(), play.helpdesk());
    jelou.webhooks().hold();
    helpdesk.webhooks().hold();
    let mut events = Vec::new();
    for customer in 0..120 {
        let mut five = Vec::new();
        let conversation = play.customer_starts(customer, "Oi");
        five.push(Told::Jelou(latest(jelou.webhooks())));
        jelou
            .customer_writes(&conversation, "Preciso de ajuda")
            .unwrap();
        five.push(Told::Jelou(latest(jelou.webhooks())));
        tokio::time::sleep(Duration::from_millis(2)).await;
        jelou
            .operator_closes(&conversation, "closed_by_operator")
            .unwrap();
        five.push(Told::Jelou(latest(jelou.webhooks())));
        let ticket = helpdesk.agent_creates(NewTicket {
            requester_phone: Some(phone(customer)),
            subject: "Something else".to_owned(),
            ..NewTicket::default()
        });
        five.push(Told::Helpdesk(latest(helpdesk.webhooks())));
        play.sets(&ticket, "solved");
        five.push(Told::Helpdesk(latest(helpdesk.webhooks())));
        events.push(five);
    }
    tell_all(&play, &events).await;
    let ends: Vec<String> = (0..120).map(|customer| end(&play, customer)).collect();
    all_end_so(
        &ends,
        "conversation: theirs, closed_by_operator\n\
         ticket: solved, names its conversation, 0 notes, made by us\n\
         ticket: solved, names nothing, 0 notes, made by an agent",
    );
    assert!(play.parked().await.is_empty());
}

/// A ticket has its conversation. What was told of both comes in any order, and so do the customer's
/// last words, the agent's word that it is solved, and the operator's close.
#[tokio::test(flavor = "multi_thread")]
async fn a_linked_pair_ends_the_same_in_all_orders() {
    let play = without_sweep().await;
    let (jelou, helpdesk) = (play.jelou(), play.helpdesk());
    jelou.webhooks().hold();
    helpdesk.webhooks().hold();
    let tickets: Vec<String> = (0..120).map(|customer| play.ticket(customer)).collect();
    let created = helpdesk.webhooks().held();
    // Nobody tells of the tickets; a round of the sweep finds them, and each gets its conversation.
    let asked = serde_json::json!({});
    let token = jelou_bridge::demo::ADMIN_TOKEN;
    bridge_tests::figures::order(&play.admin(), token, "/sweep", &asked)
        .await
        .unwrap();
    play.stage
        .wait("all are linked", PATIENCE * 2, |_, helpdesk| {
            tickets
                .iter()
                .all(|t| helpdesk.ticket(t).is_some_and(|t| t.external_id.is_some()))
        })
        .await
        .unwrap();
    let mut events = Vec::new();
    for (ticket, created) in tickets.iter().zip(created) {
        let conversation = play.stage.conversation_of(ticket).unwrap();
        let starts = jelou.webhooks().all();
        let start = starts
            .iter()
            .find(|d| d.about == conversation)
            .unwrap()
            .number;
        let mut five = vec![Told::Helpdesk(created), Told::Jelou(start)];
        play.sets(ticket, "solved");
        five.push(Told::Helpdesk(latest(helpdesk.webhooks())));
        jelou.customer_writes(&conversation, "Obrigado").unwrap();
        five.push(Told::Jelou(latest(jelou.webhooks())));
        tokio::time::sleep(Duration::from_millis(2)).await;
        jelou
            .operator_closes(&conversation, "closed_by_operator")
            .unwrap();
        five.push(Told::Jelou(latest(jelou.webhooks())));
        events.push(five);
    }
    tell_all(&play, &events).await;
    let ends: Vec<String> = (0..120).map(|customer| end(&play, customer)).collect();
    all_end_so(
        &ends,
        "conversation: ours, closed_by_operator\n\
         ticket: solved, names its conversation, 0 notes, made by an agent",
    );
    assert_eq!(play.asked_of_jelou(Operation::Start), 120);
    assert_eq!(play.asked_of_jelou(Operation::Close), 0);
    assert!(play.parked().await.is_empty());
}
