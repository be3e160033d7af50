-- What a person thinks of a memory: no projection, so it survives a rebuild.
CREATE TABLE memory_marks (
    memory_id TEXT NOT NULL,
    pinned BOOLEAN DEFAULT false NOT NULL,
    forgotten BOOLEAN DEFAULT false NOT NULL,
    by TEXT DEFAULT '' NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_memory_marks PRIMARY KEY (memory_id)
);

-- Runs whose logs were removed, and what was learnt from them, which no log gives again.
CREATE TABLE pruned_runs (
    run_id TEXT NOT NULL,
    title TEXT DEFAULT '' NOT NULL,
    outcome TEXT DEFAULT '' NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    events BIGINT DEFAULT '0' NOT NULL,
    lessons JSONB DEFAULT '[]'::jsonb NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_pruned_runs PRIMARY KEY (run_id)
);

-- How far a rebuild of the projections is; no row while none is under way.
CREATE TABLE rebuilds (
    rebuild_id SMALLINT NOT NULL,
    after_run TEXT DEFAULT '' NOT NULL,
    runs BIGINT DEFAULT '0' NOT NULL,
    rows BIGINT DEFAULT '0' NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_rebuilds PRIMARY KEY (rebuild_id)
);

ALTER TABLE failures ADD COLUMN kind TEXT DEFAULT '' NOT NULL;
ALTER TABLE failures ADD COLUMN fix TEXT DEFAULT '' NOT NULL;
ALTER TABLE failures ADD COLUMN outcome TEXT DEFAULT 'open' NOT NULL;
UPDATE failures SET kind = CASE WHEN error_type = '' THEN 'error' ELSE 'test' END;
UPDATE failures SET outcome = CASE WHEN helped THEN 'improved' ELSE 'unchanged' END WHERE helped IS NOT NULL;

-- How often a pattern was used, and how often it helped, is counted in the recalls.
ALTER TABLE patterns DROP COLUMN usage_count;
ALTER TABLE patterns DROP COLUMN success_rate;
ALTER TABLE patterns ADD COLUMN plan TEXT DEFAULT '' NOT NULL;

ALTER TABLE recalls ADD COLUMN role TEXT DEFAULT '' NOT NULL;
UPDATE recalls SET role = 'reflector';
ALTER TABLE recalls DROP CONSTRAINT pk_recalls;
ALTER TABLE recalls ADD CONSTRAINT pk_recalls PRIMARY KEY (run_id, iteration, role, memory_id);
CREATE INDEX ix_recalls_memory_id ON recalls (memory_id);

-- Which embedding models can be searched, and what filling one costs.
ALTER TABLE embed_model ADD COLUMN active BOOLEAN DEFAULT false NOT NULL;
ALTER TABLE embed_model ADD COLUMN used_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL;
ALTER TABLE embed_model ADD COLUMN spent_usd DOUBLE PRECISION DEFAULT '0' NOT NULL;
ALTER TABLE embed_model ADD COLUMN problem TEXT DEFAULT '' NOT NULL;
UPDATE embed_model SET active = true;
