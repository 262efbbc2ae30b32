//! Who listens: of all that is said, whether it is brought over once, in order, to whom it is meant
//! for, and that nobody is left to believe that it was. Neighbours: `judge`, of which this is a part;
//! `speech`, which lets people say it.
//!
//! What a Lane knows is taken from its commits, what is true from both sides; no code is shared with
//! the rules.

use super::{law::Law, speech::never_comes, witness::goes_out, world::World};
use bridge_core::{
    call::Resolve,
    effect::{Effect, Operation, SendBotMessage, SendMessage},
    ids::{DeliveryId, IntentId, LaneId, LinkId, MessageId, TicketId, UserId},
    intent::Intent,
    lane::{Lane, Message, Outcome, Place},
    message::{BotSays, Content},
    time::Timestamp,
};
use bridge_remotes::desk::Record;
use std::collections::{BTreeMap, BTreeSet};

/// What is wrong, if something is.
type Verdict = Option<(Law, String)>;

/// What was said and what came of it.
#[derive(Clone, Debug, Default)]
pub struct Ears {
    /// How often each thing was brought over without a flag, by what it is.
    over: BTreeMap<String, usize>,
    /// How often each ticket became urgent.
    urgent: BTreeMap<TicketId, usize>,
    /// The silence that each template's Intent went out into: since when its Lane had heard nothing.
    silences: BTreeMap<IntentId, Option<Timestamp>>,
    /// How far each message came.
    ways: BTreeMap<(Place, MessageId), Way>,
    /// For which Link each customer's message went out, to which ticket and in which words.
    went: BTreeMap<MessageId, BTreeSet<(LinkId, TicketId, String)>>,
    /// Agents' words for a customer who had a Link at that moment.
    owed: BTreeSet<(TicketId, MessageId)>,
    /// To whom an agent's words were said, as Jelou spells them.
    pub said_to: BTreeMap<(TicketId, MessageId), BTreeSet<String>>,
    /// Agents' words that were said when no Lane knew of their ticket.
    pub unseen: BTreeSet<(TicketId, MessageId)>,
    /// Agents' words that a Lane had heard of, for a half Link, when the bridge went live.
    pub of_before: BTreeSet<(TicketId, MessageId)>,
    /// When a Delivery first told of an agent's words, or a Lane's look first showed them.
    known: BTreeMap<(TicketId, MessageId), Timestamp>,
    /// In which Deliveries an agent's words came.
    brought: BTreeMap<(TicketId, MessageId), BTreeSet<DeliveryId>>,
}

/// How far a message came.
#[derive(Clone, Debug)]
struct Way {
    /// The Lane that has it.
    lane: LaneId,
    outcome: Option<Outcome>,
    has_file: bool,
}

impl Ears {
    /// A ticket became urgent.
    pub fn became_urgent(&mut self, ticket: &TicketId) {
        *self.urgent.entry(ticket.clone()).or_default() += 1;
    }

    /// An agent's words came to be known, by the clock of the process that took them in.
    pub fn came_to_be_known(&mut self, ticket: &TicketId, comment: &MessageId, at: Timestamp) {
        let key = (ticket.clone(), comment.clone());
        self.known.entry(key).or_insert(at);
    }

    /// A Delivery brought an agent's words.
    pub fn brought_by(&mut self, ticket: &TicketId, comment: &MessageId, delivery: DeliveryId) {
        let key = (ticket.clone(), comment.clone());
        self.brought.entry(key).or_default().insert(delivery);
    }

    /// A restored backup gives the ids of the Deliveries that it forgot once more.
    pub fn forget_deliveries(&mut self, known: impl Fn(&DeliveryId) -> bool) {
        for by in self.brought.values_mut() {
            by.retain(&known);
        }
    }

    /// Whether an agent's words were said to a customer who had a Link at that moment.
    pub fn was_owed(&self, ticket: &TicketId, comment: &MessageId) -> bool {
        self.owed.contains(&(ticket.clone(), comment.clone()))
    }

