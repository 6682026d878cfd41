-- The statements that invent the cases, in order. %(n)s is their number; u(i, k) is the k-th random number in [0, 1) of
-- row i, always the same. Statements end with a semicolon at a line's end.

CREATE FUNCTION pg_temp.u(i bigint, k bigint) RETURNS double precision LANGUAGE sql IMMUTABLE
RETURN (hashint8extended(i, k) & 1048575) / 1048576.0;

CREATE FUNCTION pg_temp.one_of(words text[], u double precision) RETURNS text LANGUAGE sql IMMUTABLE
RETURN words[1 + floor(u * cardinality(words))::int];

CREATE FUNCTION pg_temp.day_after(at timestamptz, days int) RETURNS timestamptz LANGUAGE sql IMMUTABLE
RETURN (date_trunc('day', at AT TIME ZONE 'Asia/Shanghai') + make_interval(days => days)) AT TIME ZONE 'Asia/Shanghai';

INSERT INTO staff (login, name, password_hash, roles, authority_id, must_change_password, password_changed_at, created_at)
SELECT format('%%s%%s-%%s', role.login, k, a.position), format('示例%%s%%s%%s', a.short_zh, role.name, k), %(password)s,
       ARRAY[role.code], a.id, false, now(), now()
FROM authority a, generate_series(1, 3) k,
     (VALUES ('clerk', '预审员', 'pre_checker'), ('lead', '主管', 'authority_supervisor')) role (login, name, code)
WHERE k = 1 OR role.login = 'clerk'
UNION ALL
SELECT format('%%s%%s', role.login, k), format('示例%%s%%s', role.name, k), %(password)s, ARRAY[role.code], NULL, false, now(), now()
FROM generate_series(1, 12) k,
     (VALUES ('recheck', '复核员', 're_checker'), ('maker', '制作员', 'key_maker')) role (login, name, code);

CREATE TEMP TABLE place AS
SELECT a.position, a.id AS authority_id, a.code,
       (SELECT id FROM staff WHERE login = format('clerk1-%%s', a.position)) AS clerk_1,
       (SELECT id FROM staff WHERE login = format('clerk2-%%s', a.position)) AS clerk_2,
       (SELECT id FROM staff WHERE login = 'recheck2') AS re_checker, a.short_zh
FROM authority a;

INSERT INTO enterprise (id, uscc, name, created_at)
SELECT e, '91' || place.code || lpad((e::bigint * 7919 %% 1000000000)::text, 9, '0') || 'X',
       '示例' || pg_temp.one_of('{远航,华创,鼎盛,恒信,瑞丰,金桥,海纳,中远,联达,博雅,天成,新宇,东升,长风,润泽,安泰,宏图,启明,万通,嘉禾,卓越,永兴,广源,盛世,德隆,祥云,和顺,百川,星辰,明达}', pg_temp.u(e, 11))
       || pg_temp.one_of('{世纪,环球,国联,亚太,四海,通汇,创新,精工,方舟,蓝海,绿洲,银河,时代,未来,晨光,南方,北斗,长城,黄河,珠江}', pg_temp.u(e, 12))
       || pg_temp.one_of('{机电,粮油,纺织,化工,医药,汽车配件,电子科技,农产品,五金,家具,食品,仪器仪表}', pg_temp.u(e, 13))
       || pg_temp.one_of('{进出口有限公司,贸易有限公司,国际贸易有限公司,进出口股份有限公司,实业有限公司}', pg_temp.u(e, 14)),
       now() - interval '6 years'
FROM generate_series(1, greatest(%(n)s * 2 / 5, 1)) e
JOIN place ON place.position = 1 + floor(37 * power(pg_temp.u(e, 10), 2.2));

ANALYZE enterprise;

INSERT INTO application (id, number, enterprise_id, authority_id, service, category, channel, reason, prior_key, state,
    round, enterprise_name, uscc, created_at, submitted_at, state_since, due_at, due_clock, due_from, due_provisional,
    claimed_by_id, claimed_at, claim_ends_at, pre_checked_by_id, re_checked_by_id, version)
