-- The tables that are the truth of the bridge. Ids are text, times are INTEGER milliseconds since
-- 1970 in UTC. Forward only: a later file adds, and takes away only what no running version reads.

-- What the bridge remembers of itself: the mode each bridge last ran in, and the like.
CREATE TABLE meta (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One customer on one bot of one bridge: the unit in which writes are ordered.
CREATE TABLE lane (
    id TEXT NOT NULL PRIMARY KEY,               -- random, made here, never seen by a remote
    bridge TEXT NOT NULL,                       -- its bridge's name in the config
    bot TEXT NOT NULL,                          -- the Jelou bot
    user TEXT NOT NULL,                         -- the customer, canonical as far as known
    state TEXT NOT NULL,                        -- JSON: what the rules remember (tickets, conversations, counters)
    due_at INTEGER,                             -- when it wants to be claimed; NULL: nothing to do. During a Claim: work that came meanwhile
    held_by TEXT,                               -- what it waits for, as `kind:name`; a wake by that prefix makes it due
    owner TEXT,                                 -- the process that holds the Claim; NULL: free
    token INTEGER NOT NULL DEFAULT 0,           -- the fencing token, grown by each Claim; every commit must match it
    claimed_at INTEGER,                         -- when the present Claim was made
    lease_until INTEGER,                        -- when the present Claim may be taken over
    UNIQUE (bridge, bot, user)
) STRICT;
CREATE INDEX lane_due ON lane (due_at) WHERE owner IS NULL AND due_at IS NOT NULL;
CREATE INDEX lane_lease ON lane (lease_until) WHERE owner IS NOT NULL;
CREATE INDEX lane_held ON lane (held_by) WHERE held_by IS NOT NULL;
CREATE INDEX lane_user ON lane (user);

-- One webhook request as received, or one finding of the sweep or of a backfill (inbox).
CREATE TABLE delivery (
    id INTEGER PRIMARY KEY AUTOINCREMENT,       -- in order of arrival; never given twice
    bridge TEXT NOT NULL,                       -- whose webhook it was
    side TEXT NOT NULL,                         -- jelou | ticketing
    source TEXT NOT NULL,                       -- webhook | sweep | backfill
    dedup TEXT,                                 -- the sender's id of it; NULL where the sender gives none
    body_hash TEXT NOT NULL,                    -- SHA-256 of the body in hex; stays when the body is pruned
    received_at INTEGER NOT NULL,               -- by our clock; for the sweep, when its read began
    headers TEXT NOT NULL,                      -- JSON object: the headers kept
    body BLOB,                                  -- raw bytes; NULL once pruned
    state TEXT NOT NULL DEFAULT 'received',     -- received | routed | settled | ignored | parked
    reason TEXT,                                -- why ignored or parked, in a word
    detail TEXT,                                -- what happened, in a sentence without content
    remedy TEXT,                                -- what a person can do about a parked one
    lane_id TEXT REFERENCES lane (id),          -- the Lane it was routed to
    events TEXT,                                -- JSON array: what it meant; NULL before routing and once pruned
    fates TEXT,                                 -- JSON object: position of an event -> what became of it
    object TEXT,                                -- the ticket's or conversation's id, once read from the body
    attempts INTEGER NOT NULL DEFAULT 0,        -- how often it was handed to the Router
    router TEXT,                                -- the process whose Router has it now
    routing_begun_at INTEGER,                   -- when a Router first took it: from then on no other body joins it
    due_at INTEGER NOT NULL,                    -- not to be routed before
    settled_at INTEGER,                         -- when it became settled or ignored
    UNIQUE (bridge, side, dedup)
) STRICT;
CREATE INDEX delivery_due ON delivery (due_at, id) WHERE state = 'received';
CREATE INDEX delivery_joinable ON delivery (bridge, side, body_hash) WHERE state = 'received' AND routing_begun_at IS NULL AND dedup IS NULL;
CREATE INDEX delivery_pending ON delivery (lane_id, id) WHERE state = 'routed';
CREATE INDEX delivery_lane ON delivery (lane_id) WHERE lane_id IS NOT NULL;
CREATE INDEX delivery_parked ON delivery (id) WHERE state = 'parked';
CREATE INDEX delivery_unsettled ON delivery (bridge, state, received_at) WHERE state IN ('received', 'routed');
CREATE INDEX delivery_object ON delivery (object) WHERE object IS NOT NULL;
CREATE INDEX delivery_prunable ON delivery (settled_at) WHERE body IS NOT NULL AND settled_at IS NOT NULL;

-- A conversation and a ticket that belong together.
CREATE TABLE link (
    id TEXT NOT NULL PRIMARY KEY,               -- `{lane}-{number}`
    lane_id TEXT NOT NULL REFERENCES lane (id), -- whose it is
    bridge TEXT NOT NULL,                       -- its bridge
    conversation TEXT,                          -- the conversation's id; NULL while it has none
    ticket TEXT,                                -- the ticket's id; NULL while it has none
    live INTEGER NOT NULL,                      -- 1 until it ended
    state TEXT NOT NULL,                        -- the word for its state, for lists and metrics
    generation INTEGER NOT NULL,                -- grows with each reopening and retried start or close
    body TEXT NOT NULL,                         -- JSON: the whole Link
    created_at INTEGER NOT NULL,                -- when it was made
    updated_at INTEGER NOT NULL,                -- when it last changed
    looked_at INTEGER NOT NULL DEFAULT 0        -- when the sweep last read its conversation
) STRICT;
CREATE UNIQUE INDEX link_live_ticket ON link (bridge, ticket) WHERE live = 1 AND ticket IS NOT NULL;
CREATE UNIQUE INDEX link_live_conversation ON link (bridge, conversation) WHERE live = 1 AND conversation IS NOT NULL;
CREATE INDEX link_lane ON link (lane_id, live, created_at);
CREATE INDEX link_ticket ON link (ticket, created_at) WHERE ticket IS NOT NULL;
CREATE INDEX link_conversation ON link (conversation, created_at) WHERE conversation IS NOT NULL;
CREATE INDEX link_updated ON link (updated_at);
CREATE INDEX link_live_state ON link (bridge, state) WHERE live = 1;
CREATE INDEX link_look ON link (bridge, looked_at) WHERE live = 1 AND conversation IS NOT NULL;

-- One customer, two spellings: what was asked for, and what Jelou calls them.
CREATE TABLE alias (
    bridge TEXT NOT NULL,                       -- its bridge
    bot TEXT NOT NULL,                          -- the bot
    asked TEXT NOT NULL,                        -- the spelling we used
    canonical TEXT NOT NULL,                    -- the spelling Jelou answered with
    created_at INTEGER NOT NULL,                -- when that was learnt
    PRIMARY KEY (bridge, bot, asked)
) STRICT, WITHOUT ROWID;
CREATE INDEX alias_asked ON alias (asked);

-- An effect on its way out (outbox).
CREATE TABLE intent (
    id TEXT NOT NULL PRIMARY KEY,               -- `{lane}.{number}`; travels to Jelou as metadata.intentId
    link_id TEXT NOT NULL REFERENCES link (id), -- the Link it serves
    lane_id TEXT NOT NULL REFERENCES lane (id), -- whose it is
    bridge TEXT NOT NULL,                       -- its bridge
    operation TEXT NOT NULL,                    -- start | close | create | status | ...
    cause TEXT NOT NULL,                        -- what made it wanted; with link and operation its key
    state TEXT NOT NULL,                        -- planned | sent | unknown | confirmed | refused | withdrawn | parked | observed
    reason TEXT,                                -- why parked, in a word
    planned_at INTEGER NOT NULL,                -- when it was planned
    due_at INTEGER,                             -- not before
    confirmed_at INTEGER,                       -- when it was confirmed
    event_seen INTEGER NOT NULL DEFAULT 0,      -- 1: the event that it causes has come
    held INTEGER NOT NULL DEFAULT 0,            -- 1: the safety halt keeps it planned
    let_go INTEGER NOT NULL DEFAULT 0,          -- 1: a person released it; it goes out uncounted
    let_out_at INTEGER,                         -- when the safety halt counted it; a retry is not counted again
    body TEXT NOT NULL,                         -- JSON: the whole Intent
    pruned INTEGER NOT NULL DEFAULT 0,          -- 1: retention took the texts out of the body
    UNIQUE (link_id, operation, cause)
) STRICT;
CREATE INDEX intent_lane ON intent (lane_id, state, planned_at);
CREATE INDEX intent_parked ON intent (bridge, reason) WHERE state = 'parked';
CREATE INDEX intent_held ON intent (bridge, operation) WHERE held = 1;
CREATE INDEX intent_confirmed ON intent (bridge, confirmed_at) WHERE operation IN ('start', 'close') AND state = 'confirmed';
CREATE INDEX intent_prunable ON intent (planned_at) WHERE pruned = 0 AND state IN ('confirmed', 'refused', 'withdrawn', 'observed');
CREATE INDEX intent_open ON intent (state) WHERE state IN ('planned', 'sent', 'unknown');

-- Messages that were received or relayed, each once, in the order of their own time.
CREATE TABLE message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,       -- in the order they became known
    bridge TEXT NOT NULL,                       -- its bridge
    conversation TEXT NOT NULL,                 -- the conversation it belongs to
    direction TEXT NOT NULL,                    -- to_ticket | to_conversation
    remote_id TEXT NOT NULL,                    -- the message's or comment's id at its source
    at INTEGER NOT NULL,                        -- when it was written, by its source's clock
    kind TEXT NOT NULL,                         -- text | image | ...
    body TEXT,                                  -- the text or caption; NULL for none, and once pruned
    content TEXT,                               -- JSON as received, for kinds that are more than text; NULL once pruned
    UNIQUE (bridge, direction, conversation, remote_id)
) STRICT;
CREATE INDEX message_conversation ON message (bridge, conversation, at);
CREATE INDEX message_prunable ON message (at) WHERE body IS NOT NULL OR content IS NOT NULL;

