//! Every metric's name, its labels and its help, once. Neighbours: `instance` and `service`
//! register these; `docs/METRICS.md` is written from them.
//!
//! A name is `jelou_bridge_<noun>_<unit>`; a counter ends in `_total`. A label's values come from a
//! closed list in [`super::labels`], or are the names of configured bridges and bots, never from what
//! senders write. Teams are named by Jelou's account; only the first few of them are told apart.

/// What kind of figure it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Only grows, from zero at each start.
    Counter,
    /// As it is now.
    Gauge,
    /// How often it was at most so much; the upper bounds in the metric's unit.
    Histogram(&'static [f64]),
}

impl Kind {
    /// The word in the text format.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// Where the figure comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Counted by this process as it happens; begins anew with each start.
    Instance,
    /// Read from the store at each scrape; the same over restarts.
    Service,
}

/// One metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Name {
    /// As scraped.
    pub name: &'static str,
    /// What kind of figure.
    pub kind: Kind,
    /// Its labels, in order.
    pub labels: &'static [&'static str],
    /// One sentence without the full stop, which the text format gets added.
    pub help: &'static str,
    /// Where it comes from.
    pub origin: Origin,
}

/// A remote answers in a tenth of a second on a good day; a call may take 10 s by default.
const CALL_SECONDS: &[f64] = &[0.1, 0.3, 1.0, 3.0, 10.0];
/// From "at once" to "a day's outage".
const END_TO_END_SECONDS: &[f64] = &[0.1, 1.0, 10.0, 60.0, 600.0];
/// One fsync takes about a millisecond on a solid-state disk and 20 on a turning one.
const COMMIT_SECONDS: &[f64] = &[0.001, 0.005, 0.02, 0.1, 0.5, 2.0];
/// A group commit gathers what came while the last one ran.
const BATCH_SIZES: &[f64] = &[1.0, 4.0, 16.0, 64.0, 256.0];
/// Webhooks are answered within 5 s, and should be within 0.05.
const INGEST_SECONDS: &[f64] = &[0.005, 0.02, 0.05, 0.25, 1.0, 5.0];

/// A minute is quick for a person; after an hour the customer is gone.
const FIRST_REPLY_SECONDS: &[f64] = &[60.0, 600.0, 3600.0];
/// From a short question to one that waited over night.
const TALK_SECONDS: &[f64] = &[600.0, 3600.0, 86400.0];

macro_rules! names {
    ($($id:ident: $name:literal, $kind:expr, [$($label:literal),*], $origin:ident, $help:literal;)*) => {
        $(
            #[doc = $help]
            pub const $id: Name = Name {
                name: concat!("jelou_bridge_", $name),
                kind: $kind,
                labels: &[$($label),*],
                help: $help,
                origin: Origin::$origin,
            };
        )*
        /// All of them, in the order of the manual.
        pub const ALL: &[&Name] = &[$(&$id),*];
    };
}