    /// Whether a Lane had taken in an agent's words before.
    pub fn is_known(&self, ticket: &TicketId, comment: &MessageId) -> bool {
        self.has_heard_of(&Place::Ticket { id: ticket.clone() }, comment)
    }

    /// Whether a Lane took in what was said at a place.
    pub fn has_heard_of(&self, place: &Place, message: &MessageId) -> bool {
        self.ways.contains_key(&(place.clone(), message.clone()))
    }

    /// What an agent said on a ticket and a Lane has not brought over yet.
    pub fn waiting(&self, lane: &LaneId, ticket: &TicketId) -> Vec<MessageId> {
        let place = Place::Ticket { id: ticket.clone() };
        let ways = self.ways.iter();
        let waiting = ways
            .filter(|((at, _), way)| *at == place && way.lane == *lane && way.outcome.is_none());
        waiting.map(|((_, id), _)| id.clone()).collect()
    }

    /// Whether a customer's message is on a ticket.
    fn is_over(&self, message: &MessageId) -> bool {
        self.over.contains_key(&format!("message {message}"))
    }

    /// Counts one more of something; flagged ones are not counted, they were told.
    fn counted(&mut self, what: String, intent: &Intent) -> usize {
        let many = self.over.entry(what).or_default();
        *many += usize::from(!intent.possible_duplicate);
        *many
    }
}

impl World {
    /// An agent wrote to a customer who has a Link: it is owed to them. Where a conversation's metadata
    /// named another customer's ticket it is not: when that Link has ended, what is found of the ticket
    /// goes to its own customer (rule 10), whose Lane has no Link of it.
    pub fn is_owed(&mut self, ticket: &TicketId, comment: &MessageId) {
        let record = self.desk.records.get(ticket);
        let own = record.and_then(|r| self.mapping.user_id(&r.ticket).ok().flatten());
        let linked = self.store.lanes().any(|lane| {
            let mut links = lane.links.iter();
            let theirs = own.as_ref() == Some(&lane.lane.user);
            theirs && links.any(|l| self.has_or_gets(l, ticket))
        });
        if linked {
            let owed = (ticket.clone(), comment.clone());
            self.judge.ears.owed.insert(owed);
        }
    }

    /// A commit was taken: what was said is as far as it says, and what goes out is next.
    pub fn hear_out(&mut self, before: &Lane, after: &Lane) {
        let forgets = !self.judge.restored.is_empty();
        for message in &after.messages {
            let key = (message.place.clone(), message.id.clone());
            // The store keeps a message once: what ended with one Lane is no other's to relay, though a listing
            // showed it to that one too (histories 2500020 and 2709324).
            let ended = |way: &Way| way.lane != after.id && way.outcome.is_some();
            let ways = &mut self.judge.ears.ways;
            if forgets || !ways.get(&key).is_some_and(ended) {
                ways.insert(key, way_of(&after.id, message));
            }
        }
        let wrote = after
            .conversations
            .values()
            .filter_map(|m| m.last_message_at);
        let heard_at = wrote.max();
        for new in &after.intents {
            let old = before.intents.iter().find(|old| old.id == new.id);
            if !goes_out(old, new) {
                continue;
            }
            if let Effect::AddComment(said) = &new.effect {
                let words = said.text.reveal().to_owned();
                let went = self.judge.ears.went.entry(said.message.clone());
                let to = (new.link.clone(), said.ticket.clone(), words);
                went.or_default().insert(to);
            }
            if new.operation() == Operation::Template {
                self.judge.ears.silences.insert(new.id.clone(), heard_at);
            }
            self.judge.asks(Law::SaidInOrder);
            if let Some((law, what)) = in_turn(after, new) {
                self.judge.breach(law, what);
            }
        }
    }

