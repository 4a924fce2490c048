-- Facts derived from samples. They can always be derived again; the database refuses that two overlap.
create extension if not exists btree_gist;

create table state_interval (
    unit_id uuid not null references equipment (id),
    interval_from timestamptz not null,
    interval_to timestamptz not null check (interval_to > interval_from),
    state text not null,
    cause text,
    primary key (unit_id, interval_from),
    constraint state_interval_apart exclude using gist
        (unit_id with =, tstzrange(interval_from, interval_to) with &&)
);

-- Additive elements (ISO 22400-2) per unit, hour and shift. Times in microseconds.
create table kpi_element (
    unit_id uuid not null references equipment (id),
    hour timestamptz not null,
    -- -infinity outside every shift
    shift_from timestamptz not null,
    shift_name text,
    production_day date,
    calendar bigint not null,
    not_scheduled bigint not null,
    planned_downtime bigint not null,
    apt bigint not null,
    aust bigint not null,
    adet bigint not null,
    adot bigint not null,
    unknown bigint not null,
    pq double precision not null,
    gq double precision not null,
    sq double precision not null,
    pri_pq double precision not null,
    pri_gq double precision not null,
    primary key (unit_id, hour, shift_from),
    check (calendar = not_scheduled + planned_downtime + apt + aust + adet + adot + unknown)
);

-- Up to when the facts of a unit are stored.
create table fact_watermark (
    unit_id uuid primary key references equipment (id),
    derived_to timestamptz not null
);

-- Stretches whose facts must be derived again, noted in the transaction that changed their samples.
create table fact_stale (
    id bigint generated always as identity primary key,
    unit_id uuid not null references equipment (id),
    stale_from timestamptz not null,
    stale_to timestamptz not null
);