names! {
    DELIVERIES: "deliveries_total", Kind::Counter, ["bridge", "side", "outcome"], Instance,
        "Webhook requests for a configured bridge, by what became of them at the door";
    INGEST: "ingest_seconds", Kind::Histogram(INGEST_SECONDS), [], Instance,
        "Time from a webhook's head to its answer";
    EVENTS_SETTLED: "events_settled_total", Kind::Counter, ["bridge", "side", "fate"], Instance,
        "Events that came to an end, by their fate";
    END_TO_END: "end_to_end_seconds", Kind::Histogram(END_TO_END_SECONDS), ["bridge"], Instance,
        "Time from a delivery's receipt to the confirmation of an effect it caused";
    EFFECTS: "effects_total", Kind::Counter, ["bridge", "operation", "outcome"], Instance,
        "Tries to change a remote, by outcome";
    CALLS: "calls_total", Kind::Counter, ["bridge", "side", "status_class"], Instance,
        "Calls to a remote, reads and writes, by the class of the HTTP status";
    CALL_SECONDS_TAKEN: "call_seconds", Kind::Histogram(CALL_SECONDS), ["bridge", "side"], Instance,
        "Time a call to a remote took";
    RATE_WAIT: "rate_wait_seconds_total", Kind::Counter, ["bridge", "side"], Instance,
        "Time that lanes were put off because the rate of a remote was used up";
    BREAKER_OPEN: "breaker_open", Kind::Gauge, ["bridge", "side"], Instance,
        "1 while calls to a remote are held back because it fails for many lanes";
    CREDENTIAL_PAUSED: "credential_paused", Kind::Gauge, ["bridge", "side"], Instance,
        "1 while a credential is paused because the remote refused it";
    DRIFT: "drift_total", Kind::Counter, ["bridge"], Instance,
        "Differences that the sweep found and no webhook had said";
    SWEEP_SECONDS: "sweep_seconds", Kind::Gauge, ["bridge"], Instance,
        "Length of the latest full round of the sweep";
    LAST_SWEEP: "last_sweep_timestamp_seconds", Kind::Gauge, ["bridge"], Instance,
        "When the latest full round of the sweep ended, in seconds since 1970";
    WEBHOOK_SILENCE: "webhook_silence", Kind::Gauge, ["bridge"], Instance,
        "1 while a confirmed start or close brought no webhook: Jelou's webhooks are silent";
    MISCLOSED: "misclosed_total", Kind::Counter, ["bridge"], Instance,
        "Closes that Jelou answered with another conversation than the one meant";
    POSSIBLE_DUPLICATES: "possible_duplicates_total", Kind::Counter, ["bridge"], Instance,
        "Effects tried again although an earlier try may have worked";
    MESSAGES: "messages_total", Kind::Counter, ["bridge", "direction", "outcome"], Instance,
        "Messages that came to an end, by the way they went and how they ended";
    REPORTS: "reports_total", Kind::Counter, ["bridge", "result"], Instance,
        "Reports on conversations that came to an end: found; after the last look no_report where it was read, unread where it was not";
    FIRST_REPLY: "first_reply_seconds", Kind::Histogram(FIRST_REPLY_SECONDS), ["bridge", "bot", "team"], Instance,
        "Time a customer waited for an operator's first words, as Jelou's report tells it";
    TALK_LENGTH: "conversation_seconds", Kind::Histogram(TALK_SECONDS), ["bridge", "bot", "team"], Instance,
        "Time a conversation went on, as Jelou's report tells it";
    LANES_SET_ASIDE: "lanes_set_aside_total", Kind::Counter, ["bridge", "law"], Instance,
        "Lanes set aside because a law would have been broken, which is a bug of the bridge";
    STORE_COMMIT: "store_commit_seconds", Kind::Histogram(COMMIT_SECONDS), [], Instance,
        "Time one group commit of the store took";
    STORE_BATCH: "store_batch_size", Kind::Histogram(BATCH_SIZES), [], Instance,
        "Members of one group commit of the store";
    CONFIG_RELOADS: "config_reloads_total", Kind::Counter, ["outcome"], Instance,
        "Tries to take over a changed config file";
    BUILD_INFO: "build_info", Kind::Gauge, ["version"], Instance,
        "Always 1; the version is in the label";
    OLDEST_UNSETTLED: "oldest_unsettled_seconds", Kind::Gauge, ["bridge"], Service,
        "Age of the oldest delivery that is not settled; 0 if there is none";
    UNSETTLED: "unsettled_deliveries", Kind::Gauge, ["bridge", "stage"], Service,
        "Deliveries that are not settled, by whether they wait for the router or for their lane";
    OLDEST_MESSAGE: "oldest_waiting_message_seconds", Kind::Gauge, ["bridge", "direction"], Service,
        "Age of the oldest message that waits to be brought over, by the clock of where it was said";
    LANES_DUE: "lanes_due", Kind::Gauge, [], Service,
        "Lanes with work to do now that no worker has";
    LANES_CLAIMED: "lanes_claimed", Kind::Gauge, [], Service,
        "Lanes that a worker has";
    LINKS: "links", Kind::Gauge, ["bridge", "state"], Service,
        "Live links, by state";
    INTENTS: "intents", Kind::Gauge, ["bridge", "state"], Service,
        "Effects on their way out, by state";
    PARKED: "parked", Kind::Gauge, ["bridge", "reason"], Service,
        "Effects and deliveries that wait for a person, by reason";
    HALT_TRIPPED: "halt_tripped", Kind::Gauge, ["bridge", "operation"], Service,
        "1 while the safety halt holds this kind of effect until a person releases it";
    HALT_HELD: "halt_held_intents", Kind::Gauge, ["bridge", "operation"], Service,
        "Effects that the safety halt holds";
}
