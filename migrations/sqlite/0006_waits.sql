-- A ticket that a Delivery tells of and that is not there is missed twice, spaced, before it counts as gone; what puts
-- the Delivery off in between does not begin that anew.
ALTER TABLE delivery ADD COLUMN missing_since INTEGER;
-- What a person has tried again is tried for as long as what comes anew: `retry_for` counts from here, where it is set.
ALTER TABLE delivery ADD COLUMN retried_at INTEGER;
