-- No Delivery overtakes an earlier one about the same ticket or conversation that was put off: those are
-- found by this. There are only as many as wait to be routed once more.
CREATE INDEX delivery_put_off ON delivery (bridge, side, object) WHERE state = 'received' AND object IS NOT NULL;
