//! Webhooks on their way, and the door they come to. Neighbours: the remotes, whose changes are told;
//! the store, which keeps before anybody is answered; `router`, which takes them from there.

use super::{
    fault::Fault,
    judge::Told,
    law::Law,
    queue::{Happening, ReplicaId},
    world::{BRIDGE, PROJECT, World},
};
use bridge_core::{
    event::{Event, Parsed, Side},
    ids::{BridgeName, ConversationId, IntentId, MessageId, TicketId},
};
use bridge_remotes::{bot, desk::Carries};
use bytes::Bytes;
use http::HeaderMap;
use jelou_adapter::webhook::{SIGNATURE_HEADER, dedup_key, parse, sign, verify};
use jelou_bridge::store::{NewDelivery, Recorded, Source};
use std::{collections::BTreeMap, rc::Rc, time::Duration};

/// The secrets that are accepted.
const SECRETS: [&str; 2] = ["the first secret", "the second secret"];

/// One that is not.
const FORGED: &str = "a secret that nobody gave away";

/// Who gets no answer sends again this often, and no more.
const TRIES: u8 = 4;

/// A desk that gathers sends what it has within this, ms.
const GATHERS_MOST_MS: u64 = 3_000;

/// A webhook in the air.
#[derive(Clone, Debug)]
pub struct Hook {
    /// Who sends it.
    pub side: Side,
    told: Told,
    body: Bytes,
    dedup: Option<String>,
    signature: String,
    forged: bool,
    tries: u8,
}

impl World {
    /// A remote tells what happened.
    pub fn tell(&mut self, event: &Event) {
        let side = match event {
            Event::TicketChanged(_) | Event::CommentAdded(_) => Side::Ticketing,
            Event::ConversationStarted(_)
            | Event::ConversationClosed(_)
            | Event::MessageReceived(_) => Side::Jelou,
        };
        if let Event::TicketChanged(change) = event {
            self.is_changed(&change.ticket);
        }
        if side == Side::Ticketing && !self.shape.desk_hooks {
            return;
        }
        if self.faults.strikes(Fault::HookLost) {
            return;
        }
        let event = self.as_told(event);
        if side == Side::Ticketing && self.gathers(&event) {
            return;
        }
        self.tell_at_once(side, vec![event]);
    }

    /// A desk that gathers keeps what happened for a body with what happens next. Says whether it does.
    fn gathers(&mut self, event: &Event) -> bool {
        let is_first = self.gathered.is_empty();
        if is_first && !self.faults.strikes(Fault::HooksGathered) {
            return false;
        }
        self.gathered.push(event.clone());
        if is_first {
            let wait = self.faults.below(Fault::HooksGathered, GATHERS_MOST_MS);
            let at = self.now.plus(Duration::from_millis(wait));
            self.queue.plan(at, Happening::Gathered);
        }
        true
    }

    /// The desk tells in one body what it gathered.
    pub fn tell_gathered(&mut self) {
        let events = std::mem::take(&mut self.gathered);
        self.tell_at_once(Side::Ticketing, events);
    }

    fn tell_at_once(&mut self, side: Side, events: Vec<Event>) {
        let body = match side {
            Side::Jelou => events.first().map(jelou_body).unwrap_or_default(),
            Side::Ticketing => serde_json::to_string(&events).unwrap_or_default(),
        };
        let told = Some(Rc::from(events));
        self.send(side, &told, &body);
        if self.faults.strikes(Fault::HookRepeated) {
            self.send(side, &told, &body);
        }
        let has_ids = side == Side::Jelou || self.shape.delivery_ids;
        if has_ids && self.faults.strikes(Fault::HookRewritten) {
            let other = body.replacen(',', " ,  ", 1);
            self.send(side, &told, &other);
        }
        if side == Side::Ticketing && self.shape.delivery_ids {
            if self.faults.strikes(Fault::HookOtherId) {
                self.hooks_sent += 1;
                self.send(side, &told, &body);
            }
            self.hooks_sent += 1;
        }
        self.send_strange(side, &body);
    }

    fn send_strange(&mut self, side: Side, body: &str) {
        if side == Side::Jelou && self.faults.strikes(Fault::HookForged) {
            let body = body.replace("\"start\"", "\"close\"");
            let hook = Hook {
                side,
                told: None,
                signature: sign(FORGED, body.as_bytes()),
                body: Bytes::from(body),
                dedup: None,
                forged: true,
                tries: 0,
            };
            self.fly(hook);
        }
        if self.faults.strikes(Fault::HookUnreadable) {
            let cut = body.len() / 2;
            let half: String = body.chars().take(cut).collect();
            let mut hook = self.hook(side, &half);
            hook.dedup = hook.dedup.map(|id| format!("{id}-half"));
            self.fly(hook);
        }
    }

