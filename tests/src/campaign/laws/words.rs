//! What must hold of what people said: it comes over once and in order, or somebody was told that it
//! did not; what agents say among themselves stays there, and nobody reads what is another's.
//! Neighbours: `said`, which holds what came over against what was written; `load`, which wrote it.

use super::Worlds;
use crate::campaign::{
    load::{Said, number},
    said::{Excused, Heard, Sheet, Voice, whose},
};
use bridge_sandbox::{
    Call, Operation,
    helpdesk::{Comment, Role, Ticket},
    jelou::Speaker,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What the ticket says that waits for its customer's other conversation to end.
const BUSY: &str = "starts when that ends";

/// Words that a call brings: in an agent's message, or in the last line of an entry on a ticket.
fn words_of(call: &Call) -> Option<String> {
    let message = call.body.pointer("/value/content/body");
    let entry = call.body.pointer("/comment/body");
    let words = message.or(entry).and_then(Value::as_str)?;
    let words = words.lines().last()?;
    whose(words).map(|_| words.to_owned())
}

/// What was said at each place by one voice, in the order in which it was.
fn written(all: &[Said], voice: Voice) -> BTreeMap<&str, Vec<&Said>> {
    let mut by_place: BTreeMap<&str, Vec<&Said>> = BTreeMap::new();
    for said in all {
        if whose(&said.words).is_some_and(|(_, by)| by == voice) {
            by_place.entry(&said.place).or_default().push(said);
        }
    }
    by_place
}

/// What customers say is on their ticket, and what agents say to them reached them.
pub(super) fn come_over_once_in_order(worlds: &Worlds) -> Vec<String> {
    let mut all = to_tickets(worlds).broken("to the tickets");
    let to_customers = to_customers(worlds);
    all.extend(to_customers.broken("to the customers"));
    for (sheet, operations) in [
        (to_tickets(worlds), ["comment"]),
        (to_customers, ["message"]),
    ] {
        let (again, flagged) = (sheet.again, worlds.flagged(&operations, None));
        if again > flagged {
            let [operation] = operations;
            all.push(format!(
                "{again} of each {operation} came twice, {flagged} are flagged"
            ));
        }
    }
    all
}

/// What customers said, by conversation.
fn to_tickets(worlds: &Worlds) -> Sheet {
    let mut heard: Vec<(u64, Heard, &str)> = Vec::new();
    for (ticket, comments) in &worlds.tickets {
        let ours = comments.iter().filter_map(|comment| {
            let number = comment.id.parse().unwrap_or_default();
            Some((number, Heard::on_ticket(comment)?, ticket.id.as_str()))
        });
        heard.extend(ours);
    }
    heard.sort_by_key(|(number, ..)| *number);
    let again = worlds.again(Operation::AddComment, words_of);
    let [known, _] = &worlds.known;
    let mut sheet = Sheet::default();
    for (conversation, said) in written(&worlds.told.said, Voice::Customer) {
        let texts: Vec<String> = said.iter().map(|said| said.words.clone()).collect();
        let here: Vec<_> = heard
            .iter()
            .filter(|(_, h, _)| texts.contains(&h.text))
            .collect();
        let links = worlds.links_of(conversation);
        let of_links = links.iter().filter_map(|link| super::text(link, "ticket"));
        let tickets: BTreeSet<&str> = of_links.collect();
        let excused = Excused {
            asked: asked(worlds, &tickets, &["comment"]),
            again: again.clone(),
            ..Excused::default()
        };
        let here: Vec<Heard> = here.iter().map(|(_, heard, _)| heard.clone()).collect();
        sheet.add(&texts, &here, known, &excused);
    }
    sheet
}

/// What agents said to customers, by ticket.
pub(super) fn to_customers(worlds: &Worlds) -> Sheet {
    let heard: Vec<Heard> = worlds
        .spoken
        .iter()
        .filter_map(Heard::at_customer)
        .collect();
    let again = worlds.again(Operation::AgentMessage, words_of);
    let [_, known] = &worlds.known;
    let written = written(&worlds.told.said, Voice::Agent);
    let mut sheet = Sheet::default();
    for (ticket, comments) in &worlds.tickets {
        let Some(said) = written.get(ticket.id.as_str()) else {
            continue;
        };
        if worlds.is_left_over(ticket) {
            continue;
        }
        let texts: Vec<String> = said.iter().map(|said| said.words.clone()).collect();
        let here: Vec<Heard> = heard
            .iter()
            .filter(|h| texts.contains(&h.text))
            .cloned()
            .collect();
        let tickets = BTreeSet::from([ticket.id.as_str()]);
        let waits = waits_for_its_customer(worlds, ticket, comments);
        let excused = Excused {
            unsent: named(said, comments, "did not get"),
            doubted: match waits {
                true => texts.iter().cloned().collect(),
                false => named(said, comments, "not known"),
            },
            before: before_its_link(worlds, said, comments),
            asked: asked(worlds, &tickets, &["note"]),
            again: again.clone(),
        };
        sheet.add(&texts, &here, known, &excused);
    }
    sheet
}

/// Whether the customer is in another conversation, and the ticket says that its own waits for the end
/// of that one: what agents say meanwhile is said then.
fn waits_for_its_customer(worlds: &Worlds, ticket: &Ticket, comments: &[Comment]) -> bool {
    let waits = worlds.waits_busy(&ticket.id);
    let mut notes = comments
        .iter()
        .filter(|c| c.author == Role::Bridge && !c.public);
    let of_ticket = BTreeSet::from([ticket.id.as_str()]);
    waits
        && (notes.any(|note| note.body.contains(BUSY)) || asked(worlds, &of_ticket, &["note"]) > 0)
}

/// Words that are older than the first Link of their ticket, by the clocks of both sides, or whose ticket
/// was solved and never had one: rule 17 begins with the Link (docs/RELIABILITY.md, what is not promised). A
/// ticket that was never solved has one, also where its customer is busy: without it its words are lost.
fn before_its_link(worlds: &Worlds, said: &[&Said], comments: &[Comment]) -> BTreeSet<String> {
    let of_ticket = |link: &&Value| {
        said.first()
            .is_some_and(|said| super::text(link, "ticket") == Some(&said.place))
    };
    let links = worlds.links.iter().filter(of_ticket);
    let made = links.filter_map(|link| moment(super::text(link, "created_at")?));
    let first = made.min();
    let at = |said: &Said| {
        let id = said.comment.as_ref()?;
        let comment = comments.iter().find(|comment| comment.id == *id)?;
        moment(&comment.created_at)
    };
    // What was said before the program's clock was set back, it judged by that clock: the Link's moment was
    // set back with it, and has been since.
    let place = said.first().map(|said| &said.place);
    let told = place.and_then(|place| moment(worlds.made.get(place)?));
    let last = worlds.faults.iter().map(|fault| fault.to).max();
    let last = last.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    let by_the_clock_of_then = |at| told.is_some_and(|told| at < told) && last >= Some(at);
    let is_older = |said: &Said| match (at(said), first) {
        (Some(at), Some(first)) => at < first || by_the_clock_of_then(at),
        (_, None) => worlds.told.solved.contains(&said.place),
        (None, Some(_)) => false,
    };
    let older = said.iter().filter(|said| is_older(said));
    older.map(|said| said.words.clone()).collect()
}

fn moment(text: &str) -> Option<jiff::Timestamp> {
    text.parse().ok()
}

/// Words of which the ticket says this.
fn named(said: &[&Said], comments: &[Comment], what: &str) -> BTreeSet<String> {
    let notes = comments
        .iter()
        .filter(|c| c.author == Role::Bridge && !c.public);
    let notes = notes
        .map(|c| c.body.as_str())
        .filter(|body| body.contains(what));
    let notes: Vec<&str> = notes.collect();
    let told = |said: &&&Said| {
        let names = said.comment.as_ref().map(|id| format!("(comment {id})"));
        names.is_some_and(|names| notes.iter().any(|note| note.contains(&names)))
    };
    said.iter()
        .filter(told)
        .map(|said| said.words.clone())
        .collect()
}

/// How many writes of these kinds a person was asked about, on these tickets.
fn asked(worlds: &Worlds, tickets: &BTreeSet<&str>, operations: &[&str]) -> usize {
    let all = worlds.asked.iter();
    all.filter(|one| operations.contains(&one.operation.as_str()))
        .filter(|one| one.ticket.as_deref().is_some_and(|t| tickets.contains(t)))
        .count()
}

/// No customer reads what agents say among themselves, what is another's, or what nobody said; and no
/// ticket has words of a customer who is not its own.
pub(super) fn stay_with_whom_they_are_for(worlds: &Worlds) -> Vec<String> {
    let mut all = Vec::new();
    for spoken in &worlds.spoken {
        let heard = Heard::at_customer(spoken);
        let of = heard.as_ref().and_then(|heard| whose(&heard.text));
        let wrong = match (of, spoken.by) {
            (_, Speaker::User) | (None, Speaker::Bot) => None,
            (None, Speaker::Operator) => Some("what nobody said"),
            (Some((_, Voice::Inside)), _) => Some("what agents say among themselves"),
            (Some((_, Voice::Customer)), _) => Some("a customer's words"),
            (Some((customer, Voice::Agent)), _) => {
                (number(&spoken.user) != Some(customer)).then_some("another's words")
            }
        };
        if let Some(wrong) = wrong {
            let text = heard.map_or_else(|| spoken.id.clone(), |heard| heard.text);
            all.push(format!("a customer got {wrong}: {text}"));
        }
    }
    for (ticket, comments) in &worlds.tickets {
        for heard in comments.iter().filter_map(Heard::on_ticket) {
            let theirs = whose(&heard.text) == owner(ticket).map(|n| (n, Voice::Customer));
            if !theirs {
                all.push(format!("ticket {} got {}", ticket.id, heard.text));
            }
        }
    }
    all
}

fn owner(ticket: &Ticket) -> Option<usize> {
    number(ticket.requester.phone.as_deref()?)
}