SELECT i, 'EK' || extract(year FROM submitted_at AT TIME ZONE 'Asia/Shanghai') || lpad(i::text, 7, '0'), e.id, place.authority_id, service,
       pg_temp.one_of('{mechanical_electrical,other,other,other,agricultural_quota}', pg_temp.u(i, 3)),
       CASE WHEN pg_temp.u(i, 4) < 0.9 THEN 'portal' ELSE 'counter' END,
       CASE WHEN service IN ('additional', 'replacement') THEN '示例理由：业务增加' END,
       CASE WHEN service = 'replacement' THEN 'SL' || lpad(i::text, 9, '0') END,
       state, round, e.name, e.uscc, submitted_at, submitted_at, state_since,
       CASE WHEN clock IS NOT NULL THEN pg_temp.day_after(state_since, days) END, clock,
       CASE WHEN clock IS NOT NULL THEN state_since END, false,
       CASE WHEN held THEN CASE state WHEN 'pre_check' THEN clerk_2 ELSE re_checker END END,
       CASE WHEN held THEN now() END, CASE WHEN held THEN now() + interval '1 year' END,
       CASE WHEN state <> 'pre_check' AND state <> 'withdrawn' THEN clerk_2 END,
       CASE WHEN state NOT IN ('pre_check', 're_check', 'returned', 'withdrawn') THEN re_checker END, round
FROM (
    SELECT i, service, state, submitted_at,
           CASE WHEN pg_temp.u(i, 5) < 0.15 THEN 2 ELSE 1 END AS round,
           submitted_at + CASE WHEN state = 'pre_check' THEN interval '0' ELSE interval '30 hours' END AS state_since,
           CASE state WHEN 'pre_check' THEN 'pre_check' WHEN 'at_authority' THEN 'notice'
               WHEN 're_check' THEN CASE service WHEN 'renewal' THEN 'renewal' ELSE 're_check_and_production' END
               WHEN 'production' THEN CASE service WHEN 'renewal' THEN 'renewal' ELSE 're_check_and_production' END
           END AS clock,
           CASE state WHEN 'pre_check' THEN 3 ELSE 6 END AS days,
           state IN ('pre_check', 're_check') AND pg_temp.u(i, 6) < 0.03 AS held
    FROM (
        SELECT i, service, state,
               now() - CASE
                   WHEN state = 'pre_check' THEN pg_temp.u(i, 7) * interval '4 days'
                   WHEN state = 're_check' THEN interval '31 hours' + pg_temp.u(i, 7) * interval '8 days'
                   WHEN i > 0.94 * %(n)s THEN interval '5 days' + pg_temp.u(i, 7) * interval '25 days'
                   ELSE interval '30 days' + (%(n)s - i) * (interval '5 years' / %(n)s)
               END AS submitted_at
        FROM (
            SELECT i, service,
                   CASE WHEN i > 0.94 * %(n)s THEN CASE
                       WHEN u < 0.417 THEN 'pre_check' WHEN u < 0.55 THEN 're_check' WHEN u < 0.70 THEN 'returned'
                       WHEN u < 0.783 THEN 'production'
                       WHEN service = 'renewal' THEN 'returned'
                       WHEN u < 0.82 THEN 'made' WHEN u < 0.88 THEN 'in_transit' WHEN u < 0.93 THEN 'at_authority'
                       ELSE 'awaiting_collection' END
                   WHEN u < 0.04 THEN 'withdrawn'
                   WHEN service = 'renewal' THEN 'updated'
                   WHEN u < 0.05 THEN 'key_destroyed' ELSE 'collected' END AS state
            FROM (
                SELECT i, pg_temp.u(i, 1) AS u,
                       pg_temp.one_of('{new,new,new,new,new,new,new,new,new,new,new,additional,additional,replacement,replacement,renewal,renewal,renewal,renewal,renewal}', pg_temp.u(i, 2)) AS service
                FROM generate_series(1, %(n)s::bigint) i
            ) drawn
        ) placed
    ) timed
) shaped
JOIN enterprise e ON e.id = 1 + floor(pg_temp.u(i, 8) * greatest(%(n)s * 2 / 5, 1))
JOIN place ON place.code = substr(e.uscc, 3, 6);

