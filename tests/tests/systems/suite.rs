//! The stories that every ticketing system is played with, told once, and what each rests on. Neighbours:
//! `lost`, those in which something does not arrive; `desk`, what they mean on each system; `table`, which
//! holds the manual to what the run did.

mod lost;

use crate::{
    desk::Seen,
    live::tried_live_its_profile_holds,
    stage::{PATIENCE, Stage},
};
use bridge_core::{call::Resolve, effect::Operation};
use bridge_sandbox::jelou::{Conversation, CustomerFile, Speaker, Spoken};
use bytes::Bytes;
use lost::{
    a_close_that_jelou_did_not_tell_the_sweep_finds, a_create_whose_answer_is_cut_makes_one_ticket,
    a_create_whose_webhook_nobody_takes_makes_one_ticket,
    what_an_agent_did_while_a_creates_answer_was_lost_stays,
    what_happened_while_the_system_was_down_is_made_good, what_no_webhook_told_the_sweep_finds,
};
use serde_json::json;
use std::{future::Future, pin::Pin};
use ticketing_adapter::profile::Profile;
use tokio::time::Instant;

type Playing<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// One story, and what a system must be able to do for it.
pub struct Story {
    /// What people call it, which is its promise: a row of the manual's table.
    pub title: &'static str,
    /// Plays it.
    pub play: for<'a> fn(&'a Stage) -> Playing<'a>,
    needs: &'static [Need],
}

