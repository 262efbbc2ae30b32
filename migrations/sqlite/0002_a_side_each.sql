-- The Router takes of each bridge, side and source its share, so that a flood of one does not make the
-- others wait: due Deliveries are found by these.
CREATE INDEX delivery_due_side ON delivery (bridge, side, source, due_at, id) WHERE state = 'received';
