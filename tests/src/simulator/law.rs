//! What must always hold, each law with its name and its promise. Neighbours: `judge`, which asks
//! after each step; `ending`, which asks when all is healed and quiet.

macro_rules! laws {
    ($($(#[doc = $doc:literal])+ $name:ident = $word:literal;)+) => {
        /// One law.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Law { $($(#[doc = $doc])+ $name,)+ }

        impl Law {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The word in traces and tables.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }

            /// Its bit where many laws are one number.
            #[must_use]
            pub const fn bit(self) -> u64 {
                1 << self as u64
            }

            /// What it promises.
            #[must_use]
            pub fn promise(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii_start(),)+ }
            }
        }
    };
}

laws! {
    /// A1: what was answered 200 is in the store from then on, itself and not another under its key (but for what a restored backup had not yet).
    AckedKept = "acked_kept";
    /// A2: what Jelou told twice, in whatever bytes, and two Deliveries with one id of their sender are one row.
    RecordedOnce = "recorded_once";
    /// A3: an Event is settled once, and only a person's retry brings a settled or parked Delivery back.
    SettledOnce = "settled_once";
    /// A4: a write reaches a remote only if its Intent is committed as sent, for a Link and a cause that are known.
    IntentFirst = "intent_first";
    /// A4: an Intent that went out stays in the store, however its Lane was joined with another (but for what a restored backup had not yet).
    IntentKept = "intent_kept";
    /// A5: one Intent makes one object where the remote offers a key or a lookup; elsewhere each surplus has an unknown outcome behind it and is flagged.
    CreatedOnce = "created_once";
    /// A5: at most one ticket is made for a conversation, whatever times out, unless flagged.
    OneTicketPerTalk = "one_ticket_per_talk";
    /// A6: a live Link shares neither its ticket nor its conversation with another live Link.
    OneLinkEach = "one_link_each";
    /// A6: at most one open conversation of a ticket was started by us, unless flagged.
    OneTalkPerTicket = "one_talk_per_ticket";
    /// A6: at most one open conversation of a customer was started by us, unless flagged.
    OneTalkPerLane = "one_talk_per_lane";
    /// A5: what the report tells of a conversation is told on a ticket once, and only of one that has ended.
    ReportedOnce = "reported_once";
    /// A7: a conversation that we started names the ticket of its Link.
    NamesItsTicket = "names_its_ticket";
    /// A10: who has lost a Claim commits nothing: tokens of commits never decrease.
    SingleWriter = "single_writer";
    /// A11: the version of a ticket that is known never decreases, and a closed conversation stays closed.
    NothingStale = "nothing_stale";
    /// A12: a close that hit another conversation than meant is noticed with the answer that says so.
    RightTarget = "right_target";
    /// A13: what bears no accepted signature is refused, and the store does not change.
    Authentic = "authentic";
    /// A14: nobody calls a host that asked for time, or with a credential that is paused, before its time.
    RateKept = "rate_kept";
    /// A14: a Link is not written to more often in a minute than its budget allows, nor for a ticket, whatever Links it has in turn, more than twice as often.
    WriteBudget = "write_budget";
    /// A15: no more Claims and routings are held than there are workers.
    Bounded = "bounded";
    /// A5: of what a restored backup forgot each ticket is made at most once more.
    NoSecondUndo = "no_second_undo";
    /// The mode `observe` writes to neither side.
    ObserveWritesNothing = "observe_writes_nothing";
    /// What the safety halt holds reaches no remote before it is released, and then goes out without being held again.
    HaltHolds = "halt_holds";
    /// A key that a remote takes for one thing is never sent for another (but for a restored backup, after which the Intents' numbers begin again where it ended).
    OneKeyOneThing = "one_key_one_thing";
    /// A3: what counts as taken in is known to its Lane from then on.
    TakenIn = "taken_in";
    /// A start goes out for a ticket that asks for one and had none since it began to, a ticket is made for a conversation that was heard of, and a status is set for a reason that holds.
    AskedFor = "asked_for";
    /// The conversation of a start is one that it made, or could have made for all that is known.
    OwnStart = "own_start";
    /// A live Link keeps the conversation that it has.
    SidesStay = "sides_stay";
    /// A11: a status is set over one that was seen, and not by the side that is to give way.
    NothingOverwritten = "nothing_overwritten";
    /// A12: a close goes out after a look at its conversation, and while that is the customer's only one; where a conversation wins over its ticket, its end is agreed on after a look at that.
    LookedFirst = "looked_first";
    /// A8: of a customer, one start or close is on its way at a time.
    OneAtATime = "one_at_a_time";
    /// What is not found once may be found again: only twice is gone.
    MissedTwice = "missed_twice";
    /// A call that was turned away, by a rate or with its credential, is no try, and parks nothing.
    TurnedAwayIsFree = "turned_away_is_free";
    /// The state machine never makes what its own checks would refuse: these checks run in production too.
    Sound = "sound";
    /// Nothing panics.
    Panicked = "panicked";
    /// A history comes to rest: nothing spins.
    ComesToRest = "comes_to_rest";
    /// L1: when all is healed, every Event is settled, ignored or parked: after two sweeps and a minute, where nothing waits for longer than a backoff, what came two minutes before; in the end all.
    Settled = "settled";
    /// L1: when all is healed, no Intent stays half done without a reason: it is done, given up, parked, or waits for a busy customer.
    IntentsEnd = "intents_end";
    /// L2: when all is healed, each linked ticket is known as it is: after two sweeps and a minute, where nothing waits for longer than a backoff, and in the end.
    KnownAsItIs = "known_as_it_is";
    /// L3: when all is healed, both sides of a Link agree: an ended conversation has no live Link.
    Converged = "converged";
    /// L4: when all is healed, a closed ticket's conversation is closed: after two sweeps and a minute, where nothing waits for longer than a backoff, and in the end.
    ClosedIsClosed = "closed_is_closed";
    /// L5: after the last change from outside, at most two writes per Link and side come on top of what must be made.
    FewWrites = "few_writes";
    /// L5: when all is quiet, a full sweep writes nothing, and a second one neither.
    Fixpoint = "fixpoint";
    /// L3: when all is healed, a ticket that asks for a conversation was answered: there is or was a Link, or a person was asked.
    AskedIsAnswered = "asked_is_answered";
    /// L3: when all is healed, no Link waits for a side of which nobody is working, but for a busy customer or a person.
    NoLinkHalf = "no_link_half";
    /// L3: when all is healed, a ticket's link field names the conversation that its Link has.
    FieldNamesTalk = "field_names_talk";
    /// L3: when all is healed, the customer's bot reads the ticket's id where it is to be, and none after the end.
    IdWhereRead = "id_where_read";
    /// What a customer or an agent said, and a file, is brought over once, unless flagged.
    SaidOnce = "said_once";
    /// What an agent says goes to whom it was said to, the ticket's requester of that moment or who had it by a live Link, and to nobody if the bridge observed then and had no conversation for it; and a customer's conversation goes onto no ticket known to be somebody else's, unless it names it.
    ToWhom = "to_whom";
    /// What is said at one place is brought over in its order, but for what comes to be known late.
    SaidInOrder = "said_in_order";
    /// What is said among agents, and what the bridge wrote or told them, never goes out, however the desk tells of it.
    StaysInside = "stays_inside";
    /// A customer whom words do not reach gets one template after each of their last words, unless flagged.
    KnocksOnce = "knocks_once";
    /// A call button goes out once for each time that a ticket becomes urgent, unless flagged.
    ButtonOnce = "button_once";
    /// A customer reads once in a conversation that nobody is in, unless flagged.
    AwayOnce = "away_once";
    /// When all is healed, all that was said, and each customer's message from its first answered webhook on, has been brought over, or its ticket was told, or a person is asked.
    SaidIsHeard = "said_is_heard";
    /// When all is healed, a file that can be had hangs on its ticket, and of another the ticket was told.
    FilesArrive = "files_arrive";
    /// What follows a create is done no more once it was done and heard of.
    FollowsOnce = "follows_once";
    /// When all is healed, what follows a create was done, or its ticket was told, or a person is asked.
    FollowsDone = "follows_done";
    /// A Link follows its ticket's merge into no other customer's ticket, unless a person wants it.
    FollowsItsOwn = "follows_its_own";
    /// What was planned for a Link goes out no more once a person has untied it.
    UntiedIsLeft = "untied_is_left";
    /// L6: no Lane stays claimed when nobody works on it: 35 s after all is healed no lease is over and not taken, and in the end none is held.
    LeasesEnd = "leases_end";
}

// Each has a bit of its own.
const _: () = assert!(Law::ALL.len() <= 64);

/// A law that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// Which.
    pub law: Law,
    /// By what.
    pub what: String,
}
