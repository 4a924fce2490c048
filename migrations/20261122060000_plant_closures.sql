-- Holidays and planned downtime, entered ahead: what is taken out of a site's shifts.
create table shift_closure (
    site_id uuid not null references equipment (id) on delete cascade,
    name text not null,
    closed_from timestamptz not null,
    closed_to timestamptz not null check (closed_to > closed_from),
    kind text not null check (kind in ('holiday', 'planned_downtime')),
    primary key (site_id, closed_from, name)
);
