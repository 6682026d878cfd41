-- A key for every case, and whose hands it has been in. Three keys in ten and all recent ones went through every hand;
-- the others are of the old system and were recognised where they are; cases without a key yet stand for blank tokens.

INSERT INTO staff (login, name, password_hash, roles, authority_id, must_change_password, password_changed_at, created_at)
SELECT format('packer%%s', k), format('示例装箱员%%s', k), %(password)s, ARRAY['dispatcher'], NULL, false, now(), now() FROM generate_series(1, 4) k
UNION ALL
SELECT format('counter1-%%s', a.position), format('示例%%s窗口员', a.short_zh), %(password)s, ARRAY['counter_staff'], a.id, false, now(), now() FROM authority a;

INSERT INTO carrier (code, name_zh, name_en, waybill_pattern, waybill_example, usual_days)
VALUES ('bench', '示例快递', 'Example courier', 'BC\d{10}', 'BC0000000001', 3);

CREATE TEMP TABLE keyed AS
SELECT *, dense_rank() OVER (ORDER BY authority_id, leg, pile) AS parcel
FROM (
    SELECT a.id, a.authority_id, a.enterprise_id, a.state, a.state_since AS since,
           CASE WHEN a.state IN ('pre_check', 're_check', 'returned', 'production', 'withdrawn') THEN 'blank'
               WHEN a.state NOT IN ('collected', 'key_destroyed', 'updated') OR (a.service <> 'renewal' AND pg_temp.u(a.id, 31) < 0.3) THEN 'whole'
               ELSE 'old' END AS story,
           CASE a.state WHEN 'in_transit' THEN 'way' WHEN 'made' THEN 'stock' ELSE 'past' END AS leg,
           row_number() OVER (PARTITION BY a.authority_id, a.state IN ('in_transit'), a.state = 'made' ORDER BY a.id) / 20 AS pile
    FROM application a
) placed;

ANALYZE keyed;

INSERT INTO consignment (id, number, kind, state, authority_id, created_at, packer_id, boxes, sealed_at, carrier_code, waybill,
    handed_over_at, due_on, arrived_at, opened_at, closed_at, inquiry_at, version)
SELECT parcel, 'PB' || lpad(parcel::text, 9, '0'), 'outward',
       CASE WHEN leg = 'past' THEN 'closed' WHEN parcel %% 4 = 0 THEN 'arrived' ELSE 'in_transit' END,
       authority_id, first, (SELECT id FROM staff WHERE login = 'packer1'), 1, first, 'bench', 'BC' || lpad(parcel::text, 10, '0'),
       first, (first AT TIME ZONE 'Asia/Shanghai')::date + 5, CASE WHEN leg = 'past' OR parcel %% 4 = 0 THEN first + interval '2 days' END,
       CASE WHEN leg = 'past' THEN first + interval '2 days' END, CASE WHEN leg = 'past' THEN first + interval '2 days' END,
       CASE WHEN leg = 'way' AND parcel %% 23 = 1 THEN now() END, 5
FROM (SELECT parcel, leg, authority_id, least(min(since) + interval '26 hours', now() - interval '3 days') AS first
      FROM keyed WHERE story = 'whole' AND leg <> 'stock' GROUP BY parcel, leg, authority_id) parcels;

INSERT INTO token (id, serial, model, box, imported_at, authority_id, application_id, state, moved_at, custodian, custodian_ref, custody_seq)
SELECT k.id, 'TK' || lpad(k.id::text, 10, '0'), 'bench', 'B' || k.id / 500, k.since - interval '30 days',
       CASE WHEN story <> 'blank' THEN k.authority_id END, CASE WHEN story <> 'blank' THEN k.id END,
       CASE WHEN story = 'blank' THEN 'blank' WHEN story = 'old' OR k.state = 'collected' THEN 'handed_over' WHEN k.state = 'key_destroyed' THEN 'destroyed' ELSE 'personalised' END,
       CASE WHEN story = 'blank' THEN k.since - interval '30 days' WHEN story = 'old' THEN k.since
           ELSE least(k.since + CASE k.state WHEN 'made' THEN interval '10 hours' WHEN 'in_transit' THEN interval '26 hours'
               WHEN 'at_authority' THEN interval '3 days' WHEN 'awaiting_collection' THEN interval '3 days' ELSE interval '10 days' END, now() - pg_temp.u(k.id, 33) * interval '4 days') END,
       CASE WHEN story = 'blank' OR k.state = 'made' THEN 'vendor_stock' WHEN story = 'old' OR k.state = 'collected' THEN 'enterprise'
           WHEN k.state = 'in_transit' THEN 'courier' WHEN k.state = 'key_destroyed' THEN 'destroyed' ELSE 'authority' END,
       CASE WHEN story = 'blank' OR k.state = 'made' THEN NULL WHEN story = 'old' OR k.state = 'collected' THEN k.enterprise_id
           WHEN k.state = 'in_transit' THEN parcel WHEN k.state = 'key_destroyed' THEN NULL ELSE k.authority_id END,
       CASE WHEN story <> 'whole' THEN 1 WHEN k.state = 'made' THEN 3 WHEN k.state = 'in_transit' THEN 5 WHEN k.state IN ('at_authority', 'awaiting_collection') THEN 6 ELSE 7 END
