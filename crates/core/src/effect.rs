//! What should change at a remote, as values. Neighbours: the Lane plans Effects, the daemon's
//! `perform` does them, `explain` prints them.

use crate::{
    call::CallError,
    conversation::Assignment,
    ids::{BotId, ConversationId, MessageId, TicketId, UserId},
    message::{AgentMessage, AnsweredBy, BotMessage, BotSays, HandOver, Media, Template},
    text::Text,
    ticket::{NewTicket, Requester, Status, Ticket},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

pub use crate::{
    operation::Operation,
    read::{Found, Read},
};

/// One change at one remote.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// Start a conversation about a ticket.
    StartConversation(StartConversation),
    /// Close the customer's active conversation, which must be this one.
    CloseConversation(CloseConversation),
    /// Put the ticket's id where the customer's bot can read it, or clear it.
    WriteTicketId(WriteTicketId),
    /// Make sure the ticketing system knows the customer.
    UpsertRequester {
        /// Who.
        requester: Requester,
    },
    /// Make a ticket for a conversation.
    CreateTicket(CreateTicket),
    /// Write the conversation's id into the ticket's link field.
    WriteLinkField {
        /// The ticket.
        ticket: TicketId,
        /// The conversation.
        conversation: ConversationId,
    },
    /// Set the ticket's status.
    SetStatus {
        /// The ticket.
        ticket: TicketId,
        /// The status.
        status: Status,
    },
    /// Set further fields of the ticket.
    SetFields {
        /// The ticket.
        ticket: TicketId,
        /// What to set, by the names that the profile gives them.
        fields: BTreeMap<String, Text>,
    },
    /// Bring a customer's message to the ticket.
    AddComment(AddComment),
    /// Hang a customer's file on the ticket.
    AttachFile(AttachFile),
    /// Bring an agent's words to the customer.
    SendMessage(SendMessage),
    /// Send a template to a customer whom free words do not reach.
    SendTemplate(SendTemplate),
    /// Have the bot say something to the customer.
    SendBotMessage(SendBotMessage),
    /// Say who answers the customer from now on.
    HandOver(HandOver),
    /// Tell the agents something, by an internal note.
    AddNote {
        /// The ticket.
        ticket: TicketId,
        /// What to tell.
        text: Text,
    },
}

/// The parts of a start.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StartConversation {
    /// The bot to talk through.
    pub bot: BotId,
    /// The customer as the mapping spelled them.
    pub user: UserId,
    /// The ticket it is about.
    pub ticket: TicketId,
    /// What the customer reads first.
    pub initial_message: Option<Text>,
    /// Free pairs; the performer adds `ticketId` and `intentId`.
    pub metadata: BTreeMap<String, Text>,
    /// Who gets it at Jelou.
    pub assignment: Option<Assignment>,
}

/// The parts of a close.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CloseConversation {
    /// The conversation that is meant. Jelou is told only the bot and the user.
    pub conversation: ConversationId,
    /// Its bot.
    pub bot: BotId,
    /// Its user, in Jelou's spelling.
    pub user: UserId,
    /// What the customer reads at the end (`redirectPayload` of type `text`).
    pub message: Option<Text>,
}

/// Where Jelou keeps the ticket's id for conversations that the customer started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TicketIdPlace {
    /// `POST /v1/users/{userId}/cache`.
    UserCache,
    /// User memory, which ends by itself after at most 24 h and is renewed before.
    UserMemory,
    /// Nowhere.
    None,
}

/// The parts of a write of the ticket's id to Jelou.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WriteTicketId {
    /// Where.
    pub place: TicketIdPlace,
    /// The customer's bot.
    pub bot: BotId,
    /// The customer.
    pub user: UserId,
    /// The id; `None` clears it.
    pub ticket: Option<TicketId>,
}

