-- Every run of one, two and three letters of a text, in lower case: an index of them finds parts of words without any
-- extension. Cutting the text in pieces by a pattern, once from each offset, takes a tenth of the time of counting.
CREATE FUNCTION history_grams(body text) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 10000 AS $$
    SELECT string_to_array(
        regexp_replace(t, '(...)', E'\\1\x01', 'g') || E'\x01'
        || regexp_replace(substr(t, 2), '(...)', E'\\1\x01', 'g') || E'\x01'
        || regexp_replace(substr(t, 3), '(...)', E'\\1\x01', 'g') || E'\x01'
        || regexp_replace(t, '(..)', E'\\1\x01', 'g') || E'\x01'
        || regexp_replace(substr(t, 2), '(..)', E'\\1\x01', 'g'), E'\x01')
        || string_to_array(t, NULL)
    FROM (SELECT lower(body) AS t) AS low
$$;

CREATE TABLE history (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    run_id TEXT DEFAULT '' NOT NULL,
    project TEXT DEFAULT '' NOT NULL,
    language TEXT DEFAULT '' NOT NULL,
    outcome TEXT DEFAULT '' NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    title TEXT DEFAULT '' NOT NULL,
    body TEXT DEFAULT '' NOT NULL,
    CONSTRAINT pk_history PRIMARY KEY (kind, id)
);
CREATE INDEX ix_history_at ON history (at, kind, id);
CREATE INDEX ix_history_kind ON history (kind, at, id);
CREATE INDEX ix_history_run_id ON history (run_id);
CREATE INDEX ix_history_grams ON history USING gin (history_grams(body)) WITH (fastupdate = off);
-- Counting which letters are frequent would read everything, and the searches do not ask for it.
ALTER INDEX ix_history_grams ALTER COLUMN 1 SET STATISTICS 0;

