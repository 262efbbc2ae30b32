//! Every kind of fault there is, in one table, and how often each fired. Neighbours: `history`, which
//! gives a seed some of them; `hooks`, `calls`, `claims` and `acts`, where they happen.

use bridge_remotes::chance::Chance;

macro_rules! faults {
    ($($(#[doc = $doc:literal])+ $name:ident = $word:literal, $rate:literal;)+) => {
        /// One kind of fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Fault { $($(#[doc = $doc])+ $name,)+ }

        impl Fault {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The word on the command line and in traces.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }

            /// What it is, in a sentence.
            #[must_use]
            pub fn sentence(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii_start(),)+ }
            }

            /// In how many of a hundred cases it happens at most, where it may; 0 where a person or
            /// the world makes it happen as an act of its own.
            #[must_use]
            pub fn rate_max(self) -> u8 {
                match self { $(Self::$name => $rate,)+ }
            }
        }
    };
}

faults! {
    /// A webhook never arrives.
    HookLost = "hook_lost", 100;
    /// A webhook arrives twice, byte for byte.
    HookRepeated = "hook_repeated", 50;
    /// A webhook arrives again with its bytes in another order.
    HookRewritten = "hook_rewritten", 50;
    /// A webhook arrives again under another delivery id.
    HookOtherId = "hook_other_id", 50;
    /// A webhook arrives minutes late.
    HookDelayed = "hook_delayed", 40;
    /// A webhook is overtaken by later ones.
    HookOvertaken = "hook_overtaken", 60;
    /// A webhook is signed with another secret that is accepted too.
    HookOtherSecret = "hook_other_secret", 60;
    /// Somebody sends a forged webhook; it must be refused and leave nothing behind.
    HookForged = "hook_forged", 30;
    /// An authentic webhook that nobody can read arrives beside the right one.
    HookUnreadable = "hook_unreadable", 20;
    /// The process dies when a webhook is stored and not yet answered.
    CrashAtIngest = "crash_at_ingest", 8;
    /// A connection never opens: surely nothing was done.
    NotConnected = "not_connected", 20;
    /// A request is lost on its way, and nobody can tell.
    RequestLost = "request_lost", 20;
    /// A call is done, and its answer is cut off.
    AnswerCut = "answer_cut", 20;
    /// A call is done, and its answer comes after the deadline.
    AnswerLate = "answer_late", 15;
    /// A call is done, and its answer cannot be read.
    AnswerMalformed = "answer_malformed", 15;
    /// A write is refused for good with 400, 409 or 422.
    Refused = "refused", 10;
    /// 429 with a sane Retry-After.
    TooMany = "too_many", 15;
    /// 429 with an absurd Retry-After, which is taken for an hour at most and a second at least.
    TooManyAbsurd = "too_many_absurd", 4;
    /// 429 without Retry-After.
    TooManyPlain = "too_many_plain", 15;
    /// 5xx on a read.
    ErrorOnRead = "error_on_read", 25;
    /// 5xx on a write, which was done or was not.
    ErrorOnWrite = "error_on_write", 20;
    /// 404 on something that is there.
    NotFound = "not_found", 8;
    /// One side refuses the credential with 401 for a while.
    CredentialRefused = "credential_refused", 0;
    /// One object is forbidden with 403 for a while.
    Forbidden = "forbidden", 6;
    /// One side is down for a while.
    SideDown = "side_down", 0;
    /// The operator allows two calls a second and no more.
    RateTight = "rate_tight", 0;
    /// The process dies when an Intent is committed as sent, before its call leaves.
    CrashBeforeCall = "crash_before_call", 8;
    /// The process dies when a call is on its way or done, before the outcome is committed.
    CrashAfterCall = "crash_after_call", 8;
    /// The process dies before a commit.
    CrashBeforeCommit = "crash_before_commit", 4;
    /// The process dies right after a commit, before it knows.
    CrashAfterCommit = "crash_after_commit", 4;
    /// The process dies with a Claim just made.
    CrashAtClaim = "crash_at_claim", 4;
    /// The process dies while it routes.
    CrashAtRoute = "crash_at_route", 4;
    /// The process dies in the middle of a sweep.
    CrashAtSweep = "crash_at_sweep", 10;
    /// All processes end at once and start again.
    Restart = "restart", 0;
    /// A worker sleeps beyond its lease; another takes over; it comes back.
    Pause = "pause", 4;
    /// The clocks of the two processes differ.
    ClocksApart = "clocks_apart", 0;
    /// Jelou's clock is ahead of ours.
    JelouAhead = "jelou_ahead", 0;
    /// Jelou's clock is behind ours.
    JelouBehind = "jelou_behind", 0;
    /// The store takes no writes for a while.
    StoreRefuses = "store_refuses", 0;
    /// Nobody is rung when work comes.
    BellDropped = "bell_dropped", 60;
    /// The bell rings twice.
    BellDoubled = "bell_doubled", 60;
    /// The bell rings late.
    BellLate = "bell_late", 60;
    /// The operator's mapping is another one from one step to the next.
    MappingSwapped = "mapping_swapped", 0;
    /// The bridge observes first and then goes live.
    ObserveFirst = "observe_first", 0;
    /// A backup of some minutes ago is restored.
    BackupRestored = "backup_restored", 0;
    /// A message written before the close arrives after it, or one after it.
    LateMessage = "late_message", 0;
    /// A ticket's requester becomes another customer.
    RequesterChanged = "requester_changed", 0;
    /// Jelou knows a customer under another spelling than the ticketing system.
    TwoSpellings = "two_spellings", 0;
    /// The operator has parked work tried again.
    ParkedRetried = "parked_retried", 0;
    /// The operator gives parked work up.
    ParkedDiscarded = "parked_discarded", 0;
    /// The operator unties a Link.
    Unlinked = "unlinked", 0;
    /// The safety halt trips, and is released later.
    HaltTripped = "halt_tripped", 0;
    /// An automation answers a status with another one.
    Automation = "automation", 0;
    /// Two tickets are merged.
    Merged = "merged", 0;
    /// A ticket is deleted.
    Deleted = "deleted", 0;
    /// The customer's conversation ends and another begins while a close is on its way.
    SwitchedAtClose = "switched_at_close", 10;
    /// Retention takes the contents of everything that is settled.
    Pruned = "pruned", 0;
    /// A webhook of Jelou lies stored for minutes before the Router comes to it.
    RouterBehind = "router_behind", 40;
    /// The clock of the machine is set back by hours, and the processes start again.
    ClockSetBack = "clock_set_back", 0;
    /// All answers of one side are lost for a while, whether or not it did what was asked.
    AnswersLost = "answers_lost", 0;
    /// Both systems undo at once what the bridge does: one ends what it starts, the other opens again what it solves.
    Undone = "undone", 0;
    /// The desk tells what the bridge wrote like anybody's words: in other words, or without the mark that they are ours.
    Echoed = "echoed", 100;
    /// One webhook of the desk tells of all that happened within seconds, whatever ticket it is about.
    HooksGathered = "hooks_gathered", 60;
    /// A process is told to stop while a call is on its way: what is under way ends, nothing more is begun.
    Stopped = "stopped", 12;
}