/// The parts of a create.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CreateTicket {
    /// What the mapping wrote.
    pub new: NewTicket,
    /// What `UpsertRequester` brought, where the profile has that operation.
    pub requester_id: Option<String>,
    /// The conversation, written into the link field at once.
    pub conversation: ConversationId,
    /// The messages whose words stand in the description, where nothing can be said on the ticket
    /// afterwards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub said: Vec<MessageId>,
    /// The ticket that is there by now; what follows a create there is all that is left to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<TicketId>,
}

/// The parts of a customer's message on its way to the ticket.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AddComment {
    /// The ticket.
    pub ticket: TicketId,
    /// Which message it is.
    pub message: MessageId,
    /// How it reads there.
    pub text: Text,
    /// Whether the customer could see it too, or it is among agents.
    pub public: bool,
}

/// The parts of a customer's file on its way to the ticket. Its message goes before it, as a comment
/// of its own, and waits for nothing here.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AttachFile {
    /// The ticket.
    pub ticket: TicketId,
    /// Which message brought it.
    pub message: MessageId,
    /// Where it is fetched, and what it is.
    pub media: Media,
    /// Its name on the ticket.
    pub name: Text,
    /// The words that it is hung on with; no other entry of the ticket reads like them.
    pub text: Text,
    /// Whether the customer could see it too, or it is among agents.
    pub public: bool,
}

/// The parts of an agent's message on its way to the customer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SendMessage {
    /// The conversation.
    pub conversation: ConversationId,
    /// The ticket that it was written on.
    pub ticket: TicketId,
    /// As which comment.
    pub comment: MessageId,
    /// Which part of the comment, from one.
    pub part: u32,
    /// How many parts it has.
    pub parts: u32,
    /// The message.
    pub message: AgentMessage,
}

/// The parts of a template on its way to a customer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SendTemplate {
    /// The ticket it is about.
    pub ticket: TicketId,
    /// The template, filled in.
    pub template: Template,
}

/// The parts of what the bot is made to say.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SendBotMessage {
    /// The conversation that it belongs to. Jelou is told only the bot and the user.
    pub conversation: ConversationId,
    /// What is said, to whom.
    pub message: BotMessage,
}

impl Effect {
    /// The ticket that it puts an entry on and how that reads, by which it is found there again.
    #[must_use]
    pub fn entry(&self) -> Option<(&TicketId, &Text)> {
        match self {
            Self::AddComment(comment) => Some((&comment.ticket, &comment.text)),
            Self::AttachFile(file) => Some((&file.ticket, &file.text)),
            Self::AddNote { ticket, text } => Some((ticket, text)),
            Self::StartConversation(_)
            | Self::CloseConversation(_)
            | Self::WriteTicketId(_)
            | Self::UpsertRequester { .. }
            | Self::CreateTicket(_)
            | Self::WriteLinkField { .. }
            | Self::SetStatus { .. }
            | Self::SetFields { .. }
            | Self::SendMessage(_)
            | Self::SendTemplate(_)
            | Self::SendBotMessage(_)
            | Self::HandOver(_) => None,
        }
    }

    /// How what it puts on a ticket reads: an entry, or the description of a new one.
    #[must_use]
    pub fn words(&self) -> Option<&Text> {
        match self {
            Self::CreateTicket(create) => Some(&create.new.description),
            other => other.entry().map(|(_, text)| text),
        }
    }

    /// Its kind.
    #[must_use]
    pub fn operation(&self) -> Operation {
        match self {
            Self::StartConversation(_) => Operation::Start,
            Self::CloseConversation(_) => Operation::Close,
            Self::WriteTicketId(_) => Operation::TicketId,
            Self::UpsertRequester { .. } => Operation::Requester,
            Self::CreateTicket(_) => Operation::Create,
            Self::WriteLinkField { .. } => Operation::LinkField,
            Self::SetStatus { .. } => Operation::Status,
            Self::SetFields { .. } => Operation::Fields,
            Self::AddComment(_) => Operation::Comment,
            Self::AttachFile(_) => Operation::File,
            Self::SendMessage(_) => Operation::Message,
            Self::SendTemplate(_) => Operation::Template,
            Self::SendBotMessage(_) => Operation::BotMessage,
            Self::HandOver(_) => Operation::UserState,
            Self::AddNote { .. } => Operation::Note,
        }
    }
}

