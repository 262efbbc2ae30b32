//! What the bot says and does of itself: nobody is in, a button to call, the customer handed back.

use super::world::{ANA, World, desk::Versions, faults::Fault, net::Weather};
use bridge_core::{
    effect::Operation,
    event::Event,
    ids::TicketId,
    intent::IntentState,
    lane::OnUnknown,
    message::{AnsweredBy, BotSays},
    text::Text,
};
use serde_json::json;
use std::time::Duration;

impl World {
    fn with_button() -> Self {
        Self::with(&json!({"call_button": [{
            "when": "ticket.priority == 'urgent'",
            "header": "Suporte",
            "text": "Toque para falar sobre {{ ticket.id }}",
            "display_text": "Ligar",
        }]}))
    }

    fn goes_home(&mut self) {
        self.away = Some((Text::from("Voltamos às 9h."), self.now));
    }

    fn priority(&mut self, ticket: &TicketId, word: &str) {
        self.agent_changes(ticket, |t| t.priority = Some(word.to_owned()));
        self.moment();
    }
}

#[test]
fn who_writes_while_nobody_is_in_reads_so_once_per_conversation() {
    let mut w = World::new();
    let (talk, _) = w.linked_from_conversation();
    w.customer_writes(&talk, "m1");
    w.moment();
    assert!(w.jelou.bot_said.is_empty(), "somebody is in");
    w.goes_home();
    w.hours(3);
    assert!(w.jelou.bot_said.is_empty(), "somebody was in");
    for message in ["m2", "m3"] {
        w.customer_writes(&talk, message);
        w.settle();
    }
    w.hours(12);
    w.customer_writes(&talk, "m4");
    w.settle();
    assert_eq!(w.jelou.bot_said.len(), 1, "{}", w.tale());
    let text = Text::from("Voltamos às 9h.");
    assert_eq!(w.jelou.bot_said[0].message.what, BotSays::Text { text });
}

#[test]
fn a_conversation_that_an_agent_began_at_night_is_not_answered_by_itself() {
    let mut w = World::new();
    w.goes_home();
    let (_, talk) = w.linked_from_ticket();
    w.settle();
    assert!(w.jelou.bot_said.is_empty(), "{}", w.tale());
    w.customer_writes(&talk, "m1");
    w.settle();
    assert_eq!(w.jelou.bot_said.len(), 1, "{}", w.tale());
}

#[test]
fn the_next_conversation_reads_it_again() {
    let mut w = World::new();
    w.goes_home();
    for _ in 0..2 {
        let talk = w.ana_starts();
        w.settle();
        w.ends(&talk, "expired");
        w.settle();
    }
    assert_eq!(w.jelou.bot_said.len(), 2, "{}", w.tale());
}

#[test]
fn a_conversation_that_comes_home_to_another_ticket_does_not_read_it_again() {
    let mut w = World::new();
    w.goes_home();
    let (ticket, talk, started) = w.ana_writes_under_another_spelling(Fault::DoThenCut);
    assert_eq!(w.jelou.bot_said.len(), 1, "{}", w.tale());
    w.deliver(started);
    w.settle();
    assert_eq!(w.ticket_of(&talk), Some(ticket));
    assert_eq!(w.jelou.bot_said.len(), 1, "{}", w.tale());
}

#[test]
fn a_call_button_goes_out_when_its_rule_turns_true_and_not_with_each_change() {
    let mut w = World::with_button();
    let (ticket, _) = w.linked_from_ticket();
    assert!(w.jelou.bot_said.is_empty());
    w.priority(&ticket, "urgent");
    assert_eq!(w.jelou.bot_said.len(), 1, "{}", w.tale());
    let BotSays::VoiceCall { text, .. } = &w.jelou.bot_said[0].message.what else {
        panic!("a button was meant");
    };
    assert_eq!(text.reveal(), format!("Toque para falar sobre {ticket}"));
    w.agent_tags(&ticket, &["whatsapp", "vip"]);
    w.settle();
    assert_eq!(w.jelou.bot_said.len(), 1, "{}", w.tale());
    w.priority(&ticket, "low");
    w.priority(&ticket, "urgent");
    assert_eq!(w.jelou.bot_said.len(), 2, "{}", w.tale());
}

