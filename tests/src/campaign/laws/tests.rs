//! Each law on worlds made by hand: it says nothing of a good one, and finds what is wrong.

use super::*;
use crate::campaign::{
    load::{Said, phone, user},
    said::Voice,
};
use bridge_sandbox::{helpdesk::Requester, jelou::Speaker};
use serde_json::json;

const TICKET: &str = "1001";
const TALK: &str = "69f8";

fn conversation() -> Conversation {
    Conversation {
        id: TALK.to_owned(),
        bot: String::new(),
        user: user(7),
        asked_user: None,
        room: String::new(),
        active: true,
        start_at_ms: 1_000,
        end_at_ms: None,
        ended_reason: None,
        metadata: None,
        assignment: None,
        initial_message: None,
        redirect_payload: None,
        messages: Vec::new(),
        first_reply_at_ms: None,
    }
}

fn ticket() -> Ticket {
    Ticket {
        id: TICKET.to_owned(),
        status: "open".to_owned(),
        subject: String::new(),
        description: String::new(),
        priority: String::new(),
        tags: BTreeSet::from(["jelou".to_owned()]),
        group: None,
        requester: Requester {
            id: "r1".to_owned(),
            name: None,
            phone: Some(phone(7)),
            external_id: None,
        },
        external_id: Some(TALK.to_owned()),
        fields: serde_json::Map::new(),
        assignee: None,
        created_at: String::new(),
        updated_at: String::new(),
        version: 1,
        comments_count: 0,
    }
}

fn call(operation: Operation, number: u64, body: Value) -> Call {
    Call {
        number,
        at_ms: 1_000 * i64::try_from(number).unwrap(),
        operation,
        method: "POST".to_owned(),
        path: format!("/api/tickets/{TICKET}/comments"),
        body,
        headers: Vec::new(),
        idempotency_key: None,
        performed: true,
        status: Some(201),
        took_ms: Some(10),
    }
}

fn create(number: u64) -> Call {
    let body = json!({"ticket": {"external_id": TALK}});
    call(Operation::CreateTicket, number, body)
}

fn entry(words: &str) -> String {
    format!("Customer 7, 2026-11-22 15:00:00 UTC:\n{words}")
}

fn comment(id: u64, body: &str, public: bool) -> Comment {
    Comment {
        id: id.to_string(),
        body: body.to_owned(),
        public,
        author: Role::Bridge,
        created_at: String::new(),
        attachments: Vec::new(),
    }
}

fn spoken(body: &str, to: usize) -> Spoken {
    Spoken {
        id: "msg".to_owned(),
        given_id: None,
        conversation: None,
        bot: String::new(),
        user: user(to),
        by: Speaker::Operator,
        kind: "text".to_owned(),
        content: json!({"body": body}),
        at_ms: 0,
        arrived: true,
    }
}

fn intent(operation: &str, flagged: bool) -> Planned {
    Planned {
        ticket: TICKET.to_owned(),
        operation: operation.to_owned(),
        flagged,
    }
}

fn said(voice: Voice, nth: usize) -> Said {
    let by_customer = voice == Voice::Customer;
    Said {
        words: voice.words(7, nth),
        place: if by_customer { TALK } else { TICKET }.to_owned(),
        comment: (!by_customer).then(|| format!("90{nth:02}")),
    }
}

/// A customer wrote twice, the agents answered once and talked about it; all of it came over.
fn good(manner: &str) -> Worlds {
    let words = [
        said(Voice::Customer, 1),
        said(Voice::Customer, 2),
        said(Voice::Agent, 3),
        said(Voice::Inside, 4),
    ];
    let entries = words.iter().take(2).zip(1..);
    let entries = entries.map(|(said, id)| comment(id, &entry(&said.words), true));
    Worlds {
        manner: Manner::named(manner).unwrap(),
        faults: Vec::new(),
        conversations: vec![conversation()],
        spoken: vec![spoken(&Voice::Agent.words(7, 3), 7)],
        tickets: vec![(ticket(), entries.collect())],
        calls: vec![create(1)],
        jelou_calls: Vec::new(),
        known: [Known::default(), Known::default()],
        links: vec![
            json!({"ticket": TICKET, "conversation": TALK, "state": "linked", "created_at": "2026-11-22T15:00:00Z"}),
        ],
        made: BTreeMap::new(),
        intents: vec![intent("comment", false), intent("comment", false)],
        asked: Vec::new(),
        told: Told {
            said: words.into(),
            ..Told::default()
        },
    }
}