/// What a story rests on. The system's profile says whether it is there: one that gains it is played.
#[derive(Clone, Copy)]
enum Need {
    /// An operation, by its key in `[operations]`.
    Operation(&'static str),
    /// Something that tells whether a ticket was made, when no answer comes.
    CreateIsFound,
}

impl Story {
    /// Why a system with this profile cannot play it, in the profile's own words.
    pub fn lacked_by(&self, profile: &Profile) -> Option<String> {
        self.needs.iter().find_map(|need| need.lacked_by(profile))
    }
}

impl Need {
    fn lacked_by(self, profile: &Profile) -> Option<String> {
        match self {
            Self::Operation(name) => {
                let all = profile.review().operations;
                let of = all.into_iter().find(|of| of.name == name);
                let of = of.expect("an operation of the language");
                (!of.is_there).then_some(of.about)
            }
            Self::CreateIsFound => (profile.resolve(Operation::Create) == Resolve::None)
                .then(|| "nobody can ask whether it was made: it waits for a person".to_owned()),
        }
    }
}

macro_rules! story {
    ($name:ident, $title:literal) => {
        story!($name, $title, [])
    };
    ($name:ident, $title:literal, $needs:expr) => {
        Story {
            title: $title,
            play: |stage| Box::pin($name(stage)),
            needs: &$needs,
        }
    };
}

const GET: Need = Need::Operation("get");
const COMMENT: Need = Need::Operation("comment");
const ATTACH: Need = Need::Operation("attach");
const SET_STATUS: Need = Need::Operation("set_status");
const FIND_OPEN: Need = Need::Operation("find_open_by_requester");
const CHANGED_SINCE: Need = Need::Operation("changed_since");

/// All of them, on one system each, because a start takes seconds.
pub const STORIES: &[Story] = &[
    story!(
        an_agents_ticket_gets_its_conversation,
        "an agent's ticket gets its conversation",
        [GET]
    ),
    story!(
        a_customer_who_writes_first_gets_one_ticket,
        "a customer who writes first gets one ticket"
    ),
    story!(
        an_agents_reply_reaches_the_customer_and_an_internal_note_does_not,
        "an agent's reply reaches the customer, and an internal note does not",
        [GET]
    ),
    story!(
        what_a_customer_writes_is_on_the_ticket_and_does_not_come_back,
        "what a customer writes is on the ticket, and does not come back",
        [COMMENT]
    ),
    story!(
        a_customers_picture_hangs_on_the_ticket,
        "a customer's picture hangs on the ticket",
        [ATTACH]
    ),
    story!(
        a_resolved_ticket_closes_its_conversation_and_reopened_gets_the_next,
        "a resolved ticket closes its conversation, and reopened it gets the next",
        [GET]
    ),
    story!(
        a_close_at_jelou_resolves_the_ticket_and_the_customers_return_reopens_it,
        "a close at Jelou resolves the ticket, and the customer's return reopens it",
        [SET_STATUS]
    ),
    story!(
        an_open_ticket_of_the_customer_is_found_and_taken,
        "an open ticket of the customer is found and taken",
        [FIND_OPEN]
    ),
    story!(
        the_second_ticket_of_a_customer_waits_its_turn,
        "the second ticket of a customer waits its turn",
        [GET]
    ),
    story!(
        what_no_webhook_told_the_sweep_finds,
        "what no webhook told, the sweep finds",
        [CHANGED_SINCE]
    ),
    story!(
        a_close_that_jelou_did_not_tell_the_sweep_finds,
        "a close that Jelou did not tell, the sweep finds",
        [SET_STATUS]
    ),
    story!(
        a_create_whose_answer_is_cut_makes_one_ticket,
        "a create whose answer is cut off makes one ticket",
        [Need::CreateIsFound]
    ),
    story!(
        what_an_agent_did_while_a_creates_answer_was_lost_stays,
        "what an agent did while a create's answer was lost stays",
        [Need::CreateIsFound]
    ),
    story!(
        a_create_whose_webhook_nobody_takes_makes_one_ticket,
        "a create whose webhook nobody takes makes one ticket"
    ),
    story!(
        what_happened_while_the_system_was_down_is_made_good,
        "what happened while the system was down is made good",
        [SET_STATUS]
    ),
    story!(
        tried_live_its_profile_holds,
        "`profile check --live` finds that its profile holds"
    ),
];

/// An agent's ticket for a customer, with its conversation.
pub struct Linked {
    /// The ticket.
    pub ticket: String,
    /// The conversation.
    pub conversation: String,
}

/// An agent makes a ticket, and it gets its conversation.
pub async fn linked(stage: &Stage, user: &str) -> Linked {
    let ticket = stage.desk.opens(user, "An order").await;
    let conversation = conversation_of(stage, &ticket, None).await;
    stage.settle().await;
    Linked {
        ticket,
        conversation,
    }
}

/// Waits for a conversation in a ticket's link field, another than this.
async fn conversation_of(stage: &Stage, ticket: &str, before: Option<&str>) -> String {
    let another = |seen: &Seen| {
        let names = seen.conversation.as_deref();
        names.is_some() && names != before
    };
    let seen = stage
        .until_ticket(ticket, "names its next conversation", another)
        .await;
    seen.conversation.expect("it names one")
}

fn at_jelou(stage: &Stage, conversation: &str) -> Conversation {
    let found = stage.jelou.handle.conversation(conversation);
    found.expect("Jelou has this conversation")
}

/// Waits until a conversation has ended.
pub async fn is_over(stage: &Stage, conversation: &str) {
    let what = format!("conversation {conversation} is over");
    stage
        .until_jelou(&what, |jelou| {
            jelou.conversation(conversation).is_some_and(|c| !c.active)
        })
        .await;
}

async fn has_status(stage: &Stage, ticket: &str, status: &str) {
    let what = format!("is {status}");
    stage
        .until_ticket(ticket, &what, |seen| seen.status == status)
        .await;
}

/// The only ticket that names a conversation.
async fn ticket_of(stage: &Stage, conversation: &str) -> String {
    let give_up = Instant::now() + PATIENCE;
    loop {
        let mut found = stage.desk.tickets().await;
        found.retain(|seen| seen.conversation.as_deref() == Some(conversation));
        assert!(found.len() <= 1, "one conversation, one ticket: {found:?}");
        if let Some(ticket) = found.first() {
            return ticket.id.clone();
        }
        let what = format!("conversation {conversation} has a ticket");
        stage.patient(&what, give_up).await;
    }
}

async fn until_said(stage: &Stage, ticket: &str, words: &str) {
    let give_up = Instant::now() + PATIENCE;
    let said = |texts: Vec<String>| texts.iter().any(|text| text.ends_with(words));
    while !said(stage.desk.reads(ticket).await) {
        let what = format!("ticket {ticket} says {words:?}");
        stage.patient(&what, give_up).await;
    }
}

/// What a customer got from agents, in order.
fn heard(stage: &Stage, user: &str) -> Vec<String> {
    let by_agents = |spoken: &Spoken| spoken.by == Speaker::Operator;
    let all = stage.jelou.handle.heard_by(user).into_iter();
    let words = |spoken: Spoken| match spoken.content["body"].as_str() {
        Some(words) => words.to_owned(),
        None => spoken.content.to_string(),
    };
    all.filter(by_agents).map(words).collect()
}

async fn has_heard(stage: &Stage, user: &str, many: usize) {
    let give_up = Instant::now() + PATIENCE;
    while heard(stage, user).len() < many {
        let what = format!("customer {user} got {many} messages");
        stage.patient(&what, give_up).await;
    }
}

fn by_an_operator(stage: &Stage, conversation: &str) {
    let jelou = &stage.jelou.handle;
    let closed = jelou.operator_closes(conversation, "closed_by_operator");
    closed.expect("it goes on");
}

async fn an_agents_ticket_gets_its_conversation(stage: &Stage) {
    let user = "5511987650101";
    let Linked {
        ticket,
        conversation,
    } = linked(stage, user).await;
    let talk = at_jelou(stage, &conversation);
    assert!(talk.active);
    assert_eq!(talk.user, user);
    let words = format!("Olá, sobre o chamado {ticket}.");
    assert_eq!(talk.initial_message, Some(words));
    let metadata = talk.metadata.expect("metadata");
    assert_eq!(metadata["ticketId"], json!(ticket));
    let of_ticket = stage.jelou.handle.conversations_of_ticket(&ticket);
    assert_eq!(of_ticket.len(), 1);
}

async fn a_customer_who_writes_first_gets_one_ticket(stage: &Stage) {
    let user = "5511987650102";
    let jelou = &stage.jelou.handle;
    jelou.add_user(user, "Davi Alves");
    let first = jelou.customer_starts(user, "Bom dia").expect("free");
    let ticket = ticket_of(stage, &first).await;
    stage.settle().await;
    assert_eq!(ticket_of(stage, &first).await, ticket);
    let bot = at_jelou(stage, &first).bot;
    let cached = jelou.user_cache(&bot, user).get("ticketId").cloned();
    assert_eq!(cached, Some(json!(ticket)), "the bot can read it");
}

async fn an_agents_reply_reaches_the_customer_and_an_internal_note_does_not(stage: &Stage) {
    let user = "5511987650103";
    let Linked { ticket, .. } = linked(stage, user).await;
    stage.desk.replies(&ticket, "Olá 🙂, tudo bem?", None).await;
    stage.desk.comments(&ticket, "He is angry.").await;
    stage.desk.replies(&ticket, "Já resolvo.", None).await;
    has_heard(stage, user, 2).await;
    stage.settle().await;
    assert_eq!(heard(stage, user), ["Olá 🙂, tudo bem?", "Já resolvo."]);

    // Later, when all that the bridge did to the ticket itself is known: nothing moves but the words.
    stage.desk.replies(&ticket, "Pronto!", None).await;
    has_heard(stage, user, 3).await;
    stage.settle().await;
    assert_eq!(
        heard(stage, user).last().map(String::as_str),
        Some("Pronto!")
    );
}

/// Words that a system may take for a template of its own stay words.
async fn what_a_customer_writes_is_on_the_ticket_and_does_not_come_back(stage: &Stage) {
    let user = "5511987650104";
    let jelou = &stage.jelou.handle;
    jelou.add_user(user, "Rita Melo");
    let conversation = jelou.customer_starts(user, "Bom dia").expect("free");
    let ticket = ticket_of(stage, &conversation).await;
    for words in [
        "Comprei ontem; não liga",
        "{# oi #} {{ ticket.title }} {% if %} #1 <b>",
    ] {
        jelou
            .customer_writes(&conversation, words)
            .expect("it goes on");
        until_said(stage, &ticket, words).await;
    }
    stage.settle().await;
    assert!(heard(stage, user).is_empty(), "{:?}", heard(stage, user));
    assert!(at_jelou(stage, &conversation).active);
}

async fn a_customers_picture_hangs_on_the_ticket(stage: &Stage) {
    let user = "5511987650105";
    let Linked {
        ticket,
        conversation,
    } = linked(stage, user).await;
    // Every byte there is: none may be taken for a text, a line's end or a sign of some alphabet.
    let bytes: Vec<u8> = b"\x89PNG\r\n\x1a\n"
        .iter()
        .copied()
        .chain(0..=255)
        .collect();
    let picture = CustomerFile {
        kind: "image".to_owned(),
        mime_type: "image/png".to_owned(),
        name: "foto.png".to_owned(),
        caption: Some("Veja".to_owned()),
        bytes: Bytes::from(bytes.clone()),
    };
    let jelou = &stage.jelou.handle;
    jelou
        .customer_sends_file(&conversation, picture)
        .expect("sent");
    let give_up = Instant::now() + PATIENCE;
    while stage.desk.files(&ticket).await.is_empty() {
        let what = format!("a file hangs on ticket {ticket}");
        stage.patient(&what, give_up).await;
    }
    stage.settle().await;
    let files = stage.desk.files(&ticket).await;
    let [(_, kind, held)] = &files[..] else {
        panic!("{} files", files.len());
    };
    assert_eq!((kind.as_str(), held), ("image/png", &bytes));
    assert!(heard(stage, user).is_empty(), "{:?}", heard(stage, user));
}

async fn a_resolved_ticket_closes_its_conversation_and_reopened_gets_the_next(stage: &Stage) {
    let first = linked(stage, "5511987650106").await;
    stage
        .desk
        .sets_status(&first.ticket, stage.desk.solved())
        .await;
    is_over(stage, &first.conversation).await;
    stage.settle().await;
    let goodbye = at_jelou(stage, &first.conversation).redirect_payload;
    let goodbye = goodbye.expect("a last message").to_string();
    assert!(goodbye.contains("Encerramos o chamado"), "{goodbye}");

    let open = stage.desk.open_again();
    stage.desk.sets_status(&first.ticket, open).await;
    let second = conversation_of(stage, &first.ticket, Some(&first.conversation)).await;
    stage.settle().await;
    assert!(at_jelou(stage, &second).active);
    let of_ticket = stage.jelou.handle.conversations_of_ticket(&first.ticket);
    assert_eq!(of_ticket.len(), 2, "one conversation a time");
}

async fn a_close_at_jelou_resolves_the_ticket_and_the_customers_return_reopens_it(stage: &Stage) {
    let user = "5511987650107";
    let linked = linked(stage, user).await;
    by_an_operator(stage, &linked.conversation);
    has_status(stage, &linked.ticket, stage.desk.solved()).await;
    stage.settle().await;

    let jelou = &stage.jelou.handle;
    let again = jelou.customer_starts(user, "One more thing").expect("free");
    has_status(stage, &linked.ticket, stage.desk.open_again()).await;
    stage.settle().await;
    assert_eq!(ticket_of(stage, &again).await, linked.ticket);
    assert!(at_jelou(stage, &again).active);
}

/// A ticket that came by mail has no conversation, until its customer writes on WhatsApp.
async fn an_open_ticket_of_the_customer_is_found_and_taken(stage: &Stage) {
    let user = "5511987650117";
    let ticket = stage.desk.opens(user, "[mail] A question").await;
    stage.settle().await;
    assert_eq!(stage.desk.sees(&ticket).await.conversation, None);
    stage.lists_know().await;
    let before = stage.desk.tickets().await.len();
    let jelou = &stage.jelou.handle;
    jelou.add_user(user, "Elisa Prado");
    let conversation = jelou.customer_starts(user, "Olá").expect("free");
    let named = conversation_of(stage, &ticket, None).await;
    assert_eq!(named, conversation);
    stage.settle().await;
    assert_eq!(stage.desk.tickets().await.len(), before, "no second one");
}

async fn the_second_ticket_of_a_customer_waits_its_turn(stage: &Stage) {
    let user = "5511987650108";
    let first = linked(stage, user).await;
    let second = stage.desk.opens(user, "A second order").await;
    let give_up = Instant::now() + PATIENCE;
    while stage.desk.notes_by_bridge(&second).await == 0 {
        let what = format!("the agents are told on ticket {second}");
        stage.patient(&what, give_up).await;
    }
    stage.settle().await;
    assert_eq!(stage.desk.sees(&second).await.conversation, None);

    stage
        .desk
        .sets_status(&first.ticket, stage.desk.solved())
        .await;
    is_over(stage, &first.conversation).await;
    let next = conversation_of(stage, &second, None).await;
    stage.settle().await;
    assert!(at_jelou(stage, &next).active);
    assert_eq!(stage.desk.notes_by_bridge(&second).await, 1);
}
