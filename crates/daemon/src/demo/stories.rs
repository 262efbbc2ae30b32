//! The stories that `demo` plays, each with one moral. Neighbours: `stage`, on which they play; the
//! tests of the workspace, which play many more.

use super::stage::Stage;
use bridge_sandbox::{Operation, SecondStart};
use std::time::Duration;

/// No story waits longer for one thing.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a story leaves behind: the tickets whose timelines are shown.
pub struct Told {
    /// Those tickets.
    pub tickets: Vec<String>,
    /// What came of it, in a sentence.
    pub ending: String,
}

type Ended = Result<Told, String>;

fn told(tickets: &[&String], ending: String) -> Ended {
    Ok(Told {
        tickets: tickets.iter().map(|t| (*t).clone()).collect(),
        ending,
    })
}

fn ensure(holds: bool, what: &str) -> Result<(), String> {
    if holds {
        Ok(())
    } else {
        Err(format!("it should be that {what}"))
    }
}

async fn linked(stage: &Stage, ticket: &str) -> Result<String, String> {
    stage
        .wait(
            "the ticket names its conversation",
            PATIENCE,
            |_, helpdesk| {
                helpdesk
                    .ticket(ticket)
                    .is_some_and(|t| t.external_id.is_some())
            },
        )
        .await?;
    stage
        .conversation_of(ticket)
        .ok_or_else(|| "the ticket has no conversation".to_owned())
}

async fn ticket_of(stage: &Stage, conversation: &str) -> Result<String, String> {
    stage
        .wait("the conversation has a ticket", PATIENCE, |_, helpdesk| {
            !helpdesk.tickets_of_conversation(conversation).is_empty()
        })
        .await?;
    let tickets = stage.helpdesk.handle.tickets_of_conversation(conversation);
    ensure(tickets.len() == 1, "one conversation has one ticket")?;
    tickets
        .first()
        .map(|t| t.id.clone())
        .ok_or_else(|| "no ticket".to_owned())
}

async fn is_closed(stage: &Stage, conversation: &str) -> Result<(), String> {
    stage
        .wait("the conversation is closed", PATIENCE, |jelou, _| {
            jelou.conversation(conversation).is_some_and(|c| !c.active)
        })
        .await
}

async fn has_status(stage: &Stage, ticket: &str, status: &str) -> Result<(), String> {
    let what = format!("ticket {ticket} is {status}");
    stage
        .wait(&what, PATIENCE, |_, helpdesk| {
            helpdesk.ticket(ticket).is_some_and(|t| t.status == status)
        })
        .await
}

/// A ticket asks for a conversation, and gets one.
pub async fn ticket_first(stage: &Stage) -> Ended {
    let ticket = stage.ticket_for("(11) 98765-0001", "Ana Lima", "A invoice that is wrong");
    let conversation = linked(stage, &ticket).await?;
    stage.settle(PATIENCE).await?;
    let started = stage.jelou.handle.conversations_of_ticket(&ticket);
    ensure(
        started.len() == 1,
        "one conversation was started for the ticket",
    )?;
    let assigned = started.first().and_then(|c| c.assignment.clone());
    ensure(assigned.is_some(), "the billing queue has it")?;
    told(
        &[&ticket],
        format!("ticket {ticket} has conversation {conversation}, in the queue FINANCEIRO"),
    )
}

/// A customer writes first, and a ticket is made for them.
pub async fn customer_first(stage: &Stage) -> Ended {
    let jelou = &stage.jelou.handle;
    jelou.add_user("5511987650002", "Bruno Reis");
    let conversation = jelou
        .customer_starts("5511987650002", "Bom dia, preciso de ajuda")
        .map_err(|r| r.0)?;
    let ticket = ticket_of(stage, &conversation).await?;
    stage.settle(PATIENCE).await?;
    let bot = jelou
        .conversation(&conversation)
        .map(|c| c.bot)
        .unwrap_or_default();
    let cached = jelou
        .user_cache(&bot, "5511987650002")
        .get("ticketId")
        .cloned();
    ensure(
        cached == Some(ticket.clone().into()),
        "the bot can read the ticket's id",
    )?;
    told(
        &[&ticket],
        format!("conversation {conversation} has ticket {ticket}, and Jelou knows its id"),
    )
}

/// An agent solves the ticket, and the conversation ends with a goodbye.
pub async fn close_from_the_ticket(stage: &Stage) -> Ended {
    let ticket = stage.ticket_for("(11) 98765-0003", "Clara Nunes", "A question on delivery");
    let conversation = linked(stage, &ticket).await?;
    stage.settle(PATIENCE).await?;
    stage
        .helpdesk
        .handle
        .agent_sets_status(&ticket, "solved")
        .map_err(|r| r.0)?;
    is_closed(stage, &conversation).await?;
    stage.settle(PATIENCE).await?;
    told(
        &[&ticket],
        format!("ticket {ticket} was solved, conversation {conversation} is closed"),
    )
}

/// The conversation is closed at Jelou, and the ticket's status follows the reason.
pub async fn close_from_jelou(stage: &Stage) -> Ended {
    let ticket = stage.ticket_for("(11) 98765-0004", "Davi Alves", "A refund");
    let conversation = linked(stage, &ticket).await?;
    stage.settle(PATIENCE).await?;
    let jelou = &stage.jelou.handle;
    jelou
        .operator_closes(&conversation, "closed_by_operator")
        .map_err(|r| r.0)?;
    has_status(stage, &ticket, "solved").await?;
    stage.settle(PATIENCE).await?;
    told(
        &[&ticket],
        format!("conversation {conversation} was closed, ticket {ticket} is solved"),
    )
}