impl Worlds {
    fn comments(&mut self) -> &mut Vec<Comment> {
        &mut self.tickets.first_mut().unwrap().1
    }
}

fn finds(worlds: &Worlds, what: &str) {
    let all = broken(worlds);
    assert!(all.iter().any(|law| law.contains(what)), "{what}: {all:?}");
}

fn holds(worlds: &Worlds) {
    assert_eq!(broken(worlds), [""; 0]);
}

/// What was sent again, and flagged; the first call was cut where this says so.
fn sent_again(manner: &str, operation: Operation, cut: bool) -> Worlds {
    let mut worlds = good(manner);
    worlds.faults = vec![Fault::at(if cut { 2_005 } else { 50_000 })];
    let (kind, body) = match operation {
        Operation::AgentMessage => {
            let words = Voice::Agent.words(7, 3);
            worlds.spoken.push(spoken(&words, 7));
            ("message", json!({"value": {"content": {"body": words}}}))
        }
        Operation::AddComment => {
            let text = entry(&Voice::Customer.words(7, 2));
            worlds.comments().push(comment(3, &text, true));
            ("comment", json!({"comment": {"body": text}}))
        }
        _ => {
            let mut second = ticket();
            second.id = "1002".to_owned();
            worlds.tickets.push((second, Vec::new()));
            worlds.calls = vec![create(2), create(3)];
            return worlds;
        }
    };
    let twice = [2, 3].map(|number| call(operation, number, body.clone()));
    match operation {
        Operation::AgentMessage => worlds.jelou_calls.extend(twice),
        _ => worlds.calls.extend(twice),
    }
    worlds.intents.push(intent(kind, true));
    if kind == "comment" {
        worlds.intents.pop();
        worlds.intents.pop();
        worlds.intents.push(intent(kind, true));
    }
    worlds
}

#[test]
fn of_a_good_world_no_law_says_anything() {
    for manner in Manner::ALL {
        let mut worlds = good(&manner.to_string());
        if let Some(create) = worlds.calls.first_mut() {
            create.idempotency_key = (manner.offers == Offers::Key).then(|| "key".to_owned());
        }
        holds(&worlds);
    }
}

#[test]
fn words_that_never_come_are_found_unless_somebody_was_told() {
    let mut worlds = good("lookup-hold");
    worlds.comments().pop();
    finds(&worlds, "1 messages to the tickets never came");
    worlds.asked.push(Asked {
        operation: "comment".to_owned(),
        ticket: Some(TICKET.to_owned()),
        stopped: false,
    });
    worlds.faults = vec![Fault::at(1_005)];
    holds(&worlds);

    let mut worlds = good("lookup-retry");
    worlds.spoken.clear();
    finds(&worlds, "1 messages to the customers never came");
    let note = "The customer did not get a comment of this ticket. (comment 9003)";
    worlds.comments().push(comment(9, note, false));
    worlds.intents.push(intent("note", false));
    holds(&worlds);
    worlds.spoken.push(spoken(&Voice::Agent.words(7, 3), 7));
    finds(&worlds, "although the ticket says that they did not");
}

#[test]
fn what_an_agent_said_before_the_link_goes_nowhere_and_what_was_said_after_does_not() {
    let mut worlds = good("lookup-retry");
    worlds.spoken.clear();
    let mut own = comment(9003, &Voice::Agent.words(7, 3), true);
    own.author = Role::Agent;
    own.created_at = "2026-11-22T15:00:05Z".to_owned();
    worlds.comments().push(own);
    let made = |worlds: &mut Worlds, at: &str| {
        let link = worlds.links.first_mut().unwrap().as_object_mut().unwrap();
        link.insert("created_at".to_owned(), json!(at));
    };
    made(&mut worlds, "2026-11-22T15:00:00Z");
    finds(&worlds, "1 messages to the customers never came");
    made(&mut worlds, "2026-11-22T15:00:10Z");
    holds(&worlds);
    assert_eq!(said_before(&worlds), 1);
}

