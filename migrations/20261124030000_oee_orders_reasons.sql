-- Facts by order and product, with reasons and where the time went, and the figures as they were reported first.

-- What is stored is the state as counted; `said` is the machine's own.
alter table state_interval
    add column said text,
    add column reason_id uuid references reason (id),
    add column given_by text check (given_by in ('rule', 'person')),
    add column assignment_id bigint references reason_assignment (id),
    add column minor boolean not null default false;
update state_interval set said = state;
alter table state_interval alter column said set not null;
create index state_interval_by_end on state_interval (unit_id, interval_to);

-- Planned downtime before this was breaks and planned stops in one; it stays with the breaks.
alter table kpi_element drop constraint kpi_element_check;
alter table kpi_element rename column planned_downtime to breaks;
alter table kpi_element
    add column planned_stops bigint not null default 0,
    add column minor bigint not null default 0,
    add column rq double precision not null default 0,
    add column team text,
    -- the nil id stands for none
    add column order_id uuid not null default '00000000-0000-0000-0000-000000000000',
    add column product_id uuid not null default '00000000-0000-0000-0000-000000000000',
    drop constraint kpi_element_pkey,
    add primary key (unit_id, hour, shift_from, order_id, product_id),
    add constraint kpi_element_buckets_sum
        check (calendar = not_scheduled + breaks + planned_stops + apt + aust + adet + adot + unknown);

-- Where the time of kpi_element went, by bucket, state and reason. Times in microseconds.
create table kpi_loss (
    unit_id uuid not null references equipment (id),
    hour timestamptz not null,
    shift_from timestamptz not null,
    order_id uuid not null,
    product_id uuid not null,
    bucket text not null,
    state text not null,
    reason_id uuid not null,
    minor boolean not null,
    micros bigint not null,
    -- how many stretches began in this hour
    begun integer not null,
    primary key (unit_id, hour, shift_from, order_id, product_id, bucket, state, reason_id, minor)
);

-- The figures of a unit's shift as they were reported first, some minutes after it ended.
create table shift_reported (
    unit_id uuid not null references equipment (id),
    shift_from timestamptz not null,
    shift_to timestamptz not null,
    shift_name text not null,
    production_day date not null,
    elements jsonb not null,
    reported_at timestamptz not null,
    primary key (unit_id, shift_from)
);

-- What was made otherwise of them later, and why.
create table restatement (
    id bigint generated always as identity primary key,
    unit_id uuid not null,
    shift_from timestamptz not null,
    cause text not null,
    caused_by text,
    elements_before jsonb not null,
    elements_after jsonb not null,
    first_at timestamptz not null,
    last_at timestamptz not null,
    foreign key (unit_id, shift_from) references shift_reported (unit_id, shift_from) on delete cascade
);
create index restatement_by_shift on restatement (unit_id, shift_from);

-- Why a stretch is derived again.
alter table fact_stale
    add column cause text not null default 'late samples',
    add column caused_by text;