    /// A write was done at its remote.
    pub fn listen(&mut self, intent: &Intent) {
        let wrong = match &intent.effect {
            Effect::AddComment(said) => self.once(intent, format!("message {}", said.message)),
            Effect::AttachFile(file) => self.once(intent, format!("file of {}", file.message)),
            Effect::SendMessage(said) => self
                .went_out(said)
                .or_else(|| self.went_to_whom(said))
                .or_else(|| {
                    let new = !self.jelou.ids_once;
                    let what = format!("{} as {}", said.comment, said.message.id);
                    new.then(|| self.once(intent, what)).flatten()
                }),
            Effect::SendTemplate(send) => self.knocks_once(intent, &send.template.user),
            Effect::SendBotMessage(send) => self.said_by_bot(intent, send),
            Effect::StartConversation(_)
            | Effect::CloseConversation(_)
            | Effect::WriteTicketId(_)
            | Effect::UpsertRequester { .. }
            | Effect::CreateTicket(_)
            | Effect::WriteLinkField { .. }
            | Effect::SetStatus { .. }
            | Effect::SetFields { .. }
            | Effect::HandOver(_)
            | Effect::AddNote { .. } => None,
        };
        if let Some((law, what)) = wrong {
            self.judge.breach(law, what);
        }
    }

    /// A person who has a thing done again knows what they do, and for whom.
    fn a_person_decided(&self, intent: &Intent, law: Law) -> bool {
        let mut lanes = self.store.lanes();
        let lane = lanes.find(|lane| lane.links.iter().any(|l| l.id == intent.link));
        let decided = lane.is_none_or(|lane| self.was_decided_for(&lane.lane.user));
        if decided {
            self.judge.excuses(law);
        }
        decided
    }

    fn once(&mut self, intent: &Intent, what: String) -> Verdict {
        self.judge.asks(Law::SaidOnce);
        let many = self.judge.ears.counted(what.clone(), intent);
        let too_many =
            !self.a_person_decided(intent, Law::SaidOnce) && self.judge.is_too_many(many);
        too_many.then(|| (Law::SaidOnce, format!("{what} came {many} times")))
    }

    /// Only what an agent wrote for the customer goes out, as it was written.
    fn went_out(&self, said: &SendMessage) -> Verdict {
        let record = self.desk.records.get(&said.ticket);
        let comment = record.and_then(|r| r.said.iter().find(|k| k.id == said.comment));
        let is_meant = comment.is_some_and(|k| {
            let holds = match &said.message.content {
                Content::Text { body } => *body == k.body,
                Content::Media(media) => k.files.iter().any(|f| f.url.as_ref() == Some(&media.url)),
            };
            k.public && k.by_agent && !k.by_us && holds
        });
        // A restored backup forgot what we wrote: without a mark nothing tells that it is ours.
        let unmarked = comment.is_some_and(|k| !k.by_us) && !self.judge.restored.is_empty();
        let echo = record.is_some_and(|r| r.echoes.contains(&said.comment)) && !unmarked;
        self.judge.asks(Law::StaysInside);
        let what = format!("{} of {} went out", said.comment, said.ticket);
        (echo || !is_meant).then_some((Law::StaysInside, what))
    }

    fn knocks_once(&mut self, intent: &Intent, user: &UserId) -> Verdict {
        self.judge.asks(Law::KnocksOnce);
        let since = self.judge.ears.silences.get(&intent.id).copied().flatten();
        // Until Jelou did a start that named this spelling, nobody can know whose else it is (rule 9).
        let told = self.judge.asked_for.values().any(|asked| asked == user);
        let canonical = told.then(|| self.jelou.canonical(user.as_str()));
        let user = canonical.unwrap_or_else(|| user.as_str().to_owned());
        let what = format!("template for {user} since {since:?}");
        let many = self.judge.ears.counted(what.clone(), intent);
        let too_many =
            !self.a_person_decided(intent, Law::KnocksOnce) && self.judge.is_too_many(many);
        too_many.then(|| (Law::KnocksOnce, format!("{what} went {many} times")))
    }