#[test]
fn words_that_were_judged_by_a_clock_ahead_count_as_older_and_those_of_after_it_was_set_back_do_not()
 {
    let mut worlds = good("lookup-retry");
    worlds.spoken.clear();
    let mut own = comment(9003, &Voice::Agent.words(7, 3), true);
    own.author = Role::Agent;
    own.created_at = "2026-11-22T15:00:05Z".to_owned();
    worlds.comments().push(own);
    let ahead = "2026-11-22T16:00:01Z".to_owned();
    worlds.made = BTreeMap::from([(TICKET.to_owned(), ahead)]);
    let set_back = |worlds: &mut Worlds, at: &str| {
        let at: jiff::Timestamp = at.parse().unwrap();
        worlds.faults = vec![Fault::at(at.as_millisecond())];
    };
    set_back(&mut worlds, "2026-11-22T15:00:07Z");
    holds(&worlds);
    assert_eq!(said_before(&worlds), 1);
    set_back(&mut worlds, "2026-11-22T15:00:04Z");
    finds(&worlds, "1 messages to the customers never came");
}

/// An agent made a second ticket for the customer, set it to pending and wrote to them on it. No Link of it
/// is there, and the customer is in no conversation any more.
fn forgotten() -> Worlds {
    let mut worlds = good("lookup-retry");
    let own = |mut comment: Comment| {
        comment.author = Role::Agent;
        comment.created_at = "2026-11-22T15:00:05Z".to_owned();
        comment
    };
    let words = Voice::Agent.words(7, 5);
    let second = Ticket {
        id: "1002".to_owned(),
        status: "pending".to_owned(),
        tags: BTreeSet::from(["whatsapp".to_owned()]),
        external_id: None,
        ..ticket()
    };
    let said_on_it = own(comment(9005, &words, true));
    worlds.tickets.push((second, vec![said_on_it]));
    worlds.told.said.push(Said {
        words,
        place: "1002".to_owned(),
        comment: Some("9005".to_owned()),
    });
    worlds.told.opened.insert("1002".to_owned(), user(7));
    worlds.told.touched.insert("1002".to_owned());
    worlds.conversations.first_mut().unwrap().active = false;
    worlds
}

const FORGOTTEN: [&str; 2] = [
    "1 messages to the customers never came: c00000007 k000005",
    "ticket 1002 never got a conversation",
];

#[test]
fn a_ticket_that_was_set_to_anything_but_solved_is_not_forgotten_with_its_words() {
    let mut worlds = forgotten();
    assert_eq!(broken(&worlds), FORGOTTEN);
    worlds.told.solved.insert("1002".to_owned());
    holds(&worlds);
    assert_eq!(said_before(&worlds), 1);
}

#[test]
fn a_busy_customer_is_no_excuse_for_a_ticket_that_does_not_wait_for_them() {
    let mut worlds = forgotten();
    worlds.conversations.first_mut().unwrap().active = true;
    assert_eq!(broken(&worlds), FORGOTTEN);
    let link =
        json!({"ticket": "1002", "state": "waiting_busy", "created_at": "2026-11-22T15:00:00Z"});
    worlds.links.push(link);
    let told =
        "The customer is in another conversation. One for this ticket starts when that ends.";
    let (_, comments) = worlds.tickets.last_mut().unwrap();
    comments.push(comment(9, told, false));
    let note = Planned {
        ticket: "1002".to_owned(),
        ..intent("note", false)
    };
    worlds.intents.push(note);
    holds(&worlds);
    // Nobody is in a conversation any more, and it waits all the same.
    worlds.conversations.first_mut().unwrap().active = false;
    finds(&worlds, "ticket 1002 never got a conversation");
}

#[test]
fn words_in_another_order_are_found() {
    let mut worlds = good("lookup-retry");
    let comments = worlds.comments();
    comments.reverse();
    for (comment, id) in comments.iter_mut().zip(1..) {
        comment.id = i32::to_string(&id);
    }
    finds(&worlds, "stand behind later ones");
}