/// One sentence without names, numbers or message text.
impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StartConversation(e) => {
                write!(f, "start a conversation for ticket {}", e.ticket)?;
                match &e.assignment {
                    Some(a) => write!(f, ", assigned to {} {}", a.kind, a.target),
                    None => Ok(()),
                }
            }
            Self::CloseConversation(e) => write!(f, "close conversation {}", e.conversation),
            Self::WriteTicketId(e) => match &e.ticket {
                Some(ticket) => write!(f, "write ticket id {ticket} to Jelou"),
                None => write!(f, "clear the ticket id at Jelou"),
            },
            Self::UpsertRequester { .. } => write!(f, "make sure the requester exists"),
            Self::CreateTicket(e) => match &e.made {
                Some(ticket) => write!(f, "finish ticket {ticket}: what follows its making"),
                None => write!(f, "create a ticket for conversation {}", e.conversation),
            },
            Self::WriteLinkField {
                ticket,
                conversation,
            } => {
                write!(f, "write conversation {conversation} to ticket {ticket}")
            }
            Self::SetStatus { ticket, status } => write!(f, "set ticket {ticket} to {status}"),
            Self::SetFields { ticket, fields } => {
                write!(f, "set {} fields of ticket {ticket}", fields.len())
            }
            Self::AddComment(e) if e.public => {
                write!(f, "add the customer's message to ticket {}", e.ticket)
            }
            Self::AddComment(e) => {
                write!(
                    f,
                    "add the customer's message to ticket {} among agents",
                    e.ticket
                )
            }
            Self::AttachFile(e) => write!(
                f,
                "attach the file of message {} to ticket {}",
                e.message, e.ticket
            ),
            Self::SendMessage(e) => write!(
                f,
                "send comment {} of ticket {} to conversation {}, part {} of {}",
                e.comment, e.ticket, e.conversation, e.part, e.parts
            ),
            Self::SendTemplate(e) => write!(
                f,
                "send template {} for ticket {}",
                e.template.name, e.ticket
            ),
            Self::SendBotMessage(e) => {
                let what = match &e.message.what {
                    BotSays::Text { .. } => "a text",
                    BotSays::VoiceCall { .. } => "a call button",
                };
                write!(
                    f,
                    "have the bot send {what} in conversation {}",
                    e.conversation
                )
            }
            Self::HandOver(e) => match e.to {
                AnsweredBy::Bot => write!(f, "hand the customer to the bot"),
                AnsweredBy::Person => write!(f, "hand the customer to a person"),
            },
            Self::AddNote { ticket, .. } => write!(f, "add an internal note to ticket {ticket}"),
        }
    }
}

/// What a confirmed Effect brought back.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// Jelou answered a start with this conversation. It is not yet proven new (rule 6).
    Started {
        /// The id in the answer.
        conversation: ConversationId,
        /// The user in Jelou's spelling, if the answer told it.
        user: Option<UserId>,
    },
    /// Jelou closed this conversation, which may be another than meant (rule 13).
    Closed {
        /// The id in the answer, if it told one.
        conversation: Option<ConversationId>,
    },
    /// The ticketing system knows the requester under this id.
    Requester {
        /// The id, as `create` wants it.
        id: String,
    },
    /// The ticket exists.
    Created {
        /// Its id.
        ticket: TicketId,
        /// All of it, where the answer carried all of it.
        whole: Option<Box<Ticket>>,
        /// Why what follows a create there is not done yet; `None` where it is, or nothing does.
        #[serde(default)]
        left: Option<CallError>,
    },
    /// It is done; the ticket as the answer showed it, where it did.
    Done {
        /// All of the ticket after the change, where the answer carried all of it.
        whole: Option<Box<Ticket>>,
    },
}
