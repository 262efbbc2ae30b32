//! Jelou's report on a conversation that ended: looked for at its moments, told once, never believed.

use super::world::{World, faults::Fault};
use bridge_core::{
    effect::Operation,
    ids::{ConversationId, TicketId},
    intent::IntentState,
    lane::Mode,
    report::ReportEnd,
};
use serde_json::json;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

impl World {
    fn with_report(how: &str) -> Self {
        let fields = match how {
            "fields" => json!({
                "who": "{{ report.operator }}",
                "waited": "{{ report.first_reply }}",
                "nothing": "{{ report.state if report.state == 'active' }}",
            }),
            _ => json!({}),
        };
        Self::with(&json!({"ticket": {"report": how, "report_fields": fields}}))
    }

    /// A ticket whose conversation has just ended, and been settled.
    fn ended(&mut self) -> (TicketId, ConversationId) {
        let (ticket, talk) = self.linked_from_ticket();
        self.pass(10 * MINUTE);
        self.ends(&talk, "closed_by_operator");
        self.moment();
        (ticket, talk)
    }

    fn looks(&self) -> usize {
        let reads = self.bridge.reads.iter();
        reads.filter(|read| read.contains("in the report")).count()
    }

    fn reports(&self, ticket: &TicketId) -> Vec<&String> {
        let notes = self.notes(ticket).iter();
        notes
            .filter(|note| note.contains("Jelou's report"))
            .collect()
    }

    fn report_ended(&self, talk: &ConversationId) -> Option<ReportEnd> {
        let mut lanes = self.bridge.lanes.values();
        let memory = lanes.find_map(|lane| lane.lane.conversations.get(talk))?;
        memory.report.as_ref()?.end
    }
}

#[test]
fn what_the_report_tells_comes_to_the_ticket_as_one_note() {
    let mut w = World::with_report("note");
    w.jelou.report_lag = Some(Duration::ZERO);
    let (ticket, talk) = w.ended();
    w.pass(4 * MINUTE);
    assert_eq!(w.looks(), 0, "not before five minutes are over");
    w.pass(2 * MINUTE);
    let told = format!(
        "[jelou-bridge] Jelou's report on conversation {talk}: operator Rui Costa, team FINANCEIRO, \
         first reply after 13 min 15 s, duration 10 min, origin ticket, ended: closed_by_operator."
    );
    assert_eq!(w.reports(&ticket), [&told], "{}", w.tale());
    w.hours(48);
    assert_eq!((w.reports(&ticket).len(), w.looks()), (1, 1));
    assert_eq!(w.report_ended(&talk), Some(ReportEnd::Found));
}

#[test]
fn a_row_that_comes_late_is_found_after_an_hour() {
    let mut w = World::with_report("note");
    w.jelou.report_lag = Some(20 * MINUTE);
    let (ticket, _) = w.ended();
    w.pass(30 * MINUTE);
    assert!(w.reports(&ticket).is_empty());
    w.pass(31 * MINUTE);
    assert_eq!((w.reports(&ticket).len(), w.looks()), (1, 2));
}

#[test]
fn what_is_never_in_the_report_is_settled_after_a_day_and_told_in_the_timeline() {
    let mut w = World::with_report("note");
    let (ticket, talk) = w.ended();
    w.hours(72);
    assert_eq!((w.looks(), w.reports(&ticket).len()), (3, 0));
    assert_eq!(w.report_ended(&talk), Some(ReportEnd::NoReport));
    let told = w.bridge.journal.iter();
    let told = told.filter(|line| line.sentence.contains("no_report"));
    assert_eq!(told.count(), 1, "{}", w.tale());
}

#[test]
fn a_report_that_cannot_be_read_uses_its_looks_and_holds_nothing_back() {
    let mut w = World::with_report("note");
    w.jelou.report_lag = Some(Duration::ZERO);
    w.faults.next("report", Fault::Later(None));
    w.faults.next("report", Fault::Forbidden);
    let (ticket, _) = w.ended();
    w.pass(6 * MINUTE);
    let next = w.agent_asks();
    w.moment();
    assert!(w.live_link(&next).is_some(), "all else goes on");
    w.hours(2);
    assert!(w.reports(&ticket).is_empty());
    w.hours(23);
    assert_eq!((w.reports(&ticket).len(), w.looks()), (1, 3));
}

#[test]
fn a_report_that_could_not_be_read_at_the_last_look_is_unread_and_not_missing() {
    let mut w = World::with_report("note");
    w.jelou.report_lag = Some(Duration::ZERO);
    for _ in 0..3 {
        w.faults.next("report", Fault::Later(None));
    }
    let (_, talk) = w.ended();
    w.hours(72);
    assert_eq!(w.looks(), 3);
    assert_eq!(w.report_ended(&talk), Some(ReportEnd::Unread));
    let says = |word| {
        let mut told = w.bridge.journal.iter();
        told.any(|line| line.sentence.contains(word))
    };
    assert!(says("unread") && !says("no_report"), "{}", w.tale());
}

#[test]
fn a_failed_look_before_one_that_read_it_takes_nothing_from_what_that_says() {
    let mut w = World::with_report("note");
    for _ in 0..2 {
        w.faults.next("report", Fault::Forbidden);
    }
    let (_, talk) = w.ended();
    w.hours(72);
    assert_eq!(w.report_ended(&talk), Some(ReportEnd::NoReport));
}

#[test]
fn being_gathered_for_many_is_no_look_in_vain() {
    let mut w = World::with_report("note");
    w.jelou.report_lag = Some(Duration::ZERO);
    let (ticket, _) = w.ended();
    w.jelou.gathering_until = Some(w.now.plus(8 * MINUTE));
    w.pass(7 * MINUTE);
    assert!(w.reports(&ticket).is_empty());
    w.pass(2 * MINUTE);
    assert_eq!(w.reports(&ticket).len(), 1, "{}", w.tale());
    assert_eq!(w.looks(), 2);
}