/// The webhook that says "solved" is lost; the sweep finds it.
pub async fn lost_webhook(stage: &Stage) -> Ended {
    let ticket = stage.ticket_for("(11) 98765-0005", "Elisa Prado", "A password");
    let conversation = linked(stage, &ticket).await?;
    stage.settle(PATIENCE).await?;
    stage.helpdesk.handle.webhooks().lose_next(1);
    stage
        .helpdesk
        .handle
        .agent_sets_status(&ticket, "solved")
        .map_err(|r| r.0)?;
    is_closed(stage, &conversation).await?;
    stage.settle(PATIENCE).await?;
    told(
        &[&ticket],
        format!("nobody told that ticket {ticket} was solved; the sweep saw it"),
    )
}

/// Jelou starts the conversation and the answer is lost; the start event resolves it.
pub async fn ambiguous_start(stage: &Stage) -> Ended {
    let jelou = &stage.jelou.handle;
    jelou.manners().do_and_cut(Operation::Start, 1);
    let ticket = stage.ticket_for("(11) 98765-0006", "Fabio Leal", "A lost parcel");
    let conversation = linked(stage, &ticket).await?;
    stage.settle(PATIENCE).await?;
    let started = jelou.conversations_of_ticket(&ticket).len();
    ensure(started == 1, "the lost answer made no second conversation")?;
    told(
        &[&ticket],
        format!("the answer was lost, yet ticket {ticket} has one conversation, {conversation}"),
    )
}

/// Two tickets of one customer: the second waits until the first one's conversation ends.
pub async fn two_tickets(stage: &Stage) -> Ended {
    stage.jelou.handle.set_second_start(SecondStart::Refuse);
    let first = stage.ticket_for("(11) 98765-0007", "Gabi Melo", "First: a broken lamp");
    let conversation = linked(stage, &first).await?;
    stage.settle(PATIENCE).await?;
    let second = stage.ticket_for("(11) 98765-0007", "Gabi Melo", "Second: a missing screw");
    stage
        .wait(
            "the agents are told that the second waits",
            PATIENCE,
            |_, helpdesk| helpdesk.comments(&second).iter().any(|c| !c.public),
        )
        .await?;
    ensure(
        stage.conversation_of(&second).is_none(),
        "the second ticket waits",
    )?;
    stage
        .helpdesk
        .handle
        .agent_sets_status(&first, "solved")
        .map_err(|r| r.0)?;
    is_closed(stage, &conversation).await?;
    let next = linked(stage, &second).await?;
    stage.settle(PATIENCE).await?;
    told(
        &[&first, &second],
        format!("ticket {second} got conversation {next} when ticket {first} was done"),
    )
}

/// Somebody solves more tickets at once than is credible: the safety halt lets as many conversations
/// close as the rules say and holds the rest.
pub async fn safety_halt(stage: &Stage) -> Ended {
    // More than `min_count` of the rules, which is the usual one: who plays along is not stopped by it.
    const TICKETS: usize = 25;
    let mut tickets = Vec::new();
    for n in 0..TICKETS {
        let phone = format!("(11) 98765-01{n:02}");
        tickets.push(stage.ticket_for(&phone, "A customer", "A bulk"));
    }
    for ticket in &tickets {
        linked_or_held(stage, ticket).await?;
    }
    stage.release_halt().await?;
    for ticket in &tickets {
        linked(stage, ticket).await?;
    }
    stage.settle(PATIENCE).await?;
    for ticket in &tickets {
        stage
            .helpdesk
            .handle
            .agent_sets_status(ticket, "solved")
            .map_err(|r| r.0)?;
    }
    let held = stage.wait_until_held(PATIENCE).await?;
    let still_open = |stage: &Stage| {
        let jelou = &stage.jelou.handle;
        let active = |ticket: &String| {
            jelou
                .conversations_of_ticket(ticket)
                .iter()
                .any(|c| c.active)
        };
        tickets.iter().filter(|ticket| active(ticket)).count()
    };
    ensure(still_open(stage) > 0, "the halt holds some of the closes")?;
    stage.release_halt().await?;
    stage
        .wait("the released closes are done", PATIENCE, |jelou, _| {
            tickets
                .iter()
                .all(|t| jelou.conversations_of_ticket(t).iter().all(|c| !c.active))
        })
        .await?;
    stage.settle(PATIENCE).await?;
    let last = tickets.last().cloned().unwrap_or_default();
    told(
        &[&last],
        format!("the halt held {held} of {TICKETS} closes until it was released"),
    )
}

/// So many starts at once trip the halt too: what matters here is that all are decided.
async fn linked_or_held(stage: &Stage, ticket: &str) -> Result<(), String> {
    let give_up = crate::clock::now().plus(PATIENCE);
    while stage.conversation_of(ticket).is_none() && stage.held().await? == 0 {
        if crate::clock::now() > give_up {
            return Err(format!("ticket {ticket} is neither linked nor held"));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Jelou gives up a conversation by itself and the webhook is lost too: the sweep reads it.
pub async fn expired_unseen(stage: &Stage) -> Ended {
    let ticket = stage.ticket_for("(11) 98765-0009", "Helio Braga", "A long silence");
    let conversation = linked(stage, &ticket).await?;
    stage.settle(PATIENCE).await?;
    stage.jelou.handle.webhooks().lose_next(1);
    stage.jelou.handle.expires(&conversation).map_err(|r| r.0)?;
    has_status(stage, &ticket, "pending").await?;
    stage.settle(PATIENCE).await?;
    told(
        &[&ticket],
        format!("conversation {conversation} expired unseen; ticket {ticket} is pending"),
    )
}