CREATE FUNCTION history_line(body text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT left(split_part(ltrim(body, E' \n\r\t'), chr(10), 1), 200)
$$;

-- A folder's name that does not tell where it lies, as failures and patterns have it.
CREATE FUNCTION history_project(folder text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT left(encode(sha256(convert_to(folder, 'UTF8')), 'hex'), 16)
$$;

-- Of each thing that can be found: what is searched, cut to what an index holds at little cost.
CREATE VIEW history_rows AS
    SELECT 'task' AS kind, task_id AS id, '' AS run_id, history_project(workspace) AS project, language,
           status AS outcome, created_at AS at, history_line(goal) AS title,
           concat_ws(' ', left(goal, 8000), project_type, workspace, task_id) AS body
    FROM tasks
    UNION ALL
    SELECT 'run', r.run_id, r.run_id, history_project(r.workspace), coalesce(t.language, ''),
           coalesce(nullif(r.outcome, ''), r.status), r.started_at,
           CASE WHEN r.title = '' THEN history_line(r.goal) ELSE left(r.title, 200) END,
           concat_ws(' ', r.title, left(r.goal, 8000), r.branch, r.model_label, r.run_id)
    FROM runs AS r LEFT JOIN tasks AS t USING (task_id)
    UNION ALL
    SELECT 'iteration', i.run_id || '#' || i.number, i.run_id, history_project(coalesce(r.workspace, '')),
           coalesce(t.language, ''), i.outcome, i.started_at,
           coalesce(nullif(left(i.cause, 200), ''), nullif(history_line(i.error_message), ''), i.outcome),
           concat_ws(' ', left(i.hypothesis, 4000), left(i.cause, 4000), left(i.reflection, 4000),
                     i.error_message, i.phase_id)
    FROM iterations AS i LEFT JOIN runs AS r USING (run_id) LEFT JOIN tasks AS t USING (task_id)
    UNION ALL
    SELECT 'failure', failure_id, run_id, project, language, outcome, at, left(error_signature, 200),
           concat_ws(' ', left(error_signature, 1000), left(message, 1000), left(ctx_text, 3000), left(cause, 2000),
                     left(hypothesis, 2000), left(solution, 2000), left(code_context, 2000), error_type, kind)
    FROM failures
    UNION ALL
    SELECT 'pattern', pattern_id, '', project, language, '', created_at,
           concat_ws(': ', nullif(problem_type, ''), nullif(history_line(description), '')),
           concat_ws(' ', problem_type, left(description, 4000), left(plan, 4000), left(code_template, 8000),
                     left(test_template, 4000))
    FROM patterns;

-- Keeps the row of what was written. What changes nothing that can be searched, such as what a run cost, does not come here.
-- Whoever writes may have another search path: the queue has one of its own.
CREATE FUNCTION history_keep() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    it record;
    its_kind text := TG_ARGV[0];
    its_id text;
    its_run text := '';
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        DELETE FROM history WHERE kind = its_kind;
        RETURN NULL;
    ELSIF TG_OP = 'DELETE' THEN
        it := OLD;
    ELSE
        it := NEW;
    END IF;
    IF its_kind = 'task' THEN
        its_id := it.task_id;
    ELSIF its_kind = 'run' THEN
        its_id := it.run_id;
        its_run := it.run_id;
    ELSIF its_kind = 'iteration' THEN
        its_id := it.run_id || '#' || it.number;
        its_run := it.run_id;
    ELSIF its_kind = 'failure' THEN
        its_id := it.failure_id;
        its_run := it.run_id;
    ELSE
        its_id := it.pattern_id;
    END IF;
    IF TG_OP = 'DELETE' THEN
        DELETE FROM history WHERE kind = its_kind AND id = its_id;
        RETURN NULL;
    END IF;
    INSERT INTO history (kind, id, run_id, project, language, outcome, at, title, body)
    SELECT found.kind, found.id, found.run_id, found.project, found.language, found.outcome, found.at, found.title,
           found.body
    FROM history_rows AS found
    WHERE found.kind = its_kind AND found.run_id = its_run AND found.id = its_id
    ON CONFLICT (kind, id) DO UPDATE
    SET run_id = excluded.run_id, project = excluded.project, language = excluded.language,
        outcome = excluded.outcome, at = excluded.at, title = excluded.title, body = excluded.body;
    IF its_kind = 'task' THEN
        UPDATE history SET language = it.language
        WHERE run_id IN (SELECT run_id FROM runs WHERE task_id = it.task_id)
          AND kind IN ('run', 'iteration') AND language <> it.language;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER history_born AFTER INSERT OR DELETE ON tasks
    FOR EACH ROW EXECUTE FUNCTION history_keep('task');
CREATE TRIGGER history_changed AFTER UPDATE ON tasks
    FOR EACH ROW WHEN (
        (OLD.goal, OLD.project_type, OLD.language, OLD.workspace, OLD.status, OLD.created_at)
        IS DISTINCT FROM
        (NEW.goal, NEW.project_type, NEW.language, NEW.workspace, NEW.status, NEW.created_at))
    EXECUTE FUNCTION history_keep('task');
CREATE TRIGGER history_emptied AFTER TRUNCATE ON tasks
    FOR EACH STATEMENT EXECUTE FUNCTION history_keep('task');

CREATE TRIGGER history_born AFTER INSERT OR DELETE ON runs
    FOR EACH ROW EXECUTE FUNCTION history_keep('run');
CREATE TRIGGER history_changed AFTER UPDATE ON runs
    FOR EACH ROW WHEN (
        (OLD.title, OLD.goal, OLD.workspace, OLD.status, OLD.outcome, OLD.branch, OLD.model_label, OLD.started_at)
        IS DISTINCT FROM
        (NEW.title, NEW.goal, NEW.workspace, NEW.status, NEW.outcome, NEW.branch, NEW.model_label, NEW.started_at))
    EXECUTE FUNCTION history_keep('run');
CREATE TRIGGER history_emptied AFTER TRUNCATE ON runs
    FOR EACH STATEMENT EXECUTE FUNCTION history_keep('run');

CREATE TRIGGER history_born AFTER INSERT OR DELETE ON iterations
    FOR EACH ROW EXECUTE FUNCTION history_keep('iteration');
CREATE TRIGGER history_changed AFTER UPDATE ON iterations
    FOR EACH ROW WHEN (
        (OLD.phase_id, OLD.outcome, OLD.hypothesis, OLD.cause, OLD.reflection, OLD.error_message, OLD.started_at)
        IS DISTINCT FROM
        (NEW.phase_id, NEW.outcome, NEW.hypothesis, NEW.cause, NEW.reflection, NEW.error_message, NEW.started_at))
    EXECUTE FUNCTION history_keep('iteration');
CREATE TRIGGER history_emptied AFTER TRUNCATE ON iterations
    FOR EACH STATEMENT EXECUTE FUNCTION history_keep('iteration');

CREATE TRIGGER history_born AFTER INSERT OR DELETE ON failures
    FOR EACH ROW EXECUTE FUNCTION history_keep('failure');
CREATE TRIGGER history_changed AFTER UPDATE ON failures
    FOR EACH ROW WHEN (
        (OLD.project, OLD.language, OLD.kind, OLD.error_type, OLD.error_signature, OLD.message, OLD.ctx_text, OLD.cause,
         OLD.hypothesis, OLD.solution, OLD.code_context, OLD.outcome, OLD.at)
        IS DISTINCT FROM
        (NEW.project, NEW.language, NEW.kind, NEW.error_type, NEW.error_signature, NEW.message, NEW.ctx_text, NEW.cause,
         NEW.hypothesis, NEW.solution, NEW.code_context, NEW.outcome, NEW.at))
    EXECUTE FUNCTION history_keep('failure');
CREATE TRIGGER history_emptied AFTER TRUNCATE ON failures
    FOR EACH STATEMENT EXECUTE FUNCTION history_keep('failure');

CREATE TRIGGER history_born AFTER INSERT OR DELETE ON patterns
    FOR EACH ROW EXECUTE FUNCTION history_keep('pattern');
CREATE TRIGGER history_changed AFTER UPDATE ON patterns
    FOR EACH ROW WHEN (
        (OLD.problem_type, OLD.project, OLD.language, OLD.description, OLD.plan, OLD.code_template, OLD.test_template,
         OLD.created_at)
        IS DISTINCT FROM
        (NEW.problem_type, NEW.project, NEW.language, NEW.description, NEW.plan, NEW.code_template, NEW.test_template,
         NEW.created_at))
    EXECUTE FUNCTION history_keep('pattern');
CREATE TRIGGER history_emptied AFTER TRUNCATE ON patterns
    FOR EACH STATEMENT EXECUTE FUNCTION history_keep('pattern');

INSERT INTO history (kind, id, run_id, project, language, outcome, at, title, body)
SELECT kind, id, run_id, project, language, outcome, at, title, body FROM history_rows;
