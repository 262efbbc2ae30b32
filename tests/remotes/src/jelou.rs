//! A Jelou: conversations with state, in both models of what a second start means. Neighbours:
//! people do things at it, the bridge calls it.

use bridge_core::{
    call::CallError,
    conversation::{Conversation, ConversationState},
    effect::{
        Answer, CloseConversation, SendBotMessage, SendMessage, SendTemplate, StartConversation,
        TicketIdPlace, WriteTicketId,
    },
    event::{ConversationClosed, ConversationStarted, Event, MessageReceived},
    ids::{ConversationId, IntentId, MessageId, RoomId, TicketId, UserId},
    message::{AnsweredBy, BotSays, Content, HandOver, Media, MediaKind},
    report::{Attended, InReport},
    text::Text,
    time::Timestamp,
};
use std::{collections::BTreeMap, time::Duration};

/// What a start means for a customer who is already talking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Second {
    /// 422.
    #[default]
    Refused,
    /// 200, with the conversation that is there.
    Returned,
    /// 200, with a second one beside it.
    Beside,
}

/// A conversation and what Jelou knows beside it.
#[derive(Clone, Debug)]
pub struct Talk {
    /// As a read shows it.
    pub conversation: Conversation,
    /// `metadata.ticketId`.
    pub ticket: Option<TicketId>,
    /// `metadata.intentId`: a start of the bridge made it.
    pub intent: Option<IntentId>,
    /// What the customer read at the end.
    pub close_message: Option<Text>,
    /// What agents said in it, by the ids that the messages came with, in order.
    pub heard: Vec<(MessageId, Text)>,
}

impl Talk {
    /// Whether it goes on.
    #[must_use]
    pub fn is_active(&self) -> bool {
        !self.conversation.state.is_closed()
    }
}

/// The conversation platform.
#[derive(Clone, Default)]
pub struct Jelou {
    /// Its conversations.
    pub talks: BTreeMap<ConversationId, Talk>,
    /// What a start means for a customer who is already talking.
    pub second: Second,
    /// Spellings that Jelou knows under another one.
    pub spelled: BTreeMap<String, String>,
    /// What was written into each user's cache.
    pub cache: BTreeMap<String, String>,
    /// What was written into each user's memory, and until when it holds.
    pub memory: BTreeMap<String, (String, Timestamp)>,
    /// The next close hits this conversation instead.
    pub closes_instead: Option<ConversationId>,
    /// Starts, closes and writes of the ticket id that were done, in order.
    pub writes: Vec<String>,
    /// How far Jelou's clock is ahead of ours.
    pub ahead: Duration,
    /// How far it is behind.
    pub behind: Duration,
    /// Customers count as silent for 24 hours: agents' messages are refused.
    pub silent: bool,
    /// A message whose id came before is not heard again.
    pub ids_once: bool,
    /// No template is approved.
    pub no_templates: bool,
    /// The account may send no call buttons.
    pub no_calling: bool,
    /// Templates sent, in order.
    pub templates: Vec<SendTemplate>,
    /// What the bot was made to say, in order.
    pub bot_said: Vec<SendBotMessage>,
    /// Who answers each customer, where it was said.
    pub answered_by: BTreeMap<String, AnsweredBy>,
    /// How long after its end a conversation comes into the report; none ever does where it is `None`.
    pub report_lag: Option<Duration>,
    /// The report is gathered until then, for others too.
    pub gathering_until: Option<Timestamp>,
    next: u32,
}

impl Jelou {
    /// A conversation begins, and is told of.
    pub fn begin(
        &mut self,
        user: &str,
        ticket: Option<TicketId>,
        intent: Option<IntentId>,
        now: Timestamp,
    ) -> (ConversationId, Event) {
        self.next += 1;
        let at = now.plus(self.ahead).minus(self.behind);
        let id = ConversationId::parse(&format!("c{}", self.next)).unwrap();
        let conversation = Conversation {
            id: id.clone(),
            bot: super::bot(),
            user: UserId::parse(&self.canonical(user)).unwrap(),
            room: Some(RoomId::parse(&format!("G:{user}")).unwrap()),
            contact_name: Some(Text::new("Ana")),
            state: ConversationState::Active,
            started_at: Some(at),
            ended_at: None,
            assignment: None,
            initial_message: None,
        };
        let talk = Talk {
            conversation: conversation.clone(),
            ticket: ticket.clone(),
            intent: intent.clone(),
            close_message: None,
            heard: vec![],
        };
        self.talks.insert(id.clone(), talk);
        let mut told = conversation;
        told.started_at = None;
        let event = Event::ConversationStarted(ConversationStarted {
            conversation: told,
            ticket_id: ticket,
            intent_id: intent,
            at,
        });
        (id, event)
    }

