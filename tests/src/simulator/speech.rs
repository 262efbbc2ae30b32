//! What people say beyond a customer's plain words: files, agents' comments, what makes a ticket
//! urgent, who is in, and a silence of more than a day. Neighbours: `acts`, which lets it happen;
//! `listener`, who judges what becomes of it.
//!
//! It is drawn from a stream of its own and for a quarter of the seeds, so that all others keep their
//! stories.

use super::{fault::Fault, history::Act, world::World};
use bridge_core::{
    call::{CallError, NOT_SENT},
    effect::{AddComment, AttachFile},
    event::Event,
    ids::{ConversationId, MessageId, TicketId, UserId},
    lane::Away,
    message::Enclosed,
    text::Text,
    time::Timestamp,
};
use bridge_remotes::chance::Chance;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::LazyLock, time::Duration};

/// Longer than WhatsApp takes free words after a customer's own, in milliseconds.
const SILENCE_MS: u32 = 25 * 3_600_000;

/// WhatsApp takes free words for so long after a customer's own.
const WINDOW: Duration = Duration::from_secs(24 * 3600);

/// A file that fails for a time can be had again so long after it was first asked for.
const FILE_AWAY: Duration = Duration::from_secs(300);

/// The priority for which there is a call button.
const URGENT: &str = "urgent";

static NOBODY_IS_IN: LazyLock<Text> = LazyLock::new(|| Text::new("Nobody is in."));

/// What kind of talk a world has.
#[derive(Clone, Copy, Debug)]
pub struct Speech {
    /// Jelou hears a message with an id that came before only once.
    pub ids_once: bool,
    /// Only the customer's own words open the 24 hours; elsewhere a start of ours does too.
    pub customer_opens: bool,
    /// No template is approved.
    pub no_templates: bool,
    /// The account may send no call buttons.
    pub no_calling: bool,
    /// The ticketing system takes files.
    pub attaches: bool,
}

/// What was said, as the world knows it.
#[derive(Clone, Debug, Default)]
pub struct Spoken {
    comments: u32,
    /// Webhooks tell an agent's words and not the files: the list of comments does.
    files_untold: bool,
    away_since: Option<Timestamp>,
    /// When each customer last wrote, by Jelou's spelling.
    wrote_at: BTreeMap<String, Timestamp>,
    /// When each file was first asked for.
    asked_at: BTreeMap<MessageId, Timestamp>,
}

/// What the mappings of these worlds have on top, one for each.
#[must_use]
pub fn rules() -> [Value; 4] {
    let template =
        json!({"name": "ticket_update", "language": "pt_BR", "parameters": ["{{ ticket.id }}"]});
    let button = json!([{
        "when": format!("ticket.priority == '{URGENT}'"),
        "text": "Call about {{ ticket.id }}",
        "display_text": "Call",
    }]);
    let with = |comment: &str| {
        json!({
            "template": template,
            "call_button": button,
            "conversation": {"comment_without_conversation": comment},
        })
    };
    let mut among_agents = json!({"call_button": button});
    among_agents["messages"] = json!({"to_ticket": "internal"});
    [with("note"), with("template"), among_agents, with("start")]
}

/// The talk of a seed, put among what happens anyway.
#[must_use]
pub fn drawn(seed: u64, acts: &mut Vec<(u32, Act)>) -> Option<Speech> {
    let mut chance = Chance::seeded(seed ^ 0x5BEE_C4C4_0000);
    if chance.below(4) != 0 {
        return None;
    }
    let speech = Speech {
        ids_once: chance.percent(50),
        customer_opens: chance.percent(50),
        no_templates: chance.percent(15),
        no_calling: chance.percent(15),
        attaches: chance.percent(85),
    };
    for _ in 0..3 + chance.below(8) {
        let wait = [50, 2_000, 30_000][chance.below(3) as usize];
        let wait = u32::try_from(chance.below(wait)).unwrap_or(0);
        let act = said(&mut chance);
        // Nothing can be said before there is anything to say it on.
        let after = acts.len() as u64 / 4;
        let at = after + chance.below(acts.len() as u64 - after + 1);
        acts.insert(usize::try_from(at).unwrap_or(0), (wait, act));
    }
    if chance.percent(30) {
        let most = acts.len() as u64;
        let at = usize::try_from(most / 2 + chance.below(most / 2 + 1)).unwrap_or(0);
        let (which, more) = (chance.below(256) as u8, chance.below(256) as u8);
        acts.insert(at, (SILENCE_MS, Act::Say(which, 0)));
        acts.insert(at + 1, (20_000, Act::Say(more, 0)));
        acts.insert(at + 2, (20_000, Act::Urge(which)));
    }
    Some(speech)
}