#[test]
fn a_note_whose_answer_is_lost_is_looked_for_and_not_written_again() {
    let mut w = World::with_report("note");
    w.jelou.report_lag = Some(Duration::ZERO);
    let (ticket, _) = w.ended();
    w.faults.next("note", Fault::DoThenCut);
    w.hours(1);
    assert_eq!(w.reports(&ticket).len(), 1, "{}", w.tale());
    let notes = w.intents(Operation::Note);
    assert!(notes.iter().all(|i| i.state == IntentState::Confirmed));
}

#[test]
fn each_conversation_of_a_ticket_is_told_of_by_itself() {
    let mut w = World::with_report("note");
    w.jelou.report_lag = Some(Duration::ZERO);
    let (ticket, first) = w.ended();
    w.agent_sets(&ticket, "open");
    w.pass(MINUTE);
    let second = w.ana_starts();
    w.pass(MINUTE);
    w.ends(&second, "closed_by_operator");
    w.hours(2);
    for talk in [first, second] {
        let told = w.reports(&ticket);
        let told = told.iter().filter(|note| note.contains(talk.as_str()));
        assert_eq!(told.count(), 1, "{}", w.tale());
    }
}

#[test]
fn fields_hold_what_the_rules_make_of_it_and_what_is_empty_is_left_alone() {
    let mut w = World::with_report("fields");
    w.jelou.report_lag = Some(Duration::ZERO);
    let (ticket, _) = w.ended();
    w.hours(1);
    let fields = &w.desk.records[&ticket].ticket.fields;
    assert_eq!(fields["who"], "Rui Costa");
    assert_eq!(fields["waited"], "795");
    assert!(!fields.contains_key("nothing"));
    assert!(w.reports(&ticket).is_empty());
    assert_eq!(w.status(&ticket), "solved", "nothing else changed");
    assert_eq!(w.intents(Operation::Fields).len(), 1);
}

#[test]
fn refused_fields_wait_for_a_person() {
    let mut w = World::with_report("fields");
    w.jelou.report_lag = Some(Duration::ZERO);
    let _ = w.ended();
    w.faults.next("fields", Fault::Refuse(422));
    w.hours(1);
    assert_eq!(w.parked_for(), ["refused"]);
}

#[test]
fn a_ticket_that_can_no_longer_change_is_left_alone() {
    let mut w = World::with_report("note");
    w.jelou.report_lag = Some(Duration::ZERO);
    let (ticket, talk) = w.ended();
    w.agent_sets(&ticket, "closed");
    w.hours(1);
    assert_eq!(w.report_ended(&talk), Some(ReportEnd::Found));
    assert!(w.parked().is_empty() && w.reports(&ticket).is_empty());
}

#[test]
fn a_conversation_without_a_ticket_asks_for_no_report() {
    let mut w = World::with(&json!({"ticket": {"report": "note", "create_when": "false"}}));
    w.jelou.report_lag = Some(Duration::ZERO);
    let talk = w.ana_starts();
    w.moment();
    w.ends(&talk, "expired");
    w.hours(48);
    assert_eq!(w.looks(), 0);
}

#[test]
fn a_report_that_is_wanted_from_now_on_reaches_no_conversation_that_ended_before() {
    let mut w = World::new();
    w.jelou.report_lag = Some(Duration::ZERO);
    let (ticket, _) = w.ended();
    w.hours(2);
    w.remap(&json!({"ticket": {"report": "note"}}));
    w.agent_tags(&ticket, &["vip"]);
    w.hours(48);
    assert_eq!((w.looks(), w.reports(&ticket).len()), (0, 0));
}

#[test]
fn while_it_only_observes_the_note_is_planned_and_not_written() {
    let mut w = World::with_report("note");
    w.jelou.report_lag = Some(Duration::ZERO);
    let (ticket, _) = w.ended();
    w.mode = Mode::Observe;
    w.hours(1);
    assert!(w.reports(&ticket).is_empty());
    let notes = w.intents(Operation::Note);
    assert!(notes.iter().any(|i| i.state == IntentState::Observed));
}

#[test]
fn no_name_of_an_operator_is_in_the_timeline() {
    let mut w = World::with_report("note");
    w.jelou.report_lag = Some(Duration::ZERO);
    let (ticket, _) = w.ended();
    w.hours(1);
    assert_eq!(w.reports(&ticket).len(), 1);
    let shown = w.bridge.journal.iter().map(|line| format!("{line:?}"));
    assert!(shown.into_iter().all(|line| !line.contains("Rui")));
}

/// Found by history 5430621: each of the two lanes told its own ticket.
#[test]
fn a_report_waits_for_two_spellings_to_be_joined_and_is_told_once() {
    let mut w = World::with_report("note");
    w.jelou.report_lag = Some(Duration::ZERO);
    let (ticket, talk, started) = w.ana_writes_under_another_spelling(Fault::DoThenCut);
    w.bridge.joins_wait = true;
    w.ends(&talk, "expired");
    w.moment();
    w.agent_says(&ticket, "k1", "Alo?");
    w.deliver(started);
    w.pass(6 * MINUTE);
    w.bridge.joins_wait = false;
    w.settle();
    w.hours(2);
    let all: Vec<_> = w.desk.records.keys().cloned().collect();
    let told: usize = all.iter().map(|t| w.reports(t).len()).sum();
    assert_eq!(told, 1, "{}", w.tale());
}