ANALYZE application;

CREATE TEMP TABLE detailed AS
SELECT a.id, a.authority_id, a.service, a.state, a.round, a.submitted_at, a.state_since, a.enterprise_name, a.uscc,
       a.category, a.due_at, a.due_clock, a.reason, a.prior_key, place.clerk_2, place.re_checker, v.id AS version_id
FROM application a JOIN place USING (authority_id)
JOIN requirement_version v ON v.service = a.service AND v.authority_id IS NULL
WHERE a.id > 0.94 * %(n)s OR a.id %% 20 = 0;

ANALYZE detailed;

INSERT INTO submission (application_id, authority_id, round, submitted_at, submitted_by, form, answer, requirement_version_id)
SELECT d.id, d.authority_id, r, d.submitted_at - (d.round - r) * interval '2 days', 'enterprise:1',
       jsonb_build_object('enterprise_name', d.enterprise_name, 'uscc', d.uscc, 'category', d.category, 'reason', d.reason,
           'prior_key', d.prior_key, 'legal_representative', CASE WHEN r = d.round THEN '示例李' ELSE '示例王' END,
           'address', '示例市示例路' || (d.id %% 300) || '号', 'postcode', '000000', 'telephone', '010-00000000'),
       CASE WHEN r > 1 THEN '已按备注补正。' END, d.version_id
FROM detailed d, generate_series(1, d.round) r;

ANALYZE submission;

INSERT INTO holder (application_id, authority_id, submission_id, name, mobile, email, identity_ciphertext, identity_masked, identity_fingerprint)
SELECT application_id, authority_id, id, '示例授权人' || (application_id %% 1000), '13800000000', 'user@example.invalid',
       %(ciphertext)s, %(masked)s, %(fingerprint)s
FROM submission;

INSERT INTO case_clock (application_id, authority_id, kind, days, started_at, due_at, stopped_at)
SELECT id, authority_id, due_clock, CASE due_clock WHEN 'pre_check' THEN 2 ELSE 5 END, state_since, due_at, NULL
FROM detailed WHERE due_clock IS NOT NULL
UNION ALL
SELECT id, authority_id, 'pre_check', 2, submitted_at, pg_temp.day_after(submitted_at, 3), state_since
FROM detailed WHERE state <> 'pre_check';

INSERT INTO case_event (application_id, authority_id, event, state_before, state_after, round, at, actor, actor_name, staff_id, remark)
SELECT d.id, d.authority_id, e.event, e.before, e.after, s.round, s.submitted_at + e.later,
       CASE e.desk WHEN '' THEN 'enterprise:1' WHEN 'pre_check' THEN 'staff:' || d.clerk_2 ELSE 'staff:' || d.re_checker END,
       CASE e.desk WHEN '' THEN d.enterprise_name ELSE '示例人员' END,
       CASE e.desk WHEN 'pre_check' THEN d.clerk_2 WHEN 're_check' THEN d.re_checker END,
       CASE WHEN e.desk <> '' THEN '材料已核对。' END