fn said(chance: &mut Chance) -> Act {
    let mut number = || chance.below(256) as u8;
    let (what, one, two) = (number() % 10, number(), number());
    match what {
        0..=2 => Act::Show(one),
        3..=6 => Act::Say(one, two),
        7 | 8 => Act::Urge(one),
        _ => Act::Home,
    }
}

/// The number in a message's name: `m12` has twelve.
fn number_of(message: &MessageId) -> u32 {
    message
        .as_str()
        .get(1..)
        .and_then(|n| n.parse().ok())
        .unwrap_or(0)
}

/// Whether a customer's file can never be had.
#[must_use]
pub fn never_comes(message: &MessageId) -> bool {
    number_of(message).is_multiple_of(6)
}

fn comes_later(message: &MessageId) -> bool {
    number_of(message) % 6 == 1
}

impl Spoken {
    /// Nothing yet; in every third world the webhooks tell of no files.
    #[must_use]
    pub fn in_world(seed: u64) -> Self {
        Self {
            files_untold: seed % 3 == 1,
            ..Self::default()
        }
    }

    /// What customers read who write now, if nobody is in.
    #[must_use]
    pub fn away(&self) -> Option<Away<'static>> {
        let message: &'static Text = &NOBODY_IS_IN;
        self.away_since.map(|since| Away { message, since })
    }

    /// The agents go home, or come back.
    pub fn go_home_or_come_back(&mut self, now: Timestamp) {
        self.away_since = match self.away_since {
            None => Some(now),
            Some(_) => None,
        };
    }
}

impl World {
    /// Whether the ticketing system takes files.
    #[must_use]
    pub fn attaches(&self) -> bool {
        self.shape.speech.is_none_or(|speech| speech.attaches)
    }

    /// A customer wrote, or began a conversation.
    pub fn heard_from(&mut self, talk: &ConversationId, at: Timestamp) {
        let user = self.jelou.talks[talk].conversation.user.as_str().to_owned();
        let wrote_at = self.spoken.wrote_at.entry(user).or_insert(at);
        *wrote_at = at.max(*wrote_at);
    }

    /// Whether free words do not reach a customer now, by what Jelou knows.
    #[must_use]
    pub fn is_silent(&self, user: &UserId) -> bool {
        let Some(speech) = self.shape.speech else {
            return false;
        };
        let user = self.jelou.canonical(user.as_str());
        let wrote_at = self.spoken.wrote_at.get(&user).copied();
        let talks = self.jelou.talks.values();
        let began = talks
            .filter(|t| !speech.customer_opens && t.conversation.user.as_str() == user)
            .filter_map(|t| t.conversation.started_at)
            .map(|at| at.minus(self.jelou.ahead).plus(self.jelou.behind));
        let heard = began.chain(wrote_at).max();
        heard.is_none_or(|at| self.now.since(at) >= WINDOW)
    }

    /// A customer sends a file.
    pub fn show(&mut self, talk: &ConversationId) {
        self.messages += 1;
        let message = format!("m{}", self.messages);
        let event = self.jelou.picture(talk, &message, self.now);
        self.heard_from(talk, self.now);
        self.tell(&event);
    }