    /// Jelou's own spelling of a customer.
    #[must_use]
    pub fn canonical(&self, user: &str) -> String {
        self.spelled.get(user).cloned().unwrap_or(user.to_owned())
    }

    /// The customer's conversation that goes on, the latest if there are several.
    #[must_use]
    pub fn active(&self, user: &str) -> Option<ConversationId> {
        let user = self.canonical(user);
        self.talks
            .values()
            .rfind(|t| t.is_active() && t.conversation.user.as_str() == user)
            .map(|t| t.conversation.id.clone())
    }

    /// A conversation ends, and is told of.
    pub fn end(&mut self, id: &ConversationId, reason: &str, now: Timestamp) -> Event {
        let at = now.plus(self.ahead).minus(self.behind);
        let talk = self.talks.get_mut(id).unwrap();
        talk.conversation.state = ConversationState::Closed {
            reason: reason.to_owned(),
        };
        talk.conversation.ended_at = Some(at);
        let mut told = talk.conversation.clone();
        told.started_at = None;
        told.ended_at = None;
        Event::ConversationClosed(ConversationClosed {
            conversation: told,
            at,
            found_by_sweep: false,
        })
    }

    /// A customer's message, as it is told.
    #[must_use]
    pub fn message(&self, id: &ConversationId, message: &str, at: Timestamp) -> Event {
        let mut told = self.talks[id].conversation.clone();
        told.state = ConversationState::Active;
        told.started_at = None;
        told.ended_at = None;
        Event::MessageReceived(MessageReceived {
            conversation: told,
            message: MessageId::parse(message).unwrap(),
            kind: "text".to_owned(),
            body: Some(Text::new(format!("hello {message}"))),
            media: None,
            content: serde_json::Value::Null,
            at: at.plus(self.ahead).minus(self.behind),
        })
    }

    /// A customer's picture, as its webhook tells it.
    pub fn picture(&self, id: &ConversationId, message: &str, at: Timestamp) -> Event {
        let mut event = self.message(id, message, at);
        if let Event::MessageReceived(told) = &mut event {
            told.kind = "image".to_owned();
            told.body = None;
            told.media = Some(Media {
                kind: MediaKind::Image,
                url: Text::new(format!("https://media.example/{message}")),
                mime_type: "image/jpeg".to_owned(),
                filename: None,
                caption: None,
            });
        }
        event
    }

    /// `POST` of a start.
    pub fn start(
        &mut self,
        start: &StartConversation,
        intent: &IntentId,
        now: Timestamp,
    ) -> (Result<Answer, CallError>, Vec<Event>) {
        if let Some(there) = self.active(start.user.as_str())
            && self.second != Second::Beside
        {
            let answer = match self.second {
                Second::Refused => Err(CallError::Refused {
                    status: 422,
                    reason: "not now".to_owned(),
                }),
                Second::Returned | Second::Beside => Ok(self.started(there)),
            };
            return (answer, vec![]);
        }
        let ticket = Some(start.ticket.clone());
        let (id, event) = self.begin(start.user.as_str(), ticket, Some(intent.clone()), now);
        self.writes.push(format!("start for {}", start.ticket));
        (Ok(self.started(id)), vec![event])
    }

    fn started(&self, id: ConversationId) -> Answer {
        let user = self.talks[&id].conversation.user.clone();
        Answer::Started {
            conversation: id,
            user: Some(user),
        }
    }

    /// `POST` of a close, which names the customer and not the conversation.
    pub fn close(
        &mut self,
        close: &CloseConversation,
        now: Timestamp,
    ) -> (Result<Answer, CallError>, Vec<Event>) {
        let other = self.closes_instead.take();
        let Some(hit) = other.or_else(|| self.active(close.user.as_str())) else {
            let refused = CallError::Refused {
                status: 400,
                reason: "no active conversation".to_owned(),
            };
            return (Err(refused), vec![]);
        };
        let event = self.end(&hit, "closed_by_operator", now);
        self.talks.get_mut(&hit).unwrap().close_message = close.message.clone();
        self.writes.push(format!("close {hit}"));
        let answer = Answer::Closed {
            conversation: Some(hit),
        };
        (Ok(answer), vec![event])
    }