FROM detailed d JOIN submission s ON s.application_id = d.id
JOIN (VALUES
    (1, '', 'submitted', NULL, 'pre_check', interval '0'),
    (2, '', 'resubmitted', 'returned', 'pre_check', interval '0'),
    (3, 'pre_check', 'pre_check_failed', 'pre_check', 'returned', interval '1 day'),
    (4, 'pre_check', 'pre_check_passed', 'pre_check', 're_check', interval '30 hours'),
    (5, 're_check', 're_check_passed', 're_check', 'production', interval '54 hours')
) e (kind, desk, event, before, after, later)
ON CASE e.kind WHEN 1 THEN s.round = 1 WHEN 2 THEN s.round > 1
    WHEN 3 THEN s.round < d.round OR d.state = 'returned'
    WHEN 4 THEN s.round = d.round AND d.state NOT IN ('pre_check', 'returned', 'withdrawn')
    ELSE s.round = d.round AND d.state NOT IN ('pre_check', 're_check', 'returned', 'withdrawn') END
ORDER BY d.id, s.round, e.kind;

ANALYZE case_event;

INSERT INTO case_decider (application_id, authority_id, staff_id, desk)
SELECT DISTINCT application_id, authority_id, staff_id, CASE event WHEN 're_check_passed' THEN 're_check' ELSE 'pre_check' END
FROM case_event WHERE staff_id IS NOT NULL;

INSERT INTO attachment (application_id, authority_id, submission_id, document_code, position, untrusted_name, sha256,
    byte_size, kind, page_count, uploaded_at, uploaded_by, preview)
SELECT s.application_id, s.authority_id, s.id, document.code, 0, document.name_zh || '.pdf',
       encode(sha256(format('%%s/%%s/%%s', s.application_id, document.code,
           CASE WHEN document.code = 'business_licence' THEN s.round ELSE 1 END)::bytea), 'hex'),
       300000 + s.id %% 2000000, 'pdf', CASE document.code WHEN 'application_form' THEN 2 ELSE 1 END, s.submitted_at,
       'enterprise:1', 'ready'
FROM submission s JOIN required_document document ON document.version_id = s.requirement_version_id
ORDER BY s.id, document.position;

INSERT INTO page (application_id, authority_id, attachment_id, index, width, height, image_sha256, thumbnail_sha256, text, words)
SELECT a.application_id, a.authority_id, a.id, i, 1600, 2263, a.sha256, a.sha256, '示例远航进出口有限公司 统一社会信用代码',
       '[["示例远航进出口有限公司", 0.1, 0.1, 0.5, 0.12], ["统一社会信用代码", 0.1, 0.2, 0.3, 0.22]]'
FROM attachment a, generate_series(0, a.page_count - 1) i
ORDER BY a.id, i;

INSERT INTO review (application_id, authority_id, submission_id, desk, opened_at, verdict, decided_by_id, decided_at, remark)
SELECT e.application_id, e.authority_id, s.id, CASE e.event WHEN 're_check_passed' THEN 're_check' ELSE 'pre_check' END,
       e.at - interval '10 minutes', CASE e.event WHEN 'pre_check_failed' THEN 'failed' ELSE 'passed' END, e.staff_id, e.at, e.remark
FROM case_event e JOIN submission s ON s.application_id = e.application_id AND s.round = e.round
WHERE e.staff_id IS NOT NULL;

ANALYZE review;

INSERT INTO mark (application_id, authority_id, review_id, check_item_id, value, note, marked_by_id, marked_at)
SELECT r.application_id, r.authority_id, r.id, item.id,
       CASE WHEN r.verdict = 'failed' AND item.code = 'sealed' AND document.code = 'business_licence' THEN 'fault' ELSE 'ok' END,
       NULL, r.decided_by_id, r.decided_at
FROM review r JOIN submission s ON s.id = r.submission_id JOIN application a ON a.id = r.application_id
JOIN required_document document ON document.version_id = s.requirement_version_id
JOIN check_item item ON item.document_id = document.id
WHERE a.state IN ('pre_check', 're_check', 'returned', 'production')
ORDER BY r.id, item.id;

SELECT setval('application_number', (SELECT max(id) + 1 FROM application)),
       setval(pg_get_serial_sequence('application', 'id'), (SELECT max(id) + 1 FROM application)),
       setval(pg_get_serial_sequence('enterprise', 'id'), (SELECT max(id) + 1 FROM enterprise));