    /// An agent comments.
    pub fn say(&mut self, ticket: &TicketId, how: u8) {
        self.spoken.comments += 1;
        let comment = format!("k{}", self.spoken.comments);
        let public = how % 4 != 1;
        let words = match how % 4 {
            1 => format!("inside {comment}"),
            3 => String::new(),
            _ => format!("words {comment}"),
        };
        let event = self
            .desk
            .agent_comment(ticket, &comment, &words, public, self.now);
        let Event::CommentAdded(mut said) = event else {
            return self.tell(&event);
        };
        if how % 4 >= 2 {
            let url = format!("https://desk.example/{comment}");
            said.files = vec![Enclosed {
                name: Text::new(format!("{comment}.pdf")),
                mime_type: "application/pdf".to_owned(),
                // Some files are the ticketing system's own people's alone.
                url: (how < 200).then(|| Text::new(url)),
            }];
            let record = self.desk.records.get_mut(ticket);
            if let Some(kept) = record.and_then(|record| record.said.last_mut()) {
                kept.files.clone_from(&said.files);
            }
        }
        if self.spoken.files_untold {
            said.files.clear();
            said.files_untold = true;
        }
        if public {
            self.is_owed(ticket, &said.comment);
            self.is_said_to(ticket, &said.comment);
        }
        self.tell(&Event::CommentAdded(said));
    }

    /// The desk tells what the bridge wrote as it tells any comment, by its mark alone or by its words alone: each
    /// must do to know it by (rule 14).
    pub(super) fn echoed(&mut self, wrote: &AddComment, events: Vec<Event>) -> Vec<Event> {
        if events.is_empty() || !self.faults.strikes(Fault::Echoed) {
            return events;
        }
        let by_us = self.faults.below(Fault::Echoed, 2) == 0;
        let words = match by_us {
            true => format!("{}\n-- sent by the desk", wrote.text.reveal()),
            false => wrote.text.reveal().to_owned(),
        };
        self.spoken.comments += 1;
        let id = format!("k{}", self.spoken.comments);
        let echo = |change| self.desk.echo(wrote, &id, &words, by_us, change);
        events.into_iter().map(echo).collect()
    }

    /// A ticket becomes urgent, or is so no longer.
    pub fn urge(&mut self, ticket: &TicketId) {
        let was = self.desk.records[ticket].ticket.priority.is_some();
        if !was {
            self.judge.ears.became_urgent(ticket);
        }
        self.change(ticket, |t| {
            t.priority = (!was).then(|| URGENT.to_owned());
        });
    }

    /// Fetches a customer's file: some come at once, some after a while, some never.
    ///
    /// # Errors
    /// As the daemon's `media` says it.
    pub fn fetch(&mut self, file: &AttachFile) -> Result<(), CallError> {
        if never_comes(&file.message) {
            let reason = "no such file".to_owned();
            return Err(CallError::Refused {
                status: NOT_SENT,
                reason,
            });
        }
        let now = self.now;
        let asked_at = *self
            .spoken
            .asked_at
            .entry(file.message.clone())
            .or_insert(now);
        if comes_later(&file.message) && now.since(asked_at) < FILE_AWAY {
            let reason = "the file's host is away".to_owned();
            return Err(CallError::Later {
                after: None,
                status: None,
                reason,
                host_wide: false,
            });
        }
        Ok(())
    }

    /// Whether an agent's comment comes to be known whatever is lost: its webhook comes, or the list
    /// of changes shows that there is something new.
    #[must_use]
    pub fn hears_of_comments(&self) -> bool {
        let down = self.shape.desk_hooks && !self.gave_up && !self.faults.has(Fault::HookLost);
        let unlisted = [Fault::NotFound, Fault::Forbidden];
        let listed = self.shape.lists_changes
            && self.shape.versions == bridge_remotes::desk::Versions::Numbers
            && !unlisted.iter().any(|fault| self.faults.has(*fault));
        down || listed
    }
}
