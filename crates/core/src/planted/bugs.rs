//! The bugs, each with what its programmer did wrong. Neighbour: the macro above, which asks.

use std::cell::Cell;

thread_local! {
    static ON: Cell<Option<Planted>> = const { Cell::new(None) };
}

/// Whether this bug is switched on in this thread.
#[must_use]
pub fn is(bug: Planted) -> bool {
    ON.get() == Some(bug)
}

/// Does something with one bug switched on in this thread, or with none.
pub fn with<T>(bug: Option<Planted>, what: impl FnOnce() -> T) -> T {
    /// Sets the switch back, also when what was done panics.
    struct Back(Option<Planted>);
    impl Drop for Back {
        fn drop(&mut self) {
            ON.set(self.0);
        }
    }
    let _back = Back(ON.replace(bug));
    what()
}

macro_rules! bugs {
    ($($bug:ident $name:literal $wrong:literal)*) => {
        /// A bug that can be switched on.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Planted {
            $(#[doc = $wrong] $bug,)*
        }

        impl Planted {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$bug),*];

            /// The word on the command line and in tables.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$bug => $name,)*
                }
            }

            /// What its programmer did wrong.
            #[must_use]
            pub fn wrong(self) -> &'static str {
                match self {
                    $(Self::$bug => $wrong,)*
                }
            }

            /// The bug of this name.
            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|bug| bug.name() == name)
            }
        }
    };
}