/// Found by history 3121883: a read that began while a write of ours was under way came after its answer, and showed
/// the ticket as it was before.
#[test]
fn a_read_of_before_it_was_urgent_that_comes_late_sends_no_second_button() {
    let mut w = World::with_button();
    w.desk.versions = Versions::None;
    w.slow = Duration::from_secs(2);
    w.net.weather = Weather::Kept;
    let ticket = w.agent_asks();
    let Event::TicketChanged(mut read) = w.net.kept.remove(0) else {
        panic!("a ticket changed");
    };
    read.whole = Some(Box::new(w.desk.read(&ticket).unwrap()));
    read.read_at = Some(w.now);
    w.agent_changes(&ticket, |t| t.priority = Some("urgent".to_owned()));
    w.net.weather = Weather::Fair;
    w.deliver(Event::TicketChanged(read.clone()));
    w.settle();
    assert_eq!(w.jelou.bot_said.len(), 1, "{}", w.tale());
    let lane = w.bridge.lanes.keys().next().expect("Ana's").clone();
    let memory = &w.bridge.lanes[&lane].lane.tickets[&ticket];
    let during = memory.looked_at.unwrap().minus(Duration::from_secs(1));
    assert!(memory.read_at < Some(during), "the write was under way");
    read.read_at = Some(during);
    w.bridge
        .hand_over(&lane, Event::TicketChanged(read), w.now, during, false);
    w.moment();
    w.agent_tags(&ticket, &["whatsapp", "vip"]);
    w.settle();
    assert_eq!(w.jelou.bot_said.len(), 1, "{}", w.tale());
}

#[test]
fn a_ticket_that_was_born_urgent_has_its_button_with_the_conversation() {
    let mut w = World::with_button();
    let ticket = w.agent_makes(ANA, "open", &[]);
    w.priority(&ticket, "urgent");
    assert!(w.jelou.bot_said.is_empty(), "there is no conversation");
    w.agent_tags(&ticket, &["whatsapp"]);
    w.settle();
    assert_eq!(w.jelou.bot_said.len(), 1, "{}", w.tale());
}

#[test]
fn where_calling_is_not_enabled_the_ticket_is_told_once() {
    let mut w = World::with_button();
    w.jelou.no_calling = true;
    let (ticket, _) = w.linked_from_ticket();
    for word in ["urgent", "low", "urgent"] {
        w.priority(&ticket, word);
    }
    w.settle();
    assert!(w.jelou.bot_said.is_empty());
    assert_eq!(w.notes(&ticket).len(), 1, "{}", w.tale());
    assert!(w.notes(&ticket)[0].contains("calling"));
}

#[test]
fn a_silent_customer_gets_no_button_and_the_ticket_says_so() {
    let mut w = World::with_button();
    let (ticket, _) = w.linked_from_ticket();
    w.hours(25);
    w.priority(&ticket, "urgent");
    w.settle();
    assert!(w.intents(Operation::BotMessage).is_empty());
    assert_eq!(w.notes(&ticket).len(), 1, "{}", w.tale());
}

#[test]
fn what_was_not_said_before_the_end_is_not_said_after_it() {
    let mut w = World::with_button();
    let (ticket, talk) = w.linked_from_ticket();
    w.faults.next("bot_message", Fault::Later(Some(60)));
    w.priority(&ticket, "urgent");
    w.ends(&talk, "expired");
    w.settle();
    assert!(w.jelou.bot_said.is_empty(), "{}", w.tale());
}

#[test]
fn a_button_whose_answer_is_lost_is_not_sent_again_unless_the_operator_says_so() {
    let mut w = World::with_button();
    let (ticket, _) = w.linked_from_ticket();
    w.faults.next("bot_message", Fault::DoThenCut);
    w.priority(&ticket, "urgent");
    w.settle();
    assert_eq!(w.jelou.bot_said.len(), 1, "{}", w.tale());
    assert_eq!(w.parked_for(), ["unknown_outcome"]);
}

