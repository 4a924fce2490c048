-- The role-based equipment hierarchy (ISA-95): enterprise > site > area > line > unit.
create table equipment (
    id uuid primary key,
    parent_id uuid references equipment (id),
    level text not null check (level in ('enterprise', 'site', 'area', 'line', 'unit')),
    code text not null,
    name text not null,
    path text not null constraint equipment_path_unique unique,
    position integer not null,
    -- site
    time_zone text,
    -- line
    target_oee double precision check (target_oee > 0 and target_oee <= 1),
    key_unit text,
    -- unit
    ideal_cycle_seconds double precision check (ideal_cycle_seconds > 0),
    counter_maximum double precision check (counter_maximum > 0),
    accept_new_signals boolean not null default false,
    feeds text[] not null default '{}',
    check ((parent_id is null) = (level = 'enterprise'))
);

create table shift_pattern (
    site_id uuid not null references equipment (id) on delete cascade,
    position integer not null,
    name text not null,
    start_minute integer not null check (start_minute between 0 and 1439),
    end_minute integer not null check (end_minute between 0 and 1439),
    -- Monday is bit 0
    days integer not null check (days between 1 and 127),
    -- [[from, to], ...] in minutes of the day
    breaks jsonb not null default '[]',
    primary key (site_id, position)
);

create table signal (
    id integer generated always as identity primary key,
    unit_id uuid not null references equipment (id),
    code text not null,
    name text not null,
    kind text not null check (kind in ('state', 'counter', 'measure', 'setpoint', 'text', 'condition')),
    role text,
    uom text,
    position integer not null,
    constraint signal_code_unique unique (unit_id, code),
    constraint signal_role_unique unique (unit_id, role)
);

-- Grows with every change of the tables above, so that running servers notice.
create table plant_revision (
    only_row boolean primary key default true check (only_row),
    revision bigint not null
);
insert into plant_revision (revision) values (0);