bugs! {
// Unknown outcomes (rule 5)
TriedAgainUnresolved "tried-again-unresolved" "A create whose answer was lost is sent again without looking whether it was done."
WaitNotRearmed "wait-not-rearmed" "The wait for a lagging search counts from the first try, not from the latest."
IndexTrusted "index-trusted" "A search index is asked at once, as if it never lagged."
InboxNotAwaited "inbox-not-awaited" "A start is sent again while its event lies stored and waits for the Router."
UntoldTicketAsks "untold-ticket-asks" "A ticket that was only looked at, as what another was merged into, starts a conversation with the wrong customer."
ForeignTicketAsks "foreign-ticket-asks" "A ticket that had its conversation starts another when its requester becomes somebody else."
KnownBeforeTaken "known-before-taken" "A conversation that was heard of before a start went out is taken for the start's."
StartRetriedAtOnce "start-retried-at-once" "A start whose answer was lost is sent again without waiting for its event."
UnknownTakenAsUnsent "unknown-taken-as-unsent" "A cut connection counts as a call that never left."
UnknownTakenAsDone "unknown-taken-as-done" "A cut connection counts as a call that worked."
TakenOverAsUnsent "taken-over-as-unsent" "What a dead process had under way is sent again, as if it had not been sent."
DeadlineNotAwaited "deadline-not-awaited" "A new holder does not wait until the old holder's call must be over."
DoubleNotFlagged "double-not-flagged" "A second try of what may have worked is not flagged as a possible duplicate."
CreatedAsFound "created-as-found" "A ticket whose create's answer was lost begins with the status it has when it is found."
StatusLeftUnresolved "status-left-unresolved" "A status whose answer was lost is withdrawn without looking whether it was set."
NoteSentAgain "note-sent-again" "A note that is found on the ticket is written once more."
// Starts and conversations (rules 5 to 8)
ReturnedIdTaken "returned-id-taken" "The conversation in a start's answer counts as new without proof."
AnyStartTimeWillDo "any-start-time-will-do" "A conversation that began before the start was asked for counts as its own."
ForeignStartTakenAsOwn "foreign-start-taken-as-own" "A conversation whose start event does not name our intent counts as a start of ours."
SecondConversationTaken "second-conversation-taken" "A link that has a conversation takes the next one in its place."
GiveWaySkipped "give-way-skipped" "The link that took a conversation in too early does not give it up."
IntentIdUnread "intent-id-unread" "The intent's id in a start event is not read."
GenerationNotRaised "generation-not-raised" "After the customer was busy, the next start has the key of the last."
UnheardStartRefused "unheard-start-refused" "A start of which no event came counts as refused, and the next goes out under a key of its own."
BusyCustomerStarted "busy-customer-started" "A start is sent to a customer who is in a conversation."
RefusalTakenAsBusy "refusal-taken-as-busy" "Every refused start counts as a busy customer and is tried again."
StartOfClosedTicket "start-of-closed-ticket" "A start that waited is sent although its ticket was closed meanwhile."
StartNotWithdrawn "start-not-withdrawn" "A start that waited is sent although nothing asks for it any more."
TakenInAtOnce "taken-in-at-once" "An unknown conversation is the customer's own although a start of ours is on its way."
CloseAloneMakesTicket "close-alone-makes-ticket" "A conversation of which only the close is known gets a ticket."
TombstoneForgotten "tombstone-forgotten" "A close that comes before its start is forgotten."
ClosedOpensAgain "closed-opens-again" "A late event makes a closed conversation active."
// Tickets (rules 3, 10, 14)
OwnTicketForgotten "own-ticket-forgotten" "A ticket made by the bridge is treated as one that asks for a conversation."
EchoNotKnown "echo-not-known" "A change by the bridge's own user counts as an agent's."
OpenWhenAsksAgain "open-when-asks-again" "A rule that stays true starts a conversation each time one ends."
StaleStatusWins "stale-status-wins" "An older state of a ticket that comes later is taken."
GranuleTakenAsNewer "granule-taken-as-newer" "Of two changes within one second, the one that arrives last wins."
PartialTrusted "partial-trusted" "A ticket patched from part of its fields is judged as if all were known."
CoveredByAnyRead "covered-by-any-read" "A hint that comes after a read counts as covered by it."
HintDroppedByRead "hint-dropped-by-read" "A read that began before a hint clears it."
ReadStampedAtItsEnd "read-stamped-at-its-end" "A read counts as of the moment at which it ended."
HintNotFollowed "hint-not-followed" "A whole link goes by what it knows although it was told that this is old."
OwnStatusTakenForMove "own-status-taken-for-move" "The status that we set ourselves counts as a move of the ticket when its answer was lost."
GivenAwayTaken "given-away-taken" "A new conversation goes onto its customer's former ticket although an agent gave that to somebody else."
MissingOnceIsGone "missing-once-is-gone" "A ticket that is not found once is given up."
ConversationMissingOnce "conversation-missing-once" "A conversation that is not found once counts as ended."
MergeNotFollowed "merge-not-followed" "A link stays with a ticket that was merged away."
MergeFollowedToAnother "merge-followed-to-another" "A link follows its ticket into another customer's."
TicketTakenTwice "ticket-taken-twice" "A new conversation gets a ticket that has one."
NamedTicketTaken "named-ticket-taken" "A conversation gets the ticket that its metadata names although that one has another."
// Agreement (rule 13, section 3)
AgreedNotAdvanced "agreed-not-advanced" "A status that was set is not what both sides agreed on."
AgreedSetAgain "agreed-set-again" "A status that both sides agreed on is set again whenever the ticket is seen unchanged."
OnConflictInverted "on-conflict-inverted" "Where both sides moved, the wrong one wins."
ConflictNotLooked "conflict-not-looked" "A conversation wins over its ticket without a look whether that moved."
StatusSetBlind "status-set-blind" "A ticket's status is set without looking at it first."
OwnCloseSetsStatus "own-close-sets-status" "The status for closed conversations is set after a close of our own."
LateDeliveryReopens "late-delivery-reopens" "A message written before the close and delivered after it reopens the ticket."
RefusedCloseTakenAsDone "refused-close-taken-as-done" "A close that Jelou refused counts as done."
CloseWithoutLook "close-without-look" "A close is sent without looking which conversation is active."
OverClosedAnyway "over-closed-anyway" "A close goes out for a conversation that is known to be over."
TwoTalksClosedAnyway "two-talks-closed-anyway" "A close is sent although the customer has two active conversations."
ClosePutOff "close-put-off" "A close waits for twenty minutes."
MiscloseUnnoticed "misclose-unnoticed" "The id in the answer to a close is not compared with the one that was meant."
// Intents (rules 4, 12, 14, 15, 17)
CauseOfTheMoment "cause-of-the-moment" "An intent's key holds the moment, so that each look makes another."
WishPlannedAnew "wish-planned-anew" "What is wanted is planned without looking whether it was."
KeyIsTheNumber "key-is-the-number" "The key of a create is its number, which the creates of other customers have too."
AttemptNotCounted "attempt-not-counted" "A try is counted after its call, not before."
RateLimitUsesAttempts "rate-limit-uses-attempts" "A call that was turned away by a rate limit counts as tried."
CredentialUsesAttempts "credential-uses-attempts" "A call that was turned away with its credential counts as tried."
CredentialParks "credential-parks" "A refused credential parks what was to be sent."
RetryAfterIgnored "retry-after-ignored" "Retry-After is not read."
BackoffIgnored "backoff-ignored" "What failed is tried again at once."
TurnNotAwaited "turn-not-awaited" "Of one link or lane, the second write does not wait for the first."
LoopNotStopped "loop-not-stopped" "Writes of one link are not counted, so that a loop goes on."
LateFieldWritten "late-field-written" "A late write of an ended conversation's id hides the present one."
IdClearedOverNext "id-cleared-over-next" "The end of one conversation clears the ticket id that the next one wrote."
RenewedByMinutes "renewed-by-minutes" "The ticket id in the memory of a customer is renewed after so many minutes, not hours."
RenewedByTheHour "renewed-by-the-hour" "The ticket id in the memory of a customer is renewed each hour of its day."
ObserveWrites "observe-writes" "The mode that only observes writes."
ObservedSentAfterAll "observed-sent-after-all" "What was only observed is sent once the bridge is live."
UnlinkLeavesIntents "unlink-leaves-intents" "What was planned for a link is sent after a person untied it."
RetryTwice "retry-twice" "A retry of what is not parked is obeyed."
RetryRepeatsDone "retry-repeats-done" "A retry of one step repeats those that are done."
RestForgotten "rest-forgotten" "A ticket that is there counts as made, whatever else was to follow."
MessagesCoalesced "messages-coalesced" "Of several messages that come together, the last is kept."
OneMessageAMoment "one-message-a-moment" "Of two messages of one moment the second counts as known."
ClockNotFollowed "clock-not-followed" "A clock that is set back leaves waits in the far future."
// What is said
FileHungTwice "file-hung-twice" "A customer's file is hung on the ticket with its message, and once more by itself."
FileForgotten "file-forgotten" "A file whose message has another behind it is forgotten."
LatestSaidFirst "latest-said-first" "Of several messages that wait, the last goes first."
InsideGoesOut "inside-goes-out" "What agents say among themselves goes to the customer."
UnsentNotTold "unsent-not-told" "An agent's words that go nowhere are dropped without a note."
TemplateForEachComment "template-for-each-comment" "Each comment that does not reach a silent customer sends its own template."
ButtonWithEachChange "button-with-each-change" "A call button goes out with each change of an urgent ticket."
AwayWithEachMessage "away-with-each-message" "A customer reads with each message that nobody is in."
// The Claim (rules 11, 16)
SentAfterTheCall "sent-after-the-call" "An intent is committed as sent after its call, not before."
RefusedCommitIgnored "refused-commit-ignored" "A call is made although the commit before it was refused."
OutcomeNotKept "outcome-not-kept" "What came of a call is taken for stored and is not."
EventsLostAtConflict "events-lost-at-conflict" "After a commit that was refused, its events count as taken in."
FatesKept "fates-kept" "What became of an event is stored again with each later commit of its claim."
DueForgotten "due-forgotten" "A lane is given back without the moment at which it wants to be woken."
HaltNotAsked "halt-not-asked" "The safety halt is not asked."
HeldSlipsOut "held-slips-out" "What the safety halt holds is tried again at once."
HaltCountsNothing "halt-counts-nothing" "The safety halt does not count what it lets out."
// The Router (rules 1, 9, 10)
LinkNotAskedFirst "link-not-asked-first" "A ticket whose requester changed goes to the new requester's lane at once."
IntentLaneNotAsked "intent-lane-not-asked" "A start event goes by the customer's spelling, not by the intent it names."
TalkLaneNotAsked "talk-lane-not-asked" "A conversation's event goes by the customer's spelling, not by its link."
RouterGivesUp "router-gives-up" "A delivery whose ticket cannot be read now is dropped."
SpellingNotFollowed "spelling-not-followed" "A customer whom Jelou spells in another way keeps two lanes."
// The report
ReportToldAgain "report-told-again" "A report that was told is looked for again, and told at each look."
// The store (rules 1, 2, 9, 11, 16, 17), planted in the one in memory
DeliveryStoredTwice "delivery-stored-twice" "A delivery is stored without looking whether it is there."
AckBeforeCommit "ack-before-commit" "A sender is answered before its delivery is on the disk, and the process dies in between."
PutOffOvertaken "put-off-overtaken" "A delivery goes to its lane although an earlier one about the same is put off."
RoomNotCounted "room-not-counted" "What is handed out is not taken off the room that is left."
RestNotStored "rest-not-stored" "That what follows a create was done is not stored."
NoFencing "no-fencing" "A commit does not ask whether the claim still holds."
TokenNotRaised "token-not-raised" "A new claim has the token of the one before."
LeaseNeverEnds "lease-never-ends" "A claim is never taken over, however long its lease is over."
LeaseEndsLate "lease-ends-late" "A claim is taken over ten minutes after its lease is over."
WakeLost "wake-lost" "What came for a lane during a claim is forgotten when the claim is given back."
SettledWhenTaken "settled-when-taken" "Events are settled when a claim is made, before they are taken in."
SeveralTakenAsOne "several-taken-as-one" "A body that tells of several tickets goes whole to the customer of the first."
FirstEventSettles "first-event-settles" "A delivery is settled with the first of its events."
OrderOfArrival "order-of-arrival" "Events are taken in as they arrive, not in the order of their own time."
TakenUnchecked "taken-unchecked" "The store does not ask whether another live link has the ticket or the conversation."
TicketElsewhereUnchecked "ticket-elsewhere-unchecked" "The store asks for a ticket's other live link in the same lane alone."
ReleaseCounted "release-counted" "What was let go from the halt is counted again, and held again."
HaltForgotten "halt-forgotten" "A restart lifts the safety halt."
JoinLosesIntents "join-loses-intents" "When two lanes are joined, the intents of one are lost."
JoinLosesEvents "join-loses-events" "When two lanes are joined, the waiting events of one are lost."
AliasNotKept "alias-not-kept" "The other spelling of a customer is forgotten after the join."
HalfLinkKept "half-link-kept" "Turning live keeps what was half begun while observing."
RoutingNeverBack "routing-never-back" "What a dead process was routing is not handed out again."
// The gate (rule 15)
PauseForgotten "pause-forgotten" "A restart forgets that a host asked for time."
CredentialNotPaused "credential-not-paused" "A credential that was refused is tried by every call."
// The webhooks (rule 2, law 9)
SignatureUnchecked "signature-unchecked" "A wrong signature is taken."
FirstSecretOnly "first-secret-only" "Of several secrets that are accepted, only the first is tried."
KeyIsTheBody "key-is-the-body" "A delivery is known by the hash of its body, although the body may be written anew."
OneMessageEach "one-message-each" "A message is known by its conversation, so that the second counts as the first."
// The sweep, planted in the simulator's own
CursorBeforeStore "cursor-before-store" "The sweep moves its cursor before what it listed is stored, and the process dies in between."
}