    fn said_by_bot(&mut self, intent: &Intent, send: &SendBotMessage) -> Verdict {
        match &send.message.what {
            BotSays::Text { .. } => {
                self.judge.asks(Law::AwayOnce);
                let what = format!("nobody is in, for {}", send.conversation);
                let many = self.judge.ears.counted(what.clone(), intent);
                let too_many =
                    !self.a_person_decided(intent, Law::AwayOnce) && self.judge.is_too_many(many);
                too_many.then(|| (Law::AwayOnce, format!("{what}: {many} times")))
            }
            BotSays::VoiceCall { text, .. } => {
                let user = self.jelou.canonical(send.message.user.as_str());
                self.button_once(intent, &user, text.reveal())
            }
        }
    }

    fn button_once(&mut self, intent: &Intent, user: &str, text: &str) -> Verdict {
        let ticket = TicketId::parse(text.rsplit(' ').next()?).ok()?;
        self.judge.asks(Law::ButtonOnce);
        let button = format!("button of {ticket} for {user}");
        let many = self.judge.ears.counted(button, intent);
        let urgent = self.judge.ears.urgent.get(&ticket).copied().unwrap_or(0);
        // A Lane knows nothing of what the ticket's former customer got.
        let excused =
            self.was_given_away(&ticket) || self.a_person_decided(intent, Law::ButtonOnce);
        // Each time that a backup is restored, each button may go once more.
        let too_many = many > urgent * (1 + self.judge.restored.len()) && !excused;
        let what = format!("{many} buttons of {ticket}, which became urgent {urgent} times");
        too_many.then_some((Law::ButtonOnce, what))
    }

    /// When all is quiet: what was said is there, or its ticket says why not.
    pub(super) fn all_is_heard(&self) -> Verdict {
        let waiting = self.places_that_wait_for_a_person();
        let ways = self.judge.ears.ways.iter();
        let mut ways = ways.filter(|((place, _), _)| {
            let waits = waiting.contains(place);
            if waits {
                self.judge.excuses(Law::SaidIsHeard);
            }
            !waits
        });
        let unheard = ways.find_map(|((place, id), way)| {
            let wrong = match place {
                Place::Conversation { .. } => self.customer_is_heard(id, way),
                Place::Ticket { id: ticket } => self.agent_is_heard(ticket, id, way),
            };
            wrong.or_else(|| self.file_is_there(place, id, way))
        });
        unheard.or_else(|| self.what_is_owed_is_known(&waiting))
    }

    fn customer_is_heard(&self, id: &MessageId, way: &Way) -> Verdict {
        self.judge.asks(Law::SaidIsHeard);
        let Some(outcome) = way.outcome else {
            return Some((Law::SaidIsHeard, format!("{id} waits, and for nobody")));
        };
        let there = self.judge.ears.is_over(id);
        let lost = outcome == Outcome::Relayed && !there && !self.is_taken_for_another(id);
        let what = format!("{id} counts as brought over and is on no ticket");
        lost.then_some((Law::SaidIsHeard, what))
    }

    /// Whether a look for this message, which never came, found another's words: two Links of a ticket brought the
    /// same words of one second (history 3222).
    fn is_taken_for_another(&self, id: &MessageId) -> bool {
        let ears = &self.judge.ears;
        let Some(went) = ears.went.get(id) else {
            return false;
        };
        let found = |(link, ticket, words): &(LinkId, TicketId, String)| {
            went.iter()
                .any(|(own, at, said)| own != link && at == ticket && said == words)
        };
        let mut others = ears.went.iter().filter(|(other, _)| *other != id);
        self.shape.note == Resolve::DirectLookup
            && others.any(|(other, went)| ears.is_over(other) && went.iter().any(found))
    }