/// How many kinds there are.
pub const KINDS: usize = Fault::ALL.len();

/// Which kinds a history has, at which rates, and how often each fired.
#[derive(Clone, Debug)]
pub struct Faults {
    rates: [u8; KINDS],
    streams: Vec<Chance>,
    /// How often each fired.
    pub fired: [u32; KINDS],
    healed: bool,
}

impl Faults {
    /// The faults of a history. Each kind draws from a stream of its own, so that leaving one out
    /// leaves the others' draws as they are.
    #[must_use]
    pub fn new(given: &[(Fault, u8)], seed: u64) -> Self {
        let mut rates = [0; KINDS];
        for (fault, rate) in given {
            rates[*fault as usize] = *rate;
        }
        let stream = |kind: usize| {
            let own = (kind as u64 + 1).wrapping_mul(0xD1B5_4A32_D192_ED03);
            Chance::seeded(seed ^ own)
        };
        Self {
            rates,
            streams: (0..KINDS).map(stream).collect(),
            fired: [0; KINDS],
            healed: false,
        }
    }

    /// Whether a fault of this kind happens here and now; it is counted if so.
    pub fn strikes(&mut self, fault: Fault) -> bool {
        let kind = fault as usize;
        let rate = self.rates[kind];
        if rate == 0 || self.healed {
            return false;
        }
        let strikes = self.streams[kind].percent(u64::from(rate));
        if strikes {
            self.fired[kind] += 1;
        }
        strikes
    }

    /// Whether the world is made so, and not healed yet.
    #[must_use]
    pub fn holds(&self, fault: Fault) -> bool {
        self.has(fault) && !self.healed
    }

    /// Whether the history has faults of this kind.
    #[must_use]
    pub fn has(&self, fault: Fault) -> bool {
        self.rates[fault as usize] > 0
    }

    /// Counts one that an act or the world made happen.
    pub fn fire(&mut self, fault: Fault) {
        self.fired[fault as usize] += 1;
    }

    /// A number below `most` from the kind's own stream.
    pub fn below(&mut self, fault: Fault, most: u64) -> u64 {
        self.streams[fault as usize].below(most)
    }

    /// No more faults by chance.
    pub fn heal(&mut self) {
        self.healed = true;
    }
}
