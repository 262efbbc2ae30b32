-- Rows as the version of migration 7 wrote them: the columns are those of migration 6.

INSERT INTO meta (key, value)
VALUES ('mode.main', 'live');
INSERT INTO lane (id, bridge, bot, user, state, due_at, held_by, owner, token, claimed_at, lease_until)
VALUES ('hh0skef4q8w3', 'main', 'bot', '5511987650000', '{"id":"hh0skef4q8w3","bridge":"main","bot":"bot","user":"5511987650000","next_link":2,"next_intent":2,"tickets":{"7":{"seen":null,"seen_at":null,"hint_at":null,"partial":false,"changes":0,"open_when":false,"made_by_us":false,"missing_since":null,"gone":false,"held_elsewhere":null,"retry":{"failures":0,"since":null,"due_at":null}}},"conversations":{}}', NULL, NULL, '97e2189d89acb10f', 1, 1000, 31000);
INSERT INTO delivery (id, bridge, side, source, dedup, body_hash, received_at, headers, body, state, reason, detail, remedy, lane_id, events, fates, object, attempts, router, routing_begun_at, due_at, settled_at)
VALUES (1, 'main', 'ticketing', 'webhook', NULL, 'b4502c827d8147bc0a4625c783b928a8d35a71a81eff1d5f02c6e2cb5f6630a3', 1000, '{}', x'35353131393837363530303030203137343737393433383931343634363438373734', 'routed', NULL, NULL, NULL, 'hh0skef4q8w3', '[{"event":"ticket_changed","ticket":"7","version":{"kind":"none"},"whole":null,"patch":{"status":null,"priority":null,"tags":null},"by_us":false,"at":1,"read_at":null}]', NULL, '7', 1, NULL, 1000, 1000, NULL);
INSERT INTO delivery (id, bridge, side, source, dedup, body_hash, received_at, headers, body, state, reason, detail, remedy, lane_id, events, fates, object, attempts, router, routing_begun_at, due_at, settled_at)
VALUES (2, 'main', 'ticketing', 'webhook', NULL, '2edef0ba9023680046e7e6175a00aa76012a626ab6307096e1d4c7217b6240e1', 1000, '{}', x'7b227469636b65745f6964223a387d', 'received', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, 1000, NULL);
INSERT INTO link (id, lane_id, bridge, conversation, ticket, live, state, generation, body, created_at, updated_at, looked_at)
VALUES ('hh0skef4q8w3-1', 'hh0skef4q8w3', 'main', 'c7', '7', 1, 'linked', 1, '{"id":"hh0skef4q8w3-1","generation":1,"origin":"ticket","conversation":{"is":"known","id":"c7"},"ticket":{"is":"known","id":"7"},"agreed":null,"requester_id":null,"looked_for_open":false,"follows":null,"busy_since":null,"link_field_written":false,"ticket_id_written_at":null,"ticket_id_cleared":false,"told":[],"diverged":[],"created_at":1500,"ended":null}', 1500, 2000, 0);
INSERT INTO intent (id, link_id, lane_id, bridge, operation, cause, state, reason, planned_at, due_at, confirmed_at, event_seen, held, let_go, let_out_at, body, pruned)
VALUES ('hh0skef4q8w3.1', 'hh0skef4q8w3-1', 'hh0skef4q8w3', 'main', 'close', 'ticket 7 solved', 'planned', NULL, 1601, NULL, NULL, 0, 0, 0, NULL, '{"id":"hh0skef4q8w3.1","link":"hh0skef4q8w3-1","cause":"ticket 7 solved","rule":"close_on_status","effect":{"effect":"close_conversation","conversation":"c7","bot":"bot","user":"5511987650000","message":"Obrigado, Maria"},"state":"planned","planned_at":1601,"first_sent_at":null,"sent_at":null,"deadline_at":null,"confirmed_at":null,"due_at":null,"attempts":0,"failures":0,"failing_since":null,"answered":null,"answered_at":null,"refused_status":null,"event_seen":false,"last_error":null,"parked":null,"possible_duplicate":false,"held":false}', 0);
INSERT INTO cursor (bridge, name, value, updated_at)
VALUES ('main', 'tickets', '1000', 1);
INSERT INTO audit (id, at, bridge, lane_id, link_id, ticket, conversation, kind, sentence, rule)
VALUES (1, 1800, 'main', 'hh0skef4q8w3', 'hh0skef4q8w3-1', '7', 'c7', 'decision', 'close conversation c7', 'close_on_status');
INSERT INTO message (id, bridge, lane_id, direction, place, remote_id, at, kind, body, media, content, outcome)
VALUES (1, 'main', 'hh0skef4q8w3', 'to_ticket', 'c7', 'wamid.1', 1700, 'text', 'Olá', NULL, 'null', NULL);
INSERT INTO message (id, bridge, lane_id, direction, place, remote_id, at, kind, body, media, content, outcome)
VALUES (2, 'main', 'hh0skef4q8w3', 'to_ticket', 'c7', 'wamid.0', 1600, 'text', 'Oi', NULL, 'null', 'relayed');
