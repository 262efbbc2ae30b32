-- The Router takes of each bridge and side its share, so that a flood of one does not make the other
-- wait: due Deliveries are found by side.
CREATE INDEX delivery_due_side ON delivery (bridge, side, due_at, id) WHERE state = 'received';