    /// Takes an agent's message into the conversation that goes on with the customer: on the wire it
    /// names room, bot and customer, and no conversation. The same id twice is heard once, where Jelou
    /// looks at ids.
    ///
    /// # Errors
    /// [`CallError::Refused`] where there is none, or the customer was silent for too long.
    pub fn say(&mut self, said: &SendMessage) -> Result<Answer, CallError> {
        let user = said.message.user.as_str();
        let id = &said.message.id;
        let talks = self.talks.values();
        let known = self.ids_once
            && talks
                .filter(|talk| talk.conversation.user.as_str() == self.canonical(user))
                .any(|talk| talk.heard.iter().any(|(heard, _)| heard == id));
        let hit = self.active(user);
        let talk = hit.and_then(|hit| self.talks.get_mut(&hit));
        let Some(talk) = talk.filter(|_| !self.silent) else {
            return Err(CallError::Refused {
                status: 400,
                reason: "no active conversation".to_owned(),
            });
        };
        if !known {
            let words = match &said.message.content {
                Content::Text { body } => body.clone(),
                Content::Media(media) => media.url.clone(),
            };
            talk.heard.push((id.clone(), words));
        }
        Ok(Answer::Done { whole: None })
    }

    /// Sends a template, which silence does not keep back.
    ///
    /// # Errors
    /// [`CallError::Refused`] where it is not approved.
    pub fn send_template(&mut self, send: &SendTemplate) -> Result<Answer, CallError> {
        if self.no_templates {
            return Err(CallError::Refused {
                status: 400,
                reason: "no such template".to_owned(),
            });
        }
        self.templates.push(send.clone());
        Ok(Answer::Done { whole: None })
    }

    /// Has the bot say something.
    ///
    /// # Errors
    /// [`CallError::Refused`] where the customer was silent for too long, or may not be called.
    pub fn bot_says(&mut self, send: &SendBotMessage) -> Result<Answer, CallError> {
        let call = matches!(send.message.what, BotSays::VoiceCall { .. });
        if self.silent || call && self.no_calling {
            return Err(CallError::Refused {
                status: 400,
                reason: "message_could_not_be_send".to_owned(),
            });
        }
        self.bot_said.push(send.clone());
        Ok(Answer::Done { whole: None })
    }

    /// Says who answers a customer.
    pub fn hand_over(&mut self, to: &HandOver) -> Answer {
        self.answered_by.insert(to.user.as_str().to_owned(), to.to);
        Answer::Done { whole: None }
    }

    /// Writes the ticket's id to where the customer's bot reads it.
    pub fn write_ticket_id(&mut self, write: &WriteTicketId, now: Timestamp) -> Answer {
        let words = write
            .ticket
            .as_ref()
            .map_or("", TicketId::as_str)
            .to_owned();
        let user = write.user.as_str().to_owned();
        self.writes.push(format!("ticket id '{words}'"));
        match write.place {
            TicketIdPlace::UserCache => {
                self.cache.insert(user, words);
            }
            TicketIdPlace::UserMemory => {
                let ends = now.plus(Duration::from_secs(24 * 3600));
                self.memory.insert(user, (words, ends));
            }
            TicketIdPlace::None => panic!("nowhere to write the ticket id"),
        }
        Answer::Done { whole: None }
    }

    /// What the report on attended conversations says of one. It tells times in a zone of its own.
    #[must_use]
    pub fn in_report(&self, id: &ConversationId, now: Timestamp) -> InReport {
        if let Some(until) = self.gathering_until.filter(|until| *until > now) {
            return InReport::Gathering { until };
        }
        let talk = self.talks.get(id).map(|talk| &talk.conversation);
        let ended = talk.and_then(|talk| Some((talk, talk.ended_at?)));
        let (Some((talk, ended)), Some(lag)) = (ended, self.report_lag) else {
            return InReport::Missing;
        };
        if now < ended.plus(lag) {
            return InReport::Missing;
        }
        let reason = match &talk.state {
            ConversationState::Closed { reason } => Some(reason.clone()),
            ConversationState::Active => None,
        };
        let began = talk.started_at.unwrap_or(ended);
        InReport::There {
            row: Box::new(Attended {
                conversation: id.clone(),
                user: Some(talk.user.clone()),
                bot_name: Some("Support".to_owned()),
                operator: Some(Text::from("Rui Costa")),
                team: Some("FINANCEIRO".to_owned()),
                state: Some("closed".to_owned()),
                ended_reason: reason,
                origin: Some("ticket".to_owned()),
                started_at: None,
                ended_at: None,
                first_reply: Some(Duration::from_secs(795)),
                duration: Some(ended.since(began)),
            }),
        }
    }

    /// A conversation, as a GET answers.
    ///
    /// # Errors
    /// [`CallError::Gone`].
    pub fn read(&self, id: &ConversationId) -> Result<Conversation, CallError> {
        let talk = self.talks.get(id).map(|t| t.conversation.clone());
        talk.ok_or_else(|| CallError::Gone {
            reason: "404".to_owned(),
        })
    }
}
