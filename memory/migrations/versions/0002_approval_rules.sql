-- What a person allowed for good; how often a rule was used is counted in the approvals.
CREATE TABLE approval_rules (
    rule_id TEXT NOT NULL,
    topic TEXT DEFAULT '' NOT NULL,
    project TEXT DEFAULT '' NOT NULL,
    body JSONB DEFAULT '{}'::jsonb NOT NULL,
    created_by TEXT DEFAULT '' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_approval_rules PRIMARY KEY (rule_id)
);