    fn agent_is_heard(&self, ticket: &TicketId, id: &MessageId, way: &Way) -> Verdict {
        self.judge.asks(Law::SaidIsHeard);
        let Some(outcome) = way.outcome else {
            return Some((Law::SaidIsHeard, format!("{id} waits, and for nobody")));
        };
        match outcome {
            Outcome::Relayed => {
                let sent = format!("{ticket}-{id}-");
                let mut talks = self.jelou.talks.values();
                let came = |(heard, _): &(MessageId, _)| heard.as_str().starts_with(&sent);
                let there = talks.any(|talk| talk.heard.iter().any(came));
                let what = format!("{id} counts as brought over and nobody heard it");
                (!there).then_some((Law::SaidIsHeard, what))
            }
            Outcome::NoConversation | Outcome::Window | Outcome::Unsendable | Outcome::Parked => {
                let told = self.is_told(ticket, &format!("(comment {id})"));
                let what = format!(
                    "{id} did not go out ({}) and {ticket} does not say so",
                    outcome.as_str()
                );
                (!told).then_some((Law::SaidIsHeard, what))
            }
            Outcome::Observed | Outcome::Unwanted | Outcome::NoTicket | Outcome::GivenUp => None,
        }
    }

    /// Whether a ticket says so, or takes no notes.
    fn is_told(&self, ticket: &TicketId, words: &str) -> bool {
        let mut records = self.desk.records.values();
        let told = records.any(|r| r.notes.iter().any(|note| note.contains(words)));
        let record = self.desk.records.get(ticket);
        let mute = record.is_none_or(|r| r.gone || r.ticket.status.as_str() == "closed");
        // What is not found twice counts as gone, although it is there.
        told || mute || self.counts_as_gone(ticket)
    }

    fn file_is_there(&self, place: &Place, id: &MessageId, way: &Way) -> Verdict {
        let relayed = way.outcome == Some(Outcome::Relayed);
        // What is planned for a ticket that counts as gone is withdrawn.
        let some_mute = self.had_by(place).iter().any(|id| {
            let record = self.desk.records.get(id);
            let mute = |r: &Record| r.gone || r.ticket.status.as_str() == "closed";
            record.is_none_or(mute) || self.is_merged(id) || self.counts_as_gone(id)
        });
        if !way.has_file || !relayed || !self.attaches() || some_mute {
            return None;
        }
        self.judge.asks(Law::FilesArrive);
        let hangs = self.judge.ears.over.contains_key(&format!("file of {id}"));
        let told = || {
            let words = format!("(file {id}");
            let mut records = self.desk.records.values();
            records.any(|r| r.notes.iter().any(|note| note.contains(&words)))
        };
        let lost = !hangs && (!never_comes(id) || !told());
        lost.then(|| (Law::FilesArrive, format!("the file of {id} hangs nowhere")))
    }

    /// The tickets that what is said at a place may go to: of a conversation, all that it had.
    fn had_by(&self, place: &Place) -> BTreeSet<TicketId> {
        match place {
            Place::Ticket { id } => BTreeSet::from([id.clone()]),
            Place::Conversation { id } => {
                let lanes = self.store.lanes();
                let links = lanes.flat_map(|lane| lane.links);
                let of_talk = links.filter(|l| l.conversation_id() == Some(id));
                of_talk.filter_map(|l| l.ticket_id().cloned()).collect()
            }
        }
    }

    /// Words for a customer who had a Link came to be known, whatever became of them then.
    fn what_is_owed_is_known(&self, waiting: &BTreeSet<Place>) -> Verdict {
        if self.shape.second_clock != 0 || !self.hears_of_comments() {
            return None;
        }
        let gone = |id: &TicketId| self.desk.records.get(id).is_none_or(|r| r.gone);
        let known = |(ticket, comment): &&(TicketId, MessageId)| {
            let excused = self.was_given_away(ticket)
                || self.counts_as_gone(ticket)
                || gone(ticket)
                || self.may_be_doubled(ticket)
                || waiting.contains(&Place::Ticket { id: ticket.clone() })
                || self.asks_a_person(ticket, comment);
            if excused {
                return true;
            }
            let place = Place::Ticket { id: ticket.clone() };
            self.judge.ears.ways.contains_key(&(place, comment.clone()))
                || self.came_too_late(ticket, comment)
        };
        let mut owed = self.judge.ears.owed.iter();
        let (ticket, comment) = owed.find(|owed| !known(owed))?;
        let what = format!("{comment} of {ticket} came to nobody's ears");
        Some((Law::SaidIsHeard, what))
    }