#[test]
fn words_for_agents_or_for_another_customer_are_found_with_a_customer() {
    for (words, what) in [
        (
            Voice::Inside.words(7, 4),
            "what agents say among themselves",
        ),
        (Voice::Agent.words(8, 3), "another's words"),
        ("Olá".to_owned(), "what nobody said"),
    ] {
        let mut worlds = good("lookup-retry");
        worlds.spoken.push(spoken(&words, 7));
        finds(&worlds, what);
    }
}

#[test]
fn another_customers_words_are_found_on_a_ticket() {
    let mut worlds = good("lookup-retry");
    let words = entry(&Voice::Customer.words(8, 5));
    worlds.comments().push(comment(3, &words, true));
    worlds.intents.push(intent("comment", false));
    finds(&worlds, "ticket 1001 got c00000008");
}

#[test]
fn what_is_done_twice_is_found_where_anything_tells_of_the_first() {
    for (operation, what) in [
        (Operation::AddComment, "entries of ours"),
        (Operation::CreateTicket, "got 2 tickets"),
    ] {
        for manner in Manner::ALL {
            let manner = manner.to_string();
            let mut worlds = sent_again(&manner, operation, true);
            if manner.starts_with("key") {
                for (create, key) in worlds.calls.iter_mut().zip(["one", "other"]) {
                    create.idempotency_key = Some(key.to_owned());
                }
            }
            match manner.as_str() {
                "nothing-retry" => holds(&worlds),
                _ => finds(&worlds, what),
            }
        }
    }
    let messages = |manner| sent_again(manner, Operation::AgentMessage, true);
    holds(&messages("lookup-retry"));
    finds(&messages("lookup-hold"), "came once too often");
}

#[test]
fn what_is_done_twice_is_found_where_the_first_was_not_cut() {
    for (operation, what) in [
        (Operation::AddComment, "entries of ours"),
        (Operation::CreateTicket, "got 2 tickets"),
        (Operation::AgentMessage, "came once too often"),
    ] {
        finds(&sent_again("nothing-retry", operation, false), what);
    }
}

#[test]
fn what_is_done_twice_is_found_where_it_is_not_flagged() {
    for operation in [Operation::AddComment, Operation::AgentMessage] {
        let mut worlds = sent_again("nothing-retry", operation, true);
        for intent in &mut worlds.intents {
            intent.flagged = false;
        }
        finds(&worlds, "flagged");
    }
}

#[test]
fn a_person_who_is_asked_about_what_was_not_cut_is_found() {
    let asked = |stopped| Asked {
        operation: "note".to_owned(),
        ticket: Some(TICKET.to_owned()),
        stopped,
    };
    let one = "a person was asked about 1 writes, and 0 can have been cut";
    let mut worlds = good("lookup-hold");
    worlds.asked.push(asked(false));
    finds(&worlds, one);
    // Nothing ended that could have stopped it.
    worlds.asked = vec![asked(true)];
    finds(&worlds, one);
    worlds.faults = vec![Fault::at(1)];
    holds(&worlds);
}

/// Comments that were sent again after a kill: so many while the call was under way, and so many a third of a
/// second after its answer.
fn sent_twice(soon: i64, late: i64) -> Worlds {
    let mut worlds = good("nothing-retry");
    let met = (1..=soon + late).map(|n| 10_000 * n + if n <= soon { 5 } else { 343 });
    worlds.faults = met.map(Fault::at).collect();
    worlds.calls = (1..=u64::try_from(soon + late).unwrap())
        .flat_map(|n| {
            let said = json!({"comment": {"body": format!("words {n}")}});
            [10 * n, 10 * n + 5].map(|number| call(Operation::AddComment, number, said.clone()))
        })
        .collect();
    worlds
}

#[test]
fn a_program_that_keeps_its_answers_late_is_found_and_a_slow_machine_is_not() {
    for (soon, late) in [(0, 1), (20, 2), (20, 11)] {
        assert_eq!(answers_are_kept_at_once(&sent_twice(soon, late)), None);
    }
    for (soon, late) in [(0, 2), (20, 12), (20, 60)] {
        let found = answers_are_kept_at_once(&sent_twice(soon, late)).unwrap_or_default();
        let wanted = format!("{late} things were done again although");
        assert!(found.starts_with(&wanted), "{found}");
    }
}
