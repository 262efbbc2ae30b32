-- Workers take of each bridge its share of the due Lanes, so that a busy bridge, or one whose system is
-- slow, does not make the others wait: they are found by these.
CREATE INDEX lane_due_bridge ON lane (bridge, due_at) WHERE owner IS NULL AND due_at IS NOT NULL;