    /// Whether each Delivery that brought an agent's words waits for a person, or was given up by one: the ticket
    /// could not be read, so nobody knows whose they are (rule 15; history 3842980).
    fn asks_a_person(&self, ticket: &TicketId, comment: &MessageId) -> bool {
        let key = (ticket.clone(), comment.clone());
        let unread = ["refused", "retries_exhausted", "discarded"];
        self.judge.ears.brought.get(&key).is_some_and(|by| {
            let mut all = self.store.deliveries().filter(|d| by.contains(&d.id));
            all.all(|d| {
                let set_aside = matches!(d.state, "parked" | "ignored");
                set_aside && d.reason.is_some_and(|reason| unread.contains(&reason))
            })
        })
    }

    /// Whether the ticket had gone over to another customer between the moment when its words were said
    /// and the one when they came to be known: the Link is asked first (rule 10), and that customer's
    /// relay begins with it (rule 17). Who hears them before that owes them, whatever comes then.
    fn came_too_late(&self, ticket: &TicketId, comment: &MessageId) -> bool {
        let record = self.desk.records.get(ticket);
        let said = record.and_then(|r| r.said.iter().find(|k| k.id == *comment));
        let Some(at) = said.and_then(|k| k.at) else {
            return false;
        };
        let key = (ticket.clone(), comment.clone());
        let Some(known) = self.judge.ears.known.get(&key) else {
            return false;
        };
        let own = record.and_then(|r| self.mapping.user_id(&r.ticket).ok().flatten());
        self.store.lanes().any(|lane| {
            let mut links = lane.links.iter();
            let in_between = |made_at| at < made_at && made_at <= *known;
            own.as_ref() != Some(&lane.lane.user)
                && links.any(|l| l.ticket_id() == Some(ticket) && in_between(l.created_at))
        })
    }
}

fn way_of(lane: &LaneId, message: &Message) -> Way {
    Way {
        lane: lane.clone(),
        outcome: message.outcome,
        has_file: message.media.is_some(),
    }
}

/// What goes out for the first time is the earliest that waits at its place: of what comes to be known
/// later nobody could know.
fn in_turn(after: &Lane, intent: &Intent) -> Verdict {
    if intent.attempts != 1 {
        return None;
    }
    let (id, of_customer) = match &intent.effect {
        Effect::AddComment(said) => (&said.message, true),
        Effect::SendMessage(said) if said.part == 1 => (&said.comment, false),
        Effect::SendMessage(_)
        | Effect::StartConversation(_)
        | Effect::CloseConversation(_)
        | Effect::WriteTicketId(_)
        | Effect::UpsertRequester { .. }
        | Effect::CreateTicket(_)
        | Effect::WriteLinkField { .. }
        | Effect::SetStatus { .. }
        | Effect::SetFields { .. }
        | Effect::AttachFile(_)
        | Effect::SendTemplate(_)
        | Effect::SendBotMessage(_)
        | Effect::HandOver(_)
        | Effect::AddNote { .. } => return None,
    };
    let is_here = |m: &&Message| matches!(m.place, Place::Conversation { .. }) == of_customer;
    let mut here = after.messages.iter().filter(is_here);
    let said = here.clone().find(|m| m.id == *id)?;
    let earlier = here.find(|m| m.place == said.place && m.waits() && m.at < said.at)?;
    let what = format!("{id} goes out before {}", earlier.id);
    Some((Law::SaidInOrder, what))
}
