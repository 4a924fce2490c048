-- Collectors, and how far each has been committed.
create table collector (
    id integer generated always as identity primary key,
    name text not null constraint collector_name_unique unique,
    token_sha256 bytea constraint collector_token_unique unique,
    created_at timestamptz not null,
    revoked_at timestamptz,
    version text,
    last_hello_at timestamptz,
    clock_offset_micros bigint,
    -- newest epoch seen, and its highest committed batch
    epoch bigint not null default 0,
    acked bigint not null default 0,
    last_batch_at timestamptz
);

-- The collector's numbers for its signals. signal_id is null while the plant does not know the address.
create table collector_signal (
    collector_id integer not null references collector (id),
    epoch bigint not null,
    local integer not null,
    address text not null,
    kind text not null,
    uom text,
    source text,
    signal_id integer references signal (id),
    primary key (collector_id, epoch, local)
);
create index collector_signal_by_signal on collector_signal (signal_id);

-- How the sources of a collector were at its last word.
create table collector_source (
    collector_id integer not null references collector (id),
    name text not null,
    status text not null,
    ok boolean not null,
    at timestamptz not null,
    primary key (collector_id, name)
);

-- Samples that a collector had stored and lost before the server had them: gaps with a cause.
create table collector_loss (
    collector_id integer not null references collector (id),
    lost_from timestamptz not null,
    lost_to timestamptz not null,
    batches bigint not null,
    samples bigint not null,
    reason text not null,
    reported_at timestamptz not null,
    primary key (collector_id, lost_from, lost_to, reason)
);

-- When each collector was watching (merged; half-open).
create table coverage (
    collector_id integer not null references collector (id),
    covered_from timestamptz not null,
    covered_to timestamptz not null check (covered_to > covered_from),
    primary key (collector_id, covered_from)
);

-- What was refused, kept byte for byte until someone decides.
create table quarantine (
    id bigint generated always as identity primary key,
    collector_id integer not null references collector (id),
    epoch bigint not null,
    seq bigint not null,
    received_at timestamptz not null,
    reason text not null,
    samples bigint not null,
    raw_len integer not null,
    body bytea not null,
    resolved_at timestamptz
);
alter table quarantine alter column body set storage external;
create index quarantine_open on quarantine (id) where resolved_at is null;
