//! Why nothing is planned: the rules that did not hold. Neighbour: `drive`, which asks when the plan
//! is empty.

use bridge_core::{
    lane::{ConversationMemory, Lane, TicketMemory},
    link::{ConversationSide, Link, TicketSide},
    mapping::Mapping,
};

/// One note for each ticket, conversation and Link that calls for nothing.
pub(super) fn nothing(lane: &Lane, mapping: &Mapping) -> Vec<String> {
    let tickets = lane
        .tickets
        .values()
        .filter_map(|memory| of_ticket(lane, memory, mapping));
    let talks = lane
        .conversations
        .values()
        .filter_map(|memory| of_conversation(lane, memory));
    let links = lane.links.iter().filter_map(of_link);
    tickets.chain(talks).chain(links).collect()
}

fn of_ticket(lane: &Lane, memory: &TicketMemory, mapping: &Mapping) -> Option<String> {
    let ticket = memory.seen.as_ref()?;
    let id = &ticket.id;
    if lane
        .links
        .iter()
        .any(|link| link.is_live() && link.ticket_id() == Some(id))
    {
        return None;
    }
    if mapping.closes(&ticket.status) {
        return Some(format!(
            "Ticket {id} is {}, so no conversation is started [mapping.conversation.close_on_status]",
            ticket.status
        ));
    }
    if mapping.vocabulary().is_final(&ticket.status) {
        return Some(format!("Ticket {id} is {}, which is final", ticket.status));
    }
    if !memory.open_when {
        return Some(format!(
            "Ticket {id} asks for no conversation: open_when does not hold [mapping.conversation.open_when]"
        ));
    }
    Some(format!(
        "Ticket {id} asked for its conversation before, and open_when only starts one when it turns true [mapping.conversation.open_when]"
    ))
}

fn of_conversation(lane: &Lane, memory: &ConversationMemory) -> Option<String> {
    let id = &memory.seen.id;
    let linked = lane
        .links
        .iter()
        .any(|link| link.conversation_id() == Some(id));
    if linked || !memory.seen.state.is_closed() {
        return None;
    }
    Some(format!(
        "Conversation {id} is over and never had a ticket: its close alone makes none"
    ))
}

fn of_link(link: &Link) -> Option<String> {
    if !link.is_live() {
        return None;
    }
    let (side, rule) = match (&link.conversation, &link.ticket) {
        (ConversationSide::Unwanted { rule }, _) => ("conversation", rule),
        (_, TicketSide::Unwanted { rule }) => ("ticket", rule),
        (
            ConversationSide::Wanted | ConversationSide::Known { .. },
            TicketSide::Wanted | TicketSide::Known { .. },
        ) => return None,
    };
    Some(format!("Link {} wants no {side} [{rule}]", link.id))
}
