-- The metrics page counts along these alone: of a hundred thousand that wait it read each row before, for longer than
-- the page may take.
DROP INDEX intent_open;
CREATE INDEX intent_open ON intent (bridge, state) WHERE state IN ('planned', 'sent', 'unknown');
CREATE INDEX message_oldest ON message (bridge, direction, at, outcome) WHERE outcome IS NULL;