    fn send(&mut self, side: Side, told: &Told, body: &str) {
        let mut hook = self.hook(side, body);
        hook.told.clone_from(told);
        self.fly(hook);
    }

    fn hook(&mut self, side: Side, body: &str) -> Hook {
        let (signature, dedup) = match side {
            Side::Jelou => {
                let other = self.faults.strikes(Fault::HookOtherSecret);
                let secret = SECRETS[usize::from(other)];
                (sign(secret, body.as_bytes()), None)
            }
            Side::Ticketing => {
                let id = format!("d{}", self.hooks_sent);
                (String::new(), self.shape.delivery_ids.then_some(id))
            }
        };
        Hook {
            side,
            told: None,
            body: Bytes::copy_from_slice(body.as_bytes()),
            dedup,
            signature,
            forged: false,
            tries: 0,
        }
    }

    fn fly(&mut self, hook: Hook) {
        let mut wait = 20;
        if self.faults.strikes(Fault::HookOvertaken) {
            wait = self.faults.below(Fault::HookOvertaken, 4_000);
        }
        if self.faults.strikes(Fault::HookDelayed) {
            wait = self.faults.below(Fault::HookDelayed, 300_000);
        }
        let at = self.now.plus(Duration::from_millis(wait));
        self.queue.plan(at, Happening::Hook(Box::new(hook)));
    }

    /// A webhook is at the door.
    pub fn land(&mut self, hook: Hook) {
        let at = self.any_replica();
        let answered = at.is_some_and(|replica| self.take_in(replica, &hook));
        if !answered && hook.tries == TRIES {
            self.gave_up |= hook.side == Side::Ticketing;
        } else if !answered {
            let wait = Duration::from_secs(5 << hook.tries);
            let mut hook = hook;
            hook.tries += 1;
            self.queue
                .plan(self.now.plus(wait), Happening::Hook(Box::new(hook)));
        }
    }

    /// Verifies, records, answers; as the daemon's listener. Says whether the sender got an answer.
    fn take_in(&mut self, replica: ReplicaId, hook: &Hook) -> bool {
        let dedup = match hook.side {
            Side::Jelou => {
                let mut headers = HeaderMap::new();
                if let Ok(value) = hook.signature.parse() {
                    headers.insert(SIGNATURE_HEADER, value);
                }
                let proven = verify(&SECRETS, &headers, &hook.body).is_ok();
                self.judge.asks(Law::Authentic);
                if proven == hook.forged {
                    let what = format!("a webhook was proven: {proven}, forged: {}", hook.forged);
                    self.judge.breach(Law::Authentic, what);
                }
                if !proven {
                    return true;
                }
                Some(dedup_key(&hook.body))
            }
            Side::Ticketing => hook.dedup.clone(),
        };
        if self.store_is_down() {
            return false;
        }
        let recorded = self.store.record(NewDelivery {
            bridge: self.bridge.clone(),
            side: hook.side,
            source: Source::Webhook,
            dedup: dedup.clone(),
            received_at: self.clock(replica),
            headers: BTreeMap::new(),
            body: hook.body.clone(),
        });
        self.trace(|w| {
            format!(
                "{:?} webhook: {recorded:?} {}",
                hook.side,
                w.shown(&hook.body)
            )
        });
        if let Recorded::New(id) = recorded {
            self.judge.recorded(hook.side, dedup, &hook.told, id);
            if let Some(intent) = intent_in(hook) {
                self.judge.told_of_start(intent, self.now);
            }
            self.judge.heard.extend(told_of(hook));
            let told = hook.told.as_deref().unwrap_or_default();
            for ticket in told.iter().filter_map(Event::ticket) {
                self.judge.shown.insert(ticket.clone(), self.now);
            }
            for (ticket, comment) in comments_in(told) {
                let at = self.clock(replica);
                self.judge.ears.came_to_be_known(&ticket, &comment, at);
                self.judge.ears.brought_by(&ticket, &comment, id);
            }
            self.ring();
        }
        if self.faults.strikes(Fault::CrashAtIngest) {
            self.crash(replica);
            return false;
        }
        self.judge.answered(&hook.told, recorded.id());
        true
    }

