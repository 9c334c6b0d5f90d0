-- A past of thirty days, for tests/bench/pages.py: :links links, :total outcomes, :step ms between two of them.
INSERT INTO links (
    hubspot_account_id, mainstay_account_id, hubspot_id, mainstay_id, agreed, sent, seen, unsettled, version,
    created_at_ms, changed_at_ms
)
SELECT 1, 2, n::text, 'm' || n, '{}', '{}', '{}', '[]', 1, :now, :now FROM generate_series(1, :links) n;

-- Mostly unchanged and updated, 10 % excluded, 3 % failed, and a few of the rest.
INSERT INTO outcomes (
    message_id, generation, instance_id, hubspot_account_id, mainstay_account_id, direction, hubspot_id,
    mainstay_id, outcome, code, cause, attempt, story, mapping_version, job_id,
    occurred_at_ms, accepted_at_ms, finished_at_ms
)
SELECT
    'b' || n, 0, 1 + n % 2, 1, 2, CASE n % 2 WHEN 0 THEN 'incoming' ELSE 'outgoing' END, (n % :links)::text,
    'm' || (n % :links),
    CASE
        WHEN n % 100000 = 7 THEN 'gone'
        WHEN n % 1000 = 9 THEN 'created'
        WHEN n % 100 < 45 THEN 'unchanged'
        WHEN n % 100 < 87 THEN 'updated'
        WHEN n % 100 < 97 THEN 'filtered'
        ELSE 'error'
    END,
    CASE
        WHEN n % 500000 = 99 THEN 'already-linked'
        WHEN n % 100 >= 97 THEN (
            ARRAY[
                'invalid-phone', 'blank-required-data-in-record', 'crm-id-phone-conflict', 'invalid-email',
                'unexpected-answer'
            ]
        )[1 + (n / 100) % 5]
    END,
    'event', 0, '{"fields": [{"field": "email", "did": "write", "reason": "differs"}]}', 1,
    CASE WHEN n % 50 = 0 THEN 1 + (n / 50) % 10 ELSE 0 END,
    at - 4000, at - 2000, at
FROM (SELECT n, (:now - (:total - n) * :step)::bigint AS at FROM generate_series(1, :total) n) moments;

-- One entry of the Sync Log for each that failed; a tenth of them are open.
INSERT INTO sync_log (
    at_ms, instance_id, account_id, direction, contact, hubspot_id, mainstay_id, code, field, message,
    fingerprint, resolved_at_ms
)
SELECT
    finished_at_ms, instance_id, 0, direction,
    CASE direction WHEN 'incoming' THEN 'hubspot:' || hubspot_id ELSE 'mainstay:' || mainstay_id END,
    hubspot_id, mainstay_id, code, '', 'the value does not fit the field', 'f',
    CASE WHEN (id / 7) % 10 < 9 THEN finished_at_ms + 60000 END
FROM outcomes WHERE code IS NOT NULL;

-- A fiftieth of the outcomes belongs to ten backfills; the clock's sweeps stand between them.
INSERT INTO jobs (
    kind, instance_id, state, options, cursor, total, queued, counts, note, author, started_at_ms, beat_at_ms,
    owner
)
SELECT
    CASE WHEN n <= 10 THEN 'backfill' ELSE 'sweep' END, 1 + n % 2, 'done', '{}', '', :total / 500, :total / 500,
    '{}', '', 'olga', :now - 30 * 86400000::bigint, :now, ''
FROM generate_series(1, 6000) n;

-- Twenty thousand changes were given up.
INSERT INTO dead_letters (
    message_id, generation, lane, instance_id, account_id, contact, code, message, attempts, first_failed_at_ms,
    last_failed_at_ms, body, state
)
SELECT
    'd' || n, 0, CASE n % 2 WHEN 0 THEN 'incoming' ELSE 'outgoing' END, 1 + n % 2, 0,
    CASE n % 2 WHEN 0 THEN 'hubspot:' ELSE 'mainstay:m' END || n,
    (ARRAY['platform-unavailable', 'rate-limited', 'unexpected-answer'])[1 + n % 3], 'no luck', 7,
    :now - n * 60000::bigint, :now - n * 50000::bigint, '{}'::bytea, 'dead'
FROM generate_series(1, 20000) n;

-- As many changes by hand as fifty people make in some years.
INSERT INTO audit (at_ms, who, action, subject, details)
SELECT :now - (:total / 200 - n) * 1000, 'olga', CASE n % 10 WHEN 0 THEN 'instance.changed' ELSE 'sign-in' END,
    'instance ' || n % 7, '["mapping: 1"]'
FROM generate_series(1, :total / 200) n;