-- How far a listing at a remote has been read.
CREATE TABLE cursor (
    bridge TEXT NOT NULL,                       -- its bridge
    name TEXT NOT NULL,                         -- which listing
    value TEXT NOT NULL,                        -- the position, in the listing's own words
    updated_at INTEGER NOT NULL,                -- when it was last moved
    PRIMARY KEY (bridge, name)
) STRICT, WITHOUT ROWID;

-- The timelines: one sentence a row, without names, numbers or message text.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,       -- in order of writing
    at INTEGER NOT NULL,                        -- when it happened
    bridge TEXT NOT NULL,                       -- its bridge
    lane_id TEXT NOT NULL,                      -- the Lane
    link_id TEXT,                               -- the Link, if it concerns one
    ticket TEXT,                                -- the ticket, if it concerns one
    conversation TEXT,                          -- the conversation, if it concerns one
    kind TEXT NOT NULL,                         -- event | decision | call | outcome | read | alarm
    sentence TEXT NOT NULL,                     -- what happened
    rule TEXT                                   -- the rule that made it so
) STRICT;
CREATE INDEX audit_ticket ON audit (ticket, id) WHERE ticket IS NOT NULL;
CREATE INDEX audit_conversation ON audit (conversation, id) WHERE conversation IS NOT NULL;
CREATE INDEX audit_lane ON audit (lane_id, id);
CREATE INDEX audit_link ON audit (link_id, id) WHERE link_id IS NOT NULL;

-- The safety halt of one kind of write of one bridge.
CREATE TABLE halt (
    bridge TEXT NOT NULL,                       -- its bridge
    operation TEXT NOT NULL,                    -- start | close | status
    tripped_at INTEGER,                         -- since when it holds; NULL: it lets out
    window TEXT NOT NULL,                       -- JSON: what was let out of late
    PRIMARY KEY (bridge, operation)
) STRICT, WITHOUT ROWID;

-- A host or a credential that takes no calls before a moment, over restarts.
CREATE TABLE pause (
    key TEXT NOT NULL PRIMARY KEY,              -- `host:{host}:{port}` or `credential:{bridge}:{side}`
    until INTEGER NOT NULL,                     -- no call before
    reason TEXT NOT NULL,                       -- in a word
    since INTEGER NOT NULL                      -- when the present pause began
) STRICT, WITHOUT ROWID;
