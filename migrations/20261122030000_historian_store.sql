-- The historian: what collectors delivered (journal), and the same samples packed by signal (chunk_part, chunk).
-- Sample times are whole microseconds since 1970 (bigint): sources may claim years that timestamptz does not have.

-- One row for each acknowledged batch that is not yet packed. `ordinal` is the order that decides between two
-- samples of the same (signal, time): the later one stands.
create table journal (
    collector_id integer not null,
    epoch bigint not null,
    seq bigint not null,
    ordinal bigint generated always as identity constraint journal_ordinal_unique unique,
    received_at timestamptz not null,
    covered_from timestamptz not null,
    covered_to timestamptz not null,
    first_time bigint not null,
    last_time bigint not null,
    samples integer not null,
    raw_len integer not null,
    -- CRC-32 (IEEE) of the body
    crc integer not null,
    body bytea not null,
    primary key (collector_id, epoch, seq)
);
alter table journal alter column body set storage external;
-- Rows live for minutes: clear up early.
alter table journal set (
    autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500, autovacuum_analyze_scale_factor = 0.5,
    toast.autovacuum_vacuum_scale_factor = 0.05, toast.autovacuum_vacuum_threshold = 500
);

-- All of the journal up to here stands in chunk_part and chunk.
create table historian_state (
    only_row boolean primary key default true check (only_row),
    compacted_through bigint not null
);
insert into historian_state (compacted_through) values (0);

-- Samples of one signal, packed and final until late ones arrive. The stretches [first_time, last_time] of a signal
-- do not overlap.
create table chunk (
    first_time bigint not null,
    last_time bigint not null,
    -- of the numbers that are no NaN
    min double precision,
    max double precision,
    sum double precision not null,
    signal_id integer not null,
    n integer not null,
    -- how many of the n are numbers
    numbers integer not null,
    body bytea not null,
    -- n, min and max of each minute; only where that is much shorter than the body
    minutes bytea,
    primary key (signal_id, first_time)
);
alter table chunk alter column body set storage external;
alter table chunk alter column minutes set storage external;

-- The newest samples of one signal, in small pieces that may overlap each other and chunks. The higher gen stands,
-- and all of them stand over chunk. Merged into chunk when there is enough.
create table chunk_part (
    signal_id integer not null,
    gen bigint not null,
    first_time bigint not null,
    last_time bigint not null,
    created_at timestamptz not null default now(),
    n integer not null,
    body bytea not null,
    primary key (signal_id, gen)
);
alter table chunk_part alter column body set storage external;
alter table chunk_part set (
    autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500,
    toast.autovacuum_vacuum_scale_factor = 0.05, toast.autovacuum_vacuum_threshold = 500
);

-- The newest reading of each signal up to historian_state.compacted_through; the journal holds the rest.
create table latest_value (
    signal_id integer primary key,
    time bigint not null,
    number double precision,
    text text,
    unavailable boolean not null default false
) with (fillfactor = 50);

-- Bodies that cannot be read, or belong to nothing: kept byte for byte, with the stretch that is missing because of them.
create table historian_damage (
    id bigint generated always as identity primary key,
    found_at timestamptz not null default now(),
    origin text not null check (origin in ('journal', 'part', 'chunk')),
    reason text not null,
    -- of a part or chunk
    signal_id integer,
    -- of a journal row
    collector_id integer,
    epoch bigint,
    seq bigint,
    raw_len integer,
    first_time bigint not null,
    last_time bigint not null,
    samples integer not null,
    -- false: the body was readable, but some of its samples are of no known signal; the others are stored
    whole boolean not null default true,
    body bytea not null
);
alter table historian_damage alter column body set storage external;
