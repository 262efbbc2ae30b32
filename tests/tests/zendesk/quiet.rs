//! The stories in quiet weather: both sides open, link, close and reopen, each told of by webhooks
//! alone. Neighbours: `weather`, where webhooks and answers get lost; `trouble`, where Zendesk says no.

use crate::{
    desk::{Account, Hook, NewTicket},
    stage::Stage,
};
use bridge_sandbox::jelou::{Jelou, Speaker};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn an_agents_ticket_gets_one_conversation_in_its_groups_queue() {
    let stage = Stage::start().await;
    let (ticket, talk) = stage.linked("(11) 8765-4321").await;
    assert!(talk.active);
    assert_eq!(talk.user, "5511987654321", "Brazil's ninth digit");
    let first = format!("Olá Ana Lima, sobre o chamado {ticket}.");
    assert_eq!(talk.initial_message, Some(first));
    let metadata = talk.metadata.expect("metadata");
    assert_eq!(metadata["ticketId"], json!(ticket.to_string()));
    let assignment = talk.assignment.expect("somebody has it").to_string();
    assert!(assignment.contains("FINANCEIRO"), "{assignment}");
    assert_eq!(stage.jelou.handle.conversations().len(), 1);
    assert_eq!(stage.parked().await, 0);
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_is_understood_however_an_agent_wrote_it() {
    let stage = Stage::start().await;
    for (written, user) in [
        ("+55 11 98765-4301", "5511987654301"),
        ("0 15 11 98765-4302", "5511987654302"),
        ("+593 98 765 4303", "593987654303"),
        ("+52 1 55 1234 5604", "525512345604"),
    ] {
        let (_, talk) = stage.linked(written).await;
        assert_eq!(talk.user, user, "{written}");
    }
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_is_put_on_later_starts_the_conversation() {
    let stage = Stage::start().await;
    let ticket = stage.zendesk.agent_creates(&NewTicket {
        name: "Ana Lima",
        phone: "+5511987650002",
        group: "Support",
        tags: &[],
    });
    stage.settle().await;
    assert!(stage.jelou.handle.conversations().is_empty());
    stage.zendesk.agent_adds_tag(ticket, "whatsapp");
    let talk = stage.conversation_of(ticket).await;
    stage.settle().await;
    assert!(talk.assignment.is_none(), "no rule for this group");
    stage.zendesk.agent_adds_tag(ticket, "vip");
    stage.settle().await;
    assert_eq!(stage.jelou.handle.conversations().len(), 1);
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_who_writes_first_gets_one_ticket_and_is_known_from_then_on() {
    let stage = Stage::start().await;
    let (jelou, user) = (&stage.jelou.handle, "5511987650003");
    jelou.add_user(user, "Davi Alves");
    let talk = jelou.customer_starts(user, "Bom dia").expect("free");
    let ticket = stage.ticket_of(&talk).await;
    stage.settle().await;
    let made = stage.zendesk.ticket(ticket);
    assert_eq!(made.subject, "WhatsApp: Davi Alves");
    assert_eq!(made.tags, ["jelou", "whatsapp"]);
    assert_eq!(made.comments[0].body, "Bom dia");
    let (name, phone, external_id) = stage.zendesk.person(made.requester);
    assert_eq!(name, "Davi Alves");
    assert_eq!(phone.as_deref(), Some("+5511987650003"));
    assert_eq!(external_id.as_deref(), Some(user));
    let bot = stage.conversation(&talk).bot;
    let cached = jelou.user_cache(&bot, user).get("ticketId").cloned();
    assert_eq!(
        cached,
        Some(json!(ticket.to_string())),
        "the bot can read it"
    );
    assert_eq!(jelou.conversations().len(), 1, "our own tag starts nothing");

    jelou.expires(&talk).expect("it goes on");
    stage.has_status(ticket, "pending").await;
    stage.settle().await;
    let again = jelou.customer_starts(user, "Still there?").expect("free");
    assert_eq!(stage.ticket_of(&again).await, ticket, "it is still open");
    stage.settle().await;
    assert_eq!(stage.zendesk.customers(), 1);
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_of_the_customer_that_is_open_already_is_taken() {
    let stage = Stage::start().await;
    let user = "5511987650004";
    let requester = stage
        .zendesk
        .adds_customer("Elisa Prado", "+5511987650004", Some(user));
    let solved = stage.zendesk.agent_creates_for(requester, "Support", &[]);
    stage.zendesk.agent_sets_status(solved, "solved");
    let open = stage.zendesk.agent_creates_for(requester, "Support", &[]);
    stage.settle().await;
    let talk = stage
        .jelou
        .handle
        .customer_starts(user, "Olá")
        .expect("free");
    assert_eq!(stage.ticket_of(&talk).await, open);
    stage.settle().await;
    assert_eq!(stage.zendesk.tickets().len(), 2);
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_solved_ticket_closes_its_conversation_with_a_goodbye() {
    let stage = Stage::start().await;
    let (ticket, talk) = stage.linked("+5511987650005").await;
    stage.zendesk.agent_sets_status(ticket, "solved");
    stage.is_over(&talk.id).await;
    stage.settle().await;
    let goodbye = stage.conversation(&talk.id).redirect_payload;
    let goodbye = goodbye.expect("a last message").to_string();
    assert!(goodbye.contains("Encerramos o chamado"), "{goodbye}");
    assert_eq!(stage.zendesk.ticket(ticket).status, "solved");
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_at_jelou_solves_the_ticket_and_the_customers_return_reopens_it() {
    let stage = Stage::start().await;
    let (ticket, talk) = stage.linked("+5511987650006").await;
    let jelou = &stage.jelou.handle;
    jelou
        .operator_closes(&talk.id, "closed_by_operator")
        .expect("it goes on");
    stage.has_status(ticket, "solved").await;
    stage.settle().await;
    let again = jelou
        .customer_starts(&talk.user, "One more thing")
        .expect("free");
    stage.has_status(ticket, "open").await;
    stage.settle().await;
    assert_eq!(stage.ticket_of(&again).await, ticket);
    assert!(stage.conversation(&again).active);
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_ticket_is_final_and_the_next_conversation_makes_one_that_names_it() {
    let stage = Stage::start().await;
    let (old, talk) = stage.linked("+5511987650007").await;
    stage.zendesk.agent_sets_status(old, "solved");
    stage.is_over(&talk.id).await;
    stage.zendesk.agent_sets_status(old, "closed");
    stage.settle().await;
    let before = stage.zendesk.ticket(old).updated_ms;
    let jelou = &stage.jelou.handle;
    let again = jelou
        .customer_starts(&talk.user, "It broke again")
        .expect("free");
    let new = stage.ticket_of(&again).await;
    stage.settle().await;
    assert_ne!(new, old);
    let first = &stage.zendesk.ticket(new).comments[0].body;
    assert!(first.contains(&old.to_string()), "{first}");
    assert_eq!(
        stage.zendesk.ticket(old).updated_ms,
        before,
        "nothing can change it"
    );
    assert_eq!(stage.parked().await, 0, "{}", stage.told().await);
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_ticket_of_a_customer_waits_and_its_agents_are_told_in_private() {
    let stage = Stage::start().await;
    let (first, talk) = stage.linked("+5511987650008").await;
    let requester = stage.zendesk.ticket(first).requester;
    let second = stage
        .zendesk
        .agent_creates_for(requester, "billing", &["whatsapp"]);
    stage
        .until("the agents are told", |_, zendesk| {
            zendesk.ticket(second).comments.len() == 2
        })
        .await;
    let told = &stage.zendesk.ticket(second).comments[1];
    assert!(!told.public, "internal notes carry public: false");
    assert_eq!(told.author, stage.zendesk.bridge_user());
    stage.settle().await;
    assert_eq!(stage.zendesk.ticket(second).external_id, None);
    stage.zendesk.agent_sets_status(first, "solved");
    stage.is_over(&talk.id).await;
    let next = stage.conversation_of(second).await;
    stage.settle().await;
    assert!(next.active);
    assert_eq!(stage.zendesk.ticket(second).comments.len(), 2, "told once");
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customers_placeholder_arrives_as_they_wrote_it_and_expands_to_nothing() {
    let stage = Stage::start().await;
    let words = "Oi {{ticket.id}} {{ticket.requester.phone}} <b>{{ticket.comments}}</b> {% now %}";
    let jelou = &stage.jelou.handle;
    jelou.add_user("5511987650009", "Eva {{ticket.id}}");
    let talk = jelou.customer_starts("5511987650009", words).expect("free");
    let ticket = stage.ticket_of(&talk).await;
    stage.settle().await;
    let made = stage.zendesk.ticket(ticket);
    let seen = |text: &str| text.replace('\u{2060}', "");
    assert_eq!(seen(&made.comments[0].body), words);
    assert_eq!(seen(&made.subject), "WhatsApp: Eva {{ticket.id}}");
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_agent_says_in_public_is_said_to_the_customer_once_and_nothing_else_is() {
    let stage = Stage::start().await;
    let (ticket, talk) = stage.linked("+5511987650010").await;
    let (_, writes) = stage.spent();
    stage
        .zendesk
        .agent_comments(ticket, "We are looking.", true);
    stage
        .zendesk
        .agent_comments(ticket, "He is a good customer.", false);
    stage.zendesk.requester_comments(ticket, "Thank you");
    let heard = |jelou: &Jelou| {
        let mut heard = jelou.spoken();
        heard.retain(|one| one.by == Speaker::Operator);
        heard
    };
    stage
        .until("the answer is said", |jelou, _| !heard(jelou).is_empty())
        .await;
    stage.settle().await;
    let heard = heard(&stage.jelou.handle);
    let words: Vec<_> = heard.iter().map(|one| &one.content["body"]).collect();
    assert_eq!(words, ["We are looking."]);
    assert_eq!(stage.spent().1, writes + 1);
    assert!(stage.conversation(&talk.id).active);
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agents_picture_reaches_the_customer_behind_the_words_though_no_webhook_names_it() {
    let stage = Stage::start().await;
    let (ticket, _) = stage.linked("+5511987650012").await;
    stage.zendesk.agent_shows(ticket, "Here it is.", "map.png");
    let heard = |jelou: &Jelou| -> Vec<String> {
        let heard = jelou.spoken().into_iter();
        let heard = heard.filter(|one| one.by == Speaker::Operator);
        heard.map(|one| one.content.to_string()).collect()
    };
    stage
        .until("both came", |jelou, _| heard(jelou).len() == 2)
        .await;
    stage.settle().await;
    let heard = heard(&stage.jelou.handle);
    assert!(heard[0].contains("Here it is."), "{heard:?}");
    assert!(
        heard[1].contains("/attachments/token/kPgFVV/?name=map.png"),
        "{heard:?}"
    );
    assert_eq!(heard.len(), 2, "once each");
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trigger_with_the_shipped_body_does_as_well() {
    let account = Account {
        hook: Hook::Trigger,
        ..Account::default()
    };
    let stage = Stage::with(account, "").await;
    let (ticket, talk) = stage.linked("(11) 98765-0011").await;
    assert_eq!(talk.user, "5511987650011");
    assert!(talk.assignment.is_some(), "the group's name is in the body");
    stage.zendesk.agent_sets_status(ticket, "solved");
    stage.is_over(&talk.id).await;
    stage.settle().await;
    let jelou = &stage.jelou.handle;
    let again = jelou
        .customer_starts(&talk.user, "Mais uma coisa")
        .expect("free");
    stage.has_status(ticket, "open").await;
    jelou
        .operator_closes(&again, "closed_by_operator")
        .expect("it goes on");
    stage.has_status(ticket, "solved").await;
    stage.settle().await;
    assert_eq!(stage.zendesk.tickets().len(), 1);
    assert_eq!(stage.parked().await, 0);
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_changes_come_back_to_us_and_cause_no_write() {
    for options in ["", "bridge_user_id = \"8447388090001\""] {
        let stage = Stage::with(Account::default(), options).await;
        assert_eq!(stage.zendesk.bridge_user(), 8_447_388_090_001);
        let (ticket, talk) = stage.linked("+5511987650012").await;
        let jelou = &stage.jelou.handle;
        jelou
            .operator_closes(&talk.id, "closed_by_operator")
            .expect("it goes on");
        stage.has_status(ticket, "solved").await;
        stage.settle().await;
        let (_, writes) = stage.spent();
        assert_eq!(
            writes,
            3,
            "start, link field, status: {}",
            stage.told().await
        );
        stage.sweep().await;
        stage.settle().await;
        assert_eq!(stage.spent().1, writes);
        stage.stop().await;
    }
}

/// Agents' comments in that: what an event tells of one names no files, so that these are listed, once.
const SAID: usize = 10;

/// Zendesk's events carry neither phone nor group, so a ticket that asks for a conversation is read
/// once; a customer who writes first has their open tickets looked for; a close and a status are never
/// sent without a look. A trigger tells whole minutes, and here all happens within one, so that many
/// of its webhooks are hints. What is beyond that is waste, and this keeps it from growing.
#[tokio::test(flavor = "multi_thread")]
async fn in_quiet_weather_hardly_more_is_read_than_written() {
    for (hook, listed, most_percent) in [(Hook::Subscription, SAID, 175), (Hook::Trigger, 0, 195)] {
        let account = Account {
            hook,
            ..Account::default()
        };
        let stage = Stage::with(account, "bridge_user_id = \"8447388090001\"").await;
        eprintln!("{hook:?}");
        let opened = opens_from_the_ticket(&stage).await;
        let calls = stage.zendesk.calls().into_iter();
        let lists = calls.filter(|call| call.method == "GET" && call.path.ends_with("/comments"));
        assert_eq!(lists.count(), listed, "each comment is listed once");
        let talks = opens_from_jelou(&stage, opened).await;
        let (calls, effects) = closes_both_ways(&stage, &talks).await;
        tell("all", calls, effects);
        assert!(
            (calls - listed) * 100 <= effects * most_percent,
            "{calls} calls for {effects} effects"
        );
        stage.stop().await;
    }
}

async fn opens_from_the_ticket(stage: &Stage) -> (usize, usize) {
    for n in 0..SAID {
        let (ticket, _) = stage.linked(&format!("+55119876510{n:02}")).await;
        stage.zendesk.agent_comments(ticket, "Hello", true);
        stage.settle().await;
    }
    since(stage, (0, 0), "ticket first")
}

async fn opens_from_jelou(stage: &Stage, before: (usize, usize)) -> Vec<(u64, String)> {
    let mut talks = Vec::new();
    for n in 0..10 {
        let user = format!("55119876520{n:02}");
        let talk = stage.jelou.handle.customer_starts(&user, "Olá");
        let talk = talk.expect("free");
        talks.push((stage.ticket_of(&talk).await, talk));
        stage.settle().await;
    }
    since(stage, before, "customer first");
    talks
}

async fn closes_both_ways(stage: &Stage, talks: &[(u64, String)]) -> (usize, usize) {
    let (from_ticket, from_jelou) = talks.split_at(talks.len() / 2);
    let before = stage.spent();
    for (ticket, talk) in from_ticket {
        stage.zendesk.agent_sets_status(*ticket, "solved");
        stage.is_over(talk).await;
        stage.settle().await;
    }
    let before = since(stage, before, "close from the ticket");
    for (ticket, talk) in from_jelou {
        let jelou = &stage.jelou.handle;
        jelou
            .operator_closes(talk, "closed_by_operator")
            .expect("it goes on");
        stage.has_status(*ticket, "solved").await;
        stage.settle().await;
    }
    since(stage, before, "close from Jelou")
}

fn since(stage: &Stage, before: (usize, usize), what: &str) -> (usize, usize) {
    let now = stage.spent();
    tell(what, now.0 - before.0, now.1 - before.1);
    now
}

fn tell(what: &str, calls: usize, effects: usize) {
    let share = f64::from(u32::try_from(calls).expect("few"))
        / f64::from(u32::try_from(effects).expect("few"));
    eprintln!("{what}: {calls} calls for {effects} effects, {share:.2} each");
}
