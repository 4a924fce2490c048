-- Why units stand: the tree of reasons, rules that give them, and what people say.
create table reason (
    id uuid primary key,
    code text not null constraint reason_code_unique unique,
    name text not null,
    parent_id uuid references reason (id),
    category text not null check (category in ('breakdown', 'setup', 'minor_stops', 'reduced_speed', 'process_defects',
                                               'startup_yield', 'planned', 'not_scheduled')),
    position integer not null,
    retired_at timestamptz,
    constraint reason_not_its_own_parent check (parent_id <> id)
);

-- The first rule that holds gives the reason.
create table reason_rule (
    id uuid primary key,
    position integer not null,
    name text not null,
    -- path of the unit, or of what it stands in; empty for the whole plant
    scope text not null,
    condition text not null,
    reason_id uuid not null references reason (id),
    changed_by text not null,
    changed_at timestamptz not null default now()
);

-- What people say of a stretch of a unit's time. Rows are only added; one that is replaced says by whom and when.
create table reason_assignment (
    id bigint generated always as identity primary key,
    unit_id uuid not null references equipment (id),
    said_from timestamptz not null,
    -- null: to the end of the stop in which it begins
    said_to timestamptz check (said_to > said_from),
    reason_id uuid references reason (id),
    comment text not null default '',
    said_by text not null,
    said_at timestamptz not null,
    replaced_at timestamptz,
    replaced_by text,
    constraint reason_assignment_apart exclude using gist (unit_id with =, tstzrange(said_from, said_to) with &&)
        where (replaced_at is null)
);
create index reason_assignment_in_force on reason_assignment (unit_id, said_from) where replaced_at is null;

-- What people write to an hour or a shift.
create table shift_note (
    id bigint generated always as identity primary key,
    equipment_id uuid not null references equipment (id),
    note_from timestamptz not null,
    note_to timestamptz not null check (note_to > note_from),
    text text not null,
    written_by text not null,
    written_at timestamptz not null,
    replaced_at timestamptz,
    replaced_by text
);
create unique index shift_note_one_in_force on shift_note (equipment_id, note_from, note_to) where replaced_at is null;

-- A tree to begin with; every plant makes it its own.
with tree (position, code, name, parent, category) as (values
    (0, 'mechanical', 'Mechanical failure', null, 'breakdown'),
    (1, 'electrical', 'Electrical failure', null, 'breakdown'),
    (2, 'controls', 'Sensor or control', 'electrical', 'breakdown'),
    (3, 'tool-breakage', 'Tool breakage', 'mechanical', 'breakdown'),
    (4, 'waiting-maintenance', 'Waiting for maintenance', null, 'breakdown'),
    (5, 'changeover', 'Changeover', null, 'setup'),
    (6, 'adjustment', 'Adjustment', null, 'setup'),
    (7, 'jam', 'Jam or misfeed', null, 'minor_stops'),
    (8, 'cleaning', 'Cleaning', null, 'minor_stops'),
    (9, 'no-material', 'No material', null, 'minor_stops'),
    (10, 'no-operator', 'No operator', null, 'minor_stops'),
    (11, 'quality-check', 'Quality check', null, 'process_defects'),
    (12, 'start-up', 'Start-up and warm-up', null, 'startup_yield'),
    (13, 'maintenance', 'Planned maintenance', null, 'planned'),
    (14, 'meeting', 'Meeting or training', null, 'planned'),
    (15, 'no-order', 'No order', null, 'not_scheduled')
), ids as (select *, gen_random_uuid() as id from tree)
insert into reason (id, code, name, parent_id, category, position)
select ids.id, ids.code, ids.name, above.id, ids.category, ids.position
from ids left join ids above on above.code = ids.parent
order by ids.parent nulls first;
