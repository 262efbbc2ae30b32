//! A customer whom free words do not reach gets a template: once after their last words, whatever
//! comes, and the agent is told. Neighbour: saying, for words that do reach them.

use super::world::{ANA, World, faults::Fault};
use bridge_core::{
    effect::Operation,
    ids::{ConversationId, TicketId},
    intent::IntentState,
    lane::{OnUnknown, Order, Outcome},
};
use serde_json::{Value, json};
use std::time::Duration;

fn rules(without_conversation: &str) -> Value {
    json!({
        "conversation": {"comment_without_conversation": without_conversation},
        "template": {
            "name": "ticket_update",
            "language": "pt_BR",
            "parameters": ["{{ ticket.requester.name }}", "{{ ticket.id }}\n"],
        },
    })
}

impl World {
    /// A customer who wrote, and then was silent for more than a day.
    fn silent_customer() -> (Self, ConversationId, TicketId) {
        let mut w = Self::with(&rules("note"));
        let (talk, ticket) = w.linked_from_conversation();
        w.customer_writes(&talk, "m1");
        w.hours(25);
        (w, talk, ticket)
    }
}

#[test]
fn a_silent_customer_gets_the_template_once_and_the_ticket_says_so() {
    let (mut w, talk, ticket) = World::silent_customer();
    for comment in ["k1", "k2", "k3"] {
        w.agent_says(&ticket, comment, "ainda precisa?");
        w.settle();
        assert_eq!(w.outcome(comment), Some(Outcome::Window), "{}", w.tale());
    }
    assert!(w.heard(&talk).is_empty());
    assert_eq!(w.jelou.templates.len(), 1, "{}", w.tale());
    let sent = &w.jelou.templates[0].template;
    assert_eq!(
        (sent.name.as_str(), sent.language.as_str()),
        ("ticket_update", "pt_BR")
    );
    assert_eq!(sent.parameters[1].reveal(), ticket.as_str());
    let notes = w.notes(&ticket);
    assert_eq!(notes.len(), 3);
    assert!(
        notes[0].contains("template ticket_update goes"),
        "{}",
        notes[0]
    );
    assert!(notes[1].contains("went to them already"), "{}", notes[1]);
}

#[test]
fn who_answers_and_is_silent_again_gets_another() {
    let (mut w, talk, ticket) = World::silent_customer();
    w.agent_says(&ticket, "k1", "um");
    w.settle();
    w.customer_writes(&talk, "m2");
    w.agent_says(&ticket, "k2", "dois");
    w.settle();
    assert_eq!(w.heard(&talk), ["dois"], "{}", w.tale());
    w.hours(25);
    w.agent_says(&ticket, "k3", "três");
    w.settle();
    assert_eq!(w.jelou.templates.len(), 2, "{}", w.tale());
}

#[test]
fn where_no_conversation_is_open_it_goes_too_if_the_operator_says_so() {
    for (word, templates) in [("note", 0), ("template", 1)] {
        let mut w = World::with(&rules(word));
        let (ticket, talk) = w.linked_from_ticket();
        w.ends(&talk, "expired");
        w.settle();
        for comment in ["k1", "k2"] {
            w.agent_says(&ticket, comment, "ainda?");
            w.settle();
            assert_eq!(w.outcome(comment), Some(Outcome::NoConversation));
        }
        assert_eq!(w.jelou.templates.len(), templates, "{}", w.tale());
        assert_eq!(w.notes(&ticket).len(), 2);
        assert_eq!(w.talks().len(), 1);
    }
}

#[test]
fn two_tickets_of_one_customer_knock_once() {
    let mut w = World::with(&rules("template"));
    let (first, talk) = w.linked_from_ticket();
    w.ends(&talk, "expired");
    w.settle();
    let second = w.agent_asks();
    w.settle();
    let talk = w.talk_of(&second).unwrap().conversation.id.clone();
    w.ends(&talk, "expired");
    w.settle();
    for ticket in [&first, &second] {
        w.agent_says(ticket, &format!("k{ticket}"), "ainda?");
        w.settle();
    }
    assert_eq!(w.jelou.templates.len(), 1, "{}", w.tale());
}

#[test]
fn a_template_that_jelou_refuses_waits_for_a_person_and_the_ticket_is_told() {
    let (mut w, _, ticket) = World::silent_customer();
    w.jelou.no_templates = true;
    w.agent_says(&ticket, "k1", "um");
    w.settle();
    assert_eq!(w.parked_for(), ["refused"], "{}", w.tale());
    let told = |note: &String| note.contains("was not sent: Jelou refused it");
    assert!(w.notes(&ticket).iter().any(told), "{}", w.tale());
    w.jelou.no_templates = false;
    let intent = w.parked().remove(0).id;
    w.order(Order::Retry { intent });
    w.settle();
    assert_eq!(w.jelou.templates.len(), 1, "{}", w.tale());
}

#[test]
fn an_answer_that_is_lost_sends_no_second_one_unless_the_operator_says_so() {
    for (on_unknown, sent) in [(OnUnknown::Hold, 1), (OnUnknown::Retry, 2)] {
        let (mut w, _, ticket) = World::silent_customer();
        w.limits.on_unknown = on_unknown;
        w.faults.next("template", Fault::DoThenCut);
        w.agent_says(&ticket, "k1", "um");
        w.settle();
        assert_eq!(w.jelou.templates.len(), sent, "{}", w.tale());
        let template = w.intents(Operation::Template).remove(0);
        let held = template.state == IntentState::Parked;
        assert_eq!((held, template.possible_duplicate), (sent == 1, sent == 2));
    }
}

#[test]
fn who_writes_before_it_goes_out_gets_none() {
    let (mut w, talk, ticket) = World::silent_customer();
    w.faults.next("template", Fault::Later(Some(600)));
    w.agent_says(&ticket, "k1", "um");
    w.pass(Duration::from_secs(5));
    w.customer_writes(&talk, "m2");
    w.settle();
    assert!(w.jelou.templates.is_empty(), "{}", w.tale());
}

#[test]
fn a_crash_between_the_call_and_its_answer_sends_no_second_one() {
    let (mut w, _, ticket) = World::silent_customer();
    w.faults.next("template", Fault::CrashAfter);
    w.agent_says(&ticket, "k1", "um");
    w.settle();
    assert_eq!(w.jelou.templates.len(), 1, "{}", w.tale());
}

/// Found by history 4078146: the lane of the other spelling knocked as well.
#[test]
fn until_two_spellings_are_joined_no_second_template_goes() {
    let (mut w, talk, ticket) = World::silent_customer();
    w.agent_says(&ticket, "k1", "um");
    w.settle();
    w.ends(&talk, "expired");
    w.settle();
    let spelled = "593087654321";
    w.jelou.spelled.insert(spelled.to_owned(), ANA.to_owned());
    w.bridge.joins_wait = true;
    let other = w.agent_makes(spelled, "open", &["whatsapp"]);
    w.pass(Duration::from_secs(10));
    w.faults.next("message", Fault::Refuse(400));
    w.agent_says(&other, "k2", "dois");
    w.pass(Duration::from_secs(2));
    assert_eq!(w.jelou.templates.len(), 1, "{}", w.tale());
    w.bridge.joins_wait = false;
    w.settle();
    assert_eq!(w.jelou.templates.len(), 1, "{}", w.tale());
    assert_eq!(w.outcome("k2"), Some(Outcome::Window), "{}", w.tale());
}
