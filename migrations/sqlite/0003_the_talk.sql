-- Messages wait until they are relayed, and belong to the customer's Lane meanwhile. What an earlier
-- version kept was never to be relayed, so it counts as ended.
CREATE TABLE talk (
    id INTEGER PRIMARY KEY AUTOINCREMENT,       -- in the order they became known
    bridge TEXT NOT NULL,                       -- its bridge
    lane_id TEXT,                               -- the Lane that relays it; NULL for those of before
    direction TEXT NOT NULL,                    -- to_ticket | to_conversation
    place TEXT NOT NULL,                        -- the conversation or ticket where it was said
    remote_id TEXT NOT NULL,                    -- the message's or comment's id there
    at INTEGER NOT NULL,                        -- when it was said, by the clock of its side
    kind TEXT NOT NULL,                         -- text | image | ...
    body TEXT,                                  -- the text or caption; NULL for none, and once pruned
    media TEXT,                                 -- JSON: the file; NULL for none, and once pruned
    content TEXT,                               -- JSON as received, for kinds that are more than text; NULL once pruned
    outcome TEXT,                               -- relayed | parked | unwanted | ...; NULL while it waits
    UNIQUE (bridge, direction, place, remote_id)
) STRICT;
INSERT INTO talk (id, bridge, lane_id, direction, place, remote_id, at, kind, body, media, content, outcome)
SELECT id, bridge, NULL, direction, conversation, remote_id, at, kind, body, NULL, content, 'unwanted' FROM message;
DROP TABLE message;
ALTER TABLE talk RENAME TO message;
CREATE INDEX message_place ON message (bridge, place, at);
CREATE INDEX message_waiting ON message (lane_id, direction, place, at, id) WHERE outcome IS NULL;
CREATE INDEX message_prunable ON message (at) WHERE outcome IS NOT NULL AND (body IS NOT NULL OR media IS NOT NULL OR content IS NOT NULL);
