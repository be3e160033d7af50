-- Every figure in one statement, so that all are of one moment.
WITH chosen AS MATERIALIZED (
    -- A number for each run, because numbers are grouped and joined in a fraction of the time that names take.
    SELECT r.run_id, row_number() OVER () AS run, r.started_at, r.finished_at,
           CASE WHEN r.outcome IN ('success', 'failed', 'cancelled') THEN r.outcome ELSE 'open' END AS outcome
    FROM runs AS r LEFT JOIN tasks AS t USING (task_id)
    WHERE r.scripted = :scripted
      AND (CAST(:since AS timestamptz) IS NULL OR r.started_at >= :since)
      AND (CAST(:until AS timestamptz) IS NULL OR r.started_at < :until)
      AND (:project = '' OR r.workspace = :project)
      AND (:language = '' OR t.language = :language)
), own AS MATERIALIZED (
    -- A fork begins with copies of another run's iterations: those began before it did.
    SELECT c.run, c.outcome AS run_outcome,
           row_number() OVER (PARTITION BY c.run ORDER BY i.number) AS place,
           CASE WHEN i.outcome NOT IN ('green', 'red') THEN NULL
                WHEN i.passed + CAST(i.failed AS double precision) = 0 THEN CASE WHEN i.outcome = 'green' THEN 1.0 ELSE 0.0 END
                ELSE i.passed / (i.passed + CAST(i.failed AS double precision)) END AS pass_rate
    FROM iterations AS i JOIN chosen AS c USING (run_id)
    WHERE i.started_at >= c.started_at
), green AS MATERIALIZED (
    SELECT max(place) AS iterations FROM own WHERE run_outcome = 'success' GROUP BY run
), spent AS MATERIALIZED (
    SELECT agent, model, day, count(*) AS calls, sum(tokens) AS tokens, coalesce(sum(cost_usd), 0) AS cost_usd,
           count(*) - count(cost_usd) AS unpriced_calls
    FROM (SELECT coalesce(m.metadata ->> 'role', '') AS agent, coalesce(m.metadata ->> 'model', '') AS model,
                 CAST(m.at AT TIME ZONE 'UTC' AS date) AS day, m.value AS tokens,
                 CASE WHEN jsonb_typeof(m.metadata -> 'cost_usd') = 'number'
                      THEN least(CAST(m.metadata ->> 'cost_usd' AS double precision), 1e12) END AS cost_usd
          FROM metrics AS m JOIN chosen USING (run_id)
          WHERE m.metric_type = 'tokens' OFFSET 0) AS calls
    GROUP BY 1, 2, 3
), shown AS MATERIALIZED (
    SELECT c.run, e.iteration, bool_or(e.used) AS used
    FROM recalls AS e JOIN chosen AS c USING (run_id)
    WHERE e.role = 'reflector'
    GROUP BY 1, 2
), failed AS MATERIALIZED (
    SELECT coalesce(nullif(f.error_type, ''), nullif(f.kind, ''), 'unknown') AS error_type,
           f.helped, s.run IS NOT NULL AS recalled, coalesce(s.used, false) AS used
    FROM failures AS f JOIN chosen AS c USING (run_id)
    LEFT JOIN shown AS s ON s.run = c.run AND s.iteration = f.iteration
), ranked AS (
    SELECT error_type, count(*) AS n, row_number() OVER (ORDER BY count(*) DESC, error_type) AS rank
    FROM failed GROUP BY error_type
), asked AS MATERIALIZED (
    SELECT a.topic, a.decision, a.asked_at, a.answered_at, coalesce(a.detail ->> 'rule_id', '') <> '' AS by_rule
    FROM approvals AS a JOIN chosen USING (run_id)
)
SELECT json_build_object(
    'outcomes', (SELECT json_object_agg(outcome, n) FROM (SELECT outcome, count(*) AS n FROM chosen GROUP BY 1) AS x),
    'others', (SELECT count(*) FROM runs WHERE scripted <> :scripted),
    'iterations_to_success', (
        SELECT json_build_object('n', count(*), 'total', coalesce(sum(iterations), 0),
            'median', percentile_cont(0.5) WITHIN GROUP (ORDER BY iterations),
            'p90', percentile_cont(0.9) WITHIN GROUP (ORDER BY iterations)) FROM green),
    'time_to_green_s', (
        SELECT json_build_object('n', count(*), 'total', coalesce(sum(s), 0),
            'median', percentile_cont(0.5) WITHIN GROUP (ORDER BY s),
            'p90', percentile_cont(0.9) WITHIN GROUP (ORDER BY s))
        FROM (SELECT CAST(extract(epoch FROM finished_at - started_at) AS double precision) AS s
              FROM chosen WHERE outcome = 'success' AND finished_at IS NOT NULL) AS x),
    'days', (
        SELECT json_agg(json_build_array(day, hits, n) ORDER BY day)
        FROM (SELECT CAST(started_at AT TIME ZONE 'UTC' AS date) AS day,
                     count(*) FILTER (WHERE outcome = 'success') AS hits, count(*) AS n
              FROM chosen WHERE outcome IN ('success', 'failed') GROUP BY 1) AS x),
    'steps', (
        SELECT json_agg(json_build_array(place, n, pass_rate, green) ORDER BY place)
        FROM (SELECT place, count(pass_rate) AS n, coalesce(avg(pass_rate), 0) AS pass_rate,
                     (SELECT count(*) FROM green WHERE iterations = place) AS green
              FROM own WHERE place <= :places GROUP BY place) AS x),
    'usage', (
        SELECT json_agg(json_build_array(agent, model, calls, tokens, cost_usd, unpriced_calls) ORDER BY agent, model)
        FROM (SELECT agent, model, sum(calls) AS calls, sum(tokens) AS tokens, sum(cost_usd) AS cost_usd,
                     sum(unpriced_calls) AS unpriced_calls FROM spent GROUP BY 1, 2) AS x),
    'usage_days', (
        SELECT json_agg(json_build_array(day, calls, tokens, cost_usd, unpriced_calls) ORDER BY day)
        FROM (SELECT day, sum(calls) AS calls, sum(tokens) AS tokens, sum(cost_usd) AS cost_usd,
                     sum(unpriced_calls) AS unpriced_calls FROM spent GROUP BY 1) AS x),
    'errors', (
        SELECT json_agg(json_build_array(name, n) ORDER BY rank)
        FROM (SELECT CASE WHEN rank <= :types THEN error_type ELSE 'other' END AS name,
                     sum(n) AS n, min(rank) AS rank
              FROM ranked GROUP BY CASE WHEN rank <= :types THEN error_type ELSE 'other' END) AS x),
    'memory', (
        SELECT json_build_array(
            count(*) FILTER (WHERE recalled), count(*), count(*) FILTER (WHERE used),
            count(*) FILTER (WHERE used AND helped), count(*) FILTER (WHERE used AND helped IS NOT NULL),
            count(*) FILTER (WHERE NOT used AND helped), count(*) FILTER (WHERE NOT used AND helped IS NOT NULL))
        FROM failed),
    'topics', (
        SELECT json_agg(json_build_array(topic, n, answered, denied, by_rule) ORDER BY n DESC, topic)
        FROM (SELECT topic, count(*) AS n, count(*) FILTER (WHERE decision <> '') AS answered,
                     count(*) FILTER (WHERE decision = 'deny') AS denied,
                     count(*) FILTER (WHERE by_rule) AS by_rule
              FROM asked GROUP BY 1) AS x),
    'approval_wait_s', (
        SELECT json_build_object('n', count(*), 'total', coalesce(sum(s), 0),
            'median', percentile_cont(0.5) WITHIN GROUP (ORDER BY s),
            'p90', percentile_cont(0.9) WITHIN GROUP (ORDER BY s))
        FROM (SELECT CAST(extract(epoch FROM answered_at - asked_at) AS double precision) AS s
              FROM asked WHERE decision <> '' AND answered_at IS NOT NULL AND NOT by_rule) AS x)
)