FROM keyed k
ORDER BY k.id;

INSERT INTO custody_entry (token_id, seq, at, event, from_custodian, from_ref, to_custodian, to_ref, state_before, state_after,
    authority_id, application_id, actor, actor_name, address, place, remark)
SELECT k.id, e.seq, least(k.since + e.later, now() - pg_temp.u(k.id, 33) * interval '4 days'), CASE WHEN k.story = 'old' THEN 'recognised' WHEN e.seq = 7 AND k.state = 'key_destroyed' THEN 'destroyed' ELSE e.event END,
       e.giver, CASE e.giver WHEN 'maker' THEN maker.id WHEN 'packer' THEN packer.id WHEN 'courier' THEN k.parcel WHEN 'authority' THEN k.authority_id END,
       CASE WHEN k.story = 'old' THEN 'enterprise' WHEN e.seq = 7 AND k.state = 'key_destroyed' THEN 'destroyed' ELSE e.taker END,
       CASE WHEN k.story = 'old' THEN k.enterprise_id ELSE CASE e.taker WHEN 'maker' THEN maker.id WHEN 'packer' THEN packer.id WHEN 'courier' THEN k.parcel
           WHEN 'authority' THEN k.authority_id WHEN 'enterprise' THEN CASE WHEN k.state <> 'key_destroyed' THEN k.enterprise_id END END END,
       e.before, CASE WHEN k.story = 'old' THEN 'handed_over' WHEN e.seq = 7 AND k.state = 'key_destroyed' THEN 'destroyed' ELSE e.after END,
       CASE WHEN e.seq > 1 OR k.story = 'old' THEN k.authority_id END, CASE WHEN e.seq > 1 OR k.story = 'old' THEN k.id END,
       'staff:' || maker.id, '示例人员', '10.0.0.1', CASE WHEN e.seq BETWEEN 5 AND 6 THEN 'PB' || lpad(k.parcel::text, 9, '0') END,
       CASE WHEN e.seq = 7 AND k.state = 'key_destroyed' THEN '示例备注：逾期未领。' END
FROM keyed k
JOIN (VALUES
    (1, 'imported', 'supplier', 'vendor_stock', 'unknown', 'blank', interval '-30 days'),
    (2, 'allocated', 'vendor_stock', 'maker', 'blank', 'allocated', interval '9 hours'),
    (3, 'personalised', 'maker', 'vendor_stock', 'allocated', 'personalised', interval '10 hours'),
    (4, 'packed', 'vendor_stock', 'packer', 'personalised', 'personalised', interval '24 hours'),
    (5, 'handed_to_courier', 'packer', 'courier', 'personalised', 'personalised', interval '26 hours'),
    (6, 'received', 'courier', 'authority', 'personalised', 'personalised', interval '3 days'),
    (7, 'handed_over', 'authority', 'enterprise', 'personalised', 'handed_over', interval '10 days')
) e (seq, event, giver, taker, before, after, later)
ON CASE WHEN k.story <> 'whole' THEN e.seq = 1
    ELSE e.seq <= CASE k.state WHEN 'made' THEN 3 WHEN 'in_transit' THEN 5 WHEN 'at_authority' THEN 6 WHEN 'awaiting_collection' THEN 6 ELSE 7 END END
JOIN staff maker ON maker.login = 'maker1' JOIN staff packer ON packer.login = 'packer1'
ORDER BY k.id, e.seq;

INSERT INTO consignment_item (consignment_id, authority_id, box, token_id, application_id, packed_at, packed_by_id, outcome, settled_at)
SELECT parcel, authority_id, 1, id, id, least(since + interval '24 hours', now()), (SELECT id FROM staff WHERE login = 'packer1'),
       CASE WHEN leg = 'past' THEN 'received' END, CASE WHEN leg = 'past' THEN now() END
FROM keyed WHERE story = 'whole' AND leg <> 'stock';

INSERT INTO pickup (application_id, authority_id, token_id, code, received_at, notified_at, notified_by)
SELECT id, authority_id, id, lpad((id * 7 %% 100000000)::text, 8, '0'), CASE WHEN pg_temp.u(id, 32) < 0.1 THEN now() - interval '100 days' ELSE since + interval '3 days' END,
       now(), 'system:bench'
FROM keyed WHERE state = 'awaiting_collection';

INSERT INTO discrepancy (consignment_id, authority_id, serial, kind, found_at, found_by)
SELECT id, authority_id, 'XX' || id, 'extra', closed_at, 'system:bench' FROM consignment WHERE state = 'closed' AND id %% 97 = 0;

SELECT setval(pg_get_serial_sequence('token', 'id'), (SELECT max(id) + 1 FROM token)),
       setval(pg_get_serial_sequence('consignment', 'id'), (SELECT coalesce(max(id), 0) + 1 FROM consignment));
