-- The first schema: the log, the projections of it, the registry of embedding models.
CREATE EXTENSION IF NOT EXISTS vector;

CREATE TABLE streams (
    run_id TEXT NOT NULL,
    last_seq BIGINT DEFAULT '0' NOT NULL,
    epoch BIGINT DEFAULT '0' NOT NULL,
    holder TEXT DEFAULT '' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    leased_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_streams PRIMARY KEY (run_id)
);

CREATE TABLE events (
    run_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    event_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    body JSONB NOT NULL,
    CONSTRAINT pk_events PRIMARY KEY (run_id, seq),
    CONSTRAINT uq_events_event_id UNIQUE (event_id)
);

CREATE TABLE tasks (
    task_id TEXT NOT NULL,
    goal TEXT DEFAULT '' NOT NULL,
    project_type TEXT DEFAULT '' NOT NULL,
    language TEXT DEFAULT '' NOT NULL,
    workspace TEXT DEFAULT '' NOT NULL,
    status TEXT DEFAULT '' NOT NULL,
    iterations BIGINT DEFAULT '0' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_tasks PRIMARY KEY (task_id)
);

CREATE TABLE runs (
    run_id TEXT NOT NULL,
    task_id TEXT DEFAULT '' NOT NULL,
    title TEXT DEFAULT '' NOT NULL,
    goal TEXT DEFAULT '' NOT NULL,
    workspace TEXT DEFAULT '' NOT NULL,
    status TEXT DEFAULT '' NOT NULL,
    stage TEXT DEFAULT '' NOT NULL,
    outcome TEXT DEFAULT '' NOT NULL,
    branch TEXT DEFAULT '' NOT NULL,
    model_label TEXT DEFAULT '' NOT NULL,
    scripted BOOLEAN DEFAULT false NOT NULL,
    cost_usd DOUBLE PRECISION DEFAULT '0' NOT NULL,
    tokens BIGINT DEFAULT '0' NOT NULL,
    iterations BIGINT DEFAULT '0' NOT NULL,
    phases_total BIGINT DEFAULT '0' NOT NULL,
    phases_done BIGINT DEFAULT '0' NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_runs PRIMARY KEY (run_id)
);
CREATE INDEX ix_runs_task_id ON runs (task_id);
CREATE INDEX ix_runs_updated_at ON runs (updated_at);

CREATE TABLE iterations (
    run_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    phase_id TEXT DEFAULT '' NOT NULL,
    stage TEXT DEFAULT '' NOT NULL,
    outcome TEXT DEFAULT '' NOT NULL,
    hypothesis TEXT DEFAULT '' NOT NULL,
    cause TEXT DEFAULT '' NOT NULL,
    reflection TEXT DEFAULT '' NOT NULL,
    passed BIGINT DEFAULT '0' NOT NULL,
    failed BIGINT DEFAULT '0' NOT NULL,
    error_message TEXT DEFAULT '' NOT NULL,
    commit TEXT DEFAULT '' NOT NULL,
    tokens_used BIGINT DEFAULT '0' NOT NULL,
    cost_usd DOUBLE PRECISION DEFAULT '0' NOT NULL,
    duration_seconds DOUBLE PRECISION DEFAULT '0' NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_iterations PRIMARY KEY (run_id, number)
);

CREATE TABLE failures (
    failure_id TEXT NOT NULL,
    run_id TEXT DEFAULT '' NOT NULL,
    iteration BIGINT DEFAULT '0' NOT NULL,
    project TEXT DEFAULT '' NOT NULL,
    language TEXT DEFAULT '' NOT NULL,
    error_type TEXT DEFAULT '' NOT NULL,
    error_signature TEXT DEFAULT '' NOT NULL,
    fingerprint BYTEA DEFAULT ''::bytea NOT NULL,
    message TEXT DEFAULT '' NOT NULL,
    ctx_text TEXT DEFAULT '' NOT NULL,
    sig_text TEXT DEFAULT '' NOT NULL,
    cause TEXT DEFAULT '' NOT NULL,
    hypothesis TEXT DEFAULT '' NOT NULL,
    solution TEXT DEFAULT '' NOT NULL,
    code_context TEXT DEFAULT '' NOT NULL,
    helped BOOLEAN,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_failures PRIMARY KEY (failure_id)
);
CREATE INDEX ix_failures_fingerprint ON failures (fingerprint);
CREATE INDEX ix_failures_project ON failures (project);
CREATE INDEX ix_failures_run_id ON failures (run_id);

CREATE TABLE patterns (
    pattern_id TEXT NOT NULL,
    problem_type TEXT DEFAULT '' NOT NULL,
    project TEXT DEFAULT '' NOT NULL,
    language TEXT DEFAULT '' NOT NULL,
    description TEXT DEFAULT '' NOT NULL,
    code_template TEXT DEFAULT '' NOT NULL,
    test_template TEXT DEFAULT '' NOT NULL,
    usage_count BIGINT DEFAULT '0' NOT NULL,
    success_rate DOUBLE PRECISION DEFAULT '0' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_patterns PRIMARY KEY (pattern_id)
);

CREATE TABLE metrics (
    run_id TEXT NOT NULL,
    metric_type TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    value DOUBLE PRECISION DEFAULT '0' NOT NULL,
    metadata JSONB DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT pk_metrics PRIMARY KEY (run_id, metric_type, at)
);

CREATE TABLE approvals (
    approval_id TEXT NOT NULL,
    run_id TEXT DEFAULT '' NOT NULL,
    topic TEXT DEFAULT '' NOT NULL,
    title TEXT DEFAULT '' NOT NULL,
    detail JSONB DEFAULT '{}'::jsonb NOT NULL,
    decision TEXT DEFAULT '' NOT NULL,
    reason TEXT DEFAULT '' NOT NULL,
    by TEXT DEFAULT '' NOT NULL,
    asked_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    answered_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_approvals PRIMARY KEY (approval_id)
);
CREATE INDEX ix_approvals_run_id ON approvals (run_id);

CREATE TABLE recalls (
    run_id TEXT NOT NULL,
    iteration INTEGER NOT NULL,
    memory_id TEXT NOT NULL,
    kind TEXT DEFAULT '' NOT NULL,
    via TEXT DEFAULT '' NOT NULL,
    similarity DOUBLE PRECISION DEFAULT '0' NOT NULL,
    used BOOLEAN DEFAULT false NOT NULL,
    helped BOOLEAN,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_recalls PRIMARY KEY (run_id, iteration, memory_id)
);

CREATE TABLE embed_model (
    model_id SMALLSERIAL NOT NULL,
    name TEXT NOT NULL,
    dimensions INTEGER NOT NULL,
    threshold DOUBLE PRECISION NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_embed_model PRIMARY KEY (model_id),
    CONSTRAINT uq_embed_model_name_dimensions UNIQUE (name, dimensions)
);

CREATE TABLE embedding_cache (
    model TEXT NOT NULL,
    digest BYTEA NOT NULL,
    vector BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_embedding_cache PRIMARY KEY (model, digest)
);
CREATE INDEX ix_embedding_cache_created_at ON embedding_cache (created_at);