    fn shown(&self, body: &Bytes) -> String {
        String::from_utf8_lossy(body).chars().take(600).collect()
    }

    /// An event as its webhook tells it: one that carries ids alone tells no moment.
    fn as_told(&self, event: &Event) -> Event {
        let mut event = event.clone();
        if let Event::TicketChanged(change) = &mut event
            && self.shape.carries == Carries::IdOnly
            && !self.shape.delivery_ids
        {
            change.at = None;
        }
        event
    }
}

/// The start of ours that a webhook tells of, if it is one.
fn intent_in(hook: &Hook) -> Option<IntentId> {
    let told = |word: &[u8]| hook.body.windows(word.len()).any(|part| part == word);
    if hook.side != Side::Jelou || !told(b"intentId") {
        return None;
    }
    let Parsed::Events(events) = parse(&hook.body, PROJECT, &[bot()]) else {
        return None;
    };
    events.into_iter().find_map(|event| match event {
        Event::ConversationStarted(e) => e.intent_id,
        Event::ConversationClosed(_)
        | Event::MessageReceived(_)
        | Event::TicketChanged(_)
        | Event::CommentAdded(_) => None,
    })
}

/// The conversation of which a webhook of Jelou tells a start or a message.
fn told_of(hook: &Hook) -> Option<ConversationId> {
    let body = std::str::from_utf8(&hook.body).ok()?;
    let tells = body.contains("\"event_type\":\"start\"") || body.contains("\"message_event\"");
    let (_, rest) = body.split_once("\"conversation\":{\"id\":\"")?;
    let (id, _) = rest.split_once('"')?;
    let tells = tells && hook.side == Side::Jelou;
    ConversationId::parse(id).ok().filter(|_| tells)
}

/// The agents' words that the desk told.
pub fn comments_in(told: &[Event]) -> Vec<(TicketId, MessageId)> {
    let said = told.iter().filter_map(|event| match event {
        Event::CommentAdded(e) => Some((e.ticket.clone(), e.comment.clone())),
        Event::ConversationStarted(_)
        | Event::ConversationClosed(_)
        | Event::MessageReceived(_)
        | Event::TicketChanged(_) => None,
    });
    said.collect()
}

/// What Jelou sends.
fn jelou_body(event: &Event) -> String {
    let Some(talk) = event.conversation() else {
        return String::new();
    };
    let (object, kind, value, at) = match event {
        Event::ConversationStarted(e) => {
            let mut metadata = Vec::new();
            if let Some(intent) = &e.intent_id {
                metadata.push(format!("\"intentId\":\"{intent}\""));
            }
            if let Some(ticket) = &e.ticket_id {
                metadata.push(format!("\"ticketId\":\"{ticket}\""));
            }
            let value = format!("{{\"metadata\":{{{}}}}}", metadata.join(","));
            ("conversation_event", "start", value, e.at)
        }
        Event::ConversationClosed(e) => {
            let reason = match &e.conversation.state {
                bridge_core::conversation::ConversationState::Closed { reason } => reason.as_str(),
                bridge_core::conversation::ConversationState::Active => "unknown",
            };
            let value = format!("{{\"reason\":\"{reason}\"}}");
            ("conversation_event", "close", value, e.at)
        }
        Event::MessageReceived(e) => {
            let (kind, content) = match &e.media {
                None => ("text", "\"body\":\"hello\"".to_owned()),
                Some(media) => ("image", format!("\"url\":\"{}\"", media.url.reveal())),
            };
            let value = format!(
                "{{\"id\":\"{}\",\"type\":\"{kind}\",\"content\":{{{content}}}}}",
                e.message
            );
            ("message_event", "message", value, e.at)
        }
        Event::TicketChanged(_) | Event::CommentAdded(_) => return String::new(),
    };
    format!(
        "{{\"timestamp\":{},\"object\":\"{object}\",\"event_type\":\"{kind}\",\"project_id\":\"{PROJECT}\",\
         \"contact\":{{\"id\":\"{}\",\"name\":\"Ana\"}},\"conversation\":{{\"id\":\"{}\"}},\
         \"bot\":{{\"id\":\"{}\"}},\"value\":{value}}}",
        at.0, talk.user, talk.id, talk.bot
    )
}

/// The bridge of all histories.
#[must_use]
pub fn bridge() -> BridgeName {
    BridgeName::parse(BRIDGE).unwrap_or_else(|_| unreachable!("a constant name"))
}
