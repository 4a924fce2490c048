-- Rules that make states of signals. The first that holds gives the state; where none holds, the machine's own words do.
create table state_rule (
    id uuid primary key,
    position integer not null,
    name text not null,
    -- path of the unit, or of what it stands in; empty for the whole plant
    scope text not null,
    condition text not null,
    state text not null constraint state_rule_state_known
        check (state in ('producing', 'setup', 'stopped', 'blocked', 'starved', 'idle', 'maintenance', 'off', 'unknown')),
    changed_by text not null,
    changed_at timestamptz not null default now()
);