#[test]
fn after_the_end_the_bot_answers_again_if_the_operator_wants_it_so() {
    for (word, by) in [("leave", None), ("bot", Some(AnsweredBy::Bot))] {
        let mut w = World::with(&json!({"customer_after_close": word}));
        let (talk, _) = w.linked_from_conversation();
        w.hours(1);
        assert!(w.jelou.answered_by.is_empty(), "it goes on");
        w.faults.next("user_state", Fault::DoThenCut);
        w.ends(&talk, "expired");
        w.settle();
        let answered = w.jelou.answered_by.get(ANA).copied();
        assert_eq!(answered, by, "{}", w.tale());
        assert!(w.parked().is_empty());
    }
}

#[test]
fn who_is_in_another_conversation_is_not_handed_over() {
    let mut w = World::with(&json!({"customer_after_close": "bot"}));
    let (talk, _) = w.linked_from_conversation();
    w.faults.next("user_state", Fault::Later(Some(60)));
    w.ends(&talk, "expired");
    w.pass(Duration::from_secs(5));
    w.ana_starts();
    w.settle();
    assert!(w.jelou.answered_by.is_empty(), "{}", w.tale());
}

/// Found by history 2634296: the second went out as if it were the first.
#[test]
fn what_may_have_been_said_before_its_ticket_was_gone_is_flagged_when_it_is_said_again() {
    let mut w = World::new();
    w.limits.on_unknown = OnUnknown::Retry;
    let (talk, ticket) = w.linked_from_conversation();
    w.goes_home();
    w.desk.records.get_mut(&ticket).unwrap().gone = true;
    w.faults.next("bot_message", Fault::DoThenCut);
    w.faults.next("bot_message", Fault::Later(Some(300)));
    w.customer_writes(&talk, "m1");
    w.settle();
    assert!(w.live_link(&ticket).is_none(), "{}", w.tale());
    let said = w.intents(Operation::BotMessage);
    let mut said = said.iter().filter(|i| i.state == IntentState::Confirmed);
    assert!(said.all(|i| i.possible_duplicate), "{}", w.tale());
    assert_eq!(w.jelou.bot_said.len(), 2, "{}", w.tale());
}

/// Found by history 6088340: each of the two lanes sent its own.
#[test]
fn a_button_that_the_other_spelling_got_is_not_sent_again() {
    let mut w = World::with_button();
    let asked = "593087654321";
    w.jelou.spelled.insert(asked.to_owned(), ANA.to_owned());
    let ticket = w.agent_makes(asked, "open", &[]);
    w.moment();
    w.priority(&ticket, "urgent");
    let talk = w.someone_starts_about(&ticket);
    w.moment();
    assert_eq!(w.jelou.bot_said.len(), 1, "{}", w.tale());
    w.ends(&talk, "expired");
    w.settle();
    w.agent_sets(&ticket, "open");
    w.agent_tags(&ticket, &["whatsapp"]);
    w.settle();
    assert_eq!(w.talks().len(), 2, "{}", w.tale());
    assert_eq!(w.bridge.lanes.len(), 1, "{}", w.tale());
    assert_eq!(w.jelou.bot_said.len(), 1, "{}", w.tale());
}

/// Seen in history 5261215: it went out although the ticket was not urgent any more.
#[test]
fn a_button_that_waits_is_not_sent_once_its_rule_holds_no_longer() {
    for (words, many) in [
        (&["urgent", "low"][..], 0),
        (&["urgent", "low", "urgent"][..], 1),
    ] {
        let mut w = World::with_button();
        let (ticket, _) = w.linked_from_ticket();
        w.faults.next("bot_message", Fault::Later(Some(60)));
        for word in words {
            w.priority(&ticket, word);
        }
        w.settle();
        assert_eq!(w.jelou.bot_said.len(), many, "{}", w.tale());
    }
}
