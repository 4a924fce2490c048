-- Products, how long a piece of them takes at each unit, production orders, and when which unit worked on which order.
create table product (
    id uuid primary key,
    code text not null constraint product_code_unique unique,
    name text not null,
    -- what a good piece earns, in hundredths of the plant's currency
    margin_cents bigint
);

-- PRI by unit and product, each from a moment on. The nil product stands for whatever is made.
create table ideal_cycle (
    unit_id uuid not null references equipment (id) on delete cascade,
    product_id uuid not null,
    valid_from timestamptz not null,
    seconds double precision not null constraint ideal_cycle_positive check (seconds > 0 and seconds < 'infinity'),
    changed_by text not null,
    changed_at timestamptz not null default now(),
    primary key (unit_id, product_id, valid_from)
);
insert into ideal_cycle (unit_id, product_id, valid_from, seconds, changed_by)
select id, '00000000-0000-0000-0000-000000000000', '-infinity', ideal_cycle_seconds, 'plant file'
from equipment where ideal_cycle_seconds is not null;

create table production_order (
    id uuid primary key,
    code text not null constraint production_order_code_unique unique,
    product_id uuid not null references product (id),
    quantity double precision not null constraint production_order_quantity check (quantity > 0 and quantity < 'infinity'),
    due_at timestamptz,
    -- the line or unit that makes it
    equipment_id uuid not null references equipment (id),
    status text not null check (status in ('planned', 'running', 'paused', 'finished')),
    created_by text not null,
    created_at timestamptz not null default now(),
    finished_at timestamptz
);
create index production_order_open on production_order (equipment_id) where status <> 'finished';

-- A unit works on one order at a time.
create table order_run (
    id bigint generated always as identity primary key,
    order_id uuid not null references production_order (id),
    unit_id uuid not null references equipment (id),
    run_from timestamptz not null,
    run_to timestamptz check (run_to >= run_from),
    begun_by text not null,
    ended_by text,
    constraint order_run_apart exclude using gist (unit_id with =, tstzrange(run_from, run_to) with &&)
);
create index order_run_by_order on order_run (order_id);

alter table equipment
    -- enterprise
    add column currency text,
    -- line or unit: what an hour of standing costs, in hundredths of the currency
    add column cost_cents_per_hour bigint check (cost_cents_per_hour >= 0);
